//! The configuration: `snowgate.toml`, overridden by `SNOWGATE_*` (see [`settings`]). Read once, checked
//! whole, unknown keys refused.

mod reviewers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use domain::Context;
use evidence::{ChannelEntry, Channels};
use serde::Deserialize;
use settings::{Configured, Defaults, File, Places, ReviewerEntry, ReviewersIssuer, Shared};
use traces::Wish;

use crate::cli::HomeArgs;
use crate::commands::Broken;

pub use reviewers::{MailEntry, RemindersEntry};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "snowgate.toml";

/// Everything that an operator may choose. Every key has a default but those of an upstream account.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every gateway is told. Without issuers: the development issuer, on loopback over the embedded warehouse. Without
    /// an upstream: the embedded warehouse.
    pub shared: Shared,
    /// What this program is told besides.
    pub own: Own,
    /// Who said what.
    pub places: Places,
}

/// The keys of the local server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Own {
    /// Folder for keys, recordings and state.
    pub home: PathBuf,
    /// Where to listen. Anything but loopback needs `[[issuers]]`.
    pub listen: String,
    /// TPC-H scale factor of the embedded warehouse.
    pub scale: f64,
    /// Hosts (`name` or `name:port`) that may stand in `Host` besides the address that is listened on.
    pub hosts: Vec<String>,
    /// Where reviewers reach the page (`https://HOST`); none: the address that is listened on, on loopback alone.
    pub approvals_url: Option<String>,
    /// Where reviewers sign in. Without it nobody decides before a real account, and whoever holds a link over the embedded
    /// warehouse.
    pub reviewers_issuer: Option<ReviewersIssuer>,
    /// Who is asked to decide.
    pub reviewers: Vec<ReviewerEntry>,
    /// How they are told; none: on the terminal.
    pub mail: Option<MailEntry>,
    /// When they are told again.
    pub reminders: RemindersEntry,
    /// Whether the warehouse is asked for the plan of what waits.
    pub estimates: bool,
    /// The channels that evidence of prompts comes by.
    pub evidence: Vec<ChannelEntry>,
    /// Whose requests are traced, on standard error.
    pub traces: Wish,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            home: PathBuf::from("./.snowgate"),
            listen: "127.0.0.1:8181".to_owned(),
            scale: 0.01,
            hosts: Vec::new(),
            approvals_url: None,
            reviewers_issuer: None,
            reviewers: Vec::new(),
            mail: None,
            reminders: RemindersEntry::default(),
            estimates: false,
            evidence: Vec::new(),
            traces: Wish::Off,
        }
    }
}

/// The home that a command works on: what `serve` would use with the same words, files and variables.
pub fn home(args: &HomeArgs) -> Result<PathBuf, Broken> {
    let HomeArgs { home, config } = args;
    match (home, config) {
        // Nothing else is needed, so that a broken configuration keeps nobody from reading recordings.
        (Some(home), None) => Ok(home.clone()),
        (Some(home), Some(_)) => Config::read(config.as_deref()).map(|_| home.clone()),
        (None, _) => Ok(Config::read(config.as_deref())?.own.home),
    }
}

/// The folder of the policy bundle that `serve` would use with the same file and variables, without its words.
pub fn policies(args: &HomeArgs) -> Result<Option<PathBuf>, Broken> {
    Ok(Config::read(args.config.as_deref())?.shared.policies)
}

/// Nothing stands before this server that would give up on an answer.
const DEFAULTS: Defaults = Defaults {
    hold_seconds: 40,
    longest_hold_seconds: 600,
    why_not_longer: "an agent that waits longer is better told to come back",
};

/// Variables that are no settings of the gateway: what is logged, and what its clients on the same machine hold, as README and
/// `snowgate agent` name them.
const NOT_SETTINGS: [&str; 7] =
    ["LOG", "TOKEN", "CLIENT_SECRET", "HOOK_SECRET", "PROMPTS_SECRET", "TELEMETRY_SECRET", "CURSOR_SECRET"];

