//! Statements that store rows. Their result is one row of counts, whose first column is said to show every column that the
//! statement copies, so that policy sees what moves.

use std::rc::Rc;

use domain::TestedHow;
use sqlparser::ast::{
    Assignment, AssignmentTarget, ColumnOption, CreateTable, CreateTableLikeKind, CreateView, Delete, Expr,
    FromTable, Insert, Merge, MergeAction, MergeInsertKind, MergeUpdateKind, MultiTableInsertIntoClause,
    MultiTableInsertValue, ObjectName, Query, Statement, TableFactor, TableObject, TableWithJoins, Update,
    UpdateTableFromKind, WrappedCollection,
};

use super::constant::is_always_true;
use super::frame::{Env, Frame, Merged, Queries};
use super::reader::Reader;
use super::stores::{Filled, is_default};
use super::value::{Derived, Output, Value};
use crate::names::{Named, fold, parts};
use crate::parse::step_name;
use crate::stages::Stage;

impl Reader<'_> {
    /// The query of a statement that only reads.
    pub(crate) fn read_query(&mut self, query: &Query) -> Derived {
        self.query(query, None, &Queries::default())
    }

    /// The result of this step, for later steps of the pipeline: `$1` is the last, `$2` the one before it.
    pub(crate) fn end_step(&mut self, derived: Derived) {
        let mut steps: Vec<Rc<Derived>> = std::iter::once(Rc::new(derived)).collect();
        steps.extend(
            (1..=self.steps.len()).filter_map(|n| self.steps.get(&step_name(&format!("${n}"))).cloned()),
        );
        self.steps = steps
            .into_iter()
            .enumerate()
            .map(|(at, step)| (step_name(&format!("${}", at + 1)), step))
            .collect();
    }

    /// A statement that stores rows: everything it copies, as one value; none when this is no such statement.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other statement stores no rows")]
    pub(crate) fn written(&mut self, statement: &Statement) -> Option<Derived> {
        let copied = match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.merge_into(merge),
            Statement::Truncate(truncate) => {
                truncate.table_names.iter().for_each(|target| self.write_name(&target.name));
                Value::constant()
            }
            Statement::CreateTable(table) => self.create_table(table),
            Statement::CreateView(view) => self.create_view(view),
            _ => return None,
        };
        let mut outputs = vec![count(copied)];
        outputs.resize_with(counts(statement), || count(Value::constant()));
        Some(Derived::new(outputs, true, Vec::new()))
    }

    /// `SET x = …`: what is kept for later statements.
    pub(crate) fn kept(&mut self, values: &[Expr]) -> Derived {
        let frame = Frame::default();
        let queries = Queries::default();
        let env = Env { frame: &frame, outer: None, queries: &queries };
        let kept = values.iter().fold(Value::constant(), |all, value| all.or(self.expr(value, env)));
        // SECURITY: a variable outlives this statement, and whatever hides its value here.
        self.test(&kept, TestedHow::Shape);
        counted(kept)
    }

    /// `COPY INTO … FROM (query)`.
    pub(crate) fn copied(&mut self, query: &Query) -> Derived {
        let derived = self.read_query(query);
        let whole = self.whole(&derived);
        counted(whole)
    }

    /// Notes a stored object as read, and answers all that it holds.
    pub(crate) fn read_name(&mut self, name: &ObjectName) -> Value {
        let object = parts(name).and_then(|parts| self.namespace.complete(&parts));
        match object {
            Some(object) => {
                let relation = self.relation(&object);
                self.whole(&relation)
            }
            None => {
                self.give_up("a name that cannot be resolved");
                Value::unknown(Vec::new())
            }
        }
    }

    pub(crate) fn write_name(&mut self, name: &ObjectName) {
        match parts(name).and_then(|parts| self.namespace.complete(&parts)) {
            Some(object) => {
                self.writes.insert(object);
            }
            None => self.give_up("a name that cannot be resolved"),
        }
    }

    fn insert(&mut self, insert: &Insert) -> Value {
        let queries = Queries::default();
        if insert.on.is_some() || insert.returning.is_some() || insert.output.is_some() || insert.replace_into
        {
            self.give_up("a clause that Snowflake does not have");
        }
        let source =
            insert.source.as_deref().map(|source| self.query(source, None, &queries)).unwrap_or_default();
        let all = self.whole(&source);
        match &insert.table {
            TableObject::TableName(name) if name.0.is_empty() && insert.multi_table_insert_type.is_some() => {
            }
            TableObject::TableName(name) => {
                self.write_name(name);
                let filled = self.filled(name, &last_parts(&insert.columns));
                self.store_rows(&filled, &source);
            }
            TableObject::TableFunction(_) | TableObject::TableQuery(_) => {
                self.give_up("an insert into no table")
            }
        }
        let frame = Frame::of(source);
        let env = Env { frame: &frame, outer: None, queries: &queries };
        let whens = insert.multi_table_when_clauses.iter();
        let mut clauses: Vec<&MultiTableInsertIntoClause> = insert.multi_table_into_clauses.iter().collect();
        for when in whens {
            self.predicate(&when.condition, env);
            clauses.extend(&when.into_clauses);
        }
        clauses.extend(insert.multi_table_else_clause.iter().flatten());
        let mut copied = all;
        for clause in clauses {
            self.write_name(&clause.table_name);
            let names: Vec<String> = clause.columns.iter().map(|name| fold(name).into_owned()).collect();
            let filled = self.filled(&clause.table_name, &names);
            match &clause.values {
                Some(values) => {
                    let values: Vec<Option<&Expr>> = values
                        .values
                        .iter()
                        .map(|value| match value {
                            MultiTableInsertValue::Expr(expr) => Some(expr),
                            MultiTableInsertValue::Default => None,
                        })
                        .collect();
                    copied = copied.or(self.store_values(&filled, &values, env));
                }
                None => env.frame.relations.iter().for_each(|rows| self.store_rows(&filled, &rows.derived)),
            }
        }
        if !insert.assignments.is_empty() {
            self.give_up("a clause that Snowflake does not have");
        }
        copied
    }

    fn update(&mut self, update: &Update) -> Value {
        let queries = Queries::default();
        if update.returning.is_some()
            || update.output.is_some()
            || update.limit.is_some()
            || !update.order_by.is_empty()
        {
            self.give_up("a clause that Snowflake does not have");
        }
        let mut tables = vec![&update.table];
        match &update.from {
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => {
                tables.extend(from)
            }
            None => {}
        }
        self.write_target(&update.table.relation);
        let frame = self.sources(&tables, &queries);
        let env = Env { frame: &frame, outer: None, queries: &queries };
        let copied = self.assigned(&update.table.relation, &update.assignments, env);
        match &update.selection {
            Some(condition) => self.choose_rows(condition, &update.table.relation, env),
            None => self.writes_all = true,
        }
        copied
    }

    fn assigned(&mut self, table: &TableFactor, assignments: &[Assignment], env: Env<'_>) -> Value {
        let mut copied = Value::constant();
        for Assignment { target, value } in assignments {
            let filled = match target {
                AssignmentTarget::ColumnName(name) => {
                    self.filled_of(table, &last_parts(std::slice::from_ref(name)))
                }
                AssignmentTarget::Tuple(_) => {
                    self.give_up("an assignment to several columns");
                    Filled::Unknown
                }
            };
            copied = copied.or(self.store_values(&filled, &given(std::slice::from_ref(value)), env));
        }
        copied
    }

    fn filled_of(&mut self, table: &TableFactor, names: &[String]) -> Filled {
        match target(table) {
            Some(name) => self.filled(name, names),
            None => Filled::Unknown,
        }
    }

    fn delete(&mut self, delete: &Delete) -> Value {
        let queries = Queries::default();
        if delete.returning.is_some()
            || delete.output.is_some()
            || delete.limit.is_some()
            || !delete.order_by.is_empty()
        {
            self.give_up("a clause that Snowflake does not have");
        }
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        delete.tables.iter().for_each(|name| self.write_name(name));
        from.iter().for_each(|table| self.write_target(&table.relation));
        let tables: Vec<&TableWithJoins> = from.iter().chain(delete.using.iter().flatten()).collect();
        let frame = self.sources(&tables, &queries);
        let env = Env { frame: &frame, outer: None, queries: &queries };
        match (&delete.selection, from.first()) {
            (Some(condition), Some(table)) => self.choose_rows(condition, &table.relation, env),
            (Some(condition), None) => self.predicate(condition, env),
            (None, _) => self.writes_all = true,
        }
        Value::constant()
    }

    /// The condition of a write. One in which no column of the written table stands chooses all of its rows or none.
    fn choose_rows(&mut self, condition: &Expr, table: &TableFactor, env: Env<'_>) {
        let written = target(table).and_then(parts).and_then(|parts| self.namespace.complete(&parts));
        let around = self.take_touches();
        self.predicate(condition, env);
        self.writes_all = is_always_true(condition) || !self.has_touched(written.as_ref());
        self.touch_again(around);
    }

    fn merge_into(&mut self, merge: &Merge) -> Value {
        let queries = Queries::default();
        self.write_target(&merge.table);
        let table = |relation: &TableFactor| TableWithJoins { relation: relation.clone(), joins: Vec::new() };
        let (target, source) = (table(&merge.table), table(&merge.source));
        let frame = self.sources(&[&target, &source], &queries);
        let env = Env { frame: &frame, outer: None, queries: &queries };
        self.predicate(&merge.on, env);
        let mut copied = Value::constant();
        for clause in &merge.clauses {
            if let Some(condition) = &clause.predicate {
                self.predicate(condition, env);
            }
            match &clause.action {
                MergeAction::Insert(insert) => {
                    if let Some(condition) = &insert.insert_predicate {
                        self.predicate(condition, env);
                    }
                    match &insert.kind {
                        MergeInsertKind::Values(values) => {
                            let filled = self.filled_of(&merge.table, &last_parts(&insert.columns));
                            for row in &values.rows {
                                copied = copied.or(self.store_values(&filled, &given(&row.content), env));
                            }
                        }
                        MergeInsertKind::Row | MergeInsertKind::Wildcard => {
                            copied = copied.or(self.merged_by_name(&merge.table, env))
                        }
                    }
                }
                MergeAction::Update(update) => {
                    for condition in update.update_predicate.iter().chain(&update.delete_predicate) {
                        self.predicate(condition, env);
                    }
                    copied = copied.or(match &update.kind {
                        MergeUpdateKind::Set(assignments) => self.assigned(&merge.table, assignments, env),
                        MergeUpdateKind::Wildcard => self.merged_by_name(&merge.table, env),
                    });
                }
                MergeAction::Delete { .. } | MergeAction::DoNothing { .. } => {}
            }
        }
        copied
    }

    /// Every column of the source goes into the column of the same name.
    fn merged_by_name(&mut self, table: &TableFactor, env: Env<'_>) -> Value {
        let whole = self.whole_frame(env);
        // The first relation is the target itself.
        for source in env.frame.relations.iter().skip(1) {
            match target(table) {
                Some(name) => self.store_by_name(name, &source.derived),
                None => self.test_each(&source.derived, TestedHow::Shape),
            }
        }
        whole
    }

    fn create_table(&mut self, table: &CreateTable) -> Value {
        self.write_name(&table.name);
        self.defined(table);
        let mut copied = Value::constant();
        if let Some(query) = &table.query {
            let derived = self.read_query(query);
            self.store_new(&table.columns, &derived);
            copied = copied.or(self.whole(&derived));
        }
        if let Some(clone) = &table.clone {
            copied = copied.or(self.read_name(clone));
        }
        if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) = &table.like
        {
            self.read_name(&like.name);
        }
        copied
    }

    /// The expressions of a definition: what a column is without a value, what it must be, how rows are kept.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other option has no expression")]
    fn defined(&mut self, table: &CreateTable) {
        let own = table.columns.iter().map(|column| Output::named(&fold(&column.name), Value::constant()));
        let frame = Frame::of(Derived::new(own.collect(), true, Vec::new()));
        let queries = Queries::default();
        let env = Env { frame: &frame, outer: None, queries: &queries };
        let options = table.columns.iter().flat_map(|column| &column.options);
        let written = options.filter_map(|option| match &option.option {
            ColumnOption::Default(expr)
            | ColumnOption::Materialized(expr)
            | ColumnOption::Ephemeral(Some(expr))
            | ColumnOption::Alias(expr)
            | ColumnOption::OnUpdate(expr) => Some(expr),
            ColumnOption::Check(check) => Some(check.expr.as_ref()),
            ColumnOption::Generated { generation_expr, .. } => generation_expr.as_ref(),
            _ => None,
        });
        let clustered = table.cluster_by.iter().flat_map(|by| match by {
            WrappedCollection::NoWrapping(exprs) | WrappedCollection::Parentheses(exprs) => exprs,
        });
        for expr in written.chain(clustered) {
            match next_of(expr).and_then(|sequence| self.namespace.complete(&sequence)) {
                // It counts on when a row is put in.
                Some(sequence) => {
                    self.reads.insert(sequence);
                }
                None => {
                    self.expr(expr, env);
                }
            }
        }
    }

    fn create_view(&mut self, view: &CreateView) -> Value {
        self.write_name(&view.name);
        if view.to.is_some() {
            self.give_up("a clause that Snowflake does not have");
        }
        let derived = self.read_query(&view.query);
        self.whole(&derived)
    }

    fn write_target(&mut self, factor: &TableFactor) {
        match target(factor) {
            Some(name) => self.write_name(name),
            None => self.give_up("a write to no table"),
        }
    }

    fn sources(&mut self, tables: &[&TableWithJoins], queries: &Queries) -> Frame {
        let mut frame = Frame::default();
        for table in tables {
            let more = self.from(std::slice::from_ref(*table), None, queries);
            let first = frame.relations.len();
            frame.relations.append(more.relations);
            frame.merged.extend(
                more.merged
                    .into_iter()
                    .map(|merged| Merged { of: merged.of.start + first..merged.of.end + first, ..merged }),
            );
        }
        frame
    }
}

