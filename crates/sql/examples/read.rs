//! Reads statements as JSON lines (`{"id","sql","prior"?}`) against a schema, and prints what was read.
//!
//! `cargo run -p sql --example read -- SCHEMA.sql < statements.jsonl`

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use domain::{Catalog, Context, ShownOutput, Statement};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let schema = std::env::args().nth(1);
    let catalog = match schema {
        Some(path) => sql::catalog_from_ddl(&std::fs::read_to_string(path)?, "ACME", "PUBLIC"),
        None => Catalog::empty(),
    };
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?).unwrap_or_default();
        let sql = asked.get("sql").and_then(Value::as_str).unwrap_or_default();
        let prior = asked.get("prior").and_then(Value::as_array).cloned().unwrap_or_default();
        let batch: Vec<&str> = prior.iter().filter_map(Value::as_str).chain([sql]).collect();
        let read = if prior.is_empty() {
            vec![sql::read(sql, &scope)]
        } else {
            sql::read_batch(&batch.join(";\n"), &scope).into_iter().map(|(_, statement)| statement).collect()
        };
        let read: Vec<Value> = read.iter().map(print).collect();
        writeln!(out, "{}", json!({"id": asked.get("id"), "statements": read}))?;
    }
    Ok(())
}

fn print(statement: &Statement) -> Value {
    let names = |set: &std::collections::BTreeSet<domain::ObjectName>| -> Vec<String> {
        set.iter().map(ToString::to_string).collect()
    };
    let column = |output: &ShownOutput| {
        let shows: Vec<Value> = output
            .shows
            .iter()
            .map(|shown| json!({"column": shown.column.to_string(), "how": format!("{:?}", shown.how), "path": shown.path}))
            .collect();
        json!({"name": output.name, "shows": shows, "known": output.is_known, "from_values": output.is_name_from_values})
    };
    json!({
        "class": statement.class.as_str(),
        "kind": statement.kind.as_str(),
        "reads": names(&statement.footprint.reads),
        "writes": names(&statement.footprint.writes),
        "columns": statement.lineage.outputs.as_ref().map(|outputs| outputs.iter().map(column).collect::<Vec<_>>()),
        "tests": statement.lineage.tests.iter().map(|tested| json!({
            "column": tested.column.to_string(),
            "how": tested.how.as_str(),
            "with": tested.with.as_ref().map(ToString::to_string),
        })).collect::<Vec<_>>(),
        "functions": statement.functions.iter().map(|f| json!([f.name.to_string(), f.class.as_str()])).collect::<Vec<_>>(),
        "effects": format!("{:?}", statement.effects),
        "missing": format!("{:?}", statement.missing),
        "why": statement.why,
    })
}
