//! Who may look: people with the auditors' audience and scope, and nobody else.

use axum::body::Body;
use http::Request;

use crate::fakes::House;

const PATH: &str = "/v1/exchanges?agent=snowgate-ask&from=2026-11-25&to=2026-11-26";

#[tokio::test]
async fn nobody_else_sees_anything_and_nothing_is_asked_for_them() {
    let house = House::new();
    for (token, status, challenge) in [
        ("agent", 401, "Bearer error=\"invalid_token\""),
        ("forged", 401, "Bearer error=\"invalid_token\""),
        ("old", 401, "Bearer error=\"invalid_token\""),
        ("unscoped", 403, "Bearer error=\"insufficient_scope\", scope=\"audit:read\""),
        ("program", 403, ""),
        ("lost", 503, ""),
    ] {
        for path in [PATH, "/v1/exchanges", "/v1/sessions/x", "/v1/exchanges/x/y"] {
            let answered = house.get(token, path).await;
            assert_eq!(answered.status, status, "{token} {path}: {}", answered.text());
            let said = answered.headers.get("www-authenticate").map(|value| value.to_str().unwrap());
            assert_eq!(said.unwrap_or_default(), challenge, "{token} {path}");
            assert_eq!(answered.headers["cache-control"], "no-store");
            assert!(answered.json()["error"].is_string());
        }
    }
    assert!(house.store.calls.lock().unwrap().is_empty(), "nothing was looked at");
}

#[tokio::test]
async fn a_token_is_sent_once_as_bearer() {
    let house = House::new();
    let request = |headers: &[&str]| {
        let request =
            headers.iter().fold(Request::get(PATH), |request, value| request.header("authorization", *value));
        request.body(Body::empty()).unwrap()
    };
    for headers in [&[][..], &["sven"], &["Basic sven"], &["Bearer "], &["Bearer sven", "Bearer rosa"]] {
        let answered = house.send(request(headers)).await;
        assert_eq!(answered.status, 401, "{headers:?}");
        assert_eq!(answered.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(house.send(request(&["bearer sven"])).await.status, 200);
}

#[tokio::test]
async fn whoever_is_revoked_looks_no_more() {
    let house = House::new();
    assert_eq!(house.get("sven", PATH).await.status, 200);
    house.exchanges.revoked.lock().unwrap().insert("sven@acme.example".to_owned());
    let answered = house.get("sven", PATH).await;
    assert_eq!((answered.status.as_u16(), answered.text().contains("this person is revoked")), (403, true));
    assert_eq!(house.get("rosa", PATH).await.status, 200);
    // Whom nobody can tell of, sees nothing.
    *house.exchanges.is_broken.lock().unwrap() = true;
    assert_eq!(house.get("rosa", PATH).await.status, 503);
    assert_eq!(house.store.kept_looks().len(), 2);
}

#[tokio::test]
async fn nothing_but_get_is_done() {
    let house = House::new();
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let request = Request::builder().method(method).uri(PATH).header("authorization", "Bearer sven");
        let answered = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answered.status, 405, "{method}");
    }
    assert!(house.store.calls.lock().unwrap().is_empty());
}
