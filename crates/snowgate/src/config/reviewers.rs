//! The keys of reviewing: where the page is, who is asked, where they sign in, how they are told.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::{KnownReviewer, ReviewerName, Roster};
use local::{Mail, MailSettings, MailTls};
use oidc::{Algorithm, SignInSettings};
use serde::Deserialize;

use super::Config;
use crate::commands::Broken;

/// The reviewer of the demo, where nobody names others.
const DEMO_REVIEWER: &str = "rosa@example.com";

/// A secret of the configuration.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `[reviewers_issuer]`: where reviewers sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewersIssuer {
    /// `iss`, exactly as its ID tokens say it.
    pub issuer: String,
    /// The client that it knows this gateway as. Its redirect address is `approvals_url` and `/a/callback`.
    pub client_id: String,
    /// The client's secret; none for a public client.
    pub client_secret: Option<Secret>,
    /// The public client by which `snowgate approve` and `deny` sign in; none: `client_id`. Its redirect address is
    /// `http://127.0.0.1/callback` on any port (RFC 8252 section 7.3).
    pub command_line_client_id: Option<String>,
    /// Accepted signature algorithms.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Scopes that are asked for besides `openid`.
    pub scopes: Option<Vec<String>>,
    /// The claim of the ID token that lists groups.
    pub groups_claim: Option<String>,
    /// The claim of the ID token that says what agents' tokens call a person.
    pub person_claim: Option<String>,
    /// How long ago a reviewer may have proven themselves.
    pub max_age_seconds: Option<u64>,
    /// Accepted ways of proving themselves.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// Where the keys are; none: the discovery document says.
    pub jwks_uri: Option<String>,
    /// How far clocks may differ.
    pub leeway_seconds: Option<u64>,
}

/// One `[[reviewers]]` entry: somebody who is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewerEntry {
    /// Their e-mail address, as their issuer has verified it.
    pub email: Option<String>,
    /// Or their `sub`.
    pub subject: Option<String>,
    /// Groups of the policy bundle whose approvals they are asked for.
    pub groups: Vec<String>,
    /// Where their mail goes; none: to `email`.
    pub mail: Option<String>,
}

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
        let people: Vec<KnownReviewer> = self.own.reviewers.iter().filter_map(known).collect();
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
        let secret = entry.client_secret.as_ref().map(|Secret(secret)| secret.clone());
        self.sign_in_of(entry, &entry.client_id, secret).map(Some)
    }

    /// The same for the command line. A client of its own has no secret: whoever has this program could read it.
    pub fn command_line_sign_in(&self) -> Result<Option<SignInSettings>, Broken> {
        match &self.own.reviewers_issuer {
            Some(entry) => match &entry.command_line_client_id {
                Some(client) => self.sign_in_of(entry, client, None).map(Some),
                None => self.sign_in_settings(),
            },
            None => Ok(None),
        }
    }

    fn sign_in_of(
        &self,
        entry: &ReviewersIssuer,
        client: &str,
        secret: Option<String>,
    ) -> Result<SignInSettings, Broken> {
        let mut settings = SignInSettings::new(entry.issuer.clone(), client);
        settings.client_secret = secret;
        if !entry.algorithms.is_empty() {
            let read = entry.algorithms.iter().map(|name| name.parse::<Algorithm>());
            settings.issuer.algorithms = read.collect::<Result<_, _>>().map_err(|error| {
                Broken::new(self.places.wrong("reviewers_issuer.algorithms", error).to_string())
            })?;
        }
        if let Some(scopes) = &entry.scopes {
            settings.scopes.clone_from(scopes);
        }
        if let Some(claim) = &entry.groups_claim {
            settings.issuer.groups_claim.clone_from(claim);
        }
        settings.issuer.person_claim.clone_from(&entry.person_claim);
        if let Some(seconds) = entry.max_age_seconds {
            settings.max_age = Duration::from_secs(seconds);
        }
        settings.acr_values.clone_from(&entry.acr_values);
        settings.issuer.jwks_uri.clone_from(&entry.jwks_uri);
        if let Some(seconds) = entry.leeway_seconds {
            settings.issuer.leeway = Duration::from_secs(seconds);
        }
        Ok(settings)
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
            (Some(user), Some(Secret(password))) => Some((user, password)),
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
        for (at, entry) in self.own.reviewers.iter().enumerate() {
            let key = format!("reviewers[{at}]");
            if entry.email.is_some() == entry.subject.is_some() {
                return wrong(&key, "names one person: by email, or by subject");
            }
            if entry.groups.is_empty() {
                return wrong(&format!("{key}.groups"), "names no group, so they are never asked");
            }
            if entry.email.as_ref().is_some_and(|email| !Mail::is_address(email)) {
                return wrong(&format!("{key}.email"), "is no mail address");
            }
            if entry.mail.as_ref().is_some_and(|mail| !Mail::is_address(mail)) {
                return wrong(&format!("{key}.mail"), "is no mail address");
            }
            if self.own.mail.is_some() && entry.mail.is_none() && entry.email.is_none() {
                return wrong(
                    &format!("{key}.mail"),
                    "is needed, since [mail] is set and nothing says where their mail goes",
                );
            }
        }
        let names: BTreeSet<_> =
            self.own.reviewers.iter().filter_map(known).map(|known| known.name).collect();
        if names.len() != self.own.reviewers.len() {
            return wrong("reviewers", "names somebody twice; write one entry with all of their groups");
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

fn known(entry: &ReviewerEntry) -> Option<KnownReviewer> {
    let name = match (&entry.email, &entry.subject) {
        (Some(email), None) => ReviewerName::Email(email.clone()),
        (None, Some(subject)) => ReviewerName::Subject(subject.clone()),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let groups = Some(entry.groups.iter().cloned().collect());
    Some(KnownReviewer { name, groups, mail: entry.mail.clone().or_else(|| entry.email.clone()) })
}

/// Whether links may begin so: what is behind them must not be read or written on the way.
fn is_page_address(url: &str) -> bool {
    let Ok(uri) = url.trim_end_matches('/').parse::<http::Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_bare =
        matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
    let is_plain =
        url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'#'));
    is_bare && is_plain && (scheme == "https" || (scheme == "http" && is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_reached_by_https_or_on_this_machine() {
        for good in [
            "https://approve.acme.example",
            "https://approve.acme.example:8443/",
            "http://127.0.0.1:8181",
            "http://localhost:1",
        ] {
            assert!(is_page_address(good), "{good}");
        }
        for bad in [
            "http://approve.acme.example",
            "https://approve.acme.example/x",
            "https://approve.acme.example/?a",
            "https://user@approve.acme.example",
            "https://approve.acme.example#x",
            "approve.acme.example",
            "ftp://approve.acme.example",
            "",
        ] {
            assert!(!is_page_address(bad), "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", Secret("hunter2".to_owned())), "Secret(…)");
    }
}
