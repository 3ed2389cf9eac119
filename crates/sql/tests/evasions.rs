//! Files of statements: what tells a hidden value, what shows one under another name, and what does neither.

mod common;

use common::{acme, read_in};
use domain::{Class, ColumnRef, ShownHow, ShownOutput, Statement, TestedHow};

/// Columns that may not be seen, each with the class of its values.
const MASKED: [(&str, &str, &str); 13] = [
    ("CUSTOMERS", "NAME", "person"),
    ("CUSTOMERS", "EMAIL", "email"),
    ("CUSTOMERS", "SSN", "ssn"),
    ("CUSTOMERS", "CARD_NUMBER", "card"),
    ("CUSTOMERS", "DOB", "dob"),
    ("CUSTOMERS", "PHONE", "phone"),
    ("ORDERS", "SHIP_ADDRESS", "address"),
    ("PAYMENTS", "CARD_NUMBER", "card"),
    ("PAYMENTS", "IBAN", "iban"),
    ("EMPLOYEES", "EMAIL", "email"),
    ("EMPLOYEES", "SSN", "ssn"),
    ("EMPLOYEES", "SALARY", "salary"),
    ("V_CUSTOMERS", "TAX_REF", "ssn"),
];
/// Columns that are seen only as stored, or as a whole path.
const SCANNED: [(&str, &str); 2] = [("CUSTOMERS", "NOTES"), ("CUSTOMERS", "PROFILE")];
/// What of PROFILE may not be seen.
const MASKED_PATHS: [&str; 4] = ["email", "ssn", "phone", "address"];

fn class_of(column: &ColumnRef) -> Option<&'static str> {
    let is = |table: &str, name: &str| column.object.name == table && column.column == name;
    if SCANNED.iter().any(|(table, name)| is(table, name)) {
        return Some("scanned");
    }
    MASKED.iter().find(|(table, name, _)| is(table, name)).map(|(_, _, class)| *class)
}

/// Whether the answer tells something of a column that may not be seen, or the statement is none that an agent may
/// run at all.
fn is_oracle(statement: &Statement) -> bool {
    let may_run = matches!(statement.class, Class::Read | Class::Show | Class::Session | Class::Transaction);
    let tests_hidden = statement.lineage.tests.iter().any(|tested| {
        let class = class_of(&tested.column);
        let is_exempt = tested.how == TestedHow::Join
            && tested.with.as_ref().is_some_and(|with| class_of(with) == class && class != Some("scanned"));
        // A column that nobody knows counts as hidden.
        let is_known =
            statement.footprint.reads.contains(&tested.column.object) && tested.column.column != "*";
        (class.is_some() && !is_exempt) || !is_known
    });
    !may_run || tests_hidden || !statement.functions.is_empty()
}

/// Whether a result column has to be masked.
fn is_masked(output: &ShownOutput) -> bool {
    !output.is_known
        || output.shows.iter().any(|shown| match (class_of(&shown.column), shown.how) {
            (None, _) => false,
            (Some("scanned"), ShownHow::Derived) => true,
            (Some("scanned"), ShownHow::Stored) => shown.column.column == "PROFILE",
            (Some("scanned"), ShownHow::Path) => match shown.path.first() {
                Some(first) => MASKED_PATHS.contains(&first.as_str()),
                None => true,
            },
            (Some(_), _) => true,
        })
}

/// The lines of a file of statements, without blank ones and comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-- "))
}

#[test]
fn whatever_tells_something_of_a_hidden_column_tests_it() {
    let catalog = acme();
    for text in lines(include_str!("data/oracles.sql")) {
        let statement = read_in(&catalog, text);
        assert!(is_oracle(&statement), "{text}\n{statement:#?}");
    }
}

#[test]
fn harmless_statements_test_and_show_nothing_hidden() {
    let catalog = acme();
    for text in lines(include_str!("data/harmless.sql")) {
        let statement = read_in(&catalog, text);
        assert!(!is_oracle(&statement), "{text}\n{statement:#?}");
        let outputs = statement.lineage.outputs.unwrap_or_default();
        assert!(!outputs.is_empty() && !outputs.iter().any(is_masked), "{text}\n{outputs:#?}");
        assert!(!outputs.iter().any(|output| output.is_name_from_values), "{text}");
    }
}

