//! What is written into the index of a day of real records (`tests/athena/records`), and what when something fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[path = "../../../crates/traces/tests/support/kept.rs"]
mod kept;
#[allow(dead_code, reason = "tests of the lines themselves use more of it")]
#[path = "../../../crates/traces/tests/support/otlp.rs"]
mod otlp;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws::{By, IndexRow};
use bytes::Bytes;
use domain::Timestamp;
use gateway::ports::{Clock, Recordings};
use gateway::{Fault, Origin};
use index::{Answer, Indexer, Measured, Store};
use recording::{ObjectKind, RecordKey};
use serde_json::{Value, json};

const DAY: &str = "2026-11-26";

/// Records in memory, and the index beside them.
#[derive(Default)]
struct Memory {
    objects: BTreeMap<String, Bytes>,
    /// Objects that cannot be read for now.
    out_of_reach: BTreeSet<String>,
    /// Sessions whose rows cannot be written for now.
    throttled: BTreeSet<String>,
    /// How many writes are answered before the store hangs; all where none is told.
    answers: Option<usize>,
    rows: Mutex<BTreeMap<RecordKey, IndexRow>>,
    /// How often it was noted for how long rows are kept, and whether that can be.
    notes: Mutex<usize>,
    is_unnoted: bool,
}

fn broken() -> Fault {
    Fault::passing(Origin::Recordings, "it cannot be reached")
}

#[async_trait]
impl Recordings for Memory {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        let key = key.object(kind);
        if self.out_of_reach.contains(&key) { Err(broken()) } else { Ok(self.objects.get(&key).cloned()) }
    }
}

#[async_trait]
impl Store for Memory {
    async fn note_kept_for(&self, keep: Duration, now: Timestamp) -> Result<(), Fault> {
        assert_eq!((keep, now), (KEEP, Noon.now()));
        *self.notes.lock().unwrap() += 1;
        if self.is_unnoted { Err(broken()) } else { Ok(()) }
    }

    async fn write(&self, row: &IndexRow, _: Timestamp, keep: Duration) -> Result<(), Fault> {
        assert_eq!(keep, KEEP);
        assert!(*self.notes.lock().unwrap() > 0, "it is noted first");
        if self.answers.is_some_and(|most| self.rows.lock().unwrap().len() >= most) {
            std::future::pending::<()>().await;
        }
        if self.throttled.contains(&row.key.exchange.session.to_string()) {
            return Err(broken());
        }
        let mut rows = self.rows.lock().unwrap();
        if rows.get(&row.key).is_none_or(|there| there.told <= row.told) {
            rows.insert(row.key.clone(), row.clone());
        }
        Ok(())
    }
}

const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What Lambda gives a call.
const A_CALL: Duration = Duration::from_secs(30);

/// What is left of one when little is: some time to write, and as long to answer as is kept for that.
const LITTLE: Duration = Duration::from_secs(7);

/// Noon of the day behind the records'.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-27T12:00:00Z".parse().unwrap()
    }
}

fn files(folder: &Path, root: &Path, found: &mut BTreeMap<String, Bytes>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, root, found);
        } else {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            found.insert(key, std::fs::read(&path).unwrap().into());
        }
    }
}

fn day() -> Memory {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/athena/records");
    let mut objects = BTreeMap::new();
    files(&root, &root, &mut objects);
    Memory { objects, ..Memory::default() }
}

/// Everything that S3 tells of a day.
fn told_of(objects: &BTreeMap<String, Bytes>) -> Vec<String> {
    objects.keys().filter(|key| key.contains(".closing.") || key.contains(".evidence-")).cloned().collect()
}

fn closings(store: &Memory) -> Vec<String> {
    told_of(&store.objects).into_iter().filter(|key| key.contains(".closing.")).collect()
}

fn key_of(object: &str) -> RecordKey {
    RecordKey::parse(object).unwrap().0
}

/// A message for each object, named by it.
fn event(keys: &[String]) -> Value {
    let notice = |key: &String| {
        let key = format!("records/{key}").replace('=', "%3D");
        json!({ "Records": [{ "eventName": "ObjectCreated:Put", "s3": { "object": { "key": key } } }] })
            .to_string()
    };
    let message = |key| json!({ "messageId": key, "body": notice(key), "eventSource": "aws:sqs" });
    json!({ "Records": keys.iter().map(message).collect::<Vec<_>>() })
}

