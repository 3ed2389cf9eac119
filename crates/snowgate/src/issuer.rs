//! The development issuer: gives tokens to whoever can read a file in the home folder.
//!
//! It exists so that a newcomer needs no identity provider, and for nothing else: it serves loopback over the
//! embedded warehouse, and its tokens never carry a group that may decide, audit or operate. Its tokens
//! are verified by the same code, by the same rules, as any issuer's.
//!
//! # In the home folder
//!
//! `issuer/` (mode 0700) holds `key.pk8` (PKCS #8, P-256), `secret` (64 hexadecimal digits) and `url` (the issuer's
//! name), each of mode 0600 and written once, but for `url`, which follows the address that is listened on. At every start
//! `reserved-groups` is written: the groups that policy names as reviewers, a line each.
//!
//! # On the wire
//!
//! - `GET /.well-known/openid-configuration` (OpenID Connect Discovery 1.0 section 4) and `GET /issuer/jwks`.
//! - `POST /issuer/token`: client credentials (RFC 6749 section 4.4). The client names itself as it likes and proves
//!   itself with the secret, by HTTP Basic or in the form. `scope` is standard; `agent`, `for` (a person: the token
//!   gets `sub` and `act`), `groups` (with commas) and `ttl` (seconds) are ours.

mod files;
mod form;
mod mint;
mod routes;
mod unreserved;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::ports::Clock;
use jsonwebtoken::EncodingKey;
use oidc::{Algorithm, IssuerSettings};
use serde_json::{Value, json};
use thiserror::Error;

pub use mint::{MintError, MintRequest};
pub use unreserved::Unreserved;

/// What every token of the development issuer is for.
pub const AUDIENCE: &str = "snowgate";

/// An issuer whose keys lie in the home folder.
pub struct DevelopmentIssuer {
    url: String,
    key: EncodingKey,
    key_id: String,
    /// The public key's coordinates.
    x: String,
    y: String,
    secret: String,
    /// Groups that the bundle in force at the last start names as reviewers.
    reserved: BTreeSet<String>,
}

/// Why there is no development issuer.
#[derive(Debug, Error)]
pub enum IssuerError {
    /// Its folder or a file in it cannot be used.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Others on this machine may read or change its keys.
    #[error("`{0}` must be closed to group and others (chmod go= it)")]
    Exposed(String),
    /// It has not been made yet.
    #[error("there is no development issuer in `{0}` yet: start `snowgate serve` first")]
    Missing(String),
    /// A file does not hold what it should.
    #[error("`{0}` is damaged: remove its folder to have it made anew")]
    Damaged(String),
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness,
}

impl DevelopmentIssuer {
    /// The issuer of this home at this address (`http://127.0.0.1:8181`), made at first use.
    pub fn open(home: &Path, url: &str) -> Result<Self, IssuerError> {
        Self::read(files::made(home, url)?)
    }

    /// The issuer of this home, as it was last opened; for commands that run beside the server.
    pub fn reopen(home: &Path) -> Result<Self, IssuerError> {
        Self::read(files::existing(home)?)
    }

    /// Never gives these groups, from now on: those that the policy bundle names as reviewers.
    pub fn reserve(&mut self, home: &Path, groups: BTreeSet<String>) -> Result<(), IssuerError> {
        files::reserve(home, &groups)?;
        self.reserved = groups;
        Ok(())
    }

    /// `iss` of its tokens.
    #[cfg(test)]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What verifies its tokens.
    pub fn settings(&self) -> IssuerSettings {
        let mut settings = IssuerSettings::new(&self.url, AUDIENCE);
        settings.algorithms = vec![Algorithm::Es256];
        settings
    }

    /// Its addresses. Whoever serves them checks Host and Origin, as for every local route.
    pub fn routes(self: Arc<Self>, clock: Arc<dyn Clock>) -> Router {
        routes::routes(self, clock)
    }

    fn read(files: files::Files) -> Result<Self, IssuerError> {
        let files::Files { key_path, key, secret, url, reserved } = files;
        let damaged = || IssuerError::Damaged(key_path.clone());
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key).map_err(|_| damaged())?;
        // SEC 1 section 2.3.3, uncompressed: 4, x, y.
        let (x, y) =
            pair.public_key().as_ref().get(1..).and_then(|xy| xy.split_at_checked(32)).ok_or_else(damaged)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638: the digest of the required members in this order.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let key_id = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        Ok(Self { url, key: EncodingKey::from_ec_der(&key), key_id, x, y, secret, reserved })
    }

    fn discovery(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/issuer/jwks"),
            "token_endpoint": format!("{url}/issuer/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    fn jwks(&self) -> Value {
        let Self { key_id, x, y, .. } = self;
        json!({"keys": [
            {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key_id, "x": x, "y": y}
        ]})
    }
}

impl fmt::Debug for DevelopmentIssuer {
    // SECURITY: neither key nor secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevelopmentIssuer({})", self.url)
    }
}

#[cfg(test)]
mod tests;
