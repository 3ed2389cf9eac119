//! How sightings and exchanges find each other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use futures::future::{try_join, try_join_all};
use gateway::Fault;
use gateway::ports::{Expecting, FOUND, Keyed, Named, Share, StoredSighting, Subject};

use super::Evidence;
use super::items::{
    Clue, EVIDENCE, at_of, clue, clue_of_prompt, clues, expecting_of, hex, keyed_of, kind_of, may_be,
    may_contradict, oldest, optional, pointers_since, ranks, since, subject_of, unhex, waits,
};
use crate::table::{Item, Key, Order, blob, integer, string};

/// Exchanges that the same text may find, which is a guess.
const FOUND_BY_TEXT: usize = 64;

/// Sightings that one word may find of one channel.
const SEEN: usize = 32;

/// The same of an agent's own token: what it says leaves room for what others say.
const SEEN_OF_ITSELF: usize = 8;

/// Pointers of each rank that one word may find of all channels; where there are more that may contradict, all are crowded.
const MOST_SEEN: usize = 256;

/// Prompts of one channel that what one word finds may be tied to.
const PROMPTS: usize = 4;

/// Sightings of one such prompt: several prompts may share a trace.
const LINKED: usize = 64;

/// Items of a partition that are read at once.
const LOOKED_AT: usize = 100;

/// Words that a prompt's tool uses may give to find exchanges by at most: those of its first.
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

/// The sightings that an answer holds, by what points to them.
#[derive(Default)]
struct Taken {
    keys: Vec<Key>,
    known: BTreeSet<String>,
    share: Share,
    /// Those whose channel has told more than is held.
    crowded: BTreeSet<String>,
}

/// What points to sightings by one word.
struct Saw {
    items: Vec<Item>,
    /// Whether there are more that may contradict.
    is_cut: bool,
}

/// What of those that are left out is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeftOut {
    /// Each of them: they tell of one call.
    All,
    /// The first of each prompt, told or pointed to.
    Prompts,
    /// The first of each prompt that is told.
    Told,
    /// None: by the text alone a call is a guess in any case.
    None,
}

impl Taken {
    /// Takes of each channel so many, and fewer of an agent's own; those that it has not had before: first each prompt that is told,
    /// then what leads to others. And the channels of which something is left out that must be told.
    fn take<'a>(
        &mut self,
        saw: &'a [Item],
        (most, of_itself): (usize, usize),
        left_out: LeftOut,
    ) -> Result<(Vec<&'a Item>, BTreeSet<String>), Fault> {
        let (mut places, mut ids, mut firsts) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for item in saw {
            let (id, channel) = (string(item, "id", EVIDENCE)?, string(item, "channel", EVIDENCE)?);
            // One that was told again is pointed to from several moments.
            if self.known.contains(&id) || !ids.insert(id.clone()) {
                continue;
            }
            let (text, prompt) = (optional(item, "text"), optional(item, "prompt_id"));
            let (is_told, is_pointed_to) = (text.is_some(), prompt.is_some());
            let may_be_first = match left_out {
                LeftOut::All | LeftOut::Prompts => is_told || is_pointed_to,
                LeftOut::Told => is_told,
                LeftOut::None => false,
            };
            let is_first = may_be_first && firsts.insert((channel.clone(), text, prompt));
            places.push((!(is_first && is_told), !is_first, id, channel, item));
        }
        places.sort_by_key(|(is_not_told, is_not_first, ..)| (*is_not_told, *is_not_first));
        let (mut taken, mut crowded) = (Vec::new(), BTreeSet::new());
        let mut of_channel = BTreeMap::<String, usize>::new();
        for (_, is_not_first, id, channel, item) in places {
            let most = if kind_of(item)? == ChannelKind::Own { of_itself } else { most };
            let count = of_channel.entry(channel.clone()).or_default();
            let size = u64::try_from(integer(item, "size", EVIDENCE)?).unwrap_or(u64::MAX);
            if *count >= most || !self.share.takes(&channel, size) {
                if !is_not_first || left_out == LeftOut::All {
                    crowded.insert(channel);
                }
                continue;
            }
            *count = count.saturating_add(1);
            self.keys.push(Key::new(format!("sighting#{id}"), "it"));
            self.known.insert(id);
            taken.push(item);
        }
        Ok((taken, crowded))
    }
}