async fn handled(store: &Arc<Memory>, event: &Value) -> (Vec<String>, Measured) {
    let time = if store.answers.is_some() { LITTLE } else { A_CALL };
    let handled = Indexer::new(store.clone(), Arc::new(Noon), KEEP).handle(event, time).await;
    let (Answer { batch_item_failures }, measured) = handled.unwrap();
    (batch_item_failures.into_iter().map(|failed| failed.item_identifier).collect(), measured)
}

/// The messages that are to be told again.
async fn failed(store: &Arc<Memory>, keys: &[String]) -> Vec<String> {
    handled(store, &event(keys)).await.0
}

#[tokio::test]
async fn every_closing_is_found_by_all_that_it_is_asked_by() {
    let store = Arc::new(day());
    for _ in 0..2 {
        // The answer to the first was lost, or its process died behind the write.
        assert_eq!(failed(&store, &told_of(&store.objects)).await, [""; 0]);
    }
    let rows = store.rows.lock().unwrap();
    assert_eq!(rows.len(), 12);
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.values() {
        assert_eq!(row.missing, None);
        for key in row.keys_of() {
            let kind = match key {
                By::Session(session) => {
                    assert_eq!(session, row.key.exchange.session);
                    "session"
                }
                By::Person(person, month) => {
                    assert_eq!((Some(&person), month.as_str()), (row.person.as_ref(), "2026-11"));
                    "person"
                }
                By::Agent(..) => "agent",
                By::Table(name, _) => {
                    assert!(row.reads.contains(&name) || row.writes.contains(&name));
                    "table"
                }
                By::ManyTables(_) => panic!("none touches so many"),
                By::Refused(day) => {
                    assert_eq!(day, DAY);
                    "refused"
                }
                By::Held(_) => "held",
            };
            *by.entry(kind).or_default() += 1;
        }
    }
    assert_eq!((by["session"], by["person"], by["agent"]), (12, 9, 12), "{by:?}");
    assert_eq!(by["held"], 3, "{by:?}");
    assert!(by["refused"] >= 2 && by["table"] >= 10, "{by:?}");
    assert!(rows.values().any(|row| row.late > 0 && row.told > row.late + 1));
}

#[tokio::test]
async fn evidence_makes_no_row_before_its_closing_and_a_new_one_behind() {
    let whole = day();
    let late: Vec<String> =
        told_of(&whole.objects).into_iter().filter(|key| key.contains(".evidence-")).collect();
    let closing = format!("{}.closing.json", key_of(&late[0]));

    let mut before = day();
    before.objects.remove(&closing);
    let before = Arc::new(before);
    assert_eq!(failed(&before, &late[..1]).await, [""; 0], "its closing is told of, too");
    assert!(before.rows.lock().unwrap().is_empty());

    // The closing without evidence; then the evidence; then the closing once more, by whoever has read it before.
    let mut without = day();
    without.objects.retain(|key, _| !key.contains(".evidence-"));
    let without = Arc::new(without);
    assert_eq!(failed(&without, std::slice::from_ref(&closing)).await, [""; 0]);
    let old = without.rows.lock().unwrap()[&key_of(&closing)].clone();
    assert_eq!(old.late, 0);
    let store = Arc::new(Memory { rows: Mutex::new(without.rows.lock().unwrap().clone()), ..whole });
    assert_eq!(failed(&store, &late).await, [""; 0]);
    let new = store.rows.lock().unwrap()[&key_of(&closing)].clone();
    assert!(new.late > 0 && new.told > old.told && new.grade != old.grade, "{new:?}");
    Store::write(&*store, &old, Noon.now(), KEEP).await.unwrap();
    assert_eq!(store.rows.lock().unwrap()[&key_of(&closing)], new);
}