/// Tokens of guesses that stand beside stored values would tell which guess is right.
#[test]
fn what_is_not_stored_is_told_where_it_stands_beside_what_is() {
    let catalog = acme();
    let is_stored = |text: &str| {
        let outputs = read_in(&catalog, text).lineage.outputs.unwrap();
        assert!(outputs.iter().any(|output| !output.shows.is_empty()), "{text}");
        outputs.iter().all(|output| output.is_stored)
    };
    for text in [
        "select ssn from customers",
        "select s from (select ssn as s from customers where id = 1)",
        "select ssn from customers union all select ssn from employees",
        "with c as (select ssn from customers) select c.ssn from c join employees e on c.ssn = e.ssn",
    ] {
        assert!(is_stored(text), "{text}");
    }
    for text in [
        "select ssn from customers union all select '575-82-0993'",
        "select '575-82-0993' union all select ssn from customers",
        "select ssn from customers union select null",
        "select ssn from customers union all select lpad(seq8()::varchar, 9, '0') from table(generator(rowcount => 3))",
        "with v as (select '575-82-0993' s) select s from v union all select ssn from customers",
        "select s from (select ssn s from customers union all select '575-82-0993')",
        "select ssn from customers union all (select ssn from employees union all select left('575-82-0993xx', 11))",
        "with recursive v as (select ssn s from customers union all select '575-82-0993' from v) select s from v",
        "select v from (select ssn, '575-82-0993' x from customers) unpivot (v for n in (ssn, x))",
        "select ssn from customers union all by name select '575-82-0993' as ssn",
        "select ssn from customers full join (select '575-82-0993' as ssn) using (ssn)",
        "select * from (values ((select max(ssn) from customers)), ('575-82-0993'))",
        "select ssn from customers union all select f.index::varchar from customers, lateral flatten(profile) f",
    ] {
        assert!(!is_stored(text), "{text}");
    }
}

#[test]
fn a_hidden_column_is_found_under_whatever_name() {
    let catalog = acme();
    let mut tested = Vec::new();
    for line in lines(include_str!("data/shown.txt")) {
        let (places, text) = line.split_once('|').unwrap();
        let expected: Vec<usize> = places.split_whitespace().map(|place| place.parse().unwrap()).collect();
        let statement = read_in(&catalog, text);
        let outputs = statement.lineage.outputs.clone().unwrap_or_default();
        let found: Vec<usize> =
            outputs.iter().enumerate().filter(|(_, output)| is_masked(output)).map(|(at, _)| at).collect();
        assert_eq!(found, expected, "{text}\n{statement:#?}");
        if is_oracle(&statement) {
            tested.push(text);
        }
    }
    assert!(tested.is_empty(), "these show, and test nothing hidden: {tested:#?}");
}

/// What is rewritten for one construct must not change what another means: a statement that needs no help is
/// read alike beside one that does.
#[test]
fn a_construct_that_needs_help_changes_nothing_else() {
    const HELPED: &str = "with needs_help as (select {*} o from (select 1 a))";
    let mut compared = 0;
    for file in ["shown", "scan", "tested", "harmless"] {
        let path = format!("{}/../../tests/bypass/{file}.sql", env!("CARGO_MANIFEST_DIR"));
        let corpus = std::fs::read_to_string(path).unwrap();
        for case in corpus.split("\n\n") {
            let text = case.lines().filter(|line| !line.starts_with("-- ")).collect::<Vec<_>>().join("\n");
            if !text.trim_start().starts_with("select") || text.contains(';') || text.contains("->>") {
                continue;
            }
            let (plain, helped) = (read_in(&acme(), &text), read_in(&acme(), &format!("{HELPED} {text}")));
            if plain.class == Class::Opaque || helped.class == Class::Opaque {
                continue;
            }
            compared += 1;
            assert_eq!(plain.lineage.outputs, helped.lineage.outputs, "{text}");
            assert_eq!(plain.lineage.tests, helped.lineage.tests, "{text}");
        }
    }
    assert!(compared > 200, "{compared}");
}
