//! What is read and what is kept.

use async_trait::async_trait;
use bytes::Bytes;
use gateway::Fault;
use recording::{ObjectKind, RecordKey};

/// The records, and where rows of them are kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// The object's bytes, also those of a step of an approval; none when there is none.
    async fn object(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault>;

    /// Keeps a file of rows of that day under a name that its content follows from, durably and whole. One that is there already
    /// stays.
    async fn keep(&self, day: &str, name: &str, file: Vec<u8>) -> Result<(), Fault>;

    /// Keys of a day's closings and late evidence, in their order, behind that one; at most `limit`, fewer only at the end.
    async fn objects_of(&self, day: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Fault>;

    /// The exchanges that wait for a person, at most `limit`.
    async fn waiting(&self, limit: usize) -> Result<Vec<RecordKey>, Fault>;
}

#[async_trait]
impl Store for aws::Compacted {
    async fn object(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        self.object(key, kind).await
    }

    async fn keep(&self, day: &str, name: &str, file: Vec<u8>) -> Result<(), Fault> {
        self.keep(day, name, file).await
    }

    async fn objects_of(&self, day: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Fault> {
        self.objects_of(day, after, limit).await
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<RecordKey>, Fault> {
        self.waiting(limit).await
    }
}
