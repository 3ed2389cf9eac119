//! The live state of exchanges.

mod claim;
mod progress;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::{ApprovalId, Handle, Identity, PrincipalKey, SessionId, Timestamp, folded_name};
use gateway::ports::{Claim, Claimed, Exchanges, Leased, RevokedWhat, Saved};
use gateway::{Fault, Live, Origin};
use rusqlite::{Connection, OptionalExtension, params};

use crate::home::{Home, revoked_word};
use claim::Wish;

pub(crate) use claim::count_look;
pub(crate) use progress::{Adopted, Row, adopt, parse};

/// `exchanges.stage`; 3, a claim given back, is written in SQL alone.
pub(crate) mod stage {
    pub const CLAIMED: i64 = 0;
    pub const UNDER_WAY: i64 = 1;
    pub const CLOSED: i64 = 2;
}

#[async_trait]
impl Exchanges for Home {
    async fn claim(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        let wish = Wish::from(claim);
        self.inner.state.write(move |transaction| wish.claim(transaction)).await
    }

    async fn foresee(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        let wish = Wish::from(claim);
        self.inner.state.read(move |connection| wish.foresee(connection)).await
    }

    async fn begin(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<(), Fault> {
        let row = Row::new(live)?;
        let begun =
            self.inner.state.write(move |transaction| row.begin(transaction, holder, lease_until)).await?;
        if begun {
            Ok(())
        } else {
            Err(Fault::passing(
                Origin::Exchanges,
                "this exchange was begun, or given up as lost, by somebody else",
            ))
        }
    }

    async fn abandon(&self, principal: &PrincipalKey, handle: Handle) -> Result<(), Fault> {
        let principal = principal.as_str().to_owned();
        self.inner.state.write(move |transaction| claim::give_back(transaction, &principal, handle)).await
    }

    async fn find(&self, principal: &PrincipalKey, handle: Handle) -> Result<Option<Live>, Fault> {
        let principal = principal.clone();
        let find = move |connection: &Connection| find(connection, &principal, handle);
        match self.inner.state.read(find).await? {
            Some(live) => Ok(Some(progress::parse(&live)?)),
            None => Ok(None),
        }
    }

    async fn lease(
        &self,
        handle: Handle,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, Fault> {
        let lease = self.inner.state.write(move |tx| progress::lease(tx, handle, holder, now, until)).await?;
        match lease {
            progress::Lease::Ours(live) => Ok(Leased::Ours(Box::new(progress::parse(&live)?))),
            progress::Lease::Theirs => Ok(Leased::Theirs),
            progress::Lease::Unknown => Ok(Leased::Unknown),
        }
    }

    async fn save(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<Saved, Fault> {
        let row = Row::new(live)?;
        self.inner.state.write(move |transaction| row.save(transaction, holder, lease_until)).await
    }

    async fn release(&self, handle: Handle, holder: u128) -> Result<(), Fault> {
        self.inner.state.write(move |transaction| progress::release(transaction, handle, holder)).await
    }

    async fn want_cancelled(&self, principal: &PrincipalKey, handle: Handle) -> Result<bool, Fault> {
        let principal = principal.clone();
        self.inner.state.write(move |tx| progress::want_cancelled(tx, &principal, handle)).await
    }

    /// A held exchange whose time has not come, that nobody has woken and nobody wants cancelled, leaves nothing to do: it
    /// is not among them. Those that were leased longest ago come first, so that many cannot starve one. Housekeeping happens here
    /// too, in bounded steps: what is over for a day is forgotten, and what a crash left behind is adopted.
    async fn unattended(&self, now: Timestamp, limit: usize) -> Result<Vec<Handle>, Fault> {
        self.keep_house(now).await?;
        self.inner.state.read(move |connection| progress::unattended(connection, now, limit)).await
    }

    /// Never stale: each call reads.
    async fn revoked(
        &self,
        identity: &Identity,
        session: Option<SessionId>,
    ) -> Result<Option<RevokedWhat>, Fault> {
        let names = Names::of(identity);
        self.inner.state.read(move |connection| names.revoked(connection, session)).await
    }

    async fn count_ask(
        &self,
        principal: &PrincipalKey,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        let principal = principal.as_str().to_owned();
        self.inner.state.write(move |transaction| claim::count_ask(transaction, &principal, limit, now)).await
    }

    async fn revoked_people(&self) -> Result<BTreeSet<String>, Fault> {
        let kind = revoked_word(RevokedWhat::Person);
        let select = "SELECT id FROM revocations WHERE kind = ?1";
        let work = move |connection: &Connection| {
            connection.prepare_cached(select)?.query_map([kind], |row| row.get(0))?.collect()
        };
        self.inner.state.read(work).await
    }
}

/// The names by which an identity can be revoked.
pub(crate) struct Names {
    agent: String,
    person: Option<String>,
    subject: String,
}

impl Names {
    fn of(identity: &Identity) -> Self {
        Self {
            agent: identity.agent.as_str().to_owned(),
            person: identity.person.as_ref().map(|person| person.as_str().to_owned()),
            subject: identity.subject.clone(),
        }
    }

    /// What of it was revoked.
    fn revoked(
        &self,
        connection: &Connection,
        session: Option<SessionId>,
    ) -> rusqlite::Result<Option<RevokedWhat>> {
        let mut select =
            connection.prepare_cached("SELECT 1 FROM revocations WHERE kind = ?1 AND id = ?2")?;
        let mut is_revoked = |what, id: &str| select.exists(params![revoked_word(what), id]);
        if is_revoked(RevokedWhat::Agent, &self.agent)? {
            return Ok(Some(RevokedWhat::Agent));
        }
        for person in self.person.iter().chain([&self.subject]) {
            // Earlier versions kept people as they were typed.
            if is_revoked(RevokedWhat::Person, &folded_name(person))?
                || is_revoked(RevokedWhat::Person, person)?
            {
                return Ok(Some(RevokedWhat::Person));
            }
        }
        match session {
            Some(session) if is_revoked(RevokedWhat::Session, &session.to_string())? => {
                Ok(Some(RevokedWhat::Session))
            }
            Some(_) | None => Ok(None),
        }
    }
}

// SECURITY: every way from a handle to an exchange of an agent's goes through its principal (invariant I11).
fn find(
    connection: &Connection,
    principal: &PrincipalKey,
    handle: Handle,
) -> rusqlite::Result<Option<String>> {
    let own = "SELECT live FROM exchanges WHERE handle = ?1 AND principal = ?2 AND stage IN (1, 2)";
    let child = "SELECT live FROM children JOIN exchanges USING (handle)
                 WHERE child = ?1 AND principal = ?2 AND stage IN (1, 2)";
    for select in [own, child] {
        let mut select = connection.prepare_cached(select)?;
        let live =
            select.query_row(params![bytes_of(handle), principal.as_str()], |row| row.get(0)).optional()?;
        if live.is_some() {
            return Ok(live);
        }
    }
    Ok(None)
}

pub(crate) fn bytes_of(handle: Handle) -> [u8; 16] {
    handle.as_u128().to_be_bytes()
}

pub(crate) fn approval_bytes(approval: ApprovalId) -> [u8; 16] {
    approval.as_u128().to_be_bytes()
}

pub(crate) fn session_bytes(session: SessionId) -> [u8; 16] {
    session.as_u128().to_be_bytes()
}
