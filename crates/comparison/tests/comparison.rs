//! What differs between two bundles, as it is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

use std::collections::BTreeMap;

use comparison::{Asking, Cases, Differences, Side, differences};
use domain::Timestamp;

type Files = BTreeMap<String, Vec<u8>>;

fn compared(before: &Files, after: &Files) -> Differences {
    let (before, after) = (Side::parse(before).unwrap(), Side::parse(after).unwrap());
    let cases = Cases::of_bundles([&before, &after], &Asking::default());
    differences(&before, &after, &cases, Timestamp::from_micros(0))
}

fn changed(change: impl Fn(&mut Files)) -> Differences {
    let before = policy::default_files();
    let mut after = before.clone();
    change(&mut after);
    compared(&before, &after)
}

#[track_caller]
fn replace(files: &mut Files, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert!(text.contains(from), "{from}");
    files.insert(path.to_owned(), text.replace(from, to).into_bytes());
}

fn add(files: &mut Files, text: &str) {
    files.insert("90-more.cedar".to_owned(), text.as_bytes().to_vec());
}

/// Names of customers are seen by everybody.
fn open_names(files: &mut Files) {
    replace(
        files,
        "catalog.toml",
        "match = \"DEMO.PUBLIC.CUSTOMERS.NAME\"\nclass = \"person\"",
        "match = \"DEMO.PUBLIC.CUSTOMERS.NAME\"\nclass = \"public\"",
    );
}

#[test]
fn the_same_bundle_differs_in_nothing() {
    let found = changed(|_| {});
    assert!(found.is_nothing());
    assert!(found.to_string().starts_with("0 of "), "{found}");
}

#[test]
fn each_file_that_differs_is_told_with_the_lines_that_do() {
    let found = changed(|files| add(files, "// a comment\n"));
    assert!(!found.is_nothing() && found.decisions() == 0);
    assert!(found.to_string().starts_with("added   90-more.cedar\n  + // a comment\n0 of "), "{found}");

    let mut before = policy::default_files();
    add(&mut before, "// one\n// two\n// three\n");
    let mut after = policy::default_files();
    add(&mut after, "// one\n// 2\n// three\n");
    let told = compared(&before, &after).to_string();
    assert!(told.starts_with("changed 90-more.cedar\n  - // two\n  + // 2\n0 of "), "{told}");
    let told = compared(&before, &policy::default_files()).to_string();
    assert!(told.starts_with("removed 90-more.cedar\n  - // one\n  - // two\n  - // three\n0 of "), "{told}");
    let mut renamed = policy::default_files();
    renamed.insert("91-more.cedar".to_owned(), before["90-more.cedar"].clone());
    let told = compared(&before, &renamed).to_string();
    assert!(told.starts_with("renamed 90-more.cedar to 91-more.cedar\n0 of "), "{told}");

    let long = changed(|files| add(files, &"// x\n".repeat(1000))).to_string();
    assert_eq!(long.matches("  + // x\n").count(), 1000, "what is not shown is judged by nobody");
}

/// A line between two comments that differ, in the middle of a long file.
#[test]
fn no_rule_hides_behind_others() {
    let rule =
        "@id(\"agents-maintenance\") permit (principal == Agent::\"claude-finance\", action, resource);";
    let path = "20-statements.cedar";
    let found = changed(|files| {
        let text = String::from_utf8(files[path].clone()).unwrap();
        let middle = text.find("\n@id(").unwrap();
        let (before, after) = text.split_at(middle);
        let text = format!("// at its top\n{before}\n{rule}\n{after}\n// at its end\n");
        files.insert(path.to_owned(), text.into_bytes());
    });
    let text = found.to_string();
    assert!(text.contains(&format!("  + {rule}\n")), "{text}");
    assert!(text.contains("new rule agents-maintenance: permits (20-statements.cedar:"), "{text}");
    let lines = text.lines().take_while(|line| !line.starts_with("new rule")).count();
    assert!(lines < 12, "nothing that is alike is shown: {text}");
    // Whoever a rule names is asked as.
    assert!(found.opened() > 0, "{text}");
    assert!(text.contains("opens: the agent claude-finance in no group"), "{text}");
}

#[test]
fn people_scopes_and_grades_that_rules_look_at_are_asked_as() {
    let opens = |rule: &str| changed(|files| add(files, rule)).to_string();
    let whole = |when: &str| format!("@id(\"more\") permit (principal, action, resource) when {{ {when} }};");
    for (when, who) in [
        (
            "principal has person && principal.person == \"mallory@acme.example\"",
            "for mallory@acme.example in no group",
        ),
        ("[\"cron\", \"batch\"].contains(principal.subject)", "for batch in no group"),
        ("principal.scopes.contains(\"sql:all\")", "in no group with scopes sql:all"),
    ] {
        let told = opens(&whole(when));
        assert!(told.contains(&format!("opens: {who}")), "{when}: {told}");
    }
    let rule =
        "@id(\"known\") permit (principal, action in Action::\"run\", resource) when { context.prompt > 3 };";
    let told = opens(rule);
    assert!(told.contains(" with a prompt known as P4"), "{told}");
}

