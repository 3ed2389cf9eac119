//! The role's own proof of who it is, for services outside of AWS: a token that STS signs.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedCredentialsProvider;
use domain::Timestamp;
use gateway::{Fault, Origin};
use reqwest::StatusCode;
use thiserror::Error;

use crate::http::Http;
use crate::table::pause;

/// For how long a token is asked for, in seconds.
const GOOD_FOR: u64 = 300;

/// One try, and tries.
const TRY: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;

/// Bytes of an answer at most.
const LONGEST: usize = 64 * 1024;

const NO_TOKEN: &str = "the gateway cannot prove itself to the Snowflake account";

/// STS of the region (`GetWebIdentityToken`, API version 2011-06-15; the global endpoint has it not). The account must have outbound
/// identity federation enabled, and the role the right `sts:GetWebIdentityToken`.
#[derive(Clone)]
pub struct WebIdentity {
    http: Http,
    credentials: Option<SharedCredentialsProvider>,
    region: String,
    endpoint: String,
}

impl fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http: _, credentials: _, region, endpoint } = self;
        f.debug_struct("WebIdentity").field("region", region).field("endpoint", endpoint).finish()
    }
}

/// A token of the role's.
// SECURITY: no `Debug`; whoever holds it is the role, to its audience.
pub struct WebToken {
    /// A JWT.
    pub token: String,
    /// For how long it is good, from when it was asked for.
    pub good_for: Duration,
}

/// Why there is no token, for the log.
// SECURITY: the service's own sentence is left out.
#[derive(Debug, Error)]
enum NoToken {
    #[error("sts:GetWebIdentityToken: {0}")]
    Said(String),
    #[error("sts:GetWebIdentityToken: it could not be reached")]
    Unreached,
    #[error("sts:GetWebIdentityToken: its answer cannot be read")]
    Unreadable,
    #[error("sts:GetWebIdentityToken: there are no credentials to sign with")]
    Unsigned,
}

impl WebIdentity {
    /// STS with this region, these credentials and this endpoint. Nothing is called yet.
    pub fn new(config: &SdkConfig) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let own = || format!("https://sts.{region}.{domain}/");
        let endpoint =
            config.endpoint_url().map_or_else(own, |url| format!("{}/", url.trim_end_matches('/')));
        Self { http: Http::new(), credentials: config.credentials_provider(), endpoint, region }
    }

    /// A fresh token for that audience.
    ///
    /// # Errors
    /// When there is none; passing where STS could not be reached or had too much to do.
    pub async fn token(&self, audience: &str, now: Timestamp) -> Result<WebToken, Fault> {
        let mut turn = 0;
        loop {
            match self.ask(audience, now).await {
                Ok(token) => return Ok(token),
                Err((is_passing, error)) => {
                    turn += 1;
                    let fault = if is_passing { Fault::passing } else { Fault::lasting };
                    if !is_passing || turn >= TRIES {
                        return Err(fault(Origin::Upstream, NO_TOKEN).because(error));
                    }
                    pause(turn.saturating_add(4)).await;
                }
            }
        }
    }

    async fn ask(&self, audience: &str, now: Timestamp) -> Result<WebToken, (bool, NoToken)> {
        let body = format!(
            "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1={audience}&SigningAlgorithm=ES384\
             &DurationSeconds={GOOD_FOR}"
        );
        let headers = self.signed(&body, now).await.ok_or((false, NoToken::Unsigned))?;
        let client = self.http.client().ok_or((false, NoToken::Unreached))?;
        let mut request = client.post(&self.endpoint).timeout(TRY).body(body).header("content-type", FORM);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let unreached = |_: reqwest::Error| (true, NoToken::Unreached);
        let mut answered = request.send().await.map_err(unreached)?;
        let mut text = Vec::new();
        while let Some(some) = answered.chunk().await.map_err(unreached)? {
            if text.len().saturating_add(some.len()) > LONGEST {
                return Err((false, NoToken::Unreadable));
            }
            text.extend_from_slice(&some);
        }
        let status = answered.status();
        let text = String::from_utf8(text).map_err(|_| (false, NoToken::Unreadable))?;
        if status != StatusCode::OK {
            let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            let is_word = |code: &&str| code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
            let code = between(&text, "<Code>", "</Code>").filter(is_word).unwrap_or("without a code");
            return Err((is_passing || code == "Throttling", NoToken::Said(code.to_owned())));
        }
        let token = between(&text, "<WebIdentityToken>", "</WebIdentityToken>");
        let is_jwt = |token: &&str| {
            token.split('.').count() == 3
                && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let token = token.filter(is_jwt).ok_or((false, NoToken::Unreadable))?.to_owned();
        Ok(WebToken { token, good_for: Duration::from_secs(GOOD_FOR) })
    }

    /// What signs such a body (Signature Version 4); none without credentials.
    async fn signed(&self, body: &str, now: Timestamp) -> Option<Vec<(String, String)>> {
        let credentials: Credentials = self.credentials.as_ref()?.provide_credentials().await.ok()?;
        let identity = credentials.into();
        let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.as_micros()).ok()?);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sts")
            .time(moment)
            .settings(SigningSettings::default())
            .build()
            .ok()?;
        let headers = [("content-type", FORM)].into_iter();
        let body = SignableBody::Bytes(body.as_bytes());
        let request = SignableRequest::new("POST", &self.endpoint, headers, body).ok()?;
        let (signed, _) = sign(request, &parameters.into()).ok()?.into_parts();
        Some(signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn between<'a>(text: &'a str, begins: &str, ends: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begins)?;
    rest.split_once(ends).map(|(found, _)| found)
}
