//! The keys of reviewing that are the local server's own: where the page is, how reviewers are told, and when again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::{KnownReviewer, ReviewerName, Roster};
use local::{MailSettings, MailTls, ReviewersClient, Serving, SignInRules};
use oidc::{Algorithm, SignInSettings};
use serde::Deserialize;
use settings::{ReviewerEntry, Secret, is_page_address};

use super::Config;
use crate::commands::Broken;

/// The reviewer of the demo, where nobody names others.
const DEMO_REVIEWER: &str = "rosa@example.com";

/// What stands behind a gateway without an account, in words.
const EMBEDDED: &str = "the embedded warehouse";

/// `[reminders]`: when reviewers who stay silent are told again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemindersEntry {
    /// After how many hundredths of the time that it may wait whoever was told is told once more; 0: never.
    pub after_percent: u8,
    /// Groups that are told only when the others stay silent, or are too few to decide. They may decide all the time.
    pub second_groups: BTreeSet<String>,
    /// After how many hundredths those are.
    pub second_after_percent: u8,
}

impl Default for RemindersEntry {
    /// As the state machine on AWS does.
    fn default() -> Self {
        Self { after_percent: 50, second_groups: BTreeSet::new(), second_after_percent: 75 }
    }
}

/// `[mail]`: the server that takes mail to reviewers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailEntry {
    /// Name or address.
    pub host: String,
    /// None: the usual one.
    pub port: Option<u16>,
    /// `starttls`, `implicit` or `none`.
    #[serde(default = "starttls")]
    pub tls: String,
    /// Where the server wants one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Whom mail is from.
    pub from: String,
}

fn starttls() -> String {
    "starttls".to_owned()
}

/// Where reviewers sign in and what they must prove there, as a home notes it: without the secret.
fn noted(at: SignInSettings, people: Vec<ReviewerName>) -> ReviewersClient {
    let SignInSettings { issuer, client_id, client_secret: _, scopes, max_age, acr_values } = at;
    let rules = SignInRules {
        algorithms: issuer.algorithms.iter().map(|algorithm| algorithm.as_str().to_owned()).collect(),
        scopes,
        groups_claim: issuer.groups_claim,
        person_claim: issuer.person_claim,
        max_age_seconds: max_age.as_secs(),
        acr_values,
        jwks_uri: issuer.jwks_uri,
        leeway_seconds: issuer.leeway.as_secs(),
    };
    ReviewersClient { issuer: issuer.issuer, client: client_id, people, rules }
}

/// The same as a client of that issuer takes it, with the secret that the home does not hold. None of a note that nothing here has
/// written.
fn as_noted(there: &ReviewersClient, client_secret: Option<String>) -> Option<SignInSettings> {
    let ReviewersClient { issuer, client, people: _, rules } = there.clone();
    let SignInRules {
        algorithms,
        scopes,
        groups_claim,
        person_claim,
        max_age_seconds,
        acr_values,
        jwks_uri,
        leeway_seconds,
    } = rules;
    let mut settings = SignInSettings::new(issuer, client);
    settings.issuer.algorithms =
        algorithms.iter().map(|name| name.parse::<Algorithm>().ok()).collect::<Option<_>>()?;
    settings.issuer.groups_claim = groups_claim;
    settings.issuer.person_claim = person_claim;
    settings.issuer.jwks_uri = jwks_uri;
    settings.issuer.leeway = Duration::from_secs(leeway_seconds);
    let max_age = Duration::from_secs(max_age_seconds);
    Some(SignInSettings { client_secret, scopes, max_age, acr_values, ..settings })
}

impl Config {
    /// The address of the page as reviewers reach it; none where nobody could reach it safely.
    pub fn approvals_url(&self, listening: SocketAddr) -> Option<String> {
        match &self.own.approvals_url {
            Some(url) => Some(url.trim_end_matches('/').to_owned()),
            None => listening.ip().is_loopback().then(|| format!("http://{listening}")),
        }
    }

