//! Getting an access token of an issuer, for programs that have no browser: by the client's own credentials (RFC 6749
//! section 4.4), by a person who agrees on another device (RFC 8628), and again by what the issuer gave for that (RFC 6749
//! section 6).
//!
//! Nothing here verifies a token: that is for whoever it is presented to.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use thiserror::Error;

use crate::fetch::{ClientId, FetchError, Source, TakesSecret, TokenEndpoints};
use crate::settings::{IssuerSettings, SettingsError, checked_url};

/// How long one answer of the issuer's may take.
const ANSWER: Duration = Duration::from_secs(10);

/// How long to wait between two questions where the issuer does not say (RFC 8628 section 3.2), and how much longer each time
/// that it asks for more (section 3.5).
const INTERVAL: Duration = Duration::from_secs(5);

/// So often an issuer that cannot be asked is asked once more.
const PATIENCE: u32 = 3;

/// Bytes of a token at most; no header would take more.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Characters of what a person types at most.
const LONGEST_CODE: usize = 32;

/// What a token is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TokenWanted {
    /// Scopes, joined by blanks.
    pub scope: Option<String>,
    /// Where it is to be presented (RFC 8707).
    pub resource: Option<String>,
    /// The same, for issuers that have another word for it.
    pub audience: Option<String>,
}

impl TokenWanted {
    fn form(&self) -> impl Iterator<Item = (&str, &str)> {
        let Self { scope, resource, audience } = self;
        [("scope", scope), ("resource", resource), ("audience", audience)]
            .into_iter()
            .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
    }
}

/// What an issuer gave.
// SECURITY: no `Debug` that tells.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// The access token.
    pub access_token: String,
    /// For how long it is good, where the issuer says.
    pub expires_in: Option<Duration>,
    /// What gets the next one.
    pub refresh_token: Option<String>,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Granted(…)")
    }
}

/// What a person has to do on another device.
pub struct DeviceBegun {
    /// Where to go.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// What to type there.
    pub user_code: String,
    /// For how long.
    pub expires_in: Duration,
    device_code: String,
    interval: Duration,
}

/// The word for a refresh token that is not good any more (RFC 6749 section 5.2).
pub const INVALID_GRANT: &str = "invalid_grant";

/// Why there is no token. Holds nothing of what was sent or answered but an error's own word.
#[derive(Debug, Error)]
pub enum GrantError {
    /// The issuer or the client is none.
    #[error("{0}")]
    Settings(String),
    /// The issuer cannot be asked.
    #[error("the issuer cannot be asked: {0}")]
    Unreachable(String),
    /// The issuer has no such way.
    #[error("the issuer has no {0} endpoint in its metadata")]
    NoEndpoint(&'static str),
    /// The issuer says no.
    #[error("the issuer refuses: {0}")]
    Refused(&'static str),
    /// What it answered is no token of this kind.
    #[error("the issuer answered no bearer token")]
    Answer,
    /// Nobody has agreed in time.
    #[error("nobody has agreed on the other device in time; begin again")]
    Expired,
}

/// A client of one issuer.
pub struct TokenClient {
    source: Source,
    client: ClientId,
}

impl TokenClient {
    /// Checks the names; asks nobody yet.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(issuer: &str, client_id: &str, secret: Option<String>) -> Result<Self, GrantError> {
        if checked_url(issuer, true).is_none() {
            return Err(GrantError::Settings(SettingsError::Issuer(issuer.to_owned()).to_string()));
        }
        if client_id.is_empty() || secret.as_deref() == Some("") {
            return Err(GrantError::Settings("the client's id or secret is empty".to_owned()));
        }
        let mut settings = IssuerSettings::new(issuer, client_id);
        settings.fetch_timeout = ANSWER;
        let source = Source::new(&settings).map_err(|error| GrantError::Settings(error.to_string()))?;
        Ok(Self { source, client: ClientId { id: client_id.to_owned(), secret } })
    }

    /// A token for the client itself.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn client_credentials(&self, wanted: &TokenWanted) -> Result<Granted, GrantError> {
        if self.client.secret.is_none() {
            return Err(GrantError::Settings(
                "a client without a secret has no credentials of its own".to_owned(),
            ));
        }
        self.ask([("grant_type", "client_credentials")], wanted).await
    }

