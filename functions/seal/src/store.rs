//! What is read and what is kept.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws::{Compacted, Index, Kept, Told};
use bytes::Bytes;
use domain::Timestamp;
use gateway::Fault;
use gateway::ports::Recordings;
use recording::{ObjectKind, RecordKey};

/// The records, where rows of them are kept, and who is told of them.
#[async_trait]
pub trait Store: Recordings {
    /// Keeps a file of rows of that day under a name that its content follows from, durably and whole. One that is there already
    /// stays.
    async fn keep(&self, day: &str, name: &str, file: Vec<u8>) -> Result<(), Fault>;

    /// Keys of a day's closings and late evidence, in their order, behind that one; at most `limit`, fewer only at the end.
    async fn objects_of(&self, day: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Fault>;

    /// The same of the sessions that begin so, each with when it was kept.
    async fn kept_on(
        &self,
        day: &str,
        session: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, Fault>;

    /// The exchanges that wait for a person, at most `limit`.
    async fn waiting(&self, limit: usize) -> Result<Vec<RecordKey>, Fault>;

    /// Of those of these exchanges that are in the index, with how much late evidence they are there.
    async fn late_of(&self, keys: &[RecordKey]) -> Result<HashMap<RecordKey, u32>, Fault>;

    /// Notes in the index that all has its rows that was opened on this day, which is over; and that nothing was recorded before, where
    /// that is so.
    async fn note_whole(&self, begin: Timestamp, end: Timestamp) -> Result<(), Fault>;

    /// Tells whoever is told of records of these once more.
    async fn tell_again(&self, objects: &[Told]) -> Result<(), Fault>;
}

/// What lies where in an account.
#[derive(Clone)]
pub struct Account {
    /// Records, and files of rows.
    pub records: Arc<Compacted>,
    /// The index.
    pub index: Index,
    /// The topic that is told of records.
    pub kept: Kept,
}

#[async_trait]
impl Recordings for Account {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        self.records.read(key, kind).await
    }
}

#[async_trait]
impl Store for Account {
    async fn keep(&self, day: &str, name: &str, file: Vec<u8>) -> Result<(), Fault> {
        self.records.keep(day, name, file).await
    }

    async fn objects_of(&self, day: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Fault> {
        self.records.objects_of(day, after, limit).await
    }

    async fn kept_on(
        &self,
        day: &str,
        session: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, Fault> {
        self.records.kept_on(day, session, after, limit).await
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<RecordKey>, Fault> {
        self.records.waiting(limit).await
    }

    async fn late_of(&self, keys: &[RecordKey]) -> Result<HashMap<RecordKey, u32>, Fault> {
        self.index.late_of(keys).await
    }

    async fn note_whole(&self, begin: Timestamp, end: Timestamp) -> Result<(), Fault> {
        let is_first = self.records.oldest_day().await?.is_none_or(|oldest| oldest >= begin.day());
        self.index.note_whole(begin, end, is_first).await
    }

    async fn tell_again(&self, objects: &[Told]) -> Result<(), Fault> {
        self.kept.tell_again(objects).await
    }
}
