//! What the gateway needs of the world. Each port is one capability, and on AWS one IAM statement.
//!
//! Adapters answer with a [`Fault`] when something broke, never with an empty or default value: absence must not
//! permit (invariant I2). All of them may be called at once from many tasks and must not hold state that another
//! process could not see, unless their documentation says how stale it may be.

mod accesses;
mod admission;
mod approvals;
mod audit;
mod evidence;
mod letter;
mod reviewers;
mod standings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    Catalog, Credential, Handle, Identity, KeyedDigest, Limits, ObjectName, PrincipalKey, RequestId,
    SessionId, Tier, Timestamp,
};
use masking::AnsweredColumn;
use policy::Bundle;
use recording::{ObjectKind, RecordKey};
use serde::Serialize;

use crate::fault::{Fault, Origin};
use crate::live::Live;
use crate::permit::Permit;
use crate::reply::Receipt;

pub use accesses::{AccessNote, Accesses, NoAccesses};
pub use admission::{
    Admission, Buckets, CLAIM_LIFE, COUNTED_SECONDS, CountedAs, Counts, UnderWay, room_to_ask,
};
pub use approvals::{Approvals, Invitation, Notice, Notified, Notifier};
pub use audit::{Among, Index, Indexed, Looks, Stretch, Told};
pub use evidence::{
    Evidence, Expected, Expecting, FOUND, Keyed, Named, NoEvidence, Room, Share, StoredSighting, Subject,
};
pub use reviewers::{ProvenReviewer, ReviewerIssuer, SignInAnswer, SignInBegun};
pub use standings::Standings;

/// Why a credential proves nobody.
#[derive(Debug)]
pub enum NotAccepted {
    /// It is not accepted here. `reason` is a word for operators' counters and never shown.
    Rejected {
        /// `malformed`, `algorithm`, `signature`, `issuer`, `audience`, `type`, `scope`, `size` …
        reason: &'static str,
    },
    /// It is good, but for a scope that its issuer's settings ask for.
    LacksScope {
        /// Every scope that they ask for.
        needed: Vec<String>,
    },
    /// It was good once.
    Expired,
    /// Nobody can tell: the issuer or its keys are out of reach.
    Unavailable(Fault),
}

/// Verifies credentials.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Who this credential proves, at this moment.
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted>;
}

/// Holds the policy bundle in force.
#[async_trait]
pub trait Policies: Send + Sync {
    /// The bundle. A fault when it cannot be read or does not validate: nothing is decided then.
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault>;
}

/// What a source says of one function or procedure: two of which it says the same are the same, as far as anybody can see.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Routine {
    /// `function` or `procedure`.
    pub kind: &'static str,
    /// Its signature, what it answers, its language, its definition, and when it was made and altered: whatever the source tells,
    /// in an order of the source's own.
    pub said: Vec<Option<String>>,
}

/// Knows tables, columns and view texts, and what stands behind the names of functions.
#[async_trait]
pub trait Catalogs: Send + Sync {
    /// A snapshot that holds these schemas (database, schema), at most 60 seconds old. A schema that does not exist
    /// is loaded, and empty.
    async fn snapshot(&self, schemas: &BTreeSet<(String, String)>) -> Result<Arc<Catalog>, Fault>;

    /// The versions of these objects now, from the source itself; an object that is gone is absent.
    async fn versions(&self, objects: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, i64>, Fault>;

    /// The functions and procedures of these stored names now, from the source itself and as far as it shows them: all that
    /// bear a name, whatever their arguments. What is not there is absent.
    async fn routines(
        &self,
        names: &BTreeSet<ObjectName>,
    ) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault>;

    /// Forgets what is cached of these objects' schemas, because a statement has just changed them.
    async fn forget(&self, objects: &BTreeSet<ObjectName>);
}

/// The keys of one session.
#[derive(Clone)]
pub struct SessionKeys {
    /// Seals exact texts of this session (AES-256-GCM).
    pub seal: [u8; 32],
    /// Makes deterministic tokens within this session.
    pub tokens: [u8; 32],
    /// Makes tokens that are the same in all sessions of this gateway; the same for each of them.
    pub shared_tokens: [u8; 32],
}

/// Holds secrets that recordings must not hold.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The keys of this session, made at first use.
    async fn session(&self, session: SessionId) -> Result<SessionKeys, Fault>;

