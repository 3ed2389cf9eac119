//! What was told: kept, made room for, found by a statement's words, and forgotten.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use gateway::ports::{Keyed, Room, Share, StoredSighting, Subject};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{STEP, TOGETHER_US, WORDS, oldest, words};

/// Rows that one word may find of one channel.
const SEEN: i64 = 32;

/// The same of an agent's own token: what it says leaves room for what others say.
const SEEN_OF_ITSELF: i64 = 8;

/// Prompts of one channel that what one word finds may be tied to.
const PROMPTS: usize = 4;

/// Rows of one such prompt: several prompts may share a trace.
const LINKED: i64 = 64;

const SIGHTING: &str = "id, channel, name, kind, issuer, subject, agent, tool_use, trace, word, statement, prompt_id, \
                        text, at_us, object";

pub(super) fn keep(
    transaction: &Transaction<'_>,
    sightings: &[StoredSighting],
    room: Room,
) -> rusqlite::Result<Vec<[u8; 32]>> {
    let mut unmet = Vec::new();
    for sighting in sightings {
        if !insert(transaction, sighting, room)? {
            unmet.push(sighting.id);
        }
    }
    if let Some(now) = sightings.iter().map(|sighting| sighting.at).max() {
        forget_sightings(transaction, oldest(now))?;
    }
    Ok(unmet)
}

pub(super) fn met(transaction: &Transaction<'_>, sightings: &[[u8; 32]]) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached("UPDATE sightings SET is_met = 1 WHERE id = ?1")?;
    sightings.iter().try_for_each(|id| update.execute(params![id]).map(|_| ()))
}

/// Keeps one; whether it was told to have met its exchanges, and could be found since.
fn insert(transaction: &Transaction<'_>, sighting: &StoredSighting, room: Room) -> rusqlite::Result<bool> {
    let StoredSighting {
        id,
        channel,
        name,
        kind,
        subject,
        keyed,
        prompt_id,
        text,
        at,
        object,
        is_crowded: _,
    } = sighting;
    // A prompt that is told again is told for what comes after it, too. SECURITY: a tool use is one call that was made already;
    // what tells of it is not found for longer than it is known who has named it.
    // What comes between its end and its next telling has not found it.
    let known: Option<bool> = transaction
        .prepare_cached(
            "UPDATE sightings
             SET at_us = CASE WHEN statement IS NULL AND tool_use IS NULL THEN ?2 ELSE at_us END,
                 is_met = is_met AND at_us >= ?3
             WHERE id = ?1 RETURNING is_met",
        )?
        .query_row(params![id, at.as_micros(), oldest(*at)], |row| row.get(0))
        .optional()?;
    if let Some(is_met) = known {
        return Ok(is_met);
    }
    let size = i64::try_from(object.len()).unwrap_or(i64::MAX);
    let (number, bytes): (i64, i64) = transaction
        .prepare_cached(
            "INSERT INTO evidence_channels (channel, number, bytes) VALUES (?1, 1, ?2)
             ON CONFLICT DO UPDATE SET number = number + 1, bytes = bytes + ?2 RETURNING number, bytes",
        )?
        .query_row(params![channel, size], |row| Ok((row.get(0)?, row.get(1)?)))?;
    make_room(transaction, channel, number, bytes, room)?;
    let [tool_use, trace, word, statement] = words(keyed);
    transaction
        .prepare_cached(
            "INSERT INTO sightings (id, channel, name, number, kind, issuer, subject, agent, tool_use, trace, word,
                 statement, prompt_id, text, at_us, object)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            id,
            channel,
            name,
            number,
            kind.as_str(),
            subject.issuer,
            subject.subject,
            subject.agent,
            tool_use,
            trace,
            word,
            statement,
            prompt_id,
            text,
            at.as_micros(),
            object.as_ref(),
        ])
        .map(|_| false)
}

/// Lets the oldest of a channel go, for one more that has this number and makes it so many bytes.
fn make_room(
    transaction: &Transaction<'_>,
    channel: &str,
    number: i64,
    bytes: i64,
    room: Room,
) -> rusqlite::Result<()> {
    let most = i64::try_from(room.bytes).unwrap_or(i64::MAX);
    let last = number.saturating_sub(i64::from(room.sightings));
    let (mut freed, mut gone) = (0, Vec::new());
    {
        let mut oldest = transaction.prepare_cached(
            "SELECT number, length(object) FROM sightings WHERE channel = ?1 ORDER BY number",
        )?;
        let mut rows = oldest.query(params![channel])?;
        while let Some(row) = rows.next()? {
            let (number, size): (i64, i64) = (row.get(0)?, row.get(1)?);
            if number > last && bytes.saturating_sub(freed) <= most {
                break;
            }
            freed = freed.saturating_add(size);
            gone.push(number);
        }
    }
    for number in gone {
        transaction
            .prepare_cached("DELETE FROM sightings WHERE channel = ?1 AND number = ?2")?
            .execute(params![channel, number])?;
    }
    less(transaction, channel, freed)
}

