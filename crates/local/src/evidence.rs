//! What evidence channels saw, and the exchanges that expect it: rows of the state, forgotten after a day.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use gateway::ports::{Evidence, Expected, Expecting, Keyed, Room, StoredSighting, Subject};
use gateway::{EVIDENCE_LIFE, Fault, Origin};
use recording::RecordKey;
use rusqlite::{Connection, Row, Transaction, params};

use crate::home::Home;

/// The four words that sightings and exchanges meet by: those of [`Keyed`], in its order.
const WORDS: [&str; 4] = ["tool_use", "trace", "word", "statement"];

/// Rows that one word may find of one channel: a prompt's statements are tens, and whoever repeats one thousands of times is
/// not worth more.
const FOUND: i64 = 64;

/// The same of an agent's own token: what it says leaves room for what others say.
const FOUND_OF_ITSELF: i64 = 8;

/// Rows that are forgotten at once at most, so that no write takes long.
const STEP: i64 = 256;

/// Sightings that are kept in one write at most: whoever opens an exchange waits for it.
const AT_ONCE: usize = 32;

/// Exchanges that one export may be appended to at most.
const MOST_EXPECTING: usize = 256;

/// Calls that one exchange is asked by at most, while it waits for a person.
const MOST_CALLS: i64 = 16;

/// How far apart the same text may have been seen and asked to be taken for the same, in microseconds: a little more than the
/// gateway's own measure.
const TOGETHER_US: i64 = 120_000_000;

/// How long a tool use is held for a call that has not released it, in microseconds.
const LEASE_US: i64 = 60_000_000;

const EXPECTING: &str = "exchange, day, issuer, subject, agent, tool_use, trace, word, statement, at_us";
const SIGHTING: &str = "id, channel, name, kind, issuer, subject, agent, tool_use, trace, word, statement, prompt_id, \
                        at_us, object";

#[async_trait]
impl Evidence for Home {
    async fn keep(&self, sightings: Vec<StoredSighting>, room: Room) -> Result<Vec<Expecting>, Fault> {
        let met: Vec<Met> = sightings.iter().map(Met::of).collect();
        let mut left = sightings.into_iter();
        loop {
            let some: Vec<StoredSighting> = left.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            self.inner.state.write(move |transaction| keep(transaction, &some, room)).await?;
        }
        // Read beside whoever writes: both sides have written before they read, so that one of them finds the other.
        let found = self.inner.state.read(move |connection| expecting(connection, &met)).await?;
        found.into_iter().map(|found| found.ok_or_else(damaged)).collect()
    }

