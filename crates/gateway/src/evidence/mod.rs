//! Evidence of the prompt behind a statement: taken in, joined with what was asked, graded, and appended when it is late.
//!
//! A channel tells what it saw ([`Sighting`]) under a credential of its own; a statement comes with clues. They are joined
//! by the tool use's id, else the trace, else the client's word, else the same text of the same subject within seconds,
//! and never across subjects. What names no subject (an export for everybody) is joined by the tool use alone, which is one
//! call's: whoever names it second has not made it. What is known when a statement is decided stands in its opening; what comes later is
//! appended beside it, and decides nothing any more.

mod accounts;
mod again;
mod apart;
mod late;
mod linked;
mod looked;
mod named;
mod parts;
mod recall;
mod said;
mod sighting;
mod texts;
mod wanted;
mod weigh;
mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use domain::{ChannelKind, Context, Credential, Timestamp};
use futures::future::join_all;
use thiserror::Error;

use self::late::Beside;
use self::looked::Looked;
use crate::ask::AskError;
use crate::fault::Fault;
use crate::gateway::{Gateway, off_the_loop};
use crate::ports::{NotAccepted, Room, StoredSighting, Subject};
use crate::principal::Principal;

pub use accounts::is_another_mailbox;
pub(crate) use again::{Calling, Spoken};
pub(crate) use late::{MOST, last};
pub(crate) use named::Lease;
pub(crate) use wanted::WANTED;
pub(crate) use weigh::{Purpose, Weighed};
pub use words::{reminders_in, split_reminders};

/// For how long evidence waits for its statement, and a statement for late evidence.
pub const EVIDENCE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long it is known that a tool use was named. What tells of one is found for [`EVIDENCE_LIFE`] and is not renewed; so this
/// holds for all that is told within two of those after its call.
// INVARIANT: longer than a sighting may come after its call, and its life: else a tool use would be good once more.
pub const NAMED_LIFE: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// What of one configured channel is kept at most, the newest: a day of a large company's prompts, and a bounded disk.
const ROOM_OF_A_CHANNEL: Room = Room { sightings: 100_000, bytes: 512 * 1024 * 1024 };

/// The same of one agent's own token: it must not crowd out anybody.
const ROOM_OF_AN_AGENT: Room = Room { sightings: 500, bytes: 2 * 1024 * 1024 };

/// Sightings of one channel whose exchanges are looked for at once: what is found of them is held together.
const AT_ONCE: usize = 32;

/// Exchanges that evidence is appended to at once.
const APPENDED_AT_ONCE: usize = 8;

/// Bytes of a statement in a sighting at most.
pub const LONGEST_TEXT: usize = 1024 * 1024;

/// So much of a prompt is kept and compared, in bytes.
const PROMPT_SIZE: usize = 32 * 1024;

/// Bytes of an id in a sighting at most.
pub const LONGEST_ID: usize = 256;

/// One thing that an evidence channel saw: a prompt, a tool use, or both at once.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sighting {
    /// Whose it is, where the channel says so; it must be one whom the channel may speak for.
    pub subject: Option<String>,
    /// The client's word for the conversation.
    pub conversation: Option<String>,
    /// The client's id of the prompt: ties tool uses to it within one channel and of one subject, or of one mailbox where no subject
    /// is named. Of what names neither it ties nothing.
    pub prompt_id: Option<String>,
    /// A digest of all that a prompt says: ties tool uses of an export to the words that are kept once, in place of `prompt_id`.
    pub words: Option<String>,
    /// The model's id of the tool use.
    pub tool_use: Option<String>,
    /// The tool's name, as the client writes it in full.
    pub tool: Option<String>,
    /// The trace, 32 lower-case hexadecimal digits.
    pub trace: Option<String>,
    /// A word that the client sends with its statements, too.
    pub word: Option<String>,
    /// The prompt's exact text.
    pub prompt: Option<String>,
    /// What the client put in beside it, of which no hook tells; see [`split_reminders`].
    pub reminders: Option<String>,
    /// Of these those that stood in the same text.
    pub blocks: Option<String>,
    /// What came with it and is no text.
    pub others: Option<OtherParts>,
    /// Whether a prompt was seen and could not be read, or nobody can tell whether a person typed it.
    pub is_prompt_unread: bool,
    /// The command that the client made it of, as it was typed.
    pub command: Option<String>,
    /// The texts that stood before it in the same message of a user: what was typed last is a message's last text.
    pub earlier: Option<String>,
    /// Whether it stood beside a tool's answer, as what a person types behind Esc does.
    pub is_beside_answer: bool,
    /// What came beside tools' answers since, and may have been typed meanwhile.
    pub meanwhile: Vec<Meanwhile>,
    /// When it was so, nanoseconds since 1970 by its client's clock: of a prompt, and of a tool use; where its channel tells that.
    pub moment: Option<u64>,
    /// Where it stands in its trace: several prompts may share one.
    pub span: Option<Span>,
    /// The mail address of whoever is observed, as their client says: it names nobody, but another's is not this one's.
    pub mail: Option<String>,
    /// The statement's exact text.
    pub statement: Option<String>,
    /// The names that it was to run under, as its call gave them; none where the channel does not see calls.
    pub under: Option<Context>,
    /// Whether the call has arguments that give no statement: then whatever runs is another one.
    pub is_unread: bool,
    /// Whether its call was to be looked ahead, and not to run: then it is good for no statement that runs.
    pub is_look: bool,
    /// Whether the person did not let the client make the call: then nobody's is it.
    pub is_rejected: bool,
    /// Whether a subagent made the call: then the words that the model received last are another agent's.
    pub is_delegated: bool,
}

