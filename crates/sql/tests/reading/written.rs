//! What statements read and write, and what their steps come to.

use crate::acme::{read_acme, shows, touches};

#[test]
fn a_pipeline_is_its_strictest_step() {
    shows("select ssn from customers ->> select $1 as v from $1", &["V=CUSTOMERS.SSN"]);
    shows("select ssn, id from customers ->> select 1 ->> select ssn x from $2", &["X=CUSTOMERS.SSN"]);
    touches(
        "select ssn from customers ->> insert into t select * from $1",
        "write",
        "insert",
        &["CUSTOMERS"],
        &["T"],
    );
    touches("show tables ->> drop table t", "define", "drop_table", &[], &["T"]);
}

#[test]
fn writes_name_what_they_write_and_show_what_they_copy() {
    for (text, class, kind, reads, writes) in [
        (
            "insert into t select ssn from customers",
            "write",
            "insert",
            &["CUSTOMERS"] as &[&str],
            &["T"] as &[&str],
        ),
        ("insert all into a into b select 1 from customers", "write", "insert", &["CUSTOMERS"], &["A", "B"]),
        (
            "update t set a = c.ssn from customers c where t.id = c.id",
            "write",
            "update",
            &["CUSTOMERS", "T"],
            &["T"],
        ),
        ("update orders set status = 'x'", "write", "update_all", &["ORDERS"], &["ORDERS"]),
        (
            "update orders set status = 'x' where 1 = 1 or id = 2",
            "write",
            "update_all",
            &["ORDERS"],
            &["ORDERS"],
        ),
        ("delete from orders where id = id", "write", "delete_all", &["ORDERS"], &["ORDERS"]),
        ("delete from orders where id = 1", "write", "delete", &["ORDERS"], &["ORDERS"]),
        (
            "merge into t using customers c on t.id = c.id when matched then update set a = c.ssn",
            "write",
            "merge",
            &["CUSTOMERS", "T"],
            &["T"],
        ),
        ("truncate table orders", "write", "truncate", &[], &["ORDERS"]),
        ("create table t as select * from customers", "define", "create_table", &["CUSTOMERS"], &["T"]),
        ("create table t clone customers", "define", "clone_table", &["CUSTOMERS"], &["T"]),
        (
            "create or replace view v as select 1 from customers",
            "define",
            "replace_view",
            &["CUSTOMERS"],
            &["V"],
        ),
        ("create stream st on table customers", "define", "create_stream", &["CUSTOMERS"], &["ST"]),
        (
            "copy into @~/x from (select ssn from customers)",
            "export",
            "copy_into_location",
            &["CUSTOMERS"],
            &["@~"],
        ),
        ("copy into 's3://b/x' from customers", "export", "copy_into_location", &["CUSTOMERS"], &[]),
        ("copy into t from @s", "import", "copy_into_table", &["@S"], &["T"]),
        ("drop table customers", "define", "drop_table", &[], &["CUSTOMERS"]),
    ] {
        touches(text, class, kind, reads, writes);
    }
    shows("insert into t(a) select ssn from customers", &["=~CUSTOMERS.SSN"]);
    shows("set x = (select ssn from customers)", &["=~CUSTOMERS.SSN"]);
}

#[test]
fn what_holds_objects_is_named_as_what_it_is() {
    for (text, kind, writes) in [
        ("drop database other", "drop_database", "OTHER.\"\".\"\""),
        ("create schema other.s", "create_schema", "OTHER.S.\"\""),
        ("drop schema s", "drop_schema", "ACME.S.\"\""),
        ("alter database other set comment = 'x'", "alter_database", "OTHER.\"\".\"\""),
        ("comment on database other is 'x'", "comment", "OTHER.\"\".\"\""),
        ("comment if exists on schema other.s is 'x'", "comment", "OTHER.S.\"\""),
        ("comment on table s.t is 'x'", "comment", "ACME.S.T"),
        ("comment on role accountadmin is 'x'", "comment", "\"\".\"\".ACCOUNTADMIN"),
    ] {
        let statement = read_acme(text);
        let found: Vec<String> = statement.footprint.writes.iter().map(ToString::to_string).collect();
        assert_eq!((statement.kind.as_str(), found.as_slice()), (kind, &[writes.to_owned()][..]), "{text}");
    }
    let cloned = read_acme("create schema s2 clone other.s");
    let found: Vec<String> = cloned.footprint.reads.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["OTHER.S.\"\""]);
}
