//! The proof that a person has signed in to review.

use std::collections::BTreeSet;

use domain::{Person, Reviewer, ReviewerKey};
use thiserror::Error;

use crate::settings::SignIn;

/// The issuer of whoever holds a home of the local demo.
const DEVELOPMENT: &str = "development";

/// A name in bytes, at most.
const LONGEST_NAME: usize = 256;

/// A reviewer who has proven themselves now, and the link that brought them. There is no way to make one for a real
/// account yet: nobody decides there.
///
/// ```compile_fail
/// fn forge(by: gateway::SignedIn) -> gateway::SignedIn {
///     gateway::SignedIn { way: gateway::SignIn::Oidc, ..by }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub(super) reviewer: Reviewer,
    pub(super) link: ReviewerKey,
    pub(super) way: SignIn,
}

/// A name that is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a reviewer is named by 1 to 256 bytes without control characters")]
pub struct NotAName;

impl SignedIn {
    /// Whoever can read the keys of a home of the local demo, under the name that they give themselves, in these groups.
    ///
    /// It counts only for approvals that were asked for over the embedded warehouse; the recording says so.
    ///
    /// # Errors
    /// [`NotAName`].
    pub fn development(name: &str, groups: BTreeSet<String>) -> Result<Self, NotAName> {
        let name = name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(NotAName);
        }
        let key = ReviewerKey { issuer: DEVELOPMENT.to_owned(), subject: name.to_owned() };
        let link = key.clone();
        let reviewer = Reviewer { key, person: Some(Person::new(name)), groups, agent: None };
        Ok(Self { reviewer, link, way: SignIn::Development })
    }
}