    async fn about(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault> {
        let (subject, keyed) = (subject.clone(), keyed.clone());
        let found = self.inner.state.read(move |connection| about(connection, &subject, &keyed, now)).await?;
        found.into_iter().map(|found| found.ok_or_else(damaged)).collect()
    }

    async fn naming(&self, tool_use: &str, now: Timestamp) -> Result<Vec<Expecting>, Fault> {
        let tool_use = tool_use.to_owned();
        let found = self.inner.state.read(move |connection| naming(connection, &tool_use, now)).await?;
        found.into_iter().map(|found| found.ok_or_else(damaged)).collect()
    }

    async fn tells_uses(&self, subject: &Subject, before: Timestamp) -> Result<bool, Fault> {
        let subject = subject.clone();
        self.inner.state.read(move |connection| tells_uses(connection, &subject, before)).await
    }

    async fn lease(&self, tool_use: &str, call: u128, now: Timestamp) -> Result<bool, Fault> {
        let tool_use = tool_use.to_owned();
        let (now, until) = (now.as_micros(), now.as_micros().saturating_add(LEASE_US));
        self.inner
            .state
            .write(move |transaction| {
                let taken = transaction
                    .prepare_cached(
                        "INSERT INTO leased_uses (tool_use, call, until_us) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET call = ?2, until_us = ?3 WHERE until_us < ?4",
                    )?
                    .execute(params![tool_use, call.to_be_bytes(), until, now])?;
                Ok(taken == 1)
            })
            .await
    }

    async fn release(&self, tool_use: &str, call: u128) -> Result<(), Fault> {
        let tool_use = tool_use.to_owned();
        self.inner
            .state
            .write(move |transaction| {
                transaction
                    .prepare_cached("DELETE FROM leased_uses WHERE tool_use = ?1 AND call = ?2")?
                    .execute(params![tool_use, call.to_be_bytes()])
                    .map(|_| ())
            })
            .await
    }

    async fn expect(&self, expecting: &Expecting) -> Result<Expected, Fault> {
        let expecting = expecting.clone();
        let (noted, found) = self
            .inner
            .state
            .write(move |transaction| {
                let noted = expect(transaction, &expecting)?;
                Ok((noted, about(transaction, &expecting.subject, &expecting.keyed, expecting.at)?))
            })
            .await?;
        let known = found.into_iter().map(|found| found.ok_or_else(damaged)).collect::<Result<_, _>>()?;
        Ok(Expected { is_new: noted == Noted::New, is_full: noted == Noted::Full, known })
    }

    async fn expected(&self, exchange: &RecordKey) -> Result<Vec<Expecting>, Fault> {
        let exchange = exchange.exchange.to_string();
        let found = self
            .inner
            .state
            .read(move |connection| {
                connection
                    .prepare_cached(&format!(
                        "SELECT {EXPECTING} FROM expecting WHERE exchange = ?1 ORDER BY number"
                    ))?
                    .query_map(params![exchange], expecting_of)?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        found.into_iter().map(|found| found.ok_or_else(damaged)).collect()
    }
}

fn words(keyed: &Keyed) -> [&Option<String>; 4] {
    let Keyed { tool_use, trace, word, statement } = keyed;
    [tool_use, trace, word, statement]
}

fn oldest(now: Timestamp) -> i64 {
    let life = i64::try_from(EVIDENCE_LIFE.as_micros()).unwrap_or(i64::MAX);
    now.as_micros().saturating_sub(life)
}

fn keep(transaction: &Transaction<'_>, sightings: &[StoredSighting], room: Room) -> rusqlite::Result<()> {
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
    // A prompt that is told again is told for what comes after it, too.
    let is_known = transaction
        .prepare_cached(
            "UPDATE sightings SET at_us = CASE WHEN statement IS NULL THEN ?2 ELSE at_us END WHERE id = ?1",
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

fn forget_expecting(transaction: &Transaction<'_>, oldest_us: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM expecting WHERE (exchange, number) IN
                 (SELECT exchange, number FROM expecting WHERE at_us < ?1 ORDER BY at_us LIMIT ?2)",
        )?
        .execute(params![oldest_us, STEP])?;
    transaction
        .prepare_cached("DELETE FROM leased_uses WHERE until_us < ?1")?
        .execute(params![oldest_us])
        .map(|_| ())
}

/// A sighting, as far as it meets exchanges.
struct Met {
    subject: Subject,
    keyed: Keyed,
    /// Channel and prompt's id, where it may be the prompt of others of its channel.
    prompt: Option<(String, String)>,
    at: Timestamp,
}

impl Met {
    fn of(sighting: &StoredSighting) -> Self {
        let StoredSighting { channel, subject, keyed, prompt_id, at, .. } = sighting;
        // What names a tool use is no prompt of others.
        let prompt = prompt_id.clone().filter(|_| keyed.tool_use.is_none());
        Self {
            subject: subject.clone(),
            keyed: keyed.clone(),
            prompt: prompt.map(|prompt| (channel.clone(), prompt)),
            at: *at,
        }
    }
}

/// The exchanges that sightings of one channel may belong to: by their own words, each looked for once, and by those of the
/// channel's with the same prompt's id.
fn expecting(connection: &Connection, met: &[Met]) -> rusqlite::Result<Vec<Option<Expecting>>> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    let mut add = |rows: Vec<Option<Expecting>>| {
        for row in rows {
            let name = row.as_ref().map(|row| (row.key.exchange.to_string(), row.at.as_micros()));
            if known.insert(name) {
                found.push(row);
            }
        }
        found.len() >= MOST_EXPECTING
    };
    let mut asked: BTreeSet<(&str, &String, [Option<&String>; 3])> = BTreeSet::new();
    let mut prompts: BTreeSet<&(String, String)> = BTreeSet::new();
    for Met { subject, keyed, prompt, at } in met {
        let Subject { issuer, subject: name, agent } = subject;
        for (column, word) in WORDS.into_iter().zip(words(keyed)) {
            let Some(word) = word else { continue };
            // What names nobody meets by the tool use alone.
            if (name.is_none() && column != "tool_use")
                || !asked.insert((column, word, [issuer.as_ref(), name.as_ref(), agent.as_ref()]))
            {
                continue;
            }
            // A tool use is one call, and that is the first that named it.
            let order = if column == "tool_use" { "ASC" } else { "DESC" };
            let since = if column == "statement" { at.as_micros() - TOGETHER_US } else { oldest(*at) };
            let rows = connection
                .prepare_cached(&format!(
                    "SELECT {EXPECTING} FROM expecting
                     WHERE {column} = ?1 AND at_us >= ?2
                       AND (?3 IS NULL OR issuer = ?3) AND (?4 IS NULL OR subject = ?4) AND (?5 IS NULL OR agent = ?5)
                     ORDER BY at_us {order} LIMIT ?6"
                ))?
                .query_map(params![word, since, issuer, name, agent, FOUND], expecting_of)?
                .collect::<rusqlite::Result<_>>()?;
            if add(rows) {
                return Ok(found);
            }
        }
        let Some(prompt) = prompt.as_ref().filter(|prompt| prompts.insert(prompt)) else { continue };
        let (channel, prompt) = prompt;
        for column in WORDS {
            // The sure ties alone: what a statement's text may tie is found by its own sighting.
            if column == "statement" || (name.is_none() && column != "tool_use") {
                continue;
            }
            let rows = connection
                .prepare_cached(&format!(
                    "SELECT e.exchange, e.day, e.issuer, e.subject, e.agent, e.tool_use, e.trace, e.word, e.statement, e.at_us
                     FROM sightings AS s CROSS JOIN expecting AS e ON e.{column} = s.{column}
                     WHERE s.prompt_id = ?1 AND s.channel = ?2 AND s.{column} IS NOT NULL AND e.at_us >= ?3
                       AND (?4 IS NULL OR e.issuer = ?4) AND (?5 IS NULL OR e.subject = ?5) AND (?6 IS NULL OR e.agent = ?6)
                     ORDER BY e.at_us DESC LIMIT ?7"
                ))?
                .query_map(
                    params![prompt, channel, oldest(*at), issuer, name, agent, MOST_EXPECTING as i64],
                    expecting_of,
                )?
                .collect::<rusqlite::Result<_>>()?;
            if add(rows) {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

fn tells_uses(connection: &Connection, subject: &Subject, before: Timestamp) -> rusqlite::Result<bool> {
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

/// Those that have named a tool use, the first of them first.
fn naming(
    connection: &Connection,
    tool_use: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<Option<Expecting>>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {EXPECTING} FROM expecting
         WHERE tool_use = ?1 AND at_us >= ?2 ORDER BY at_us, exchange LIMIT ?3"
    ))?;
    select.query_map(params![tool_use, oldest(now), FOUND], expecting_of)?.collect()
}

/// None where the row is damaged.
fn expecting_of(row: &Row<'_>) -> rusqlite::Result<Option<Expecting>> {
    let exchange: String = row.get(0)?;
    let Ok(exchange) = exchange.parse() else { return Ok(None) };
    Ok(Some(Expecting {
        key: RecordKey::new(row.get::<_, String>(1)?, exchange),
        subject: Subject { issuer: row.get(2)?, subject: row.get(3)?, agent: row.get(4)? },
        keyed: Keyed { tool_use: row.get(5)?, trace: row.get(6)?, word: row.get(7)?, statement: row.get(8)? },
        at: Timestamp::from_micros(row.get(9)?),
    }))
}

fn about(
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

/// What came of noting an exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noted {
    New,
    Known,
    Full,
}

fn expect(transaction: &Transaction<'_>, expecting: &Expecting) -> rusqlite::Result<Noted> {
    let Expecting { key, subject, keyed, at } = expecting;
    let [tool_use, trace, word, statement] = words(keyed);
    let exchange = key.exchange.to_string();
    let (calls, same): (i64, i64) = transaction
        .prepare_cached(
            "SELECT count(*), coalesce(sum(tool_use IS ?2 AND trace IS ?3 AND word IS ?4), 0)
             FROM expecting WHERE exchange = ?1",
        )?
        .query_row(params![exchange, tool_use, trace, word], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if same > 0 {
        return Ok(Noted::Known);
    }
    if calls >= MOST_CALLS {
        return Ok(Noted::Full);
    }
    transaction
        .prepare_cached(
            "INSERT INTO expecting
                 (exchange, number, day, issuer, subject, agent, tool_use, trace, word, statement, at_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            exchange,
            calls,
            key.day,
            subject.issuer,
            subject.subject,
            subject.agent,
            tool_use,
            trace,
            word,
            statement,
            at.as_micros(),
        ])?;
    forget_expecting(transaction, oldest(*at))?;
    Ok(Noted::New)
}

fn damaged() -> Fault {
    Fault::lasting(Origin::Exchanges, "evidence that was kept cannot be read")
}
