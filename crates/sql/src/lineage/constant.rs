//! Expressions that are constants whatever is stored.

use sqlparser::ast::{BinaryOperator, Expr, Value as Literal};

/// The text of a constant string, concatenations folded.
pub(super) fn constant_text(expr: &Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut left = expr;
    loop {
        if let Expr::Nested(inner) = left {
            left = inner;
        } else if let Expr::BinaryOp { left: inner, op: BinaryOperator::StringConcat, right } = left {
            parts.push(text(right)?);
            left = inner;
        } else {
            parts.push(text(left)?);
            break;
        }
    }
    parts.reverse();
    Some(parts.concat())
}

fn text(expr: &Expr) -> Option<&str> {
    let Expr::Value(literal) = expr else { return None };
    if let Literal::DollarQuotedString(text) = &literal.value {
        return Some(&text.value);
    }
    if let Literal::SingleQuotedString(text) = &literal.value { Some(text) } else { None }
}

/// Whether a condition may hold for every row whatever is stored, so that a statement with it is one without
/// it: it names nothing, or compares a thing with itself. Where it is too deep to tell: yes.
pub(super) fn is_always_true(condition: &Expr) -> bool {
    holds(condition, 0)
}

/// How deep conditions are looked into.
const DEEPEST: u32 = 64;

#[allow(clippy::wildcard_enum_match_arm, reason = "every other condition depends on what is stored")]
fn holds(condition: &Expr, depth: u32) -> bool {
    if depth > DEEPEST {
        return true;
    }
    let next = |expr: &Expr| holds(expr, depth + 1);
    match condition {
        Expr::Nested(inner) => next(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => next(left) && next(right),
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            next(left) || next(right) || are_opposites(left, right) || are_opposites(right, left)
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq | BinaryOperator::GtEq | BinaryOperator::LtEq,
            right,
        } => (is_constant(left, depth) && is_constant(right, depth)) || left == right,
        other => is_constant(other, depth),
    }
}

/// `x IS NULL OR x IS NOT NULL`
fn are_opposites(left: &Expr, right: &Expr) -> bool {
    match (left, right) {
        (Expr::IsNull(left), Expr::IsNotNull(right)) => left == right,
        (Expr::Nested(left), right) => are_opposites(left, right),
        (left, Expr::Nested(right)) => are_opposites(left, right),
        _ => false,
    }
}

/// Whether the expression names nothing stored. What it is worth is not asked: a condition made of constants
/// alone selects all rows or none.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression may name something")]
fn is_constant(expr: &Expr, depth: u32) -> bool {
    if depth > DEEPEST {
        return true;
    }
    let next = |expr: &Expr| is_constant(expr, depth + 1);
    match expr {
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } | Expr::Cast { expr: inner, .. } => {
            next(inner)
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) | Expr::IsTrue(inner) | Expr::IsNotFalse(inner) => {
            next(inner)
        }
        Expr::BinaryOp { left, right, .. } => next(left) && next(right),
        Expr::Between { expr, low, high, .. } => next(expr) && next(low) && next(high),
        Expr::InList { expr, list, .. } => next(expr) && list.iter().all(next),
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => next(expr) && next(pattern),
        _ => false,
    }
}
