//! What Lambda itself sets: the region, the role's credentials.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use domain::Tier;
use settings::ConfigurationError;
use snowflake::CredentialSettings;
use thiserror::Error;

use crate::{Cost, Counted};

/// Where a function runs, and as whom.
// SECURITY: no `Debug`; it holds the role's credentials.
#[derive(Clone)]
pub struct Surroundings {
    region: String,
    credentials: Credentials,
    endpoint: Option<String>,
    is_lambda: bool,
    cost: Option<Cost>,
}

/// Why there is no calling AWS.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SurroundingsError {
    /// A variable is missing that Lambda sets.
    #[error("{0} is not set: Lambda sets it; an emulator must be told")]
    Missing(&'static str),
    /// All calls were to go somewhere else.
    #[error("AWS_ENDPOINT_URL is for emulators: take it away, or what is kept would lie elsewhere")]
    Endpoint,
}

impl Surroundings {
    /// Those of these variables.
    ///
    /// # Errors
    /// The variable that is missing or must not be there.
    pub fn of(variables: &[(String, String)]) -> Result<Self, SurroundingsError> {
        let set = |name: &str| {
            let found = variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            found.filter(|value| !value.is_empty())
        };
        let needed = |name| set(name).ok_or(SurroundingsError::Missing(name));
        // Set by Lambda, and by nothing that plays it on a developer's machine.
        let is_lambda = set("AWS_LAMBDA_INITIALIZATION_TYPE").is_some();
        let endpoint = set("AWS_ENDPOINT_URL");
        // SECURITY: whatever is signed and kept goes there.
        if is_lambda && endpoint.is_some() {
            return Err(SurroundingsError::Endpoint);
        }
        let region = needed("AWS_REGION")?;
        let (id, secret) = (needed("AWS_ACCESS_KEY_ID")?, needed("AWS_SECRET_ACCESS_KEY")?);
        // They outlive the instance that they were given to: Lambda ends it before.
        let credentials = Credentials::new(id, secret, set("AWS_SESSION_TOKEN"), None, "environment");
        let cost = set("AWS_LAMBDA_FUNCTION_NAME")
            .zip(set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
            .and_then(|(name, megabytes)| Cost::of(&name, &megabytes));
        Ok(Self { region, credentials, endpoint, is_lambda, cost })
    }

    /// Whether this is Lambda itself, not something that plays it.
    pub const fn is_lambda(&self) -> bool {
        self.is_lambda
    }

    /// The service, which says of each call what it costs.
    pub fn counted<S>(&self, service: S) -> Counted<S> {
        Counted::new(service, self.cost.clone())
    }

    /// That no credential of this account is a secret in the environment of a function, where whoever may look at functions
    /// reads it.
    ///
    /// # Errors
    /// The credential that is, on Lambda itself.
    pub fn keeps_no_secret(
        &self,
        account: &snowflake::Settings,
        places: &settings::Places,
    ) -> Result<(), ConfigurationError> {
        for tier in [Tier::Read, Tier::Write, Tier::Define] {
            let Some(of_tier) = account.tier(tier) else { continue };
            let is_stored = match &of_tier.credential {
                CredentialSettings::WorkloadIdentity {} => false,
                CredentialSettings::KeyPair { .. }
                | CredentialSettings::AccessToken { .. }
                | CredentialSettings::ClientCredentials { .. }
                | CredentialSettings::TokenExchange { .. } => true,
            };
            if self.is_lambda && is_stored {
                let key = format!("upstream.tiers.{}.credential.kind", tier.as_str());
                let problem = "is a stored secret, which must not lie in a function's environment: write \
                               {kind = \"workload-identity\"}";
                return Err(places.wrong(&key, problem));
            }
        }
        Ok(())
    }

    /// What the clients of the SDK are made of.
    pub fn sdk(&self) -> SdkConfig {
        let sdk = SdkConfig::builder()
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()));
        let sdk = match &self.endpoint {
            Some(endpoint) => sdk.endpoint_url(endpoint),
            None => sdk,
        };
        sdk.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: [(&str, &str); 3] =
        [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];

    fn of(variables: &[(&str, &str)]) -> Result<Surroundings, SurroundingsError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Surroundings::of(&variables.iter().map(own).collect::<Vec<_>>())
    }

    #[test]
    fn what_lambda_sets_is_needed_by_name() {
        assert!(of(&SET).is_ok_and(|found| found.endpoint.is_none() && !found.is_lambda()));
        for (at, (name, _)) in SET.iter().enumerate() {
            for instead in [None, Some((*name, ""))] {
                let mut some = SET.to_vec();
                some.remove(at);
                some.extend(instead);
                let told = of(&some).err().unwrap().to_string();
                assert!(told.starts_with(name) && !told.contains("s3cret"), "{told}");
            }
        }
    }

    #[test]
    fn on_lambda_nothing_is_kept_elsewhere() {
        let endpoint = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let lambda = ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        let with = |more: &[(&'static str, &'static str)]| of(&[&SET[..], more].concat());
        assert!(with(&[endpoint]).is_ok_and(|found| found.sdk().endpoint_url().is_some()));
        assert!(with(&[lambda]).is_ok_and(|found| found.is_lambda()));
        assert_eq!(with(&[endpoint, lambda]).err(), Some(SurroundingsError::Endpoint));
    }
}
