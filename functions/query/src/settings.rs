//! What an operator chooses for the function: read once, checked whole, unknown keys refused.
//!
//! The keys are those of `snowgate.toml` (see [`query::configuration`]). `SNOWGATE_CONFIG` may name such a file; every
//! other `SNOWGATE_…` variable sets one key. The template's parameters arrive so.

use query::configuration::{self, ConfigurationError, Configured, Defaults, File, Places, Shared};
use serde::Deserialize;
use thiserror::Error;

/// Why the function does not start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the file that SNOWGATE_CONFIG names cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// A key is unknown, missing or of another type.
    #[error(transparent)]
    Wrong(#[from] ConfigurationError),
    /// Running on Lambda itself, where a folder does not last.
    #[error(
        "recordings in a folder do not outlive an instance of a Lambda function: this build runs under `cargo lambda watch` alone"
    )]
    Fleeting,
}

/// Everything that this function is told.
#[derive(Debug)]
pub struct Settings {
    /// What every gateway is told; at least one issuer.
    pub shared: Shared,
    /// The Snowflake account, without which there is no function.
    pub upstream: snowflake::Settings,
    /// Who said what.
    pub places: Places,
}

/// A folder that is a mount has no name that goes without saying. API Gateway gives up after 30 seconds (decision 1).
const DEFAULTS: Defaults = Defaults {
    home: None,
    hold_seconds: 20,
    longest_hold_seconds: 25,
    why_not_longer: "API Gateway gives up after 30",
};

/// The function has no keys of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoMore {}

/// Bytes of a page's JSON at most. A Lambda answer is at most 6 MB, in which every quote of a text body counts twice.
const PAGE_SIZE: usize = 2 * 1024 * 1024;

impl Settings {
    /// Reads the environment, and the file that it names.
    ///
    /// # Errors
    /// [`SettingsError`] with the key that is wrong.
    pub fn read() -> Result<Self, SettingsError> {
        let variables = configuration::variables()?;
        // Set by Lambda, and by nothing that plays it on a developer's machine.
        if variables.iter().any(|(name, _)| name == "AWS_LAMBDA_INITIALIZATION_TYPE") {
            return Err(SettingsError::Fleeting);
        }
        let name = variables.iter().find(|(name, _)| name == "SNOWGATE_CONFIG").map(|(_, path)| path.clone());
        let text = name.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        let name = name.unwrap_or_else(|| "the file that SNOWGATE_CONFIG names".to_owned());
        Self::parse(File { name: &name, text: &text }, variables)
    }

    fn parse(file: File<'_>, variables: Vec<(String, String)>) -> Result<Self, SettingsError> {
        let Configured { shared, own: NoMore {}, places } =
            configuration::read(file, variables, &["CONFIG"], &DEFAULTS)?;
        if shared.issuers.is_empty() {
            return Err(places.wrong("issuers", "names nobody: add one with issuer and audience").into());
        }
        let upstream = shared.upstream.clone().ok_or_else(|| {
            places.wrong("upstream", "is missing: the function stands before a Snowflake account")
        })?;
        Ok(Self { shared, upstream, places })
    }

