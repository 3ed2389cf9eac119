//! API Gateway's questions in `events/authorizer`, and what it is answered.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[path = "../../../crates/traces/tests/support/kept.rs"]
mod kept;
#[allow(dead_code, reason = "tests of the lines themselves use more of it")]
#[path = "../../../crates/traces/tests/support/otlp.rs"]
mod otlp;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use authorizer::{Authorizer, NotAuthorized};
use domain::{Agent, Credential, Identity, Timestamp};
use gateway::ports::{Clock, Identities, NotAccepted};
use gateway::{Fault, Origin};
use serde_json::{Value, json};

/// The tokens are `ana` and those that are refused, each for another reason. Notes every one that it was shown.
#[derive(Default)]
struct FakeIdentities(Mutex<Vec<String>>);

#[async_trait]
impl Identities for FakeIdentities {
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted> {
        self.0.lock().unwrap().push(credential.reveal().to_owned());
        match credential.reveal() {
            "ana" => {}
            "unscoped" => return Err(NotAccepted::LacksScope { needed: vec!["sql".to_owned()] }),
            "old" => return Err(NotAccepted::Expired),
            "lost" => {
                let fault = Fault::passing(Origin::Identities, "issuer unreachable, try again");
                return Err(NotAccepted::Unavailable(fault.because("refused by 10.0.0.7")));
            }
            _ => return Err(NotAccepted::Rejected { reason: "signature" }),
        }
        Ok(Identity {
            issuer: "https://issuer.example".to_owned(),
            subject: "ana".to_owned(),
            agent: Agent::new("claude-finance"),
            person: None,
            groups: BTreeSet::new(),
            scopes: BTreeSet::new(),
            token_id: None,
            expires_at: now.after(Duration::from_secs(600)),
        })
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_764_000_000_000_000)
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/authorizer")
}

fn load(case: &str) -> Value {
    serde_json::from_slice(&fs::read(folder().join(case)).unwrap()).unwrap()
}

/// What API Gateway is told of an event, as JSON or as an error's text, and the tokens that the port was shown.
async fn answered(event: &Value) -> (Result<Value, String>, Vec<String>) {
    let identities = Arc::new(FakeIdentities::default());
    let authorizer = Authorizer::new(identities.clone(), Arc::new(Noon));
    let answer = authorizer.handle(event).await;
    let shown = identities.0.lock().unwrap().clone();
    (answer.map(|answer| serde_json::to_value(answer).unwrap()).map_err(|error| error.to_string()), shown)
}

#[tokio::test]
async fn every_event_is_loaded_and_answered() {
    let mut cases: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    let yes = || Ok(json!({ "isAuthorized": true }));
    let unauthorized = || Err("Unauthorized".to_owned());
    let expected = [
        ("accepted.json", yes(), Some("ana")),
        ("cancel.json", yes(), Some("ana")),
        ("collect.json", yes(), Some("ana")),
        ("expired.json", unauthorized(), Some("old")),
        ("forged.json", unauthorized(), Some("forged")),
        ("issuer-out-of-reach.json", Err("issuer unreachable, try again".to_owned()), Some("lost")),
        ("mcp.json", yes(), Some("ana")),
        ("no-bearer.json", unauthorized(), None),
        ("no-token.json", unauthorized(), None),
        ("two-tokens.json", unauthorized(), None),
        ("unscoped.json", Ok(json!({ "isAuthorized": false })), Some("unscoped")),
    ];
    assert_eq!(cases, expected.each_ref().map(|(case, _, _)| (*case).to_owned()));
    for (case, answer, shown) in expected {
        let shown: Vec<String> = shown.into_iter().map(str::to_owned).collect();
        assert_eq!(answered(&load(case)).await, (answer, shown), "{case}");
    }
}

#[tokio::test]
async fn nothing_but_the_header_lets_anybody_through() {
    let mut event = load("forged.json");
    event["identitySource"] = json!(["Bearer ana"]);
    event["isAuthorized"] = json!(true);
    event["requestContext"]["authorizer"] =
        json!({ "lambda": { "sub": "ana" }, "jwt": { "claims": { "sub": "ana" } } });
    event["queryStringParameters"] = json!({ "authorization": "Bearer ana" });
    event["cookies"] = json!(["authorization=Bearer ana"]);
    assert_eq!(answered(&event).await, (Err("Unauthorized".to_owned()), vec!["forged".to_owned()]));
}

#[tokio::test]
async fn of_what_is_let_through_nothing_is_told_on() {
    let (answer, _) = answered(&load("accepted.json")).await;
    assert_eq!(answer.unwrap().as_object().unwrap().len(), 1, "a context would be there to be relied on");
}

#[tokio::test]
async fn what_is_no_question_lets_nobody_through() {
    let mut event = load("accepted.json");
    event["version"] = json!("1.0");
    let (answer, shown) = answered(&event).await;
    assert!(answer.unwrap_err().starts_with("the event is none of an authorizer's"));
    assert!(shown.is_empty());
    let said = format!("{:?}", NotAuthorized::Unreadable);
    assert!(!said.contains("ana"), "{said}");
}

#[tokio::test]
async fn a_question_is_a_step_of_the_request_that_it_is_asked_of_and_holds_nothing_of_it() {
    use tracing_subscriber::layer::SubscriberExt;
    let kept = kept::Kept::listening();
    let ports: (Arc<dyn Clock>, _) = (Arc::new(Noon), Arc::new(local::RandomIds) as _);
    let place = traces::Place { version: "1.2.3", function: None };
    let exporter = traces::exporter(traces::Wish::Asked, &place, ports, kept.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(exporter));

    let authorizer = Authorizer::new(Arc::new(FakeIdentities::default()), Arc::new(Noon));
    let ask = async |token: &str, traced: bool| {
        let mut headers = json!({ "authorization": format!("Bearer {token}") });
        if traced {
            headers["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        }
        let event = json!({ "version": "2.0", "type": "REQUEST", "headers": headers });
        let _ = authorizer.handle(&event).await;
    };
    for (token, traced) in [("ana", false), ("ana", true), ("forged-s3cret", true), ("lost", true)] {
        ask(token, traced).await;
    }
    let spans = kept.spans();
    let failed: Vec<bool> = spans.iter().map(|span| span.has_failed).collect();
    assert_eq!(failed, [false, false, true], "that somebody is refused is no fault");
    for span in &spans {
        assert_eq!(
            (span.name.as_str(), span.trace.as_str()),
            ("authorizer", "0af7651916cd43dd8448eb211c80319c")
        );
        assert_eq!(span.parent.as_deref(), Some("b7ad6b7169203331"));
    }
    assert!(!kept.text().contains("s3cret") && !kept.text().contains("ana"));
}
