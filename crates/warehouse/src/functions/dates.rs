//! Calendar arithmetic with Snowflake's date parts.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, StringBuilder, TimestampNanosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Field, FieldRef, Int64Type, TimeUnit, TimestampNanosecondType,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::temporal_conversions::timestamp_ns_to_datetime;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;

use super::{Column, Shared, wrong_arguments};
use crate::types;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;
const MOMENT: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

static DATE_ADD: Shared = Shared::new(|| Column::make("__dateadd", returns_moved, run_add));
static DATE_DIFF: Shared = Shared::new(|| Column::make("__datediff", returns_count, run_diff));

/// `__dateadd('day', n, moment)`.
pub(crate) fn date_add() -> Arc<ScalarUDF> {
    Arc::clone(&DATE_ADD)
}

/// `__datediff('day', from, to)`.
pub(crate) fn date_diff() -> Arc<ScalarUDF> {
    Arc::clone(&DATE_DIFF)
}

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        date_add(),
        date_diff(),
        Column::make("__keep_date", returns_kept, run_keep),
        Column::make("__zoned", |_| Ok(types::zoned_field()), run_zoned),
        Column::make("__last_day", |_| Ok(Arc::new(Field::new("", DataType::Date32, true))), run_last_day),
        Column::make("__format", |_| Ok(Arc::new(Field::new("", DataType::Utf8, true))), run_format),
    ]
}

/// What a date part counts.
#[derive(Clone, Copy)]
enum Part {
    Months(i64),
    Weeks,
    Nanos(i64),
}

fn part_named(name: &str) -> Result<Part> {
    Ok(match name {
        "year" | "years" | "y" | "yy" | "yyyy" | "yr" => Part::Months(12),
        "quarter" | "quarters" | "q" | "qtr" => Part::Months(3),
        "month" | "months" | "mm" | "mon" => Part::Months(1),
        "week" | "weeks" | "w" | "wk" => Part::Weeks,
        "day" | "days" | "d" | "dd" => Part::Nanos(NANOS_PER_DAY),
        "hour" | "hours" | "h" | "hh" => Part::Nanos(3600 * NANOS_PER_SECOND),
        "minute" | "minutes" | "m" | "mi" => Part::Nanos(60 * NANOS_PER_SECOND),
        "second" | "seconds" | "s" | "sec" => Part::Nanos(NANOS_PER_SECOND),
        "millisecond" | "milliseconds" | "ms" => Part::Nanos(1_000_000),
        "microsecond" | "microseconds" | "us" => Part::Nanos(1_000),
        "nanosecond" | "nanoseconds" | "ns" => Part::Nanos(1),
        other => return Err(DataFusionError::Plan(format!("signature: '{other}' is no date or time part"))),
    })
}

fn returns_moved(fields: &[FieldRef]) -> Result<FieldRef> {
    let [_, _, moment] = fields else { return Err(wrong_arguments("DATEADD")) };
    let data_type = match moment.data_type() {
        kept @ (DataType::Date32 | DataType::Timestamp(TimeUnit::Nanosecond, _)) => kept.clone(),
        _ => MOMENT,
    };
    Ok(Arc::new(Field::new("", data_type, true)))
}

fn returns_count(fields: &[FieldRef]) -> Result<FieldRef> {
    if fields.len() == 3 {
        Ok(Arc::new(Field::new("", DataType::Int64, true)))
    } else {
        Err(wrong_arguments("DATEDIFF"))
    }
}

fn run_add(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let [part, n, moment] = columns else { return Err(wrong_arguments("DATEADD")) };
    let (part, n) = (cast(part, &DataType::Utf8)?, cast(n, &DataType::Int64)?);
    let (part, n) = (part.as_string::<i32>(), n.as_primitive::<Int64Type>());
    let moments = nanos(moment)?;
    let moved = |row: usize| -> Result<Option<i64>> {
        if part.is_null(row) || n.is_null(row) || moments.is_null(row) {
            return Ok(None);
        }
        let (n, moment) = (n.value(row), moments.value(row));
        let moved = match part_named(part.value(row))? {
            Part::Months(months) => months.checked_mul(n).and_then(|months| add_months(moment, months)),
            Part::Weeks => (7 * NANOS_PER_DAY).checked_mul(n).and_then(|nanos| moment.checked_add(nanos)),
            Part::Nanos(nanos) => nanos.checked_mul(n).and_then(|nanos| moment.checked_add(nanos)),
        };
        moved.map(Some).ok_or_else(|| ArrowError::ArithmeticOverflow("date".to_owned()).into())
    };
    let array = (0..rows).map(moved).collect::<Result<TimestampNanosecondArray>>()?;
    Ok(cast(&array, returns_moved(fields)?.data_type())?)
}

fn run_diff(columns: &[ArrayRef], _: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let [part, from, to] = columns else { return Err(wrong_arguments("DATEDIFF")) };
    let part = cast(part, &DataType::Utf8)?;
    let part = part.as_string::<i32>();
    let (from, to) = (nanos(from)?, nanos(to)?);
    let count = |row: usize| -> Result<Option<i64>> {
        if part.is_null(row) || from.is_null(row) || to.is_null(row) {
            return Ok(None);
        }
        let (from, to) = (from.value(row), to.value(row));
        // Boundaries crossed, not time passed.
        Ok(Some(match part_named(part.value(row))? {
            Part::Months(months) => month_index(to).div_euclid(months) - month_index(from).div_euclid(months),
            // Weeks begin on Monday; 1970-01-01 was a Thursday.
            Part::Weeks => (day(to) + 3).div_euclid(7) - (day(from) + 3).div_euclid(7),
            Part::Nanos(nanos) => to.div_euclid(nanos) - from.div_euclid(nanos),
        }))
    };
    Ok(Arc::new((0..rows).map(count).collect::<Result<Int64Array>>()?))
}

