//! Databases, schemas, tables and views by their stored names.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use domain::{Column, ObjectName, Relation, RelationKind};

use crate::errors::SnowflakeError;
use crate::result::size_of;
use crate::table::MemoryTable;
use crate::types;

/// The schema that every database has.
pub(crate) const INFORMATION_SCHEMA: &str = "INFORMATION_SCHEMA";

/// Rows that statements have stored may need so much memory, and as much again while they are replaced.
const STORED_BYTES: usize = 256 << 20;

type Objects = BTreeMap<String, Entry>;
type Schemas = BTreeMap<String, Objects>;

/// One named object.
#[derive(Clone)]
pub(crate) struct Entry {
    /// What it is.
    pub object: Object,
    /// Microseconds of its last definition; strictly growing over the whole warehouse.
    pub version: i64,
    /// Microseconds of its first definition.
    pub created: i64,
}

/// A table or a view.
#[derive(Clone)]
pub(crate) enum Object {
    /// Rows in memory.
    Table(Arc<MemoryTable>),
    /// A query, planned anew at every use.
    View {
        /// The text after `AS`.
        definition: Arc<str>,
        /// What it answered when it was made.
        schema: SchemaRef,
    },
}

impl Object {
    /// Its columns.
    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::Table(table) => table.schema(),
            Self::View { schema, .. } => Arc::clone(schema),
        }
    }

    /// `TABLE` or `VIEW`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Table(_) => "TABLE",
            Self::View { .. } => "VIEW",
        }
    }
}

/// What happens when the name is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfThere {
    Fail,
    Keep,
    Replace,
}

/// Everything that has a name.
#[derive(Default)]
pub(crate) struct Store {
    databases: RwLock<BTreeMap<String, Schemas>>,
    last_version: AtomicI64,
    /// Grows with every change of names.
    generation: AtomicU64,
}

impl Store {
    /// Equal as long as no name was made, changed or taken away. Read it before what it stands for.
    pub fn generation(&self) -> u64 {
        // Under the lock, so that a change under way is either counted or not yet visible.
        let _databases = self.read();
        self.generation.load(Ordering::Relaxed)
    }

    /// The databases in order.
    pub fn databases(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// The schemas of a database in order; empty when it does not exist.
    pub fn schemas(&self, database: &str) -> Vec<String> {
        self.read().get(database).map(|schemas| schemas.keys().cloned().collect()).unwrap_or_default()
    }

    /// Whether the schema exists.
    pub fn has_schema(&self, database: &str, schema: &str) -> bool {
        self.read().get(database).is_some_and(|schemas| schemas.contains_key(schema))
    }

    /// The objects of a schema in order; empty when it does not exist.
    pub fn objects(&self, database: &str, schema: &str) -> Vec<(String, Entry)> {
        let databases = self.read();
        let objects = databases.get(database).and_then(|schemas| schemas.get(schema));
        objects.map(|o| o.iter().map(|(n, e)| (n.clone(), e.clone())).collect()).unwrap_or_default()
    }

    /// The object of that name.
    pub fn get(&self, name: &ObjectName) -> Option<Entry> {
        self.read().get(&name.database)?.get(&name.schema)?.get(&name.name).cloned()
    }

    /// The table of that name; an error in Snowflake's words otherwise.
    pub fn table(&self, name: &ObjectName) -> Result<Arc<MemoryTable>, SnowflakeError> {
        match self.get(name).map(|entry| entry.object) {
            Some(Object::Table(table)) => Ok(table),
            Some(Object::View { .. }) | None => Err(SnowflakeError::missing("Table", &name.to_string())),
        }
    }

    /// An error when these rows and all stored ones, also those that they replace, are more than may be stored.
    pub fn check_room(&self, batches: &[RecordBatch]) -> Result<(), SnowflakeError> {
        let databases = self.read();
        let objects = databases.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values);
        let stored = objects.map(|entry| match &entry.object {
            Object::Table(table) => table.stored_bytes(),
            Object::View { definition, .. } => definition.len(),
        });
        let bytes = stored.chain(batches.iter().map(size_of)).fold(0, usize::saturating_add);
        if bytes > STORED_BYTES { Err(SnowflakeError::too_large()) } else { Ok(()) }
    }

