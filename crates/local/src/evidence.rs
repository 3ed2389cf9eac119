//! What evidence channels saw, and the exchanges that expect it: rows of the state, forgotten after a day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ChannelKind, Timestamp};
use gateway::ports::{Evidence, Expecting, Keyed, StoredSighting, Subject};
use gateway::{EVIDENCE_LIFE, Fault, Origin};
use recording::RecordKey;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

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

#[async_trait]
impl Evidence for Home {
    async fn keep(&self, sightings: Vec<StoredSighting>, most: u32) -> Result<Vec<Expecting>, Fault> {
        let sightings = Arc::new(sightings);
        let kept = Arc::clone(&sightings);
        self.inner.state.write(move |transaction| keep(transaction, &kept, most)).await?;
        // Others write meanwhile: what has come in one go may concern many exchanges.
        let found = self.inner.state.read(move |connection| all_expecting(connection, &sightings)).await?;
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

    async fn expect(&self, expecting: &Expecting) -> Result<Vec<StoredSighting>, Fault> {
        let expecting = expecting.clone();
        let found = self
            .inner
            .state
            .write(move |transaction| {
                expect(transaction, &expecting)?;
                about(transaction, &expecting.subject, &expecting.keyed, expecting.at)
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

fn keep(transaction: &Transaction<'_>, sightings: &[StoredSighting], most: u32) -> rusqlite::Result<()> {
    for sighting in sightings {
        insert(transaction, sighting, most)?;
    }
    let Some(now) = sightings.iter().map(|sighting| sighting.at).max() else { return Ok(()) };
    forget(transaction, "sightings", oldest(now))
}

/// Whom one channel's sightings speak for, and the words to look for, each once.
type Wanted<'a> = BTreeMap<[Option<&'a String>; 3], BTreeSet<(&'static str, String)>>;

/// The exchanges that sightings may belong to: by their own words, and by those of their channel's with the same prompts' ids.
/// All that has come in one go is there by now.
fn all_expecting(
    connection: &Connection,
    sightings: &[StoredSighting],
) -> rusqlite::Result<Vec<Option<Expecting>>> {
    let Some(now) = sightings.iter().map(|sighting| sighting.at).max() else { return Ok(Vec::new()) };
    let mut wanted = Wanted::new();
    let mut prompts = BTreeSet::new();
    for sighting in sightings {
        let Subject { issuer, subject, agent } = &sighting.subject;
        let whose = [issuer.as_ref(), subject.as_ref(), agent.as_ref()];
        let into = wanted.entry(whose).or_default();
        into.extend(clues(&sighting.keyed));
        if let Some(prompt_id) = &sighting.prompt_id
            && prompts.insert((whose, prompt_id, &sighting.channel))
        {
            for keyed in of_prompt(connection, prompt_id, &sighting.channel)? {
                into.extend(clues(&keyed));
            }
        }
    }
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for (whose, clues) in wanted {
        for (column, word) in clues {
            for row in expecting(connection, column, &word, whose, now)? {
                let is_new = row.as_ref().is_none_or(|row| known.insert(row.key.exchange.to_string()));
                if is_new {
                    found.push(row);
                }
            }
        }
    }
    Ok(found)
}

fn clues(keyed: &Keyed) -> impl Iterator<Item = (&'static str, String)> {
    WORDS.into_iter().zip(words(keyed)).filter_map(|(column, word)| Some((column, word.clone()?)))
}

fn insert(transaction: &Transaction<'_>, sighting: &StoredSighting, most: u32) -> rusqlite::Result<()> {
    let StoredSighting { id, channel, kind, subject, keyed, prompt_id, at, object } = sighting;
    let is_known: Option<i64> = transaction
        .prepare_cached("SELECT 1 FROM sightings WHERE id = ?1")?
        .query_row(params![id], |row| row.get(0))
        .optional()?;
    if is_known.is_some() {
        return Ok(());
    }
    let number: i64 = transaction
        .prepare_cached(
            "INSERT INTO evidence_channels (channel, number) VALUES (?1, 1)
             ON CONFLICT DO UPDATE SET number = number + 1 RETURNING number",
        )?
        .query_row(params![channel], |row| row.get(0))?;
    transaction
        .prepare_cached("DELETE FROM sightings WHERE channel = ?1 AND number <= ?2")?
        .execute(params![channel, number.saturating_sub(i64::from(most))])?;
    let [tool_use, trace, word, statement] = words(keyed);
    transaction
        .prepare_cached(
            "INSERT INTO sightings (id, channel, number, kind, issuer, subject, agent, tool_use, trace, word, statement,
                 prompt_id, at_us, object)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            id,
            channel,
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

fn forget(transaction: &Transaction<'_>, table: &'static str, oldest_us: i64) -> rusqlite::Result<()> {
    // SECURITY: the name is ours.
    let key = if table == "sightings" { "id" } else { "exchange" };
    let delete = format!(
        "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE at_us < ?1 ORDER BY at_us LIMIT ?2)"
    );
    transaction.prepare_cached(&delete)?.execute(params![oldest_us, STEP]).map(|_| ())
}

/// The words of a channel's sightings with this prompt's id, the newest.
fn of_prompt(connection: &Connection, prompt_id: &str, channel: &str) -> rusqlite::Result<Vec<Keyed>> {
    let mut select = connection.prepare_cached(
        "SELECT tool_use, trace, word, statement FROM sightings
         WHERE prompt_id = ?1 AND channel = ?2 ORDER BY at_us DESC LIMIT ?3",
    )?;
    let keyed = |row: &Row<'_>| {
        Ok(Keyed { tool_use: row.get(0)?, trace: row.get(1)?, word: row.get(2)?, statement: row.get(3)? })
    };
    select.query_map(params![prompt_id, channel, FOUND], keyed)?.collect()
}

/// The exchanges of these principals that expect evidence by that word.
fn expecting(
    connection: &Connection,
    column: &'static str,
    word: &str,
    [issuer, subject, agent]: [Option<&String>; 3],
    now: Timestamp,
) -> rusqlite::Result<Vec<Option<Expecting>>> {
    // A tool use is one call, and that is the first that named it.
    let order = if column == "tool_use" { "ASC" } else { "DESC" };
    let mut select = connection.prepare_cached(&format!(
        "SELECT exchange, day, issuer, subject, agent, tool_use, trace, word, statement, at_us FROM expecting
         WHERE {column} = ?1 AND at_us >= ?2
           AND (?3 IS NULL OR issuer = ?3) AND (?4 IS NULL OR subject = ?4) AND (?5 IS NULL OR agent = ?5)
         ORDER BY at_us {order} LIMIT ?6"
    ))?;
    select.query_map(params![word, oldest(now), issuer, subject, agent, FOUND], expecting_of)?.collect()
}

/// Those that have named a tool use, the first of them first.
fn naming(
    connection: &Connection,
    tool_use: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<Option<Expecting>>> {
    let mut select = connection.prepare_cached(
        "SELECT exchange, day, issuer, subject, agent, tool_use, trace, word, statement, at_us FROM expecting
         WHERE tool_use = ?1 AND at_us >= ?2 ORDER BY at_us, exchange LIMIT ?3",
    )?;
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
    let first = if column == "prompt_id" { "tool_use IS NOT NULL, " } else { "" };
    let mut select = connection.prepare_cached(&format!(
        "SELECT id, channel, kind, issuer, subject, agent, tool_use, trace, word, statement, prompt_id, at_us, object
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
        params![word, oldest(now), channel, issuer, subject, agent, FOUND, FOUND_OF_ITSELF, own],
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
    let kind: String = row.get(2)?;
    let Some(kind) = ChannelKind::from_word(&kind) else { return Ok(None) };
    Ok(Some(StoredSighting {
        id: row.get(0)?,
        channel: row.get(1)?,
        kind,
        subject: Subject { issuer: row.get(3)?, subject: row.get(4)?, agent: row.get(5)? },
        keyed: Keyed { tool_use: row.get(6)?, trace: row.get(7)?, word: row.get(8)?, statement: row.get(9)? },
        prompt_id: row.get(10)?,
        at: Timestamp::from_micros(row.get(11)?),
        object: Bytes::from(row.get::<_, Vec<u8>>(12)?),
    }))
}

fn expect(transaction: &Transaction<'_>, expecting: &Expecting) -> rusqlite::Result<()> {
    let Expecting { key, subject, keyed, at } = expecting;
    let [tool_use, trace, word, statement] = words(keyed);
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO expecting
                 (exchange, day, issuer, subject, agent, tool_use, trace, word, statement, at_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            key.exchange.to_string(),
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
    forget(transaction, "expecting", oldest(*at))
}

fn damaged() -> Fault {
    Fault::lasting(Origin::Exchanges, "evidence that was kept cannot be read")
}
