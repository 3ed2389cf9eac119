//! What was revoked, taken back, and when.

use std::collections::BTreeSet;

use domain::{Identity, SessionId, Timestamp, folded_name};
use gateway::Fault;
use gateway::ports::RevokedWhat;

use super::claim::distinct;
use super::{EXCHANGES, Exchanges};
use crate::table::{Key, Only, Order, Put, WRITER, integer, number, string, text, writer};

const ACTS: &str = "revocation_acts";

/// What is refused until it is taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// Agent, person or session.
    pub what: RevokedWhat,
    /// Its name.
    pub id: String,
    /// Since when.
    pub since: Timestamp,
}

/// One thing that an operator did about what is revoked. None is ever forgotten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevocationAct {
    /// When.
    pub at: Timestamp,
    /// `revoked` or `undone`.
    pub act: String,
    /// `agent`, `person` or `session`.
    pub kind: String,
    /// Its name.
    pub id: String,
}

/// The word of a kind of revocation.
fn word(what: RevokedWhat) -> &'static str {
    match what {
        RevokedWhat::Agent => "agent",
        RevokedWhat::Person => "person",
        RevokedWhat::Session => "session",
    }
}

fn partition(what: RevokedWhat) -> String {
    format!("revoked#{}", word(what))
}

fn key_of(what: RevokedWhat, id: &str) -> Key {
    let name = if what == RevokedWhat::Person { folded_name(id) } else { id.to_owned() };
    // A name of one is never empty in the table, and may be in a token.
    Key::new(partition(what), format!("={name}"))
}

pub(super) fn session_key(session: SessionId) -> Key {
    key_of(RevokedWhat::Session, &session.to_string())
}

/// The names by which an identity can be revoked, the agent's first.
pub(super) fn names_of(identity: &Identity) -> Vec<(RevokedWhat, Key)> {
    let person = |name: &str| (RevokedWhat::Person, key_of(RevokedWhat::Person, name));
    let agent = (RevokedWhat::Agent, key_of(RevokedWhat::Agent, identity.agent.as_str()));
    let named = identity.person.as_ref().map(|name| person(name.as_str()));
    [agent].into_iter().chain(named).chain([person(&identity.subject)]).collect()
}

impl Exchanges {
    /// Revokes an agent, a person (also by the subject of its tokens) or a session. Every process refuses it from its next
    /// look on. A person is kept and found as [`folded_name`] has them.
    ///
    /// # Errors
    /// When nobody knows whether it is revoked; revoking it again is safe.
    pub async fn revoke(&self, what: RevokedWhat, id: &str, now: Timestamp) -> Result<(), Fault> {
        let mut item = key_of(what, id).item();
        item.insert("since_us".to_owned(), number(now.as_micros()));
        // That it is to be done is kept first: nothing is ever revoked that no act tells of.
        self.note_act("revoked", what, id, now).await?;
        self.table.put(item, Only::IfAbsent, &writer()?, EXCHANGES).await.map(|_| ())
    }

    /// Takes a revocation back; whether there was one.
    ///
    /// # Errors
    /// When nobody knows whether it is taken back; doing it again is safe.
    pub async fn undo_revocation(&self, what: RevokedWhat, id: &str, now: Timestamp) -> Result<bool, Fault> {
        let key = key_of(what, id);
        let Some(item) = self.table.get(&key, EXCHANGES).await? else { return Ok(false) };
        self.note_act("undone", what, id, now).await?;
        self.table.delete(&key, &string(&item, WRITER, EXCHANGES)?, EXCHANGES).await?;
        Ok(true)
    }

    /// What is revoked now of one kind, by name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn revocations(&self, what: RevokedWhat) -> Result<Vec<Revocation>, Fault> {
        let found = self.table.query(&partition(what), "", Order::Forward, None, EXCHANGES).await?;
        found
            .iter()
            .map(|item| {
                let sk = string(item, "sk", EXCHANGES)?;
                let id = sk.strip_prefix('=').ok_or_else(|| EXCHANGES.damaged())?.to_owned();
                let since = Timestamp::from_micros(integer(item, "since_us", EXCHANGES)?);
                Ok(Revocation { what, id, since })
            })
            .collect()
    }

    /// Everything that was revoked and taken back, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn revocation_history(&self) -> Result<Vec<RevocationAct>, Fault> {
        let found = self.table.query(ACTS, "", Order::Forward, None, EXCHANGES).await?;
        let act = |item| {
            Ok(RevocationAct {
                at: Timestamp::from_micros(integer(item, "at_us", EXCHANGES)?),
                act: string(item, "act", EXCHANGES)?,
                kind: string(item, "kind", EXCHANGES)?,
                id: string(item, "id", EXCHANGES)?,
            })
        };
        found.iter().map(act).collect()
    }

    /// Adds to what is only ever added to.
    async fn note_act(&self, act: &str, what: RevokedWhat, id: &str, now: Timestamp) -> Result<(), Fault> {
        let writer = writer()?;
        let mut item = Key::new(ACTS, format!("{:020}#{writer}", now.as_micros())).item();
        item.insert("at_us".to_owned(), number(now.as_micros()));
        item.extend(
            [("act", act), ("kind", word(what)), ("id", id)]
                .map(|(name, value)| (name.to_owned(), text(value))),
        );
        match self.table.put(item, Only::IfAbsent, &writer, EXCHANGES).await? {
            Put::Done => Ok(()),
            Put::Otherwise => Err(EXCHANGES.crowded()),
        }
    }

    pub(super) async fn is_revoked(
        &self,
        identity: &Identity,
        session: Option<SessionId>,
    ) -> Result<Option<RevokedWhat>, Fault> {
        let mut names = names_of(identity);
        names.extend(session.map(|session| (RevokedWhat::Session, session_key(session))));
        let keys = distinct(names.iter().map(|(_, key)| key.clone()).collect());
        let found = self.table.get_all(&keys, EXCHANGES).await?;
        Ok(names.into_iter().find(|(_, key)| found.contains_key(key)).map(|(what, _)| what))
    }

    pub(super) async fn revoked_names(&self, what: RevokedWhat) -> Result<BTreeSet<String>, Fault> {
        Ok(self.revocations(what).await?.into_iter().map(|revoked| revoked.id).collect())
    }
}
