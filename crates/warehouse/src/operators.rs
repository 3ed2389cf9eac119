//! Operators whose meaning depends on types: division, dates, and VARIANT on one side.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, ScalarUDF, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::{functions, types};

/// Plans Snowflake's operators.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = expr;
        let (left_field, right_field) = (field(&left, schema)?, field(&right, schema)?);
        let (left, right) = open_variants(left, &left_field, right, &right_field);
        let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
        let planned = match op {
            BinaryOperator::Divide if is_number(&left_type) && is_number(&right_type) => {
                call(functions::divide(), vec![left, right])
            }
            BinaryOperator::Minus if is_date(&left_type) && is_date(&right_type) => {
                call(functions::date_diff(), vec![lit("day"), right, left])
            }
            BinaryOperator::Plus if is_date(&left_type) && right_type.is_integer() => {
                call(functions::date_add(), vec![lit("day"), right, left])
            }
            BinaryOperator::Minus if is_date(&left_type) && right_type.is_integer() => {
                call(functions::date_add(), vec![lit("day"), Expr::Negative(Box::new(right)), left])
            }
            BinaryOperator::StringConcat if !left_type.is_nested() && !right_type.is_nested() => {
                call(functions::concat(), vec![left, right])
            }
            _ => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
        };
        Ok(PlannerResult::Planned(planned))
    }
}

fn call(function: Arc<ScalarUDF>, arguments: Vec<Expr>) -> Expr {
    function.call(arguments)
}

fn field(expr: &Expr, schema: &DFSchema) -> Result<FieldRef> {
    expr.to_field(schema).map(|(_, field)| field)
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Null
}

fn is_date(data_type: &DataType) -> bool {
    *data_type == DataType::Date32
}

/// A VARIANT compared or combined with a plain value is opened, and read as that value's type.
fn open_variants(left: Expr, left_field: &FieldRef, right: Expr, right_field: &FieldRef) -> (Expr, Expr) {
    let open = |expr: Expr, other: &DataType| {
        let plain = functions::plain().call(vec![expr]);
        match other {
            DataType::Utf8 | DataType::Null => plain,
            other => Expr::Cast(Cast::new(Box::new(plain), other.clone())),
        }
    };
    match (types::is_json(left_field), types::is_json(right_field)) {
        (true, false) => (open(left, right_field.data_type()), right),
        (false, true) => {
            let opened = open(right, left_field.data_type());
            (left, opened)
        }
        (true, true) | (false, false) => (left, right),
    }
}
