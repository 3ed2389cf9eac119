//! What a reviewer's browser keeps while they sign in and decide. Nothing is stored here: it is theirs, under our mark.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{ApprovalId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::links::LinkKey;
use super::roster::ReviewerName;
use super::signed_in::{Kept, SignedIn};

/// For how long what a reviewer has proven counts, their groups included: then they sign in again.
pub const SESSION_LIFE: Duration = Duration::from_secs(10 * 60);

/// How long they may take from signing in to their verdict, however long ago their issuer says that they proved themselves.
const SHORTEST: Duration = Duration::from_secs(5 * 60);

/// How long signing in may take.
pub const SIGN_IN_LIFE: Duration = Duration::from_secs(10 * 60);

/// The longest text that is looked at: cookies are shorter.
const LONGEST: usize = 8 * 1024;

/// A reviewer who has signed in for one approval, by the link that was made for them.
///
/// In a cookie, version 1: `PAYLOAD.TAG`, the payload JSON in base64url, the tag HMAC-SHA256 over `review-session/1` and it.
#[derive(Clone, Debug)]
pub struct ReviewSession {
    pub(super) approval: ApprovalId,
    pub(super) link: ReviewerName,
    pub(super) by: SignedIn,
    pub(super) until: Timestamp,
    /// The mark that a form must bring back.
    pub(super) form_mark: String,
}

impl ReviewSession {
    /// Who.
    pub fn by(&self) -> &SignedIn {
        &self.by
    }

    /// What a form of this session must bring back.
    pub fn form_mark(&self) -> &str {
        &self.form_mark
    }

    /// Whether somebody brings that.
    pub fn is_marked(&self, mark: &str) -> bool {
        verify_slices_are_equal(self.form_mark.as_bytes(), mark.as_bytes()).is_ok()
    }

    /// When it ends.
    pub fn until(&self) -> Timestamp {
        self.until
    }
}

/// What a browser is given when its session begins.
// SECURITY: no `Debug`; whoever has both decides.
pub struct BegunSession {
    /// The session, for a cookie.
    pub text: String,
    /// What its looks and forms must bring, for the page's own script.
    pub mark: String,
}

/// A reviewer who was sent to their issuer.
pub(super) struct Pending {
    pub approval: ApprovalId,
    pub link: ReviewerName,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
    pub begun: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameText {
    kind: String,
    name: String,
}

impl NameText {
    fn of(name: &ReviewerName) -> Self {
        Self { kind: name.kind().to_owned(), name: name.as_str().to_owned() }
    }

    fn name(self) -> Option<ReviewerName> {
        match self.kind.as_str() {
            "email" => Some(ReviewerName::Email(self.name)),
            "subject" => Some(ReviewerName::Subject(self.name)),
            _ => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionText {
    id: String,
    approval: String,
    link: NameText,
    by: Kept,
    until_us: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PendingText {
    approval: String,
    link: NameText,
    state: String,
    nonce: String,
    verifier: String,
    begun_us: i64,
}

/// What the tag of each kind of text begins with, so that none passes for another.
const SESSION: &str = "review-session/1";
const PENDING: &str = "review-sign-in/1";
const FORM: &str = "review-form/1";

/// A session that begins; `id` is random.
pub(super) fn begin(
    key: &LinkKey,
    id: String,
    approval: ApprovalId,
    link: &ReviewerName,
    by: &SignedIn,
    now: Timestamp,
) -> Option<BegunSession> {
    let text = SessionText {
        id,
        approval: approval.to_string(),
        link: NameText::of(link),
        by: Kept::from(by),
        until_us: until(by, now).as_micros(),
    };
    let text = marked(key, SESSION, &text)?;
    Some(BegunSession { mark: key.tag(&[FORM, &text]), text })
}

/// When a session ends that begins now.
fn until(by: &SignedIn, now: Timestamp) -> Timestamp {
    let proven = by.at.map_or(now, |at| at.min(now));
    proven.after(SESSION_LIFE).max(now.after(SHORTEST))
}

/// The session of this approval that a browser brings; none where it is none of ours, another approval's, or over.
pub(super) fn session(
    key: &LinkKey,
    text: &str,
    approval: ApprovalId,
    now: Timestamp,
) -> Option<ReviewSession> {
    let SessionText { id: _, approval: named, link, by, until_us } = unmarked(key, SESSION, text)?;
    let until = Timestamp::from_micros(until_us);
    if named != approval.to_string() || now >= until {
        return None;
    }
    let form_mark = key.tag(&[FORM, text]);
    Some(ReviewSession { approval, link: link.name()?, by: by.signed_in()?, until, form_mark })
}

/// Whether a form belongs to the session with that text.
pub(super) fn is_form_of(key: &LinkKey, session: &str, form_mark: &str) -> bool {
    key.is_tag(form_mark, &[FORM, session])
}

/// The text of a sign-in that is under way.
pub(super) fn pend(key: &LinkKey, pending: &Pending) -> Option<String> {
    let Pending { approval, link, state, nonce, verifier, begun } = pending;
    let text = PendingText {
        approval: approval.to_string(),
        link: NameText::of(link),
        state: state.clone(),
        nonce: nonce.clone(),
        verifier: verifier.clone(),
        begun_us: begun.as_micros(),
    };
    marked(key, PENDING, &text)
}

/// The sign-in that a browser brings back; none where it is none of ours, or took too long.
pub(super) fn pending(key: &LinkKey, text: &str, now: Timestamp) -> Option<Pending> {
    let PendingText { approval, link, state, nonce, verifier, begun_us } = unmarked(key, PENDING, text)?;
    let begun = Timestamp::from_micros(begun_us);
    if now >= begun.after(SIGN_IN_LIFE) {
        return None;
    }
    Some(Pending { approval: approval.parse().ok()?, link: link.name()?, state, nonce, verifier, begun })
}

fn marked(key: &LinkKey, kind: &str, text: &impl Serialize) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(text).ok()?);
    let tag = key.tag(&[kind, &payload]);
    Some(format!("{payload}.{tag}"))
}

fn unmarked<T: DeserializeOwned>(key: &LinkKey, kind: &str, text: &str) -> Option<T> {
    if text.len() > LONGEST {
        return None;
    }
    let (payload, tag) = text.split_once('.')?;
    // SECURITY: nothing in it is read before it is known to be ours.
    if !key.is_tag(tag, &[kind, payload]) {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
