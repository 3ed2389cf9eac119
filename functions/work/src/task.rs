//! What the state machines, and the schedule beside them, send.

use domain::{ApprovalId, Handle};
use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use traces::{Root, TraceParent};
use tracing::Span;

use crate::NotDone;

/// One task: `{"task": "ask", "approval": "…"}` and so on; the states of `infra/approvals.asl.json` send these,
/// `infra/unfinished.asl.json` sends `carry`, and a schedule sends `sweep`.
// SECURITY: no `Debug`; whoever holds a token can have the machine go on.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// Reviewers are to be asked.
    Ask {
        /// Of what.
        #[serde(deserialize_with = "id")]
        approval: ApprovalId,
    },
    /// The machine waits, until somebody brings its token.
    Wait {
        /// For what.
        #[serde(deserialize_with = "id")]
        approval: ApprovalId,
        /// The task token.
        token: String,
    },
    /// Whoever was told is to be told once more.
    Remind {
        /// Of what.
        #[serde(deserialize_with = "id")]
        approval: ApprovalId,
    },
    /// The second group is to be told.
    Escalate {
        /// Of what.
        #[serde(deserialize_with = "id")]
        approval: ApprovalId,
    },
    /// Its time should be over.
    Expire {
        /// Whose.
        #[serde(deserialize_with = "id")]
        approval: ApprovalId,
    },
    /// It was settled: what is granted runs, what has ended is closed.
    Run {
        /// What.
        #[serde(deserialize_with = "id")]
        approval: ApprovalId,
    },
    /// A statement that outlived its answer is to be carried on.
    Carry {
        /// Which.
        #[serde(deserialize_with = "id")]
        exchange: Handle,
    },
    /// Whatever is unattended is to be carried on, should a machine have failed.
    Sweep {},
}

impl Task {
    /// The span of this task, named like it, below that one.
    pub(crate) fn span(&self, parent: Option<TraceParent>) -> Span {
        let root: Root = match self {
            Self::Ask { .. } => traces::root!("ask"),
            Self::Wait { .. } => traces::root!("wait"),
            Self::Remind { .. } => traces::root!("remind"),
            Self::Escalate { .. } => traces::root!("escalate"),
            Self::Expire { .. } => traces::root!("expire"),
            Self::Run { .. } => traces::root!("run"),
            Self::Carry { .. } => traces::root!("carry"),
            Self::Sweep {} => traces::root!("sweep"),
        };
        root(parent)
    }
}

/// The task of an event. What its execution was begun with (`begun`) is no part of it.
///
/// # Errors
/// [`NotDone::Unreadable`].
pub fn read(mut event: serde_json::Value) -> Result<Task, NotDone> {
    if let Some(event) = event.as_object_mut() {
        event.remove(BEGUN);
    }
    serde_json::from_value(event).map_err(|_| NotDone::Unreadable)
}

/// What the execution that sends an event was begun with.
const BEGUN: &str = "begun";

/// The span that the execution was begun in, which sends this event; none where nobody wrote that.
pub(crate) fn parent_of(event: &serde_json::Value) -> Option<TraceParent> {
    event.get(BEGUN)?.get("traceparent")?.as_str()?.parse().ok()
}

fn id<'de, Id, D>(deserializer: D) -> Result<Id, D::Error>
where
    Id: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    fn word(task: &Task) -> &'static str {
        match task {
            Task::Ask { .. } => "ask",
            Task::Wait { token, .. } => {
                assert!(!token.is_empty());
                "wait"
            }
            Task::Remind { .. } => "remind",
            Task::Escalate { .. } => "escalate",
            Task::Expire { .. } => "expire",
            Task::Run { .. } => "run",
            Task::Carry { .. } => "carry",
            Task::Sweep {} => "sweep",
        }
    }

    #[test]
    fn every_event_is_the_task_of_its_name_and_every_task_has_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/work");
        let mut seen = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let task = read(event).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(path.file_stem().unwrap(), word(&task));
            seen.insert(word(&task));
        }
        assert_eq!(seen, ["ask", "wait", "remind", "escalate", "expire", "run", "carry", "sweep"].into());
    }

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_an_execution_was_begun_with_tells_a_trace_or_nothing() {
        let carry = |begun: Value| json!({ "task": "carry", "exchange": Handle::from_u128(7).to_string(), "begun": begun });
        for begun in [
            json!(null),
            json!("x"),
            json!({}),
            json!({ "traceparent": 7 }),
            json!({ "traceparent": "AQC-secret" }),
            // Begun by a release that said less.
            json!({ "exchange": "x" }),
        ] {
            let event = carry(begun);
            assert_eq!(parent_of(&event), None, "{event}");
            assert!(read(event).is_ok());
        }
        assert!(parent_of(&carry(json!({ "traceparent": PARENT }))).is_some());
        assert_eq!(parent_of(&json!([])), None);
    }

    fn sent_by(machine: &str) -> BTreeSet<&'static str> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(machine);
        let machine: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let states = machine["States"].as_object().unwrap().values();
        let payloads =
            states.filter(|state| state["Type"] == "Task").map(|state| &state["Parameters"]["Payload"]);
        payloads
            .map(|payload| {
                let mut event = json!({ "task": payload["task"] });
                for (name, value) in [
                    ("approval", "7".repeat(32)),
                    ("exchange", Handle::from_u128(7).to_string()),
                    ("token", "a token".to_owned()),
                ] {
                    if payload.get(format!("{name}.$")).is_some() {
                        event[name] = json!(value);
                    }
                }
                assert_eq!(payload["begun.$"], "$$.Execution.Input", "it belongs to no trace");
                event["begun"] = json!({ "approval": "7".repeat(32), "traceparent": PARENT });
                assert_eq!(parent_of(&event), PARENT.parse().ok());
                word(&read(event).unwrap_or_else(|error| panic!("{payload}: {error}")))
            })
            .collect()
    }

    #[test]
    fn every_task_of_the_state_machines_is_known() {
        assert_eq!(
            sent_by("approvals.asl.json"),
            ["ask", "wait", "remind", "escalate", "expire", "run"].into()
        );
        assert_eq!(sent_by("unfinished.asl.json"), ["carry"].into());
    }

    #[test]
    fn what_is_no_task_is_refused_and_never_told() {
        let id = "7".repeat(32);
        for event in [
            json!({}),
            json!([]),
            json!({ "task": "ask" }),
            json!({ "task": "ask", "approval": "7" }),
            json!({ "task": "carry", "exchange": id }),
            json!({ "task": "carry", "exchange": "delete from customers" }),
            json!({ "task": "ask", "approval": id, "sql": "delete from customers" }),
            json!({ "task": "approve", "approval": id }),
            json!({ "task": "wait", "approval": id }),
            json!({ "task": "ask", "approval": id, "token": "AQC-secret" }),
            json!({ "Records": [] }),
        ] {
            let Err(error) = read(event.clone()) else { panic!("{event}") };
            let told = format!("{error} {error:?}");
            assert!(!told.contains("AQC") && !told.contains("delete"), "{told}");
        }
    }
}