/// The greatest key below this one, as far as keys of ours go: none has a character beyond `~` in it.
fn below(key: &str) -> String {
    let mut bytes = key.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = last.saturating_sub(1);
    }
    String::from_utf8(bytes).map(|key| format!("{key}~")).unwrap_or_default()
}

/// What it comes to for one that another has named a tool use.
pub(super) fn as_named(other: &Subject, subject: &Subject) -> Named {
    let is_same_subject = (&other.issuer, &other.subject) == (&subject.issuer, &subject.subject);
    let is_same = is_same_subject && other.agent == subject.agent;
    Named { by_itself: is_same, by_another_agent: is_same_subject && !is_same, by_another: !is_same_subject }
}

impl Evidence {
    /// The exchanges that sightings may belong to: by their own words, each looked for once, and by those of their channel's
    /// and subject's with the same prompt's id.
    pub(super) async fn expecting_any(&self, sightings: &[StoredSighting]) -> Result<Vec<Expecting>, Fault> {
        let mut exchanges = Exchanges::default();
        let mut asked: BTreeSet<(Clue, &str, [Option<&String>; 3])> = BTreeSet::new();
        let mut prompts: BTreeSet<(&str, &str, [Option<&String>; 3])> = BTreeSet::new();
        for sighting in sightings {
            let StoredSighting { channel, subject, keyed, prompt_id, at, .. } = sighting;
            let whose = [subject.issuer.as_ref(), subject.subject.as_ref(), subject.agent.as_ref()];
            for (kind, word) in clues(keyed, None) {
                // What names nobody meets by the tool use alone.
                if (subject.subject.is_none() && kind != Clue::ToolUse) || !asked.insert((kind, word, whose))
                {
                    continue;
                }
                exchanges.add(self.waiting(kind, word, subject, *at).await?);
            }
            let prompt = prompt_id.as_deref().filter(|_| !sighting.tells_a_use_alone());
            let Some(prompt) = prompt.filter(|prompt| prompts.insert((channel, prompt, whose))) else {
                continue;
            };
            for (kind, word) in self.of_prompt(channel, prompt, subject, *at).await? {
                exchanges.add(self.waiting(kind, &word, subject, *at).await?);
            }
        }
        Ok(exchanges.found)
    }

