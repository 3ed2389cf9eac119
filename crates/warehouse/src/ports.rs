//! The gateway's ports, answered by the embedded warehouse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Catalog, ObjectName, Tier};
use gateway::ports::{
    Catalogs, Finished, Progress, ResultHead, Routine, RowSource, Upstream, UpstreamFailure, UpstreamHandle,
};
use gateway::{Fault, Origin, Permit, Work};
use masking::AnsweredColumn;

use crate::encode::PartitionRows;
use crate::engine::{Ask, Warehouse};
use crate::errors::SnowflakeError;
use crate::jobs::{Done, QueryId, State};
use crate::result::Head;

/// Snapshots kept; asking for other sets of schemas than these is rare.
const KEPT_SNAPSHOTS: usize = 64;

#[async_trait]
impl Upstream for Warehouse {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        // One role plays every tier here, so the tier only travels with the handle.
        let Work {
            exchange: _,
            request_id,
            text,
            bindings,
            context,
            statement_count,
            parameters,
            timeout,
            tier,
        } = permit.spend();
        let ask = Ask {
            text: text.reveal().to_owned(),
            bindings,
            context,
            statement_count,
            parameters,
            timeout: Some(timeout),
            request_id: format!("{request_id:032x}"),
        };
        let id = self.submit(ask).await;
        self.progress(id, tier, wait).await
    }

    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault> {
        match handle.text.parse::<QueryId>() {
            Ok(id) => self.progress(id, handle.tier, wait).await,
            Err(_) => Ok(Progress::Unknown),
        }
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        let id = handle.text.parse::<QueryId>().map_err(|_| gone())?;
        let State::Done(Done { children, .. }) = self.state(&id, Duration::ZERO).await else {
            return Err(gone());
        };
        let id = match (children.is_empty(), part) {
            (true, 0) => id,
            _ => children.get(part).copied().ok_or_else(gone)?,
        };
        Ok(Box::new(Rows(self.partition(&id, partition).ok_or_else(gone)?)))
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault> {
        if let Ok(id) = handle.text.parse::<QueryId>() {
            Self::cancel(self, &id);
        }
        Ok(())
    }
}

impl Warehouse {
    async fn progress(&self, id: QueryId, tier: Tier, wait: Duration) -> Result<Progress, Fault> {
        let handle = UpstreamHandle { tier, text: id.to_string() };
        Ok(match self.state(&id, wait).await {
            State::Running => Progress::Running(handle),
            State::Done(done) => self.finished(id, handle, done).await?,
            State::Failed(error) => Progress::Failed(failure(id, error)),
            State::Cancelled => Progress::Failed(failure(id, SnowflakeError::cancelled())),
            State::Unknown => Progress::Unknown,
        })
    }

    async fn finished(&self, id: QueryId, handle: UpstreamHandle, done: Done) -> Result<Progress, Fault> {
        let mut parts = Vec::with_capacity(done.children.len().max(1));
        for child in &done.children {
            let State::Done(done) = self.state(child, Duration::ZERO).await else { return Err(gone()) };
            parts.push(head(*child, done.head));
        }
        let first = done.children.first().copied().unwrap_or(id);
        if parts.is_empty() {
            parts.push(head(id, done.head));
        }
        let first = self.partition(&first, 0).ok_or_else(gone)?;
        Ok(Progress::Done(Finished { handle, parts, first: Some(Box::new(Rows(first))) }))
    }
}

fn head(id: QueryId, head: Head) -> ResultHead {
    let column = |column: crate::result::ResultColumn| AnsweredColumn {
        name: column.name,
        sql_type: column.sql_type,
        is_nullable: column.is_nullable,
        origin: column.origin,
    };
    ResultHead {
        query_id: id.to_string(),
        columns: head.columns.into_iter().map(column).collect(),
        rows: head.rows,
        partitions: head.partitions.iter().map(|p| p.rows as u64).collect(),
    }
}

fn failure(id: QueryId, error: SnowflakeError) -> UpstreamFailure {
    UpstreamFailure {
        code: error.code.to_owned(),
        sqlstate: error.sqlstate.to_owned(),
        message: error.message,
        query_id: Some(id.to_string()),
    }
}

fn gone() -> Fault {
    Fault::lasting(Origin::Upstream, "the embedded warehouse no longer holds this result")
}

/// A partition's slices.
struct Rows(PartitionRows);

#[async_trait]
impl RowSource for Rows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        // The engine's error is left out: it may quote a cell.
        let broken = |_| Fault::lasting(Origin::Upstream, "the embedded warehouse could not encode a row");
        self.0.next().transpose().map_err(broken)
    }
}

#[async_trait]
impl Catalogs for Warehouse {
    async fn snapshot(&self, schemas: &BTreeSet<(String, String)>) -> Result<Arc<Catalog>, Fault> {
        let generation = self.generation();
        let mut kept = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, catalog)) = kept.get(schemas)
            && *of == generation
        {
            return Ok(Arc::clone(catalog));
        }
        let relations: BTreeMap<_, _> =
            schemas.iter().flat_map(|(database, schema)| self.relations(database, schema)).collect();
        let catalog = Arc::new(gateway::snapshot(schemas.clone(), relations));
        if kept.len() >= KEPT_SNAPSHOTS {
            kept.clear();
        }
        kept.insert(schemas.clone(), (generation, Arc::clone(&catalog)));
        Ok(catalog)
    }

    async fn versions(&self, objects: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, i64>, Fault> {
        Ok(objects.iter().filter_map(|name| Some((name.clone(), self.version(name)?))).collect())
    }

    // Nobody can define one here.
    async fn routines(
        &self,
        _: &BTreeSet<ObjectName>,
    ) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault> {
        Ok(BTreeMap::new())
    }

    // A snapshot is used only while the generation of names is the same, so there is nothing to forget.
    async fn forget(&self, _: &BTreeSet<ObjectName>) {}
}
