//! What becomes of a ruling when its principal's hidden failures are spent.

use domain::{Class, Decision, Hold, Ruling, Statement};
use policy::Bundle;

use crate::cases::{Build, RUN_ALL, bundle, bundle_with, decide, refusal, rules, select, statement};

/// Everything may run and nothing be seen but what is public.
fn blind() -> Bundle {
    bundle(RUN_ALL)
}

fn hidden() -> Statement {
    select().stored("CUSTOMERS.EMAIL")
}

fn harmless() -> Statement {
    select().stored("CUSTOMERS.ID")
}

/// What holds for these statements once the failures are spent.
fn spent(bundle: &Bundle, statements: &[Statement]) -> Ruling {
    let rulings: Vec<Ruling> = statements.iter().map(|statement| decide(bundle, &[], statement)).collect();
    let statements: Vec<_> = statements.iter().zip(&rulings).collect();
    bundle.hold_for_failures(&statements)
}

#[track_caller]
fn held(ruling: &Ruling) -> &Hold {
    match &ruling.decision {
        Decision::Hold(hold) => hold,
        Decision::Allow(_) | Decision::Refuse(_) => panic!("not held: {ruling:?}"),
    }
}

#[test]
fn what_touches_something_hidden_waits_and_all_else_is_as_it_was() {
    let bundle = blind();
    let before = decide(&bundle, &[], &hidden());
    let Decision::Allow(grant) = &before.decision else { panic!("{before:?}") };
    let ruling = spent(&bundle, &[hidden()]);
    let hold = held(&ruling);
    assert_eq!(hold.grant, *grant, "a yes gives what policy gave");
    assert!(hold.reason.contains("the limit of 9 hidden failures per hour is reached"), "{}", hold.reason);
    assert_eq!(
        (hold.reviewers.as_slice(), hold.expires_after.as_secs()),
        (&["stewards".to_owned()][..], 1800)
    );
    assert_eq!(rules(&ruling), format!("gateway:failure-budget {}", rules(&before)));
    assert_eq!(spent(&bundle, &[harmless()]), decide(&bundle, &[], &harmless()));
}

#[test]
fn what_nobody_knows_may_be_hidden() {
    let unknown = Statement { lineage: domain::Lineage { outputs: None, ..hidden().lineage }, ..hidden() };
    held(&spent(&blind(), &[unknown]));
}

#[test]
fn what_is_refused_or_held_anyway_stays_so() {
    let refusing = bundle("");
    assert_eq!(spent(&refusing, &[hidden()]), decide(&refusing, &[], &hidden()));
    let holding: String =
        RUN_ALL.lines().filter(|line| !line.contains("\"unattended\"")).collect::<Vec<_>>().join("\n");
    let holding = bundle(&holding);
    let ruling = spent(&holding, &[hidden()]);
    assert_eq!(ruling, decide(&holding, &[], &hidden()));
    assert!(!rules(&ruling).contains("failure-budget"));
}

#[test]
fn a_batch_waits_when_any_of_it_touches_something_hidden() {
    let ruling = spent(&blind(), &[harmless(), hidden(), harmless()]);
    assert!(held(&ruling).reason.starts_with("statement 2 of 3: "), "{}", held(&ruling).reason);
    assert!(rules(&ruling).contains("gateway:failure-budget"));
    assert_eq!(spent(&blind(), &[harmless(), harmless()]).decision.as_str(), "allow");
    let refused = spent(&bundle(""), &[harmless(), hidden()]);
    assert!(refusal(&refused).contains("statement 1 of 2"));
}

#[test]
fn a_batch_over_hidden_columns_needs_reviewers_who_may_decide_on_all_of_it() {
    let bundle =
        bundle_with(RUN_ALL, "[[reviewers]]\nclasses = ['write']\ngroups = ['owners']\nexpires = '5m'\n");
    let write = statement(Class::Write, "insert").stored("CUSTOMERS.EMAIL").writes("DEMO.PUBLIC.CUSTOMERS");
    assert_eq!(held(&spent(&bundle, std::slice::from_ref(&write))).reviewers, ["owners"]);
    let both = spent(&bundle, &[hidden(), write]);
    assert!(rules(&both).contains("gateway:no-common-reviewer"), "{both:?}");
}

#[test]
fn the_limit_is_the_principals() {
    let bundle =
        bundle_with(RUN_ALL, "[[limits]]\nagents = ['claude-finance']\nhidden_failures_per_hour = 2\n");
    assert!(held(&spent(&bundle, &[hidden()])).reason.contains("the limit of 2 "));
}
