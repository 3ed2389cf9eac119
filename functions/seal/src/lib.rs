//! Records as rows: what auditors ask with Athena.
//!
//! Records are an object each, which is what a proof wants and what costs most to ask: a day of a million statements is two million
//! reads. So every closing, and every late evidence, is told to this function as soon as it is kept (S3 tells a queue, the queue this
//! function, many at once), and it keeps one file of rows for all that it was told of a day. What waits for a person has no closing,
//! and is told every hour anew.
//!
//! **A row is told once at least, and the latest counts** (the view `exchanges` of `infra/athena.yaml`). So nothing is to be kept
//! equal in two places: a file is whole or not there, its name follows from the objects that it was told of, and whoever dies anywhere
//! is told of the same once more.
//!
//! **What S3 told nobody of** is found once a day: [`Event::Missed`] goes through the closings and late evidence of a day, looks which are in
//! no row of the index, and has the topic tell of them again. So everybody who makes something of records hears of them, this function too.
//!
//! The function decides nothing and opens no sealed text. It closes nothing: what is lost is found and closed by the sweep of `work`.
//! What an exchange lacks stands in its row; what cannot be read for now makes no row, and is told again.
//!
//! ```
//! let told = serde_json::json!({ "task": "day", "day": "2026-11-26" });
//! assert!(matches!(seal::read(&told), Ok(seal::Event::Day { .. })));
//! ```

mod event;
mod file;
mod missed;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws::{Failed, Message, Told};
use futures::{StreamExt, TryStreamExt, stream};
use gateway::ports::Clock;
use gateway::{Fault, Origin, Recorded, Retry};
use recording::{ExchangeRow, ObjectKind, RecordKey};
use serde::Serialize;
use thiserror::Error;
use tracing::Instrument;

pub use event::{Event, Missed, read};
use file::File;
pub use store::{Account, Store};

/// Objects whose exchanges go into one file at most.
const FILE: usize = 2000;

/// Exchanges that are read at once.
const AT_ONCE: usize = 32;

/// Objects of a day that one call goes through.
const DAY: usize = 20_000;

/// Exchanges that wait for people, at most; more than these are said to be too many.
const WAITING: usize = 5000;

/// Why nothing was done. Lambda tries it again.
#[derive(Debug, Error)]
pub enum NotDone {
    /// The event is none of ours.
    // SECURITY: what it holds is not told.
    #[error("the event is none of this function's: see events/seal for what is sent")]
    Unreadable,
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What became of an event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of messages: those that are to be told again.
    #[serde(rename_all = "camelCase")]
    Messages {
        /// As Lambda wants it.
        batch_item_failures: Vec<Failed>,
    },
    /// Of a day, or of what waits.
    Rows {
        /// How many were kept.
        rows: usize,
        /// The object that a next call goes on behind; none at the end.
        next: Option<String>,
    },
    /// Of a day that was looked through.
    Missed {
        /// Which.
        day: String,
        /// Closings and late evidence that lie there.
        kept: usize,
        /// Those that nobody was told of. They are told of again.
        missed: usize,
    },
}

/// Makes rows of records.
#[derive(Clone)]
pub struct Seal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Seal {
    /// Over this store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Does what an event says.
    ///
    /// # Errors
    /// [`NotDone`]; it may be done again.
    pub async fn handle(&self, event: &serde_json::Value) -> Result<Answer, NotDone> {
        let event = read(event)?;
        let span = event.span();
        let done = self.handled(event).instrument(span.clone()).await;
        span.record("failed", done.is_err());
        done
    }

    async fn handled(&self, event: Event) -> Result<Answer, NotDone> {
        match event {
            Event::Messages(messages) => Ok(self.messages(&messages).await),
            Event::Day { day, after } => Ok(self.day(&day, after.as_deref()).await?),
            Event::Waiting => Ok(self.waiting().await?),
            Event::Missed(missed) => {
                let now = self.clock.now();
                let day = missed.day(now);
                let (kept, missed) = missed::find_and_tell(&*self.store, &day, now).await?;
                tracing::info!(day, kept, missed, "a day was looked through for what nobody was told of");
                Ok(Answer::Missed { day, kept, missed })
            }
        }
    }

