//! The function's role, as what proves the gateway to Snowflake: no secret is stored anywhere.

use std::sync::Arc;

use async_trait::async_trait;
use aws::WebIdentity;
use domain::{Tier, Timestamp};
use gateway::Fault;
use gateway::ports::Clock;
use snowflake::{Bearer, Credentials, Secret, TokenKind};
use tokio::sync::Mutex;

use crate::Surroundings;

/// Whom the token is for, as Snowflake's workload identity federation wants it.
const AUDIENCE: &str = "snowflakecomputing.com";

/// The role's identity. Every tier that says `workload-identity` is this one user of Snowflake's.
pub struct Workload {
    sts: WebIdentity,
    clock: Arc<dyn Clock>,
    // Held while asking, so that many statements ask once.
    kept: Mutex<Option<(Timestamp, Bearer)>>,
}

impl Workload {
    /// The role that the function runs as. Nothing is asked yet.
    pub fn new(surroundings: &Surroundings, clock: &Arc<dyn Clock>) -> Arc<Self> {
        let (sts, clock) = (WebIdentity::new(&surroundings.sdk()), Arc::clone(clock));
        Arc::new(Self { sts, clock, kept: Mutex::default() })
    }
}

#[async_trait]
impl Credentials for Workload {
    async fn bearer(&self, _: Tier) -> Result<Bearer, Fault> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        if let Some((until, bearer)) = kept.as_ref()
            && now < *until
        {
            return Ok(bearer.clone());
        }
        let found = self.sts.token(AUDIENCE, now).await?;
        let bearer = Bearer { kind: TokenKind::WorkloadIdentity, token: Secret::new(found.token) };
        // Replaced well before its end, by whatever clock it is looked at.
        *kept = Some((now.after(found.good_for * 4 / 5), bearer.clone()));
        Ok(bearer)
    }

    async fn refused(&self, _: Tier) {
        *self.kept.lock().await = None;
    }
}