    /// The gateway's key for keyed digests of exact texts; the same for all sessions, so that equal texts can be
    /// found again.
    async fn digest(&self) -> Result<[u8; 32], Fault>;
}

/// What came of a conditional write.
#[derive(Debug)]
pub enum Written {
    /// It is kept, durably: synced, or acknowledged by the store.
    Kept(Receipt),
    /// Something else has that key already.
    Taken,
}

/// Writes records. Every write is once (`If-None-Match: *`) and durable before it returns.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// Keeps these bytes under the object's key.
    async fn keep(&self, key: &RecordKey, kind: ObjectKind, bytes: Bytes) -> Result<Written, Fault>;

    /// Keeps an opening, and the sealed text beside it; both are durable before it returns. The receipt is the opening's. A
    /// store that can keeps both by one write.
    async fn open(&self, key: &RecordKey, opening: Bytes, sealed: Bytes) -> Result<Written, Fault> {
        match self.keep(key, ObjectKind::Opening, opening).await? {
            Written::Taken => Ok(Written::Taken),
            Written::Kept(receipt) => match self.keep(key, ObjectKind::Sealed, sealed).await? {
                Written::Kept(_) => Ok(Written::Kept(receipt)),
                Written::Taken => Err(Fault::lasting(
                    Origin::Recordings,
                    "a sealed text lies already where this one belongs",
                )),
            },
        }
    }

    /// Counts a request that became no exchange: nobody was identified, what would decide it was not there, or it only
    /// looked. Aggregated per minute and reason, so that nobody can flood the recordings with them.
    async fn count_rejected(
        &self,
        door: &'static str,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<(), Fault>;
}

/// Reads records back.
#[async_trait]
pub trait Recordings: Send + Sync {
    /// The object's bytes; none when there is none.
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault>;
}

/// Why someone may not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RevokedWhat {
    /// The agent.
    Agent,
    /// The person.
    Person,
    /// The session.
    Session,
}

impl RevokedWhat {
    /// The word in refusals and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Person => "person",
            Self::Session => "session",
        }
    }
}

/// What policy wants to become of a statement, as far as budgets depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prospect {
    /// It runs, and if it fails, tells why; or it is refused.
    Open,
    /// It runs, and its failure would be a hidden one ([`Limits::hidden_failures_per_hour`]).
    Hidden,
    /// It waits for a person.
    Waits,
}

/// A wish to open an exchange.
#[derive(Debug)]
pub struct Claim<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// The same, as a key.
    pub principal: &'a PrincipalKey,
    /// The client's word for the conversation, as a keyed digest; groups within the principal.
    pub conversation: Option<&'a str>,
    /// The client's request id, as [`keyed_request`](crate::keyed_request) makes it.
    pub request: Option<&'a RequestId>,
    /// The keyed digest of what is asked under that request id.
    pub digest: KeyedDigest,
    /// With a request id: the digest of the terms that it would be answered under ([`Live::terms`](crate::Live)).
    pub terms: Option<&'a str>,
    /// A fresh handle.
    pub handle: Handle,
    /// A fresh session, in case a new one begins.
    pub fresh_session: SessionId,
    /// What this principal may ask.
    pub limits: Limits,
    /// What policy wants to become of it.
    pub prospect: Prospect,
    /// Whether it may join what waits for a person already.
    pub may_join: bool,
    /// Now.
    pub now: Timestamp,
    /// After how long without a statement a session has ended.
    pub session_idle: Duration,
}

