//! Queries: WITH, set operations, SELECT, ORDER BY.

use std::rc::Rc;

use domain::TestedHow;
use sqlparser::ast::{
    ConnectByKind, Distinct, Expr, GroupByExpr, GroupByWithModifier, LimitClause, NamedWindowExpr, OrderBy,
    OrderByKind, Query, Select, SelectItem, SetExpr, Top, TopQuantity, Value as Literal,
};

use super::aggregate::{beside_aggregates, has_aggregate};
use super::frame::{Env, Frame, Queries};
use super::naming::natural_name;
use super::reader::Reader;
use super::value::{Derived, Naming, Output, Value};
use super::wildcard::{alias_given, given_names};
use crate::names::fold;

impl Reader<'_> {
    /// A query that sees what its surroundings see.
    pub(super) fn subquery(&mut self, query: &Query, env: Env<'_>) -> Derived {
        self.query(query, Some(&env), env.queries)
    }

    /// A query; `outer` is what it may be correlated with.
    pub(super) fn query(&mut self, query: &Query, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        self.deeper(Derived::default(), |reader| match &query.with {
            Some(with) => {
                let here = reader.with(with, outer, queries);
                reader.body(query, outer, &here)
            }
            None => reader.body(query, outer, queries),
        })
    }

    fn body(&mut self, query: &Query, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        if !query.pipe_operators.is_empty() || query.for_clause.is_some() || query.format_clause.is_some() {
            self.give_up("a clause that Snowflake does not have");
        }
        if !query.locks.is_empty() {
            self.locks = true;
        }
        let derived = if let SetExpr::Select(select) = query.body.as_ref() {
            self.select(select, query.order_by.as_ref(), outer, queries)
        } else {
            let derived = self.set_expr(&query.body, outer, queries);
            self.order_outputs(&derived, query.order_by.as_ref(), outer, queries);
            derived
        };
        self.limit(query, outer, queries);
        derived
    }

    fn limit(&mut self, query: &Query, outer: Option<&Env<'_>>, queries: &Queries) {
        let frame = Frame::default();
        let env = Env { frame: &frame, outer, queries };
        let mut bounds: Vec<&Expr> = Vec::new();
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                bounds.extend(limit);
                bounds.extend(offset.as_ref().map(|offset| &offset.value));
                bounds.extend(limit_by);
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => bounds.extend([offset, limit]),
            None => {}
        }
        if query.fetch.as_ref().is_some_and(|fetch| fetch.percent || fetch.with_ties) {
            self.give_up("a FETCH that Snowflake does not have");
        }
        bounds.extend(query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref()));
        for bound in bounds {
            let value = self.expr(bound, env);
            self.test(&value, TestedHow::Shape);
        }
    }

    /// ORDER BY after a set operation sees the outputs alone.
    fn order_outputs(
        &mut self,
        derived: &Derived,
        order: Option<&OrderBy>,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        let Some(order) = order else { return };
        let frame = Frame::of(derived.clone());
        self.order(order, derived, Env { frame: &frame, outer, queries });
    }

    fn order(&mut self, order: &OrderBy, derived: &Derived, env: Env<'_>) {
        match &order.kind {
            OrderByKind::All(_) => self.test_each(derived, TestedHow::Order),
            OrderByKind::Expressions(exprs) => {
                for by in exprs {
                    self.ordinal_or_alias(&by.expr, derived, TestedHow::Order, env);
                }
            }
        }
    }

    /// `1`, an alias, or any other expression in ORDER BY and GROUP BY. An alias that is also a column counts
    /// as both.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is what it says")]
    fn ordinal_or_alias(&mut self, expr: &Expr, derived: &Derived, how: TestedHow, env: Env<'_>) {
        let mut expr = expr;
        while let Expr::Nested(inner) = expr {
            expr = inner;
        }
        match expr {
            Expr::Value(literal) => match &literal.value {
                Literal::Number(number, _) => {
                    let place = number.parse::<usize>().ok().and_then(|place| place.checked_sub(1));
                    let output = place.and_then(|place| derived.outputs.get(place));
                    return match output.filter(|_| derived.is_complete && !derived.is_unordered) {
                        Some(output) => self.test(&output.value, how),
                        None => self.test_each(derived, how),
                    };
                }
                // SECURITY: a bound value or a variable may be read as a place, and may be any.
                Literal::Placeholder(_) => self.test_each(derived, how),
                _ => {}
            },
            // Upstream may take `+2` or `2::int` for a place as well.
            other if is_number(other) => return self.test_each(derived, how),
            // Each of them is a key by itself.
            Expr::Tuple(keys) => {
                return keys.iter().for_each(|key| self.ordinal_or_alias(key, derived, how, env));
            }
            Expr::Cube(sets) | Expr::Rollup(sets) | Expr::GroupingSets(sets) => {
                return sets.iter().flatten().for_each(|key| self.ordinal_or_alias(key, derived, how, env));
            }
            _ => {}
        }
        let Expr::Identifier(ident) = expr else {
            let value = self.expr(expr, env);
            return self.test(&value, how);
        };
        let name = fold(ident);
        if how == TestedHow::Order && name == "ALL" && ident.quote_style.is_none() {
            return self.test_each(derived, how);
        }
        let mut is_alias = false;
        for output in derived.named(&name) {
            is_alias |= output.is_sure();
            self.test(&output.value, how);
        }
        if let Some(perhaps) = derived.perhaps(&name) {
            self.test(&perhaps, how);
        }
        // A name that is an alias need not be a column, here or around; otherwise it must resolve.
        let value = if is_alias {
            let column =
                env.frame.column(&name).into_iter().chain(env.frame.perhaps(&name)).reduce(Value::or);
            column.or_else(|| self.lookup(&name, *env.outer?)).unwrap_or_default()
        } else {
            self.resolve(ident, env)
        };
        self.test(&value, how);
    }

    pub(super) fn select(
        &mut self,
        select: &Select,
        order: Option<&OrderBy>,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) -> Derived {
        if select.into.is_some()
            || !select.lateral_views.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.exclude.is_some()
        {
            self.give_up("a clause that Snowflake does not have");
        }
        let mut frame = self.from(&select.from, outer, queries);
        frame.is_hierarchical = !select.connect_by.is_empty();
        for window in &select.named_window {
            match &window.1 {
                NamedWindowExpr::WindowSpec(spec) => {
                    frame.windows.push((fold(&window.0).into_owned(), spec.clone()));
                }
                NamedWindowExpr::NamedWindow(other) => {
                    let other = fold(other);
                    let spec =
                        frame.windows.iter().find(|(name, _)| *name == other).map(|(_, spec)| spec.clone());
                    frame.windows.extend(spec.map(|spec| (fold(&window.0).into_owned(), spec)));
                }
            }
        }
        let (outputs, is_complete, is_aggregate) = self.projection(select, &mut frame, outer, queries);
        // SECURITY: from here on a name may mean an output as well as a column: it counts as both.
        let mut shown = Derived::new(outputs, is_complete, frame.origins());
        shown.copies = frame.copies();
        let is_star =
            |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        shown.is_unordered = frame.is_unordered() && select.projection.iter().any(is_star);
        frame.outputs = Rc::new(shown);
        let outputs = Rc::clone(&frame.outputs);
        self.clauses(select, &outputs, &is_aggregate, Env { frame: &frame, outer, queries });
        if let Some(order) = order {
            self.order(order, &outputs, Env { frame: &frame, outer, queries });
        }
        drop(frame);
        Rc::try_unwrap(outputs).unwrap_or_else(|shared| Derived::clone(&shared))
    }

    /// Everything of SELECT that stands behind FROM.
    fn clauses(&mut self, select: &Select, derived: &Derived, is_aggregate: &[bool], env: Env<'_>) {
        for condition in
            select.selection.iter().chain(&select.prewhere).chain(&select.having).chain(&select.qualify)
        {
            self.predicate(condition, env);
        }
        for connect in &select.connect_by {
            match connect {
                ConnectByKind::ConnectBy { relationships, .. } => {
                    relationships.iter().for_each(|condition| self.predicate(condition, env));
                }
                ConnectByKind::StartWith { condition, .. } => self.predicate(condition, env),
            }
        }
        if select.top.as_ref().is_some_and(|top| top.percent || top.with_ties) {
            self.give_up("a TOP that Snowflake does not have");
        }
        if let Some(Top { quantity: Some(TopQuantity::Expr(quantity)), .. }) = &select.top {
            let value = self.expr(quantity, env);
            self.test(&value, TestedHow::Shape);
        }
        if !derived.is_complete && matches!(select.group_by, GroupByExpr::All(_)) {
            self.test_each(derived, TestedHow::Group);
        }
        self.group_by(&select.group_by, derived, is_aggregate, env);
        match &select.distinct {
            Some(Distinct::Distinct) => self.test_each(derived, TestedHow::Group),
            Some(Distinct::On(exprs)) => {
                for expr in exprs {
                    let value = self.expr(expr, env);
                    self.test(&value, TestedHow::Group);
                }
            }
            Some(Distinct::All) | None => {}
        }
    }

    /// The select list: outputs, whether they are all, and which hold an aggregate.
    fn projection(
        &mut self,
        select: &Select,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) -> (Vec<Output>, bool, Vec<bool>) {
        let mut outputs = Vec::with_capacity(select.projection.len());
        let mut is_aggregate = Vec::new();
        let mut is_complete = true;
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => frame.coming.push(Rc::from(fold(alias))),
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                    frame.coming.extend(given_names(options));
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAliases { .. } => {}
            }
        }
        let groups_by_all = matches!(select.group_by, GroupByExpr::All(_));
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let value = self.expr(expr, Env { frame, outer, queries });
                    let (name, naming) = natural_name(expr);
                    outputs.push(Output { naming, ..Output::new(name, value) });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let value = self.expr(expr, Env { frame, outer, queries });
                    let name: Rc<str> = Rc::from(fold(alias));
                    frame.aliases.push(Rc::clone(&name), value.clone());
                    // Whether a text for an alias keeps its case is not written down.
                    let name = Some(name).filter(|_| alias.quote_style != Some('\''));
                    outputs.push(Output::new(name, value));
                }
                SelectItem::ExprWithAliases { .. } => self.give_up("one expression with several aliases"),
                SelectItem::Wildcard(options) => {
                    let before = outputs.len();
                    is_complete &= self.star(None, options, Env { frame, outer, queries }, &mut outputs);
                    alias_given(frame, options, outputs.get(before..).unwrap_or(&[]));
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    let before = outputs.len();
                    is_complete &=
                        self.star(Some(kind), options, Env { frame, outer, queries }, &mut outputs);
                    alias_given(frame, options, outputs.get(before..).unwrap_or(&[]));
                }
            }
            let has_aggregate = match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } if groups_by_all => {
                    let has_aggregate = has_aggregate(expr);
                    for beside in has_aggregate.then(|| beside_aggregates(expr)).into_iter().flatten() {
                        let value = self.expr(beside, Env { frame, outer, queries });
                        self.test(&value, TestedHow::Group);
                    }
                    has_aggregate
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => false,
                SelectItem::ExprWithAliases { .. }
                | SelectItem::Wildcard(_)
                | SelectItem::QualifiedWildcard(..) => false,
            };
            is_aggregate.resize(outputs.len(), has_aggregate);
        }
        (outputs, is_complete, is_aggregate)
    }

    fn group_by(&mut self, group: &GroupByExpr, derived: &Derived, is_aggregate: &[bool], env: Env<'_>) {
        let modifiers = match group {
            GroupByExpr::All(modifiers) => {
                for (output, _) in
                    derived.outputs.iter().zip(is_aggregate).filter(|(_, is_aggregate)| !**is_aggregate)
                {
                    self.test(&output.value, TestedHow::Group);
                }
                modifiers
            }
            GroupByExpr::Expressions(exprs, modifiers) => {
                for expr in exprs {
                    self.ordinal_or_alias(expr, derived, TestedHow::Group, env);
                }
                modifiers
            }
        };
        for modifier in modifiers {
            if let GroupByWithModifier::GroupingSets(expr) = modifier {
                self.ordinal_or_alias(expr, derived, TestedHow::Group, env);
            }
        }
    }
}

