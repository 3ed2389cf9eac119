//! Verifying development tokens: none of them speaks for a reviewer, whatever policy is in force by now.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Credential, Identity, Timestamp};
use gateway::ports::{Identities, NotAccepted, Policies};

/// Refuses tokens with a group that the bundle in force names as reviewers: nobody has signed in for it.
pub struct Unreserved {
    inner: Arc<dyn Identities>,
    policies: Arc<dyn Policies>,
}

impl Unreserved {
    /// What `inner` accepts, but for those.
    pub fn new(inner: Arc<dyn Identities>, policies: Arc<dyn Policies>) -> Self {
        Self { inner, policies }
    }
}

#[async_trait]
impl Identities for Unreserved {
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted> {
        let identity = self.inner.verify(credential, now).await?;
        let bundle = self.policies.bundle().await.map_err(NotAccepted::Unavailable)?;
        let reserved = bundle.reviewer_groups();
        if identity.groups.iter().any(|group| reserved.contains(group.as_str())) {
            return Err(NotAccepted::Rejected { reason: "reserved_group" });
        }
        Ok(identity)
    }
}
