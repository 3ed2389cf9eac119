//! A wait as a stream: what is told meanwhile, how it ends, and what it does not do.

use gateway::Settings;
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{call, fails, told, tool, with_meta};
use crate::house::{Answer, CUSTOMERS, Call, House, customers};

/// The events of an answer, as they come.
struct Events(axum::body::Body);

impl Events {
    async fn begin(house: &House, call: Call) -> Self {
        use tower::ServiceExt;
        let response = house.router.clone().oneshot(call.request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("text/event-stream"));
        assert_eq!((header("x-accel-buffering"), header("cache-control")), (Some("no"), Some("no-store")));
        Self(response.into_body())
    }

    /// The next message; none at the end.
    async fn next(&mut self) -> Option<Value> {
        let frame = self.0.frame().await?.unwrap().into_data().unwrap();
        let text = String::from_utf8(frame.to_vec()).unwrap();
        let data =
            text.strip_prefix("event: message\ndata: ").and_then(|text| text.strip_suffix("\n\n")).unwrap();
        Some(serde_json::from_str(data).unwrap())
    }
}

fn run(statement: &str) -> Call {
    let arguments = json!({ "statement": statement, "wait_seconds": 18 });
    with_meta("run_sql", &arguments, &json!({ "progressToken": "p-1" }))
}

#[tokio::test]
async fn a_client_that_asks_for_progress_is_told_what_is_waited_for_and_then_the_answer() {
    let house = House::new();
    house.script(CUSTOMERS, Answer::Runs);
    let mut events = Events::begin(&house, run(CUSTOMERS)).await;
    let first = events.next().await.unwrap();
    assert_eq!((&first["method"], first.get("id")), (&json!("notifications/progress"), None));
    assert_eq!((&first["params"]["progressToken"], &first["params"]["progress"]), (&json!("p-1"), &json!(1)));
    let message = first["params"]["message"].as_str().unwrap();
    assert!(message.starts_with("It is running. Handle "), "{message}");
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    house.work().await;
    let last = events.next().await.unwrap();
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!(7), &json!("complete")), "{last}");
    assert_eq!(last["result"]["structuredContent"]["rows"], json!([["1", "DE"], ["2", null]]));
    assert_eq!(events.next().await, None, "the answer ends it");
}

#[tokio::test]
async fn what_waits_for_a_person_says_so_until_the_wait_is_over() {
    let house = House::with(Settings { hold: std::time::Duration::from_secs(1), ..Settings::default() });
    let held = run("update customers set country = 'FR' where id = 1");
    let mut events = Events::begin(&house, held).await;
    let first = events.next().await.unwrap();
    let message = first["params"]["message"].as_str().unwrap();
    assert!(message.starts_with("Waits for a person to decide: ") && message.contains("Handle"), "{message}");
    let mut last = first;
    while let Some(next) = events.next().await {
        last = next;
    }
    assert_eq!(last["result"]["structuredContent"]["status"], "waiting", "{last}");
}

#[tokio::test]
async fn a_client_that_goes_away_stops_nothing() {
    let house = House::new();
    house.script(CUSTOMERS, Answer::Runs);
    let mut events = Events::begin(&house, run(CUSTOMERS)).await;
    let message = events.next().await.unwrap()["params"]["message"].as_str().unwrap().to_owned();
    let handle = message.trim_end_matches('.').rsplit(' ').next().unwrap().to_owned();
    drop(events);
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    house.work().await;
    let told = call(&house, "get_result", json!({ "handle": handle }), false).await;
    assert_eq!(told["rows"], json!([["1", "DE"], ["2", null]]));
    assert_eq!(house.upstream.asked.lock().unwrap().len(), 1, "it ran once");
}

#[tokio::test]
async fn a_result_that_is_waited_for_comes_by_a_stream_too() {
    let house = House::new();
    house.script(CUSTOMERS, Answer::Runs);
    let ran = call(&house, "run_sql", json!({ "statement": CUSTOMERS, "wait_seconds": 0 }), false).await;
    assert_eq!(ran["status"], "running");
    let arguments = json!({ "handle": ran["handle"], "from_row": 1 });
    let collect = || with_meta("get_result", &arguments, &json!({ "progressToken": 3 }));
    let mut events = Events::begin(&house, collect()).await;
    assert_eq!(events.next().await.unwrap()["params"]["progressToken"], 3);
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    house.work().await;
    let last = events.next().await.unwrap();
    assert_eq!(last["result"]["structuredContent"]["rows"], json!([["2", null]]), "{last}");
    // What has ended is answered at once, and whole.
    let whole = house.send(collect().request()).await;
    assert_eq!(whole.header("content-type"), Some("application/json"));
    assert_eq!(told(&whole, false)["rows"], json!([["2", null]]));
}

#[tokio::test]
async fn whoever_names_no_progress_or_takes_no_stream_gets_one_object() {
    let house = House::with(Settings { hold: std::time::Duration::from_secs(1), ..Settings::default() });
    house.script(CUSTOMERS, Answer::Runs);
    for call in [
        tool("run_sql", &json!({ "statement": CUSTOMERS, "wait_seconds": 1 })),
        run(CUSTOMERS).with("accept", "application/json"),
        run(CUSTOMERS).with("accept", "*/*"),
        run(CUSTOMERS).with("accept", "application/json, text/event-stream;q=0"),
    ] {
        let answered = house.send(call.request()).await;
        assert_eq!(answered.header("content-type"), Some("application/json"));
        assert_eq!(told(&answered, false)["status"], "running");
    }
    // A small answer is no stream for anybody.
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    let quick = house.send(run(CUSTOMERS).request()).await;
    assert_eq!(quick.header("content-type"), Some("application/json"));
    for token in [json!({}), json!(1.5), json!("x".repeat(300)), json!([1])] {
        let arguments = json!({ "statement": CUSTOMERS });
        let wrong = with_meta("run_sql", &arguments, &json!({ "progressToken": token }));
        fails(&house.send(wrong.request()).await, 400, -32602);
    }
}

#[tokio::test]
async fn a_store_that_breaks_while_it_is_waited_for_shows_nothing() {
    let house = House::with(Settings { inline: 0, ..Settings::default() });
    house.script(CUSTOMERS, Answer::Runs);
    let mut events = Events::begin(&house, run(CUSTOMERS)).await;
    events.next().await.unwrap();
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    house.work().await;
    house.store.objects.lock().unwrap().retain(|key, _| !key.contains("page"));
    let last = events.next().await.unwrap();
    assert_eq!(last["result"]["structuredContent"]["status"], "unavailable", "{last}");
    assert!(last["result"]["structuredContent"].get("rows").is_none());
    assert_eq!(events.next().await, None);
}
