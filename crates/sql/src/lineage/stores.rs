//! Values that a statement stores: a column converts what it is given to its own type and refuses what does not fit, and
//! the failure is an answer.

use std::collections::BTreeSet;

use domain::{Column, ObjectName, SqlType, TestedHow};
use sqlparser::ast::{self, ColumnDef, Expr};

use super::frame::Env;
use super::reader::Reader;
use super::sort::Sort;
use super::value::{ColumnId, Derived, Value};
use crate::ddl;
use crate::names::parts;

/// The longest text, in characters: it takes any other.
const LONGEST_TEXT: u64 = 16_777_216;
/// The most digits of a number.
const MOST_DIGITS: u8 = 38;

/// The columns that a statement fills, in order; of some nothing is known.
#[derive(Clone, Debug)]
pub(super) enum Filled {
    /// Nobody knows which they are.
    Unknown,
    Columns(Vec<Option<Column>>),
}

impl Reader<'_> {
    /// The columns of a table by these names, or all of them where the statement names none.
    pub(super) fn filled(&mut self, table: &ast::ObjectName, names: &[String]) -> Filled {
        let object = parts(table).and_then(|parts| self.namespace.complete(&parts));
        let relation = object.as_ref().and_then(|object| self.scope.catalog.relation(object));
        match relation {
            None if names.is_empty() => Filled::Unknown,
            None => Filled::Columns(vec![None; names.len()]),
            Some(relation) if names.is_empty() => {
                Filled::Columns(relation.columns.iter().cloned().map(Some).collect())
            }
            Some(relation) => {
                let named = |name: &String| relation.columns.iter().find(|column| column.name == *name);
                Filled::Columns(names.iter().map(|name| named(name).cloned()).collect())
            }
        }
    }

    /// Puts the columns of a query into those.
    pub(super) fn store_rows(&mut self, filled: &Filled, rows: &Derived) {
        match filled {
            Filled::Columns(columns)
                if rows.is_complete && !rows.is_unordered && columns.len() == rows.outputs.len() =>
            {
                for (column, output) in columns.iter().zip(&rows.outputs) {
                    self.store(column.as_ref(), &output.value);
                }
            }
            Filled::Unknown | Filled::Columns(_) => self.test_each(rows, TestedHow::Shape),
        }
    }

    /// Puts these values into those columns, and answers them as one; those that are left out are the column's own affair.
    pub(super) fn store_values(&mut self, filled: &Filled, values: &[Option<&Expr>], env: Env<'_>) -> Value {
        let mut copied = Value::constant();
        for (at, expr) in values.iter().enumerate() {
            let Some(expr) = expr else { continue };
            let value = self.expr(expr, env);
            let column = match filled {
                Filled::Columns(columns) if columns.len() == values.len() => {
                    columns.get(at).and_then(Option::as_ref)
                }
                Filled::Unknown | Filled::Columns(_) => None,
            };
            self.store(column, &value);
            copied = copied.or(value);
        }
        copied
    }

    /// Puts every column of these rows into the column of the same name.
    pub(super) fn store_by_name(&mut self, table: &ast::ObjectName, rows: &Derived) {
        let names: Option<Vec<String>> =
            rows.outputs.iter().map(|output| output.name.as_deref().map(str::to_owned)).collect();
        let filled = match names {
            Some(names) if !rows.has_unsure_names() && !names.is_empty() => self.filled(table, &names),
            Some(_) | None => Filled::Unknown,
        };
        self.store_rows(&filled, rows);
    }

    /// Puts the columns of a query into a table that is made for them.
    pub(super) fn store_new(&mut self, columns: &[ColumnDef], rows: &Derived) {
        // Without columns they take the types of what they are given.
        if columns.is_empty() {
            return;
        }
        let filled = columns.iter().map(|column| {
            // Without a type it takes that of what it is given.
            (column.data_type != ast::DataType::Unspecified).then(|| ddl::column(column))
        });
        let filled: Vec<Option<Column>> = filled.collect();
        if filled.iter().any(Option::is_some) {
            self.store_rows(&Filled::Columns(filled), rows);
        }
    }

    /// Converts all that the written objects hold.
    pub(crate) fn test_stored(&mut self) {
        for object in self.writes.clone() {
            self.test_object(&object);
        }
    }

    /// Makes of everything that these objects hold what may fail: of those that were read since.
    pub(crate) fn test_read_beyond(&mut self, before: &BTreeSet<ObjectName>) {
        let since: Vec<ObjectName> = self.reads.difference(before).cloned().collect();
        for object in since {
            self.test_object(&object);
        }
    }

    fn test_object(&mut self, object: &ObjectName) {
        let is_read = self.reads.contains(object);
        let relation = self.relation(object);
        if !is_read {
            self.reads.remove(object);
        }
        self.test_each(&relation, TestedHow::Shape);
    }

    /// Puts a value into a column: none where nothing is known of it.
    fn store(&mut self, column: Option<&Column>, value: &Value) {
        if value.is_constant() || column.is_some_and(|column| self.always_holds(column, value)) {
            return;
        }
        self.test_if_traced(value);
    }

    /// Whether the column takes this value whatever it is.
    fn always_holds(&self, column: &Column, value: &Value) -> bool {
        if let Some(source) = value.bare() {
            // Whether it is NULL is no secret of a stored column.
            return self.type_of(source).is_some_and(|source| holds_stored(&column.sql_type, source));
        }
        value.is_known()
            && column.is_nullable
            && if value.is_told { is_longest(&column.sql_type) } else { holds(&column.sql_type, value.sort) }
    }

    fn type_of(&self, column: ColumnId) -> Option<&SqlType> {
        let column = self.column_ref(column)?;
        let relation = self.scope.catalog.relation(&column.object)?;
        relation.columns.iter().find(|one| one.name == column.column).map(|one| &one.sql_type)
    }
}

