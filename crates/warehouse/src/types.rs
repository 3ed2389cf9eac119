//! Snowflake's types and Arrow's, both ways.
//!
//! NUMBER with scale 0 is held as `Int64`: fast, exact to 18 digits, and a wider value is an error, never a wrong
//! number. VARIANT, OBJECT and ARRAY are JSON text whose field says so.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::sql::sqlparser::ast;
use domain::SqlType;

use crate::errors::SnowflakeError;

/// Field metadata: which of VARIANT, OBJECT and ARRAY a text is.
const LOGICAL: &str = "logical";
/// Field metadata: VARCHAR's or BINARY's length.
const LENGTH: &str = "length";
/// Field metadata: TIMESTAMP_TZ, which Arrow does not tell from TIMESTAMP_LTZ.
const ZONED: &str = "zoned";

/// VARCHAR without a length.
pub(crate) const TEXT: SqlType = SqlType::Text { length: 16_777_216 };
/// NUMBER without facets.
pub(crate) const NUMBER: SqlType = SqlType::Fixed { precision: 38, scale: 0 };
/// The time zone of the whole warehouse.
pub(crate) const ZONE: &str = "UTC";

/// The type of a result or table field.
pub(crate) fn of_field(field: &Field) -> SqlType {
    if let Some(logical) = field.metadata().get(LOGICAL) {
        // The word is this file's own, written by `field`.
        return match logical.as_str() {
            "object" => SqlType::Object,
            "array" => SqlType::Array,
            _ => SqlType::Variant,
        };
    }
    let length = |default| field.metadata().get(LENGTH).and_then(|l| l.parse().ok()).unwrap_or(default);
    of_data_type(field.data_type(), field.metadata().contains_key(ZONED), length)
}

fn of_data_type(data_type: &DataType, is_zoned: bool, length: impl Fn(u64) -> u64) -> SqlType {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            SqlType::Fixed { precision: (*precision).min(38), scale: u8::try_from(*scale).unwrap_or(0) }
        }
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => NUMBER,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => SqlType::Real,
        DataType::Boolean => SqlType::Boolean,
        DataType::Date32 | DataType::Date64 => SqlType::Date,
        DataType::Time32(_) | DataType::Time64(_) => SqlType::Time { scale: 9 },
        DataType::Timestamp(_, None) => SqlType::TimestampNtz { scale: 9 },
        DataType::Timestamp(_, Some(_)) if is_zoned => SqlType::TimestampTz { scale: 9 },
        DataType::Timestamp(_, Some(_)) => SqlType::TimestampLtz { scale: 9 },
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            SqlType::Binary { length: length(8_388_608) }
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) => SqlType::Array,
        DataType::Struct(_) | DataType::Map(_, _) => SqlType::Object,
        DataType::Dictionary(_, values) => of_data_type(values, is_zoned, length),
        _ => SqlType::Text { length: length(16_777_216) },
    }
}

/// The Arrow field that stores a column of this type.
pub(crate) fn field(name: &str, sql_type: &SqlType, is_nullable: bool) -> Field {
    let mut metadata = HashMap::new();
    let data_type = match sql_type {
        SqlType::Fixed { scale: 0, .. } => DataType::Int64,
        SqlType::Fixed { precision, scale } => {
            DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(0))
        }
        SqlType::Real | SqlType::DecFloat => DataType::Float64,
        SqlType::Boolean => DataType::Boolean,
        SqlType::Date => DataType::Date32,
        SqlType::Time { .. } => DataType::Time64(TimeUnit::Nanosecond),
        SqlType::TimestampNtz { .. } => DataType::Timestamp(TimeUnit::Nanosecond, None),
        SqlType::TimestampLtz { .. } => DataType::Timestamp(TimeUnit::Nanosecond, Some(ZONE.into())),
        SqlType::TimestampTz { .. } => {
            metadata.insert(ZONED.to_owned(), "1".to_owned());
            DataType::Timestamp(TimeUnit::Nanosecond, Some(ZONE.into()))
        }
        SqlType::Binary { .. } => DataType::Binary,
        SqlType::Text { length } => {
            metadata.insert(LENGTH.to_owned(), length.to_string());
            DataType::Utf8
        }
        SqlType::Variant
        | SqlType::Object
        | SqlType::Array
        | SqlType::Geography
        | SqlType::Geometry
        | SqlType::Vector
        | SqlType::Map
        | SqlType::Unknown(_) => {
            let logical = if matches!(sql_type, SqlType::Object | SqlType::Array) {
                sql_type.wire_name()
            } else {
                "variant"
            };
            metadata.insert(LOGICAL.to_owned(), logical.to_owned());
            DataType::Utf8
        }
    };
    Field::new(name, data_type, is_nullable).with_metadata(metadata)
}

