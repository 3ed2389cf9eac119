//! Where reviewers sign in.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Agent, Timestamp};

use super::NotAccepted;
use crate::fault::Fault;

/// A sign-in by authorization code that begins (OpenID Connect Core 1.0 section 3.1.2.1).
#[derive(Clone, Copy)]
pub struct SignInBegun<'a> {
    /// Where the issuer sends the reviewer back to.
    pub redirect_uri: &'a str,
    /// Comes back unchanged.
    pub state: &'a str,
    /// Stands in the ID token.
    pub nonce: &'a str,
    /// SHA-256 of the verifier in base64url (RFC 7636 section 4.2).
    pub challenge: &'a str,
}

/// What a reviewer brings back from their issuer.
// SECURITY: no `Debug`; with the verifier the code is worth a sign-in.
#[derive(Clone, Copy)]
pub struct SignInAnswer<'a> {
    /// The authorization code.
    pub code: &'a str,
    /// Of the challenge that it began with (RFC 7636 section 4.1).
    pub verifier: &'a str,
    /// As it began.
    pub redirect_uri: &'a str,
    /// As it began.
    pub nonce: &'a str,
}

/// Who has signed in, by the word of their issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProvenReviewer {
    /// `sub`.
    pub subject: String,
    /// Their e-mail address, where the issuer says that it is verified.
    pub email: Option<String>,
    /// Whatever else the token calls them, verified or not.
    pub aliases: BTreeSet<String>,
    /// The groups that they are in at this moment.
    pub groups: BTreeSet<String>,
    /// The program that acts for them, where the token names one.
    pub agent: Option<Agent>,
    /// When they proved themselves to their issuer.
    pub signed_in: Timestamp,
}

/// The issuer that reviewers sign in at.
#[async_trait]
pub trait ReviewerIssuer: Send + Sync {
    /// `iss`, exactly as its tokens say it.
    fn issuer(&self) -> &str;

    /// Where to send a reviewer, so that they prove themselves anew.
    async fn begin(&self, begun: &SignInBegun<'_>) -> Result<String, Fault>;

    /// Who came back. Nothing is taken on trust: the token is this issuer's, for this gateway and this sign-in, and tells of
    /// a proof that is fresh.
    async fn end(&self, answer: &SignInAnswer<'_>, now: Timestamp) -> Result<ProvenReviewer, NotAccepted>;
}
