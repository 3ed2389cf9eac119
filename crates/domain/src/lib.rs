//! The nouns of Snowgate: what an agent asked, who it is, what the statement touches, what policy said.
//!
//! This crate holds values and the rules that a value carries in itself (an id has a shape, a grant must be
//! destructured). It refuses to know how anything is stored, printed on a wire, fetched or timed: there is
//! no serde here, no clock, no randomness, no I/O and no async.
//!
//! ```
//! use domain::{ExchangeId, SessionId};
//!
//! let id: ExchangeId = "0123456789abcdef0123456789abcdef/7".parse().unwrap();
//! assert_eq!(id.session, SessionId::from_u128(0x0123456789abcdef0123456789abcdef));
//! assert_eq!(id.to_string(), "0123456789abcdef0123456789abcdef/7");
//! ```

mod access;
mod approval;
mod asked;
mod catalog;
mod decision;
mod evidence;
mod identity;
mod ids;
mod mask;
mod outcome;
mod statement;
mod time;

pub use access::{Access, AccessEnd, AccessGrant, AccessRequest, AccessTo};
pub use approval::{
    Approval, ApprovalEvent, ApprovalState, GRANT_LIFE, Requester, Reviewer, ReviewerKey, Terms, Unmoved,
    Verdict, folded_name,
};
pub use asked::{Asked, Binding, Bindings, Clues, Context, Door, Prompt, PromptGrade, SqlText};
pub use catalog::{
    Catalog, Column, ColumnRef, ObjectName, Relation, RelationKind, SqlType, identifier, quoted,
};
pub use decision::{
    Case, Decision, ErrorText, Grant, Hold, Limits, Obligations, Refusal, RefusalCode, RuleId, Ruling, Tier,
};
pub use evidence::{ChannelKind, Join, Mismatch, Sight, Witness, mismatches};
pub use identity::{Agent, Credential, Identity, Person, PrincipalKey};
pub use ids::{
    ApprovalId, Digest, ExchangeId, ExchangeNumber, Handle, IdError, KeyedDigest, RequestId, SessionId,
};
pub use mask::{Mask, MaskClass, MaskRule, Treatment};
pub use outcome::{Outcome, OutputColumn, Ticket};
pub use statement::{
    Class, Effect, FlaggedFunction, Footprint, FunctionName, Kind, Lineage, ShownColumn, ShownHow,
    ShownOutput, Statement, TestedColumn, TestedHow,
};
pub use time::Timestamp;
