//! The Snowflake account behind the gateway, over Snowflake's SQL API v2.
//!
//! [`SqlApi`] answers the port `Upstream`: it submits what a permit allows, waits, fetches partitions as they come and
//! cancels. [`AccountCatalogs`] answers the port `Catalogs` from INFORMATION_SCHEMA. [`Credentials`] prove the gateway
//! itself, one identity a tier; an agent's own token never comes here.
//!
//! Nothing that upstream says is believed. An answer is read by a strict grammar and rebuilt from the few fields that
//! are known; whatever is too big, too slow, cut, contradictory or unknown is a fault, and never a row. URLs in
//! answers are not followed, redirects neither. What upstream says of a failed statement goes to the pipeline as it is,
//! for filtering, and into no error of this crate.
//!
//! The crate refuses to know policies, masks, agents and recordings.
//!
//! ```
//! use std::sync::Arc;
//! use gateway::ports::Clock;
//! use snowflake::{Settings, SqlApi, TierCredentials};
//!
//! fn account(settings: Settings, clock: Arc<dyn Clock>) -> Result<SqlApi, snowflake::Error> {
//!     let credentials = TierCredentials::new(&settings, &clock, None)?;
//!     SqlApi::new(settings, Arc::new(credentials))
//! }
//! ```

mod auth;
mod catalog;
mod client;
mod error;
mod inflate;
mod rows;
mod run;
mod scan;
#[cfg(any(test, feature = "scripted"))]
pub mod scripted;
mod secret;
mod settings;
mod submission;
mod transport;
mod upstream;
mod wire;

#[cfg(test)]
mod tests;

pub use auth::{Bearer, Credentials, Fixed, KeyPair, OAuth, TierCredentials, TokenKind};
pub use catalog::AccountCatalogs;
pub use error::Error;
pub use secret::Secret;
pub use settings::{
    Bounds, CatalogSettings, CredentialSettings, OAuthClient, Settings, TierSettings, Tiers, Timeouts,
};
pub use upstream::SqlApi;
