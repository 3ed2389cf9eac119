//! The types that a definition writes.

use domain::SqlType;
use sqlparser::ast::{DataType, ExactNumberInfo, TimezoneInfo};

/// The type that the parser has read.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other type is told by its name")]
pub(super) fn of(data_type: &DataType) -> SqlType {
    match data_type {
        DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => match info {
            ExactNumberInfo::None => named("NUMBER", &[]),
            ExactNumberInfo::Precision(precision) => named("NUMBER", &[*precision]),
            ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                named("NUMBER", &[*precision, (*scale).max(0).unsigned_abs()])
            }
        },
        DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => named("TIMESTAMP_TZ", &[]),
        other => {
            let written = other.to_string().to_ascii_uppercase();
            let word: String =
                written.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            named(&word, &bracketed(&written))
        }
    }
}

/// The type of this upper-case name, with the numbers in its brackets.
pub(super) fn named(word: &str, facets: &[u64]) -> SqlType {
    let small = |at: usize, or: u8| facets.get(at).and_then(|n| u8::try_from(*n).ok()).unwrap_or(or);
    let length = |or: u64| facets.first().copied().unwrap_or(or);
    match word {
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => {
            SqlType::Fixed { precision: 38, scale: 0 }
        }
        "NUMBER" | "NUMERIC" | "DECIMAL" | "DEC" => {
            SqlType::Fixed { precision: small(0, 38), scale: small(1, 0) }
        }
        "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "REAL" => SqlType::Real,
        "DECFLOAT" => SqlType::DecFloat,
        "VARCHAR" | "STRING" | "TEXT" | "NVARCHAR" => SqlType::Text { length: length(16_777_216) },
        "CHAR" | "CHARACTER" | "NCHAR" => SqlType::Text { length: length(1) },
        "BOOLEAN" | "BOOL" => SqlType::Boolean,
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time { scale: small(0, 9) },
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP_NTZ" | "TIMESTAMPNTZ" => {
            SqlType::TimestampNtz { scale: small(0, 9) }
        }
        "TIMESTAMP_LTZ" | "TIMESTAMPLTZ" => SqlType::TimestampLtz { scale: small(0, 9) },
        "TIMESTAMP_TZ" | "TIMESTAMPTZ" => SqlType::TimestampTz { scale: small(0, 9) },
        "BINARY" | "VARBINARY" => SqlType::Binary { length: length(8_388_608) },
        "VARIANT" => SqlType::Variant,
        "OBJECT" => SqlType::Object,
        "ARRAY" => SqlType::Array,
        "GEOGRAPHY" => SqlType::Geography,
        "GEOMETRY" => SqlType::Geometry,
        "VECTOR" => SqlType::Vector,
        "MAP" => SqlType::Map,
        _ => SqlType::Unknown(word.to_ascii_lowercase()),
    }
}

/// The numbers in the brackets of a type.
fn bracketed(written: &str) -> Vec<u64> {
    let inner = written.split_once('(').map_or("", |(_, inner)| inner);
    inner.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}