impl fmt::Debug for Sighting {
    // SECURITY: people type secrets into prompts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sighting(…)")
    }
}

/// A text that came to a model behind a prompt, while it worked: a client's, a file's or the person's.
#[derive(Clone, PartialEq, Eq)]
pub struct Meanwhile {
    /// It.
    pub text: String,
    /// Whose it may be.
    pub came: Came,
}

/// Whose a text may be that came to a model behind a prompt. The later one counts where one text came as two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Came {
    /// It stands beside a tool's answer as a client puts a skill's file there.
    AsFile,
    /// It stands there as whatever a client or a person puts there: a command's file, a note, or what was typed where a turn was broken off.
    Unaccounted,
    /// Its client says that a person has sent it, and where it ends is not to be told.
    SentInPart,
    /// Its client says that a person has sent it.
    Sent,
}

impl Came {
    /// Whether its client says that a person has sent it.
    pub const fn is_sent(self) -> bool {
        matches!(self, Self::SentInPart | Self::Sent)
    }
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile(…)")
    }
}

/// What came with a prompt and is no text: documents, images, what nobody knows.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OtherParts {
    /// What they are, in words that records may show.
    pub told: String,
    /// The parts as they came, together.
    pub exact: String,
}

impl fmt::Debug for OtherParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtherParts(…)")
    }
}

/// The id of a span, as OpenTelemetry has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SpanId(pub [u8; 8]);

/// Where something stands in its trace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// Of a prompt its own span; of a tool use those that it lies in, the nearest first, as far as they are known.
    pub ids: Vec<SpanId>,
    /// When it began, nanoseconds since 1970 by its client's clock.
    pub begun: Option<u64>,
    /// When it ended, as well.
    pub ended: Option<u64>,
}

/// Whom a channel may speak for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SpeaksFor {
    /// One of these subjects; with several, each sighting says which.
    Subjects(Vec<String>),
    /// Anybody: a provider's export, an organisation's telemetry.
    Anybody,
}

/// An evidence channel, proven by its credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Its name, which records carry; each has a credential of its own.
    pub name: String,
    /// What kind it is.
    pub kind: ChannelKind,
    /// Whom it may speak for.
    pub speaks_for: SpeaksFor,
    /// The issuer of those subjects' tokens; none: any.
    pub issuer: Option<String>,
    /// The agent whose statements it sees; none: any.
    pub agent: Option<String>,
    /// A word for its credential, which stays when it is named anew: two names of one credential are one channel.
    pub credential: Option<String>,
    /// This gateway's tools, as the clients that it sees name them in full; none: a tool of that name of any server counts.
    pub tools: Vec<String>,
}

/// Why evidence is not taken.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum NotTaken {
    /// It is about somebody whom this channel does not speak for.
    #[error("this credential does not speak for that subject")]
    Subject,
    /// It does not say whose it is, and its channel speaks for several.
    #[error("this credential speaks for several subjects: each piece of evidence must say whose it is")]
    Whose,
    /// A text or an id is too long.
    #[error("a statement is at most 1 MB, an id or a name at most 256 bytes")]
    TooLong,
}

