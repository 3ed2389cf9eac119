//! `infra/snowflake/*.sql` as Snowgate itself reads them: what they make, whom it lets do what, and that every step is explained.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Catalog, Class, Context};
use sql::Scope;

use crate::architecture::root;

fn text() -> String {
    text_of("setup.sql")
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(root().join("infra/snowflake").join(file)).unwrap()
}

/// What is run once a gateway is deployed, and what only some need.
const FILES: [&str; 3] = ["setup.sql", "network.sql", "oauth.sql"];

/// The statements, each as it is written and in one line.
fn statements(text: &str) -> Vec<String> {
    let without_remarks: Vec<&str> =
        text.lines().map(|line| if line.trim_start().starts_with("--") { "" } else { line }).collect();
    let text = without_remarks.join("\n");
    let plain = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ");
    sql::split(&text).into_iter().map(|range| plain(&text[range])).collect()
}

fn class(statement: &str) -> Class {
    let (context, catalog) = (Context::default(), Catalog::empty());
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    let scope = Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    sql::read(statement, &scope).class
}

#[test]
fn every_statement_makes_grants_or_sets_and_none_moves_data() {
    let statements = FILES.map(|file| statements(&text_of(file))).concat();
    assert!(statements.len() > 35, "{}", statements.len());
    for statement in &statements {
        let is_alert = statement.starts_with("CREATE ALERT") || statement.starts_with("ALTER ALERT");
        let allowed: &[Class] = if is_alert {
            &[Class::Call, Class::Define, Class::Account]
        } else {
            &[Class::Define, Class::Grant, Class::Account]
        };
        let class = class(statement);
        assert!(allowed.contains(&class), "{class:?}: {statement}");
    }
}

#[test]
fn every_step_is_explained_before_it() {
    for paragraph in FILES.map(text_of).iter().flat_map(|text| text.split("\n\n")) {
        let first = paragraph.trim_start().lines().next().unwrap_or_default();
        assert!(first.starts_with("-- "), "nobody says what this is for: {paragraph}");
    }
}

#[test]
fn what_is_to_be_filled_in_is_told_at_the_top_and_stands_between_quotes() {
    for file in FILES {
        let text = text_of(file);
        let (head, body) = text.split_once("\n\n").unwrap();
        let told: BTreeSet<&str> =
            head.split("-D ").skip(1).map(|one| one.split('=').next().unwrap()).collect();
        let mut used = BTreeSet::new();
        for (at, _) in body.match_indices("<% ") {
            used.insert(body[at + 3..].split(" %>").next().unwrap());
            assert_eq!(&body[at - 1..at], "'", "only a text takes whatever is filled in");
        }
        assert_eq!(told, used, "{file}");
    }
}

#[test]
fn what_locks_a_gateway_without_addresses_out_or_lets_others_in_is_run_by_nobody_who_follows_the_head() {
    let text = text();
    for word in ["NETWORK", "OAUTH"] {
        assert!(!statements(&text).iter().any(|one| one.contains(word)), "{word}");
    }
}

#[test]
fn running_it_again_makes_nothing_twice_and_sets_what_was_filled_in() {
    for statement in FILES.map(|file| statements(&text_of(file))).concat() {
        if statement.starts_with("CREATE ") {
            let may_be_there =
                statement.contains(" IF NOT EXISTS ") || statement.starts_with("CREATE OR REPLACE ");
            assert!(may_be_there, "{statement}");
        }
        // Snowflake refuses to set a policy where there is one.
        assert!(
            !statement.contains(" SET AUTHENTICATION POLICY ") || statement.ends_with(" FORCE"),
            "{statement}"
        );
        // What was made with what is filled in, and may have been there, is set to it again.
        if statement.contains("<% ") && statement.contains(" IF NOT EXISTS ") {
            let made: Vec<&str> = statement.split(" IF NOT EXISTS ").collect();
            let name = made[1].split(' ').next().unwrap();
            let set = format!("{} {name} SET ", made[0].replacen("CREATE", "ALTER", 1));
            let again = FILES.map(|file| statements(&text_of(file))).concat();
            assert!(again.iter().any(|one| one.starts_with(&set)), "{set}");
        }
    }
}

#[test]
fn its_users_have_no_secret_and_no_more_than_their_roles() {
    let statements = statements(&text());
    let users: Vec<&String> = statements.iter().filter(|one| one.starts_with("CREATE USER")).collect();
    assert_eq!(users.len(), 2);
    for user in users {
        for needed in ["TYPE = SERVICE", "WORKLOAD_IDENTITY = (TYPE = OIDC", "DEFAULT_SECONDARY_ROLES = ()"] {
            assert!(user.contains(needed), "{user}");
        }
        for secret in ["PASSWORD", "RSA_PUBLIC_KEY"] {
            assert!(!user.contains(secret), "{user}");
        }
    }
    let granted: BTreeSet<&str> = statements
        .iter()
        .filter_map(|one| one.strip_prefix("GRANT ROLE ")?.contains(" TO USER ").then_some(one.as_str()))
        .collect();
    let expected = [
        "GRANT ROLE SNOWGATE_READER TO USER SNOWGATE_QUERY",
        "GRANT ROLE SNOWGATE_READER TO USER SNOWGATE_WORK",
        "GRANT ROLE SNOWGATE_WRITER TO USER SNOWGATE_WORK",
    ];
    assert_eq!(granted, expected.into());
    // On data, the reader reads; what may be written is its owner's to grant.
    for grant in statements.iter().filter(|one| one.starts_with("GRANT") && one.contains(" ON ")) {
        let what = grant.strip_prefix("GRANT ").unwrap().split(" ON ").next().unwrap();
        assert!(["USAGE", "SELECT"].contains(&what), "{grant}");
    }
}

#[test]
fn what_is_made_later_is_read_as_what_is_there_is_also_in_a_schema_that_is_made_later() {
    let statements = statements(&text());
    let granted = |when: &str| -> BTreeSet<String> {
        let grants = statements.iter().filter(|one| one.starts_with("GRANT") && one.contains(when));
        grants.map(|one| one.replacen(when, "", 1)).collect()
    };
    let (now, later) = (granted(" ON ALL"), granted(" ON FUTURE"));
    assert_eq!(now, later);
    assert!(now.len() == 7 && now.iter().any(|one| one.starts_with("GRANT USAGE SCHEMAS")), "{now:?}");
}

#[test]
fn what_counts_as_recorded_is_what_the_gateway_writes() {
    // As the pipeline and the catalog tag their statements.
    let text = text();
    let permit = std::fs::read_to_string(root().join("crates/gateway/src/permit.rs")).unwrap();
    assert!(permit.contains(r#"format!("{{\"snowgate\":\"{}\"}}", opened.exchange)"#));
    assert!(text.contains(r#"COALESCE(QUERY_TAG, '') NOT LIKE '{"snowgate":"%"}'"#), "also without any tag");
    let submission = std::fs::read_to_string(root().join("crates/snowflake/src/submission.rs")).unwrap();
    assert!(submission.contains(r#""snowgate:catalog""#) && text.contains("'snowgate:catalog'"));
}
