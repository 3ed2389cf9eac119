//! What fails, fails in Snowflake's shape.

use domain::Context;
use warehouse::{Ask, State, Warehouse};

use super::{end_of, error, open, rows};

async fn check(warehouse: &Warehouse, text: &str, code: &str, sqlstate: &str, message: &str) {
    let error = error(warehouse, text).await;
    assert_eq!((error.code, error.sqlstate), (code, sqlstate), "`{text}`: {}", error.message);
    assert!(error.message.contains(message), "`{text}`: {}", error.message);
}

#[tokio::test]
async fn mistakes_have_snowflakes_codes() {
    let warehouse = open().await;
    let w = &warehouse;
    check(
        w,
        "select nope from customers",
        "000904",
        "42000",
        "error line 1 at position 7\ninvalid identifier 'NOPE'",
    )
    .await;
    check(w, "select c.nope from customers c", "000904", "42000", "invalid identifier 'C.NOPE'").await;
    check(
        w,
        "select * from nowhere",
        "002003",
        "42S02",
        "Object 'DEMO.PUBLIC.NOWHERE' does not exist or not authorized.",
    )
    .await;
    check(w, "select * from a.b.c", "002003", "42S02", "'A.B.C'").await;
    check(w, "select \"id\" from customers", "000904", "42000", "'id'").await;
    check(w, "selec 1", "001003", "42000", "syntax error line 1 at position").await;
    check(w, "select 1 from", "001003", "42000", "syntax error").await;
    check(w, "select 'open", "001003", "42000", "syntax error").await;
    check(w, "select 1 2", "001003", "42000", "syntax error").await;
    check(w, "select 1 / 0", "100051", "22012", "Division by zero").await;
    check(w, "select 1.5::float / (id - id) from customers", "100051", "22012", "Division by zero").await;
    check(w, "select name::number from customers", "100038", "22018", "Numeric value '").await;
    check(w, "select 'x'::date", "100040", "22007", "Date 'x' is not recognized").await;
    check(w, "select 'x'::timestamp", "100035", "22007", "Timestamp 'x' is not recognized").await;
    check(w, "select 'x'::boolean", "100037", "22018", "Boolean value 'x' is not recognized").await;
    check(w, "select parse_json('{')", "100069", "22P02", "Error parsing JSON").await;
    check(w, "select no_such_function(1)", "002140", "42601", "Unknown function NO_SUCH_FUNCTION").await;
    check(
        w,
        "select id from customers c join orders o on o.customer_id = c.id",
        "002028",
        "42601",
        "ambiguous column name 'ID'",
    )
    .await;
    check(w, "", "000900", "42601", "Empty SQL statement").await;
    check(w, " -- nothing\n ; ", "000900", "42601", "Empty SQL statement").await;
    check(
        w,
        "select 1; select 2",
        "000008",
        "0A000",
        "Actual statement count 2 did not match the desired statement count 1.",
    )
    .await;
    check(
        w,
        "merge into customers using orders on 1 = 1 when matched then delete",
        "000002",
        "0A000",
        "Unsupported feature",
    )
    .await;
    check(w, "grant select on customers to role x", "000002", "0A000", "Unsupported feature").await;
    check(w, "show grants", "000002", "0A000", "SHOW GRANTS").await;
    check(w, "show tables in schema nowhere", "002043", "02000", "does not exist").await;
    check(w, "describe table nowhere", "002003", "42S02", "Table 'DEMO.PUBLIC.NOWHERE'").await;
    check(w, "drop table nowhere", "002003", "42S02", "'DEMO.PUBLIC.NOWHERE'").await;
    check(w, "create table customers (id number)", "002002", "42710", "already exists").await;
    check(w, "insert into countries values (1, 2)", "002020", "21S01", "does not match column list").await;
    check(w, "insert into countries (nope) values (1)", "000904", "42000", "'NOPE'").await;
    check(w, "update countries set nope = 1", "000904", "42000", "'NOPE'").await;
    rows(w, "create table strict (id number not null)").await;
    check(w, "insert into strict select null", "100072", "22000", "non-nullable column").await;
    check(w, "insert into strict values (null)", "100072", "22000", "non-nullable column").await;
}

#[tokio::test]
async fn what_is_not_allowed_is_refused() {
    let warehouse = open().await;
    let w = &warehouse;
    check(
        w,
        "delete from snowflake_sample_data.tpch_sf1.customer",
        "003001",
        "42501",
        "Insufficient privileges",
    )
    .await;
    check(
        w,
        "create table snowflake_sample_data.tpch_sf1.t (id number)",
        "003001",
        "42501",
        "Insufficient privileges",
    )
    .await;
    check(w, "drop schema snowflake_sample_data.tpch_sf1", "003001", "42501", "Insufficient privileges")
        .await;
    check(w, "use role accountadmin", "003013", "42501", "'ACCOUNTADMIN'").await;
    check(w, "alter session set timezone = 'America/New_York'", "001006", "22023", "TIMEZONE").await;
}

#[tokio::test]
async fn unknown_names_of_the_context_are_told_apart() {
    let warehouse = open().await;
    let named =
        |role: Option<&str>, wh: Option<&str>, database: Option<&str>, schema: Option<&str>| Context {
            role: role.map(Into::into),
            warehouse: wh.map(Into::into),
            database: database.map(Into::into),
            schema: schema.map(Into::into),
        };
    for (context, code) in [
        (named(Some("NOBODY"), None, None, None), "003013"),
        (named(None, Some("NO_WH"), None, None), "390201"),
        (named(None, None, Some("NO_DB"), None), "390201"),
        (named(None, None, Some("DEMO"), Some("NO_SCHEMA")), "390201"),
        (named(None, None, Some("demo"), None), "390201"),
    ] {
        let (_, state) = end_of(&warehouse, Ask { context, ..Ask::new("select 1") }).await;
        let State::Failed(error) = state else { panic!("taken") };
        assert_eq!(error.code, code);
    }
    let good = named(Some("ANALYST"), Some("DEMO_WH"), Some("SNOWFLAKE_SAMPLE_DATA"), Some("TPCH_SF1"));
    let (_, state) =
        end_of(&warehouse, Ask { context: good, ..Ask::new("select count(*) from nation") }).await;
    assert!(matches!(state, State::Done(_)));
}

#[tokio::test]
async fn without_a_database_names_must_be_whole() {
    let warehouse = open().await;
    let ask = |text: &str| Ask { context: Context::default(), ..Ask::new(text) };
    let (_, state) = end_of(&warehouse, ask("select * from customers")).await;
    let State::Failed(error) = state else { panic!("found") };
    assert_eq!((error.code, error.sqlstate), ("090105", "22000"));
    assert!(matches!(
        end_of(&warehouse, ask("select id from demo.public.customers limit 1")).await.1,
        State::Done(_)
    ));
}

#[tokio::test]
async fn an_error_prints_neither_its_message_nor_a_literal() {
    let warehouse = open().await;
    let error = error(&warehouse, "select '123-45-6789'::number").await;
    assert!(error.message.contains("123-45-6789"));
    assert!(!format!("{error:?} {error}").contains("6789"));
    let ask = Ask::new("select '123-45-6789'");
    assert!(!format!("{ask:?}").contains("6789"));
}
