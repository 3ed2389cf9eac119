//! A small Snowflake in this process, so that the gateway can be tried without an account.
//!
//! It runs Snowflake SQL over DataFusion: the TPC-H sample data under the names that every account has
//! (`SNOWFLAKE_SAMPLE_DATA.TPCH_SF1`), and a database `DEMO` with made-up people. It answers as the SQL API does: query
//! ids, partitions of `jsonv2` rows, errors with code and SQLSTATE. The committed `demo/statements.sql` works; what
//! else works is a gift, and what does not fails in Snowflake's shape.
//!
//! It plays the *remote server*, so it keeps threads, a clock and results of its own. It refuses to know who asks, what
//! is sensitive, and everything else that is the gateway's to know: like an account, it shows the role `ANALYST`
//! whatever that role may read, in clear.
//!
//! ```no_run
//! # async fn example() -> Result<(), warehouse::WarehouseError> {
//! use std::time::Duration;
//! use warehouse::{Ask, State, Warehouse};
//!
//! let warehouse = Warehouse::open(0.01).await?;
//! let id = warehouse.submit(Ask::new("select count(*) from customers")).await;
//! if let State::Done(done) = warehouse.state(&id, Duration::from_secs(5)).await {
//!     let rows = warehouse.partition(&id, 0).into_iter().flatten();
//!     println!("{} rows in {} slices", done.head.rows, rows.count());
//! }
//! # Ok(()) }
//! ```

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's and the parser's enums have a hundred variants and grow; our own are matched in full"
)]

mod bindings;
mod calls;
mod change;
mod define;
mod demo;
mod encode;
mod engine;
mod errors;
mod execute;
mod functions;
mod guard;
mod information;
mod jobs;
mod lex;
mod operators;
mod origin;
mod plan;
mod ports;
mod result;
mod rewrite;
mod session;
mod show;
mod store;
mod table;
mod tpch;
mod types;
mod weight;

pub use encode::{LARGEST_SLICE, PartitionRows};
pub use engine::{Ask, Warehouse};
pub use errors::{SnowflakeError, WarehouseError};
pub use jobs::{Done, NotAQueryId, QueryId, State};
pub use result::{Changes, Head, Partition, ResultColumn};
