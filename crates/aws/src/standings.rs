//! Standing approvals: their steps beside the approvals', and an item each by which they are found.

use async_trait::async_trait;
use bytes::Bytes;
use domain::PrincipalKey;
use gateway::ports::{self, Written};
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey};

use crate::calls::Clients;
use crate::steps::Steps;
use crate::table::{About, Key, Only, Order, Table, string, text, writer};

const FOUND: About =
    About { origin: Origin::Recordings, public: "the standing approvals cannot be read or written" };

/// The partition in which all are found; they are tens.
const ALL: &str = "standing";

/// Standing approvals in a table: `standing`, `PRINCIPAL#KEY` each, which names the exchange that one was made with; their steps
/// under that exchange's key, `standing#0000` and so on.
#[derive(Clone, Debug)]
pub struct Standings {
    table: Table,
    steps: Steps,
}

impl Standings {
    /// Standing approvals in that table.
    pub fn new(clients: &Clients, table: impl Into<String>) -> Self {
        let table = Table::new(clients, table);
        Self { steps: Steps::of_standing(table.clone()), table }
    }
}

#[async_trait]
impl ports::Standings for Standings {
    async fn made(&self, principal: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        let begins = principal.map(|principal| format!("{}#", principal.as_str())).unwrap_or_default();
        let found = self.table.query(ALL, &begins, Order::Forward, None, FOUND).await?;
        let mut keys = Vec::new();
        for item in &found {
            // The key's beginning may be another's whole.
            let whose = string(item, "principal", FOUND)?;
            if principal.is_some_and(|principal| principal.as_str() != whose) {
                continue;
            }
            match RecordKey::parse(&string(item, "opening", FOUND)?) {
                Some((key, ObjectKind::Opening)) => keys.push(key),
                // One that cannot be read allows nothing, and takes nothing from the others.
                Some(_) | None => tracing::error!("a note of a standing approval names no opening"),
            }
        }
        Ok(keys)
    }

    async fn note(&self, principal: &PrincipalKey, key: &RecordKey) -> Result<(), Fault> {
        let opening = key.object(ObjectKind::Opening);
        let mut item = Key::new(ALL, format!("{}#{opening}", principal.as_str())).item();
        item.insert("principal".to_owned(), text(principal.as_str()));
        item.insert("opening".to_owned(), text(opening));
        self.table.put(item, Only::IfAbsent, &writer()?, FOUND).await.map(|_| ())
    }

    async fn standing_step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.steps.read(key, step).await
    }

    async fn take(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.steps.keep(key, step, bytes).await
    }
}
