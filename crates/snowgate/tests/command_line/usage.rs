//! What the commands say to whoever reads them: of what they found, of nothing, and of what was meant.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::{Served, snowgate};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    snowgate(folder).args(arguments).output().expect("it runs")
}

#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32, says: &str) {
    let output = run(folder, arguments);
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(
        (output.status.code(), output.stdout.is_empty()),
        (Some(code), true),
        "{arguments:?}: {error}"
    );
    assert!(error.contains(says), "{arguments:?}: {error}");
}

#[test]
fn what_is_no_home_is_not_verified_and_not_called_altered() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).expect("a folder");
    fs::write(folder.join("file"), "").expect("written");
    for path in ["nowhere", "empty", "file"] {
        for more in [&[][..], &["--json"]] {
            check(
                folder,
                &[&["verify", path], more].concat(),
                64,
                "is no home of a gateway: nothing was verified",
            );
        }
    }
    check(folder, &["verify", "nowhere"], 64, "`nowhere`");
    // A home whose recordings are gone is one all the same.
    fs::create_dir(folder.join("robbed")).expect("a folder");
    fs::write(folder.join("robbed/state.db"), "").expect("written");
    check(folder, &["verify", "robbed"], 1, "has no recordings any more");
}

#[test]
fn a_folder_without_a_bundle_is_told_how_to_get_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).expect("a folder");
    check(
        folder,
        &["policy", "check", "./nopol"],
        1,
        "there is no folder `./nopol`; next: snowgate policy init ./nopol",
    );
    check(folder, &["policy", "check", "empty"], 1, "next: snowgate policy init empty");
    fs::write(folder.join("tables.sql"), "create table t (a number);").expect("written");
    let decide = ["decide", "--schema", "tables.sql", "--policies", "./nopol"];
    check(folder, &decide, 1, "next: snowgate policy init ./nopol");
    assert!(run(folder, &["policy", "init", "./nopol"]).status.success());
    assert!(run(folder, &["policy", "check", "./nopol"]).status.success());
}

#[test]
fn an_address_without_its_scheme_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let says = "--url `127.0.0.1:8181` is no address of a gateway: write it with http:// or https://, like \
                http://127.0.0.1:8181";
    check(folder.path(), &["ask", "--url", "127.0.0.1:8181", "select 1"], 64, says);
}

#[test]
fn decide_asks_under_the_names_that_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let table = "create table customers (id number, email varchar); create table demo.other.x (a number);";
    fs::write(folder.join("tables.sql"), table).expect("written");
    assert!(run(folder, &["policy", "init", "policies"]).status.success());
    let verdicts = |more: &[&str]| {
        let arguments = ["decide", "--schema", "tables.sql", "--policies", "policies"];
        let line = json!({"sql": "select id, email from customers"}).to_string();
        let output = crate::filters::run_in(folder, &[&arguments, more].concat(), line);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("an object");
        format!("{} {}", told["verdict"], told["masked_columns"])
    };
    // The built-in bundle grants the names of the demo.
    assert_eq!(verdicts(&[]), r#""deny" "*""#);
    let demo = ["--database", "demo", "--warehouse", "DEMO_WH"];
    assert_eq!(verdicts(&demo), r#""mask" [1]"#);
    for other in [["--role", "ACCOUNTADMIN"], ["--groups", "strangers"], ["--schema-name", "OTHER"]] {
        let verdict = verdicts(&[&demo[..], &other].concat());
        let expected = if other[0] == "--schema-name" { r#""mask" [0,1]"# } else { r#""deny" "*""# };
        assert_eq!(verdict, expected, "{other:?}");
    }
    check(folder, &["read", "--database", "DEMO"], 64, "--schema");
    check(
        folder,
        &["decide", "--schema", "tables.sql", "--policies", "policies", "--role", "a b"],
        64,
        "as in SQL",
    );
}

#[test]
fn decide_says_of_too_many_statements_what_the_doors_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("tables.sql"), "create table t (a number);").expect("written");
    assert!(run(folder, &["policy", "init", "policies"]).status.success());
    let decide = ["decide", "--schema", "tables.sql", "--policies", "policies"];
    let line = json!({ "sql": "select 1;".repeat(300) }).to_string();
    let output = crate::filters::run_in(folder, &decide, line);
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(told.contains("gateway:breadth") && told.contains("more than 256 statements"), "{told}");
}

#[test]
fn people_read_moments_counts_and_reasons_in_words_and_scripts_the_protocol() {
    let gateway = Served::start();
    let text = |arguments: &[&str]| {
        let output = gateway.run(&[arguments, &["--home", "home"]].concat());
        (String::from_utf8(output.stdout).expect("text"), String::from_utf8(output.stderr).expect("text"))
    };
    for json in [&[][..], &["--json"]] {
        let (out, error) = text(&[&["search"], json].concat());
        assert!(out.is_empty() && error.contains("nothing found in home"), "{error}");
        let (out, error) = text(&[&["search", "--rejected"], json].concat());
        assert!(out.is_empty() && error.contains("nothing was turned away"), "{error}");
    }

    let sql =
        "select o_orderkey, o_orderdate from snowflake_sample_data.tpch_sf1.orders where o_orderkey = 1";
    let (out, error) = text(&["ask", "--url", &gateway.url, sql]);
    assert!(out.contains("1996-01-02") && !out.contains("9497"), "{out}");
    assert!(error.starts_with("1 row, recorded as"), "{error}");
    let (code, answer) = gateway.ask(sql);
    assert_eq!((code, &answer["rows"]), (0, &json!([["1", "9497"]])));
    assert_eq!(answer["columns"][1]["type"], json!("date"));
    let session =
        answer["exchange"].as_str().and_then(|exchange| exchange.split('/').next()).expect("a session");
    let (out, _) = text(&["replay", session]);
    // What the agent saw, and what it means.
    assert!(out.contains("9497 (1996-01-02)") && out.contains("rows, 1 row, "), "{out}");
    let (out, _) = text(&["search"]);
    assert!(out.contains("(1 row)") && !out.contains("1 rows"), "{out}");
    let verified = gateway.run(&["verify", "home"]).stdout;
    let verified = String::from_utf8(verified).expect("text");
    assert!(verified.starts_with("good: 1 session, 2 exchanges, 2 pages, 0 faults"), "{verified}");

    for (sql, why) in [
        ("selct 1", "it could not be read (a statement that nobody knows)"),
        ("select 1 +", "it could not be read (a construct that the parser cannot read)"),
        ("execute immediate $secret", "it could not be read ("),
    ] {
        let (code, answer) = gateway.ask(sql);
        let message = answer["refusal"]["message"].as_str().expect("a message").to_owned();
        assert_eq!(code, 3, "{answer}");
        assert!(message.contains(why) && !message.contains("secret"), "{message}");
    }
}
