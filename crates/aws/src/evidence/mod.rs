//! What evidence channels saw, and the exchanges that expect it.

mod items;
mod meeting;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{ChannelKind, Timestamp};
use futures::future::try_join_all;
use gateway::Fault;
use gateway::ports::{self, Expected, Expecting, Keyed, Named, Room, StoredSighting, Subject};
use recording::RecordKey;

use self::items::{
    Clue, EVIDENCE, at_of, attribute, beside, clue, clue_of_prompt, clues, expecting_of, forget_at, hex,
    is_told_again, lease_key, leases, moment, notes, number_key, oldest, prompt_of, rank, sighting_key,
    subject_of, told, uses, waits,
};
use self::meeting::{as_named, note_key};
use crate::calls::{Clients, fault};
use crate::objects::{Bucket, Wrote};
use crate::table::{
    Item, Key, Only, Order, Put, Table, bytes, integer, number, pause, string, text, update_refused, writer,
};

/// Bytes of a sealed object that lie in its item; what is longer lies in the bucket.
const IN_TABLE: usize = 300 * 1024;

/// Calls that one exchange is asked by at most, while it waits for a person.
const MOST_CALLS: usize = 16;

/// How long a tool use is held for a call that has not released it.
const LEASE: Duration = Duration::from_secs(60);

/// How long a lease that has ended may lie there before the table takes it away.
const TIDY: Duration = Duration::from_secs(3600);

/// Items that room is made of at once.
const AT_ONCE: usize = 16;

/// Whether a sighting is known to every exchange that it belongs to.
const IS_MET: &str = "is_met";

/// How often a note that met another of the same exchange is tried again.
const TURNS: u32 = 32;

