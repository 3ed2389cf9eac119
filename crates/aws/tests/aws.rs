//! AWS as a store: the conformance suite over two processes' clients, and what is AWS's alone. Moto plays AWS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "everything here is a test, also what many tests share"
)]

#[path = "aws/audited.rs"]
mod audited;
#[path = "aws/caller.rs"]
mod caller;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../tests/tests/lambda/children.rs"]
mod children;
#[path = "aws/faults.rs"]
mod faults;
#[path = "aws/index.rs"]
mod index;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../tests/tests/acceptance/moto.rs"]
mod moto;
#[path = "aws/orphans.rs"]
mod orphans;
#[path = "aws/policies.rs"]
mod policies;
#[path = "aws/stores.rs"]
mod stores;
#[path = "aws/subscriptions.rs"]
mod subscriptions;
#[path = "aws/web_identity.rs"]
mod web_identity;