/// What came of a claim.
#[derive(Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Go on.
    New {
        /// The session, alive or fresh.
        session: SessionId,
        /// The number to try first: one above the highest seen.
        next: u32,
    },
    /// This request id was used before for the same thing: that is its handle.
    Repeat(Handle),
    /// It would wait for a person, and this principal waits for one with the very same thing already: that is its handle.
    /// Nothing was claimed.
    Joins(Handle),
    /// This request id was used before for something else. The refusal itself is recorded in this session.
    Reused {
        /// The session.
        session: SessionId,
        /// The number to try first.
        next: u32,
    },
    /// The principal's budget is spent. The refusal itself is recorded in this session.
    OverBudget {
        /// The session.
        session: SessionId,
        /// The number to try first.
        next: u32,
        /// Which limit, in words: `statements at once`, `statements per minute`, `upstream seconds per hour`,
        /// `statements over masked columns at once`, `statements that wait for a decision`, `statements an hour that ask for a
        /// decision`.
        limit: &'static str,
        /// When asking again makes sense.
        retry_after: Duration,
    },
    /// The principal's hidden failures are spent, and this would be one if it failed: it must wait for a person. The claim
    /// counts as a new one does, but is no hidden failure.
    FailuresSpent {
        /// The session.
        session: SessionId,
        /// The number to try first.
        next: u32,
    },
    /// Revoked. The refusal itself is recorded in this session.
    Revoked {
        /// The session.
        session: SessionId,
        /// The number to try first.
        next: u32,
        /// Who or what was revoked.
        what: RevokedWhat,
    },
    /// One of these three, like so many before it that it gets no place in the recordings: the caller counts it
    /// ([`Recorder::count_rejected`]). Nothing was claimed.
    Counted(Denied),
}

/// Why a claim is refused, whatever policy says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// See [`Claimed::Reused`].
    Reused,
    /// See [`Claimed::OverBudget`].
    OverBudget {
        /// Which limit, in words.
        limit: &'static str,
        /// When asking again makes sense.
        retry_after: Duration,
    },
    /// See [`Claimed::Revoked`].
    Revoked(RevokedWhat),
}

/// What came of trying to lease a live exchange.
#[derive(Debug)]
pub enum Leased {
    /// It is ours until the lease ends; this is its state.
    Ours(Box<Live>),
    /// Somebody else works on it.
    Theirs,
    /// There is no such exchange.
    Unknown,
}

/// What came of saving a live exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saved {
    /// Saved, the lease is renewed.
    Yes,
    /// Saved, and its agent wants it cancelled.
    CancelWanted,
    /// The lease was lost to somebody else: stop at once, show nothing.
    LeaseLost,
}

/// So many refused claims of one principal get an exchange of their own in any minute; see [`Exchanges`].
pub const REFUSALS_PER_MINUTE: u32 = 20;

