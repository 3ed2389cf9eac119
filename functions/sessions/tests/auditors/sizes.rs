//! Whatever was recorded, each answer is one that Lambda hands over, and together they tell all of it.
//!
//! Whoever is looked at writes what is found: a quote counts four times in such an answer, and a control character seven times.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use recording::{Closing, ObjectKind, Opening, PageHeader, RecordKey, digest_of, encode, encode_page};
use serde_json::{Value, json};

use crate::fakes::{Answered, House};

const SESSION: &str = "873a19826d21143688e19652621dc138";

/// Bytes that Lambda hands over at most.
const LAMBDA_TAKES: usize = 6_291_556;

type Row = Vec<Option<String>>;

fn key() -> RecordKey {
    RecordKey::new("2026-11-25", format!("{SESSION}/2").parse().unwrap())
}

/// The answer as the function hands it to Lambda.
fn handed_over(answered: &Answered) -> usize {
    let headers: Vec<_> =
        answered.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let answer =
        json!({ "statusCode": 200, "headers": headers, "body": answered.text(), "isBase64Encoded": false });
    answer.to_string().len()
}

/// Puts a result with these pages in the place of the one that was recorded.
fn record(house: &House, pages: &[Vec<Row>]) {
    let mut objects = house.store.objects.lock().unwrap();
    let name = key().object(ObjectKind::Closing);
    let mut closing: Closing = recording::decode(&objects[&name]).unwrap().record;
    let part = &mut closing.parts[0];
    let sample = part.pages[0].clone();
    part.pages = Vec::new();
    for (page, rows) in (0..).zip(pages) {
        let text = serde_json::to_vec(rows).unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&text).unwrap();
        let body = gzip.finish().unwrap();
        let (size, stored, count) = (text.len() as u64, body.len() as u64, rows.len() as u64);
        let header = PageHeader {
            exchange: format!("{SESSION}/2"),
            part: 0,
            page,
            body: "json-rows+gzip".to_owned(),
            columns: part.columns.clone(),
            rows: count,
            size,
        };
        let object = Bytes::from(encode_page(&header, &body).unwrap());
        let digest = digest_of(&object).to_string();
        part.pages.push(recording::PageRecord {
            rows: count,
            size,
            stored,
            digest,
            inline: None,
            ..sample.clone()
        });
        objects.insert(key().object(ObjectKind::Page { part: 0, page }), object);
    }
    part.rows = pages.iter().map(|rows| rows.len() as u64).sum();
    let (bytes, _) = encode(&closing).unwrap();
    objects.insert(name, Bytes::from(bytes));
}

/// All events of a replay, however many answers it takes.
async fn told(house: &House, path: &str) -> (Vec<Value>, usize) {
    let (mut next, mut events, mut answers) = (None, Vec::new(), 0);
    loop {
        let after = next.map(|next: String| format!("?after={next}")).unwrap_or_default();
        let answered = house.get("sven", &format!("{path}{after}")).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        let long = handed_over(&answered);
        assert!(long < LAMBDA_TAKES / 2, "{long} bytes");
        let told = answered.json();
        let damaged = told["damaged"].as_array().unwrap();
        assert!(damaged.iter().all(|fault| fault["what"] == "not_closed"), "{damaged:?}");
        let some = told["events"].as_array().unwrap();
        assert!(!some.is_empty(), "each answer goes on");
        events.extend(some.iter().cloned());
        answers += 1;
        assert!(answers < 100, "it comes to an end");
        match told["next"].as_str() {
            Some(more) => next = Some(more.to_owned()),
            None => return (events, answers),
        }
    }
}

/// The rows of each page, put together of all that was told of it.
fn put_together(events: &[Value]) -> Vec<Vec<Row>> {
    let mut pages: Vec<Vec<Row>> = Vec::new();
    for event in events.iter().filter(|event| event["kind"] == "page") {
        let page = usize::try_from(event["page"].as_u64().unwrap()).unwrap();
        if pages.len() <= page {
            pages.push(Vec::new());
        }
        let rows: Vec<Row> = serde_json::from_value(event["rows"].clone()).unwrap();
        let stretch = &event["stretch"];
        let number = |name: &str| usize::try_from(stretch[name].as_u64().unwrap()).unwrap();
        if stretch["column"].is_null() {
            if stretch.is_object() {
                assert_eq!(number("from"), pages[page].len());
            }
            pages[page].extend(rows);
            continue;
        }
        let (row, column, from, of) = (number("row"), number("column"), number("from"), number("of"));
        assert_eq!(event["columns"].as_array().unwrap().len(), 1, "of the one column that it tells");
        if pages[page].len() == row {
            pages[page].push(Vec::new());
        }
        let cells = &mut pages[page][row];
        if cells.len() == column {
            cells.push(rows[0][0].as_ref().map(|_| String::new()));
        }
        let Some(text) = &rows[0][0] else {
            assert_eq!((from, of), (0, 0));
            continue;
        };
        let cell = cells[column].as_mut().unwrap();
        assert_eq!(cell.len(), from);
        cell.push_str(text);
        assert!(cell.len() <= of);
    }
    pages
}

