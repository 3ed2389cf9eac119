//! Whether the objects and the functions that a statement names are permitted, by whatever name.

use domain::Class;

use crate::cases::{
    Build, RUN_ALL, all_but, bundle, context, decide, decide_in, read, refusal, rules, statement,
};

#[test]
fn every_object_must_be_permitted() {
    let policies = format!(
        "{}\n@id(\"demo\") permit (principal, action == Action::\"read_object\", resource in Schema::\"DEMO.PUBLIC\");",
        all_but("objects")
    );
    let bundle = bundle(&policies);
    assert_eq!(decide(&bundle, &[], &read()).decision.as_str(), "allow");
    let ruling = decide(&bundle, &[], &read().reads("DEMO.INFORMATION_SCHEMA.TABLES"));
    assert!(refusal(&ruling).contains("no rule permits reading `DEMO.INFORMATION_SCHEMA.TABLES`"));
    let ruling = decide(&bundle, &[], &read().writes("DEMO.PUBLIC.ORDERS"));
    assert!(refusal(&ruling).contains("no rule permits changing `DEMO.PUBLIC.ORDERS`"));
}

#[test]
fn a_name_that_only_the_agent_knows_is_not_printed() {
    let bundle = bundle(&all_but("objects"));
    let ruling = decide(&bundle, &[], &read().reads("DEMO.PUBLIC.123-45-6789"));
    assert!(refusal(&ruling).contains("an object that the catalog does not know"));
    assert!(!refusal(&ruling).contains("6789"));
}

#[test]
fn a_change_of_something_unnamed_is_a_question_of_its_own() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"named-only\") forbid (principal, action == Action::\"change_object\", resource == Absent::\"target\");"
    );
    let bundle = bundle(&policies);
    assert!(rules(&decide(&bundle, &[], &statement(Class::Define, "create_stage"))).contains("named-only"));
    let named = statement(Class::Define, "create_table").writes("DEMO.PUBLIC.T");
    assert_eq!(decide(&bundle, &[], &named).decision.as_str(), "allow");
}

#[test]
fn a_flagged_function_is_asked_by_its_own_class() {
    let policies = format!(
        "{}\n@id(\"reads\") permit (principal, action == Action::\"read\", resource);\n\
         @id(\"ours\") permit (principal, action == Action::\"opaque\", resource == Function::\"DEMO.PUBLIC.OURS\");",
        all_but("run")
    );
    let bundle = bundle(&policies);
    let ruling = decide(&bundle, &[], &read().calls("DEMO.PUBLIC.OURS", Class::Opaque));
    assert_eq!(ruling.decision.as_str(), "allow");
    // SECURITY: one part that looks like three is another's function.
    let mut odd = read();
    let name = domain::FunctionName::new(["DEMO.PUBLIC.OURS"]);
    odd.functions.insert(domain::FlaggedFunction { name, class: Class::Opaque });
    assert_eq!(decide(&bundle, &[], &odd).decision.as_str(), "refuse");
    let ruling = decide(&bundle, &[], &read().calls("DEMO.PUBLIC.THEIRS", Class::Opaque));
    assert!(refusal(&ruling).contains("a function that nobody has classified"));
    let ruling = decide(&bundle, &[], &read().calls("SYSTEM$SEND_EMAIL", Class::Export));
    assert!(refusal(&ruling).contains("a function of class export"));
}

#[test]
fn a_shorter_name_walks_round_no_rule() {
    let forbidding = bundle(&format!(
        "{RUN_ALL}\n@id(\"not-this\") forbid (principal, action, resource == Function::\"DEMO.PUBLIC.DANGEROUS\");"
    ));
    let by_context = bundle(&format!(
        "{RUN_ALL}\n@id(\"not-this\") forbid (principal, action in Action::\"run\", resource) \
         when {{ context.functions.contains(\"DEMO.PUBLIC.DANGEROUS\") }};"
    ));
    for name in ["DEMO.PUBLIC.DANGEROUS", "DANGEROUS", "PUBLIC.DANGEROUS", "DEMO..DANGEROUS"] {
        for class in [Class::Call, Class::Opaque] {
            for bundle in [&forbidding, &by_context] {
                let ruling = decide(bundle, &[], &read().calls(name, class));
                assert!(rules(&ruling).contains("not-this"), "{name}: {ruling:?}");
                assert_eq!(ruling.decision.as_str(), "refuse");
            }
        }
    }
    // Also where another schema is the session's, and where a view of that schema calls it.
    let elsewhere = domain::Context { schema: Some("OTHER".into()), ..context() };
    let ruling = decide_in(&forbidding, &[], &elsewhere, &read().calls("DANGEROUS", Class::Call));
    assert_eq!(ruling.decision.as_str(), "refuse");
    let ruling = decide_in(&forbidding, &[], &elsewhere, &read().calls("OTHER.DANGEROUS", Class::Call));
    assert_eq!(ruling.decision.as_str(), "allow");
}

#[test]
fn a_shorter_name_is_permitted_by_every_name_that_it_may_have() {
    let mut policies = all_but("run");
    policies.push_str("\n@id(\"reads\") permit (principal, action == Action::\"read\", resource);");
    let named = ["DEMO.PUBLIC.CLEAN", "CLEAN", "DEMO.BOTH.TIDY", "DEMO.PUBLIC.TIDY", "SYSTEM$SEND_EMAIL"];
    for (at, name) in named.into_iter().enumerate() {
        policies.push_str(&format!(
            "\n@id(\"p{at}\") permit (principal, action in Action::\"run\", resource == Function::\"{name}\");"
        ));
    }
    let bundle = bundle(&policies);
    let both = domain::Context { schema: Some("BOTH".into()), ..context() };
    let no_database = domain::Context { database: None, schema: None, ..context() };
    for (context, name, class, expected) in [
        (&context(), "CLEAN", Class::Call, "allow"),
        (&context(), "PUBLIC.CLEAN", Class::Call, "allow"),
        (&both, "CLEAN", Class::Call, "refuse"),
        (&both, "TIDY", Class::Call, "allow"),
        (&both, "BOTH.CLEAN", Class::Call, "refuse"),
        (&both, "SYSTEM$SEND_EMAIL", Class::Export, "allow"),
        (&no_database, "TIDY", Class::Call, "refuse"),
        (&context(), "?", Class::Call, "refuse"),
    ] {
        let ruling = decide_in(&bundle, &[], context, &read().calls(name, class));
        assert_eq!(ruling.decision.as_str(), expected, "{name}: {ruling:?}");
    }
    // What a view of another schema calls lies beside it.
    let beside = read().calls("CLEAN", Class::Call).reads("DEMO.OTHER.A_VIEW");
    assert_eq!(decide(&bundle, &[], &beside).decision.as_str(), "refuse");
}
