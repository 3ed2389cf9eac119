//! What a principal's claims depend on: one value, which one conditional write replaces by the next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::time::Duration;

use domain::{Handle, KeyedDigest, SessionId, Timestamp};
use gateway::ports::{
    Admission, Buckets, CLAIM_LIFE, COUNTED_SECONDS, Claim, Claimed, CountedAs, Counts, RevokedWhat,
    UnderWay, room_to_ask,
};
use serde::{Deserialize, Serialize};

/// Sessions of one principal that are alive at once at most: of more, the one that was silent for longest ends early.
const SESSIONS: usize = 256;

/// Claims that never began and are still to be searched for, at most.
const UNFOUND: usize = 256;

/// Amounts by the second or minute that they belong to.
type Amounts = BTreeMap<i64, i64>;

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
    claims: Amounts,
    /// Refused claims that were recorded, by second, for a minute.
    refused: Amounts,
    /// Askings of people by second, for an hour.
    asks: Amounts,
    /// Hidden failures that were closed, by second, for an hour.
    failures: Amounts,
    /// Microseconds spent upstream by minute, for an hour.
    upstream: Amounts,
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
    pub counted: CountedAs,
    pub digest: String,
    pub request: Option<String>,
    /// Of what it has spent upstream, what stands in the ledger.
    charged_us: i64,
    /// The number that was to be tried first: its own is that or a later one. 0 where an earlier version wrote it.
    #[serde(default)]
    pub next: u32,
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

    /// Whether something of this session was claimed that does not tell how it stands.
    pub fn is_unseen(&self, session: SessionId, statuses: &Statuses) -> bool {
        let session = session.to_string();
        self.claimed.iter().any(|entry| entry.session == session && !statuses.contains_key(&entry.handle))
    }

    /// Notes that a session has an opening of this number.
    pub fn saw(&mut self, session: SessionId, number: u32) {
        let session = session.to_string();
        if let Some(session) = self.sessions.iter_mut().find(|known| known.session == session) {
            session.highest = session.highest.max(number);
        }
    }

    /// From when on something in it is to be searched for: what has no item of its own by the end of a claim's life. In
    /// microseconds since 1970; none while all of it is `known` to have one.
    pub fn suspect_at(&self, known: &BTreeSet<String>) -> Option<i64> {
        let unknown = self.claimed.iter().filter(|entry| !known.contains(&entry.handle));
        let first = unknown.chain(&self.unfound).map(|entry| entry.opened_us).min()?;
        Some(Timestamp::from_micros(first).after(CLAIM_LIFE).as_micros().saturating_add(1))
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
            (&mut self.asks, second.saturating_sub(COUNTED_SECONDS)),
            (&mut self.failures, second.saturating_sub(COUNTED_SECONDS)),
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
    ) -> (Claimed, Option<CountedAs>) {
        let (session, highest) = self.session(claim).unwrap_or((claim.fresh_session, 0));
        let Known { revoked, earlier } = known;
        let admission = Admission {
            session,
            next: highest.saturating_add(1),
            revoked: *revoked,
            earlier: earlier.clone(),
            digest: &claim.digest,
            limits: &claim.limits,
            prospect: claim.prospect,
            may_join: claim.may_join,
            now: claim.now,
        };
        let Ok(answered) = admission.answer(&Standing { ledger: self, statuses });
        answered
    }

    /// Notes the claim, its session's activity, and what it costs.
    pub fn note(&mut self, claim: &Claim<'_>, counted: CountedAs) {
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
        let is_counted = counted != CountedAs::No;
        self.claimed.push(Entry {
            handle: claim.handle.to_string(),
            session: session.to_string(),
            opened_us: claim.now.as_micros(),
            counted,
            digest: claim.digest.to_string(),
            request: claim.request.filter(|_| is_counted).map(|request| request.as_str().to_owned()),
            charged_us: 0,
            next: highest.saturating_add(1),
        });
        let second = claim.now.as_secs();
        add(if is_counted { &mut self.claims } else { &mut self.refused }, second, 1);
        if counted == CountedAs::Waits {
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
            CountedAs::Waits => [Some(&mut self.claims), Some(&mut self.asks)],
            CountedAs::Runs | CountedAs::MayFailHidden => [Some(&mut self.claims), None],
            CountedAs::No => [None, None],
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
        let asks = since(&self.asks, second.saturating_sub(COUNTED_SECONDS)).collect();
        let full = room_to_ask(&asks, limit, now);
        if full.is_none() {
            add(&mut self.asks, second, 1);
        }
        full
    }

    fn search(&mut self, entry: Entry) {
        if self.unfound.len() < UNFOUND {
            self.unfound.push(entry);
        }
    }
}

/// How the exchanges of a ledger stand, beside it.
struct Standing<'a> {
    ledger: &'a Ledger,
    statuses: &'a Statuses,
}

impl Counts for Standing<'_> {
    type Error = Infallible;

    fn under_way(&self) -> Result<UnderWay, Infallible> {
        let mut under_way = UnderWay::default();
        for entry in &self.ledger.claimed {
            let (is_held, is_hidden_failure) = match (self.statuses.get(&entry.handle), entry.counted) {
                (Some(status), _) => (status.is_held, status.is_hidden_failure),
                (None, CountedAs::No) => continue,
                (None, counted) => (counted == CountedAs::Waits, counted == CountedAs::MayFailHidden),
            };
            let count = if is_held { &mut under_way.held } else { &mut under_way.running };
            *count = count.saturating_add(1);
            if is_hidden_failure {
                under_way.hidden_failures = under_way.hidden_failures.saturating_add(1);
            }
        }
        Ok(under_way)
    }

    fn claims(&self, from: i64) -> Result<Buckets, Infallible> {
        Ok(since(&self.ledger.claims, from).collect())
    }

    fn asks(&self, from: i64) -> Result<Buckets, Infallible> {
        Ok(since(&self.ledger.asks, from).collect())
    }

    fn upstream_us(&self, from: i64) -> Result<Buckets, Infallible> {
        Ok(since(&self.ledger.upstream, from).collect())
    }

    fn refused(&self, from: i64) -> Result<i64, Infallible> {
        Ok(sum(&self.ledger.refused, from))
    }

    fn hidden_failures(&self, from: i64) -> Result<i64, Infallible> {
        Ok(sum(&self.ledger.failures, from))
    }

    fn waits(&self, digest: &KeyedDigest) -> Result<Option<Handle>, Infallible> {
        let digest = digest.to_string();
        let waits = |entry: &&Entry| {
            entry.digest == digest && self.statuses.get(&entry.handle).is_some_and(|status| status.is_held)
        };
        let found = self.ledger.claimed.iter().filter(waits).min_by_key(|entry| entry.opened_us);
        Ok(found.and_then(|entry| entry.handle.parse().ok()))
    }
}

/// A conversation without a name is none with an empty one.
fn conversation(claim: &Claim<'_>) -> String {
    claim.conversation.map(|name| format!(":{name}")).unwrap_or_default()
}

fn add(amounts: &mut Amounts, at: i64, amount: i64) {
    let kept = amounts.entry(at).or_default();
    *kept = kept.saturating_add(amount);
}

fn since(amounts: &Amounts, from: i64) -> impl Iterator<Item = (i64, i64)> {
    amounts.range(from..).map(|(at, amount)| (*at, *amount))
}

fn sum(amounts: &Amounts, from: i64) -> i64 {
    since(amounts, from).fold(0, |sum, (_, amount)| sum.saturating_add(amount))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]
mod tests;
