//! The JSON around the rows of a result (section 1.4, "ResultSet").

use recording::{ColumnRecord, PageRecord, PartRecord};
use serde::Serialize;

/// What Snowflake answers instead of rows when several statements ran (section 1.5).
pub(crate) const BATCH_MESSAGE: &str = "Multiple statements executed successfully.";

/// `resultSetMetaData`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetaData<'a> {
    num_rows: u64,
    /// Rows are arrays of strings and nulls.
    format: &'static str,
    partition_info: Vec<Partition>,
    row_type: Vec<RowType<'a>>,
}

/// One entry of `partitionInfo`; `compressedSize` is absent for the partition that comes with the answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Partition {
    row_count: u64,
    uncompressed_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_size: Option<u64>,
}

/// One entry of `rowType`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RowType<'a> {
    name: &'a str,
    /// Empty unless the column shows a stored one whose origin the agent may know.
    database: &'a str,
    schema: &'a str,
    table: &'a str,
    /// Lower case.
    #[serde(rename = "type")]
    sql_type: &'a str,
    precision: Option<u64>,
    scale: Option<u64>,
    length: Option<u64>,
    byte_length: Option<u64>,
    nullable: bool,
    collation: Option<&'a str>,
}

impl<'a> MetaData<'a> {
    /// The metadata of one statement's result.
    pub(crate) fn of_part(part: &'a PartRecord) -> Self {
        Self {
            num_rows: part.rows,
            format: "jsonv2",
            partition_info: part
                .pages
                .iter()
                .enumerate()
                .map(|(at, page)| Partition::new(at, page))
                .collect(),
            row_type: part.columns.iter().map(RowType::from).collect(),
        }
    }

    /// The metadata of a batch: one text column, one row.
    pub(crate) fn of_batch(size: usize) -> Self {
        Self {
            num_rows: 1,
            format: "jsonv2",
            partition_info: vec![Partition {
                row_count: 1,
                uncompressed_size: u64::try_from(size).unwrap_or(u64::MAX),
                compressed_size: None,
            }],
            row_type: vec![RowType {
                name: "multiple statement execution",
                database: "",
                schema: "",
                table: "",
                sql_type: "text",
                precision: None,
                scale: None,
                length: Some(LONGEST_TEXT),
                byte_length: Some(LONGEST_TEXT),
                nullable: false,
                collation: None,
            }],
        }
    }
}

impl Partition {
    fn new(at: usize, page: &PageRecord) -> Self {
        let compressed_size = (at > 0).then_some(page.stored);
        Self { row_count: page.rows, uncompressed_size: page.size, compressed_size }
    }
}

/// VARCHAR without a length, in characters and in bytes.
const LONGEST_TEXT: u64 = 16_777_216;

impl<'a> From<&'a ColumnRecord> for RowType<'a> {
    fn from(column: &'a ColumnRecord) -> Self {
        let [database, schema, table] = match &column.origin {
            Some([database, schema, table]) => [database.as_str(), schema, table],
            None => [""; 3],
        };
        Self {
            name: &column.name,
            database,
            schema,
            table,
            sql_type: &column.sql_type,
            precision: column.precision,
            scale: column.scale,
            length: column.length,
            byte_length: column.length.map(|length| match column.sql_type.as_str() {
                // A character takes at most four bytes of UTF-8.
                "text" => length.saturating_mul(4).min(LONGEST_TEXT.max(length)),
                _ => length,
            }),
            nullable: column.nullable,
            collation: None,
        }
    }
}

/// `stats` of a statement that changed rows.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    num_rows_inserted: u64,
    num_rows_updated: u64,
    num_rows_deleted: u64,
    num_duplicate_rows_updated: u64,
}

impl Stats {
    /// Whether these are the columns in which Snowflake answers DML: one row of counts.
    pub(crate) fn is_of(part: &PartRecord) -> bool {
        part.rows == 1
            && !part.columns.is_empty()
            && part.columns.iter().all(|column| COUNTS.contains(&column.name.as_str()) && !column.masked)
    }

    /// The counts in `row`, one a column of `part`; none when one of them is no count.
    pub(crate) fn read(part: &PartRecord, row: &[Option<String>]) -> Option<Self> {
        let mut stats = Self::default();
        for (column, cell) in part.columns.iter().zip(row) {
            let count = cell.as_deref()?.parse().ok()?;
            match column.name.as_str() {
                INSERTED => stats.num_rows_inserted = count,
                UPDATED => stats.num_rows_updated = count,
                DELETED => stats.num_rows_deleted = count,
                _ => stats.num_duplicate_rows_updated = count,
            }
        }
        (row.len() == part.columns.len()).then_some(stats)
    }
}

const INSERTED: &str = "number of rows inserted";
const UPDATED: &str = "number of rows updated";
const DELETED: &str = "number of rows deleted";
const COUNTS: [&str; 4] = [INSERTED, UPDATED, DELETED, "number of multi-joined rows updated"];

#[cfg(test)]
mod tests {
    use domain::{ColumnRef, ObjectName, OutputColumn, SqlType};
    use serde_json::{Value, json};

