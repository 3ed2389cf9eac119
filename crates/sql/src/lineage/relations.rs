//! FROM: tables, views, subqueries, table functions, pivots, and the joins between them.

use std::collections::HashSet;
use std::rc::Rc;

use domain::TestedHow;
use sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectNamePart,
    TableAlias, TableFactor, TableFunctionArgs, TableSampleKind, TableWithJoins,
};

use super::frame::{Env, Frame, Merged, Named, Queries, Relations};
use super::query::renamed;
use super::reader::Reader;
use super::value::{Derived, Value};
use crate::names::{fold, parts};
use crate::parse::{DERIVED, SEMANTIC_VIEW};

impl Reader<'_> {
    /// All of FROM, joined.
    pub(super) fn from(
        &mut self,
        tables: &[TableWithJoins],
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) -> Frame {
        let mut frame = Frame::default();
        for table in tables {
            self.joined(table, &mut frame, outer, queries);
        }
        frame
    }

    fn joined(
        &mut self,
        table: &TableWithJoins,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        let first = frame.relations.len();
        self.factor(&table.relation, frame, outer, queries);
        for join in &table.joins {
            self.join_one(join, first, frame, outer, queries);
        }
    }

    fn join_one(
        &mut self,
        join: &Join,
        first: usize,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        if join.global {
            // Upstream the word is the name of what stands before it.
            self.give_up("a join that Snowflake does not have");
        }
        let left_end = frame.relations.len();
        let around = std::mem::replace(&mut frame.aside, first);
        self.factor(&join.relation, frame, outer, queries);
        frame.aside = around;
        let Some(constraint) = constraint_of(join) else {
            return self.give_up("a join that Snowflake does not have");
        };
        if let JoinOperator::AsOf { match_condition, .. } = &join.join_operator {
            self.join_condition(match_condition, first, frame, outer, queries);
        }
        match constraint {
            JoinConstraint::On(condition) => self.join_condition(condition, first, frame, outer, queries),
            JoinConstraint::None => {}
            JoinConstraint::Using(columns) => {
                for column in columns {
                    match parts(column).as_deref() {
                        Some([name]) => self.merge(name, first, left_end, frame),
                        _ => self.give_up("a qualified name in USING"),
                    }
                }
            }
            JoinConstraint::Natural => self.natural(first, left_end, frame),
        }
    }

    /// A condition between the relations from `first` on; those before it belong to other joins of this FROM.
    fn join_condition(
        &mut self,
        condition: &Expr,
        first: usize,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        let around = std::mem::replace(&mut frame.aside, first);
        self.predicate(condition, Env { frame, outer, queries });
        frame.aside = around;
    }

    /// The columns that both sides name.
    fn natural(&mut self, first: usize, left_end: usize, frame: &mut Frame) {
        let (left, right) = frame.relations.as_slice().split_at(left_end.min(frame.relations.len()));
        let left = left.get(first..).unwrap_or(&[]);
        let breadth = left.iter().chain(right).map(|named| 1 + named.derived.outputs.len()).sum();
        if !self.charge(breadth) {
            return;
        }
        let is_hidden = |named: &Named| {
            let derived = &named.derived;
            derived.hides_columns() || derived.has_unsure_names() || derived.has_cased_names()
        };
        if left.iter().chain(right).any(is_hidden) {
            frame.is_shuffled = true;
            // Which columns are equated cannot be told: any of either side.
            self.doubt("a natural join over columns that are not known");
            left.iter().chain(right).for_each(|named| self.test_each(&named.derived, TestedHow::Predicate));
            let sides: Vec<Value> =
                left.iter().chain(right).map(|named| self.whole(&named.derived)).collect();
            self.tie(&sides);
        }
        let names = |side: &[Named]| -> Vec<Rc<str>> {
            side.iter()
                .flat_map(|named| named.derived.outputs.iter().filter_map(|output| output.name.clone()))
                .collect()
        };
        let right: HashSet<Rc<str>> = names(right).into_iter().collect();
        let mut seen = HashSet::new();
        let common: Vec<Rc<str>> = names(left)
            .into_iter()
            .filter(|name| right.contains(name) && seen.insert(Rc::clone(name)))
            .collect();
        for name in common {
            self.merge(&name, first, left_end, frame);
        }
    }

    /// `USING (name)`: equates the column of both sides and makes one of them.
    fn merge(&mut self, name: &str, first: usize, left_end: usize, frame: &mut Frame) {
        if !self.charge(frame.relations.len() + frame.merged.len()) {
            return;
        }
        let of = first..frame.relations.len();
        let is_part = |merged: &Merged| &*merged.name == name && merged.of.end > first;
        let already = frame.merged.iter().position(is_part);
        // SECURITY: what was merged before may belong to the right side alone: the left side's own column is compared whatever
        // else is.
        let before = already.and_then(|at| frame.merged.get(at)).map(|merged| merged.value.clone());
        let own = self.side(name, frame.relations.as_slice().get(first..left_end).unwrap_or(&[]));
        let left = before.into_iter().chain(own).reduce(Value::or);
        let right = self.side(name, frame.relations.as_slice().get(left_end..).unwrap_or(&[]));
        let (left, right) = (
            left.unwrap_or_else(|| Value::unknown(Vec::new())),
            right.unwrap_or_else(|| Value::unknown(Vec::new())),
        );
        self.equality(&left, &right);
        let both = left.or(right);
        match already.and_then(|at| frame.merged.get_mut(at)) {
            Some(merged) => {
                merged.value = both;
                merged.of = merged.of.start.min(of.start)..of.end;
            }
            None => frame.merged.push(Merged { name: Rc::from(name), value: both, of }),
        }
    }

    fn side(&mut self, name: &str, relations: &[Named]) -> Option<Value> {
        // Names that only upstream knows are looked for among all.
        if !self.charge(relations.iter().map(|named| named.derived.unsure_breadth()).sum()) {
            return None;
        }
        let with_it = relations.iter().filter(|named| named.derived.named(name).next().is_some());
        let with_it = with_it.map(|named| self.column_of(&named.derived, name)).reduce(Value::or);
        let perhaps = relations.iter().filter_map(|named| named.derived.perhaps(name));
        with_it.into_iter().chain(perhaps).reduce(Value::or).or_else(|| {
            let unsure = relations.iter().filter(|named| !named.derived.is_complete);
            unsure.map(|named| self.column_of(&named.derived, name)).reduce(Value::or)
        })
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        let before = frame.relations.len();
        self.deeper((), |reader| reader.factor_here(factor, frame, outer, queries));
        // Of many relations every column is entered in a register.
        if before > 0 {
            let added = frame.relations.as_slice().get(before..).unwrap_or(&[]);
            self.charge(added.iter().map(|named| named.derived.outputs.len() / 2).sum());
        }
    }

    fn factor_here(
        &mut self,
        factor: &TableFactor,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        match factor {
            TableFactor::Table { name, alias, args, version, json_path, partitions, .. } => {
                if json_path.is_some() || !partitions.is_empty() {
                    return self.give_up("a table expression that Snowflake does not have");
                }
                let env = Env { frame, outer, queries };
                let named = match args {
                    Some(args) if !name.to_string().starts_with('@') => self.called(name, args, alias, env),
                    Some(_) | None => self.table(name, version.as_ref(), alias.as_ref(), env),
                };
                frame.relations.push(named);
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let derived = if *lateral {
                    let env = Env { frame, outer, queries };
                    self.query(subquery, Some(&env), queries)
                } else {
                    self.query(subquery, outer, queries)
                };
                let named = self.aliased(derived, alias.as_ref(), Vec::new());
                frame.relations.push(named);
            }
            TableFactor::TableFunction { expr, alias } => {
                let env = Env { frame, outer, queries };
                let derived = self.table_expression(expr, env);
                let named = self.aliased(derived, alias.as_ref(), Vec::new());
                frame.relations.push(named);
            }
            TableFactor::Function { name, args, alias, .. } => {
                let env = Env { frame, outer, queries };
                let derived = self.table_function(name, args, env);
                let named = self.aliased(derived, alias.as_ref(), Vec::new());
                frame.relations.push(named);
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.nested(table_with_joins, alias.as_ref(), frame, outer, queries);
            }
            TableFactor::Pivot { table, alias, .. } => {
                let inner = self.inner(table, frame, outer, queries);
                let derived = self.pivot(factor, &inner, outer, queries);
                let named = self.turned_as(derived, alias.as_ref(), inner);
                frame.relations.push(named);
            }
            TableFactor::Unpivot { table, alias, .. } => {
                let inner = self.inner(table, frame, outer, queries);
                let derived = self.unpivot(factor, &inner.derived);
                let named = self.turned_as(derived, alias.as_ref(), inner);
                frame.relations.push(named);
            }
            TableFactor::MatchRecognize { table, alias, .. } => {
                let inner = self.inner(table, frame, outer, queries);
                let derived = self.match_recognize(factor, &inner, outer, queries);
                let named = self.turned_as(derived, alias.as_ref(), inner);
                frame.relations.push(named);
            }
            TableFactor::SemanticView { name, where_clause, alias, .. } => {
                // What a semantic view shows is defined in it, and the catalog does not have it.
                let env = Env { frame, outer, queries };
                let named = self.semantic_view(name, alias.as_ref(), env);
                frame.relations.push(named);
                if let Some(condition) = where_clause {
                    self.predicate(condition, Env { frame, outer, queries });
                }
            }
            TableFactor::UNNEST { .. }
            | TableFactor::JsonTable { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::UnpivotExpr { .. }
            | TableFactor::XmlTable { .. } => self.give_up("a table expression that Snowflake does not have"),
        }
        self.sample(factor, Env { frame, outer, queries });
    }

    /// How much of a relation is taken.
    fn sample(&mut self, factor: &TableFactor, env: Env<'_>) {
        let (TableFactor::Table { sample: Some(sample), .. }
        | TableFactor::Derived { sample: Some(sample), .. }) = factor
        else {
            return;
        };
        let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
        if sample.bucket.is_some() {
            self.give_up("a sample by buckets, which Snowflake does not have");
        }
        let quantity = sample.quantity.as_ref().map(|quantity| &quantity.value);
        for expr in quantity.into_iter().chain(&sample.offset) {
            let value = self.expr(expr, env);
            self.test_if_traced(&value);
        }
    }

    /// A name with arguments in FROM: a table function, or what only `parse` can write.
    fn called(
        &mut self,
        name: &ast::ObjectName,
        args: &TableFunctionArgs,
        alias: &Option<TableAlias>,
        env: Env<'_>,
    ) -> Named {
        match args.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(query)))]
                if is_marker(name, DERIVED) =>
            {
                let derived = self.query(query, env.outer, env.queries);
                self.aliased(derived, alias.as_ref(), Vec::new())
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(view))] if is_marker(name, SEMANTIC_VIEW) => {
                match name_of(view) {
                    Some(view) => self.semantic_view(&view, alias.as_ref(), env),
                    None => {
                        self.give_up("a semantic view named by an expression");
                        Named::nameless(Derived::default())
                    }
                }
            }
            _ => {
                let derived = self.table_function(name, &args.args, env);
                self.aliased(derived, alias.as_ref(), Vec::new())
            }
        }
    }

    /// What a semantic view shows is defined in it, and the catalog does not have it. It tests whatever it likes.
    fn semantic_view(&mut self, name: &ast::ObjectName, alias: Option<&TableAlias>, env: Env<'_>) -> Named {
        let mut named = self.table(name, None, alias, env);
        named.derived = Rc::new(Derived::new(Vec::new(), false, named.derived.origins.clone()));
        self.test_each(&named.derived, TestedHow::Predicate);
        self.doubt("a semantic view");
        named
    }

    /// The relations of a bracketed join, under their own names or under one alias.
    fn nested(
        &mut self,
        table: &TableWithJoins,
        alias: Option<&TableAlias>,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        if alias.is_some() {
            // What stands within would have to see what stands before, and not under its own names.
            self.give_up("an alias of a bracketed join");
        }
        // SECURITY: joins without a condition before this one make the parser see brackets where none are. Upstream reads from
        // the left, and then these equate columns of what stands before as well.
        if !frame.relations.as_slice().is_empty() && table.joins.iter().any(is_by_name) {
            self.give_up("a join by names within another join");
        }
        self.joined(table, frame, outer, queries);
    }

    /// One factor read apart from those before it, as one relation.
    fn inner(
        &mut self,
        factor: &TableFactor,
        frame: &Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) -> Inner {
        let mut inner = Frame::default();
        let env = Env { frame, outer, queries };
        // SECURITY: only what is lateral sees its neighbours; for a subquery they would hide the columns around it.
        let around = if sees_neighbours(factor) { Some(&env) } else { outer };
        self.factor(factor, &mut inner, around, queries);
        let qualifiers = inner.relations.iter().flat_map(|named| named.qualifiers().cloned());
        let qualifiers = qualifiers.filter(|qualifier| !qualifier.is_empty()).collect();
        Inner { derived: Rc::new(self.flat(&inner)), qualifiers }
    }

    /// All columns of a frame as one relation.
    fn flat(&mut self, frame: &Frame) -> Derived {
        let (outputs, is_complete) = frame.starred();
        let mut origins: Vec<_> =
            frame.relations.iter().flat_map(|named| named.derived.origins.iter().copied()).collect();
        origins.sort_unstable();
        origins.dedup();
        let is_complete = self.may_unfold(frame.relations.len() + outputs.len()) && is_complete;
        let is_unordered = frame.is_unordered();
        Derived { copies: frame.copies(), is_unordered, ..Derived::new(outputs, is_complete, origins) }
    }

    /// What `inner` was turned into, under its alias or else under the names that it had.
    fn turned_as(&mut self, derived: Derived, alias: Option<&TableAlias>, inner: Inner) -> Named {
        let named = self.aliased(derived, alias, Vec::new());
        if alias.is_some() { named } else { Named { inner: inner.qualifiers, ..named } }
    }

    pub(super) fn aliased(
        &mut self,
        derived: Derived,
        alias: Option<&TableAlias>,
        qualifier: Vec<String>,
    ) -> Named {
        self.shared(Rc::new(derived), alias, qualifier)
    }

    pub(super) fn shared(
        &mut self,
        derived: Rc<Derived>,
        alias: Option<&TableAlias>,
        qualifier: Vec<String>,
    ) -> Named {
        let Some(alias) = alias else { return Named::called(qualifier, derived) };
        if alias.name.quote_style == Some('\'') {
            self.give_up("a text for the alias of a table");
        }
        let qualifier = vec![fold(&alias.name).into_owned()];
        let names: Vec<Rc<str>> = alias.columns.iter().map(|column| Rc::from(fold(&column.name))).collect();
        if names.is_empty() || !self.may_unfold(derived.outputs.len()) {
            return Named::called(qualifier, derived);
        }
        let mut named = renamed(Derived::clone(&derived), &names);
        if named.is_unordered {
            // Which column stood at which place nobody knows: any of them.
            let whole = self.whole(&derived);
            named.outputs.iter_mut().for_each(|output| output.value = whole.clone());
        }
        Named::called(qualifier, Rc::new(named))
    }
}

