//! Batches and pipelines: each statement and each step is asked about, and the strictest answer counts.

use domain::{Case, Class, Decision, Door, PromptGrade, Tier};

use crate::cases::{
    Build, RUN_ALL, all_but, bundle, bundle_with, catalog, context, decide, identity, read, refusal, rules,
    statement, treatments,
};

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
