//! Calls at the SQL API door, as a client makes them.

use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use gateway::Gateway;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::house::{House, customers, in_time};

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.headers.get("content-encoding").is_some_and(|value| value == "gzip") {
            flate2::read::GzDecoder::new(self.body.as_ref()).read_to_string(&mut text).unwrap();
        } else {
            text.push_str(std::str::from_utf8(&self.body).unwrap());
        }
        text
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    pub fn handle(&self) -> String {
        self.json()["statementHandle"].as_str().unwrap().to_owned()
    }
}

pub fn router(gateway: Gateway) -> Router {
    query::routes(Arc::new(gateway))
}

/// One call of `token`'s.
pub async fn call(router: &Router, token: &str, method: &str, path: &str, body: Option<&[u8]>) -> Answered {
    call_with(router, token, method, path, body, &[]).await
}

pub async fn call_with(
    router: &Router,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&[u8]>,
    headers: &[(&str, &str)],
) -> Answered {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("user-agent", "agent/1.0")
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {token}"));
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_vec()))).unwrap();
    in_time(async {
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    })
    .await
}

/// Submits a statement.
pub async fn submit(router: &Router, token: &str, sql: &str, query: &str) -> Answered {
    let body = json!({ "statement": sql }).to_string();
    call(router, token, "POST", &format!("/api/v2/statements{query}"), Some(body.as_bytes())).await
}

pub async fn get(router: &Router, token: &str, handle: &str, query: &str) -> Answered {
    call(router, token, "GET", &format!("/api/v2/statements/{handle}{query}"), None).await
}

#[tokio::test]
async fn a_client_gets_masked_rows_page_by_page_and_they_are_the_recorded_ones() {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 250), &[]).await;
    customers::answer(&house.snow, &[5, 4]);
    let router = router(house.gateway());
    let answer = submit(&router, "ana", customers::SQL, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let partitions = json["resultSetMetaData"]["partitionInfo"].as_array().unwrap().len();
    assert!(partitions > 1, "{partitions}");
    assert_eq!(json["resultSetMetaData"]["numRows"], 9);
    let mut rows = json["data"].as_array().unwrap().clone();
    for partition in 1..partitions {
        let page = get(&router, "ana", &answer.handle(), &format!("?partition={partition}")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        rows.extend(page.json()["data"].as_array().unwrap().clone());
    }
    assert_eq!(rows.len(), 9);
    let told = json!(rows).to_string();
    assert!(!told.contains("person") && !told.contains("536-90"), "{told}");
    assert_eq!(json!(rows), json!(house.recorded_rows()));
    assert_eq!(answer.headers["x-snowgate-masked-columns"], "2-3");
    assert!(!told.contains(customers::HANDLE) && answer.handle() != customers::HANDLE, "handles are ours");
    house.verifies();
}

#[tokio::test]
async fn a_slow_statement_is_collected_when_the_worker_has_carried_it_on() {
    let house = House::new().await;
    customers::answer_later(&house.snow, 1, &[2]);
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let pending = submit(&router, "ana", customers::SQL, "?async=true").await;
    assert_eq!((pending.status.as_u16(), pending.json()["code"].as_str()), (202, Some("333334")));
    assert_eq!(get(&router, "ana", &pending.handle(), "").await.status, 202);
    let soon = house.ports().clock.now().after(house.settings.hold);
    assert_eq!(in_time(gateway.work(soon)).await.unwrap(), 1);
    let done = get(&router, "ana", &pending.handle(), "").await;
    assert_eq!(done.status, 200);
    assert_eq!(done.json()["data"].as_array().unwrap().len(), 2);
}
