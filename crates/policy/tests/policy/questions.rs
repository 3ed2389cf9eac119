//! What is asked, and what a missing permit, a forbid or an error leads to.

use domain::{Case, Class, Context, Decision, Door, Effect, PromptGrade, RefusalCode, TestedHow};

use crate::cases::{
    Build, RUN_ALL, all_but, bundle, catalog, context, decide, decide_in, identity, object, parse, read,
    refusal, rules, statement, treatments,
};

#[test]
fn a_bundle_without_policies_refuses_everything() {
    let ruling = decide(&bundle(""), &["agents"], &read());
    assert!(refusal(&ruling).starts_with("refused by policy: "));
    assert_eq!(rules(&ruling), "gateway:masked-by-default gateway:not-granted");
}

#[test]
fn every_question_that_no_policy_answers_ends_in_less() {
    assert_eq!(decide(&bundle(RUN_ALL), &[], &read()).decision.as_str(), "allow");
    for (id, expected) in
        [("run", "refuse"), ("use", "refuse"), ("objects", "refuse"), ("unattended", "hold")]
    {
        let ruling = decide(&bundle(&all_but(id)), &[], &read());
        assert_eq!(ruling.decision.as_str(), expected, "without {id}");
    }
    let ruling = decide(&bundle(&all_but("see-public")), &[], &read());
    assert_eq!(treatments(&ruling), "redact public");
}

#[test]
fn a_forbid_wins_and_says_why() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"no-ids\") @reason(\"ids stay here\") \
         forbid (principal, action == Action::\"read_object\", resource == Table::\"DEMO.PUBLIC.CUSTOMERS\");"
    );
    let ruling = decide(&bundle(&policies), &[], &read());
    assert_eq!(
        refusal(&ruling),
        "refused by policy: rule `no-ids` forbids it: ids stay here. To have it permitted, ask whoever keeps the policies"
    );
    assert!(rules(&ruling).contains("no-ids"));
    assert!(!rules(&ruling).contains("gateway:not-granted"));
}

/// A policy that fails whenever a prompt is known, and passes strict validation.
const OVERFLOW: &str = "when { context.prompt + 9223372036854775807 > 0 };";

#[test]
fn a_policy_that_fails_refuses_whatever_its_effect_and_its_action() {
    for effect in ["permit", "forbid"] {
        for action in ["use", "read", "read_object", "unattended", "see", "test"] {
            let policies = format!(
                "{RUN_ALL}\n@id(\"fails\") {effect} (principal, action == Action::\"{action}\", resource) {OVERFLOW}"
            );
            let statement = match action {
                "test" => read().tests("CUSTOMERS.EMAIL", TestedHow::Predicate),
                _ => read(),
            };
            let ruling = decide(&bundle(&policies), &[], &statement);
            assert_eq!(
                refusal(&ruling),
                "refused: a policy could not be evaluated. Tell whoever keeps the policies; asking again will not help"
            );
            assert!(rules(&ruling).contains("fails") && rules(&ruling).contains("gateway:policy-error"));
        }
    }
}

#[test]
fn a_failing_policy_of_another_group_does_not_concern_this_agent() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"fails\") forbid (principal in Group::\"others\", action == Action::\"read\", resource) {OVERFLOW}"
    );
    assert_eq!(decide(&bundle(&policies), &["agents"], &read()).decision.as_str(), "allow");
    refusal(&decide(&bundle(&policies), &["agents", "others"], &read()));
}

#[test]
fn each_part_of_the_context_must_be_permitted() {
    let policies = format!(
        "{}\n\
         @id(\"role\") permit (principal, action == Action::\"use\", resource == Role::\"ANALYST\");\n\
         @id(\"warehouse\") permit (principal, action == Action::\"use\", resource == Warehouse::\"DEMO_WH\");\n\
         @id(\"database\") permit (principal, action == Action::\"use\", resource in Database::\"DEMO\");",
        all_but("use")
    );
    let bundle = bundle(&policies);
    let refused = |change: fn(&mut Context)| {
        let mut context = context();
        change(&mut context);
        refusal(&decide_in(&bundle, &[], &context, &read())).to_owned()
    };
    assert_eq!(decide(&bundle, &[], &read()).decision.as_str(), "allow");
    assert!(refused(|c| c.role = Some("ACCOUNTADMIN".into())).contains("name another role"));
    assert!(refused(|c| c.role = None).contains("it names no role"));
    assert!(refused(|c| c.warehouse = Some("demo_wh".into())).contains("name another warehouse"));
    assert!(refused(|c| c.warehouse = None).contains("it names no warehouse"));
    assert!(refused(|c| c.database = Some("OTHER".into())).contains("name another database"));
    assert!(refused(|c| c.database = None).contains("it names no database"));
    assert!(refused(|c| c.schema = None).contains("it names no schema"));
    assert!(refused(|c| c.database = Some("DEMO.PUBLIC".into())).contains("name another database"));
}

