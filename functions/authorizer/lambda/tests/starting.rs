//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::process::Command;

/// What the function needs.
const NEEDED: [(&str, &str); 9] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "s3cret"),
    ("SNOWGATE_AWS__STATE_TABLE", "state"),
    ("SNOWGATE_AWS__KEYS_TABLE", "keys"),
    ("SNOWGATE_AWS__RECORDS_BUCKET", "records"),
    ("SNOWGATE_AWS__PAGES_BUCKET", "pages"),
    ("SNOWGATE_AWS__KEY", "arn:aws:kms:eu-central-1:123456789012:key/1"),
    ("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#),
];

/// Starts the function with these variables besides those that it needs, but for one; what it says of why it does not start.
fn refusal(more: &[(&str, &str)], without: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_authorizer"))
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
        // It decides nothing and reaches no account.
        ("SNOWGATE_UPSTREAM__URL", "https://acme.example", "upstream: unknown field `upstream`"),
        ("SNOWGATE_EVIDENCE", "[]", "evidence: unknown field `evidence`"),
        ("SNOWGATE_ISSUERS", "[]", "SNOWGATE_ISSUERS: issuers: names nobody"),
        (
            "SNOWGATE_ISSUERS",
            r#"[{issuer = "http://plain.example", audience = ["a"]}]"#,
            "SNOWGATE_ISSUERS: issuers[0].issuer: the issuer",
        ),
        (
            "SNOWGATE_ISSUERS",
            r#"[{issuer = "https://i.example", audience = ["a"], algorithms = ["HS256"]}]"#,
            "SNOWGATE_ISSUERS: issuers[0].algorithms: an algorithm is one of",
        ),
        (
            "SNOWGATE_ISSUERS",
            r#"[{issuer = "https://i.example", audience = ["a"]}, {issuer = "https://i.example", audience = ["b"]}]"#,
            "SNOWGATE_ISSUERS: issuers[1].issuer: the issuer `https://i.example` is configured twice",
        ),
    ] {
        let said = refusal(&[(name, value)], "");
        assert!(said.contains(expected), "{said}");
    }
}
