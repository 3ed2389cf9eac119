//! What becomes rows of a day of real records (`tests/athena/records`), and what when something fails.

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

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws::Told;
use bytes::Bytes;
use domain::Timestamp;
use gateway::ports::{Clock, Recordings};
use gateway::{Fault, Origin};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use recording::{ObjectKind, RecordKey};
use seal::{Answer, Seal, Store};
use serde_json::{Value, json};

const DAY: &str = "2026-11-26";

/// Records in memory, and what was kept beside them.
#[derive(Default)]
struct Memory {
    objects: BTreeMap<String, Bytes>,
    waiting: Vec<RecordKey>,
    /// Objects that cannot be read for now.
    out_of_reach: BTreeSet<String>,
    /// Objects that nobody can ever read.
    too_long: BTreeSet<String>,
    /// Whether files cannot be kept.
    is_full: bool,
    kept: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    /// When all objects were kept.
    since: Option<Timestamp>,
    /// What is in the index, and how much late evidence with it.
    indexed: Mutex<HashMap<RecordKey, u32>>,
    /// Whether that cannot be read, and whether nobody can be told.
    is_blind: bool,
    is_mute: bool,
    told: Mutex<Vec<Told>>,
    /// Of which times the index was told that it has all.
    whole: Mutex<Vec<(Timestamp, Timestamp)>>,
}

fn broken() -> Fault {
    Fault::passing(Origin::Recordings, "the recordings cannot be read")
}

#[async_trait]
impl Recordings for Memory {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        let key = key.object(kind);
        if self.too_long.contains(&key) {
            return Err(Fault::lasting(Origin::Recordings, "the recordings cannot be read"));
        }
        if self.out_of_reach.contains(&key) { Err(broken()) } else { Ok(self.objects.get(&key).cloned()) }
    }
}

#[async_trait]
impl Store for Memory {
    async fn keep(&self, day: &str, name: &str, file: Vec<u8>) -> Result<(), Fault> {
        if self.is_full {
            return Err(broken());
        }
        self.kept.lock().unwrap().entry((day.to_owned(), name.to_owned())).or_insert(file);
        Ok(())
    }

    async fn objects_of(&self, day: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Fault> {
        let is_its = |key: &&String| {
            key.starts_with(&format!("v1/dt={day}/")) && after.is_none_or(|after| key.as_str() > after)
        };
        Ok(self.objects.keys().filter(is_its).take(limit).cloned().collect())
    }

    async fn kept_on(
        &self,
        day: &str,
        session: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, Fault> {
        let begins = format!("v1/dt={day}/{session}");
        let is_in_the_bucket = |key: &&String| key.contains(".closing.") || key.contains(".evidence-");
        let is_its =
            |key: &&String| key.starts_with(&begins) && after.is_none_or(|after| key.as_str() > after);
        let keys = self.objects.keys().filter(is_in_the_bucket).filter(is_its).take(limit);
        Ok(keys.map(|key| (key.clone(), self.since.unwrap_or_default())).collect())
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<RecordKey>, Fault> {
        Ok(self.waiting.iter().take(limit).cloned().collect())
    }

    async fn late_of(&self, keys: &[RecordKey]) -> Result<HashMap<RecordKey, u32>, Fault> {
        let indexed = self.indexed.lock().unwrap();
        let found = keys.iter().filter_map(|key| Some((key.clone(), *indexed.get(key)?)));
        if self.is_blind { Err(broken()) } else { Ok(found.collect()) }
    }

    async fn note_whole(&self, begin: Timestamp, end: Timestamp) -> Result<(), Fault> {
        self.whole.lock().unwrap().push((begin, end));
        Ok(())
    }

    async fn tell_again(&self, objects: &[Told]) -> Result<(), Fault> {
        if self.is_mute {
            return Err(broken());
        }
        self.told.lock().unwrap().extend(objects.iter().cloned());
        Ok(())
    }
}

struct At(i64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0)
    }
}

/// An hour, in microseconds since 1970.
fn hour(nr: i64) -> Arc<At> {
    Arc::new(At(nr * 3_600_000_000))
}

fn athena() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/athena")
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
    let mut objects = BTreeMap::new();
    files(&athena().join("records"), &athena().join("records"), &mut objects);
    Memory { objects, ..Memory::default() }
}

