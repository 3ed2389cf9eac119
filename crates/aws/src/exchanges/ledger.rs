//! What a principal's claims depend on: one value, which one conditional write replaces by the next.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use domain::{Handle, Limits, SessionId, Timestamp};
use gateway::ports::{Claim, Claimed, Denied, Prospect, REFUSALS_PER_MINUTE, RevokedWhat};
use serde::{Deserialize, Serialize};

/// After how long a claim whose exchange never began counts no more. Longer than opening an exchange may take.
pub(super) const CLAIM_LIFE: Duration = Duration::from_secs(60);

/// Seconds for which a hidden failure counts, and an asking of people.
const HOUR: i64 = 60 * 60;

/// How many statements may wait for a person, for each that may run at once.
const HELD_FOR_EACH: i64 = 8;

/// Sessions of one principal that are alive at once at most: of more, the one that was silent for longest ends early.
const SESSIONS: usize = 256;

/// Claims that never began and are still to be searched for, at most.
const UNFOUND: usize = 256;

/// Amounts by the second or minute that they belong to.
type Buckets = BTreeMap<i64, i64>;

/// The ledger of one principal.
///
/// Nothing of an exchange is told here but that it was claimed: how it stands is what its own item says, which is read
/// before each claim ([`Ledger::settle`]). So a statement that begins, spends and ends costs this value no write.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Ledger {
    /// Sessions that are alive.
    sessions: Vec<Session>,
    /// Claims by second, for a minute.
    claims: Buckets,
    /// Refused claims that were recorded, by second, for a minute.
    refused: Buckets,
    /// Askings of people by second, for an hour.
    asks: Buckets,
    /// Hidden failures that were closed, by second, for an hour.
    failures: Buckets,
    /// Microseconds spent upstream by minute, for an hour.
    upstream: Buckets,
    /// What was claimed and has not been seen closed, the earliest first.
    claimed: Vec<Entry>,
    /// What was claimed and never began, or was given back: an opening may have been kept all the same.
    unfound: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Session {
    conversation: String,
    session: String,
    last_us: i64,
    highest: u32,
}

/// A claim.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub handle: String,
    pub session: String,
    pub opened_us: i64,
    pub counted: Counted,
    pub digest: String,
    pub request: Option<String>,
    /// Of what it has spent upstream, what stands in the ledger.
    charged_us: i64,
}

/// As what a claim counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Counted {
    /// As one that runs.
    Runs,
    /// Likewise, and as a hidden failure until it has told that it is none.
    MayFailHidden,
    /// As one that waits for a person.
    Waits,
    /// As none: it is refused.
    No,
}

/// How an exchange stands, as its own item says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Status {
    pub number: u32,
    pub is_closed: bool,
    pub is_held: bool,
    pub is_hidden_failure: bool,
    pub upstream_us: i64,
    /// When it was saved last, or a little later.
    pub saved_us: i64,
}

/// How the exchanges of a ledger stand, by their handles.
pub(super) type Statuses = HashMap<String, Status>;

/// What is known of a claim beside the ledger.
pub(super) struct Known {
    /// Who or what was revoked.
    pub revoked: Option<RevokedWhat>,
    /// The earlier claim with this request id, and its digest.
    pub earlier: Option<(Handle, String)>,
}

struct UnderWay {
    running: i64,
    held: i64,
    hidden_failures: i64,
}

enum Admission {
    Runs,
    FailuresSpent,
    Over(Reached),
}

struct Reached {
    limit: &'static str,
    retry_after: Duration,
}

impl Ledger {
    /// The session of this conversation where it is alive, and the highest number seen of it.
    pub fn session(&self, claim: &Claim<'_>) -> Option<(SessionId, u32)> {
        let name = conversation(claim);
        let found = self.sessions.iter().find(|session| session.conversation == name)?;
        let last = Timestamp::from_micros(found.last_us);
        (claim.now.since(last) <= claim.session_idle).then_some(())?;
        Some((found.session.parse().ok()?, found.highest))
    }

    /// The handles of what was claimed: how they stand is to be read before anything is decided.
    pub fn claimed(&self) -> impl Iterator<Item = &Entry> {
        self.claimed.iter()
    }

