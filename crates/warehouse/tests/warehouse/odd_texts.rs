//! Odd texts end in an answer or an error, never in a panic or a hang.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Runtime;
use warehouse::{Ask, State, Warehouse};

use super::{end_of, open};

static SHARED: LazyLock<(Runtime, Warehouse)> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let warehouse = runtime.block_on(open());
    (runtime, warehouse)
});

fn ends(text: String) -> State {
    let (runtime, warehouse) = &*SHARED;
    let ask = Ask { statement_count: 0, timeout: Some(Duration::from_secs(5)), ..Ask::new(text) };
    runtime.block_on(end_of(warehouse, ask)).1
}

const WORDS: [&str; 84] = [
    "select",
    "from",
    "where",
    "customers",
    "orders",
    "id",
    "name",
    "profile",
    ":",
    "email",
    "::",
    "number",
    "string",
    "variant",
    "date",
    "(",
    ")",
    ",",
    "*",
    "+",
    "-",
    "/",
    "%",
    "||",
    "=",
    "<",
    "and",
    "or",
    "not",
    "in",
    "like",
    "between",
    "is",
    "null",
    "case",
    "when",
    "then",
    "else",
    "end",
    "group by",
    "all",
    "order by",
    "limit",
    "qualify",
    "row_number()",
    "over",
    "partition by",
    "with",
    "x",
    "as",
    "union",
    "join",
    "on",
    "left",
    "lateral",
    "flatten",
    "insert into",
    "values",
    "update",
    "set",
    "delete from",
    "create table",
    "drop",
    "view",
    "show",
    "tables",
    "describe",
    "use",
    "explain",
    ";",
    "$x",
    "$$",
    "'",
    "\"",
    "1",
    "0",
    "1e400",
    "99999999999999999999",
    "'a'",
    "[",
    "]",
    "?",
    "dateadd(day, 1,",
    "@stage",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_in_any_order_do_no_harm(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..24)) {
        prop_assert_ne!(ends(words.join(" ")), State::Running);
    }

    #[test]
    fn expressions_of_any_words_do_no_harm(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 1..8)) {
        prop_assert_ne!(ends(format!("select {} from customers limit 1", words.join(" "))), State::Running);
    }

    #[test]
    fn any_characters_do_no_harm(text in "\\PC{0,60}") {
        prop_assert_ne!(ends(text.clone()), State::Running);
        prop_assert_ne!(ends(format!("select '{text}', \"{text}\" from customers limit 1")), State::Running);
    }
}

#[test]
fn deep_and_long_texts_do_no_harm() {
    let many = |open: &str, n: usize, middle: &str, close: &str| {
        format!("select {}{middle}{}", open.repeat(n), close.repeat(n))
    };
    for text in [
        many("(", 10_000, "1", ")"),
        many("1 + ", 100_000, "1", ""),
        many("1 + ", 240, "1", ""),
        many("not ", 240, "true", ""),
        many("- ", 240, "1", ""),
        many("abs(", 45, "1", ")"),
        many("case when true then ", 45, "1", " end"),
        many("(select ", 40, "1", ")"),
        many("1, ", 1_000, "1", ""),
        many("1 union all select ", 100, "1", ""),
        many("1::int", 1, &"::int".repeat(100), ""),
        many("parse_json('1')", 1, &"[0]".repeat(200), ""),
        format!("select '{}'", "a".repeat(900_000)),
        "x".repeat(1_000_001),
    ] {
        assert_ne!(ends(text), State::Running);
    }
    assert!(matches!(ends("select 1".into()), State::Done(_)));
}