#[test]
fn what_could_not_be_read_is_refused_with_the_readers_reason() {
    let mut opaque = statement(Class::Opaque, "unknown");
    opaque.why = Some(domain::Statement::UNKNOWN);
    let refused = refusal(&decide(&bundle(&all_but("run")), &[], &opaque)).to_owned();
    assert!(
        refused.starts_with("refused by policy: it could not be read (a statement that nobody knows); "),
        "{refused}"
    );
    // Nobody can permit a slip; what else cannot be read may be permitted.
    assert!(refused.ends_with("Snowgate knows no such SQL: mend it, and send it again"), "{refused}");
    opaque.why = Some("a script that runs what nobody can read");
    let refused = refusal(&decide(&bundle(&all_but("run")), &[], &opaque)).to_owned();
    assert!(refused.contains("To have it permitted, ask"), "{refused}");
    // What was read is not explained by what little of it is unknown.
    let known = domain::Statement { why: Some("a function that nobody knows"), ..read() };
    assert_eq!(decide(&bundle(RUN_ALL), &[], &known).decision.as_str(), "allow");
    let no_role = Context { role: None, ..context() };
    let said = refusal(&decide_in(&bundle(&all_but("use")), &[], &no_role, &known)).to_owned();
    assert!(!said.contains("nobody knows"), "{said}");
}

#[test]
fn what_is_absent_may_be_permitted() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"no-warehouse\") forbid (principal, action == Action::\"use\", resource is Warehouse);"
    );
    let no_warehouse = Context { warehouse: None, ..context() };
    assert_eq!(decide_in(&bundle(&policies), &[], &no_warehouse, &read()).decision.as_str(), "allow");
}

#[test]
fn what_a_statement_switches_to_is_asked_too() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"no-admin\") forbid (principal, action == Action::\"use\", resource == Role::\"ACCOUNTADMIN\");\n\
         @id(\"no-hr\") forbid (principal, action == Action::\"use\", resource in Database::\"HR\");"
    );
    let bundle = bundle(&policies);
    let with = |effect: Effect| {
        let mut statement = statement(Class::Session, "use");
        statement.effects.push(effect);
        decide(&bundle, &[], &statement).decision.as_str()
    };
    assert_eq!(with(Effect::UseRole("ANALYST".into())), "allow");
    assert_eq!(with(Effect::UseRole("ACCOUNTADMIN".into())), "refuse");
    assert_eq!(with(Effect::UseDatabase("HR".into())), "refuse");
    assert_eq!(with(Effect::UseSchema { database: Some("HR".into()), schema: "PUBLIC".into() }), "refuse");
    assert_eq!(with(Effect::UseSchema { database: None, schema: "PUBLIC".into() }), "allow");
}

#[test]
fn policies_may_name_groups_agents_people_and_kinds() {
    let policies = format!(
        "{}\n@id(\"agent\") permit (principal == Agent::\"claude-finance\", action == Action::\"read\", resource);\n\
         @id(\"group\") permit (principal in Group::\"writers\", action == Action::\"write\", resource) \
         when {{ context.kind == \"insert\" }};\n\
         @id(\"nobody-alone\") forbid (principal, action in Action::\"run\", resource) unless {{ principal has person }};",
        all_but("run")
    );
    let bundle = bundle(&policies);
    assert_eq!(decide(&bundle, &[], &read()).decision.as_str(), "allow");
    let insert = statement(Class::Write, "insert").writes("DEMO.PUBLIC.ORDERS");
    assert_eq!(decide(&bundle, &[], &insert).decision.as_str(), "refuse");
    assert_eq!(decide(&bundle, &["writers"], &insert).decision.as_str(), "allow");
    let delete = statement(Class::Write, "delete").writes("DEMO.PUBLIC.ORDERS");
    assert_eq!(decide(&bundle, &["writers"], &delete).decision.as_str(), "refuse");
    let alone = domain::Identity { person: None, ..identity(&[]) };
    let (context, catalog, statement) = (context(), catalog(), read());
    let case = Case {
        identity: &alone,
        context: &context,
        statement: &statement,
        catalog: &catalog,
        prompt: PromptGrade::P0,
        door: Door::SqlApi,
        access: domain::Access::NONE,
    };
    assert!(rules(&bundle.decide(&case)).contains("nobody-alone"));
}

#[test]
fn a_refusal_stays_below_a_kilobyte() {
    let mut statement = read();
    for number in 0..50 {
        let name = format!("DEMO.PUBLIC.{}{number}", "LONG".repeat(60));
        statement.footprint.reads.insert(object(&name));
    }
    let mut catalog = catalog();
    let customers = catalog.relations[&object("DEMO.PUBLIC.CUSTOMERS")].clone();
    for name in &statement.footprint.reads {
        catalog.relations.insert(name.clone(), customers.clone());
    }
    let (identity, context) = (identity(&[]), context());
    let case = Case {
        identity: &identity,
        context: &context,
        statement: &statement,
        catalog: &catalog,
        prompt: PromptGrade::P0,
        door: Door::SqlApi,
        access: domain::Access::NONE,
    };
    let ruling = bundle(&all_but("objects")).decide(&case);
    assert!(refusal(&ruling).len() < 1000 && refusal(&ruling).ends_with("ask whoever keeps the policies"));
    let Decision::Refuse(refusal) = &ruling.decision else { panic!() };
    assert_eq!((refusal.code, refusal.retry_after), (RefusalCode::Policy, None));
}

#[test]
fn the_same_files_give_the_same_digest_and_any_change_another() {
    let catalog = format!("{}{}", crate::cases::CLASSES, crate::cases::LIMITS);
    let digest =
        |cedar: &str, name: &str| parse(&[(name, cedar), ("catalog.toml", &catalog)]).unwrap().digest();
    assert_eq!(digest(RUN_ALL, "a.cedar"), digest(RUN_ALL, "a.cedar"));
    assert_ne!(digest(RUN_ALL, "a.cedar"), digest(RUN_ALL, "b.cedar"));
    assert_ne!(digest(RUN_ALL, "a.cedar"), digest(&format!("{RUN_ALL} "), "a.cedar"));
}