#[tokio::test]
async fn what_cannot_be_read_or_written_is_told_again_and_holds_up_nothing_else() {
    let all = closings(&day());
    let one = &all[4];
    // One that a person was asked for; of all others the records say that there are no steps.
    let steps = |key: &&String| day().objects.contains_key(&key.replace("closing", "approval-0000"));
    let held = all.iter().find(steps).unwrap();
    for (one, part) in [
        (one, "opening.json"),
        (one, "closing.json"),
        (one, "evidence-0000.json"),
        (held, "approval-0000.json"),
        (held, "approval-0001.json"),
    ] {
        let store = Arc::new(Memory { out_of_reach: [one.replace("closing.json", part)].into(), ..day() });
        assert_eq!(failed(&store, &all).await, std::slice::from_ref(one), "{part}");
        assert_eq!(store.rows.lock().unwrap().len(), 11, "{part}");
    }
    let session = key_of(one).exchange.session.to_string();
    let of_it: Vec<String> = all.iter().filter(|key| key.contains(&session)).cloned().collect();
    let store = Arc::new(Memory { throttled: [session].into(), ..day() });
    assert_eq!(failed(&store, &all).await, of_it);
    assert_eq!(store.rows.lock().unwrap().len(), all.len() - of_it.len());
    let again = Arc::new(Memory { rows: Mutex::new(store.rows.lock().unwrap().clone()), ..day() });
    assert_eq!(failed(&again, &of_it).await, [""; 0]);
    assert_eq!(again.rows.lock().unwrap().len(), 12);
}

#[tokio::test]
async fn nothing_is_written_before_it_is_noted_for_how_long_and_that_is_noted_once_in_a_while() {
    let store = Arc::new(Memory { is_unnoted: true, ..day() });
    let all = closings(&store);
    assert_eq!(failed(&store, &all).await, all, "all of it is told again");
    assert!(store.rows.lock().unwrap().is_empty());
    let store = Arc::new(day());
    let indexer = Indexer::new(store.clone(), Arc::new(Noon), KEEP);
    for some in all.chunks(4) {
        indexer.clone().handle(&event(some), A_CALL).await.unwrap();
    }
    assert_eq!((*store.notes.lock().unwrap(), store.rows.lock().unwrap().len()), (1, 12));
}

#[tokio::test]
async fn what_is_damaged_is_a_row_that_says_so_and_a_closing_that_is_none_is_told_again() {
    let mut store = day();
    let all = closings(&store);
    let opening = |nr: usize| all[nr].replace("closing", "opening");
    store.objects.remove(&opening(0));
    let cut = store.objects[&opening(1)].slice(..100);
    store.objects.insert(opening(1), cut);
    let anothers = store.objects[&all[3]].clone();
    store.objects.insert(all[2].clone(), anothers);
    let store = Arc::new(store);
    assert_eq!(failed(&store, &all).await, [all[2].clone()], "another's closing closes nothing");
    let rows = store.rows.lock().unwrap();
    assert_eq!(rows[&key_of(&all[0])].missing.as_deref(), Some("opening"));
    assert_eq!(rows[&key_of(&all[1])].missing.as_deref(), Some("opening, damaged"));
    for nr in [0, 1] {
        let by = rows[&key_of(&all[nr])].keys_of();
        assert!(matches!(by.as_slice(), [By::Session(_)]), "nothing is made up: {by:?}");
    }
}

#[tokio::test]
async fn what_was_never_kept_makes_no_row_whatever_a_message_says() {
    let store = Arc::new(day());
    let real = closings(&store)[0].clone();
    let forged = vec![
        format!("v1/dt={DAY}/{}/00000001.closing.json", "f".repeat(32)),
        // Of an exchange that there is.
        format!("{}.evidence-0099.json", key_of(&real)),
    ];
    let mut event = event(&[forged.clone(), vec![real.clone()]].concat());
    let odd = json!({ "messageId": "x", "body": "?", "eventSource": "aws:sqs" });
    event["Records"].as_array_mut().unwrap().push(odd);
    let (again, _) = handled(&store, &event).await;
    assert_eq!(again, [forged[0].as_str(), &forged[1], "x"]);
    assert_eq!(store.rows.lock().unwrap().keys().cloned().collect::<Vec<_>>(), [key_of(&real)]);
}

#[tokio::test]
async fn the_lag_of_what_is_told_in_time_is_measured() {
    let store = Arc::new(day());
    let (_, measured) = handled(&store, &event(&told_of(&store.objects))).await;
    assert_eq!(measured.lags_ms.len(), 12, "of closings, and of each once");
    let rows = store.rows.lock().unwrap().clone();
    let mut expected: Vec<u64> =
        rows.values().map(|row| u64::try_from(Noon.now().since(row.closed).as_millis()).unwrap()).collect();
    let mut found = measured.lags_ms;
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);

    let mut late = event(&closings(&store)[..2]);
    let body =
        late["Records"][0]["body"].as_str().unwrap().replace("ObjectCreated:Put", "ObjectCreated:Again");
    late["Records"][0]["body"] = body.into();
    assert_eq!(handled(&store, &late).await.1.lags_ms.len(), 1, "what is told again says nothing of it");
}

