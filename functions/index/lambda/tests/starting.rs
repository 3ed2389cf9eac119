//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "other functions need more of it")]
#[path = "../../../../crates/lambda/tests/support/starting.rs"]
mod starting;

use starting::Starting;

fn function() -> Starting {
    Starting::of(
        env!("CARGO_BIN_EXE_index"),
        &[&[
            ("SNOWGATE_AWS__INDEX_TABLE", "index"),
            ("SNOWGATE_INDEX_DAYS", "90"),
            ("SNOWGATE_METRICS", "Snowgate/snowgate"),
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
        function().refuses(name, value, expected);
    }
}