/// A nullable field for what a function returns: JSON text.
pub(crate) fn json_field(name: &str, sql_type: &SqlType) -> FieldRef {
    Arc::new(field(name, sql_type, true))
}

/// The field of a TIMESTAMP_TZ.
pub(crate) fn zoned_field() -> FieldRef {
    Arc::new(field("", &SqlType::TimestampTz { scale: 9 }, true))
}

/// Whether the field holds JSON text.
pub(crate) fn is_json(field: &Field) -> bool {
    field.metadata().contains_key(LOGICAL)
}

/// The type that a column definition or cast names.
pub(crate) fn of_ast(data_type: &ast::DataType) -> Result<SqlType, SnowflakeError> {
    use ast::DataType as Sql;
    Ok(match data_type {
        Sql::Numeric(info) | Sql::Decimal(info) | Sql::Dec(info) => exact(info)?,
        Sql::TinyInt(_)
        | Sql::SmallInt(_)
        | Sql::Int(_)
        | Sql::Integer(_)
        | Sql::BigInt(_)
        | Sql::MediumInt(_) => NUMBER,
        Sql::Float(_)
        | Sql::Float4
        | Sql::Float8
        | Sql::Real
        | Sql::Double(_)
        | Sql::DoublePrecision
        | Sql::Float64 => SqlType::Real,
        Sql::Text | Sql::String(_) => TEXT,
        Sql::Varchar(length)
        | Sql::Nvarchar(length)
        | Sql::CharVarying(length)
        | Sql::CharacterVarying(length) => SqlType::Text { length: characters(length.as_ref(), 16_777_216) },
        Sql::Char(length) | Sql::Character(length) => {
            SqlType::Text { length: characters(length.as_ref(), 1) }
        }
        Sql::Boolean | Sql::Bool => SqlType::Boolean,
        Sql::Date => SqlType::Date,
        Sql::Time(_, _) => SqlType::Time { scale: 9 },
        Sql::Datetime(_)
        | Sql::Timestamp(_, ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone) => {
            SqlType::TimestampNtz { scale: 9 }
        }
        Sql::TimestampNtz(_) => SqlType::TimestampNtz { scale: 9 },
        Sql::Timestamp(_, ast::TimezoneInfo::WithTimeZone | ast::TimezoneInfo::Tz) => {
            SqlType::TimestampTz { scale: 9 }
        }
        Sql::Binary(_) | Sql::Varbinary(_) | Sql::Bytea => SqlType::Binary { length: 8_388_608 },
        Sql::JSON => SqlType::Variant,
        Sql::Array(_) => SqlType::Array,
        Sql::Custom(name, arguments) => named(&name.to_string(), arguments)?,
        other => return Err(SnowflakeError::unsupported(&format!("data type {other}"))),
    })
}

fn named(name: &str, arguments: &[String]) -> Result<SqlType, SnowflakeError> {
    let digits = |n: usize, default: u8| -> Result<u8, SnowflakeError> {
        match arguments.get(n) {
            None => Ok(default),
            Some(text) => text
                .trim()
                .parse()
                .map_err(|_| SnowflakeError::unsupported(&format!("data type {name}({text})"))),
        }
    };
    Ok(match name.to_ascii_uppercase().as_str() {
        "NUMBER" => fixed(digits(0, 38)?, digits(1, 0)?)?,
        "BYTEINT" | "INTEGER" => NUMBER,
        "STRING" => TEXT,
        "NCHAR" | "NVARCHAR2" | "NCHAR VARYING" => TEXT,
        "VARIANT" => SqlType::Variant,
        "OBJECT" => SqlType::Object,
        "ARRAY" => SqlType::Array,
        "TIMESTAMP_LTZ" => SqlType::TimestampLtz { scale: 9 },
        "TIMESTAMP_TZ" => SqlType::TimestampTz { scale: 9 },
        "TIMESTAMP_NTZ" | "DATETIME" => SqlType::TimestampNtz { scale: 9 },
        _ => return Err(SnowflakeError::unsupported(&format!("data type {name}"))),
    })
}

