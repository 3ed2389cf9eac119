//! INSERT, UPDATE, DELETE and TRUNCATE: the new rows are computed by a query, then put in the place of the old.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, UInt64Array};
use datafusion::arrow::compute::{cast, concat_batches, filter_record_batch, interleave};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{
    self, AssignmentTarget, Expr, FromTable, Ident, SelectItem, SetExpr, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::dialect::SnowflakeDialect;
use datafusion::sql::sqlparser::parser::Parser;
use domain::ObjectName;

use crate::define::{fit, writable};
use crate::errors::{SnowflakeError, invalid_identifier};
use crate::execute::Executor;
use crate::lex;
use crate::result::{Answer, Changes};
use crate::session::Session;
use crate::table::MemoryTable;

/// The column of a stand-in that numbers rows; its name cannot collide with one that somebody chose.
const ROW: &str = "\u{2}row";

/// `INSERT [OVERWRITE] INTO t [(columns)] query`.
pub(crate) async fn insert(
    executor: &Executor,
    mut insert: ast::Insert,
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    let ast::TableObject::TableName(written) = &insert.table else {
        return Err(SnowflakeError::unsupported("INSERT into this target"));
    };
    let table = target(executor, &session.resolve(written)?)?;
    if insert.source.is_none() || insert.on.is_some() || insert.returning.is_some() {
        return Err(SnowflakeError::unsupported("this form of INSERT"));
    }
    let is_overwrite = std::mem::take(&mut insert.overwrite);
    let _writer = table.writer.lock().await;
    let planned = executor.planner.plan(ast::Statement::Insert(insert), session).await?;
    let LogicalPlan::Dml(dml) = planned.plan else { return Err(SnowflakeError::internal()) };
    let rows = executor.collect(&planned.state, dml.input.as_ref().clone()).await?;
    let schema = table.schema_of();
    let mut batches = if is_overwrite { vec![] } else { table.batches().await?.to_vec() };
    let mut inserted = 0;
    for batch in &rows {
        inserted += batch.num_rows() as u64;
        batches.push(fit(batch.columns(), &schema)?);
    }
    put(executor, &table, batches)?;
    Answer::changes(&[("number of rows inserted", inserted)], Changes { inserted, ..Changes::default() })
}

/// `UPDATE t SET c = e … [WHERE p]`.
pub(crate) async fn update(
    executor: &Executor,
    update: ast::Update,
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    if update.from.is_some()
        || update.returning.is_some()
        || !update.order_by.is_empty()
        || update.limit.is_some()
    {
        return Err(SnowflakeError::unsupported("this form of UPDATE"));
    }
    let (written, from) = one_table(vec![update.table])?;
    let name = session.resolve(&written)?;
    let table = target(executor, &name)?;
    let mut values = BTreeMap::new();
    for assignment in update.assignments {
        let AssignmentTarget::ColumnName(column) = &assignment.target else {
            return Err(SnowflakeError::unsupported("this form of UPDATE"));
        };
        let column = crate::session::parts(column)?.pop().unwrap_or_default();
        if table.schema_of().index_of(&column).is_err() {
            return Err(invalid_identifier(&column));
        }
        values.insert(column, assignment.value);
    }
    let schema = table.schema_of();
    let mut items: Vec<Expr> = Vec::new();
    for field in schema.fields() {
        let column = Expr::Identifier(Ident::with_quote('"', field.name()));
        items.push(values.remove(field.name()).unwrap_or(column));
    }
    let _writer = table.writer.lock().await;
    let old = table.batches().await?;
    let select = select(from, items, update.selection)?;
    let hits = hits(executor, select, (name, &old, &schema), session).await?;
    let updated = hits.rows.num_rows() as u64;
    let mut batches = Vec::with_capacity(old.len());
    let mut start = 0;
    for batch in old.iter() {
        let marks = hits.within(start, batch.num_rows());
        let picks: Vec<(usize, usize)> =
            marks.iter().enumerate().map(|(row, hit)| hit.map_or((0, row), |hit| (1, hit))).collect();
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (column, fresh) in batch.columns().iter().zip(hits.rows.columns()) {
            let fresh = cast(fresh, column.data_type())?;
            columns.push(interleave(&[column.as_ref(), fresh.as_ref()], &picks)?);
        }
        batches.push(fit(&columns, &schema)?);
        start += batch.num_rows();
    }
    put(executor, &table, batches)?;
    Answer::changes(
        &[("number of rows updated", updated), ("number of multi-joined rows updated", 0)],
        Changes { updated, ..Changes::default() },
    )
}

/// `DELETE FROM t [WHERE p]`.
pub(crate) async fn delete(
    executor: &Executor,
    delete: ast::Delete,
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    if delete.using.is_some()
        || delete.returning.is_some()
        || !delete.order_by.is_empty()
        || delete.limit.is_some()
    {
        return Err(SnowflakeError::unsupported("this form of DELETE"));
    }
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = delete.from;
    let (written, from) = one_table(from)?;
    let name = session.resolve(&written)?;
    let table = target(executor, &name)?;
    let _writer = table.writer.lock().await;
    let old = table.batches().await?;
    let select = select(from, vec![], delete.selection)?;
    let hits = hits(executor, select, (name, &old, &table.schema_of()), session).await?;
    let deleted = hits.rows.num_rows() as u64;
    let mut batches = Vec::with_capacity(old.len());
    let mut start = 0;
    for batch in old.iter() {
        let kept: BooleanArray =
            hits.within(start, batch.num_rows()).iter().map(|hit| Some(hit.is_none())).collect();
        batches.push(filter_record_batch(batch, &kept)?);
        start += batch.num_rows();
    }
    batches.retain(|batch| batch.num_rows() > 0);
    put(executor, &table, batches)?;
    Answer::changes(&[("number of rows deleted", deleted)], Changes { deleted, ..Changes::default() })
}

/// `TRUNCATE [TABLE] [IF EXISTS] t`.
pub(crate) async fn truncate(
    executor: &Executor,
    truncate: &ast::Truncate,
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    let [target_name] = truncate.table_names.as_slice() else {
        return Err(SnowflakeError::unsupported("TRUNCATE of several tables"));
    };
    match target(executor, &session.resolve(&target_name.name)?) {
        Ok(table) => {
            let _writer = table.writer.lock().await;
            put(executor, &table, vec![])?;
        }
        Err(error) if truncate.if_exists && error.code == "002003" => {}
        Err(error) => return Err(error),
    }
    Answer::status("Statement executed successfully.")
}

fn target(executor: &Executor, name: &ObjectName) -> Result<Arc<MemoryTable>, SnowflakeError> {
    executor.planner.store.table(&writable(name.clone())?)
}

fn put(executor: &Executor, table: &MemoryTable, batches: Vec<RecordBatch>) -> Result<(), SnowflakeError> {
    executor.planner.store.check_room(&batches)?;
    if table.replace(batches) { Ok(()) } else { Err(SnowflakeError::insufficient("table")) }
}

/// The one plain table that a statement writes.
fn one_table(from: Vec<TableWithJoins>) -> Result<(ast::ObjectName, TableWithJoins), SnowflakeError> {
    let [table] =
        <[_; 1]>::try_from(from).map_err(|_| SnowflakeError::unsupported("several target tables"))?;
    match &table.relation {
        TableFactor::Table { name, args: None, .. } if table.joins.is_empty() => Ok((name.clone(), table)),
        _ => Err(SnowflakeError::unsupported("this target table")),
    }
}

/// `SELECT items…, row FROM table WHERE predicate ORDER BY row`.
fn select(
    from: TableWithJoins,
    items: Vec<Expr>,
    predicate: Option<Expr>,
) -> Result<ast::Statement, SnowflakeError> {
    let template = format!("SELECT 1 ORDER BY \"{ROW}\"");
    let mut parser =
        Parser::new(&SnowflakeDialect).try_with_sql(&template).map_err(|e| lex::unparsable(&e))?;
    let mut query = parser.parse_query().map_err(|e| lex::unparsable(&e))?;
    let SetExpr::Select(select) = query.body.as_mut() else { return Err(SnowflakeError::internal()) };
    select.from = vec![from];
    select.selection = predicate;
    let aliased =
        |(n, expr)| SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', format!("V{n}")) };
    select.projection = items.into_iter().enumerate().map(aliased).collect();
    select.projection.push(SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote('"', ROW))));
    Ok(ast::Statement::Query(query))
}