    /// The words by which others of a prompt's channel and subject are tied to exchanges. The sure ties alone: what a statement's text
    /// may tie is found by its own sighting.
    async fn of_prompt(
        &self,
        channel: &str,
        prompt: &str,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<BTreeSet<(Clue, String)>, Fault> {
        let mut words = BTreeSet::new();
        let whose = subject.subject.as_deref();
        let pk = clue_of_prompt(channel, whose, prompt);
        let is_his = |item: &Item| subject_of(item) == *subject;
        let most = (Order::Forward, (WORDS_OF_A_PROMPT, WORDS_OF_A_PROMPT));
        for item in &self.saw((Clue::Prompt, &pk), whose.is_some(), oldest(at), most, is_his).await?.items {
            for (kind, word) in clues(&keyed_of(item), None) {
                let is_sure = kind != Clue::Statement && (whose.is_some() || kind == Clue::ToolUse);
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
        kind: Clue,
        word: &str,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<Vec<Expecting>, Fault> {
        // A tool use is one call, and that is the first that named it and was not refused.
        let (order, most) = match kind {
            Clue::Statement => (Order::Backward, FOUND_BY_TEXT),
            Clue::ToolUse | Clue::Trace | Clue::Word | Clue::Prompt => (Order::Forward, FOUND),
        };
        let (pk, mut found) = (waits(kind, subject.subject.as_deref(), word), Vec::new());
        for which in [WAITS, REFUSED] {
            if found.len() >= most && kind != Clue::Statement {
                break;
            }
            let range = (format!("{which}{:020}", since(kind, at)), format!("{which}~"));
            let is_meant = |item: &Item| may_be(subject, &subject_of(item));
            for item in &self.those(&pk, range, order, most, is_meant).await? {
                found.push(expecting_of(item)?);
            }
        }
        if kind == Clue::Statement {
            found.sort_by_key(|expecting| Reverse(expecting.at));
        }
        found.truncate(most);
        Ok(found)
    }

    /// See [`gateway::ports::Expected::is_beyond`].
    pub(super) async fn is_beyond(&self, expecting: &Expecting) -> Result<bool, Fault> {
        let Expecting { subject, keyed: Keyed { trace, word, .. }, at, .. } = expecting;
        for (kind, word) in [(Clue::Trace, trace), (Clue::Word, word)] {
            let Some(word) = word else { continue };
            let pk = waits(kind, subject.subject.as_deref(), word);
            let range = (
                format!("{WAITS}{:020}", since(kind, *at)),
                format!("{WAITS}{:020}", at.as_micros().saturating_add(1)),
            );
            let before = self.those(&pk, range, Order::Forward, FOUND.saturating_add(1), |_| true).await?;
            if before.len() > FOUND {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of a range of a partition so many that are meant, however many others are among them.
    async fn those(
        &self,
        pk: &str,
        (from, to): (String, String),
        order: Order,
        most: usize,
        is_meant: impl Fn(&Item) -> bool,
    ) -> Result<Vec<Item>, Fault> {
        let (mut from, mut to, mut found) = (from, to, Vec::new());
        loop {
            let some = self.table.between(pk, (&from, &to), order, Some(LOOKED_AT), EVIDENCE).await?;
            let last = some.last().filter(|_| some.len() >= LOOKED_AT);
            let last = last.map(|last| string(last, "sk", EVIDENCE)).transpose()?;
            found.extend(some.into_iter().filter(&is_meant));
            if found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
            let Some(last) = last else { return Ok(found) };
            match order {
                Order::Forward => from = format!("{last}!"),
                // Of all keys below this one none lies between them.
                Order::Backward => to = below(&last),
            }
        }
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
        let pk = waits(Clue::ToolUse, None, tool_use);
        let (mut from, mut named) = (WAITS.to_owned(), Named::default());
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

    /// What points to sightings from then on in a partition, as far as it is meant: the ranks in their order, of each so many in that
    /// order; of what tells prompts, and of what tells none.
    async fn saw(
        &self,
        (kind, pk): (Clue, &str),
        is_named: bool,
        since: i64,
        (order, most): (Order, (usize, usize)),
        is_meant: impl Fn(&Item) -> bool,
    ) -> Result<Saw, Fault> {
        let (is_meant, from) = (&is_meant, pointers_since(kind, since));
        let each = ranks(kind, is_named).iter().map(async |rank| {
            let range = (format!("saw#{rank}#{from:020}"), format!("saw#{rank}#~"));
            let most = if rank.is_multiple_of(2) { most.0 } else { most.1 };
            let found = self.those(pk, range, order, most, is_meant).await?;
            let is_cut = found.len() >= most && may_contradict(kind, *rank);
            Ok::<_, Fault>((found, is_cut))
        });
        let found = try_join_all(each).await?;
        let is_cut = found.iter().any(|(_, is_cut)| *is_cut);
        Ok(Saw { items: found.into_iter().flat_map(|(items, _)| items).collect(), is_cut })
    }

    /// The sightings that belong to a call, see [`gateway::ports::Evidence::about`].
    // SECURITY: no answer holds what is another subject's.
    pub(super) async fn about_call(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault> {
        let mut all = Taken::default();
        let mut asked: BTreeSet<String> = BTreeSet::new();
        let whose = subject.subject.as_deref();
        for (kind, word) in clues(keyed, None) {
            let (since, is_meant) = (since(kind, now), |item: &Item| may_be(&subject_of(item), subject));
            let of = async |whose: Option<&str>| {
                let pk = clue(kind, whose, word);
                self.saw(
                    (kind, &pk),
                    whose.is_some(),
                    since,
                    (Order::Backward, (MOST_SEEN, MOST_SEEN)),
                    is_meant,
                )
                .await
            };
            let Saw { items: mut saw, is_cut } = match kind {
                // What names nobody meets by the tool use alone.
                Clue::ToolUse => {
                    let (his, nobodys) = try_join(of(whose), of(None)).await?;
                    let items = his.items.into_iter().chain(nobodys.items).collect();
                    Saw { items, is_cut: his.is_cut || nobodys.is_cut }
                }
                Clue::Trace | Clue::Word | Clue::Statement | Clue::Prompt => of(whose).await?,
            };
            if kind == Clue::Statement {
                saw.sort_by_key(|item| Reverse(integer(item, "at_us", EVIDENCE).unwrap_or_default()));
            }
            let left_out = match kind {
                Clue::ToolUse => LeftOut::All,
                Clue::Statement => LeftOut::None,
                Clue::Trace | Clue::Word | Clue::Prompt => LeftOut::Prompts,
            };
            let (direct, mut crowded) = all.take(&saw, (SEEN, SEEN_OF_ITSELF), left_out)?;
            if is_cut {
                // Whose the others are is not looked at.
                for item in &direct {
                    crowded.insert(string(item, "channel", EVIDENCE)?);
                }
            }
            // Their prompts before what shares a weaker clue: that must not take their room.
            let mut of_channel: BTreeMap<String, usize> = BTreeMap::new();
            for item in &direct {
                let Some(prompt_id) = optional(item, "prompt_id") else { continue };
                let (channel, of) = (string(item, "channel", EVIDENCE)?, subject_of(item));
                let pk = clue_of_prompt(&channel, of.subject.as_deref(), &prompt_id);
                if !asked.insert(pk.clone()) {
                    continue;
                }
                let count = of_channel.entry(channel.clone()).or_default();
                if *count >= PROMPTS {
                    crowded.insert(channel);
                    continue;
                }
                *count = count.saturating_add(1);
                let is_exactly = |item: &Item| subject_of(item) == of;
                let is_named = of.subject.is_some();
                let most = (Order::Backward, (MOST_SEEN, LINKED));
                let linked = self.saw((Clue::Prompt, &pk), is_named, oldest(now), most, is_exactly).await?;
                let (_, more) = all.take(&linked.items, (LINKED, LINKED), LeftOut::Told)?;
                if linked.is_cut || !more.is_empty() {
                    crowded.insert(channel);
                }
            }
            if left_out != LeftOut::None {
                for item in &direct {
                    if crowded.contains(&string(item, "channel", EVIDENCE)?) {
                        all.crowded.insert(string(item, "id", EVIDENCE)?);
                    }
                }
            }
        }
        let Taken { keys, crowded, .. } = all;
        let mut items = self.table.get_all(&keys, EVIDENCE).await?;
        let mut found = Vec::new();
        for item in keys.iter().filter_map(|key| items.remove(key)) {
            // Pointers tell the hour.
            if at_of(&item)?.as_micros() >= oldest(now) {
                let sighting = self.sighting_of(&item).await?;
                let is_crowded = crowded.contains(&hex(&sighting.id));
                found.push(StoredSighting { is_crowded, ..sighting });
            }
        }
        Ok(found)
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
            text: optional(item, "text"),
            at: at_of(item)?,
            object,
            is_crowded: false,
        })
    }
}
