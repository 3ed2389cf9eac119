//! `snowgate revoke agent|person|session ID`.

use std::process::ExitCode;

use domain::SessionId;
use gateway::ports::RevokedWhat;
use local::Home;

use super::Broken;
use crate::cli::{RevokeArgs, RevokeKind};

/// Refuses an agent, a person or a session from now on.
pub fn run(args: &RevokeArgs) -> Result<ExitCode, Broken> {
    let what = match args.kind {
        RevokeKind::Agent => RevokedWhat::Agent,
        RevokeKind::Person => RevokedWhat::Person,
        RevokeKind::Session => {
            args.id
                .parse::<SessionId>()
                .map_err(|error| Broken::usage(format!("`{}`: {error}", super::printable(&args.id))))?;
            RevokedWhat::Session
        }
    };
    if args.id.is_empty() {
        return Err(Broken::usage("name what to revoke"));
    }
    Home::open_existing(&args.home.home)?.revoke(what, &args.id)?;
    println!("revoked; every gateway on this home refuses it within 5 seconds");
    println!("next: snowgate search --home {} to see what it did", args.home.home.display());
    Ok(ExitCode::SUCCESS)
}
