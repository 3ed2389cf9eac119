//! What is told again, and what is said of what is not as it was written.

use std::fs;

use bytes::Bytes;
use recording::{ObjectKind, RecordKey};
use serde_json::{Value, json};

use crate::fakes::{House, data};

const SESSION: &str = "873a19826d21143688e19652621dc138";
const APPROVED: &str = "1849cb183fe87d819aef0641c8d4354e";

fn at(session: &str, number: u32) -> RecordKey {
    RecordKey::new("2026-11-25", format!("{session}/{number}").parse().unwrap())
}

/// What `snowgate replay --json` tells of a session, as committed beside the records.
fn expected(file: &str, session: &str) -> Vec<Value> {
    let text = fs::read_to_string(data(file)).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["exchange"].as_str().unwrap().starts_with(session)).collect()
}

/// The words of what is damaged.
fn damage(told: &Value) -> Vec<(String, String)> {
    let damaged = told["damaged"].as_array().unwrap().iter();
    damaged
        .map(|fault| (fault["at"].as_str().unwrap().to_owned(), fault["what"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_session_is_told_as_the_command_line_tells_it() {
    let house = House::new();
    for (file, session) in [
        ("v1.replay.jsonl", SESSION),
        ("v1.replay.jsonl", "c96fa1c397998a016632aabd299c3cab"),
        ("v1.replay.jsonl", "6766744cab73a321edfbf9d7e14508c9"),
        ("v1.approvals.replay.jsonl", APPROVED),
    ] {
        let told = house.told(&format!("/v1/sessions/{session}")).await;
        let events = expected(file, session);
        assert!(events.len() > 7);
        assert_eq!(told["events"].as_array().unwrap(), &events, "{session}");
        assert_eq!((&told["damaged"], &told["next"]), (&json!([]), &json!(null)), "{session}");
    }
    let looks = house.store.kept_looks();
    assert_eq!(looks[0].what, "replay");
    assert_eq!(looks[0].asked["session"], SESSION);
    assert_eq!(looks[0].shown.len(), 5);
}

#[tokio::test]
async fn one_exchange_is_told_alone() {
    let house = House::new();
    let told = house.told(&format!("/v1/exchanges/{SESSION}/2")).await;
    let mut events = expected("v1.replay.jsonl", SESSION);
    events.retain(|event| event["exchange"] == format!("{SESSION}/2"));
    assert_eq!(told["events"], json!(events));
    assert_eq!(house.store.kept_looks()[0].shown, [format!("{SESSION}/2")]);
    for (path, status) in [
        (format!("/v1/exchanges/{SESSION}/9"), 404),
        (format!("/v1/exchanges/{SESSION}/0"), 400),
        (format!("/v1/exchanges/{SESSION}/02"), 400),
        (format!("/v1/exchanges/{SESSION}/99999999999"), 400),
        (format!("/v1/sessions/{}", "0".repeat(32)), 404),
        ("/v1/sessions/..%2Fkeys".to_owned(), 400),
        (format!("/v1/sessions/{SESSION}?person=ana"), 400),
    ] {
        assert_eq!(house.get("sven", &path).await.status, status, "{path}");
    }
    let looks = house.store.kept_looks();
    assert_eq!(looks.len(), 3, "that there is none is a look, too");
    assert!(looks.iter().any(|look| look.shown.is_empty() && look.asked["exchange"] == "9"));
}

#[tokio::test]
async fn a_page_that_is_another_or_gone_is_told_and_never_shown() {
    let house = House::new();
    let page = |page| at(SESSION, 2).object(ObjectKind::Page { part: 0, page });
    {
        let mut objects = house.store.objects.lock().unwrap();
        let other = objects[&page(1)].clone();
        objects.insert(page(0), other);
        objects.remove(&page(2)).unwrap();
    }
    let told = house.told(&format!("/v1/exchanges/{SESSION}/2")).await;
    assert_eq!(damage(&told), [(page(0), "page_digest".into()), (page(2), "page_missing".into())]);
    let shown: Vec<&Value> =
        told["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "page").collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["page"], 1);
}

#[tokio::test]
async fn what_was_edited_is_told_and_what_was_said_in_it_is_not() {
    let house = House::new();
    let key = at(SESSION, 1);
    let edit = |kind, from: &str, to: &str| {
        let mut objects = house.store.objects.lock().unwrap();
        let object = objects.get_mut(&key.object(kind)).unwrap();
        let text = String::from_utf8(object.to_vec()).unwrap();
        assert!(text.contains(from), "{text}");
        *object = Bytes::from(text.replace(from, to));
    };
    edit(ObjectKind::Opening, "snowgate-ask", "somebody-else");
    let told = house.told(&format!("/v1/exchanges/{SESSION}/1")).await;
    assert!(damage(&told).contains(&(key.object(ObjectKind::Opening), "digest".into())), "{told}");
    assert!(!told.to_string().contains("somebody-else"));
    assert!(told["events"].as_array().unwrap().iter().all(|event| event["kind"] != "statement"));

    edit(ObjectKind::Opening, "somebody-else", "snowgate-ask");
    edit(ObjectKind::Closing, "sha256:", "sha256:0");
    let told = house.told(&format!("/v1/exchanges/{SESSION}/1")).await;
    assert!(damage(&told).iter().any(|(at, _)| *at == key.object(ObjectKind::Closing)), "{told}");
    assert!(told["events"].as_array().unwrap().iter().all(|event| event["kind"] != "page"));
}

#[tokio::test]
async fn a_number_that_is_missing_is_told() {
    let house = House::new();
    let gone = at(SESSION, 3);
    house.store.objects.lock().unwrap().retain(|key, _| !key.starts_with(&format!("{gone}.")));
    let told = house.told(&format!("/v1/sessions/{SESSION}")).await;
    assert_eq!(damage(&told), [(SESSION.to_owned(), "gap".to_owned())]);
    assert!(told["damaged"][0]["detail"].as_str().unwrap().contains("exchanges 3 to 3 are missing"));
}

#[tokio::test]
async fn an_opening_that_is_gone_is_told_by_what_is_left() {
    let house = House::new();
    let key = at(SESSION, 5);
    house.store.objects.lock().unwrap().remove(&key.object(ObjectKind::Opening)).unwrap();
    // The index still tells of it.
    let opened = "2026-11-25T22:08:40.084718Z".parse().unwrap();
    house.store.lies.lock().unwrap().push(gateway::ports::Indexed { opened, key: key.clone() });
    let told = house.told(&format!("/v1/sessions/{SESSION}")).await;
    assert!(damage(&told).contains(&(key.object(ObjectKind::Opening), "opening_missing".into())), "{told}");
}

#[tokio::test]
async fn what_does_not_fit_comes_in_further_answers_each_a_look() {
    let house = House::new();
    // Twelve exchanges of a size that four do not fit with.
    let session = "f".repeat(32);
    {
        let mut objects = house.store.objects.lock().unwrap();
        let opening: recording::Opening =
            recording::decode(&objects[&at(SESSION, 1).object(ObjectKind::Opening)]).unwrap().record;
        for number in 1..=12 {
            let exchange = format!("{session}/{number}");
            let opening = recording::Opening { exchange, sql: "x".repeat(700_000), ..opening.clone() };
            let (bytes, _) = recording::encode(&opening).unwrap();
            objects.insert(at(&session, number).object(ObjectKind::Opening), Bytes::from(bytes));
        }
    }
    let (mut path, mut events, mut answers) = (format!("/v1/sessions/{session}"), Vec::new(), 0);
    loop {
        let answered = house.get("sven", &path).await;
        assert_eq!(answered.status, 200);
        assert!(answered.body.len() < 4_000_000, "{}", answered.body.len());
        let told = answered.json();
        events.extend(told["events"].as_array().unwrap().clone());
        answers += 1;
        let Some(next) = told["next"].as_str() else { break };
        path = format!("/v1/sessions/{session}?after={next}");
    }
    let statements = events.iter().filter(|event| event["kind"] == "statement");
    assert_eq!(statements.count(), 12);
    assert!(answers > 3);
    assert_eq!(house.store.kept_looks().len(), answers);
}
