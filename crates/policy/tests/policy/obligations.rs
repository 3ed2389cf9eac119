//! What a permit obliges to: how columns are treated, the tier, the limits, and whose yes is needed.

use domain::{Class, Decision, Tier};

use crate::cases::{
    Build, RUN_ALL, all_but, bundle, bundle_with, decide, grant, identity, select, statement, treatments,
};

#[test]
fn a_forbidden_class_is_masked_although_a_rule_permits_seeing_all() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"all\") permit (principal, action == Action::\"see\", resource);\n\
         @id(\"no-mail\") forbid (principal, action == Action::\"see\", resource == DataClass::\"email\");"
    );
    let statement = select().stored("CUSTOMERS.EMAIL").stored("CUSTOMERS.NAME");
    assert_eq!(treatments(&decide(&bundle(&policies), &[], &statement)), "email_domain email, clear");
}

#[test]
fn each_class_runs_in_its_tier() {
    let bundle = bundle(RUN_ALL);
    for (class, tier) in [
        (Class::Show, Tier::Read),
        (Class::Session, Tier::Read),
        (Class::Transaction, Tier::Read),
        (Class::Read, Tier::Read),
        (Class::Write, Tier::Write),
        (Class::Import, Tier::Write),
        (Class::Define, Tier::Define),
        (Class::Call, Tier::Define),
        (Class::Export, Tier::Define),
        (Class::Grant, Tier::Define),
        (Class::Account, Tier::Define),
        (Class::Opaque, Tier::Define),
    ] {
        assert_eq!(grant(&decide(&bundle, &[], &statement(class, "x"))).tier, tier, "{class}");
    }
}

#[test]
fn limits_are_the_agents_over_the_lowest_of_its_groups_over_the_default() {
    let bundle = bundle_with(
        "",
        "[[limits]]\ngroups = ['a']\nrows = 100\nat_once = 7\n[[limits]]\ngroups = ['b']\nrows = 50\n\
         [[limits]]\nagents = ['claude-finance']\nat_once = 1\n",
    );
    let limits = bundle.limits_for(&identity(&["a", "b"]));
    assert_eq!((limits.rows, limits.at_once, limits.per_minute), (50, 1, 5));
    assert_eq!(bundle.limits_for(&identity(&[])).rows, 10);
    // Where nobody says how often people may be asked.
    assert_eq!(bundle.limits_for(&identity(&[])).asks_per_hour, 60);
    let said = bundle_with(RUN_ALL, "[[limits]]\ngroups = ['a']\nasks_per_hour = 3\n");
    assert_eq!(said.limits_for(&identity(&["a"])).asks_per_hour, 3);
    assert_eq!(said.limits_for(&identity(&["b"])).asks_per_hour, 60);
}

#[test]
fn reviewers_are_those_of_the_kind_else_of_the_class() {
    let bundle = bundle_with(
        &all_but("unattended"),
        "[[reviewers]]\nclasses = ['write']\ngroups = ['owners']\nexpires = '2h'\n\
         [[reviewers]]\nkinds = ['delete_all']\ngroups = ['security', 'owners']\npeople = 2\nexpires = '90s'\n",
    );
    let reviewers = |class, kind| match decide(&bundle, &[], &statement(class, kind)).decision {
        Decision::Hold(hold) => (hold.reviewers.join(" "), hold.people.get(), hold.expires_after.as_secs()),
        other @ (Decision::Allow(_) | Decision::Refuse(_)) => panic!("{other:?}"),
    };
    assert_eq!(reviewers(Class::Write, "insert"), ("owners".into(), 1, 7200));
    assert_eq!(reviewers(Class::Write, "delete_all"), ("security owners".into(), 2, 90));
    assert_eq!(reviewers(Class::Define, "create_table"), ("stewards".into(), 1, 1800));
}

/// A statement whose columns nobody foretells.
fn without_columns(class: Class, kind: &str) -> domain::Statement {
    let mut statement = statement(class, kind);
    statement.lineage.outputs = None;
    statement
}

#[test]
fn a_definition_without_a_query_answers_a_status() {
    let rested = format!(
        "{}\n@id(\"rests\") permit (principal, action == Action::\"unattended\", resource) \
         unless {{ context has touches_hidden && context.touches_hidden }};",
        all_but("unattended")
    );
    let bundle = bundle(&rested);
    let define = |kind: &str, writes: &[&str]| {
        writes.iter().fold(without_columns(Class::Define, kind), |statement, name| statement.writes(name))
    };
    for (statement, expected) in [
        (define("drop_table", &["DEMO.PUBLIC.CUSTOMERS"]), "allow"),
        (define("drop_table", &["DEMO.PUBLIC.NOWHERE"]), "allow"),
        (define("comment", &["DEMO.PUBLIC.PRODUCTS"]), "allow"),
        (define("create_sequence", &["DEMO.PUBLIC.S"]), "allow"),
        (define("alter_table", &["DEMO.PUBLIC.PRODUCTS"]), "allow"),
        (define("alter_table", &["DEMO.PUBLIC.PRODUCTS", "DEMO.PUBLIC.NEW"]), "allow"),
        // Hidden columns may come under another name, and what nobody knows may hold some.
        (define("alter_table", &["DEMO.PUBLIC.CUSTOMERS", "DEMO.PUBLIC.NEW"]), "hold"),
        (define("alter_table", &["DEMO.PUBLIC.NOWHERE"]), "hold"),
        (define("alter_table", &["DEMO.PUBLIC.PRODUCTS", "DEMO.PUBLIC.A", "DEMO.PUBLIC.B"]), "hold"),
        (define("swap_table", &["DEMO.PUBLIC.COUNTRIES", "DEMO.PUBLIC.PRODUCTS"]), "hold"),
        (define("alter_table_unset_policy", &["DEMO.PUBLIC.PRODUCTS"]), "hold"),
        (define("drop_masking_policy", &["DEMO.PUBLIC.P"]), "hold"),
        // Code may do anything.
        (define("create_function", &["DEMO.PUBLIC.F"]), "hold"),
        (define("create_view", &["DEMO.PUBLIC.V"]), "hold"),
        (define("drop_table", &["DEMO.PUBLIC.T"]).reads("DEMO.PUBLIC.CUSTOMERS"), "hold"),
        (define("drop_table", &["DEMO.PUBLIC.T"]).calls("F", Class::Opaque), "hold"),
    ] {
        let ruling = decide(&bundle, &[], &statement);
        assert_eq!(ruling.decision.as_str(), expected, "{statement:?}");
    }
}

#[test]
fn what_answers_names_and_states_is_shown() {
    let shown = |kind: &str| {
        let ruling = decide(&bundle(RUN_ALL), &[], &without_columns(Class::Show, kind));
        grant(&ruling).obligations.unforeseen == domain::Treatment::Clear
    };
    for kind in [
        "show_dynamic_tables",
        "show_functions",
        "show_unique_keys",
        "describe_schema",
        "describe_dynamic_table",
    ] {
        assert!(shown(kind), "{kind}");
    }
    for kind in
        ["show_variables", "show_users", "show_grants", "describe_user", "describe_result", "describe_stage"]
    {
        assert!(!shown(kind), "{kind}");
    }
}
