//! What waits for people: where its steps lie, and how reviewers are told.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey, Timestamp};
use recording::RecordKey;

use super::Written;
use crate::approval::{Link, Reminded};
use crate::fault::Fault;
use crate::live::Live;
use crate::settings::SignIn;

/// What waits for people. An exchange that is held is kept as every other, by `Exchanges`, and found here by its approval's
/// id; where the approval stands is what its steps say ([`recording::Trail`]), and nothing else.
#[async_trait]
pub trait Approvals: Send + Sync {
    /// The exchange whose approval has this id, as long as it is remembered; none when there is none.
    async fn exchange_of(&self, id: ApprovalId) -> Result<Option<Live>, Fault>;

    /// Exchanges that wait for a person, oldest first.
    async fn waiting(&self, limit: usize) -> Result<Vec<Live>, Fault>;

    /// Exchanges of this principal that wait for a person or did, as long as they are remembered, the latest first.
    async fn asked_by(&self, principal: &PrincipalKey, limit: usize) -> Result<Vec<Live>, Fault>;

    /// The bytes of one step; none when there is none.
    async fn step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault>;

    /// Keeps a step, durably, by one conditional write: whoever finds the number taken has lost to somebody else.
    async fn settle(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault>;

    /// Has the exchange looked at as soon as anybody can (`Exchanges::unattended`), because a person has decided.
    async fn wake(&self, id: ApprovalId) -> Result<(), Fault>;
}

/// What reviewers are told: ids, names from tokens and from the catalog, and sentences of ours.
// SECURITY: never the statement, the prompt, an alias, a comment or a quoted identifier: an agent chooses those, and would
// write to its reviewers. Every text is printable ASCII.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Which approval.
    pub approval: ApprovalId,
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// The program that asks.
    pub agent: String,
    /// The human behind it.
    pub person: Option<String>,
    /// The strictest class of what would run.
    pub class: String,
    /// The verbs, each once.
    pub kinds: Vec<String>,
    /// Objects that it would change, a few of them.
    pub writes: Vec<String>,
    /// Objects that it would read, a few of them.
    pub reads: Vec<String>,
    /// How many objects that it would change are not named.
    pub more_writes: usize,
    /// How many that it would read are not named.
    pub more: usize,
    /// Why it waits.
    pub reason: String,
    /// The rules that hold it, by their names.
    pub rules: Vec<String>,
    /// Groups whose members may decide.
    pub reviewers: Vec<String>,
    /// Silence until then denies.
    pub expires: Timestamp,
    /// How reviewers must prove themselves.
    pub sign_in: SignIn,
    /// Why these are told now; none: it was just asked, or somebody could not be told before.
    pub reminded: Option<Reminded>,
    /// Who is to be told this time, each with a link of their own; empty where there is no page for them.
    pub invited: Vec<Invitation>,
}

/// One reviewer who is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// What the recording calls them.
    pub name: String,
    /// Where their mail goes, where anybody knows.
    pub mail: Option<String>,
    /// Their way to the page.
    pub link: Link,
}

/// What came of telling reviewers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notified {
    /// They were told.
    Told {
        /// By what way, a stable word: `terminal`, `mail`.
        way: &'static str,
        /// Who, where the way knows names; sorted.
        reviewers: Vec<String>,
        /// Whom it could not reach, sorted: that is recorded, and tried again a few times.
        failed: Vec<String>,
    },
    /// There is nobody who could be told: nobody will ever decide.
    Nobody,
}

/// Tells reviewers that something waits for them.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Tells them. Called again when nobody knows whether they were told, so that a notice may come twice.
    async fn tell(&self, notice: &Notice) -> Result<Notified, Fault>;
}
