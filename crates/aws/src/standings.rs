//! Standing approvals: steps in the table, and an item each by which they are found.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey};
use gateway::ports::{self, Written};
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey};

use crate::calls::fault;
use crate::steps::{Steps, text};

/// The partition of all of them. They are few: people make each by hand, and each ends within months.
const PARTITION: &str = "standings";

const NOT_FOUND: &str = "standing approvals cannot be looked up";
const NOT_NOTED: &str = "a standing approval could not be kept";

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
        let query = self.steps.client.query().table_name(&self.steps.table).consistent_read(true);
        let mut query =
            query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", text(PARTITION));
        if let Some((name, value)) = filter {
            query = query
                .filter_expression("#name = :value")
                .expression_attribute_names("#name", name)
                .expression_attribute_values(":value", text(value));
        }
        let mut pages = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item =
                item.map_err(|error| fault(Origin::Recordings, NOT_FOUND, "dynamodb:Query", &error))?;
            match opening(&item) {
                Some(key) => found.push(key),
                // One that cannot be read allows nothing, and takes nothing from the others.
                None => tracing::error!("a note of a standing approval cannot be read: somebody must look"),
            }
        }
        Ok(found)
    }
}

fn opening(item: &HashMap<String, AttributeValue>) -> Option<RecordKey> {
    match RecordKey::parse(item.get("opening")?.as_s().ok()?) {
        Some((key, ObjectKind::Opening)) => Some(key),
        Some(_) | None => None,
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
        let put = self.steps.client.put_item().table_name(&self.steps.table);
        let put = put
            .item("pk", text(PARTITION))
            .item("sk", text(key.to_string()))
            .item("opening", text(key.object(ObjectKind::Opening)))
            .item("principal", text(principal.as_str()))
            .item("made_by", text(id.to_string()));
        // Whoever writes it again writes the same.
        put.send()
            .await
            .map(|_| ())
            .map_err(|error| fault(Origin::Recordings, NOT_NOTED, "dynamodb:PutItem", &error))
    }

    async fn standing_step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.steps.read_at(key, &sort_key(step)).await
    }

    async fn take(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.steps.keep_at(key, &sort_key(step), bytes).await
    }
}

/// Beside the steps of the approval itself, and never among them.
fn sort_key(step: u32) -> String {
    format!("standing#{step:05}")
}
