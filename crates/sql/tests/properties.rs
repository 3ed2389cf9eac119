//! What never changes a reading, and what never breaks it.

use std::collections::BTreeMap;

use domain::{Catalog, Class, Context, Statement};
use proptest::prelude::*;
use sql::{Piece, Scope, catalog_from_ddl, read, read_batch, rewrite, split};

fn with_acme<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let catalog: Catalog = catalog_from_ddl(include_str!("data/acme.sql"), "ACME", "PUBLIC");
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    run(&Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables })
}

const STATEMENTS: [&str; 12] = [
    "select c.ssn as x , upper ( email ) from customers c where ( country = 'DE' ) order by 1",
    "with a as ( select id , ssn s from customers ) select s from a union all select email from employees",
    "select * exclude ( ssn ) from customers join orders o on customers.id = o.customer_id",
    "select count ( distinct ssn ) from customers group by country having count ( * ) > 1",
    "select profile : email :: string e , f.value from customers , lateral flatten ( input => profile ) f",
    "insert into products ( sku ) select ssn from customers",
    "update orders set status = 'x' where id = 1",
    "delete from orders",
    "create table t as select * from v_customers",
    "copy into @~/x from ( select ssn from customers )",
    "grant select on customers to role r",
    "select ssn from customers ->> select $1 as v from $1",
];

/// The same reading, whatever the spelling: what is printed of literals and unnamed columns aside.
fn essence(statement: &Statement) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        statement.class,
        statement.kind,
        statement.footprint,
        statement.lineage,
        statement.functions,
        statement.effects
    )
}

fn filler() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            Just(" "),
            Just("\n"),
            Just("\t"),
            Just("\r\n"),
            Just("/* ssn ; ' */"),
            Just("-- from x ->> drop\n"),
            Just("// \"\n"),
            Just("/*'*/"),
        ],
        1..4,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn white_space_and_comments_change_nothing(at in 0..STATEMENTS.len(), fillers in prop::collection::vec(filler(), 40)) {
        let text = STATEMENTS[at];
        let mut fillers = fillers.iter().cycle();
        // A comment glued to the path of a stage may be part of the path.
        let gap = |word: &str| if word.starts_with('@') { " " } else { "" };
        let spaced: String = text
            .split(' ')
            .flat_map(|word| [word.to_owned(), gap(word).to_owned(), fillers.next().unwrap().clone()])
            .collect();
        let (found, wanted) = with_acme(|scope| (essence(&read(&spaced, scope)), essence(&read(text, scope))));
        prop_assert_eq!(found, wanted, "{}", spaced);
    }

    #[test]
    fn case_changes_nothing(at in 0..STATEMENTS.len(), upper in prop::collection::vec(any::<bool>(), 30)) {
        let text = STATEMENTS[at];
        let mut upper = upper.iter().cycle();
        let mut turned = String::new();
        for word in text.split_inclusive(' ') {
            let keeps = word.contains('\'') || word.starts_with('@');
            turned += &if *upper.next().unwrap() && !keeps && word.trim() != "email" { word.to_uppercase() } else { word.to_owned() };
        }
        let (found, wanted) = with_acme(|scope| (essence(&read(&turned, scope)), essence(&read(text, scope))));
        prop_assert_eq!(found, wanted, "{}", turned);
    }

    #[test]
    fn redundant_brackets_change_nothing(depth in 0_usize..20) {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        let plain = "select ssn x from customers where email = 'a' and id = 3";
        let nested = format!("select {open}ssn{close} x from customers where {open}email{close} = 'a' and {open}id = 3{close}");
        let whole = format!("{open}{plain}{close};");
        with_acme(|scope| {
            prop_assert_eq!(essence(&read(&nested, scope)), essence(&read(plain, scope)));
            prop_assert_eq!(essence(&read(&whole, scope)), essence(&read(plain, scope)));
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
        with_acme(|scope| {
            read(&text, scope);
            read_batch(&text, scope);
        });
        split(&text);
        prop_assert_eq!(rewrite(&text, &mut |_| None), text);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        with_acme(|scope| read_batch(&text, scope));
        rewrite(&text, &mut |_| Some("'\"*/".into()));
    }

    #[test]
    fn words_in_any_order_are_read_without_panic(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..40)) {
        let text = words.join(" ");
        with_acme(|scope| read_batch(&text, scope));
        let statement = with_acme(|scope| read(&format!("select {text}"), scope));
        // Whatever it is: a text that writes somewhere is never taken for one that only reads.
        let is_mild = statement.class <= Class::Read && !statement.footprint.writes.is_empty();
        prop_assert!(!is_mild, "{text}");
    }

    #[test]
    fn what_replaces_a_piece_cannot_become_another_piece(value in "\\PC{0,20}") {
        let printed = rewrite("select 'secret' as \"name\" -- note", &mut |piece| match piece {
            Piece::StringLiteral(_) | Piece::QuotedIdentifier(_) | Piece::Comment(_) => Some(value.clone()),
            Piece::Number(_) | Piece::Identifier(_) | Piece::Other(_) => None,
        });
        let mut seen = Vec::new();
        rewrite(&printed, &mut |piece| {
            match piece {
                Piece::StringLiteral(text) => seen.push(format!("string {text}")),
                Piece::QuotedIdentifier(text) => seen.push(format!("name {text}")),
                Piece::Comment(_) => seen.push("comment".to_owned()),
                Piece::Number(_) | Piece::Identifier(_) | Piece::Other(_) => {}
            }
            None
        });
        prop_assert_eq!(&seen[..2], &[format!("string {value}"), format!("name {value}")], "{}", printed);
        prop_assert!(seen.len() == 3 || !printed.contains("-- "), "{}", printed);
    }
}

