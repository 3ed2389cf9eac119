//! What is asked, and what a missing permit, a forbid or an error leads to.

use domain::{
    Case, Class, Context, Decision, Door, Effect, ErrorText, PromptGrade, RefusalCode, TestedHow, Tier,
};

use crate::cases::{
    Build, RUN_ALL, bundle, bundle_with, catalog, context, decide, decide_in, grant, identity, object, parse,
    refusal, rules, select, statement, treatments,
};

/// [`RUN_ALL`] without the policy of this name.
fn all_but(id: &str) -> String {
    RUN_ALL.lines().filter(|line| !line.contains(&format!("\"{id}\""))).collect::<Vec<_>>().join("\n")
}

fn read() -> domain::Statement {
    select().stored("CUSTOMERS.ID")
}

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

#[test]
fn a_forbidden_class_is_masked_although_a_rule_permits_seeing_all() {
    let policies = format!(
        "{RUN_ALL}\n@id(\"all\") permit (principal, action == Action::\"see\", resource);\n\
         @id(\"no-mail\") forbid (principal, action == Action::\"see\", resource == DataClass::\"email\");"
    );
    let statement = select().stored("CUSTOMERS.EMAIL").stored("CUSTOMERS.NAME");
    assert_eq!(treatments(&decide(&bundle(&policies), &[], &statement)), "email_domain email, clear");
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

#[test]
fn a_batch_is_as_strict_as_its_strictest_statement() {
    let bundle = bundle_with(
        &format!(
            "{}\n@id(\"reads\") permit (principal, action == Action::\"unattended\", resource) \
             when {{ context.class == \"read\" }};\n@id(\"no-grants\") forbid (principal, action == Action::\"grant\", resource);",
            all_but("unattended")
        ),
        "[[reviewers]]\nclasses = ['write']\ngroups = ['owners', 'stewards']\nexpires = '1h'\n\
         [[reviewers]]\nclasses = ['call']\ngroups = ['security']\nexpires = '1h'\n",
    );
    let (identity, context, catalog) = (identity(&[]), context(), catalog());
    let decide = |statements: &[domain::Statement]| {
        let cases: Vec<Case<'_>> = statements
            .iter()
            .map(|statement| Case {
                identity: &identity,
                context: &context,
                statement,
                catalog: &catalog,
                prompt: PromptGrade::P0,
                door: Door::SqlApi,
                access: domain::Access::NONE,
            })
            .collect();
        bundle.decide_batch(&cases)
    };
    let (read, write) = (read(), statement(Class::Write, "insert").writes("DEMO.PUBLIC.ORDERS"));
    let (define, call) = (statement(Class::Define, "create_table"), statement(Class::Call, "call"));
    let grants = statement(Class::Grant, "grant");

    let alone = decide(std::slice::from_ref(&read));
    assert_eq!(alone.overall, alone.statements[0]);
    let both = decide(&[read.clone(), read.clone()]);
    assert_eq!(treatments(&both.overall), "all masked");
    assert_eq!(treatments(&both.statements[1]), "clear");

    let held = decide(&[read.clone(), write.clone(), define]);
    let Decision::Hold(hold) = &held.overall.decision else { panic!("{held:?}") };
    assert_eq!(hold.reviewers, ["stewards"]);
    assert_eq!(hold.grant.tier, Tier::Define);
    assert_eq!(hold.expires_after.as_secs(), 1800);
    assert!(hold.reason.starts_with("statement 2 of 3: "));
    assert_eq!(
        held.statements.iter().map(|ruling| ruling.decision.as_str()).collect::<Vec<_>>(),
        ["allow", "hold", "hold"]
    );

    assert!(rules(&decide(&[write.clone(), call]).overall).contains("gateway:no-common-reviewer"));
    assert!(refusal(&decide(&[write, grants]).overall).starts_with("statement 2 of 2: refused by policy: "));
    refusal(&decide(&[]).overall);
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

/// A pipeline of a SHOW and a SELECT.
fn pipeline() -> domain::Statement {
    let steps = [(Class::Show, "show_users"), (Class::Read, "select")];
    let steps = steps.map(|(class, kind)| (class, domain::Kind::new(kind))).into();
    domain::Statement { steps, ..read() }
}

#[test]
fn each_step_of_a_pipeline_is_asked_about() {
    assert_eq!(decide(&bundle(RUN_ALL), &[], &pipeline()).decision.as_str(), "allow");
    for (limit, expected) in [
        ("forbid (principal, action == Action::\"show\", resource)", "refuse"),
        ("forbid (principal, action == Action::\"show\", resource == Statement::\"show_users\")", "refuse"),
        (
            "forbid (principal, action in Action::\"run\", resource) when { context.kind == \"show_users\" }",
            "refuse",
        ),
        (
            "forbid (principal, action == Action::\"unattended\", resource == Statement::\"show_users\")",
            "hold",
        ),
        ("forbid (principal, action == Action::\"show\", resource == Statement::\"show_tables\")", "allow"),
    ] {
        let bundle = bundle(&format!("{RUN_ALL}\n@id(\"limit\") {limit};"));
        assert_eq!(decide(&bundle, &[], &pipeline()).decision.as_str(), expected, "{limit}");
    }
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
