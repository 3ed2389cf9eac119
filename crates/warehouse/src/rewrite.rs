//! Snowflake's SQL to the engine's, on the syntax tree: result names, casts, VARIANT paths.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, VisitMut, VisitorMut,
};

use crate::errors::SnowflakeError;
use crate::session::Session;
use crate::{calls, types, weight};

/// Stands between a result column's name and a number that makes it unique: the engine refuses equal names, which
/// Snowflake allows. No SQL text can hold this character in a name that reaches here.
const UNIQUE_MARK: char = '\u{1}';

/// Nodes that rewriting may add to a statement. The longest texts that people write add a few thousand.
const MOST_ADDED: usize = 20_000;

/// Rewrites one statement in place.
pub(crate) fn statement(statement: &mut ast::Statement, session: &Session) -> Result<(), SnowflakeError> {
    match statement {
        ast::Statement::Query(query) => make_names_unique(query),
        ast::Statement::Insert(insert) => insert.source.iter_mut().for_each(|query| make_names_unique(query)),
        _ => {}
    }
    match statement.visit(&mut Rewriter { session, added: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The name as Snowflake answers it.
pub(crate) fn answered_name(name: &str) -> &str {
    name.split(UNIQUE_MARK).next().unwrap_or(name)
}

/// Marks the output names of the outermost query that occur twice, also through `*`.
fn make_names_unique(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let has_star = select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(_, _)));
    let mut seen = BTreeSet::new();
    for (n, item) in select.projection.iter_mut().enumerate() {
        let name = match item {
            SelectItem::UnnamedExpr(expr) => name_of(expr),
            SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
            SelectItem::ExprWithAliases { .. }
            | SelectItem::Wildcard(_)
            | SelectItem::QualifiedWildcard(_, _) => {
                continue;
            }
        };
        if seen.insert(name.clone()) && !has_star {
            continue;
        }
        let alias = Ident::with_quote('"', format!("{name}{UNIQUE_MARK}{n}"));
        match item {
            SelectItem::UnnamedExpr(expr) => {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
            SelectItem::ExprWithAlias { alias: old, .. } => *old = alias,
            SelectItem::ExprWithAliases { .. }
            | SelectItem::Wildcard(_)
            | SelectItem::QualifiedWildcard(_, _) => {}
        }
    }
}

/// The column name that Snowflake gives an expression without alias: a column's own, else the expression's text.
fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()).unwrap_or_default(),
        other => other.to_string().to_uppercase(),
    }
}

struct Rewriter<'a> {
    session: &'a Session,
    /// Nodes that rewriting has added.
    added: usize,
}

impl VisitorMut for Rewriter<'_> {
    type Break = SnowflakeError;

    // Before the children: the name is the text as written, not what it is rewritten to.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        if let Some(top) = &select.top {
            return ControlFlow::Break(SnowflakeError::unsupported(&format!("{top}")));
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            {
                let alias = Ident::with_quote('"', name_of(expr));
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        match calls::table_function(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let rewritten = match expr {
            Expr::Function(_) => calls::function(expr, self.session),
            Expr::Cast { .. } => cast(expr),
            Expr::JsonAccess { value, path } => calls::path(value, path).map(Some),
            Expr::TypedString(typed) => match types::of_ast(&typed.data_type) {
                Ok(sql_type) => {
                    if let Some(data_type) = types::to_ast(&sql_type) {
                        typed.data_type = data_type;
                    }
                    Ok(None)
                }
                Err(error) => Err(error),
            },
            _ => Ok(None),
        };
        match rewritten {
            Ok(Some(new)) => {
                // Some calls become an expression that holds an argument twice: nested, they double at each level.
                let added = weight::of_expression(&new).saturating_sub(weight::of_expression(expr));
                self.added += added;
                if self.added > MOST_ADDED {
                    return ControlFlow::Break(SnowflakeError::too_complex());
                }
                *expr = new;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Casts name Snowflake's types, and open a VARIANT first (`'"a"'::string` is `a`).
fn cast(expr: &Expr) -> Result<Option<Expr>, SnowflakeError> {
    let Expr::Cast { kind, expr: inner, data_type, format: None, .. } = expr else { return Ok(None) };
    let sql_type = types::of_ast(data_type)?;
    Ok(Some(match types::to_ast(&sql_type) {
        Some(_) => calls::cast(kind.clone(), inner.as_ref().clone(), &sql_type),
        None => calls::call("to_variant", vec![inner.as_ref().clone()]),
    }))
}