fn columns(house: &House) -> usize {
    let closing: Closing =
        recording::decode(&house.store.objects.lock().unwrap()[&key().object(ObjectKind::Closing)])
            .unwrap()
            .record;
    closing.parts[0].columns.len()
}

#[tokio::test]
async fn pages_of_any_size_are_told_in_answers_that_lambda_takes() {
    let house = House::new();
    let columns = columns(&house);
    let row = |text: &str| vec![Some(text.to_owned()); columns];
    // Sixteen megabytes of small cells, as a bulk extract has them; and one page more.
    let many: Vec<Row> = (0..16 * 1024 * 1024 / (columns * 12)).map(|nr| row(&format!("{nr:08}"))).collect();
    record(&house, &[many.clone(), vec![row("the end")]]);
    let path = format!("/v1/exchanges/{SESSION}/2");
    let (events, answers) = told(&house, &path).await;
    assert!(put_together(&events) == [many, vec![row("the end")]], "all of it, once, in order");
    assert!(answers >= 8, "{answers}");
    let last = events.last().unwrap();
    assert_eq!((&last["kind"], &last["stretch"]), (&json!("closing"), &json!(null)));
    let looks = house.store.kept_looks();
    assert_eq!(looks.len(), answers);
    assert!(looks.iter().all(|look| look.shown == [format!("{SESSION}/2")]));
}

#[tokio::test]
async fn a_row_that_no_answer_holds_is_told_cell_by_cell() {
    let house = House::new();
    let columns = columns(&house);
    let small: Row = (0..columns).map(|nr| (nr > 0).then(|| format!("x{nr}"))).collect();
    let mut long = small.clone();
    long[0] = Some("\u{1}\"\\ä😀".repeat(500_000));
    let mut last = small.clone();
    last[columns - 1] = Some("q\"".repeat(1_000_000));
    for rows in [
        vec![small.clone(), long.clone(), small.clone(), last.clone()],
        vec![long.clone(), last, small.clone()],
        vec![long],
        Vec::new(),
    ] {
        record(&house, std::slice::from_ref(&rows));
        let (events, _) = told(&house, &format!("/v1/exchanges/{SESSION}/2")).await;
        let found = put_together(&events);
        assert!(found == [rows.clone()], "{} rows", rows.len());
        let whole = events.iter().find(|event| event["kind"] == "page").unwrap();
        assert_eq!(whole["columns"].as_array().unwrap().len(), columns, "its columns are told before it");
    }
}

#[tokio::test]
async fn a_text_that_no_answer_holds_is_told_in_stretches() {
    let house = House::new();
    let session = "f".repeat(32);
    let sql = "\u{1}\"é".repeat(500_000);
    {
        let mut objects = house.store.objects.lock().unwrap();
        let sample = RecordKey::new("2026-11-25", format!("{SESSION}/1").parse().unwrap());
        let opening: Opening =
            recording::decode(&objects[&sample.object(ObjectKind::Opening)]).unwrap().record;
        let mut prompt = opening.prompt.clone();
        prompt.text = Some(sql.clone());
        let exchange = format!("{session}/1");
        let opening = Opening { exchange: exchange.clone(), sql: sql.clone(), prompt, ..opening };
        let (bytes, _) = encode(&opening).unwrap();
        let key = RecordKey::new("2026-11-25", exchange.parse().unwrap());
        objects.insert(key.object(ObjectKind::Opening), Bytes::from(bytes));
    }
    let (events, answers) = told(&house, &format!("/v1/sessions/{session}")).await;
    for (kind, text) in [("prompt", "text"), ("statement", "sql")] {
        let of_it = events.iter().filter(|event| event["kind"] == kind);
        let found: String = of_it.map(|event| event[text].as_str().unwrap()).collect();
        assert!(found == sql, "{kind}");
    }
    assert!(answers >= 6, "{answers}");
}

