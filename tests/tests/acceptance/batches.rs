//! Several statements at once are one exchange.

use serde_json::{Value, json};
use snowflake::scripted::{Answer, When};

use crate::door::{Answered, call, get, router};
use crate::house::{House, customers};

const PARENT: &str = "01b2c3d4-0000-0000-0000-0000000000aa";
const SECOND: &str = "01b2c3d4-0000-0000-0000-000000000002";
const SQL: &str = "select id, email, ssn as harmless, country from customers; select country from customers";

async fn ask(house: &House, sql: &str, count: &str, more: Value) -> Answered {
    let mut body = json!({ "statement": sql, "parameters": { "MULTI_STATEMENT_COUNT": count } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(&router(house.gateway()), "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes()))
        .await
}

#[tokio::test]
async fn a_batch_is_one_exchange_whose_statements_are_collected_one_by_one() {
    let house = House::new().await;
    house.snow.on(When::submitted(), [Answer::batch(PARENT, &[customers::HANDLE, SECOND])]);
    let countries: &[&[Option<&str>]] = &[&[Some("DE")], &[None]];
    house.snow.on(When::asked_about(SECOND), [Answer::result(SECOND, &[("COUNTRY", "text")], countries)]);
    customers::follow(&house.snow, customers::HANDLE, &[3]);
    let answer = ask(&house, SQL, "2", json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let handles: Vec<String> = serde_json::from_value(answer.json()["statementHandles"].clone()).unwrap();
    assert_eq!(handles.len(), 2);
    assert_eq!(house.submissions(), 1);
    let sent: Value = serde_json::from_slice(&house.snow.received()[0].body).unwrap();
    assert_eq!(sent["parameters"]["MULTI_STATEMENT_COUNT"], "2");

    let router = router(house.gateway());
    let first = get(&router, "ana", &handles[0], "").await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.json()["data"].as_array().unwrap().len(), 3);
    assert!(!first.text().contains("person") && !first.text().contains("536-90"), "{}", first.text());
    let second = get(&router, "ana", &handles[1], "").await;
    assert_eq!(second.json()["data"], json!([["DE"], [null]]));

    let closing = house.closing();
    assert_eq!(closing.parts.len(), 2);
    assert_eq!(house.records()[0].0.statements.len(), 2);
    house.verifies();
}

#[tokio::test]
async fn a_batch_is_decided_by_its_strictest_statement() {
    let house = House::new().await;
    let refused = ask(&house, "select id from customers; drop table customers", "2", json!({})).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let held =
        ask(&house, "select id from customers; delete from customers where id = 1", "2", json!({})).await;
    assert_eq!(held.status, 202, "{}", held.text());
    let renamed = ask(&house, "use role accountadmin; select id from customers", "2", json!({})).await;
    assert_eq!(renamed.status, 422, "{}", renamed.text());
    assert_eq!(house.snow.received().len(), 0);
}

#[tokio::test]
async fn whoever_collects_one_statement_too_early_is_told_to_come_back_for_that_one() {
    let house = House::new().await;
    let sql = "select id from customers; delete from customers where id = 1";
    let held = ask(&house, sql, "2", json!({})).await;
    assert_eq!(held.status, 202, "{}", held.text());
    let children = house.records().remove(0).0.children;
    assert_eq!(children.len(), 2);
    for handle in children.iter().chain([&held.handle()]) {
        let early = get(&router(house.gateway()), "ana", handle, "").await;
        assert_eq!((early.status.as_u16(), early.handle()), (202, handle.clone()), "{}", early.text());
        assert!(early.json()["statementStatusUrl"].as_str().unwrap().contains(handle), "{}", early.text());
    }
}

#[tokio::test]
async fn a_batch_that_switches_names_at_once_is_judged_by_those_it_starts_under_too() {
    let house = House::new().await;
    for (names, switch) in [
        (json!({ "role": "ACCOUNTADMIN" }), "use role analyst"),
        (json!({ "warehouse": "HUGE_WH" }), "use warehouse demo_wh"),
        (json!({ "database": "PAYROLL", "schema": "PUBLIC" }), "use database demo"),
    ] {
        let sql = format!("{switch}; select 1");
        let alone = ask(&house, "select 1", "1", names.clone()).await.status;
        let answer = ask(&house, &sql, "2", names.clone()).await;
        assert_eq!(answer.status, alone, "{names}: {}", answer.text());
    }
    let refused = ask(&house, "use role analyst; select 1", "2", json!({ "role": "ACCOUNTADMIN" })).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(house.submissions(), 0, "{:?}", house.snow.received());
}

#[tokio::test]
async fn another_number_of_statements_than_was_said_is_refused_with_snowflakes_code() {
    let house = House::new().await;
    for (sql, count) in [(SQL, "1"), (SQL, "3"), ("select id from customers", "2")] {
        let answer = ask(&house, sql, count, json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (422, Some("000008")),
            "{}",
            answer.text()
        );
    }
    assert_eq!(house.snow.received().len(), 0);
    assert_eq!(house.records().len(), 3);
    house.verifies();
}

#[tokio::test]
async fn bound_values_and_several_statements_do_not_go_together() {
    let house = House::new().await;
    let bindings = json!({ "bindings": { "1": { "type": "TEXT", "value": "x" } } });
    assert_eq!(ask(&house, SQL, "2", bindings).await.status, 400);
    assert_eq!((house.snow.received().len(), house.records().len()), (0, 0));
}

#[tokio::test]
async fn an_upstream_that_answers_another_number_of_results_shows_nothing() {
    let house = House::new().await;
    house.snow.on(When::submitted(), [Answer::batch(PARENT, &[customers::HANDLE])]);
    customers::follow(&house.snow, customers::HANDLE, &[3]);
    house.snow.on(When::cancelled(PARENT), [Answer::json(200, &json!({}))]);
    let answer = ask(&house, SQL, "2", json!({})).await;
    assert_ne!(answer.status, 200, "{}", answer.text());
    house.clean_up().await;
    assert!(house.closing().parts.is_empty());
    house.verifies();
}