const WORDS: [&str; 60] = [
    "select",
    "from",
    "where",
    "customers",
    "ssn",
    "(",
    ")",
    ",",
    "*",
    "join",
    "on",
    "=",
    "union",
    "all",
    "with",
    "as",
    "a",
    "pivot",
    "unpivot",
    "for",
    "in",
    "'x'",
    "1",
    "order",
    "by",
    "group",
    "having",
    "qualify",
    "over",
    "case",
    "when",
    "then",
    "end",
    "exclude",
    "rename",
    "replace",
    "lateral",
    "flatten",
    "table",
    "input",
    "=>",
    ":",
    "::",
    "->>",
    "->",
    "$1",
    "insert",
    "into",
    "update",
    "set",
    "delete",
    "merge",
    "using",
    "begin",
    ";",
    "identifier",
    "match_recognize",
    "values",
    "null",
    "[",
];

/// Reads on a small stack: nothing here may need more, however deep the text nests. None is a panic.
fn on_a_small_stack(text: String) -> Option<Class> {
    let thread = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || with_acme(|scope| read(&text, scope).class));
    thread.ok()?.join().ok()
}

#[test]
fn depth_and_length_need_no_more_stack() {
    let deep = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("select {}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in [45, 50, 200, 20_000] {
        for text in [
            deep("(", "1", ")", depth),
            deep("f(", "1", ")", depth),
            deep("case when ", "1", " then 1 end", depth),
            deep("(select ", "1", ")", depth),
            deep("not ", "1", "", depth),
            deep("- ", "1", "", depth),
            deep("1 + ", "1", "", depth),
            deep("1 + (", "1", ")", depth),
            deep("[", "1", "]", depth),
            deep("{'a': ", "1", "}", depth),
            deep("x -> ", "1", "", depth),
            deep("* from (select ", "1", ")", depth),
            deep("* from ", "customers", "", depth),
            format!("select 1{}", "::int".repeat(depth)),
            format!("select a{}", ":b".repeat(depth)),
            format!("select a{}", "[0]".repeat(depth)),
            format!("select a{}", ".b".repeat(depth)),
            format!("select 1{}", " is null".repeat(depth)),
            format!("select 1{}", " union all select 1".repeat(depth)),
            format!("select * from customers{}", " join customers".repeat(depth)),
            format!("select * from customers{}", " pivot (count(id) for id in (1))".repeat(depth.min(5_000))),
            format!("select * from {}customers{}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}select 1{}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}select 1", "explain ".repeat(depth)),
            format!("{}select 1", "with a as (".repeat(depth)),
            format!("select 1{}", " ->> select 1".repeat(depth.min(5_000))),
            format!("begin {} end", "begin ".repeat(depth)),
            format!("update orders set id = 1 where {}1 = 1{}", "(".repeat(depth), ")".repeat(depth)),
            format!("update orders set id = 1 where 1{}", " or 1".repeat(depth)),
        ] {
            assert!(on_a_small_stack(text).is_some());
        }
    }
}

#[test]
fn what_multiplies_is_cut_off() {
    let doubling: String =
        (1..40).map(|n| format!(", c{n} as (select * from c{p} a, c{p} b)", p = n - 1)).collect();
    let class = on_a_small_stack(format!("with c0 as (select * from customers){doubling} select * from c39"));
    assert_eq!(class, Some(Class::Opaque));
}

#[test]
fn a_long_list_is_read() {
    let list: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    assert_eq!(
        on_a_small_stack(format!("select id from orders where id in ({})", list.join(","))),
        Some(Class::Read)
    );
    assert_eq!(
        on_a_small_stack(format!("select 1 from orders where {}", ["id = 1"; 800].join(" or "))),
        Some(Class::Read)
    );
    assert_eq!(on_a_small_stack("x".repeat(10_000_001)), Some(Class::Opaque));
}
