//! Who may be asked to decide, and where they do it.

use std::collections::BTreeSet;

use domain::{Approval, Person, Reviewer, ReviewerKey, Unmoved};

/// How a reviewer is named before they have proven anything.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ReviewerName {
    /// By the e-mail address that their issuer has verified.
    Email(String),
    /// By `sub` at their issuer.
    Subject(String),
}

impl ReviewerName {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(name) | Self::Subject(name) => name,
        }
    }

    /// What kind of name it is, in links and cookies.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Subject(_) => "subject",
        }
    }
}

/// A person who may be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownReviewer {
    /// Who.
    pub name: ReviewerName,
    /// Whose approvals they are asked for; none: everybody's, in the local demo.
    pub groups: Option<BTreeSet<String>>,
    /// Where their mail goes.
    pub mail: Option<String>,
}

/// The people who may be asked to decide, and the page on which they do it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster {
    address: String,
    issuer: String,
    people: Vec<KnownReviewer>,
    second: BTreeSet<String>,
}

impl Roster {
    /// These people, who sign in at that issuer, on the page below `address` (`https://HOST`, without a slash at its end).
    pub fn new(address: impl Into<String>, issuer: impl Into<String>, people: Vec<KnownReviewer>) -> Self {
        let address = address.into().trim_end_matches('/').to_owned();
        Self { address, issuer: issuer.into(), people, second: BTreeSet::new() }
    }

    /// Those who may decide by these groups alone are asked only when the others stay silent ([`Reminded::Second`]), or are too
    /// few to decide.
    ///
    /// [`Reminded::Second`]: crate::Reminded::Second
    #[must_use]
    pub fn escalating_to(self, second: BTreeSet<String>) -> Self {
        Self { second, ..self }
    }

    /// The issuer of whoever holds a home of the local demo.
    pub fn development(address: impl Into<String>, people: Vec<KnownReviewer>) -> Self {
        Self::new(address, super::signed_in::DEVELOPMENT, people)
    }

    /// `https://HOST`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where they sign in.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Everybody.
    pub fn people(&self) -> &[KnownReviewer] {
        &self.people
    }

    /// Whether this reviewer is one of these people, who sign in where they have: whoever was taken off says yes no more. What
    /// they may decide is what they proved then, not for which groups they are told.
    pub(super) fn still_has(&self, by: &Reviewer) -> bool {
        let is_called = |person: &KnownReviewer| match &person.name {
            ReviewerName::Subject(name) => by.key.subject == *name,
            ReviewerName::Email(name) => {
                by.person.as_ref().is_some_and(|person| person.as_str().eq_ignore_ascii_case(name))
            }
        };
        by.key.issuer == self.issuer && self.people.iter().any(is_called)
    }

    /// Who is to be asked for this approval: whoever is in its groups, and may decide it as far as anybody knows.
    pub fn invited<'a>(&'a self, approval: &'a Approval) -> impl Iterator<Item = &'a KnownReviewer> {
        self.people.iter().filter(move |person| self.may_be_asked(person, approval))
    }

    /// Who is to be asked for this approval first: everybody, where the first group alone could not decide it.
    pub(super) fn invited_first<'a>(&'a self, approval: &'a Approval) -> Vec<&'a KnownReviewer> {
        let first: Vec<_> =
            self.invited(approval).filter(|person| !self.is_second(person, approval)).collect();
        let needed = usize::try_from(approval.terms().needed.get()).unwrap_or(usize::MAX);
        if first.len() < needed { self.invited(approval).collect() } else { first }
    }

    /// Who is to be asked for this approval when the first group stays silent.
    pub(super) fn invited_second<'a>(&'a self, approval: &'a Approval) -> Vec<&'a KnownReviewer> {
        self.invited(approval).filter(|person| self.is_second(person, approval)).collect()
    }

    fn is_second(&self, person: &KnownReviewer, approval: &Approval) -> bool {
        let Some(groups) = &person.groups else { return false };
        groups.intersection(&approval.terms().reviewers).all(|group| self.second.contains(group))
    }

