//! `||` within Snowflake's bound of a text; NULL on one side makes NULL.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::concat_elements::{concat_elements_bytes, concat_elements_utf8};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;

use super::bounds::LARGEST_VALUE;
use super::{Column, Shared, wrong_arguments};
use crate::errors::SnowflakeError;

static CONCAT: Shared = Shared::new(|| Column::make("__concat", returns_joined, run_concat));

/// `left || right`.
pub(crate) fn concat() -> Arc<ScalarUDF> {
    Arc::clone(&CONCAT)
}

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        concat(),
        // What an aggregate made: only here is its length known.
        Column::make("__text", |_| Ok(Arc::new(Field::new("", DataType::Utf8, true))), run_text),
    ]
}

fn returns_joined(fields: &[FieldRef]) -> Result<FieldRef> {
    let [left, right] = fields else { return Err(wrong_arguments("||")) };
    let is_binary = left.data_type().is_binary() && right.data_type().is_binary();
    let data_type = if is_binary { DataType::Binary } else { DataType::Utf8 };
    Ok(Arc::new(Field::new("", data_type, true)))
}

fn run_text(columns: &[ArrayRef], _: &[FieldRef], _: usize) -> Result<ArrayRef> {
    let [text] = columns else { return Err(wrong_arguments("LISTAGG")) };
    Ok(cast(text, &DataType::Utf8)?)
}

fn run_concat(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let [left, right] = columns else { return Err(wrong_arguments("||")) };
    let data_type = returns_joined(fields)?.data_type().clone();
    let (left, right) = (cast(left, &data_type)?, cast(right, &data_type)?);
    let length = |array: &ArrayRef, row| match array.as_string_opt::<i32>() {
        _ if array.is_null(row) => 0,
        Some(texts) => texts.value(row).len(),
        None => array.as_binary::<i32>().value(row).len(),
    };
    if (0..rows).any(|row| length(&left, row) + length(&right, row) > LARGEST_VALUE) {
        return Err(DataFusionError::External(Box::new(SnowflakeError::too_long("||"))));
    }
    Ok(if data_type == DataType::Utf8 {
        Arc::new(concat_elements_utf8(left.as_string::<i32>(), right.as_string::<i32>())?)
    } else {
        Arc::new(concat_elements_bytes(left.as_binary::<i32>(), right.as_binary::<i32>())?)
    })
}