    /// What must be searched for: claims that never began.
    pub fn unfound(&self) -> &[Entry] {
        &self.unfound
    }

    /// Forgets claims that were searched for and led to nothing.
    pub fn forget(&mut self, gone: &[Entry]) {
        let is_other = |entry: &Entry| !gone.iter().any(|other| other.handle == entry.handle);
        self.unfound.retain(is_other);
        self.claimed.retain(is_other);
    }

    /// Takes up claims that were searched for and led to an exchange: it counts as what it turns out to be.
    pub fn take_up(&mut self, found: &[Entry]) {
        for entry in found {
            self.unfound.retain(|other| other.handle != entry.handle);
            if !self.claimed.iter().any(|other| other.handle == entry.handle) {
                self.claimed.push(entry.clone());
            }
        }
    }

    /// Takes over how the exchanges stand: charges what they have spent, counts what has failed, drops what is closed.
    pub fn settle(&mut self, statuses: &Statuses, now: Timestamp) {
        for mut entry in std::mem::take(&mut self.claimed) {
            let Some(status) = statuses.get(&entry.handle) else {
                if now.since(Timestamp::from_micros(entry.opened_us)) <= CLAIM_LIFE {
                    self.claimed.push(entry);
                } else {
                    self.search(entry);
                }
                continue;
            };
            if let Some(session) = self.sessions.iter_mut().find(|session| session.session == entry.session) {
                session.highest = session.highest.max(status.number);
            }
            let at = Timestamp::from_micros(status.saved_us).as_secs();
            let spent = status.upstream_us.saturating_sub(entry.charged_us);
            if spent > 0 {
                add(&mut self.upstream, at.div_euclid(60), spent);
                entry.charged_us = status.upstream_us;
            }
            match (status.is_closed, status.is_hidden_failure) {
                (true, true) => add(&mut self.failures, at, 1),
                (true, false) => {}
                (false, _) => self.claimed.push(entry),
            }
        }
        let second = now.as_secs();
        for (buckets, oldest) in [
            (&mut self.claims, second.saturating_sub(60)),
            (&mut self.refused, second.saturating_sub(60)),
            (&mut self.asks, second.saturating_sub(HOUR)),
            (&mut self.failures, second.saturating_sub(HOUR)),
            (&mut self.upstream, second.div_euclid(60).saturating_sub(60)),
        ] {
            *buckets = buckets.split_off(&oldest);
        }
    }

    /// What this claim is answered, and as what it counts; none when nothing of it is kept.
    pub fn answer(
        &self,
        claim: &Claim<'_>,
        known: &Known,
        statuses: &Statuses,
    ) -> (Claimed, Option<Counted>) {
        let (session, highest) = self.session(claim).unwrap_or((claim.fresh_session, 0));
        let next = highest.saturating_add(1);
        if let Some(what) = known.revoked {
            return self.bounded(claim, Claimed::Revoked { session, next, what }, Denied::Revoked(what));
        }
        if let Some((handle, digest)) = &known.earlier {
            return if *digest == claim.digest.to_string() {
                (Claimed::Repeat(*handle), None)
            } else {
                self.bounded(claim, Claimed::Reused { session, next }, Denied::Reused)
            };
        }
        let admission = self.admission(claim, statuses);
        let would_wait = claim.prospect == Prospect::Waits || matches!(admission, Admission::FailuresSpent);
        if claim.may_join
            && would_wait
            && let Some(handle) = self.waits_already(claim, statuses)
        {
            return (Claimed::Joins(handle), None);
        }
        match admission {
            Admission::Runs => {
                let counted = match claim.prospect {
                    Prospect::Open => Counted::Runs,
                    Prospect::Hidden => Counted::MayFailHidden,
                    Prospect::Waits => Counted::Waits,
                };
                (Claimed::New { session, next }, Some(counted))
            }
            Admission::FailuresSpent => (Claimed::FailuresSpent { session, next }, Some(Counted::Waits)),
            Admission::Over(Reached { limit, retry_after }) => {
                let claimed = Claimed::OverBudget { session, next, limit, retry_after };
                self.bounded(claim, claimed, Denied::OverBudget { limit, retry_after })
            }
        }
    }

