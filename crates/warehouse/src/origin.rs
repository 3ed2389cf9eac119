//! Which stored column a result column is, as far as the plan tells without doubt.

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan};
use domain::{ColumnRef, ObjectName};

use crate::session::Session;

/// The table or view column that output `n` of an unoptimised plan shows unchanged; none for anything computed.
///
/// A view is an origin of its own, as Snowflake reports it: it stands in the plan as an alias with three parts, which
/// SQL text cannot make.
pub(crate) fn of_output(plan: &LogicalPlan, n: usize, session: &Session) -> Option<ColumnRef> {
    let (relation, field) = plan.schema().iter().nth(n)?;
    of_column(plan, &Column::new(relation.cloned(), field.name().clone()), session)
}

fn of_column(plan: &LogicalPlan, column: &Column, session: &Session) -> Option<ColumnRef> {
    let n = plan.schema().maybe_index_of_column(column)?;
    match plan {
        LogicalPlan::Projection(projection) => match projection.expr.get(n)? {
            Expr::Column(inner) => of_column(&projection.input, inner, session),
            Expr::Alias(alias) => match alias.expr.as_ref() {
                Expr::Column(inner) => of_column(&projection.input, inner, session),
                _ => None,
            },
            _ => None,
        },
        LogicalPlan::SubqueryAlias(alias) => {
            if let TableReference::Full { .. } = alias.alias {
                return named(&alias.alias, &column.name, session);
            }
            of_output(&alias.input, n, session)
        }
        LogicalPlan::TableScan(scan) => named(&scan.table_name, &column.name, session),
        LogicalPlan::Filter(filter) => of_column(&filter.input, column, session),
        LogicalPlan::Sort(sort) => of_column(&sort.input, column, session),
        LogicalPlan::Limit(limit) => of_column(&limit.input, column, session),
        LogicalPlan::Window(window) => of_column(&window.input, column, session),
        LogicalPlan::Distinct(distinct) => of_column(distinct.input(), column, session),
        LogicalPlan::Join(join) => {
            let mut sides =
                [&join.left, &join.right].into_iter().filter(|side| side.schema().has_column(column));
            let side = sides.next()?;
            if sides.next().is_some() { None } else { of_column(side, column, session) }
        }
        _ => None,
    }
}

fn named(table: &TableReference, column: &str, session: &Session) -> Option<ColumnRef> {
    let database = table.catalog().map(str::to_owned).or_else(|| session.database.clone())?;
    let schema = table.schema().map(str::to_owned).or_else(|| session.schema.clone())?;
    let object = ObjectName::new(database, schema, table.table());
    Some(ColumnRef { object, column: column.to_owned() })
}
