//! Claiming: revocation, request id, budget and session, in one step.

use std::time::Duration;

use domain::{Handle, KeyedDigest, Limits, SessionId, Timestamp};
use gateway::ports::{Claim, Claimed, Denied, Prospect, REFUSALS_PER_MINUTE, RevokedWhat};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{CLAIM_LIFE, HOUR, Names, bytes_of, session_bytes, stage};

/// Claims by second, from one on.
const CLAIMS: &str =
    "SELECT second, claims FROM claims_per_second WHERE principal = ?1 AND second >= ?2 ORDER BY second";

/// How many statements may wait for a person, for each that may run at once.
const HELD_FOR_EACH: i64 = 8;

/// A [`Claim`] that can go to another thread.
pub(super) struct Wish {
    names: Names,
    principal: String,
    conversation: String,
    request: Option<String>,
    digest: KeyedDigest,
    handle: Handle,
    fresh_session: SessionId,
    limits: Limits,
    prospect: Prospect,
    may_join: bool,
    now: Timestamp,
    session_idle: Duration,
}

impl From<Claim<'_>> for Wish {
    fn from(claim: Claim<'_>) -> Self {
        let Claim {
            identity,
            principal,
            conversation,
            request,
            digest,
            handle,
            fresh_session,
            limits,
            prospect,
            may_join,
            now,
            session_idle,
        } = claim;
        Self {
            names: Names::of(identity),
            principal: principal.as_str().to_owned(),
            // A conversation without a name is none with an empty one.
            conversation: conversation.map(|name| format!(":{name}")).unwrap_or_default(),
            request: request.map(|request| request.as_str().to_owned()),
            digest,
            handle,
            fresh_session,
            limits,
            prospect,
            may_join,
            now,
            session_idle,
        }
    }
}

/// A session, alive or about to begin.
struct Session {
    session: SessionId,
    highest: u32,
    is_revoked: Option<RevokedWhat>,
}

/// What is claimed or under way.
struct UnderWay {
    /// Statements that run, or are about to.
    running: i64,
    /// Statements that wait for a person.
    held: i64,
    /// Of those that run, how many are hidden failures unless they tell otherwise.
    hidden_failures: i64,
}

/// What the budgets say.
enum Admission {
    /// It goes on.
    Runs,
    /// It goes on as one that waits for a person.
    FailuresSpent,
    /// It does not.
    Over(Reached),
}

/// A limit that is reached.
struct Reached {
    limit: &'static str,
    retry_after: Duration,
}

