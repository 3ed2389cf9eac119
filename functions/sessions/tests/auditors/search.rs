//! What is found, how far an answer looks, and how to go on.

use recording::digest_of;
use serde_json::json;

use crate::fakes::{House, exchanges};

const EARLY: &str = "c96fa1c397998a016632aabd299c3cab";
const SESSION: &str = "873a19826d21143688e19652621dc138";
const OTHER: &str = "6766744cab73a321edfbf9d7e14508c9";
const ANAS: &str = "ae3bdb56a547efbe6ea5a6ca065836b2";

fn of(session: &str, numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("{session}/{number}")).collect()
}

#[tokio::test]
async fn exchanges_are_found_by_each_key_oldest_first() {
    let house = House::new();
    for (asked, expected) in [
        (format!("session={SESSION}"), of(SESSION, 1..=5)),
        (
            "person=ANA@example.com&from=2026-11-25&to=2026-11-26".into(),
            [of(ANAS, 1..=3), of(OTHER, 1..=3)].concat(),
        ),
        ("agent=snowgate-ask&from=2026-11-25T22:08:38Z&to=2026-11-25T22:08:40Z".into(), of(SESSION, 1..=3)),
        (
            "table=DEMO.PUBLIC.ORDERS&from=2026-11-25&to=2026-11-26".into(),
            [of(ANAS, [2]), of(OTHER, [2])].concat(),
        ),
        ("held=2026-11-25".into(), [of(ANAS, [2]), of(OTHER, [2])].concat()),
        (
            "refused=2026-11-25".into(),
            [of(EARLY, [4]), of(ANAS, [2]), of(SESSION, [4]), of(OTHER, [2])].concat(),
        ),
        ("refused=2026-11-24".into(), Vec::new()),
    ] {
        let told = house.told(&format!("/v1/exchanges?{asked}")).await;
        assert_eq!(exchanges(&told), expected, "{asked}");
        assert_eq!((&told["next"], &told["damaged"]), (&json!(null), &json!([])), "{asked}");
        assert_eq!(told["not_here"].is_string(), !asked.starts_with("session"), "{asked}");
    }
}

#[tokio::test]
async fn days_that_the_index_does_not_know_are_none_on_which_nothing_was() {
    let house = House::new();
    *house.store.whole_since.lock().unwrap() = Some("2026-11-25T22:08:38Z".parse().unwrap());
    for asked in ["person=ana@example.com&from=2026-11-25&to=2026-11-26", "held=2026-11-25"] {
        let answered = house.get("sven", &format!("/v1/exchanges?{asked}")).await;
        assert_eq!(answered.status, 400, "{}", answered.text());
        let told = answered.json();
        assert!(told["error"].as_str().unwrap().contains("before 2026-11-25T22:08:38.000000Z"), "{told}");
        assert!(told["athena"].as_str().unwrap().contains("dt BETWEEN '2026-11-25'"), "{told}");
    }
    let told = house.told("/v1/exchanges?agent=snowgate-ask&to=2026-11-26").await;
    assert_eq!(told["asked"]["from"], "2026-11-25T22:08:38.000000Z");
    assert_eq!(exchanges(&told), [of(SESSION, 1..=5), of(OTHER, 1..=3)].concat());
    assert_eq!(exchanges(&house.told(&format!("/v1/exchanges?session={EARLY}")).await).len(), 5);
}

#[tokio::test]
async fn everything_else_filters_what_was_found() {
    let house = House::new();
    let day = "from=2026-11-25&to=2026-11-26";
    for (asked, expected) in [
        ("outcome=failed", [of(EARLY, [5]), of(SESSION, [5])].concat()),
        ("decision=refuse", [of(EARLY, [4]), of(SESSION, [4])].concat()),
        ("person=ana@example.com&outcome=refused", [of(ANAS, [2]), of(OTHER, [2])].concat()),
        ("table=demo.public.nowhere", [of(EARLY, [5]), of(SESSION, [5])].concat()),
        ("text=WHICH+customers+OWE", [of(EARLY, [1]), of(SESSION, [1])].concat()),
        ("text=nothing+of+the+kind", Vec::new()),
        ("rule=agents-see-notes&outcome=rows", [of(EARLY, [2]), of(SESSION, [2])].concat()),
    ] {
        let told = house.told(&format!("/v1/exchanges?agent=snowgate-ask&{day}&{asked}")).await;
        assert_eq!(exchanges(&told), expected, "{asked}");
        // A person comes before an agent: of theirs alone all were read.
        assert_eq!(told["read"], if asked.starts_with("person") { 6 } else { 16 }, "{asked}");
    }
}

