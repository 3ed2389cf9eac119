//! Arrow batches to Snowflake's `jsonv2` rows, on demand and in slices (protocol, "Text encodings").

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DecimalType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, SchemaRef, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::Result;
use domain::SqlType;

use crate::functions::value_at;
use crate::types;

/// No slice is larger.
pub const LARGEST_SLICE: usize = 256 * 1024;
/// Rows are added to a slice until it holds so much.
const FULL_SLICE: usize = 192 * 1024;

/// The rows of one partition as slices of one JSON array's text; encoded as they are taken.
pub struct PartitionRows {
    batches: std::vec::IntoIter<RecordBatch>,
    kinds: Arc<[SqlType]>,
    current: Option<(RecordBatch, usize)>,
    pending: Vec<u8>,
    has_rows: bool,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Fresh,
    Rows,
    Ended,
}

impl PartitionRows {
    pub(crate) fn new(batches: Vec<RecordBatch>, schema: &SchemaRef) -> Self {
        let kinds = schema.fields().iter().map(|f| types::of_field(f)).collect();
        Self {
            batches: batches.into_iter(),
            kinds,
            current: None,
            pending: Vec::new(),
            has_rows: false,
            state: State::Fresh,
        }
    }

    fn fill(&mut self) -> Result<()> {
        if self.state == State::Fresh {
            self.pending.push(b'[');
            self.state = State::Rows;
        }
        while self.state == State::Rows && self.pending.len() < FULL_SLICE {
            let Some((batch, row)) = &mut self.current else {
                match self.batches.next() {
                    Some(batch) => self.current = Some((batch, 0)),
                    None => {
                        self.pending.push(b']');
                        self.state = State::Ended;
                    }
                }
                continue;
            };
            if *row >= batch.num_rows() {
                self.current = None;
                continue;
            }
            if self.has_rows {
                self.pending.push(b',');
            }
            write_row(batch, &self.kinds, *row, &mut self.pending)?;
            self.has_rows = true;
            *row += 1;
        }
        Ok(())
    }
}

impl Iterator for PartitionRows {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.fill() {
            self.state = State::Ended;
            self.pending.clear();
            return Some(Err(error));
        }
        if self.pending.is_empty() {
            return None;
        }
        let rest = if self.pending.len() > LARGEST_SLICE {
            self.pending.split_off(LARGEST_SLICE)
        } else {
            Vec::new()
        };
        Some(Ok(Bytes::from(std::mem::replace(&mut self.pending, rest))))
    }
}

fn write_row(batch: &RecordBatch, kinds: &[SqlType], row: usize, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'[');
    for (n, (column, kind)) in batch.columns().iter().zip(kinds).enumerate() {
        if n > 0 {
            out.push(b',');
        }
        if is_null(column, row) {
            out.extend_from_slice(b"null");
            continue;
        }
        out.push(b'"');
        write_cell(column, kind, row, out)?;
        out.push(b'"');
    }
    out.push(b']');
    Ok(())
}

/// Whether a cell is NULL; a column without a type holds nothing else.
pub(crate) fn is_null(column: &ArrayRef, row: usize) -> bool {
    column.is_null(row) || *column.data_type() == DataType::Null
}

/// The text between the quotes. Only texts and structures can hold what JSON must escape.
fn write_cell(column: &ArrayRef, kind: &SqlType, row: usize, out: &mut Vec<u8>) -> Result<()> {
    match column.data_type() {
        DataType::Utf8 => escape(column.as_string::<i32>().value(row), out),
        DataType::List(_) | DataType::Struct(_) => {
            let field = types::field("", kind, true);
            escape(&value_at(column, &field, row)?.to_string(), out);
        }
        DataType::Date32 => number(column.as_primitive::<Date32Type>().value(row), out),
        DataType::Date64 => {
            number(column.as_primitive::<Date64Type>().value(row).div_euclid(86_400_000), out)
        }
        DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(_, _) => {
            seconds(nanos(column, row), out);
            if matches!(kind, SqlType::TimestampTz { .. }) {
                out.extend_from_slice(b" 1440");
            }
        }
        _ => plain_text(column, row, out)?,
    }
    Ok(())
}

