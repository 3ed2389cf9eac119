//! Key-pair authentication: a JWT that we sign ourselves.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Tier;
use gateway::Fault;
use gateway::ports::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::{Bearer, Credentials, TokenKind};
use crate::error::Error;
use crate::secret::Secret;

/// How long a JWT is good. Snowflake takes up to 3600 s; less is lost with a stolen one.
const LIFETIME_SECONDS: i64 = 600;
/// How long before its end it is replaced: longer than a submission may be on its way.
const MARGIN_SECONDS: i64 = 120;

/// A Snowflake user's key.
pub struct KeyPair {
    issuer: String,
    subject: String,
    key: EncodingKey,
    clock: Arc<dyn Clock>,
    cached: Mutex<Option<(i64, Bearer)>>,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// The claims (Snowflake SQL API, "Using key-pair authentication"), `exp` and `iat` in seconds.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
}

impl KeyPair {
    /// The key of `user` in `account`, as unencrypted PKCS#8 PEM.
    pub fn new(account: &str, user: &str, pem: &Secret, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let wrong = || Error::setting("private_key", "is no unencrypted RSA key in PKCS#8 PEM");
        let der = pkcs8_of(pem.reveal()).ok_or_else(wrong)?;
        let pair = rsa::KeyPair::from_pkcs8(&der).map_err(|_| wrong())?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| wrong())?;
        let fingerprint = STANDARD.encode(digest(&SHA256, public.as_ref()));
        let subject = format!("{}.{}", account_name(account), user.to_uppercase());
        Ok(Self {
            issuer: format!("{subject}.SHA256:{fingerprint}"),
            subject,
            key: EncodingKey::from_rsa_pem(pem.reveal().as_bytes()).map_err(|_| wrong())?,
            clock,
            cached: Mutex::new(None),
        })
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Option<(i64, Bearer)>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Credentials for KeyPair {
    async fn bearer(&self, _: Tier) -> Result<Bearer, Fault> {
        let now = self.clock.now().as_secs();
        let mut cached = self.cached();
        if let Some((issued, bearer)) = &*cached
            && (0..LIFETIME_SECONDS - MARGIN_SECONDS).contains(&now.saturating_sub(*issued))
        {
            return Ok(bearer.clone());
        }
        let claims = Claims {
            iss: &self.issuer,
            sub: &self.subject,
            iat: now,
            exp: now.saturating_add(LIFETIME_SECONDS),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map_err(|_| Error::Credential("the key pair does not sign"))?;
        let bearer = Bearer { kind: TokenKind::KeyPairJwt, token: Secret::new(token) };
        *cached = Some((now, bearer.clone()));
        Ok(bearer)
    }

    async fn refused(&self, _: Tier) {
        *self.cached() = None;
    }
}

/// The account as these claims name it: upper case, without a region; `.global` accounts lose what follows the
/// first dash.
fn account_name(account: &str) -> String {
    let upper = account.to_uppercase();
    let end = if upper.contains(".GLOBAL") { '-' } else { '.' };
    upper.split(end).next().unwrap_or_default().to_owned()
}

fn pkcs8_of(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde::Deserialize;

    use super::*;
    use crate::tests::support::{SetClock, new_key};

    #[derive(Deserialize, Debug, PartialEq)]
    struct Read {
        iss: String,
        sub: String,
        iat: i64,
        exp: i64,
    }

    fn read(bearer: &Bearer, public_pem: &str) -> Read {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        let key = DecodingKey::from_rsa_pem(public_pem.as_bytes()).unwrap();
        jsonwebtoken::decode::<Read>(bearer.token.reveal(), &key, &validation).unwrap().claims
    }

    #[tokio::test]
    async fn a_jwt_names_account_user_and_key_and_is_replaced_before_it_ends() {
        let (private, public, public_der) = new_key();
        let clock = Arc::new(SetClock::at(1_764_000_000));
        let pair = KeyPair::new("acme-dev.eu-central-1", "agent", &private, clock.clone()).unwrap();

        let first = pair.bearer(Tier::Read).await.unwrap();
        let fingerprint = STANDARD.encode(digest(&SHA256, &public_der));
        assert_eq!(
            read(&first, &public),
            Read {
                iss: format!("ACME-DEV.AGENT.SHA256:{fingerprint}"),
                sub: "ACME-DEV.AGENT".into(),
                iat: 1_764_000_000,
                exp: 1_764_000_600,
            }
        );
        assert_eq!(first.kind.as_str(), "KEYPAIR_JWT");

        clock.set(1_764_000_479);
        assert_eq!(pair.bearer(Tier::Read).await.unwrap().token, first.token);
        clock.set(1_764_000_480);
        let second = pair.bearer(Tier::Read).await.unwrap();
        assert_eq!(read(&second, &public).iat, 1_764_000_480);
        // A clock that was set back makes a new one too, rather than one from the future.
        clock.set(1_763_000_000);
        assert_eq!(read(&pair.bearer(Tier::Read).await.unwrap(), &public).iat, 1_763_000_000);
    }

    #[test]
    fn an_account_loses_its_region() {
        assert_eq!(account_name("acme-dev"), "ACME-DEV");
        assert_eq!(account_name("ab12345.eu-central-1"), "AB12345");
        assert_eq!(account_name("ab12345-xyz.global"), "AB12345");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let clock: Arc<dyn Clock> = Arc::new(SetClock::at(0));
        for pem in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----"] {
            let error = KeyPair::new("a", "u", &Secret::new(pem), clock.clone()).unwrap_err();
            assert_eq!(error.to_string(), "`private_key` is no unencrypted RSA key in PKCS#8 PEM");
        }
        let (private, ..) = new_key();
        let pair = KeyPair::new("a", "u", &private, clock).unwrap();
        assert_eq!(format!("{private:?} {pair:?}"), "Secret(…) KeyPair { subject: \"A.U\", .. }");
    }
}
