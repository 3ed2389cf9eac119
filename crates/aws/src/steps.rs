//! The steps of approvals, and of standing ones: one item each, written once.

use std::fmt;

use bytes::Bytes;
use gateway::ports::Written;
use gateway::{Fault, Origin, Receipt};
use recording::RecordKey;

use crate::calls::Clients;
use crate::table::{About, Key, Only, Put, Table, blob, bytes, writer};

/// Bytes of a step at most: an item holds 400 KB in all, its keys included.
const LONGEST: usize = 390 * 1024;

const READ: About = About { origin: Origin::Recordings, public: "the steps of this approval cannot be read" };
const KEEP: About = About { origin: Origin::Recordings, public: "a step of this approval could not be kept" };

/// Steps in a table.
#[derive(Clone)]
pub struct Steps {
    pub(crate) table: Table,
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table } = self;
        f.debug_struct("Steps").field("table", &table.name()).finish()
    }
}

impl Steps {
    /// The steps of approvals in that table.
    pub fn new(clients: &Clients, table: impl Into<String>) -> Self {
        Self { table: Table::new(clients, table) }
    }

    /// The bytes of one step, as the last write left them; none when there is none.
    ///
    /// # Errors
    /// When the table cannot be read, or holds something else there than a step.
    pub async fn read(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.read_at(Key::new(key.to_string(), sort_key(step))).await
    }

    pub(crate) async fn read_at(&self, at: Key) -> Result<Option<Bytes>, Fault> {
        let found = self.table.get(&at, READ).await?;
        // SECURITY: an item without its bytes is no missing step, which somebody could write then.
        found.map(|item| Ok(Bytes::copy_from_slice(blob(&item, "bytes", READ)?))).transpose()
    }

    /// Keeps one step by one conditional write.
    ///
    /// # Errors
    /// When nobody knows whether it is kept: whoever reads on finds out.
    pub async fn keep(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.keep_at(Key::new(key.to_string(), sort_key(step)), bytes).await
    }

    pub(crate) async fn keep_at(&self, at: Key, step_bytes: Bytes) -> Result<Written, Fault> {
        if step_bytes.len() > LONGEST {
            return Err(Fault::lasting(Origin::Recordings, "a step of this approval is too long to be kept"));
        }
        let digest = recording::digest_of(&step_bytes);
        let mut item = at.item();
        item.insert("bytes".to_owned(), bytes(step_bytes));
        match self.table.put(item, Only::IfAbsent, &writer()?, KEEP).await? {
            Put::Done => Ok(Written::Kept(Receipt::kept(digest))),
            Put::Otherwise => Ok(Written::Taken),
        }
    }
}

fn sort_key(step: u32) -> String {
    format!("step#{step:04}")
}