    /// Who is asked, and on which page. None before a real account whose reviewers cannot sign in: what is held there expires
    /// as denied.
    pub fn roster(&self, listening: SocketAddr) -> Option<Arc<Roster>> {
        let url = self.approvals_url(listening)?;
        let people: Vec<KnownReviewer> = self.own.reviewers.iter().filter_map(ReviewerEntry::known).collect();
        let roster = match &self.own.reviewers_issuer {
            Some(issuer) => Roster::new(url, issuer.issuer.clone(), people),
            None if self.shared.upstream.is_some() => return None,
            None if people.is_empty() => {
                let name = ReviewerName::Email(DEMO_REVIEWER.to_owned());
                Roster::development(url, vec![KnownReviewer { name, groups: None, mail: None }])
            }
            None => Roster::development(url, people),
        };
        Some(Arc::new(roster.escalating_to(self.own.reminders.second_groups.clone())))
    }

    /// When silent reviewers are told again.
    pub fn reminders(&self) -> gateway::Reminders {
        let RemindersEntry { after_percent, second_groups, second_after_percent } = &self.own.reminders;
        gateway::Reminders {
            told: (*after_percent > 0).then_some(*after_percent),
            second: (!second_groups.is_empty()).then_some(*second_after_percent),
        }
    }

    /// Where reviewers sign in, as the page's client takes it.
    pub fn sign_in_settings(&self) -> Result<Option<SignInSettings>, Broken> {
        let Some(entry) = &self.own.reviewers_issuer else { return Ok(None) };
        let secret = entry.client_secret.as_ref();
        Ok(Some(entry.sign_in(&entry.client_id, secret, &self.places)?))
    }

    /// The same for the command line. A client of its own has no secret: whoever has this program could read it.
    pub fn command_line_sign_in(&self) -> Result<Option<SignInSettings>, Broken> {
        match &self.own.reviewers_issuer {
            Some(entry) => match &entry.command_line_client_id {
                Some(client) => Ok(Some(entry.sign_in(client, None, &self.places)?)),
                None => self.sign_in_settings(),
            },
            None => Ok(None),
        }
    }

    /// How the command line signs in where a home notes that its gateway's reviewers do; none where that note cannot be used.
    // SECURITY: this file gives the client's secret alone. Whoever could name another file would choose what proves a group, or how
    // fresh a sign-in is.
    pub fn command_line_sign_in_at(&self, there: &ReviewersClient) -> Result<Option<SignInSettings>, Broken> {
        let secret = self.command_line_sign_in()?.and_then(|here| here.client_secret);
        Ok(as_noted(there, secret))
    }

    /// The gateway of this configuration, as the home that it serves notes it.
    pub fn serving(&self) -> Result<Serving, Broken> {
        let behind = match &self.shared.upstream {
            // Of several accounts behind one address (a proxy, a private link) each is its own.
            Some(upstream) => Serving::behind_account(&upstream.url, &upstream.account),
            None => EMBEDDED.to_owned(),
        };
        let known = self.own.reviewers.iter().filter_map(ReviewerEntry::known);
        let people: Vec<ReviewerName> = known.map(|person| person.name).collect();
        let client = |at: SignInSettings| noted(at, people);
        let reviewers = self.command_line_sign_in()?.map(client);
        Ok(Serving { behind, sign_in: self.gateway_settings().sign_in, reviewers })
    }

    /// How mail goes out.
    pub fn mail_settings(&self) -> Result<Option<MailSettings>, Broken> {
        let Some(entry) = &self.own.mail else { return Ok(None) };
        let MailEntry { host, port, tls, user, password, from } = entry.clone();
        let tls = match tls.as_str() {
            "starttls" => MailTls::Starttls,
            "implicit" => MailTls::Implicit,
            "none" => MailTls::None,
            _ => return Err(self.wrong_reviewing("mail.tls", "is one of starttls, implicit, none")),
        };
        let credentials = match (user, password) {
            (Some(user), Some(password)) => Some((user, password.reveal().to_owned())),
            (None, None) => None,
            (Some(_), None) => return Err(self.wrong_reviewing("mail.user", "needs its password")),
            (None, Some(_)) => return Err(self.wrong_reviewing("mail.password", "needs its user")),
        };
        Ok(Some(MailSettings { host, port, tls, credentials, from }))
    }