/// Everything that S3 tells of a day.
fn told_of(objects: &BTreeMap<String, Bytes>) -> Vec<String> {
    objects.keys().filter(|key| key.contains(".closing.") || key.contains(".evidence-")).cloned().collect()
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

/// The messages that are to be told again.
async fn failed(store: &Arc<Memory>, keys: &[String]) -> Vec<String> {
    let seal = Seal::new(store.clone(), hour(1));
    match seal.handle(&event(keys)).await.unwrap() {
        Answer::Messages { batch_item_failures } => {
            batch_item_failures.into_iter().map(|failed| failed.item_identifier).collect()
        }
        Answer::Rows { .. } | Answer::Missed { .. } => panic!("it was told by messages"),
    }
}

/// Of all rows in all files: exchange, outcome, what is missing; sorted.
fn rows(store: &Memory) -> Vec<(String, String, Option<String>)> {
    let mut found = Vec::new();
    for file in store.kept.lock().unwrap().values() {
        let reader = SerializedFileReader::new(Bytes::from(file.clone())).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let columns: BTreeMap<String, Field> = row.unwrap().into_columns().into_iter().collect();
            let text = |name: &str| {
                let Field::Str(text) = &columns[name] else {
                    assert_eq!(columns[name], Field::Null, "{name}");
                    return None;
                };
                Some(text.clone())
            };
            let Field::Long(number) = columns["number"] else { panic!() };
            found.push((
                format!("{}/{number}", text("session").unwrap()),
                text("outcome").unwrap(),
                text("missing"),
            ));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn the_files_that_athena_is_asked_over_are_what_this_function_writes() {
    let mut store = day();
    // An hour before, what has steps waits, and has no closing.
    let whole = store.objects.clone();
    let step = |closing: &str| closing.replace(".closing.json", ".approval-0000.json");
    let told = told_of(&whole);
    let closings = told.iter().filter(|key| key.contains(".closing."));
    let waits: Vec<&String> = closings.filter(|key| whole.contains_key(&step(key))).collect();
    for key in &waits {
        store.objects.remove(*key);
        store.waiting.push(RecordKey::parse(key).unwrap().0);
    }
    assert_eq!(waits.len(), 3);
    let before = Arc::new(store);
    let waiting = Seal::new(before.clone(), hour(0)).handle(&json!({ "task": "waiting" })).await.unwrap();
    assert_eq!(waiting, Answer::Rows { rows: 3, next: None });
    assert!(rows(&before).iter().all(|(_, outcome, missing)| outcome == "pending" && missing.is_none()));

    let after = Arc::new(Memory {
        objects: whole,
        kept: Mutex::new(before.kept.lock().unwrap().clone()),
        ..Memory::default()
    });
    assert_eq!(failed(&after, &told_of(&after.objects)).await, [""; 0]);

    let (mut committed, folder) = (BTreeMap::new(), athena().join("compacted"));
    files(&folder, &folder, &mut committed);
    let written: BTreeMap<String, Bytes> = after
        .kept
        .lock()
        .unwrap()
        .iter()
        .map(|((day, name), file)| (format!("exchanges/v1/dt={day}/{name}.parquet"), file.clone().into()))
        .collect();
    if written != committed {
        let aside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compacted");
        for (key, file) in &written {
            std::fs::create_dir_all(aside.join(key).parent().unwrap()).unwrap();
            std::fs::write(aside.join(key), file).unwrap();
        }
        panic!(
            "tests/athena/compacted is not what is written: put {} there, and run tests/athena/run.sh",
            aside.display()
        );
    }
}

#[tokio::test]
async fn every_closing_is_a_row_and_what_is_told_twice_is_kept_once() {
    let store = Arc::new(day());
    let told = told_of(&store.objects);
    for _ in 0..2 {
        // The answer to the first was lost, or its process died behind the write.
        assert_eq!(failed(&store, &told).await, [""; 0]);
        assert_eq!(store.kept.lock().unwrap().len(), 1);
    }
    let found = rows(&store);
    assert_eq!(found.len(), 12, "late evidence stands in the row of its closing");
    assert!(found.iter().all(|(_, _, missing)| missing.is_none()), "{found:?}");
    let day = Seal::new(store.clone(), hour(2)).handle(&json!({ "task": "day", "day": DAY })).await.unwrap();
    assert!(matches!(day, Answer::Rows { next: None, .. }), "{day:?}");
    let none = Seal::new(store.clone(), hour(2))
        .handle(&json!({ "task": "day", "day": "2026-11-25" }))
        .await
        .unwrap();
    assert_eq!(none, Answer::Rows { rows: 0, next: None });
}

#[tokio::test]
async fn evidence_that_comes_later_is_told_though_its_closing_was() {
    let store = Arc::new(day());
    let told = told_of(&store.objects);
    let (evidence, closings): (Vec<_>, Vec<_>) = told.into_iter().partition(|key| key.contains(".evidence-"));
    let of_it =
        closings.iter().find(|key| evidence[0].starts_with(key.split('.').next().unwrap())).unwrap().clone();
    assert_eq!(failed(&store, &[of_it]).await, [""; 0]);
    assert_eq!(failed(&store, &evidence).await, [""; 0]);
    assert_eq!(store.kept.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_read_has_no_row_is_told_again_and_holds_up_nothing_else() {
    let closings: Vec<String> =
        told_of(&day().objects).into_iter().filter(|key| key.contains(".closing.")).collect();
    let one = &closings[4];
    // One that a person was asked for; of all others the records say that there are no steps.
    let steps = |key: &&String| day().objects.contains_key(&key.replace("closing", "approval-0000"));
    let held = closings.iter().find(steps).unwrap();
    for (one, part) in [
        (one, "opening.json"),
        (one, "closing.json"),
        (one, "evidence-0000.json"),
        (held, "approval-0000.json"),
        (held, "approval-0001.json"),
    ] {
        let broken = one.replace("closing.json", part);
        let store = Arc::new(Memory { out_of_reach: [broken].into(), ..day() });
        assert_eq!(failed(&store, &closings).await, std::slice::from_ref(one), "{part}");
        assert_eq!(rows(&store).len(), 11, "{part}");
        // Once it can be read again.
        let again = Arc::new(Memory { kept: Mutex::new(store.kept.lock().unwrap().clone()), ..day() });
        assert_eq!(failed(&again, std::slice::from_ref(one)).await, [""; 0]);
        assert_eq!(rows(&again).len(), 12, "{part}");
    }
}

#[tokio::test]
async fn what_nobody_can_ever_read_holds_up_no_day_and_what_can_be_read_later_does() {
    let one = told_of(&day().objects).into_iter().find(|key| key.contains(".closing.")).unwrap();
    let rows_of = |store: Memory| async move {
        let store = Arc::new(store);
        let told = Seal::new(store.clone(), hour(1)).handle(&json!({ "task": "day", "day": DAY })).await;
        (told.ok(), rows(&store).len())
    };
    let (all, whole) = rows_of(day()).await;
    let Some(Answer::Rows { rows: all, next: None }) = all else { panic!("{all:?}") };
    let (told, kept) = rows_of(Memory { too_long: [one.clone()].into(), ..day() }).await;
    assert_eq!((told, kept), (Some(Answer::Rows { rows: all - 1, next: None }), whole - 1));
    let (told, kept) = rows_of(Memory { out_of_reach: [one].into(), ..day() }).await;
    assert_eq!((told, kept), (None, whole - 1));
}

#[tokio::test]
async fn where_no_file_can_be_kept_everything_is_told_again() {
    let store = Arc::new(Memory { is_full: true, ..day() });
    let told = told_of(&store.objects);
    assert_eq!(failed(&store, &told).await, told);
    let seal = Seal::new(Arc::new(Memory { is_full: true, ..day() }), hour(1));
    assert!(seal.handle(&json!({ "task": "day", "day": DAY })).await.is_err());
}

#[tokio::test]
async fn what_is_damaged_or_absent_is_a_row_that_says_so() {
    let mut store = day();
    let closings: Vec<String> =
        told_of(&store.objects).into_iter().filter(|key| key.contains(".closing.")).collect();
    let openings: Vec<String> = closings.iter().map(|key| key.replace("closing", "opening")).collect();
    store.objects.remove(&openings[0]);
    let cut = store.objects[&openings[1]].slice(..100);
    store.objects.insert(openings[1].clone(), cut);
    let anothers = store.objects[&closings[3]].clone();
    store.objects.insert(closings[2].clone(), anothers);
    let store = Arc::new(store);
    assert_eq!(failed(&store, &closings).await, [""; 0]);
    let found: Vec<_> = rows(&store).into_iter().filter(|(_, _, missing)| missing.is_some()).collect();
    let told: Vec<_> =
        found.iter().map(|(_, outcome, missing)| (outcome.as_str(), missing.as_deref().unwrap())).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&("pending", "damaged")), "another's closing closes nothing: {told:?}");
    assert!(told.iter().any(|(_, missing)| *missing == "opening"), "{told:?}");
    assert!(told.iter().any(|(_, missing)| *missing == "opening, damaged"), "{told:?}");
}

#[tokio::test]
async fn what_was_never_kept_makes_no_row_whatever_a_message_says() {
    let store = Arc::new(day());
    let forged = vec![format!("v1/dt={DAY}/{}/00000001.closing.json", "f".repeat(32))];
    assert_eq!(failed(&store, &forged).await, forged);
    assert!(store.kept.lock().unwrap().is_empty());
    // What is no notice fails alone.
    let mut mixed = event(&told_of(&store.objects)[..1]);
    mixed["Records"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "messageId": "x", "body": "?", "eventSource": "aws:sqs" }));
    let answer = Seal::new(store.clone(), hour(1)).handle(&mixed).await.unwrap();
    assert_eq!(
        serde_json::to_value(answer).unwrap(),
        json!({ "batchItemFailures": [{ "itemIdentifier": "x" }] })
    );
    assert_eq!(rows(&store).len(), 1);
}

/// Noon of the day behind the records'.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-27T12:00:00Z".parse().unwrap()
    }
}

