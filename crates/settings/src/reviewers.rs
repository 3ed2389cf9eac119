//! The keys of reviewing that every program around it has: who is asked, where they sign in.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use gateway::{KnownReviewer, ReviewerName};
use local::Mail;
use oidc::{Algorithm, SignInSettings};
use serde::Deserialize;

use crate::{ConfigurationError, Places};

/// A secret of the configuration.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

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

impl ReviewersIssuer {
    /// What a client of this issuer is told, as this client and with that secret.
    ///
    /// # Errors
    /// The key that is wrong, with its place.
    pub fn sign_in(
        &self,
        client: &str,
        secret: Option<&Secret>,
        places: &Places,
    ) -> Result<SignInSettings, ConfigurationError> {
        let mut settings = SignInSettings::new(self.issuer.clone(), client);
        settings.client_secret = secret.map(|secret| secret.reveal().to_owned());
        if !self.algorithms.is_empty() {
            let read = self.algorithms.iter().map(|name| name.parse::<Algorithm>());
            settings.issuer.algorithms = read
                .collect::<Result<_, _>>()
                .map_err(|error| places.wrong("reviewers_issuer.algorithms", error))?;
        }
        if let Some(scopes) = &self.scopes {
            settings.scopes.clone_from(scopes);
        }
        if let Some(claim) = &self.groups_claim {
            settings.issuer.groups_claim.clone_from(claim);
        }
        settings.issuer.person_claim.clone_from(&self.person_claim);
        if let Some(seconds) = self.max_age_seconds {
            settings.max_age = Duration::from_secs(seconds);
        }
        settings.acr_values.clone_from(&self.acr_values);
        settings.issuer.jwks_uri.clone_from(&self.jwks_uri);
        if let Some(seconds) = self.leeway_seconds {
            settings.issuer.leeway = Duration::from_secs(seconds);
        }
        Ok(settings)
    }
}

/// Everybody who is asked, as the roster has them.
///
/// # Errors
/// The entry that is wrong, with its place.
pub fn people(entries: &[ReviewerEntry], places: &Places) -> Result<Vec<KnownReviewer>, ConfigurationError> {
    for (at, entry) in entries.iter().enumerate() {
        let key = format!("reviewers[{at}]");
        if entry.email.is_some() == entry.subject.is_some() {
            return Err(places.wrong(&key, "names one person: by email, or by subject"));
        }
        if entry.groups.is_empty() {
            return Err(places.wrong(&format!("{key}.groups"), "names no group, so they are never asked"));
        }
        if entry.email.as_ref().is_some_and(|email| !Mail::is_address(email)) {
            return Err(places.wrong(&format!("{key}.email"), "is no mail address"));
        }
        if entry.mail.as_ref().is_some_and(|mail| !Mail::is_address(mail)) {
            return Err(places.wrong(&format!("{key}.mail"), "is no mail address"));
        }
    }
    let people: Vec<KnownReviewer> = entries.iter().filter_map(ReviewerEntry::known).collect();
    let names: BTreeSet<_> = people.iter().map(|known| &known.name).collect();
    if names.len() != entries.len() {
        let problem = "names somebody twice; write one entry with all of their groups";
        return Err(places.wrong("reviewers", problem));
    }
    Ok(people)
}

impl ReviewerEntry {
    /// They, as the roster has them; none for an entry that names not one person.
    pub fn known(&self) -> Option<KnownReviewer> {
        let name = match (&self.email, &self.subject) {
            (Some(email), None) => ReviewerName::Email(email.clone()),
            (None, Some(subject)) => ReviewerName::Subject(subject.clone()),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let groups = Some(self.groups.iter().cloned().collect());
        Some(KnownReviewer { name, groups, mail: self.mail.clone().or_else(|| self.email.clone()) })
    }
}

/// Whether links may begin so: what is behind them must not be read or written on the way.
pub fn is_page_address(url: &str) -> bool {
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