#[tokio::test]
async fn a_place_that_was_made_up_comes_no_further_than_its_exchange() {
    let house = House::new();
    let row = |text: &str| vec![Some(text.to_owned()); columns(&house)];
    record(&house, &[vec![row("é"); 300_000], vec![row("z")]]);
    let path = format!("/v1/exchanges/{SESSION}/2");
    let (events, _) = told(&house, &format!("/v1/sessions/{SESSION}")).await;
    assert!(
        events.iter().any(|event| event["exchange"] == format!("{SESSION}/5")),
        "what lies behind is reached"
    );
    let first = house.told(&path).await;
    let next = first["next"].as_str().unwrap();
    let place: Vec<&str> = next.split('.').collect();
    let [mark, number, event, _row] = place.as_slice() else { panic!("{next}") };
    for (place, status) in [
        (format!("{number}.{event}.0"), 400),
        (format!("{number}.{event}.07"), 400),
        (format!("{number}.{event}.7.0"), 400),
        (format!("{number}.{event}.7.0.0.0"), 400),
        (format!("{number}.{event}.-1"), 400),
        // Between two bytes of a character, in a column that is not there, in a row that is not there, in an event that is not there.
        (format!("{number}.{event}.7.0.1"), 200),
        (format!("{number}.{event}.7.99.5"), 404),
        (format!("{number}.{event}.999999999"), 200),
        (format!("{number}.{event}.999999999.0.0"), 200),
        (format!("{number}.99.1"), 404),
    ] {
        let answered = house.get("sven", &format!("{path}?after={mark}.{place}")).await;
        assert_eq!(answered.status, status, "{place}: {}", answered.text());
        assert!(handed_over(&answered) < LAMBDA_TAKES / 2);
    }
}

/// Puts exchanges there whose texts and names are as long as agents can make them.
pub fn flood(house: &House, session: &str, numbers: u32) {
    let mut objects = house.store.objects.lock().unwrap();
    let kinds = [ObjectKind::Opening, ObjectKind::Closing];
    let sample = RecordKey::new("2026-11-25", format!("{SESSION}/1").parse().unwrap());
    let [opening, closing] = kinds.map(|kind| objects[&sample.object(kind)].clone());
    let opening: Opening = recording::decode(&opening).unwrap().record;
    let closing: Closing = recording::decode(&closing).unwrap().record;
    for number in 1..=numbers {
        let exchange = format!("{session}/{number}");
        let key = RecordKey::new("2026-11-25", exchange.parse().unwrap());
        let mut opening =
            Opening { exchange: exchange.clone(), sql: "\u{1}".repeat(50_000), ..opening.clone() };
        opening.principal.person = Some("ana@example.com".to_owned());
        opening.prompt.text = Some("\"".repeat(50_000));
        let name = |nr: u32| format!("{0}d.{0}s.{0}{nr}", "\u{1}".repeat(240));
        opening.statements[0].reads = (0..200).map(name).collect();
        opening.statements[0].writes = (200..400).map(name).collect();
        let (bytes, digest) = encode(&opening).unwrap();
        objects.insert(key.object(kinds[0]), Bytes::from(bytes));
        let mut closing = Closing { exchange, opening: digest.to_string(), ..closing.clone() };
        closing.findings = Vec::new();
        objects.insert(key.object(kinds[1]), Bytes::from(encode(&closing).unwrap().0));
    }
}

#[tokio::test]
async fn no_statement_keeps_auditors_from_what_they_look_for() {
    let house = House::new();
    let session = "f".repeat(32);
    flood(&house, &session, 40);
    for by in [
        "person=ana@example.com&from=2026-11-25&to=2026-11-26",
        "agent=snowgate-ask&from=2026-11-25&to=2026-11-26",
    ] {
        let (mut found, mut next, mut read) = (Vec::new(), None, 0);
        loop {
            let after = next.map(|next: String| format!("&after={next}")).unwrap_or_default();
            let answered = house.get("sven", &format!("/v1/exchanges?{by}&limit=100{after}")).await;
            assert_eq!(answered.status, 200, "{}", answered.text());
            let long = handed_over(&answered);
            assert!(long < LAMBDA_TAKES / 2, "{long} bytes");
            let told = answered.json();
            assert_eq!(told["damaged"], json!([]));
            let rows = told["exchanges"].as_array().unwrap();
            assert!(!rows.is_empty(), "each answer goes on");
            for row in rows.iter().filter(|row| row["exchange"].as_str().unwrap().starts_with(&session)) {
                let cut: Vec<&str> =
                    row["cut"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
                for name in ["prompt", "sql", "reads", "writes"] {
                    assert!(cut.contains(&name), "what is cut is said: {cut:?}");
                }
                assert_eq!(row["reads"].as_array().unwrap().len(), 50);
            }
            found.extend(crate::fakes::exchanges(&told));
            read += told["read"].as_u64().unwrap();
            match told["next"].as_str() {
                Some(more) => next = Some(more.to_owned()),
                None => break,
            }
        }
        let of_it = found.iter().filter(|exchange| exchange.starts_with(&session)).count();
        let mut once = found.clone();
        once.sort();
        once.dedup();
        assert_eq!(
            (of_it, once.len(), read),
            (40, found.len(), found.len() as u64),
            "{by}: each once, with what is behind"
        );
        assert!(found.len() > 43);
    }
}