    /// The next token, by what came with the last.
    ///
    /// # Errors
    /// [`GrantError::Refused`] when it is not good any more.
    pub async fn refresh(&self, refresh_token: &str, wanted: &TokenWanted) -> Result<Granted, GrantError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        let mut granted = self.ask(form, wanted).await?;
        // One that is not replaced stays good.
        granted.refresh_token = granted.refresh_token.or_else(|| Some(refresh_token.to_owned()));
        Ok(granted)
    }

    /// Begins to ask a person.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn begin_device(&self, wanted: &TokenWanted) -> Result<DeviceBegun, GrantError> {
        let endpoints = self.endpoints().await?;
        let address = endpoints.device.clone().ok_or(GrantError::NoEndpoint("device_authorization"))?;
        // RFC 8628 section 3.1: the client's id stands in the body, also where its secret does not.
        let is_beside = self.client.secret.is_some() && endpoints.takes_secret == TakesSecret::InHeader;
        let own = is_beside.then_some(("client_id", self.client.id.as_str()));
        let form: Vec<(&str, &str)> = own.into_iter().chain(wanted.form()).collect();
        let answered = self.post(&endpoints, address, &form).await?;
        let begun: Begun = serde_json::from_slice(&answered).map_err(|_| GrantError::Answer)?;
        let Begun {
            device_code,
            user_code,
            verification_uri,
            verification_uri_complete,
            expires_in,
            interval,
        } = begun;
        // It is printed for a person to type: what is no code could tell them to do something else.
        let is_code = (1..=LONGEST_CODE).contains(&user_code.len())
            && user_code.bytes().all(|b| b.is_ascii_alphanumeric() || b"- ".contains(&b));
        if !is_code {
            return Err(GrantError::Answer);
        }
        let is_page = |uri: &String| checked_url(uri, true).is_some();
        if !is_page(&verification_uri) || verification_uri_complete.as_ref().is_some_and(|uri| !is_page(uri))
        {
            return Err(GrantError::Answer);
        }
        Ok(DeviceBegun {
            verification_uri,
            verification_uri_complete,
            user_code,
            // Nobody waits for an hour before a program.
            expires_in: Duration::from_secs(expires_in.min(60 * 60)),
            device_code,
            interval: interval
                .map_or(INTERVAL, Duration::from_secs)
                .clamp(Duration::from_secs(1), 12 * INTERVAL),
        })
    }

    /// Waits until a person has agreed, or the time is over.
    ///
    /// # Errors
    /// [`GrantError::Refused`] when they did not, [`GrantError::Expired`] when nobody said anything.
    pub async fn end_device(&self, begun: &DeviceBegun, wanted: &TokenWanted) -> Result<Granted, GrantError> {
        let until = tokio::time::Instant::now() + begun.expires_in;
        let mut interval = begun.interval;
        let mut unreachable = 0;
        loop {
            tokio::time::sleep(interval).await;
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", begun.device_code.as_str()),
            ];
            match self.ask(form, wanted).await {
                Err(GrantError::Refused(PENDING)) => {}
                Err(GrantError::Refused(SLOWER)) => interval += INTERVAL,
                Err(GrantError::Refused(OVER)) => return Err(GrantError::Expired),
                // RFC 8628 section 3.5: after a timeout, less often.
                Err(GrantError::Unreachable(_)) if unreachable < PATIENCE => {
                    unreachable += 1;
                    interval *= 2;
                }
                asked => return asked,
            }
            if tokio::time::Instant::now() >= until {
                return Err(GrantError::Expired);
            }
        }
    }

    async fn ask<const N: usize>(
        &self,
        form: [(&str, &str); N],
        wanted: &TokenWanted,
    ) -> Result<Granted, GrantError> {
        let endpoints = self.endpoints().await?;
        let form: Vec<(&str, &str)> = form.into_iter().chain(wanted.form()).collect();
        let answered = self.post(&endpoints, endpoints.token.clone(), &form).await?;
        let answer: Answer = serde_json::from_slice(&answered).map_err(|_| GrantError::Answer)?;
        let Answer { access_token, token_type, expires_in, refresh_token } = answer;
        // RFC 6750 section 2.1: b64token. It goes into a header as it is.
        let is_token = (1..=LONGEST_TOKEN).contains(&access_token.len())
            && access_token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
        if !is_token || !token_type.eq_ignore_ascii_case("bearer") {
            return Err(GrantError::Answer);
        }
        Ok(Granted { access_token, expires_in: expires_in.map(Duration::from_secs), refresh_token })
    }

    async fn endpoints(&self) -> Result<TokenEndpoints, GrantError> {
        self.source.token_endpoints().await.map_err(|error| unreachable(&error))
    }

    async fn post(
        &self,
        endpoints: &TokenEndpoints,
        address: Url,
        form: &[(&str, &str)],
    ) -> Result<Vec<u8>, GrantError> {
        let asked = self.source.ask(address, &self.client, endpoints.takes_secret, form).await;
        match asked.map_err(|error| unreachable(&error))? {
            (200, body) => Ok(body),
            // RFC 6749 section 5.2: what is wrong is told with 400, or 401 where it is the client.
            (400..=403, body) => Err(GrantError::Refused(word(&body))),
            (status, _) => Err(GrantError::Unreachable(format!("it answered with status {status}"))),
        }
    }
}

