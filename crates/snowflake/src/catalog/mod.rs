//! The port `Catalogs` over INFORMATION_SCHEMA, and TAG_REFERENCES where the settings say so.

mod read;
mod routines;
mod tags;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Catalog, ObjectName, Relation, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use gateway::ports::{Catalogs, Clock, Ids, Routine};
use gateway::{Fault, Origin};
use tokio::time::timeout;

use crate::error::Error;
use crate::upstream::SqlApi;

/// How old what is answered may be when it is answered: the port's bound, less the time that a decision takes.
const LIFETIME: Duration = Duration::from_secs(55);
/// How many schemas and snapshots are kept. Agents choose the names, so there must be an end.
const KEPT: usize = 1024;

/// How many schemas of one snapshot are read at once.
const AT_ONCE: usize = 4;

/// A database and a schema in it, as stored.
type SchemaName = (String, String);

/// One schema as it was read.
struct Loaded {
    /// Different for every reading.
    reading: u64,
    /// When its reading began.
    from: Timestamp,
    relations: BTreeMap<ObjectName, Relation>,
}

/// Holds a schema's latest reading; its lock is held while reading, so that many askers read once.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Loaded>>>>;

/// The readings that a snapshot was made of, and the snapshot.
type Snapshot = (Vec<u64>, Arc<Catalog>);

/// Knows tables, columns and view texts of the account, as far as the catalog role sees them.
///
/// What that role does not see looks as if it did not exist, which policy masks or refuses. Columns have their tags only
/// where `catalog.tags` says that they are read (see [`CatalogSettings`](crate::CatalogSettings)).
pub struct AccountCatalogs {
    account: Arc<SqlApi>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    readings: AtomicU64,
    slots: Mutex<HashMap<SchemaName, Slot>>,
    snapshots: Mutex<HashMap<BTreeSet<SchemaName>, Snapshot>>,
}

impl AccountCatalogs {
    /// The catalogs of that account.
    pub fn new(account: Arc<SqlApi>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self {
            account,
            clock,
            ids,
            readings: AtomicU64::new(0),
            slots: Mutex::default(),
            snapshots: Mutex::default(),
        }
    }

    /// A reading of that schema that is young enough.
    async fn schema(&self, name: &SchemaName) -> Result<Arc<Loaded>, Fault> {
        let slot = self.slot(name);
        let mut latest = slot.lock().await;
        if let Some(loaded) = &*latest
            && self.is_young(loaded.from)
        {
            return Ok(loaded.clone());
        }
        let from = self.clock.now();
        let mut relations = read::schema(&self.account, &*self.ids, name).await?;
        if self.account.settings().catalog.tags && !relations.is_empty() {
            tags::add(&self.account, &*self.ids, name, &mut relations).await?;
        }
        let reading = self.readings.fetch_add(1, Ordering::Relaxed);
        let loaded = Arc::new(Loaded { reading, from, relations });
        *latest = Some(loaded.clone());
        Ok(loaded)
    }

    /// A clock that was set back makes everything old.
    fn is_young(&self, from: Timestamp) -> bool {
        let now = self.clock.now();
        now >= from && now.since(from) < LIFETIME
    }

    fn slot(&self, name: &SchemaName) -> Slot {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(name) {
            return slot.clone();
        }
        if slots.len() >= KEPT {
            slots.clear();
        }
        slots.entry(name.clone()).or_default().clone()
    }
}

#[async_trait]
impl Catalogs for AccountCatalogs {
    async fn snapshot(&self, schemas: &BTreeSet<SchemaName>) -> Result<Arc<Catalog>, Fault> {
        let each: Vec<_> = schemas.iter().map(|name| self.schema(name)).collect();
        let all = stream::iter(each).buffered(AT_ONCE).try_collect::<Vec<_>>();
        // All together may take no longer than one: what was read of them by then is there when it is asked for again.
        let Ok(loaded) = timeout(self.account.settings().timeouts.catalog(), all).await else {
            return Err(Error::Slow.into_fault(Origin::Catalogs));
        };
        let loaded = loaded?;
        let readings: Vec<u64> = loaded.iter().map(|schema| schema.reading).collect();
        if let Some((of, snapshot)) = lock(&self.snapshots).get(schemas)
            && *of == readings
        {
            return Ok(snapshot.clone());
        }
        let relations = loaded.iter().flat_map(|schema| &schema.relations);
        let relations = relations.map(|(name, relation)| (name.clone(), relation.clone())).collect();
        let snapshot = Arc::new(gateway::snapshot(schemas.clone(), relations));
        let mut snapshots = lock(&self.snapshots);
        if snapshots.len() >= KEPT {
            snapshots.clear();
        }
        snapshots.insert(schemas.clone(), (readings, snapshot.clone()));
        Ok(snapshot)
    }

    async fn versions(&self, objects: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, i64>, Fault> {
        let mut by_schema: BTreeMap<SchemaName, Vec<&ObjectName>> = BTreeMap::new();
        for object in objects {
            by_schema.entry((object.database.clone(), object.schema.clone())).or_default().push(object);
        }
        let mut versions = BTreeMap::new();
        for (schema, objects) in &by_schema {
            versions.extend(read::versions(&self.account, &*self.ids, schema, objects).await?);
        }
        Ok(versions)
    }

    async fn routines(
        &self,
        names: &BTreeSet<ObjectName>,
    ) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault> {
        let mut by_schema: BTreeMap<SchemaName, Vec<&ObjectName>> = BTreeMap::new();
        for name in names {
            by_schema.entry((name.database.clone(), name.schema.clone())).or_default().push(name);
        }
        let mut routines = BTreeMap::new();
        for (schema, names) in &by_schema {
            routines.extend(routines::of(&self.account, &*self.ids, schema, names).await?);
        }
        Ok(routines)
    }

    async fn forget(&self, objects: &BTreeSet<ObjectName>) {
        let mut slots = lock(&self.slots);
        for object in objects {
            // A reading that is under way keeps its slot, which nobody else will find.
            slots.remove(&(object.database.clone(), object.schema.clone()));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
