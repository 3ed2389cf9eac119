//! One link for each reviewer. Holding one lets a reviewer sign in; it shows and decides nothing.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use recording::AskedRecord;

use super::roster::{KnownReviewer, ReviewerName, Roster};
use crate::fault::Fault;
use crate::ports::Keys;

/// A token in characters: a base64url text of 32 bytes.
const LENGTH: usize = 43;

/// The key that makes links, sessions and their marks.
#[derive(Clone)]
pub(super) struct LinkKey(hmac::Key);

impl LinkKey {
    /// Derived from the gateway's key, so that every process has the same.
    pub async fn of(keys: &dyn Keys) -> Result<Self, Fault> {
        let digest = hmac::Key::new(hmac::HMAC_SHA256, &keys.digest().await?);
        let derived = hmac::sign(&digest, b"snowgate/approval-key/1");
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())))
    }

    /// The tag over these parts.
    pub fn tag(&self, parts: &[&str]) -> String {
        let tag = hmac::sign(&self.0, &joined(parts));
        URL_SAFE_NO_PAD.encode(tag.as_ref())
    }

    /// Whether that is the tag over these parts; takes as long whatever it is.
    pub fn is_tag(&self, tag: &str, parts: &[&str]) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(tag) else { return false };
        hmac::verify(&self.0, &joined(parts), &tag).is_ok()
    }
}

/// INVARIANT: injective. Every part goes in with its length before it.
fn joined(parts: &[&str]) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    joined
}

/// The token of one reviewer's link, version 1: HMAC-SHA256 over `approval-link/1`, the approval's id, its digest and bundle,
/// when it expires, and the reviewer's issuer and name; in base64url.
pub(super) fn token(key: &LinkKey, asked: &AskedRecord, issuer: &str, name: &ReviewerName) -> String {
    key.tag(&parts(asked, issuer, name))
}

fn parts<'a>(asked: &'a AskedRecord, issuer: &'a str, name: &'a ReviewerName) -> [&'a str; 8] {
    let AskedRecord { approval, covers, bundle, expires, .. } = asked;
    ["approval-link/1", approval, covers, bundle, expires, issuer, name.kind(), name.as_str()]
}

/// Whom of the roster this token was made for.
// SECURITY: the token holds nothing but its tag, so that a link tells nobody whose it is, and who is taken off the roster has
// no link any more.
pub(super) fn whose<'a>(
    key: &LinkKey,
    asked: &AskedRecord,
    roster: &'a Roster,
    token: &str,
) -> Option<&'a KnownReviewer> {
    if token.len() != LENGTH {
        return None;
    }
    let is_theirs = |person: &&KnownReviewer| key.is_tag(token, &parts(asked, roster.issuer(), &person.name));
    roster.people().iter().find(is_theirs)
}

/// A reviewer's link: whoever holds it may sign in as them.
// SECURITY: it is no part of what is logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    pub(super) fn new(roster: &Roster, asked: &AskedRecord, token: &str) -> Self {
        // In the fragment: what only fetches an address, a scanner of mail say, does not send it.
        Self(format!("{}/a/{}#t={token}", roster.address(), asked.approval))
    }

    /// A link that says this, for tests of whoever tells it.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For the reviewer's own eyes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> LinkKey {
        LinkKey(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]))
    }

    fn asked() -> AskedRecord {
        AskedRecord {
            approval: "7".repeat(32),
            covers: "hmac-sha256:aa".into(),
            context: recording::ContextRecord::default(),
            bundle: "sha256:bb".into(),
            rules: Vec::new(),
            reason: "it waits".into(),
            reviewers: vec!["stewards".into()],
            needed: 1,
            expires: "2026-11-25T10:00:00.000000Z".into(),
            sign_in: "oidc".into(),
            footprints: None,
            touched: None,
            defined: None,
            marks: Vec::new(),
            views: Vec::new(),
            estimate: None,
            again: None,
            access: None,
            result: None,
        }
    }

    fn person(name: ReviewerName) -> KnownReviewer {
        KnownReviewer { name, groups: None, mail: None }
    }

    fn rosa() -> ReviewerName {
        ReviewerName::Email("rosa@acme.example".into())
    }

    fn roster(issuer: &str, people: Vec<KnownReviewer>) -> Roster {
        Roster::new("https://snowgate.example", issuer, people)
    }

    #[test]
    fn a_token_is_one_reviewers_for_one_approval_of_one_digest_bundle_and_end() {
        let people = || vec![person(ReviewerName::Subject("sam".into())), person(rosa())];
        let ours = roster("https://people.example", people());
        let token = token(&key(1), &asked(), "https://people.example", &rosa());
        assert_eq!(token.len(), LENGTH);
        let whose = |asked: &AskedRecord, roster: &Roster, token: &str| {
            super::whose(&key(1), asked, roster, token).map(|person| person.name.clone())
        };
        assert_eq!(whose(&asked(), &ours, &token), Some(rosa()));
        let other = |change: fn(&mut AskedRecord)| {
            let mut other = asked();
            change(&mut other);
            other
        };
        for asked in [
            other(|asked| asked.approval = "8".repeat(32)),
            other(|asked| asked.covers = "hmac-sha256:ab".into()),
            other(|asked| asked.bundle = "sha256:bc".into()),
            other(|asked| asked.expires = "2026-11-25T10:00:00.000001Z".into()),
        ] {
            assert_eq!(whose(&asked, &ours, &token), None);
        }
        assert_eq!(whose(&asked(), &roster("https://other.example", people()), &token), None);
        let by_subject = vec![person(ReviewerName::Subject("rosa@acme.example".into()))];
        assert_eq!(whose(&asked(), &roster("https://people.example", by_subject), &token), None);
        assert_eq!(whose(&asked(), &roster("https://people.example", Vec::new()), &token), None);
        assert!(super::whose(&key(2), &asked(), &ours, &token).is_none(), "another gateway's");
        for wrong in [
            "",
            "x",
            &token.chars().skip(1).collect::<String>(),
            &format!("{token}="),
            &token.to_lowercase(),
            &"A".repeat(LENGTH),
        ] {
            assert_eq!(whose(&asked(), &ours, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_link_carries_its_token_in_the_fragment_and_is_not_printed() {
        let ours = roster("https://people.example", vec![person(rosa())]);
        let link = Link::new(&ours, &asked(), "secret");
        assert_eq!(link.reveal(), format!("https://snowgate.example/a/{}#t=secret", "7".repeat(32)));
        assert_eq!(format!("{link:?}"), "Link(…)");
    }
}
