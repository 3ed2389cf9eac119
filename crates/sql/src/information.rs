//! `INFORMATION_SCHEMA`, as Snowflake documents it: for catalogs that are made from text, where no warehouse can be
//! asked what it has. What says whose rights reach where, what was loaded from which stage, or which SQL somebody
//! wrote is not here: it stays unknown.

use std::collections::BTreeMap;

use domain::{Column, ObjectName, Relation, RelationKind, SqlType};

/// The schema of every database that describes it.
pub(crate) const SCHEMA: &str = "INFORMATION_SCHEMA";

/// One of its views.
struct View {
    name: &'static str,
    columns: &'static str,
}

/// In the order of the documentation; `#` before a number, `@` before a moment, all else is text.
const VIEWS: [View; 7] = [
    View {
        name: "DATABASES",
        columns: "DATABASE_NAME DATABASE_OWNER IS_TRANSIENT COMMENT @CREATED @LAST_ALTERED #RETENTION_TIME TYPE",
    },
    View {
        name: "SCHEMATA",
        columns: "CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER IS_TRANSIENT IS_MANAGED_ACCESS #RETENTION_TIME \
                  DEFAULT_CHARACTER_SET_CATALOG DEFAULT_CHARACTER_SET_SCHEMA DEFAULT_CHARACTER_SET_NAME SQL_PATH \
                  @CREATED @LAST_ALTERED COMMENT",
    },
    View {
        name: "TABLES",
        columns: "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER TABLE_TYPE IS_TRANSIENT CLUSTERING_KEY \
                  #ROW_COUNT #BYTES #RETENTION_TIME SELF_REFERENCING_COLUMN_NAME REFERENCE_GENERATION \
                  USER_DEFINED_TYPE_CATALOG USER_DEFINED_TYPE_SCHEMA USER_DEFINED_TYPE_NAME IS_INSERTABLE_INTO \
                  IS_TYPED COMMIT_ACTION @CREATED @LAST_ALTERED @LAST_DDL LAST_DDL_BY AUTO_CLUSTERING_ON COMMENT \
                  IS_TEMPORARY IS_ICEBERG IS_DYNAMIC IS_IMMUTABLE IS_HYBRID",
    },
    View {
        name: "COLUMNS",
        columns: "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME #ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE \
                  DATA_TYPE #CHARACTER_MAXIMUM_LENGTH #CHARACTER_OCTET_LENGTH #NUMERIC_PRECISION \
                  #NUMERIC_PRECISION_RADIX #NUMERIC_SCALE #DATETIME_PRECISION INTERVAL_TYPE #INTERVAL_PRECISION \
                  CHARACTER_SET_CATALOG CHARACTER_SET_SCHEMA CHARACTER_SET_NAME COLLATION_CATALOG \
                  COLLATION_SCHEMA COLLATION_NAME DOMAIN_CATALOG DOMAIN_SCHEMA DOMAIN_NAME UDT_CATALOG UDT_SCHEMA \
                  UDT_NAME SCOPE_CATALOG SCOPE_SCHEMA SCOPE_NAME #MAXIMUM_CARDINALITY DTD_IDENTIFIER \
                  IS_SELF_REFERENCING IS_IDENTITY IDENTITY_GENERATION IDENTITY_START IDENTITY_INCREMENT \
                  IDENTITY_MAXIMUM IDENTITY_MINIMUM IDENTITY_CYCLE IDENTITY_ORDERED SCHEMA_EVOLUTION_RECORD COMMENT",
    },
    View {
        name: "VIEWS",
        columns: "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE \
                  INSERTABLE_INTO IS_SECURE @CREATED @LAST_ALTERED @LAST_DDL LAST_DDL_BY COMMENT",
    },
    View {
        name: "TABLE_CONSTRAINTS",
        columns: "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME \
                  CONSTRAINT_TYPE IS_DEFERRABLE INITIALLY_DEFERRED ENFORCED COMMENT @CREATED @LAST_ALTERED RELY",
    },
    View {
        name: "REFERENTIAL_CONSTRAINTS",
        columns: "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME UNIQUE_CONSTRAINT_CATALOG \
                  UNIQUE_CONSTRAINT_SCHEMA UNIQUE_CONSTRAINT_NAME MATCH_OPTION UPDATE_RULE DELETE_RULE COMMENT \
                  @CREATED @LAST_ALTERED",
    },
];

/// What describes this database.
pub(crate) fn relations(database: &str) -> impl Iterator<Item = (ObjectName, Relation)> {
    VIEWS.iter().map(move |view| {
        let columns = view.columns.split_whitespace().map(column).collect();
        let relation = Relation { kind: RelationKind::Table, columns, version: 0 };
        (ObjectName::new(database, SCHEMA, view.name), relation)
    })
}

fn column(written: &str) -> Column {
    let (name, sql_type) = if let Some(name) = written.strip_prefix('#') {
        (name, SqlType::Fixed { precision: 38, scale: 0 })
    } else if let Some(name) = written.strip_prefix('@') {
        (name, SqlType::TimestampLtz { scale: 3 })
    } else {
        (written, SqlType::Text { length: 16_777_216 })
    };
    Column { name: name.to_owned(), sql_type, is_nullable: true, tags: BTreeMap::new() }
}
