//! Masks over the embedded warehouse, as somebody who writes policy meets them.

use std::fs;

use serde_json::{Value, json};

use crate::{Served, snowgate};

/// The demo with another catalog.
fn served(change: impl Fn(String) -> String) -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let made = snowgate(folder.path()).args(["policy", "init", "policies"]).output().expect("it runs");
    assert!(made.status.success());
    let file = folder.path().join("policies/catalog.toml");
    let catalog = fs::read_to_string(&file).expect("text");
    let changed = change(catalog.clone());
    assert_ne!(catalog, changed);
    fs::write(&file, changed).expect("written");
    Served::start_in(folder, &["--policies", "policies"])
}

#[track_caller]
fn rows(gateway: &Served, sql: &str) -> Vec<Value> {
    let (code, answer) = gateway.ask(sql);
    assert_eq!(code, 0, "{sql}: {answer}");
    answer["rows"].as_array().expect("rows").clone()
}

/// Whoever could have a token of a guess beside those of what is stored would know which guess is right.
#[test]
fn nothing_but_what_is_stored_has_a_token() {
    let gateway = served(|catalog| {
        catalog
            .replace("[classes.ssn]\nmask = \"redact\"", "[classes.ssn]\nmask = \"shared_token\"\nepoch = 1")
    });
    // Who may write a column has none either, and the demo's agents may where a person says yes.
    let policies = gateway.folder.path().join("policies");
    let forbid = "@id(\"no-writes\") forbid (principal, action == Action::\"change_object\", resource);\n";
    fs::write(policies.join("95-no-writes.cedar"), forbid).expect("written");
    let is_token = |row: &Value| row[0].as_str().is_some_and(|cell| cell.starts_with("tok_"));
    let has_tokens =
        || rows(&gateway, "select ssn from demo.public.customers where id = 1").iter().all(is_token);
    let begun = std::time::Instant::now();
    while !has_tokens() {
        assert!(begun.elapsed().as_secs() < 60, "the new policies are not read");
    }
    for guess in [
        "select '575-82-0993'",
        "select lpad(seq8()::varchar, 9, '0') from table(generator(rowcount => 3))",
        "(select ssn from demo.public.employees union all select left('575-82-0993xx', 11))",
    ] {
        for sql in [
            format!("select ssn from demo.public.customers where id = 1 union all {guess}"),
            format!("select s from (select ssn s from demo.public.customers where id = 1 union all {guess})"),
        ] {
            let rows = rows(&gateway, &sql);
            assert!(rows.len() > 1 && rows.iter().all(|row| row[0] == json!("[SSN]")), "{sql}: {rows:?}");
        }
    }
}

#[test]
fn what_is_shown_after_the_detectors_is_hidden_under_whatever_name() {
    let scanned = |catalog: String| {
        ["person", "dob", "address"].into_iter().fold(catalog, |catalog, class| {
            catalog.replace(&format!("\nclass = \"{class}\"\n"), "\nclass = \"notes\"\n")
        })
    };
    let gateway = served(scanned);
    let customers = "from demo.public.customers where id < 4";
    for (sql, hidden) in [
        (format!("select name, dob {customers}"), json!(["[PERSON]", null])),
        (format!("select name as x, dob as y {customers}"), json!(["[PERSON]", null])),
        (format!("select p, q from (select name as p, dob as q {customers})"), json!(["[PERSON]", null])),
        (format!("select name as product_name, 1 as one {customers}"), json!(["[PERSON]", "1"])),
        (
            format!(
                "select country as segment, id {customers} and id < 0 union all select name, id {customers} and id = 1"
            ),
            json!(["[PERSON]", "1"]),
        ),
        (
            "select ship_address as a, 1 as one from demo.public.orders where id < 4".to_owned(),
            json!(["[ADDRESS]", "1"]),
        ),
    ] {
        let rows = rows(&gateway, &sql);
        assert!(!rows.is_empty() && rows.iter().all(|row| *row == hidden), "{sql}: {rows:?}");
    }
}
