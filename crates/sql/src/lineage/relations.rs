//! FROM: tables, views, subqueries, table functions, pivots, and the joins between them.

use std::rc::Rc;

use domain::{ObjectName, RelationKind, TestedHow};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Join, JoinConstraint, JoinOperator, TableAlias,
    TableFactor, TableSampleKind, TableVersion, TableWithJoins,
};

use super::query::renamed;
use super::reader::Reader;
use super::scope::{Env, Frame, Named, Queries};
use super::value::{Derived, Output, Value};
use crate::names::{fold, function_name, parts};

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
        let left_end = frame.relations.len();
        self.factor(&join.relation, frame, outer, queries);
        let constraint = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint) => constraint,
            JoinOperator::AsOf { match_condition, constraint } => {
                self.predicate(match_condition, Env { frame, outer, queries });
                constraint
            }
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
            | JoinOperator::InnerArrayJoin => return self.give_up("a join that Snowflake does not have"),
        };
        match constraint {
            JoinConstraint::On(condition) => self.predicate(condition, Env { frame, outer, queries }),
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

    /// The columns that both sides name.
    fn natural(&mut self, first: usize, left_end: usize, frame: &mut Frame) {
        let (left, right) = frame.relations.split_at(left_end.min(frame.relations.len()));
        let left = left.get(first..).unwrap_or(&[]);
        if left.iter().chain(right).any(|named| !named.derived.is_complete) {
            // Which columns are equated cannot be told: any of either side.
            self.doubt("a natural join over columns that are not known");
            left.iter().chain(right).for_each(|named| self.test_each(&named.derived, TestedHow::Predicate));
        }
        let names = |side: &[Named]| -> Vec<Rc<str>> {
            side.iter()
                .flat_map(|named| named.derived.outputs.iter().filter_map(|output| output.name.clone()))
                .collect()
        };
        let right = names(right);
        let mut common: Vec<Rc<str>> = Vec::new();
        for name in names(left) {
            if right.contains(&name) && !common.contains(&name) {
                common.push(name);
            }
        }
        for name in common {
            self.merge(&name, first, left_end, frame);
        }
    }

    /// `USING (name)`: equates the column of both sides and makes one of them.
    fn merge(&mut self, name: &str, first: usize, left_end: usize, frame: &mut Frame) {
        let already = frame.merged.iter().position(|(merged, _)| &**merged == name);
        let left = match already.and_then(|at| frame.merged.get(at)) {
            Some((_, value)) => Some(value.clone()),
            None => self.side(name, frame.relations.get(first..left_end).unwrap_or(&[])),
        };
        let right = self.side(name, frame.relations.get(left_end..).unwrap_or(&[]));
        let (left, right) = (
            left.unwrap_or_else(|| Value::unknown(Vec::new())),
            right.unwrap_or_else(|| Value::unknown(Vec::new())),
        );
        self.equality(&left, &right);
        let both = left.or(right);
        match already.and_then(|at| frame.merged.get_mut(at)) {
            Some((_, value)) => *value = both,
            None => frame.merged.push((Rc::from(name), both)),
        }
    }

    fn side(&mut self, name: &str, relations: &[Named]) -> Option<Value> {
        let has =
            |named: &&Named| named.derived.outputs.iter().any(|output| output.name.as_deref() == Some(name));
        let with_it: Vec<&Named> = relations.iter().filter(has).collect();
        let of = if with_it.is_empty() {
            relations.iter().filter(|named| !named.derived.is_complete).collect()
        } else {
            with_it
        };
        of.into_iter().map(|named| self.column_of(&named.derived, name)).reduce(Value::or)
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        self.deeper((), |reader| reader.factor_here(factor, frame, outer, queries));
    }

    fn factor_here(
        &mut self,
        factor: &TableFactor,
        frame: &mut Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) {
        let sample = if let TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. } = factor {
            sample.as_ref()
        } else {
            None
        };
        match factor {
            TableFactor::Table { name, alias, args, version, json_path, partitions, .. } => {
                if json_path.is_some() || !partitions.is_empty() {
                    return self.give_up("a table expression that Snowflake does not have");
                }
                let named = match args {
                    Some(args) if !name.to_string().starts_with('@') => {
                        let env = Env { frame, outer, queries };
                        let derived = self.table_function(name, &args.args, env);
                        self.aliased(derived, alias.as_ref(), Vec::new())
                    }
                    _ => {
                        if let Some(version) = version {
                            self.version(version, Env { frame, outer, queries });
                        }
                        self.table(
                            name,
                            alias.as_ref(),
                            queries,
                            matches!(version, Some(TableVersion::Changes { .. })),
                        )
                    }
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
                let derived = self.pivot(factor, inner, outer, queries);
                let named = self.aliased(derived, alias.as_ref(), Vec::new());
                frame.relations.push(named);
            }
            TableFactor::Unpivot { table, value, name, columns, alias, .. } => {
                let inner = self.inner(table, frame, outer, queries);
                let derived = self.unpivot(&inner, value, name, columns);
                let named = self.aliased(derived, alias.as_ref(), Vec::new());
                frame.relations.push(named);
            }
            TableFactor::MatchRecognize { table, alias, .. } => {
                let inner = self.inner(table, frame, outer, queries);
                let derived = self.match_recognize(factor, inner, outer, queries);
                let named = self.aliased(derived, alias.as_ref(), Vec::new());
                frame.relations.push(named);
            }
            TableFactor::SemanticView { name, where_clause, alias, .. } => {
                // What a semantic view shows is defined in it, and the catalog does not have it.
                let mut named = self.table(name, alias.as_ref(), queries, true);
                let origins = named.derived.origins.clone();
                named.derived = Rc::new(Derived { outputs: Vec::new(), is_complete: false, origins });
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
        if let Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) =
            sample
            && let Some(quantity) = &sample.quantity
        {
            let value = self.expr(&quantity.value, Env { frame, outer, queries });
            self.test_if_traced(&value);
        }
    }

    /// `TABLE(…)`: a table function, or nothing that we know.
    fn table_expression(&mut self, expr: &Expr, env: Env<'_>) -> Derived {
        let Expr::Function(function) = expr else {
            let value = self.expr(expr, env);
            self.test_if_traced(&value);
            self.doubt("a table made by an expression");
            return Derived::default();
        };
        match &function.args {
            FunctionArguments::List(list) => self.table_function(&function.name, &list.args, env),
            FunctionArguments::None => self.table_function(&function.name, &[], env),
            FunctionArguments::Subquery(query) => {
                let value = self.single_output(query, env);
                self.test_if_traced(&value);
                self.table_function(&function.name, &[], env)
            }
        }
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
        let Some(alias) = alias else { return self.joined(table, frame, outer, queries) };
        let mut inner = Frame::default();
        self.joined(table, &mut inner, outer, queries);
        let derived = self.flat(&inner);
        let named = self.aliased(derived, Some(alias), Vec::new());
        frame.relations.push(named);
    }

    /// One factor read apart from those before it, as one relation.
    fn inner(
        &mut self,
        factor: &TableFactor,
        frame: &Frame,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) -> Derived {
        let mut inner = Frame::default();
        let env = Env { frame, outer, queries };
        self.factor(factor, &mut inner, Some(&env), queries);
        self.flat(&inner)
    }

    /// All columns of a frame as one relation.
    fn flat(&mut self, frame: &Frame) -> Derived {
        let mut outputs: Vec<Output> = frame
            .merged
            .iter()
            .map(|(name, value)| Output::new(Some(Rc::clone(name)), value.clone()))
            .collect();
        let mut is_complete = true;
        let mut origins = Vec::new();
        for named in &frame.relations {
            is_complete &= named.derived.is_complete;
            origins.extend(&named.derived.origins);
            let kept = named.derived.outputs.iter().filter(|output| {
                !frame.merged.iter().any(|(merged, _)| output.name.as_deref() == Some(&**merged))
            });
            outputs.extend(kept.cloned());
        }
        origins.sort_unstable();
        origins.dedup();
        Derived { outputs, is_complete: self.may_unfold(frame.relations.len()) && is_complete, origins }
    }

    pub(super) fn aliased(
        &mut self,
        derived: Derived,
        alias: Option<&TableAlias>,
        qualifier: Vec<String>,
    ) -> Named {
        self.shared(Rc::new(derived), alias, qualifier)
    }

    fn shared(&mut self, derived: Rc<Derived>, alias: Option<&TableAlias>, qualifier: Vec<String>) -> Named {
        let Some(alias) = alias else { return Named { qualifier, derived } };
        let names: Vec<Rc<str>> = alias.columns.iter().map(|column| Rc::from(fold(&column.name))).collect();
        let derived =
            if names.is_empty() { derived } else { Rc::new(renamed(Derived::clone(&derived), &names)) };
        Named { qualifier: vec![fold(&alias.name).into_owned()], derived }
    }

    /// A name in FROM: a common table expression, a step of a pipeline, a stage, a table, a view.
    fn table(
        &mut self,
        name: &sqlparser::ast::ObjectName,
        alias: Option<&TableAlias>,
        queries: &Queries,
        has_more_columns: bool,
    ) -> Named {
        let Some(parts) = parts(name) else {
            self.give_up("a table named by an expression");
            return Named { qualifier: Vec::new(), derived: Rc::default() };
        };
        if let [only] = parts.as_slice() {
            if let Some(derived) = queries.find(only).or_else(|| self.steps.get(only).cloned()) {
                return self.shared(derived, alias, parts);
            }
            if only.starts_with('\0') {
                self.give_up("a step that the pipeline does not have");
            }
            if only.starts_with('@') {
                let derived = self.stage(only);
                return self.aliased(derived, alias, Vec::new());
            }
            if only == "DUAL" {
                return self.aliased(Derived { is_complete: true, ..Derived::default() }, alias, parts);
            }
        }
        let Some(object) = self.namespace.complete(&parts) else {
            self.give_up("a table name with too many parts");
            return Named { qualifier: Vec::new(), derived: Rc::default() };
        };
        let derived = self.relation(&object);
        let derived = if has_more_columns {
            Rc::new(Derived { is_complete: false, ..Derived::clone(&derived) })
        } else {
            derived
        };
        let qualifier = vec![object.database, object.schema, object.name];
        self.shared(derived, alias, qualifier)
    }

    /// A stored table or view of the catalog, noted as read.
    pub(super) fn relation(&mut self, object: &ObjectName) -> Rc<Derived> {
        self.reads.insert(object.clone());
        let id = self.object(object);
        let scope = self.scope;
        let Some(relation) = scope.catalog.relation(object) else {
            if !scope.catalog.has_schema(&object.database, &object.schema)
                && !object.database.is_empty()
                && !object.schema.is_empty()
            {
                self.missing.insert((object.database.clone(), object.schema.clone()));
            }
            self.doubt("a table that the catalog does not have");
            return Rc::new(Derived { outputs: Vec::new(), is_complete: false, origins: vec![id] });
        };
        match &relation.kind {
            RelationKind::Table => Rc::new(self.stored(id, relation)),
            RelationKind::View { definition } => self.view(id, object, relation, definition.as_deref()),
        }
    }

    /// Files: nothing is known of what they hold.
    fn stage(&mut self, written: &str) -> Derived {
        self.doubt("files of a stage");
        let name = ObjectName::new(
            self.namespace.database.clone().unwrap_or_default(),
            self.namespace.schema.clone().unwrap_or_default(),
            written,
        );
        self.reads.insert(name.clone());
        let id = self.object(&name);
        Derived { outputs: Vec::new(), is_complete: false, origins: vec![id] }
    }

    fn version(&mut self, version: &TableVersion, env: Env<'_>) {
        let exprs: Vec<&Expr> = match version {
            TableVersion::ForSystemTimeAsOf(expr)
            | TableVersion::TimestampAsOf(expr)
            | TableVersion::VersionAsOf(expr)
            | TableVersion::Function(expr) => vec![expr],
            TableVersion::Changes { changes, at, end } => {
                [Some(changes), Some(at), end.as_ref()].into_iter().flatten().collect()
            }
        };
        for expr in exprs {
            // `AT (offset => …)` is parsed as a call of a function named AT.
            let Expr::Function(function) = expr else {
                let value = self.expr(expr, env);
                self.test_if_traced(&value);
                continue;
            };
            let FunctionArguments::List(list) = &function.args else { continue };
            for arg in &list.args {
                if let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(inner), .. } = arg
                    && fold(name) != "INFORMATION"
                {
                    let value = self.expr(inner, env);
                    self.test_if_traced(&value);
                }
            }
        }
    }

    /// `TABLE(f(…))` and `LATERAL f(…)`.
    fn table_function(
        &mut self,
        name: &sqlparser::ast::ObjectName,
        args: &[FunctionArg],
        env: Env<'_>,
    ) -> Derived {
        let (full, last) = function_name(name);
        let mut input = Value::constant();
        for arg in args {
            let inner = match arg {
                FunctionArg::Named { arg, .. }
                | FunctionArg::ExprNamed { arg, .. }
                | FunctionArg::Unnamed(arg) => arg,
            };
            let value = match inner {
                FunctionArgExpr::Expr(expr) => self.expr(expr, env),
                FunctionArgExpr::QualifiedWildcard(_)
                | FunctionArgExpr::Wildcard
                | FunctionArgExpr::WildcardWithOptions(_) => self.whole_frame(env),
            };
            input = input.with(value);
        }
        // How many rows there are depends on what goes in.
        self.test_if_traced(&input);
        let columns: &[&str] = match last.as_str() {
            "FLATTEN" => &["SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS"],
            "SPLIT_TO_TABLE" | "STRTOK_SPLIT_TO_TABLE" => &["SEQ", "INDEX", "VALUE"],
            "GENERATOR" => &[],
            _ => {
                let parts = name.0.len();
                self.call(&full, &last, parts.max(2));
                self.doubt("a table function whose columns are not known");
                return Derived::default();
            }
        };
        if name.0.len() > 1 {
            self.call(&full, &last, name.0.len());
        }
        let outputs = columns
            .iter()
            .map(|column| match *column {
                "SEQ" | "INDEX" => Output::named(column, Value { sources: Vec::new(), ..input.clone() }),
                column => Output::named(column, input.clone()),
            })
            .collect();
        Derived { outputs, is_complete: true, origins: Vec::new() }
    }
}
