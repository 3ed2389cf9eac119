//! The program itself, in an account as moto plays it, by people as its STS tells them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[path = "operator/account.rs"]
mod account;
#[path = "operator/broken.rs"]
mod broken;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../tests/tests/lambda/children.rs"]
mod children;
#[path = "operator/forged.rs"]
mod forged;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../tests/tests/acceptance/moto.rs"]
mod moto;
#[path = "operator/reviewers.rs"]
mod reviewers;
#[path = "operator/two_people.rs"]
mod two_people;
