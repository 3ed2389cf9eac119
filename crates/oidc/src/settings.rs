//! Which issuers are trusted, and what for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;
use thiserror::Error;

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
// SECURITY: symmetric algorithms and `none` have no name here, so that no setting and no token can ask for them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// EdDSA on Ed25519; also under its newer name `Ed25519` (RFC 9864).
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = SettingsError;

    /// Reads the exact name; names are case-sensitive (RFC 7515 section 4.1.1).
    fn from_str(name: &str) -> Result<Self, SettingsError> {
        if name == "Ed25519" {
            return Ok(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name).ok_or(SettingsError::Algorithm)
    }
}

/// Whose tokens an issuer's are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Bearers {
    /// Agents, for people or for themselves.
    #[default]
    Agents,
    /// People who use a client themselves. A token is refused that has an actor in it (`act`), is marked as a client's own, or says
    /// nothing that proves a person: [`IssuerSettings::person_proof`], or without it [`IssuerSettings::person_claim`] (other than `sub`
    /// and `oid`), a verified `email`, `auth_time` or `amr`.
    People,
}

/// One issuer that is trusted, and what its tokens must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerSettings {
    /// `iss`, exactly as the tokens say it: a trailing slash matters.
    pub issuer: String,
    /// Accepted audiences; a token must name one of them.
    pub audience: Vec<String>,
    /// The claim that names whom a token without `aud` is for, of an issuer that writes none (`client_id` in Amazon Cognito's access
    /// tokens, `azp` elsewhere): whom it was issued to. One of [`Self::audience`] must stand there. A token that has `aud` is judged by
    /// that alone, and `required_scopes` must say that it is for us, for its audience does not.
    ///
    /// None: a token without `aud` is refused.
    pub audience_claim: Option<String>,
    /// Audiences of other doors: a token that names one of them, too, is refused here, so that whoever gets hold of it gets no further than
    /// one of them lets it.
    pub other_audiences: Vec<String>,
    /// Accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Accepted `typ`, compared without regard to case. An empty text stands for a token without `typ`.
    ///
    /// Whatever is accepted besides `at+jwt` is checked once more against being an ID token.
    pub types: Vec<String>,
    /// Scopes that a token must have, all of them.
    pub required_scopes: Vec<String>,
    /// Whose its tokens are.
    pub bearers: Bearers,
    /// Groups of which a token of [`Bearers::People`] must have one; empty for any token, and groups are not looked at.
    pub required_groups: Vec<String>,
    /// The top-level claim that lists groups: an array of strings, or one string.
    pub groups_claim: String,
    /// The top-level claim that names the agent in tokens without `act`, for issuers that cannot say `act`
    /// (`client_id`, say). `sub` is then the person, unless it is the same name. A token without the claim is refused.
    ///
    /// None: a token without `act` belongs to an agent that acts for itself.
    pub agent_claim: Option<String>,
    /// The top-level claim that names the person in tokens that are for one; a token without it is refused.
    ///
    /// None: `email` where `email_verified` is true, else `sub`.
    pub person_claim: Option<String>,
    /// The top-level claim that people's tokens have and programs' have not (`username` in Amazon Cognito's access tokens, `uid` in
    /// Okta's). A token for a person without it is a program's own.
    ///
    /// None: what else tells programs is looked at.
    pub person_proof: Option<String>,
    /// The clients that [`Bearers::People`] may use, as agents are named; empty for any.
    pub clients: Vec<String>,
    /// How far the issuer's clock and ours may differ.
    pub leeway: Duration,
    /// How long a token may live, from `iat` (or from now, where it has none) to `exp`.
    pub max_lifetime: Duration,
    /// Where the keys are; none asks the discovery document.
    pub jwks_uri: Option<String>,
    /// How old keys may be before they are fetched again.
    pub keys_max_age: Duration,
    /// How old keys may be while fetching fails. Then every token of the issuer is refused as unreachable, because
    /// a key that was withdrawn meanwhile cannot be told from a good one.
    pub keys_max_stale: Duration,
    /// The least time between the starts of two fetches, whatever tokens claim and whether or not the first
    /// succeeded; only where the very first brought nothing, the second may start after one second. A fetch that every caller walked away from may be replaced after `fetch_timeout`.
    pub fetch_interval: Duration,
    /// How long a fetch may take in all. A caller that needs keys waits for so long.
    pub fetch_timeout: Duration,
}

