//! The class and kind of every statement of Snowflake's, from a table that is read as a diff.

use std::collections::BTreeMap;

use domain::{Catalog, Class, Context, Statement};
use proptest::prelude::*;
use sql::{Scope, read_batch};

/// The statements of a batch, against an empty catalog.
fn statements(text: &str) -> Vec<Statement> {
    let (context, catalog) = (
        Context { database: Some("D".into()), schema: Some("S".into()), ..Context::default() },
        Catalog::empty(),
    );
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    let scope = Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    read_batch(text, &scope).into_iter().map(|(_, statement)| statement).collect()
}

/// A text of the table, where `\u0041` is that character.
#[allow(clippy::unwrap_used, reason = "a row that is no JSON is a mistake of the table")]
fn decoded(written: &str) -> String {
    let json = written.replace('\\', "\\\\").replace("\\\\u", "\\u").replace('"', "\\\"");
    serde_json::from_str(&format!("\"{json}\"")).unwrap()
}

#[test]
fn every_statement_has_the_class_and_the_kind_in_the_table() {
    let mut wrong = Vec::new();
    for line in include_str!("data/classes.txt").lines() {
        let Some((expected, text)) = line.split_once(" | ").filter(|_| !line.starts_with('#')) else {
            assert!(line.is_empty() || line.starts_with('#'), "not a row: {line}");
            continue;
        };
        let found = statements(&decoded(text.trim()));
        let strictest = found.iter().rev().max_by_key(|statement| statement.class).unwrap();
        let found = format!("{} {}", strictest.class, strictest.kind);
        if found != expected.split_whitespace().collect::<Vec<_>>().join(" ") {
            wrong.push(format!("{found:<40} | {text} ({:?})", strictest.why));
        }
    }
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The table that `tests/sql/classes.py` measures by speaks of our classes, and says why wherever it is not plain.
#[test]
fn the_meanings_of_labels_are_classes_with_reasons() {
    let table: toml::Table = include_str!("data/labels.toml").parse().unwrap();
    let is_class =
        |value: &toml::Value| Class::ALL.iter().any(|class| Some(class.as_str()) == value.as_str());
    let list = |rule: &toml::Value, key: &str| -> Vec<toml::Value> { rule[key].as_array().unwrap().clone() };
    let labels = table["labels"].as_table().unwrap();
    assert!(labels.values().all(is_class));
    for ambiguous in table["ambiguous"].as_array().unwrap() {
        assert!(list(ambiguous, "classes").iter().all(is_class), "{ambiguous}");
        assert!(!labels.contains_key(ambiguous["label"].as_str().unwrap()), "{ambiguous}");
        assert!(ambiguous["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{ambiguous}");
    }
    for rule in table["rules"].as_array().unwrap() {
        assert!(is_class(&rule["class"]), "{rule}");
        assert!(
            list(rule, "labels").iter().all(|label| labels.contains_key(label.as_str().unwrap())),
            "{rule}"
        );
        assert!(["pattern", "reason"].iter().all(|key| !rule[*key].as_str().unwrap().is_empty()), "{rule}");
    }
}

/// Statements that nothing may hide, each with its class.
const DANGEROUS: [(Class, &str); 22] = [
    (Class::Write, "delete from t"),
    (Class::Write, "merge into t using u on t.a = u.a when matched then delete"),
    (Class::Write, "remove @s"),
    (Class::Import, "copy into t from @s"),
    (Class::Define, "drop table t"),
    (Class::Define, "create or replace view v as select 1 a"),
    (Class::Define, "comment on table t is 'x'"),
    (Class::Call, "call p()"),
    (Class::Call, "execute task t"),
    (Class::Call, "alter task t resume"),
    (Class::Export, "copy into @s from t"),
    (Class::Export, "copy files into @a from @b"),
    (Class::Export, "get @s file:///tmp"),
    (Class::Export, "create stage s file_format = (type = csv) url = 's3://x'"),
    (Class::Export, "alter share s add accounts = a"),
    (Class::Export, "select get_presigned_url(@s, 'x')"),
    (Class::Grant, "grant role a to user u"),
    (Class::Grant, "revoke role a from user u"),
    (Class::Account, "create user u password = 'x'"),
    (Class::Account, "alter warehouse w suspend"),
    (Class::Account, "select system$cancel_all_queries(1)"),
    (Class::Opaque, "execute immediate :x"),
];

/// What a statement may stand in.
const AROUND: [&str; 22] = [
    "begin {}; end",
    "begin\n-- x\n{}; return 1; end",
    "begin select 1; {}; select 2; end",
    "declare x int default 1; begin {}; end",
    "begin if (a) then select 1; else {}; end if; end",
    "begin if (a) then {}; end if; end",
    "begin case (a) when 1 then {}; end case; end",
    "begin let x := case when a then 1 else 2 end; {}; end",
    "begin for r in (select 1 a) do {}; end for; end",
    "begin while (a) do {}; end while; end",
    "begin loop {}; break; end loop; end",
    "begin repeat {}; until (a) end repeat; end",
    "begin select 1; exception when other then {}; end",
    "begin begin {}; end; end",
    "begin async ({}); await all; end",
    "begin let r resultset := ({}); return table(r); end",
    "select 1 ->> {}",
    "{} ->> select 1",
    "show tables ->> {} ->> select 1",
    "create task t warehouse = w as {}",
    "create alert a if (exists (select 1)) then {}",
    "with p as procedure () returns int language sql as 'begin {}; end' call p()",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_stands_around_a_statement_makes_it_milder(
        inner in 0..DANGEROUS.len(),
        around in prop::collection::vec(0..AROUND.len() + 2, 1..4),
    ) {
        let (class, statement) = DANGEROUS[inner];
        let text = around.iter().fold(statement.to_owned(), |inner, at| match AROUND.get(*at) {
            Some(around) if around.contains('\'') => around.replace("{}", &inner.replace('\'', "''")),
            Some(around) => around.replace("{}", &inner),
            None if *at == AROUND.len() => format!("execute immediate '{}'", inner.replace('\'', "''")),
            None => format!("select 1; {inner}"),
        });
        let found = statements(&text);
        let strictest = found.iter().map(|statement| statement.class).max().unwrap();
        prop_assert!(strictest >= class, "{} is {}", text, strictest);
    }

    #[test]
    fn a_statement_of_any_words_that_changes_something_is_never_mild(
        verb in prop::sample::select(VERBS.to_vec()),
        words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..12),
    ) {
        let text = format!("{verb} {}", words.join(" "));
        for statement in statements(&text).iter().take(1) {
            prop_assert!(statement.class > Class::Read, "{} is {}", text, statement.class);
        }
    }
}

const VERBS: [&str; 22] = [
    "insert",
    "update",
    "delete",
    "merge",
    "truncate",
    "remove",
    "rm",
    "copy",
    "put",
    "get",
    "create",
    "alter",
    "drop",
    "undrop",
    "comment",
    "grant",
    "revoke",
    "call",
    "execute",
    "declare",
    "begin select",
    "create or replace",
];

const WORDS: [&str; 34] = [
    "select",
    "from",
    "t",
    "where",
    "(",
    ")",
    ",",
    "as",
    "with",
    "into",
    "@s",
    "'x'",
    "$$x$$",
    "table",
    "view",
    "user",
    "session",
    "set",
    "timezone",
    "=",
    "show",
    "explain",
    "use",
    "->>",
    "begin",
    "end",
    "or",
    "replace",
    "transaction",
    "work",
    "describe",
    "values",
    "1",
    "immediate",
];
