//! What waits for people, as far as exchanges know of it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, Handle, PrincipalKey, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use gateway::ports::{self, Written};
use gateway::{Fault, Live};
use recording::RecordKey;

use super::claim::{distinct, principal_partition};
use super::row::{PARTS, Row};
use super::{EXCHANGES, Exchanges};
use crate::table::{Item, Key, Order, string};

/// Exchanges under way that are looked through for those that wait, at most.
const UNDER_WAY: usize = 10_000;

/// For how long it is found by its approval; longer than anything waits.
const POINTERS: Duration = Duration::from_secs(90 * 24 * 60 * 60);

impl Exchanges {
    /// Has what waits for a person found by its approval's id, and by whoever asked it.
    pub(super) async fn point_to_approval(&self, row: &Row) -> Result<(), Fault> {
        let Some(approval) = &row.approval else { return Ok(()) };
        let forget_at = Some(Timestamp::from_micros(row.opened_us).after(POINTERS).as_secs());
        self.point(Key::new(format!("approval#{approval}"), "exchange"), row.handle, forget_at).await?;
        let asked = format!("asked#{:020}#{}", row.opened_us, row.handle);
        self.point(Key::new(principal_partition(&row.principal), asked), row.handle, forget_at).await
    }

    /// The items that these point to, in their order; those are left out that are forgotten.
    async fn pointed(&self, pointers: &[Item]) -> Result<Vec<Item>, Fault> {
        let handle = |item| string(item, "handle", EXCHANGES)?.parse().map_err(|_| EXCHANGES.damaged());
        let handles: Vec<Handle> = pointers.iter().map(handle).collect::<Result<_, Fault>>()?;
        self.items(&handles).await
    }

    /// The items of these exchanges, in their order; those are left out that there are not.
    async fn items(&self, handles: &[Handle]) -> Result<Vec<Item>, Fault> {
        let keys: Vec<Key> = handles.iter().map(|handle| Row::key_of(*handle)).collect();
        let mut found = self.table.get_all(&distinct(keys.clone()), EXCHANGES).await?;
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }
}

#[async_trait]
impl ports::Approvals for Exchanges {
    async fn exchange_of(&self, id: ApprovalId) -> Result<Option<Live>, Fault> {
        let pointer = self.table.get(&Key::new(format!("approval#{id}"), "exchange"), EXCHANGES).await?;
        let Some(pointer) = pointer else { return Ok(None) };
        let found = self.pointed(&[pointer]).await?;
        let id = id.to_string();
        match found.first() {
            // A pointer is written before what it points to, and stays when that was never written.
            Some(item) if Row::read(item)?.approval.as_ref() == Some(&id) => self.live(item).await.map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Looks through what is under way, which are hundreds.
    async fn waiting(&self, limit: usize) -> Result<Vec<Live>, Fault> {
        let parts = stream::iter(0..PARTS).map(|at| self.due(at, None, UNDER_WAY));
        let found: Vec<Vec<(i64, Handle)>> = parts.buffered(8).try_collect().await?;
        let handles: Vec<Handle> = found.into_iter().flatten().map(|(_, handle)| handle).collect();
        let mut waiting = Vec::new();
        for item in self.items(&handles).await? {
            let row = Row::read(&item)?;
            // Without an approval it can only expire.
            if row.is_held && !row.is_closed && row.approval.is_some() {
                waiting.push((row.opened_us, row.number, item));
            }
        }
        waiting.sort_by(|(one, first, _), (other, second, _)| (one, first).cmp(&(other, second)));
        self.lives(waiting.into_iter().take(limit).map(|(_, _, item)| item).collect()).await
    }

    async fn asked_by(&self, principal: &PrincipalKey, limit: usize) -> Result<Vec<Live>, Fault> {
        let pk = principal_partition(principal.as_str());
        let pointers = self.table.query(&pk, "asked#", Order::Backward, Some(limit), EXCHANGES).await?;
        let items = self.pointed(&pointers).await?;
        let mut asked = Vec::new();
        for item in items {
            let row = Row::read(&item)?;
            if row.approval.is_some() && row.principal == principal.as_str() {
                asked.push(item);
            }
        }
        self.lives(asked).await
    }

    async fn step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.steps.read(key, step).await
    }

    async fn settle(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.steps.keep(key, step, bytes).await
    }

    async fn wake(&self, id: ApprovalId) -> Result<(), Fault> {
        let pointer = self.table.get(&Key::new(format!("approval#{id}"), "exchange"), EXCHANGES).await?;
        let Some(pointer) = pointer else { return Ok(()) };
        let handle: Handle =
            string(&pointer, "handle", EXCHANGES)?.parse().map_err(|_| EXCHANGES.damaged())?;
        let id = id.to_string();
        let wake = |row: Row| {
            let waits = row.is_held && !row.is_closed && row.approval.as_ref() == Some(&id);
            waits.then_some(Row { is_woken: true, ..row })
        };
        self.change(handle, wake).await.map(|_| ())
    }
}