/// How much lies on the day, and of how much nobody was told.
async fn missed(store: &Arc<Memory>) -> (usize, usize) {
    let seal = Seal::new(store.clone(), Arc::new(Noon));
    let answer = seal.handle(&json!({ "task": "missed", "days_ago": 1 })).await.unwrap();
    let Answer::Missed { day, kept, missed } = answer else { panic!("{answer:?}") };
    assert_eq!(day, DAY);
    (kept, missed)
}

#[tokio::test]
async fn what_nobody_was_told_of_is_found_and_told_again() {
    let mut store = day();
    let told = told_of(&store.objects);
    let (late, closings): (Vec<_>, Vec<_>) = told.iter().cloned().partition(|key| key.contains(".evidence-"));
    // One still waits: it has evidence and no closing.
    let waits = RecordKey::new(DAY, format!("{}/1", "e".repeat(32)).parse().unwrap());
    let some_evidence = store.objects[&late[0]].clone();
    store.objects.insert(waits.object(ObjectKind::Evidence { step: 0 }), some_evidence);
    // Of two closings nobody was told, and not of the evidence of another.
    let key = |object: &String| RecordKey::parse(object).unwrap().0;
    let without: Vec<&String> = closings.iter().filter(|it| key(it) != key(&late[0])).take(2).collect();
    for closing in closings.iter().filter(|it| !without.contains(it)) {
        let of_it = late.iter().filter(|it| key(it) == key(closing));
        let known = if key(closing) == key(&late[0]) { 0 } else { of_it.count() };
        store.indexed.get_mut().unwrap().insert(key(closing), u32::try_from(known).unwrap());
    }
    let store = Arc::new(store);
    let mut expected: Vec<String> = late.iter().filter(|it| key(it) == key(&late[0])).cloned().collect();
    expected.extend(without.into_iter().cloned());
    expected.sort();
    assert_eq!(missed(&store).await, (told.len() + 1, expected.len()));
    assert!(store.whole.lock().unwrap().is_empty(), "what is only told of is not there yet");
    let mut again: Vec<String> =
        store.told.lock().unwrap().iter().map(|(key, kind)| key.object(*kind)).collect();
    again.sort();
    assert_eq!(again, expected);
    // With a row of all of it, the next look finds nothing.
    for object in &closings {
        let of_it = late.iter().filter(|late| key(late) == key(object)).count();
        store.indexed.lock().unwrap().insert(key(object), u32::try_from(of_it).unwrap());
    }
    assert_eq!(missed(&store).await, (told.len() + 1, 0));
    let whole = ["2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"].map(|moment| moment.parse().unwrap());
    assert_eq!(*store.whole.lock().unwrap(), [(whole[0], whole[1])]);
    // Of a day that is not over nobody can say so.
    let seal = Seal::new(store.clone(), Arc::new(Noon));
    let today = seal.handle(&json!({ "task": "missed", "days_ago": 0 })).await.unwrap();
    assert!(matches!(today, Answer::Missed { missed: 0, .. }));
    assert_eq!(store.whole.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_just_kept_is_not_missed_yet() {
    let now = Noon.now().as_micros();
    for (minutes, expected) in [(14, 0), (15, told_of(&day().objects).len())] {
        let since = Some(Timestamp::from_micros(now - minutes * 60_000_000));
        let store = Arc::new(Memory { since, ..day() });
        assert_eq!(missed(&store).await.0, expected, "{minutes}");
        assert!(store.whole.lock().unwrap().is_empty(), "{minutes}");
    }
}

#[tokio::test]
async fn a_look_that_fails_says_so() {
    let task = json!({ "task": "missed", "day": DAY });
    for store in [Memory { is_blind: true, ..day() }, Memory { is_mute: true, ..day() }] {
        let store = Arc::new(store);
        assert!(Seal::new(store.clone(), Arc::new(Noon)).handle(&task).await.is_err());
        assert!(store.told.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_large_day_is_looked_through_to_its_end() {
    let objects = (0..2500).map(|nr: u32| {
        let exchange = format!("{}/{}", "a".repeat(32), nr + 1).parse().unwrap();
        (RecordKey::new(DAY, exchange).object(ObjectKind::Closing), Bytes::from_static(b"{}"))
    });
    let store = Arc::new(Memory { objects: objects.collect(), ..Memory::default() });
    assert_eq!(missed(&store).await, (2500, 2500));
    let told: BTreeSet<Told> = store.told.lock().unwrap().iter().cloned().collect();
    assert_eq!(told.len(), 2500, "each once");
}

#[tokio::test]
async fn each_event_is_a_trace_that_names_no_record() {
    use tracing_subscriber::layer::SubscriberExt;
    let kept = kept::Kept::listening();
    let ports: (Arc<dyn Clock>, _) = (hour(1), Arc::new(local::RandomIds) as _);
    let place = traces::Place { version: "1.2.3", function: None };
    let exporter = traces::exporter(traces::Wish::All, &place, ports, kept.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(exporter));

    let store = Arc::new(day());
    let told = told_of(&store.objects);
    failed(&store, &told).await;
    let full = Seal::new(Arc::new(Memory { is_full: true, ..day() }), hour(1));
    assert!(full.handle(&json!({ "task": "day", "day": DAY })).await.is_err());
    let spans = kept.spans();
    let said: Vec<(&str, bool)> = spans.iter().map(|span| (span.name.as_str(), span.has_failed)).collect();
    assert_eq!(said, [("messages", false), ("day", true)]);
    assert!(spans.iter().all(|span| span.is_root && span.attributes.is_empty()));
    assert!(!kept.text().contains(&told[0]) && !kept.text().contains(DAY));
}
