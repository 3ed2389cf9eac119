//! The policy folder.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use gateway::ports::Policies;
use gateway::{Origin, Retry};
use local::{FolderPolicies, bundle_files};

fn write_default(folder: &Path) {
    for (name, bytes) in policy::default_files() {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Asks until the answer is as expected. A change is in force within a second, and nobody can say when exactly.
async fn eventually(policies: &FolderPolicies, is_expected: impl Fn(&FolderPolicies) -> bool) {
    let begun = Instant::now();
    loop {
        let _ = policies.bundle().await;
        if is_expected(policies) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it never happened");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_a_folder_the_built_in_bundle_is_in_force() {
    let policies = FolderPolicies::new(None);
    assert_eq!(policies.problems(), Vec::<String>::new());
    let expected = policy::Bundle::default_bundle().unwrap();
    assert_eq!(policies.bundle().await.unwrap().digest(), expected.digest());
}

#[tokio::test]
async fn a_bundle_that_is_broken_while_running_is_no_bundle_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    write_default(folder.path());
    fs::write(folder.path().join(".swap"), b"no part of it").unwrap();
    let policies = FolderPolicies::new(Some(folder.path().to_owned()));
    let good = policies.bundle().await.unwrap();
    assert_eq!(good.digest(), policy::Bundle::default_bundle().unwrap().digest());

    let catalog = folder.path().join("catalog.toml");
    let mended = fs::read(&catalog).unwrap();
    fs::write(&catalog, b"[classes.email]\nmask = 'rot13'\n").unwrap();
    eventually(&policies, |policies| !policies.problems().is_empty()).await;
    let fault = policies.bundle().await.unwrap_err();
    assert_eq!((fault.origin, fault.retry), (Origin::Policies, Retry::Never));
    assert_eq!(fault.public, "the policy bundle does not validate; run `snowgate policy check DIR`");
    assert!(policies.problems()[0].starts_with("catalog.toml:"), "{:?}", policies.problems());

    fs::write(&catalog, mended).unwrap();
    eventually(&policies, |policies| policies.problems().is_empty()).await;
    assert_eq!(policies.bundle().await.unwrap().digest(), good.digest());
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nowhere");
    let policies = FolderPolicies::new(Some(path.clone()));
    assert_eq!(policies.problems().len(), 1);
    let fault = policies.bundle().await.unwrap_err();
    assert_eq!((fault.origin, fault.retry), (Origin::Policies, Retry::Never));
    assert!(!fault.public.contains("nowhere"), "an agent learns no path");
}

#[test]
fn a_bundle_is_read_with_its_folders_and_without_hidden_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/.git")).unwrap();
    for name in ["top.cedar", "a/inner.cedar", "a/.hidden", "a/.git/config"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let files = bundle_files(folder.path()).unwrap();
    assert_eq!(files.keys().collect::<Vec<_>>(), ["a/inner.cedar", "top.cedar"]);
    assert!(bundle_files(&folder.path().join("top.cedar")).is_err());
}

#[test]
fn a_folder_that_holds_more_than_any_bundle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::File::create(folder.path().join("big")).unwrap().set_len(17 * 1024 * 1024).unwrap();
    assert!(bundle_files(folder.path()).is_err());
}

/// A pipe that nobody writes to keeps its reader waiting for ever.
pub fn pipe(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success(), "coreutils: mkfifo");
}

#[test]
fn a_folder_that_holds_a_pipe_is_no_bundle_and_the_pipe_is_named() {
    let folder = tempfile::tempdir().unwrap();
    pipe(&folder.path().join("90-pipe.cedar"));
    let error = std::error::Error::source(&bundle_files(folder.path()).unwrap_err())
        .map(ToString::to_string)
        .unwrap_or_default();
    let told = format!("{} {error}", bundle_files(folder.path()).unwrap_err());
    assert!(told.contains("90-pipe.cedar") && told.contains("no regular file"), "{told}");
}
