//! `snowgate read`: what statements are and touch.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{stdin, stdout};
use std::process::ExitCode;

use domain::{Catalog, Class, Context, FlaggedFunction, ShownOutput, Statement};
use serde::Serialize;
use serde_json::value::RawValue;

use super::lines::{Malformed, filter};
use super::{Broken, schema};
use crate::cli::{PlaceArgs, ReadArgs};

/// One line that is printed.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Read { id: Option<Box<RawValue>>, statements: Vec<Step> },
    Malformed { id: Option<Box<RawValue>>, line: u64, error: String },
}

/// One step of a statement.
#[derive(Serialize)]
struct Step {
    class: &'static str,
    kind: String,
    reads: Vec<String>,
    writes: Vec<String>,
    /// None when the columns cannot be told.
    columns: Option<Vec<Shown>>,
    tests: BTreeSet<String>,
    opaque: bool,
    /// What nobody could read, and which functions it calls that are unknown or more than a calculation.
    why: Option<String>,
}

/// One result column.
#[derive(Serialize)]
struct Shown {
    name: Option<String>,
    shows: BTreeSet<String>,
    known: bool,
}

/// Reads every line.
pub fn run(args: &ReadArgs) -> Result<ExitCode, Broken> {
    let (catalog, context) = match &args.schema {
        Some(path) => {
            let PlaceArgs { database, schema_name } = &args.place;
            let context = Context {
                database: Some(database.clone()),
                schema: Some(schema_name.clone()),
                ..Context::default()
            };
            (schema::catalog(path, &args.place)?, context)
        }
        None => (Catalog::empty(), Context::default()),
    };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    filter(stdin().lock(), stdout().lock(), |asked| match asked {
        Ok(asked) => {
            let statements = match sql::access_request(&asked.sql, &context) {
                Some(request) => vec![requested(request.err())],
                None => {
                    let steps = sql::read_steps(&asked.sql, &scope);
                    steps.iter().map(|(_, statement)| step(statement)).collect()
                }
            };
            Line::Read { id: asked.id, statements }
        }
        Err(Malformed { id, line, error }) => Line::Malformed { id, line, error },
    })
}

/// Asking for access is no statement of the warehouse's, and what is wrong with it is told.
fn requested(wrong: Option<&'static str>) -> Step {
    Step { why: wrong.map(str::to_owned), ..step(&gateway::access_statement()) }
}

fn step(statement: &Statement) -> Step {
    let Statement { class, kind, steps: _, footprint, lineage, functions, effects: _, missing: _, why } =
        statement;
    Step {
        class: class.as_str(),
        kind: kind.as_str().to_owned(),
        reads: footprint.reads.iter().map(schema::object).collect(),
        writes: footprint.writes.iter().map(schema::object).collect(),
        columns: lineage.outputs.as_ref().map(|outputs| outputs.iter().map(shown).collect()),
        tests: lineage.tests.iter().map(|tested| schema::column(&tested.column)).collect(),
        opaque: *class == Class::Opaque,
        why: told(*why, functions),
    }
}

fn told(why: Option<&str>, functions: &BTreeSet<FlaggedFunction>) -> Option<String> {
    let calls = functions.iter().map(|FlaggedFunction { name, class }| {
        if *class == Class::Opaque {
            format!("it calls `{name}`, which nobody knows")
        } else {
            format!("it calls `{name}`, which is of class {class}")
        }
    });
    let reasons: Vec<String> = why.map(str::to_owned).into_iter().chain(calls).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn shown(output: &ShownOutput) -> Shown {
    Shown {
        name: output.name.clone(),
        shows: output.shows.iter().map(|shown| schema::column(&shown.column)).collect(),
        known: output.is_known,
    }
}