    use super::*;

    fn part(columns: Vec<ColumnRecord>, rows: u64) -> PartRecord {
        PartRecord {
            handle: String::new(),
            query_id: String::new(),
            columns,
            rows,
            cut_from: None,
            masked_by_lineage: 0,
            masked_by_content: 0,
            found: Vec::new(),
            pages: Vec::new(),
        }
    }

    fn column(name: &str, sql_type: SqlType) -> ColumnRecord {
        let column = OutputColumn {
            name: name.to_owned(),
            sql_type,
            is_nullable: true,
            is_masked: false,
            origin: None,
        };
        ColumnRecord::from(&column)
    }

    #[track_caller]
    fn spelled(sql_type: SqlType, wire: &str, facets: [Value; 4]) {
        let part = part(vec![column("C", sql_type)], 0);
        let found = serde_json::to_value(MetaData::of_part(&part)).unwrap();
        let [precision, scale, length, byte_length] = facets;
        let expected = json!([{"name": "C", "database": "", "schema": "", "table": "", "type": wire,
            "precision": precision, "scale": scale, "length": length, "byteLength": byte_length,
            "nullable": true, "collation": null}]);
        assert_eq!(found["rowType"], expected);
    }

    #[test]
    fn every_type_has_its_snowflake_spelling() {
        let none = || [Value::Null, Value::Null, Value::Null, Value::Null];
        let scaled = |scale: u8| [Value::Null, json!(scale), Value::Null, Value::Null];
        spelled(
            SqlType::Fixed { precision: 38, scale: 2 },
            "fixed",
            [json!(38), json!(2), Value::Null, Value::Null],
        );
        spelled(SqlType::Real, "real", none());
        spelled(SqlType::DecFloat, "decfloat", none());
        spelled(SqlType::Text { length: 10 }, "text", [Value::Null, Value::Null, json!(10), json!(40)]);
        let longest = json!(16_777_216);
        spelled(
            SqlType::Text { length: 16_777_216 },
            "text",
            [Value::Null, Value::Null, longest.clone(), longest],
        );
        let huge = json!(134_217_728);
        spelled(
            SqlType::Text { length: 134_217_728 },
            "text",
            [Value::Null, Value::Null, huge.clone(), huge],
        );
        spelled(SqlType::Boolean, "boolean", none());
        spelled(SqlType::Date, "date", none());
        spelled(SqlType::Time { scale: 9 }, "time", scaled(9));
        spelled(SqlType::TimestampNtz { scale: 3 }, "timestamp_ntz", scaled(3));
        spelled(SqlType::TimestampLtz { scale: 0 }, "timestamp_ltz", scaled(0));
        spelled(SqlType::TimestampTz { scale: 6 }, "timestamp_tz", scaled(6));
        spelled(SqlType::Binary { length: 16 }, "binary", [Value::Null, Value::Null, json!(16), json!(16)]);
        for (sql_type, wire) in [
            (SqlType::Variant, "variant"),
            (SqlType::Object, "object"),
            (SqlType::Array, "array"),
            (SqlType::Geography, "geography"),
            (SqlType::Geometry, "geometry"),
            (SqlType::Vector, "vector"),
            (SqlType::Map, "map"),
            (SqlType::Unknown("file".to_owned()), "file"),
        ] {
            spelled(sql_type, wire, none());
        }
    }

    #[test]
    fn a_stored_column_names_where_it_comes_from() {
        let shown = OutputColumn {
            name: "C".to_owned(),
            sql_type: SqlType::Date,
            is_nullable: false,
            is_masked: false,
            origin: Some(ColumnRef {
                object: ObjectName::new("DEMO", "PUBLIC", "PEOPLE"),
                column: "BORN".to_owned(),
            }),
        };
        let part = part(vec![ColumnRecord::from(&shown)], 0);
        let found = serde_json::to_value(MetaData::of_part(&part)).unwrap();
        let row_type = &found["rowType"][0];
        assert_eq!(
            [&row_type["database"], &row_type["schema"], &row_type["table"]],
            ["DEMO", "PUBLIC", "PEOPLE"]
        );
        assert_eq!(row_type["nullable"], false);
    }

    #[test]
    fn counts_of_changed_rows_are_told_apart() {
        let number = SqlType::Fixed { precision: 19, scale: 0 };
        let merged = part(vec![column(INSERTED, number.clone()), column(UPDATED, number.clone())], 1);
        assert!(Stats::is_of(&merged));
        let row = [Some("3".to_owned()), Some("4".to_owned())];
        let expected = Stats { num_rows_inserted: 3, num_rows_updated: 4, ..Stats::default() };
        assert_eq!(Stats::read(&merged, &row), Some(expected));
        assert_eq!(Stats::read(&merged, &[Some("3".to_owned()), None]), None);
        assert_eq!(Stats::read(&merged, &row[..1]), None);
        assert!(!Stats::is_of(&part(vec![column(INSERTED, number.clone())], 2)));
        assert!(!Stats::is_of(&part(vec![column("C", number)], 1)));
    }
}
