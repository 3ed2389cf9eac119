//! Reviewers sign in: OpenID Connect by authorization code with PKCE, as the client of one issuer.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use gateway::ports::{NotAccepted, ProvenReviewer, ReviewerIssuer, SignInAnswer, SignInBegun};
use gateway::{Fault, Origin};
use serde::Deserialize;

use crate::claims::{self, ExpectedIdToken};
use crate::fetch::{ClientId, FetchError, Source};
use crate::issuers::Issuer;
use crate::token::Token;
use crate::{IssuerSettings, Rejected, SettingsError};

/// The issuer that reviewers sign in at, and who we are to it.
#[derive(Clone)]
pub struct SignInSettings {
    /// The issuer, its algorithms and its claim of groups. Its audience is the client.
    pub issuer: IssuerSettings,
    /// The client.
    pub client_id: String,
    /// Its secret; none for a public client, which PKCE protects alone.
    pub client_secret: Option<String>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// How long ago a reviewer may have proven themselves.
    pub max_age: Duration,
    /// Accepted ways of proving themselves (`acr`); empty for any.
    pub acr_values: Vec<String>,
}

impl SignInSettings {
    /// A client of an issuer that signs ID tokens with RS256 or ES256.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        let client_id = client_id.into();
        let mut issuer = IssuerSettings::new(issuer, client_id.clone());
        // OpenID Connect Core 1.0 wants no `typ`, and most say `JWT`. Never an access token's.
        issuer.types = vec!["JWT".into(), String::new()];
        Self {
            issuer,
            client_id,
            client_secret: None,
            scopes: vec!["email".into()],
            max_age: Duration::from_secs(300),
            acr_values: Vec::new(),
        }
    }
}

impl fmt::Debug for SignInSettings {
    // SECURITY: without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInSettings")
            .field("issuer", &self.issuer.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// The issuer that reviewers sign in at.
pub struct SignIns {
    issuer: Issuer,
    source: Source,
    client: ClientId,
    scope: String,
    max_age: Duration,
    acr_values: Vec<String>,
}

impl SignIns {
    /// Checks the settings; asks nobody yet.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: SignInSettings) -> Result<Self, SettingsError> {
        let SignInSettings { issuer, client_id, client_secret, scopes, max_age, acr_values } = settings;
        let wrong = |what| SettingsError::Wrong { issuer: issuer.issuer.clone(), what };
        if client_id.is_empty() {
            return Err(wrong("client_id"));
        }
        if client_secret.as_deref() == Some("") {
            return Err(wrong("client_secret"));
        }
        // SECURITY: a sign-in that is older than a working day proves nobody at the screen.
        if max_age.is_zero() || max_age > Duration::from_secs(8 * 60 * 60) {
            return Err(wrong("max_age_seconds"));
        }
        let is_word = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !scopes.iter().all(is_word) {
            return Err(wrong("scopes"));
        }
        if !acr_values.iter().all(is_word) {
            return Err(wrong("acr_values"));
        }
        let mut scope = vec!["openid".to_owned()];
        scope.extend(scopes.into_iter().filter(|scope| scope != "openid"));
        let source = Source::new(&issuer)?;
        Ok(Self {
            source,
            issuer: Issuer::new(issuer)?,
            client: ClientId { id: client_id, secret: client_secret },
            scope: scope.join(" "),
            max_age,
            acr_values,
        })
    }

    async fn verify(&self, token: &str, nonce: &str, now: Timestamp) -> Result<ProvenReviewer, Rejected> {
        let token = Token::read(token)?;
        let settings = self.issuer.settings();
        if token.issuer != settings.issuer {
            return Err(Rejected::Issuer);
        }
        self.issuer.check(&token, now).await?;
        let expected = ExpectedIdToken {
            settings,
            client_id: &self.client.id,
            nonce,
            max_age: self.max_age,
            acr_values: &self.acr_values,
        };
        claims::signed_in(&token.payload, &expected, now)
    }
}

/// What of a token endpoint's answer is of any use here. The access token is for nobody and goes nowhere.
#[derive(Deserialize)]
struct Redeemed {
    id_token: String,
}

#[async_trait]
impl ReviewerIssuer for SignIns {
    fn issuer(&self) -> &str {
        &self.issuer.settings().issuer
    }

    async fn begin(&self, begun: &SignInBegun<'_>) -> Result<String, Fault> {
        let SignInBegun { redirect_uri, state, nonce, challenge } = begun;
        let endpoints = self.source.endpoints().await.map_err(|error| out_of_reach(&error))?;
        let mut url = endpoints.authorization;
        let max_age = self.max_age.as_secs().to_string();
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", self.client.id.as_str()),
            ("redirect_uri", redirect_uri),
            ("scope", self.scope.as_str()),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
            ("max_age", max_age.as_str()),
        ]);
        if !self.acr_values.is_empty() {
            url.query_pairs_mut().append_pair("acr_values", &self.acr_values.join(" "));
        }
        Ok(url.into())
    }

    async fn end(&self, answer: &SignInAnswer<'_>, now: Timestamp) -> Result<ProvenReviewer, NotAccepted> {
        let SignInAnswer { code, verifier, redirect_uri, nonce } = answer;
        let unavailable = |error: FetchError| NotAccepted::Unavailable(out_of_reach(&error));
        let endpoints = self.source.endpoints().await.map_err(unavailable)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", *code),
            ("redirect_uri", *redirect_uri),
            ("code_verifier", *verifier),
        ];
        let redeemed = match self.source.redeem(endpoints.token, &self.client, &form).await {
            Ok(redeemed) => redeemed,
            // The issuer does not know the code (any more), or it was begun elsewhere (RFC 6749 section 5.2).
            Err(FetchError::Status(400 | 401 | 403)) => return Err(NotAccepted::Rejected { reason: "code" }),
            Err(error) => return Err(unavailable(error)),
        };
        let Ok(Redeemed { id_token }) = serde_json::from_slice(&redeemed) else {
            return Err(NotAccepted::Rejected { reason: Rejected::Malformed.reason() });
        };
        Ok(self.verify(&id_token, nonce, now).await?)
    }
}

fn out_of_reach(error: &FetchError) -> Fault {
    tracing::warn!(%error, "the issuer of reviewers cannot be asked");
    Fault::passing(Origin::Identities, "the place where reviewers sign in cannot be reached; try again")
}
