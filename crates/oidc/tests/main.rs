//! Tokens against issuers: scripted ones that lie, and a real one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may say so"
)]

mod attacks;
mod fetching;
mod provider;
mod scripted;
mod sign_in;
mod signer;
