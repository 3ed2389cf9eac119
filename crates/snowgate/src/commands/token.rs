//! `snowgate token`.

use std::process::ExitCode;
use std::time::Duration;

use gateway::ports::Clock;
use local::SystemClock;

use super::Broken;
use crate::cli::TokenArgs;
use crate::config;
use crate::issuer::{DevelopmentIssuer, MintRequest};

/// Prints a token, and nothing else, so that it can stand in `$(…)`.
pub fn run(args: &TokenArgs) -> Result<ExitCode, Broken> {
    let issuer = DevelopmentIssuer::reopen(&config::home(&args.home)?)?;
    say!("{}", issuer.mint(&request(args), SystemClock.now())?);
    Ok(ExitCode::SUCCESS)
}

fn request(args: &TokenArgs) -> MintRequest {
    let listed = |words: &[String]| -> Vec<String> {
        words.iter().flat_map(|word| word.split_whitespace()).map(str::to_owned).collect()
    };
    MintRequest {
        agent: args.agent.clone(),
        person: args.person.clone(),
        groups: listed(&args.groups),
        scopes: listed(&args.scopes),
        ttl: Duration::from_secs(args.ttl),
    }
}
