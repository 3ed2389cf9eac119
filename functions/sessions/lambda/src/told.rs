//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::path::PathBuf;

use lambda::Configured;
use lambda_http::Error;
use serde::Deserialize;
use settings::Issuer;

/// The function's keys. None leads to Snowflake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    pub aws: lambda::Places,
    /// The policy bundle, as `Stores::policies` takes it: its detectors mask what is looked for.
    pub policies: Option<PathBuf>,
    /// Trusted issuers of auditors' tokens.
    pub auditors: Vec<Issuer>,
    /// Those of agents' tokens, none of which is an auditor's.
    #[serde(default)]
    pub issuers: Vec<Issuer>,
}

/// Reads the environment, and the file that it names.
///
/// # Errors
/// The key or variable that is wrong or missing.
pub fn read() -> Result<Configured<Own>, Error> {
    let told = Configured::<Own>::read()?;
    if told.own.auditors.is_empty() {
        let problem = "names nobody: add one with issuer, audience and required_scopes";
        return Err(told.places.wrong("auditors", problem).into());
    }
    Ok(told)
}