/// The rows that a predicate hit: new values, and as the last column the number of the stored row.
struct Hits {
    rows: RecordBatch,
    numbers: Vec<u64>,
}

impl Hits {
    /// For each of `count` stored rows from `start` on: which hit it is, if any.
    fn within(&self, start: usize, count: usize) -> Vec<Option<usize>> {
        let mut marks = vec![None; count];
        let first = self.numbers.partition_point(|n| *n < start as u64);
        for (hit, number) in self.numbers.iter().enumerate().skip(first) {
            let row = usize::try_from(*number).unwrap_or(usize::MAX) - start;
            match marks.get_mut(row) {
                Some(mark) => *mark = Some(hit),
                None => break,
            }
        }
        marks
    }
}

/// Runs the query over a stand-in for the table that numbers its rows.
async fn hits(
    executor: &Executor,
    select: ast::Statement,
    table: (ObjectName, &[RecordBatch], &SchemaRef),
    session: &Session,
) -> Result<Hits, SnowflakeError> {
    let (name, batches, schema) = table;
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(ROW, DataType::UInt64, false)));
    let numbered = Arc::new(Schema::new(fields));
    let mut next = 0_u64;
    let number = |batch: &RecordBatch| -> Result<RecordBatch, SnowflakeError> {
        let mut columns = batch.columns().to_vec();
        let end = next + batch.num_rows() as u64;
        columns.push(Arc::new((next..end).collect::<UInt64Array>()));
        next = end;
        Ok(RecordBatch::try_new(Arc::clone(&numbered), columns)?)
    };
    let batches = batches.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    let stand_in: Arc<dyn TableProvider> = Arc::new(MemoryTable::stored(Arc::clone(&numbered), batches));
    let session = Session { stand_in: Some((name, stand_in)), ..session.clone() };
    let (schema, rows) = executor.rows_of(select, &session).await?;
    let rows = concat_batches(&schema, &rows)?;
    let last = rows.columns().last().ok_or_else(SnowflakeError::internal)?;
    let numbers = last.as_primitive_opt::<UInt64Type>().ok_or_else(SnowflakeError::internal)?;
    let numbers = numbers.values().to_vec();
    // INVARIANT: each stored row is hit at most once, in order.
    if !numbers.is_sorted_by(|a, b| a < b) {
        return Err(SnowflakeError::internal());
    }
    Ok(Hits { rows, numbers })
}