impl IssuerSettings {
    /// Settings for an issuer whose access tokens are as RFC 9068 wants them, signed with RS256 or ES256.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: vec![audience.into()],
            audience_claim: None,
            other_audiences: Vec::new(),
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            types: vec!["at+jwt".into(), "application/at+jwt".into()],
            required_scopes: Vec::new(),
            bearers: Bearers::Agents,
            required_groups: Vec::new(),
            groups_claim: "groups".into(),
            agent_claim: None,
            person_claim: None,
            person_proof: None,
            clients: Vec::new(),
            leeway: Duration::from_secs(60),
            max_lifetime: Duration::from_secs(24 * 60 * 60),
            jwks_uri: None,
            keys_max_age: Duration::from_secs(10 * 60),
            keys_max_stale: Duration::from_secs(60 * 60),
            fetch_interval: Duration::from_secs(10),
            fetch_timeout: Duration::from_secs(5),
        }
    }

    /// Whether the issuer is on this machine, and so may be asked without TLS.
    pub(crate) fn is_loopback(&self) -> bool {
        Url::parse(&self.issuer).is_ok_and(|url| is_loopback(&url))
    }

    /// Says what is wrong with the settings, if anything.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let issuer = &self.issuer;
        let url = checked_url(issuer, true).ok_or_else(|| SettingsError::Issuer(issuer.clone()))?;
        // OpenID Connect Discovery 1.0 section 2: no query and no fragment in an issuer.
        if url.query().is_some() || url.fragment().is_some() {
            return Err(SettingsError::Issuer(issuer.clone()));
        }
        if let Some(jwks_uri) = &self.jwks_uri {
            checked_url(jwks_uri, is_loopback(&url)).ok_or_else(|| SettingsError::JwksUri(issuer.clone()))?;
        }
        let has_blank = |list: &[String]| list.iter().any(String::is_empty);
        let wrong = |what| Err(SettingsError::Wrong { issuer: issuer.clone(), what });
        if self.audience.is_empty() || has_blank(&self.audience) {
            return wrong("audience");
        }
        // Nobody could come in.
        if has_blank(&self.other_audiences)
            || self.audience.iter().any(|own| self.other_audiences.contains(own))
        {
            return wrong("audience");
        }
        // SECURITY: a claim that its bearer can choose, or that many tokens share, would let anybody's token pass.
        if self.audience_claim.as_deref().is_some_and(|claim| !["client_id", "azp"].contains(&claim)) {
            return wrong("audience_claim");
        }
        if self.audience_claim.is_some() && self.required_scopes.is_empty() {
            return wrong("required_scopes");
        }
        if self.algorithms.is_empty() {
            return wrong("algorithms");
        }
        if self.types.is_empty() {
            return wrong("types");
        }
        if has_blank(&self.required_scopes) {
            return wrong("required_scopes");
        }
        if self.groups_claim.is_empty() {
            return wrong("groups_claim");
        }
        if self.agent_claim.as_deref() == Some("") {
            return wrong("agent_claim");
        }
        if self.person_claim.as_deref() == Some("") {
            return wrong("person_claim");
        }
        // SECURITY: every token has a subject, whoever it is.
        if self.person_proof.as_deref().is_some_and(|claim| ["", "sub"].contains(&claim)) {
            return wrong("person_proof");
        }
        if has_blank(&self.clients) {
            return wrong("clients");
        }
        if has_blank(&self.required_groups) {
            return wrong("required_groups");
        }
        if self.leeway > Duration::from_secs(300) {
            return wrong("leeway");
        }
        if self.max_lifetime.is_zero() {
            return wrong("max_lifetime");
        }
        if self.keys_max_age.is_zero() {
            return wrong("keys_max_age");
        }
        if self.keys_max_stale < self.keys_max_age {
            return wrong("keys_max_stale");
        }
        if self.fetch_interval < Duration::from_secs(1) {
            return wrong("fetch_interval");
        }
        if self.fetch_timeout.is_zero() || self.fetch_timeout > Duration::from_secs(30) {
            return wrong("fetch_timeout");
        }
        Ok(())
    }
}

