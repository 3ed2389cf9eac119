//! What an operator chooses for the function: read once, checked whole, unknown keys refused.
//!
//! The keys are those of `snowgate.toml` (see [`query::configuration`]). `SNOWGATE_CONFIG` may name such a file; every
//! other `SNOWGATE_…` variable sets one key. The template's parameters arrive so.

use std::path::PathBuf;
use std::time::Duration;

use oidc::IssuerSettings;
use query::configuration::{self, ConfigurationError, Issuer, Names};
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
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder for keys, recordings and state.
    pub home: PathBuf,
    /// Folder with the policy bundle; none: the built-in one.
    pub policies: Option<PathBuf>,
    /// How long an answer is held; API Gateway gives up after 30 seconds (decision 1).
    #[serde(default = "default_hold")]
    hold_seconds: u64,
    /// After how long without a statement a session has ended.
    #[serde(default = "default_idle")]
    session_idle_minutes: u64,
    /// The names that a statement runs under where its client names none.
    #[serde(default)]
    defaults: Names,
    /// Trusted issuers of agents' tokens; at least one.
    issuers: Vec<Issuer>,
    /// The Snowflake account.
    pub upstream: snowflake::Settings,
}

const fn default_hold() -> u64 {
    20
}

const fn default_idle() -> u64 {
    30
}

/// Bytes of a page's JSON at most. A Lambda answer is at most 6 MB, in which every quote of a text body counts twice.
const PAGE_SIZE: usize = 2 * 1024 * 1024;

impl Settings {
    /// Reads the environment, and the file that it names.
    ///
    /// # Errors
    /// [`SettingsError`] with the key that is wrong.
    pub fn read() -> Result<Self, SettingsError> {
        let variables: Vec<(String, String)> = configuration::variables().collect();
        // Set by Lambda, and by nothing that plays it on a developer's machine.
        if variables.iter().any(|(name, _)| name == "AWS_LAMBDA_INITIALIZATION_TYPE") {
            return Err(SettingsError::Fleeting);
        }
        let file = variables.iter().find(|(name, _)| name == "SNOWGATE_CONFIG");
        let text = file.map(|(_, path)| std::fs::read_to_string(path)).transpose()?;
        Self::parse(&text.unwrap_or_default(), variables)
    }

    fn parse(text: &str, variables: Vec<(String, String)>) -> Result<Self, SettingsError> {
        let settings: Self = configuration::read(text, variables, &["CONFIG"])?;
        let is_wrong = |message: &str| Err(ConfigurationError::new(message).into());
        if !(1..=25).contains(&settings.hold_seconds) {
            return is_wrong("hold_seconds lies between 1 and 25: API Gateway gives up after 30");
        }
        if settings.session_idle_minutes == 0 {
            return is_wrong("session_idle_minutes is at least 1");
        }
        if settings.issuers()?.is_empty() {
            return is_wrong("issuers names nobody: add one with issuer and audience");
        }
        settings.upstream.check().map_err(|error| ConfigurationError::new(format!("upstream: {error}")))?;
        Ok(settings)
    }

    /// The issuers as the verifier takes them.
    ///
    /// # Errors
    /// For an algorithm that nobody may accept.
    pub fn issuers(&self) -> Result<Vec<IssuerSettings>, ConfigurationError> {
        self.issuers.iter().map(Issuer::settings).collect()
    }

    /// What the gateway itself is told.
    pub fn gateway(&self) -> gateway::Settings {
        gateway::Settings {
            hold: Duration::from_secs(self.hold_seconds),
            session_idle: Duration::from_secs(self.session_idle_minutes.saturating_mul(60)),
            default_context: self.defaults.context(),
            page_size: PAGE_SIZE,
            ..gateway::Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
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
        Settings::parse(text, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_and_a_file_make_one_configuration() {
        let settings = parse(CATALOG, &[("SNOWGATE_HOLD_SECONDS", "5"), ("PATH", "/bin")]).unwrap();
        let gateway = settings.gateway();
        assert_eq!(gateway.hold, Duration::from_secs(5));
        assert_eq!(gateway.default_context.role.as_deref(), Some("ANALYST"));
        assert_eq!(settings.issuers().unwrap()[0].audience, ["snowgate"]);
        assert_eq!(settings.upstream.account, "ACME-DEV");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn a_wrong_configuration_is_named_without_its_values() {
        for (text, more, expected) in [
            (CATALOG, vec![("SNOWGATE_LISTEN", "0.0.0.0:80")], "unknown field `listen`"),
            (CATALOG, vec![("SNOWGATE_HOLD_SECONDS", "40")], "hold_seconds lies between 1 and 25"),
            ("", vec![], "missing field `catalog`"),
            (CATALOG, vec![("SNOWGATE_ISSUERS", "[]")], "issuers"),
            (
                CATALOG,
                vec![(
                    "SNOWGATE_ISSUERS",
                    r#"[{issuer = "https://i.example", audience = ["a"], algorithms = ["none"]}]"#,
                )],
                "an algorithm is one of",
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
        let settings = Settings::parse("", variables).unwrap();
        assert_eq!(settings.issuers().unwrap()[0].required_scopes, ["sql"]);
        assert_eq!(settings.gateway().default_context.warehouse.as_deref(), Some("WH"));
        assert_eq!(settings.upstream.url, "https://ACME-DEV.snowflakecomputing.com");
    }
}
