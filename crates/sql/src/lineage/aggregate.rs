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
    // A chain of operators is as deep as it is long.
    let mut expr = expr;
    while let Expr::BinaryOp { left, right, .. } = expr {
        if next(right) {
            return true;
        }
        expr = left;
    }
    match expr {
        Expr::Function(function) => is_aggregate(function) || arguments(function).any(next),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => {
            next(inner)
        }
        Expr::Ceil { expr: inner, .. } | Expr::Floor { expr: inner, .. } => next(inner),
        Expr::JsonAccess { value, .. } => next(value),
        Expr::Case { conditions, else_result, .. } => {
            conditions.iter().any(|when| next(&when.condition) || next(&when.result))
                || else_result.as_deref().is_some_and(next)
        }
        _ => false,
    }
}

/// What of an expression with an aggregate in it stands beside every aggregate: `GROUP BY ALL` may group by that.
pub(super) fn beside_aggregates(expr: &Expr) -> Vec<&Expr> {
    let mut beside = Vec::new();
    gather(expr, 0, &mut beside);
    beside
}

#[allow(clippy::wildcard_enum_match_arm, reason = "what is not looked into holds no aggregate")]
fn gather<'e>(expr: &'e Expr, depth: u32, beside: &mut Vec<&'e Expr>) {
    if !has(expr, depth) {
        return beside.push(expr);
    }
    if matches!(expr, Expr::BinaryOp { .. }) {
        // A chain of operators, piece by piece.
        let mut expr = expr;
        while let Expr::BinaryOp { left, right, .. } = expr {
            gather(right, depth + 1, beside);
            expr = left;
        }
        return gather(expr, depth + 1, beside);
    }
    let mut next = |expr: &'e Expr| gather(expr, depth + 1, beside);
    match expr {
        Expr::Function(function) if !is_aggregate(function) => arguments(function).for_each(next),
        Expr::Nested(inner)
        | Expr::Cast { expr: inner, .. }
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. }
        | Expr::JsonAccess { value: inner, .. } => next(inner),
        Expr::Case { operand, conditions, else_result, .. } => {
            operand.iter().chain(else_result).for_each(|expr| next(expr));
            conditions.iter().flat_map(|when| [&when.condition, &when.result]).for_each(next);
        }
        _ => {}
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
