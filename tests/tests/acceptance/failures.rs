//! Failures of statements over masked columns: they all look alike, and so many of them end in hold.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use domain::Timestamp;
use gateway::{Gateway, Settings};
use recording::{SearchRow, What};
use serde_json::{Value, json};
use snowflake::scripted::{Answer, Ending, When};
use tokio::task::JoinSet;

use crate::chaos::{Chaos, Strike};
use crate::door::{Answered, call, call_with, get, router, submit};
use crate::house::{House, ask, customers, in_time};

const HARMLESS: &str = "select country from demo.public.customers";
const RULE: &str = "gateway:failure-budget";

/// A house in which every statement over `customers` fails and others answer a country.
async fn failing(limit: u32) -> House {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", &limit.to_string())]).await;
    fails(&house, "100038", "22018");
    house
}

fn fails(house: &House, code: &str, sqlstate: &str) {
    let words = "Numeric value 'person1' is not recognized";
    let failed = Answer::failed(customers::HANDLE, code, sqlstate, words);
    house.snow.on(When::submitted().saying("from customers"), [failed]);
    let rows: &[&[Option<&str>]] = &[&[Some("DE")]];
    house.snow.on(When::submitted(), [Answer::result(customers::HANDLE, &[("COUNTRY", "text")], rows)]);
}

#[track_caller]
fn is_failed(answer: &Answered) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (422, &json!("100183")),
        "{}",
        answer.text()
    );
}

#[track_caller]
fn is_held(answer: &Answered) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (202, &json!("333334")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.headers["x-snowgate-waits-for"], "decision");
    assert!(answer.text().contains("hidden failures per hour"), "{}", answer.text());
}

#[track_caller]
fn is_running(answer: &Answered) {
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert!(!answer.headers.contains_key("x-snowgate-waits-for"), "{}", answer.text());
}

#[track_caller]
fn is_answered(answer: &Answered) {
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// An answer without what is its own: handle, exchange and time.
fn bare(answer: &Answered) -> (u16, Vec<(String, String)>, Value) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-snowgate-exchange")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    let mut body = answer.json();
    for name in ["statementHandle", "statementStatusUrl", "createdOn"] {
        assert!(body.as_object_mut().unwrap().remove(name).is_some(), "{name}: {body}");
    }
    (answer.status.as_u16(), headers, body)
}

type Limits = &'static [(&'static str, &'static str)];
type Change = fn(&mut Settings);
type Script = fn(&House);

