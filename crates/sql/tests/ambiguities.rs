//! Names with two meanings, conversions that may fail, texts without end: whatever is not certain is less.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Class, Context, Statement};
use sql::{Scope, catalog_from_ddl, read, read_batch};

fn read_all(text: &str) -> Vec<Statement> {
    let catalog = catalog_from_ddl(include_str!("data/acme.sql"), "ACME", "PUBLIC");
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let variables = BTreeMap::from([("T".to_owned(), Some("customers".to_owned()))]);
    let bindings = BTreeMap::new();
    let scope = Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    if text.contains(';') {
        read_batch(text, &scope).into_iter().map(|(_, statement)| statement).collect()
    } else {
        vec![read(text, &scope)]
    }
}

/// The only statement of the text, or its last.
#[allow(clippy::unwrap_used, reason = "a text without a statement is a mistake of the test")]
fn last(text: &str) -> Statement {
    read_all(text).pop().unwrap()
}

fn class(text: &str) -> Class {
    last(text).class
}

#[track_caller]
fn tests(text: &str, expected: &[&str]) {
    let statement = last(text);
    assert_eq!(statement.class, Class::Read, "{text}: {:?}", statement.why);
    let found: BTreeSet<String> = statement
        .lineage
        .tests
        .iter()
        .map(|test| format!("{} {}.{}", test.how.as_str(), test.column.object.name, test.column.column))
        .collect();
    assert_eq!(found, expected.iter().map(|test| (*test).to_owned()).collect(), "{text}");
}

#[test]
fn a_common_table_that_may_name_itself_or_a_stored_one_is_opaque() {
    let body = "(id,country,ssn) as (select id as a, country as b, country as c from customers where false union all select id,country,ssn from customers) select substr(ssn,1,3) from customers";
    for text in [
        format!("with customers{body}"),
        format!("with recursive customers{body}"),
        format!("with \"CUSTOMERS\"{body}"),
        "with customers as ((select id, country ssn from customers where false union all select id, ssn from customers)) select ssn from customers".to_owned(),
        "with customers as (select * from (select country ssn from customers union all select ssn from customers)) select ssn from customers".to_owned(),
        "with recursive customers as (select id, country ssn from customers) select ssn from customers".to_owned(),
        "with r as (select 1 v), x as (with recursive r(v) as (select 2 union all select v from r) select v from r) select v from x".to_owned(),
        "with recursive a as (select * from customers), customers as (select 1 x) select * from a".to_owned(),
    ] {
        assert_eq!(class(&text), Class::Opaque, "{text}");
    }
    for text in [
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select n from r",
        // The keyword is optional upstream, and nothing else has the name.
        "with r(v) as (select country from customers union all select v from r) select v from r",
        "with customers as (select id, country from customers) select country from customers",
        "with a as (select 1 x union all select 2) select x from a",
    ] {
        assert_eq!(class(text), Class::Read, "{text}");
    }
}

#[test]
fn an_output_that_is_also_a_column_is_both_after_the_select_list() {
    for (text, expected) in [
        (
            "select id from (select ssn as country, id from customers order by case when country like '575%' then 0 else 1 end, -id limit 1) q",
            &[
                "order CUSTOMERS.COUNTRY",
                "order CUSTOMERS.ID",
                "order CUSTOMERS.SSN",
                "predicate CUSTOMERS.COUNTRY",
                "predicate CUSTOMERS.SSN",
            ] as &[&str],
        ),
        (
            "select ssn as country, id from customers where country like '5%'",
            &["predicate CUSTOMERS.COUNTRY", "predicate CUSTOMERS.SSN"],
        ),
        (
            "select max(ssn) as country from customers having max(country) > '5'",
            &["predicate CUSTOMERS.COUNTRY", "predicate CUSTOMERS.SSN"],
        ),
        (
            "select ssn as country from customers qualify left(country, 1) = '5'",
            &["predicate CUSTOMERS.COUNTRY", "predicate CUSTOMERS.SSN"],
        ),
        (
            "select ssn as country, count(*) from customers group by left(country, 1)",
            &["group CUSTOMERS.COUNTRY", "group CUSTOMERS.SSN"],
        ),
        (
            "select * exclude country rename (ssn as country) from customers order by left(country, 1)",
            &["order CUSTOMERS.COUNTRY", "order CUSTOMERS.SSN"],
        ),
    ] {
        tests(text, expected);
    }
}

