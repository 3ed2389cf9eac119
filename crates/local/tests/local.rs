//! The folder as a store: the conformance suite over two openings of one home, and what is a folder's alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "everything here is a test, also what many tests share"
)]

#[path = "local/folder.rs"]
mod folder;
#[path = "local/lost.rs"]
mod lost;
#[path = "local/mail.rs"]
mod mail;
#[path = "local/policies.rs"]
mod policies;
#[path = "local/reading.rs"]
mod reading;

use std::path::Path;
use std::sync::Arc;

use conformance::{Store, Two};
use local::Home;

fn store(home: &Home) -> Store {
    let home = Arc::new(home.clone());
    Store {
        exchanges: home.clone(),
        approvals: home.clone(),
        standings: home.clone(),
        accesses: home.clone(),
        evidence: home.clone(),
        recorder: home.clone(),
        recordings: home.clone(),
        index: home.clone(),
        looks: home.clone(),
        keys: home,
    }
}

fn two(path: &Path) -> Two {
    Two { first: store(&Home::open(path).unwrap()), second: store(&Home::open(path).unwrap()) }
}

macro_rules! conforms {
    ($($module:ident :: $check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let folder = tempfile::tempdir().unwrap();
                conformance::$module::$check(&two(&folder.path().join("home"))).await;
            }
        )*
    };
}

conformance::every_check!(conforms);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_is_seen_by_every_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let two = two(&path);
    // As `snowgate revoke` does it: a third process.
    let revoke = |what, id: &str| Home::open_existing(&path).unwrap().revoke(what, id).unwrap();
    conformance::exchanges::revocation_is_seen_by_every_process(&two, &revoke).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_closed_is_found_by_all_that_it_is_of() {
    let folder = tempfile::tempdir().unwrap();
    let two = two(&folder.path().join("home"));
    // A home's recordings are their own index.
    conformance::audit::what_is_closed_is_found_by_all_that_it_is_of(&two, &|_| {}).await;
}
