//! VARIANT: JSON text with a field that says so.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use domain::SqlType;
use serde_json::{Map, Value};

use super::{Column, Shared, wrong_arguments};
use crate::encode;
use crate::errors::SnowflakeError;
use crate::types;

static PLAIN: Shared = Shared::new(|| Column::make("__plain", returns_plain, run_plain));

/// Opens a VARIANT: the text of a string, the digits of a number. Anything else passes through.
pub(crate) fn plain() -> Arc<ScalarUDF> {
    Arc::clone(&PLAIN)
}

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        plain(),
        Column::make("__path", returns_variant, run_path),
        Column::make("get", returns_variant, run_path),
        Column::make("get_path", returns_variant, run_dotted_path),
        Column::make("parse_json", returns_variant, |columns, _, rows| run_parse(columns, rows, false)),
        Column::make("try_parse_json", returns_variant, |columns, _, rows| run_parse(columns, rows, true)),
        Column::make("to_variant", returns_variant, run_to_variant),
        Column::make("to_json", returns_text, run_to_variant),
        Column::make("object_construct", |_| Ok(types::json_field("", &SqlType::Object)), run_object),
        Column::make("array_construct", |_| Ok(types::json_field("", &SqlType::Array)), run_array),
        Column::make("object_keys", |_| Ok(types::json_field("", &SqlType::Array)), run_keys),
        Column::make("typeof", returns_text, run_typeof),
        Column::make("array_size", |_| Ok(Arc::new(Field::new("", DataType::Int64, true))), run_size),
    ]
}

fn returns_plain(fields: &[FieldRef]) -> Result<FieldRef> {
    let [field] = fields else { return Err(wrong_arguments("CAST")) };
    if types::is_json(field) || matches!(field.data_type(), DataType::List(_)) {
        return returns_text(fields);
    }
    Ok(Arc::new(Field::new("", field.data_type().clone(), field.is_nullable())))
}

fn returns_variant(fields: &[FieldRef]) -> Result<FieldRef> {
    if fields.is_empty() {
        Err(wrong_arguments("VARIANT"))
    } else {
        Ok(types::json_field("", &SqlType::Variant))
    }
}

fn returns_text(_: &[FieldRef]) -> Result<FieldRef> {
    Ok(Arc::new(Field::new("", DataType::Utf8, true)))
}

fn run_plain(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let (Some(column), Some(field)) = (columns.first(), fields.first()) else {
        return Err(wrong_arguments("CAST"));
    };
    if !types::is_json(field) && !matches!(field.data_type(), DataType::List(_)) {
        return Ok(Arc::clone(column));
    }
    texts(rows, |row| {
        Ok(match value_at(column, field, row)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        })
    })
}

fn run_path(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let (Some((column, keys)), Some((field, key_fields))) = (columns.split_first(), fields.split_first())
    else {
        return Err(wrong_arguments("GET"));
    };
    texts(rows, |row| {
        let mut value = value_at(column, field, row)?;
        for (key, key_field) in keys.iter().zip(key_fields) {
            value = match value_at(key, key_field, row)? {
                Value::String(key) => step(value, &key),
                Value::Number(n) => item(value, n.as_u64()),
                _ => Value::Null,
            };
        }
        Ok(if value.is_null() { None } else { Some(value.to_string()) })
    })
}

fn run_dotted_path(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let ([column, path], [field, path_field]) = (columns, fields) else {
        return Err(wrong_arguments("GET_PATH"));
    };
    texts(rows, |row| {
        let mut value = value_at(column, field, row)?;
        let Value::String(path) = value_at(path, path_field, row)? else { return Ok(None) };
        for key in path.split(['.', '[', ']', '"', '\'']).filter(|key| !key.is_empty()) {
            value = match key.parse::<u64>() {
                Ok(n) if value.is_array() => item(value, Some(n)),
                _ => step(value, key),
            };
        }
        Ok(if value.is_null() { None } else { Some(value.to_string()) })
    })
}

fn step(value: Value, key: &str) -> Value {
    if let Value::Object(mut members) = value {
        members.remove(key).unwrap_or(Value::Null)
    } else {
        Value::Null
    }
}

fn item(value: Value, n: Option<u64>) -> Value {
    let n = n.and_then(|n| usize::try_from(n).ok());
    match (value, n) {
        (Value::Array(mut items), Some(n)) if n < items.len() => items.swap_remove(n),
        _ => Value::Null,
    }
}

