//! Rows by which what was recorded is found: by its session, its person, its agent, a table, and what was refused or held on a day.
//!
//! Athena is asked minutes later and over whole days; whoever looks after agents wants to see what one has just done. So every closing,
//! and every late evidence, is told to this function as soon as it is kept (S3 tells a topic, the topic a queue, the queue this function),
//! and it writes the exchange's rows into a table of their own ([`aws::Index`] says under which keys). Nothing waits for it: no answer
//! of the gateway is later for a row that is not there yet.
//!
//! **A row is told once at least, in any order.** Each is written whole, of all that lies under the exchange's number, and stays where one
//! of more objects is there already. What cannot be read or written for now is told again, by its message alone.
//!
//! What S3 told nobody of is found once a day by `seal`, which tells it again.
//!
//! The function decides nothing and opens no sealed text, and writes no text of a statement and no prompt.
//!
//! ```
//! use index::Measured;
//!
//! let measured = Measured { lags_ms: vec![2100, 900] };
//! let lines = measured.lines("Snowgate/snowgate", domain::Timestamp::from_micros(0));
//! assert!(lines[0].contains(r#""IndexLag":[2100,900]"#));
//! ```

mod metrics;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws::{Failed, IndexRow, Message, Told};
use domain::Timestamp;
use futures::{StreamExt, stream};
use gateway::ports::Clock;
use gateway::{Fault, Origin, Recorded};
use recording::{ObjectKind, RecordKey};
use serde::Serialize;
use thiserror::Error;
use traces::Root;
use tracing::Instrument;

pub use metrics::Measured;
pub use store::{Account, Store};

/// Exchanges that are read and written at once.
const AT_ONCE: usize = 16;

/// What is left of a call's time when nothing more is begun or waited for, so that what was done is answered.
const TO_ANSWER: Duration = Duration::from_secs(5);

/// How long it is remembered for how long rows are noted to be kept: another release may say otherwise meanwhile.
const NOTED: Duration = Duration::from_secs(60);

/// The event is none of ours.
// SECURITY: what it holds is not told.
#[derive(Debug, Error)]
#[error("the event is none of this function's: see events/index for what is sent")]
pub struct Unreadable;

/// What became of messages: those that are to be told again, as Lambda wants it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// None where everything is in the index.
    pub batch_item_failures: Vec<Failed>,
}

impl Answer {
    fn all_again(messages: &[Message]) -> Self {
        Self { batch_item_failures: aws::failed(messages, |_| true) }
    }
}

/// Makes rows of records.
#[derive(Clone)]
pub struct Indexer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keep: Duration,
    /// When it was noted for how long rows are kept.
    noted: Arc<Mutex<Option<Timestamp>>>,
}

