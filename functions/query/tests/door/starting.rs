//! What the function's own binary refuses to start with, before it asks anybody for events.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Starts the function with these variables besides those that it needs; what it says of why it does not start.
fn refusal(folder: &Path, more: &[(&str, &str)]) -> String {
    let home = folder.join("home");
    let output = Command::new(env!("CARGO_BIN_EXE_query"))
        .env_clear()
        .env("SNOWGATE_HOME", &home)
        .env("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#)
        .env("SNOWGATE_UPSTREAM__URL", "https://acme-dev.snowflakecomputing.com")
        .env("SNOWGATE_UPSTREAM__ACCOUNT", "ACME-DEV")
        .env("SNOWGATE_UPSTREAM__CATALOG", r#"{role = "ANALYST", warehouse = "WH"}"#)
        .env(
            "SNOWGATE_UPSTREAM__TIERS__READ",
            r#"{credential = {kind = "access-token", token = "s3cret"}, roles = ["ANALYST"], warehouses = ["WH"]}"#,
        )
        .envs(more.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!home.exists(), "nothing is kept by what does not start");
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
    let said = refusal(folder.path(), &[("SNOWGATE_POLICIES", policies.to_str().unwrap())]);
    assert!(said.contains("the policy bundle is not good:\n  catalog.toml:"), "{said}");

    let said = refusal(folder.path(), &[("SNOWGATE_POLICIES", "./nowhere")]);
    assert!(said.contains("the policy bundle is not good") && said.contains("nowhere"), "{said}");
}

#[test]
fn the_function_does_not_start_with_a_wrong_setting() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, expected) in [
        ("SNOWGATE_LISTEN", "127.0.0.1:1", "SNOWGATE_LISTEN: listen: unknown field `listen`"),
        ("SNOWGATE_HOLD_SECONDS", "26", "SNOWGATE_HOLD_SECONDS: hold_seconds: lies between 1 and 25"),
        ("SNOWGATE_UPSTREAM__URL", "http://acme.example", "SNOWGATE_UPSTREAM__URL: upstream.url: is neither"),
    ] {
        let said = refusal(folder.path(), &[(name, value)]);
        assert!(said.contains(expected), "{said}");
    }
}
