//! The Runtime API of Lambda (2018-06-01), as far as a function needs it, for processes that a test kills and freezes; and such a
//! process.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gateway::ports::Clock;
use local::SystemClock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::children::Running;
use crate::functions::{self, Wiring};

/// For how long API Gateway waits for an answer.
const GIVES_UP: Duration = Duration::from_secs(29);

/// What came of an invocation.
#[derive(Clone, Debug)]
pub enum Invoked {
    Answered(Value),
    /// The function says that it failed, which a state machine tries again.
    Failed(Value),
    /// Nobody hears of it any more, or not in time.
    Silent,
}

type Ended = Result<Value, Value>;

/// Where one process asks for its events, and answers them.
struct Slot {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, String)>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Ended>>>,
}

type Slots = Arc<Mutex<HashMap<String, Arc<Slot>>>>;

/// Where processes come for their events.
pub struct Runtime {
    url: String,
    slots: Slots,
}

impl Runtime {
    pub async fn listen() -> Self {
        let slots = Slots::default();
        let invocation = "/{process}/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/response"), post(answered))
            .route(&format!("{invocation}/{{id}}/error"), post(failed))
            .with_state(Arc::clone(&slots));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, slots }
    }

    /// Starts one more process of a function, which calls AWS by a name of its own; one that agents ask waits
    /// for so many seconds before it answers that something is under way.
    pub fn start(&self, function: &str, wiring: &Wiring, hold: u64) -> Process {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{}-{function}-{}", wiring.state, NEXT.fetch_add(1, Ordering::SeqCst));
        let (events, received) = mpsc::unbounded_channel();
        let slot = Arc::new(Slot { events: tokio::sync::Mutex::new(received), waiting: Mutex::default() });
        self.slots.lock().unwrap().insert(name.clone(), Arc::clone(&slot));
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh", functions::built().join(function).to_str().unwrap()]);
        functions::tell(&mut command, function, &format!("{}/{name}", self.url), &name, wiring);
        if function == "query" {
            command.env("SNOWGATE_HOLD_SECONDS", hold.to_string());
        }
        Process { name, running: Mutex::new(Running::start(&mut command)), events, slot }
    }
}

/// Passes signals on to the process by their names, and ends it with its own standard input.
const SCRIPT: &str = r#""$@" </dev/null 2>&1 & process=$!
while read -r signal; do
  kill -s "$signal" $process 2>/dev/null
  if [ "$signal" = KILL ]; then wait $process 2>/dev/null; echo "it is dead"; fi
done
kill -s KILL $process 2>/dev/null
wait"#;

/// One process of a function.
pub struct Process {
    /// The name that its calls of AWS go under.
    pub name: String,
    running: Mutex<Running>,
    events: mpsc::UnboundedSender<(String, String)>,
    slot: Arc<Slot>,
}

impl Process {
    /// What it answers to an event.
    pub async fn invoke(&self, event: &Value) -> Invoked {
        match timeout(GIVES_UP, self.invoke_at_last(event)).await {
            Ok(invoked) => invoked,
            Err(_) => Invoked::Silent,
        }
    }

    /// The same, however long it takes.
    pub async fn invoke_at_last(&self, event: &Value) -> Invoked {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = format!("00000000-0000-4000-8000-{:012}", NEXT.fetch_add(1, Ordering::SeqCst));
        let (send, answer) = oneshot::channel();
        self.slot.waiting.lock().unwrap().insert(id.clone(), send);
        self.events.send((id, event.to_string())).unwrap();
        match answer.await {
            Ok(Ok(answer)) => Invoked::Answered(answer),
            Ok(Err(error)) => Invoked::Failed(error),
            Err(_) => Invoked::Silent,
        }
    }

    /// Kills it wherever it is, and waits until it is dead.
    pub async fn kill(&self) {
        self.running.lock().unwrap().tell("KILL");
        // Whoever waits for its answers hears of it.
        let is_dead = || self.running.lock().unwrap().said().contains("it is dead");
        while !is_dead() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.slot.waiting.lock().unwrap().clear();
    }

    /// Takes the processor away from it, as Lambda does between invocations.
    pub fn freeze(&self) {
        self.running.lock().unwrap().tell("STOP");
    }

    pub fn thaw(&self) {
        self.running.lock().unwrap().tell("CONT");
    }

    pub fn said(&self) -> String {
        self.running.lock().unwrap().said()
    }
}

fn slot(slots: &Slots, process: &str) -> Arc<Slot> {
    Arc::clone(slots.lock().unwrap().get(process).expect("there is no such process"))
}

async fn next(State(slots): State<Slots>, Path(process): Path<String>) -> Response {
    let slot = slot(&slots, &process);
    let Some((id, event)) = slot.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemClock.now().after(Duration::from_secs(900)).as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:between".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn answered(
    State(slots): State<Slots>,
    Path((process, id)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    end(&slots, &process, &id, Ok(serde_json::from_slice(&body).unwrap()))
}

async fn failed(
    State(slots): State<Slots>,
    Path((process, id)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    end(&slots, &process, &id, Err(serde_json::from_slice(&body).unwrap_or_default()))
}

fn end(slots: &Slots, process: &str, id: &str, ended: Ended) -> StatusCode {
    if let Some(send) = slot(slots, process).waiting.lock().unwrap().remove(id) {
        // Whoever has given up on it hears nothing.
        let _ = send.send(ended);
    }
    StatusCode::ACCEPTED
}
