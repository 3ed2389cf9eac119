//! The whole way of a statement that waits: mailed, agreed to, run once, collected, recorded, found in the index, and told of by the named
//! queries, each by the binary that is deployed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use aws::{By, Index, Look};
use serde_json::{Value, json};

use crate::stage::{self, Stage};
use crate::{account, approving, functions, home};

const FUNCTIONS: [&str; 5] = ["query", "work", "approval", "index", "seal"];

#[tokio::test]
async fn what_waits_is_mailed_agreed_to_on_the_page_run_once_collected_indexed_and_found() {
    let Some(stage) = Stage::build(&FUNCTIONS).await else { return };
    let stage = Arc::new(stage);
    // S3 tells a topic, the topic a queue of each.
    let to_index = stage.moto.queue_of(&stage.wiring.kept).await;
    let to_seal = stage.moto.queue_of(&stage.wiring.kept).await;
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let mut event = stage::event("post-select.json", Some(&token));
    event["body"] = json!({ "statement": account::WRITE }).to_string().into();
    let answer = stage.invoke("query", &event).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    let handle = stage::body(&answer)["statementHandle"].as_str().unwrap().to_owned();

    assert_eq!(stage.submissions(account::WRITE), 0, "nobody has agreed");
    approving::agreed_to(&stage, "CUSTOMERS", &[]).await;

    let (status, collected) = stage.collected(&token, &handle).await;
    assert_eq!((status, &collected["data"]), (200, &json!([["1"]])), "{collected}");
    assert_eq!(stage.submissions(account::WRITE), 1, "spent once");
    let rows = home::verified(&stage.home().await);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].outcome, "rows");

    for (function, queue) in [("index", &to_index), ("seal", &to_seal)] {
        let event = stage.moto.handed_over(queue).await.expect("it was told of the closing");
        assert_eq!(stage.invoke(function, &event).await, json!({ "batchItemFailures": [] }));
    }
    let day = rows[0].opened.get(..10).unwrap().to_owned();
    found(&stage, &day).await;
    asked(&stage, &day).await;
    stage.had_the_rights(&FUNCTIONS);
}

/// The index finds it by what it is: held on its day, and of its table.
async fn found(stage: &Stage, day: &str) {
    let index = Index::new(&stage.clients(), &stage.wiring.index);
    let look = Look { from: None, until: None, newest_first: false, limit: 10, after: None };
    let table = By::Table("DEMO.PUBLIC.CUSTOMERS".to_owned(), day.get(..7).unwrap().to_owned());
    for by in [By::Held(day.to_owned()), table] {
        let found = index.query(&by, &look).await.unwrap();
        let outcomes: Vec<_> = found.rows.iter().map(|row| row.outcome.as_str()).collect();
        assert_eq!((outcomes, found.unreadable), (vec!["rows"], 0), "{by:?}");
    }
}

/// The named queries tell of it, over the bucket as the functions have left it.
async fn asked(stage: &Stage, day: &str) {
    let folder = stage.bucket().await;
    let day_of = day.to_owned();
    let queries = json!([
        ["approvals", day, day],
        ["who_read_table", "DEMO.PUBLIC.CUSTOMERS", day, day],
        ["everything_an_agent_did", "claude-demo"],
        ["what_is_missing", day, day],
    ]);
    let told = tokio::task::spawn_blocking(move || named(&folder, &day_of, &queries)).await.unwrap();
    let Some(told) = told else { return };
    let only = |query: usize| {
        let rows = told[query].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    };
    let approval = only(0);
    assert_eq!(
        (&approval["agent"], &approval["sql"]),
        (&json!("claude-demo"), &json!(account::WRITE)),
        "{approval}"
    );
    assert_eq!((&approval["ended"], &approval["outcome"]), (&json!("spent"), &json!("rows")), "{approval}");
    let verdict = approval["verdicts"][0].as_str().unwrap();
    assert!(verdict.starts_with("rosa@example.com: approve"), "{approval}");
    let read = only(1);
    assert_eq!((&read["it_read"], &read["agent"]), (&json!("yes"), &json!("claude-demo")), "{read}");
    let did = only(2);
    assert_eq!((&did["sql"], &did["decision"]), (&json!(account::WRITE), &json!("hold")), "{did}");
    assert_eq!(did["prompt"], "where do our customers live?", "{did}");
    let missing = only(3);
    let gaps = ["without_row", "without_opening", "without_approval", "damaged", "lost"];
    assert!(gaps.iter().all(|gap| missing[gap] == 0), "{missing}");
    assert_eq!((&missing["exchanges"], &missing["pending"]), (&json!(1), &json!(0)), "{missing}");
}

/// Asks these queries of a bucket with the engine that Athena is made of; none, said loudly, where there is no Java for it.
fn named(bucket: &Path, day: &str, queries: &Value) -> Option<Value> {
    let root = functions::root();
    let told = Command::new(root.join("tests/athena/jdk.sh")).output().unwrap();
    let jdk = String::from_utf8(told.stdout).unwrap();
    if jdk.trim().is_empty() {
        functions::say(
            "!! SKIPPED: no JDK of 25 or newer, so no named query was asked of what the functions recorded",
        );
        return None;
    }
    let libraries = root.join(".tools/trino");
    assert!(libraries.join("hive").is_dir(), "Trino is missing: run `make tools`");
    let mut python = Command::new(root.join(".tools/python/bin/python"))
        .arg("-B")
        .arg(root.join("tests/athena/named.py"))
        .args([Path::new(jdk.trim()), &libraries, bucket, Path::new(day)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(queries.to_string().as_bytes()).unwrap();
    let told = python.wait_with_output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    Some(serde_json::from_slice(&told.stdout).unwrap())
}