impl Wish {
    pub fn claim(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Claimed> {
        let (session, claimed) = self.foreseen(transaction)?;
        let counted = match &claimed {
            Claimed::New { .. } => Some(match self.prospect {
                Prospect::Open => Counted::Runs,
                Prospect::Hidden => Counted::MayFailHidden,
                Prospect::Waits => Counted::Waits,
            }),
            Claimed::FailuresSpent { .. } => Some(Counted::Waits),
            Claimed::Reused { .. } | Claimed::OverBudget { .. } | Claimed::Revoked { .. } => {
                Some(Counted::No)
            }
            Claimed::Repeat(_) | Claimed::Joins(_) | Claimed::Counted(_) => None,
        };
        if let Some(counted) = counted {
            self.note(transaction, session.session, session.highest, counted)?;
        }
        Ok(claimed)
    }

    /// What [`Wish::claim`] would answer.
    pub fn foresee(&self, connection: &Connection) -> rusqlite::Result<Claimed> {
        Ok(self.foreseen(connection)?.1)
    }

    fn foreseen(&self, connection: &Connection) -> rusqlite::Result<(Session, Claimed)> {
        let found = self.session(connection)?;
        let (session, next) = (found.session, found.highest.saturating_add(1));
        if let Some(what) = found.is_revoked {
            let claimed = Claimed::Revoked { session, next, what };
            return Ok((found, self.bounded(connection, claimed, Denied::Revoked(what))?));
        }
        if let Some((handle, digest)) = self.same_request(connection)? {
            if digest == self.digest.to_string() {
                return Ok((found, Claimed::Repeat(handle)));
            }
            let claimed = Claimed::Reused { session, next };
            return Ok((found, self.bounded(connection, claimed, Denied::Reused)?));
        }
        let admission = self.admission(connection)?;
        let would_wait = self.prospect == Prospect::Waits || matches!(admission, Admission::FailuresSpent);
        if self.may_join
            && would_wait
            && let Some(handle) = self.waits_already(connection)?
        {
            return Ok((found, Claimed::Joins(handle)));
        }
        let claimed = match admission {
            Admission::Runs => Claimed::New { session, next },
            Admission::FailuresSpent => Claimed::FailuresSpent { session, next },
            Admission::Over(Reached { limit, retry_after }) => {
                let claimed = Claimed::OverBudget { session, next, limit, retry_after };
                self.bounded(connection, claimed, Denied::OverBudget { limit, retry_after })?
            }
        };
        Ok((found, claimed))
    }

    /// A refused claim, or that it is one too many for an exchange of its own.
    fn bounded(
        &self,
        connection: &Connection,
        claimed: Claimed,
        denied: Denied,
    ) -> rusqlite::Result<Claimed> {
        let from = self.now.as_secs().saturating_sub(60);
        let recorded: u32 = connection
            .prepare_cached(
                "SELECT coalesce(sum(claims), 0) FROM claims_per_second WHERE principal = ?1 AND second >= ?2",
            )?
            .query_row(params![self.refused(), from], |row| row.get(0))?;
        Ok(if recorded < REFUSALS_PER_MINUTE { claimed } else { Claimed::Counted(denied) })
    }

    /// Under which name this principal's refused claims are counted. A principal's key begins with a digit.
    fn refused(&self) -> String {
        format!("refused {}", self.principal)
    }

    /// Under which name what this principal asks people for is counted.
    fn asks(&self) -> String {
        asks_of(&self.principal)
    }

    /// The session of this conversation, or the fresh one when it has ended.
    fn session(&self, transaction: &Connection) -> rusqlite::Result<Session> {
        let select =
            "SELECT session, last_us, highest FROM sessions WHERE principal = ?1 AND conversation = ?2";
        let found: Option<([u8; 16], i64, u32)> = transaction
            .prepare_cached(select)?
            .query_row(params![self.principal, self.conversation], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let (session, highest) = match found {
            Some((session, last, highest))
                if self.now.since(Timestamp::from_micros(last)) <= self.session_idle =>
            {
                (SessionId::from_u128(u128::from_be_bytes(session)), highest)
            }
            Some(_) | None => (self.fresh_session, 0),
        };
        let is_revoked = self.names.revoked(transaction, Some(session))?;
        Ok(Session { session, highest, is_revoked })
    }

    /// The handle and digest of an earlier claim of this principal with this request id.
    fn same_request(&self, transaction: &Connection) -> rusqlite::Result<Option<(Handle, String)>> {
        let Some(request) = &self.request else { return Ok(None) };
        transaction
            .prepare_cached("SELECT handle, digest FROM exchanges WHERE principal = ?1 AND request = ?2")?
            .query_row(params![self.principal, request], |row| {
                let handle = Handle::from_u128(u128::from_be_bytes(row.get(0)?));
                Ok((handle, row.get(1)?))
            })
            .optional()
    }

    /// What of this principal's waits for a person with the very same text, names and values.
    fn waits_already(&self, connection: &Connection) -> rusqlite::Result<Option<Handle>> {
        connection
            .prepare_cached(
                "SELECT handle FROM exchanges WHERE is_held AND stage = 1 AND principal = ?1 AND digest = ?2
                 ORDER BY opened_us LIMIT 1",
            )?
            .query_row(params![self.principal, self.digest.to_string()], |row| {
                Ok(Handle::from_u128(u128::from_be_bytes(row.get(0)?)))
            })
            .optional()
    }

    fn admission(&self, transaction: &Connection) -> rusqlite::Result<Admission> {
        let under_way = self.under_way(transaction)?;
        if let Some(reached) = self.budget(transaction, &under_way)? {
            return Ok(Admission::Over(reached));
        }
        match self.prospect {
            Prospect::Open => Ok(Admission::Runs),
            Prospect::Waits => self.waiting(transaction, &under_way, Admission::Runs),
            Prospect::Hidden => {
                let failed = self.hidden_failures(transaction)?;
                let limit = i64::from(self.limits.hidden_failures_per_hour);
                if failed >= limit {
                    return self.waiting(transaction, &under_way, Admission::FailuresSpent);
                }
                if failed.saturating_add(under_way.hidden_failures) < limit {
                    return Ok(Admission::Runs);
                }
                let limit = "statements over masked columns at once";
                Ok(Admission::Over(Reached { limit, retry_after: Duration::from_secs(1) }))
            }
        }
    }

    /// What of this principal's is claimed or under way.
    fn under_way(&self, transaction: &Connection) -> rusqlite::Result<UnderWay> {
        let fresh_from = self.now.as_micros().saturating_sub(micros(CLAIM_LIFE));
        // What waits for a person does not run: a principal whose writes are held may still read.
        transaction
            .prepare_cached(
                "SELECT coalesce(sum(NOT is_held), 0), coalesce(sum(is_held), 0), coalesce(sum(is_hidden_failure), 0)
                 FROM exchanges WHERE principal = ?1 AND stage < 2
                 AND (stage = 1 OR (is_counted AND opened_us >= ?2))",
            )?
            .query_row(params![self.principal, fresh_from], |row| {
                Ok(UnderWay { running: row.get(0)?, held: row.get(1)?, hidden_failures: row.get(2)? })
            })
    }

    /// How many hidden failures the last hour holds.
    fn hidden_failures(&self, transaction: &Connection) -> rusqlite::Result<i64> {
        // Whole seconds, the one that began an hour ago included.
        let from = self.now.as_secs().saturating_sub(HOUR);
        transaction
            .prepare_cached(
                "SELECT coalesce(sum(failures), 0) FROM hidden_failures WHERE principal = ?1 AND second >= ?2",
            )?
            .query_row(params![self.principal, from], |row| row.get(0))
    }

    /// Whether one more may wait for a person.
    fn waiting(
        &self,
        transaction: &Connection,
        under_way: &UnderWay,
        admission: Admission,
    ) -> rusqlite::Result<Admission> {
        if under_way.held >= i64::from(self.limits.at_once).saturating_mul(HELD_FOR_EACH) {
            let limit = "statements that wait for a decision";
            return Ok(Admission::Over(Reached { limit, retry_after: Duration::from_secs(60) }));
        }
        // Whatever became of them: one that was withdrawn at once has disturbed people, too.
        let second = self.now.as_secs();
        let limit = i64::from(self.limits.asks_per_hour);
        let free = self.over(transaction, CLAIMS, &self.asks(), second.saturating_sub(HOUR), limit)?;
        Ok(free.map_or(admission, |free| {
            let retry_after = seconds(free.saturating_add(HOUR + 1).saturating_sub(second));
            Admission::Over(Reached { limit: "statements an hour that ask for a decision", retry_after })
        }))
    }

    fn budget(&self, transaction: &Connection, under_way: &UnderWay) -> rusqlite::Result<Option<Reached>> {
        let Limits {
            rows: _,
            bytes: _,
            rows_if_approved: _,
            bytes_if_approved: _,
            at_once,
            per_minute,
            upstream_seconds_per_hour,
            statement_seconds: _,
            // Ends in hold, not in refusal: see `admission`.
            hidden_failures_per_hour: _,
            // Of those that wait alone: see `waiting`.
            asks_per_hour: _,
        } = self.limits;
        if under_way.running >= i64::from(at_once) {
            return Ok(Some(Reached { limit: "statements at once", retry_after: Duration::from_secs(1) }));
        }
        // Whole seconds, the one that began 60 s ago included: no window of 60 s can hold more than the limit.
        let second = self.now.as_secs();
        let limit = i64::from(per_minute);
        if let Some(free) =
            self.over(transaction, CLAIMS, &self.principal, second.saturating_sub(60), limit)?
        {
            let retry_after = seconds(free.saturating_add(61).saturating_sub(second));
            return Ok(Some(Reached { limit: "statements per minute", retry_after }));
        }
        let minute = second.div_euclid(60);
        let spent = "SELECT minute, spent_us FROM upstream_per_minute WHERE principal = ?1 AND minute >= ?2 ORDER BY minute";
        let limit = i64::try_from(upstream_seconds_per_hour).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        if let Some(free) =
            self.over(transaction, spent, &self.principal, minute.saturating_sub(60), limit)?
        {
            let retry_after = seconds(free.saturating_add(61).saturating_mul(60).saturating_sub(second));
            return Ok(Some(Reached { limit: "upstream seconds per hour", retry_after }));
        }
        Ok(None)
    }

    /// Whether the buckets from `from` on hold as much as the limit; then the bucket with whose end they no longer will.
    fn over(
        &self,
        tx: &Connection,
        select: &str,
        name: &str,
        from: i64,
        limit: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let mut select = tx.prepare_cached(select)?;
        let rows = select.query_map(params![name, from], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let buckets: Vec<(i64, i64)> = rows.collect::<rusqlite::Result<_>>()?;
        let mut held = buckets.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(*amount));
        if held < limit {
            return Ok(None);
        }
        let mut free = from.saturating_add(60);
        for (bucket, amount) in &buckets {
            free = *bucket;
            held = held.saturating_sub(*amount);
            if held < limit {
                break;
            }
        }
        Ok(Some(free))
    }

    /// Notes the claim, its session's activity, and what it costs.
    fn note(
        &self,
        tx: &Transaction<'_>,
        session: SessionId,
        highest: u32,
        counted: Counted,
    ) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "INSERT INTO sessions (principal, conversation, session, last_us, highest) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET session = ?3, last_us = ?4, highest = ?5",
        )?
        .execute(params![
            self.principal,
            self.conversation,
            session_bytes(session),
            self.now.as_micros(),
            highest
        ])?;
        let is_counted = counted != Counted::No;
        let request = self.request.as_deref().filter(|_| is_counted);
        tx.prepare_cached(
            "INSERT INTO exchanges (handle, principal, session, stage, is_counted, opened_us, tended_us, request, digest,
                 is_hidden_failure, is_held)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            bytes_of(self.handle),
            self.principal,
            session_bytes(session),
            stage::CLAIMED,
            is_counted,
            self.now.as_micros(),
            request,
            self.digest.to_string(),
            counted == Counted::MayFailHidden,
            counted == Counted::Waits
        ])?;
        let second = self.now.as_secs();
        let name = if is_counted { self.principal.clone() } else { self.refused() };
        let asks = Some((self.asks(), HOUR)).filter(|_| counted == Counted::Waits);
        for (name, for_seconds) in [Some((name, 60)), asks].into_iter().flatten() {
            tx.prepare_cached("DELETE FROM claims_per_second WHERE principal = ?1 AND second < ?2")?
                .execute(params![name, second.saturating_sub(for_seconds + 60)])?;
            tx.prepare_cached(
                "INSERT INTO claims_per_second (principal, second, claims) VALUES (?1, ?2, 1)
                 ON CONFLICT DO UPDATE SET claims = claims + 1",
            )?
            .execute(params![name, second])?;
        }
        Ok(())
    }
}

