//! What the tables hold.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::HomeError;

/// The version that this program writes (`PRAGMA user_version`).
const VERSION: i64 = 9;

/// Ids are 16 bytes, big-endian; moments are microseconds since 1970, in columns that end in `_us`.
///
/// `exchanges.stage`: 0 claimed (no opening known yet), 1 under way, 2 closed, 3 a claim given back. `live` is the JSON
/// of `gateway::Live`, null in stages 0 and 3. `is_held` tells that it waits for a person, under the id in `approval`, which
/// stays when it runs. `wake_us` is when a held exchange has to be looked at, `is_woken` that somebody has decided since it was
/// last leased; `tended_us` when an
/// exchange was last leased, so that the unattended take turns, or when it was closed. `is_hidden_failure` is what
/// `gateway::Live::is_hidden_failure` says; `hidden_failures` counts those that were closed as one. `revocations` holds
/// what is revoked now; `revocation_acts` every revocation (`act` is `revoked`) and every one that was taken back
/// (`undone`), and is only ever added to. `claims_per_second` counts refused claims, too, of `refused PRINCIPAL`.
/// `mails_per_second` counts what was mailed to each address, in lower case, and of it what each asker's statements were about
/// (behind a line break).
const TABLES: &str = "
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE sessions (
    principal TEXT NOT NULL,
    conversation TEXT NOT NULL,
    session BLOB NOT NULL UNIQUE,
    last_us INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    PRIMARY KEY (principal, conversation)
) WITHOUT ROWID;
CREATE INDEX sessions_last ON sessions (last_us);

CREATE TABLE exchanges (
    handle BLOB PRIMARY KEY NOT NULL,
    principal TEXT NOT NULL,
    session BLOB NOT NULL,
    number INTEGER,
    stage INTEGER NOT NULL,
    is_counted INTEGER NOT NULL,
    opened_us INTEGER NOT NULL,
    wake_us INTEGER NOT NULL DEFAULT 0,
    tended_us INTEGER NOT NULL,
    holder BLOB,
    lease_until_us INTEGER NOT NULL DEFAULT 0,
    is_cancel_wanted INTEGER NOT NULL DEFAULT 0,
    request TEXT,
    digest TEXT,
    upstream_us INTEGER NOT NULL DEFAULT 0,
    live TEXT,
    is_hidden_failure INTEGER NOT NULL,
    is_held INTEGER NOT NULL DEFAULT 0,
    is_woken INTEGER NOT NULL DEFAULT 0,
    approval BLOB
);
CREATE UNIQUE INDEX exchanges_request ON exchanges (principal, request) WHERE request IS NOT NULL;
CREATE UNIQUE INDEX exchanges_number ON exchanges (session, number) WHERE number IS NOT NULL;
CREATE INDEX exchanges_at_once ON exchanges (principal) WHERE stage < 2;
CREATE INDEX exchanges_tended ON exchanges (tended_us) WHERE stage = 1;
CREATE INDEX exchanges_claimed ON exchanges (opened_us) WHERE stage = 0;
CREATE INDEX exchanges_closed ON exchanges (tended_us) WHERE stage = 2;
CREATE INDEX exchanges_given_back ON exchanges (opened_us) WHERE stage = 3;
CREATE INDEX exchanges_held ON exchanges (opened_us) WHERE is_held;
CREATE UNIQUE INDEX exchanges_approval ON exchanges (approval) WHERE approval IS NOT NULL;