/// What a statement over masked columns can fail of: a name, a limit, settings, what upstream does.
fn ways() -> Vec<(&'static str, Limits, Change, Script)> {
    fn submitted(house: &House, answer: Answer) {
        house.snow.on(When::submitted(), [answer]);
    }
    fn head(house: &House) {
        customers::answer(&house.snow, &[3, 3]);
    }
    let same: Change = |_| {};
    vec![
        ("a value that does not fit", &[], same, |house| fails(house, "100038", "22018")),
        ("a division by zero", &[], same, |house| fails(house, "100051", "22012")),
        ("its timeout", &[], same, |house| fails(house, "000630", "57014")),
        ("a column that is gone", &[], same, |house| fails(house, "000904", "42000")),
        ("a cancellation from elsewhere", &[], same, |house| fails(house, "000604", "57014")),
        ("too many rows", &[("rows", "5"), ("rows_if_approved", "5")], same, head),
        ("too many bytes", &[("bytes", "100"), ("bytes_if_approved", "100")], same, head),
        ("a row that no page holds", &[], |settings| settings.page_size = 20, head),
        ("a table that was altered meanwhile", &[], same, |house| {
            head(house);
            house.warehouse.altered.store(1, Ordering::SeqCst);
        }),
        ("an answer that makes no sense", &[], same, |house| {
            submitted(house, Answer::body(200, "application/json", "person0"));
        }),
        ("an answer that breaks off", &[], same, |house| {
            submitted(house, customers::head(customers::HANDLE, &[3]).ending(Ending::CutAfter(300)));
        }),
        ("a partition that is gone", &[], same, |house| {
            submitted(house, customers::head(customers::HANDLE, &[3, 3]));
        }),
        ("a partition of too many rows", &[], same, |house| {
            submitted(house, customers::head(customers::HANDLE, &[1, 1]));
            let more = customers::partition(1..4);
            house.snow.on(When::asked_about(customers::HANDLE).with("partition=1"), [more]);
        }),
        ("a statement that upstream forgot", &[], same, |house| {
            submitted(house, Answer::running(customers::HANDLE));
        }),
        ("an upstream that does not accept the gateway", &[], same, |house| {
            submitted(house, Answer::status(401));
        }),
        ("an upstream out of reach", &[], same, |house| {
            submitted(house, Answer::status(200).ending(Ending::Dropped));
        }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_statement_over_masked_columns_fails_of_its_answer_is_the_same() {
    let mut tasks = JoinSet::new();
    for (name, limits, change, script) in ways() {
        tasks.spawn(async move {
            let house = House::with(change, limits).await;
            script(&house);
            let gateway = house.gateway();
            let router = router(gateway);
            let answer = submit(&router, "ana", customers::SQL, "").await;
            assert_eq!(answer.status, 422, "{name}: {}", answer.text());
            let collected = get(&router, "ana", &answer.handle(), "").await;
            assert_eq!(bare(&collected), bare(&answer), "{name}");
            let cancelled =
                call(&router, "ana", "POST", &format!("/api/v2/statements/{}/cancel", answer.handle()), None)
                    .await;
            assert_eq!(cancelled.json()["code"], "000605", "{name}: {}", cancelled.text());
            let page = get(&router, "ana", &answer.handle(), "?partition=1").await;
            assert_eq!(page.json()["code"], "099108", "{name}: {}", page.text());
            house.verifies();
            (name, bare(&answer), house.closing())
        });
    }
    let all = tasks.join_all().await;
    let (_, first, _) = &all[0];
    assert_eq!(first.2["code"], "100183");
    assert_eq!(first.2["sqlState"], "22000");
    for (name, answer, closing) in &all {
        assert_eq!(answer, first, "{name}");
        assert!(closing.parts.is_empty(), "{name}");
        assert!(matches!(closing.outcome.as_str(), "failed" | "lost"), "{name}: {:?}", closing.outcome);
    }
    // The recording tells who looks into it what has happened.
    let found = |name: &str| {
        let (_, _, closing) = all.iter().find(|(way, _, _)| *way == name).unwrap();
        let told = |finding: &recording::Finding| format!("{}: {}", finding.what, finding.detail);
        closing.findings.iter().map(told).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(found("its timeout"), "failed_upstream: upstream said 000630, SQLSTATE 57014");
    assert!(found("too many rows").starts_with("too_large: the result has 6 rows"));
    assert!(found("a table that was altered meanwhile").starts_with("catalog_changed: "));
    assert_eq!(found("an upstream out of reach"), "fault: Snowflake is out of reach");
}

#[tokio::test]
async fn a_batch_fails_like_any_other_statement_over_masked_columns() {
    let house = failing(2).await;
    let router = router(house.gateway());
    let alone = submit(&router, "ana", customers::SQL, "").await;
    let batch = async |sql: &str| {
        let body = json!({ "statement": sql, "parameters": { "MULTI_STATEMENT_COUNT": "0" } }).to_string();
        call(&router, "ana", "POST", "/api/v2/statements", Some(body.as_bytes())).await
    };
    let both = format!("{HARMLESS}; {}; {}", customers::SQL, customers::SQL);
    let failed = batch(&both).await;
    assert_eq!(bare(&failed), bare(&alone));
    // It has counted once: with the one before, two are spent.
    let held = batch(&both).await;
    is_held(&held);
    assert!(held.text().contains("statement 2 of 3"), "{}", held.text());
    assert_eq!(exchanges_upstream(&house), 2);
}

#[tokio::test]
async fn whatever_else_fails_tells_why() {
    let house =
        House::with(|_| {}, &[("hidden_failures_per_hour", "1"), ("rows", "1"), ("rows_if_approved", "1")])
            .await;
    let words = "SQL compilation error: error line 1 at position 7\ninvalid identifier 'NOPE'";
    house
        .snow
        .on(When::submitted().saying("nope"), [Answer::failed(customers::HANDLE, "000904", "42000", words)]);
    let rows: &[&[Option<&str>]] = &[&[Some("DE")], &[Some("FR")]];
    house
        .snow
        .on(When::submitted().saying("many"), [Answer::result(customers::HANDLE, &[("MANY", "text")], rows)]);
    fails(&house, "000630", "57014");
    let router = router(house.gateway());
    for _ in 0..3 {
        let typed = submit(&router, "ana", "select nope from customers", "").await;
        assert_eq!(typed.json()["code"], "000904", "{}", typed.text());
        assert!(typed.text().contains("invalid identifier"), "{}", typed.text());
        let many = submit(&router, "ana", "select country as many from customers", "").await;
        assert_eq!(many.json()["code"], "099003", "{}", many.text());
        assert!(many.text().contains("2 rows"), "{}", many.text());
        let slow = submit(&router, "ana", "select country from customers", "").await;
        assert_eq!((slow.status.as_u16(), &slow.json()["code"]), (408, &json!("000630")), "{}", slow.text());
    }
    // None of them has counted: one may fail still, and then no more.
    is_failed(&submit(&router, "ana", customers::SQL, "").await);
    is_held(&submit(&router, "ana", customers::SQL, "").await);
}

#[tokio::test]
async fn so_many_hidden_failures_within_an_hour_end_in_hold() {
    let house = failing(3).await;
    let router = router(house.gateway());
    for at in 0..3 {
        // Sessions are the client's own word: they change nothing.
        let session = format!("c-{at}");
        let body = json!({ "statement": customers::SQL }).to_string();
        let headers = [("x-snowgate-session", session.as_str())];
        let path = "/api/v2/statements";
        is_failed(&call_with(&router, "ana", "POST", path, Some(body.as_bytes()), &headers).await);
    }
    let held = submit(&router, "ana", customers::SQL, "").await;
    is_held(&held);
    is_held(&get(&router, "ana", &held.handle(), "").await);
    assert_eq!(exchanges_upstream(&house), 3, "it did not run");
    is_answered(&submit(&router, "ana", HARMLESS, "").await);
    is_failed(&submit(&router, "ben", customers::SQL, "").await);
    refused_is_refused(&router).await;

    let (opening, closing) =
        house.records().into_iter().find(|(opening, _)| opening.decision == "hold").unwrap();
    assert!(opening.rules.iter().any(|rule| rule == RULE), "{:?}", opening.rules);
    assert!(opening.rules.len() > 1, "what policy said is there too: {:?}", opening.rules);
    let hold = opening.hold.as_ref().unwrap();
    assert_eq!(hold.reviewers, ["data-reviewers"]);
    assert!(hold.reason.contains("the limit of 3 hidden failures per hour"), "{}", hold.reason);
    assert!(closing.is_none());
    let row = SearchRow::new(&opening, None, None);
    assert!(row.rules.iter().any(|rule| rule == RULE));
    assert_eq!((row.decision.as_str(), row.outcome.as_str()), ("hold", "pending"));
    let told = recording::opening_events(&opening);
    assert!(told.iter().any(|event| matches!(
        &event.what,
        What::Decision { decision, rules, hold: Some(_), .. }
            if decision == "hold" && rules.iter().any(|rule| rule == RULE)
    )));
}

/// What policy refuses it refuses, whatever is spent.
async fn refused_is_refused(router: &Router) {
    let refused = submit(router, "ana", "select id from customers where ssn like '536%'", "").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (422, &json!("003001")));
}

#[tokio::test]
async fn after_an_hour_it_runs_again_and_what_was_held_is_denied() {
    let house = failing(1).await;
    let gateway = house.gateway();
    let router = router(gateway.clone());
    is_failed(&submit(&router, "ana", customers::SQL, "").await);
    let held = submit(&router, "ana", customers::SQL, "").await;
    is_held(&held);
    house.time.turn(Duration::from_secs(3500));
    is_held(&submit(&router, "ana", customers::SQL, "").await);
    house.time.turn(Duration::from_secs(120));
    is_failed(&submit(&router, "ana", customers::SQL, "").await);
    // Silence has denied it; it has not run, and so it was no failure.
    in_time(gateway.work(now(&house))).await.unwrap();
    let expired = get(&router, "ana", &held.handle(), "").await;
    assert_eq!((expired.status.as_u16(), &expired.json()["code"]), (422, &json!("099006")));
    house.time.turn(Duration::from_secs(3620));
    is_failed(&submit(&router, "ana", customers::SQL, "").await);
    assert_eq!(exchanges_upstream(&house), 3);
}

fn now(house: &House) -> Timestamp {
    house.ports().clock.now()
}

#[tokio::test]
async fn hidden_failures_are_counted_across_processes() {
    let house = failing(2).await;
    is_failed(&submit(&router(house.gateway()), "ana", customers::SQL, "").await);
    let running = router(house.gateway());
    is_failed(&submit(&running, "ana", customers::SQL, "").await);
    is_held(&submit(&running, "ana", customers::SQL, "").await);
    drop(running);
    let restarted = router(house.gateway());
    is_held(&submit(&restarted, "ana", customers::SQL, "").await);
    is_answered(&submit(&restarted, "ana", HARMLESS, "").await);
}

#[tokio::test]
async fn what_succeeds_never_ends_in_hold() {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", "1")]).await;
    customers::answer(&house.snow, &[2]);
    let router = router(house.gateway());
    for _ in 0..5 {
        is_answered(&submit(&router, "ana", customers::SQL, "").await);
    }
    house.verifies();
}

#[tokio::test]
async fn a_cancelled_statement_over_masked_columns_has_failed() {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", "1")]).await;
    customers::answer_later(&house.snow, 1000, &[1]);
    let router = router(house.gateway());
    let cancel = async |handle: &str| {
        call(&router, "ana", "POST", &format!("/api/v2/statements/{handle}/cancel"), None).await
    };
    let running = submit(&router, "ana", customers::SQL, "?async=true").await;
    is_running(&running);
    let cancelled = cancel(&running.handle()).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["code"]), (200, &json!("000604")));
    let held = submit(&router, "ana", customers::SQL, "?async=true").await;
    is_held(&held);
    // What never ran did not fail, also when it is cancelled.
    assert_eq!(cancel(&held.handle()).await.status, 200);
    house.time.turn(Duration::from_secs(3700));
    let running = submit(&router, "ana", customers::SQL, "?async=true").await;
    is_running(&running);
}

#[tokio::test]
async fn of_many_at_once_no_more_run_than_may_fail() {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", "4")]).await;
    let rows: &[&[Option<&str>]] = &[&[Some("DE")]];
    let harmless = Answer::result(customers::HANDLE, &[("COUNTRY", "text")], rows);
    house.snow.on(When::submitted().saying("demo.public"), [harmless]);
    customers::answer_later(&house.snow, 0, &[1]);
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(submit(&router, "ana", customers::SQL, "?async=true").await.status.as_u16());
    }
    assert_eq!(statuses, [202, 202, 202, 202, 429, 429]);
    let refused = submit(&router, "ana", customers::SQL, "?async=true").await;
    assert!(refused.text().contains("statements over masked columns at once"), "{}", refused.text());
    assert_eq!(refused.headers["retry-after"], "1");
    is_answered(&submit(&router, "ana", HARMLESS, "").await);
    // They have told that they did not fail.
    in_time(gateway.work(now(&house).after(Duration::from_secs(5)))).await.unwrap();
    is_running(&submit(&router, "ana", customers::SQL, "?async=true").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_hides_no_failure() {
    let steps = {
        let clean = failing(1).await;
        let chaos = Chaos::watching(clean.ports());
        ask(&Gateway::new(chaos.ports(), clean.settings.clone()), customers::SQL).await.unwrap();
        chaos.steps()
    };
    let mut strikes = JoinSet::new();
    for (at, step) in steps.into_iter().enumerate() {
        for strike in Strike::ALL {
            let context = format!("{strike:?} at {at}, {step}");
            strikes.spawn(async move {
                let house = failing(1).await;
                let chaos = Chaos::striking(house.ports(), at, strike);
                let dying = Gateway::new(chaos.ports(), house.settings.clone());
                drop(in_time(chaos.run(ask(&dying, customers::SQL))).await);
                drop((dying, chaos));
                let survivor = router(house.gateway());
                let reached_upstream = exchanges_upstream(&house) > 0;
                let next = submit(&survivor, "ana", customers::SQL, "").await;
                if reached_upstream {
                    // It has failed, or may have.
                    assert!(matches!(next.status.as_u16(), 202 | 429), "{context}: {}", next.text());
                }
                house.clean_up().await;
                // Of two more the first fails itself, where nothing has failed before.
                submit(&survivor, "ana", customers::SQL, "").await;
                let next = submit(&survivor, "ana", customers::SQL, "").await;
                assert_eq!(next.status, 202, "{context}: {}", next.text());
                assert!(exchanges_upstream(&house) <= 1, "{context}");
                house.time.turn(Duration::from_secs(3700));
                is_failed(&submit(&survivor, "ana", customers::SQL, "").await);
            });
        }
    }
    while let Some(struck) = strikes.join_next().await {
        struck.unwrap();
    }
}

/// How many exchanges upstream was asked for; it may be asked for one several times.
fn exchanges_upstream(house: &House) -> usize {
    let received = house.snow.received();
    let asked = received.into_iter().filter(|r| r.method == "POST" && r.path == "/api/v2/statements");
    asked.map(|request| request.body).collect::<BTreeSet<_>>().len()
}
