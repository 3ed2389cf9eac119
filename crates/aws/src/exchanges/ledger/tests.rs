//! Ledgers as values.

use super::*;

use std::collections::BTreeSet;

use domain::{Agent, Identity, Limits, PrincipalKey};
use gateway::ports::Prospect;

const NOON: Timestamp = Timestamp::from_micros(1_795_446_000_000_000);

fn identity() -> Identity {
    Identity {
        issuer: "i".into(),
        subject: "s".into(),
        agent: Agent::new("a"),
        person: None,
        groups: BTreeSet::new(),
        scopes: BTreeSet::new(),
        token_id: None,
        expires_at: NOON,
    }
}

fn claim<'a>(
    identity: &'a Identity,
    principal: &'a PrincipalKey,
    conversation: &'a str,
    at: u64,
) -> Claim<'a> {
    let number = u128::from(at) << 32 | conversation.len() as u128;
    Claim {
        identity,
        principal,
        conversation: Some(conversation),
        request: None,
        digest: KeyedDigest::from_bytes([1; 32]),
        terms: None,
        handle: Handle::from_u128(number),
        fresh_session: SessionId::from_u128(number),
        limits: Limits {
            rows: 1,
            bytes: 1,
            rows_if_approved: 1,
            bytes_if_approved: 1,
            at_once: 10_000,
            per_minute: 10_000,
            upstream_seconds_per_hour: 10,
            statement_seconds: 1,
            hidden_failures_per_hour: 3,
            asks_per_hour: 1,
        },
        prospect: Prospect::Open,
        may_join: false,
        now: NOON.after(Duration::from_secs(at)),
        session_idle: Duration::from_secs(1800),
    }
}

fn status(upstream_us: i64, is_closed: bool) -> Status {
    let saved_us = NOON.as_micros();
    Status { number: 1, is_closed, is_held: false, is_hidden_failure: true, upstream_us, saved_us }
}

#[test]
fn of_too_many_sessions_the_one_that_was_silent_for_longest_ends_early() {
    let (identity, mut ledger) = (identity(), Ledger::default());
    let principal = identity.key();
    let names: Vec<String> = (0..=SESSIONS).map(|at| format!("c-{at}")).collect();
    for (at, name) in (0..).zip(&names) {
        ledger.note(&claim(&identity, &principal, name, at), CountedAs::Runs);
    }
    let lives = |name: &String| ledger.session(&claim(&identity, &principal, name, 400)).is_some();
    assert_eq!(names.iter().filter(|name| lives(name)).count(), SESSIONS);
    assert!(!lives(names.first().unwrap()) && lives(names.last().unwrap()));
}

#[test]
fn what_an_exchange_has_spent_is_charged_once_however_often_it_is_looked_at() {
    let (identity, mut ledger) = (identity(), Ledger::default());
    let principal = identity.key();
    let claim = claim(&identity, &principal, "c", 0);
    ledger.note(&claim, CountedAs::MayFailHidden);
    for (spent, is_closed) in [(3, false), (3, false), (7, false), (9, true), (9, true)] {
        let statuses = Statuses::from([(claim.handle.to_string(), status(spent, is_closed))]);
        ledger.settle(&statuses, claim.now);
    }
    assert_eq!(sum(&ledger.upstream, 0), 9);
    assert_eq!(sum(&ledger.failures, 0), 1, "and it has failed once");
    assert_eq!(ledger.claimed().count(), 0);
}

#[test]
fn a_ledger_reads_back_and_what_is_none_is_not_read_as_an_empty_one() {
    let (identity, mut ledger) = (identity(), Ledger::default());
    let principal = identity.key();
    ledger.note(&claim(&identity, &principal, "c", 0), CountedAs::Waits);
    ledger.give_back(Handle::from_u128(1)).unwrap();
    let json = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&json).unwrap(), ledger);
    assert_eq!(ledger.unfound().len(), 1);
    assert_eq!((sum(&ledger.claims, 0), sum(&ledger.asks, 0)), (0, 0), "it costs nothing");
    for damaged in ["", "{\"claimed\":1}", "{\"of_a_later_version\":{}}"] {
        assert!(serde_json::from_str::<Ledger>(damaged).is_err(), "{damaged}");
    }
}