#[test]
fn fewer_people_others_and_weaker_masks_open() {
    let one_of = "groups = [\"data-reviewers\"]";
    let found = changed(|files| replace(files, "catalog.toml", one_of, "groups = [\"agents\"]"));
    assert!(found.opened() > 0, "{found}");
    let redacted = "[classes.ssn]\nmask = \"redact\"";
    let weaker = redacted.replace("redact", "last_four");
    let found = changed(|files| replace(files, "catalog.toml", redacted, &weaker));
    assert!(found.opened() > 0, "{found}");
}

#[test]
fn a_column_that_becomes_public_opens_and_the_other_way_closes() {
    let found = changed(open_names);
    assert!(found.opened() > 0 && found.opened() == found.decisions(), "{found}");
    let text = found.to_string();
    assert!(text.contains("opens: agents as ANALYST: select * from DEMO.PUBLIC.CUSTOMERS\n"), "{text}");
    assert!(
        text.contains("  - allowed; NAME masked as person by Redact\n  + allowed; NAME shown\n"),
        "{text}"
    );

    let mut before = policy::default_files();
    open_names(&mut before);
    let back = compared(&before, &policy::default_files());
    assert_eq!((back.opened(), back.decisions()), (0, found.decisions()), "{back}");
}

#[test]
fn what_opens_stands_before_what_closes() {
    let found = changed(|files| {
        open_names(files);
        add(
            files,
            "@id(\"no-orders\")\nforbid (principal, action, resource == Table::\"DEMO.PUBLIC.ORDERS\");\n",
        );
    });
    let text = found.to_string();
    let (opens, closes) = (text.rfind("\nopens: ").unwrap(), text.find("\ncloses: ").unwrap());
    assert!(opens < closes, "{text}");
    assert!(
        text.contains("closes: agents as ANALYST: select * from DEMO.PUBLIC.ORDERS\n  - allowed"),
        "{text}"
    );
}

#[test]
fn a_limit_is_told_by_group_and_not_by_every_decision() {
    let found = changed(|files| replace(files, "catalog.toml", "per_minute = ", "per_minute = 1"));
    assert_eq!(found.decisions(), 0, "{found}");
    assert!(found.to_string().contains("agents: per_minute "), "{found}");
}

#[test]
fn what_is_found_by_content_is_told_where_less_is_looked_for() {
    let found = changed(|files| replace(files, "catalog.toml", "off = []", "off = [\"email\"]"));
    assert!(found.to_string().contains("new: detector `email` is switched off\n"), "{found}");
}

#[test]
fn nothing_that_a_bundle_says_steers_a_terminal() {
    let found = changed(|files| {
        let evil = "contact = \"\\u001b[2J\\u202Ex\"";
        replace(files, "catalog.toml", "contact = \"the group data-reviewers\"", evil);
        add(files, "// \u{202e}permit \u{7}\n");
    });
    let text = found.to_string();
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{text}");
}

#[test]
fn names_are_those_that_either_bundle_writes() {
    let mut with = policy::default_files();
    add(
        &mut with,
        "@id(\"a\")\npermit (principal in Group::\"auditors\", action == Action::\"use\", resource == Role::\"R2\");\n",
    );
    let before = policy::default_files();
    let sides = [&Side::parse(&before).unwrap(), &Side::parse(&with).unwrap()];
    let cases = Cases::of_bundles(sides, &Asking::default());
    let is_asked = |text: &str, group: &str, role: &str| {
        cases.cases.iter().any(|case| {
            case.text == text && case.asker.groups == [group] && case.context.role.as_deref() == Some(role)
        })
    };
    for group in ["agents", "auditors"] {
        for role in ["ANALYST", "R2"] {
            assert!(is_asked("select * from DEMO.PUBLIC.CUSTOMERS", group, role), "{group} {role}");
            assert!(is_asked("delete from DEMO.PUBLIC.CUSTOMERS", group, role), "{group} {role}");
        }
    }
    assert!(cases.cases.iter().any(|case| case.asker.groups.is_empty()), "whoever is in no group");
    assert_eq!(cases.left_out, 0);
}

#[test]
fn statements_that_somebody_gives_stand_in_for_the_samples() {
    let files = policy::default_files();
    let side = Side::parse(&files).unwrap();
    let asking = Asking {
        groups: vec!["agents".to_owned(), "more".to_owned()],
        role: Some("ANALYST".to_owned()),
        statements: Some("select 1; -- that ;\nselect ';'".to_owned()),
        ..Asking::default()
    };
    let cases = Cases::of_bundles([&side, &side], &asking).cases;
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    assert_eq!(texts, ["select 1", "select ';'"]);
    assert_eq!(cases[0].asker.groups, ["agents", "more"]);
    assert_eq!(cases[0].context.role.as_deref(), Some("ANALYST"));
}
