//! Standing approvals: steps in the table, and an item each by which they are found.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey};
use gateway::ports::{self, Written};
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey};

use crate::steps::Steps;
use crate::table::{About, Key, Only, Order, text, text_of, writer};

/// The partition of all of them. They are few: people make each by hand, and each ends within months.
const PARTITION: &str = "standings";

const FOUND: About = About { origin: Origin::Recordings, public: "standing approvals cannot be looked up" };
const NOTED: About = About { origin: Origin::Recordings, public: "a standing approval could not be kept" };

/// Standing approvals beside the steps of the approvals that made them.
#[derive(Clone, Debug)]
pub struct Standings {
    steps: Steps,
}

impl Standings {
    /// Those in the table of these steps.
    pub fn new(steps: Steps) -> Self {
        Self { steps }
    }

    /// The exchanges of all whose item has this value under that name.
    async fn found(&self, filter: Option<(&str, &str)>) -> Result<Vec<RecordKey>, Fault> {
        let items = self.steps.table.query(PARTITION, "", Order::Forward, None, FOUND).await?;
        let mut found = Vec::new();
        for item in &items {
            if filter.is_some_and(|(name, value)| text_of(item, name) != Some(value)) {
                continue;
            }
            match text_of(item, "opening").and_then(RecordKey::parse) {
                Some((key, ObjectKind::Opening)) => found.push(key),
                // One that cannot be read allows nothing, and takes nothing from the others.
                Some(_) | None => {
                    tracing::error!("a note of a standing approval cannot be read: somebody must look");
                }
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl ports::Standings for Standings {
    async fn made(&self, principal: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        self.found(principal.map(|principal| ("principal", principal.as_str()))).await
    }

    async fn made_by(&self, id: ApprovalId) -> Result<Option<RecordKey>, Fault> {
        let found = self.found(Some(("made_by", &id.to_string()))).await?;
        Ok(found.into_iter().next())
    }

    async fn note(&self, principal: &PrincipalKey, id: ApprovalId, key: &RecordKey) -> Result<(), Fault> {
        let mut item = Key::new(PARTITION, key.to_string()).item();
        let told = [
            ("opening", key.object(ObjectKind::Opening)),
            ("principal", principal.as_str().to_owned()),
            ("made_by", id.to_string()),
        ];
        item.extend(told.map(|(name, value)| (name.to_owned(), text(value))));
        // Whoever writes it again writes the same: what stands there stays.
        self.steps.table.put(item, Only::IfAbsent, &writer()?, NOTED).await.map(|_| ())
    }

    async fn standing_step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.steps.read_at(at(key, step)).await
    }

    async fn take(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.steps.keep_at(at(key, step), bytes).await
    }
}

/// Beside the steps of the approval itself, and never among them.
fn at(key: &RecordKey, step: u32) -> Key {
    Key::new(key.to_string(), format!("standing#{step:05}"))
}
