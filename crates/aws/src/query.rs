//! Services that are asked by a signed form and answer in XML (AWS's query protocol), for the few calls that have no client of
//! the SDK here.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedCredentialsProvider;
use domain::Timestamp;
use reqwest::StatusCode;
use thiserror::Error;

use crate::http::Http;
use crate::table::pause;

/// One try, and tries.
const TRY: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;

/// Bytes of an answer at most.
const LONGEST: usize = 256 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

/// One such service in a region.
#[derive(Clone)]
pub(crate) struct Query {
    http: Http,
    credentials: Option<SharedCredentialsProvider>,
    service: &'static str,
    region: String,
    endpoint: String,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http: _, credentials: _, service, region, endpoint } = self;
        f.debug_struct("Query")
            .field("service", service)
            .field("region", region)
            .field("endpoint", endpoint)
            .finish()
    }
}

/// Why there is no answer, for the log.
// SECURITY: the service's own sentence is left out.
#[derive(Debug, Error)]
pub(crate) enum NoAnswer {
    #[error("{0}: {1}")]
    Said(&'static str, String),
    #[error("{0}: it could not be reached")]
    Unreached(&'static str),
    #[error("{0}: its answer cannot be read")]
    Unreadable(&'static str),
    #[error("{0}: there are no credentials to sign with")]
    Unsigned(&'static str),
}

impl NoAnswer {
    /// Whether the service says that.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Self::Said(_, said) if said == code)
    }
}

/// Whether another try may mend it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passes {
    Yes,
    No,
}

impl Query {
    /// That service with this region, these credentials and this endpoint. Nothing is called yet.
    pub fn new(config: &SdkConfig, service: &'static str) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let own = || format!("https://{service}.{region}.{domain}/");
        let endpoint =
            config.endpoint_url().map_or_else(own, |url| format!("{}/", url.trim_end_matches('/')));
        Self { http: Http::new(), credentials: config.credentials_provider(), service, region, endpoint }
    }

    /// What it answers to a form, whole; what passes is tried again. `call` names it for the log.
    pub async fn ask(
        &self,
        call: &'static str,
        form: &str,
        now: Timestamp,
    ) -> Result<String, (Passes, NoAnswer)> {
        let mut turn = 0;
        loop {
            match self.ask_once(call, form, now).await {
                Err((Passes::Yes, _)) if turn + 1 < TRIES => {
                    turn += 1;
                    pause(turn.saturating_add(4)).await;
                }
                answered => return answered,
            }
        }
    }

    async fn ask_once(
        &self,
        call: &'static str,
        form: &str,
        now: Timestamp,
    ) -> Result<String, (Passes, NoAnswer)> {
        let headers = self.signed(form, now).await.ok_or((Passes::No, NoAnswer::Unsigned(call)))?;
        let client = self.http.client().ok_or((Passes::No, NoAnswer::Unreached(call)))?;
        let mut request =
            client.post(&self.endpoint).timeout(TRY).body(form.to_owned()).header("content-type", FORM);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let unreached = |_: reqwest::Error| (Passes::Yes, NoAnswer::Unreached(call));
        let mut answered = request.send().await.map_err(unreached)?;
        let mut text = Vec::new();
        while let Some(some) = answered.chunk().await.map_err(unreached)? {
            if text.len().saturating_add(some.len()) > LONGEST {
                return Err((Passes::No, NoAnswer::Unreadable(call)));
            }
            text.extend_from_slice(&some);
        }
        let status = answered.status();
        let text = String::from_utf8(text).map_err(|_| (Passes::No, NoAnswer::Unreadable(call)))?;
        if status == StatusCode::OK {
            return Ok(text);
        }
        let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let is_word = |code: &&str| code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
        let code = between(&text, "<Code>", "</Code>").filter(is_word).unwrap_or("without a code");
        let passes = if is_passing || code == "Throttling" { Passes::Yes } else { Passes::No };
        Err((passes, NoAnswer::Said(call, code.to_owned())))
    }

    /// What signs such a form (Signature Version 4); none without credentials.
    async fn signed(&self, form: &str, now: Timestamp) -> Option<Vec<(String, String)>> {
        let credentials: Credentials = self.credentials.as_ref()?.provide_credentials().await.ok()?;
        let identity = credentials.into();
        let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.as_micros()).ok()?);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(moment)
            .settings(SigningSettings::default())
            .build()
            .ok()?;
        let headers = [("content-type", FORM)].into_iter();
        let body = SignableBody::Bytes(form.as_bytes());
        let request = SignableRequest::new("POST", &self.endpoint, headers, body).ok()?;
        let (signed, _) = sign(request, &parameters.into()).ok()?.into_parts();
        Some(signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// What stands between these two.
pub(crate) fn between<'a>(text: &'a str, begins: &str, ends: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begins)?;
    rest.split_once(ends).map(|(found, _)| found)
}

/// The text of an element, its entities resolved (XML 1.0 section 4.6).
pub(crate) fn unescaped(text: &str) -> String {
    let plain =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&#39;", "'")];
    // The ampersand last, so that nothing is resolved twice.
    plain.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)).replace("&amp;", "&")
}
