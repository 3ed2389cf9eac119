//! The names that columns get which the text does not name.

use std::rc::Rc;

use sqlparser::ast::{Expr, FunctionArguments, Query, SelectItem, SetExpr, UnaryOperator, Value as Literal};

use super::value::Naming;
use crate::names::{fold, is_indirect};

/// The name that a column without alias gets, where the text tells it.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is named by upstream, by its text")]
pub(super) fn natural_name(expr: &Expr) -> (Option<Rc<str>>, Naming) {
    let ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::CompoundIdentifier(idents) => match idents.last() {
            Some(ident) if !ident.value.starts_with('$') => ident,
            Some(_) | None => return (None, Naming::OfExpression),
        },
        // The text of these is a plain name.
        Expr::Value(literal) if matches!(literal.value, Literal::Boolean(_) | Literal::Null) => {
            return perhaps_called(&literal.to_string());
        }
        Expr::Function(function) if matches!(function.args, FunctionArguments::None) => {
            return perhaps_called(&function.name.to_string());
        }
        // Whether these are called by what stands in them, or by all of their text, is not written down.
        Expr::Nested(inner)
        | Expr::Prior(inner)
        | Expr::OuterJoin(inner)
        | Expr::Collate { expr: inner, .. }
        | Expr::Prefixed { value: inner, .. }
        | Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } => return perhaps(natural_name(inner)),
        Expr::Subquery(query) => {
            return match single_item(query) {
                Some(SelectItem::UnnamedExpr(inner)) => perhaps(natural_name(inner)),
                Some(SelectItem::ExprWithAlias { alias, .. }) => {
                    (Some(Rc::from(fold(alias))), Naming::Doubtful)
                }
                Some(_) | None => (None, Naming::Doubtful),
            };
        }
        // A unit behind an interval may be its alias.
        Expr::CompoundFieldAccess { .. } | Expr::Named { .. } | Expr::Interval(_) => {
            return (None, Naming::Doubtful);
        }
        _ => return (None, Naming::OfExpression),
    };
    // Nor is whether a column that a text names is called by that text.
    let naming = if is_indirect(ident) { Naming::Doubtful } else { Naming::Sure };
    (Some(Rc::from(fold(ident))), naming)
}

fn perhaps_called(text: &str) -> (Option<Rc<str>>, Naming) {
    (Some(Rc::from(text.to_ascii_uppercase())), Naming::Doubtful)
}

fn perhaps((name, naming): (Option<Rc<str>>, Naming)) -> (Option<Rc<str>>, Naming) {
    let naming = if name.is_some() { Naming::Doubtful } else { naming };
    (name, naming)
}

/// The only item that a query selects, if it is a plain one.
fn single_item(query: &Query) -> Option<&SelectItem> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    if let [only] = select.projection.as_slice() { Some(only) } else { None }
}
