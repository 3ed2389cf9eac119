//! What is read and what is written.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws::{Compacted, Index, IndexRow};
use bytes::Bytes;
use domain::Timestamp;
use gateway::Fault;
use gateway::ports::Recordings;
use recording::{ObjectKind, RecordKey};

/// The records, and the index of them.
#[async_trait]
pub trait Store: Recordings {
    /// Notes for how long rows are kept that are written now, so that whoever asks for one that is forgotten is not told that there was none.
    async fn note_kept_for(&self, keep: Duration, now: Timestamp) -> Result<(), Fault>;

    /// Writes a row under all that it is found by, at that moment and for so long; one that was made of more objects stays.
    async fn write(&self, row: &IndexRow, now: Timestamp, keep: Duration) -> Result<(), Fault>;
}

/// What lies where in an account.
#[derive(Clone)]
pub struct Account {
    /// The records.
    pub records: Arc<Compacted>,
    /// The table of rows.
    pub index: Index,
}

#[async_trait]
impl Recordings for Account {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        self.records.read(key, kind).await
    }
}

#[async_trait]
impl Store for Account {
    async fn note_kept_for(&self, keep: Duration, now: Timestamp) -> Result<(), Fault> {
        self.index.note_kept_for(keep, now, || self.records.oldest_day()).await
    }

    async fn write(&self, row: &IndexRow, now: Timestamp, keep: Duration) -> Result<(), Fault> {
        self.index.write(row, now, keep).await
    }
}
