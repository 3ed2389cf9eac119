//! Columns that stand somewhere in a statement, though it neither shows nor tests them: whether it fails may depend on
//! them.

mod common;

use common::{acme, read_in};

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let statement = read_in(&acme(), text);
    let found = statement.lineage.touched.iter();
    let found: Vec<String> =
        found.map(|column| format!("{}.{}", column.object.name, column.column)).collect();
    assert_eq!(found, expected, "{text}: {:?}", statement.why);
}

#[test]
fn an_expression_that_nobody_asks_for_touches_its_columns() {
    check("select count(*) from (select upper(ssn) v from customers)", &["CUSTOMERS.SSN"]);
    check("select id from (select id, ssn from customers)", &["CUSTOMERS.SSN"]);
    check("with unused as (select email from customers) select 1 as one", &["CUSTOMERS.EMAIL"]);
    check("select exists (select ssn from customers) v", &["CUSTOMERS.SSN"]);
    check("select count(ssn) from customers", &["CUSTOMERS.SSN"]);
    check(
        "select id, k from customers unpivot (v for k in (country, segment))",
        &["CUSTOMERS.COUNTRY", "CUSTOMERS.SEGMENT"],
    );
}

#[test]
fn the_answer_of_an_earlier_step_is_touched() {
    check("select ssn from customers ->> select 1", &["CUSTOMERS.SSN"]);
    check("select id, ssn from customers ->> select id from $1", &["CUSTOMERS.SSN"]);
    check("select id from customers ->> select id from $1", &[]);
}

#[test]
fn what_is_shown_or_tested_is_told_as_such() {
    check("select ssn from customers", &[]);
    check("select id from customers where ssn = 'x' order by id", &[]);
    check("select * from customers", &[]);
}
