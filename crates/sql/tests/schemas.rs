//! Catalogs made from definitions, as Snowflake prints them and as people write them.

use domain::{ObjectName, RelationKind, SqlType};
use sql::catalog_from_ddl;

#[track_caller]
fn columns(ddl: &str, name: &str) -> Vec<(String, String)> {
    let catalog = catalog_from_ddl(ddl, "D", "S");
    let relation = catalog.relation(&ObjectName::new("D", "S", name));
    let columns = relation.map(|relation| relation.columns.as_slice()).unwrap_or_default();
    columns.iter().map(|column| (column.name.clone(), column.sql_type.wire_name().to_owned())).collect()
}

#[track_caller]
fn check(ddl: &str, name: &str, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
    assert_eq!(columns(ddl, name), expected, "{ddl}");
}

#[test]
fn a_table_has_the_columns_that_it_is_written_with() {
    check(
        "create or replace TABLE D.S.\"one two\" (
           \"a b\" VARCHAR(16777216) COMMENT 'x, y; (z', C NUMBER(38,2) NOT NULL DEFAULT (1 + 1), D VARIANT,
           E TIMESTAMP_NTZ(9) DEFAULT CURRENT_TIMESTAMP(), F VECTOR(FLOAT, 256), G VARCHAR WITH MASKING POLICY p,
           H GEOGRAPHY, I VARCHAR(3) COLLATE 'en-ci', J NUMBER AUTOINCREMENT START 1 INCREMENT 1 NOORDER,
           constraint k primary key (C), foreign key (D) references other (x)
         ) CLUSTER BY (C) COMMENT = 'it''s'",
        "one two",
        &[
            ("a b", "text"),
            ("C", "fixed"),
            ("D", "variant"),
            ("E", "timestamp_ntz"),
            ("F", "vector"),
            ("G", "text"),
            ("H", "geography"),
            ("I", "text"),
            ("J", "fixed"),
        ],
    );
    for (ddl, kinds) in [
        (
            "create external table t (a varchar as (value:a::varchar), b date as (value:b::date)) location = @s",
            ["text", "date"],
        ),
        (
            "create hybrid table t (a int primary key, b timestamp with time zone, index i (b))",
            ["fixed", "timestamp_tz"],
        ),
        (
            "create iceberg table t (a int, b string) catalog = 'SNOWFLAKE' base_location = 'x'",
            ["fixed", "text"],
        ),
        (
            "create temp table if not exists t (a double precision, b decimal(10, 2)) as select 1, 2",
            ["real", "fixed"],
        ),
        ("create table t (a object(x int), b array(varchar))", ["object", "array"]),
    ] {
        check(ddl, "T", &[("A", kinds[0]), ("B", kinds[1])]);
    }
}

#[test]
fn a_table_made_of_another_has_its_columns() {
    let first = "create table a (x int, y varchar);";
    for second in [
        "create table b like a",
        "create table b clone a",
        "create table b as select x, y from a",
        "create dynamic table b target_lag = '1 hour' warehouse = w as select * from a",
        "create view b as select * from a",
        "create secure view b (x comment 'c', y) copy grants comment = 'z' as select x, y from a",
        "create view b with row access policy p on (x) as select x, y from a",
        "create view b (x with tag (t = 'v'), y) as with q as (select * from a) select * from q",
    ] {
        check(&format!("{first} {second}"), "B", &[("X", "fixed"), ("Y", "text")]);
    }
}

#[test]
fn a_table_whose_columns_the_text_does_not_tell_is_unknown() {
    for ddl in [
        "create event table b",
        "create table b like elsewhere",
        "create table b as select * from elsewhere",
        "create table b using template (select 1)",
        "create table (x int)",
        "create table b (x int",
    ] {
        check(ddl, "B", &[]);
    }
}

#[test]
fn a_view_keeps_its_text_and_a_type_its_facets() {
    let ddl =
        "create table a (x number(10, 2)); create view v with row access policy p on (x) as select x from a";
    let catalog = catalog_from_ddl(ddl, "D", "S");
    let view = catalog.relation(&ObjectName::new("D", "S", "V")).unwrap();
    assert_eq!(view.kind, RelationKind::View { definition: Some("select x from a".into()) });
    assert_eq!(view.columns[0].sql_type, SqlType::Fixed { precision: 10, scale: 2 });
}

#[test]
fn every_database_describes_itself() {
    let catalog = catalog_from_ddl("create table e.f.t (a int)", "D", "S");
    for database in ["D", "E"] {
        let columns = catalog.relation(&ObjectName::new(database, "INFORMATION_SCHEMA", "COLUMNS")).unwrap();
        assert!(columns.columns.iter().any(|column| column.name == "DATA_TYPE"));
    }
}

/// What is passed over, each as `line: why`, and the tables that are left.
#[track_caller]
fn passes_over(ddl: &str, expected: &[&str], tables: &[&str]) {
    let definitions = sql::definitions(ddl, "D", "S");
    let broken: Vec<String> =
        definitions.broken.iter().map(|broken| format!("{}: {}", broken.line, broken.why)).collect();
    let names = definitions.catalog.relations.keys().filter(|name| name.schema == "S");
    let names: Vec<&str> = names.map(|name| name.name.as_str()).collect();
    assert_eq!(
        (broken, names),
        (expected.iter().map(|e| (*e).to_owned()).collect(), tables.to_vec()),
        "{ddl}"
    );
}

#[test]
fn a_statement_that_cannot_be_cut_takes_no_other_with_it() {
    passes_over("create table a (x int);\ncreate table b (x int);", &[], &["A", "B"]);
    passes_over(
        "create table a (x int); create table `b` (x int); create table c (x int)",
        &["1: a backtick outside quotes"],
        &["A", "C"],
    );
    passes_over(
        "create table a (x int);\n\ncreate table b (\n  x int, -- fine\n  y int # not\n);\ncreate table c (x int);",
        &["3: `#` outside quotes"],
        &["A", "C"],
    );
    // The quote that is missing is far from where the text ends.
    passes_over(
        "create table a (x int);\ncreate table b (x int comment 'O'Brien');\ncreate table c (x int comment 'fine');\n\
         create table d (x int);",
        &["2: a string without its end"],
        &["A", "C", "D"],
    );
    passes_over(
        "create table a (x int comment 'open);\ncreate table b (x int);\n",
        &["1: a string without its end"],
        &["B"],
    );
    passes_over(
        "create table a (x int); /* open\ncreate table b (x int);\ncreate table c (x int);",
        &["1: a comment without its end"],
        &["A", "C"],
    );
    passes_over(
        "create table a (\u{a0}x int);\ncreate table b (x int);\nsel\u{435}ct 1;\ncreate table c (x int)",
        &[
            "1: a character outside ASCII outside quotes (a name with one stands in double quotes)",
            "3: a character outside ASCII outside quotes (a name with one stands in double quotes)",
        ],
        &["B", "C"],
    );
    passes_over("`", &["1: a backtick outside quotes"], &[]);
    passes_over("", &[], &[]);
}
