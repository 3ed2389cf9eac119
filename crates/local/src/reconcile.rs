//! Finding what a crash left behind, and forgetting what is over.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::Duration;

use domain::{KeyedDigest, RequestId, SessionId, Timestamp};
use gateway::ports::CLAIM_LIFE;
use gateway::{Fault, Live, Origin, keyed_request};
use recording::{ObjectKind, Opening, RecordKey, Stored};
use rusqlite::{OptionalExtension, params};

use crate::error::{cannot_read, cannot_use_state, was_interrupted};
use crate::exchanges::{Adopted, Row, adopt};
use crate::home::{Home, Inner};

/// For how long a closed exchange is found by its handle and its request id.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long a session that fell silent is remembered; longer than any session may be idle.
const SESSIONS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// For how long counts of rejected requests are kept.
const REJECTED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Rows that one step of housekeeping touches at most.
const STEP: i64 = 256;

/// The last day that was searched whole, in `meta`.
const SEARCHED: &str = "reconciled_day";

/// What [`Home::reconcile`] found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reconciled {
    /// Openings that had neither a closing nor anybody who knew of them; they are unattended now.
    pub adopted: Vec<RecordKey>,
    /// Openings without a closing that cannot be read: somebody must look.
    pub damaged: Vec<RecordKey>,
}

/// An opening that is nobody's.
struct Orphan {
    live: Live,
    request: Option<String>,
    digest: KeyedDigest,
}

impl Home {
    /// Openings that have neither a closing nor anybody who knows of them, on the days that were not searched before.
    ///
    /// # Errors
    /// A fault when the recordings or the state cannot be read.
    pub async fn orphans(&self, now: Timestamp) -> Result<Vec<RecordKey>, Fault> {
        let home = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut orphans = Vec::new();
            for key in unclosed_since(&home.inner, searched(&home.inner)?)? {
                if let Some(orphan) = read_orphan(&home.inner, &key)?
                    && !is_known(&home.inner, &orphan, now)?
                {
                    orphans.push(key);
                }
            }
            Ok(orphans)
        })
        .await
        .map_err(|error| was_interrupted(Origin::Exchanges, error))?
    }

    /// Makes every orphan an exchange that `unattended` finds, to be closed as lost. To be called when a gateway
    /// starts; harmless beside other processes, and when called again.
    ///
    /// # Errors
    /// A fault when the recordings or the state cannot be read or written.
    pub async fn reconcile(&self, now: Timestamp) -> Result<Reconciled, Fault> {
        let home = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut reconciled = Reconciled::default();
            for key in unclosed_since(&home.inner, searched(&home.inner)?)? {
                adopt_one(&home.inner, key, now, &mut reconciled)?;
            }
            let note = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2";
            home.inner
                .state
                .write_now(|tx| tx.execute(note, params![SEARCHED, now.day()]))
                .map_err(cannot_use_state)?;
            Ok(reconciled)
        })
        .await
        .map_err(|error| was_interrupted(Origin::Exchanges, error))?
    }

    /// Housekeeping, in bounded steps: claims that never began, exchanges that are over, sessions that ended.
    pub(crate) async fn keep_house(&self, now: Timestamp) -> Result<(), Fault> {
        let home = self.clone();
        tokio::task::spawn_blocking(move || {
            settle_claims(&home.inner, now)?;
            forget(&home.inner, now)
        })
        .await
        .map_err(|error| was_interrupted(Origin::Exchanges, error))?
    }
}