/// Why settings cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// There is no issuer at all.
    #[error("no issuer is configured")]
    NoIssuer,
    /// Two settings name one issuer.
    #[error("the issuer `{0}` is configured twice")]
    Twice(String),
    /// The issuer is no URL that may be asked.
    #[error("the issuer `{0}` must be an https URL without query, fragment and user (http only on loopback)")]
    Issuer(String),
    /// The address of the keys is no URL that may be asked.
    #[error(
        "jwks_uri of issuer `{0}` must be an https URL without user (http only where the issuer is on loopback)"
    )]
    JwksUri(String),
    /// A setting is empty or out of its range.
    #[error("`{what}` of issuer `{issuer}` is empty or out of range")]
    Wrong {
        /// The issuer.
        issuer: String,
        /// The setting.
        what: &'static str,
    },
    /// There is no such algorithm.
    #[error("an algorithm is one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA")]
    Algorithm,
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// The URL, if it may be asked: https, or http to this very machine where that is acceptable.
pub(crate) fn checked_url(text: &str, may_be_loopback: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && may_be_loopback && is_loopback(&url));
    // A user and password in a URL would end in logs.
    (is_safe && url.has_host() && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// Whether the URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(issuer: &str, is_good: bool) {
        assert_eq!(IssuerSettings::new(issuer, "snowgate").check().is_ok(), is_good, "{issuer}");
    }

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        check("https://login.example", true);
        check("https://login.example/tenant/", true);
        check("http://127.0.0.1:9100", true);
        check("http://localhost:9100/issuer", true);
        check("http://[::1]:9100", true);
        check("http://login.example", false);
        check("http://127.0.0.1.example", false);
        check("http://localhost.example", false);
        check("https://user:secret@login.example", false);
        check("https://login.example?tenant=1", false);
        check("https://login.example#x", false);
        check("file:///etc/passwd", false);
        check("login.example", false);
        check("", false);
    }

    #[test]
    fn an_issuer_elsewhere_cannot_keep_its_keys_on_this_machine() {
        let mut settings = IssuerSettings::new("https://login.example", "snowgate");
        settings.jwks_uri = Some("http://127.0.0.1/keys".into());
        assert_eq!(settings.check(), Err(SettingsError::JwksUri(settings.issuer.clone())));
        settings.issuer = "http://127.0.0.1:9100".into();
        assert_eq!(settings.check(), Ok(()));
    }

    #[test]
    fn empty_lists_are_never_taken_for_anything() {
        let settings = || IssuerSettings::new("https://login.example", "snowgate");
        let wrong = |change: fn(&mut IssuerSettings), expected: &'static str| {
            let mut settings = settings();
            change(&mut settings);
            let issuer = settings.issuer.clone();
            assert_eq!(settings.check(), Err(SettingsError::Wrong { issuer, what: expected }));
        };
        wrong(|s| s.audience.clear(), "audience");
        wrong(|s| s.audience = vec![String::new()], "audience");
        wrong(|s| s.other_audiences = vec![String::new()], "audience");
        wrong(|s| s.other_audiences = vec!["audit".into(), "snowgate".into()], "audience");
        wrong(|s| s.algorithms.clear(), "algorithms");
        for claim in ["", "sub", "aud", "scope", "Client_id"] {
            let mut settings = settings();
            settings.required_scopes = vec!["sql".into()];
            settings.audience_claim = Some(claim.into());
            assert!(settings.check().is_err(), "{claim}");
        }
        wrong(|s| s.audience_claim = Some("client_id".into()), "required_scopes");
        wrong(|s| s.person_proof = Some("sub".into()), "person_proof");
        wrong(|s| s.clients = vec![String::new()], "clients");
        wrong(|s| s.required_groups = vec![String::new()], "required_groups");
        wrong(|s| s.types.clear(), "types");
        wrong(|s| s.groups_claim.clear(), "groups_claim");
        wrong(|s| s.leeway = Duration::from_secs(3600), "leeway");
        wrong(|s| s.keys_max_stale = Duration::from_secs(1), "keys_max_stale");
        wrong(|s| s.fetch_interval = Duration::ZERO, "fetch_interval");
    }

    #[test]
    fn symmetric_algorithms_and_none_have_no_name() {
        for name in ["HS256", "HS384", "HS512", "none", "None", "", "rs256", "ES512", "ES256K"] {
            assert_eq!(name.parse::<Algorithm>(), Err(SettingsError::Algorithm), "{name}");
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
    }
}
