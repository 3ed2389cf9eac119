//! What the function's own binary refuses to start with, before it asks anybody for events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "other functions need more of it")]
#[path = "../../../../crates/lambda/tests/support/starting.rs"]
mod starting;

use starting::Starting;

fn function() -> Starting {
    Starting::of(
        env!("CARGO_BIN_EXE_authorizer"),
        &[&[("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#)]],
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
        // It decides nothing and reaches no account.
        ("SNOWGATE_UPSTREAM__URL", "https://acme.example", "upstream: unknown field `upstream`"),
        ("SNOWGATE_EVIDENCE", "[]", "evidence: unknown field `evidence`"),
        ("SNOWGATE_ISSUERS", "[]", "SNOWGATE_ISSUERS: issuers: names nobody"),
        (
            "SNOWGATE_AUDITORS",
            r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#,
            "SNOWGATE_ISSUERS: issuers[0].audience: is that of auditors, too",
        ),
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
        function().refuses(name, value, expected);
    }
}