    /// Rows of all that these messages tell of. What fails is told by its message, and holds up no other.
    async fn messages(&self, messages: &[Message]) -> Answer {
        let read = messages.iter().filter_map(|message| message.notice.as_ref().ok());
        let unread = self.keep_all(read.flat_map(|notice| notice.objects.iter().cloned()).collect()).await;
        for (object, fault) in &unread {
            tracing::warn!(key = %object.0, fault = fault as &(dyn std::error::Error + 'static), "an exchange has no row yet: it is told again");
        }
        Answer::Messages { batch_item_failures: aws::failed(messages, |object| unread.contains_key(object)) }
    }

    /// Rows of a whole day, or of the next many of it: where the queue lost something, or there was none yet.
    async fn day(&self, day: &str, after: Option<&str>) -> Result<Answer, Fault> {
        let keys = self.store.objects_of(day, after, DAY).await?;
        let next = if keys.len() < DAY { None } else { keys.last().cloned() };
        let makes_a_row = |told: &Told| matches!(told.1, ObjectKind::Closing | ObjectKind::Evidence { .. });
        let told = keys.iter().filter_map(|key| RecordKey::parse(key)).filter(makes_a_row);
        let told: BTreeSet<Told> = told.collect();
        let mut rows = told.len();
        for ((key, kind), fault) in self.keep_all(told).await {
            // What can be read at another time is tried again with all of it; what never can holds up no other.
            if fault.retry != Retry::Never {
                return Err(fault);
            }
            rows = rows.saturating_sub(1);
            tracing::error!(
                object = key.object(kind),
                fault = &fault as &(dyn std::error::Error + 'static),
                "an object makes no row: somebody must look"
            );
        }
        Ok(Answer::Rows { rows, next })
    }

    /// Rows of what waits for people, as it stands.
    async fn waiting(&self) -> Result<Answer, Fault> {
        let keys = self.store.waiting(WAITING).await?;
        if keys.len() >= WAITING {
            tracing::error!(waiting = keys.len(), "more waits for people than is told to Athena");
        }
        let (rows, moment) = (keys.len(), self.clock.now());
        let mut days: BTreeMap<String, Vec<RecordKey>> = BTreeMap::new();
        for key in keys {
            days.entry(key.day.clone()).or_default().push(key);
        }
        for (day, keys) in days {
            let read: Vec<ExchangeRow> =
                stream::iter(keys)
                    .map(|key| async move {
                        Recorded::read(&*self.store, &key).await.map(|found| found.row(&key))
                    })
                    .buffered(AT_ONCE)
                    .try_collect()
                    .await?;
            let mut file = File::new(moment)?;
            read.into_iter().try_for_each(|row| file.push(row))?;
            // Another hour has another name.
            let name = format!("waiting-{}", name_of(moment.to_string().as_bytes()));
            self.store.keep(&day, &name, file.finish()?).await?;
        }
        Ok(Answer::Rows { rows, next: None })
    }

    /// Keeps rows of these objects' exchanges; what could not be read or kept, and why.
    async fn keep_all(&self, told: BTreeSet<Told>) -> BTreeMap<Told, Fault> {
        let mut days: BTreeMap<String, Vec<Told>> = BTreeMap::new();
        for object in told {
            days.entry(object.0.day.clone()).or_default().push(object);
        }
        let mut unread = BTreeMap::new();
        for (day, objects) in days {
            for some in objects.chunks(FILE) {
                unread.extend(self.keep_file(&day, some).await);
            }
        }
        unread
    }

    async fn keep_file(&self, day: &str, objects: &[Told]) -> BTreeMap<Told, Fault> {
        let mut unread = BTreeMap::new();
        let mut kept: Vec<Told> = Vec::new();
        let moment = self.clock.now();
        let file = async {
            let mut file = File::new(moment)?;
            // Owned, for a future that borrows them from a stream is not known to be `Send`.
            let mut rows = stream::iter(objects.to_vec())
                .map(|object| async move {
                    let (key, kind) = &object;
                    let row = Recorded::with(&*self.store, key, *kind).await.map(|found| found.row(key));
                    (object, row)
                })
                .buffered(AT_ONCE);
            let mut last: Option<RecordKey> = None;
            while let Some((object, row)) = rows.next().await {
                match row {
                    // Late evidence stands in the row of its closing.
                    Ok(_) if last.as_ref() == Some(&object.0) => kept.push(object),
                    Ok(row) => {
                        last = Some(object.0.clone());
                        file.push(row)?;
                        kept.push(object);
                    }
                    Err(fault) => {
                        unread.insert(object, fault);
                    }
                }
            }
            if kept.is_empty() {
                return Ok(());
            }
            // INVARIANT: of the objects, not of their exchanges. Evidence that comes later makes another name, and another row.
            let names: String = kept.iter().map(|(key, kind)| key.object(*kind) + "\n").collect();
            self.store.keep(day, &name_of(names.as_bytes()), file.finish()?).await
        };
        let done: Result<(), Fault> = file.await;
        if let Err(fault) = done {
            tracing::warn!(
                fault = &fault as &(dyn std::error::Error + 'static),
                "a file of rows was not kept"
            );
            let public = fault.public.clone();
            let again = |object: &Told| (object.clone(), Fault::passing(Origin::Recordings, public.clone()));
            return objects.iter().map(again).collect();
        }
        unread
    }
}

/// A name that follows from this.
fn name_of(bytes: &[u8]) -> String {
    recording::digest_of(bytes).to_string().replace(':', "-")
}
