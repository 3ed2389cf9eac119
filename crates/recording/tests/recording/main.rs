//! The records of every version that was released: read, told again, verified; and every way in which they can be
//! wrong, found.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

mod access;
mod approvals;
mod faults;
mod rows;
mod sample;
mod standing;
mod told;
