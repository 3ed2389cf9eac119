//! What of evidence lies where, and how its items are read.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{ChannelKind, Timestamp};
use gateway::ports::{Expecting, Keyed, StoredSighting, Subject};
use gateway::{EVIDENCE_LIFE, Fault, NAMED_LIFE, Origin};
use recording::{RecordKey, digest_of};

use crate::table::{About, Item, Key, integer, number, string, text};

pub(super) const EVIDENCE: About =
    About { origin: Origin::Exchanges, public: "evidence that was kept cannot be read or written" };

/// What sightings and calls are joined by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Clue {
    /// What a call is known by.
    ToolUse,
    /// The trace that a call belongs to.
    Trace,
    /// A word that its client sends with both.
    Word,
    /// What was run: the same text may be another call's.
    Statement,
    /// What joins sightings of one channel.
    Prompt,
}

impl Clue {
    /// Its word in keys of items, which stay where they are.
    const fn as_str(self) -> &'static str {
        match self {
            Self::ToolUse => "tool_use",
            Self::Trace => "trace",
            Self::Word => "word",
            Self::Statement => "statement",
            Self::Prompt => "prompt",
        }
    }
}

/// How far apart the same text may have been seen and asked to be taken for the same, in microseconds: as over a folder.
const TOGETHER_US: i64 = 120_000_000;

/// The words of something, each with its kind.
pub(super) fn clues<'a>(
    keyed: &'a Keyed,
    prompt_id: Option<&'a str>,
) -> impl Iterator<Item = (Clue, &'a str)> + use<'a> {
    let Keyed { tool_use, trace, word, statement } = keyed;
    let words = [
        (Clue::ToolUse, tool_use.as_deref()),
        (Clue::Trace, trace.as_deref()),
        (Clue::Word, word.as_deref()),
        (Clue::Statement, statement.as_deref()),
        (Clue::Prompt, prompt_id),
    ];
    words.into_iter().filter_map(|(kind, word)| Some((kind, word?)))
}

/// The partition of what points to sightings that speak for this subject, or for nobody in particular, by one of their words.
// SECURITY: by whom they speak for, so that no number of others' stands before somebody's.
pub(super) fn clue(kind: Clue, whose: Option<&str>, word: &str) -> String {
    format!("clue#{}#{}#{word}", kind.as_str(), of_whom(whose))
}

/// The same for the tool uses and the prompt of one prompt's id, which is known within its channel.
pub(super) fn clue_of_prompt(channel: &str, whose: Option<&str>, prompt_id: &str) -> String {
    clue(Clue::Prompt, whose, &format!("{channel}#{prompt_id}"))
}

/// The partition of the notes of exchanges with this word: a tool use's are everybody's, for a sighting that names nobody meets them,
/// and they tell who has named it; all others are by their subject.
pub(super) fn waits(kind: Clue, whose: Option<&str>, word: &str) -> String {
    if kind == Clue::ToolUse {
        format!("clue#{}#{word}", kind.as_str())
    } else {
        format!("clue#waits-{}#{}#{word}", kind.as_str(), of_whom(whose))
    }
}

fn of_whom(whose: Option<&str>) -> String {
    whose.map_or_else(|| "nobody".to_owned(), |whose| digest_of(whose.as_bytes()).to_string())
}

/// The moments under which what is told again is found are whole hours, so that telling it often leaves a few pointers.
const STEP_US: i64 = 60 * 60 * 1_000_000;

/// The moment under which a sighting is found.
pub(super) fn moment(sighting: &StoredSighting) -> i64 {
    let at = sighting.at.as_micros();
    if is_told_again(&sighting.keyed) { at - at.rem_euclid(STEP_US) } else { at }
}

/// Whether a sighting that comes again is found for longer: see [`gateway::ports::Evidence::keep`].
pub(super) fn is_told_again(keyed: &Keyed) -> bool {
    keyed.tool_use.is_none() && keyed.statement.is_none()
}

/// From which moment on pointers with a word of that kind are looked through, for sightings since then.
pub(super) fn pointers_since(kind: Clue, since: i64) -> i64 {
    if matches!(kind, Clue::ToolUse | Clue::Statement) { since } else { since - since.rem_euclid(STEP_US) }
}

/// The ranks under which a word of that kind is found, each of them looked through on its own, so that no agent's own words
/// push out what others say, and no tool uses and statements the prompt: what others say before what agents say of themselves, and of
/// each what tells a prompt first.
pub(super) fn ranks(kind: Clue, is_named: bool) -> &'static [u8] {
    match (kind, is_named) {
        // No agent speaks for nobody.
        (Clue::ToolUse | Clue::Prompt, false) => &[0, 1],
        // Of the same text the newest counts, whatever it tells.
        (Clue::Statement, _) => &[0, 2],
        (Clue::ToolUse | Clue::Prompt, true) | (Clue::Trace | Clue::Word, _) => &[0, 1, 2, 3],
    }
}

