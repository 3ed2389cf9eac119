//! Everything that was recorded on AWS, brought into a home's folder, where its readers and its verifier find it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use aws::{Clients, Records, Steps};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway::ports::Recordings;
use recording::{ObjectKind, RecordKey};

pub type Item = HashMap<String, AttributeValue>;

pub fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

/// Everything in a table.
pub async fn items(clients: &Clients, table: &str) -> Vec<Item> {
    let items = clients.dynamodb().scan().table_name(table).into_paginator().items().send();
    items.collect::<Result<_, _>>().await.unwrap()
}

/// Brings the records of that table into a home.
pub async fn bring_home(clients: &Clients, table: &str, records: &Records, home: &Path) {
    let steps = Steps::new(clients, table);
    for item in &items(clients, table).await {
        let (pk, sk) = (text(item, "pk").unwrap(), text(item, "sk").unwrap());
        let (Some(session), Some(number)) = (pk.strip_prefix("session#"), sk.strip_prefix("opening#")) else {
            continue;
        };
        let exchange = format!("{session}/{}", number.trim_start_matches('0')).parse().unwrap();
        let key = RecordKey::new(text(item, "day").unwrap(), exchange);
        for kind in [ObjectKind::Opening, ObjectKind::Sealed, ObjectKind::Closing] {
            if let Some(bytes) = records.read(&key, kind).await.unwrap() {
                bring(home, &key, kind, &bytes);
            }
        }
        // A small result lies inside its closing.
        for part in 0.. {
            let mut page = 0;
            let read = async |page| records.read(&key, ObjectKind::Page { part, page }).await.unwrap();
            while let Some(bytes) = read(page).await {
                bring(home, &key, ObjectKind::Page { part, page }, &bytes);
                page += 1;
            }
            if page == 0 && part >= 1 {
                break;
            }
        }
        for step in 0.. {
            let Some(bytes) = steps.read(&key, step).await.unwrap() else { break };
            bring(home, &key, ObjectKind::Approval { step }, &bytes);
        }
    }
}

fn bring(home: &Path, key: &RecordKey, kind: ObjectKind, bytes: &[u8]) {
    let folder = match kind {
        ObjectKind::Page { .. } => "pages",
        ObjectKind::Sealed => "sealed",
        ObjectKind::Opening
        | ObjectKind::Closing
        | ObjectKind::Approval { .. }
        | ObjectKind::Standing { .. }
        | ObjectKind::Evidence { .. } => "records",
    };
    let path = home.join(folder).join(key.object(kind));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
