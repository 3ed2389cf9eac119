//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "other functions need more of it")]
#[path = "../../../../crates/lambda/tests/support/starting.rs"]
mod starting;

use starting::Starting;

fn function() -> Starting {
    Starting::of(
        env!("CARGO_BIN_EXE_sessions"),
        &[&[
            ("SNOWGATE_AWS__INDEX_TABLE", "index"),
            (
                "SNOWGATE_AUDITORS",
                r#"[{issuer = "https://people.example", audience = ["snowgate-audit"], required_scopes = ["audit:read"]}]"#,
            ),
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
        ("SNOWGATE_AUDITORS", "[]", "SNOWGATE_AUDITORS: auditors: names nobody"),
        (
            "SNOWGATE_AUDITORS",
            r#"[{issuer = "https://people.example", audience = ["s3cret"]}]"#,
            "SNOWGATE_AUDITORS: auditors[0].required_scopes: names no scope",
        ),
        (
            "SNOWGATE_AUDITORS",
            r#"[{issuer = "http://people.example", audience = ["a"], required_scopes = ["s"]}]"#,
            "SNOWGATE_AUDITORS: auditors[0].issuer: ",
        ),
        // An agent's token would be an auditor's.
        (
            "SNOWGATE_ISSUERS",
            r#"[{issuer = "https://people.example", audience = ["snowgate", "snowgate-audit"]}]"#,
            "SNOWGATE_AUDITORS: auditors[0].audience: is that of agents, too",
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
