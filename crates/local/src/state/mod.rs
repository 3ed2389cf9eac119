//! The SQLite file: who may open it, and how it is read and written.

mod schema;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use gateway::{Fault, Origin};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{HomeError, cannot_use_state, was_interrupted};

/// How long one process waits for another's write.
const BUSY: Duration = Duration::from_secs(5);

/// Reading connections that are kept for the next reader.
const READERS: usize = 4;

/// Pages (4 kB) of the log after which it is written back. That syncs, and whoever commits then waits for it: rarely, a
/// few milliseconds, rather than every hundredth commit.
const CHECKPOINT: i64 = 4000;

/// Statements that each connection keeps prepared.
const STATEMENTS: usize = 64;

/// The state in a home. Writes go one after the other, also between processes (`BEGIN IMMEDIATE`); reads go beside
/// them (write-ahead log). A commit survives a crash of this process at once, and the loss of power from the next
/// sync of the log on: what lies in the recordings is durable first, and what the state forgets is found there again
/// (see `reconcile`).
#[derive(Clone)]
pub(crate) struct State {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl State {
    /// Opens the state, and makes it when there is none.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        // SQLite gives its log files the permissions of the file itself, so that is made first.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(HomeError::at(path)(error)),
        }
        let mut writer = connect(path).map_err(HomeError::State)?;
        use_log(&writer).map_err(HomeError::State)?;
        schema::prepare(&mut writer)?;
        let inner = Inner { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Does something in one transaction, on a blocking thread.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let state = self.clone();
        tokio::task::spawn_blocking(move || state.write_now(work))
            .await
            .map_err(|error| was_interrupted(Origin::Exchanges, error))?
            .map_err(cannot_use_state)
    }

    /// Reads something, on a blocking thread. Each statement sees one moment.
    pub async fn read<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let state = self.clone();
        tokio::task::spawn_blocking(move || state.read_now(work))
            .await
            .map_err(|error| was_interrupted(Origin::Exchanges, error))?
            .map_err(cannot_use_state)
    }

    /// [`State::write`] on this thread.
    pub fn write_now<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        in_transaction(&mut writer, work)
    }

    /// [`State::write_now`], durable when it returns: for what no recording could tell again.
    pub fn write_synced<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut writer = connect(&self.inner.path)?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        in_transaction(&mut writer, work)
    }

    /// [`State::read`] on this thread.
    pub fn read_now<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect(&self.inner.path)?,
        };
        let read = work(&reader);
        let mut readers = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(reader);
        }
        read
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Switches to the write-ahead log. Two processes that do so at once can disturb each other beyond the busy timeout.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if tries < 100 && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
            {
                tries += 1;
                thread::sleep(Duration::from_millis(20));
            }
            switched => return switched,
        }
    }
}