    fn may_be_asked(&self, person: &KnownReviewer, approval: &Approval) -> bool {
        let name = person.name.as_str();
        let key = ReviewerKey { issuer: self.issuer.clone(), subject: name.to_owned() };
        let groups = person.groups.clone().unwrap_or_else(|| approval.terms().reviewers.clone());
        let reviewer = Reviewer {
            key: key.clone(),
            person: Some(Person::new(name)),
            aliases: BTreeSet::new(),
            marks: BTreeSet::new(),
            groups,
            agent: None,
        };
        match approval.check(&reviewer, &key) {
            Ok(()) => true,
            // Who asked needs no link: they may not decide.
            Err(Unmoved::OwnRequest | Unmoved::NotAReviewer) => false,
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Agent, Requester, Terms, Timestamp};

    use super::*;

    fn known(name: ReviewerName, groups: Option<&[&str]>) -> KnownReviewer {
        let groups = groups.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect());
        KnownReviewer { name, groups, mail: None }
    }

    #[test]
    fn who_is_in_the_groups_is_asked_and_never_who_asked() {
        let approval = Approval::new(Terms {
            requester: Requester {
                issuer: "https://issuer.example".into(),
                subject: "ana".into(),
                agent: Agent::new("claude-finance"),
                person: Some(Person::new("ana@acme.example")),
                marks: BTreeSet::new(),
            },
            reviewers: ["stewards".to_owned()].into(),
            needed: std::num::NonZeroU32::MIN,
            expires: Timestamp::from_micros(1),
        });
        let email = |name: &str| ReviewerName::Email(name.to_owned());
        let people = vec![
            known(email("rosa@acme.example"), Some(&["stewards", "others"])),
            known(email("sam@acme.example"), Some(&["others"])),
            known(email("Ana@acme.example"), Some(&["stewards"])),
            known(ReviewerName::Subject("ana".to_owned()), None),
            known(ReviewerName::Subject("00u7".to_owned()), None),
        ];
        let roster = Roster::new("https://snowgate.example/", "https://people.example", people);
        let invited: Vec<&str> = roster.invited(&approval).map(|person| person.name.as_str()).collect();
        assert_eq!(invited, ["rosa@acme.example", "00u7"]);
        assert_eq!(roster.address(), "https://snowgate.example");
    }

    #[test]
    fn the_second_group_is_asked_first_only_where_the_first_could_not_decide() {
        let approval = |needed| {
            Approval::new(Terms {
                requester: Requester {
                    issuer: "https://issuer.example".into(),
                    subject: "ana".into(),
                    agent: Agent::new("claude-finance"),
                    person: None,
                    marks: BTreeSet::new(),
                },
                reviewers: ["stewards".to_owned(), "leads".to_owned()].into(),
                needed: std::num::NonZeroU32::new(needed).unwrap(),
                expires: Timestamp::from_micros(1),
            })
        };
        let subject = |name: &str| ReviewerName::Subject(name.to_owned());
        let people = vec![
            known(subject("rosa"), Some(&["stewards"])),
            known(subject("lee"), Some(&["leads", "others"])),
            known(subject("both"), Some(&["leads", "stewards"])),
            known(subject("nobody"), Some(&["others"])),
        ];
        let roster = Roster::new("https://snowgate.example", "https://people.example", people)
            .escalating_to(["leads".to_owned()].into());
        let names = |people: Vec<&KnownReviewer>| -> Vec<String> {
            people.into_iter().map(|person| person.name.as_str().to_owned()).collect()
        };
        assert_eq!(names(roster.invited_first(&approval(2))), ["rosa", "both"]);
        assert_eq!(names(roster.invited_second(&approval(2))), ["lee"]);
        assert_eq!(names(roster.invited_first(&approval(3))), ["rosa", "lee", "both"]);
        let only =
            Roster::new("https://snowgate.example", "https://people.example", roster.people().to_vec());
        assert_eq!(names(only.invited_first(&approval(2))), ["rosa", "lee", "both"]);
        assert_eq!(names(only.invited_second(&approval(2))), [""; 0]);
    }
}
