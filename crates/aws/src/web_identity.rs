//! The role's own proof of who it is, for services outside of AWS: a token that STS signs.

use std::time::Duration;

use aws_types::SdkConfig;
use domain::Timestamp;
use gateway::{Fault, Origin};

use crate::query::{NoAnswer, Passes, Query, between};

/// For how long a token is asked for, in seconds.
const GOOD_FOR: u64 = 300;

const NO_TOKEN: &str = "the gateway cannot prove itself to the Snowflake account";

const CALL: &str = "sts:GetWebIdentityToken";

/// STS of the region (`GetWebIdentityToken`, API version 2011-06-15; the global endpoint has it not). The account must have outbound
/// identity federation enabled, and the role the right `sts:GetWebIdentityToken`.
#[derive(Clone, Debug)]
pub struct WebIdentity(Query);

/// A token of the role's.
// SECURITY: no `Debug`; whoever holds it is the role, to its audience.
pub struct WebToken {
    /// A JWT.
    pub token: String,
    /// For how long it is good, from when it was asked for.
    pub good_for: Duration,
}

impl WebIdentity {
    /// STS with this region, these credentials and this endpoint. Nothing is called yet.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Query::new(config, "sts"))
    }

    /// A fresh token for that audience.
    ///
    /// # Errors
    /// When there is none; passing where STS could not be reached or had too much to do.
    pub async fn token(&self, audience: &str, now: Timestamp) -> Result<WebToken, Fault> {
        let form = format!(
            "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1={audience}&SigningAlgorithm=ES384\
             &DurationSeconds={GOOD_FOR}"
        );
        let no_token = |passes: Passes, error: NoAnswer| match passes {
            Passes::Yes => Fault::passing(Origin::Upstream, NO_TOKEN).because(error),
            Passes::No => Fault::lasting(Origin::Upstream, NO_TOKEN).because(error),
        };
        let answered = self.0.ask(CALL, &form, now).await;
        let text = answered.map_err(|(passes, error)| no_token(passes, error))?;
        let token = between(&text, "<WebIdentityToken>", "</WebIdentityToken>");
        let is_jwt = |token: &&str| {
            token.split('.').count() == 3
                && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let unreadable = || no_token(Passes::No, NoAnswer::Unreadable(CALL));
        let token = token.filter(is_jwt).ok_or_else(unreadable)?.to_owned();
        Ok(WebToken { token, good_for: Duration::from_secs(GOOD_FOR) })
    }
}
