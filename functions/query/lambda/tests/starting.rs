//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "other functions need more of it")]
#[path = "../../../../crates/lambda/tests/support/starting.rs"]
mod starting;

use std::fs;

use starting::{ACCOUNT, REVIEWING, Starting};

const OWN: [(&str, &str); 2] = [
    ("SNOWGATE_UNFINISHED_MACHINE", "arn:aws:states:eu-central-1:123456789012:stateMachine:unfinished"),
    ("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#),
];

fn function() -> Starting {
    Starting::of(env!("CARGO_BIN_EXE_query"), &[&ACCOUNT, &REVIEWING, &OWN])
}

#[test]
fn each_variable_that_is_missing_is_told_by_name() {
    function().tells_each_that_is_missing();
}

#[test]
fn the_function_does_not_start_with_a_broken_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    for (name, bytes) in policy::default_files() {
        fs::write(policies.join(name), bytes).unwrap();
    }
    fs::write(policies.join("catalog.toml"), "[classes.email]\nmask = 'rot13'\n").unwrap();
    let policies = policies.to_str().unwrap();
    function().refuses("SNOWGATE_POLICIES", policies, "the policy bundle is not good:\n  catalog.toml:");
    function().refuses("SNOWGATE_POLICIES", "./nowhere", "the policy bundle is not good");
    function().refuses("SNOWGATE_POLICIES", "./nowhere", "nowhere");
}

#[test]
fn the_function_does_not_start_with_a_wrong_setting() {
    for (name, value, expected) in [
        ("SNOWGATE_LISTEN", "127.0.0.1:1", "SNOWGATE_LISTEN: listen: unknown field `listen`"),
        ("SNOWGATE_REVIEWERS", "[]", "SNOWGATE_REVIEWERS: reviewers: names nobody"),
        ("SNOWGATE_HOLD_SECONDS", "26", "SNOWGATE_HOLD_SECONDS: hold_seconds: lies between 1 and 25"),
        ("SNOWGATE_UPSTREAM__URL", "http://acme.example", "SNOWGATE_UPSTREAM__URL: upstream.url: is neither"),
        (
            "SNOWGATE_AWS__KEYS_TABLE",
            "",
            "SNOWGATE_AWS__KEYS_TABLE: aws.keys_table: a value is wrong: expected a table",
        ),
        ("AWS_REGION", "", "AWS_REGION is not set"),
        ("SNOWGATE_TRACES", "s3cret", "SNOWGATE_TRACES: traces: is one of `off`, `asked` and `all`"),
        (
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "on-demand",
            "upstream.tiers.read.credential.kind: is a stored secret",
        ),
    ] {
        function().refuses(name, value, expected);
    }
}
