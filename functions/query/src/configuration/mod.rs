//! What every program of Snowgate reads the same way of `snowgate.toml` and `SNOWGATE_*` (decision 11).
//!
//! A variable names a key by its path, parts joined by two underscores: `SNOWGATE_LISTEN`,
//! `SNOWGATE_DEFAULTS__ROLE`. Its value is read as TOML where it is one, else as text; it wins over the file. The keys that
//! every program has are [`Shared`]; a program adds its own, and refuses those that it does not know.

mod fields;
mod shared;

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::{Table, Value};

pub use shared::{Defaults, Issuer, Names, Shared};

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

/// The variables of the environment, those of other programs left out that are no text. With [`variable`] the only place
/// that looks at the environment.
///
/// # Errors
/// The variable of ours that is no text.
#[allow(clippy::disallowed_methods, reason = "this is the place that reads settings")]
pub fn variables() -> Result<Vec<(String, String)>, ConfigurationError> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let is_ours = name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => variables.push((name, value)),
            (Ok(name), Err(_)) if is_ours => return Err(ConfigurationError(format!("{name} is no text"))),
            (Err(_), _) if is_ours => return Err(ConfigurationError(format!("{PREFIX}… names no key"))),
            (Ok(_) | Err(_), _) => {}
        }
    }
    Ok(variables)
}

/// One variable of the environment, where it is set.
///
/// # Errors
/// When it is no text.
#[allow(clippy::disallowed_methods, reason = "this is the place that reads settings")]
pub fn variable(name: &str) -> Result<Option<String>, ConfigurationError> {
    let read = |value: std::ffi::OsString| {
        value.into_string().map_err(|_| ConfigurationError(format!("{name} is no text")))
    };
    std::env::var_os(name).map(read).transpose()
}

/// What our variables begin with.
const PREFIX: &str = "SNOWGATE_";

/// Reads a file's text, overridden by the `SNOWGATE_…` variables but those named in `not_settings` (without prefix): the
/// keys that every program has, checked, and the program's own.
///
/// # Errors
/// The line or the key that is wrong.
pub fn read<Own: DeserializeOwned>(
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    not_settings: &[&str],
    defaults: &Defaults,
) -> Result<(Shared, Own), ConfigurationError> {
    let mut table: Table = toml::from_str(text).map_err(|error| {
        ConfigurationError(format!("the configuration cannot be read: {}", place(text, &error)))
    })?;
    for (name, value) in variables {
        if let Some(path) = name.strip_prefix(PREFIX).filter(|path| !not_settings.contains(path)) {
            set(&mut table, path, &value).map_err(|why| ConfigurationError(format!("{name}: {why}")))?;
        }
    }
    let (common, own) = (fields::of::<Shared>(), fields::of::<Own>());
    let known = || common.iter().chain(own);
    if let Some(unknown) = table.keys().find(|key| !known().any(|known| known == key)) {
        let known: Vec<&str> = known().copied().collect();
        return Err(wrong(format!("unknown field `{unknown}`, expected one of `{}`", known.join("`, `"))));
    }
    let (common, own) = table.into_iter().partition(|(key, _)| common.contains(&key.as_str()));
    let shared = Shared::read(common, defaults)?;
    Ok((shared, section(own).map_err(wrong)?))
}

fn wrong(why: impl std::fmt::Display) -> ConfigurationError {
    ConfigurationError(format!("the configuration is wrong: {why}"))
}

/// Reads one section of a configuration.
fn section<T: DeserializeOwned>(table: Table) -> Result<T, ConfigurationError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    use serde::Deserialize;

    /// A program's own keys.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        listen: Option<String>,
    }

    const DEFAULTS: Defaults = Defaults {
        home: Some("./home"),
        hold_seconds: 7,
        longest_hold_seconds: 9,
        why_not_longer: "as this test says",
    };

    fn sample(text: &str, variables: &[(&str, &str)]) -> Result<(Shared, Own), String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(text, variables, &["TOKEN"], &DEFAULTS).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_set_is_as_the_program_says() {
        let (shared, own) = sample("", &[]).unwrap();
        assert_eq!((shared.home.to_str(), shared.hold_seconds), (Some("./home"), 7));
        assert_eq!((shared.session_idle_minutes, own.listen), (30, None));
        let homeless = Defaults { home: None, ..DEFAULTS };
        let message = read::<Own>("", [], &[], &homeless).unwrap_err().to_string();
        assert!(message.contains("missing field `home`"), "{message}");
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let (shared, own) = sample(
            "hold_seconds = 3\nlisten = 'x'\n[defaults]\nrole = 'A'",
            &[
                ("SNOWGATE_HOLD_SECONDS", "5"),
                ("SNOWGATE_LISTEN", "y"),
                ("SNOWGATE_DEFAULTS__ROLE", "B"),
                ("SNOWGATE_TOKEN", "x"),
                ("PATH", "y"),
            ],
        )
        .unwrap();
        assert_eq!((shared.hold_seconds, shared.defaults.role.as_deref()), (5, Some("B")));
        assert_eq!(own.listen.as_deref(), Some("y"));
    }

    #[test]
    fn a_value_with_line_breaks_sets_one_key() {
        let (read, _) = sample("", &[("SNOWGATE_DEFAULTS__ROLE", "'A'\nwarehouse = 'B'")]).unwrap();
        assert_eq!(read.defaults.role.as_deref(), Some("'A'\nwarehouse = 'B'"));
        assert_eq!(read.defaults.warehouse, None);
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let issuer = |more: &str| format!("[[issuers]]\nissuer = 'https://i.example'\n{more}");
        for (text, variables, expected) in [
            ("lissten = 1".to_owned(), vec![], "unknown field `lissten`, expected one of `home`, `policies`"),
            ("hold_seconds = 0".to_owned(), vec![], "hold_seconds lies between 1 and 9: as this test says"),
            ("hold_seconds = 10".to_owned(), vec![], "hold_seconds lies between 1 and 9"),
            ("session_idle_minutes = 0".to_owned(), vec![], "session_idle_minutes is at least 1"),
            ("[upstream]\nurl = 's3cret'".to_owned(), vec![], "[upstream] is wrong: missing field `account`"),
            (
                "[upstream]\nsurprise = 's3cret'".to_owned(),
                vec![],
                "[upstream] is wrong: unknown field `surprise`",
            ),
            ("listen = 1".to_owned(), vec![], "expected a string"),
            (String::new(), vec![("SNOWGATE_LISSTEN", "s3cret")], "unknown field `lissten`"),
            (String::new(), vec![("SNOWGATE_", "s3cret")], "names no key"),
            (String::new(), vec![("SNOWGATE_HOLD_SECONDS__", "s3cret")], "names no key"),
            ("hold_seconds = 1".to_owned(), vec![("SNOWGATE_HOLD_SECONDS__X", "s3cret")], "no table"),
            ("\nhold_seconds = \"s3cret".to_owned(), vec![], "line 2"),
            ("hold_seconds = \"s3cret\"".to_owned(), vec![], "expected"),
            (issuer(""), vec![], "missing field `audience`"),
        ] {
            let message = sample(&text, &variables).unwrap_err();
            assert!(message.contains(expected) && !message.contains("s3cret"), "{message}");
        }
        for (text, expected) in [
            (issuer("audience = []"), "audience names nobody"),
            (issuer("audience = ['a']\nalgorithms = ['none']"), "an algorithm is one of"),
        ] {
            let message = sample(&text, &[]).unwrap_err();
            assert!(message.contains(expected) && message.contains("https://i.example"), "{message}");
        }
    }
}