/// The rank that a sighting is found under by a word of that kind.
pub(super) fn rank(kind: Clue, sighting: &StoredSighting) -> u8 {
    let of_itself = if sighting.kind == ChannelKind::Own { 2 } else { 0 };
    of_itself + u8::from(kind != Clue::Statement && sighting.text.is_none())
}

/// Whether what has this rank may contradict what is found: a prompt, and whatever tells of the same tool use.
pub(super) fn may_contradict(kind: Clue, rank: u8) -> bool {
    kind == Clue::ToolUse || (kind != Clue::Statement && rank.is_multiple_of(2))
}

/// From when on something with a word of that kind may belong to what is told or asked at that moment, microseconds.
pub(super) fn since(kind: Clue, at: Timestamp) -> i64 {
    if kind == Clue::Statement { at.as_micros().saturating_sub(TOGETHER_US).max(0) } else { oldest(at) }
}

/// From when on evidence is not forgotten yet at that moment, microseconds.
pub(super) fn oldest(at: Timestamp) -> i64 {
    let life = i64::try_from(EVIDENCE_LIFE.as_micros()).unwrap_or(i64::MAX);
    at.as_micros().saturating_sub(life).max(0)
}

/// The table's TTL of what came then: whatever still counts is there.
pub(super) fn forget_at(at: Timestamp) -> i64 {
    at.after(EVIDENCE_LIFE * 2).as_secs()
}

/// The same of a note of an exchange: who has named a tool use is known for longer.
pub(super) fn forget_note_at(expecting: &Expecting) -> i64 {
    let life = if expecting.keyed.tool_use.is_some() { NAMED_LIFE } else { EVIDENCE_LIFE };
    expecting.at.after(life + EVIDENCE_LIFE).as_secs()
}

pub(super) fn sighting_key(id: &[u8; 32]) -> Key {
    Key::new(format!("sighting#{}", hex(id)), "it")
}

pub(super) fn number_key(channel: &str, nr: i64) -> Key {
    Key::new(channel, format!("nr#{nr:012}"))
}

/// The partition of the leases of a tool use.
pub(super) fn leases(tool_use: &str) -> String {
    format!("lease#{tool_use}")
}

pub(super) fn lease_key(tool_use: &str, whose: &Subject) -> Result<Key, Fault> {
    let Subject { issuer, subject, agent } = whose;
    let whose = serde_json::to_vec(&(issuer, subject, agent));
    let whose = whose.map_err(|error| EVIDENCE.damaged().because(error))?;
    Ok(Key::new(leases(tool_use), digest_of(&whose).to_string()))
}

/// The partition of the notes of an exchange.
pub(super) fn notes(exchange: &RecordKey) -> String {
    format!("expects#{}", exchange.exchange)
}

/// The partition of what tells that hooks name the tool uses of exactly this subject.
pub(super) fn uses(subject: &str, issuer: Option<&String>, agent: Option<&String>) -> Result<String, Fault> {
    let whose = serde_json::to_vec(&(subject, issuer, agent));
    let whose = whose.map_err(|error| EVIDENCE.damaged().because(error))?;
    Ok(format!("uses#{}", digest_of(&whose)))
}