fn exact(info: &ast::ExactNumberInfo) -> Result<SqlType, SnowflakeError> {
    match info {
        ast::ExactNumberInfo::None => Ok(NUMBER),
        ast::ExactNumberInfo::Precision(precision) => fixed(u8::try_from(*precision).unwrap_or(u8::MAX), 0),
        ast::ExactNumberInfo::PrecisionAndScale(precision, scale) => {
            fixed(u8::try_from(*precision).unwrap_or(u8::MAX), u8::try_from(*scale).unwrap_or(u8::MAX))
        }
    }
}

fn fixed(precision: u8, scale: u8) -> Result<SqlType, SnowflakeError> {
    if (1..=38).contains(&precision) && scale <= precision {
        Ok(SqlType::Fixed { precision, scale })
    } else {
        Err(SnowflakeError::new(
            "002010",
            "42601",
            format!(
                "SQL compilation error:\ninvalid number precision: {precision}. Must be between 0 and 38."
            ),
        ))
    }
}

fn characters(length: Option<&ast::CharacterLength>, default: u64) -> u64 {
    match length {
        Some(ast::CharacterLength::IntegerLength { length, .. }) => *length,
        Some(ast::CharacterLength::Max) | None => default,
    }
}

/// The engine's spelling of a cast to this type; none for JSON types, which have a function instead.
pub(crate) fn to_ast(sql_type: &SqlType) -> Option<ast::DataType> {
    use ast::DataType as Sql;
    Some(match sql_type {
        SqlType::Fixed { scale: 0, .. } => Sql::BigInt(None),
        SqlType::Fixed { precision, scale } => {
            Sql::Decimal(ast::ExactNumberInfo::PrecisionAndScale(u64::from(*precision), i64::from(*scale)))
        }
        SqlType::Real | SqlType::DecFloat => Sql::Double(ast::ExactNumberInfo::None),
        SqlType::Text { .. } => Sql::Varchar(None),
        SqlType::Boolean => Sql::Boolean,
        SqlType::Date => Sql::Date,
        SqlType::Time { .. } => Sql::Time(None, ast::TimezoneInfo::None),
        SqlType::TimestampNtz { .. } => Sql::Timestamp(None, ast::TimezoneInfo::None),
        SqlType::TimestampLtz { .. } | SqlType::TimestampTz { .. } => {
            Sql::Timestamp(None, ast::TimezoneInfo::WithTimeZone)
        }
        SqlType::Binary { .. } => Sql::Bytea,
        SqlType::Variant
        | SqlType::Object
        | SqlType::Array
        | SqlType::Geography
        | SqlType::Geometry
        | SqlType::Vector
        | SqlType::Map
        | SqlType::Unknown(_) => return None,
    })
}

/// How SHOW and DESCRIBE print it (`NUMBER(12,2)`, `VARCHAR(25)`).
pub(crate) fn declared(sql_type: &SqlType) -> String {
    match sql_type {
        SqlType::Fixed { precision, scale } => format!("NUMBER({precision},{scale})"),
        SqlType::Text { length } => format!("VARCHAR({length})"),
        SqlType::Binary { length } => format!("BINARY({length})"),
        SqlType::Real => "FLOAT".into(),
        SqlType::Time { scale }
        | SqlType::TimestampNtz { scale }
        | SqlType::TimestampLtz { scale }
        | SqlType::TimestampTz { scale } => format!("{}({scale})", sql_type.wire_name().to_uppercase()),
        SqlType::DecFloat
        | SqlType::Boolean
        | SqlType::Date
        | SqlType::Variant
        | SqlType::Object
        | SqlType::Array
        | SqlType::Geography
        | SqlType::Geometry
        | SqlType::Vector
        | SqlType::Map
        | SqlType::Unknown(_) => sql_type.wire_name().to_uppercase(),
    }
}

/// The bare name in INFORMATION_SCHEMA.COLUMNS.DATA_TYPE.
pub(crate) fn bare_name(sql_type: &SqlType) -> String {
    declared(sql_type).split('(').next().unwrap_or_default().to_owned()
}
