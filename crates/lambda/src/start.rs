//! From the environment to a function that runs.

use std::process::ExitCode;

use lambda_http::Error;
use lambda_http::tracing::{self, Level, subscriber};
use settings::{File, wiring};

use crate::Surroundings;

/// What a function was told.
pub struct Told {
    /// The text of the file that `SNOWGATE_CONFIG` names, and what to call it.
    pub name: String,
    /// See above; empty where none is named.
    pub text: String,
    /// All variables.
    pub variables: Vec<(String, String)>,
    /// Where it runs.
    pub surroundings: Surroundings,
}

/// Variables of ours that set no key.
pub(crate) const NO_KEYS: &[&str] = &["CONFIG"];

impl Told {
    /// The file.
    pub fn file(&self) -> File<'_> {
        File { name: &self.name, text: &self.text }
    }

    /// What of the variables is no key.
    pub const fn no_keys(&self) -> &'static [&'static str] {
        NO_KEYS
    }
}

/// Reads the environment, and the file that it names.
///
/// # Errors
/// What cannot be read, or is missing.
pub fn told() -> Result<Told, Error> {
    let variables = settings::variables()?;
    let surroundings = Surroundings::of(&variables)?;
    let named = variables.iter().find(|(name, _)| name == "SNOWGATE_CONFIG").map(|(_, path)| path.clone());
    let text = named
        .as_ref()
        .map(std::fs::read_to_string)
        .transpose()
        .map_err(|error| format!("the file that SNOWGATE_CONFIG names cannot be read: {error}"))?;
    let name = named.unwrap_or_else(|| "the file that SNOWGATE_CONFIG names".to_owned());
    Ok(Told { name, text: text.unwrap_or_default(), variables, surroundings })
}

/// Runs a function until Lambda ends it; one that cannot start says why on standard error, and ends.
pub async fn start(name: &'static str, run: impl Future<Output = Result<(), Error>>) -> ExitCode {
    wiring::hide_panics(name);
    // Each line with its time: Lambda takes one without for INFO, whatever its level says (developer guide, "Log-level filtering").
    // SECURITY: never finer than INFO, whatever the environment says: the runtime traces what it carries.
    subscriber::fmt().json().with_max_level(Level::INFO).init();
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // For alarms, which count errors by their level, and for people.
            tracing::error!(%error, "the function cannot start");
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
