//! What was told: kept, made room for, found by a statement's words, and forgotten.

use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use gateway::ports::{Keyed, Room, StoredSighting, Subject};
use rusqlite::{Connection, Row, Transaction, params};

use super::{FOUND, STEP, TOGETHER_US, WORDS, oldest, words};

/// Rows that one word may find of an agent's own token: what it says leaves room for what others say.
const FOUND_OF_ITSELF: i64 = 8;

const SIGHTING: &str = "id, channel, name, kind, issuer, subject, agent, tool_use, trace, word, statement, prompt_id, \
                        at_us, object";

pub(super) fn keep(
    transaction: &Transaction<'_>,
    sightings: &[StoredSighting],
    room: Room,
) -> rusqlite::Result<()> {
    for sighting in sightings {
        insert(transaction, sighting, room)?;
    }
    match sightings.iter().map(|sighting| sighting.at).max() {
        Some(now) => forget_sightings(transaction, oldest(now)),
        None => Ok(()),
    }
}

fn insert(transaction: &Transaction<'_>, sighting: &StoredSighting, room: Room) -> rusqlite::Result<()> {
    let StoredSighting { id, channel, name, kind, subject, keyed, prompt_id, at, object } = sighting;
    // A prompt that is told again is told for what comes after it, too. SECURITY: a tool use is one call that was made already;
    // what tells of it is not found for longer than it is known who has named it.
    let is_known = transaction
        .prepare_cached(
            "UPDATE sightings
             SET at_us = CASE WHEN statement IS NULL AND tool_use IS NULL THEN ?2 ELSE at_us END WHERE id = ?1",
        )?
        .execute(params![id, at.as_micros()])?;
    if is_known > 0 {
        return Ok(());
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
                 statement, prompt_id, at_us, object)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
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
            at.as_micros(),
            object.as_ref(),
        ])
        .map(|_| ())
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

pub(super) fn about(
    connection: &Connection,
    subject: &Subject,
    keyed: &Keyed,
    now: Timestamp,
) -> rusqlite::Result<Vec<Option<StoredSighting>>> {
    let mut found: Vec<Option<StoredSighting>> = Vec::new();
    for (column, word) in WORDS.into_iter().zip(words(keyed)) {
        if let Some(word) = word {
            meeting(connection, column, word, None, subject, now, &mut found)?;
        }
    }
    let prompts: Vec<(String, String)> = found
        .iter()
        .flatten()
        .filter_map(|sighting| Some((sighting.prompt_id.clone()?, sighting.channel.clone())))
        .collect();
    for (prompt_id, channel) in prompts {
        meeting(connection, "prompt_id", &prompt_id, Some(&channel), subject, now, &mut found)?;
    }
    Ok(found)
}

/// Adds those of this subject's (or anybody's) whose column has that word: of each channel the newest, those without a tool use
/// first where the prompt's id is the word, since that is where the prompt itself stands.
fn meeting(
    connection: &Connection,
    column: &'static str,
    word: &str,
    channel: Option<&str>,
    subject: &Subject,
    now: Timestamp,
    found: &mut Vec<Option<StoredSighting>>,
) -> rusqlite::Result<()> {
    let first = if matches!(column, "tool_use" | "statement") { "" } else { "tool_use IS NOT NULL, " };
    let since = if column == "statement" { now.as_micros().saturating_sub(TOGETHER_US) } else { oldest(now) };
    let mut select = connection.prepare_cached(&format!(
        "SELECT {SIGHTING}
         FROM (
             SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY {first}at_us DESC) AS place
             FROM sightings
             WHERE {column} = ?1 AND at_us >= ?2 AND (?3 IS NULL OR channel = ?3)
               AND (issuer IS NULL OR issuer = ?4) AND (subject IS NULL OR subject = ?5) AND (agent IS NULL OR agent = ?6)
         )
         WHERE place <= CASE kind WHEN ?9 THEN ?8 ELSE ?7 END
         ORDER BY at_us DESC"
    ))?;
    let Subject { issuer, subject, agent } = subject;
    let own = ChannelKind::Own.as_str();
    let rows = select.query_map(
        params![word, since, channel, issuer, subject, agent, FOUND, FOUND_OF_ITSELF, own],
        sighting_of,
    )?;
    for row in rows {
        let row = row?;
        let is_known = |known: &Option<StoredSighting>| match (known, &row) {
            (Some(known), Some(row)) => known.id == row.id,
            (_, _) => false,
        };
        if !found.iter().any(is_known) {
            found.push(row);
        }
    }
    Ok(())
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
        at: Timestamp::from_micros(row.get(12)?),
        object: Bytes::from(row.get::<_, Vec<u8>>(13)?),
    }))
}