/// Evidence in a table, forgotten after some days.
///
/// | `pk` | `sk` | holds |
/// | --- | --- | --- |
/// | `sighting#ID` | `it` | a sighting; its `object`, or where in the bucket that lies (`object_at`) |
/// | `clue#KIND#WHOSE#WORD` | `saw#RANK#AT#ID` | of whom a sighting with this word speaks, its channel, its size, its other words and that of its prompt (`text`); for a prompt's id `CHANNEL#` stands before the word |
/// | `clue#tool_use#WORD`, `clue#waits-KIND#WHOSE#WORD` | `waits#AT#EXCHANGE#NUMBER`, `refused#…` | a note of an exchange that expects evidence with this word, and was not refused or was |
/// | `expects#EXCHANGE` | `nr#NUMBER` | every note of an exchange |
/// | `uses#WHOSE` | `AT` | when hooks told a tool use of exactly this issuer, subject and agent |
/// | `lease#TOOLUSE` | `WHOSE` | whose call holds a tool use (`writer`), and until when (`until_us`) |
/// | `channel#NAME` | `count`; `nr#NUMBER` | how much it has said, ever; which sighting was which, and how much came before it |
///
/// `WHOSE` is the digest of the subject that something speaks for, or `nobody`. What may be told again is pointed to by whole hours.
///
/// A sighting's own item is written last: what points to it and does not find it points to nothing. So each is kept whole or
/// not at all; of several that come together, a failure leaves the first ones, which are found when all are said again. What a
/// channel has is the difference of two sums that only grow, so that nothing that dies between two writes makes it wrong.
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

    /// Keeps one; whether it was told to have met its exchanges, and could be found since.
    async fn insert(&self, sighting: &StoredSighting, room: Room) -> Result<bool, Fault> {
        let key = sighting_key(&sighting.id);
        if let Some(known) = self.table.get(&key, EVIDENCE).await? {
            self.tell_again(&known, sighting).await?;
            let is_met = matches!(known.get(IS_MET), Some(AttributeValue::Bool(true)));
            return Ok(is_met && at_of(&known)?.as_micros() >= oldest(sighting.at));
        }
        let (id, forget_at) = (hex(&sighting.id), forget_at(sighting.at));
        let channel = format!("channel#{}", sighting.channel);
        let size = i64::try_from(sighting.object.len()).unwrap_or(i64::MAX);
        let (nr, said) = self.count(&channel, size).await?;
        let mut numbered = number_key(&channel, nr).item();
        numbered.extend([
            attribute("id", &id),
            ("nr".to_owned(), number(nr)),
            ("before".to_owned(), number(said.saturating_sub(size))),
            ("forget_at".to_owned(), number(forget_at)),
        ]);
        self.table.put(numbered, Only::IfAbsent, &writer()?, EVIDENCE).await?;
        self.point(sighting).await?;
        let mut item = key.item();
        item.extend(beside(&sighting.subject, &sighting.keyed, sighting.at));
        item.extend([
            attribute("channel", &sighting.channel),
            attribute("name", &sighting.name),
            attribute("kind", sighting.kind.as_str()),
            ("nr".to_owned(), number(nr)),
            ("forget_at".to_owned(), number(forget_at)),
        ]);
        item.extend(prompt_of(sighting));
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
        self.make_room(&channel, nr, said, room).await?;
        Ok(false)
    }

    /// Has a sighting found by its words, and its subject known for one whose tool uses are told.
    async fn point(&self, sighting: &StoredSighting) -> Result<(), Fault> {
        let StoredSighting { kind, subject, keyed, at, object, .. } = sighting;
        let (id, forget_at) = (hex(&sighting.id), forget_at(*at));
        let whose = subject.subject.as_deref();
        for (of, word) in clues(keyed, sighting.prompt_id.as_deref()) {
            // What names nobody is found by the tool use alone, and by the prompt of one.
            if whose.is_none() && of != Clue::ToolUse && of != Clue::Prompt {
                continue;
            }
            let pk = match of {
                Clue::Prompt => clue_of_prompt(&sighting.channel, whose, word),
                Clue::ToolUse | Clue::Trace | Clue::Word | Clue::Statement => clue(of, whose, word),
            };
            let sk = format!("saw#{}#{:020}#{id}", rank(of, sighting), moment(sighting));
            let mut item = Key::new(pk, sk).item();
            item.extend(beside(subject, keyed, *at));
            item.extend(prompt_of(sighting));
            item.extend([
                attribute("id", &id),
                ("size".to_owned(), number(i64::try_from(object.len()).unwrap_or(i64::MAX))),
                attribute("channel", &sighting.channel),
                attribute("kind", kind.as_str()),
                ("forget_at".to_owned(), number(forget_at)),
            ]);
            self.table.put(item, Only::IfAbsent, &writer()?, EVIDENCE).await?;
        }
        if let (ChannelKind::Hooks, Some(_), Some(name)) = (*kind, &keyed.tool_use, &subject.subject) {
            let pk = uses(name, subject.issuer.as_ref(), subject.agent.as_ref())?;
            let mut item = Key::new(pk, format!("{:020}", at.as_micros())).item();
            item.insert("forget_at".to_owned(), number(forget_at));
            self.table.put(item, Only::IfAbsent, &writer()?, EVIDENCE).await?;
        }
        Ok(())
    }

    /// A prompt that is told again is told for what comes after it, too. SECURITY: a tool use is one call that was made already;
    // what tells of it is not found for longer than it is known who has named it.
    async fn tell_again(&self, known: &Item, sighting: &StoredSighting) -> Result<(), Fault> {
        if !is_told_again(&sighting.keyed) || sighting.at <= at_of(known)? {
            return Ok(());
        }
        self.point(sighting).await?;
        let forget_at = forget_at(sighting.at);
        let channel = format!("channel#{}", sighting.channel);
        let numbered = number_key(&channel, integer(known, "nr", EVIDENCE)?);
        self.renew(&numbered, sighting.at, forget_at).await?;
        self.renew(&sighting_key(&sighting.id), sighting.at, forget_at).await
    }

    /// Keeps an item longer that is there still. One that has gone meanwhile has made room.
    async fn renew(&self, key: &Key, at: Timestamp, forget_at: i64) -> Result<(), Fault> {
        let update = self.table.update(key, &writer()?);
        let update = update
            .update_expression("SET at_us = :at, forget_at = :forget, #writer = :writer")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(at_us) OR at_us < :at)")
            .expression_attribute_values(":at", number(at.as_micros()))
            .expression_attribute_values(":forget", number(forget_at));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if update_refused(&error).is_some() => Ok(()),
            Err(error) => Err(fault(EVIDENCE.origin, EVIDENCE.public, "dynamodb:UpdateItem", &error)),
        }
    }

    /// Notes that a sighting is known to its exchanges. One that has gone meanwhile has made room.
    async fn note_met(&self, id: &[u8; 32]) -> Result<(), Fault> {
        let update = self.table.update(&sighting_key(id), &writer()?);
        let update = update
            .update_expression("SET #is_met = :is_met, #writer = :writer")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#is_met", IS_MET)
            .expression_attribute_values(":is_met", AttributeValue::Bool(true));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if update_refused(&error).is_some() => Ok(()),
            Err(error) => Err(fault(EVIDENCE.origin, EVIDENCE.public, "dynamodb:UpdateItem", &error)),
        }
    }

    /// The next number of a channel, and the bytes that it has said with it, ever. One whose answer was lost is left out: it
    /// takes room of its channel for a day.
    async fn count(&self, channel: &str, size: i64) -> Result<(i64, i64), Fault> {
        let count = self.table.client().update_item().table_name(self.table.name());
        let count = count
            .key("pk", text(channel))
            .key("sk", text("count"))
            .update_expression("ADD nr :one, said_bytes :size")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":size", number(size))
            .return_values(ReturnValue::UpdatedNew);
        let counted = count.send().await;
        let counted = counted
            .map_err(|error| fault(EVIDENCE.origin, EVIDENCE.public, "dynamodb:UpdateItem", &error))?;
        let counted = counted.attributes.unwrap_or_default();
        Ok((integer(&counted, "nr", EVIDENCE)?, integer(&counted, "said_bytes", EVIDENCE)?))
    }

    /// Lets the oldest of a channel go, for one that has this number and with which it has said so many bytes.
    async fn make_room(&self, channel: &str, nr: i64, said: i64, room: Room) -> Result<(), Fault> {
        let most = i64::try_from(room.bytes).unwrap_or(i64::MAX);
        let last = nr.saturating_sub(i64::from(room.sightings));
        loop {
            let some = self.table.query(channel, "nr#", Order::Forward, Some(AT_ONCE), EVIDENCE).await?;
            if some.is_empty() {
                return Ok(());
            }
            for old in &some {
                let (of, before) = (integer(old, "nr", EVIDENCE)?, integer(old, "before", EVIDENCE)?);
                if of >= nr || (of > last && said.saturating_sub(before) <= most) {
                    return Ok(());
                }
                let sighting = Key::new(format!("sighting#{}", string(old, "id", EVIDENCE)?), "it");
                self.table.remove(&sighting, EVIDENCE).await?;
                self.table.remove(&number_key(channel, of), EVIDENCE).await?;
            }
        }
    }

    /// Notes a call of an exchange, once.
    async fn note(&self, expecting: &Expecting) -> Result<Noted, Fault> {
        let pk = notes(&expecting.key);
        let same = |keyed: &Keyed| {
            let Keyed { tool_use, trace, word, statement: _ } = &expecting.keyed;
            (tool_use, trace, word) == (&keyed.tool_use, &keyed.trace, &keyed.word)
        };
        let mut turn = 0;
        loop {
            let items = self.table.query(&pk, "nr#", Order::Forward, None, EVIDENCE).await?;
            let mut next = 0;
            for item in &items {
                let (known, nr) = (expecting_of(item)?, integer(item, "nr", EVIDENCE)?);
                if same(&known.keyed) && known.said == expecting.said {
                    return Ok(Noted::Known(Box::new(known), nr));
                }
                next = nr.saturating_add(1);
            }
            if items.len() >= MOST_CALLS {
                return Ok(Noted::Full);
            }
            let mut item = number_key(&pk, next).item();
            item.extend(told(expecting));
            item.insert("nr".to_owned(), number(next));
            match self.table.put(item, Only::IfAbsent, &writer()?, EVIDENCE).await? {
                Put::Done => return Ok(Noted::New(next)),
                Put::Otherwise if turn < TURNS => {
                    turn = turn.saturating_add(1);
                    pause(turn).await;
                }
                Put::Otherwise => return Err(EVIDENCE.crowded()),
            }
        }
    }

    /// Has an exchange found by the words of one of its notes.
    async fn await_by(&self, expecting: &Expecting, nr: i64) -> Result<(), Fault> {
        for (kind, word) in clues(&expecting.keyed, None) {
            let pk = waits(kind, expecting.subject.subject.as_deref(), word);
            let mut item = Key::new(pk, note_key(expecting, nr)).item();
            item.extend(told(expecting));
            self.table.put(item, Only::IfAbsent, &writer()?, EVIDENCE).await?;
        }
        Ok(())
    }
}

