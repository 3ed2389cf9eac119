//! From an opening to a closing: leases, progress, cancellation.

use domain::{ApprovalId, Handle, KeyedDigest, PrincipalKey, SessionId, Timestamp};
use gateway::ports::{CLAIM_LIFE, COUNTED_SECONDS, Saved};
use gateway::{Fault, Live, Origin, Stage};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{approval_bytes, bytes_of, session_bytes, stage};

/// A [`Live`] as its row holds it.
pub(crate) struct Row {
    handle: Handle,
    children: Vec<Handle>,
    principal: String,
    session: SessionId,
    number: u32,
    stage: i64,
    opened_us: i64,
    wake_us: i64,
    upstream_us: i64,
    is_hidden_failure: bool,
    is_held: bool,
    approval: Option<ApprovalId>,
    live: String,
}

impl Row {
    pub fn new(live: &Live) -> Result<Self, Fault> {
        let exchange = live.exchange().ok_or_else(damaged)?;
        let children = live.children.iter().map(|child| child.parse().map_err(|_| damaged()));
        let (stage, is_held) = match &live.stage {
            Stage::Held { .. } => (stage::UNDER_WAY, true),
            Stage::Opened | Stage::Running { .. } | Stage::Fetching { .. } => (stage::UNDER_WAY, false),
            Stage::Closed => (stage::CLOSED, false),
        };
        let approval = live.approval.as_ref().map(|approval| approval.id.parse().map_err(|_| damaged()));
        Ok(Self {
            handle: live.handle().ok_or_else(damaged)?,
            children: children.collect::<Result<_, Fault>>()?,
            principal: live.principal.clone(),
            session: exchange.session,
            number: exchange.number.get(),
            stage,
            opened_us: live.opened_us,
            wake_us: live.look().map_or(0, Timestamp::as_micros),
            upstream_us: i64::try_from(live.upstream_us).unwrap_or(i64::MAX),
            is_hidden_failure: live.is_hidden_failure(),
            is_held,
            approval: approval.transpose()?,
            live: serde_json::to_string(live).map_err(|_| damaged())?,
        })
    }

    /// Turns the claim into an exchange; false when the exchange or its number is there already.
    pub fn begin(
        &self,
        tx: &Transaction<'_>,
        holder: u128,
        lease_until: Timestamp,
    ) -> rusqlite::Result<bool> {
        // INVARIANT: no two exchanges of a session have one number, whatever the recordings were told.
        let is_taken = tx
            .prepare_cached("SELECT 1 FROM exchanges WHERE session = ?1 AND number = ?2")?
            .exists(params![session_bytes(self.session), self.number])?;
        if is_taken || !self.put(tx, self.opened_us)? {
            return Ok(false);
        }
        if self.stage == stage::UNDER_WAY {
            tx.prepare_cached("UPDATE exchanges SET holder = ?2, lease_until_us = ?3 WHERE handle = ?1")?
                .execute(params![bytes_of(self.handle), holder.to_be_bytes(), lease_until.as_micros()])?;
        }
        self.spend(tx, self.upstream_us, lease_until)?;
        self.count_failure(tx, lease_until)?;
        Ok(true)
    }

