//! What every program of Snowgate reads the same way of `snowgate.toml` and `SNOWGATE_*` (decision 11), and what it makes of
//! it before it answers anything ([`wiring`]).
//!
//! A variable names a key by its path, parts joined by two underscores: `SNOWGATE_LISTEN`,
//! `SNOWGATE_DEFAULTS__ROLE`. Its value is read as TOML where it is one, else as text; it wins over the file. The keys that
//! every program with doors has are [`Shared`]; a program adds its own, and refuses those that it does not know.
//!
//! ```
//! use settings::File;
//!
//! #[derive(serde::Deserialize)]
//! struct Own {
//!     listen: String,
//! }
//!
//! let file = File { name: "snowgate.toml", text: "listen = '127.0.0.1:1'" };
//! let (own, _) = settings::read_own::<Own>(file, [], &[])?;
//! assert_eq!(own.listen, "127.0.0.1:1");
//! let wrong = File { text: "lissten = 'x'", ..file };
//! assert!(settings::read_own::<Own>(wrong, [], &[]).is_err_and(|error| error.to_string().starts_with("snowgate.toml:1: lissten")));
//! # Ok::<(), settings::ConfigurationError>(())
//! ```

mod fields;
mod places;
mod reviewers;
mod shared;
pub mod wiring;
mod wording;

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::{Table, Value};

pub use places::Places;
pub use reviewers::{ReviewerEntry, ReviewersIssuer, Secret, is_page_address, people};
pub use shared::{Defaults, Issuer, Names, Scopes, Shared, of_upstream};

/// The text of a configuration file.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// What to call it.
    pub name: &'a str,
    /// What stands in it; empty where there is none.
    pub text: &'a str,
}

impl File<'_> {
    /// The line that a byte of the text stands on, as people and editors write it: `snowgate.toml:3`.
    fn line(&self, byte: usize) -> String {
        let before = self.text.get(..byte).unwrap_or_default();
        format!("{}:{}", self.name, before.matches('\n').count() + 1)
    }
}

/// A configuration, read.
#[derive(Clone, Debug)]
pub struct Configured<Own> {
    /// The keys that every program has, checked.
    pub shared: Shared,
    /// The program's own.
    pub own: Own,
    /// Who said what, for whatever turns out to be wrong later.
    pub places: Places,
}

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

/// Reads a file, overridden by the `SNOWGATE_…` variables but those named in `not_settings` (without prefix): the keys
/// that every program with doors has, checked, and the program's own.
///
/// # Errors
/// What is wrong, with the file and its line, or the variable, and the key.
pub fn read<Own: DeserializeOwned>(
    file: File<'_>,
    variables: impl IntoIterator<Item = (String, String)>,
    not_settings: &[&str],
    defaults: &Defaults,
) -> Result<Configured<Own>, ConfigurationError> {
    let (common, own) = (fields::of::<Shared>(), fields::of::<Own>());
    let (table, places) = table(file, variables, not_settings, &[common, own])?;
    let (common, own) = table.into_iter().partition(|(key, _)| common.contains(&key.as_str()));
    let shared = Shared::read(common, defaults, &places)?;
    let own = section(own, &places)?;
    Ok(Configured { shared, own, places })
}

/// The same of a program that has no keys but its own.
///
/// # Errors
/// As [`read`].
pub fn read_own<Own: DeserializeOwned>(
    file: File<'_>,
    variables: impl IntoIterator<Item = (String, String)>,
    not_settings: &[&str],
) -> Result<(Own, Places), ConfigurationError> {
    let (table, places) = table(file, variables, not_settings, &[fields::of::<Own>()])?;
    Ok((section(table, &places)?, places))
}

/// What was written, and by whom; keys that are not known are refused.
fn table(
    file: File<'_>,
    variables: impl IntoIterator<Item = (String, String)>,
    not_settings: &[&str],
    known: &[&[&str]],
) -> Result<(Table, Places), ConfigurationError> {
    let mut table: Table = toml::from_str(file.text).map_err(|error| unreadable(&file, &error))?;
    let mut places = Places::of_file(&file);
    for (name, value) in variables {
        if let Some(path) = name.strip_prefix(PREFIX).filter(|path| !not_settings.contains(path)) {
            let key =
                set(&mut table, path, &value).map_err(|why| ConfigurationError(format!("{name}: {why}")))?;
            places.said_by(&key, name);
        }
    }
    let known = || known.iter().copied().flatten().copied();
    if let Some(unknown) = table.keys().find(|key| !known().any(|known| known == key.as_str())) {
        let known: Vec<&str> = known().collect();
        let problem = format!("unknown field `{unknown}`, expected one of `{}`", known.join("`, `"));
        return Err(places.unknown(unknown, problem));
    }
    Ok((table, places))
}

/// What is wrong in a text that is no TOML, and on which line.
fn unreadable(file: &File<'_>, error: &toml::de::Error) -> ConfigurationError {
    let place = file.line(error.span().map_or(0, |span| span.start));
    ConfigurationError(format!("{place}: {}", crate::wording::without_values(error.message())))
}

/// Reads what was written, keys that are not known refused.
fn section<T: DeserializeOwned>(table: Table, places: &Places) -> Result<T, ConfigurationError> {
    serde_path_to_error::deserialize(table).map_err(|error| {
        let key = error.path().to_string();
        // Its word for the whole.
        let key = if key == "." { "" } else { key.as_str() };
        let told = crate::wording::without_values(error.inner().message());
        match variable_of(key, &told) {
            Some(name) => places.wrong(key, format!("{told} ({name})")),
            None => places.wrong(key, told),
        }
    })
}

