//! What every program of Snowgate reads the same way of `snowgate.toml` and `SNOWGATE_*` (decision 11).
//!
//! A variable names a key by its path, parts joined by two underscores: `SNOWGATE_LISTEN`,
//! `SNOWGATE_DEFAULTS__ROLE`. Its value is read as TOML where it is one, else as text; it wins over the file. Each program
//! keeps its own list of keys, and refuses those that it does not know.

use std::time::Duration;

use domain::Context;
use oidc::{Algorithm, IssuerSettings};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::{Table, Value};

/// What is wrong with a configuration. SECURITY: the place is told, never a value, for values may be secret.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigurationError(String);

impl ConfigurationError {
    /// A wrong setting, in words that show no value.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The variables of the environment, those that are no text left out.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads a file's text, overridden by the `SNOWGATE_…` variables but those named in `not_settings` (without prefix).
///
/// # Errors
/// The line or the key that is wrong.
pub fn read<T: DeserializeOwned>(
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    not_settings: &[&str],
) -> Result<T, ConfigurationError> {
    let mut table: Table = toml::from_str(text).map_err(|error| {
        ConfigurationError(format!("the configuration cannot be read: {}", place(text, &error)))
    })?;
    for (name, value) in variables {
        if let Some(path) = name.strip_prefix("SNOWGATE_").filter(|path| !not_settings.contains(path)) {
            set(&mut table, path, &value).map_err(|why| ConfigurationError(format!("{name}: {why}")))?;
        }
    }
    section(table).map_err(|why| ConfigurationError(format!("the configuration is wrong: {why}")))
}

/// Reads one section of a configuration.
///
/// # Errors
/// The key that is wrong.
pub fn section<T: DeserializeOwned>(table: Table) -> Result<T, ConfigurationError> {
    table
        .try_into()
        .map_err(|error: toml::de::Error| ConfigurationError(crate::wording::without_values(error.message())))
}

/// What is wrong in a text, and on which line.
fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, crate::wording::without_values(error.message()))
}

/// Sets the key at `path`.
fn set(table: &mut Table, path: &str, value: &str) -> Result<(), &'static str> {
    let mut parts: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
    if parts.iter().any(String::is_empty) {
        return Err("names no key");
    }
    let last = parts.pop().ok_or("names no key")?;
    let mut table = table;
    for part in parts {
        let entry = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        table = entry.as_table_mut().ok_or("a part of the name is no table")?;
    }
    // A text with a line break could bring further keys with it: then it is a text and nothing else.
    let read = toml::from_str::<Table>(&format!("value = {value}")).ok().filter(|read| read.len() == 1);
    let read = read.and_then(|mut read| read.remove("value"));
    table.insert(last, read.unwrap_or_else(|| Value::String(value.to_owned())));
    Ok(())
}

/// `[defaults]`: the names that a statement runs under where its client names none. None of the Snowflake user's own
/// defaults is ever fallen back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Snowflake role.
    pub role: Option<String>,
    /// Warehouse.
    pub warehouse: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Schema of that database.
    pub schema: Option<String>,
}

impl Names {
    /// The same as a context.
    pub fn context(&self) -> Context {
        let Self { role, warehouse, database, schema } = self.clone();
        Context { role, warehouse, database, schema }
    }
}

/// One `[[issuers]]` entry: an OIDC issuer whose tokens are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// `iss`, exactly as tokens say it.
    pub issuer: String,
    /// Accepted audiences; a token must name one.
    pub audience: Vec<String>,
    /// Accepted signature algorithms.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Accepted `typ` headers.
    #[serde(default)]
    pub types: Vec<String>,
    /// Scopes that every token must have.
    #[serde(default)]
    pub required_scopes: Vec<String>,
    /// The claim that lists groups.
    pub groups_claim: Option<String>,
    /// The claim that names the agent, for issuers that cannot say `act`.
    pub agent_claim: Option<String>,
    /// The claim that names the person.
    pub person_claim: Option<String>,
    /// Where the keys are; none: the discovery document says.
    pub jwks_uri: Option<String>,
    /// How far clocks may differ.
    pub leeway_seconds: Option<u64>,
}

impl Issuer {
    /// The settings as the verifier takes them.
    ///
    /// # Errors
    /// When an algorithm is unknown or no audience is accepted.
    pub fn settings(&self) -> Result<IssuerSettings, ConfigurationError> {
        let wrong = |why: String| ConfigurationError(format!("issuers: {}: {why}", self.issuer));
        let mut settings = IssuerSettings::new(self.issuer.clone(), "");
        if self.audience.is_empty() {
            return Err(wrong("audience names nobody".to_owned()));
        }
        settings.audience.clone_from(&self.audience);
        if !self.algorithms.is_empty() {
            let read = |name: &String| {
                name.parse::<Algorithm>().map_err(|error| wrong(format!("`{name}`: {error}")))
            };
            settings.algorithms = self.algorithms.iter().map(read).collect::<Result<_, _>>()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        hold: Option<u64>,
        #[serde(default)]
        defaults: Names,
        #[serde(default)]
        issuers: Vec<Issuer>,
    }

    fn sample(text: &str, variables: &[(&str, &str)]) -> Result<Sample, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(text, variables, &["TOKEN"]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let read = sample(
            "hold = 3\n[defaults]\nrole = 'A'",
            &[
                ("SNOWGATE_HOLD", "5"),
                ("SNOWGATE_DEFAULTS__ROLE", "B"),
                ("SNOWGATE_TOKEN", "x"),
                ("PATH", "y"),
            ],
        )
        .unwrap();
        assert_eq!((read.hold, read.defaults.role.as_deref()), (Some(5), Some("B")));
    }

    #[test]
    fn a_value_with_line_breaks_sets_one_key() {
        let read = sample("", &[("SNOWGATE_DEFAULTS__ROLE", "'A'\nwarehouse = 'B'")]).unwrap();
        assert_eq!(read.defaults.role.as_deref(), Some("'A'\nwarehouse = 'B'"));
        assert_eq!(read.defaults.warehouse, None);
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let issuer = |more: &str| format!("[[issuers]]\nissuer = 'https://i.example'\n{more}");
        for (text, variables, expected) in [
            ("lissten = 1".to_owned(), vec![], "unknown field `lissten`"),
            (String::new(), vec![("SNOWGATE_LISSTEN", "s3cret")], "unknown field `lissten`"),
            (String::new(), vec![("SNOWGATE_", "s3cret")], "names no key"),
            (String::new(), vec![("SNOWGATE_HOLD__", "s3cret")], "names no key"),
            ("hold = 1".to_owned(), vec![("SNOWGATE_HOLD__X", "s3cret")], "no table"),
            ("\nhold = \"s3cret".to_owned(), vec![], "line 2"),
            ("hold = \"s3cret\"".to_owned(), vec![], "expected"),
            (issuer(""), vec![], "missing field `audience`"),
        ] {
            let message = sample(&text, &variables).unwrap_err();
            assert!(message.contains(expected) && !message.contains("s3cret"), "{message}");
        }
        for (text, expected) in [
            (issuer("audience = []"), "audience names nobody"),
            (issuer("audience = ['a']\nalgorithms = ['none']"), "an algorithm is one of"),
        ] {
            let message = sample(&text, &[]).unwrap().issuers[0].settings().unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("https://i.example"), "{message}");
        }
    }
}
