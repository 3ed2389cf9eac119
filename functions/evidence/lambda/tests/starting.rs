//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "other functions need more of it")]
#[path = "../../../../crates/lambda/tests/support/starting.rs"]
mod starting;

use starting::Starting;

const OWN: [(&str, &str); 2] = [
    ("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#),
    ("SNOWGATE_EVIDENCE", "[]"),
];

fn function() -> Starting {
    Starting::of(env!("CARGO_BIN_EXE_evidence"), &[&OWN])
}

#[test]
fn each_variable_that_is_missing_is_told_by_name() {
    function().tells_each_that_is_missing();
}

#[test]
fn a_wrong_setting_is_told_by_name_and_without_its_value() {
    for (name, value, expected) in [
        ("SNOWGATE_LISTEN", "127.0.0.1:1", "SNOWGATE_LISTEN: listen: unknown field `listen`"),
        ("SNOWGATE_POLICIES", "./nowhere", "the policy bundle is not good"),
        (
            "SNOWGATE_AWS__RECORDS_BUCKET",
            "s3cret/",
            "SNOWGATE_AWS__RECORDS_BUCKET: aws.records_bucket: a value is wrong: expected a bucket",
        ),
        // It reaches no account, so it is told of none.
        (
            "SNOWGATE_UPSTREAM__URL",
            "https://acme.example",
            "SNOWGATE_UPSTREAM__URL: upstream: unknown field `upstream`",
        ),
        ("SNOWGATE_ISSUERS", "[]", "SNOWGATE_ISSUERS: issuers: names nobody"),
        (
            "SNOWGATE_EVIDENCE",
            r#"[{name = "hooks", kind = "hooks", secret_sha256 = "s3cret", subjects = ["*"]}]"#,
            "SNOWGATE_EVIDENCE: evidence[0].secret_sha256: a secret's hash is 64 hexadecimal digits",
        ),
    ] {
        function().refuses(name, value, expected);
    }
}