#[tokio::test]
async fn an_answer_ends_and_the_next_goes_on_where_it_did() {
    let house = House::new();
    let asked = "/v1/exchanges?agent=snowgate-ask&from=2026-11-25&to=2026-11-26&limit=3";
    let (mut found, mut path) = (Vec::new(), asked.to_owned());
    loop {
        let told = house.told(&path).await;
        assert!(exchanges(&told).len() <= 3);
        found.extend(exchanges(&told));
        let Some(next) = told["next"].as_str() else { break };
        assert!(told["until"].as_str().unwrap() > "2026-11-25T22");
        path = format!("{asked}&after={next}");
    }
    let all = [of(EARLY, 1..=5), of(ANAS, 1..=3), of(SESSION, 1..=5), of(OTHER, 1..=3)].concat();
    assert_eq!(found, all);
    let looks = house.store.kept_looks();
    assert_eq!(looks.len(), 6, "each answer is a look");
    assert_eq!(looks.iter().map(|look| look.shown.len()).sum::<usize>(), 16);
    assert!(looks.iter().skip(1).all(|look| look.asked.contains_key("after")));
}

#[tokio::test]
async fn a_cursor_is_of_its_question_and_its_auditor_alone() {
    let house = House::new();
    let asked = "/v1/exchanges?agent=snowgate-ask&from=2026-11-25&to=2026-11-26&limit=3";
    let next = house.told(asked).await["next"].as_str().unwrap().to_owned();
    assert_eq!(house.get("sven", &format!("{asked}&after={next}")).await.status, 200);
    let looks = house.store.kept_looks().len();
    let (mark, place) = next.split_once('.').unwrap();
    let [from, to, _] = place.splitn(3, '.').collect::<Vec<_>>()[..] else { panic!("{place}") };
    for (token, path) in [
        ("rosa", format!("{asked}&after={next}")),
        ("sven", format!("{asked}&outcome=rows&after={next}")),
        ("sven", format!("/v1/exchanges?person=ana@example.com&from=2026-11-25&to=2026-11-26&after={next}")),
        ("sven", format!("{asked}&after={place}")),
        ("sven", format!("{asked}&after={mark}.1")),
        ("sven", format!("{asked}&after={mark}.{from}.{to}.1")),
        ("sven", format!("{asked}&after={mark}.1.{to}.1.{EARLY}.1")),
        ("sven", format!("{asked}&after={mark}.{from}.{from}.1.{EARLY}.1")),
        ("sven", format!("{asked}&after={mark}.{place}.1")),
        ("sven", format!("{asked}&after={mark}.0{place}")),
        ("sven", format!("{asked}&after={}", "9".repeat(1000))),
        ("sven", format!("/v1/sessions/{SESSION}?after={next}")),
    ] {
        let answered = house.get(token, &path).await;
        assert_eq!(answered.status, 400, "{path}: {}", answered.text());
    }
    assert_eq!(house.store.kept_looks().len(), looks, "nothing was shown");
    // Made up, it comes no further than the question goes.
    let before = format!("{asked}&after={mark}.{from}.{to}.1.{EARLY}.1");
    assert_eq!(exchanges(&house.told(&before).await), of(EARLY, 1..=3));
}

#[tokio::test]
async fn a_look_says_who_has_seen_what_and_of_which_answer() {
    let house = House::new();
    let path =
        "/v1/exchanges?person=ana@example.com&from=2026-11-25&to=2026-11-26&text=4111111111111111&limit=7";
    let answered = house.get("sven", path).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    let looks = house.store.kept_looks();
    let [look] = looks.as_slice() else { panic!("{looks:?}") };
    assert_eq!(
        (look.by.issuer.as_str(), look.by.subject.as_str(), look.by.person.as_str(), look.by.client.as_str()),
        ("https://people.example", "u-sven", "sven@acme.example", "audit-console")
    );
    assert_eq!(look.what, "search");
    assert_eq!(look.asked["person"], "ana@example.com");
    assert_eq!(look.asked["text"], "[CARD]", "whoever looks for a value writes it nowhere");
    assert_eq!((look.read, look.shown.len()), (6, 0));
    assert_eq!(look.answer, digest_of(&answered.body).to_string());
    let told = answered.json();
    assert_eq!((&told["look"], &told["asked"]["text"]), (&json!(look.look), &json!("[CARD]")));
    assert!(!answered.text().contains("41111"));
}

