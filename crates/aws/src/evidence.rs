//! What evidence channels saw, and the exchanges that expect it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnValue;
use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use gateway::ports::{self, Expecting, Keyed, StoredSighting, Subject};
use gateway::{EVIDENCE_LIFE, Fault, Origin};
use recording::RecordKey;

use crate::calls::{Clients, fault};
use crate::objects::{Bucket, Wrote};
use crate::table::{
    About, Item, Key, Only, Order, Table, blob, bytes, integer, number, string, text, writer,
};

/// Answers that one word may find, the newest: a prompt's statements are tens, and whoever repeats one thousands of times is not
/// worth more.
const FOUND: usize = 64;

/// Items that one word is looked for in, the newest: those of others are among them.
const LOOKED_AT: usize = 1024;

/// Bytes of a sealed object that lie in its item; what is longer lies in the bucket.
const IN_TABLE: usize = 300 * 1024;

const EVIDENCE: About =
    About { origin: Origin::Exchanges, public: "evidence that was kept cannot be read or written" };

/// Evidence in a table, forgotten after a day.
///
/// | `pk` | `sk` | holds |
/// | --- | --- | --- |
/// | `sighting#ID` | `it` | a sighting; its `object`, or where in the bucket that lies (`object_at`) |
/// | `clue#KIND#WORD` | `saw#AT#ID` | of whom a sighting with this word speaks, its channel, and its other words |
/// | `clue#KIND#WORD` | `waits#AT#EXCHANGE` | an exchange that expects evidence with this word |
/// | `channel#NAME` | `count`; `nr#NUMBER` | how many it has said; which sighting was which |
///
/// A sighting's own item is written last: what points to it and does not find it points to nothing. So each is kept whole or
/// not at all; of several that come together, a failure leaves the first ones, which are found when all are said again.
#[derive(Clone, Debug)]
pub struct Evidence {
    table: Table,
    overflow: Bucket,
}

impl Evidence {
    /// Evidence in that table; long texts, sealed, in that bucket (`sightings/…`, to be expired by it).
    pub fn new(clients: &Clients, table: impl Into<String>, pages: impl Into<String>) -> Self {
        Self { table: Table::new(clients, table), overflow: Bucket::of_pages(clients, pages) }
    }

    async fn insert(&self, sighting: &StoredSighting, most: u32) -> Result<(), Fault> {
        let key = sighting_key(&sighting.id);
        if self.table.get(&key, EVIDENCE).await?.is_some() {
            return Ok(());
        }
        let (id, forget_at) = (hex(&sighting.id), sighting.at.after(EVIDENCE_LIFE * 2).as_secs());
        let channel = format!("channel#{}", sighting.channel);
        let nr = self.count(&channel, forget_at).await?;
        let mut numbered = Key::new(&channel, number_key(nr)).item();
        numbered.extend([attribute("id", &id), ("forget_at".to_owned(), number(forget_at))]);
        self.table.put(numbered, Only::IfAbsent, &writer()?, EVIDENCE).await?;
        let pointer = beside(&sighting.subject, &sighting.keyed, sighting.at);
        for (kind, word) in clues(&sighting.keyed, sighting.prompt_id.as_deref()) {
            let sk = format!("saw#{:020}#{id}", sighting.at.as_micros());
            let mut item = Key::new(clue(kind, word), sk).item();
            item.extend(pointer.clone());
            item.extend([attribute("id", &id), attribute("channel", &sighting.channel)]);
            item.insert("forget_at".to_owned(), number(forget_at));
            self.table.put(item, Only::IfAbsent, &writer()?, EVIDENCE).await?;
        }
        let mut item = key.item();
        item.extend(pointer);
        item.extend([attribute("channel", &sighting.channel), attribute("kind", sighting.kind.as_str())]);
        item.extend(sighting.prompt_id.as_ref().map(|prompt_id| attribute("prompt_id", prompt_id)));
        item.insert("forget_at".to_owned(), number(forget_at));
        let writer = writer()?;
        if sighting.object.len() <= IN_TABLE {
            item.insert("object".to_owned(), bytes(sighting.object.clone()));
        } else {
            let at = format!("sightings/{id}/{writer}");
            match self.overflow.write(&at, "application/octet-stream", sighting.object.clone()).await? {
                Wrote::Kept => item.extend([attribute("object_at", &at)]),
                Wrote::Taken => return Err(EVIDENCE.crowded()),
            }
        }
        self.table.put(item, Only::IfAbsent, &writer, EVIDENCE).await?;
        // The channel's oldest goes.
        let oldest = nr.saturating_sub(i64::from(most));
        if let Some(old) = self.table.get(&Key::new(&channel, number_key(oldest)), EVIDENCE).await? {
            let key = Key::new(format!("sighting#{}", string(&old, "id", EVIDENCE)?), "it");
            self.table.remove(&key, EVIDENCE).await?;
            self.table.remove(&Key::new(&channel, number_key(oldest)), EVIDENCE).await?;
        }
        Ok(())
    }

