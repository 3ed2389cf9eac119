//! What the queue, the schedule and an operator send.

use aws::Message;
use domain::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use traces::Root;
use tracing::Span;

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
    /// `{"task": "missed", "days_ago": 1}` or `{"task": "missed", "day": "2026-11-26"}`: a day is to be looked through for what nobody was
    /// told of.
    Missed(Missed),
}

impl Event {
    /// The span of what is done, named like it. Who sends these says of no trace that they belong to it.
    pub(crate) fn span(&self) -> Span {
        let root: Root = match self {
            Self::Messages(_) => traces::root!("messages"),
            Self::Day { .. } => traces::root!("day"),
            Self::Waiting => traces::root!("waiting"),
            Self::Missed(_) => traces::root!("missed"),
        };
        root(None)
    }
}

/// The day to be looked through, of openings and in UTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missed {
    /// So many days before the present one.
    Ago(u16),
    /// `2026-11-26`.
    On(String),
}

impl Missed {
    /// The day that it is at that moment.
    pub fn day(self, now: Timestamp) -> String {
        match self {
            Self::Ago(days) => {
                let ago = i64::from(days).saturating_mul(24 * 60 * 60 * 1_000_000);
                Timestamp::from_micros(now.as_micros().saturating_sub(ago)).day()
            }
            Self::On(day) => day,
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
enum Task {
    Day { day: String, after: Option<String> },
    Waiting {},
    Missed { day: Option<String>, days_ago: Option<u16> },
}

/// Reads an event.
///
/// # Errors
/// [`NotDone::Unreadable`].
pub fn read(event: &Value) -> Result<Event, NotDone> {
    if let Some(messages) = aws::messages(event) {
        return if messages.is_empty() { Err(NotDone::Unreadable) } else { Ok(Event::Messages(messages)) };
    }
    match Task::deserialize(event).map_err(|_| NotDone::Unreadable)? {
        Task::Day { day, after } if is_day(&day) => Ok(Event::Day { day, after }),
        Task::Day { .. } => Err(NotDone::Unreadable),
        Task::Waiting {} => Ok(Event::Waiting),
        Task::Missed { day: Some(day), days_ago: None } if is_day(&day) => Ok(Event::Missed(Missed::On(day))),
        Task::Missed { day: None, days_ago: Some(days) } => Ok(Event::Missed(Missed::Ago(days))),
        Task::Missed { .. } => Err(NotDone::Unreadable),
    }
}

fn is_day(day: &str) -> bool {
    let is_its = |(at, b): (usize, u8)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() };
    day.len() == 10 && day.bytes().enumerate().all(is_its)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

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
                        messages.iter().map(|one| one.notice.as_ref().unwrap().objects.len()).collect();
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
                Event::Missed(Missed::Ago(days)) => assert_eq!((name.as_str(), days), ("missed", 1)),
                Event::Missed(Missed::On(day)) => {
                    assert_eq!((name.as_str(), day.as_str()), ("missed-day", "2026-11-26"))
                }
            }
            seen.push(name);
        }
        seen.sort();
        assert_eq!(seen, ["day", "kept", "missed", "missed-day", "waiting"]);
    }

    #[test]
    fn what_is_no_event_of_ours_is_refused_and_never_told() {
        for event in [
            json!({}),
            json!([]),
            json!({ "Records": [] }),
            json!({ "Records": [{ "messageId": "1", "body": "{}", "eventSource": "aws:s3" }] }),
            json!({ "task": "day" }),
            json!({ "task": "day", "day": "2026-11-26/secret" }),
            json!({ "task": "waiting", "sql": "secret" }),
            json!({ "task": "missed" }),
            json!({ "task": "missed", "day": "2026-11-26/secret" }),
            json!({ "task": "missed", "day": "2026-11-26", "days_ago": 1 }),
            json!({ "task": "missed", "days_ago": -1 }),
            json!({ "task": "sweep" }),
        ] {
            let Err(error) = read(&event) else { panic!("{event}") };
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let now: Timestamp = "2026-03-01T00:00:01Z".parse().unwrap();
        for (days, expected) in [(0, "2026-03-01"), (1, "2026-02-28"), (8, "2026-02-21")] {
            assert_eq!(Missed::Ago(days).day(now), expected);
        }
        assert_eq!(Missed::On("2026-01-01".into()).day(now), "2026-01-01");
    }
}
