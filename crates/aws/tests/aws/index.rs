//! The index as a table: what is written, found again, written twice, and what when the table fails or lies.

use std::time::Duration;

use aws::{By, Clients, Index, IndexRow, Look};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{SessionId, Timestamp};
use recording::{ExchangeObjects, ExchangeRow, RecordKey};

use crate::moto::{Moto, Spoil};

const DAY: &str = "2026-11-26";
const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const THROTTLED: Spoil = Spoil::Refused(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
);

struct Table {
    moto: &'static Moto,
    clients: Clients,
    name: String,
}

fn now() -> Timestamp {
    "2026-11-26T12:00:02Z".parse().unwrap()
}

fn session(of: char) -> SessionId {
    of.to_string().repeat(32).parse().unwrap()
}

/// The row of a session's exchange that was opened that many minutes after noon, of so many objects.
fn row(of: char, number: u32, minute: u32, told: u32) -> IndexRow {
    let key = RecordKey::new(DAY, format!("{}/{number}", session(of)).parse().unwrap());
    let nothing = ExchangeObjects::<Vec<u8>> { opening: None, closing: None, steps: &[], evidence: &[] };
    let recorded = ExchangeRow {
        opened: Some(format!("2026-11-26T12:{minute:02}:00.000000Z")),
        closed: Some(format!("2026-11-26T12:{minute:02}:01.000000Z")),
        agent: Some("Claude".into()),
        person: Some("ana@acme.example".into()),
        reads: vec!["A.B.C".into(), "A.B.D".into()],
        decision: Some("refuse".into()),
        outcome: "refused".into(),
        grade: Some("P1".into()),
        ..ExchangeRow::new(&key.exchange, &nothing)
    };
    IndexRow::new(&key, &recorded, (told, told.saturating_sub(2))).unwrap().unwrap()
}

fn all(limit: usize) -> Look {
    Look { from: None, until: None, newest_first: false, limit, after: None }
}

impl Table {
    async fn new() -> Option<Self> {
        let moto = Moto::get()?;
        Some(Self { moto, clients: moto.clients(), name: moto.table().await })
    }

    fn index(&self) -> Index {
        Index::new(&self.clients, &self.name)
    }

    async fn found(&self, by: &By) -> Vec<IndexRow> {
        let found = self.index().query(by, &all(100)).await.unwrap();
        assert_eq!((found.unreadable, found.next), (0, None));
        found.rows
    }

