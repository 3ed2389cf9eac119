//! How much time an answer takes, and how many there are.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use gateway::LOOKS_AN_HOUR;
use http::{Request, StatusCode};
use local::{RandomIds, SystemClock};
use serde_json::{Value, json};

use crate::fakes::{Answered, House, NOW, exchanges};

const SESSION: &str = "873a19826d21143688e19652621dc138";
const ANAS: &str = "ae3bdb56a547efbe6ea5a6ca065836b2";
const DAY: &str = "/v1/exchanges?agent=snowgate-ask&from=2026-11-25&to=2026-11-26";

/// What is answered within that many seconds, where each look at the clock takes one.
async fn within(house: &House, path: &str, seconds: u64) -> Answered {
    house.clock.each.store(1_000_000, Ordering::Relaxed);
    let now = gateway::ports::Clock::now(&*house.clock);
    let request = Request::get(path).header("authorization", "Bearer sven");
    let until = now.after(Duration::from_secs(seconds));
    house.send(request.extension(until).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_search_that_takes_too_long_ends_in_time_and_goes_on_where_it_did() {
    let house = House::new();
    let all = exchanges(&house.told(DAY).await);
    for seconds in [0, 8, 12] {
        let (mut found, mut path, mut answers) = (Vec::new(), DAY.to_owned(), 0);
        loop {
            let answered = within(&house, &path, seconds).await;
            assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
            let told = answered.json();
            assert!(told["read"].as_u64().unwrap() >= 1, "it goes on, however little time there is");
            answers += 1;
            found.extend(exchanges(&told));
            let Some(next) = told["next"].as_str() else { break };
            path = format!("{DAY}&after={next}");
        }
        assert_eq!(found, all, "{seconds}: each once, in order");
        assert!(answers > 1 && answers <= all.len(), "{seconds}: {answers}");
        // What was told before time was over was looked at.
        let looks = house.store.looks.lock().unwrap().len();
        assert!(looks > answers, "{looks}");
    }
}

#[tokio::test]
async fn a_replay_that_takes_too_long_ends_in_time_and_goes_on_where_it_did() {
    for path in [format!("/v1/sessions/{SESSION}"), format!("/v1/exchanges/{ANAS}/2")] {
        let house = House::new();
        let events = |told: &Value| told["events"].as_array().unwrap().clone();
        let whole = events(&house.told(&path).await);
        let (mut found, mut next, mut answers) = (Vec::new(), path.clone(), 0);
        loop {
            let answered = within(&house, &next, 0).await;
            assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
            let told = answered.json();
            assert_eq!(told["damaged"], json!([]));
            assert!(!events(&told).is_empty());
            answers += 1;
            found.extend(events(&told));
            let Some(after) = told["next"].as_str() else { break };
            next = format!("{path}?after={after}");
        }
        assert_eq!(found, whole, "{path}");
        assert!(answers > 1, "{path}");
        assert_eq!(house.store.kept_looks().len(), answers + 1, "each answer is a look");
    }
}

#[tokio::test]
async fn nobody_looks_more_often_than_looks_may_be_kept() {
    let house = House::new();
    house.told(DAY).await;
    let key = house.store.counted.lock().unwrap().keys().next().unwrap().clone();
    house.store.counted.lock().unwrap().insert(key, LOOKS_AN_HOUR);
    house.store.calls.lock().unwrap().clear();
    for path in [DAY.to_owned(), format!("/v1/sessions/{SESSION}"), format!("/v1/exchanges/{SESSION}/99")] {
        let answered = house.get("sven", &path).await;
        assert_eq!(answered.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(answered.headers["retry-after"], NOW.until_next_hour().as_secs().to_string().as_str());
        assert!(answered.json()["error"].as_str().unwrap().starts_with("you have looked 1000 times"));
    }
    assert!(house.store.calls.lock().unwrap().iter().all(|call| ["whole", "count"].contains(call)));
    assert_eq!(house.store.looks.lock().unwrap().len(), 1);
    assert_eq!(house.get("rosa", DAY).await.status, StatusCode::OK, "somebody else has looked less");
}

#[tokio::test]
async fn a_next_answer_looks_at_what_the_first_one_did_whenever_it_is_asked() {
    let house = House::new();
    let asked = "/v1/exchanges?agent=snowgate-ask&limit=3";
    let first = house.told(asked).await;
    let next = first["next"].as_str().unwrap();
    // A week later, by whoever has kept it; what the index has forgotten meanwhile was shown.
    house.clock.each.store(7 * 24 * 3_600_000_000, Ordering::Relaxed);
    let until = first["until"].as_str().unwrap().parse().unwrap();
    *house.store.whole_since.lock().unwrap() = Some(until);
    let second = house.told(&format!("{asked}&after={next}")).await;
    house.clock.each.store(0, Ordering::Relaxed);
    for key in ["from", "to"] {
        assert_eq!(first["asked"][key], second["asked"][key]);
    }
    assert_eq!(exchanges(&second).len(), 3);
    // In another stretch it is no cursor, and where what comes next is forgotten it is none that is answered.
    for other in ["&from=2026-11-01", "&to=2026-11-26", "&from=2026-11-25&to=2026-11-26"] {
        let answered = house.get("sven", &format!("{asked}{other}&after={next}")).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{other}");
    }
    *house.store.whole_since.lock().unwrap() = Some(until.after(Duration::from_micros(1)));
    let answered = house.get("sven", &format!("{asked}&after={next}")).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert!(answered.json()["athena"].is_string());
}

#[tokio::test]
async fn an_answer_is_a_trace_that_holds_nothing_of_what_was_asked() {
    use tracing_subscriber::layer::SubscriberExt;
    let kept = crate::kept::Kept::listening();
    let place = traces::Place { version: "1.2.3", function: None };
    let ports = (Arc::new(SystemClock) as _, Arc::new(RandomIds) as _);
    let exporter = traces::exporter(traces::Wish::Asked, &place, ports, kept.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(exporter));

    let house = House::new();
    house.get("sven", DAY).await;
    for (token, path) in
        [("sven", DAY), ("s3cret-token", DAY), ("sven", "/v1/exchanges?person=s3cret-person")]
    {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        house.send(request.header("traceparent", parent).body(Body::empty()).unwrap()).await;
    }
    let spans = kept.spans();
    let said: Vec<(&str, &str)> = spans
        .iter()
        .map(|span| (span.name.as_str(), span.attributes["http.response.status_code"].as_str()))
        .collect();
    assert_eq!(said, [("sessions", "200"), ("sessions", "401"), ("sessions", "200")]);
    for word in ["s3cret", "sven", "snowgate-ask"] {
        assert!(!kept.text().contains(word), "{word}");
    }
}