    /// Notes the claim, its session's activity, and what it costs.
    pub fn note(&mut self, claim: &Claim<'_>, counted: Counted) {
        let (session, highest) = self.session(claim).unwrap_or((claim.fresh_session, 0));
        let name = conversation(claim);
        self.sessions.retain(|other| {
            let is_alive = claim.now.since(Timestamp::from_micros(other.last_us)) <= claim.session_idle;
            other.conversation != name && is_alive
        });
        // The one that was silent for longest stands first.
        if self.sessions.len() >= SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(Session {
            conversation: name,
            session: session.to_string(),
            last_us: claim.now.as_micros(),
            highest,
        });
        let is_counted = counted != Counted::No;
        self.claimed.push(Entry {
            handle: claim.handle.to_string(),
            session: session.to_string(),
            opened_us: claim.now.as_micros(),
            counted,
            digest: claim.digest.to_string(),
            request: claim.request.filter(|_| is_counted).map(|request| request.as_str().to_owned()),
            charged_us: 0,
        });
        let second = claim.now.as_secs();
        add(if is_counted { &mut self.claims } else { &mut self.refused }, second, 1);
        if counted == Counted::Waits {
            add(&mut self.asks, second, 1);
        }
    }

    /// Gives a claim back that has not begun: it costs nothing. The claim, where there was one.
    pub fn give_back(&mut self, handle: Handle) -> Option<Entry> {
        let name = handle.to_string();
        let at = self.claimed.iter().position(|entry| entry.handle == name)?;
        let entry = self.claimed.remove(at);
        let second = Timestamp::from_micros(entry.opened_us).as_secs();
        let counts = match entry.counted {
            Counted::Waits => [Some(&mut self.claims), Some(&mut self.asks)],
            Counted::Runs | Counted::MayFailHidden => [Some(&mut self.claims), None],
            Counted::No => [None, None],
        };
        for buckets in counts.into_iter().flatten() {
            if let Some(count) = buckets.get_mut(&second) {
                *count = count.saturating_sub(1);
            }
        }
        self.search(entry.clone());
        Some(entry)
    }

    /// Counts one more asking of people; or after how long there is room for it.
    pub fn count_ask(&mut self, limit: u32, now: Timestamp) -> Option<Duration> {
        let second = now.as_secs();
        if let Some(free) = over(&self.asks, second.saturating_sub(HOUR), i64::from(limit)) {
            return Some(seconds(free.saturating_add(HOUR + 1).saturating_sub(second)));
        }
        add(&mut self.asks, second, 1);
        None
    }

    fn search(&mut self, entry: Entry) {
        if self.unfound.len() < UNFOUND {
            self.unfound.push(entry);
        }
    }

    /// A refused claim, or that it is one too many for an exchange of its own.
    fn bounded(&self, claim: &Claim<'_>, claimed: Claimed, denied: Denied) -> (Claimed, Option<Counted>) {
        let recorded = sum(&self.refused, claim.now.as_secs().saturating_sub(60));
        if recorded < i64::from(REFUSALS_PER_MINUTE) {
            (claimed, Some(Counted::No))
        } else {
            (Claimed::Counted(denied), None)
        }
    }

    /// What of this principal's waits for a person with the very same text, names and values.
    fn waits_already(&self, claim: &Claim<'_>, statuses: &Statuses) -> Option<Handle> {
        let digest = claim.digest.to_string();
        let waits = |entry: &&Entry| {
            entry.digest == digest && statuses.get(&entry.handle).is_some_and(|status| status.is_held)
        };
        let found = self.claimed.iter().filter(waits).min_by_key(|entry| entry.opened_us)?;
        found.handle.parse().ok()
    }

    fn admission(&self, claim: &Claim<'_>, statuses: &Statuses) -> Admission {
        let under_way = self.under_way(statuses);
        if let Some(reached) = self.budget(claim, &under_way) {
            return Admission::Over(reached);
        }
        match claim.prospect {
            Prospect::Open => Admission::Runs,
            Prospect::Waits => self.waiting(claim, &under_way, Admission::Runs),
            Prospect::Hidden => {
                // Whole seconds, the one that began an hour ago included.
                let failed = sum(&self.failures, claim.now.as_secs().saturating_sub(HOUR));
                let limit = i64::from(claim.limits.hidden_failures_per_hour);
                if failed >= limit {
                    return self.waiting(claim, &under_way, Admission::FailuresSpent);
                }
                if failed.saturating_add(under_way.hidden_failures) < limit {
                    return Admission::Runs;
                }
                let limit = "statements over masked columns at once";
                Admission::Over(Reached { limit, retry_after: Duration::from_secs(1) })
            }
        }
    }

