//! Records, written once and read back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ExchangeId, Timestamp};
use gateway::ports::{Recorder, Recordings, Written};
use gateway::{Fault, Receipt};
use recording::{ObjectKind, RecordKey, digest_of};
use rusqlite::params;
use tokio::sync::OwnedMutexGuard;

use crate::error::{cannot_read, cannot_write, was_interrupted};
use crate::home::{Home, Inner};
use crate::layout::{neighbours, origin_of};
use crate::write_once::Wrote;

#[async_trait]
impl Recorder for Home {
    async fn keep(&self, key: &RecordKey, kind: ObjectKind, bytes: Bytes) -> Result<Written, Fault> {
        // Exchanges that begin in one session at once try the same number: they wait here for each other, because
        // whoever comes second would have synced for nothing.
        let turn = match kind {
            ObjectKind::Opening => Some(self.inner.in_flight.turn(key.exchange).await),
            ObjectKind::Closing
            | ObjectKind::Approval { .. }
            | ObjectKind::Standing { .. }
            | ObjectKind::Evidence { .. }
            | ObjectKind::Page { .. }
            | ObjectKind::Sealed => None,
        };
        let (home, key) = (self.clone(), key.clone());
        let kept = tokio::task::spawn_blocking(move || keep(&home.inner, &key, kind, &bytes))
            .await
            .map_err(|error| was_interrupted(origin_of(kind), error))?;
        drop(turn);
        kept
    }

    async fn count_rejected(
        &self,
        door: &'static str,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let count = "INSERT INTO rejected (minute, door, reason, count) VALUES (?1, ?2, ?3, 1)
                     ON CONFLICT DO UPDATE SET count = count + 1";
        let minute = now.as_secs().div_euclid(60);
        self.inner
            .state
            .write(move |transaction| {
                transaction.prepare_cached(count)?.execute(params![minute, door, reason]).map(|_| ())
            })
            .await
    }
}

#[async_trait]
impl Recordings for Home {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        let path = self.inner.layout.object(key, kind).ok_or_else(|| no_key(kind))?;
        let home = self.clone();
        let read = tokio::task::spawn_blocking(move || home.inner.files.disk().read(&path))
            .await
            .map_err(|error| was_interrupted(origin_of(kind), error))?;
        Ok(read.map_err(|error| cannot_read(origin_of(kind), error))?.map(Bytes::from))
    }
}

fn keep(home: &Inner, key: &RecordKey, kind: ObjectKind, bytes: &[u8]) -> Result<Written, Fault> {
    let root = home.layout.objects(kind);
    let path = home.layout.object(key, kind).ok_or_else(|| no_key(kind))?;
    let broken = |error| cannot_write(origin_of(kind), error);
    // INVARIANT: a session's numbers are its own across midnight, although the day is part of the key. (Two processes
    // at midnight can still miss each other here; then `Exchanges::begin` refuses the second.)
    if kind == ObjectKind::Opening {
        for other in neighbours(key).ok_or_else(|| no_key(kind))? {
            let other = home.layout.object(&other, kind).ok_or_else(|| no_key(kind))?;
            if home.files.is_taken(&root, &other).map_err(broken)? {
                return Ok(Written::Taken);
            }
        }
    }
    match home.files.write(&root, &path, bytes).map_err(broken)? {
        Wrote::Kept => Ok(Written::Kept(Receipt::kept(digest_of(bytes)))),
        Wrote::Taken => Ok(Written::Taken),
    }
}

fn no_key(kind: ObjectKind) -> Fault {
    Fault::lasting(origin_of(kind), "the day of this exchange is damaged")
}

/// The numbers at which openings are being written in this process.
#[derive(Default)]
pub(crate) struct InFlight {
    turns: Mutex<HashMap<ExchangeId, Arc<tokio::sync::Mutex<()>>>>,
}

impl InFlight {
    async fn turn(&self, exchange: ExchangeId) -> Turn<'_> {
        let queue = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(exchange).or_default())
        };
        // Made before waiting, so that a caller who gives up while waiting leaves nothing behind either.
        let mut turn = Turn { in_flight: self, exchange, guard: None };
        turn.guard = Some(queue.lock_owned().await);
        turn
    }
}

struct Turn<'a> {
    in_flight: &'a InFlight,
    exchange: ExchangeId,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.in_flight.turns.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // Nobody joins a queue but under this lock: when the map alone holds it, nobody waits in it.
        if turns.get(&self.exchange).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            turns.remove(&self.exchange);
        }
    }
}
