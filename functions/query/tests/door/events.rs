//! API Gateway's events in `events/query`, through Lambda's own conversion into the same router.

use std::fs;
use std::path::Path;

use axum::body::Body;
use lambda_http::RequestExt;

use crate::house::{Answer, Answered, CUSTOMERS, Call, House, customers};

/// Loads an event as the Lambda runtime does, for a statement with this handle.
fn load(case: &str, handle: &str) -> http::Request<Body> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/query").join(case);
    let text = fs::read_to_string(&file).unwrap().replace("00000000-0000-4000-8000-000000000000", handle);
    lambda_http::request::from_str(&text).unwrap().map(|body| match body {
        lambda_http::Body::Empty => Body::empty(),
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        other => panic!("no such body: {other:?}"),
    })
}

async fn asked() -> (House, String) {
    let house = House::with(gateway::Settings { page_size: 16, ..gateway::Settings::default() });
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    let answered = house.send(load("post-select.json", "")).await;
    assert_eq!(answered.status.as_u16(), 200, "{}", answered.text());
    let handle = answered.json()["statementHandle"].as_str().unwrap().to_owned();
    (house, handle)
}

async fn plays(case: &str) -> Answered {
    let (house, handle) = asked().await;
    house.send(load(case, &handle)).await
}

#[tokio::test]
async fn every_event_is_loaded_and_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/query");
    let mut cases: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    let expected = [
        ("cancel.json", 422),
        ("forged-claims.json", 401),
        ("forged-lambda-context.json", 401),
        ("get-partition.json", 200),
        ("get-status.json", 200),
        ("lambda-authorizer.json", 200),
        ("mcp-metadata.json", 200),
        ("mcp-run-sql.json", 200),
        ("post-select.json", 200),
    ];
    assert_eq!(cases, expected.map(|(case, _)| case.to_owned()));
    for (case, status) in expected {
        let answered = plays(case).await;
        assert_eq!(answered.status.as_u16(), status, "{case}: {}", answered.text());
    }
}

#[tokio::test]
async fn a_select_comes_through_api_gateway_as_it_comes_over_http() {
    let (house, handle) = asked().await;
    let over_lambda = house.send(load("get-status.json", &handle)).await;
    let path = format!("/api/v2/statements/{handle}?requestId=6f1e0c1e-1111-4222-8333-944455566677");
    let over_http = house.send(Call::get(path).request()).await;
    assert_eq!(over_lambda.text(), over_http.text());
    let partition = house.send(load("get-partition.json", &handle)).await;
    assert_eq!(partition.json(), serde_json::json!({ "data": [["2", null]] }));
}

#[tokio::test]
async fn what_an_authorizer_is_said_to_have_found_changes_nothing() {
    for case in ["forged-claims.json", "forged-lambda-context.json"] {
        let request = load(case, "");
        let claims = request.request_context_ref().and_then(|context| context.authorizer());
        let is_told = claims.is_some_and(|told| told.jwt.is_some() || !told.fields.is_empty());
        assert!(is_told, "{case}: the event does carry claims");
        let house = House::with_customers();
        let answered = house.send(request).await;
        assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (401, &"390144".into()), "{case}");
        assert!(house.store.objects.lock().unwrap().is_empty(), "{case}");
    }
}

#[tokio::test]
async fn behind_a_lambda_authorizer_the_door_answers_as_behind_the_other() {
    let answers = ["post-select.json", "lambda-authorizer.json"].map(|case| async move {
        let house = House::with_customers();
        let answered = house.send(load(case, "")).await;
        (answered.status.as_u16(), answered.json()["data"].clone())
    });
    let [one, other] = answers;
    let one = one.await;
    assert_eq!(one.0, 200);
    assert_eq!(one, other.await);
}
