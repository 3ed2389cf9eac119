//! Who asks.

use std::collections::BTreeSet;
use std::fmt;

use crate::time::Timestamp;

/// What an agent presents. It can be verified, but not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// The credential with this text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whoever verifies it.
    // SECURITY: the only way out; nothing that logs or records may call this.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// The program that asks.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Agent(String);

impl Agent {
    /// The agent with this name, as its issuer writes it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The human behind an agent, or who approves.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Person(String);

impl Person {
    /// The person with this name (usually an e-mail address), as the issuer writes it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a verified token says. `gateway` alone turns it into a `Principal`, the proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// `iss`, exactly as configured.
    pub issuer: String,
    /// `sub`: unique within the issuer.
    pub subject: String,
    /// The program that asks: the outermost `act` (RFC 8693 section 4.1: the current actor; those nested in it acted
    /// before and decide nothing), else `client_id`, `azp` or `sub`. An actor of another issuer is `issuer#name`.
    pub agent: Agent,
    /// The human on whose behalf it asks: `sub` of a token that names an actor; none when the agent acts for itself.
    pub person: Option<Person>,
    /// Group names, as mapped by the issuer's configuration.
    pub groups: BTreeSet<String>,
    /// `scope` (RFC 8693 section 4.2), split at spaces.
    pub scopes: BTreeSet<String>,
    /// `jti`, where the token has one.
    pub token_id: Option<String>,
    /// `exp`.
    pub expires_at: Timestamp,
}

impl Identity {
    /// The key under which everything of this principal is kept: issuer, subject and agent, and the person where another claim
    /// than the subject names them.
    ///
    /// Two tokens of one agent for one person give the same key; another person, another agent or another
    /// issuer never does (invariant I11).
    pub fn key(&self) -> PrincipalKey {
        // INVARIANT: injective. Each part is preceded by its length, so that no choice of names by an
        // issuer can make two principals meet.
        let part = |text: &str| format!("{}:{text}", text.len());
        let person = self.person.as_ref().map(Person::as_str).filter(|person| *person != self.subject);
        PrincipalKey(format!(
            "{}{}{}{}",
            part(&self.issuer),
            part(&self.subject),
            part(self.agent.as_str()),
            person.map(part).unwrap_or_default()
        ))
    }
}

/// Names one principal in stores; compared, never parsed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PrincipalKey(String);

impl PrincipalKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key read back from a store.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(subject: &str, agent: &str) -> Identity {
        Identity {
            issuer: "https://issuer.example".into(),
            subject: subject.into(),
            agent: Agent::new(agent),
            person: None,
            groups: BTreeSet::new(),
            scopes: BTreeSet::new(),
            token_id: None,
            expires_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn no_two_principals_share_a_key() {
        assert_ne!(identity("a", "bc").key(), identity("ab", "c").key());
        assert_ne!(identity("a1:b", "c").key(), identity("a", "b1:c").key());
    }

    #[test]
    fn a_subject_that_is_nobodys_own_gives_each_person_a_key() {
        let asks_for =
            |person: &str| Identity { person: Some(Person::new(person)), ..identity("tenant-7", "bot") };
        assert_eq!(asks_for("ana").key(), asks_for("ana").key());
        assert_ne!(asks_for("ana").key(), asks_for("ben").key());
        assert_ne!(asks_for("ana").key(), identity("tenant-7", "bot").key());
        // The same person under the name that the subject is, as most issuers have it.
        assert_eq!(asks_for("tenant-7").key(), identity("tenant-7", "bot").key());
    }

    #[test]
    fn a_credential_cannot_be_printed() {
        assert_eq!(format!("{:?}", Credential::new("secret".into())), "Credential(…)");
    }
}