/// The sequence of `s.NEXTVAL`.
fn next_of(expr: &Expr) -> Option<Vec<String>> {
    let Expr::CompoundIdentifier(idents) = expr else { return None };
    let (last, sequence) = idents.split_last()?;
    fold(last).eq("NEXTVAL").then(|| sequence.iter().map(|ident| fold(ident).into_owned()).collect())
}

/// The values of a row; none for DEFAULT, which is no expression.
fn given(row: &[Expr]) -> Vec<Option<&Expr>> {
    row.iter().map(|expr| (!is_default(expr)).then_some(expr)).collect()
}

/// The table that is written.
fn target(factor: &TableFactor) -> Option<&ObjectName> {
    if let TableFactor::Table { name, .. } = factor { Some(name) } else { None }
}

/// The names of columns, which their table may qualify; one that is no name matches no column.
fn last_parts(names: &[ObjectName]) -> Vec<String> {
    names.iter().map(|name| parts(name).and_then(|mut parts| parts.pop()).unwrap_or_default()).collect()
}

/// The one column of a statement that answers a count or a status.
fn counted(copied: Value) -> Derived {
    Derived::new(vec![count(copied)], true, Vec::new())
}

fn count(copied: Value) -> Output {
    Output::new(None, Value { is_bare: false, ..copied })
}

