//! Who asks for an approval, and who decides it: telling people apart.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

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
    /// Whatever else the proof calls them, whether anybody has verified it or not. Such a name never gives a right; it takes
    /// the right to decide what was asked under it.
    pub aliases: BTreeSet<String>,
    /// Keyed digests of all of these names, each as [`folded_name`] has it: what a record tells of names that nobody has
    /// proven.
    pub marks: BTreeSet<String>,
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
    /// Keyed digests of all of these names, as [`Reviewer::marks`] has them: by these a reviewer is found whose record tells of
    /// the same name by its mark alone.
    pub marks: BTreeSet<String>,
}

impl From<&Identity> for Requester {
    fn from(identity: &Identity) -> Self {
        Self {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            agent: identity.agent.clone(),
            person: identity.person.clone(),
            marks: BTreeSet::new(),
        }
    }
}

impl Requester {
    /// Whether a reviewer is who asked, or whom they asked for.
    // SECURITY: by any name of either, whatever issuer wrote it. One person signs in by several issuers, and two who share
    // a name by chance lose nothing but the right to decide this: a third must.
    pub(super) fn is(&self, reviewer: &Reviewer) -> bool {
        self.names().any(|name| reviewer.is_called(name)) || !self.marks.is_disjoint(&reviewer.marks)
    }

    /// Every name of theirs, as [`folded_name`] has it.
    pub fn folded_names(&self) -> BTreeSet<String> {
        self.names().map(folded_name).collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let person = self.person.as_ref().map(Person::as_str);
        [Some(self.subject.as_str()), person, Some(self.agent.as_str())].into_iter().flatten()
    }
}

impl Reviewer {
    /// Whether a program decides, and not a person.
    pub(super) fn is_program(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether two verdicts are one person's, whatever they have signed in by.
    pub fn is_same_person(&self, other: &Self) -> bool {
        self.names().any(|name| other.is_called(name)) || !self.marks.is_disjoint(&other.marks)
    }

    /// Every name of theirs, verified or not, as [`folded_name`] has it.
    pub fn folded_names(&self) -> BTreeSet<String> {
        self.names().map(folded_name).collect()
    }

    /// Whether that is a name of theirs, verified or not, in whatever spelling.
    pub fn is_called(&self, name: &str) -> bool {
        let name = folded_name(name);
        self.names().any(|own| folded_name(own) == name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let proven =
            std::iter::once(self.key.subject.as_str()).chain(self.person.as_ref().map(Person::as_str));
        proven.chain(self.aliases.iter().map(String::as_str))
    }
}

/// A name as two spellings of it are the same: mail addresses differ in case, and in forms of one character that look alike
/// or are not seen at all, and nobody means that.
// SECURITY: whoever can choose how their name is written must not become two people by it.
pub fn folded_name(name: &str) -> String {
    let seen = |text: &str| text.nfkc().filter(|c| !is_invisible(*c)).collect::<String>();
    // Lower case last, and once more: a letter may have a lower case that is written in several ways.
    seen(&seen(name).to_lowercase()).trim().to_owned()
}

/// Whether a character is not seen: the format characters (category Cf) and those that are ignored by default
/// (`Default_Ignorable_Code_Point`), of Unicode 16.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}' | '\u{034F}' | '\u{0600}'..='\u{0605}' | '\u{061C}' | '\u{06DD}' | '\u{070F}'
            | '\u{0890}'..='\u{0891}' | '\u{08E2}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    )
}