#[tokio::test]
async fn what_is_no_event_of_ours_is_refused_and_never_told() {
    let store = Arc::new(day());
    for event in [
        json!({}),
        json!({ "Records": [] }),
        json!({ "Records": [{ "messageId": "1", "body": "secret", "eventSource": "aws:s3" }] }),
        json!({ "task": "waiting", "sql": "secret" }),
    ] {
        let handled = Indexer::new(store.clone(), Arc::new(Noon), KEEP).handle(&event, A_CALL).await;
        let Err(error) = handled else { panic!("{event}") };
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

/// A day of many exchanges, made of one that was recorded: told again by `seal`, ten in a message, and beside them one that S3 has just told of.
fn flood(messages: u32) -> (Memory, Value, String) {
    let mut store = day();
    let own = closings(&store)[0].clone();
    let (mut told, mut records) = (Vec::new(), Vec::new());
    for nr in 0..messages * 10 {
        // It sorts before the one that is new.
        let exchange = format!("{:032x}/{}", 1, nr + 1);
        let key = RecordKey::new(DAY, exchange.parse().unwrap());
        let sample = &store.objects[&own];
        let closing = recording::decode::<recording::Closing>(sample).unwrap().record;
        let (bytes, _) = recording::encode(&recording::Closing { exchange, ..closing }).unwrap();
        store.objects.insert(key.object(ObjectKind::Closing), bytes.into());
        let object = json!({ "object": { "key": format!("records/{}", key.object(ObjectKind::Closing)) } });
        told.push(json!({ "eventName": "ObjectCreated:Again", "s3": object }));
    }
    for (nr, ten) in told.chunks(10).enumerate() {
        let body = json!({ "Records": ten }).to_string();
        records.push(json!({ "messageId": nr.to_string(), "body": body, "eventSource": "aws:sqs" }));
    }
    records.push(event(std::slice::from_ref(&own))["Records"][0].clone());
    (store, json!({ "Records": records }), own)
}

#[tokio::test]
async fn what_is_not_done_in_time_is_told_again_and_what_is_done_is_not() {
    for answers in [0, 1, 50] {
        let (store, event, own) = flood(100);
        let store = Arc::new(Memory { answers: Some(answers), ..store });
        let (again, measured) = handled(&store, &event).await;
        let rows = store.rows.lock().unwrap().clone();
        // INVARIANT: a message that is not told again has all of its rows.
        for nr in 0..100_u32 {
            let has = |one: u32| {
                rows.keys().any(|key| key.exchange.to_string() == format!("{:032x}/{}", 1, one + 1))
            };
            let is_whole = (nr * 10..nr * 10 + 10).all(has);
            assert!(is_whole || again.contains(&nr.to_string()), "{answers}: {nr}");
        }
        // Writes that were begun before the store hung may still have been answered.
        assert!(again.len() >= 90, "{answers}: {}", again.len());
        let is_in_time = answers > 0;
        assert_eq!(
            (!again.contains(&own), measured.lags_ms.len()),
            (is_in_time, usize::from(is_in_time)),
            "{answers}: the new one comes first"
        );
    }
    let (store, event, _) = flood(10);
    let (again, _) = handled(&Arc::new(store), &event).await;
    assert_eq!(again, [""; 0]);
}

#[tokio::test]
async fn each_event_is_a_trace_that_names_no_record() {
    use tracing_subscriber::layer::SubscriberExt;
    let kept = kept::Kept::listening();
    let ports: (Arc<dyn Clock>, _) = (Arc::new(Noon), Arc::new(local::RandomIds) as _);
    let place = traces::Place { version: "1.2.3", function: None };
    let exporter = traces::exporter(traces::Wish::All, &place, ports, kept.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(exporter));

    let store = Arc::new(day());
    let all = closings(&store);
    failed(&store, &all).await;
    let none = Indexer::new(store, Arc::new(Noon), KEEP).handle(&json!({ "task": "s3cret" }), A_CALL).await;
    assert!(none.is_err());
    let spans = kept.spans();
    let said: Vec<(&str, bool)> = spans.iter().map(|span| (span.name.as_str(), span.has_failed)).collect();
    assert_eq!(said, [("index", false), ("index", true)]);
    assert!(spans.iter().all(|span| span.is_root && span.attributes.is_empty()));
    for word in [all[0].as_str(), DAY, "s3cret"] {
        assert!(!kept.text().contains(word), "{word}");
    }
}
