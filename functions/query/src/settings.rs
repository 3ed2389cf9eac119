//! What an operator chooses for the function: read once, checked whole, unknown keys refused.
//!
//! The keys are those of `snowgate.toml` (decision 11). `SNOWGATE_CONFIG` may name such a file; every other
//! `SNOWGATE_…` variable sets one key by its path, parts joined by two underscores (`SNOWGATE_UPSTREAM__URL`), its
//! value read as TOML where it is, else as text. The template's parameters arrive so.

use std::path::PathBuf;
use std::time::Duration;

use domain::Context;
use oidc::{Algorithm, IssuerSettings};
use serde::Deserialize;
use thiserror::Error;
use toml::{Table, Value};

/// Why the function does not start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the file that SNOWGATE_CONFIG names cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// A key is unknown, missing or of another type. SECURITY: only the key's place is told, for values may be secret.
    #[error("{0}")]
    Wrong(String),
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

/// `[defaults]`: none of the Snowflake user's own defaults is ever fallen back to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    role: Option<String>,
    warehouse: Option<String>,
    database: Option<String>,
    schema: Option<String>,
}

/// One `[[issuers]]` entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Issuer {
    issuer: String,
    audience: Vec<String>,
    #[serde(default)]
    algorithms: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    required_scopes: Vec<String>,
    groups_claim: Option<String>,
    agent_claim: Option<String>,
    person_claim: Option<String>,
    jwks_uri: Option<String>,
    leeway_seconds: Option<u64>,
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
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let variables: Vec<(String, String)> = variables.collect();
        // Set by Lambda, and by nothing that plays it on a developer's machine.
        if variables.iter().any(|(name, _)| name == "AWS_LAMBDA_INITIALIZATION_TYPE") {
            return Err(SettingsError::Fleeting);
        }
        let file = variables.iter().find(|(name, _)| name == "SNOWGATE_CONFIG");
        let text = file.map(|(_, path)| std::fs::read_to_string(path)).transpose()?;
        Self::parse(&text.unwrap_or_default(), &variables)
    }

    fn parse(text: &str, variables: &[(String, String)]) -> Result<Self, SettingsError> {
        let wrong = |error: toml::de::Error| {
            SettingsError::Wrong(format!(
                "the configuration is wrong: {}",
                query::without_values(error.message())
            ))
        };
        let mut table: Table = toml::from_str(text).map_err(wrong)?;
        for (name, value) in variables {
            if let Some(path) = name.strip_prefix("SNOWGATE_").filter(|path| *path != "CONFIG") {
                set(&mut table, path, value).map_err(|why| SettingsError::Wrong(format!("{name}: {why}")))?;
            }
        }
        let settings: Self = table.try_into().map_err(wrong)?;
        let is_wrong = |message: &str| Err(SettingsError::Wrong(message.to_owned()));
        if !(1..=25).contains(&settings.hold_seconds) {
            return is_wrong("hold_seconds lies between 1 and 25: API Gateway gives up after 30");
        }
        if settings.session_idle_minutes == 0 {
            return is_wrong("session_idle_minutes is at least 1");
        }
        if settings.issuers()?.is_empty() {
            return is_wrong("issuers names nobody: add one with issuer and audience");
        }
        settings.upstream.check().map_err(|error| SettingsError::Wrong(format!("upstream: {error}")))?;
        Ok(settings)
    }

    /// The issuers as the verifier takes them.
    ///
    /// # Errors
    /// [`SettingsError::Wrong`] for an algorithm that nobody may accept.
    pub fn issuers(&self) -> Result<Vec<IssuerSettings>, SettingsError> {
        self.issuers.iter().map(Issuer::settings).collect()
    }

    /// What the gateway itself is told.
    pub fn gateway(&self) -> gateway::Settings {
        let Names { role, warehouse, database, schema } = &self.defaults;
        gateway::Settings {
            hold: Duration::from_secs(self.hold_seconds),
            session_idle: Duration::from_secs(self.session_idle_minutes.saturating_mul(60)),
            default_context: Context {
                role: role.clone(),
                warehouse: warehouse.clone(),
                database: database.clone(),
                schema: schema.clone(),
            },
            page_size: PAGE_SIZE,
            ..gateway::Settings::default()
        }
    }
}

impl Issuer {
    fn settings(&self) -> Result<IssuerSettings, SettingsError> {
        let mut settings = IssuerSettings::new(self.issuer.clone(), "");
        settings.audience.clone_from(&self.audience);
        if !self.algorithms.is_empty() {
            let read = |name: &String| name.parse::<Algorithm>();
            settings.algorithms = self
                .algorithms
                .iter()
                .map(read)
                .collect::<Result<_, _>>()
                .map_err(|error| SettingsError::Wrong(format!("issuers: {error}")))?;
        }
        if !self.types.is_empty() {
            settings.types.clone_from(&self.types);
        }
        settings.required_scopes.clone_from(&self.required_scopes);
        if let Some(claim) = &self.groups_claim {
            settings.groups_claim.clone_from(claim);
        }
        settings.agent_claim.clone_from(&self.agent_claim);
        settings.person_claim.clone_from(&self.person_claim);
        settings.jwks_uri.clone_from(&self.jwks_uri);
        if let Some(leeway) = self.leeway_seconds {
            settings.leeway = Duration::from_secs(leeway);
        }
        Ok(settings)
    }
}

/// Sets the key at `path`; a variable wins over the file.
fn set(table: &mut Table, path: &str, value: &str) -> Result<(), &'static str> {
    let mut parts: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
    let last = parts.pop().filter(|last| !last.is_empty()).ok_or("names no key")?;
    let mut table = table;
    for part in parts {
        let entry = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        table = entry.as_table_mut().ok_or("a part of the name is no table")?;
    }
    let read = toml::from_str::<Table>(&format!("value = {value}")).ok();
    let value = match read {
        Some(mut read) if read.len() == 1 => read.remove("value"),
        Some(_) | None => None,
    }
    .unwrap_or_else(|| Value::String(value.to_owned()));
    table.insert(last, value);
    Ok(())
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
        Settings::parse(text, &variables).map_err(|error| error.to_string())
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
        let settings = Settings::parse("", &variables).unwrap();
        assert_eq!(settings.issuers().unwrap()[0].required_scopes, ["sql"]);
        assert_eq!(settings.gateway().default_context.warehouse.as_deref(), Some("WH"));
        assert_eq!(settings.upstream.url, "https://ACME-DEV.snowflakecomputing.com");
    }
}
