//! CREATE and DROP.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::sql::sqlparser::ast::{self, ColumnOption, ObjectType};
use domain::{ObjectName, SqlType};

use crate::errors::{SnowflakeError, null_forbidden};
use crate::execute::Executor;
use crate::lex::Lexed;
use crate::result::{Answer, Changes};
use crate::rewrite;
use crate::session::Session;
use crate::store::{IfThere, Object};
use crate::table::MemoryTable;
use crate::{tpch, types};

/// `CREATE TABLE`, with columns, AS a query, LIKE or CLONE of a table.
pub(crate) async fn create_table(
    executor: &Executor,
    create: ast::CreateTable,
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    let name = writable(session.resolve(&create.name)?)?;
    let if_there = if_there(create.or_replace, create.if_not_exists);
    let store = &executor.planner.store;
    if store.get(&name).is_some() {
        match if_there {
            IfThere::Fail => return Err(SnowflakeError::already_there(&name.to_string())),
            IfThere::Keep => return kept(&name),
            IfThere::Replace => {}
        }
    }
    let (schema, batches) = if let Some(query) = create.query {
        let (schema, batches) = executor.rows_of(ast::Statement::Query(query), session).await?;
        stored(&create.columns, &schema, batches)?
    } else if let Some(
        ast::CreateTableLikeKind::Plain(like) | ast::CreateTableLikeKind::Parenthesized(like),
    ) = create.like
    {
        (store.table(&session.resolve(&like.name)?)?.schema_of(), vec![])
    } else if let Some(clone) = create.clone {
        let table = store.table(&session.resolve(&clone)?)?;
        (table.schema_of(), table.batches().await?.to_vec())
    } else {
        (declared(&create.columns)?, vec![])
    };
    if schema.fields().is_empty() {
        return Err(SnowflakeError::syntax(1, 0, "<EOF>"));
    }
    let inserted = batches.iter().map(|b| b.num_rows() as u64).sum();
    store.check_room(&batches)?;
    let table = MemoryTable::stored(schema, batches);
    if !store.create(&name, Object::Table(Arc::new(table)), if_there)? {
        return kept(&name);
    }
    let mut answer = Answer::status(format!("Table {} successfully created.", name.name))?;
    answer.head.changes = Some(Changes { inserted, ..Changes::default() });
    Ok(answer)
}

/// `CREATE VIEW`; the query is planned once to learn its columns and whether it is right.
pub(crate) async fn create_view(
    executor: &Executor,
    create: ast::CreateView,
    lexed: &Lexed,
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    let name = writable(session.resolve(&create.name)?)?;
    if create.materialized {
        return Err(SnowflakeError::unsupported("MATERIALIZED VIEW"));
    }
    let definition = lexed.text_after("AS").ok_or_else(SnowflakeError::internal)?;
    let columns: Vec<_> = create.columns.iter().map(|c| c.name.value.clone()).collect();
    let plan = executor.planner.plan_view(&name, &definition, &columns).await?;
    let fields = plan.schema().fields().iter().map(|f| f.as_ref().clone());
    let schema = Arc::new(Schema::new(unique(fields.collect())?));
    let object = Object::View { definition: definition.into(), schema };
    if !executor.planner.store.create(&name, object, if_there(create.or_replace, create.if_not_exists))? {
        return kept(&name);
    }
    Answer::status(format!("View {} successfully created.", name.name))
}

/// `DROP TABLE`, `DROP VIEW`, `DROP SCHEMA`.
pub(crate) fn drop_object(
    executor: &Executor,
    object_type: &ObjectType,
    if_exists: bool,
    names: &[ast::ObjectName],
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    let store = &executor.planner.store;
    let [written] = names else { return Err(SnowflakeError::unsupported("DROP of several objects")) };
    let (kind, word) = match object_type {
        ObjectType::Table => ("TABLE", "Table"),
        ObjectType::View => ("VIEW", "View"),
        ObjectType::Schema => {
            let (database, schema) = session.resolve_schema(written)?;
            writable(ObjectName::new(database.as_str(), schema.as_str(), ""))?;
            return if store.drop_schema(&database, &schema) || if_exists {
                Answer::status(format!("{schema} successfully dropped."))
            } else {
                Err(SnowflakeError::missing("Schema", &format!("{database}.{schema}")))
            };
        }
        other => return Err(SnowflakeError::unsupported(&format!("DROP {other}"))),
    };
    let name = writable(session.resolve(written)?)?;
    if store.drop_object(&name, kind) {
        Answer::status(format!("{} successfully dropped.", name.name))
    } else if if_exists {
        Answer::status("Drop statement executed successfully.")
    } else {
        Err(SnowflakeError::missing(word, &name.to_string()))
    }
}

