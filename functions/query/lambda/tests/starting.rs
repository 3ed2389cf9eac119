//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::process::Command;

/// Starts the function with these variables besides those that it needs; what it says of why it does not start.
fn refusal(more: &[(&str, &str)]) -> String {
    let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:some";
    let output = Command::new(env!("CARGO_BIN_EXE_query"))
        .env_clear()
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "s3cret")
        .env("SNOWGATE_AWS__STATE_TABLE", "state")
        .env("SNOWGATE_AWS__KEYS_TABLE", "keys")
        .env("SNOWGATE_AWS__RECORDS_BUCKET", "records")
        .env("SNOWGATE_AWS__PAGES_BUCKET", "pages")
        .env("SNOWGATE_AWS__KEY", "arn:aws:kms:eu-central-1:123456789012:key/1")
        .env("SNOWGATE_APPROVALS_MACHINE", machine)
        .env("SNOWGATE_UNFINISHED_MACHINE", machine)
        .env("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#)
        .env("SNOWGATE_UPSTREAM__URL", "https://acme-dev.snowflakecomputing.com")
        .env("SNOWGATE_UPSTREAM__ACCOUNT", "ACME-DEV")
        .env("SNOWGATE_UPSTREAM__CATALOG", r#"{role = "ANALYST", warehouse = "WH"}"#)
        .env(
            "SNOWGATE_UPSTREAM__TIERS__READ",
            r#"{credential = {kind = "access-token", token = "s3cret"}, roles = ["ANALYST"], warehouses = ["WH"]}"#,
        )
        .env("SNOWGATE_APPROVALS_URL", "https://approve.example")
        .env("SNOWGATE_REVIEWERS_ISSUER", r#"{issuer = "https://people.example", client_id = "snowgate"}"#)
        .env("SNOWGATE_REVIEWERS", r#"[{email = "rosa@example.com", groups = ["data-reviewers"]}]"#)
        .envs(more.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("s3cret"), "{said}");
    said
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
    let said = refusal(&[("SNOWGATE_POLICIES", policies.to_str().unwrap())]);
    assert!(said.contains("the policy bundle is not good:\n  catalog.toml:"), "{said}");

    let said = refusal(&[("SNOWGATE_POLICIES", "./nowhere")]);
    assert!(said.contains("the policy bundle is not good") && said.contains("nowhere"), "{said}");
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
        (
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "on-demand",
            "upstream.tiers.read.credential.kind: is a stored secret",
        ),
    ] {
        let said = refusal(&[(name, value)]);
        assert!(said.contains(expected), "{said}");
    }
}
