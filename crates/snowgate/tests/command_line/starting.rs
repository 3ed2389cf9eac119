//! What `snowgate serve` and `snowgate config check` say before anything is answered.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::{Served, snowgate};

const UPSTREAM: &str = "
[[issuers]]
issuer = 'https://login.example.com/'
audience = ['snowgate']
[upstream]
url = 'https://acme-dev.snowflakecomputing.com'
account = 'ACME-DEV'
[upstream.tiers.read]
roles = ['READER']
warehouses = ['WH']
credential = { kind = 'access-token', token = 's3cret' }
[upstream.catalog]
role = 'READER'
warehouse = 'WH'
";

#[test]
fn an_opening_that_cannot_be_read_is_told_at_the_start_and_logged_by_its_key() {
    let mut gateway = Served::start();
    assert_eq!(gateway.ask("select 1").0, 0);
    let closings = gateway.closings();
    let [closing] = closings.as_slice() else { panic!("one closing: {closings:?}") };
    let _ = gateway.child.kill();
    let _ = gateway.child.wait();
    fs::remove_file(closing).expect("it goes");
    let opening = closing.to_string_lossy().replace(".closing.json", ".opening.json");
    fs::remove_file(&opening).expect("it goes");
    fs::write(&opening, b"{}").expect("it is written");

    let log = gateway.folder.path().join("log");
    let mut child = snowgate(gateway.folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--home", "home"])
        .stdout(Stdio::piped())
        .stderr(File::create(&log).expect("a file"))
        .spawn()
        .expect("it starts");
    let mut printed = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        let is_last = line.starts_with("Stop with");
        printed.push(line);
        if is_last {
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    let attention = "ATTENTION: 1 opening without a closing cannot be read: somebody must look";
    assert!(printed.iter().any(|line| line.starts_with(attention)), "{printed:?}");

    let logged = fs::read_to_string(&log).expect("a log");
    let lines: Vec<Value> =
        logged.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    let (_, key) = opening.split_once("records/").expect("a place in the records");
    let key = key.strip_suffix(".opening.json").expect("an opening");
    let told: Vec<&Value> = lines
        .iter()
        .filter(|line| {
            line["level"] == "ERROR" && line["fields"]["key"].as_str().is_some_and(|k| k.contains(key))
        })
        .collect();
    assert_eq!(told.len(), 1, "{key}: {logged}");
}

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
fn tags_that_nobody_reads_are_told_loudly() {
    let folder = tempfile::tempdir().expect("a folder");
    for (tags, is_told) in [("", true), ("tags = false", true), ("tags = true", false)] {
        fs::write(folder.path().join("snowgate.toml"), format!("{UPSTREAM}{tags}\n")).expect("it is written");
        let output = snowgate(folder.path()).args(["config", "check"]).output().expect("it runs");
        let printed = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(0), "{printed}");
        assert_eq!(printed.contains("ATTENTION: TAGS ARE NOT READ"), is_told, "`{tags}`: {printed}");
    }
    // The embedded warehouse has none.
    fs::remove_file(folder.path().join("snowgate.toml")).expect("it goes");
    let output = snowgate(folder.path()).args(["config", "check"]).output().expect("it runs");
    assert!(!String::from_utf8(output.stdout).expect("text").contains("ATTENTION"));
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
