//! Snowgate as it is wired: the door, the pipeline, a home on disk and a Snowflake that may lie.
//!
//! Every test's name is a fact about the product. The parts are the real ones but for three: who a token belongs to
//! ([`house::Badges`]), what the account holds ([`house::Warehouse`]) and what time it is ([`house::Time`]).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on says where"
)]

mod approvals;
mod architecture;
mod batches;
mod budgets;
mod chaos;
mod crashes;
mod door;
mod failures;
mod faults;
mod floods;
mod holds;
mod house;
mod leaks;
mod lies;
mod machine_file;
mod order;
mod pages;
mod pages_door;
mod pages_sign_in;
mod patience;
mod principals;
mod reminders;
mod repeats;
mod resuming;
mod story;
mod supply;
mod tokens;
mod verdicts;
