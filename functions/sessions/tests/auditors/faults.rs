//! What fails shows nothing, and what lies is told as damaged.

use bytes::Bytes;
use gateway::ports::Indexed;
use recording::{Closing, ObjectKind, Opening, RecordKey, decode, encode};
use serde_json::json;

use crate::fakes::{House, exchanges};

const SESSION: &str = "873a19826d21143688e19652621dc138";
const ANAS: &str = "ae3bdb56a547efbe6ea5a6ca065836b2";
const ASKED: &str = "/v1/exchanges?person=ana@example.com&from=2026-11-25&to=2026-11-26";

fn at(session: &str, number: u32) -> RecordKey {
    RecordKey::new("2026-11-25", format!("{session}/{number}").parse().unwrap())
}

#[tokio::test]
async fn whatever_fails_nothing_is_shown() {
    for (broken, path) in [
        ("whole", ASKED.to_owned()),
        ("count", ASKED.to_owned()),
        ("index", ASKED.to_owned()),
        ("record", ASKED.to_owned()),
        ("look", ASKED.to_owned()),
        ("count", format!("/v1/sessions/{SESSION}")),
        ("index", format!("/v1/sessions/{SESSION}")),
        ("record", format!("/v1/sessions/{SESSION}")),
        ("page", format!("/v1/sessions/{SESSION}")),
        ("look", format!("/v1/sessions/{SESSION}")),
        ("look", format!("/v1/exchanges/{SESSION}/9")),
    ] {
        let house = House::new();
        *house.store.broken.lock().unwrap() = Some(broken);
        let answered = house.get("sven", &path).await;
        assert_eq!(answered.status, 503, "{broken} {path}: {}", answered.text());
        assert_eq!(answered.headers["retry-after"], "1");
        assert_eq!(answered.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
        assert!(house.store.looks.lock().unwrap().is_empty(), "{broken} {path}");
        let calls = house.store.calls.lock().unwrap().clone();
        assert_eq!(calls.iter().filter(|call| **call == "look").count(), usize::from(broken == "look"));
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_masked_is_not_looked_for() {
    let house = House::new();
    *house.policies.0.lock().unwrap() = None;
    assert_eq!(house.get("sven", &format!("{ASKED}&text=x")).await.status, 503);
    assert_eq!(*house.store.calls.lock().unwrap(), ["whole", "count"]);
    // Nothing else needs a bundle.
    assert_eq!(house.get("sven", ASKED).await.status, 200);
}

#[tokio::test]
async fn what_the_index_tells_and_its_record_does_not_is_told_as_damaged() {
    let house = House::new();
    let opened = |key: &RecordKey| house.store.row(key).opened.unwrap().parse().unwrap();
    let others = at(SESSION, 1);
    let later = "2026-11-25T22:59:59.000000Z".parse().unwrap();
    let lies = vec![
        // Another person's, one that was opened at another time, one of another day, and one that nobody has ever opened.
        Indexed { opened: opened(&others), key: others.clone() },
        Indexed { opened: later, key: at(ANAS, 1) },
        Indexed { opened: later, key: RecordKey::new("../keys", at(ANAS, 2).exchange) },
        Indexed { opened: later, key: at(&"0".repeat(32), 1) },
    ];
    house.store.lies.lock().unwrap().extend(lies);
    let told = house.told(ASKED).await;
    assert_eq!(exchanges(&told).len(), 6, "what is true is shown");
    let damaged = told["damaged"].as_array().unwrap();
    let said: Vec<(String, String)> = damaged
        .iter()
        .map(|one| {
            (one["exchange"].as_str().unwrap().to_owned(), one["what"][0].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(said.len(), 4, "{said:?}");
    for (exchange, what) in [
        (others.exchange.to_string(), "the index tells another person"),
        (format!("{ANAS}/1"), "the index tells another moment of its opening"),
        (format!("{ANAS}/2"), "it is not among the records"),
        (format!("{}/1", "0".repeat(32)), "it is not among the records"),
    ] {
        assert!(said.contains(&(exchange.clone(), what.to_owned())), "{exchange}: {said:?}");
    }
    assert!(!told.to_string().contains("which customers owe"), "nothing of another's is told");
    let [look] = &house.store.kept_looks()[..] else { panic!("one look") };
    assert_eq!((look.shown.len(), look.damaged.len(), look.read), (6, 4, 10));
}

#[tokio::test]
async fn a_record_that_is_damaged_is_told_as_damaged() {
    let house = House::new();
    let (edited, gone, forged) = (at(ANAS, 1), at(ANAS, 2), at(ANAS, 3));
    let indexed: Vec<Indexed> = [&edited, &gone, &forged]
        .map(|key| Indexed {
            opened: house.store.row(key).opened.unwrap().parse().unwrap(),
            key: key.clone(),
        })
        .to_vec();
    {
        let mut objects = house.store.objects.lock().unwrap();
        let opening = objects.get_mut(&edited.object(ObjectKind::Opening)).unwrap();
        let text = String::from_utf8(opening.to_vec()).unwrap();
        *opening = Bytes::from(text.replace("ana@example.com", "ben@example.com"));
        objects.remove(&gone.object(ObjectKind::Closing)).unwrap();
        // By somebody who can compute a digest: the closing still names another opening.
        let opening = objects.get_mut(&forged.object(ObjectKind::Opening)).unwrap();
        let mut record = decode::<Opening>(opening).unwrap().record;
        record.sql = "select 'nothing at all'".to_owned();
        *opening = Bytes::from(encode(&record).unwrap().0);
    }
    house.store.lies.lock().unwrap().extend(indexed);
    let told = house.told(&format!("{ASKED}&to=2026-11-25T22:08:38Z").replace("&to=2026-11-26", "")).await;
    assert!(exchanges(&told).is_empty(), "{told}");
    let damaged: Vec<&str> =
        told["damaged"].as_array().unwrap().iter().map(|one| one["exchange"].as_str().unwrap()).collect();
    for key in [&edited, &gone, &forged] {
        assert!(damaged.contains(&key.exchange.to_string().as_str()), "{told}");
    }
    assert!(!told.to_string().contains("nothing at all"));
}

#[tokio::test]
async fn a_long_record_is_shown_by_its_beginning_and_says_so() {
    let house = House::new();
    let key = at(ANAS, 1);
    {
        let mut objects = house.store.objects.lock().unwrap();
        let mut opening = decode::<Opening>(&objects[&key.object(ObjectKind::Opening)]).unwrap().record;
        opening.sql = "ä".repeat(900_000);
        let (bytes, digest) = encode(&opening).unwrap();
        objects.insert(key.object(ObjectKind::Opening), Bytes::from(bytes));
        let mut closing = decode::<Closing>(&objects[&key.object(ObjectKind::Closing)]).unwrap().record;
        closing.opening = digest.to_string();
        objects.insert(key.object(ObjectKind::Closing), Bytes::from(encode(&closing).unwrap().0));
    }
    let told = house.told(ASKED).await;
    let row = &told["exchanges"][0];
    assert_eq!((row["sql"].as_str().unwrap().chars().count(), &row["cut"]), (4000, &json!(["sql"])));
}
