//! `snowgate read`, `snowgate decide` and `snowgate mask`: JSON lines in, JSON lines out.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const SCHEMA: &str = "crates/sql/tests/data/acme.sql";
const POLICIES: &str = "tests/policies/acme";

/// A dozen statements, each of a kind.
const STATEMENTS: [&str; 13] = [
    "select id, ssn as code, upper(email) || country as v from customers where country = 'DE' order by signup_date",
    "select full_name, count(*) as n from v_customers group by all",
    "select ssn from customers ->> select $1 as v, 1 as one from $1",
    "select notes, profile:prefs.theme::string as theme, profile:ssn from customers",
    "select * exclude (name, email, card_number, dob, phone, notes, profile) from customers",
    "select id from customers where ssn like '1%'",
    "select o.id from orders o join payments p on p.order_id = o.id where p.card_number is not null",
    "update orders set status = 'x' where id = 1",
    "create table copy as select email from customers",
    "copy into @~/out from (select ssn from customers)",
    "use schema information_schema; select table_name from tables",
    "execute immediate $x",
    "select id from nowhere where a = 1",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn snowgate(arguments: &[&str]) -> Command {
    snowgate_in(&root(), arguments)
}

fn snowgate_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate"));
    command.current_dir(folder).env_clear().args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
    run_in(&root(), arguments, input)
}

/// Runs a filter in a folder until its input ends.
pub fn run_in(folder: &Path, arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = snowgate_in(folder, arguments).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.as_ref().to_vec();
    // Whoever ends early does not read it all.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    feeding.join().expect("it is fed");
    output
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

fn decide() -> [&'static str; 5] {
    ["decide", "--schema", SCHEMA, "--policies", POLICIES]
}

fn numbered(statements: &[&str]) -> String {
    let lines =
        statements.iter().enumerate().map(|(id, sql)| json!({"id": id, "sql": sql}).to_string() + "\n");
    lines.collect()
}

/// The answers, each below what was asked.
fn told(arguments: &[&str], statements: &[&str]) -> String {
    let output = run(arguments, numbered(statements));
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), statements.len());
    statements.iter().zip(text.lines()).map(|(sql, line)| format!("{sql}\n{line}\n\n")).collect()
}

// `INSTA_UPDATE=always` writes what follows anew; the difference is reviewed.

#[test]
fn what_statements_are_is_told_as_reviewed() {
    insta::assert_snapshot!("read", told(&["read", "--schema", SCHEMA], &STATEMENTS));
}

#[test]
fn without_a_schema_names_are_told_as_they_are_written() {
    let statements = [
        "select a.x, b.* from t a join s.\"Odd name\" b using (x) where y > 1",
        "select x from d.s.t union select y from d..u",
        "with w as (select 1 as one) select one from w",
    ];
    insta::assert_snapshot!("read_without_schema", told(&["read"], &statements));
}

#[test]
fn what_the_bundle_says_is_told_as_reviewed() {
    insta::assert_snapshot!("decide", told(&decide(), &STATEMENTS));
}

#[test]
fn cells_are_masked_by_the_detectors_of_the_bundle_that_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(root().join(POLICIES)).expect("a bundle") {
        let path = entry.expect("a file").path();
        std::fs::copy(&path, folder.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    let catalog = folder.path().join("catalog.toml");
    let text = std::fs::read_to_string(&catalog).expect("its catalog");
    let detectors = "\n[detectors]\noff = ['mac']\n[detectors.tune.card]\nclass = 'card'\n\
                     [[detectors.custom]]\nname = 'staff'\nliteral = 'E'\nshape = '999999'\nclass = 'person'\n";
    std::fs::write(&catalog, text + detectors).expect("written");
    let dir = folder.path().to_str().expect("a path");

    let output = run(&["policy", "check", dir], "");
    let told = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("weaker: detector `mac` is switched off\n"), "{told}");

    let cell = |value: &str| {
        json!({"id": 1, "column_name": "NOTE", "sql_type": "VARCHAR", "value": value}).to_string()
    };
    let input = format!("{}\n{}\n", cell("E123456 at 00:1B:63:84:45:E6"), cell("4111111111111111"));
    let masked = |arguments: &[&str]| -> Vec<Value> {
        lines(&run(arguments, &input)).iter().map(|line| line["masked"].clone()).collect()
    };
    assert_eq!(masked(&["mask", "--policies", dir]), ["[PERSON] at 00:1B:63:84:45:E6", "****1111"]);
    assert_eq!(masked(&["mask"]), ["E123456 at [MAC]", "[CARD]"]);
    let stats = run(&["mask", "--stats"], &input);
    let told = String::from_utf8(stats.stderr).expect("text");
    assert!(told.contains(" cells/s, ") && told.contains(" MB/s of CPU time"), "{told}");
}

#[test]
fn the_help_is_as_reviewed() {
    for command in ["read", "decide", "mask"] {
        let output = run(&[command, "--help"], "");
        assert_eq!(output.status.code(), Some(0));
        insta::assert_snapshot!(format!("help_{command}"), String::from_utf8(output.stdout).expect("text"));
    }
}

