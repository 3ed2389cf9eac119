//! A catalog from CREATE TABLE and CREATE VIEW statements, for the command line and for tests.

mod pieces;
mod types;
mod words;

use std::collections::BTreeMap;

use domain::{Catalog, Column, Context, ObjectName, Relation, RelationKind, SqlType};
use sqlparser::ast::{ColumnDef, ColumnOption, ColumnOptionDef, CreateTable, CreateTableLikeKind, Statement};

use crate::lexer::Token;
use crate::names::{Namespace, Search, fold, parts};
use crate::parse::parse;
use crate::split::statements;
use crate::{Scope, information, read};

/// What a text of definitions makes.
#[derive(Debug)]
pub struct Definitions {
    /// The tables and views, and what every database has that describes it.
    pub catalog: Catalog,
    /// How many statements there are, those that make nothing among them.
    pub statements: usize,
    /// The statements that could not be cut into pieces.
    pub broken: Vec<BrokenDefinition>,
}

/// A statement that is passed over because it cannot be cut into pieces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokenDefinition {
    /// The line that it begins in, counted from 1.
    pub line: usize,
    /// A sentence without user input.
    pub why: &'static str,
}

/// The tables and views that the text creates, unqualified names meaning that database and schema. What is
/// neither, or cannot be read, is passed over: a table that is missing is unknown, never public.
pub fn catalog_from_ddl(text: &str, database: &str, schema: &str) -> Catalog {
    definitions(text, database, schema).catalog
}

/// The same, with what was passed over.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other statement creates no relation")]
pub fn definitions(text: &str, database: &str, schema: &str) -> Definitions {
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
    let pieces = pieces::cut(text);
    let mut count = pieces.broken.len();
    for statement in pieces.tokens.iter().flat_map(|tokens| statements(text, tokens)) {
        count += 1;
        let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
        let scope =
            Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
        let created = match parse(text, statement, &scope) {
            Ok(Statement::CreateTable(table)) => table_of(&table, &namespace, &scope),
            Ok(Statement::CreateView(view)) => {
                let names = view.columns.iter().map(|column| fold(&column.name).into_owned()).collect();
                parts(&view.name)
                    .and_then(|parts| view_of(text, statement, &parts, names, &namespace, &scope))
            }
            Ok(_) => None,
            Err(_) => words::defined(text, statement).and_then(|defined| {
                let names = defined.columns.iter().map(|column| column.name.clone()).collect();
                if defined.is_view {
                    view_of(text, statement, &defined.name, names, &namespace, &scope)
                } else {
                    let name = namespace.complete(&defined.name)?;
                    Some((name, RelationKind::Table, defined.columns))
                }
            }),
        };
        // Columns that the text does not tell are unknown, and so is the table.
        let created = created.filter(|(_, _, columns)| !columns.is_empty());
        if let Some((name, kind, columns)) = created {
            describe(&mut catalog, &name.database);
            catalog.loaded.insert((name.database.clone(), name.schema.clone()));
            catalog.relations.insert(name, Relation { kind, columns, version: 0 });
        }
    }
    Definitions { catalog, statements: count, broken: pieces.broken }
}

/// Adds what every database has that describes it.
fn describe(catalog: &mut Catalog, database: &str) {
    if catalog.loaded.insert((database.to_owned(), information::SCHEMA.to_owned())) {
        catalog.relations.extend(information::relations(database));
    }
}

/// A relation that a statement creates.
type Created = (ObjectName, RelationKind, Vec<Column>);

/// A table with its own columns, with those of the table that it is made like, or with those of its query.
fn table_of(table: &CreateTable, namespace: &Namespace, scope: &Scope<'_>) -> Option<Created> {
    let name = namespace.complete(&parts(&table.name)?)?;
    let like = match &table.like {
        Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) => Some(&like.name),
        None => table.clone.as_ref(),
    };
    let columns = if !table.columns.is_empty() {
        table.columns.iter().map(column).collect()
    } else if let Some(like) = like {
        scope.catalog.relation(&namespace.complete(&parts(like)?)?)?.columns.clone()
    } else {
        let query = table.query.as_ref()?;
        view_columns(&query.to_string(), Vec::new(), &name, scope)
    };
    Some((name, RelationKind::Table, columns))
}

fn view_of(
    text: &str,
    tokens: &[Token],
    parts: &[String],
    names: Vec<String>,
    namespace: &Namespace,
    scope: &Scope<'_>,
) -> Option<Created> {
    let name = namespace.complete(parts)?;
    let definition = definition(text, tokens)?;
    let columns = view_columns(&definition, names, &name, scope);
    Some((name, RelationKind::View { definition: Some(definition) }, columns))
}

/// The text after the first AS outside brackets.
fn definition(text: &str, tokens: &[Token]) -> Option<String> {
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

/// Whether the upper-case word is a type.
pub(crate) fn is_type(word: &str) -> bool {
    !word.is_empty() && !matches!(types::named(word, &[]), SqlType::Unknown(_))
}

/// A column as its definition says.
pub(crate) fn column(column: &ColumnDef) -> Column {
    let refuses_null = |option: &ColumnOptionDef| {
        matches!(option.option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_))
    };
    Column {
        name: fold(&column.name).into_owned(),
        sql_type: types::of(&column.data_type),
        is_nullable: !column.options.iter().any(refuses_null),
        tags: BTreeMap::new(),
    }
}
