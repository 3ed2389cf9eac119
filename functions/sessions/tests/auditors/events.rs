//! API Gateway's events in `events/sessions`, through Lambda's own conversion into the same router.

use std::fs;
use std::path::Path;

use axum::body::Body;
use lambda_http::RequestExt;

use crate::fakes::House;

/// Loads an event as the Lambda runtime does.
fn load(case: &str) -> http::Request<Body> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/sessions").join(case);
    let text = fs::read_to_string(&file).unwrap();
    lambda_http::request::from_str(&text).unwrap().map(|_| Body::empty())
}

#[tokio::test]
async fn every_event_is_loaded_and_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/sessions");
    let mut cases: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    let expected =
        [("forged-claims.json", 401), ("replay.json", 200), ("search.json", 200), ("session.json", 200)];
    assert_eq!(cases, expected.map(|(case, _)| case.to_owned()));
    for (case, status) in expected {
        let answered = House::new().send(load(case)).await;
        assert_eq!(answered.status.as_u16(), status, "{case}: {}", answered.text());
    }
}

#[tokio::test]
async fn a_search_comes_through_api_gateway_as_it_comes_over_http() {
    let house = House::new();
    let over_lambda = house.send(load("search.json")).await.json();
    let path = "/v1/exchanges?person=ana%40example.com&from=2026-11-25&to=2026-11-26&outcome=refused";
    let over_http = house.told(path).await;
    assert_eq!(over_lambda["exchanges"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&over_lambda["exchanges"], &over_lambda["asked"]),
        (&over_http["exchanges"], &over_http["asked"])
    );
}

#[tokio::test]
async fn what_an_authorizer_is_said_to_have_found_changes_nothing() {
    let request = load("forged-claims.json");
    let claims = request.request_context_ref().and_then(|context| context.authorizer());
    assert!(claims.is_some(), "the event does carry claims");
    let house = House::new();
    assert_eq!(house.send(request).await.status.as_u16(), 401);
    assert!(house.store.calls.lock().unwrap().is_empty());

    // With a good token, the token says who it is.
    let (mut parts, body) = load("forged-claims.json").into_parts();
    parts.headers.insert("authorization", "Bearer sven".parse().unwrap());
    assert_eq!(house.send(http::Request::from_parts(parts, body)).await.status.as_u16(), 200);
    assert_eq!(house.store.kept_looks()[0].by.person, "sven@acme.example");
}