#[test]
fn what_ran_before_in_a_session_never_makes_a_clear_answer_of_a_masked_column() {
    const COPIES: [&str; 24] = [
        "create temporary table t as select ssn as x from customers @ select x from t",
        "create temporary view v as select ssn as x from customers @ select x from v",
        "create temporary table products as select ssn as name from customers @ select name from products",
        "create or replace view v_country_stats as select ssn as country, 1 as n, 2 as unique_contacts from customers \
         @ select country from v_country_stats",
        "create or replace table customers as select ssn as id, country from customers @ select id from customers",
        "create stream st on table customers @ select ssn, metadata$action from st",
        "create dynamic table products target_lag = '1 hour' warehouse = w as select ssn as name from customers \
         @ select name from products",
        "create table c2 clone customers @ select ssn from c2",
        "alter table products swap with customers @ select name from products",
        "alter table products rename to p2 @ alter table customers rename to products @ select name from products",
        "alter schema public swap with other @ select name from products",
        "create or replace schema public clone other @ select name from products",
        "drop database acme @ undrop database acme @ select name from products",
        "insert into products (name) select ssn from customers @ select name from products",
        "update products set name = (select max(ssn) from customers) @ select name from products",
        "merge into products p using customers c on true when not matched then insert (name) values (c.ssn) \
         @ select name from products",
        "create temporary table identifier($t) as select ssn as name from customers @ select name from products",
        "set x = (select ssn from customers where id = 1) @ select $x as v",
        "set t = 'CUSTOMERS' @ select * from identifier($t)",
        "use schema other @ create table products as select ssn as name from acme.public.customers \
         @ select name from products",
        "create function f() returns varchar as 'select max(ssn) from customers' @ select f()",
        "call fill_products() @ select name from products",
        "begin create or replace view products as select ssn as name from customers; end @ select name from products",
        "select ssn from customers @ select * from table(result_scan(last_query_id()))",
    ];
    let statements = COPIES.map(|session| {
        let mut parts: Vec<&str> = session.split('@').map(str::trim).collect();
        let sql = parts.pop();
        json!({"id": session, "prior": parts, "sql": sql}).to_string() + "\n"
    });
    let told = lines(&run(&decide(), statements.concat()));
    assert_eq!(told.len(), COPIES.len());
    for line in told {
        let verdict = line["verdict"].as_str().expect("a verdict");
        let is_masked = line["masked_columns"] == json!("*")
            || line["masked_columns"].as_array().is_some_and(|columns| !columns.is_empty());
        assert!(verdict == "deny" || (verdict == "mask" && is_masked), "{line}");
    }
}

#[test]
fn an_earlier_statement_that_is_not_complete_denies_what_follows() {
    for prior in ["select 1 /*", "select 'a", "select \"a", "select $$a", "begin select 1", "declare x int"] {
        let line = json!({"prior": [prior], "sql": "select name from products"}).to_string();
        let told = lines(&run(&decide(), line));
        assert_eq!(told[0]["verdict"], "deny", "{prior}: {told:?}");
    }
    for prior in ["select 1 --", "select 1;", "begin", "alter session set timezone = 'UTC'", ""] {
        let line = json!({"prior": [prior], "sql": "select name from products"}).to_string();
        let told = lines(&run(&decide(), line));
        assert_eq!(told[0]["verdict"], "allow", "{prior}: {told:?}");
    }
}

#[test]
fn several_statements_are_decided_by_the_strictest() {
    for (sql, verdict, masked) in [
        ("select id from orders; select 1", "allow", json!([])),
        ("select id from orders; select ssn from customers", "mask", json!("*")),
        ("select id from orders; drop table orders", "deny", json!("*")),
        ("", "deny", json!("*")),
    ] {
        let told = lines(&run(&decide(), json!({"sql": sql}).to_string()));
        assert_eq!((&told[0]["verdict"], &told[0]["masked_columns"]), (&json!(verdict), &masked), "{sql}");
        assert_eq!(told[0]["column_count"], Value::Null, "{sql}");
    }
}

#[test]
fn tables_that_the_bundle_does_not_know_are_masked() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = folder.path().join("schema.sql");
    std::fs::write(&schema, "create table leads (id number, mail varchar); create table x.y.z (a number);")
        .expect("written");
    let arguments = ["decide", "--schema", schema.to_str().expect("a path"), "--policies", POLICIES];
    let told = lines(&run(
        &arguments,
        numbered(&[
            "select id, mail from leads",
            "select a from x.y.z",
            "select id from leads where mail = 'a'",
        ]),
    ));
    assert_eq!((&told[0]["verdict"], &told[0]["masked_columns"]), (&json!("mask"), &json!([0, 1])));
    assert_eq!((&told[1]["verdict"], &told[2]["verdict"]), (&json!("deny"), &json!("deny")));
}

