//! What happens between a function and AWS: every call is counted, and one of them is struck.

use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::body::Body;
use axum::response::Response;
use serde_json::Value;
use tokio::sync::Notify;

use super::rivals;
use super::runtime::Process;
use crate::moto::{Between, Call, Moto, Passing};

/// What befalls one call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Strike {
    /// AWS says that there is too much of it, each time.
    Throttled,
    /// Nobody answers, each time, and nothing is done.
    TimesOut,
    /// AWS fails each time, and nothing is done.
    Breaks,
    /// AWS fails at this call and at every one after it, and nothing is done.
    Outage,
    /// Somebody else comes a moment before: the condition does not hold.
    Conflicts,
    /// It is done, and the first answer is lost.
    AnswerLost,
    /// It is done each time, and no answer comes back.
    AnswersLost,
    /// The process dies before it.
    DiesBefore,
    /// The process dies when it is done.
    DiesAfter,
    /// The process gets no processor from here on, until everything else is over.
    Freezes,
}

impl Strike {
    pub const ALL: [Self; 10] = [
        Self::Throttled,
        Self::TimesOut,
        Self::Breaks,
        Self::Outage,
        Self::Conflicts,
        Self::AnswerLost,
        Self::AnswersLost,
        Self::DiesBefore,
        Self::DiesAfter,
        Self::Freezes,
    ];

    /// Whether it leaves open what has been written, or by whom.
    pub const fn matters_to_writes(self) -> bool {
        matches!(self, Self::Conflicts | Self::AnswersLost | Self::DiesAfter | Self::Freezes)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::TimesOut => "times-out",
            Self::Breaks => "breaks",
            Self::Outage => "outage",
            Self::Conflicts => "conflicts",
            Self::AnswerLost => "answer-lost",
            Self::AnswersLost => "answers-lost",
            Self::DiesBefore => "dies-before",
            Self::DiesAfter => "dies-after",
            Self::Freezes => "freezes",
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Strike {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|strike| strike.word() == word).ok_or(())
    }
}

/// Stands between one process and AWS.
pub struct Watch {
    moto: &'static Moto,
    /// At which call, from 0, and what.
    strike: Option<(usize, Strike)>,
    process: OnceLock<Arc<Process>>,
    seen: Mutex<Seen>,
    is_struck: AtomicBool,
    /// Its process is dead, or frozen.
    pub gone: Notify,
    is_thawed: tokio::sync::watch::Sender<bool>,
}

#[derive(Default)]
struct Seen {
    /// The SDK's name of each call, however often it was tried.
    names: Vec<String>,
    tries: Vec<u32>,
    calls: Vec<Call>,
}

impl Watch {
    pub fn new(moto: &'static Moto, strike: Option<(usize, Strike)>) -> Arc<Self> {
        Arc::new(Self {
            moto,
            strike,
            process: OnceLock::new(),
            seen: Mutex::default(),
            is_struck: AtomicBool::new(false),
            gone: Notify::new(),
            is_thawed: tokio::sync::watch::Sender::new(false),
        })
    }

    /// Over this process.
    pub fn over(&self, process: &Arc<Process>) {
        let _ = self.process.set(Arc::clone(process));
    }

    pub fn is_struck(&self) -> bool {
        self.is_struck.load(Ordering::SeqCst)
    }

    /// Its calls so far, each once.
    pub fn calls(&self) -> Vec<Call> {
        self.seen.lock().unwrap().calls.clone()
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.process.get().unwrap().thaw();
        self.is_thawed.send_replace(true);
    }

    /// Which call it is, from 0, and which try of it.
    fn place(&self, call: &Passing) -> (usize, u32) {
        let name = call.header("amz-sdk-invocation-id");
        assert!(!name.is_empty(), "a call without a name: {} {}", call.method(), call.path());
        let mut seen = self.seen.lock().unwrap();
        if let Some(at) = seen.names.iter().position(|known| known == name) {
            seen.tries[at] += 1;
            return (at, seen.tries[at]);
        }
        seen.names.push(name.to_owned());
        seen.tries.push(0);
        seen.calls.push(Call::of(call));
        (seen.names.len() - 1, 0)
    }

