//! The credentials of all tiers, as the settings have them.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Tier;
use gateway::Fault;
use gateway::ports::Clock;

use super::{Bearer, Credentials, KeyPair, OAuth, TokenKind};
use crate::error::Error;
use crate::settings::{CredentialSettings, Settings};

/// A bearer that somebody else renews, such as a programmatic access token.
#[derive(Debug)]
pub struct Fixed(pub Bearer);

#[async_trait]
impl Credentials for Fixed {
    async fn bearer(&self, _: Tier) -> Result<Bearer, Fault> {
        Ok(self.0.clone())
    }

    async fn refused(&self, _: Tier) {}
}

/// One credential a tier. A tier without one cannot be used.
pub struct TierCredentials {
    read: Arc<dyn Credentials>,
    write: Option<Arc<dyn Credentials>>,
    define: Option<Arc<dyn Credentials>>,
}

impl TierCredentials {
    /// Those that the settings describe. `workload` is what the deployment has of workload identity, if it has.
    pub fn new(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        workload: Option<Arc<dyn Credentials>>,
    ) -> Result<Self, Error> {
        let build = |tier: Tier| -> Result<Option<Arc<dyn Credentials>>, Error> {
            let Some(of_tier) = settings.tier(tier) else { return Ok(None) };
            let key = |mut error: Error| {
                if let Error::Setting { key, .. } = &mut error {
                    *key = format!("tiers.{}.credential.{key}", tier.as_str());
                }
                error
            };
            let credentials: Arc<dyn Credentials> = match &of_tier.credential {
                CredentialSettings::KeyPair { user, private_key } => {
                    Arc::new(KeyPair::new(&settings.account, user, private_key, clock.clone()).map_err(key)?)
                }
                CredentialSettings::AccessToken { token } => {
                    Arc::new(Fixed(Bearer { kind: TokenKind::ProgrammaticAccessToken, token: token.clone() }))
                }
                CredentialSettings::ClientCredentials { client } => Arc::new(
                    OAuth::client_credentials(client, settings.timeouts, clock.clone()).map_err(key)?,
                ),
                CredentialSettings::TokenExchange { client, subject_token_file, subject_token_type } => {
                    let exchange = OAuth::token_exchange(
                        client,
                        subject_token_file.clone(),
                        subject_token_type.clone(),
                        settings.timeouts,
                        clock.clone(),
                    );
                    Arc::new(exchange.map_err(key)?)
                }
                CredentialSettings::WorkloadIdentity {} => workload.clone().ok_or_else(|| {
                    key(Error::setting("kind", "needs a deployment with a workload identity"))
                })?,
            };
            Ok(Some(credentials))
        };
        let read = build(Tier::Read)?.ok_or_else(|| Error::setting("tiers.read", "is missing"))?;
        Ok(Self { read, write: build(Tier::Write)?, define: build(Tier::Define)? })
    }

    // INVARIANT: no tier stands in for another.
    fn of(&self, tier: Tier) -> Option<&Arc<dyn Credentials>> {
        match tier {
            Tier::Read => Some(&self.read),
            Tier::Write => self.write.as_ref(),
            Tier::Define => self.define.as_ref(),
        }
    }
}

#[async_trait]
impl Credentials for TierCredentials {
    async fn bearer(&self, tier: Tier) -> Result<Bearer, Fault> {
        match self.of(tier) {
            Some(credentials) => credentials.bearer(tier).await,
            None => Err(Error::NotSet("no identity for this tier").into()),
        }
    }

    async fn refused(&self, tier: Tier) {
        if let Some(credentials) = self.of(tier) {
            credentials.refused(tier).await;
        }
    }
}
