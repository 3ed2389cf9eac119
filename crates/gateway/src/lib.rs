//! The story of one statement: asked, identified, read, decided, opened, permitted, executed, masked, closed, answered.
//!
//! This crate owns the order of things ([`Gateway`]), the proofs that hold it ([`Principal`], [`Permit`],
//! `Masked<Page>` from `masking`, [`Reply`]) and the ports through which it reaches the world ([`ports`]). It
//! refuses to know any protocol, any store and any cloud; and it never lets work go on behind a reply: what is
//! unfinished is stored, and [`Gateway::advance`] resumes it in any process (invariant I10).

mod access;
mod admission;
mod advance;
mod approval;
mod ask;
mod audit;
mod breadth;
mod claim;
mod closing;
mod collect;
mod detectors;
mod evidence;
mod failures;
mod fault;
mod fetch;
mod gateway;
mod line;
mod live;
mod look;
mod master;
mod opened;
mod opening;
mod orphan;
mod overtime;
mod pages;
mod patience;
mod permit;
mod plan;
pub mod ports;
mod principal;
mod reading;
mod recorded;
mod rehearse;
mod repeat;
mod reply;
mod said;
mod scopes;
mod seal;
mod settings;
mod shelf;
mod snapshot;
mod spans;
mod work;

pub use access::statement as access_statement;
pub use approval::{
    AccessShown, AccessState, Arrived, BegunSession, ByHarm, CameBack, Earlier, EarlierAsk, Ending, Form,
    Found, Harm, KnownReviewer, Link, Listing, LoopbackSignIn, MayBe, MayEnd, NotAName, NotAStanding,
    NotSignedIn, PoliciesHere, ProposedTerms, Reception, Reminded, Review, ReviewError, ReviewPorts,
    ReviewSession, ReviewerName, Roster, SESSION_LIFE, SIGN_IN_LIFE, Shown, SignedIn, StandingShown,
    StandingTerms, Stands, VariedPlace, Waiting, is_typed, word_to_type,
};
pub use ask::AskError;
pub use audit::{
    Audit, AuditAnswer, AuditError, AuditPorts, Auditor, Begun, By, LOOKS_AN_HOUR, Limit, NOT_HERE,
    NotTheCursor, Question, Replay, Wanted,
};
pub use detectors::detectors_of;
pub use evidence::{
    Came, Channel, EVIDENCE_LIFE, LONGEST_ID, LONGEST_TEXT, Meanwhile, NAMED_LIFE, NotTaken, OWN, OtherParts,
    Sighting, Span, SpanId, SpeaksFor, WitnessError, is_another_mailbox, reminders_in, split_reminders,
};
pub use failures::MESSAGE as HIDDEN_FAILURE;
pub use fault::{Fault, Origin, Retry};
pub use gateway::{Advanced, Gateway, Ports};
pub use live::{
    Acts, Fetched, Kept, Live, LiveAccess, LiveApproval, PartPlan, PartProgress, ShownErrors, Stage, Touched,
};
pub use look::{Described, Foreseen, ForeseenColumn, Listed, Place, Relation};
pub use master::MasterKey;
pub use orphan::{orphan, orphan_that_ended};
pub use permit::{Permit, Work};
pub use principal::Principal;
pub use recorded::Recorded;
pub use rehearse::{Rehearsed, rehearse};
pub use reply::{PageReply, Receipt, Reply};
pub use scopes::TierScopes;
pub use seal::{SealedText, SealedUnder, keyed_request, unseal};
pub use settings::{Reminders, Settings, SignIn};
pub use snapshot::snapshot;
pub use spans::SPANS;
