//! Asking an issuer for its keys.
//!
//! `GET {issuer}/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 section 4), whose `issuer` must be
//! the configured one and whose `jwks_uri` is then asked; or the configured `jwks_uri` alone.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::Deserialize;
use thiserror::Error;

use crate::keys::KeySet;
use crate::settings::{IssuerSettings, SettingsError, checked_url};

/// How long connecting takes, at most.
const CONNECTING: Duration = Duration::from_secs(3);
/// A document in bytes, at most. API Gateway takes 150,000.
const LARGEST: usize = 256 * 1024;

/// Where the keys of one issuer are.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) issuer: String,
    jwks_uri: Option<Url>,
    is_loopback: bool,
    timeout: Duration,
    client: Client,
}

impl Source {
    /// The source that these settings, already checked, describe.
    pub(crate) fn new(settings: &IssuerSettings) -> Result<Self, SettingsError> {
        let is_loopback = settings.is_loopback();
        // SECURITY: no redirects, or an issuer's open redirect would choose our keys; and what is on this
        // machine is not asked for through a proxy.
        let mut client = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECTING)
            .timeout(settings.fetch_timeout)
            // Fetches are minutes apart; a kept connection would be dead, or frozen with its process.
            .pool_max_idle_per_host(0)
            .user_agent("snowgate");
        if is_loopback {
            client = client.no_proxy();
        }
        Ok(Self {
            issuer: settings.issuer.clone(),
            jwks_uri: settings.jwks_uri.as_deref().and_then(|text| checked_url(text, is_loopback)),
            is_loopback,
            timeout: settings.fetch_timeout,
            client: client.build().map_err(|error| SettingsError::Client(chain(&error)))?,
        })
    }

    /// Fetches the keys.
    pub(crate) async fn keys(&self) -> Result<KeySet, FetchError> {
        let fetching = async {
            let address = match &self.jwks_uri {
                Some(address) => address.clone(),
                None => self.discovered().await?,
            };
            KeySet::read(&self.get(address).await?).ok_or(FetchError::Shape)
        };
        tokio::time::timeout(self.timeout, fetching).await.map_err(|_| FetchError::TimedOut)?
    }

    /// The address of the keys, as the discovery document has it.
    async fn discovered(&self) -> Result<Url, FetchError> {
        let document = self.document().await?;
        let jwks_uri = document.jwks_uri.ok_or(FetchError::Shape)?;
        checked_url(&jwks_uri, self.is_loopback).ok_or(FetchError::Address)
    }

    /// Where people sign in and where codes are redeemed, as the discovery document has it.
    pub(crate) async fn endpoints(&self) -> Result<Endpoints, FetchError> {
        let finding = async {
            let document = self.document().await?;
            let checked = |address: Option<String>| {
                checked_url(&address.ok_or(FetchError::Shape)?, self.is_loopback).ok_or(FetchError::Address)
            };
            Ok(Endpoints {
                authorization: checked(document.authorization_endpoint)?,
                token: checked(document.token_endpoint)?,
            })
        };
        tokio::time::timeout(self.timeout, finding).await.map_err(|_| FetchError::TimedOut)?
    }

    /// Where tokens are given out, as the discovery document has it, or the metadata of an authorization server that is no
    /// OpenID provider (RFC 8414 section 3.1).
    pub(crate) async fn token_endpoints(&self) -> Result<TokenEndpoints, FetchError> {
        let finding = async {
            let document = match self.document().await {
                // Not every server answers 404 for what it has not.
                Err(FetchError::Status(400..=499)) => self.document_at(&self.metadata_address()?).await?,
                found => found?,
            };
            let checked =
                |address: &String| checked_url(address, self.is_loopback).ok_or(FetchError::Address);
            let methods = document.token_endpoint_auth_methods_supported.as_deref();
            let has =
                |method: &str| methods.is_some_and(|methods| methods.iter().any(|known| known == method));
            let is_posted = has("client_secret_post") && !has("client_secret_basic");
            Ok(TokenEndpoints {
                token: checked(&document.token_endpoint.ok_or(FetchError::Shape)?)?,
                device: document.device_authorization_endpoint.as_ref().map(checked).transpose()?,
                takes_secret: if is_posted { TakesSecret::InBody } else { TakesSecret::InHeader },
            })
        };
        tokio::time::timeout(self.timeout, finding).await.map_err(|_| FetchError::TimedOut)?
    }

    /// The metadata's well-known name stands between host and path.
    fn metadata_address(&self) -> Result<String, FetchError> {
        let url = checked_url(&self.issuer, self.is_loopback).ok_or(FetchError::Address)?;
        let origin = url.origin().ascii_serialization();
        Ok(format!("{origin}/.well-known/oauth-authorization-server{}", url.path().trim_end_matches('/')))
    }

    /// Asks for something at a token endpoint or beside one: the status, and the body whatever it is.
    pub(crate) async fn ask(
        &self,
        address: Url,
        client: &ClientId,
        takes_secret: TakesSecret,
        form: &[(&str, &str)],
    ) -> Result<(u16, Vec<u8>), FetchError> {
        let in_body = takes_secret == TakesSecret::InBody || client.secret.is_none();
        let own = [("client_id", Some(client.id.as_str())), ("client_secret", client.secret.as_deref())];
        let own = own.into_iter().filter(|_| in_body).filter_map(|(name, value)| Some((name, value?)));
        let body =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(form).extend_pairs(own).finish();
        let asking = async {
            let request = self
                .client
                .post(address)
                .header("accept", "application/json")
                .header("content-type", "application/x-www-form-urlencoded");
            let request = match &client.secret {
                Some(secret) if !in_body => request.basic_auth(encoded(&client.id), Some(encoded(secret))),
                Some(_) | None => request,
            };
            let response = request.body(body).send().await.map_err(transport)?;
            Ok((response.status().as_u16(), read_whole(response).await?))
        };
        tokio::time::timeout(self.timeout, asking).await.map_err(|_| FetchError::TimedOut)?
    }

    /// Redeems something at the token endpoint; whatever it answers with 200.
    pub(crate) async fn redeem(
        &self,
        address: Url,
        client: &ClientId,
        form: &[(&str, &str)],
    ) -> Result<Vec<u8>, FetchError> {
        let public = client.secret.is_none().then_some(("client_id", client.id.as_str()));
        let body =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(form).extend_pairs(public).finish();
        let redeeming = async {
            let request = self
                .client
                .post(address)
                .header("accept", "application/json")
                .header("content-type", "application/x-www-form-urlencoded");
            let request = match &client.secret {
                // RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
                Some(secret) => request.basic_auth(encoded(&client.id), Some(encoded(secret))),
                None => request,
            };
            read(request.body(body).send().await.map_err(transport)?).await
        };
        tokio::time::timeout(self.timeout, redeeming).await.map_err(|_| FetchError::TimedOut)?
    }

    async fn document(&self) -> Result<Document, FetchError> {
        self.document_at(&format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/')))
            .await
    }

    async fn document_at(&self, address: &str) -> Result<Document, FetchError> {
        let address = checked_url(address, self.is_loopback).ok_or(FetchError::Address)?;
        let text = self.get(address).await?;
        let document: Document = serde_json::from_slice(&text).map_err(|_| FetchError::Shape)?;
        // SECURITY: section 4.3. Without it, one tenant of a shared host could speak for another.
        if document.issuer != self.issuer {
            return Err(FetchError::Issuer);
        }
        Ok(document)
    }

    async fn get(&self, address: Url) -> Result<Vec<u8>, FetchError> {
        let sent = self.client.get(address).header("accept", "application/json").send();
        read(sent.await.map_err(transport)?).await
    }
}

