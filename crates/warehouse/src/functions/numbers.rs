//! Division as Snowflake does it: exact numbers stay exact, and zero is an error.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float64Type, i256};
use datafusion::arrow::error::ArrowError;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;

use super::{Column, Shared, wrong_arguments};

static DIVIDE: Shared = Shared::new(|| Column::make("__divide", returns_quotient, run_divide));

/// `left / right`.
pub(crate) fn divide() -> Arc<ScalarUDF> {
    Arc::clone(&DIVIDE)
}

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    vec![divide()]
}

/// Digits after the point of an exact number; none for an approximate one.
fn scale(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => None,
        _ => Some(0),
    }
}

fn returns_quotient(fields: &[FieldRef]) -> Result<FieldRef> {
    let [left, right] = fields else { return Err(wrong_arguments("/")) };
    let data_type = match (scale(left.data_type()), scale(right.data_type())) {
        // Snowflake, "Arithmetic operators": the scale grows by 6, but not beyond 12.
        (Some(left), Some(_)) => DataType::Decimal128(38, left.max((left + 6).min(12))),
        _ => DataType::Float64,
    };
    Ok(Arc::new(Field::new("", data_type, true)))
}

fn run_divide(columns: &[ArrayRef], fields: &[FieldRef], rows: usize) -> Result<ArrayRef> {
    let ([left, right], DataType::Decimal128(_, scale_out)) =
        (columns, returns_quotient(fields)?.data_type().clone())
    else {
        return run_approximate(columns);
    };
    let (left_scale, right_scale) =
        (scale(left.data_type()).unwrap_or(0), scale(right.data_type()).unwrap_or(0));
    let left = cast(left, &DataType::Decimal128(38, left_scale))?;
    let right = cast(right, &DataType::Decimal128(38, right_scale))?;
    let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
    let shift =
        u32::try_from(i32::from(scale_out) - i32::from(left_scale) + i32::from(right_scale)).unwrap_or(0);
    let factor = (0..shift).try_fold(i256::ONE, |f, _| f.checked_mul(i256::from_i128(10)));
    let quotient = |row: usize| -> Result<Option<i128>> {
        if left.is_null(row) || right.is_null(row) {
            return Ok(None);
        }
        if right.value(row) == 0 {
            return Err(division_by_zero());
        }
        let overflow = || DataFusionError::from(ArrowError::ArithmeticOverflow("quotient".to_owned()));
        let dividend =
            factor.and_then(|f| i256::from_i128(left.value(row)).checked_mul(f)).ok_or_else(overflow)?;
        let divisor = i256::from_i128(right.value(row));
        let whole = dividend.checked_div(divisor).ok_or_else(overflow)?;
        let rest = dividend.wrapping_rem(divisor);
        // Half away from zero.
        let is_half = rest.wrapping_abs().wrapping_mul(i256::from_i128(2)) >= divisor.wrapping_abs();
        let away = match (is_half, dividend.is_negative() == divisor.is_negative()) {
            (false, _) => i256::ZERO,
            (true, true) => i256::ONE,
            (true, false) => i256::MINUS_ONE,
        };
        whole.wrapping_add(away).to_i128().map(Some).ok_or_else(overflow)
    };
    let array = (0..rows).map(quotient).collect::<Result<Decimal128Array>>()?;
    Ok(Arc::new(array.with_precision_and_scale(38, scale_out)?))
}

fn run_approximate(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [left, right] = columns else { return Err(wrong_arguments("/")) };
    let (left, right) = (cast(left, &DataType::Float64)?, cast(right, &DataType::Float64)?);
    let pairs = left.as_primitive::<Float64Type>().iter().zip(right.as_primitive::<Float64Type>().iter());
    let quotient = |(left, right): (Option<f64>, Option<f64>)| match (left, right) {
        (Some(_), Some(0.0)) => Err(division_by_zero()),
        (Some(left), Some(right)) => Ok(Some(left / right)),
        _ => Ok(None),
    };
    Ok(Arc::new(pairs.map(quotient).collect::<Result<Float64Array>>()?))
}

fn division_by_zero() -> DataFusionError {
    DataFusionError::from(ArrowError::DivideByZero)
}