    async fn answer(&self, call: &Passing) -> Response {
        let (at, tried) = self.place(call);
        let strike = self
            .strike
            .filter(|(chosen, strike)| at == *chosen || (*strike == Strike::Outage && at > *chosen));
        let Some((_, strike)) = strike else { return call.done().await };
        self.is_struck.store(true, Ordering::SeqCst);
        match strike {
            Strike::Throttled => throttled(call),
            Strike::TimesOut => pending().await,
            Strike::Breaks | Strike::Outage => broken(call),
            Strike::Conflicts if tried == 0 => match rivals::come_before(self.moto, call).await {
                Some(answer) => answer,
                None => call.done().await,
            },
            Strike::AnswerLost if tried == 0 => {
                call.done().await;
                pending().await
            }
            Strike::Conflicts | Strike::AnswerLost => call.done().await,
            Strike::AnswersLost => {
                call.done().await;
                broken(call)
            }
            Strike::DiesBefore => self.die().await,
            Strike::DiesAfter => {
                call.done().await;
                self.die().await
            }
            Strike::Freezes if tried == 0 => {
                self.process.get().unwrap().freeze();
                self.gone.notify_one();
                let mut thawed = self.is_thawed.subscribe();
                let _ = thawed.wait_for(|is_thawed| *is_thawed).await;
                call.done().await
            }
            Strike::Freezes => call.done().await,
        }
    }

    async fn die(&self) -> Response {
        self.process.get().unwrap().kill().await;
        self.gone.notify_one();
        pending().await
    }
}

impl Between for Watch {
    fn pass<'a>(&'a self, call: &'a Passing) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(self.answer(call))
    }
}

/// As each service says it.
fn throttled(call: &Passing) -> Response {
    match call.target().split('.').next().unwrap_or_default() {
        "DynamoDB_20120810" => {
            json(400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException")
        }
        "" if call.method() == "POST" => {
            let told = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
            xml(400, told)
        }
        "" => xml(
            503,
            "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
        ),
        _ => json(400, "ThrottlingException"),
    }
}

fn broken(call: &Passing) -> Response {
    match call.target() {
        "" => xml(
            500,
            "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
        ),
        _ => json(500, "InternalServerError"),
    }
}

fn json(status: u16, kind: &str) -> Response {
    let told = serde_json::json!({ "__type": kind, "message": "by the test" });
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.body(Body::from(told.to_string())).unwrap()
}

fn xml(status: u16, told: &'static str) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/xml")
        .body(Body::from(told))
        .unwrap()
}

/// What a call does, without what is different each time.
pub fn described(call: &Call) -> String {
    let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
    let action = call.target.split('.').next_back().unwrap_or_default();
    let key = |key: &Value| format!("{} {}", plain(&key["pk"]["S"]), plain(&key["sk"]["S"]));
    match action {
        "GetItem" | "UpdateItem" | "DeleteItem" => format!("{action} {}", key(&body["Key"])),
        "PutItem" => format!("{action} {}", key(&body["Item"])),
        "Query" => {
            let values = body["ExpressionAttributeValues"].as_object().into_iter().flatten();
            let mut told: Vec<String> = values.map(|(_, value)| plain(&value["S"])).collect();
            told.sort_unstable();
            format!("{action} {}", told.join(" ").trim())
        }
        "BatchGetItem" => {
            let asked = body["RequestItems"].as_object().into_iter().flatten();
            let keys = asked.flat_map(|(_, asked)| asked["Keys"].as_array().cloned().unwrap_or_default());
            let told: Vec<String> = keys.map(|of| key(&of)).collect();
            format!("{action} {}", told.join(", "))
        }
        "" if call.method == "POST" => {
            let action = call.body.split('&').find_map(|pair| pair.strip_prefix("Action="));
            action.unwrap_or_default().to_owned()
        }
        "" => {
            let path = call.path.split('?').next().unwrap_or_default();
            let object = path.trim_start_matches('/').split_once('/').map_or("", |(_, object)| object);
            format!("{} {}", call.method, shape(object))
        }
        other => other.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    shape(value.as_str().unwrap_or_default())
}

/// A name with every id and number in it as `*`.
fn shape(name: &str) -> String {
    let words = name.split_inclusive(|c: char| "#/.%".contains(c));
    let known = |word: &str| {
        let (bare, end) = match word.char_indices().next_back() {
            Some((at, c)) if "#/.%".contains(c) => word.split_at(at),
            _ => (word, ""),
        };
        let is_name = bare.len() < 20 && !bare.chars().any(|c| c.is_ascii_digit());
        format!("{}{end}", if is_name || bare == "v1" { bare } else { "*" })
    };
    words.map(known).collect()
}