impl Indexer {
    /// Over this store. Rows are kept for so long after their exchange was closed.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, keep: Duration) -> Self {
        Self { store, clock, keep, noted: Arc::default() }
    }

    /// Writes rows of all that the messages of an event tell of; what became of them, and what is to be measured of that. What fails is
    /// told by its message, and holds up no other. So is what is not done when this time is almost over: Lambda would end the call
    /// and have all of it told again.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub async fn handle(
        &self,
        event: &serde_json::Value,
        time: Duration,
    ) -> Result<(Answer, Measured), Unreadable> {
        // Who sends these says of no trace that they belong to it.
        let root: Root = traces::root!("index");
        let span = root(None);
        let done = self.handled(event, time).instrument(span.clone()).await;
        span.record("failed", done.is_err());
        done
    }

    async fn handled(
        &self,
        event: &serde_json::Value,
        time: Duration,
    ) -> Result<(Answer, Measured), Unreadable> {
        let end = tokio::time::Instant::now() + time.saturating_sub(TO_ANSWER);
        let messages = aws::messages(event).filter(|messages| !messages.is_empty()).ok_or(Unreadable)?;
        // INVARIANT: no row is kept for a time that the index does not say.
        match tokio::time::timeout_at(end, self.note()).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                tracing::warn!(
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "nothing is written before the index says for how long: all of it is told again"
                );
                return Ok((Answer::all_again(&messages), Measured::default()));
            }
            Err(_) => {
                tracing::warn!(
                    "time is over before the index says for how long rows are kept: all of it is told again"
                );
                return Ok((Answer::all_again(&messages), Measured::default()));
            }
        }
        // Of an exchange that is told of by many objects, its rows are written once.
        let mut told: BTreeMap<RecordKey, BTreeSet<ObjectKind>> = BTreeMap::new();
        let mut in_time: BTreeSet<RecordKey> = BTreeSet::new();
        for notice in messages.iter().filter_map(|message| message.notice.as_ref().ok()) {
            for (key, kind) in &notice.objects {
                told.entry(key.clone()).or_default().insert(*kind);
                if !notice.is_late && *kind == ObjectKind::Closing {
                    in_time.insert(key.clone());
                }
            }
        }
        // INVARIANT: undone until it is known to be done.
        let mut undone: BTreeSet<Told> =
            told.iter().flat_map(|(key, kinds)| kinds.iter().map(|kind| (key.clone(), *kind))).collect();
        let mut lags_ms = Vec::new();
        // What was just recorded before what is told again, of which there may be a day.
        let (new, late): (Vec<_>, Vec<_>) = told.into_iter().partition(|(key, _)| in_time.contains(key));
        // Owned, for a future that borrows them from a stream is not known to be `Send`.
        let mut written = stream::iter(new.into_iter().chain(late))
            .map(|(key, kinds)| async move {
                let written = self.write(&key, &kinds).await;
                (key, kinds, written)
            })
            .buffer_unordered(AT_ONCE);
        loop {
            let Ok(next) = tokio::time::timeout_at(end, written.next()).await else {
                tracing::warn!(
                    objects = undone.len(),
                    "time is over: what is not in the index yet is told again"
                );
                break;
            };
            let Some((key, kinds, written)) = next else { break };
            match written {
                Ok(Written { closed, absent }) => {
                    if let Some(closed) = closed.filter(|_| in_time.contains(&key)) {
                        let lag = self.clock.now().since(closed).as_millis();
                        lags_ms.push(u64::try_from(lag).unwrap_or(u64::MAX));
                    }
                    if !absent.is_empty() {
                        tracing::warn!(exchange = %key.exchange, "an object that was told of is not there: it is told again");
                    }
                    for kind in kinds.difference(&absent) {
                        undone.remove(&(key.clone(), *kind));
                    }
                }
                Err(fault) => {
                    tracing::warn!(exchange = %key.exchange, fault = &fault as &(dyn std::error::Error + 'static), "an exchange is not in the index yet: it is told again");
                }
            }
        }
        drop(written);
        let batch_item_failures = aws::failed(&messages, |object| undone.contains(object));
        Ok((Answer { batch_item_failures }, Measured { lags_ms }))
    }

    /// Notes for how long rows are kept, where that was not done lately.
    async fn note(&self) -> Result<(), Fault> {
        let now = self.clock.now();
        let noted = *self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_some_and(|noted| noted <= now && now.since(noted) < NOTED) {
            return Ok(());
        }
        self.store.note_kept_for(self.keep, now).await?;
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    /// Writes the rows of one exchange. None of late evidence of one that is still under way: its closing is told of, too.
    async fn write(&self, key: &RecordKey, kinds: &BTreeSet<ObjectKind>) -> Result<Written, Fault> {
        let found = Recorded::read(&*self.store, key).await?;
        // SECURITY: whatever was told, there is nothing to tell of what is not there.
        let absent = kinds.iter().copied().filter(|kind| !found.has(*kind)).collect();
        if !found.has(ObjectKind::Closing) {
            return Ok(Written { closed: None, absent });
        }
        let Some(row) = IndexRow::new(key, &found.row(key), found.counts())? else {
            return Err(Fault::lasting(Origin::Recordings, "a closing is damaged, or another's"));
        };
        self.store.write(&row, self.clock.now(), self.keep).await?;
        Ok(Written { closed: Some(row.closed), absent })
    }
}

/// What came of one exchange.
struct Written {
    /// When it was closed; none while it is under way.
    closed: Option<Timestamp>,
    /// What was told of and is not there.
    absent: BTreeSet<ObjectKind>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn every_event_is_one_of_ours() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/index");
        let mut seen = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let event = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let messages = aws::messages(&event).unwrap();
            let notices = messages.iter().map(|one| one.notice.as_ref().unwrap());
            let told: Vec<_> = notices.map(|one| (one.objects.len(), one.is_late)).collect();
            assert_eq!(
                told,
                [(1, false), (1, false), (2, true), (0, false)],
                "a closing, evidence, two that are told again, S3's own test"
            );
            seen.push(path.file_name().unwrap().to_owned());
        }
        assert_eq!(seen, ["kept.json"]);
    }
}