/// Whether a claim counts towards the budget and holds its request id: a refused one does neither.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// As one that runs.
    Runs,
    /// Likewise, and as a hidden failure until it has told that it is none.
    MayFailHidden,
    /// As one that waits for a person.
    Waits,
    No,
}

/// Gives a claim back: it costs nothing, and its request id is free.
///
/// The row stays for housekeeping, because an opening may lie in the recordings although its writer was told of an
/// error; who finds it there closes it as lost.
pub(super) fn give_back(
    transaction: &Transaction<'_>,
    principal: &str,
    handle: Handle,
) -> rusqlite::Result<()> {
    let given_back: Option<(i64, bool, bool)> = transaction
        .prepare_cached(
            "UPDATE exchanges SET stage = 3, request = NULL WHERE handle = ?1 AND stage = 0 AND principal = ?2
             RETURNING opened_us, is_counted, is_held",
        )?
        .query_row(params![bytes_of(handle), principal], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some((opened, true, is_held)) = given_back {
        let asks = Some(asks_of(principal)).filter(|_| is_held);
        for name in [Some(principal.to_owned()), asks].into_iter().flatten() {
            transaction
                .prepare_cached(
                    "UPDATE claims_per_second SET claims = claims - 1 WHERE principal = ?1 AND second = ?2",
                )?
                .execute(params![name, Timestamp::from_micros(opened).as_secs()])?;
        }
    }
    Ok(())
}

/// Counts one more asking of people; or after how long there is room for it.
pub(super) fn count_ask(
    tx: &Transaction<'_>,
    principal: &str,
    limit: u32,
    now: Timestamp,
) -> rusqlite::Result<Option<Duration>> {
    let (name, second) = (asks_of(principal), now.as_secs());
    let (counted, first): (i64, Option<i64>) = tx
        .prepare_cached(
            "SELECT coalesce(sum(claims), 0), min(second) FROM claims_per_second WHERE principal = ?1 AND second >= ?2",
        )?
        .query_row(params![name, second.saturating_sub(HOUR)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if counted >= i64::from(limit) {
        let free = first.unwrap_or(second).saturating_add(HOUR + 1);
        return Ok(Some(seconds(free.saturating_sub(second))));
    }
    tx.prepare_cached(
        "INSERT INTO claims_per_second (principal, second, claims) VALUES (?1, ?2, 1)
         ON CONFLICT DO UPDATE SET claims = claims + 1",
    )?
    .execute(params![name, second])?;
    Ok(None)
}

fn asks_of(principal: &str) -> String {
    format!("asks {principal}")
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or(0).max(1))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
