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
        println!("file      {}", places.file());
    } else {
        println!("file      none: there is no {} here", places.file());
    }
    println!("listen    {}", own.listen);
    println!("home      {}", shared.home.display());
    match &shared.policies {
        Some(dir) => println!("policies  {}", dir.display()),
        None => println!("policies  built in"),
    }
    if shared.issuers.is_empty() {
        println!("issuers   the development issuer, on loopback");
    }
    for issuer in &shared.issuers {
        println!("issuer    {}", issuer.issuer);
    }
    match &shared.upstream {
        Some(_) => println!("upstream  Snowflake, over the SQL API"),
        None => println!("upstream  the embedded warehouse, scale {}", own.scale),
    }
    match (config.roster(config.address()?), &own.reviewers_issuer) {
        (Some(roster), Some(issuer)) => {
            println!("approve   {}/a/…, signed in at {}", roster.address(), issuer.issuer)
        }
        (Some(roster), None) => {
            println!("approve   {}/a/…, by links alone: the local demo", roster.address())
        }
        (None, _) => println!("approve   nobody can"),
    }
    match &own.mail {
        Some(mail) => println!("mail      {}", mail.host),
        None => println!("mail      none: links are printed by `serve`"),
    }
    for told in told {
        println!("ATTENTION: {told}");
    }
    match file {
        Some(file) => println!("good; next: snowgate serve --config {}", file.display()),
        None => println!("good; next: snowgate serve"),
    }
    Ok(ExitCode::SUCCESS)
}
