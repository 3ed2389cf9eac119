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

mod access;
mod access_ends;
mod access_faults;
mod access_forged;
mod access_rests;
mod access_sign_in;
mod approvals;
mod approvals_again;
mod approvals_run;
mod architecture;
mod asks;
mod aws_house;
mod aws_looks;
mod aws_machine;
mod aws_notifier;
mod aws_rights;
mod aws_steps;
mod aws_work;
mod batches;
mod breadth;
mod brought;
mod browser;
mod budgets;
mod chaos;
#[allow(dead_code, reason = "tests of the Lambda use more of it")]
#[path = "../lambda/children.rs"]
mod children;
mod crashes;
mod door;
mod estimates;
mod events;
mod evidence;
mod evidence_attacks;
mod evidence_beside;
mod evidence_bounds;
mod evidence_faults;
mod evidence_grades;
mod evidence_marks;
mod evidence_mixed;
mod evidence_spans;
mod evidence_turns;
mod exports;
mod failures;
mod faults;
mod floods;
mod held;
mod holds;
mod house;
#[path = "../../../crates/traces/tests/support/kept.rs"]
mod kept;
mod leaks;
mod lies;
mod loopback;
mod machine_file;
mod mcp;
#[allow(dead_code, reason = "tests of the stores alone use more of it")]
mod moto;
mod order;
#[path = "../../../crates/traces/tests/support/otlp.rs"]
mod otlp;
mod pages;
mod pages_door;
mod pages_forged;
mod pages_several;
mod pages_sign_in;
mod pages_standing;
mod patience;
mod principals;
mod reminders;
mod repeats;
mod resuming;
mod rights;
mod setup_file;
mod standing;
mod standing_limits;
mod standing_page;
mod story;
mod supply;
mod tokens;
mod touched;
mod traces;
mod verdicts;
