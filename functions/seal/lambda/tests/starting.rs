//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "other functions need more of it")]
#[path = "../../../../crates/lambda/tests/support/starting.rs"]
mod starting;

use starting::Starting;

fn function() -> Starting {
    Starting::of(
        env!("CARGO_BIN_EXE_seal"),
        &[&[
            ("SNOWGATE_AWS__INDEX_TABLE", "index"),
            ("SNOWGATE_KEPT_TOPIC", "arn:aws:sns:eu-central-1:123456789012:kept"),
        ]],
    )
}

#[test]
fn each_variable_that_is_missing_is_told_by_name() {
    function().tells_each_that_is_missing();
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
            "SNOWGATE_KEPT_TOPIC",
            "s3cret",
            "SNOWGATE_KEPT_TOPIC: kept_topic: a value is wrong: expected the ARN of a standard topic",
        ),
        (
            "SNOWGATE_UPSTREAM__ACCOUNT",
            "ACME-DEV",
            "SNOWGATE_UPSTREAM__ACCOUNT: upstream: unknown field `upstream`",
        ),
    ] {
        function().refuses(name, value, expected);
    }
}