    /// The next number of a channel. One whose answer was lost is left out, which lets one sighting stay for its day.
    async fn count(&self, channel: &str, forget_at: i64) -> Result<i64, Fault> {
        let count = self.table.client().update_item().table_name(self.table.name());
        let count = count
            .key("pk", text(channel))
            .key("sk", text("count"))
            .update_expression("ADD nr :one SET forget_at = :forget")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":forget", number(forget_at))
            .return_values(ReturnValue::UpdatedNew);
        let counted = count.send().await;
        let counted = counted
            .map_err(|error| fault(EVIDENCE.origin, EVIDENCE.public, "dynamodb:UpdateItem", &error))?;
        integer(&counted.attributes.unwrap_or_default(), "nr", EVIDENCE)
    }

    /// The exchanges that a sighting may belong to: by its own words, and by those of its channel's with the same prompt's id.
    async fn expecting(&self, sighting: &StoredSighting) -> Result<Vec<Expecting>, Fault> {
        let mut words: BTreeSet<(&'static str, String)> = BTreeSet::new();
        let mut add = |keyed: &Keyed| {
            words.extend(clues(keyed, None).map(|(kind, word)| (kind, word.to_owned())));
        };
        add(&sighting.keyed);
        if let Some(prompt_id) = &sighting.prompt_id {
            let pk = clue(PROMPT, prompt_id);
            let saw = self.table.query(&pk, "saw#", Order::Backward, Some(LOOKED_AT), EVIDENCE).await?;
            let mut found = 0;
            for item in &saw {
                if string(item, "channel", EVIDENCE)? == sighting.channel && found < FOUND {
                    add(&keyed_of(item));
                    found += 1;
                }
            }
        }
        let mut found: Vec<Expecting> = Vec::new();
        for (kind, word) in &words {
            let pk = clue(kind, word);
            let waits = self.table.query(&pk, "waits#", Order::Backward, Some(LOOKED_AT), EVIDENCE).await?;
            let mut by_this_word = 0;
            for item in &waits {
                let expecting = expecting_of(item)?;
                let is_young = is_young(expecting.at, sighting.at);
                let is_theirs = may_be(&sighting.subject, &expecting.subject);
                if is_young && is_theirs && by_this_word < FOUND {
                    by_this_word += 1;
                    if !found.contains(&expecting) {
                        found.push(expecting);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Adds the sightings of this subject's (or anybody's) that have this word, in that channel or any.
    // SECURITY: no answer holds what is another subject's.
    async fn meeting(
        &self,
        (kind, word): (&str, &str),
        channel: Option<&str>,
        subject: &Subject,
        now: Timestamp,
        found: &mut Vec<StoredSighting>,
    ) -> Result<(), Fault> {
        let pk = clue(kind, word);
        let saw = self.table.query(&pk, "saw#", Order::Backward, Some(LOOKED_AT), EVIDENCE).await?;
        let mut keys = Vec::new();
        for item in &saw {
            let (id, in_channel) = (string(item, "id", EVIDENCE)?, string(item, "channel", EVIDENCE)?);
            let at = Timestamp::from_micros(integer(item, "at_us", EVIDENCE)?);
            let is_known = found.iter().any(|known| hex(&known.id) == id);
            let is_meant = channel.is_none_or(|channel| channel == in_channel) && is_young(at, now);
            if !is_known && is_meant && may_be(&subject_of(item), subject) && keys.len() < FOUND {
                keys.push(Key::new(format!("sighting#{id}"), "it"));
            }
        }
        let mut items = self.table.get_all(&keys, EVIDENCE).await?;
        for item in keys.iter().filter_map(|key| items.remove(key)) {
            found.push(self.sighting_of(&item).await?);
        }
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
        let kind = ChannelKind::from_word(&string(item, "kind", EVIDENCE)?);
        Ok(StoredSighting {
            id: id.ok_or_else(|| EVIDENCE.damaged())?,
            channel: string(item, "channel", EVIDENCE)?,
            kind: kind.ok_or_else(|| EVIDENCE.damaged())?,
            subject: subject_of(item),
            keyed: keyed_of(item),
            prompt_id: optional(item, "prompt_id"),
            at: Timestamp::from_micros(integer(item, "at_us", EVIDENCE)?),
            object,
        })
    }
}

#[async_trait]
impl ports::Evidence for Evidence {
    async fn keep(&self, sightings: Vec<StoredSighting>, most: u32) -> Result<Vec<Expecting>, Fault> {
        for sighting in &sightings {
            self.insert(sighting, most).await?;
        }
        // Whatever has come in one go is joined when all of it is here.
        let mut found: Vec<Expecting> = Vec::new();
        for sighting in &sightings {
            for expecting in self.expecting(sighting).await? {
                if !found.contains(&expecting) {
                    found.push(expecting);
                }
            }
        }
        Ok(found)
    }

    async fn about(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault> {
        let mut found = Vec::new();
        for clue in clues(keyed, None) {
            self.meeting(clue, None, subject, now, &mut found).await?;
        }
        let prompts: BTreeSet<(String, String)> = found
            .iter()
            .filter_map(|sighting| Some((sighting.prompt_id.clone()?, sighting.channel.clone())))
            .collect();
        for (prompt_id, channel) in &prompts {
            self.meeting((PROMPT, prompt_id), Some(channel), subject, now, &mut found).await?;
        }
        Ok(found)
    }

    async fn expect(&self, expecting: &Expecting) -> Result<Vec<StoredSighting>, Fault> {
        let Expecting { key, subject, keyed, at } = expecting;
        let exchange = key.exchange.to_string();
        for (kind, word) in clues(keyed, None) {
            let sk = format!("waits#{:020}#{exchange}", at.as_micros());
            let mut item = Key::new(clue(kind, word), sk).item();
            item.extend(beside(subject, keyed, *at));
            item.extend([attribute("exchange", &exchange), attribute("day", &key.day)]);
            item.insert("forget_at".to_owned(), number(at.after(EVIDENCE_LIFE * 2).as_secs()));
            self.table.put(item, Only::IfAbsent, &writer()?, EVIDENCE).await?;
        }
        self.about(subject, keyed, *at).await
    }
}

/// What joins sightings of one channel.
const PROMPT: &str = "prompt";

/// The words of something, each with its kind.
fn clues<'a>(
    keyed: &'a Keyed,
    prompt_id: Option<&'a str>,
) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
    let Keyed { tool_use, trace, word, statement } = keyed;
    let words = [
        ("tool_use", tool_use.as_deref()),
        ("trace", trace.as_deref()),
        ("word", word.as_deref()),
        ("statement", statement.as_deref()),
        (PROMPT, prompt_id),
    ];
    words.into_iter().filter_map(|(kind, word)| Some((kind, word?)))
}

fn clue(kind: &str, word: &str) -> String {
    format!("clue#{kind}#{word}")
}

fn sighting_key(id: &[u8; 32]) -> Key {
    Key::new(format!("sighting#{}", hex(id)), "it")
}

fn number_key(nr: i64) -> String {
    format!("nr#{nr:012}")
}

fn attribute(name: &str, value: &str) -> (String, aws_sdk_dynamodb::types::AttributeValue) {
    (name.to_owned(), text(value))
}

/// Whose something is, its words, and when it came.
fn beside(subject: &Subject, keyed: &Keyed, at: Timestamp) -> Item {
    let Subject { issuer, subject, agent } = subject;
    let whose = [("issuer", issuer), ("subject", subject), ("agent", agent)];
    let whose = whose.into_iter().filter_map(|(name, value)| Some(attribute(name, value.as_deref()?)));
    let words = clues(keyed, None).map(|(kind, word)| attribute(&format!("of_{kind}"), word));
    whose.chain(words).chain([("at_us".to_owned(), number(at.as_micros()))]).collect()
}

fn optional(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

fn subject_of(item: &Item) -> Subject {
    Subject {
        issuer: optional(item, "issuer"),
        subject: optional(item, "subject"),
        agent: optional(item, "agent"),
    }
}

fn keyed_of(item: &Item) -> Keyed {
    Keyed {
        tool_use: optional(item, "of_tool_use"),
        trace: optional(item, "of_trace"),
        word: optional(item, "of_word"),
        statement: optional(item, "of_statement"),
    }
}

fn expecting_of(item: &Item) -> Result<Expecting, Fault> {
    let exchange = string(item, "exchange", EVIDENCE)?.parse().map_err(|_| EVIDENCE.damaged())?;
    Ok(Expecting {
        key: RecordKey::new(string(item, "day", EVIDENCE)?, exchange),
        subject: subject_of(item),
        keyed: keyed_of(item),
        at: Timestamp::from_micros(integer(item, "at_us", EVIDENCE)?),
    })
}

/// Whether a sighting of whom may be this subject's: what it leaves open may be anybody's.
fn may_be(whose: &Subject, subject: &Subject) -> bool {
    let meets = |one: &Option<String>, other: &Option<String>| one.is_none() || one == other;
    meets(&whose.issuer, &subject.issuer)
        && meets(&whose.subject, &subject.subject)
        && meets(&whose.agent, &subject.agent)
}

fn is_young(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) <= EVIDENCE_LIFE
}

fn hex(id: &[u8; 32]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).ok());
    let bytes: Option<Vec<u8>> =
        digits.map(|two| two.and_then(|two| u8::from_str_radix(two, 16).ok())).collect();
    bytes?.try_into().ok()
}