/// Counts what a channel has no more.
fn less(transaction: &Transaction<'_>, channel: &str, bytes: i64) -> rusqlite::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    transaction
        .prepare_cached("UPDATE evidence_channels SET bytes = bytes - ?2 WHERE channel = ?1")?
        .execute(params![channel, bytes])
        .map(|_| ())
}

fn forget_sightings(transaction: &Transaction<'_>, oldest_us: i64) -> rusqlite::Result<()> {
    let gone: Vec<(String, i64)> = transaction
        .prepare_cached(
            "DELETE FROM sightings WHERE id IN (SELECT id FROM sightings WHERE at_us < ?1 ORDER BY at_us LIMIT ?2)
             RETURNING channel, length(object)",
        )?
        .query_map(params![oldest_us, STEP], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (channel, size) in gone {
        less(transaction, &channel, size)?;
    }
    Ok(())
}

pub(super) fn tells_uses(
    connection: &Connection,
    subject: &Subject,
    before: Timestamp,
) -> rusqlite::Result<bool> {
    let Subject { issuer, subject, agent } = subject;
    connection
        .prepare_cached(
            "SELECT 1 FROM sightings
             WHERE kind = 'hooks' AND tool_use IS NOT NULL AND subject = ?1 AND at_us >= ?2 AND at_us <= ?3
               AND (issuer IS NULL OR issuer = ?4) AND (agent IS NULL OR agent = ?5)
             LIMIT 1",
        )?
        .exists(params![subject, oldest(before), before.as_micros(), issuer, agent])
}

/// A sighting that may be answered with, before what it says is read.
struct Place {
    row: i64,
    channel: String,
    subject: Subject,
    prompt_id: Option<String>,
    size: u64,
    /// Whether it is the first of its channel's that tells its prompt, or leads to one.
    is_first: bool,
    /// Whether there is no room for it.
    is_beyond: bool,
}

/// What an answer holds.
#[derive(Default)]
struct Taken {
    share: Share,
    rows: Vec<i64>,
    known: BTreeSet<i64>,
    crowded: BTreeSet<i64>,
}

/// What of places that are left out is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeftOut {
    /// Each of them: they tell of one call.
    All,
    /// The first of each prompt.
    Prompts,
}

impl Taken {
    /// Takes those that there is room for; and the channels of which something is left out that must be told.
    fn take(&mut self, places: Vec<Place>, left_out: LeftOut) -> (Vec<Place>, BTreeSet<String>) {
        let (mut taken, mut crowded) = (Vec::new(), BTreeSet::new());
        for place in places {
            if self.known.contains(&place.row) {
                continue;
            }
            if place.is_beyond || !self.share.takes(&place.channel, place.size) {
                if place.is_first || left_out == LeftOut::All {
                    crowded.insert(place.channel);
                }
                continue;
            }
            self.known.insert(place.row);
            self.rows.push(place.row);
            taken.push(place);
        }
        (taken, crowded)
    }
}

pub(super) fn about(
    connection: &Connection,
    subject: &Subject,
    keyed: &Keyed,
    now: Timestamp,
) -> rusqlite::Result<Vec<Option<StoredSighting>>> {
    let mut all = Taken::default();
    let mut asked: BTreeSet<(String, Subject, String)> = BTreeSet::new();
    for (column, word) in WORDS.into_iter().zip(words(keyed)) {
        let Some(word) = word else { continue };
        let left_out = if column == "tool_use" { LeftOut::All } else { LeftOut::Prompts };
        let (direct, mut crowded) = all.take(meeting(connection, column, word, subject, now)?, left_out);
        // Their prompts before what shares a weaker clue: that must not take their room.
        let mut of_channel: BTreeMap<&str, usize> = BTreeMap::new();
        for Place { channel, subject, prompt_id, .. } in &direct {
            let Some(prompt_id) = prompt_id else { continue };
            if !asked.insert((channel.clone(), subject.clone(), prompt_id.clone())) {
                continue;
            }
            let count = of_channel.entry(channel).or_default();
            *count = count.saturating_add(1);
            if *count > PROMPTS {
                crowded.insert(channel.clone());
                continue;
            }
            let (_, more) = all.take(linked(connection, channel, subject, prompt_id, now)?, LeftOut::Prompts);
            crowded.extend(more);
        }
        // By the text alone a call is a guess in any case.
        if column != "statement" {
            let are_crowded = direct.iter().filter(|place| crowded.contains(&place.channel));
            all.crowded.extend(are_crowded.map(|place| place.row));
        }
    }
    let Taken { rows, crowded, .. } = all;
    let mut found = Vec::with_capacity(rows.len());
    let mut select =
        connection.prepare_cached(&format!("SELECT {SIGHTING} FROM sightings WHERE rowid = ?1"))?;
    for row in rows {
        let is_crowded = crowded.contains(&row);
        let of = |sighting: StoredSighting| StoredSighting { is_crowded, ..sighting };
        // One that is gone meanwhile has made room.
        for sighting in select.query_map(params![row], sighting_of)? {
            found.push(sighting?.map(of));
        }
    }
    Ok(found)
}

