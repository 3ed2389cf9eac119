//! What nobody can read, and what is too long to be read.

use crate::acme::read_acme;

#[test]
fn what_nobody_can_read_is_opaque() {
    for text in [
        "",
        ";",
        "select 1; select 2",
        "select 1 # x",
        "select\u{a0}ssn from customers",
        "s\u{435}lect 1",
        "select * from identifier($x)",
        "select * from identifier(lower('T'))",
        "select 1 from customers where $x = 'a'",
        "execute immediate $x",
        "with a as (select 1) insert into t select * from a",
        "select ssn from customers ->>",
        "select * from $1",
        "select ? ->> select ssn from identifier(?)",
        "select ssn from identifier('cust\\x6fmers')",
        "execute immediate 'select ssn from identifier(?)' using (1)",
        "select 1 ->> select * from $2",
        "select * from (show tables ->> select 1)",
        "frobnicate the database",
        "delete from orders where id = 1 returning *",
        "select 1 into outfile 'x'",
    ] {
        assert_eq!(read_acme(text).class.as_str(), "opaque", "{text:?}");
    }
}

#[test]
fn a_text_beyond_ten_megabytes_is_refused_by_name() {
    let read = |length: usize| {
        let statement = read_acme(&format!("select '{}'", "x".repeat(length - "select ''".len())));
        (statement.class, statement.why)
    };
    assert_eq!(read(10_000_000), (domain::Class::Read, None));
    assert_eq!(read(10_000_001), (domain::Class::Opaque, Some("a text longer than 10 MB")));
}