/// What came of noting a call.
enum Noted {
    /// It has this number.
    New(i64),
    /// It was noted before, so and under this number.
    Known(Box<Expecting>, i64),
    /// The exchange was asked by too many.
    Full,
}

#[async_trait]
impl ports::Evidence for Evidence {
    async fn keep(&self, sightings: &[StoredSighting], room: Room) -> Result<Vec<[u8; 32]>, Fault> {
        let mut unmet = Vec::new();
        for sighting in sightings {
            if !self.insert(sighting, room).await? {
                unmet.push(sighting.id);
            }
        }
        Ok(unmet)
    }

    async fn met(&self, sightings: &[[u8; 32]]) -> Result<(), Fault> {
        for some in sightings.chunks(AT_ONCE) {
            let each = some.iter().map(|id| self.note_met(id));
            try_join_all(each).await?;
        }
        Ok(())
    }

    async fn awaiting(&self, sightings: &[StoredSighting]) -> Result<Vec<Expecting>, Fault> {
        self.expecting_any(sightings).await
    }

    async fn about(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault> {
        self.about_call(subject, keyed, now).await
    }

    async fn named(
        &self,
        tool_use: &str,
        subject: &Subject,
        before: Option<&Expecting>,
    ) -> Result<Named, Fault> {
        self.who_named(tool_use, subject, before).await
    }

    async fn tells_uses(&self, subject: &Subject, before: Timestamp) -> Result<bool, Fault> {
        let Subject { issuer, subject: Some(name), agent } = subject else { return Ok(false) };
        // A channel may leave the issuer and the agent open.
        let (issuers, agents) = ([None, issuer.as_ref()], [None, agent.as_ref()]);
        let whose: BTreeSet<_> =
            issuers.into_iter().flat_map(|issuer| agents.map(|agent| (issuer, agent))).collect();
        let (from, to) = (format!("{:020}", oldest(before)), format!("{:020}", before.as_micros()));
        let each = whose.into_iter().map(async |(issuer, agent)| {
            let pk = uses(name, issuer, agent)?;
            self.table.between(&pk, (&from, &to), Order::Backward, Some(1), EVIDENCE).await
        });
        Ok(try_join_all(each).await?.iter().any(|told| !told.is_empty()))
    }

    async fn lease(
        &self,
        tool_use: &str,
        whose: &Subject,
        call: u128,
        now: Timestamp,
    ) -> Result<Named, Fault> {
        let (until, key) = (now.after(LEASE), lease_key(tool_use, whose)?);
        let mut item = key.item();
        item.extend(beside(whose, &Keyed::default(), now));
        item.extend([
            ("until_us".to_owned(), number(until.as_micros())),
            ("forget_at".to_owned(), number(until.after(TIDY).as_secs())),
        ]);
        // The call is the writer: it knows its own earlier try again, and it alone gives back what it has taken.
        let taken = self.table.put(item, Only::OnceOver(now), &holder(call), EVIDENCE).await?;
        let by_itself = !matches!(taken, Put::Done);
        // Written before the others are read: of two at once at least one finds the other.
        let leases = self.table.query(&leases(tool_use), "", Order::Forward, None, EVIDENCE).await?;
        let mut others = Named { by_itself, ..Named::default() };
        for lease in &leases {
            let other = subject_of(lease);
            if other != *whose && integer(lease, "until_us", EVIDENCE)? >= now.as_micros() {
                others = others.or(as_named(&other, whose));
            }
        }
        Ok(others)
    }

    async fn release(&self, tool_use: &str, whose: &Subject, call: u128) -> Result<(), Fault> {
        self.table.delete(&lease_key(tool_use, whose)?, &holder(call), EVIDENCE).await
    }

    async fn expect(&self, expecting: &Expecting) -> Result<Expected, Fault> {
        let (is_new, is_full) = match self.note(expecting).await? {
            Noted::New(nr) => {
                self.await_by(expecting, nr).await?;
                (true, false)
            }
            // Whoever noted it may have died before it could be found.
            Noted::Known(known, nr) => {
                self.await_by(&known, nr).await?;
                (false, false)
            }
            Noted::Full => (false, true),
        };
        let known = self.about(&expecting.subject, &expecting.keyed, expecting.at).await?;
        Ok(Expected { is_new, is_full, is_beyond: self.is_beyond(expecting).await?, known })
    }

    async fn expected(&self, exchange: &RecordKey) -> Result<Vec<Expecting>, Fault> {
        let items = self.table.query(&notes(exchange), "nr#", Order::Forward, None, EVIDENCE).await?;
        items.iter().map(expecting_of).collect()
    }
}

fn holder(call: u128) -> String {
    format!("{call:032x}")
}
