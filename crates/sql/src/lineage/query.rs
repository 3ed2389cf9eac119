//! Queries: WITH, set operations, SELECT, ORDER BY.

use std::collections::HashMap;
use std::rc::Rc;

use domain::TestedHow;
use sqlparser::ast::{
    ConnectByKind, Distinct, Expr, FunctionArguments, GroupByExpr, GroupByWithModifier, LimitClause,
    NamedWindowExpr, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier,
    Top, TopQuantity, UnaryOperator, Value as Literal, Values,
};

use super::aggregate::{beside_aggregates, has_aggregate};
use super::reader::Reader;
use super::scope::{Env, Frame, Queries};
use super::size::Size;
use super::sort::Sort;
use super::stores::is_default;
use super::value::{Derived, Naming, Output, Value};
use crate::names::{fold, is_indirect};

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

    /// One side of a set operation, or a whole body.
    pub(super) fn set_expr(&mut self, body: &SetExpr, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        // The left side is walked, not descended: unions of hundreds of queries are common.
        let mut chain = Vec::new();
        let mut left = body;
        while let SetExpr::SetOperation { left: inner, op, set_quantifier, right } = left {
            chain.push((*op, *set_quantifier, right));
            left = inner;
        }
        let mut derived = self.deeper(Derived::default(), |reader| reader.single(left, outer, queries));
        for (op, quantifier, right) in chain.into_iter().rev() {
            let right = self.deeper(Derived::default(), |reader| reader.set_expr(right, outer, queries));
            derived = self.combined(derived, op, quantifier, right);
        }
        derived
    }

    fn single(&mut self, body: &SetExpr, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        match body {
            SetExpr::Select(select) => self.select(select, None, outer, queries),
            SetExpr::Query(query) => self.query(query, outer, queries),
            SetExpr::Values(values) => self.values(values, outer, queries),
            SetExpr::SetOperation { .. } => self.set_expr(body, outer, queries),
            SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_)
            | SetExpr::Table(_) => {
                self.give_up("a statement where a query must stand");
                Derived::default()
            }
        }
    }

    fn values(&mut self, values: &Values, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        let frame = Frame::default();
        let env = Env { frame: &frame, outer, queries };
        let mut outputs: Vec<Output> = Vec::new();
        for row in &values.rows {
            for (at, expr) in row.content.iter().enumerate() {
                // Where no column is in sight this is none.
                let value = match outer {
                    None if is_default(expr) => Value::constant_of(Sort::Null),
                    None | Some(_) => self.expr(expr, env),
                };
                match outputs.get_mut(at) {
                    Some(output) => {
                        self.meet([&output.value, &value].into_iter());
                        output.value = std::mem::take(&mut output.value).or(value);
                    }
                    None => outputs.push(Output::named(&format!("COLUMN{}", at + 1), value)),
                }
            }
        }
        // A column of stored values beside others is no column as stored.
        let is_one_row = values.rows.len() == 1;
        outputs.iter_mut().for_each(|output| output.value.is_bare &= is_one_row);
        Derived::made(outputs, Size::of(values.rows.len()))
    }

    fn combined(
        &mut self,
        left: Derived,
        op: SetOperator,
        quantifier: SetQuantifier,
        right: Derived,
    ) -> Derived {
        let keeps_all =
            op == SetOperator::Union && matches!(quantifier, SetQuantifier::All | SetQuantifier::AllByName);
        if !keeps_all {
            self.test_each(&left, TestedHow::Group);
            self.test_each(&right, TestedHow::Group);
        }
        let mut origins = left.origins.clone();
        origins.extend(&right.origins);
        origins.sort_unstable();
        origins.dedup();
        let by_name = matches!(
            quantifier,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
        );
        let is_complete = left.is_complete && right.is_complete;
        let copies = left.copies.max(Size::of(1)).plus(right.copies.max(Size::of(1)));
        let is_unordered = left.is_unordered || right.is_unordered;
        let united = |outputs, is_complete| Derived {
            copies,
            is_unordered,
            ..Derived::new(outputs, is_complete, origins)
        };
        let is_unsure = |derived: &Derived| derived.has_unsure_names() || derived.has_cased_names();
        let has_unsure_names = by_name && (is_unsure(&left) || is_unsure(&right));
        // Each is compared with each.
        let pairs = left.outputs.len().saturating_mul(right.outputs.len());
        if has_unsure_names && (!self.charge(pairs / 8) || may_pair_unseen(&left, &right)) {
            self.doubt("a set operation by names that only upstream knows");
            let whole = self.whole(&left).with(self.whole(&right));
            let mut outputs = left.outputs;
            outputs.extend(right.outputs);
            outputs.iter_mut().for_each(|output| output.value = whole.clone());
            if !keeps_all {
                self.tie([&whole]);
            }
            return united(outputs, false);
        }
        if by_name {
            let outputs = self.matched_by_name(left.outputs, right.outputs);
            if !keeps_all {
                // Rows of both sides are compared, column by column.
                outputs.iter().for_each(|output| self.tie([&output.value]));
            }
            return united(outputs, is_complete);
        }
        if left.outputs.len() != right.outputs.len() || !is_complete {
            self.doubt("a set operation over columns that do not pair");
            let whole = self.whole(&right);
            let mut outputs = left.outputs;
            outputs
                .iter_mut()
                .for_each(|output| output.value = std::mem::take(&mut output.value).with(whole.clone()));
            if !keeps_all {
                outputs.iter().for_each(|output| self.tie([&output.value]));
            }
            return united(outputs, false);
        }
        if is_unordered {
            // Which columns pair nobody knows: each with any of the other side.
            let whole = self.whole(&right);
            let mut outputs = left.outputs;
            for output in &mut outputs {
                output.value = std::mem::take(&mut output.value).with(whole.clone());
                if !keeps_all {
                    self.tie([&output.value]);
                }
            }
            return united(outputs, is_complete);
        }
        for (left, right) in left.outputs.iter().zip(&right.outputs) {
            self.meet([&left.value, &right.value].into_iter());
            if !keeps_all {
                self.tie([&left.value, &right.value]);
            }
        }
        let outputs = left
            .outputs
            .into_iter()
            .zip(right.outputs)
            .map(|(left, right)| Output { value: left.value.or(right.value), ..left })
            .collect();
        united(outputs, is_complete)
    }

    /// The columns of both sides, those of one name made one.
    fn matched_by_name(&mut self, left: Vec<Output>, right: Vec<Output>) -> Vec<Output> {
        let mut places: HashMap<Rc<str>, usize> = HashMap::new();
        for (place, output) in left.iter().enumerate() {
            if let Some(name) = &output.name {
                places.entry(Rc::clone(name)).or_insert(place);
            }
        }
        let mut outputs = left;
        for output in right {
            let place = output.name.as_ref().and_then(|name| places.get(name));
            match place.and_then(|place| outputs.get_mut(*place)) {
                Some(here) => {
                    self.meet([&here.value, &output.value].into_iter());
                    here.value = std::mem::take(&mut here.value).or(output.value);
                }
                None => outputs.push(output),
            }
        }
        outputs
    }

    fn select(
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
        frame.coming.extend(select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(Rc::from(fold(alias))),
            SelectItem::UnnamedExpr(_)
            | SelectItem::ExprWithAliases { .. }
            | SelectItem::Wildcard(_)
            | SelectItem::QualifiedWildcard(..) => None,
        }));
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
                    outputs.push(Output::new(Some(name), value));
                }
                SelectItem::ExprWithAliases { .. } => self.give_up("one expression with several aliases"),
                SelectItem::Wildcard(options) => {
                    is_complete &= self.star(None, options, Env { frame, outer, queries }, &mut outputs);
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    is_complete &=
                        self.star(Some(kind), options, Env { frame, outer, queries }, &mut outputs);
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

/// Whether the two sides may have a column in common whose name only upstream knows.
fn may_pair_unseen(left: &Derived, right: &Derived) -> bool {
    left.outputs.iter().any(|one| {
        let paired = |other: &&Output| one.is_sure() && other.is_sure() && one.name == other.name;
        right.outputs.iter().filter(|other| !paired(other)).any(|other| one.may_share_name(other))
    })
}

/// The name that a column without alias gets, where the text tells it.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is named by upstream, by its text")]
fn natural_name(expr: &Expr) -> (Option<Rc<str>>, Naming) {
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
        Expr::CompoundFieldAccess { .. } | Expr::Named { .. } => return (None, Naming::Doubtful),
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
