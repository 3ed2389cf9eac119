//! The configuration: `snowgate.toml`, overridden by `SNOWGATE_*`. Read once, checked whole, unknown keys refused.
//!
//! A variable names a key by its path, parts joined by two underscores: `SNOWGATE_LISTEN`,
//! `SNOWGATE_DEFAULTS__ROLE`. Its value is read as TOML where that is possible, else as text.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Context;
use oidc::{Algorithm, IssuerSettings};
use serde::Deserialize;

use crate::commands::Broken;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "snowgate.toml";

/// Everything that an operator may choose. Every key has a default but those of an upstream account.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen. Anything but loopback needs `[[issuers]]`.
    pub listen: String,
    /// Folder for keys, recordings and state.
    pub home: PathBuf,
    /// Folder with the policy bundle; none: the built-in one.
    pub policies: Option<PathBuf>,
    /// TPC-H scale factor of the embedded warehouse.
    pub scale: f64,
    /// How long an answer is waited for before the agent is told to come back.
    pub hold_seconds: u64,
    /// After how long without a statement a session has ended.
    pub session_idle_minutes: u64,
    /// Hosts (`name` or `name:port`) that may stand in `Host` besides the address that is listened on.
    pub hosts: Vec<String>,
    /// The names that a statement runs under where its client names none.
    pub defaults: Defaults,
    /// Trusted issuers of agents' tokens; none: the development issuer, on loopback over the embedded warehouse.
    pub issuers: Vec<Issuer>,
    /// The Snowflake account; none: the embedded warehouse.
    pub upstream: Option<toml::Table>,
}

impl fmt::Debug for Config {
    // SECURITY: the section about the account holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8181".to_owned(),
            home: PathBuf::from("./.snowgate"),
            policies: None,
            scale: 0.01,
            hold_seconds: 40,
            session_idle_minutes: 30,
            hosts: Vec::new(),
            defaults: Defaults::default(),
            issuers: Vec::new(),
            upstream: None,
        }
    }
}

/// `[defaults]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Snowflake role.
    pub role: Option<String>,
    /// Warehouse.
    pub warehouse: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Schema of that database.
    pub schema: Option<String>,
}

impl Default for Defaults {
    /// The names of the embedded warehouse.
    fn default() -> Self {
        let name = |name: &str| Some(name.to_owned());
        Self {
            role: name("ANALYST"),
            warehouse: name("DEMO_WH"),
            database: name("DEMO"),
            schema: name("PUBLIC"),
        }
    }
}

/// One `[[issuers]]` entry.
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

impl Config {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// What is wrong, with the key and what to do.
    pub fn read(file: Option<&Path>) -> Result<Self, Broken> {
        let text = match file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| Broken::new(format!("{} cannot be read: {error}", file.display())))?,
            None => match std::fs::read_to_string(DEFAULT_FILE) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(Broken::new(format!("{DEFAULT_FILE} cannot be read: {error}"))),
            },
        };
        Self::parse(
            &text,
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Reads a file's text and variables.
    pub fn parse(text: &str, variables: impl Iterator<Item = (String, String)>) -> Result<Self, Broken> {
        let mut table: toml::Table = toml::from_str(text).map_err(|error| {
            Broken::new(format!("the configuration cannot be read: {}", place(text, &error)))
        })?;
        for (name, value) in variables {
            let Some(path) = name.strip_prefix("SNOWGATE_") else { continue };
            // Not the gateway's: the token that `snowgate ask` sends.
            if path == "TOKEN" || path == "LOG" {
                continue;
            }
            set(&mut table, path, &value).map_err(|why| Broken::new(format!("{name}: {why}")))?;
        }
        let config: Self = table.try_into().map_err(|error: toml::de::Error| {
            Broken::new(format!("the configuration is wrong: {}", query::without_values(error.message())))
        })?;
        Ok(config)
    }

    /// The address.
    ///
    /// # Errors
    /// When it is none.
    pub fn address(&self) -> Result<SocketAddr, Broken> {
        self.listen.parse().map_err(|_| {
            Broken::usage(format!(
                "`{}` is no address to listen on; write one like 127.0.0.1:8181",
                self.listen
            ))
        })
    }

    /// What must hold before anything listens.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Broken> {
        let address = self.address()?;
        let is_loopback = address.ip().is_loopback();
        // SECURITY: the development issuer gives a token to whoever can read the home. It must never stand in front
        // of a real account, nor be reachable from another machine.
        if self.issuers.is_empty() && !is_loopback {
            return Err(Broken::new(format!(
                "listening on {address} needs a real issuer: add [[issuers]] with issuer and audience to snowgate.toml"
            )));
        }
        if self.issuers.is_empty() && self.upstream.is_some() {
            return Err(Broken::new(
                "a Snowflake upstream needs a real issuer: add [[issuers]] with issuer and audience to snowgate.toml",
            ));
        }
        if !(self.scale > 0.0 && self.scale <= 100.0) {
            return Err(Broken::usage("scale lies above 0 and is at most 100"));
        }
        if !(1..=600).contains(&self.hold_seconds) {
            return Err(Broken::new("hold_seconds lies between 1 and 600"));
        }
        if self.session_idle_minutes == 0 {
            return Err(Broken::new("session_idle_minutes is at least 1"));
        }
        self.issuers.iter().try_for_each(|issuer| issuer.settings().map(|_| ()))
    }

    /// The names to run under where a client names none.
    pub fn default_context(&self) -> Context {
        let Defaults { role, warehouse, database, schema } = self.defaults.clone();
        Context { role, warehouse, database, schema }
    }

    /// What the gateway itself is told.
    pub fn gateway_settings(&self) -> gateway::Settings {
        gateway::Settings {
            hold: Duration::from_secs(self.hold_seconds),
            session_idle: Duration::from_secs(self.session_idle_minutes.saturating_mul(60)),
            default_context: self.default_context(),
            ..gateway::Settings::default()
        }
    }
}

