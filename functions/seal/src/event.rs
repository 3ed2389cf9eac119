//! What the queue, the schedule and an operator send.

use std::collections::BTreeSet;

use recording::{ObjectKind, RecordKey};
use serde::Deserialize;
use serde_json::Value;

use crate::NotDone;

/// What is to be done.
#[derive(Debug)]
pub enum Event {
    /// Objects were kept, as the queue tells it.
    Messages(Vec<Message>),
    /// `{"task": "day", "day": "2026-11-26", "after": KEY}`: a day is to be gone through, behind that object.
    Day {
        /// Which.
        day: String,
        /// The object; none to begin with the first.
        after: Option<String>,
    },
    /// `{"task": "waiting"}`: what waits for people.
    Waiting,
}

/// One message of the queue.
#[derive(Debug)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// The closings and late evidence that it tells of, without those of other kinds.
    pub objects: Result<BTreeSet<(RecordKey, ObjectKind)>, NotDone>,
}

#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
enum Task {
    Day { day: String, after: Option<String> },
    Waiting {},
}

/// As Lambda tells what a queue holds; what else stands there is not looked at.
#[derive(Deserialize)]
struct Queue {
    #[serde(rename = "Records")]
    records: Vec<Queued>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queued {
    message_id: String,
    body: String,
    event_source: String,
}

/// As S3 tells that objects were kept.
#[derive(Deserialize)]
struct Notice {
    #[serde(rename = "Records")]
    records: Vec<Noticed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Noticed {
    event_name: String,
    s3: OfS3,
}

#[derive(Deserialize)]
struct OfS3 {
    object: OfObject,
}

#[derive(Deserialize)]
struct OfObject {
    key: String,
}

/// What S3 sends when it is first told of the queue.
#[derive(Deserialize)]
struct Test {
    #[serde(rename = "Event")]
    event: String,
}

/// Reads an event.
///
/// # Errors
/// [`NotDone::Unreadable`].
pub fn read(event: &Value) -> Result<Event, NotDone> {
    if let Ok(queue) = Queue::deserialize(event) {
        let is_ours = |queued: &Queued| queued.event_source == "aws:sqs";
        if queue.records.is_empty() || !queue.records.iter().all(is_ours) {
            return Err(NotDone::Unreadable);
        }
        let message = |queued: Queued| Message { objects: objects(&queued.body), id: queued.message_id };
        return Ok(Event::Messages(queue.records.into_iter().map(message).collect()));
    }
    match Task::deserialize(event).map_err(|_| NotDone::Unreadable)? {
        Task::Day { day, after } if is_day(&day) => Ok(Event::Day { day, after }),
        Task::Day { .. } => Err(NotDone::Unreadable),
        Task::Waiting {} => Ok(Event::Waiting),
    }
}

fn is_day(day: &str) -> bool {
    let is_its = |(at, b): (usize, u8)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() };
    day.len() == 10 && day.bytes().enumerate().all(is_its)
}

fn objects(body: &str) -> Result<BTreeSet<(RecordKey, ObjectKind)>, NotDone> {
    if serde_json::from_str::<Test>(body).is_ok_and(|test| test.event == "s3:TestEvent") {
        return Ok(BTreeSet::new());
    }
    let notice: Notice = serde_json::from_str(body).map_err(|_| NotDone::Unreadable)?;
    let mut found = BTreeSet::new();
    for noticed in notice.records {
        let key = decoded(&noticed.s3.object.key).ok_or(NotDone::Unreadable)?;
        let key = key.strip_prefix("records/").ok_or(NotDone::Unreadable)?;
        let (key, kind) = RecordKey::parse(key).ok_or(NotDone::Unreadable)?;
        if !noticed.event_name.starts_with("ObjectCreated:") {
            return Err(NotDone::Unreadable);
        }
        if matches!(kind, ObjectKind::Closing | ObjectKind::Evidence { .. }) {
            found.insert((key, kind));
        }
    }
    Ok(found)
}

/// A key as S3 writes it into a notice: percent-encoded. Ours hold no blank.
fn decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    const KEY: &str = "v1/dt=2026-11-26/72b508a3cb0c5c3e2d9c20777cd1e6be/00000001";

    fn told(body: &Value) -> Result<Vec<String>, NotDone> {
        let found = objects(&body.to_string())?;
        Ok(found.into_iter().map(|(key, kind)| key.object(kind)).collect())
    }

    fn kept(key: &str) -> Value {
        json!({ "Records": [{ "eventName": "ObjectCreated:Put", "s3": { "object": { "key": key } } }] })
    }

    #[test]
    fn every_event_is_one_of_ours() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/seal");
        let mut seen = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            match read(&event).unwrap_or_else(|error| panic!("{name}: {error}")) {
                Event::Messages(messages) => {
                    let objects: Vec<_> =
                        messages.iter().map(|one| one.objects.as_ref().unwrap().len()).collect();
                    assert_eq!(
                        (name.as_str(), objects),
                        ("kept", vec![1, 1, 0]),
                        "a closing, evidence, S3's own test"
                    );
                }
                Event::Day { day, after: None } => {
                    assert_eq!((name.as_str(), day.as_str()), ("day", "2026-11-26"))
                }
                Event::Day { after: Some(_), .. } => panic!("{name}"),
                Event::Waiting => assert_eq!(name, "waiting"),
            }
            seen.push(name);
        }
        seen.sort();
        assert_eq!(seen, ["day", "kept", "waiting"]);
    }

    #[test]
    fn what_was_kept_is_read_of_its_name_and_of_nothing_else() {
        let closing = format!("{KEY}.closing.json");
        assert_eq!(told(&kept(&format!("records/{}", closing.replace('=', "%3D")))).unwrap(), [closing]);
        // Kinds that make no row of their own.
        assert!(told(&kept(&format!("records/{KEY}.opening.json"))).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_notice_of_ours_is_refused_and_never_told() {
        let mut removed = kept(&format!("records/{KEY}.closing.json"));
        removed["Records"][0]["eventName"] = "ObjectRemoved:Delete".into();
        for body in [
            json!({}),
            json!({ "Records": [{}] }),
            kept("bundles/sha256:7"),
            kept("records/v1/dt=2026-11-26/../00000001.closing.json"),
            kept("records/%zz"),
            kept("records/%2"),
            kept(&format!("pages/{KEY}.closing.json")),
            removed,
        ] {
            assert!(told(&body).is_err(), "{body}");
        }
        for event in [
            json!({}),
            json!([]),
            json!({ "Records": [] }),
            json!({ "Records": [{ "messageId": "1", "body": "{}", "eventSource": "aws:s3" }] }),
            json!({ "task": "day" }),
            json!({ "task": "day", "day": "2026-11-26/secret" }),
            json!({ "task": "waiting", "sql": "secret" }),
            json!({ "task": "sweep" }),
        ] {
            let Err(error) = read(&event) else { panic!("{event}") };
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }
}
