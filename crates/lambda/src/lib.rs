//! What every function on AWS is told, and the ports that it packs of it.
//!
//! | variable | says |
//! | --- | --- |
//! | `SNOWGATE_AWS__STATE_TABLE`, `…KEYS_TABLE` | the tables of `infra/state.yaml` |
//! | `SNOWGATE_AWS__INDEX_TABLE` | its third table, for those that write or ask it |
//! | `SNOWGATE_AWS__RECORDS_BUCKET`, `…PAGES_BUCKET` | its buckets |
//! | `SNOWGATE_AWS__KEY` | the ARN of its key |
//! | `SNOWGATE_POLICIES` | a folder with the policy bundle, or `built-in`; `pushed` or none: the one that two people have pushed; `pushed-by-one`: or one |
//! | `SNOWGATE_CONFIG` | a file with the same keys, which variables override |
//! | `SNOWGATE_TRACES` | whose requests are traced: `off`, `asked` or `all` (see [`traces`]) |
//! | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | what Lambda sets itself |
//!
//! The other variables are each function's own, and each refuses those that it does not know. This crate refuses to know what a
//! function does: it reads, builds the clients of the SDK once, and answers for what a function must not reach ([`Elsewhere`]).
//!
//! ```
//! use lambda::Surroundings;
//!
//! let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
//! let Err(told) = Surroundings::of(&[set("AWS_REGION", "eu-central-1")]) else { panic!("a key is missing") };
//! assert!(told.to_string().starts_with("AWS_ACCESS_KEY_ID is not set"));
//! ```

mod at_once;
mod cost;
mod elsewhere;
mod names;
mod reviewing;
mod start;
mod stores;
mod surroundings;
mod time_left;
mod workload;

pub use at_once::at_once;
pub use cost::{Cost, Counted};
pub use elsewhere::Elsewhere;
pub use names::{BucketName, KeyArn, MachineArn, TableName, TopicArn};
pub use reviewing::Reviewing;
pub use start::{Configured, Told, start, told};
pub use stores::{Places, Stores};
pub use surroundings::{Surroundings, SurroundingsError};
pub use time_left::time_left;
pub use workload::Workload;

/// Bytes of a page's JSON at most, whichever function makes it. A Lambda answer is at most 6 MB, in which every quote of a text body
/// counts twice.
pub const PAGE_SIZE: usize = 2 * 1024 * 1024;
