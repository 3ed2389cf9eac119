//! How sightings and exchanges find each other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use futures::future::try_join_all;
use gateway::Fault;
use gateway::ports::{Expecting, Named, StoredSighting, Subject};

use super::Evidence;
use super::items::{
    EVIDENCE, PROMPT, STATEMENT, TOOL_USE, at_of, clue, clues, expecting_of, hex, keyed_of, kind_of, may_be,
    oldest, optional, ranks, since, subject_of, unhex,
};
use crate::table::{Item, Key, Order, blob, string};

/// Answers that one word may find of one channel: a prompt's statements are tens, and whoever repeats one thousands of times is
/// not worth more.
const FOUND: usize = 64;

/// The same of an agent's own token: what it says leaves room for what others say.
const FOUND_OF_ITSELF: usize = 8;

/// Items that one word is looked for in at most, of each rank: those of others are among them.
const LOOKED_AT: usize = 1024;

/// Words that a prompt's tool uses may give to find exchanges by at most.
const WORDS_OF_A_PROMPT: usize = 256;

/// What of a partition of notes is read: what was refused comes apart, so that no number of refusals hides what was not.
const WAITS: &str = "waits#";
const REFUSED: &str = "refused#";

/// The second key of a note by one of its words: in the order of their moments, what was refused apart.
pub(super) fn note_key(expecting: &Expecting, nr: i64) -> String {
    let which = if expecting.is_refused { REFUSED } else { WAITS };
    let Expecting { key, at, .. } = expecting;
    format!("{which}{:020}#{}#{nr:012}", at.as_micros(), key.exchange)
}

/// Exchanges that were found, each once.
#[derive(Default)]
struct Exchanges {
    found: Vec<Expecting>,
    known: BTreeSet<(String, i64)>,
}

impl Exchanges {
    fn add(&mut self, some: Vec<Expecting>) {
        for expecting in some {
            if self.known.insert((expecting.key.exchange.to_string(), expecting.at.as_micros())) {
                self.found.push(expecting);
            }
        }
    }
}

/// What it comes to for one that another has named a tool use.
pub(super) fn as_named(other: &Subject, subject: &Subject) -> Named {
    let is_same_subject = (&other.issuer, &other.subject) == (&subject.issuer, &subject.subject);
    let is_same = is_same_subject && other.agent == subject.agent;
    Named { by_itself: is_same, by_another_agent: is_same_subject && !is_same, by_another: !is_same_subject }
}

impl Evidence {
    /// The exchanges that sightings may belong to: by their own words, each looked for once, and by those of their channel's
    /// with the same prompt's id.
    pub(super) async fn expecting_any(&self, sightings: &[StoredSighting]) -> Result<Vec<Expecting>, Fault> {
        let mut exchanges = Exchanges::default();
        let mut asked: BTreeSet<(&str, &str, [Option<&String>; 3])> = BTreeSet::new();
        let mut prompts: BTreeSet<(&str, &str)> = BTreeSet::new();
        for sighting in sightings {
            let StoredSighting { channel, subject, keyed, prompt_id, at, .. } = sighting;
            let whose = [subject.issuer.as_ref(), subject.subject.as_ref(), subject.agent.as_ref()];
            for (kind, word) in clues(keyed, None) {
                // What names nobody meets by the tool use alone.
                if (subject.subject.is_none() && kind != TOOL_USE) || !asked.insert((kind, word, whose)) {
                    continue;
                }
                exchanges.add(self.waiting(kind, word, subject, *at).await?);
            }
            // What names a tool use is no prompt of others.
            let prompt = prompt_id.as_deref().filter(|_| keyed.tool_use.is_none());
            let Some(prompt) = prompt.filter(|prompt| prompts.insert((channel, prompt))) else { continue };
            for (kind, word) in self.of_prompt(channel, prompt, subject, *at).await? {
                exchanges.add(self.waiting(kind, &word, subject, *at).await?);
            }
        }
        Ok(exchanges.found)
    }

