//! What the policy crate promises, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails says where"
)]

mod access;
mod cases;
mod columns;
mod default_bundle;
mod failures;
mod matrix;
mod objects;
mod obligations;
mod problems;
mod properties;
mod questions;
mod steps;
mod tests_of_columns;
