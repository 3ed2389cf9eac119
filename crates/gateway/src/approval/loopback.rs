//! A reviewer signs in by a program on their own machine, without a link (RFC 8252): the rules of the page, and no cookie.

use domain::{ApprovalId, Timestamp};
use thiserror::Error;

use super::reception::{Reception, challenge};
use super::review::ReviewError;
use super::session::SIGN_IN_LIFE;
use super::signed_in::SignedIn;
use crate::ports::{NotAccepted, SignInAnswer, SignInBegun};

/// A sign-in that a program has begun, and waits for.
// SECURITY: no `Debug`; with its verifier a code is worth a sign-in.
pub struct LoopbackSignIn {
    url: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    verifier: String,
    begun: Timestamp,
}

impl LoopbackSignIn {
    /// Where the reviewer's browser must go.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether whoever brings this state comes back from this very sign-in. Any program on the machine can reach the port.
    pub fn is_answered_by(&self, state: &str) -> bool {
        self.state == state
    }
}

/// What a reviewer's browser brings back to the program.
// SECURITY: no `Debug`, for the code.
#[derive(Clone)]
pub struct CameBack {
    /// `state`.
    pub state: String,
    /// `code`; none where they gave up, or were not let in.
    pub code: Option<String>,
    /// `iss` (RFC 9207).
    pub issuer: Option<String>,
}

/// Why nobody has signed in.
#[derive(Debug, Error)]
pub enum NotSignedIn {
    /// They gave up, or their issuer did not let them in.
    #[error("signing in was given up, or the issuer did not let you in")]
    GivenUp,
    /// What came back proves nobody.
    #[error("the sign-in is not accepted ({0})")]
    NotAccepted(&'static str),
    /// Nobody of the roster.
    #[error("whoever has signed in is not among those who are asked to decide")]
    Stranger,
    /// They may not decide this, or it is not there.
    #[error(transparent)]
    Review(#[from] ReviewError),
}

impl Reception {
    /// Begins a sign-in that comes back to `redirect_uri`, an address of the reviewer's own machine.
    ///
    /// # Errors
    /// [`ReviewError::SignIn`] without an issuer; a fault when it cannot be asked.
    pub async fn sign_in_by_loopback(&self, redirect_uri: &str) -> Result<LoopbackSignIn, ReviewError> {
        let issuer = self.issuer.as_ref().ok_or(ReviewError::SignIn)?;
        let (state, nonce, verifier) = (self.random()?, self.random()?, self.random()?);
        let begun =
            SignInBegun { redirect_uri, state: &state, nonce: &nonce, challenge: &challenge(&verifier) };
        let url = issuer.begin(&begun).await?;
        let redirect_uri = redirect_uri.to_owned();
        Ok(LoopbackSignIn { url, redirect_uri, state, nonce, verifier, begun: self.now() })
    }

    /// Who has come back, where they may decide this approval. Nobody has made them a link, so it is the roster that says who
    /// may be there at all; groups are what they are at this moment.
    ///
    /// # Errors
    /// [`NotSignedIn`]: then nothing is shown and nothing decided.
    pub async fn signed_in_by_loopback(
        &self,
        id: ApprovalId,
        sign_in: &LoopbackSignIn,
        came: &CameBack,
    ) -> Result<SignedIn, NotSignedIn> {
        let LoopbackSignIn { url: _, redirect_uri, state, nonce, verifier, begun } = sign_in;
        let issuer = self.issuer.as_ref().ok_or(ReviewError::SignIn)?;
        let now = self.now();
        if came.state != *state {
            return Err(NotSignedIn::NotAccepted("state"));
        }
        if now >= begun.after(SIGN_IN_LIFE) {
            return Err(NotSignedIn::NotAccepted("expired"));
        }
        // RFC 9207 section 2.4, as on the page.
        if came.issuer.as_deref().is_some_and(|named| named != issuer.issuer()) {
            return Err(NotSignedIn::NotAccepted("issuer"));
        }
        let code = came.code.as_deref().ok_or(NotSignedIn::GivenUp)?;
        let answer = SignInAnswer { code, verifier, redirect_uri, nonce };
        let proven = match issuer.end(&answer, now).await {
            Ok(proven) => proven,
            Err(NotAccepted::Rejected { reason }) => return Err(NotSignedIn::NotAccepted(reason)),
            Err(NotAccepted::LacksScope { .. }) => return Err(NotSignedIn::NotAccepted("scope")),
            Err(NotAccepted::Expired) => return Err(NotSignedIn::NotAccepted("expired")),
            Err(NotAccepted::Unavailable(fault)) => return Err(ReviewError::from(fault).into()),
        };
        let known =
            |person: &super::KnownReviewer| SignedIn::proven(issuer.issuer(), &person.name, proven.clone());
        let mut by = self.roster.people().iter().find_map(known).ok_or(NotSignedIn::Stranger)?;
        self.admit(id, &mut by).await?;
        Ok(by)
    }
}
