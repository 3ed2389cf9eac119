//! What a claim is answered by what is counted of its principal: one rule for every store.

use std::time::Duration;

use domain::{Handle, KeyedDigest, Limits, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Claimed, Denied, Prospect, REFUSALS_PER_MINUTE, RevokedWhat};

/// After how long a claim whose exchange never began counts no more, and what was opened under it is given up. Longer than
/// opening an exchange may take, and what comes before it is saved for the first time.
pub const CLAIM_LIFE: Duration = Duration::from_secs(60);

/// Seconds for which a hidden failure counts, and an asking of people.
pub const COUNTED_SECONDS: i64 = 60 * 60;

/// How many statements may wait for a person, for each that may run at once.
const HELD_FOR_EACH: i64 = 8;

/// Amounts by the second or minute that they belong to, the earliest first.
pub type Buckets = Vec<(i64, i64)>;

/// As what a claim counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CountedAs {
    /// As one that runs.
    Runs,
    /// Likewise, and as a hidden failure until it has told that it is none.
    MayFailHidden,
    /// As one that waits for a person.
    Waits,
    /// As none: it is refused. It costs nothing, and its request id stays free.
    No,
}

/// What of a principal's is claimed or under way.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct UnderWay {
    /// Statements that run, or are about to. What waits for a person does not: a principal whose writes are held may still read.
    pub running: i64,
    /// Statements that wait for a person.
    pub held: i64,
    /// Of those that run, how many are hidden failures unless they tell otherwise.
    pub hidden_failures: i64,
}

/// What a store has counted of one principal. Asked only for what the answer depends on; seconds and minutes are of the
/// Unix epoch, and the one that is named counts, too. Each fails when it cannot be told.
pub trait Counts {
    /// Why it cannot be told.
    type Error;

    /// What is claimed, for [`CLAIM_LIFE`], or under way.
    fn under_way(&self) -> Result<UnderWay, Self::Error>;

    /// Claims that were not refused, by second.
    fn claims(&self, from: i64) -> Result<Buckets, Self::Error>;

    /// Askings of people, by second.
    fn asks(&self, from: i64) -> Result<Buckets, Self::Error>;

    /// Microseconds spent upstream, by minute.
    fn upstream_us(&self, from: i64) -> Result<Buckets, Self::Error>;

    /// Refused claims that were recorded since that second.
    fn refused(&self, from: i64) -> Result<i64, Self::Error>;

    /// Hidden failures that were closed since that second.
    fn hidden_failures(&self, from: i64) -> Result<i64, Self::Error>;

    /// What waits for a person with this digest, the first of them.
    fn waits(&self, digest: &KeyedDigest) -> Result<Option<Handle>, Self::Error>;
}

/// A claim, and what is known of it beside what is counted.
#[derive(Debug)]
pub struct Admission<'a> {
    /// The session that it would be in, alive or fresh.
    pub session: SessionId,
    /// The number to try first there.
    pub next: u32,
    /// Who or what was revoked.
    pub revoked: Option<RevokedWhat>,
    /// The earlier claim with this request id, and its digest as text.
    pub earlier: Option<(Handle, String)>,
    /// The keyed digest of what is asked.
    pub digest: &'a KeyedDigest,
    /// What this principal may ask.
    pub limits: &'a Limits,
    /// What policy wants to become of it.
    pub prospect: Prospect,
    /// Whether it may join what waits for a person already.
    pub may_join: bool,
    /// Now.
    pub now: Timestamp,
}

/// What the budgets say.
enum Room {
    Runs,
    /// It goes on as one that waits for a person.
    FailuresSpent,
    Over(Reached),
}

struct Reached {
    limit: &'static str,
    retry_after: Duration,
}