/// The live state of exchanges: sessions, handles, request ids, budgets, leases, progress, revocations.
///
/// Each method is one atomic, conditional write or one read.
///
/// Claims that are refused (reused, over budget, revoked) cost their principal nothing, so they are bounded apart: in any
/// minute a principal gets [`REFUSALS_PER_MINUTE`] of them recorded, and the rest is counted. What may run is never
/// counted only.
///
/// An exchange that was closed as a hidden failure counts as one for an hour from its closing on; one that is under way
/// counts until a save tells that it is none ([`Live::is_hidden_failure`]). When those that were closed reach the limit,
/// a further claim must wait for a person; when they would with those that are under way, it is over budget for now. So no
/// hour holds more than the limit, however many statements are asked at once and wherever a process dies.
#[async_trait]
pub trait Exchanges: Send + Sync {
    /// Checks revocation, request id and budgets, and finds or begins the session, in one step. The budgets count the
    /// claim from here on; one whose failure would be hidden counts as a hidden failure.
    async fn claim(&self, claim: Claim<'_>) -> Result<Claimed, Fault>;

    /// What a claim would answer now. Nothing is claimed and nothing is written: this spares the work on a large text
    /// whose claim will be refused.
    async fn foresee(&self, claim: Claim<'_>) -> Result<Claimed, Fault>;

    /// Stores the live state of an exchange that was just opened, leased to `holder` until `lease_until` (a stage of
    /// `Closed` needs no lease).
    ///
    /// Of a single statement in the stage `Opened` nothing is known yet that its claim and its opening do not tell. A store may
    /// leave it at these until it is saved for the first time: until then nobody finds it by its handle, and once its claim has
    /// outlived [`CLAIM_LIFE`] it is unattended.
    async fn begin(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<(), Fault>;

    /// Gives this principal's claim back whose opening could not be kept.
    async fn abandon(&self, principal: &PrincipalKey, handle: Handle) -> Result<(), Fault>;

    /// The exchange of this principal with this handle (its own or a child's); none when there is none *of this
    /// principal* (invariant I11).
    async fn find(&self, principal: &PrincipalKey, handle: Handle) -> Result<Option<Live>, Fault>;

    /// Leases an exchange that nobody holds a running lease on.
    async fn lease(
        &self,
        handle: Handle,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, Fault>;

    /// Saves progress while holding the lease, and renews it; where nothing but the claim was stored, it begins by that. An exchange that is closed counts as a hidden failure from
    /// `lease_until` on if it is one, and no more if it is none.
    async fn save(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<Saved, Fault>;

    /// Gives the lease up.
    async fn release(&self, handle: Handle, holder: u128) -> Result<(), Fault>;

    /// Notes that its agent wants this exchange cancelled; false when it has ended already or is not of this principal.
    async fn want_cancelled(&self, principal: &PrincipalKey, handle: Handle) -> Result<bool, Fault>;

    /// Unfinished exchanges that nobody holds a lease on, oldest first. One that waits for a person is among them when its
    /// time to be looked at has come ([`Live::look`](crate::Live::look)) or somebody has woken it since it was last leased.
    async fn unattended(&self, now: Timestamp, limit: usize) -> Result<Vec<Handle>, Fault>;

    /// Whether this identity or session was revoked; at most 5 seconds stale.
    async fn revoked(
        &self,
        identity: &Identity,
        session: Option<SessionId>,
    ) -> Result<Option<RevokedWhat>, Fault>;

    /// Counts that people are asked to decide once more for this principal, in one conditional step, as claims of what waits are
    /// counted; or, where so many were counted within the last hour as `limit` says, after how long there is room.
    async fn count_ask(
        &self,
        principal: &PrincipalKey,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault>;

    /// The names of all people who were revoked, as they were written; at most 5 seconds stale.
    async fn revoked_people(&self) -> Result<BTreeSet<String>, Fault>;
}

/// Upstream's own word for a running statement, opaque to us; enough to resume in another process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamHandle {
    /// Which upstream identity runs it.
    pub tier: Tier,
    /// The adapter's text.
    pub text: String,
}

/// How a statement stands upstream.
pub enum Progress {
    /// It runs.
    Running(UpstreamHandle),
    /// It has answered.
    Done(Finished),
    /// Upstream says that it is wrong, or it failed while running.
    Failed(UpstreamFailure),
    /// Upstream does not know it (any more).
    Unknown,
}

/// An answer: heads only; rows are fetched by part and partition.
pub struct Finished {
    /// To fetch rows with.
    pub handle: UpstreamHandle,
    /// One head a statement, in order; a single statement has one.
    pub parts: Vec<ResultHead>,
    /// The rows of part 0, partition 0, when they came with the answer.
    pub first: Option<Box<dyn RowSource>>,
}

/// What upstream says of one statement's result before its rows. It may lie: it is compared with the plan and counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResultHead {
    /// Snowflake's id of the statement.
    pub query_id: String,
    /// The columns.
    pub columns: Vec<AnsweredColumn>,
    /// Rows in all.
    pub rows: u64,
    /// Rows of each partition, at least one partition.
    pub partitions: Vec<u64>,
}

/// A statement that upstream did not run to its end. `message` may hold values.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamFailure {
    /// Snowflake's code, digits.
    pub code: String,
    /// SQLSTATE, five characters.
    pub sqlstate: String,
    /// Upstream's text, unfiltered.
    pub message: String,
    /// Snowflake's id of the statement, where it has one.
    pub query_id: Option<String>,
}

/// The rows of one partition: slices of the text of one JSON array of rows, inflated, in order.
#[async_trait]
pub trait RowSource: Send {
    /// The next slice, of at most a few hundred kilobytes; none at the end. A body that ends early, inflates beyond
    /// its bound or does not arrive in time is a fault, never a short result.
    async fn next(&mut self) -> Result<Option<Bytes>, Fault>;
}

/// The Snowflake account behind us.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Runs what the permit allows, waiting for its end for at most `wait`.
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault>;

    /// How it stands, waiting for its end for at most `wait`.
    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault>;

    /// The rows of one partition of one part, both from 0.
    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault>;

    /// Stops it. Succeeds when it has ended already.
    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault>;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Randomness.
pub trait Ids: Send + Sync {
    /// 128 random bits from a cryptographic source.
    fn random(&self) -> Result<u128, Fault>;
}
