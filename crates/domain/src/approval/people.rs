//! Who asks for an approval, and who decides it: telling people apart.

use std::collections::BTreeSet;

use crate::identity::{Agent, Identity, Person};

/// Names one reviewer: what a link is made for, and what a sign-in proves.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ReviewerKey {
    /// `iss`.
    pub issuer: String,
    /// `sub`: unique within the issuer.
    pub subject: String,
}

/// A person who decides, as they have proven themselves now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reviewer {
    /// Who.
    pub key: ReviewerKey,
    /// Their name (usually an e-mail address), where the proof tells one.
    pub person: Option<Person>,
    /// The groups that they are in at this moment.
    pub groups: BTreeSet<String>,
    /// The program that acts for them, where the proof names one: such a verdict is nobody's.
    pub agent: Option<Agent>,
}

/// Who wants an approval: what their token said when they asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requester {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// The program.
    pub agent: Agent,
    /// The human behind it.
    pub person: Option<Person>,
}

impl From<&Identity> for Requester {
    fn from(identity: &Identity) -> Self {
        Self {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            agent: identity.agent.clone(),
            person: identity.person.clone(),
        }
    }
}

impl Requester {
    /// Whether a reviewer is who asked, or whom they asked for.
    // SECURITY: by any name of either, whatever issuer wrote it. One person signs in by several issuers, and two who share
    // a name by chance lose nothing but the right to decide this: a third must.
    pub(super) fn is(&self, reviewer: &Reviewer) -> bool {
        let person = self.person.as_ref().map(Person::as_str);
        let names = [Some(self.subject.as_str()), person, Some(self.agent.as_str())];
        names.into_iter().flatten().any(|name| reviewer.has_name(name))
    }
}

impl Reviewer {
    /// Whether a program decides, and not a person.
    pub(super) fn is_program(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether two verdicts are one person's, whatever they have signed in by.
    pub fn is_same_person(&self, other: &Self) -> bool {
        self.names().any(|name| other.has_name(name))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.key.subject.as_str()).chain(self.person.as_ref().map(Person::as_str))
    }

    fn has_name(&self, name: &str) -> bool {
        let name = folded(name);
        self.names().any(|own| folded(own) == name)
    }
}

/// A name as two spellings of it are the same: mail addresses differ in case and nobody means that.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}
