//! The door as a client meets it: the real gateway and policy over ports that live in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on says where"
)]

mod errors;
mod events;
mod fakes;
mod golden;
mod house;
#[path = "../../../../crates/traces/tests/support/kept.rs"]
mod kept;
mod logs;
mod mcp;
mod principals;
mod scopes;
