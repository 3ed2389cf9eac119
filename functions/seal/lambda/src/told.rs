//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::path::PathBuf;

use lambda::{Surroundings, TopicArn};
use lambda_http::Error;
use serde::Deserialize;

/// Everything that this function is told.
pub struct Told {
    /// Its keys.
    pub own: Own,
    /// Where it runs.
    pub surroundings: Surroundings,
}

/// The function's keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    pub aws: lambda::Places,
    /// The policy bundle.
    #[expect(dead_code, reason = "every function is told, and here nothing is decided")]
    pub policies: Option<PathBuf>,
    /// The topic that is told of every record.
    pub kept_topic: TopicArn,
}

impl Told {
    /// Reads the environment, and the file that it names.
    ///
    /// # Errors
    /// The key or variable that is wrong or missing.
    pub fn read() -> Result<Self, Error> {
        let told = lambda::told()?;
        let (own, _) =
            settings::read_own::<Own>(told.file(), told.variables.iter().cloned(), told.no_keys())?;
        Ok(Self { own, surroundings: told.surroundings })
    }
}