#[test]
fn a_malformed_line_is_answered_with_what_to_do_and_the_rest_goes_on() {
    let input = "{\"id\":\"a\",\"sql\":\"select 1\"}\nnonsense\n{\"id\":[3],\"sql\":7}\n\n{\"id\":1e400,\"sql\":\"select 1\"}\n";
    for arguments in [&["read"][..], &decide()] {
        let output = run(arguments, input);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr, "snowgate: 3 of 5 lines could not be read; the `error` of each says what to do\n");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let starts: Vec<&str> = text.lines().map(|line| line.split(',').next().expect("a part")).collect();
        // What names a line is printed as it was written.
        assert_eq!(starts, ["{\"id\":\"a\"", "{\"id\":null", "{\"id\":[3]", "{\"id\":null", "{\"id\":1e400"]);
        for (at, line) in text.lines().enumerate() {
            let is_wrong = (1..=3).contains(&at);
            let is_told = line.contains(&format!("\"line\":{},\"error\":\"line {}: ", at + 1, at + 1));
            assert_eq!(is_told, is_wrong, "{line}");
            // Nobody may take a line that was not read for a yes.
            let is_denied = line.contains("\"verdict\":\"deny\"") || arguments[0] == "read";
            assert!(is_denied || !is_wrong, "{line}");
        }
    }
}

#[test]
fn functions_that_are_more_than_a_calculation_are_told_with_the_reason() {
    let statements = ["select my_udf(id) from orders", "select system$wait(1)", "select upper('a')"];
    let told = lines(&run(&["read", "--schema", SCHEMA], numbered(&statements)));
    let why = |at: usize| told[at]["statements"][0]["why"].as_str().unwrap_or_default().to_owned();
    assert!(why(0).contains("it calls `MY_UDF`, which nobody knows"), "{}", why(0));
    assert!(why(1).contains("it calls `SYSTEM$WAIT`, which is of class call"), "{}", why(1));
    assert_eq!(told[2]["statements"][0]["why"], Value::Null);
}

#[test]
fn no_input_is_no_output() {
    for arguments in [&["read"][..], &decide()] {
        let output = run(arguments, "");
        assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
    }
}

#[test]
fn a_huge_statement_is_refused_by_name() {
    let huge = format!("select '{}'", "x".repeat(10_000_000));
    let told = lines(&run(&["read"], numbered(&[&huge, "select 1"])));
    let statement = &told[0]["statements"][0];
    assert_eq!((&statement["opaque"], &statement["why"]), (&json!(true), &json!("a text longer than 10 MB")));
    assert_eq!(told[1]["statements"][0]["class"], "read");
    let told = lines(&run(&decide(), numbered(&[&huge, "select 1"])));
    assert_eq!((&told[0]["verdict"], &told[1]["verdict"]), (&json!("deny"), &json!("allow")));
}

#[test]
fn each_line_is_answered_before_the_next_is_written() {
    for arguments in [&["read"][..], &decide()] {
        let mut child = snowgate(arguments).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("its input");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        for id in 0..3 {
            writeln!(stdin, "{}", json!({"id": id, "sql": "select 1"})).expect("written");
            let mut line = String::new();
            stdout.read_line(&mut line).expect("answered");
            let told: Value = serde_json::from_str(&line).expect("an object");
            assert_eq!(told["id"], json!(id));
        }
        drop(stdin);
        assert!(child.wait().expect("it ends").success());
    }
}

#[test]
fn what_is_missing_or_broken_is_said_before_anything_is_read() {
    for (arguments, code, words) in [
        (&["decide"][..], 64, "--schema"),
        (&["decide", "--schema", SCHEMA], 64, "--policies"),
        (&["read", "--frobnicate"], 64, "--frobnicate"),
        (&["read", "--schema", "no-such-file.sql"], 1, "cannot be read"),
        (&["read", "--schema", "README.md"], 1, "makes no table and no view"),
        (&["decide", "--schema", SCHEMA, "--policies", "events"], 1, "snowgate policy check events"),
        (&["decide", "--schema", SCHEMA, "--policies", "no-such"], 1, "snowgate policy init no-such"),
    ] {
        let output = run(arguments, numbered(&["select 1"]));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[test]
fn the_bundle_of_the_shop_is_good() {
    let output = run(&["policy", "check", POLICIES], "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_request_for_access_is_read_and_decided_as_the_gateway_does() {
    let request = "request access to acme.public.customers for '2h' because 'the report'";
    let read = told(&["read", "--schema", SCHEMA], &[request, "request access to customers"]);
    assert_eq!(read.matches("\"kind\":\"request_access\"").count(), 2, "{read}");
    assert!(read.contains("\"class\":\"grant\"") && !read.contains("\"opaque\":true"), "{read}");
    assert!(read.contains("access is asked for by"), "{read}");
    // Nobody grants any under this bundle, and that is what is said.
    let decided = told(&decide(), &[request]);
    assert!(decided.contains("gateway:access") && decided.contains("no access for a while"), "{decided}");
}