#[test]
fn values_that_may_have_to_be_converted_are_tested() {
    for text in [
        "select coalesce(ssn, 0) from customers",
        "select nvl(0, ssn) from customers",
        "select ifnull(ssn, current_date) from customers",
        "select case when id = 1 then ssn else 0 end from customers",
        "select case id when 1 then 0 when 2 then ssn end from customers",
        "select ssn from customers union all select 0",
        "select 0 as v union all select ssn from customers",
        "select id as v from orders union all by name select ssn as v from customers",
        "select lag(ssn, 1, 0) over (order by 1) from customers",
        "select coalesce(upper(ssn), 0) from customers",
        "select * from (values ((select max(ssn) from customers)), (0)) v",
        "select iff(true, ssn, 0) from customers",
        "select decode(1, 1, ssn, 0) from customers",
        "select nvl2(1, ssn, 0) from customers",
        "select * from (select segment, ssn from customers) pivot (max(ssn) for segment in ('a') default on null (0))",
    ] {
        let found = last(text);
        let is_shape =
            found.lineage.tests.iter().any(|t| t.column.column == "SSN" && t.how.as_str() == "shape");
        assert!(is_shape || found.class == Class::Opaque, "{text}: {:?}", found.lineage.tests);
    }
    for text in [
        "select zeroifnull(ssn) from customers",
        "select greatest(ssn, 0) from customers",
        "select 1 from customers c join orders o on c.ssn = o.id",
    ] {
        let found = last(text);
        let is_tested =
            found.lineage.tests.iter().any(|t| t.column.column == "SSN" && t.how.as_str() == "predicate");
        assert!(is_tested, "{text}: {:?}", found.lineage.tests);
    }
}

#[test]
fn values_of_one_type_meet_untested() {
    for text in [
        "select coalesce(ssn, 'none') from customers",
        "select coalesce(ssn, email, null, upper(name), 'x' || phone) from customers",
        "select coalesce(null, nvl(null, ssn)) from customers",
        "select coalesce(amount, 0), coalesce(sum(amount), 0) from orders",
        "select coalesce(max(ssn), 'x') from customers",
        "select ssn from customers union all select email from employees",
        "select id from customers union all select id from orders",
        "select coalesce(dob, signup_date), coalesce(to_varchar(dob), 'x') from customers",
        "select lag(ssn, 1, 'x') over (partition by null) from customers",
        "select coalesce(profile:email::string, '') from customers",
    ] {
        let found = last(text);
        assert_eq!(found.class, Class::Read, "{text}: {:?}", found.why);
        assert!(found.lineage.tests.is_empty(), "{text}: {:?}", found.lineage.tests);
    }
}

#[test]
fn texts_without_end_are_opaque_and_quickly_so() {
    let began = std::time::Instant::now();
    for text in [
        ["select 1"; 6000].join(" ->> "),
        ["select ?"; 66].join(" ->> "),
        format!("select * from ({})", ["select 1"; 100].join(" ->> ")),
        format!("insert into t select 1 {}", "from a ".repeat(100_000)),
        format!("select {}1", "1, ".repeat(60_000)),
        "select 1; ".repeat(257),
        format!("begin {} end", "update t set a = 1; ".repeat(20_000)),
    ] {
        assert!(read_all(&text).iter().all(|statement| statement.class == Class::Opaque));
    }
    // Seconds where it once was minutes, on any machine.
    assert!(began.elapsed().as_secs() < 30);
    assert_eq!(class(&["select 1"; 64].join(" ->> ")), Class::Read);
    assert_eq!(class(&"select 1; ".repeat(256)), Class::Read);
    assert_eq!(class(&format!("begin {} end", "update t set a = 1; ".repeat(10_000))), Class::Call);
}

#[test]
fn what_is_shown_is_named_by_no_variable() {
    for text in [
        "show tables like $t",
        "show columns in table identifier($t)",
        "describe table identifier('cus' || 'tomers')",
        "describe table identifier(?)",
        "explain select * from identifier($t)",
        "explain select $t",
    ] {
        assert_eq!(class(text), Class::Opaque, "{text}");
    }
    for text in ["describe table identifier('customers')", "show tables", "explain select $1 from customers"]
    {
        assert_eq!(class(text), Class::Show, "{text}");
    }
}

#[test]
fn nothing_is_read_after_a_variable_that_may_hold_anything() {
    for text in [
        "set v = (select max(ssn) from customers); select 1",
        "unset v; show tables",
        "set (a, b) = (1, (select 2)); select 1",
        "alter session set quoted_identifiers_ignore_case = true; select 1",
    ] {
        assert_eq!(class(text), Class::Opaque, "{text}");
    }
    assert_eq!(class("set v = 'x'; select 1"), Class::Read);
    assert_eq!(class("alter session set timezone = 'UTC'; select 1"), Class::Read);
}

#[test]
fn a_long_chain_in_a_common_table_needs_no_more_stack() {
    for middle in [" + 1".repeat(1_900), " or 1".repeat(1_900), " union all select 1".repeat(450)] {
        let text = format!("with a as (select 1{middle}) select * from a");
        let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || class(&text));
        assert!(thread.unwrap().join().is_ok());
    }
}