    /// What must hold of reviewing before anything listens.
    pub(super) fn check_reviewing(&self, listening: SocketAddr) -> Result<(), Broken> {
        let wrong = |key: &str, problem: &str| Err(self.wrong_reviewing(key, problem));
        if let Some(url) = &self.own.approvals_url
            && !is_page_address(url)
        {
            return wrong(
                "approvals_url",
                "is https://HOST[:PORT] without a path; http only where the host is this machine",
            );
        }
        settings::people(&self.own.reviewers, &self.places)?;
        let is_unmailed = |entry: &ReviewerEntry| entry.mail.is_none() && entry.email.is_none();
        if self.own.mail.is_some()
            && let Some(at) = self.own.reviewers.iter().position(is_unmailed)
        {
            return wrong(
                &format!("reviewers[{at}].mail"),
                "is needed, since [mail] is set and nothing says where their mail goes",
            );
        }
        let RemindersEntry { after_percent, second_groups, second_after_percent } = &self.own.reminders;
        if *after_percent > 99 {
            return wrong("reminders.after_percent", "lies from 1 to 99, or is 0: nobody is reminded");
        }
        if !(1..=99).contains(second_after_percent) {
            return wrong("reminders.second_after_percent", "lies from 1 to 99");
        }
        if let Some(alone) = second_groups
            .iter()
            .find(|group| !self.own.reviewers.iter().any(|entry| entry.groups.contains(*group)))
        {
            let problem = format!("names `{alone}`, which no entry of [[reviewers]] is in");
            return wrong("reminders.second_groups", &problem);
        }
        if self.own.reviewers_issuer.is_some() {
            if self.own.reviewers.is_empty() {
                return wrong(
                    "reviewers_issuer",
                    "lets nobody decide: add [[reviewers]] with email and groups",
                );
            }
            if self.approvals_url(listening).is_none() {
                return wrong(
                    "reviewers_issuer",
                    "needs approvals_url: the https address at which reviewers reach this gateway",
                );
            }
            // SECURITY: as with agents' issuers, whoever may run a process on this machine can be one over http.
            let is_https =
                self.own.reviewers_issuer.as_ref().is_some_and(|entry| entry.issuer.starts_with("https://"));
            if !is_https && (self.shared.upstream.is_some() || !listening.ip().is_loopback()) {
                return wrong(
                    "reviewers_issuer.issuer",
                    "must be an https address before a Snowflake upstream or a listen address that others reach",
                );
            }
        }
        if self.own.mail.is_some() {
            if self.own.reviewers.is_empty() {
                return wrong("mail", "has nobody to go to: add [[reviewers]] with email and groups");
            }
            self.mail_settings()?;
        }
        Ok(())
    }

    fn wrong_reviewing(&self, key: &str, problem: &str) -> Broken {
        Broken::new(self.places.wrong(key, problem).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_home_notes_of_signing_in_comes_back_whole_and_without_the_secret() {
        let mut settings = SignInSettings::new("https://people.example", "snowgate");
        settings.client_secret = Some("hunter2".to_owned());
        settings.scopes = vec!["email".to_owned(), "groups".to_owned()];
        settings.max_age = Duration::from_secs(77);
        settings.acr_values = vec!["phr".to_owned()];
        settings.issuer.algorithms = vec![Algorithm::EdDsa];
        settings.issuer.groups_claim = "roles".to_owned();
        settings.issuer.person_claim = Some("upn".to_owned());
        settings.issuer.jwks_uri = Some("https://people.example/keys".to_owned());
        settings.issuer.leeway = Duration::from_secs(7);
        let note = noted(settings.clone(), Vec::new());
        assert!(!format!("{note:?}").contains("hunter2"));
        let back = as_noted(&note, settings.client_secret.clone()).unwrap();
        assert_eq!(back.issuer, settings.issuer);
        assert_eq!(
            (back.client_id, back.client_secret, back.scopes, back.max_age, back.acr_values),
            (
                settings.client_id,
                settings.client_secret,
                settings.scopes,
                settings.max_age,
                settings.acr_values
            )
        );
        let rules = SignInRules { algorithms: vec!["none".to_owned()], ..note.rules.clone() };
        assert!(as_noted(&ReviewersClient { rules, ..note }, None).is_none());
    }
}