impl Config {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// What is wrong, with its place, the key and what to do.
    pub fn read(file: Option<&Path>) -> Result<Self, Broken> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            // Only what nobody named may be absent.
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Broken::new(format!("{} cannot be read: {error}", path.display()))),
        };
        let name = path.display().to_string();
        Self::parse(File { name: &name, text: &text }, settings::variables()?)
    }

    /// Reads a file's text and variables.
    pub fn parse(
        file: File<'_>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Broken> {
        let Configured { shared, own, places } = settings::read(file, variables, &NOT_SETTINGS, &DEFAULTS)?;
        Ok(Self { shared, own, places })
    }

    /// The address.
    ///
    /// # Errors
    /// When it is none.
    pub fn address(&self) -> Result<SocketAddr, Broken> {
        self.own.listen.parse().map_err(|_| {
            let problem = "is no address to listen on; write one like 127.0.0.1:8181";
            Broken::usage(self.places.wrong("listen", problem).to_string())
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
        if self.shared.issuers.is_empty() && !is_loopback {
            let problem = format!("listening on {address} needs a real issuer: {}", self.add_issuers());
            return Err(self.places.wrong("listen", problem).into());
        }
        if self.shared.issuers.is_empty() && self.shared.upstream.is_some() {
            let problem = format!("a Snowflake upstream needs a real issuer: {}", self.add_issuers());
            return Err(self.places.wrong("upstream", problem).into());
        }
        // SECURITY: a loopback issuer over http is no real one: whoever may run a process on this machine can be it.
        if (!is_loopback || self.shared.upstream.is_some())
            && let Some(at) =
                self.shared.issuers.iter().position(|issuer| !issuer.issuer.starts_with("https://"))
        {
            let problem =
                "must be an https address before a Snowflake upstream or a listen address that others reach";
            return Err(self.places.wrong(&format!("issuers[{at}].issuer"), problem).into());
        }
        if !(self.own.scale > 0.0 && self.own.scale <= 100.0) {
            let problem = "lies above 0 and is at most 100";
            return Err(Broken::usage(self.places.wrong("scale", problem).to_string()));
        }
        self.channels()?;
        self.check_auditors(is_loopback)?;
        self.check_reviewing(address)
    }

    fn check_auditors(&self, is_loopback: bool) -> Result<(), Broken> {
        for (at, auditors) in self.shared.auditors.iter().enumerate() {
            if (!is_loopback || self.shared.upstream.is_some()) && !auditors.issuer.starts_with("https://") {
                let problem = "must be an https address before a Snowflake upstream or a listen address that others reach";
                return Err(self.places.wrong(&format!("auditors[{at}].issuer"), problem).into());
            }
        }
        Ok(())
    }

    fn add_issuers(&self) -> String {
        format!("add [[issuers]] with issuer and audience to {}", self.places.file())
    }

    /// The channels of evidence by their names; none where there is none.
    ///
    /// # Errors
    /// As [`Config::channels`].
    pub fn channels_told(&self) -> Result<Option<String>, Broken> {
        let channels = self.channels()?;
        let mut told: Vec<String> =
            channels.all().map(|channel| format!("{} ({})", channel.name, channel.kind.as_str())).collect();
        told.sort();
        Ok(Some(told.join(", ")).filter(|told| !told.is_empty()))
    }

    /// The channels of evidence as they are found by their secrets.
    ///
    /// # Errors
    /// What is wrong, with its place and the key, and no value.
    pub fn channels(&self) -> Result<Channels, Broken> {
        let issuers: Vec<&str> = self.shared.issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
        let wrong = |wrong: evidence::WrongChannel| self.places.wrong(&wrong.key, wrong.problem).into();
        Channels::read(&self.own.evidence, &issuers).map_err(wrong)
    }

    /// The names to run under where a client names none: before the embedded warehouse, its own where none is set.
    pub fn default_context(&self) -> Context {
        let chosen = self.shared.defaults.context();
        if self.shared.upstream.is_some() {
            return chosen;
        }
        let or = |chosen: Option<String>, embedded: &str| chosen.or_else(|| Some(embedded.to_owned()));
        Context {
            role: or(chosen.role, "ANALYST"),
            warehouse: or(chosen.warehouse, "DEMO_WH"),
            database: or(chosen.database, "DEMO"),
            schema: or(chosen.schema, "PUBLIC"),
        }
    }

    /// What the gateway itself is told.
    pub fn gateway_settings(&self) -> gateway::Settings {
        // SECURITY: whoever holds the home or a link may decide over the embedded warehouse, and over nothing else.
        let sign_in = match (&self.shared.upstream, &self.own.reviewers_issuer) {
            (None, None) => gateway::SignIn::Development,
            (Some(_), _) | (None, Some(_)) => gateway::SignIn::Oidc,
        };
        let estimates = self.own.estimates;
        gateway::Settings {
            default_context: self.default_context(),
            sign_in,
            estimates,
            // Nothing but this program keeps their time.
            reminders: Some(self.reminders()),
            ..self.shared.gateway()
        }
    }
}

#[cfg(test)]
mod tests;
