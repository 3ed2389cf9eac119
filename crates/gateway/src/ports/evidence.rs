//! What evidence channels saw, until it is known whose statement it belongs to.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use recording::RecordKey;

use crate::fault::Fault;

/// Whose statements something may belong to; what is absent may be anybody's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
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
    /// What tells it from others of its channel that tell a prompt: the keyed word of that, and of where it stands. None: it tells none.
    pub text: Option<String>,
    /// When it came.
    pub at: Timestamp,
    /// What was said, sealed.
    pub object: Bytes,
    /// In an answer of [`Evidence::about`] alone: whether its channel has told more than the answer holds, which may tell another
    /// prompt of the call, or contradict what it says of it.
    pub is_crowded: bool,
}

impl StoredSighting {
    /// Whether it names a tool use and tells no prompt: then others of its prompt's id have nothing of it.
    pub const fn tells_a_use_alone(&self) -> bool {
        self.keyed.tool_use.is_some() && self.text.is_none()
    }
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
    /// A keyed word of the conversation and the prompt that the call named itself; none where it named neither.
    pub said: Option<String>,
    /// Whether it was refused: then it has used no tool use up.
    pub is_refused: bool,
    /// When it was opened.
    pub at: Timestamp,
}

/// Who has named a tool use by a statement that was not refused: what was refused has used nothing up, and is sent again, with
/// another token or when evidence has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// The same principal.
    pub by_itself: bool,
    /// Another agent of the same issuer's same subject.
    pub by_another_agent: bool,
    /// Somebody else.
    pub by_another: bool,
}

impl Named {
    /// What two answers come to together.
    pub fn or(self, other: Self) -> Self {
        Self {
            by_itself: self.by_itself || other.by_itself,
            by_another_agent: self.by_another_agent || other.by_another_agent,
            by_another: self.by_another || other.by_another,
        }
    }
}

/// What came of noting that a call expects evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// Whether this exchange is noted with these clues for the first time.
    pub is_new: bool,
    /// Whether it could not be noted: the exchange was asked by too many calls.
    pub is_full: bool,
    /// Whether what is told later under its trace or its word may not find it: [`FOUND`] others of its subject are found before it.
    pub is_beyond: bool,
    /// What there is already, as [`Evidence::about`] finds it.
    pub known: Vec<StoredSighting>,
}

/// Exchanges that one trace or word finds at most: those that ran before those that were refused, and of each the first. SECURITY: whoever asks more under the same word hides nothing that was asked before.
pub const FOUND: usize = 1024;

/// What one answer of [`Evidence::about`] holds of each channel: no more than this, however much was said. What is taken first stays.
#[derive(Debug, Default)]
pub struct Share(BTreeMap<String, (u32, u64)>);

impl Share {
    /// Of each channel at most.
    pub const MOST: Room = Room { sightings: 128, bytes: 1024 * 1024 };

    /// Whether one more of that many bytes may be held.
    pub fn takes(&mut self, channel: &str, bytes: u64) -> bool {
        let (count, size) = self.0.entry(channel.to_owned()).or_default();
        let (more, larger) = (count.saturating_add(1), size.saturating_add(bytes));
        // The first of a channel always is.
        if more > Self::MOST.sightings || (*count > 0 && larger > Self::MOST.bytes) {
            return false;
        }
        (*count, *size) = (more, larger);
        true
    }
}

/// Keeps sightings and what expects them. Both are found for [`EVIDENCE_LIFE`](crate::EVIDENCE_LIFE), and of one channel no
/// more than a bounded number of the newest is kept. That a tool use was named is known for
/// [`NAMED_LIFE`](crate::NAMED_LIFE), which is longer than anything that was told of it is found.
///
/// Whoever writes one of the two reads the other afterwards: so of a sighting and an opening that meet, at least one finds
/// the other. SECURITY: no answer holds what is another subject's.
#[async_trait]
pub trait Evidence: Send + Sync {
    /// Keeps what one channel said, in steps that are short, so that no statement waits for a large export; what was kept
    /// before a step failed stays. What it has said before is not kept twice: without a statement and a tool use of its own it
    /// is found for longer then, for it may belong to what comes after it, too. Answers with the ids of those that have not been
    /// told to have met their exchanges, or were forgotten since.
    async fn keep(&self, sightings: &[StoredSighting], room: Room) -> Result<Vec<[u8; 32]>, Fault>;