/// Why evidence was not kept.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// It cannot be.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// Something broke: it may be sent again.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Channel {
    /// The channel of whoever holds this principal's token: what comes over it is declared, no more.
    fn own(identity: &domain::Identity) -> Self {
        Self {
            name: OWN.to_owned(),
            kind: ChannelKind::Own,
            speaks_for: SpeaksFor::Subjects(vec![identity.subject.clone()]),
            issuer: Some(identity.issuer.clone()),
            agent: Some(identity.agent.as_str().to_owned()),
            credential: None,
            tools: Vec::new(),
        }
    }

    /// Whether it tells of a tool of this gateway's, as far as is told.
    // SECURITY: other servers may have a tool of the same name, and a call of theirs is none of a statement's here.
    fn is_of_ours(&self, sighting: &Sighting) -> bool {
        let known = |tool: &String| self.tools.is_empty() || self.tools.contains(tool);
        sighting.tool.as_ref().is_none_or(known)
    }

    /// Whether it may speak of this principal's statements.
    fn may_be_of(&self, principal: &Subject) -> bool {
        let Subject { issuer, subject, agent } = principal;
        let speaks_for = match &self.speaks_for {
            SpeaksFor::Anybody => true,
            SpeaksFor::Subjects(subjects) => subjects.iter().any(|known| Some(known) == subject.as_ref()),
        };
        let is_open_or = |own: &Option<String>, of: &Option<String>| own.is_none() || own == of;
        speaks_for && is_open_or(&self.issuer, issuer) && is_open_or(&self.agent, agent)
    }

    /// Whom one sighting speaks for.
    fn subject(&self, named: Option<&str>) -> Result<Subject, NotTaken> {
        let subject = match (&self.speaks_for, named) {
            (SpeaksFor::Anybody, Some(named)) => Some(named.to_owned()),
            // An export may tell of anybody's tool use, which is found by an id that nobody guesses; a hook runs on
            // somebody's machine.
            (SpeaksFor::Anybody, None) => match self.kind {
                ChannelKind::Telemetry | ChannelKind::Provider => None,
                ChannelKind::Own | ChannelKind::Prompts | ChannelKind::Hooks => return Err(NotTaken::Whose),
            },
            (SpeaksFor::Subjects(subjects), Some(named)) => {
                Some(subjects.iter().find(|subject| *subject == named).ok_or(NotTaken::Subject)?.clone())
            }
            (SpeaksFor::Subjects(subjects), None) => match subjects.as_slice() {
                [only] => Some(only.clone()),
                _ => return Err(NotTaken::Whose),
            },
        };
        Ok(Subject { issuer: self.issuer.clone(), subject, agent: self.agent.clone() })
    }

    /// Whether it may say this, and it can be kept.
    ///
    /// # Errors
    /// [`NotTaken`] with the reason.
    pub fn accepts(&self, sighting: &Sighting) -> Result<(), NotTaken> {
        sighting::fits(sighting)?;
        self.subject(sighting.subject.as_deref()).map(|_| ())
    }

    const fn room(&self) -> Room {
        match self.kind {
            ChannelKind::Own => ROOM_OF_AN_AGENT,
            ChannelKind::Prompts | ChannelKind::Hooks | ChannelKind::Telemetry | ChannelKind::Provider => {
                ROOM_OF_A_CHANNEL
            }
        }
    }
}

/// The name of every agent's own channel in records; no configured channel may have it.
pub const OWN: &str = "agent";

impl Gateway {
    /// The evidence channel of whoever presents an access token: their own, and no more than a declaration.
    ///
    /// # Errors
    /// [`AskError`] when the token proves nobody, or its holder was revoked.
    pub async fn own_channel(&self, credential: &Credential) -> Result<Channel, AskError> {
        let proven = Principal::prove(self.ports.identities.as_ref(), credential, self.now()).await;
        let principal = proven.map_err(|error| match error {
            NotAccepted::Rejected { .. } | NotAccepted::LacksScope { .. } => {
                AskError::NotAccepted { is_expired: false }
            }
            NotAccepted::Expired => AskError::NotAccepted { is_expired: true },
            NotAccepted::Unavailable(fault) => AskError::Fault(fault),
        })?;
        if self.ports.exchanges.revoked(principal.identity(), None).await?.is_some() {
            return Err(AskError::NotAccepted { is_expired: false });
        }
        Ok(Channel::own(principal.identity()))
    }

    /// The moment, by the gateway's clock.
    pub fn moment(&self) -> Timestamp {
        self.now()
    }

    /// Counts evidence that was turned away, by a word that holds nothing of it.
    pub async fn turn_away(&self, reason: &'static str) {
        let now = self.now();
        if let Err(fault) = self.ports.recorder.count_rejected("evidence", reason, now).await {
            tracing::warn!(fault = &fault as &dyn std::error::Error, "a rejection could not be counted");
        }
    }

