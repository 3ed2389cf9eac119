//! What evidence channels saw, until it is known whose statement it belongs to.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use recording::RecordKey;

use crate::fault::Fault;

/// Whose statements something may belong to; what is absent may be anybody's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subject {
    /// `iss` of their tokens.
    pub issuer: Option<String>,
    /// `sub` of their tokens.
    pub subject: Option<String>,
    /// The agent.
    pub agent: Option<String>,
}

/// What joins a sighting with a statement: keyed words, so that a store learns nothing by them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keyed {
    /// Of the tool use's id.
    pub tool_use: Option<String>,
    /// Of the trace's id.
    pub trace: Option<String>,
    /// Of the client's word.
    pub word: Option<String>,
    /// Of the statement's text.
    pub statement: Option<String>,
}

/// One thing that an evidence channel saw, as a store keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredSighting {
    /// A keyed digest of all that was said: the same said twice has the same.
    pub id: [u8; 32],
    /// The keyed word of the channel's credential, which outlives its name; for an agent's own token, of its principal.
    pub channel: String,
    /// The channel's name when it said so, for people.
    pub name: String,
    /// What kind it is.
    pub kind: ChannelKind,
    /// Whom it speaks for.
    pub subject: Subject,
    /// What joins it with statements.
    pub keyed: Keyed,
    /// What joins it with others of its channel: the keyed word of the prompt's id.
    pub prompt_id: Option<String>,
    /// When it came.
    pub at: Timestamp,
    /// What was said, sealed.
    pub object: Bytes,
}

/// What of one channel is kept at most, the newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Sightings.
    pub sightings: u32,
    /// Bytes of what they say.
    pub bytes: u64,
}

/// An exchange that evidence may still come for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expecting {
    /// Where its records lie.
    pub key: RecordKey,
    /// Who asked: nothing of it is absent.
    pub subject: Subject,
    /// What joins it with sightings.
    pub keyed: Keyed,
    /// When it was opened.
    pub at: Timestamp,
}

/// What came of noting that a call expects evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// Whether this exchange is noted with these clues for the first time.
    pub is_new: bool,
    /// Whether it could not be noted: the exchange was asked by too many calls.
    pub is_full: bool,
    /// What there is already, as [`Evidence::about`] finds it.
    pub known: Vec<StoredSighting>,
}

/// Keeps sightings and what expects them. Both are forgotten after [`EVIDENCE_LIFE`](crate::EVIDENCE_LIFE), and of one
/// channel no more than a bounded number of the newest is kept.
///
/// Whoever writes one of the two reads the other afterwards: so of a sighting and an opening that meet, at least one finds
/// the other. SECURITY: no answer holds what is another subject's.
#[async_trait]
pub trait Evidence: Send + Sync {
    /// Keeps what one channel said, in steps that are short, so that no statement waits for a large export; what was kept
    /// before a step failed stays. What it has said before is not kept twice. Answers the exchanges that any of it may belong
    /// to, a bounded number, also when it was said before, for whoever took it in then may have failed: by a clue of its own,
    /// or, for a prompt, by one of another sighting of the same channel with the same prompt's id.
    async fn keep(&self, sightings: Vec<StoredSighting>, room: Room) -> Result<Vec<Expecting>, Fault>;

    /// The sightings that share a clue with this statement and may be its subject's, and those of the same channels with
    /// the same prompts' ids; a bounded number.
    async fn about(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault>;

    /// The exchanges that have named this tool use, whosesoever, the first of them first; a bounded number.
    async fn naming(&self, tool_use: &str, now: Timestamp) -> Result<Vec<Expecting>, Fault>;

    /// Whether a hooks channel that speaks for this subject has told the tool use of any call before that moment.
    async fn tells_uses(&self, subject: &Subject, before: Timestamp) -> Result<bool, Fault>;

    /// Takes a tool use for one call while it is decided; whether it was free. It is free again when it is released, or after
    /// a minute: whoever held it is an exchange by then, or gone.
    async fn lease(&self, tool_use: &str, call: u128, now: Timestamp) -> Result<bool, Fault>;

    /// Gives a tool use back that this call holds.
    async fn release(&self, tool_use: &str, call: u128) -> Result<(), Fault>;

    /// Notes that evidence may still come for an exchange by these clues; one exchange has several where calls asked the same
    /// while it waited for a person.
    async fn expect(&self, expecting: &Expecting) -> Result<Expected, Fault>;

    /// Every note of an exchange.
    async fn expected(&self, exchange: &RecordKey) -> Result<Vec<Expecting>, Fault>;
}

/// A gateway that takes no evidence but what comes with a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvidence;

#[async_trait]
impl Evidence for NoEvidence {
    async fn keep(&self, _: Vec<StoredSighting>, _: Room) -> Result<Vec<Expecting>, Fault> {
        Ok(Vec::new())
    }

    async fn about(&self, _: &Subject, _: &Keyed, _: Timestamp) -> Result<Vec<StoredSighting>, Fault> {
        Ok(Vec::new())
    }

    async fn naming(&self, _: &str, _: Timestamp) -> Result<Vec<Expecting>, Fault> {
        Ok(Vec::new())
    }

    async fn tells_uses(&self, _: &Subject, _: Timestamp) -> Result<bool, Fault> {
        Ok(false)
    }

    async fn lease(&self, _: &str, _: u128, _: Timestamp) -> Result<bool, Fault> {
        Ok(true)
    }

    async fn release(&self, _: &str, _: u128) -> Result<(), Fault> {
        Ok(())
    }

    async fn expect(&self, _: &Expecting) -> Result<Expected, Fault> {
        Ok(Expected { is_new: true, is_full: false, known: Vec::new() })
    }

    async fn expected(&self, _: &RecordKey) -> Result<Vec<Expecting>, Fault> {
        Ok(Vec::new())
    }
}
