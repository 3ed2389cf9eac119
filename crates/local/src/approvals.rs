//! What waits for people: rows among the exchanges, and steps among the records.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey};
use gateway::ports::{Approvals, Recorder, Recordings, Written};
use gateway::{Fault, Live};
use recording::{ObjectKind, RecordKey};
use rusqlite::{OptionalExtension, params};

use crate::exchanges::{approval_bytes, parse};
use crate::home::Home;

#[async_trait]
impl Approvals for Home {
    async fn exchange_of(&self, id: ApprovalId) -> Result<Option<Live>, Fault> {
        let found: Option<String> = self
            .inner
            .state
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT live FROM exchanges WHERE approval = ?1 AND stage IN (1, 2)")?
                    .query_row(params![approval_bytes(id)], |row| row.get(0))
                    .optional()
            })
            .await?;
        found.map(|live| parse(&live)).transpose()
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<Live>, Fault> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found: Vec<String> = self
            .inner
            .state
            .read(move |connection| {
                // Those that an earlier version has left without an approval can only expire.
                let mut select = connection.prepare_cached(
                    "SELECT live FROM exchanges WHERE is_held AND stage = 1 AND approval IS NOT NULL
                     ORDER BY opened_us LIMIT ?1",
                )?;
                let rows = select.query_map(params![limit], |row| row.get(0))?;
                rows.collect()
            })
            .await?;
        found.iter().map(|live| parse(live)).collect()
    }

    async fn asked_by(&self, principal: &PrincipalKey, limit: usize) -> Result<Vec<Live>, Fault> {
        let (principal, limit) = (principal.clone(), i64::try_from(limit).unwrap_or(i64::MAX));
        let found: Vec<String> = self
            .inner
            .state
            .read(move |connection| {
                let mut select = connection.prepare_cached(
                    "SELECT live FROM exchanges WHERE approval IS NOT NULL AND live IS NOT NULL AND principal = ?1
                     ORDER BY opened_us DESC LIMIT ?2",
                )?;
                let rows = select.query_map(params![principal.as_str(), limit], |row| row.get(0))?;
                rows.collect()
            })
            .await?;
        found.iter().map(|live| parse(live)).collect()
    }

    async fn step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        Recordings::read(self, key, ObjectKind::Approval { step }).await
    }

    async fn settle(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.keep(key, ObjectKind::Approval { step }, bytes).await
    }

    async fn wake(&self, id: ApprovalId) -> Result<(), Fault> {
        let wake = "UPDATE exchanges SET is_woken = 1 WHERE approval = ?1 AND stage = 1 AND is_held";
        self.inner
            .state
            .write(move |transaction| {
                transaction.prepare_cached(wake)?.execute(params![approval_bytes(id)]).map(|_| ())
            })
            .await
    }
}
