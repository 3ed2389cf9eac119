//! From a statement that was answered to the index: the bucket tells the topic, the topic a queue, the queue the function, which is the binary
//! that is deployed; and what nobody was told of is found and told again by `seal`.

use std::collections::BTreeSet;
use std::time::Duration;

use aws::{By, Index, Look};
use domain::SessionId;
use recording::RecordKey;
use serde_json::{Value, json};
use tokio::time::interval;

use crate::functions;
use crate::moto::Spoil;
use crate::stage::{self, Stage};

/// Statements that are asked.
const ASKED: usize = 24;

/// How long the queue waits for more, as `template.yaml` has it.
const WINDOW: Duration = Duration::from_secs(1);

/// How often a queue is looked into before it is asked in vain.
const LOOKS: usize = 300;

fn index(stage: &Stage) -> Index {
    Index::new(&stage.clients(), &stage.wiring.index)
}

fn all(limit: usize) -> Look {
    Look { from: None, until: None, newest_first: false, limit, after: None }
}

/// The keys of what lies in the bucket of records.
async fn closings(stage: &Stage) -> Vec<RecordKey> {
    let list = stage.clients().s3().list_objects_v2().bucket(&stage.wiring.records).prefix("records/v1/");
    let objects = list.send().await.unwrap().contents.unwrap_or_default();
    let keys = objects.into_iter().map(|object| object.key.unwrap());
    keys.map(|key| RecordKey::parse(key.strip_prefix("records/").unwrap()).unwrap().0).collect()
}

async fn sessions(stage: &Stage) -> Vec<SessionId> {
    let found: BTreeSet<SessionId> =
        closings(stage).await.into_iter().map(|key| key.exchange.session).collect();
    found.into_iter().collect()
}

/// Everything that is found by its session.
async fn found(stage: &Stage) -> usize {
    let mut found = 0;
    for session in sessions(stage).await {
        found += index(stage).query(&By::Session(session), &all(1000)).await.unwrap().rows.len();
    }
    found
}

/// Asks once under each of these numbers.
async fn ask(stage: &Stage, token: &str, numbers: std::ops::Range<usize>) {
    let mut event = stage::event("post-select.json", Some(token));
    for number in numbers {
        event["rawQueryString"] = format!("requestId=6f1e0c1e-1111-4222-8333-{number:012}").into();
        let answer = stage.invoke("query", &event).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
    }
}

/// Hands over what the queue has, until it has nothing; how many messages that were.
async fn index_all(stage: &Stage, queue: &str) -> usize {
    let mut told = 0;
    while let Some(event) = stage.moto.handed_over(queue).await {
        told += event["Records"].as_array().unwrap().len();
        assert_eq!(stage.invoke("index", &event).await, json!({ "batchItemFailures": [] }));
    }
    told
}

/// What the function has written into its log as a metric.
fn lags(stage: &Stage) -> Vec<u64> {
    let said = stage.said();
    let lines = said.lines().filter(|line| line.starts_with('{') && line.contains("IndexLag"));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = Vec::new();
    for line in lines {
        let told = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(told["Namespace"], "Snowgate/test");
        assert_eq!(told["Metrics"], json!([{ "Name": "IndexLag", "Unit": "Milliseconds" }]));
        found.extend(line["IndexLag"].as_array().unwrap().iter().map(|lag| lag.as_u64().unwrap()));
    }
    found
}

#[tokio::test]
async fn what_was_answered_is_found_in_the_index() {
    let Some(stage) = Stage::build(&["query", "index"]).await else { return };
    let queue = stage.moto.queue_of(&stage.wiring.kept).await;
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    ask(&stage, &token, 0..1).await;
    index_all(&stage, &queue).await;

    // As it goes on an account: statements come while the queue waits its second, and hands over what it has.
    let handing_over = async {
        let mut window = interval(WINDOW);
        let (mut told, mut looks) = (0, 0);
        while told < ASKED {
            window.tick().await;
            told += index_all(&stage, &queue).await;
            looks += 1;
            assert!(looks < LOOKS, "{told} of {ASKED} were told to the queue");
        }
    };
    tokio::join!(ask(&stage, &token, 1..ASKED + 1), handing_over);
    let mut lags = lags(&stage);
    lags.sort_unstable();
    assert_eq!(lags.len(), ASKED + 1);
    let at = |hundredths: usize| lags[(lags.len() - 1) * hundredths / 100];
    functions::say(&format!(
        "from closed to found, over {} statements under the emulator: p50 {} ms, p99 {} ms",
        lags.len(),
        at(50),
        at(99)
    ));

    assert_eq!(found(&stage).await, ASKED + 1);
    let key = &closings(&stage).await[0];
    let month = key.day.get(..7).unwrap().to_owned();
    let by = By::Table("DEMO.PUBLIC.CUSTOMERS".to_owned(), month);
    let found = index(&stage).query(&by, &all(1000)).await.unwrap();
    assert_eq!((found.rows.len(), found.unreadable), (ASKED + 1, 0));
    assert!(found.rows.iter().all(|row| row.outcome == "rows" && row.missing.is_none()), "{found:?}");
    stage.had_the_rights(&["query", "index"]);
}

#[tokio::test]
async fn what_nobody_was_told_of_is_told_again_and_found() {
    let Some(stage) = Stage::build(&["query", "index", "seal"]).await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    // The queues hang on the topic after it was told.
    ask(&stage, &token, 0..2).await;
    let (indexed, closed) =
        (stage.moto.queue_of(&stage.wiring.kept).await, stage.moto.queue_of(&stage.wiring.kept).await);
    assert!(stage.moto.handed_over(&indexed).await.is_none());
    assert_eq!(found(&stage).await, 0);

    let day = closings(&stage).await[0].day.clone();
    let mut task: Value = stage::event_of_queue("missed-day.json");
    task["day"] = day.clone().into();
    let now = json!({ "day": day, "kept": 0, "missed": 0 });
    assert_eq!(stage.invoke("seal", &task).await, now, "what was just kept may still be on its way");

    // As if it had been kept long ago.
    let earlier = Spoil::Says("<LastModified>20", "<LastModified>19");
    let lists = ["GET", stage.wiring.records.as_str(), "list-type=2"];
    stage.moto.spoil_after(0, &lists, u32::MAX, earlier);
    let told = stage.invoke("seal", &task).await;
    assert_eq!(told, json!({ "day": day, "kept": 2, "missed": 2 }));
    index_all(&stage, &indexed).await;
    assert_eq!(found(&stage).await, 2);
    let event = stage.moto.handed_over(&closed).await.unwrap();
    assert_eq!(stage.invoke("seal", &event).await, json!({ "batchItemFailures": [] }), "and its file");
    assert_eq!(stage.invoke("seal", &task).await, json!({ "day": day, "kept": 2, "missed": 0 }));
    stage.had_the_rights(&["query", "index", "seal"]);
}