impl Issuer {
    /// The settings as the verifier takes them.
    ///
    /// # Errors
    /// When an algorithm is unknown or nothing is accepted.
    pub fn settings(&self) -> Result<IssuerSettings, Broken> {
        let mut settings = IssuerSettings::new(self.issuer.clone(), "");
        settings.audience.clone_from(&self.audience);
        if self.audience.is_empty() {
            return Err(Broken::new(format!("issuer {}: audience names nobody", self.issuer)));
        }
        if !self.algorithms.is_empty() {
            let read = |name: &String| {
                name.parse::<Algorithm>()
                    .map_err(|error| Broken::new(format!("issuer {}: `{name}`: {error}", self.issuer)))
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

/// What is wrong in a text, and on which line.
fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, query::without_values(error.message()))
}

fn set(table: &mut toml::Table, path: &str, value: &str) -> Result<(), String> {
    let mut parts: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
    let last = parts.pop().ok_or("names no key")?;
    let mut table = table;
    for part in parts {
        let entry = table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        table = entry.as_table_mut().ok_or("a part of the name is no table")?;
    }
    let read = toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    table.insert(last, read.unwrap_or_else(|| toml::Value::String(value.to_owned())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Broken> {
        Config::parse(text, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn nothing_at_all_is_a_good_configuration() {
        read("", &[]).unwrap().check().unwrap();
    }

    #[test]
    fn the_reference_is_a_good_configuration_with_the_defaults() {
        let config = read(include_str!("../../../snowgate.example.toml"), &[]).unwrap();
        config.check().unwrap();
        crate::serve::check_parts(&config).unwrap();
        let default = Config::default();
        assert_eq!((config.listen, config.hold_seconds), (default.listen, default.hold_seconds));
        assert_eq!((config.home, config.scale), (default.home, default.scale));
        assert_eq!(config.defaults.role, default.defaults.role);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name_wherever_it_stands() {
        for (text, variables) in [
            ("lissten = '127.0.0.1:1'", vec![]),
            ("", vec![("SNOWGATE_LISSTEN", "x")]),
            ("[defaults]\nrolle = 'A'", vec![]),
        ] {
            let broken = read(text, &variables).unwrap_err().to_string();
            assert!(broken.contains("lissten") || broken.contains("rolle"), "{broken}");
        }
    }

    #[test]
    fn a_value_in_the_wrong_place_is_not_printed() {
        for text in [
            "hold_seconds = \"hunter2\"",
            "[upstream]\nurl = \"hunter2\"\nlisten = \"hunter2\"",
            "listen = \"hunter2",
        ] {
            let told = match read(text, &[]) {
                Ok(config) => crate::serve::check_parts(&config).unwrap_err().to_string(),
                Err(broken) => broken.to_string(),
            };
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let config = read(
            "hold_seconds = 3\n[defaults]\nrole = 'A'",
            &[
                ("SNOWGATE_HOLD_SECONDS", "5"),
                ("SNOWGATE_DEFAULTS__ROLE", "B"),
                ("SNOWGATE_LISTEN", "127.0.0.1:9"),
            ],
        )
        .unwrap();
        assert_eq!((config.hold_seconds, config.listen.as_str()), (5, "127.0.0.1:9"));
        assert_eq!(config.defaults.role.as_deref(), Some("B"));
    }

    #[test]
    fn the_development_issuer_stays_on_loopback_over_the_embedded_warehouse() {
        for (text, needs) in [
            ("listen = '0.0.0.0:8181'", true),
            ("listen = '[::1]:8181'", false),
            ("[upstream]\nurl = 'x'", true),
        ] {
            let checked = read(text, &[]).unwrap().check();
            assert_eq!(
                checked.is_err_and(|broken| broken.to_string().contains("real issuer")),
                needs,
                "{text}"
            );
        }
    }
}