/// The variable that would set what is missing; none for an entry of a list.
fn variable_of(section: &str, told: &str) -> Option<String> {
    let field = told.strip_prefix("missing field `")?.strip_suffix('`')?;
    let path = if section.is_empty() { field.to_owned() } else { format!("{section}.{field}") };
    let is_key = path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
    is_key.then(|| format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase()))
}

/// Sets the key that a variable names by its path; the key as the file would write it.
fn set(table: &mut Table, path: &str, value: &str) -> Result<String, &'static str> {
    let mut parts: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
    if parts.iter().any(String::is_empty) {
        return Err("names no key");
    }
    let key = parts.join(".");
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
    Ok(key)
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

    const DEFAULTS: Defaults =
        Defaults { hold_seconds: 7, longest_hold_seconds: 9, why_not_longer: "as this test says" };

    fn sample(text: &str, variables: &[(&str, &str)]) -> Result<(Shared, Own), String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let file = File { name: "some.toml", text };
        let configured = read(file, variables, &["TOKEN"], &DEFAULTS).map_err(|error| error.to_string())?;
        Ok((configured.shared, configured.own))
    }

    #[test]
    fn what_is_not_set_is_as_the_program_says() {
        let (shared, own) = sample("", &[]).unwrap();
        assert_eq!((shared.session_idle_minutes, shared.hold_seconds, own.listen), (30, 7, None));
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
            (
                "lissten = 1".to_owned(),
                vec![],
                "some.toml:1: lissten: unknown field `lissten`, expected one of `policies`, `hold_seconds`",
            ),
            (
                "\nhold_seconds = 0".to_owned(),
                vec![],
                "some.toml:2: hold_seconds: lies between 1 and 9: as this test says",
            ),
            ("hold_seconds = 10".to_owned(), vec![], "some.toml:1: hold_seconds: lies between 1 and 9"),
            (
                String::new(),
                vec![("SNOWGATE_HOLD_SECONDS", "10")],
                "SNOWGATE_HOLD_SECONDS: hold_seconds: lies between 1 and 9",
            ),
            (
                "session_idle_minutes = 0".to_owned(),
                vec![],
                "some.toml:1: session_idle_minutes: is at least 1",
            ),
            (
                "[upstream]\nurl = 's3cret'".to_owned(),
                vec![],
                "some.toml:1: upstream: missing field `account`",
            ),
            (
                "[upstream]\nsurprise = 's3cret'".to_owned(),
                vec![],
                "some.toml:2: upstream.surprise: unknown field `surprise`",
            ),
            ("upstream = 's3cret'".to_owned(), vec![], "some.toml:1: upstream: a value is wrong: expected"),
            (
                "[upstream.timeouts]\n\nidle_ms = 's3cret'".to_owned(),
                vec![],
                "some.toml:3: upstream.timeouts.idle_ms: a value is wrong: expected u64",
            ),
            (
                "listen = ''\n[defaults]\nrole = ['s3cret']".to_owned(),
                vec![],
                "some.toml:3: defaults.role: a value is wrong: expected a string",
            ),
            (
                "[defaults]\nrolle = 's3cret'".to_owned(),
                vec![],
                "some.toml:2: defaults.rolle: unknown field `rolle`",
            ),
            ("listen = 1".to_owned(), vec![], "some.toml:1: listen: a value is wrong: expected a string"),
            (String::new(), vec![("SNOWGATE_LISSTEN", "s3cret")], "SNOWGATE_LISSTEN: lissten: unknown field"),
            (
                "[defaults]\nrole = 'A'".to_owned(),
                vec![("SNOWGATE_DEFAULTS__ROLE", "['s3cret']")],
                "SNOWGATE_DEFAULTS__ROLE: defaults.role: a value is wrong",
            ),
            (String::new(), vec![("SNOWGATE_", "s3cret")], "SNOWGATE_: names no key"),
            (String::new(), vec![("SNOWGATE_HOLD_SECONDS__", "s3cret")], "names no key"),
            ("hold_seconds = 1".to_owned(), vec![("SNOWGATE_HOLD_SECONDS__X", "s3cret")], "no table"),
            ("\nhold_seconds = \"s3cret".to_owned(), vec![], "some.toml:2: "),
            ("hold_seconds = \"s3cret\"".to_owned(), vec![], "some.toml:1: hold_seconds: a value is wrong"),
            (
                "[scopes]\nwrite = ['sql:write', 's3cret s3cret']".to_owned(),
                vec![],
                "some.toml:2: scopes.write: a scope is a word",
            ),
            (
                "[scopes]\nwrites = []".to_owned(),
                vec![],
                "some.toml:2: scopes.writes: unknown field `writes`",
            ),
            (issuer(""), vec![], "some.toml:1: issuers[0]: missing field `audience`"),
            (
                issuer("audience = ['a']\nleeway_seconds = 's3cret'"),
                vec![],
                "some.toml:4: issuers[0].leeway_seconds: a value is wrong",
            ),
        ] {
            let message = sample(&text, &variables).unwrap_err();
            assert!(message.starts_with(expected) || message.contains(&format!(" {expected}")), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
        for (text, expected) in [
            (issuer("audience = []"), "some.toml:3: issuers[0].audience: names nobody"),
            (
                issuer("audience = ['a']\nalgorithms = ['none']"),
                "some.toml:4: issuers[0].algorithms: an algorithm is one of",
            ),
        ] {
            let message = sample(&text, &[]).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