fn returns_kept(fields: &[FieldRef]) -> Result<FieldRef> {
    let [original, truncated] = fields else { return Err(wrong_arguments("DATE_TRUNC")) };
    let kept = if *original.data_type() == DataType::Date32 { original } else { truncated };
    Ok(Arc::new(Field::new("", kept.data_type().clone(), true)))
}

fn run_keep(columns: &[ArrayRef], fields: &[FieldRef], _: usize) -> Result<ArrayRef> {
    let [_, truncated] = columns else { return Err(wrong_arguments("DATE_TRUNC")) };
    Ok(cast(truncated, returns_kept(fields)?.data_type())?)
}

/// Says of a timestamp that it is a TIMESTAMP_TZ. Its offset is always that of UTC here.
fn run_zoned(columns: &[ArrayRef], _: &[FieldRef], _: usize) -> Result<ArrayRef> {
    let [moment] = columns else { return Err(wrong_arguments("TO_TIMESTAMP_TZ")) };
    Ok(cast(moment, types::zoned_field().data_type())?)
}

fn run_last_day(columns: &[ArrayRef], _: &[FieldRef], _: usize) -> Result<ArrayRef> {
    let [moment] = columns else { return Err(wrong_arguments("LAST_DAY")) };
    let days = cast(moment, &DataType::Date32)?;
    let last = |date: i32| {
        let (year, month, _) = civil(i64::from(date));
        let index = year * 12 + month;
        i32::try_from(days_of(index.div_euclid(12), index.rem_euclid(12) + 1, 1) - 1).unwrap_or(date)
    };
    Ok(Arc::new(days.as_primitive::<Date32Type>().iter().map(|date| date.map(last)).collect::<Date32Array>()))
}

fn run_format(columns: &[ArrayRef], _: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let [value, format] = columns else { return Err(wrong_arguments("TO_VARCHAR")) };
    if !value.data_type().is_temporal() {
        return Ok(cast(value, &DataType::Utf8)?);
    }
    let moments = nanos(value)?;
    let format = cast(format, &DataType::Utf8)?;
    let format = format.as_string::<i32>();
    let mut builder = StringBuilder::new();
    for row in 0..rows {
        let is_null = moments.is_null(row) || format.is_null(row);
        let moment = if is_null { None } else { timestamp_ns_to_datetime(moments.value(row)) };
        builder.append_option(moment.map(|m| m.format(&strftime(format.value(row))).to_string()));
    }
    Ok(Arc::new(builder.finish()))
}

/// Snowflake's format elements to those of strftime.
fn strftime(format: &str) -> String {
    const ELEMENTS: [(&str, &str); 14] = [
        ("YYYY", "%Y"),
        ("HH24", "%H"),
        ("HH12", "%I"),
        ("MMMM", "%B"),
        ("FF3", "%3f"),
        ("FF6", "%6f"),
        ("FF", "%9f"),
        ("MON", "%b"),
        ("YY", "%y"),
        ("MM", "%m"),
        ("DD", "%d"),
        ("DY", "%a"),
        ("MI", "%M"),
        ("SS", "%S"),
    ];
    let mut out = String::new();
    let mut rest = format;
    'next: while let Some(first) = rest.chars().next() {
        for (element, spelled) in ELEMENTS {
            if let Some(head) = rest.get(..element.len())
                && head.eq_ignore_ascii_case(element)
            {
                out.push_str(spelled);
                rest = rest.get(element.len()..).unwrap_or_default();
                continue 'next;
            }
        }
        out.push_str(if first == '%' { "%%" } else { rest.get(..first.len_utf8()).unwrap_or_default() });
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    out
}

fn nanos(column: &ArrayRef) -> Result<TimestampNanosecondArray> {
    let column = cast(column, &MOMENT)?;
    Ok(column.as_primitive::<TimestampNanosecondType>().clone())
}

fn day(moment: i64) -> i64 {
    moment.div_euclid(NANOS_PER_DAY)
}

fn month_index(moment: i64) -> i64 {
    let (year, month, _) = civil(day(moment));
    year * 12 + month - 1
}

fn add_months(moment: i64, months: i64) -> Option<i64> {
    let (year, month, date) = civil(day(moment));
    let index = (year * 12 + month - 1).checked_add(months)?;
    if index.abs() > 12 * 10_000 {
        return None;
    }
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    let next = index + 1;
    let length = days_of(next.div_euclid(12), next.rem_euclid(12) + 1, 1) - days_of(year, month, 1);
    let days = days_of(year, month, date.min(length));
    days.checked_mul(NANOS_PER_DAY)?.checked_add(moment.rem_euclid(NANOS_PER_DAY))
}

/// Year, month and day of month of a day counted from 1970-01-01 (proleptic Gregorian, years from March).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, date)
}

/// The inverse of [`civil`].
fn days_of(year: i64, month: i64, date: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + date - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}
