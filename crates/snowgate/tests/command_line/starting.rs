//! What `snowgate serve` and `snowgate config check` say before anything is answered.

use std::fs;

use crate::snowgate;

#[test]
fn a_log_filter_that_says_nothing_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    for said in ["wran", "gateway=lots", "info,wran", ""] {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["config", "check"]] {
            let output =
                snowgate(folder.path()).args(command).env("SNOWGATE_LOG", said).output().expect("it runs");
            let error = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(64), "{command:?} `{said}`: {error}");
            assert!(error.contains("SNOWGATE_LOG"), "{error}");
        }
    }
    for said in ["info", "warn,gateway=debug", "off"] {
        let output = snowgate(folder.path())
            .args(["config", "check"])
            .env("SNOWGATE_LOG", said)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

#[test]
fn a_broken_bundle_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("policies")).expect("a folder");
    fs::write(folder.path().join("policies/catalog.toml"), "[classes.email]\nmask = 'rot13'\n")
        .expect("written");
    for command in [
        &["serve", "--listen", "127.0.0.1:0", "--policies", "policies"][..],
        &["serve", "--listen", "127.0.0.1:0", "--policies", "nowhere"],
    ] {
        let output = snowgate(folder.path()).args(command).output().expect("it runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("the policy bundle is not good"), "{error}");
        assert!(!folder.path().join(".snowgate").exists());
    }
}
