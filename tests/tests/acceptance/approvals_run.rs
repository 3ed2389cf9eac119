//! What runs once people have said yes: what was asked and nothing else, by whoever may still ask, for whoever may still approve.

use domain::{ApprovalState, Verdict};
use gateway::ports::RevokedWhat;
use recording::{ObjectKind, RecordKey};
use serde_json::{Value, json};
use snowflake::scripted::{Answer, When};

use crate::door::{call, get, router, submit};
use crate::held::{
    WRITE, approve, decide, fails_once, held, house, is_refused, is_waiting, waiting, words, work,
};
use crate::house::{House, customers};

#[tokio::test]
async fn who_was_revoked_meanwhile_runs_nothing_that_was_approved_before() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    held(&router, WRITE).await;
    approve(&review, waiting(&review).await).await;
    house.open_home().revoke(RevokedWhat::Agent, "claude-finance").unwrap();
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(words(&house), ["asked", "decided", "overruled"]);
    let recording::ClosingOutcome::Refused(refused) = house.closing().outcome else { panic!("it ran") };
    assert_eq!(refused.reason, "revoked");
    assert_eq!(house.submissions(), 0);
    house.verifies();
}

#[tokio::test]
async fn the_yes_of_a_reviewer_who_was_revoked_since_is_none_whoever_else_says_yes() {
    for people in [1, 2] {
        let house = house().await;
        let needed = format!("groups = [\"data-reviewers\"]\npeople = {people}");
        house.bundle.change(&[("groups = [\"data-reviewers\"]", &needed)]);
        let gateway = house.gateway();
        let (router, review) = (router(gateway.clone()), house.review());
        let held = held(&router, WRITE).await;
        let id = waiting(&review).await;
        decide(&review, id, "rosa", Verdict::Approve).await.unwrap();
        house.open_home().revoke(RevokedWhat::Person, "rosa").unwrap();
        if people == 2 {
            assert_eq!(decide(&review, id, "sam", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
        }
        assert_eq!(work(&house, &gateway).await, 1);
        assert_eq!(words(&house).last(), Some(&"overruled"), "{people}");
        let refused = get(&router, "ana", &held.handle(), "").await;
        assert!(
            refused.text().contains("a reviewer who had approved this was revoked"),
            "{}",
            refused.text()
        );
        assert_eq!(house.submissions(), 0);
        house.verifies();
    }
}

#[tokio::test]
async fn a_text_that_is_not_the_one_that_was_approved_does_not_run() {
    for is_gone in [true, false] {
        let house = house().await;
        let gateway = house.gateway();
        let (router, review) = (router(gateway.clone()), house.review());
        let held = held(&router, WRITE).await;
        let id = waiting(&review).await;
        approve(&review, id).await;
        let (opening, _) = house.records().remove(0);
        let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
        let sealed = house.home_path().join("sealed").join(key.object(ObjectKind::Sealed));
        let mut bytes = std::fs::read(&sealed).unwrap();
        std::fs::remove_file(&sealed).unwrap();
        if !is_gone {
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&sealed, bytes).unwrap();
        }
        assert_eq!(work(&house, &gateway).await, 1);
        is_refused(&get(&router, "ana", &held.handle(), "").await, "099007");
        assert_eq!(house.submissions(), 0);
    }
}

#[tokio::test]
async fn what_failed_too_often_runs_masked_once_a_person_has_approved_it() {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", "1")]).await;
    fails_once(&house);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    assert_eq!(submit(&router, "ana", customers::SQL, "").await.status, 422);
    let held = held(&router, customers::SQL).await;
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    let done = get(&router, "ana", &held.handle(), "").await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.headers["x-snowgate-masked-columns"], "2-3");
    assert!(!done.text().contains("person0") && !done.text().contains("536-90"), "{}", done.text());
    house.verifies();
}

#[tokio::test]
async fn what_runs_is_what_was_asked_to_the_last_bound_value_name_and_parameter() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let body = json!({
        "statement": "delete from customers where id = ?",
        "bindings": { "1": { "type": "FIXED", "value": "7" } },
        "schema": "PUBLIC", "timeout": 20, "parameters": { "TIMEZONE": "Europe/Berlin" },
    });
    let asked = call(&router, "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes())).await;
    is_waiting(&asked);
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(get(&router, "ana", &asked.handle(), "").await.status, 200);
    let received = house.snow.received();
    let sent = received.iter().find(|request| request.path == "/api/v2/statements").unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent["statement"], body["statement"]);
    assert_eq!(sent["bindings"]["1"]["value"], json!("7"));
    assert_eq!((&sent["database"], &sent["schema"]), (&json!("DEMO"), &json!("PUBLIC")));
    assert_eq!(sent["parameters"]["TIMEZONE"], json!("Europe/Berlin"));
    assert_eq!(sent["timeout"], json!(20));
    house.verifies();
}

#[tokio::test]
async fn a_batch_is_approved_and_run_whole() {
    const PARENT: &str = "01b2c3d4-0000-0000-0000-0000000000aa";
    const SECOND: &str = "01b2c3d4-0000-0000-0000-000000000002";
    let house = House::new().await;
    house.snow.on(When::submitted(), [Answer::batch(PARENT, &[customers::HANDLE, SECOND])]);
    let count: &[&[Option<&str>]] = &[&[Some("1")]];
    let deleted = Answer::result(SECOND, &[("number of rows deleted", "fixed")], count);
    house.snow.on(When::asked_about(SECOND), [deleted]);
    customers::follow(&house.snow, customers::HANDLE, &[3]);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let sql = format!("{}; {WRITE}", customers::SQL);
    let body = json!({ "statement": sql, "parameters": { "MULTI_STATEMENT_COUNT": "2" } });
    let asked = call(&router, "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes())).await;
    is_waiting(&asked);
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    let done = get(&router, "ana", &asked.handle(), "").await;
    assert_eq!(done.status, 200, "{}", done.text());
    let handles: Vec<String> = serde_json::from_value(done.json()["statementHandles"].clone()).unwrap();
    let first = get(&router, "ana", &handles[0], "").await;
    assert_eq!(first.json()["data"].as_array().unwrap().len(), 3);
    assert!(!first.text().contains("person") && !first.text().contains("536-90"), "{}", first.text());
    assert_eq!(get(&router, "ana", &handles[1], "").await.json()["data"], json!([["1"]]));
    assert_eq!(house.submissions(), 1);
    house.verifies();
}

#[tokio::test]
async fn an_approved_update_is_answered_with_both_counts_of_snowflake() {
    let house = House::new().await;
    let counts = [("number of rows updated", "fixed"), ("number of multi-joined rows updated", "fixed")];
    let rows: &[&[Option<&str>]] = &[&[Some("7"), Some("0")]];
    let answer = || Answer::result(customers::HANDLE, &counts, rows);
    house.snow.on(When::submitted().saying("update customers"), [answer()]);
    house.snow.on(When::asked_about(customers::HANDLE), [answer()]);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let asked = held(&router, "update customers set country = 'DE' where id = 7").await;
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    let done = get(&router, "ana", &asked.handle(), "").await;
    assert_eq!((done.status.as_u16(), &done.json()["data"]), (200, &json!([["7", "0"]])), "{}", done.text());
    assert_eq!(done.json()["stats"]["numRowsUpdated"], json!(7), "{}", done.text());
    let records = house.records();
    let closing = records[0].1.as_ref().unwrap();
    assert!(closing.findings.is_empty(), "{:?}", closing.findings);
    house.verifies();
}