    /// Makes a database with the schema `PUBLIC`.
    pub fn create_database(&self, name: &str) {
        let schemas = Schemas::from([("PUBLIC".to_owned(), Objects::new())]);
        self.write().entry(name.to_owned()).or_insert(schemas);
    }

    /// Makes a schema; false when its database does not exist.
    pub fn create_schema(&self, database: &str, schema: &str) -> bool {
        let mut databases = self.write();
        let Some(schemas) = databases.get_mut(database) else { return false };
        schemas.entry(schema.to_owned()).or_default();
        true
    }

    /// Takes a schema away with all that it holds; false when there was none.
    pub fn drop_schema(&self, database: &str, schema: &str) -> bool {
        self.write().get_mut(database).is_some_and(|schemas| schemas.remove(schema).is_some())
    }

    /// Names an object. False when it was there and was kept.
    pub fn create(
        &self,
        name: &ObjectName,
        object: Object,
        if_there: IfThere,
    ) -> Result<bool, SnowflakeError> {
        let version = self.next_version();
        let mut databases = self.write();
        let objects =
            databases.get_mut(&name.database).and_then(|schemas| schemas.get_mut(&name.schema)).ok_or_else(
                || SnowflakeError::missing("Schema", &format!("{}.{}", name.database, name.schema)),
            )?;
        if objects.contains_key(&name.name) {
            match if_there {
                IfThere::Fail => return Err(SnowflakeError::already_there(&name.to_string())),
                IfThere::Keep => return Ok(false),
                IfThere::Replace => {}
            }
        }
        objects.insert(name.name.clone(), Entry { object, version, created: version });
        Ok(true)
    }

    /// Takes an object away; false when there was none of that kind.
    pub fn drop_object(&self, name: &ObjectName, kind: &str) -> bool {
        let mut databases = self.write();
        let objects = databases.get_mut(&name.database).and_then(|schemas| schemas.get_mut(&name.schema));
        let Some(objects) = objects else { return false };
        if objects.get(&name.name).is_some_and(|entry| entry.object.kind() == kind) {
            objects.remove(&name.name);
            true
        } else {
            false
        }
    }

    /// The relations of a schema as the catalog knows them.
    pub fn relations(&self, database: &str, schema: &str) -> Vec<(ObjectName, Relation)> {
        let objects = self.objects(database, schema).into_iter();
        objects.map(|(name, entry)| (ObjectName::new(database, schema, name), relation(&entry))).collect()
    }

    /// A moment in microseconds that no other definition has.
    fn next_version(&self) -> i64 {
        let now = now_micros();
        let previous = self.last_version.fetch_max(now, Ordering::Relaxed);
        if previous < now { now } else { self.last_version.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Schemas>> {
        self.databases.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Schemas>> {
        let guard = self.databases.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::Relaxed);
        guard
    }
}

/// What the catalog says of an object.
pub(crate) fn relation(entry: &Entry) -> Relation {
    let kind = match &entry.object {
        Object::Table(_) => RelationKind::Table,
        Object::View { definition, .. } => RelationKind::View { definition: Some(definition.to_string()) },
    };
    Relation { kind, columns: columns(&entry.object.schema()), version: entry.version }
}

/// An Arrow schema's columns in the catalog's words.
pub(crate) fn columns(schema: &SchemaRef) -> Vec<Column> {
    let fields = schema.fields().iter();
    fields
        .map(|field| Column {
            name: field.name().clone(),
            sql_type: types::of_field(field),
            is_nullable: field.is_nullable(),
            tags: BTreeMap::new(),
        })
        .collect()
}

/// Microseconds since 1970. This crate plays the remote server, which has a clock of its own.
#[allow(clippy::disallowed_methods, reason = "the warehouse stands for a remote server with its own clock")]
pub(crate) fn now_micros() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}
