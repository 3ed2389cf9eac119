//! Whether columns may be tested that may not be seen in clear, and joined with one another.

use domain::{Decision, ErrorText, TestedHow};

use crate::cases::{Build, RUN_ALL, bundle, decide, grant, read, refusal, rules};

#[test]
fn a_test_that_only_a_person_may_permit_is_held() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"ask\") permit (principal, action == Action::\"test_if_approved\", resource == DataClass::\"email\") \
         when {{ context.how == \"predicate\" }};"
    );
    let bundle = bundle(&policies);
    let ruling = decide(&bundle, &[], &read().tests("CUSTOMERS.EMAIL", TestedHow::Predicate));
    let Decision::Hold(hold) = &ruling.decision else { panic!("{ruling:?}") };
    assert_eq!(hold.reason, "it tests a column that may not be seen in clear; it waits for a person's yes");
    assert_ne!(hold.grant.obligations.error_text, ErrorText::Shown);
    refusal(&decide(&bundle, &[], &read().tests("CUSTOMERS.EMAIL", TestedHow::Order)));
}

#[test]
fn a_column_that_may_be_seen_may_be_tested() {
    let ruling = decide(&bundle(RUN_ALL), &[], &read().tests("CUSTOMERS.COUNTRY", TestedHow::Predicate));
    assert_eq!(ruling.decision.as_str(), "allow");
    assert_eq!(grant(&ruling).obligations.error_text, ErrorText::Shown);
}

/// Permits tests of joins within a class.
const JOINS: &str = "@id(\"joins\") permit (principal, action == Action::\"test\", resource) \
                     when { context.how == \"join\" && context.is_same_class };";

#[test]
fn a_join_is_of_one_class_only_when_both_sides_are() {
    let bundle = bundle(&format!("{RUN_ALL}\n{JOINS}\n{NO_CHANGES}"));
    let decided = |a: &str, b: &str| decide(&bundle, &[], &read().joins(a, b)).decision.as_str();
    assert_eq!(decided("CUSTOMERS.EMAIL", "EMPLOYEES.EMAIL"), "allow");
    assert_eq!(decided("CUSTOMERS.EMAIL", "CUSTOMERS.NAME"), "refuse");
    assert_eq!(decided("CUSTOMERS.EMAIL", "CUSTOMERS.COUNTRY"), "refuse");
    assert_eq!(decided("ELSEWHERE.A", "ELSEWHERE.B"), "refuse");
    assert_eq!(
        decide(&bundle, &[], &read().tests("CUSTOMERS.EMAIL", TestedHow::Join)).decision.as_str(),
        "refuse",
        "a join with something that is no stored column"
    );
}

/// Nobody changes anything.
const NO_CHANGES: &str =
    "@id(\"no-changes\") forbid (principal, action == Action::\"change_object\", resource);";

#[test]
fn a_join_with_a_table_that_the_agent_can_fill_is_of_no_class() {
    let decided = |limit: &str| {
        let bundle = bundle(&format!("{RUN_ALL}\n{JOINS}\n@id(\"limit\") forbid (principal, {limit};"));
        let ruling = decide(&bundle, &[], &read().joins("CUSTOMERS.EMAIL", "EMPLOYEES.EMAIL"));
        assert!(!rules(&ruling).contains("limit"), "no rule of another question is told: {ruling:?}");
        ruling.decision.as_str()
    };
    let change = "action == Action::\"change_object\"";
    let some = "action in [Action::\"write\", Action::\"import\", Action::\"define\"]";
    let all = "action in [Action::\"write\", Action::\"import\", Action::\"define\", Action::\"call\", Action::\"export\"]";
    for (limit, expected) in [
        (format!("{change}, resource in Database::\"OTHER\")"), "refuse"),
        // One table that can be filled is as good as two.
        (format!("{change}, resource == Table::\"DEMO.PUBLIC.EMPLOYEES\")"), "refuse"),
        (format!("{change}, resource in Schema::\"DEMO.PUBLIC\")"), "allow"),
        // Any act that fills a table is one.
        (format!("{some}, resource)"), "refuse"),
        (format!("{all}, resource)"), "allow"),
        (format!("{all}, resource) unless {{ context.kind == \"merge\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"create_materialized_view\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"create_or_alter_view\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"undrop_table\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"clone_schema\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"create_pipe\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"create_task\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"create_external_table\" }}"), "refuse"),
        (format!("{all}, resource) unless {{ context.kind == \"comment\" }}"), "allow"),
        ("action in Action::\"run\", resource) when { context.class != \"read\" }".to_owned(), "allow"),
        // What waits for a person is no write of the agent's own.
        ("action == Action::\"unattended\", resource) when { context.tier != \"read\" }".to_owned(), "allow"),
    ] {
        assert_eq!(decided(&limit), expected, "{limit}");
    }
}

#[test]
fn a_policy_that_fails_on_a_write_lets_nobody_join() {
    let fails = "@id(\"fails\") forbid (principal, action == Action::\"change_object\", resource) \
                 when { context.prompt + 9223372036854775807 > 0 };";
    let bundle = bundle(&format!("{RUN_ALL}\n{JOINS}\n{fails}"));
    refusal(&decide(&bundle, &[], &read().joins("CUSTOMERS.EMAIL", "EMPLOYEES.EMAIL")));
}
