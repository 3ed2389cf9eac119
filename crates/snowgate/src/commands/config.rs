//! `snowgate config check`.

use std::path::Path;
use std::process::ExitCode;

use super::Broken;
use crate::config::Config;

/// Says what is wrong with the configuration, and what it comes to.
pub fn check(file: Option<&Path>) -> Result<ExitCode, Broken> {
    let config = Config::read(file)?;
    config.check()?;
    let told = crate::serve::check_parts(&config)?;
    let Config { shared, own, places } = &config;
    if file.is_some() || Path::new(places.file()).exists() {
        say!("file      {}", places.file());
    } else {
        say!("file      none: there is no {} here", places.file());
    }
    say!("listen    {}", own.listen);
    say!("home      {}", own.home.display());
    match &shared.policies {
        Some(dir) => say!("policies  {}", dir.display()),
        None => say!("policies  built in"),
    }
    if shared.issuers.is_empty() {
        say!("issuers   the development issuer, on loopback");
    }
    for issuer in &shared.issuers {
        say!("issuer    {}", issuer.issuer);
    }
    match &shared.upstream {
        Some(_) => say!("upstream  Snowflake, over the SQL API"),
        None => say!("upstream  the embedded warehouse, scale {}", own.scale),
    }
    match config.channels_told()? {
        Some(channels) => say!("evidence  {channels}"),
        None => say!("evidence  what agents say themselves alone: snowgate agent prints channels"),
    }
    match (config.roster(config.address()?), &own.reviewers_issuer) {
        (Some(roster), Some(issuer)) => {
            say!("approve   {}/a/…, signed in at {}", roster.address(), issuer.issuer)
        }
        (Some(roster), None) => {
            say!("approve   {}/a/…, by links alone: the local demo", roster.address())
        }
        (None, _) => say!("approve   nobody can"),
    }
    match &own.mail {
        Some(mail) => say!("mail      {}", mail.host),
        None if own.reviewers_issuer.is_some() => say!(
            "mail      none: links are printed by `serve` on a terminal; without one nobody can be told, and what is held is denied"
        ),
        None => say!("mail      none: links are printed by `serve`"),
    }
    say!("traces    {}", own.traces);
    for told in told {
        say!("ATTENTION: {told}");
    }
    match file {
        Some(file) => say!("good; next: snowgate serve --config {}", file.display()),
        None => say!("good; next: snowgate serve"),
    }
    Ok(ExitCode::SUCCESS)
}
