//! Claiming: revocation, request id, budget and session, in one step.

use std::time::Duration;

use domain::{Handle, KeyedDigest, Limits, SessionId, Timestamp};
use gateway::ports::{
    Admission, Buckets, CLAIM_LIFE, COUNTED_SECONDS, Claim, Claimed, CountedAs, Counts, Prospect,
    RevokedWhat, UnderWay, room_to_ask,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Names, bytes_of, session_bytes, stage};

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
            // It begins at once, and its plans tell.
            terms: _,
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

impl Wish {
    pub fn claim(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Claimed> {
        let (session, claimed, counted) = self.foreseen(transaction)?;
        if let Some(counted) = counted {
            self.note(transaction, session.session, session.highest, counted)?;
        }
        Ok(claimed)
    }

    /// What [`Wish::claim`] would answer.
    pub fn foresee(&self, connection: &Connection) -> rusqlite::Result<Claimed> {
        Ok(self.foreseen(connection)?.1)
    }

    fn foreseen(&self, connection: &Connection) -> rusqlite::Result<(Session, Claimed, Option<CountedAs>)> {
        let found = self.session(connection)?;
        let admission = Admission {
            session: found.session,
            next: found.highest.saturating_add(1),
            revoked: found.is_revoked,
            earlier: self.same_request(connection)?,
            digest: &self.digest,
            limits: &self.limits,
            prospect: self.prospect,
            may_join: self.may_join,
            now: self.now,
        };
        let (claimed, counted) = admission.answer(&Rows { wish: self, connection })?;
        Ok((found, claimed, counted))
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

    /// Notes the claim, its session's activity, and what it costs.
    fn note(
        &self,
        tx: &Transaction<'_>,
        session: SessionId,
        highest: u32,
        counted: CountedAs,
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
        let is_counted = counted != CountedAs::No;
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
            counted == CountedAs::MayFailHidden,
            counted == CountedAs::Waits
        ])?;
        let second = self.now.as_secs();
        let name = if is_counted { self.principal.clone() } else { self.refused() };
        let asks = Some((self.asks(), COUNTED_SECONDS)).filter(|_| counted == CountedAs::Waits);
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

/// What is counted of a wish's principal, as the tables tell it.
struct Rows<'a> {
    wish: &'a Wish,
    connection: &'a Connection,
}

impl Counts for Rows<'_> {
    type Error = rusqlite::Error;

    fn under_way(&self) -> rusqlite::Result<UnderWay> {
        let fresh_from = self.wish.now.as_micros().saturating_sub(micros(CLAIM_LIFE));
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(NOT is_held), 0), coalesce(sum(is_held), 0), coalesce(sum(is_hidden_failure), 0)
                 FROM exchanges WHERE principal = ?1 AND stage < 2
                 AND (stage = 1 OR (is_counted AND opened_us >= ?2))",
            )?
            .query_row(params![self.wish.principal, fresh_from], |row| {
                Ok(UnderWay { running: row.get(0)?, held: row.get(1)?, hidden_failures: row.get(2)? })
            })
    }

    fn claims(&self, from: i64) -> rusqlite::Result<Buckets> {
        claims(self.connection, &self.wish.principal, from)
    }

    fn asks(&self, from: i64) -> rusqlite::Result<Buckets> {
        claims(self.connection, &asks_of(&self.wish.principal), from)
    }

    fn upstream_us(&self, from: i64) -> rusqlite::Result<Buckets> {
        let select = "SELECT minute, spent_us FROM upstream_per_minute WHERE principal = ?1 AND minute >= ?2 ORDER BY minute";
        buckets(self.connection, select, &self.wish.principal, from)
    }

    fn refused(&self, from: i64) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(claims), 0) FROM claims_per_second WHERE principal = ?1 AND second >= ?2",
            )?
            .query_row(params![self.wish.refused(), from], |row| row.get(0))
    }

    fn hidden_failures(&self, from: i64) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(failures), 0) FROM hidden_failures WHERE principal = ?1 AND second >= ?2",
            )?
            .query_row(params![self.wish.principal, from], |row| row.get(0))
    }

    fn waits(&self, digest: &KeyedDigest) -> rusqlite::Result<Option<Handle>> {
        self.connection
            .prepare_cached(
                "SELECT handle FROM exchanges WHERE is_held AND stage = 1 AND principal = ?1 AND digest = ?2
                 ORDER BY opened_us LIMIT 1",
            )?
            .query_row(params![self.wish.principal, digest.to_string()], |row| {
                Ok(Handle::from_u128(u128::from_be_bytes(row.get(0)?)))
            })
            .optional()
    }
}

/// What is counted by second under this name.
fn claims(connection: &Connection, name: &str, from: i64) -> rusqlite::Result<Buckets> {
    let select =
        "SELECT second, claims FROM claims_per_second WHERE principal = ?1 AND second >= ?2 ORDER BY second";
    buckets(connection, select, name, from)
}

fn buckets(connection: &Connection, select: &str, name: &str, from: i64) -> rusqlite::Result<Buckets> {
    let mut select = connection.prepare_cached(select)?;
    let rows = select.query_map(params![name, from], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
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
    let full = room_to_ask(&claims(tx, &name, second.saturating_sub(COUNTED_SECONDS))?, limit, now);
    if full.is_some() {
        return Ok(full);
    }
    tx.prepare_cached(
        "INSERT INTO claims_per_second (principal, second, claims) VALUES (?1, ?2, 1)
         ON CONFLICT DO UPDATE SET claims = claims + 1",
    )?
    .execute(params![name, second])?;
    Ok(None)
}

/// Counts one more look of an auditor in the present hour; or after how long the next begins, where there were as many.
pub(crate) fn count_look(
    tx: &Transaction<'_>,
    auditor: &str,
    most: u32,
    now: Timestamp,
) -> rusqlite::Result<Option<Duration>> {
    let (name, hour, wait) = (format!("looks {auditor}"), now.hour(), now.until_next_hour());
    let looked: i64 = claims(tx, &name, hour)?.into_iter().map(|(_, count)| count).sum();
    if looked >= i64::from(most) {
        return Ok(Some(wait));
    }
    tx.prepare_cached(
        "INSERT INTO claims_per_second (principal, second, claims) VALUES (?1, ?2, 1)
         ON CONFLICT DO UPDATE SET claims = claims + 1",
    )?
    .execute(params![name, hour])?;
    Ok(None)
}

fn asks_of(principal: &str) -> String {
    format!("asks {principal}")
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
