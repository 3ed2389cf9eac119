//! How the gateway proves itself to Snowflake: one identity a tier.
//!
//! An agent's own token never comes here.

mod key_pair;
mod oauth;
mod tiers;

use std::fmt;

use async_trait::async_trait;
use domain::Tier;
use gateway::Fault;

pub use key_pair::KeyPair;
pub use oauth::OAuth;
pub use tiers::{Fixed, TierCredentials};

use crate::secret::Secret;

/// What a bearer is, as `X-Snowflake-Authorization-Token-Type` says it (Snowflake SQL API, "Authenticating to the
/// server").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// A token of Snowflake's own OAuth or of an external one.
    OAuth,
    /// A JWT that a key pair signed.
    KeyPairJwt,
    /// A programmatic access token.
    ProgrammaticAccessToken,
    /// A workload's attestation.
    WorkloadIdentity,
}

impl TokenKind {
    /// The header's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "OAUTH",
            Self::KeyPairJwt => "KEYPAIR_JWT",
            Self::ProgrammaticAccessToken => "PROGRAMMATIC_ACCESS_TOKEN",
            Self::WorkloadIdentity => "WORKLOAD_IDENTITY",
        }
    }
}

/// What is sent as `Authorization: Bearer …`.
#[derive(Clone)]
pub struct Bearer {
    /// What it is.
    pub kind: TokenKind,
    /// The token.
    pub token: Secret,
}

impl fmt::Debug for Bearer {
    // SECURITY: whoever holds it is the gateway.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer({} …)", self.kind.as_str())
    }
}

/// Gives the gateway's bearer for a tier.
///
/// The preferred kind is workload identity, which stores no secret. Its AWS implementation signs with the AWS SDK
/// and therefore comes with the deployment, as one more implementation of this trait; this crate has none, and a
/// setting of `workload-identity` without one refuses to start.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The bearer for this tier, good for at least the next seconds. A fault when there is none: no tier ever stands
    /// in for another.
    async fn bearer(&self, tier: Tier) -> Result<Bearer, Fault>;

    /// Snowflake has just refused this tier's bearer: what is cached of it is dropped.
    async fn refused(&self, tier: Tier);
}
