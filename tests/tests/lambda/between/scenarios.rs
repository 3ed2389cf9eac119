//! What is done in each scenario, and what must hold at its end whatever befell it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use snowflake::scripted::{Answer, When};

use super::agent::Told;
use super::ground::Counted;
use super::run::{Blow, Run};
use super::runtime::Invoked;
use super::strikes::Strike;
use crate::account;
use crate::approving;
use crate::browser::Browser;
use crate::masked;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scenario {
    /// A small SELECT over the SQL API.
    Select,
    /// The same over MCP.
    Mcp,
    /// A SELECT that outlives its hold, and is carried on.
    Long,
    /// A write that waits for a person, runs and is collected.
    Held,
    /// Two statements at once.
    Batch,
    /// A statement that is cancelled while it runs.
    Cancel,
}

impl Scenario {
    pub const ALL: [Self; 6] = [Self::Select, Self::Mcp, Self::Long, Self::Held, Self::Batch, Self::Cancel];

    const fn word(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Mcp => "mcp",
            Self::Long => "long",
            Self::Held => "held",
            Self::Batch => "batch",
            Self::Cancel => "cancel",
        }
    }

    /// Which function answers a turn.
    pub fn function(turn: &str) -> &'static str {
        match turn {
            "carry" | "tell" | "run" => "work",
            "arrive" | "sign-in" | "review" | "decide" => "approval",
            _ => "query",
        }
    }

    /// Runs it, with that blow or none.
    pub async fn run(self, counted: Counted, blow: Option<Blow>) -> Arc<Run> {
        counted.begins().await;
        let n = counted.ground.number();
        let id = 1_000_000 + n;
        let (statement, statements) = match self {
            Self::Select | Self::Mcp => (format!("{} where id < {id}", account::MASKED), 1),
            Self::Long | Self::Cancel => (format!("{} where id < {id}", account::LONG), 1),
            Self::Held => (format!("delete from customers where id = {id}"), 1),
            Self::Batch => {
                (format!("{} where id < {id}; {} where id < {id}", account::MASKED, account::MASKED), 2)
            }
        };
        let hold = if matches!(self, Self::Long | Self::Cancel) { 3 } else { 20 };
        let run = Arc::new(Run::new(counted, n, blow, hold, statement, statements).await);
        match self {
            Self::Select => select(&run).await,
            Self::Mcp => mcp(&run).await,
            Self::Long => long(&run).await,
            Self::Held => held(&run).await,
            Self::Batch => batch(&run).await,
            Self::Cancel => cancel(&run).await,
        }
        for answered in run.thawed().await {
            if run.blow_turn().is_some_and(|turn| Self::function(turn) != "query") {
                continue;
            }
            // Whoever comes back late shows what is kept, or nothing.
            let told = match self {
                Self::Mcp => run.told_by_mcp(&answered).await,
                _ => run.told(&answered).await,
            };
            if let Told::Rows { rows, .. } = told {
                assert!(rows == masked() || rows == json!([["1"]]), "{rows}");
            }
        }
        assert!(run.effects() <= 1, "it ran {} times", run.effects());
        run
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Scenario {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|scenario| scenario.word() == word).ok_or(())
    }
}

/// Of a statement that was begun and of which nobody knows what became.
fn is_lost(told: &Told) -> bool {
    matches!(told, Told::No { code, .. } if code == "100183" || code == "099009")
}

/// Whether the statement came to its end although the turn was struck so: what only fails, or comes too late, costs nothing but time.
fn must_come_to_rows(run: &Run) -> bool {
    run.blow_strike().is_none_or(|strike| strike == Strike::AnswerLost)
}

/// Rows, or the word that it is lost; and the same word for whoever asks once more.
async fn ends_alike(run: &Run, end: Told, expected: &Value) {
    match &end {
        Told::Rows { rows, .. } => {
            assert_eq!(rows, expected);
            assert_eq!(run.effects(), 1);
        }
        other => {
            assert!(!must_come_to_rows(run) && is_lost(other), "{other:?}");
        }
    }
    let again = run.told(&run.ground.invoke("query", &run.agent.asks_again()).await).await;
    let again = match again {
        // That it has ended could not be written: the sweep finds that out by its closing.
        Told::Later if run.blow_strike().is_some() => run.converged(Told::Later).await,
        again => again,
    };
    assert_eq!(again, end, "asked once more with the same request id");
}

async fn select(run: &Run) {
    let told = run.told(&run.turn("ask", "query", &run.agent.asks()).await).await;
    let end = run.converged(told).await;
    ends_alike(run, end, &masked()).await;
}

