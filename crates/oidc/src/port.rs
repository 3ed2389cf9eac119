//! What the gateway asks of identities, answered.

use async_trait::async_trait;
use domain::{Credential, Identity, Timestamp};
use gateway::ports::{Identities, NotAccepted};
use gateway::{Fault, Origin};

use crate::{Issuers, Public, Rejected};

#[async_trait]
impl Identities for Issuers {
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted> {
        match Issuers::verify(self, credential, now).await {
            Err(Rejected::Scope) => Err(NotAccepted::LacksScope { needed: self.required_scopes(credential) }),
            verified => verified.map_err(NotAccepted::from),
        }
    }
}

impl From<Rejected> for NotAccepted {
    fn from(rejected: Rejected) -> Self {
        match rejected.public() {
            Public::NotAccepted => Self::Rejected { reason: rejected.reason() },
            Public::Expired => Self::Expired,
            unreachable @ Public::Unreachable => {
                Self::Unavailable(Fault::passing(Origin::Identities, unreachable.as_str()))
            }
        }
    }
}