fn run_parse(columns: &[ArrayRef], rows: usize, is_forgiving: bool) -> Result<ArrayRef> {
    let [column] = columns else { return Err(wrong_arguments("PARSE_JSON")) };
    let column = cast(column, &DataType::Utf8)?;
    let column = column.as_string::<i32>();
    texts(rows, |row| {
        if column.is_null(row) || column.value(row).trim().is_empty() {
            return Ok(None);
        }
        match serde_json::from_str::<Value>(column.value(row)) {
            Ok(value) => Ok(Some(sorted(value).to_string())),
            Err(_) if is_forgiving => Ok(None),
            Err(error) => Err(DataFusionError::External(Box::new(SnowflakeError::new(
                "100069",
                "22P02",
                format!("Error parsing JSON: syntax error, line {}, pos {}", error.line(), error.column()),
            )))),
        }
    })
}

fn run_to_variant(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let ([column], [field]) = (columns, fields) else { return Err(wrong_arguments("TO_VARIANT")) };
    texts(rows, |row| {
        if encode::is_null(column, row) {
            return Ok(None);
        }
        Ok(Some(value_at(column, field, row)?.to_string()))
    })
}

fn run_object(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    if !columns.len().is_multiple_of(2) {
        return Err(wrong_arguments("OBJECT_CONSTRUCT"));
    }
    texts(rows, |row| {
        let mut members = Map::new();
        for (pair, pair_fields) in columns.chunks_exact(2).zip(fields.chunks_exact(2)) {
            let ([key, value], [key_field, value_field]) = (pair, pair_fields) else { continue };
            let value = value_at(value, value_field, row)?;
            // Snowflake leaves members out whose key or value is NULL.
            if let Value::String(key) = value_at(key, key_field, row)?
                && !value.is_null()
            {
                members.insert(key, value);
            }
        }
        Ok(Some(sorted(Value::Object(members)).to_string()))
    })
}

fn run_array(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    texts(rows, |row| {
        let items = columns.iter().zip(fields).map(|(column, field)| value_at(column, field, row));
        Ok(Some(Value::Array(items.collect::<Result<_>>()?).to_string()))
    })
}

fn run_keys(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let ([column], [field]) = (columns, fields) else { return Err(wrong_arguments("OBJECT_KEYS")) };
    texts(rows, |row| {
        let Value::Object(members) = value_at(column, field, row)? else { return Ok(None) };
        Ok(Some(Value::Array(members.into_iter().map(|(key, _)| Value::String(key)).collect()).to_string()))
    })
}

fn run_typeof(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let ([column], [field]) = (columns, fields) else { return Err(wrong_arguments("TYPEOF")) };
    texts(rows, |row| {
        if encode::is_null(column, row) {
            return Ok(None);
        }
        let name = match value_at(column, field, row)? {
            Value::Null => "NULL_VALUE",
            Value::Bool(_) => "BOOLEAN",
            Value::Number(n) if n.is_f64() => "DECIMAL",
            Value::Number(_) => "INTEGER",
            Value::String(_) => "VARCHAR",
            Value::Array(_) => "ARRAY",
            Value::Object(_) => "OBJECT",
        };
        Ok(Some(name.to_owned()))
    })
}

fn run_size(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let ([column], [field]) = (columns, fields) else { return Err(wrong_arguments("ARRAY_SIZE")) };
    let size = |row| -> Result<Option<i64>> {
        let Value::Array(items) = value_at(column, field, row)? else { return Ok(None) };
        Ok(i64::try_from(items.len()).ok())
    };
    Ok(Arc::new((0..rows).map(size).collect::<Result<Int64Array>>()?))
}

fn texts(rows: usize, mut text: impl FnMut(usize) -> Result<Option<String>>) -> Result<ArrayRef> {
    let mut builder = StringBuilder::new();
    for row in 0..rows {
        builder.append_option(text(row)?);
    }
    Ok(Arc::new(builder.finish()))
}

/// Snowflake prints the members of an object in the order of their keys; whether the JSON library does depends on
/// what other crates ask of it.
pub(crate) fn sorted(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}

/// One cell as JSON.
pub(crate) fn value_at(column: &ArrayRef, field: &Field, row: usize) -> Result<Value> {
    if encode::is_null(column, row) {
        return Ok(Value::Null);
    }
    if let DataType::List(item_field) = column.data_type() {
        let items = column.as_list::<i32>().value(row);
        return (0..items.len())
            .map(|n| value_at(&items, item_field, n))
            .collect::<Result<Vec<_>>>()
            .map(Value::Array);
    }
    if let DataType::Struct(fields) = column.data_type() {
        let members = column.as_struct().columns().iter().zip(fields);
        let members = members.map(|(c, f)| Ok((f.name().clone(), value_at(c, f, row)?)));
        return Ok(Value::Object(members.collect::<Result<_>>()?));
    }
    let mut text = Vec::new();
    encode::plain_text(column, row, &mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let is_bare = types::is_json(field)
        || column.data_type().is_numeric()
        || matches!(column.data_type(), DataType::Boolean);
    Ok(if is_bare {
        serde_json::from_str(&text).map_or(Value::String(text), sorted)
    } else {
        Value::String(text)
    })
}