/// What is turned or searched for patterns.
pub(super) struct Inner {
    pub derived: Rc<Derived>,
    /// The names that its columns may be qualified by.
    pub qualifiers: Vec<Vec<String>>,
}

impl Inner {
    /// Its columns under no name, and under each that they have.
    pub(super) fn relations(&self) -> Relations {
        let mut relations = Relations::of(Named::called(Vec::new(), Rc::clone(&self.derived)));
        for qualifier in &self.qualifiers {
            relations.push(Named::called(qualifier.clone(), Rc::clone(&self.derived)));
        }
        relations
    }
}

/// Whether the name is that word, which `parse` alone can write.
fn is_marker(name: &ast::ObjectName, marker: &str) -> bool {
    matches!(name.0.as_slice(), [ObjectNamePart::Identifier(ident)] if ident.value == marker)
}

/// What a join is made on; none of a kind that Snowflake does not have.
fn constraint_of(join: &Join) -> Option<&JoinConstraint> {
    match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::AsOf { constraint, .. } => Some(constraint),
        JoinOperator::Semi(_)
        | JoinOperator::LeftSemi(_)
        | JoinOperator::RightSemi(_)
        | JoinOperator::Anti(_)
        | JoinOperator::LeftAnti(_)
        | JoinOperator::RightAnti(_)
        | JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::StraightJoin(_)
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => None,
    }
}