/// A cell's text without JSON escapes: numbers in digits, dates and times in ISO, binary in hex.
pub(crate) fn plain_text(column: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<()> {
    match column.data_type() {
        DataType::Utf8 => out.extend_from_slice(column.as_string::<i32>().value(row).as_bytes()),
        DataType::LargeUtf8 => out.extend_from_slice(column.as_string::<i64>().value(row).as_bytes()),
        DataType::Utf8View => out.extend_from_slice(column.as_string_view().value(row).as_bytes()),
        DataType::Int8 => number(column.as_primitive::<Int8Type>().value(row), out),
        DataType::Int16 => number(column.as_primitive::<Int16Type>().value(row), out),
        DataType::Int32 => number(column.as_primitive::<Int32Type>().value(row), out),
        DataType::Int64 => number(column.as_primitive::<Int64Type>().value(row), out),
        DataType::UInt8 => number(column.as_primitive::<UInt8Type>().value(row), out),
        DataType::UInt16 => number(column.as_primitive::<UInt16Type>().value(row), out),
        DataType::UInt32 => number(column.as_primitive::<UInt32Type>().value(row), out),
        DataType::UInt64 => number(column.as_primitive::<UInt64Type>().value(row), out),
        DataType::Float32 => number(column.as_primitive::<Float32Type>().value(row), out),
        DataType::Float64 => number(column.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal128(precision, scale) => {
            decimal::<Decimal128Type>(column, row, *precision, *scale, out);
        }
        DataType::Decimal256(precision, scale) => {
            decimal::<Decimal256Type>(column, row, *precision, *scale, out);
        }
        DataType::Boolean => {
            out.extend_from_slice(if column.as_boolean().value(row) { b"true" } else { b"false" });
        }
        DataType::Binary => hex(column.as_binary::<i32>().value(row), out),
        DataType::LargeBinary => hex(column.as_binary::<i64>().value(row), out),
        DataType::BinaryView => hex(column.as_binary_view().value(row), out),
        DataType::FixedSizeBinary(_) => hex(column.as_fixed_size_binary().value(row), out),
        _ => {
            let options = FormatOptions::default();
            let text = ArrayFormatter::try_new(column, &options)?.value(row).try_to_string()?;
            out.extend_from_slice(text.as_bytes());
        }
    }
    Ok(())
}

fn number(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{value}");
}

fn decimal<T: DecimalType>(column: &ArrayRef, row: usize, precision: u8, scale: i8, out: &mut Vec<u8>) {
    let value = column.as_primitive::<T>().value(row);
    out.extend_from_slice(T::format_decimal(value, precision, scale).as_bytes());
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        let _ = write!(out, "{byte:02X}");
    }
}

/// Nanoseconds of a time or timestamp, whatever its unit.
fn nanos(column: &ArrayRef, row: usize) -> i128 {
    let (value, unit) = match column.data_type() {
        DataType::Timestamp(unit, _) => (
            match unit {
                TimeUnit::Second => column.as_primitive::<TimestampSecondType>().value(row),
                TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().value(row),
                TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().value(row),
                TimeUnit::Nanosecond => column.as_primitive::<TimestampNanosecondType>().value(row),
            },
            *unit,
        ),
        DataType::Time32(TimeUnit::Second) => {
            (i64::from(column.as_primitive::<Time32SecondType>().value(row)), TimeUnit::Second)
        }
        DataType::Time32(_) => {
            (i64::from(column.as_primitive::<Time32MillisecondType>().value(row)), TimeUnit::Millisecond)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            (column.as_primitive::<Time64MicrosecondType>().value(row), TimeUnit::Microsecond)
        }
        _ => (column.as_primitive::<Time64NanosecondType>().value(row), TimeUnit::Nanosecond),
    };
    let factor = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    i128::from(value) * factor
}

/// `1700000000.123456789`
fn seconds(nanos: i128, out: &mut Vec<u8>) {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let _ = write!(out, "{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut rest = bytes;
    while let Some(n) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\') {
        let (clean, tail) = rest.split_at(n);
        out.extend_from_slice(clean);
        let Some((special, tail)) = tail.split_first() else { break };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
}
