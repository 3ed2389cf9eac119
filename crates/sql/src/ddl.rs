//! A catalog from CREATE TABLE and CREATE VIEW statements, for the command line and for tests.

use std::collections::BTreeMap;

use domain::{Catalog, Column, Context, ObjectName, Relation, RelationKind, SqlType};
use sqlparser::ast::{DataType, ExactNumberInfo, Statement, TimezoneInfo};

use crate::lexer::significant;
use crate::names::{Namespace, Search, fold, parts};
use crate::parse::parse;
use crate::split::statements;
use crate::{Scope, information, read};

/// The tables and views that the text creates, unqualified names meaning that database and schema. What is
/// neither, or cannot be read, is passed over: a table that is missing is unknown, never public.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other statement creates no relation")]
pub fn catalog_from_ddl(text: &str, database: &str, schema: &str) -> Catalog {
    let namespace = Namespace {
        database: Some(database.to_owned()),
        schema: Some(schema.to_owned()),
        search: Search::Schema,
    };
    let context = Context {
        database: Some(database.to_owned()),
        schema: Some(schema.to_owned()),
        ..Context::default()
    };
    let mut catalog = Catalog::empty();
    catalog.loaded.insert((database.to_owned(), schema.to_owned()));
    describe(&mut catalog, database);
    let Ok(tokens) = significant(text) else { return catalog };
    for statement in statements(text, &tokens) {
        let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
        let scope =
            Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
        let Ok(parsed) = parse(text, statement, &scope) else { continue };
        let created = match &parsed {
            Statement::CreateTable(table) => parts(&table.name)
                .and_then(|parts| namespace.complete(&parts))
                .map(|name| (name, RelationKind::Table, table.columns.iter().map(column).collect())),
            Statement::CreateView(view) => {
                let names: Vec<String> =
                    view.columns.iter().map(|column| fold(&column.name).into_owned()).collect();
                let name = parts(&view.name).and_then(|parts| namespace.complete(&parts));
                let definition = definition(text, statement);
                name.zip(definition).map(|(name, definition)| {
                    let columns = view_columns(&definition, names, &name, &scope);
                    (name, RelationKind::View { definition: Some(definition) }, columns)
                })
            }
            _ => None,
        };
        if let Some((name, kind, columns)) = created {
            describe(&mut catalog, &name.database);
            catalog.loaded.insert((name.database.clone(), name.schema.clone()));
            catalog.relations.insert(name, Relation { kind, columns, version: 0 });
        }
    }
    catalog
}

/// Adds what every database has that describes it.
fn describe(catalog: &mut Catalog, database: &str) {
    if catalog.loaded.insert((database.to_owned(), information::SCHEMA.to_owned())) {
        catalog.relations.extend(information::relations(database));
    }
}

/// The text after the first AS outside brackets.
fn definition(text: &str, tokens: &[crate::lexer::Token]) -> Option<String> {
    let view = crate::class::View { text, tokens };
    let start = tokens.get(view.position("AS")? + 1)?.start;
    Some(text.get(start..tokens.last()?.end)?.to_owned())
}

fn view_columns(definition: &str, names: Vec<String>, view: &ObjectName, scope: &Scope<'_>) -> Vec<Column> {
    let context = Context {
        database: Some(view.database.clone()),
        schema: Some(view.schema.clone()),
        ..Context::default()
    };
    let outputs =
        read(definition, &Scope { context: &context, ..*scope }).lineage.outputs.unwrap_or_default();
    let types = |at: usize| {
        let shown = outputs.get(at)?.shows.first()?;
        let relation = scope.catalog.relation(&shown.column.object)?;
        Some(relation.columns.iter().find(|column| column.name == shown.column.column)?.sql_type.clone())
    };
    let names = if names.is_empty() {
        outputs
            .iter()
            .enumerate()
            .map(|(at, output)| output.name.clone().unwrap_or_else(|| format!("${}", at + 1)))
            .collect()
    } else {
        names
    };
    names
        .into_iter()
        .enumerate()
        .map(|(at, name)| Column {
            name,
            sql_type: types(at).unwrap_or_else(|| SqlType::Unknown("view".to_owned())),
            is_nullable: true,
            tags: BTreeMap::new(),
        })
        .collect()
}

fn column(column: &sqlparser::ast::ColumnDef) -> Column {
    Column {
        name: fold(&column.name).into_owned(),
        sql_type: sql_type(&column.data_type),
        is_nullable: true,
        tags: BTreeMap::new(),
    }
}

fn sql_type(data_type: &DataType) -> SqlType {
    let written = data_type.to_string().to_ascii_uppercase();
    let word: String = written.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let digits = |info: &ExactNumberInfo| match info {
        ExactNumberInfo::None => (38, 0),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, (*scale).max(0).unsigned_abs()),
    };
    if let DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) = data_type {
        let (precision, scale) = digits(info);
        let small = |n: u64| u8::try_from(n).unwrap_or(38);
        return SqlType::Fixed { precision: small(precision), scale: small(scale) };
    }
    if let DataType::Timestamp(_, zone) = data_type {
        return match zone {
            TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => SqlType::TimestampTz { scale: 9 },
            TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => SqlType::TimestampNtz { scale: 9 },
        };
    }
    match word.as_str() {
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => {
            SqlType::Fixed { precision: 38, scale: 0 }
        }
        "NUMBER" | "NUMERIC" | "DECIMAL" => number(&written),
        "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "REAL" => SqlType::Real,
        "DECFLOAT" => SqlType::DecFloat,
        "VARCHAR" | "CHAR" | "CHARACTER" | "STRING" | "TEXT" | "NVARCHAR" | "NCHAR" => {
            SqlType::Text { length: bracketed(&written).first().copied().unwrap_or(16_777_216) }
        }
        "BOOLEAN" | "BOOL" => SqlType::Boolean,
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time { scale: 9 },
        "DATETIME" | "TIMESTAMP_NTZ" => SqlType::TimestampNtz { scale: 9 },
        "TIMESTAMP_LTZ" => SqlType::TimestampLtz { scale: 9 },
        "TIMESTAMP_TZ" => SqlType::TimestampTz { scale: 9 },
        "BINARY" | "VARBINARY" => {
            SqlType::Binary { length: bracketed(&written).first().copied().unwrap_or(8_388_608) }
        }
        "VARIANT" => SqlType::Variant,
        "OBJECT" => SqlType::Object,
        "ARRAY" => SqlType::Array,
        "GEOGRAPHY" => SqlType::Geography,
        "GEOMETRY" => SqlType::Geometry,
        "VECTOR" => SqlType::Vector,
        "MAP" => SqlType::Map,
        _ => SqlType::Unknown(word.to_ascii_lowercase()),
    }
}

fn number(written: &str) -> SqlType {
    let facets = bracketed(written);
    let facet = |at: usize, or: u8| facets.get(at).and_then(|n| u8::try_from(*n).ok()).unwrap_or(or);
    SqlType::Fixed { precision: facet(0, 38), scale: facet(1, 0) }
}

/// The numbers in the brackets of a type.
fn bracketed(written: &str) -> Vec<u64> {
    let inner = written.split_once('(').map_or("", |(_, inner)| inner);
    inner.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}