async fn mcp(run: &Run) {
    let told = run.told_by_mcp(&run.turn("call", "query", &run.agent.calls_tool()).await).await;
    match &told {
        Told::Rows { rows, .. } => assert_eq!(*rows, masked()),
        Told::Later | Told::Nothing => assert!(!must_come_to_rows(run)),
        // There is no other process that could have carried it on.
        other => assert!(!must_come_to_rows(run) && is_lost(other), "{other:?}"),
    }
    if run.strikes("call") == Some(Strike::Freezes) {
        run.until_swept().await;
        tokio::time::sleep(std::time::Duration::from_secs(40)).await;
    }
}

async fn long(run: &Run) {
    let handle = upstream(run);
    let told = run.told(&run.turn("ask", "query", &run.agent.asks()).await).await;
    let own = match run.handle(told).await {
        Ok(own) => own,
        Err(end) => return ends_alike(run, end, &masked()).await,
    };
    run.ground.snow.instead(When::asked_about(&handle), [account::customers(&handle)]);
    if run.strikes("ask").is_none() {
        run.ground.until_begun(&own).await;
        run.machine("carry", &Run::task("carry", "exchange", &own), true).await;
        let collected = run.told(&run.turn("collect", "query", &run.agent.collects(&own)).await).await;
        assert!(run.blow_strike().is_some() || matches!(collected, Told::Rows { .. }), "{collected:?}");
    }
    let end = run.converged(Told::Pending { handle: own, waits: false }).await;
    ends_alike(run, end, &masked()).await;
}

/// Has the account say of this run's statement that it runs; its handle there.
fn upstream(run: &Run) -> String {
    let handle = format!("01b2c3d4-0000-0000-0001-{:012}", run.n);
    let snow = &run.ground.snow;
    snow.instead(When::submitted().saying(&run.agent.statement), [Answer::running(&handle)]);
    let running = Answer::running(&handle).after(std::time::Duration::from_secs(1));
    snow.instead(When::asked_about(&handle), [running]);
    snow.instead(When::cancelled(&handle), [Answer::json(200, &json!({}))]);
    handle
}

async fn held(run: &Arc<Run>) {
    let told = run.told(&run.turn("ask", "query", &run.agent.asks()).await).await;
    let own = match run.handle(told).await {
        Ok(own) => own,
        // Nobody was asked, and nothing has run.
        Err(end) => {
            assert!(!must_come_to_rows(run) && is_lost(&end) && run.effects() == 0, "{end:?}");
            return;
        }
    };
    assert_eq!(run.effects(), 0, "nobody has agreed");
    // Where whoever asked has died, the sweep asks in its place, or gives it up.
    let asked = run
        .at_last("somebody is asked", async || {
            if let Some(id) = run.ground.approval_of(&own).await {
                return Some(Ok(id));
            }
            let told = run.told(&run.ground.invoke("query", &run.agent.collects(&own)).await).await;
            told.is_final().then_some(Err(told))
        })
        .await;
    let id = match asked {
        Ok(id) => id,
        Err(end) => {
            assert!(!must_come_to_rows(run) && is_lost(&end) && run.effects() == 0, "{end:?}");
            return;
        }
    };
    if run.strikes("ask").is_none() {
        run.ground.until_begun(&id.to_string()).await;
        run.machine("tell", &Run::task("ask", "approval", &id.to_string()), false).await;
    }
    // A mail is on its way when whoever sent it has ended.
    run.soon(|| run.ground.mailed(id)).await;
    let ended = run
        .at_last("rosa is told", async || {
            if let Some(link) = run.ground.mailed(id) {
                return Some(Ok(link));
            }
            let told = run.told(&run.ground.invoke("query", &run.agent.collects(&own)).await).await;
            told.is_final().then_some(Err(told))
        })
        .await;
    let link = match ended {
        Ok(link) => link,
        Err(end) => {
            assert!(!must_come_to_rows(run) && is_lost(&end) && run.effects() == 0, "{end:?}");
            return;
        }
    };
    agree(run, id, &link).await;
    let task = Run::task("run", "approval", &id.to_string());
    run.at_last("it has run", async || run.machine("run", &task, true).await.then_some(())).await;
    let collected = run.told(&run.turn("collect", "query", &run.agent.collects(&own)).await).await;
    assert!(run.blow_strike().is_some() || matches!(collected, Told::Rows { .. }), "{collected:?}");
    let end = run.converged(Told::Pending { handle: own, waits: true }).await;
    ends_alike(run, end, &json!([["1"]])).await;
}

/// The page: each request is a turn.
fn page(run: &Arc<Run>) -> Router {
    Router::new().fallback(answer).with_state(Arc::clone(run))
}

