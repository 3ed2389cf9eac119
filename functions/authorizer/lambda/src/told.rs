//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::path::PathBuf;

use lambda::Configured;
use lambda_http::Error;
use serde::Deserialize;
use settings::Issuer;

/// The function's keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    #[expect(dead_code, reason = "every function is told, and nothing of it is asked here")]
    pub aws: lambda::Places,
    /// The policy bundle.
    #[expect(dead_code, reason = "every function is told, and here nothing is decided")]
    pub policies: Option<PathBuf>,
    /// Trusted issuers of agents' tokens.
    pub issuers: Vec<Issuer>,
    /// Those of auditors' tokens, none of which is an agent's.
    #[serde(default)]
    pub auditors: Vec<Issuer>,
}

/// Reads the environment, and the file that it names.
///
/// # Errors
/// The key or variable that is wrong or missing.
pub fn read() -> Result<Configured<Own>, Error> {
    let told = Configured::<Own>::read()?;
    if told.own.issuers.is_empty() {
        let problem = "names nobody: add one with issuer and audience";
        return Err(told.places.wrong("issuers", problem).into());
    }
    Ok(told)
}
