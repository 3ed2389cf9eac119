//! The ports of `gateway`, answered by AWS.
//!
//! | port | answered by | in |
//! | --- | --- | --- |
//! | `Recorder`, `Recordings` | [`Records`] | DynamoDB (openings, sealed texts), S3 (closings, late evidence, pages) |
//! | `Exchanges` | [`Exchanges`] | DynamoDB |
//! | `Approvals` | [`Approvals`] over [`Steps`], [`Machine`] and [`Exchanges`] | DynamoDB, Step Functions (`infra/approvals.asl.json`) |
//! | `Standings` | [`Standings`] | DynamoDB |
//! | `Accesses` | [`Accesses`] | DynamoDB |
//! | `Evidence` | [`Evidence`] | DynamoDB, S3 (long texts) |
//! | `Keys` | [`Keys`] | KMS, S3, DynamoDB |
//! | `Policies` | [`Policies`] | S3, DynamoDB |
//! | `Notifier` | [`Topic`] | SNS |
//! | `Index`, `Looks`, `Recordings` of auditors | [`Audited`] over [`Index`] | DynamoDB, S3 |
//!
//! [`Pushes`] is what an operator does, and no function: it puts a bundle in force. What S3 tells of records, and what lies under the number
//! of one, is read by whoever makes rows of them ([`messages`], [`gateway::Recorded`]).
//!
//! One table may hold everything, under two string keys, `pk` and `sk`; [`Records`], [`Exchanges`], [`Evidence`],
//! [`Accesses`], [`Keys`] and [`Policies`] say what of theirs lies where. Beside that:
//!
//! | `pk` | `sk` | more |
//! | --- | --- | --- |
//! | `v1/dt=DAY/SESSION/NUMBER` ([`RecordKey`](recording::RecordKey)) | `step#0000` | `bytes`: a step of an approval as it is |
//! | the same | `standing#00000` | the same, of a standing approval |
//! | `standings` | as `pk` above | `opening`: the key of the opening that one lies beside; `principal`, `made_by`: whose, and by which approval |
//! | `approval#ID` | `token#…` | `token`: where the machine waits |
//!
//! Files of rows, of which Athena makes a table, lie in the bucket of records ([`Compacted`]); a table of its own tells where what was
//! recorded is found ([`Index`]).
//!
//! `forget_at` (seconds since 1970) is the table's TTL attribute. It only tidies up: what must not hold any more is told by
//! moments that are compared. Openings, steps and what is revoked carry none. Every conditional write leaves its name
//! in `writer`, by which it knows its own earlier try again whose answer was lost.
//!
//! Whoever reads a bucket needs the right to list it, too (`s3:ListBucket`): without it S3 does not tell what is absent from what may not be
//! seen, and an absent object is a fault here.
//!
//! Every call is bounded in time and tries. The crate refuses to know what a statement is and what was decided, but for what finds a
//! lost exchange again.
//!
//! What the emulator in the tests cannot show: that S3 and DynamoDB keep what they acknowledge, and how they order writes
//! under load; IAM and KMS refusing; Object Lock; how far an index is behind; what anything costs.
//!
//! ```
//! use aws::{Clients, Steps};
//! use aws_types::SdkConfig;
//!
//! # let config = SdkConfig::builder().build();
//! let clients = Clients::new(&config);
//! let steps = Steps::new(&clients, "snowgate-approvals");
//! assert_eq!(format!("{steps:?}"), r#"Steps { table: "snowgate-approvals" }"#);
//! ```

mod accesses;
mod approvals;
mod audited;
mod bundles;
mod caller;
mod calls;
mod compacted;
mod evidence;
mod exchanges;
mod http;
mod index;
mod keys;
mod machine;
mod notices;
mod notifier;
mod objects;
mod packed;
mod policies;
mod pushes;
mod query;
mod records;
mod standings;
mod steps;
mod subscriptions;
mod table;
mod web_identity;
mod words;

pub use accesses::Accesses;
pub use approvals::Approvals;
pub use audited::Audited;
pub use caller::{Caller, CallerError, Stack};
pub use calls::Clients;
pub use compacted::Compacted;
pub use evidence::Evidence;
pub use exchanges::{Exchanges, Revocation, RevocationAct};
pub use index::{By, Found, Index, IndexRow, Look, UNDER_WAY};
pub use keys::Keys;
pub use machine::Machine;
pub use notices::{Failed, Kept, Message, NoNotice, Notice, Told, failed, messages};
pub use notifier::Topic;
pub use policies::Policies;
pub use pushes::{Became, InForce, Log, Named, Proposal, PushError, Pushed, Pushes, Said};
pub use records::Records;
pub use standings::Standings;
pub use steps::Steps;
pub use subscriptions::Invited;
pub use web_identity::{WebIdentity, WebToken};
pub use words::People;