    /// The words by which others of a prompt's channel are tied to exchanges. The sure ties alone: what a statement's text may
    /// tie is found by its own sighting.
    async fn of_prompt(
        &self,
        channel: &str,
        prompt: &str,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<BTreeSet<(&'static str, String)>, Fault> {
        let mut words = BTreeSet::new();
        for item in &self.saw(PROMPT, prompt, oldest(at)).await? {
            if string(item, "channel", EVIDENCE)? != channel {
                continue;
            }
            for (kind, word) in clues(&keyed_of(item), None) {
                let is_sure = kind != STATEMENT && (subject.subject.is_some() || kind == TOOL_USE);
                if is_sure && words.len() < WORDS_OF_A_PROMPT {
                    words.insert((kind, word.to_owned()));
                }
            }
        }
        Ok(words)
    }

    /// The exchanges that expect evidence with this word and may be meant by a sighting that speaks for that subject.
    // SECURITY: no answer holds what is another subject's.
    async fn waiting(
        &self,
        kind: &str,
        word: &str,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<Vec<Expecting>, Fault> {
        // A tool use is one call, and that is the first that named it and was not refused.
        let order = if kind == TOOL_USE { Order::Forward } else { Order::Backward };
        let (pk, mut found) = (clue(kind, word), Vec::new());
        for which in [WAITS, REFUSED] {
            let from = format!("{which}{:020}", since(kind, at));
            let to = format!("{which}~");
            let notes = self.table.between(&pk, (&from, &to), order, Some(LOOKED_AT), EVIDENCE);
            for item in &notes.await? {
                let expecting = expecting_of(item)?;
                if may_be(subject, &expecting.subject) {
                    found.push(expecting);
                }
            }
        }
        if kind != TOOL_USE {
            found.sort_by_key(|expecting| Reverse(expecting.at));
        }
        found.truncate(FOUND);
        Ok(found)
    }

    /// Who has named a tool use by what was not refused, before one of them where that is told.
    pub(super) async fn who_named(
        &self,
        tool_use: &str,
        subject: &Subject,
        before: Option<&Expecting>,
    ) -> Result<Named, Fault> {
        let to = before.map_or_else(
            || format!("{WAITS}~"),
            |before| format!("{WAITS}{:020}#{}", before.at.as_micros(), before.key.exchange),
        );
        let (pk, mut from, mut named) = (clue(TOOL_USE, tool_use), WAITS.to_owned(), Named::default());
        // However many they are: nobody is hidden behind others.
        loop {
            let some =
                self.table.between(&pk, (&from, &to), Order::Forward, Some(LOOKED_AT), EVIDENCE).await?;
            for item in &some {
                let other = expecting_of(item)?;
                if before.is_none_or(|before| before.key != other.key) {
                    named = named.or(as_named(&other.subject, subject));
                }
            }
            let Some(last) = some.last().filter(|_| some.len() >= LOOKED_AT && !named.by_itself) else {
                return Ok(named);
            };
            from = format!("{}!", string(last, "sk", EVIDENCE)?);
        }
    }

    /// What points to sightings with this word from then on: the ranks in their order, of each the newest first.
    async fn saw(&self, kind: &str, word: &str, since: i64) -> Result<Vec<Item>, Fault> {
        let pk = clue(kind, word);
        let each = ranks(kind).iter().map(async |rank| {
            let (from, to) = (format!("saw#{rank}#{since:020}"), format!("saw#{rank}#~"));
            self.table.between(&pk, (&from, &to), Order::Backward, Some(LOOKED_AT), EVIDENCE).await
        });
        Ok(try_join_all(each).await?.into_iter().flatten().collect())
    }

    /// Adds the sightings of this subject's (or anybody's) that have this word, in that channel or any: of each channel the
    /// newest, those without a tool use first, since that is where the prompt itself stands.
    // SECURITY: no answer holds what is another subject's.
    pub(super) async fn meeting(
        &self,
        (kind, word): (&str, &str),
        channel: Option<&str>,
        subject: &Subject,
        now: Timestamp,
        found: &mut Vec<StoredSighting>,
    ) -> Result<(), Fault> {
        let mut saw = Vec::new();
        for item in self.saw(kind, word, since(kind, now)).await? {
            saw.push((at_of(&item)?, item));
        }
        if kind == STATEMENT {
            saw.sort_by_key(|(at, _)| Reverse(*at));
        }
        let mut keys: Vec<Key> = Vec::new();
        let mut of_channel: BTreeMap<String, usize> = BTreeMap::new();
        for (_, item) in &saw {
            let (id, in_channel) = (string(item, "id", EVIDENCE)?, string(item, "channel", EVIDENCE)?);
            if channel.is_some_and(|channel| channel != in_channel) || !may_be(&subject_of(item), subject) {
                continue;
            }
            let key = Key::new(format!("sighting#{id}"), "it");
            // One that was told again is pointed to from several moments.
            if keys.contains(&key) || found.iter().any(|known| hex(&known.id) == id) {
                continue;
            }
            let most = if kind_of(item)? == ChannelKind::Own { FOUND_OF_ITSELF } else { FOUND };
            let counted = of_channel.entry(in_channel).or_default();
            if *counted < most {
                *counted = counted.saturating_add(1);
                keys.push(key);
            }
        }
        let mut items = self.table.get_all(&keys, EVIDENCE).await?;
        let mut some = Vec::new();
        for item in keys.iter().filter_map(|key| items.remove(key)) {
            some.push(self.sighting_of(&item).await?);
        }
        some.sort_by_key(|sighting| Reverse(sighting.at));
        found.extend(some);
        Ok(())
    }

    async fn sighting_of(&self, item: &Item) -> Result<StoredSighting, Fault> {
        let pk = string(item, "pk", EVIDENCE)?;
        let id = pk.strip_prefix("sighting#").and_then(unhex);
        let object = match item.get("object_at") {
            Some(_) => {
                let found = self.overflow.read(&string(item, "object_at", EVIDENCE)?).await?;
                found.ok_or_else(|| EVIDENCE.damaged())?
            }
            None => Bytes::copy_from_slice(blob(item, "object", EVIDENCE)?),
        };
        Ok(StoredSighting {
            id: id.ok_or_else(|| EVIDENCE.damaged())?,
            channel: string(item, "channel", EVIDENCE)?,
            name: string(item, "name", EVIDENCE)?,
            kind: kind_of(item)?,
            subject: subject_of(item),
            keyed: keyed_of(item),
            prompt_id: optional(item, "prompt_id"),
            at: at_of(item)?,
            object,
        })
    }
}
