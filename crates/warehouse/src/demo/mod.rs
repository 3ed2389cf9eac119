//! The demo database: tables from `schema.sql`, filled with the same made-up people at every start.

mod numbers;
mod people;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use domain::{Bindings, ObjectName};

use crate::define::fit;
use crate::errors::SnowflakeError;
use crate::execute::Executor;
use crate::lex;
use crate::session::Session;

/// The database.
pub(crate) const DATABASE: &str = "DEMO";
/// The schema in it.
pub(crate) const SCHEMA: &str = "PUBLIC";

const SCHEMA_SQL: &str = include_str!("schema.sql");

/// A table's rows as texts, in the order of its columns.
type Rows = Vec<Vec<String>>;

/// Makes the tables and views and fills them.
pub(crate) async fn fill(executor: &Executor) -> Result<(), SnowflakeError> {
    let mut session =
        Session { database: Some(DATABASE.into()), schema: Some(SCHEMA.into()), ..Session::default() };
    for statement in lex::split(SCHEMA_SQL, &Bindings::new())? {
        executor.run(&statement, &mut session).await?;
    }
    let people::Demo { customers, orders, payments, employees, products, countries } = people::make();
    let tables = [
        ("CUSTOMERS", customers),
        ("ORDERS", orders),
        ("PAYMENTS", payments),
        ("EMPLOYEES", employees),
        ("PRODUCTS", products),
        ("COUNTRIES", countries),
    ];
    for (name, rows) in tables {
        let table = executor.planner.store.table(&ObjectName::new(DATABASE, SCHEMA, name))?;
        let schema = table.schema_of();
        let column = |n: usize| -> ArrayRef {
            let cells = rows.iter().map(|row| row.get(n).map(String::as_str).filter(|text| !text.is_empty()));
            Arc::new(cells.collect::<StringArray>())
        };
        let columns: Vec<ArrayRef> = (0..schema.fields().len()).map(column).collect();
        table.replace(vec![fit(&columns, &schema)?]);
    }
    Ok(())
}