/// Whether a join, or one within it, equates columns by their names.
fn is_by_name(join: &Join) -> bool {
    let is_within = matches!(&join.relation, TableFactor::NestedJoin { table_with_joins, .. }
        if table_with_joins.joins.iter().any(is_by_name));
    is_within || !matches!(constraint_of(join), Some(JoinConstraint::On(_) | JoinConstraint::None))
}

/// The name that an expression is.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is no name")]
fn name_of(expr: &Expr) -> Option<ast::ObjectName> {
    let idents: Vec<Ident> = match expr {
        Expr::Identifier(ident) => vec![ident.clone()],
        Expr::CompoundIdentifier(idents) => idents.clone(),
        _ => return None,
    };
    Some(ast::ObjectName(idents.into_iter().map(ObjectNamePart::Identifier).collect()))
}

/// Whether a factor may name the columns of those before it.
#[allow(clippy::wildcard_enum_match_arm, reason = "tables and functions are no queries of their own")]
fn sees_neighbours(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Derived { lateral, .. } => *lateral,
        TableFactor::Pivot { table, .. }
        | TableFactor::Unpivot { table, .. }
        | TableFactor::MatchRecognize { table, .. } => sees_neighbours(table),
        TableFactor::NestedJoin { .. } => false,
        // A subquery in the words of `parse`.
        TableFactor::Table { name, args: Some(_), .. } => !is_marker(name, DERIVED),
        _ => true,
    }
}
