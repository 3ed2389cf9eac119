//! Search and replay as auditors meet them, over the committed records of `crates/recording/tests/data`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "everything here is a test, also what tests share"
)]

mod access;
mod bounds;
mod events;
mod fakes;
mod faults;
#[path = "../../../../crates/traces/tests/support/kept.rs"]
mod kept;
#[allow(dead_code, reason = "tests of the lines themselves use more of it")]
#[path = "../../../../crates/traces/tests/support/otlp.rs"]
mod otlp;
mod replay;
mod search;
mod sizes;