    /// Takes in what a channel saw, and appends it to whatever was asked before it came.
    ///
    /// # Errors
    /// [`WitnessError`]: nothing is kept of what cannot be taken; after a fault the same may be sent again without harm.
    pub async fn witness(&self, channel: &Channel, sightings: Vec<Sighting>) -> Result<(), WitnessError> {
        let mut sightings = sightings;
        sightings.retain(|sighting| channel.is_of_ours(sighting));
        if sightings.is_empty() {
            return Ok(());
        }
        let key = self.ports.keys.digest().await?;
        let (now, teller) = (self.now(), channel.clone());
        let stored = off_the_loop(move || {
            sightings.iter().map(|sighting| sighting::store(&key, &teller, sighting, now)).collect()
        });
        let stored: Result<Vec<StoredSighting>, WitnessError> = stored.await?;
        let mut stored = stored?;
        let unmet = self.ports.evidence.keep(&stored, channel.room()).await?;
        // What has met its exchanges before is known to them: however often it is told, it costs no more than its row.
        let mut unmet: BTreeSet<[u8; 32]> = unmet.into_iter().collect();
        stored.retain(|sighting| unmet.remove(&sighting.id));
        // What tells of tool uses first: it is what may contradict.
        stored.sort_by_key(|sighting| sighting.keyed.tool_use.is_none());
        // One exchange that cannot be appended to must not keep the others from it.
        let (mut failed, mut known, mut looked) = (None, BTreeSet::new(), Looked::default());
        for some in stored.chunks(AT_ONCE) {
            let (new, ties) = looked.new_of(some);
            let mut awaiting = match new.as_slice() {
                [] => Vec::new(),
                new => self.ports.evidence.awaiting(new).await?,
            };
            let are_any = if awaiting.is_empty() {
                looked.found_nothing_new(ties)
            } else {
                looked.found(ties);
                true
            };
            awaiting.retain(|expecting| known.insert((expecting.key.exchange.to_string(), expecting.at)));
            for some in awaiting.chunks(APPENDED_AT_ONCE) {
                let appending: Vec<_> =
                    some.iter().map(|expecting| self.append(expecting, Beside::default())).collect();
                for (expecting, appended) in some.iter().zip(join_all(appending).await) {
                    let Err(fault) = appended else { continue };
                    tracing::warn!(
                        fault = &fault as &dyn std::error::Error,
                        exchange = %expecting.key.exchange,
                        "evidence could not be appended"
                    );
                    failed = Some(fault);
                }
            }
            // Afterwards, so that what is sent again after a fault finishes it.
            if are_any && failed.is_none() {
                let ids: Vec<[u8; 32]> = some.iter().map(|sighting| sighting.id).collect();
                self.ports.evidence.met(&ids).await?;
            }
        }
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(speaks_for: SpeaksFor) -> Channel {
        Channel {
            name: "a".into(),
            kind: ChannelKind::Hooks,
            speaks_for,
            issuer: None,
            agent: None,
            credential: None,
            tools: Vec::new(),
        }
    }

    #[test]
    fn a_channel_speaks_for_whom_it_may_and_says_for_whom() {
        let of =
            |names: &[&str]| channel(SpeaksFor::Subjects(names.iter().map(|n| (*n).to_owned()).collect()));
        let subject = |channel: &Channel, named| channel.subject(named).map(|subject| subject.subject);
        assert_eq!(subject(&of(&["ana"]), None), Ok(Some("ana".to_owned())));
        assert_eq!(subject(&of(&["ana"]), Some("ana")), Ok(Some("ana".to_owned())));
        assert_eq!(subject(&of(&["ana"]), Some("ben")), Err(NotTaken::Subject));
        assert_eq!(subject(&of(&["ana", "ben"]), Some("ben")), Ok(Some("ben".to_owned())));
        assert_eq!(subject(&of(&["ana", "ben"]), None), Err(NotTaken::Whose));
        assert_eq!(subject(&of(&[]), None), Err(NotTaken::Whose));
        let export = Channel { kind: ChannelKind::Provider, ..channel(SpeaksFor::Anybody) };
        assert_eq!(subject(&export, None), Ok(None));
        assert_eq!(subject(&channel(SpeaksFor::Anybody), None), Err(NotTaken::Whose));
        assert_eq!(subject(&channel(SpeaksFor::Anybody), Some("ben")), Ok(Some("ben".to_owned())));
    }

    #[test]
    fn a_sighting_is_not_printed() {
        let sighting = Sighting { prompt: Some("hunter2".into()), ..Sighting::default() };
        assert_eq!(format!("{sighting:?}"), "Sighting(…)");
    }
}
