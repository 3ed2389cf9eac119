//! External OAuth: a token endpoint gives us an access token.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Tier, Timestamp};
use gateway::Fault;
use gateway::ports::Clock;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{Bearer, Credentials, TokenKind};
use crate::error::Error;
use crate::secret::Secret;
use crate::settings::{OAuthClient, Timeouts, secure_url};
use crate::transport;

/// How long before its end a token is replaced.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token is kept that does not say how long it is good (RFC 6749, 5.1 only recommends that it does).
const UNTOLD: Duration = Duration::from_secs(120);
/// What a token endpoint may answer.
const ANSWER_BOUND: usize = 64 * 1024;

/// How the token is asked for.
enum Grant {
    /// RFC 6749, 4.4.
    ClientCredentials,
    /// RFC 8693, 2.1.
    TokenExchange { subject_file: PathBuf, subject_type: String },
}

/// A client of a token endpoint, with the token that it has.
pub struct OAuth {
    endpoint: Url,
    client: OAuthClient,
    grant: Grant,
    http: reqwest::Client,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    // Held while asking, so that many statements ask once.
    cached: Mutex<Option<Kept>>,
}

struct Kept {
    from: Timestamp,
    good_for: Duration,
    bearer: Bearer,
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("client", &self.client).finish_non_exhaustive()
    }
}

/// RFC 6749, 5.1; RFC 8693, 2.2.1.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
}

impl OAuth {
    /// The gateway's own client.
    pub fn client_credentials(
        client: &OAuthClient,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Self::new(client, Grant::ClientCredentials, timeouts, clock)
    }

    /// By exchange of the token in that file, which the platform renews; it is read at each exchange.
    pub fn token_exchange(
        client: &OAuthClient,
        subject_file: PathBuf,
        subject_type: Option<String>,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let subject_type = subject_type.unwrap_or_else(|| "urn:ietf:params:oauth:token-type:jwt".to_owned());
        Self::new(client, Grant::TokenExchange { subject_file, subject_type }, timeouts, clock)
    }

    fn new(
        client: &OAuthClient,
        grant: Grant,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let endpoint = secure_url("client.token_endpoint", &client.token_endpoint)?;
        let http = transport::http(&endpoint, &timeouts)?;
        Ok(Self { endpoint, client: client.clone(), grant, http, timeouts, clock, cached: Mutex::new(None) })
    }

    async fn ask(&self) -> Result<Kept, Error> {
        let from = self.clock.now();
        let mut fields: Vec<(&str, String)> = Vec::with_capacity(8);
        match &self.grant {
            Grant::ClientCredentials => fields.push(("grant_type", "client_credentials".to_owned())),
            Grant::TokenExchange { subject_file, subject_type } => {
                let subject = tokio::fs::read_to_string(subject_file)
                    .await
                    .map_err(|_| Error::Credential("the subject token file cannot be read"))?;
                fields.push(("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()));
                fields.push(("subject_token", subject.trim().to_owned()));
                fields.push(("subject_token_type", subject_type.clone()));
                fields.push((
                    "requested_token_type",
                    "urn:ietf:params:oauth:token-type:access_token".to_owned(),
                ));
            }
        }
        if let Some(scope) = &self.client.scope {
            fields.push(("scope", scope.clone()));
        }
        if let Some(audience) = &self.client.audience {
            fields.push(("audience", audience.clone()));
        }
        // The client authenticates by HTTP Basic over form-encoded parts (RFC 6749, 2.3.1).
        let pair =
            format!("{}:{}", escape(&self.client.client_id), escape(self.client.client_secret.reveal()));
        let mut basic = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|_| Error::Credential("the client's secret cannot be sent"))?;
        basic.set_sensitive(true);
        let body = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>();
        let request = self
            .http
            .post(self.endpoint.clone())
            .header(AUTHORIZATION, basic)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.join("&"));

        let exchange = async {
            let mut response =
                request.send().await.map_err(|_| Error::TokenEndpoint("it is out of reach"))?;
            let status = response.status().as_u16();
            let mut text = Vec::new();
            while let Some(piece) =
                response.chunk().await.map_err(|_| Error::TokenEndpoint("its answer broke off"))?
            {
                if text.len().saturating_add(piece.len()) > ANSWER_BOUND {
                    return Err(Error::TokenEndpoint("its answer is too long"));
                }
                text.extend_from_slice(&piece);
            }
            match status {
                200 => Ok(text),
                400..=428 | 430..=499 => Err(Error::Credential("the token endpoint refuses the gateway")),
                _ => Err(Error::TokenEndpoint("it is not ready")),
            }
        };
        let text = timeout(self.timeouts.answer(), exchange)
            .await
            .map_err(|_| Error::TokenEndpoint("it is too slow"))??;
        let Answer { access_token, token_type, expires_in } = serde_json::from_slice(&text)
            .map_err(|_| Error::TokenEndpoint("its answer is not that of a token endpoint"))?;
        // `N_A` is what an exchange answers for a token that is no access token (RFC 8693, 2.2.1): not for us.
        if access_token.is_empty() || !token_type.eq_ignore_ascii_case("bearer") {
            return Err(Error::TokenEndpoint("it gave no bearer token"));
        }
        let good_for = expires_in.map_or(UNTOLD, Duration::from_secs).min(Duration::from_secs(86_400));
        let bearer = Bearer { kind: TokenKind::OAuth, token: Secret::new(access_token) };
        Ok(Kept { from, good_for, bearer })
    }
}

#[async_trait]
impl Credentials for OAuth {
    async fn bearer(&self, _: Tier) -> Result<Bearer, Fault> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let Some(kept) = &*cached
            && now >= kept.from
            && now.since(kept.from).saturating_add(MARGIN) < kept.good_for
        {
            return Ok(kept.bearer.clone());
        }
        let kept = self.ask().await?;
        let bearer = kept.bearer.clone();
        *cached = Some(kept);
        Ok(bearer)
    }

    async fn refused(&self, _: Tier) {
        *self.cached.lock().await = None;
    }
}

/// Form encoding of one part (WHATWG URL, "application/x-www-form-urlencoded serializing", with `%20` for a space).
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
