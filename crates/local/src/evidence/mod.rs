//! What evidence channels saw, and the exchanges that expect it: rows of the state, forgotten after some days.

mod meeting;
mod naming;
mod sightings;

use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use gateway::ports::{self, Evidence, Expected, Expecting, Keyed, Named, Room, StoredSighting, Subject};
use gateway::{EVIDENCE_LIFE, Fault, Origin};
use recording::RecordKey;
use rusqlite::{Row, params};

use self::meeting::Met;
use self::naming::Noted;
use crate::home::Home;

/// The four words that sightings and exchanges meet by: those of [`Keyed`], in its order.
const WORDS: [&str; 4] = ["tool_use", "trace", "word", "statement"];

/// As SQLite counts.
const FOUND: i64 = ports::FOUND as i64;

/// Exchanges that the same text may find, which is a guess.
const FOUND_BY_TEXT: i64 = 64;

/// Rows that are forgotten at once at most, so that no write takes long.
const STEP: i64 = 256;

/// Sightings that are kept in one write at most: whoever opens an exchange waits for it.
const AT_ONCE: usize = 32;

/// How far apart the same text may have been seen and asked to be taken for the same, in microseconds: a little more than the
/// gateway's own measure.
const TOGETHER_US: i64 = 120_000_000;

const EXPECTING: &str = "exchange, day, issuer, subject, agent, tool_use, trace, word, statement, at_us, is_refused, \
                         said";

#[async_trait]
impl Evidence for Home {
    async fn keep(&self, sightings: &[StoredSighting], room: Room) -> Result<Vec<[u8; 32]>, Fault> {
        let mut unmet = Vec::new();
        for some in sightings.chunks(AT_ONCE) {
            let some = some.to_vec();
            let kept = self.inner.state.write(move |transaction| sightings::keep(transaction, &some, room));
            unmet.extend(kept.await?);
        }
        Ok(unmet)
    }

    async fn met(&self, sightings: &[[u8; 32]]) -> Result<(), Fault> {
        let sightings = sightings.to_vec();
        self.inner.state.write(move |transaction| sightings::met(transaction, &sightings)).await
    }

    async fn awaiting(&self, sightings: &[StoredSighting]) -> Result<Vec<Expecting>, Fault> {
        let met: Vec<Met> = sightings.iter().map(Met::of).collect();
        // Read beside whoever writes: both sides have written before they read, so that one of them finds the other.
        let found = self.inner.state.read(move |connection| meeting::expecting(connection, &met)).await?;
        found.into_iter().map(|found| found.ok_or_else(damaged)).collect()
    }

    async fn about(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault> {
        let (subject, keyed) = (subject.clone(), keyed.clone());
        let found = self
            .inner
            .state
            .read(move |connection| sightings::about(connection, &subject, &keyed, now))
            .await?;
        found.into_iter().map(|found| found.ok_or_else(damaged)).collect()
    }

    async fn named(
        &self,
        tool_use: &str,
        subject: &Subject,
        before: Option<&Expecting>,
    ) -> Result<Named, Fault> {
        let (tool_use, subject) = (tool_use.to_owned(), subject.clone());
        let before = before.map(|before| (before.key.exchange.to_string(), before.at));
        self.inner
            .state
            .read(move |connection| {
                let before = before.as_ref().map(|(exchange, at)| (exchange.as_str(), *at));
                naming::named(connection, &tool_use, &subject, before)
            })
            .await
    }

    async fn tells_uses(&self, subject: &Subject, before: Timestamp) -> Result<bool, Fault> {
        let subject = subject.clone();
        self.inner.state.read(move |connection| sightings::tells_uses(connection, &subject, before)).await
    }

    async fn lease(
        &self,
        tool_use: &str,
        whose: &Subject,
        call: u128,
        now: Timestamp,
    ) -> Result<Named, Fault> {
        let (tool_use, whose) = (tool_use.to_owned(), whose.clone());
        self.inner
            .state
            .write(move |transaction| naming::lease(transaction, &tool_use, &whose, call, now))
            .await
    }

    async fn release(&self, tool_use: &str, whose: &Subject, call: u128) -> Result<(), Fault> {
        let (tool_use, whose) = (tool_use.to_owned(), whose.clone());
        self.inner.state.write(move |transaction| naming::release(transaction, &tool_use, &whose, call)).await
    }

    async fn expect(&self, expecting: &Expecting) -> Result<Expected, Fault> {
        let expecting = expecting.clone();
        let (noted, is_beyond, found) = self
            .inner
            .state
            .write(move |transaction| {
                let noted = naming::expect(transaction, &expecting)?;
                let is_beyond = naming::is_beyond(transaction, &expecting)?;
                let known =
                    sightings::about(transaction, &expecting.subject, &expecting.keyed, expecting.at)?;
                Ok((noted, is_beyond, known))
            })
            .await?;
        let known = found.into_iter().map(|found| found.ok_or_else(damaged)).collect::<Result<_, _>>()?;
        Ok(Expected { is_new: noted == Noted::New, is_full: noted == Noted::Full, is_beyond, known })
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

/// From when on evidence is found at that moment, microseconds.
fn oldest(now: Timestamp) -> i64 {
    since(now, EVIDENCE_LIFE)
}

fn since(now: Timestamp, life: Duration) -> i64 {
    now.as_micros().saturating_sub(i64::try_from(life.as_micros()).unwrap_or(i64::MAX))
}

/// None where the row is damaged.
fn expecting_of(row: &Row<'_>) -> rusqlite::Result<Option<Expecting>> {
    let exchange: String = row.get(0)?;
    let Ok(exchange) = exchange.parse() else { return Ok(None) };
    Ok(Some(Expecting {
        key: RecordKey::new(row.get::<_, String>(1)?, exchange),
        subject: Subject { issuer: row.get(2)?, subject: row.get(3)?, agent: row.get(4)? },
        keyed: Keyed { tool_use: row.get(5)?, trace: row.get(6)?, word: row.get(7)?, statement: row.get(8)? },
        said: row.get(11)?,
        is_refused: row.get(10)?,
        at: Timestamp::from_micros(row.get(9)?),
    }))
}

fn damaged() -> Fault {
    Fault::lasting(Origin::Exchanges, "evidence that was kept cannot be read")
}
