//! Two principals at each route: another's handle is an unknown one, to the byte.

use gateway::Settings;
use http::{HeaderMap, StatusCode};

use crate::house::{Answer, CUSTOMERS, Call, House, customers};

/// A house whose pages hold one row, and the handle of Ana's statement in it.
async fn anas() -> (House, String) {
    let house = House::with(Settings { page_size: 16, ..Settings::default() });
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    let answered = house.send(Call::ask(CUSTOMERS).request()).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    let handle = answered.json()["statementHandle"].as_str().unwrap().to_owned();
    (house, handle)
}

const UNKNOWN: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// Asks for Ana's handle and for one that nobody has, as Ben; all that he sees must be the same.
async fn check_same(house: &House, handle: &str, call: impl Fn(&str) -> Call) {
    let seen = |answered: crate::house::Answered, handle: &str| -> (StatusCode, HeaderMap, String) {
        (answered.status, answered.headers.clone(), answered.text().replace(handle, "HANDLE"))
    };
    let anas = seen(house.send(call(handle).token("ben").request()).await, handle);
    let unknown = seen(house.send(call(UNKNOWN).token("ben").request()).await, UNKNOWN);
    assert_eq!(anas, unknown);
    assert_eq!(anas.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(anas.2.contains("000709"), "{}", anas.2);
}

#[tokio::test]
async fn another_principals_statement_is_unknown_at_every_route() {
    let (house, handle) = anas().await;
    check_same(&house, &handle, |handle| Call::get(format!("/api/v2/statements/{handle}"))).await;
    check_same(&house, &handle, |handle| Call::get(format!("/api/v2/statements/{handle}?partition=0"))).await;
    check_same(&house, &handle, |handle| Call::get(format!("/api/v2/statements/{handle}?partition=1"))).await;
    check_same(&house, &handle, |handle| Call::get(format!("/api/v2/statements/{handle}?partition=99")))
        .await;
    check_same(&house, &handle, |handle| Call::post(format!("/api/v2/statements/{handle}/cancel"), "")).await;
}

#[tokio::test]
async fn its_own_principal_collects_it_page_by_page() {
    let (house, handle) = anas().await;
    let path = format!("/api/v2/statements/{handle}");
    let first = house.send(Call::get(path.as_str()).request()).await;
    assert_eq!(first.json()["data"], serde_json::json!([["1", "DE"]]));
    let second = house.send(Call::get(format!("{path}?partition=1")).request()).await;
    assert_eq!(second.header("content-encoding"), Some("gzip"), "whatever the client accepts");
    assert_eq!(second.json(), serde_json::json!({ "data": [["2", null]] }));
    let beyond = house.send(Call::get(format!("{path}?partition=2")).request()).await;
    assert_eq!((beyond.status.as_u16(), &beyond.json()["code"]), (422, &"099108".into()));
}

#[tokio::test]
async fn a_held_statement_can_be_cancelled_by_its_own_principal_alone() {
    let house = House::new();
    let held = house.send(Call::ask("update customers set country = 'FR' where id = 1").request()).await;
    assert_eq!(held.status, StatusCode::ACCEPTED, "{}", held.text());
    let handle = held.json()["statementHandle"].as_str().unwrap().to_owned();
    let cancel = format!("/api/v2/statements/{handle}/cancel");
    check_same(&house, &handle, |handle| Call::post(format!("/api/v2/statements/{handle}/cancel"), "")).await;
    let still = house.send(Call::get(format!("/api/v2/statements/{handle}")).request()).await;
    assert_eq!((still.status.as_u16(), &still.json()["code"]), (202, &"333334".into()));
    let cancelled = house.send(Call::post(cancel.as_str(), "{}").request()).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["code"]), (200, &"000604".into()));
    let after = house.send(Call::get(format!("/api/v2/statements/{handle}")).request()).await;
    assert_eq!((after.status.as_u16(), &after.json()["code"]), (422, &"000604".into()));
    assert!(house.upstream.asked.lock().unwrap().is_empty(), "it never ran");
}

#[tokio::test]
async fn what_has_ended_cannot_be_cancelled() {
    let (house, handle) = anas().await;
    let answered = house.send(Call::post(format!("/api/v2/statements/{handle}/cancel"), "").request()).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (422, &"000605".into()));
}