    /// Notes that these are known to every exchange that they may belong to.
    async fn met(&self, sightings: &[[u8; 32]]) -> Result<(), Fault>;

    /// The exchanges that any of these may belong to, each once: by a clue of its own, or, for a prompt, by one of another
    /// sighting of the same channel and exactly the same subject with the same prompt's id. Of each clue of each sighting [`FOUND`] are found, those first that were not
    /// refused, the first of them first; of one prompt's tool uses a bounded number of the first, and of the same text, which is a guess,
    /// some of the last.
    async fn awaiting(&self, sightings: &[StoredSighting]) -> Result<Vec<Expecting>, Fault>;

    /// The sightings that share a clue with this statement and may be its subject's, and those of the same channels and of exactly
    /// the same subjects as one of them with its prompt's id; of each channel no more than [`Share`] lets, each prompt that it tells
    /// before what tells the same or none. SECURITY: what is left out of a channel is never lost without a word: where it tells of
    /// the same tool use, or a prompt that nothing of the answer tells, those that share the clue are [`StoredSighting::is_crowded`].
    async fn about(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault>;

    /// Who has named this tool use, however many have; before one of them, where that is told, and not by the same exchange.
    async fn named(
        &self,
        tool_use: &str,
        subject: &Subject,
        before: Option<&Expecting>,
    ) -> Result<Named, Fault>;

    /// Whether a hooks channel that speaks for this subject has told the tool use of any call before that moment.
    async fn tells_uses(&self, subject: &Subject, before: Timestamp) -> Result<bool, Fault>;

    /// Takes a tool use for one call of this principal's while it is decided; who else has it. It is not taken where another
    /// call of its own has it, and free again when it is released, or after a minute: whoever held it is an exchange by then,
    /// or gone.
    async fn lease(
        &self,
        tool_use: &str,
        whose: &Subject,
        call: u128,
        now: Timestamp,
    ) -> Result<Named, Fault>;

    /// Gives a tool use back that this call holds.
    async fn release(&self, tool_use: &str, whose: &Subject, call: u128) -> Result<(), Fault>;

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
    async fn keep(&self, _: &[StoredSighting], _: Room) -> Result<Vec<[u8; 32]>, Fault> {
        Ok(Vec::new())
    }

    async fn met(&self, _: &[[u8; 32]]) -> Result<(), Fault> {
        Ok(())
    }

    async fn awaiting(&self, _: &[StoredSighting]) -> Result<Vec<Expecting>, Fault> {
        Ok(Vec::new())
    }

    async fn about(&self, _: &Subject, _: &Keyed, _: Timestamp) -> Result<Vec<StoredSighting>, Fault> {
        Ok(Vec::new())
    }

    async fn named(&self, _: &str, _: &Subject, _: Option<&Expecting>) -> Result<Named, Fault> {
        Ok(Named::default())
    }

    async fn tells_uses(&self, _: &Subject, _: Timestamp) -> Result<bool, Fault> {
        Ok(false)
    }

    async fn lease(&self, _: &str, _: &Subject, _: u128, _: Timestamp) -> Result<Named, Fault> {
        Ok(Named::default())
    }

    async fn release(&self, _: &str, _: &Subject, _: u128) -> Result<(), Fault> {
        Ok(())
    }

    async fn expect(&self, _: &Expecting) -> Result<Expected, Fault> {
        Ok(Expected { is_new: true, is_full: false, is_beyond: false, known: Vec::new() })
    }

    async fn expected(&self, _: &RecordKey) -> Result<Vec<Expecting>, Fault> {
        Ok(Vec::new())
    }
}
