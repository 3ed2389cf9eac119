//! What every program that runs a gateway checks and wires the same way before it answers anything.

use std::path::Path;
use std::sync::Arc;

use gateway::ports::{Clock, Ids, ReviewerIssuer};
use local::FolderPolicies;
use oidc::{IssuerSettings, Issuers, SettingsError, SignInSettings, SignIns};
use snowflake::{AccountCatalogs, Credentials, SqlApi, TierCredentials};
use thiserror::Error;

use crate::{ConfigurationError, Issuer, Places, of_upstream};

/// The policy bundle in force is not good, and nothing starts with it: what is wrong, a line a problem, and what to do.
#[derive(Debug, Error)]
#[error("the policy bundle is not good:\n  {}\nnext: snowgate policy check {dir}", .problems.join("\n  "))]
pub struct BrokenBundle {
    problems: Vec<String>,
    dir: String,
}

/// Keeps from standard error what a panic says.
///
/// SECURITY: what a library panics with may hold a value or a statement. The place is enough to mend it.
pub fn hide_panics(program: &'static str) {
    std::panic::set_hook(Box::new(move |panic| match panic.location() {
        Some(place) => eprintln!("{program}: a task failed at {place}"),
        None => eprintln!("{program}: a task failed"),
    }));
}

/// The bundle in that folder, or the built-in one. Blocks.
///
/// # Errors
/// [`BrokenBundle`]: a gateway without a bundle would refuse every statement, so it does not start.
pub fn policies(folder: Option<&Path>) -> Result<FolderPolicies, BrokenBundle> {
    let policies = FolderPolicies::new(folder.map(Path::to_owned));
    let problems = policies.problems();
    if problems.is_empty() {
        return Ok(policies);
    }
    Err(BrokenBundle { problems, dir: folder.unwrap_or(Path::new("DIR")).display().to_string() })
}

/// The verifier of tokens of these issuers, of agents, of which none may be an auditor's, too. Nothing is asked yet.
///
/// # Errors
/// The setting that is wrong, with its place.
pub fn issuers(
    agents: &[Issuer],
    auditors: &[Issuer],
    places: &Places,
) -> Result<Issuers, ConfigurationError> {
    let settings = apart(Issuer::all(agents, places)?, auditors);
    not_both("issuers", "is that of auditors, too: agents have one of their own", &settings, places)?;
    verifier("issuers", settings, places)
}

/// The verifier of auditors' tokens, of which none may be an agent's, too; likewise.
///
/// # Errors
/// The setting that is wrong, with its place.
pub fn auditors(
    auditors: &[Issuer],
    agents: &[Issuer],
    places: &Places,
) -> Result<Issuers, ConfigurationError> {
    let settings = apart(Issuer::auditors(auditors, places)?, agents);
    not_both("auditors", "is that of agents, too: auditors have one of their own", &settings, places)?;
    verifier("auditors", settings, places)
}

// SECURITY: an agent's token must not be an auditor's by its scopes alone.
fn not_both(
    section: &str,
    problem: &str,
    settings: &[IssuerSettings],
    places: &Places,
) -> Result<(), ConfigurationError> {
    let is_both = |one: &IssuerSettings| one.audience.iter().any(|own| one.other_audiences.contains(own));
    match settings.iter().position(is_both) {
        Some(at) => Err(places.wrong(&format!("{section}[{at}].audience"), problem)),
        None => Ok(()),
    }
}

/// The same, refusing what an issuer gives for the doors of these.
fn apart(mut settings: Vec<IssuerSettings>, others: &[Issuer]) -> Vec<IssuerSettings> {
    for one in &mut settings {
        let of_it = others.iter().filter(|other| other.issuer == one.issuer);
        one.other_audiences = of_it.flat_map(|other| other.audience.iter().cloned()).collect();
    }
    settings
}

