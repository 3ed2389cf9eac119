//! From the environment to a function that runs.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Error;
use local::{RandomIds, SystemClock};
use serde::de::DeserializeOwned;
use settings::{ConfigurationError, File, Places, wiring};
use traces::{Place, Wish};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

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
pub(crate) const NO_KEYS: &[&str] = &["CONFIG", "TRACES"];

/// The variable that says whose requests are traced. A file does not: it is read when somebody listens already.
const TRACES: &str = "SNOWGATE_TRACES";

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

/// What a function was told that has no keys but its own.
pub struct Configured<Own> {
    /// Its keys.
    pub own: Own,
    /// Who said what, for whatever turns out to be wrong later.
    pub places: Places,
    /// Where it runs.
    pub surroundings: Surroundings,
}

impl<Own: DeserializeOwned> Configured<Own> {
    /// Reads the environment, and the file that it names.
    ///
    /// # Errors
    /// The key or variable that is wrong or missing.
    pub fn read() -> Result<Self, Error> {
        let told = told()?;
        let (own, places) = settings::read_own(told.file(), told.variables.iter().cloned(), told.no_keys())?;
        Ok(Self { own, places, surroundings: told.surroundings })
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
    let wish = wish();
    listen(wish.as_ref().copied().unwrap_or_default());
    let done = match wish {
        Ok(_) => run.await,
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // For alarms, which count errors by their level, and for people.
            tracing::error!(%error, "the function cannot start");
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whose requests are traced; nobody's where nothing is said.
fn wish() -> Result<Wish, ConfigurationError> {
    let said = settings::variable(TRACES)?;
    let read = |said: String| {
        said.parse().map_err(|problem| ConfigurationError::new(format!("{TRACES}: traces: {problem}")))
    };
    said.map_or(Ok(Wish::Off), read)
}

/// Logs JSON lines on standard output, and spans beside them where somebody wishes for them. These have no level, so that no filter
/// counts them, and Lambda takes a line without a time for INFO.
fn listen(wish: Wish) {
    // Each line with its time: Lambda takes one without for INFO, whatever its level says (developer guide, "Log-level filtering").
    // SECURITY: never finer than INFO, whatever the environment says: the runtime traces what it carries.
    let level = LevelFilter::INFO;
    // What cannot be read is left out; a function runs without its name, too.
    let function = settings::variable("AWS_LAMBDA_FUNCTION_NAME").ok().flatten();
    let place = Place { version: env!("CARGO_PKG_VERSION"), function };
    let ports = (Arc::new(SystemClock) as _, Arc::new(RandomIds) as _);
    match traces::exporter(wish, &place, ports, std::io::stdout) {
        Some(exporter) => {
            let log = fmt::layer().json().with_filter(level);
            tracing_subscriber::registry().with(log).with(exporter).init();
        }
        None => fmt().json().with_max_level(level).init(),
    }
}
