//! Starting a function's own binary, with what it must be told: what it refuses to start with, before it asks anybody for events.

use std::process::Command;

/// What every function needs.
const EVERYWHERE: [(&str, &str); 8] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "s3cret"),
    ("SNOWGATE_AWS__STATE_TABLE", "state"),
    ("SNOWGATE_AWS__KEYS_TABLE", "keys"),
    ("SNOWGATE_AWS__RECORDS_BUCKET", "records"),
    ("SNOWGATE_AWS__PAGES_BUCKET", "pages"),
    ("SNOWGATE_AWS__KEY", "arn:aws:kms:eu-central-1:123456789012:key/1"),
];

/// What those need that people review.
pub const REVIEWING: [(&str, &str); 4] = [
    ("SNOWGATE_APPROVALS_MACHINE", "arn:aws:states:eu-central-1:123456789012:stateMachine:approvals"),
    ("SNOWGATE_APPROVALS_URL", "https://approve.example"),
    ("SNOWGATE_REVIEWERS_ISSUER", r#"{issuer = "https://people.example", client_id = "snowgate"}"#),
    ("SNOWGATE_REVIEWERS", r#"[{email = "rosa@example.com", groups = ["data-reviewers"]}]"#),
];

/// What those need that reach Snowflake.
pub const ACCOUNT: [(&str, &str); 4] = [
    ("SNOWGATE_UPSTREAM__URL", "https://acme-dev.snowflakecomputing.com"),
    ("SNOWGATE_UPSTREAM__ACCOUNT", "ACME-DEV"),
    ("SNOWGATE_UPSTREAM__CATALOG", r#"{role = "ANALYST", warehouse = "WH"}"#),
    (
        "SNOWGATE_UPSTREAM__TIERS__READ",
        r#"{credential = {kind = "access-token", token = "s3cret"}, roles = ["ANALYST"], warehouses = ["WH"]}"#,
    ),
];

/// A function's binary and all that it needs.
pub struct Starting {
    binary: &'static str,
    needed: Vec<(&'static str, &'static str)>,
}

impl Starting {
    /// With its own besides what every function needs.
    pub fn of(binary: &'static str, own: &[&[(&'static str, &'static str)]]) -> Self {
        let own = own.iter().flat_map(|own| own.iter().copied());
        Self { binary, needed: EVERYWHERE.into_iter().chain(own).collect() }
    }

    /// What it says of why it does not start with these besides, and without that one.
    fn refusal(&self, more: &[(&str, &str)], without: &str) -> String {
        let output = Command::new(self.binary)
            .env_clear()
            .envs(self.needed.iter().copied().filter(|(name, _)| *name != without))
            .envs(more.iter().copied())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("s3cret"), "{said}");
        said
    }

    /// Whatever is missing is told by name.
    pub fn tells_each_that_is_missing(&self) {
        for (name, _) in &self.needed {
            let said = self.refusal(&[], name);
            // Of a tier that is missing, that there is none; of issuers, by their key.
            let is_told = said.contains(name.trim_end_matches("__READ"))
                || (*name == "SNOWGATE_ISSUERS" && said.contains("issuers: names nobody"));
            assert!(is_told, "{name}: {said}");
        }
    }

    /// With that value it does not start, and says so.
    #[track_caller]
    pub fn refuses(&self, name: &str, value: &str, expected: &str) {
        let said = self.refusal(&[(name, value)], "");
        assert!(said.contains(expected), "{said}");
    }
}
