//! The embedded warehouse as its clients see it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on must stop, helpers included"
)]

#[path = "warehouse/answers.rs"]
mod answers;
#[path = "warehouse/bounds.rs"]
mod bounds;
#[path = "warehouse/demo.rs"]
mod demo;
#[path = "warehouse/errors.rs"]
mod errors;
#[path = "warehouse/jobs.rs"]
mod jobs;
#[path = "warehouse/odd_texts.rs"]
mod odd_texts;
#[path = "warehouse/ports.rs"]
mod ports;

use std::time::Duration;

use serde_json::Value;
use warehouse::{Ask, Done, QueryId, SnowflakeError, State, Warehouse};

const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a text and waits for its end.
async fn end_of(warehouse: &Warehouse, ask: Ask) -> (QueryId, State) {
    let id = warehouse.submit(ask).await;
    let state = warehouse.state(&id, PATIENCE).await;
    (id, state)
}

/// Runs a text that must succeed.
#[track_caller]
fn done(state: State) -> Done {
    match state {
        State::Done(done) => done,
        State::Failed(error) => panic!("{} ({}): {}", error.code, error.sqlstate, error.message),
        other => panic!("{other:?}"),
    }
}

/// Every row of an answer.
fn rows_of(warehouse: &Warehouse, id: &QueryId, done: &Done) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for n in 0..done.head.partitions.len() {
        let slices = warehouse.partition(id, n).expect("a partition");
        let text: Vec<u8> = slices.flat_map(|slice| slice.expect("a slice").to_vec()).collect();
        rows.extend(serde_json::from_slice::<Vec<Vec<Value>>>(&text).expect("rows"));
    }
    rows
}

/// The rows that a text answers.
async fn rows(warehouse: &Warehouse, text: &str) -> Vec<Vec<Value>> {
    let (id, state) = end_of(warehouse, Ask::new(text)).await;
    rows_of(warehouse, &id, &done(state))
}

/// The error that a text ends in.
async fn error(warehouse: &Warehouse, text: &str) -> SnowflakeError {
    match end_of(warehouse, Ask::new(text)).await.1 {
        State::Failed(error) => error,
        other => panic!("`{text}` ended otherwise: {other:?}"),
    }
}

async fn open() -> Warehouse {
    Warehouse::open(0.01).await.expect("a warehouse")
}