pub(super) fn attribute(name: &str, value: &str) -> (String, AttributeValue) {
    (name.to_owned(), text(value))
}

/// Whose something is, its words, and when it came.
pub(super) fn beside(subject: &Subject, keyed: &Keyed, at: Timestamp) -> Item {
    let Subject { issuer, subject, agent } = subject;
    let whose = [("issuer", issuer), ("subject", subject), ("agent", agent)];
    let whose = whose.into_iter().filter_map(|(name, value)| Some(attribute(name, value.as_deref()?)));
    let words = clues(keyed, None).map(|(kind, word)| attribute(&format!("of_{}", kind.as_str()), word));
    whose.chain(words).chain([("at_us".to_owned(), number(at.as_micros()))]).collect()
}

/// What ties it to others of its channel, and tells its prompt from theirs.
pub(super) fn prompt_of(sighting: &StoredSighting) -> impl Iterator<Item = (String, AttributeValue)> {
    let words = [("prompt_id", &sighting.prompt_id), ("text", &sighting.text)];
    words.into_iter().filter_map(|(name, word)| Some(attribute(name, word.as_deref()?)))
}

pub(super) fn optional(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

pub(super) fn subject_of(item: &Item) -> Subject {
    Subject {
        issuer: optional(item, "issuer"),
        subject: optional(item, "subject"),
        agent: optional(item, "agent"),
    }
}

pub(super) fn keyed_of(item: &Item) -> Keyed {
    Keyed {
        tool_use: optional(item, "of_tool_use"),
        trace: optional(item, "of_trace"),
        word: optional(item, "of_word"),
        statement: optional(item, "of_statement"),
    }
}

pub(super) fn at_of(item: &Item) -> Result<Timestamp, Fault> {
    integer(item, "at_us", EVIDENCE).map(Timestamp::from_micros)
}

pub(super) fn kind_of(item: &Item) -> Result<ChannelKind, Fault> {
    ChannelKind::from_word(&string(item, "kind", EVIDENCE)?).ok_or_else(|| EVIDENCE.damaged())
}

/// What tells of an exchange, wherever it lies.
pub(super) fn told(expecting: &Expecting) -> Item {
    let Expecting { key, subject, keyed, said, is_refused, at } = expecting;
    let mut item = beside(subject, keyed, *at);
    item.extend([attribute("exchange", &key.exchange.to_string()), attribute("day", &key.day)]);
    item.extend(said.as_ref().map(|said| attribute("said", said)));
    item.insert("is_refused".to_owned(), AttributeValue::Bool(*is_refused));
    item.insert("forget_at".to_owned(), number(forget_note_at(expecting)));
    item
}

pub(super) fn expecting_of(item: &Item) -> Result<Expecting, Fault> {
    let exchange = string(item, "exchange", EVIDENCE)?.parse().map_err(|_| EVIDENCE.damaged())?;
    Ok(Expecting {
        key: RecordKey::new(string(item, "day", EVIDENCE)?, exchange),
        subject: subject_of(item),
        keyed: keyed_of(item),
        said: optional(item, "said"),
        is_refused: matches!(item.get("is_refused"), Some(AttributeValue::Bool(true))),
        at: at_of(item)?,
    })
}

/// Whether a sighting of whom may be this subject's: what it leaves open may be anybody's.
pub(super) fn may_be(whose: &Subject, subject: &Subject) -> bool {
    let meets = |one: &Option<String>, other: &Option<String>| one.is_none() || one == other;
    meets(&whose.issuer, &subject.issuer)
        && meets(&whose.subject, &subject.subject)
        && meets(&whose.agent, &subject.agent)
}

pub(super) fn hex(id: &[u8; 32]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).ok());
    let bytes: Option<Vec<u8>> =
        digits.map(|two| two.and_then(|two| u8::from_str_radix(two, 16).ok())).collect();
    bytes?.try_into().ok()
}
