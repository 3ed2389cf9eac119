//! The warehouse as the gateway's `Upstream` and `Catalogs`.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{ObjectName, Tier};
use gateway::ports::{Catalogs, Progress, RowSource, Upstream, UpstreamHandle};
use serde_json::{Value, json};
use warehouse::{Ask, Warehouse};

use super::{PATIENCE, open, rows};

async fn poll(warehouse: &Warehouse, ask: Ask) -> Progress {
    let text = warehouse.submit(ask).await.to_string();
    let handle = UpstreamHandle { tier: Tier::Read, text };
    Upstream::poll(warehouse, &handle, PATIENCE).await.expect("an answer")
}

async fn read(mut source: Box<dyn RowSource>) -> Vec<Vec<Value>> {
    let mut text = Vec::new();
    while let Some(slice) = source.next().await.expect("a slice") {
        text.extend_from_slice(&slice);
    }
    serde_json::from_slice(&text).expect("rows")
}

#[tokio::test]
async fn every_partition_of_every_part_is_answered() {
    let warehouse = open().await;
    let text = "select 1; select seq4() as n from table(generator(rowcount => 25000)) order by n";
    let Progress::Done(finished) = poll(&warehouse, Ask { statement_count: 2, ..Ask::new(text) }).await
    else {
        panic!("not done")
    };
    let counts: Vec<_> = finished.parts.iter().map(|part| (part.rows, part.partitions.clone())).collect();
    assert_eq!(counts, [(1, vec![1]), (25_000, vec![10_000, 10_000, 5_000])]);
    assert_eq!(finished.parts[1].columns[0].name, "N");
    assert_eq!(read(finished.first.expect("rows")).await, [[json!("1")]]);
    let last = read(warehouse.rows(&finished.handle, 1, 2).await.expect("rows")).await;
    assert_eq!((last.len(), &last[4999]), (5_000, &vec![json!("24999")]));
    assert!(warehouse.rows(&finished.handle, 1, 3).await.is_err());
    assert!(warehouse.rows(&finished.handle, 2, 0).await.is_err());
}

#[tokio::test]
async fn failures_and_cancellation_reach_the_gateway_in_snowflakes_words() {
    let warehouse = open().await;
    let Progress::Failed(failure) = poll(&warehouse, Ask::new("select nope")).await else {
        panic!("not failed")
    };
    assert_eq!((failure.code.as_str(), failure.sqlstate.as_str()), ("000904", "42000"));
    assert!(failure.query_id.is_some());

    let text = warehouse.submit(Ask::new("call system$wait(600)")).await.to_string();
    let handle = UpstreamHandle { tier: Tier::Read, text };
    let running = Upstream::poll(&warehouse, &handle, Duration::ZERO).await.expect("an answer");
    assert!(matches!(running, Progress::Running(still) if still == handle));
    Upstream::cancel(&warehouse, &handle).await.expect("cancelled");
    let ended = Upstream::poll(&warehouse, &handle, PATIENCE).await.expect("an answer");
    assert!(matches!(ended, Progress::Failed(failure) if failure.code == "000604"));

    let unknown = UpstreamHandle { tier: Tier::Read, text: "none of ours".into() };
    assert!(matches!(Upstream::poll(&warehouse, &unknown, PATIENCE).await, Ok(Progress::Unknown)));
    assert!(warehouse.rows(&unknown, 0, 0).await.is_err());
}

#[tokio::test]
async fn a_snapshot_shows_what_is_there_and_changes_with_it() {
    let warehouse = open().await;
    let schemas =
        BTreeSet::from([("DEMO".to_owned(), "PUBLIC".to_owned()), ("DEMO".to_owned(), "NOWHERE".to_owned())]);
    let first = warehouse.snapshot(&schemas).await.expect("a snapshot");
    assert_eq!(first.relations.len(), 8);
    assert!(first.has_schema("DEMO", "NOWHERE"));
    assert_eq!(warehouse.snapshot(&schemas).await.expect("a snapshot").digest, first.digest);

    rows(&warehouse, "create or replace table countries as select code from countries").await;
    let second = warehouse.snapshot(&schemas).await.expect("a snapshot");
    assert_ne!(second.digest, first.digest);
    let name = ObjectName::new("DEMO", "PUBLIC", "COUNTRIES");
    assert_eq!(second.relation(&name).expect("the table").columns.len(), 1);

    let gone = ObjectName::new("DEMO", "PUBLIC", "GONE");
    let versions = warehouse.versions(&BTreeSet::from([name.clone(), gone])).await.expect("versions");
    assert_eq!(versions.get(&name), second.relation(&name).map(|r| &r.version));
    assert_eq!(versions.len(), 1);
}