CREATE TABLE children (
    child BLOB PRIMARY KEY,
    handle BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX children_handle ON children (handle);

CREATE TABLE claims_per_second (
    principal TEXT NOT NULL,
    second INTEGER NOT NULL,
    claims INTEGER NOT NULL,
    PRIMARY KEY (principal, second)
) WITHOUT ROWID;

CREATE TABLE upstream_per_minute (
    principal TEXT NOT NULL,
    minute INTEGER NOT NULL,
    spent_us INTEGER NOT NULL,
    PRIMARY KEY (principal, minute)
) WITHOUT ROWID;

CREATE TABLE hidden_failures (
    principal TEXT NOT NULL,
    second INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (principal, second)
) WITHOUT ROWID;

CREATE TABLE revocations (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE revocation_acts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us INTEGER,
    act TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL
);

CREATE TABLE rejected (
    minute INTEGER NOT NULL,
    door TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (minute, door, reason)
) WITHOUT ROWID;
";

/// What evidence channels saw, and what expects it. Words are keyed digests, 64 hexadecimal digits; `issuer`, `subject` and
/// `agent` say whom a sighting speaks for, null for anybody. `number` counts within a channel, so that the oldest go, and
/// `bytes` what its objects come to. `channel` is the keyed word of a credential, `name` what it was called. `text` is the keyed word of the prompt that it tells, null where it tells none; `is_met`
/// tells that every exchange that it belongs to is known to have heard it. An exchange has
/// several rows of `expecting` where calls asked the same while it waited for a person; `said` is the keyed word of what they
/// said of their conversation and prompt.
const EVIDENCE: &str = "
CREATE TABLE sightings (
    id BLOB PRIMARY KEY NOT NULL,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    issuer TEXT,
    subject TEXT,
    agent TEXT,
    tool_use TEXT,
    trace TEXT,
    word TEXT,
    statement TEXT,
    prompt_id TEXT,
    text TEXT,
    at_us INTEGER NOT NULL,
    is_met INTEGER NOT NULL DEFAULT 0,
    object BLOB NOT NULL
);
CREATE UNIQUE INDEX sightings_number ON sightings (channel, number);
CREATE INDEX sightings_tool_use ON sightings (tool_use, at_us) WHERE tool_use IS NOT NULL;
CREATE INDEX sightings_trace ON sightings (trace, at_us) WHERE trace IS NOT NULL;
CREATE INDEX sightings_word ON sightings (word, at_us) WHERE word IS NOT NULL;
CREATE INDEX sightings_statement ON sightings (statement, at_us) WHERE statement IS NOT NULL;
CREATE INDEX sightings_prompt_id ON sightings (prompt_id, channel, at_us) WHERE prompt_id IS NOT NULL;
CREATE INDEX sightings_at ON sightings (at_us);
CREATE INDEX sightings_uses ON sightings (subject, at_us) WHERE kind = 'hooks' AND tool_use IS NOT NULL;

CREATE TABLE evidence_channels (
    channel TEXT PRIMARY KEY NOT NULL,
    number INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE expecting (
    exchange TEXT NOT NULL,
    number INTEGER NOT NULL,
    day TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    agent TEXT NOT NULL,
    tool_use TEXT,
    trace TEXT,
    word TEXT,
    statement TEXT,
    at_us INTEGER NOT NULL,
    is_refused INTEGER NOT NULL DEFAULT 0,
    said TEXT,
    PRIMARY KEY (exchange, number)
) WITHOUT ROWID;
CREATE INDEX expecting_tool_use ON expecting (tool_use, is_refused, at_us) WHERE tool_use IS NOT NULL;
CREATE INDEX expecting_trace ON expecting (trace, at_us) WHERE trace IS NOT NULL;
CREATE INDEX expecting_word ON expecting (word, at_us) WHERE word IS NOT NULL;
CREATE INDEX expecting_statement ON expecting (statement, at_us) WHERE statement IS NOT NULL;
CREATE INDEX expecting_at ON expecting (at_us) WHERE tool_use IS NULL;
CREATE INDEX expecting_named_at ON expecting (at_us) WHERE tool_use IS NOT NULL;
";

/// Tool uses while calls that name them are decided.
const LEASES: &str = "
CREATE TABLE leased_uses (
    tool_use TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    agent TEXT NOT NULL,
    call BLOB NOT NULL,
    until_us INTEGER NOT NULL,
    PRIMARY KEY (tool_use, issuer, subject, agent)
) WITHOUT ROWID;
CREATE INDEX leased_uses_until ON leased_uses (until_us);
";

/// What was mailed.
const MAILS: &str = "
CREATE TABLE mails_per_second (
    mailbox TEXT NOT NULL,
    second INTEGER NOT NULL,
    mails INTEGER NOT NULL,
    PRIMARY KEY (mailbox, second)
) WITHOUT ROWID;
";

/// From version 1, which knew no hidden failures. What it has under way may be one, unless it waits for a person.
const FROM_1: &str = "
ALTER TABLE exchanges ADD COLUMN is_hidden_failure INTEGER NOT NULL DEFAULT 0;
UPDATE exchanges SET is_hidden_failure = 1 WHERE stage < 2 AND wake_us = 0;
CREATE TABLE hidden_failures (
    principal TEXT NOT NULL,
    second INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (principal, second)
) WITHOUT ROWID;
";

/// From version 2, which did not keep when something was revoked.
const FROM_2: &str = "
CREATE TABLE revocation_acts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us INTEGER,
    act TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL
);
INSERT INTO revocation_acts (act, kind, id) SELECT 'revoked', kind, id FROM revocations ORDER BY kind, id;
";

/// From version 3, which knew no approvals: what waits for a person there has none, and expires.
const FROM_3: &str = "
ALTER TABLE exchanges ADD COLUMN is_held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN is_woken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN approval BLOB;
UPDATE exchanges SET is_held = 1 WHERE stage = 1 AND wake_us > 0;
CREATE INDEX exchanges_held ON exchanges (opened_us) WHERE is_held;
CREATE UNIQUE INDEX exchanges_approval ON exchanges (approval) WHERE approval IS NOT NULL;
";

/// From version 5, whose evidence was kept by the names of its channels. It is a day's, and told anew.
const FROM_5: &str = "
DROP TABLE sightings;
DROP TABLE evidence_channels;
DROP TABLE expecting;
";

/// From version 6, which kept what was refused like what was not, and a lease of a tool use for all together.
const FROM_6: &str = "
ALTER TABLE expecting ADD COLUMN is_refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE expecting ADD COLUMN said TEXT;
DROP INDEX expecting_tool_use;
CREATE INDEX expecting_tool_use ON expecting (tool_use, is_refused, at_us) WHERE tool_use IS NOT NULL;
DROP INDEX expecting_at;
CREATE INDEX expecting_at ON expecting (at_us) WHERE tool_use IS NULL;
CREATE INDEX expecting_named_at ON expecting (at_us) WHERE tool_use IS NOT NULL;
DROP TABLE leased_uses;
";

/// From version 7, whose sightings tied prompts to tool uses across subjects. They are a day's, and told anew; who has named a tool use
/// stays.
const FROM_7: &str = "
DELETE FROM sightings;
DELETE FROM evidence_channels;
ALTER TABLE sightings ADD COLUMN is_met INTEGER NOT NULL DEFAULT 0;
";

/// From version 8, which could not tell prompts of a channel apart. Its sightings are a day's, and told anew.
const FROM_8: &str = "
DELETE FROM sightings;
DELETE FROM evidence_channels;
ALTER TABLE sightings ADD COLUMN text TEXT;
";

/// Makes the tables in a new file, and brings those of an earlier version up to date; refuses a file of an unknown
/// version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), HomeError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(HomeError::State)?;
    let found: i64 =
        transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(HomeError::State)?;
    let tables: i64 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(HomeError::State)?;
    match (found, tables) {
        (VERSION, _) => Ok(()),
        (0, 0) => write(transaction, &[TABLES, EVIDENCE, LEASES, MAILS]),
        (1, _) => write(transaction, &[FROM_1, FROM_2, FROM_3, EVIDENCE, LEASES, MAILS]),
        (2, _) => write(transaction, &[FROM_2, FROM_3, EVIDENCE, LEASES, MAILS]),
        (3, _) => write(transaction, &[FROM_3, EVIDENCE, LEASES, MAILS]),
        (4, _) => write(transaction, &[EVIDENCE, LEASES, MAILS]),
        (5, _) => write(transaction, &[FROM_5, EVIDENCE, LEASES, MAILS]),
        (6, _) => write(transaction, &[FROM_6, FROM_7, FROM_8, LEASES]),
        (7, _) => write(transaction, &[FROM_7, FROM_8]),
        (8, _) => write(transaction, &[FROM_8]),
        (_, _) => Err(HomeError::StateVersion { found, known: VERSION }),
    }
}

fn write(transaction: Transaction<'_>, steps: &[&str]) -> Result<(), HomeError> {
    for step in steps {
        transaction.execute_batch(step).map_err(HomeError::State)?;
    }
    transaction.pragma_update(None, "user_version", VERSION).map_err(HomeError::State)?;
    transaction.commit().map_err(HomeError::State)
}
