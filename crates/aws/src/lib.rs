//! The ports of approvals and of standing ones, answered by AWS: their steps in DynamoDB, their reviewers told by SNS, their time kept by a
//! Step Functions state machine (`infra/approvals.asl.json`).
//!
//! One table holds everything, under two string keys, `pk` and `sk`:
//!
//! | `pk` | `sk` | more |
//! | --- | --- | --- |
//! | `v1/dt=DAY/SESSION/NUMBER` ([`RecordKey`](recording::RecordKey)) | `step#0000` | `bytes`: the step as it is; `writer` |
//! | the same | `standing#00000` | the same, of a standing approval |
//! | `standings` | as `pk` above | `opening`: the key of the opening that one lies beside; `principal`, `made_by`: whose, and by which approval |
//! | `approval#ID` | `token#…` | `token`: where the machine waits; `forget_at`: seconds since 1970, for the table's TTL |
//!
//! Steps and what finds them carry no `forget_at`, and nothing here deletes one. The crate refuses to know what a step says, but for the one
//! that begins an approval; and it never holds a statement, so that none can reach a log, a mail or a history.
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

mod approvals;
mod calls;
mod http;
mod machine;
mod notifier;
mod standings;
mod steps;

pub use approvals::Approvals;
pub use calls::Clients;
pub use machine::Machine;
pub use notifier::Topic;
pub use standings::Standings;
pub use steps::Steps;