/// How many columns Snowflake answers a statement that stores rows with: UPDATE also counts the rows that several of another table
/// met, MERGE has a count for each thing that its clauses do (<https://docs.snowflake.com/en/sql-reference/sql/update>, `…/merge`).
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other statement counts in one column, or answers a status"
)]
fn counts(statement: &Statement) -> usize {
    match statement {
        Statement::Update(_) => 2,
        Statement::Merge(merge) => {
            let [mut inserts, mut updates, mut deletes] = [false; 3];
            for clause in &merge.clauses {
                match &clause.action {
                    MergeAction::Insert(_) => inserts = true,
                    MergeAction::Update(_) => updates = true,
                    MergeAction::Delete { .. } => deletes = true,
                    MergeAction::DoNothing { .. } => {}
                }
            }
            [inserts, updates, deletes].into_iter().filter(|does| *does).count().max(1)
        }
        _ => 1,
    }
}

impl Reader<'_> {
    /// Notes a name that only the words tell.
    pub(crate) fn mention_read(&mut self, parts: &[String]) {
        match self.namespace.named(self.named, parts) {
            Some(object) if self.named == Named::Objects => {
                self.relation(&object);
            }
            Some(object) => {
                self.reads.insert(object);
            }
            None => {}
        }
    }

    /// Likewise, for a stage whose files are read.
    pub(crate) fn mention_stage(&mut self, stage: &Stage) {
        let object = stage.object(&self.namespace);
        self.reads.insert(object);
    }

    /// Likewise, for a stage whose files are changed.
    pub(crate) fn write_stage(&mut self, stage: &Stage) {
        let object = stage.object(&self.namespace);
        self.writes.insert(object);
    }

    /// Likewise, for a name that is written.
    pub(crate) fn mention_write(&mut self, parts: &[String]) {
        if let Some(object) = self.namespace.named(self.named, parts) {
            self.writes.insert(object);
        }
    }
}
