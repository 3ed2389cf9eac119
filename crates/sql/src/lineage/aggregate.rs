//! Whether an expression holds an aggregate: `GROUP BY ALL` groups by those that do not.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::class::{Behaviour, behaviour};
use crate::names::function_name;

/// Whether an aggregate stands somewhere in the expression. Where it is not looked into, the answer is no, so
/// that the column counts as grouped by.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    has(expr, 0)
}

#[allow(clippy::wildcard_enum_match_arm, reason = "what is not looked into counts as grouped by")]
fn has(expr: &Expr, depth: u32) -> bool {
    if depth > 50 {
        return false;
    }
    let next = |expr: &Expr| has(expr, depth + 1);
    match expr {
        Expr::Function(function) => is_aggregate(function) || arguments(function).any(next),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => {
            next(inner)
        }
        Expr::Ceil { expr: inner, .. } | Expr::Floor { expr: inner, .. } => next(inner),
        Expr::BinaryOp { left, right, .. } => next(left) || next(right),
        Expr::JsonAccess { value, .. } => next(value),
        Expr::Case { conditions, else_result, .. } => {
            conditions.iter().any(|when| next(&when.condition) || next(&when.result))
                || else_result.as_deref().is_some_and(next)
        }
        _ => false,
    }
}

fn is_aggregate(function: &Function) -> bool {
    let (_, name) = function_name(&function.name);
    function.over.is_none()
        && (matches!(behaviour(&name), Behaviour::Aggregate | Behaviour::Count | Behaviour::Ranks)
            || matches!(
                name.as_str(),
                "COUNT_IF" | "BOOLAND_AGG" | "BOOLOR_AGG" | "BOOLXOR_AGG" | "OBJECT_AGG"
            ))
}

fn arguments(function: &Function) -> impl Iterator<Item = &Expr> {
    let list = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
    };
    list.iter().filter_map(|arg| {
        let (FunctionArg::Unnamed(inner)
        | FunctionArg::Named { arg: inner, .. }
        | FunctionArg::ExprNamed { arg: inner, .. }) = arg;
        if let FunctionArgExpr::Expr(expr) = inner { Some(expr) } else { None }
    })
}