    /// Writes the row over its claim, or anew when the claim is gone; false when it has begun.
    fn put(&self, tx: &Transaction<'_>, tended_us: i64) -> rusqlite::Result<bool> {
        let put = tx
            .prepare_cached(
                "INSERT INTO exchanges (handle, principal, session, number, stage, is_counted, opened_us, wake_us,
                     tended_us, upstream_us, live, is_hidden_failure, is_held, approval)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5 = 1, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT (handle) DO UPDATE SET number = ?4, stage = ?5, opened_us = ?6, wake_us = ?7,
                     tended_us = ?8, upstream_us = ?9, live = ?10, is_hidden_failure = ?11, is_held = ?12, approval = ?13
                 WHERE stage IN (0, 3) AND principal = ?2 AND session = ?3",
            )?
            .execute(params![
                bytes_of(self.handle),
                self.principal,
                session_bytes(self.session),
                self.number,
                self.stage,
                self.opened_us,
                self.wake_us,
                tended_us,
                self.upstream_us,
                self.live,
                self.is_hidden_failure,
                self.is_held,
                self.approval.map(approval_bytes)
            ])?;
        if put == 0 {
            return Ok(false);
        }
        for child in &self.children {
            tx.prepare_cached("INSERT INTO children (child, handle) VALUES (?1, ?2)")?
                .execute(params![bytes_of(*child), bytes_of(self.handle)])?;
        }
        tx.prepare_cached("UPDATE sessions SET highest = max(highest, ?2) WHERE session = ?1")?
            .execute(params![session_bytes(self.session), self.number])?;
        Ok(true)
    }

    /// Whether this exchange is being opened by somebody, under way, or closed.
    pub fn is_known(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        let life = i64::try_from(CLAIM_LIFE.as_micros()).unwrap_or(i64::MAX);
        connection
            .prepare_cached(
                "SELECT 1 FROM exchanges
                 WHERE handle = ?1 AND (stage IN (1, 2) OR (stage = 0 AND opened_us >= ?4))
                 UNION ALL SELECT 1 FROM exchanges WHERE session = ?2 AND number = ?3",
            )?
            .exists(params![
                bytes_of(self.handle),
                session_bytes(self.session),
                self.number,
                now.as_micros().saturating_sub(life)
            ])
    }

    /// Saves progress of the lease's holder.
    pub fn save(
        &self,
        tx: &Transaction<'_>,
        holder: u128,
        lease_until: Timestamp,
    ) -> rusqlite::Result<Saved> {
        let before: Option<(i64, bool)> = tx
            .prepare_cached(
                "SELECT upstream_us, is_cancel_wanted FROM exchanges WHERE handle = ?1 AND holder = ?2 AND stage = 1",
            )?
            .query_row(params![bytes_of(self.handle), holder.to_be_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((spent_us, is_cancel_wanted)) = before else { return Ok(Saved::LeaseLost) };
        let is_closed = self.stage == stage::CLOSED;
        let holder = (!is_closed).then(|| holder.to_be_bytes());
        tx.prepare_cached(
            "UPDATE exchanges SET stage = ?2, wake_us = ?3, upstream_us = ?4, live = ?5, holder = ?6,
                 lease_until_us = ?7, tended_us = iif(?2 = 2, ?7, tended_us), is_hidden_failure = ?8, is_held = ?9,
                 approval = ?10
             WHERE handle = ?1",
        )?
        .execute(params![
            bytes_of(self.handle),
            self.stage,
            self.wake_us,
            self.upstream_us,
            self.live,
            holder,
            lease_until.as_micros(),
            self.is_hidden_failure,
            self.is_held,
            self.approval.map(approval_bytes)
        ])?;
        self.spend(tx, self.upstream_us.saturating_sub(spent_us), lease_until)?;
        self.count_failure(tx, lease_until)?;
        Ok(if is_cancel_wanted && !is_closed { Saved::CancelWanted } else { Saved::Yes })
    }

    /// Counts a hidden failure that was closed as one; one that is under way counts by its row.
    fn count_failure(&self, tx: &Transaction<'_>, at: Timestamp) -> rusqlite::Result<()> {
        if self.stage != stage::CLOSED || !self.is_hidden_failure {
            return Ok(());
        }
        let second = at.as_secs();
        tx.prepare_cached("DELETE FROM hidden_failures WHERE principal = ?1 AND second < ?2")?
            .execute(params![self.principal, second.saturating_sub(COUNTED_SECONDS.saturating_mul(2))])?;
        tx.prepare_cached(
            "INSERT INTO hidden_failures (principal, second, failures) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET failures = failures + 1",
        )?
        .execute(params![self.principal, second])?;
        Ok(())
    }

    /// Counts upstream time towards the budget.
    ///
    /// The end of the lease stands in for now, which it follows by seconds: the budget is given back a little late,
    /// never early.
    fn spend(&self, tx: &Transaction<'_>, spent_us: i64, at: Timestamp) -> rusqlite::Result<()> {
        if spent_us <= 0 {
            return Ok(());
        }
        let minute = at.as_secs().div_euclid(60);
        tx.prepare_cached(
            "INSERT INTO upstream_per_minute (principal, minute, spent_us) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET spent_us = spent_us + ?3",
        )?
        .execute(params![self.principal, minute, spent_us])?;
        Ok(())
    }
}

/// What came of adopting an opening that nobody seems to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Adopted {
    /// It is unattended now.
    Yes,
    /// Somebody knows it: it is being opened, under way, or closed.
    Known,
}