    /// Changes an attribute of an exchange's item under its session behind the gateway's back.
    async fn damage(&self, row: &IndexRow, name: &str, value: AttributeValue) {
        let update = self.clients.dynamodb().update_item().table_name(&self.name);
        let pk = format!("session#{}", row.key.exchange.session);
        let sk = format!("{:08}", row.key.exchange.number.get());
        update
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_found_by_all_that_it_is_asked_by() {
    let Some(table) = Table::new().await else { return };
    let (first, second) = (row('a', 1, 5, 2), row('b', 7, 3, 2));
    for row in [&first, &second, &first] {
        table.index().write(row, now(), KEEP).await.unwrap();
    }
    let month = || "2026-11".to_owned();
    for by in [
        By::Person("ANA@acme.example".into(), month()),
        By::Agent("claude".into(), month()),
        By::Table("A.B.D".into(), month()),
        By::Refused(DAY.into()),
    ] {
        let found = table.found(&by).await;
        let keys: Vec<_> = found.iter().map(|row| &row.key).collect();
        assert_eq!(keys, [&second.key, &first.key], "{by:?}: in the order of their opening");
    }
    assert_eq!(table.found(&By::Session(session('a'))).await, [first]);
    for by in [
        By::Person("ana@acme.example".into(), "2026-10".into()),
        By::Held(DAY.into()),
        By::Session(session('c')),
    ] {
        assert!(table.found(&by).await.is_empty(), "{by:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_is_bounded_and_goes_on_where_it_stopped() {
    let Some(table) = Table::new().await else { return };
    for minute in 0..7 {
        table.index().write(&row('a', minute + 1, minute, 2), now(), KEEP).await.unwrap();
    }
    let month = || "2026-11".to_owned();
    for by in [By::Agent("Claude".into(), month()), By::Session(session('a'))] {
        for newest_first in [false, true] {
            let (mut seen, mut after) = (Vec::new(), None);
            for expected in [3, 3, 1] {
                let look = Look { newest_first, after, ..all(3) };
                let found = table.index().query(&by, &look).await.unwrap();
                assert_eq!(found.rows.len(), expected, "{by:?}");
                seen.extend(found.rows.iter().map(|row| row.key.exchange.number.get()));
                after = found.next;
            }
            assert_eq!(after, None);
            let mut expected: Vec<u32> = (1..=7).collect();
            if newest_first {
                expected.reverse();
            }
            assert_eq!(seen, expected);
        }
    }
    let moment = |minute: u32| Some(format!("2026-11-26T12:{minute:02}:00Z").parse::<Timestamp>().unwrap());
    let look = Look { from: moment(2), until: moment(4), newest_first: true, ..all(100) };
    let found = table.index().query(&By::Agent("claude".into(), month()), &look).await.unwrap();
    let numbers: Vec<u32> = found.rows.iter().map(|row| row.key.exchange.number.get()).collect();
    assert_eq!(numbers, [5, 4, 3], "both ends included");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_row_never_replaces_one_of_more_objects() {
    let Some(table) = Table::new().await else { return };
    let (old, new) = (row('a', 1, 5, 2), IndexRow { grade: Some("P3".into()), ..row('a', 1, 5, 3) });
    for row in [&old, &new, &old] {
        table.index().write(row, now(), KEEP).await.unwrap();
    }
    for by in new.keys_of() {
        assert_eq!(table.found(&by).await[0].grade.as_deref(), Some("P3"), "{by:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_throttles_or_loses_answers_has_all_of_it_or_says_so() {
    let Some(table) = Table::new().await else { return };
    let it = row('a', 1, 5, 2);
    // More often than a call is tried: one item cannot be written, and the session's is not there yet.
    table.moto.spoil_after(0, &[&table.name, "PutItem", "agent#"], 3, THROTTLED);
    assert!(table.index().write(&it, now(), KEEP).await.is_err());
    assert!(table.found(&By::Session(session('a'))).await.is_empty(), "it is written last");
    table.moto.spoil_after(0, &[&table.name, "PutItem", "agent#"], 1, THROTTLED);
    table.moto.spoil_after(0, &[&table.name, "PutItem", "person#"], 1, Spoil::Lost);
    table.index().write(&it, now(), KEEP).await.unwrap();
    for by in it.keys_of() {
        assert_eq!(table.found(&by).await.len(), 1, "{by:?}");
    }
    table.moto.spoil_after(0, &[&table.name, ".Query"], 3, THROTTLED);
    assert!(table.index().query(&By::Refused(DAY.into()), &all(1)).await.is_err());
    table.moto.spoil_after(0, &[&table.name, "BatchGetItem"], 3, THROTTLED);
    assert!(table.index().late_of(std::slice::from_ref(&it.key)).await.is_err());
    assert_eq!(table.index().late_of(std::slice::from_ref(&it.key)).await.unwrap()[&it.key], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_nobody_can_read_is_counted_hides_no_other_and_is_written_over() {
    let Some(table) = Table::new().await else { return };
    let (first, second) = (row('a', 1, 1, 3), row('a', 2, 2, 3));
    let by = By::Session(session('a'));
    for (name, value) in [
        ("told", AttributeValue::S("many".into())),
        ("late", AttributeValue::S("some".into())),
        ("reads", AttributeValue::S("A.B.C".into())),
        ("closed", AttributeValue::S("at noon".into())),
        // Another's, under this one's place.
        ("nr", AttributeValue::N("2".into())),
    ] {
        for row in [&first, &second] {
            table.index().write(row, now(), KEEP).await.unwrap();
        }
        table.damage(&first, name, value).await;
        let found = table.index().query(&by, &all(10)).await.unwrap();
        assert_eq!((found.rows, found.unreadable), (vec![second.clone()], 1), "{name}");
        // Whoever looks for what is missing takes such an item for none, where what it is asked for is damaged.
        let late = table.index().late_of(&[first.key.clone(), second.key.clone()]).await.unwrap();
        assert_eq!(late.contains_key(&first.key), name != "late", "{name}");
        table.index().write(&first, now(), KEEP).await.unwrap();
        assert_eq!(table.found(&by).await, [first.clone(), second.clone()], "{name}");
    }
    // A table that says that it has more, and does not.
    let refused = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"","Item":{"told":{"N":"3"}}}"#;
    table.moto.spoil_after(0, &[&table.name, "PutItem", "session#"], 1, Spoil::Refused(400, refused));
    assert!(table.index().write(&first, now(), KEEP).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_says_when_it_is_forgotten_and_costs_one_write() {
    let Some(table) = Table::new().await else { return };
    let it = row('a', 1, 0, 2);
    table.moto.calls(&table.name);
    table.index().write(&it, now(), KEEP).await.unwrap();
    let calls = table.moto.calls(&table.name);
    assert_eq!(calls.iter().filter(|call| call.contains("PutItem")).count(), calls.len());
    assert_eq!(calls.len(), it.keys_of().len(), "no read, and a write for each way that it is found by");
    let scan = table.clients.dynamodb().scan().table_name(&table.name).send().await.unwrap();
    for item in scan.items() {
        let forget: i64 = item["forget_at"].as_n().unwrap().parse().unwrap();
        assert_eq!(forget, it.closed.after(KEEP).as_secs());
        assert_eq!(item["indexed_us"].as_n().unwrap(), &now().as_micros().to_string());
    }
}

const NOBODY: fn() -> std::future::Ready<Result<Option<String>, gateway::Fault>> =
    || std::future::ready(Ok(None));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn since_when_it_is_whole_stands_in_the_table_and_not_in_a_setting() {
    let Some(table) = Table::new().await else { return };
    let index = table.index();
    let oldest = |day: &'static str| move || std::future::ready(Ok(Some(day.to_owned())));
    assert_eq!(index.whole_since(now()).await.unwrap(), now(), "without a row, of nothing");
    // Something was recorded before there was an index.
    index.note_kept_for(KEEP, now(), oldest("2026-11-25")).await.unwrap();
    index.note_kept_for(KEEP, now().after(KEEP), NOBODY).await.unwrap();
    assert_eq!(index.whole_since(now()).await.unwrap(), now());
    let later = now().after(KEEP).after(KEEP);
    assert_eq!(index.whole_since(later).await.unwrap(), now().after(KEEP));
    // What was kept for longer is looked for as long as the others are there.
    index.note_kept_for(KEEP * 2, later, NOBODY).await.unwrap();
    assert_eq!(index.whole_since(later).await.unwrap(), later.before(KEEP));
    let day = |text: &str| format!("{text}T00:00:00Z").parse::<Timestamp>().unwrap();

    let Some(table) = Table::new().await else { return };
    let index = table.index();
    index.note_whole(day("2026-11-25"), day(DAY), true).await.unwrap();
    assert_eq!(index.whole_since(now()).await.unwrap(), now(), "nobody has written a row");
    index.note_kept_for(KEEP, now(), oldest("2026-11-25")).await.unwrap();
    index.note_whole(day("2026-11-25"), day(DAY), true).await.unwrap();
    assert_eq!(index.whole_since(now()).await.unwrap(), now(), "this morning is not among it");
    index.note_whole(day(DAY), day("2026-11-27"), false).await.unwrap();
    assert_eq!(index.whole_since(now()).await.unwrap(), day(DAY));
    index.note_whole(day("2026-11-25"), day(DAY), true).await.unwrap();
    assert_eq!(index.whole_since(now()).await.unwrap(), now().before(KEEP));

    // The first records of all: nothing was before.
    for first in [None, Some(DAY.to_owned())] {
        let Some(table) = Table::new().await else { return };
        let index = table.index();
        index.note_kept_for(KEEP, now(), || std::future::ready(Ok(first.clone()))).await.unwrap();
        assert_eq!(index.whole_since(now()).await.unwrap(), now().before(KEEP));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_cannot_say_since_when_it_is_whole_says_nothing() {
    let Some(table) = Table::new().await else { return };
    let index = table.index();
    let broken =
        || std::future::ready(Err(gateway::Fault::passing(gateway::Origin::Recordings, "it is away")));
    assert!(index.note_kept_for(KEEP, now(), broken).await.is_err());
    table.moto.spoil_after(0, &[&table.name, "PutItem", "whole"], 3, THROTTLED);
    assert!(index.note_kept_for(KEEP, now(), NOBODY).await.is_err());
    table.moto.spoil_after(0, &[&table.name, "PutItem", "whole"], 1, Spoil::Lost);
    index.note_kept_for(KEEP, now(), NOBODY).await.unwrap();
    table.moto.spoil_after(0, &[&table.name, "GetItem", "whole"], 3, THROTTLED);
    assert!(index.whole_since(now()).await.is_err());
    // Many at once, who say different things.
    let at_once = (1..=6_u32).map(|times| {
        let index = table.index();
        async move { index.note_kept_for(KEEP * times, now(), NOBODY).await }
    });
    let done = futures::future::join_all(at_once).await;
    assert!(done.iter().any(Result::is_ok));
    assert_eq!(index.whole_since(now()).await.unwrap(), now().before(KEEP), "as long as the shortest");
    let put = table.clients.dynamodb().put_item().table_name(&table.name);
    let put = put.item("pk", AttributeValue::S("whole".into())).item("sk", AttributeValue::S("since".into()));
    put.item("since_us", AttributeValue::N("0".into())).send().await.unwrap();
    assert!(index.whole_since(now()).await.is_err(), "what somebody else has put there promises nothing");
    assert!(index.note_kept_for(KEEP, now(), NOBODY).await.is_err());
}
