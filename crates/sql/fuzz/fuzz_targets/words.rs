//! Words and symbols of Snowflake's SQL in any order: deeper into the grammar than bytes come by chance.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::{Bindings, Catalog, Context};
use libfuzzer_sys::fuzz_target;

static ACME: LazyLock<Catalog> = LazyLock::new(|| {
    sql::catalog_from_ddl(include_str!("../../tests/data/acme.sql"), "ACME", "PUBLIC")
});

const WORDS: [&str; 128] = [
    "select", "from", "where", "group by", "order by", "having", "qualify", "limit", "with", "recursive",
    "as", "union", "all", "by name", "except", "intersect", "join", "left join", "cross join", "natural join",
    "asof join", "match_condition", "on", "using", "lateral", "flatten", "table", "values", "pivot",
    "unpivot", "match_recognize", "measures", "pattern", "define", "partition by", "over", "rows between",
    "unbounded preceding", "and", "current row", "case", "when", "then", "else", "end", "iff", "in", "like",
    "between", "is null", "not", "exists", "distinct", "insert into", "update", "set", "delete from",
    "merge into", "matched", "create table", "create view", "clone", "drop table", "alter table", "grant",
    "to role", "copy into", "@s", "@~", "get", "put", "call", "execute immediate", "begin", "declare",
    "return", "let", "for", "do", "loop", "if", "show tables", "describe table", "explain", "use role",
    "customers", "orders", "payments", "v_customers", "ssn", "email", "id", "notes", "profile", "country",
    "c", "o", "x", "$1", "$v", "?", ":1", "'a'", "'\\''", "$$;$$", "1", "2", "1.5", "null", "*", "(", ")",
    ",", ".", ";", "->>", "::", ":", "=", "<", "||", "+", "-", "/", "[", "]", "exclude", "--x\n",
];

fuzz_target!(|picks: &[u8]| {
    let mut text = String::new();
    for pick in picks.iter().take(300) {
        text.push_str(WORDS.get(usize::from(*pick) % WORDS.len()).copied().unwrap_or(""));
        text.push(' ');
    }
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (Bindings::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &ACME, bindings: &bindings, variables: &variables };
    for (_, statement) in sql::read_steps(&text, &scope) {
        let outputs = statement.lineage.outputs.unwrap_or_default();
        // A column that shows a stored one names a table that is read.
        for shown in outputs.iter().flat_map(|output| &output.shows) {
            assert!(
                statement.footprint.reads.contains(&shown.column.object) || statement.footprint.reads.is_empty(),
                "{text}: {shown:?}"
            );
        }
    }
});