impl Admission<'_> {
    /// What the claim is answered, and as what it counts; none when nothing of it is kept.
    ///
    /// # Errors
    /// Those of the counts.
    pub fn answer<C: Counts>(&self, counts: &C) -> Result<(Claimed, Option<CountedAs>), C::Error> {
        let (session, next) = (self.session, self.next);
        if let Some(what) = self.revoked {
            return self.bounded(counts, Claimed::Revoked { session, next, what }, Denied::Revoked(what));
        }
        if let Some((handle, digest)) = &self.earlier {
            return if *digest == self.digest.to_string() {
                Ok((Claimed::Repeat(*handle), None))
            } else {
                self.bounded(counts, Claimed::Reused { session, next }, Denied::Reused)
            };
        }
        let room = self.room(counts)?;
        let would_wait = self.prospect == Prospect::Waits || matches!(room, Room::FailuresSpent);
        if self.may_join
            && would_wait
            && let Some(handle) = counts.waits(self.digest)?
        {
            return Ok((Claimed::Joins(handle), None));
        }
        match room {
            Room::Runs => {
                let counted = match self.prospect {
                    Prospect::Open => CountedAs::Runs,
                    Prospect::Hidden => CountedAs::MayFailHidden,
                    Prospect::Waits => CountedAs::Waits,
                };
                Ok((Claimed::New { session, next }, Some(counted)))
            }
            Room::FailuresSpent => Ok((Claimed::FailuresSpent { session, next }, Some(CountedAs::Waits))),
            Room::Over(Reached { limit, retry_after }) => {
                let claimed = Claimed::OverBudget { session, next, limit, retry_after };
                self.bounded(counts, claimed, Denied::OverBudget { limit, retry_after })
            }
        }
    }

    /// A refused claim, or that it is one too many for an exchange of its own.
    fn bounded<C: Counts>(
        &self,
        counts: &C,
        claimed: Claimed,
        denied: Denied,
    ) -> Result<(Claimed, Option<CountedAs>), C::Error> {
        let recorded = counts.refused(self.now.as_secs().saturating_sub(60))?;
        Ok(if recorded < i64::from(REFUSALS_PER_MINUTE) {
            (claimed, Some(CountedAs::No))
        } else {
            (Claimed::Counted(denied), None)
        })
    }

    fn room<C: Counts>(&self, counts: &C) -> Result<Room, C::Error> {
        let under_way = counts.under_way()?;
        if let Some(reached) = self.budget(counts, &under_way)? {
            return Ok(Room::Over(reached));
        }
        match self.prospect {
            Prospect::Open => Ok(Room::Runs),
            Prospect::Waits => self.waiting(counts, &under_way, Room::Runs),
            Prospect::Hidden => {
                // Whole seconds, the one that began an hour ago included.
                let failed = counts.hidden_failures(self.now.as_secs().saturating_sub(COUNTED_SECONDS))?;
                let limit = i64::from(self.limits.hidden_failures_per_hour);
                if failed >= limit {
                    return self.waiting(counts, &under_way, Room::FailuresSpent);
                }
                if failed.saturating_add(under_way.hidden_failures) < limit {
                    return Ok(Room::Runs);
                }
                let limit = "statements over masked columns at once";
                Ok(Room::Over(Reached { limit, retry_after: Duration::from_secs(1) }))
            }
        }
    }

    /// Whether one more may wait for a person.
    fn waiting<C: Counts>(&self, counts: &C, under_way: &UnderWay, room: Room) -> Result<Room, C::Error> {
        if under_way.held >= i64::from(self.limits.at_once).saturating_mul(HELD_FOR_EACH) {
            let limit = "statements that wait for a decision";
            return Ok(Room::Over(Reached { limit, retry_after: Duration::from_secs(60) }));
        }
        // Whatever became of them: one that was withdrawn at once has disturbed people, too.
        let asks = counts.asks(self.now.as_secs().saturating_sub(COUNTED_SECONDS))?;
        Ok(room_to_ask(&asks, self.limits.asks_per_hour, self.now).map_or(room, |retry_after| {
            Room::Over(Reached { limit: "statements an hour that ask for a decision", retry_after })
        }))
    }

    fn budget<C: Counts>(&self, counts: &C, under_way: &UnderWay) -> Result<Option<Reached>, C::Error> {
        let Limits {
            rows: _,
            bytes: _,
            rows_if_approved: _,
            bytes_if_approved: _,
            at_once,
            per_minute,
            upstream_seconds_per_hour,
            statement_seconds: _,
            // Ends in hold, not in refusal: see `room`.
            hidden_failures_per_hour: _,
            // Of those that wait alone: see `waiting`.
            asks_per_hour: _,
        } = *self.limits;
        if under_way.running >= i64::from(at_once) {
            return Ok(Some(Reached { limit: "statements at once", retry_after: Duration::from_secs(1) }));
        }
        // Whole seconds, the one that began 60 s ago included: no window of 60 s can hold more than the limit.
        let second = self.now.as_secs();
        let from = second.saturating_sub(60);
        if let Some(free) = over(&counts.claims(from)?, from, i64::from(per_minute)) {
            let retry_after = seconds(free.saturating_add(61).saturating_sub(second));
            return Ok(Some(Reached { limit: "statements per minute", retry_after }));
        }
        let from = second.div_euclid(60).saturating_sub(60);
        let limit = i64::try_from(upstream_seconds_per_hour).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        if let Some(free) = over(&counts.upstream_us(from)?, from, limit) {
            let retry_after = seconds(free.saturating_add(61).saturating_mul(60).saturating_sub(second));
            return Ok(Some(Reached { limit: "upstream seconds per hour", retry_after }));
        }
        Ok(None)
    }
}

/// After how long people may be asked once more, where so many were asked within the last hour as `limit` says; none where
/// they may be asked now. `asks` are those from an hour ago on.
#[must_use]
pub fn room_to_ask(asks: &Buckets, limit: u32, now: Timestamp) -> Option<Duration> {
    let second = now.as_secs();
    let free = over(asks, second.saturating_sub(COUNTED_SECONDS), i64::from(limit))?;
    Some(seconds(free.saturating_add(COUNTED_SECONDS + 1).saturating_sub(second)))
}

/// Whether the buckets from `from` on hold as much as the limit; then the bucket with whose end they no longer will.
fn over(buckets: &Buckets, from: i64, limit: i64) -> Option<i64> {
    let mut held = buckets.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(*amount));
    if held < limit {
        return None;
    }
    let mut free = from.saturating_add(60);
    for (bucket, amount) in buckets {
        free = *bucket;
        held = held.saturating_sub(*amount);
        if held < limit {
            break;
        }
    }
    Some(free)
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or(0).max(1))
}
