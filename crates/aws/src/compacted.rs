//! Records for whoever makes rows of them, and where files of rows lie.

use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use gateway::ports::{Approvals, Recordings};
use gateway::{Fault, Live};
use recording::{ObjectKind, RecordKey};

use crate::calls::Clients;
use crate::exchanges::Exchanges;
use crate::objects::Bucket;
use crate::records::Records;
use crate::steps::Steps;

/// Bytes of an object at most. Most of ours have a thousandth of that, and thirty are read at once by a function of a gigabyte: one that
/// somebody has put there must not take the others' rows along.
const LONGEST: i64 = recording::LONGEST as i64;

/// Records as they lie in table and bucket, and files of rows: `exchanges/v1/dt=DAY/NAME.parquet` in the bucket of records, each
/// written once (`infra/athena.yaml` makes a table of them).
#[derive(Clone)]
pub struct Compacted {
    records: Records,
    steps: Steps,
    exchanges: Exchanges,
    bucket: Bucket,
}

impl Compacted {
    /// Of that table and those buckets.
    pub fn new(clients: &Clients, table: &str, records: &str, pages: &str) -> Self {
        let kept = Records::new(clients, table, records, pages).up_to(LONGEST);
        Self {
            steps: Steps::new(clients, table),
            exchanges: Exchanges::new(clients, table, kept.clone(), pages),
            records: kept,
            bucket: Bucket::of_records(clients, records),
        }
    }

    /// Keeps a file of rows by one conditional write. One of that name stays: its content follows from its name.
    ///
    /// # Errors
    /// When nobody knows whether it is kept; it may be kept again.
    pub async fn keep(&self, day: &str, name: &str, file: Vec<u8>) -> Result<(), Fault> {
        let at = format!("exchanges/v1/dt={day}/{name}.parquet");
        self.bucket.write(&at, "application/vnd.apache.parquet", Bytes::from(file)).await.map(|_| ())
    }

    /// The keys of a day's objects in the bucket, without `records/`, in their order and behind that one; at most `limit`, and fewer
    /// only where there are no more.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn objects_of(
        &self,
        day: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, Fault> {
        let found = self.kept_on(day, "", after, limit).await?;
        Ok(found.into_iter().map(|(key, _)| key).collect())
    }

    /// The same of the sessions that begin so, each with when it was kept, to the second.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn kept_on(
        &self,
        day: &str,
        session: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, Fault> {
        let after = after.map(|after| format!("records/{after}"));
        let found = self.bucket.list(&format!("records/v1/dt={day}/{session}"), after, limit).await?;
        let ours = |(key, at): (String, Timestamp)| Some((key.strip_prefix("records/")?.to_owned(), at));
        Ok(found.into_iter().filter_map(ours).collect())
    }

    /// The day of the oldest records, of openings and in UTC; none where nothing was recorded.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn oldest_day(&self) -> Result<Option<String>, Fault> {
        const DAYS: &str = "records/v1/dt=";
        let first = self.bucket.list(DAYS, None, 1).await?.into_iter().next();
        // What is no day of ours sorts as it does: it is no reason to believe that there is nothing older.
        Ok(first.and_then(|(key, _)| Some(key.strip_prefix(DAYS)?.chars().take(10).collect())))
    }

    /// The exchanges that wait for a person, at most `limit`, the oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn waiting(&self, limit: usize) -> Result<Vec<RecordKey>, Fault> {
        Ok(self.exchanges.waiting(limit).await?.iter().filter_map(Live::key).collect())
    }
}

#[async_trait]
impl Recordings for Compacted {
    /// Steps of approvals lie in the table.
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        match kind {
            ObjectKind::Approval { step } => self.steps.read(key, step).await,
            ObjectKind::Opening
            | ObjectKind::Closing
            | ObjectKind::Standing { .. }
            | ObjectKind::Evidence { .. }
            | ObjectKind::Page { .. }
            | ObjectKind::Sealed => self.records.read(key, kind).await,
        }
    }
}