#[tokio::test]
async fn a_look_holds_no_value_that_was_looked_for_under_whatever_name_and_no_digest_of_it() {
    let house = House::new();
    let asked = "/v1/exchanges?agent=snowgate-ask&from=2026-11-25&to=2026-11-26&limit=1&text=select";
    let next = house.told(asked).await["next"].as_str().unwrap().to_owned();
    let (mark, place) = next.split_once('.').unwrap();
    let told = house.told(&format!("{asked}&after={next}")).await;
    assert_eq!(told["asked"]["after"], place, "where it went on");
    for name in ["person", "agent", "table", "rule", "finding", "text"] {
        let more = if ["person", "agent", "table"].contains(&name) { "" } else { "agent=snowgate-ask&" };
        let path = format!("/v1/exchanges?{more}{name}=4111111111111111&from=2026-11-25&to=2026-11-26");
        assert_eq!(house.told(&path).await["asked"][name], "[CARD]", "{name}");
    }
    for (name, value) in
        [("person", "ana@example.com"), ("agent", "bot@example.com"), ("table", "DEMO.PUBLIC.ORDERS")]
    {
        let path = format!("/v1/exchanges?{name}={value}&from=2026-11-25&to=2026-11-26");
        assert_eq!(house.told(&path).await["asked"][name], value, "a look says whom it was for");
    }
    let kept = house.store.looks.lock().unwrap();
    let kept: Vec<String> = kept.values().map(|look| String::from_utf8(look.to_vec()).unwrap()).collect();
    assert!(kept.len() >= 11);
    assert!(kept.iter().all(|look| !look.contains(mark) && !look.contains("41111")), "{kept:?}");
}

#[tokio::test]
async fn what_has_no_bound_is_a_query_and_no_look() {
    let house = House::new();
    for asked in ["", "?text=x", "?person=ana&from=2020-01-01", "?outcome=rows&from=2026-11-25"] {
        let answered = house.get("sven", &format!("/v1/exchanges{asked}")).await;
        assert_eq!(answered.status, 400, "{asked}");
        assert!(answered.json()["athena"].as_str().unwrap().contains("FROM exchanges"), "{asked}");
    }
    assert!(house.store.calls.lock().unwrap().iter().all(|call| *call == "whole"));
}

#[tokio::test]
async fn names_with_marks_of_keys_in_them_find_nothing_of_others() {
    let house = House::new();
    for name in ["ana@example.com%232026-11", "%23", "ana@example.com%23", "*", "..%2F..%2F", "ana%25"] {
        let told = house.told(&format!("/v1/exchanges?person={name}&from=2026-11-25&to=2026-11-26")).await;
        assert_eq!(told["exchanges"], json!([]), "{name}");
    }
}

#[tokio::test]
async fn no_other_objects_hide_the_one_that_is_looked_for() {
    let house = House::new();
    let session = "f".repeat(32);
    crate::sizes::flood(&house, &session, 1);
    let key = recording::RecordKey::new("2026-11-25", format!("{session}/1").parse().unwrap());
    let row = house.store.row(&key);
    // An index tells what touches many objects to whoever looks for any.
    let opened = row.opened.clone().unwrap().parse().unwrap();
    house.store.lies.lock().unwrap().push(gateway::ports::Indexed { opened, key });
    let day = "from=2026-11-25&to=2026-11-26";
    let found = house.told(&format!("/v1/exchanges?table=DEMO.PUBLIC.ORDERS&{day}")).await;
    assert_eq!(exchanges(&found), [of(ANAS, [2]), of(OTHER, [2])].concat(), "it is none of these");
    assert_eq!((&found["damaged"], &found["read"]), (&json!([]), &json!(3)), "and nothing is wrong with it");
}
