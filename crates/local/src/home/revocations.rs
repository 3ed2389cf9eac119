//! What was revoked, taken back, and when.

use domain::{SessionId, Timestamp, folded_name};
use gateway::ports::{Clock, RevokedWhat};
use rusqlite::{Row, Transaction, params};

use super::Home;
use crate::clock::SystemClock;
use crate::error::HomeError;

/// What is refused until it is taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// `agent`, `person` or `session`.
    pub kind: String,
    /// Its name.
    pub id: String,
    /// When it was revoked; none where a version did it that kept no moments.
    pub since: Option<Timestamp>,
}

/// One thing that an operator did about what is revoked. None is ever forgotten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevocationAct {
    /// When; none where a version did it that kept no moments.
    pub at: Option<Timestamp>,
    /// `revoked` or `undone`.
    pub act: String,
    /// `agent`, `person` or `session`.
    pub kind: String,
    /// Its name.
    pub id: String,
}

impl Home {
    /// Revokes an agent, a person (also by the subject of its tokens) or a session, durably. Every process that has
    /// this home open refuses it from its next look on. A person is kept and found as [`folded_name`] has them. Blocks.
    ///
    /// # Errors
    /// [`HomeError::NotASession`], and [`HomeError::State`] when it cannot be written: then nothing was revoked.
    pub fn revoke(&self, what: RevokedWhat, id: &str) -> Result<(), HomeError> {
        if what == RevokedWhat::Session && id.parse::<SessionId>().is_err() {
            return Err(HomeError::NotASession { id: id.to_owned() });
        }
        let revoke = "INSERT INTO revocations (kind, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.act("revoked", revoke, what, &kept_name(what, id)).map(|_| ())
    }

    /// Takes a revocation back, durably; whether there was one. Every process that has this home open accepts it from
    /// its next look on. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be written: then it is revoked still.
    pub fn undo_revocation(&self, what: RevokedWhat, id: &str) -> Result<bool, HomeError> {
        let undo = "DELETE FROM revocations WHERE kind = ?1 AND id = ?2";
        let folded = self.act("undone", undo, what, &kept_name(what, id))?;
        // Earlier versions kept people as they were typed.
        Ok(self.act("undone", undo, what, id)? || folded)
    }

    /// What is revoked now, in the order of kinds and names. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be read.
    pub fn revocations(&self) -> Result<Vec<Revocation>, HomeError> {
        let select = "SELECT kind, id, (SELECT at_us FROM revocation_acts AS done
                          WHERE done.kind = revocations.kind AND done.id = revocations.id ORDER BY number DESC LIMIT 1)
                      FROM revocations ORDER BY kind, id";
        self.told(select, |row| {
            Ok(Revocation { kind: row.get(0)?, id: row.get(1)?, since: moment(row.get(2)?) })
        })
    }

    /// Everything that was revoked and taken back, oldest first. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be read.
    pub fn revocation_history(&self) -> Result<Vec<RevocationAct>, HomeError> {
        self.told("SELECT at_us, act, kind, id FROM revocation_acts ORDER BY number", |row| {
            let at = moment(row.get(0)?);
            Ok(RevocationAct { at, act: row.get(1)?, kind: row.get(2)?, id: row.get(3)? })
        })
    }

    /// Changes what is revoked, and keeps that it was done, in one step; whether anything changed.
    fn act(
        &self,
        act: &'static str,
        change: &'static str,
        what: RevokedWhat,
        id: &str,
    ) -> Result<bool, HomeError> {
        let at = SystemClock.now().as_micros();
        let kind = revoked_word(what);
        let note = "INSERT INTO revocation_acts (at_us, act, kind, id) VALUES (?1, ?2, ?3, ?4)";
        let work = |transaction: &Transaction<'_>| {
            let is_changed = transaction.execute(change, params![kind, id])? > 0;
            if is_changed {
                transaction.execute(note, params![at, act, kind, id])?;
            }
            Ok(is_changed)
        };
        self.inner.state.write_synced(work).map_err(HomeError::State)
    }

    fn told<T>(
        &self,
        select: &'static str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, HomeError> {
        self.inner
            .state
            .read_now(|connection| connection.prepare_cached(select)?.query_map([], read)?.collect())
            .map_err(HomeError::State)
    }
}

/// The name under which a revocation is kept.
fn kept_name(what: RevokedWhat, id: &str) -> String {
    if what == RevokedWhat::Person { folded_name(id) } else { id.to_owned() }
}

/// The word of a kind of revocation in the state.
pub(crate) fn revoked_word(what: RevokedWhat) -> &'static str {
    match what {
        RevokedWhat::Agent => "agent",
        RevokedWhat::Person => "person",
        RevokedWhat::Session => "session",
    }
}

fn moment(at_us: Option<i64>) -> Option<Timestamp> {
    at_us.map(Timestamp::from_micros)
}
