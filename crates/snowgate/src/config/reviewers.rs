//! The keys of reviewing that are the local server's own: where the page is, how reviewers are told, and when again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use gateway::{KnownReviewer, ReviewerName, Roster};
use local::{MailSettings, MailTls, ReviewersClient, Serving};
use oidc::SignInSettings;
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

    /// The gateway of this configuration, as the home that it serves notes it.
    pub fn serving(&self) -> Result<Serving, Broken> {
        let behind = match &self.shared.upstream {
            Some(upstream) => upstream.url.trim_end_matches('/').to_ascii_lowercase(),
            None => EMBEDDED.to_owned(),
        };
        let known = self.own.reviewers.iter().filter_map(ReviewerEntry::known);
        let people: Vec<ReviewerName> = known.map(|person| person.name).collect();
        let client =
            |at: SignInSettings| ReviewersClient { issuer: at.issuer.issuer, client: at.client_id, people };
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
