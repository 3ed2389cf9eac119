//! Says to an HTTP API whose requests may go on to a function: those with an access token of a trusted issuer.
//!
//! It stands where API Gateway's own JWT authorizer cannot: before several issuers, or one that signs by other than RSA. The doors
//! behind it verify the same token themselves and look at nothing that an authorizer has found, so that this one keeps away what would
//! be refused anyway, and can let nobody in.
//!
//! It speaks payload format 2.0 with simple responses (API Gateway developer guide, "Working with AWS Lambda authorizers for HTTP
//! APIs"), and answers as the JWT authorizer does:
//!
//! | the token | answer | the agent is told |
//! | --- | --- | --- |
//! | is accepted | `{"isAuthorized": true}` | what the function says |
//! | lacks a scope that its issuer's settings ask for | `{"isAuthorized": false}` | 403 |
//! | is none, not accepted, or has expired | the error `Unauthorized` | 401, so that its client gets another |
//! | cannot be verified for now | another error | 500, so that its client tries again |
//!
//! (The word is documented for REST APIs, and HTTP APIs are seen to take it alike. Whatever an API makes of it, an error lets nobody through.)
//!
//! No claim goes on to the functions: what they must not rely on is not there. Nothing is kept between two requests but issuers' keys,
//! so that a token is never accepted past its end.
//!
//! This crate refuses to know issuers, tokens and AWS: it calls none, and a port says whose a token is.
//!
//! ```
//! use authorizer::NotAuthorized;
//!
//! // API Gateway takes this very word for a 401, and every other for a 500.
//! assert_eq!(NotAuthorized::Unauthorized.to_string(), "Unauthorized");
//! ```

mod event;

use std::error::Error;
use std::sync::Arc;

use gateway::Fault;
use gateway::ports::{Clock, Identities, NotAccepted};
use serde::Serialize;
use thiserror::Error;
use traces::Root;
use tracing::Instrument;

/// What API Gateway is answered, as it wants it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Whether the request goes on to its function.
    pub is_authorized: bool,
}

/// Why nothing goes on. Whatever it is, API Gateway lets nobody through.
#[derive(Debug, Error)]
pub enum NotAuthorized {
    /// No token, or none that is accepted here now.
    // INVARIANT: API Gateway answers 401 to this word alone, and 500 to every other.
    #[error("Unauthorized")]
    Unauthorized,
    /// The event is no question of an HTTP API in format 2.0.
    // SECURITY: what it holds is not told; it holds a token.
    #[error("the event is none of an authorizer's: see events/authorizer for what is sent")]
    Unreadable,
    /// Nobody can tell for now whose the token is.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Asks whose tokens are.
#[derive(Clone)]
pub struct Authorizer {
    identities: Arc<dyn Identities>,
    clock: Arc<dyn Clock>,
}

impl Authorizer {
    /// By this port.
    pub fn new(identities: Arc<dyn Identities>, clock: Arc<dyn Clock>) -> Self {
        Self { identities, clock }
    }

    /// Whether the request of this event may go on.
    ///
    /// # Errors
    /// [`NotAuthorized`], which lets nobody through either.
    pub async fn handle(&self, event: &serde_json::Value) -> Result<Answer, NotAuthorized> {
        let root: Root = traces::root!("authorizer");
        let span = root(event::parent(event));
        let answer = self.answer(event).instrument(span.clone()).await;
        span.record("failed", matches!(answer, Err(NotAuthorized::Unreadable | NotAuthorized::Fault(_))));
        // What is refused is counted by the API's own log; the word says why, and nothing of the token.
        match &answer {
            Ok(_) | Err(NotAuthorized::Unauthorized) => {}
            Err(error) => {
                tracing::error!(
                    error = error as &(dyn Error + 'static),
                    "a token could not be verified, so that nobody is let through"
                );
            }
        }
        answer
    }

    async fn answer(&self, event: &serde_json::Value) -> Result<Answer, NotAuthorized> {
        let credential = event::credential(event)?;
        match self.identities.verify(&credential, self.clock.now()).await {
            Ok(_) => Ok(Answer { is_authorized: true }),
            Err(NotAccepted::LacksScope { needed: _ }) => {
                tracing::info!(reason = "scope", "a token is refused");
                Ok(Answer { is_authorized: false })
            }
            Err(NotAccepted::Rejected { reason }) => {
                tracing::info!(reason, "a token is refused");
                Err(NotAuthorized::Unauthorized)
            }
            Err(NotAccepted::Expired) => {
                tracing::info!(reason = "expired", "a token is refused");
                Err(NotAuthorized::Unauthorized)
            }
            Err(NotAccepted::Unavailable(fault)) => Err(NotAuthorized::Fault(fault)),
        }
    }
}
