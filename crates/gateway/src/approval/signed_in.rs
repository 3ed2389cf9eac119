//! The proof that a person has signed in to review.

use std::collections::BTreeSet;

use domain::{Agent, Person, Requester, Reviewer, ReviewerKey, Timestamp, folded_name};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::roster::ReviewerName;
use crate::ports::ProvenReviewer;
use crate::seal;
use crate::settings::SignIn;

/// The issuer of whoever holds a home of the local demo.
pub(super) const DEVELOPMENT: &str = "development";

/// A name in bytes, at most.
const LONGEST_NAME: usize = 256;

/// A reviewer who has proven themselves now, and the link that brought them: whoever holds a home of the local demo, or
/// whom an issuer has proven, or who was either a few minutes ago ([`ReviewSession`](super::ReviewSession)).
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
    /// When, as their issuer said it.
    pub(super) at: Option<Timestamp>,
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
        let reviewer = Reviewer {
            key,
            person: Some(Person::new(name)),
            aliases: BTreeSet::new(),
            marks: BTreeSet::new(),
            groups,
            agent: None,
        };
        Ok(Self { reviewer, link, way: SignIn::Development, at: None })
    }

    /// Whom an issuer has proven, when the link was made for them; none when it was made for somebody else.
    pub(super) fn proven(issuer: &str, link: &ReviewerName, proven: ProvenReviewer) -> Option<Self> {
        let ProvenReviewer { subject, email, aliases, groups, agent, signed_in } = proven;
        let is_theirs = match link {
            ReviewerName::Subject(name) => *name == subject,
            // SECURITY: an address that nobody has verified is none.
            ReviewerName::Email(name) => email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(name)),
        };
        let key = ReviewerKey { issuer: issuer.to_owned(), subject };
        let reviewer = Reviewer {
            key: key.clone(),
            person: email.map(Person::new),
            aliases,
            marks: BTreeSet::new(),
            groups,
            agent,
        };
        is_theirs.then_some(Self { reviewer, link: key, way: SignIn::Oidc, at: Some(signed_in) })
    }

    /// What to call them.
    pub fn name(&self) -> &str {
        self.reviewer.person.as_ref().map_or(self.reviewer.key.subject.as_str(), Person::as_str)
    }

    /// Who they are, marked for the record.
    pub(super) fn marked(&self, key: &[u8; 32]) -> Reviewer {
        let marks = self.reviewer.folded_names().iter().map(|name| mark(key, name)).collect();
        Reviewer { marks, ..self.reviewer.clone() }
    }

    /// How they have proven themselves.
    pub fn way(&self) -> SignIn {
        self.way
    }
}

/// Whether one of a reviewer's names is among those of people who were revoked.
// SECURITY: by every name, verified or not, and in every spelling: such a name takes rights and gives none.
pub(super) fn is_revoked(reviewer: &Reviewer, revoked: &BTreeSet<String>, key: &[u8; 32]) -> bool {
    let is_marked = |name: &str| reviewer.marks.contains(&mark(key, &folded_name(name)));
    revoked.iter().any(|name| reviewer.is_called(name) || is_marked(name))
}

/// The marks of every name of whoever asks, sorted: a standing approval names its reviewers by marks alone.
pub(super) fn marks_of(requester: &Requester, key: &[u8; 32]) -> Vec<String> {
    let marks: BTreeSet<String> = requester.folded_names().iter().map(|name| mark(key, name)).collect();
    marks.into_iter().collect()
}

/// The mark of a folded name.
fn mark(key: &[u8; 32], name: &str) -> String {
    seal::keyed_word(key, "reviewer", name)
}

/// A sign-in as a session keeps it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    issuer: String,
    subject: String,
    person: Option<String>,
    aliases: BTreeSet<String>,
    groups: BTreeSet<String>,
    agent: Option<String>,
    way: String,
    at_us: Option<i64>,
}

impl From<&SignedIn> for Kept {
    fn from(signed_in: &SignedIn) -> Self {
        let SignedIn { reviewer, link: _, way, at } = signed_in;
        // Marks are made where something is recorded.
        let Reviewer { key, person, aliases, marks: _, groups, agent } = reviewer;
        Self {
            aliases: aliases.clone(),
            issuer: key.issuer.clone(),
            subject: key.subject.clone(),
            person: person.as_ref().map(|person| person.as_str().to_owned()),
            groups: groups.clone(),
            agent: agent.as_ref().map(|agent| agent.as_str().to_owned()),
            way: way.as_str().to_owned(),
            at_us: at.map(Timestamp::as_micros),
        }
    }
}

impl Kept {
    /// The sign-in again, as it was proven then.
    pub(super) fn signed_in(self) -> Option<SignedIn> {
        let Self { issuer, subject, person, aliases, groups, agent, way, at_us } = self;
        let key = ReviewerKey { issuer, subject };
        let reviewer = Reviewer {
            key: key.clone(),
            person: person.map(Person::new),
            aliases,
            marks: BTreeSet::new(),
            groups,
            agent: agent.map(Agent::new),
        };
        let way = SignIn::from_word(&way)?;
        Some(SignedIn { reviewer, link: key, way, at: at_us.map(Timestamp::from_micros) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven(subject: &str, email: Option<&str>) -> ProvenReviewer {
        ProvenReviewer {
            subject: subject.to_owned(),
            email: email.map(str::to_owned),
            aliases: BTreeSet::new(),
            groups: BTreeSet::new(),
            agent: None,
            signed_in: Timestamp::from_micros(1),
        }
    }

    #[test]
    fn a_link_is_for_whom_it_names_and_for_nobody_else() {
        let is_theirs = |link: &ReviewerName, who| SignedIn::proven("https://p.example", link, who).is_some();
        let by_email = ReviewerName::Email("rosa@acme.example".into());
        assert!(is_theirs(&by_email, proven("00u1", Some("Rosa@acme.example"))));
        assert!(!is_theirs(&by_email, proven("00u1", Some("sam@acme.example"))));
        assert!(!is_theirs(&by_email, proven("rosa@acme.example", None)), "nobody has verified it");
        let by_subject = ReviewerName::Subject("00u1".into());
        assert!(is_theirs(&by_subject, proven("00u1", None)));
        assert!(!is_theirs(&by_subject, proven("00U1", Some("00u1"))));
    }
}
