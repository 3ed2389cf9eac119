//! How long a decision takes: a SELECT of 200 columns of one table, at 100 policies, in three mixes.
//!
//! `cargo bench -p policy` prints the median and the 99th percentile in microseconds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be set up must fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

use domain::{
    Agent, Case, Catalog, Class, Column, ColumnRef, Context, Decision, Door, Footprint, Identity, Kind,
    Lineage, ObjectName, PromptGrade, Relation, RelationKind, ShownColumn, ShownHow, ShownOutput, SqlType,
    Statement, TestedColumn, TestedHow, Timestamp,
};
use policy::{Bundle, default_files};

fn main() {
    let (catalog, statement) = wide_select();
    let identity = Identity {
        issuer: "https://issuer.example".into(),
        subject: "ana".into(),
        agent: Agent::new("claude-finance"),
        person: None,
        groups: ["agents", "finance", "emea"].map(String::from).into(),
        scopes: BTreeSet::new(),
        token_id: None,
        expires_at: Timestamp::from_micros(0),
    };
    let context = Context {
        role: Some("ANALYST".into()),
        warehouse: Some("DEMO_WH".into()),
        database: Some("DEMO".into()),
        schema: Some("PUBLIC".into()),
    };
    let case = Case {
        identity: &identity,
        context: &context,
        statement: &statement,
        catalog: &catalog,
        prompt: PromptGrade::P1,
        door: Door::SqlApi,
        access: domain::Access::NONE,
    };
    measure("default bundle", &bundle(0, ""), &case);
    measure(
        "100 policies, each for a group and an action",
        &bundle(100, "principal in Group::\"team-NUMBER\", action == Action::\"read\""),
        &case,
    );
    measure(
        "100 policies, each for an agent's group and any action",
        &bundle(100, "principal in Group::\"agents\", action"),
        &case,
    );
    measure("100 policies, each for anybody and any action", &bundle(100, "principal, action"), &case);
}

fn measure(name: &str, bundle: &Bundle, case: &Case<'_>) {
    assert!(matches!(bundle.decide(case).decision, Decision::Allow(_)));
    let mut micros: Vec<f64> = (0..3000)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(bundle.decide(std::hint::black_box(case)));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    println!("{name}: p50 {:.0} us, p99 {:.0} us", micros[micros.len() / 2], micros[micros.len() * 99 / 100]);
}

/// The default bundle, filled up to so many policies with ones of this scope.
fn bundle(policies: usize, scope: &str) -> Bundle {
    let mut files = default_files();
    let there: usize =
        files.values().map(|bytes| String::from_utf8_lossy(bytes).matches("@id(").count()).sum();
    let mut more = String::new();
    for number in there..policies {
        let scope = scope.replace("NUMBER", &number.to_string());
        writeln!(
            more,
            "@id(\"more-{number}\") permit ({scope}, resource) \
             when {{ context.kind == \"kind-{number}\" && principal.scopes.contains(\"scope-{number}\") }};"
        )
        .unwrap();
    }
    files.insert("90-more.cedar".into(), more.into_bytes());
    Bundle::parse(&files).unwrap()
}

fn wide_select() -> (Catalog, Statement) {
    let table = ObjectName::new("DEMO", "PUBLIC", "CUSTOMERS");
    let names: Vec<String> = ["ID", "NAME", "EMAIL", "COUNTRY"]
        .map(String::from)
        .into_iter()
        .chain((0..196).map(|number| format!("COLUMN_{number}")))
        .collect();
    let columns = names
        .iter()
        .map(|name| Column {
            name: name.clone(),
            sql_type: SqlType::Text { length: 100 },
            is_nullable: true,
            tags: BTreeMap::new(),
        })
        .collect();
    let mut catalog = Catalog::empty();
    catalog.relations.insert(table.clone(), Relation { kind: RelationKind::Table, columns, version: 1 });
    let column = |name: &str| ColumnRef { object: table.clone(), column: name.into() };
    let outputs = names
        .iter()
        .map(|name| ShownOutput {
            name: Some(name.clone()),
            shows: [ShownColumn { column: column(name), how: ShownHow::Stored, path: Vec::new() }].into(),
            is_known: true,
            is_stored: true,
            is_name_from_values: false,
        })
        .collect();
    let tests = [TestedColumn { column: column("COUNTRY"), how: TestedHow::Predicate, with: None }];
    let statement = Statement {
        class: Class::Read,
        kind: Kind::new("select"),
        steps: Vec::new(),
        footprint: Footprint { reads: [table].into(), writes: BTreeSet::new() },
        lineage: Lineage {
            outputs: Some(outputs),
            tests: tests.into(),
            ties: Vec::new(),
            touched: BTreeSet::new(),
        },
        functions: BTreeSet::new(),
        effects: Vec::new(),
        missing: BTreeSet::new(),
        why: None,
    };
    (catalog, statement)
}