/// Gives an opening without a closing a row in which `unattended` finds it, unless somebody knows it.
pub(crate) fn adopt(
    tx: &Transaction<'_>,
    row: &Row,
    request: Option<&str>,
    digest: KeyedDigest,
    now: Timestamp,
) -> rusqlite::Result<Adopted> {
    if row.is_known(tx, now)? || !row.put(tx, row.opened_us)? {
        return Ok(Adopted::Known);
    }
    // A repetition of the request must find it, also after the state was lost. Who has taken the id since keeps it.
    if let Some(request) = request {
        tx.prepare_cached(
            "UPDATE OR IGNORE exchanges SET request = ?2, digest = ?3 WHERE handle = ?1 AND request IS NULL",
        )?
        .execute(params![bytes_of(row.handle), request, digest.to_string()])?;
    }
    Ok(Adopted::Yes)
}

/// What came of leasing.
pub(super) enum Lease {
    Ours(String),
    Theirs,
    Unknown,
}

pub(super) fn lease(
    tx: &Transaction<'_>,
    handle: Handle,
    holder: u128,
    now: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<Lease> {
    type Found = (i64, Option<[u8; 16]>, i64, String);
    let found: Option<Found> = tx
        .prepare_cached(
            "SELECT stage, holder, lease_until_us, live FROM exchanges WHERE handle = ?1 AND stage IN (1, 2)",
        )?
        .query_row(params![bytes_of(handle)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((stage, held_by, lease_until, live)) = found else { return Ok(Lease::Unknown) };
    // There is nothing left to work on, and its state tells so.
    if stage == stage::CLOSED {
        return Ok(Lease::Ours(live));
    }
    if held_by.is_some_and(|by| by != holder.to_be_bytes()) && lease_until > now.as_micros() {
        return Ok(Lease::Theirs);
    }
    // Whoever leases it reads what was decided until now; what is decided from now on wakes it again.
    tx.prepare_cached(
        "UPDATE exchanges SET holder = ?2, lease_until_us = ?3, tended_us = ?4, is_woken = 0 WHERE handle = ?1",
    )?
    .execute(params![bytes_of(handle), holder.to_be_bytes(), until.as_micros(), now.as_micros()])?;
    Ok(Lease::Ours(live))
}

pub(super) fn release(tx: &Transaction<'_>, handle: Handle, holder: u128) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE exchanges SET holder = NULL, lease_until_us = 0 WHERE handle = ?1 AND holder = ?2",
    )?
    .execute(params![bytes_of(handle), holder.to_be_bytes()])?;
    Ok(())
}

pub(super) fn want_cancelled(
    tx: &Transaction<'_>,
    principal: &PrincipalKey,
    handle: Handle,
) -> rusqlite::Result<bool> {
    let wanted = tx
        .prepare_cached(
            "UPDATE exchanges SET is_cancel_wanted = 1 WHERE stage = 1 AND principal = ?2
             AND (handle = ?1 OR handle = (SELECT handle FROM children WHERE child = ?1))",
        )?
        .execute(params![bytes_of(handle), principal.as_str()])?;
    Ok(wanted > 0)
}

pub(super) fn unattended(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Handle>> {
    let mut select = connection.prepare_cached(
        "SELECT handle FROM exchanges WHERE stage = 1 AND (holder IS NULL OR lease_until_us <= ?1)
         AND (wake_us <= ?1 OR is_woken OR is_cancel_wanted) ORDER BY tended_us LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![now.as_micros(), limit], |row| {
        Ok(Handle::from_u128(u128::from_be_bytes(row.get(0)?)))
    })?;
    rows.collect()
}

/// The state that was stored.
// SECURITY: the parser's own words may hold what stood in the text, so they go nowhere.
pub(crate) fn parse(live: &str) -> Result<Live, Fault> {
    serde_json::from_str(live).map_err(|_| damaged())
}

fn damaged() -> Fault {
    Fault::lasting(Origin::Exchanges, "the state of this statement is damaged")
}