/// What of a discovery document is of any use here.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Where people sign in, and where codes are redeemed.
pub(crate) struct Endpoints {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
}

/// Where tokens are given out.
pub(crate) struct TokenEndpoints {
    pub(crate) token: Url,
    /// Where a person is asked on another device (RFC 8628 section 4).
    pub(crate) device: Option<Url>,
    pub(crate) takes_secret: TakesSecret,
}

/// Where an issuer takes a client's secret (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakesSecret {
    InHeader,
    InBody,
}

/// The client that an issuer knows us as.
// SECURITY: no `Debug`.
#[derive(Clone)]
pub(crate) struct ClientId {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A whole body, with the only status that means anything.
async fn read(response: Response) -> Result<Vec<u8>, FetchError> {
    if response.status().as_u16() != 200 {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    read_whole(response).await
}

async fn read_whole(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(transport)? {
        if body.len() + piece.len() > LARGEST {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Why keys could not be fetched; for operators' logs.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// No answer in time.
    #[error("no whole answer in time")]
    TimedOut,
    /// The connection failed.
    #[error("{0}")]
    Transport(String),
    /// Any status but 200, redirects too.
    #[error("answered with status {0}")]
    Status(u16),
    /// More than a document of keys may be.
    #[error("answered with more than {LARGEST} bytes")]
    TooLarge,
    /// Not JSON of the right shape.
    #[error("answered with something else than the document that was asked for")]
    Shape,
    /// The discovery document is another issuer's.
    #[error("its discovery document names another issuer")]
    Issuer,
    /// The address of the keys may not be asked.
    #[error("its discovery document puts the keys where they may not be fetched from")]
    Address,
}

fn transport(error: reqwest::Error) -> FetchError {
    FetchError::Transport(chain(&error.without_url()))
}

/// An error with everything behind it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
