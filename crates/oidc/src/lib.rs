//! Verifies the OIDC access tokens that agents present.
//!
//! [`Issuers`] holds the settings of every issuer that is trusted, fetches and keeps their public keys, and turns
//! a [`domain::Credential`] into a [`domain::Identity`], or says why not; that answers the gateway's port
//! [`gateway::ports::Identities`]. This crate refuses to know what an identity may do (policy), who keeps count of
//! refusals (the door), and what time it is (the caller passes the moment).
//!
//! What a token must be: a signed JWT in compact form (RFC 7515, RFC 7519) of an accepted `typ` (RFC 9068),
//! signed by a key that its issuer publishes (RFC 7517; OpenID Connect Discovery 1.0 section 4), with an
//! algorithm that is configured *and* fits that key. A symmetric algorithm cannot even be named here.
//!
//! [`TokenClient`] is the other side: it gets tokens, for programs that have no browser.
//!
//! What is not supported, and so refused: encrypted tokens, keys carried in headers (`jku`, `jwk`, `x5u`, `x5c`), critical
//! header extensions, sender-constrained tokens (`cnf`), opaque tokens.
//!
//! ```
//! use domain::{Credential, Timestamp};
//! use oidc::{IssuerSettings, Issuers};
//!
//! # fn main() -> Result<(), oidc::SettingsError> {
//! let issuers = Issuers::new(vec![IssuerSettings::new("https://login.example", "snowgate")])?;
//! // In a door: `issuers.verify(&credential, clock.now()).await?`
//! # let _ = (issuers, Credential::new(String::new()), Timestamp::default());
//! # Ok(())
//! # }
//! ```

mod claims;
mod fetch;
mod grants;
mod issuers;
mod json;
mod keyring;
mod keys;
mod name;
mod port;
mod rejected;
mod settings;
mod sign_in;
mod token;

pub use grants::{DeviceBegun, GrantError, Granted, INVALID_GRANT, TokenClient, TokenWanted};
pub use issuers::Issuers;
pub use rejected::{Public, Rejected};
pub use settings::{Algorithm, Bearers, IssuerSettings, SettingsError};
pub use sign_in::{SignInSettings, SignIns};

/// Whether this word may stand in a list of scopes (RFC 6749 section 3.3: scope-token).
pub fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