/// Whether this is the word DEFAULT, which stands for what a column holds otherwise.
pub(super) fn is_default(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(name) => name.quote_style.is_none() && name.value.eq_ignore_ascii_case("DEFAULT"),
        _ => false,
    }
}

fn is_longest(column: &SqlType) -> bool {
    column.length().is_some_and(|length| length >= LONGEST_TEXT) && Sort::of(column) == Sort::Text
}

/// Whether a column of that type takes whatever another of this type holds.
// What is a list or an object may be of a type of its own, which the catalog does not tell.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other pair may fail")]
fn holds_stored(column: &SqlType, stored: &SqlType) -> bool {
    match (column, stored) {
        (SqlType::Fixed { precision, scale }, SqlType::Fixed { precision: digits, scale: fraction }) => {
            scale >= fraction && precision.saturating_sub(*scale) >= digits.saturating_sub(*fraction)
        }
        (SqlType::Text { length }, SqlType::Text { length: longest })
        | (SqlType::Binary { length }, SqlType::Binary { length: longest }) => length >= longest,
        (_, SqlType::Text { .. } | SqlType::Binary { .. }) => false,
        (column, stored) => holds(column, Sort::of(stored)),
    }
}

/// Whether a column of that type takes whatever is of that sort.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other pair may fail")]
fn holds(column: &SqlType, sort: Sort) -> bool {
    match (column, sort) {
        (_, Sort::Null) => true,
        (SqlType::Fixed { precision: MOST_DIGITS, scale: 0 }, Sort::Digits) => true,
        (SqlType::Fixed { precision: MOST_DIGITS, scale }, Sort::Number(fraction)) => *scale == fraction,
        (SqlType::Real, Sort::Digits | Sort::Number(_) | Sort::Numeric | Sort::Float)
        | (SqlType::Boolean, Sort::Boolean)
        | (SqlType::Date, Sort::Date | Sort::Timestamp)
        | (SqlType::Time { .. }, Sort::Time)
        | (SqlType::TimestampNtz { .. }, Sort::Date | Sort::Timestamp)
        | (SqlType::TimestampLtz { .. }, Sort::LocalTimestamp)
        | (SqlType::TimestampTz { .. }, Sort::ZonedTimestamp)
        | (SqlType::Variant, Sort::Variant) => true,
        (column, Sort::Text) => is_longest(column),
        (column, sort) => is_longest(column) && sort.is_small(),
    }
}