    /// What is claimed or under way. What waits for a person does not run: a principal whose writes are held may still read.
    fn under_way(&self, statuses: &Statuses) -> UnderWay {
        let mut under_way = UnderWay { running: 0, held: 0, hidden_failures: 0 };
        for entry in &self.claimed {
            let (is_held, is_hidden_failure) = match (statuses.get(&entry.handle), entry.counted) {
                (Some(status), _) => (status.is_held, status.is_hidden_failure),
                (None, Counted::No) => continue,
                (None, counted) => (counted == Counted::Waits, counted == Counted::MayFailHidden),
            };
            let count = if is_held { &mut under_way.held } else { &mut under_way.running };
            *count = count.saturating_add(1);
            if is_hidden_failure {
                under_way.hidden_failures = under_way.hidden_failures.saturating_add(1);
            }
        }
        under_way
    }

    /// Whether one more may wait for a person.
    fn waiting(&self, claim: &Claim<'_>, under_way: &UnderWay, admission: Admission) -> Admission {
        if under_way.held >= i64::from(claim.limits.at_once).saturating_mul(HELD_FOR_EACH) {
            let limit = "statements that wait for a decision";
            return Admission::Over(Reached { limit, retry_after: Duration::from_secs(60) });
        }
        // Whatever became of them: one that was withdrawn at once has disturbed people, too.
        let second = claim.now.as_secs();
        let limit = i64::from(claim.limits.asks_per_hour);
        match over(&self.asks, second.saturating_sub(HOUR), limit) {
            None => admission,
            Some(free) => {
                let retry_after = seconds(free.saturating_add(HOUR + 1).saturating_sub(second));
                Admission::Over(Reached { limit: "statements an hour that ask for a decision", retry_after })
            }
        }
    }

    fn budget(&self, claim: &Claim<'_>, under_way: &UnderWay) -> Option<Reached> {
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
        } = claim.limits;
        if under_way.running >= i64::from(at_once) {
            return Some(Reached { limit: "statements at once", retry_after: Duration::from_secs(1) });
        }
        // Whole seconds, the one that began 60 s ago included: no window of 60 s can hold more than the limit.
        let second = claim.now.as_secs();
        if let Some(free) = over(&self.claims, second.saturating_sub(60), i64::from(per_minute)) {
            let retry_after = seconds(free.saturating_add(61).saturating_sub(second));
            return Some(Reached { limit: "statements per minute", retry_after });
        }
        let minute = second.div_euclid(60);
        let limit = i64::try_from(upstream_seconds_per_hour).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        if let Some(free) = over(&self.upstream, minute.saturating_sub(60), limit) {
            let retry_after = seconds(free.saturating_add(61).saturating_mul(60).saturating_sub(second));
            return Some(Reached { limit: "upstream seconds per hour", retry_after });
        }
        None
    }
}

/// A conversation without a name is none with an empty one.
fn conversation(claim: &Claim<'_>) -> String {
    claim.conversation.map(|name| format!(":{name}")).unwrap_or_default()
}

fn add(buckets: &mut Buckets, at: i64, amount: i64) {
    let bucket = buckets.entry(at).or_default();
    *bucket = bucket.saturating_add(amount);
}

fn sum(buckets: &Buckets, from: i64) -> i64 {
    buckets.range(from..).fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
}

/// Whether the buckets from `from` on hold as much as the limit; then the bucket with whose end they no longer will.
fn over(buckets: &Buckets, from: i64, limit: i64) -> Option<i64> {
    let mut held = sum(buckets, from);
    if held < limit {
        return None;
    }
    let mut free = from.saturating_add(60);
    for (bucket, amount) in buckets.range(from..) {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]
mod tests;
