//! What a statement answers: columns, batches, partitions.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, Int64Array, StringArray, TimestampNanosecondArray, UInt64Array,
};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use domain::{ColumnRef, SqlType};

use crate::errors::SnowflakeError;
use crate::types;

/// A partition holds at most so many rows …
const PARTITION_ROWS: usize = 10_000;
/// … and about so many bytes.
const PARTITION_BYTES: usize = 4 << 20;

/// What is not worth a copy.
const LITTLE: usize = 64 << 10;

/// One column of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResultColumn {
    /// Its name, as Snowflake prints it.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether NULL may stand in it.
    pub is_nullable: bool,
    /// The column of a table or view that it shows unchanged.
    pub origin: Option<ColumnRef>,
}

/// One piece of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partition {
    /// Its rows.
    pub rows: usize,
    /// Its size in memory; about that of its text.
    pub bytes: usize,
}

/// How many rows a statement changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// INSERT, CREATE TABLE AS.
    pub inserted: u64,
    /// UPDATE.
    pub updated: u64,
    /// DELETE, TRUNCATE.
    pub deleted: u64,
}

/// An answer without its rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The columns.
    pub columns: Vec<ResultColumn>,
    /// Rows in all.
    pub rows: u64,
    /// At least one.
    pub partitions: Vec<Partition>,
    /// For statements that write.
    pub changes: Option<Changes>,
}

/// An answer with its rows.
pub(crate) struct Answer {
    pub head: Head,
    pub schema: SchemaRef,
    /// The batches of each partition.
    pub pieces: Vec<Vec<RecordBatch>>,
}

impl Answer {
    /// Cuts batches into partitions.
    pub fn new(columns: Vec<ResultColumn>, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        let (pieces, partitions) = cut(batches);
        let rows = partitions.iter().map(|p| p.rows as u64).sum();
        Self { head: Head { columns, rows, partitions, changes: None }, schema, pieces }
    }

    /// A small table made by this crate itself.
    pub fn table(columns: &[(&str, SqlType)], rows: &[Vec<Cell>]) -> Result<Self, SnowflakeError> {
        let batch = table(columns, rows)?;
        let head = columns.iter().map(|(name, sql_type)| ResultColumn {
            name: (*name).to_owned(),
            sql_type: sql_type.clone(),
            is_nullable: true,
            origin: None,
        });
        Ok(Self::new(head.collect(), batch.schema(), vec![batch]))
    }

    /// The one row `status` of statements that answer nothing else.
    pub fn status(text: impl Into<String>) -> Result<Self, SnowflakeError> {
        Self::table(&[("status", types::TEXT)], &[vec![Cell::Text(text.into())]])
    }

    /// Counts of changed rows, under the names that clients match.
    pub fn changes(counts: &[(&str, u64)], changes: Changes) -> Result<Self, SnowflakeError> {
        let columns: Vec<_> = counts.iter().map(|(name, _)| (*name, types::NUMBER)).collect();
        let row = counts.iter().map(|(_, n)| Cell::Number(i64::try_from(*n).unwrap_or(i64::MAX))).collect();
        let mut answer = Self::table(&columns, &[row])?;
        answer.head.changes = Some(changes);
        Ok(answer)
    }
}

/// One cell of a table that this crate makes itself.
pub(crate) enum Cell {
    Null,
    Text(String),
    Number(i64),
    /// Microseconds since 1970.
    Moment(i64),
}

impl Cell {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Rows as one batch; a cell of another type than its column is NULL.
pub(crate) fn table(columns: &[(&str, SqlType)], rows: &[Vec<Cell>]) -> Result<RecordBatch, SnowflakeError> {
    let fields: Vec<_> = columns.iter().map(|(name, sql_type)| types::field(name, sql_type, true)).collect();
    let arrays = columns.iter().enumerate().map(|(n, (_, sql_type))| -> ArrayRef {
        let cells = rows.iter().map(|row| row.get(n).unwrap_or(&Cell::Null));
        match sql_type {
            SqlType::Fixed { .. } => Arc::new(
                cells.map(|c| if let Cell::Number(n) = c { Some(*n) } else { None }).collect::<Int64Array>(),
            ),
            SqlType::TimestampLtz { .. } => {
                let moments = cells.map(|c| if let Cell::Moment(m) = c { m.checked_mul(1000) } else { None });
                Arc::new(moments.collect::<TimestampNanosecondArray>().with_timezone(types::ZONE))
            }
            SqlType::Real
            | SqlType::DecFloat
            | SqlType::Text { .. }
            | SqlType::Boolean
            | SqlType::Date
            | SqlType::Time { .. }
            | SqlType::TimestampNtz { .. }
            | SqlType::TimestampTz { .. }
            | SqlType::Binary { .. }
            | SqlType::Variant
            | SqlType::Object
            | SqlType::Array
            | SqlType::Geography
            | SqlType::Geometry
            | SqlType::Vector
            | SqlType::Map
            | SqlType::Unknown(_) => Arc::new(
                cells
                    .map(|c| if let Cell::Text(t) = c { Some(t.as_str()) } else { None })
                    .collect::<StringArray>(),
            ),
        }
    });
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.collect())?)
}

/// How much memory a batch keeps alive, a slice counting its share.
pub(crate) fn size_of(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(size_of_array).sum()
}

/// The batch, copied when most of the memory that it keeps alive (and of which it has `bytes`) is not its own: an answer
/// of one row must not hold what it was cut from.
pub(crate) fn compact(batch: RecordBatch, bytes: usize) -> Result<RecordBatch, SnowflakeError> {
    if batch.get_array_memory_size() / 2 <= bytes.max(LITTLE) {
        return Ok(batch);
    }
    let rows = (0..batch.num_rows() as u64).collect::<UInt64Array>();
    Ok(take_record_batch(&batch, &rows)?)
}

/// How much memory an array keeps alive, a slice counting its share.
pub(crate) fn size_of_array(array: &ArrayRef) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_default()
}

fn cut(batches: Vec<RecordBatch>) -> (Vec<Vec<RecordBatch>>, Vec<Partition>) {
    let mut pieces = Vec::new();
    let mut partitions = Vec::new();
    let mut piece = Vec::new();
    let mut so_far = Partition { rows: 0, bytes: 0 };
    for batch in batches {
        let per_row = size_of(&batch).checked_div(batch.num_rows()).unwrap_or(0).max(1);
        let mut start = 0;
        while start < batch.num_rows() {
            let by_bytes = (PARTITION_BYTES.saturating_sub(so_far.bytes) / per_row).max(1);
            let room = (PARTITION_ROWS - so_far.rows).min(by_bytes).min(batch.num_rows() - start);
            piece.push(batch.slice(start, room));
            so_far.rows += room;
            so_far.bytes += room * per_row;
            start += room;
            if so_far.rows >= PARTITION_ROWS || so_far.bytes >= PARTITION_BYTES {
                pieces.push(std::mem::take(&mut piece));
                partitions.push(std::mem::replace(&mut so_far, Partition { rows: 0, bytes: 0 }));
            }
        }
    }
    if !piece.is_empty() || pieces.is_empty() {
        pieces.push(piece);
        partitions.push(so_far);
    }
    (pieces, partitions)
}
