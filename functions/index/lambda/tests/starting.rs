//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::process::Command;

/// What the function needs.
const NEEDED: [(&str, &str); 11] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "s3cret"),
    ("SNOWGATE_AWS__STATE_TABLE", "state"),
    ("SNOWGATE_AWS__KEYS_TABLE", "keys"),
    ("SNOWGATE_AWS__RECORDS_BUCKET", "records"),
    ("SNOWGATE_AWS__PAGES_BUCKET", "pages"),
    ("SNOWGATE_AWS__KEY", "arn:aws:kms:eu-central-1:123456789012:key/1"),
    ("SNOWGATE_AWS__INDEX_TABLE", "index"),
    ("SNOWGATE_INDEX_DAYS", "90"),
    ("SNOWGATE_METRICS", "Snowgate/snowgate"),
];

/// Starts the function with these variables besides those that it needs, but for one; what it says of why it does not start.
fn refusal(more: &[(&str, &str)], without: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_index"))
        .env_clear()
        .envs(NEEDED.iter().copied().filter(|(name, _)| *name != without))
        .envs(more.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("s3cret"), "{said}");
    said
}

#[test]
fn each_variable_that_is_missing_is_told_by_name() {
    for (name, _) in NEEDED {
        let said = refusal(&[], name);
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[test]
fn a_wrong_setting_is_told_by_name_and_without_its_value() {
    for (name, value, expected) in [
        ("SNOWGATE_LISTEN", "127.0.0.1:1", "SNOWGATE_LISTEN: listen: unknown field `listen`"),
        (
            "SNOWGATE_AWS__RECORDS_BUCKET",
            "s3cret/",
            "SNOWGATE_AWS__RECORDS_BUCKET: aws.records_bucket: a value is wrong: expected a bucket",
        ),
        (
            "SNOWGATE_AWS__INDEX_TABLE",
            "s3cret/",
            "SNOWGATE_AWS__INDEX_TABLE: aws.index_table: a value is wrong: expected a table",
        ),
        ("SNOWGATE_INDEX_DAYS", "0", "SNOWGATE_INDEX_DAYS: index_days: "),
        (
            "SNOWGATE_METRICS",
            "s3cret words",
            "SNOWGATE_METRICS: metrics: a value is wrong: expected a namespace",
        ),
        (
            "SNOWGATE_UPSTREAM__ACCOUNT",
            "ACME-DEV",
            "SNOWGATE_UPSTREAM__ACCOUNT: upstream: unknown field `upstream`",
        ),
    ] {
        let said = refusal(&[(name, value)], "");
        assert!(said.contains(expected), "{said}");
    }
}