    /// What the gateway itself is told.
    pub fn gateway(&self) -> gateway::Settings {
        gateway::Settings { page_size: PAGE_SIZE, ..self.shared.gateway() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const VARIABLES: [(&str, &str); 6] = [
        ("SNOWGATE_HOME", "/var/lib/snowgate"),
        ("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#),
        ("SNOWGATE_DEFAULTS__ROLE", "ANALYST"),
        ("SNOWGATE_UPSTREAM__URL", "https://acme-dev.snowflakecomputing.com"),
        ("SNOWGATE_UPSTREAM__ACCOUNT", "ACME-DEV"),
        (
            "SNOWGATE_UPSTREAM__TIERS__READ",
            r#"{credential = {kind = "access-token", token = "s3cret"}, roles = ["ANALYST"], warehouses = ["WH"]}"#,
        ),
    ];

    const CATALOG: &str = "[upstream.catalog]\nrole = 'ANALYST'\nwarehouse = 'WH'\n";

    fn parse(text: &str, more: &[(&str, &str)]) -> Result<Settings, String> {
        let variables: Vec<(String, String)> = VARIABLES
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::parse(File { name: "some.toml", text }, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_and_a_file_make_one_configuration() {
        let settings = parse(CATALOG, &[("SNOWGATE_HOLD_SECONDS", "5"), ("PATH", "/bin")]).unwrap();
        let gateway = settings.gateway();
        assert_eq!(gateway.hold, Duration::from_secs(5));
        assert_eq!(gateway.default_context.role.as_deref(), Some("ANALYST"));
        assert_eq!(settings.shared.issuers().unwrap()[0].audience, ["snowgate"]);
        assert_eq!(settings.upstream.account, "ACME-DEV");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn a_wrong_configuration_is_named_without_its_values() {
        for (text, more, expected) in [
            (
                CATALOG,
                vec![("SNOWGATE_LISTEN", "0.0.0.0:80")],
                "SNOWGATE_LISTEN: listen: unknown field `listen`",
            ),
            (
                CATALOG,
                vec![("SNOWGATE_HOLD_SECONDS", "40")],
                "SNOWGATE_HOLD_SECONDS: hold_seconds: lies between 1 and 25",
            ),
            ("", vec![], "upstream: missing field `catalog`"),
            (CATALOG, vec![("SNOWGATE_ISSUERS", "[]")], "SNOWGATE_ISSUERS: issuers: names nobody"),
            (
                CATALOG,
                vec![(
                    "SNOWGATE_ISSUERS",
                    r#"[{issuer = "https://i.example", audience = ["a"], algorithms = ["none"]}]"#,
                )],
                "SNOWGATE_ISSUERS: issuers[0].algorithms: an algorithm is one of",
            ),
        ] {
            let message = parse(text, &more).map(|_| ()).unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    /// What the template sets, with its parameters filled in: one key a line, `!Ref`, `!Sub` or plain.
    fn template_variables() -> Vec<(String, String)> {
        let text = include_str!("../../../template.yaml").replace("!Sub >-\n            ", "!Sub ");
        let parameters = [
            ("Issuer", "https://issuer.example"),
            ("Audience", "snowgate"),
            ("Scope", "sql"),
            ("SnowflakeAccount", "ACME-DEV"),
            ("SnowflakeRole", "ANALYST"),
            ("SnowflakeWarehouse", "WH"),
            ("HoldSeconds", "20"),
        ];
        let fill = |value: &str| match value.strip_prefix("!Ref ") {
            Some(name) => parameters.iter().find(|(known, _)| *known == name).unwrap().1.to_owned(),
            None => parameters.iter().fold(
                value.trim_start_matches("!Sub ").trim_matches('\'').to_owned(),
                |value, (name, filled)| value.replace(&format!("${{{name}}}"), filled),
            ),
        };
        let lines = text.lines().filter_map(|line| line.trim().split_once(": "));
        let ours = lines.filter(|(name, _)| name.starts_with("SNOWGATE_"));
        ours.map(|(name, value)| (name.to_owned(), fill(value))).collect()
    }

    #[test]
    fn what_the_template_sets_is_a_whole_configuration() {
        let variables = template_variables();
        assert!(variables.len() > 5, "{variables:?}");
        let settings = Settings::parse(File { name: "none", text: "" }, variables).unwrap();
        assert_eq!(settings.shared.issuers().unwrap()[0].required_scopes, ["sql"]);
        assert_eq!(settings.gateway().default_context.warehouse.as_deref(), Some("WH"));
        assert_eq!(settings.upstream.url, "https://ACME-DEV.snowflakecomputing.com");
    }
}