fn verifier(
    section: &str,
    settings: Vec<IssuerSettings>,
    places: &Places,
) -> Result<Issuers, ConfigurationError> {
    let names: Vec<String> = settings.iter().map(|settings| settings.issuer.clone()).collect();
    Issuers::new(settings).map_err(|error| {
        let of = |name: &str, key: &str| {
            // The last that goes by the name: of two, the second is one too many.
            let at = names.iter().rposition(|issuer| issuer == name);
            at.map_or_else(|| section.to_owned(), |at| format!("{section}[{at}].{key}"))
        };
        let key = match &error {
            SettingsError::Twice(name) | SettingsError::Issuer(name) => of(name, "issuer"),
            SettingsError::JwksUri(name) => of(name, "jwks_uri"),
            SettingsError::Wrong { issuer, what } => of(issuer, what),
            SettingsError::NoIssuer | SettingsError::Algorithm | SettingsError::Client(_) => {
                section.to_owned()
            }
        };
        places.wrong(&key, error)
    })
}

/// Where reviewers sign in, as this client. Nothing is asked yet.
///
/// # Errors
/// The setting that is wrong, with its place.
pub fn sign_ins(
    settings: SignInSettings,
    places: &Places,
) -> Result<Arc<dyn ReviewerIssuer>, ConfigurationError> {
    let sign_ins = SignIns::new(settings).map_err(|error| {
        let key = match &error {
            SettingsError::Wrong { issuer: _, what } => (*what).to_owned(),
            SettingsError::JwksUri(_) => "jwks_uri".to_owned(),
            SettingsError::NoIssuer
            | SettingsError::Twice(_)
            | SettingsError::Issuer(_)
            | SettingsError::Algorithm
            | SettingsError::Client(_) => "issuer".to_owned(),
        };
        places.wrong(&format!("reviewers_issuer.{key}"), error)
    })?;
    Ok(Arc::new(sign_ins))
}

/// The Snowflake account of these settings, and its catalogs; `workload` is what the deployment has of workload identity.
/// Nothing is connected yet.
///
/// # Errors
/// The setting that is wrong, with its place.
pub fn account(
    settings: &snowflake::Settings,
    places: &Places,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
    workload: Option<Arc<dyn Credentials>>,
) -> Result<(Arc<SqlApi>, Arc<AccountCatalogs>), ConfigurationError> {
    let wrong = |error: snowflake::Error| of_upstream(places, &error);
    let credentials = TierCredentials::new(settings, clock, workload).map_err(wrong)?;
    let account = Arc::new(SqlApi::new(settings.clone(), Arc::new(credentials)).map_err(wrong)?);
    let catalogs = AccountCatalogs::new(Arc::clone(&account), Arc::clone(clock), Arc::clone(ids));
    Ok((account, Arc::new(catalogs)))
}

/// What somebody must be told when the bundle gives classes by tags, and the account's tags are not read: none of those
/// classes is ever given. The embedded warehouse has no tags, so there is nothing to tell.
pub fn unread_tags(policies: &FolderPolicies, upstream: Option<&snowflake::Settings>) -> Option<String> {
    let tags = policies.tags();
    if tags.is_empty() || upstream.is_none_or(|upstream| upstream.catalog.tags) {
        return None;
    }
    Some(format!(
        "TAGS ARE NOT READ, and the policy bundle gives classes by them ({}): a column that only its tag classifies is \
         not masked by it; set `tags = true` under [upstream.catalog], or name the columns under [[columns]] of the bundle",
        tags.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(catalog: &str) -> snowflake::Settings {
        toml::from_str(&format!(
            "url = 'https://acme-dev.snowflakecomputing.com'\naccount = 'ACME-DEV'\n\
             [catalog]\nrole = 'R'\nwarehouse = 'W'\n{catalog}\n\
             [tiers.read]\nroles = ['R']\nwarehouses = ['W']\ncredential = {{ kind = 'access-token', token = 't' }}\n"
        ))
        .unwrap()
    }

    #[test]
    fn tags_that_nobody_reads_are_told_by_name() {
        // The built-in bundle has `[tags]`.
        let policies = policies(None).unwrap();
        let told = unread_tags(&policies, Some(&upstream(""))).unwrap();
        assert!(
            told.contains("(SNOWFLAKE.CORE.SEMANTIC_CATEGORY)") && told.contains("tags = true"),
            "{told}"
        );
        assert!(unread_tags(&policies, Some(&upstream("tags = false"))).is_some());
        assert_eq!(unread_tags(&policies, Some(&upstream("tags = true"))), None);
        assert_eq!(unread_tags(&policies, None), None);
    }
}