const PLACE: &str = "rowid AS row, channel, kind, issuer, subject, agent, prompt_id, text, tool_use, length(object) AS size, at_us";

/// The columns of a [`Place`].
const PLACED: &str = "row, channel, issuer, subject, agent, prompt_id, size, is_first, place > most";

/// Those of this subject's (or anybody's) whose column has that word: of each channel first each prompt that is told, then what
/// leads to others, then the newest; and one more than there is room for. Of the same text the newest counts, whatever it tells.
fn meeting(
    connection: &Connection,
    column: &'static str,
    word: &str,
    subject: &Subject,
    now: Timestamp,
) -> rusqlite::Result<Vec<Place>> {
    let is_text = column == "statement";
    let first = if is_text { "" } else { "(is_first AND text IS NOT NULL) DESC, is_first DESC, " };
    let since = if is_text { now.as_micros().saturating_sub(TOGETHER_US) } else { oldest(now) };
    let mut select = connection.prepare_cached(&format!(
        "SELECT {PLACED}
         FROM (
             SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY {first}at_us DESC) AS place,
                 CASE kind WHEN ?8 THEN ?7 ELSE ?6 END AS most
             FROM (
                 SELECT {PLACE}, coalesce(text, prompt_id) IS NOT NULL AND
                     ROW_NUMBER() OVER (PARTITION BY channel, text, prompt_id ORDER BY at_us DESC) = 1 AS is_first
                 FROM sightings
                 WHERE {column} = ?1 AND at_us >= ?2
                   AND (issuer IS NULL OR issuer = ?3) AND (subject IS NULL OR subject = ?4) AND (agent IS NULL OR agent = ?5)
             )
         )
         WHERE place <= most + 1
         ORDER BY place, at_us DESC"
    ))?;
    let Subject { issuer, subject, agent } = subject;
    let own = ChannelKind::Own.as_str();
    select
        .query_map(params![word, since, issuer, subject, agent, SEEN, SEEN_OF_ITSELF, own], place_of)?
        .collect()
}

/// Those of one channel and exactly this subject with this prompt's id: each prompt that is told, then the newest, those without a
/// tool use first; and one more than there is room for.
// SECURITY: what names nobody is not tied to what names somebody.
fn linked(
    connection: &Connection,
    channel: &str,
    subject: &Subject,
    prompt_id: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<Place>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {PLACED}
         FROM (
             SELECT *, ROW_NUMBER() OVER (ORDER BY is_first DESC, tool_use IS NOT NULL, at_us DESC) AS place, ?7 AS most
             FROM (
                 SELECT {PLACE}, text IS NOT NULL AND
                     ROW_NUMBER() OVER (PARTITION BY text ORDER BY at_us DESC) = 1 AS is_first
                 FROM sightings
                 WHERE prompt_id = ?1 AND channel = ?2 AND at_us >= ?3 AND issuer IS ?4 AND subject IS ?5 AND agent IS ?6
             )
         )
         WHERE place <= most + 1
         ORDER BY place"
    ))?;
    let Subject { issuer, subject, agent } = subject;
    select
        .query_map(params![prompt_id, channel, oldest(now), issuer, subject, agent, LINKED], place_of)?
        .collect()
}

fn place_of(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place {
        row: row.get(0)?,
        channel: row.get(1)?,
        subject: Subject { issuer: row.get(2)?, subject: row.get(3)?, agent: row.get(4)? },
        prompt_id: row.get(5)?,
        size: u64::try_from(row.get::<_, i64>(6)?).unwrap_or(u64::MAX),
        is_first: row.get(7)?,
        is_beyond: row.get(8)?,
    })
}

/// None where the row is damaged.
fn sighting_of(row: &Row<'_>) -> rusqlite::Result<Option<StoredSighting>> {
    let kind: String = row.get(3)?;
    let Some(kind) = ChannelKind::from_word(&kind) else { return Ok(None) };
    Ok(Some(StoredSighting {
        id: row.get(0)?,
        channel: row.get(1)?,
        name: row.get(2)?,
        kind,
        subject: Subject { issuer: row.get(4)?, subject: row.get(5)?, agent: row.get(6)? },
        keyed: Keyed {
            tool_use: row.get(7)?,
            trace: row.get(8)?,
            word: row.get(9)?,
            statement: row.get(10)?,
        },
        prompt_id: row.get(11)?,
        text: row.get(12)?,
        at: Timestamp::from_micros(row.get(13)?),
        object: Bytes::from(row.get::<_, Vec<u8>>(14)?),
        is_crowded: false,
    }))
}