const PENDING: &str = "authorization_pending";
const SLOWER: &str = "slow_down";
const OVER: &str = "expired_token";

/// The error's own word, where it is one of those that are specified. SECURITY: nothing else of the body is repeated.
fn word(body: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }
    const WORDS: [&str; 12] = [
        PENDING,
        SLOWER,
        OVER,
        "access_denied",
        "invalid_request",
        "invalid_client",
        INVALID_GRANT,
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_grant_type",
        "server_error",
    ];
    let told = serde_json::from_slice::<Refused>(body).ok();
    let known = told.and_then(|told| WORDS.into_iter().find(|word| *word == told.error));
    known.unwrap_or("it does not say why in a word that is known")
}

fn unreachable(error: &FetchError) -> GrantError {
    GrantError::Unreachable(error.to_string())
}

#[derive(Deserialize)]
struct Begun {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

/// Seconds as a number, or as a text as older issuers write them; none where it is neither.
fn seconds<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(json)? {
        serde_json::Value::Number(number) => number.as_u64(),
        serde_json::Value::String(text) => text.parse().ok(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_word_and_nothing_else() {
        assert_eq!(word(br#"{"error":"access_denied","error_description":"hunter2"}"#), "access_denied");
        for body in [&b"{\"error\":\"hunter2\"}"[..], b"hunter2", b"", b"{\"error\":7}"] {
            assert!(!word(body).contains("hunter2"));
        }
    }

    #[test]
    fn what_is_no_issuer_or_client_is_said_before_anybody_is_asked() {
        for (issuer, client, secret) in [
            ("login.example", "a", None),
            ("http://login.example", "a", None),
            ("https://login.example", "", None),
            ("https://login.example", "a", Some("")),
        ] {
            assert!(
                TokenClient::new(issuer, client, secret.map(str::to_owned)).is_err(),
                "{issuer} {client}"
            );
        }
        assert!(TokenClient::new("https://login.example", "a", None).is_ok());
    }

    #[test]
    fn how_long_a_token_is_good_is_read_as_issuers_write_it() {
        for (written, expected) in [
            ("3599", Some(3599)),
            ("\"3599\"", Some(3599)),
            ("null", None),
            ("\"soon\"", None),
            ("-1", None),
            ("{}", None),
        ] {
            let body = format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{written}}}"#);
            let answer: Answer = serde_json::from_str(&body).unwrap();
            assert_eq!(answer.expires_in, expected, "{written}");
        }
        let without: Answer = serde_json::from_str(r#"{"access_token":"a","token_type":"bearer"}"#).unwrap();
        assert_eq!(without.expires_in, None);
    }

    #[test]
    fn a_grant_is_not_printed() {
        let granted = Granted { access_token: "hunter2".into(), expires_in: None, refresh_token: None };
        assert_eq!(format!("{granted:?}"), "Granted(…)");
    }
}
