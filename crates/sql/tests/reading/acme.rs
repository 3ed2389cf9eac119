//! Statements over the company ACME, and what is said of them in a line.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Binding, Catalog, Context, ShownHow, Statement};
use sql::{Scope, catalog_from_ddl, read};

fn acme() -> Catalog {
    catalog_from_ddl(include_str!("../data/acme.sql"), "ACME", "PUBLIC")
}

fn context() -> Context {
    Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() }
}

pub fn read_acme(text: &str) -> Statement {
    let (catalog, context) = (acme(), context());
    let bindings = BTreeMap::from([(1, Binding { kind: "TEXT".into(), value: Some("customers".into()) })]);
    let variables = BTreeMap::from([
        ("T".to_owned(), Some("acme.public.\"CUSTOMERS\"".to_owned())),
        ("X".to_owned(), None),
    ]);
    read(text, &Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables })
}

/// `NAME=TABLE.COLUMN …` for each output; `?` where it is not known, `~` before what is derived, `:path` after
/// a path.
pub fn shown(statement: &Statement) -> Vec<String> {
    let Some(outputs) = &statement.lineage.outputs else { return vec!["*?".to_owned()] };
    outputs
        .iter()
        .map(|output| {
            let shows: Vec<String> = output
                .shows
                .iter()
                .map(|shown| {
                    let column = format!("{}.{}", shown.column.object.name, shown.column.column);
                    match shown.how {
                        ShownHow::Stored => column,
                        ShownHow::Path => format!("{column}:{}", shown.path.join(".")),
                        ShownHow::Derived => format!("~{column}"),
                    }
                })
                .collect();
            let known = if output.is_known { "" } else { "?" };
            format!("{}={}{known}", output.name.as_deref().unwrap_or(""), shows.join(" "))
        })
        .collect()
}

pub fn tested(statement: &Statement) -> BTreeSet<String> {
    statement
        .lineage
        .tests
        .iter()
        .map(|tested| {
            let with = tested
                .with
                .as_ref()
                .map_or(String::new(), |with| format!("={}.{}", with.object.name, with.column));
            format!("{} {}.{}{with}", tested.how.as_str(), tested.column.object.name, tested.column.column)
        })
        .collect()
}

#[track_caller]
pub fn shows(text: &str, expected: &[&str]) {
    let statement = read_acme(text);
    assert_eq!(shown(&statement), expected, "{text}\n{:?}", statement.why);
}

#[track_caller]
pub fn tests(text: &str, expected: &[&str]) {
    let statement = read_acme(text);
    assert_eq!(statement.class.as_str(), "read", "{text}: {:?}", statement.why);
    assert_eq!(tested(&statement), expected.iter().map(|t| (*t).to_owned()).collect(), "{text}");
}

#[track_caller]
pub fn touches(text: &str, class: &str, kind: &str, reads: &[&str], writes: &[&str]) {
    let statement = read_acme(text);
    let names = |set: &BTreeSet<domain::ObjectName>| -> Vec<String> {
        set.iter().map(|name| name.name.clone()).collect()
    };
    let found = (statement.class.as_str(), statement.kind.as_str().to_owned());
    assert_eq!(found, (class, kind.to_owned()), "{text}: {:?}", statement.why);
    assert_eq!(names(&statement.footprint.reads), reads, "reads of {text}");
    assert_eq!(names(&statement.footprint.writes), writes, "writes of {text}");
}
