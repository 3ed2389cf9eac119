//! `INFORMATION_SCHEMA` of each database: what is there, as tables made at each use.

use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use domain::{ObjectName, Relation, RelationKind, SqlType};

use crate::errors::SnowflakeError;
use crate::result::{self, Cell};
use crate::session::ROLE;
use crate::store::{self, Entry, INFORMATION_SCHEMA, Object, Store};
use crate::table::MemoryTable;
use crate::types;

const MOMENT: SqlType = SqlType::TimestampLtz { scale: 9 };
const TEXT: SqlType = types::TEXT;
const NUMBER: SqlType = types::NUMBER;

const SCHEMATA: &[(&str, SqlType)] = &[
    ("CATALOG_NAME", TEXT),
    ("SCHEMA_NAME", TEXT),
    ("SCHEMA_OWNER", TEXT),
    ("CREATED", MOMENT),
    ("LAST_ALTERED", MOMENT),
];

const TABLES: &[(&str, SqlType)] = &[
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_NAME", TEXT),
    ("TABLE_OWNER", TEXT),
    ("TABLE_TYPE", TEXT),
    ("ROW_COUNT", NUMBER),
    ("CREATED", MOMENT),
    ("LAST_ALTERED", MOMENT),
    ("LAST_DDL", MOMENT),
    ("COMMENT", TEXT),
];

const VIEWS: &[(&str, SqlType)] = &[
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_NAME", TEXT),
    ("TABLE_OWNER", TEXT),
    ("VIEW_DEFINITION", TEXT),
    ("IS_SECURE", TEXT),
    ("CREATED", MOMENT),
    ("LAST_DDL", MOMENT),
];

const COLUMNS: &[(&str, SqlType)] = &[
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_NAME", TEXT),
    ("COLUMN_NAME", TEXT),
    ("ORDINAL_POSITION", NUMBER),
    ("IS_NULLABLE", TEXT),
    ("DATA_TYPE", TEXT),
    ("CHARACTER_MAXIMUM_LENGTH", NUMBER),
    ("NUMERIC_PRECISION", NUMBER),
    ("NUMERIC_SCALE", NUMBER),
    ("DATETIME_PRECISION", NUMBER),
    ("COMMENT", TEXT),
];

const ALL: [(&str, &[(&str, SqlType)]); 4] =
    [("SCHEMATA", SCHEMATA), ("TABLES", TABLES), ("VIEWS", VIEWS), ("COLUMNS", COLUMNS)];

/// The named table of a database's information schema; none when there is no such.
pub(crate) fn table(
    store: &Store,
    database: &str,
    name: &str,
) -> Result<Option<Arc<dyn TableProvider>>, SnowflakeError> {
    if !store.databases().iter().any(|d| d == database) {
        return Ok(None);
    }
    let batch: RecordBatch = match name {
        "SCHEMATA" => result::table(SCHEMATA, &schemata(store, database))?,
        "TABLES" => result::table(TABLES, &tables(store, database))?,
        "VIEWS" => result::table(VIEWS, &views(store, database))?,
        "COLUMNS" => result::table(COLUMNS, &columns(store, database))?,
        _ => return Ok(None),
    };
    Ok(Some(Arc::new(MemoryTable::stored(batch.schema(), vec![batch]))))
}

/// The information schema's own tables, for the catalog.
pub(crate) fn relations(database: &str) -> Vec<(ObjectName, Relation)> {
    let relation = |(name, columns): (&str, &[(&str, SqlType)])| {
        let columns = columns.iter().map(|(name, sql_type)| domain::Column {
            name: (*name).to_owned(),
            sql_type: sql_type.clone(),
            is_nullable: true,
            tags: std::collections::BTreeMap::new(),
        });
        let relation = Relation { kind: RelationKind::Table, columns: columns.collect(), version: 1 };
        (ObjectName::new(database, INFORMATION_SCHEMA, name), relation)
    };
    ALL.into_iter().map(relation).collect()
}

fn schemata(store: &Store, database: &str) -> Vec<Vec<Cell>> {
    let mut schemas = store.schemas(database);
    schemas.push(INFORMATION_SCHEMA.to_owned());
    let row = |schema: String| {
        vec![Cell::text(database), Cell::text(schema), Cell::text(ROLE), Cell::Null, Cell::Null]
    };
    schemas.into_iter().map(row).collect()
}

fn objects(store: &Store, database: &str) -> Vec<(String, String, Entry)> {
    let schemas = store.schemas(database).into_iter();
    schemas
        .flat_map(|schema| {
            let objects = store.objects(database, &schema).into_iter();
            objects.map(move |(name, entry)| (schema.clone(), name, entry)).collect::<Vec<_>>()
        })
        .collect()
}

fn tables(store: &Store, database: &str) -> Vec<Vec<Cell>> {
    let row = |(schema, name, entry): (String, String, Entry)| {
        let (kind, rows) = match &entry.object {
            Object::Table(table) => ("BASE TABLE", table.row_count()),
            Object::View { .. } => ("VIEW", None),
        };
        vec![
            Cell::text(database),
            Cell::Text(schema),
            Cell::Text(name),
            Cell::text(ROLE),
            Cell::text(kind),
            rows.and_then(|n| i64::try_from(n).ok()).map_or(Cell::Null, Cell::Number),
            Cell::Moment(entry.created),
            Cell::Moment(entry.version),
            Cell::Moment(entry.version),
            Cell::Null,
        ]
    };
    objects(store, database).into_iter().map(row).collect()
}

fn views(store: &Store, database: &str) -> Vec<Vec<Cell>> {
    let row = |(schema, name, entry): (String, String, Entry)| {
        let Object::View { definition, .. } = &entry.object else { return None };
        Some(vec![
            Cell::text(database),
            Cell::Text(schema),
            Cell::Text(name),
            Cell::text(ROLE),
            Cell::text(definition.as_ref()),
            Cell::text("NO"),
            Cell::Moment(entry.created),
            Cell::Moment(entry.version),
        ])
    };
    objects(store, database).into_iter().filter_map(row).collect()
}

fn columns(store: &Store, database: &str) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for (schema, name, entry) in objects(store, database) {
        for (n, column) in (1..).zip(store::columns(&entry.object.schema())) {
            let number = |value: Option<u64>| {
                value.and_then(|v| i64::try_from(v).ok()).map_or(Cell::Null, Cell::Number)
            };
            let is_fixed = column.sql_type.precision().is_some();
            rows.push(vec![
                Cell::text(database),
                Cell::text(schema.as_str()),
                Cell::text(name.as_str()),
                Cell::Text(column.name),
                Cell::Number(n),
                Cell::text(if column.is_nullable { "YES" } else { "NO" }),
                Cell::Text(types::bare_name(&column.sql_type)),
                number(column.sql_type.length()),
                number(column.sql_type.precision()),
                number(column.sql_type.scale().filter(|_| is_fixed)),
                number(column.sql_type.scale().filter(|_| !is_fixed)),
                Cell::Null,
            ]);
        }
    }
    rows
}