async fn answer(State(run): State<Arc<Run>>, request: Request) -> Response {
    let turn = match request.uri().path().rsplit('/').next() {
        Some("callback") => "sign-in",
        Some("review") => "review",
        Some("decision") => "decide",
        _ => "arrive",
    };
    match run.turn(turn, "approval", &approving::event_of(request).await).await {
        Invoked::Answered(answer) => approving::response_of(&answer),
        Invoked::Failed(_) | Invoked::Silent => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// rosa signs in by her link and agrees, again and again where the page does not answer.
async fn agree(run: &Arc<Run>, id: domain::ApprovalId, link: &str) {
    let mut rosa = Browser::new(page(run));
    let path = format!("/a/{id}");
    let mut tries = 0;
    loop {
        tries += 1;
        assert!(tries < 20, "rosa cannot decide");
        if tries > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        let sent = rosa.post(&path, &[("token", link)]).await;
        if !is_answered(sent.status) {
            continue;
        }
        if let Some((_, onward)) = sent.text.split_once("href=\"http") {
            let url = format!("http{}", onward.split('"').next().unwrap().replace("&amp;", "&"));
            let back = approving::sign_in(&url, "rosa").await;
            if !is_answered(rosa.get(back.strip_prefix("https://approve.example").unwrap()).await.status) {
                continue;
            }
        }
        let shown = rosa.review(id).await;
        if !is_answered(shown.status) {
            continue;
        }
        // A verdict whose answer was lost stands.
        if !shown.text.contains("name=\"covers\"") {
            return;
        }
        let decided = rosa.decide(id, &shown, "approve", &[]).await;
        if decided.status == StatusCode::SEE_OTHER {
            return;
        }
        assert!(!is_answered(decided.status), "{}", decided.text);
    }
}

/// Whether the page has done what was asked, and did not say that it cannot for now.
#[track_caller]
fn is_answered(status: StatusCode) -> bool {
    let is_down = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY);
    assert!(is_down || status == StatusCode::OK || status == StatusCode::SEE_OTHER, "{status}");
    !is_down
}

async fn batch(run: &Run) {
    let [first, second] = [1, 2].map(|at| format!("01b2c3d4-0000-0000-000{}-{:012}", at + 1, run.n));
    let whole = format!("01b2c3d4-0000-0000-0001-{:012}", run.n);
    let snow = &run.ground.snow;
    snow.instead(When::submitted().saying(&run.agent.statement), [Answer::batch(&whole, &[&first, &second])]);
    for child in [&first, &second] {
        snow.instead(When::asked_about(child), [account::customers(child)]);
    }
    let told = run.told(&run.turn("ask", "query", &run.agent.asks()).await).await;
    let end = run.converged(told).await;
    let handles = match &end {
        Told::Batch { handles, .. } => handles.clone(),
        other => {
            assert!(!must_come_to_rows(run) && is_lost(other), "{other:?}");
            return;
        }
    };
    assert_eq!((handles.len(), run.effects()), (2, 1));
    for handle in &handles {
        let told = run.told(&run.turn("collect", "query", &run.agent.collects(handle)).await).await;
        let end = run.converged_of(told, handle).await;
        assert!(matches!(&end, Told::Rows { rows, .. } if *rows == masked()), "{end:?}");
    }
    let again = run.told(&run.ground.invoke("query", &run.agent.asks_again()).await).await;
    let again = match again {
        // That it has ended could not be written: the sweep finds that out by its closing.
        Told::Later if run.blow_strike().is_some() => run.converged(Told::Later).await,
        again => again,
    };
    assert_eq!(again, end);
}

async fn cancel(run: &Run) {
    let handle = upstream(run);
    let told = run.told(&run.turn("begin", "query", &run.agent.asks()).await).await;
    let own = match run.handle(told).await {
        Ok(own) => own,
        Err(end) => {
            assert!(!must_come_to_rows(run) && is_lost(&end), "{end:?}");
            return;
        }
    };
    let mut told = run.told(&run.turn("cancel", "query", &run.agent.cancels(&own)).await).await;
    // The agent cancels again where it was not told that it is under way.
    let end = run
        .at_last("it is cancelled", async || {
            if matches!(told, Told::Later | Told::Nothing) {
                told = run.told(&run.ground.invoke("query", &run.agent.cancels(&own)).await).await;
            }
            let end = run.told(&run.ground.invoke("query", &run.agent.collects(&own)).await).await;
            end.is_final().then_some(end)
        })
        .await;
    assert!(matches!(&end, Told::No { code, .. } if code == "000604") || is_lost(&end), "{end:?}");
    let stopped = format!("/api/v2/statements/{handle}/cancel");
    let is_stopped = run.ground.snow.received().iter().any(|request| request.path == stopped);
    assert!(is_stopped || is_lost(&end), "it runs on upstream: {end:?}");
}
