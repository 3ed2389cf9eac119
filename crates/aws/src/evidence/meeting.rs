//! How sightings and exchanges find each other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use futures::future::try_join_all;
use gateway::Fault;
use gateway::ports::{Expecting, StoredSighting, Subject};

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

/// Exchanges that one export may be appended to at most, and words that a prompt's tool uses may give to find them by.
const MOST_EXPECTING: usize = 256;

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

    fn is_full(&self) -> bool {
        self.found.len() >= MOST_EXPECTING
    }
}

impl Evidence {
    /// The exchanges that sightings may belong to: by their own words, each looked for once, and by those of their channel's
    /// with the same prompt's id.
    pub(super) async fn expecting(&self, sightings: &[StoredSighting]) -> Result<Vec<Expecting>, Fault> {
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
                if exchanges.is_full() {
                    return Ok(exchanges.found);
                }
            }
            // What names a tool use is no prompt of others.
            let prompt = prompt_id.as_deref().filter(|_| keyed.tool_use.is_none());
            let Some(prompt) = prompt.filter(|prompt| prompts.insert((channel, prompt))) else { continue };
            for (kind, word) in self.of_prompt(channel, prompt, subject, *at).await? {
                exchanges.add(self.waiting(kind, &word, subject, *at).await?);
                if exchanges.is_full() {
                    return Ok(exchanges.found);
                }
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
                if is_sure && words.len() < MOST_EXPECTING {
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
        // A tool use is one call, and that is the first that named it.
        let order = if kind == TOOL_USE { Order::Forward } else { Order::Backward };
        let mut found = Vec::new();
        for item in &self.waits(kind, word, since(kind, at), order).await? {
            let expecting = expecting_of(item)?;
            if may_be(subject, &expecting.subject) && found.len() < FOUND {
                found.push(expecting);
            }
        }
        Ok(found)
    }

    /// The exchanges that have named a tool use, the first of them first.
    pub(super) async fn named(&self, tool_use: &str, now: Timestamp) -> Result<Vec<Expecting>, Fault> {
        let waits = self.waits(TOOL_USE, tool_use, oldest(now), Order::Forward).await?;
        waits.iter().take(FOUND).map(expecting_of).collect()
    }

    async fn waits(&self, kind: &str, word: &str, since: i64, order: Order) -> Result<Vec<Item>, Fault> {
        let from = format!("waits#{since:020}");
        self.table.between(&clue(kind, word), (&from, "waits#~"), order, Some(LOOKED_AT), EVIDENCE).await
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