/// Drops claims that never began, after searching their sessions for what was opened all the same.
fn settle_claims(home: &Inner, now: Timestamp) -> Result<(), Fault> {
    let stale = "SELECT handle, session, opened_us FROM exchanges WHERE stage = 0 AND opened_us < ?1
                 UNION ALL SELECT handle, session, opened_us FROM exchanges WHERE stage = 3 LIMIT ?2";
    let before = before(now, CLAIM_LIFE);
    let claims: Vec<([u8; 16], [u8; 16], i64)> = home
        .state
        .read_now(|connection| {
            let mut stale = connection.prepare_cached(stale)?;
            let rows =
                stale.query_map(params![before, STEP], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
        .map_err(cannot_use_state)?;
    if claims.is_empty() {
        return Ok(());
    }
    let mut places = BTreeSet::new();
    for (_, session, opened) in &claims {
        let session = SessionId::from_u128(u128::from_be_bytes(*session));
        let opened = Timestamp::from_micros(*opened);
        // The opening is written a moment after the claim, which midnight can separate.
        places.insert((opened.day(), session));
        places.insert((opened.after(CLAIM_LIFE).day(), session));
    }
    let mut reconciled = Reconciled::default();
    for (day, session) in places {
        for key in unclosed_of(home, &day, session)? {
            adopt_one(home, key, now, &mut reconciled)?;
        }
    }
    for key in &reconciled.damaged {
        tracing::error!(%key, "an opening without a closing cannot be read");
    }
    // INVARIANT: only now. Before its session was searched, a claim is what a crash can be found by.
    let drop_claim = "DELETE FROM exchanges WHERE handle = ?1 AND stage IN (0, 3)";
    home.state
        .write_now(|tx| {
            let mut drop_claim = tx.prepare_cached(drop_claim)?;
            claims.iter().try_for_each(|(handle, _, _)| drop_claim.execute(params![handle]).map(|_| ()))
        })
        .map_err(cannot_use_state)
}

/// Forgets what is over.
fn forget(home: &Inner, now: Timestamp) -> Result<(), Fault> {
    let is_due = "SELECT EXISTS (SELECT 1 FROM exchanges WHERE stage = 2 AND tended_us < ?1)
                  OR EXISTS (SELECT 1 FROM sessions WHERE last_us < ?2)
                  OR EXISTS (SELECT 1 FROM rejected WHERE minute < ?3)
                  OR EXISTS (SELECT 1 FROM mails_per_second WHERE second < ?4)";
    let closed = before(now, RETENTION);
    let silent = before(now, SESSIONS);
    let minute = before(now, REJECTED).div_euclid(60_000_000);
    // What is asked and mailed within an hour is counted, generously.
    let two_hours_ago = before(now, Duration::from_secs(2 * 60 * 60));
    let mailed = two_hours_ago.div_euclid(1_000_000);
    let is_due: bool = home
        .state
        .read_now(|connection| {
            connection
                .prepare_cached(is_due)?
                .query_row(params![closed, silent, minute, mailed], |row| row.get(0))
        })
        .map_err(cannot_use_state)?;
    if !is_due {
        return Ok(());
    }
    home.state
        .write_now(|tx| {
            let over = "SELECT handle FROM exchanges WHERE stage = 2 AND tended_us < ?1 ORDER BY tended_us LIMIT ?2";
            tx.execute(&format!("DELETE FROM children WHERE handle IN ({over})"), params![closed, STEP])?;
            tx.execute(&format!("DELETE FROM exchanges WHERE handle IN ({over})"), params![closed, STEP])?;
            tx.execute(
                "DELETE FROM sessions WHERE session IN (SELECT session FROM sessions WHERE last_us < ?1 LIMIT ?2)",
                params![silent, STEP],
            )?;
            tx.execute("DELETE FROM rejected WHERE minute < ?1", params![minute])?;
            // What is asked of people is counted here, too, for an hour.
            let minute = two_hours_ago.div_euclid(60_000_000);
            tx.execute("DELETE FROM upstream_per_minute WHERE minute < ?1", params![minute])?;
            let second = two_hours_ago.div_euclid(1_000_000);
            tx.execute("DELETE FROM hidden_failures WHERE second < ?1", params![second])?;
            tx.execute("DELETE FROM claims_per_second WHERE second < ?1", params![second])?;
            // Whoever asks no more is not named here for ever.
            tx.execute("DELETE FROM mails_per_second WHERE second < ?1", params![mailed])?;
            Ok(())
        })
        .map_err(cannot_use_state)
}

fn adopt_one(home: &Inner, key: RecordKey, now: Timestamp, into: &mut Reconciled) -> Result<(), Fault> {
    let Some(orphan) = read_orphan(home, &key)? else {
        into.damaged.push(key);
        return Ok(());
    };
    let row = Row::new(&orphan.live)?;
    let adopted = home
        .state
        .write_now(|tx| adopt(tx, &row, orphan.request.as_deref(), orphan.digest, now))
        .map_err(cannot_use_state)?;
    match adopted {
        Adopted::Yes => into.adopted.push(key),
        Adopted::Known => {}
    }
    Ok(())
}

/// The opening under this key; none when it cannot be read as one.
fn read_orphan(home: &Inner, key: &RecordKey) -> Result<Option<Orphan>, Fault> {
    let Some(path) = home.layout.object(key, ObjectKind::Opening) else { return Ok(None) };
    let bytes = home.files.disk().read(&path).map_err(|error| cannot_read(Origin::Recordings, error))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let Ok(opening) = recording::decode::<Opening>(&bytes) else { return Ok(None) };
    Ok(orphan(home, key, &opening))
}

/// An orphan, by its opening.
fn orphan(home: &Inner, key: &RecordKey, opening: &Stored<Opening>) -> Option<Orphan> {
    let live = gateway::orphan(key, opening)?;
    // A request id that the detectors changed is not the client's any more, and its digest nobody's.
    let request = opening.record.request.as_ref().and_then(|request| request.parse::<RequestId>().ok());
    let request = request.and_then(|request| keyed_request(home.keys.digest_key(), &request).ok());
    let request = request.map(|request| request.as_str().to_owned());
    Some(Orphan { request, digest: opening.record.digest.parse().ok()?, live })
}

fn is_known(home: &Inner, orphan: &Orphan, now: Timestamp) -> Result<bool, Fault> {
    let row = Row::new(&orphan.live)?;
    home.state.read_now(|connection| row.is_known(connection, now)).map_err(cannot_use_state)
}

/// The last day that was searched whole; none when none was.
fn searched(home: &Inner) -> Result<Option<String>, Fault> {
    home.state
        .read_now(|connection| {
            let select = "SELECT value FROM meta WHERE key = ?1";
            connection.query_row(select, params![SEARCHED], |row| row.get(0)).optional()
        })
        .map_err(cannot_use_state)
}

/// Openings without a closing, from the day before `searched` on: what the state forgot when the power failed is that
/// young, and everything before had its row when `searched` was noted.
fn unclosed_since(home: &Inner, searched: Option<String>) -> Result<Vec<RecordKey>, Fault> {
    let from = searched
        .and_then(|day| format!("{day}T12:00:00Z").parse::<Timestamp>().ok())
        .map(|noon| Timestamp::from_micros(noon.as_micros().saturating_sub(86_400_000_000)).day())
        .unwrap_or_default();
    let mut unclosed = Vec::new();
    let days = home.layout.records().join("v1");
    for name in names_in(&days)? {
        let Some(day) = name.strip_prefix("dt=").filter(|day| **day >= *from) else { continue };
        for session in names_in(&days.join(&name))? {
            if let Ok(session) = session.parse() {
                unclosed.append(&mut unclosed_of(home, day, session)?);
            }
        }
    }
    Ok(unclosed)
}

/// Openings of one session on one day that have no closing.
fn unclosed_of(home: &Inner, day: &str, session: SessionId) -> Result<Vec<RecordKey>, Fault> {
    let mut openings = BTreeSet::new();
    let mut closings = BTreeSet::new();
    for name in names_in(&home.layout.session_records(day, session))? {
        match RecordKey::parse(&format!("v1/dt={day}/{session}/{name}")) {
            Some((key, ObjectKind::Opening)) => openings.insert(key),
            Some((key, ObjectKind::Closing)) => closings.insert(key),
            Some((
                _,
                ObjectKind::Approval { .. }
                | ObjectKind::Standing { .. }
                | ObjectKind::Evidence { .. }
                | ObjectKind::Page { .. }
                | ObjectKind::Sealed,
            ))
            | None => continue,
        };
    }
    Ok(openings.difference(&closings).cloned().collect())
}

fn names_in(folder: &std::path::Path) -> Result<Vec<String>, Fault> {
    let names = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    };
    match names() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error| cannot_read(Origin::Recordings, error)),
    }
}

fn before(now: Timestamp, age: Duration) -> i64 {
    now.as_micros().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
}
