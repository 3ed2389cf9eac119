//! The record format: what is kept of every exchange, how it is checked, and how it is told again.
//!
//! A recording is made of five kinds of objects: an [`Opening`] before a statement moves, the steps of an approval where a
//! person must decide ([`ApprovalStep`]), pages of masked rows, a [`Closing`] before a row leaves, and evidence of the prompt
//! that came late ([`LateEvidence`]). Beside it lies who has looked at it ([`Look`]). This crate encodes, decodes, compares and tells; it refuses to know where
//! the objects lie, and it never sees a clear value: texts arrive masked, digests of clear texts arrive keyed.
//!
//! ```
//! use domain::ExchangeId;
//! use recording::{ObjectKind, RecordKey};
//!
//! let exchange: ExchangeId = "0123456789abcdef0123456789abcdef/7".parse().unwrap();
//! let key = RecordKey::new("2026-11-23", exchange).object(ObjectKind::Closing);
//! assert_eq!(key, "v1/dt=2026-11-23/0123456789abcdef0123456789abcdef/00000007.closing.json");
//! ```

mod access;
mod approval;
mod closing;
mod envelope;
mod evidence;
mod exchange_row;
mod key;
mod look;
mod opening;
mod page;
mod plan;
mod replay;
mod search;
mod standing;
mod trail;
mod verify;

pub use access::{AccessRecord, GrantedRecord};
pub use approval::{
    ApprovalStep, AskedRecord, EstimateRecord, FootprintRecord, REMINDER, ResultRecord, ReviewerRecord,
    SECOND, StepRecord, ViewRecord,
};
pub use closing::{
    Closing, ClosingOutcome, FailureRecord, Finding, FoundRecord, PageRecord, PartRecord, RefusalRecord,
    Timings, results_digest,
};
pub use envelope::{FormatError, LONGEST, Stored, decode, digest_of, encode};
pub use evidence::{CallRecord, LateEvidence, WitnessRecord, findings, findings_of_late, weigh};
pub use exchange_row::{ExchangeObjects, ExchangeRow};
pub use key::{ObjectKind, RecordKey};
pub use look::{Look, LookerRecord, NoLook};
pub use opening::{ContextRecord, HoldRecord, Opening, PrincipalRecord, PromptRecord, StatementRecord};
pub use page::{PAGE_FORMAT, Page, PageHeader, decode_page, each_row, encode_page};
pub use plan::{ColumnRecord, TreatmentRecord};
pub use replay::{
    Event, What, approval_event, closing_event, evidence_event, opening_events, page_event, rows_event,
};
pub use search::{Filter, SearchRow};
pub use standing::{
    MayBeRecord, NotStanding, StandingAct, StandingRecord, StandingStep, StandingTrail, VaryRecord,
};
pub use trail::{NotNext, Trail};
pub use verify::{Archive, ArchiveError, ArchiveFault, Report, Severity, UNPROVEN, Wrong, verify};