/// `CREATE SCHEMA`.
pub(crate) fn create_schema(
    executor: &Executor,
    name: &ast::ObjectName,
    if_there: IfThere,
    session: &Session,
) -> Result<Answer, SnowflakeError> {
    let (database, schema) = session.resolve_schema(name)?;
    writable(ObjectName::new(database.as_str(), schema.as_str(), ""))?;
    let store = &executor.planner.store;
    if store.has_schema(&database, &schema) {
        match if_there {
            IfThere::Fail => return Err(SnowflakeError::already_there(&schema)),
            IfThere::Keep => return Answer::status(format!("{schema} already exists, statement succeeded.")),
            IfThere::Replace => {
                store.drop_schema(&database, &schema);
            }
        }
    }
    if store.create_schema(&database, &schema) {
        Answer::status(format!("Schema {schema} successfully created."))
    } else {
        Err(SnowflakeError::missing("Database", &database))
    }
}

/// The sample data is a share: nobody here may change it.
pub(crate) fn writable(name: ObjectName) -> Result<ObjectName, SnowflakeError> {
    if name.database == tpch::DATABASE {
        return Err(SnowflakeError::insufficient(&format!("schema '{}'", name.schema)));
    }
    Ok(name)
}

/// What to do when a name is taken.
pub(crate) fn if_there(or_replace: bool, if_not_exists: bool) -> IfThere {
    match (or_replace, if_not_exists) {
        (true, _) => IfThere::Replace,
        (false, true) => IfThere::Keep,
        (false, false) => IfThere::Fail,
    }
}

fn kept(name: &ObjectName) -> Result<Answer, SnowflakeError> {
    Answer::status(format!("{} already exists, statement succeeded.", name.name))
}

fn declared(columns: &[ast::ColumnDef]) -> Result<SchemaRef, SnowflakeError> {
    let field = |column: &ast::ColumnDef| -> Result<Field, SnowflakeError> {
        let is_required = column
            .options
            .iter()
            .any(|o| matches!(o.option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_)));
        Ok(types::field(&column.name.value, &types::of_ast(&column.data_type)?, !is_required))
    };
    Ok(Arc::new(Schema::new(unique(columns.iter().map(field).collect::<Result<_, _>>()?)?)))
}

fn unique(fields: Vec<Field>) -> Result<Vec<Field>, SnowflakeError> {
    let mut seen = std::collections::BTreeSet::new();
    for field in &fields {
        if !seen.insert(field.name()) {
            return Err(SnowflakeError::new(
                "002025",
                "42S21",
                format!("SQL compilation error:\nduplicate column name '{}'", field.name()),
            ));
        }
    }
    Ok(fields)
}

/// A query's rows as a table stores them, under the declared names and types where there are any.
fn stored(
    columns: &[ast::ColumnDef],
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<(SchemaRef, Vec<RecordBatch>), SnowflakeError> {
    if !columns.is_empty() && columns.len() != schema.fields().len() {
        return Err(SnowflakeError::new(
            "002020",
            "21S01",
            "SQL compilation error:\nInvalid column definition list",
        ));
    }
    let field = |(n, field): (usize, &Arc<Field>)| -> Result<Field, SnowflakeError> {
        let column = columns.get(n);
        let name = column.map_or(rewrite::answered_name(field.name()), |c| c.name.value.as_str());
        let sql_type: SqlType = match column.map(|c| &c.data_type) {
            Some(ast::DataType::Unspecified) | None => types::of_field(field),
            Some(data_type) => types::of_ast(data_type)?,
        };
        Ok(types::field(name, &sql_type, true))
    };
    let fields = schema.fields().iter().enumerate().map(field).collect::<Result<_, _>>()?;
    let schema = Arc::new(Schema::new(unique(fields)?));
    let batches = batches.iter().map(|batch| fit(batch.columns(), &schema)).collect::<Result<_, _>>()?;
    Ok((schema, batches))
}

/// Columns in a table's types. NULL in a column that forbids it is an error.
pub(crate) fn fit(arrays: &[ArrayRef], schema: &SchemaRef) -> Result<RecordBatch, SnowflakeError> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (array, field) in arrays.iter().zip(schema.fields()) {
        let array = cast(array, field.data_type())?;
        if !field.is_nullable() && array.null_count() > 0 {
            return Err(null_forbidden(field.name()));
        }
        columns.push(array);
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
