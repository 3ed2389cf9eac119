//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "other functions need more of it")]
#[path = "../../../../crates/lambda/tests/support/starting.rs"]
mod starting;

use starting::{REVIEWING, Starting};

fn function() -> Starting {
    Starting::of(env!("CARGO_BIN_EXE_approval"), &[&REVIEWING])
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
        (
            "SNOWGATE_APPROVALS_URL",
            "approve.example",
            "SNOWGATE_APPROVALS_URL: approvals_url: is https://HOST",
        ),
        ("SNOWGATE_REVIEWERS", "[]", "SNOWGATE_REVIEWERS: reviewers: names nobody"),
        (
            "SNOWGATE_REVIEWERS",
            r#"[{email = "rosa", groups = ["data-reviewers"]}]"#,
            "SNOWGATE_REVIEWERS: reviewers[0].email: is no mail address",
        ),
        (
            "SNOWGATE_REVIEWERS_ISSUER",
            r#"{issuer = "https://people.example", client_id = "snowgate", client_secret = "s3cret"}"#,
            "SNOWGATE_REVIEWERS_ISSUER: reviewers_issuer.client_secret: would lie in the environment",
        ),
        (
            "SNOWGATE_REVIEWERS_ISSUER",
            r#"{issuer = "ftp://people.example", client_id = "snowgate"}"#,
            "SNOWGATE_REVIEWERS_ISSUER: reviewers_issuer.issuer: ",
        ),
        // It reaches no account, so it is told of none.
        (
            "SNOWGATE_UPSTREAM__URL",
            "https://acme.example",
            "SNOWGATE_UPSTREAM__URL: upstream: unknown field `upstream`",
        ),
    ] {
        function().refuses(name, value, expected);
    }
}
