//! The proof that somebody was identified.

use domain::{Credential, Identity, PrincipalKey, Timestamp};

use crate::ports::{Identities, NotAccepted};

/// An agent, on behalf of a person, proven now. Only [`Principal::prove`] makes one.
///
/// ```compile_fail
/// fn forge(identity: domain::Identity, principal: gateway::Principal) -> gateway::Principal {
///     gateway::Principal { identity, ..principal }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Principal {
    identity: Identity,
    key: PrincipalKey,
}

impl Principal {
    /// Verifies the credential.
    ///
    /// # Errors
    /// [`NotAccepted`] when the credential does not prove anybody, or nobody can tell.
    pub(crate) async fn prove(
        identities: &dyn Identities,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Self, NotAccepted> {
        let identity = identities.verify(credential, now).await?;
        let key = identity.key();
        Ok(Self { identity, key })
    }

    /// What the token said.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The key under which everything of this principal is kept.
    pub fn key(&self) -> &PrincipalKey {
        &self.key
    }
}
