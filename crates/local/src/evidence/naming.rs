//! Who names tool uses: the notes of exchanges, and leases while a call is decided.

use domain::Timestamp;
use gateway::NAMED_LIFE;
use gateway::ports::{Expecting, Named, Subject};
use rusqlite::{Connection, Transaction, params};

use super::{FOUND, STEP, oldest, since, words};

/// Calls that one exchange is asked by at most, while it waits for a person.
const MOST_CALLS: i64 = 16;

/// How long a tool use is held for a call that has not released it, in microseconds.
const LEASE_US: i64 = 60_000_000;

/// Who else has a row of `table` with a tool use, as three columns; `more` holds of each such row. Whose call it is stands in
/// the parameters 2 to 4.
fn who_else(table: &str, more: &str) -> String {
    let exists = |whose: &str| {
        format!("EXISTS (SELECT 1 FROM {table} WHERE tool_use = ?1 AND ({whose}) AND ({more}))")
    };
    let itself = exists("issuer = ?2 AND subject = ?3 AND agent = ?4");
    let another_agent = exists("issuer = ?2 AND subject = ?3 AND agent <> ?4");
    let another = exists("issuer <> ?2 OR subject <> ?3");
    format!("SELECT {itself}, {another_agent}, {another}")
}

fn named_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Named> {
    Ok(Named { by_itself: row.get(0)?, by_another_agent: row.get(1)?, by_another: row.get(2)? })
}

pub(super) fn named(
    connection: &Connection,
    tool_use: &str,
    subject: &Subject,
    before: Option<(&str, Timestamp)>,
) -> rusqlite::Result<Named> {
    let Subject { issuer, subject, agent } = subject;
    let (exchange, at) = before.unzip();
    let more = "is_refused = 0 AND (?5 IS NULL OR (exchange <> ?5 AND (at_us, exchange) < (?6, ?5)))";
    connection.prepare_cached(&who_else("expecting", more))?.query_row(
        params![tool_use, issuer, subject, agent, exchange, at.map(Timestamp::as_micros)],
        named_of,
    )
}

pub(super) fn lease(
    transaction: &Transaction<'_>,
    tool_use: &str,
    whose: &Subject,
    call: u128,
    now: Timestamp,
) -> rusqlite::Result<Named> {
    let Subject { issuer, subject, agent } = whose;
    transaction
        .prepare_cached(
            "DELETE FROM leased_uses WHERE (tool_use, issuer, subject, agent) IN (
                 SELECT tool_use, issuer, subject, agent FROM leased_uses
                 WHERE until_us < ?1 ORDER BY until_us LIMIT ?2)",
        )?
        .execute(params![now.as_micros(), STEP])?;
    let others = transaction
        .prepare_cached(&who_else("leased_uses", "until_us >= ?5"))?
        .query_row(params![tool_use, issuer, subject, agent, now.as_micros()], named_of)?;
    if !others.by_itself {
        transaction
            .prepare_cached(
                "INSERT INTO leased_uses (tool_use, issuer, subject, agent, call, until_us)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET call = ?5, until_us = ?6",
            )?
            .execute(params![
                tool_use,
                issuer,
                subject,
                agent,
                call.to_be_bytes(),
                now.as_micros().saturating_add(LEASE_US)
            ])?;
    }
    Ok(others)
}

pub(super) fn release(
    transaction: &Transaction<'_>,
    tool_use: &str,
    whose: &Subject,
    call: u128,
) -> rusqlite::Result<()> {
    let Subject { issuer, subject, agent } = whose;
    transaction
        .prepare_cached(
            "DELETE FROM leased_uses
             WHERE tool_use = ?1 AND issuer = ?2 AND subject = ?3 AND agent = ?4 AND call = ?5",
        )?
        .execute(params![tool_use, issuer, subject, agent, call.to_be_bytes()])
        .map(|_| ())
}

/// What came of noting an exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    New,
    Known,
    Full,
}

pub(super) fn expect(transaction: &Transaction<'_>, expecting: &Expecting) -> rusqlite::Result<Noted> {
    let Expecting { key, subject, keyed, said, is_refused, at } = expecting;
    let [tool_use, trace, word, statement] = words(keyed);
    let exchange = key.exchange.to_string();
    let (calls, same): (i64, i64) = transaction
        .prepare_cached(
            "SELECT count(*), coalesce(sum(tool_use IS ?2 AND trace IS ?3 AND word IS ?4 AND said IS ?5), 0)
             FROM expecting WHERE exchange = ?1",
        )?
        .query_row(params![exchange, tool_use, trace, word, said], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if same > 0 {
        return Ok(Noted::Known);
    }
    if calls >= MOST_CALLS {
        return Ok(Noted::Full);
    }
    transaction
        .prepare_cached(
            "INSERT INTO expecting
                 (exchange, number, day, issuer, subject, agent, tool_use, trace, word, statement, at_us,
                  is_refused, said)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
            is_refused,
            said,
        ])?;
    forget_expecting(transaction, *at)?;
    Ok(Noted::New)
}

/// See [`gateway::ports::Expected::is_beyond`].
pub(super) fn is_beyond(connection: &Connection, expecting: &Expecting) -> rusqlite::Result<bool> {
    let Expecting { subject: Subject { subject, .. }, keyed, at, .. } = expecting;
    for (column, word) in [("trace", &keyed.trace), ("word", &keyed.word)] {
        let Some(word) = word else { continue };
        // Whoever tells may leave issuer and agent open. Those that were refused come behind it.
        let before: i64 = connection
            .prepare_cached(&format!(
                "SELECT count(*) FROM (
                     SELECT 1 FROM expecting
                     WHERE {column} = ?1 AND subject = ?2 AND at_us BETWEEN ?3 AND ?4 AND is_refused = 0 LIMIT ?5)"
            ))?
            .query_row(params![word, subject, oldest(*at), at.as_micros(), FOUND + 1], |row| row.get(0))?;
        if before > FOUND {
            return Ok(true);
        }
    }
    Ok(false)
}

fn forget_expecting(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    for (which, oldest_us) in
        [("tool_use IS NULL", oldest(now)), ("tool_use IS NOT NULL", since(now, NAMED_LIFE))]
    {
        transaction
            .prepare_cached(&format!(
                "DELETE FROM expecting WHERE (exchange, number) IN
                     (SELECT exchange, number FROM expecting WHERE {which} AND at_us < ?1 ORDER BY at_us LIMIT ?2)"
            ))?
            .execute(params![oldest_us, STEP])?;
    }
    Ok(())
}
