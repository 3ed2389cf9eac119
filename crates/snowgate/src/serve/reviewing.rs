//! Wiring the page of reviewers, and the way to them.

use std::io::IsTerminal;
use std::sync::Arc;

use gateway::ports::{Notifier, ReviewerIssuer};
use gateway::{Ports, Reception, Review, ReviewPorts, Roster};
use local::{FolderPolicies, Home, Mail, MailError, ReviewersClient, Terminal};
use oidc::SignInSettings;
use settings::wiring;

use crate::commands::Broken;
use crate::config::Config;

/// Where reviewers sign in. Nothing is asked yet.
pub fn issuer(config: &Config) -> Result<Option<Arc<dyn ReviewerIssuer>>, Broken> {
    config.sign_in_settings()?.map(|settings| sign_ins(config, settings)).transpose()
}

/// The same for the command line, as `serve` checks it.
pub fn command_line_issuer(config: &Config) -> Result<Option<Arc<dyn ReviewerIssuer>>, Broken> {
    config.command_line_sign_in()?.map(|settings| sign_ins(config, settings)).transpose()
}

/// Where the command line signs in: as the gateway there does, whatever else this configuration says.
pub fn issuer_at(config: &Config, there: &ReviewersClient) -> Result<Arc<dyn ReviewerIssuer>, Broken> {
    let settings = config.command_line_sign_in_at(there)?.ok_or_else(|| {
        Broken::new("the home does not say how its reviewers sign in; nothing was decided; next: start its gateway again")
    })?;
    sign_ins(config, settings)
}

fn sign_ins(config: &Config, settings: SignInSettings) -> Result<Arc<dyn ReviewerIssuer>, Broken> {
    Ok(wiring::sign_ins(settings, &config.places)?)
}

/// How reviewers are told.
pub fn notifier(config: &Config, terminal: Terminal, home: &Home) -> Result<Arc<dyn Notifier>, Broken> {
    let Some(settings) = config.mail_settings()? else { return Ok(Arc::new(terminal)) };
    let mail = Mail::new(&settings, terminal, home.clone()).map_err(|error| wrong_mail(config, &error))?;
    Ok(Arc::new(mail))
}

/// Says what keeps reviewers from being told, without telling anybody.
pub fn check_mail(config: &Config) -> Result<(), Broken> {
    let Some(settings) = config.mail_settings()? else { return Ok(()) };
    Mail::check(&settings).map_err(|error| wrong_mail(config, &error))
}

fn wrong_mail(config: &Config, error: &MailError) -> Broken {
    Broken::new(config.places.wrong(&format!("mail.{}", error.key), error).to_string())
}

/// Where reviewers come by their links.
pub fn reception(ports: &Ports, roster: Arc<Roster>, issuer: Option<Arc<dyn ReviewerIssuer>>) -> Reception {
    let Ports { approvals, standings, accesses, recordings, exchanges, keys, policies, clock, ids, .. } =
        ports.clone();
    let review = Review::new(ReviewPorts {
        approvals,
        standings,
        accesses,
        recordings,
        exchanges,
        keys,
        policies,
        clock,
    });
    Reception::new(review, roster, issuer, ids)
}

/// What somebody must be told when the gateway starts: for whom nobody is ever asked, and who might decide what was asked for
/// themselves.
pub fn told(config: &Config, policies: &FolderPolicies, roster: Option<&Roster>) -> Vec<String> {
    let mut told = unasked(config, policies, roster);
    told.extend(strangers(config));
    told
}

/// Where nobody can be told of what waits, because this program's output is no terminal.
pub fn unreached(config: &Config) -> Option<String> {
    let is_silent = config.own.reviewers_issuer.is_some()
        && config.own.mail.is_none()
        && !std::io::stdout().is_terminal();
    is_silent.then(|| {
        "[mail] is not configured, and links are printed on a terminal alone, which this output is not: whatever the policy bundle \
         holds for a person is denied at once"
            .to_owned()
    })
}

/// Where reviewers and agents' people sign in at different issuers, and nothing says that both call them the same.
fn strangers(config: &Config) -> Option<String> {
    let reviewers = config.own.reviewers_issuer.as_ref().filter(|entry| entry.person_claim.is_none())?;
    let agents: Vec<&str> = config.shared.issuers.iter().map(|entry| entry.issuer.as_str()).collect();
    let others: Vec<&str> = agents.into_iter().filter(|issuer| *issuer != reviewers.issuer).collect();
    if others.is_empty() {
        return None;
    }
    Some(format!(
        "agents' tokens come from {} and reviewers sign in at {}: who calls a person otherwise than the other lets them approve \
         what was asked for themselves. Set reviewers_issuer.person_claim to the claim of the ID token that names people as agents' \
         tokens do",
        others.join(", "),
        reviewers.issuer
    ))
}

fn unasked(config: &Config, policies: &FolderPolicies, roster: Option<&Roster>) -> Vec<String> {
    let groups = policies.reviewer_groups();
    if groups.is_empty() {
        return Vec::new();
    }
    let Some(roster) = roster else {
        let why = if config.own.reviewers_issuer.is_none() {
            "[reviewers_issuer] is not configured, so reviewers of a real account cannot sign in"
        } else {
            "approvals_url is not configured"
        };
        return vec![format!(
            "{why}: whatever the policy bundle holds for a person waits, and is denied when its time is over"
        )];
    };
    let alone: Vec<&str> = groups
        .iter()
        .filter(|group| {
            let asks = |person: &gateway::KnownReviewer| {
                person.groups.as_ref().is_none_or(|groups| groups.contains(*group))
            };
            !roster.people().iter().any(asks)
        })
        .map(String::as_str)
        .collect();
    if alone.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "nobody under [[reviewers]] is asked for the reviewers' groups {} of the policy bundle: what is held for them alone is denied",
        alone.join(", ")
    )]
}