/// Whether an expression is made of numbers alone.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is no number for certain")]
fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(literal) => matches!(literal.value, Literal::Number(..)),
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } | Expr::Cast { expr: inner, .. } => {
            is_number(inner)
        }
        _ => false,
    }
}

/// The same columns under the names of an alias list.
pub(super) fn renamed(derived: Derived, names: &[Rc<str>]) -> Derived {
    if names.is_empty() {
        return derived;
    }
    let mut outputs = derived.outputs;
    if derived.is_unordered {
        // Which column gets which name nobody knows: any of them.
        let all: Vec<Value> = outputs.iter().map(|output| output.value.clone()).collect();
        let all = Value::together(&all);
        outputs.iter_mut().for_each(|output| output.value = all.clone());
    }
    if derived.is_unordered {
        // There may be more of them than the text tells.
        let one = outputs.first().map(|output| output.value.clone()).unwrap_or_default();
        outputs.resize_with(outputs.len().max(names.len()), || Output::new(None, one.clone()));
    }
    for (output, name) in outputs.iter_mut().zip(names) {
        output.name = Some(Rc::clone(name));
        output.naming = Naming::Sure;
        output.is_name_from_values = false;
    }
    // The names are others now, and so is where they stand.
    Derived {
        copies: derived.copies,
        is_unordered: derived.is_unordered,
        ..Derived::new(outputs, derived.is_complete, derived.origins)
    }
}
