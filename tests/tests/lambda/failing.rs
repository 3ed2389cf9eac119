//! What becomes of a statement when AWS or a function fails it; and evidence that comes in beside it.

use serde_json::{Value, json};

use crate::moto::Spoil;
use crate::stage::{self, Stage};
use crate::{account, home, masked};

/// Asks what outlives its hold; the token and the handle.
async fn asked(stage: &Stage) -> (String, String) {
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let mut event = stage::event("post-select.json", Some(&token));
    event["body"] = json!({ "statement": account::LONG }).to_string().into();
    let answer = stage.invoke("query", &event).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    let handle = stage::body(&answer)["statementHandle"].as_str().unwrap().to_owned();
    (token, handle)
}

async fn is_answered_once(stage: &Stage, token: &str, handle: &str) {
    let (status, collected) = stage.collected(token, handle).await;
    assert_eq!((status, &collected["data"]), (200, &masked()), "{collected}");
    assert_eq!(stage.submissions(account::LONG), 1, "nothing runs twice");
    let rows = home::verified(&stage.home().await);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].outcome.as_str(), rows[0].rows), ("rows", 2));
}

#[tokio::test]
async fn a_hand_over_that_is_lost_is_made_up_for_by_the_sweep() {
    let Some(stage) = Stage::build(&["query", "work"]).await else { return };
    stage.moto.spoil(&stage.wiring.unfinished, u32::MAX, Spoil::Refused(500, ""));
    let (token, handle) = asked(&stage).await;
    assert!(
        stage.moto.unspoil(&stage.wiring.unfinished) < u64::from(u32::MAX),
        "nobody tried to hand it over"
    );
    assert_eq!(stage.invoke("work", &json!({ "task": "sweep" })).await["over"], true);
    is_answered_once(&stage, &token, &handle).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_midway_is_carried_on_by_the_next_and_nothing_runs_twice() {
    let Some(stage) = Stage::build(&["query", "work"]).await else { return };
    let looks = || {
        let is_look = |path: &str| path.contains(account::LONG_HANDLE);
        stage.snow.received().iter().filter(|request| is_look(&request.path)).count()
    };
    let (token, handle) = asked(&stage).await;
    let before = looks();
    stage.until("the worker looks", || async { looks() > before }).await;
    stage.kill("work");
    is_answered_once(&stage, &token, &handle).await;
}

#[tokio::test]
async fn an_exchange_that_nobody_knows_ends_its_machine() {
    let Some(stage) = Stage::build(&["work"]).await else { return };
    let unknown = json!({ "task": "carry", "exchange": "00000000-0000-4000-8000-000000000007" });
    assert_eq!(
        stage.invoke("work", &unknown).await,
        json!({ "over": true, "state": Value::Null, "seconds": 1 })
    );
}

#[tokio::test]
async fn what_an_agent_declares_comes_in_by_its_own_function_and_stands_in_the_record() {
    let Some(stage) = Stage::build(&["query", "evidence"]).await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let mut event = stage::event_of("evidence", "prompt.json", Some(&token));
    event["body"] = json!({ "prompt": "who are they?", "statement": account::MASKED }).to_string().into();
    let taken = stage.invoke("evidence", &event).await;
    assert_eq!(taken["statusCode"], 202, "{taken}");
    // Nobody else's credential is a channel.
    let event = stage::event_of("evidence", "prompt.json", Some("forged"));
    assert_eq!(stage.invoke("evidence", &event).await["statusCode"], 401);

    let (status, answered) =
        stage.post("/api/v2/statements", &token, &json!({ "statement": account::MASKED })).await;
    assert_eq!((status, &answered["data"]), (200, &masked()), "{answered}");
    let rows = home::verified(&stage.home().await);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].prompt.as_deref(), Some("who are they?"));
}
