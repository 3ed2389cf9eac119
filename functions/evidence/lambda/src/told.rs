//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::path::PathBuf;

use evidence::{ChannelEntry, Channels, WrongChannel};
use lambda::Surroundings;
use lambda_http::Error;
use serde::Deserialize;
use settings::{Issuer, Places};

/// Everything that this function is told.
pub struct Told {
    /// Its keys.
    pub own: Own,
    /// Who said what.
    pub places: Places,
    /// Where it runs.
    pub surroundings: Surroundings,
}

/// The function's keys. None leads to Snowflake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    pub aws: lambda::Places,
    /// The policy bundle, as `Stores::policies` takes it.
    pub policies: Option<PathBuf>,
    /// Trusted issuers of agents' tokens.
    pub issuers: Vec<Issuer>,
    /// Those of auditors' tokens, none of which is an agent's.
    #[serde(default)]
    pub auditors: Vec<Issuer>,
    /// The channels that evidence comes by; none: agents' own tokens alone.
    pub evidence: Vec<ChannelEntry>,
}

impl Told {
    /// Reads the environment, and the file that it names.
    ///
    /// # Errors
    /// The key or variable that is wrong or missing.
    pub fn read() -> Result<Self, Error> {
        let told = lambda::told()?;
        let (own, places) =
            settings::read_own::<Own>(told.file(), told.variables.iter().cloned(), told.no_keys())?;
        if own.issuers.is_empty() {
            return Err(places.wrong("issuers", "names nobody: add one with issuer and audience").into());
        }
        Ok(Self { own, places, surroundings: told.surroundings })
    }

    /// The channels, found by their secrets.
    ///
    /// # Errors
    /// The entry that is wrong, with its place.
    pub fn channels(&self) -> Result<Channels, Error> {
        let issuers: Vec<&str> = self.own.issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
        let wrong = |WrongChannel { key, problem }| self.places.wrong(&key, problem);
        Ok(Channels::read(&self.own.evidence, &issuers).map_err(wrong)?)
    }
}
