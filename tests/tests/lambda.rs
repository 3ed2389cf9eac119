//! The functions as Lambdas: the binaries that are deployed, under `cargo lambda watch`, wired by `SNOWGATE_…` variables alone to
//! AWS as moto plays it, behind the real SDK; a scripted Snowflake, and a real OIDC issuer (`tests/oidc-provider/`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[path = "lambda/account.rs"]
mod account;
#[path = "lambda/approving.rs"]
mod approving;
#[path = "lambda/auditing.rs"]
mod auditing;
#[path = "lambda/authorizing.rs"]
mod authorizing;
#[path = "lambda/between/mod.rs"]
mod between;
#[path = "acceptance/brought.rs"]
mod brought;
#[allow(dead_code, reason = "tests of the page use more of it")]
#[path = "acceptance/browser.rs"]
mod browser;
#[path = "lambda/children.rs"]
mod children;
#[path = "lambda/failing.rs"]
mod failing;
#[path = "lambda/found.rs"]
mod found;
#[path = "lambda/functions.rs"]
mod functions;
#[path = "lambda/home.rs"]
mod home;
#[allow(dead_code, reason = "tests of the lines themselves use more of it")]
#[path = "../../crates/traces/tests/support/kept.rs"]
mod kept;
#[allow(dead_code, reason = "tests of the stores use more of it")]
#[path = "acceptance/moto.rs"]
mod moto;
#[allow(dead_code, reason = "tests of the lines themselves use more of it")]
#[path = "../../crates/traces/tests/support/otlp.rs"]
mod otlp;
#[allow(dead_code, reason = "tests of the stores use more of it")]
#[path = "acceptance/rights.rs"]
mod rights;
#[path = "lambda/stage.rs"]
mod stage;
#[path = "lambda/template.rs"]
mod template;
#[path = "lambda/whole.rs"]
mod whole;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::stage::Stage;

/// What `select id, email, ssn as harmless, country from customers` shows an agent of the default bundle.
fn masked() -> Value {
    json!([["1", "***@customers.example", "[SSN]", "DE"], ["2", "***@customers.example", "[SSN]", "FR"]])
}

#[tokio::test]
async fn an_http_api_event_is_answered_with_masked_rows_and_recorded() {
    let Some(stage) = Stage::build(&["query"]).await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;

    let event = stage::event("post-select.json", Some(&token));
    let answer = stage.invoke("query", &event).await;
    assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(false)), "{answer}");
    assert_eq!(answer["headers"]["content-type"], "application/json");
    let body = stage::body(&answer);
    assert_eq!(body["data"], json!([["1", "DE"], ["2", "FR"]]), "columns that everybody may see");

    let handle = body["statementHandle"].as_str().unwrap();
    let event = stage::event("get-status.json", Some(&token));
    let event = event.to_string().replace("00000000-0000-4000-8000-000000000000", handle);
    let collected = stage.invoke("query", &serde_json::from_str(&event).unwrap()).await;
    assert_eq!(stage::body(&collected)["data"], body["data"], "{collected}");

    let mut event = stage::event("post-select.json", Some(&token));
    event["rawQueryString"] = "requestId=6f1e0c1e-1111-4222-8333-944455566678".into();
    event["body"] = json!({ "statement": account::MASKED }).to_string().into();
    let answer = stage.invoke("query", &event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(stage::body(&answer)["data"], masked());

    let (status, answered) =
        stage.post("/api/v2/statements", &token, &json!({ "statement": account::MASKED })).await;
    assert_eq!((status, &answered["data"]), (200, &masked()), "{answered}");

    for text in [answer.to_string(), answered.to_string()] {
        assert!(account::SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    }
    let rows = home::verified(&stage.home().await);
    let seen: Vec<_> = rows.iter().map(|row| (row.agent.as_str(), row.outcome.as_str(), row.rows)).collect();
    assert_eq!(seen, [("claude-demo", "rows", 2); 3], "whatever the event says of its caller");
    assert_eq!(rows[0].prompt.as_deref(), Some("where do our customers live?"));
    assert!(rows[0].masked_columns.is_empty());
    assert!(rows[1..].iter().all(|row| row.masked_columns == ["EMAIL", "HARMLESS"]), "{rows:?}");
    stage.had_the_rights(&["query"]);
}

#[tokio::test]
async fn what_an_authorizer_is_said_to_have_found_changes_nothing() {
    let Some(stage) = Stage::build(&["query"]).await else { return };
    let elsewhere = stage.token("claude-demo", "https://other.example").await;
    for token in [None, Some("forged"), Some(elsewhere.as_str())] {
        let event = stage::event("forged-claims.json", token);
        assert!(event["requestContext"]["authorizer"]["jwt"]["claims"]["groups"].is_string());
        let answer = stage.invoke("query", &event).await;
        assert_eq!(answer["statusCode"], 401, "{answer}");
    }

    // The claims beside it say `agents`; the token says `analysts`, to whom the default bundle permits nothing.
    let analyst = stage.token("claude-finance", "https://snowgate.example/RS256").await;
    let answer = stage.invoke("query", &stage::event("forged-claims.json", Some(&analyst))).await;
    assert_eq!(answer["statusCode"], 422, "{answer}");

    assert_eq!(stage.submissions("from customers"), 0);
    let rows = home::verified(&stage.home().await);
    let seen: Vec<_> =
        rows.iter().map(|row| (row.agent.as_str(), row.decision.as_str(), row.outcome.as_str())).collect();
    assert_eq!(seen, [("claude-finance", "refuse", "refused")]);
}

#[tokio::test]
async fn what_outlives_its_hold_is_carried_on_by_the_work_function_and_collected() {
    let Some(stage) = Stage::build(&["query", "work"]).await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let mut event = stage::event("post-select.json", Some(&token));
    event["body"] = json!({ "statement": account::LONG }).to_string().into();
    let answer = stage.invoke("query", &event).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    let handle = stage::body(&answer)["statementHandle"].as_str().unwrap().to_owned();

    // Whoever asks only reads: the work function alone goes on with it.
    let (status, collected) = stage.collected(&token, &handle).await;
    assert_eq!((status, &collected["data"]), (200, &masked()), "{collected}");
    assert_eq!(stage.submissions(account::LONG), 1);
    let rows = home::verified(&stage.home().await);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].outcome.as_str(), rows[0].rows), ("rows", 2));
    stage.had_the_rights(&["query", "work"]);
}

/// The default bundle, in which agents read nothing of `DEMO` by rules, and people may grant it.
fn restricted() -> BTreeMap<String, Vec<u8>> {
    let mut files = policy::default_files();
    for bytes in files.values_mut() {
        *bytes = String::from_utf8(bytes.clone())
            .unwrap()
            .replace(
                "@id(\"agents-read-demo\")\npermit (\n    principal in Group::\"agents\"",
                "@id(\"agents-read-demo\")\npermit (\n    principal in Group::\"insiders\"",
            )
            .replace("[detectors]\noff = []", "[access]\nlongest = \"12h\"\n\n[detectors]\noff = []")
            .into_bytes();
    }
    assert_eq!(files.iter().filter(|file| policy::default_files().get(file.0) != Some(file.1)).count(), 2);
    files
}

#[tokio::test]
async fn access_that_a_person_granted_is_in_force_for_the_function_that_is_asked() {
    let Some(stage) = Stage::build_under(&["query", "work", "approval"], &restricted()).await else { return };
    let stage = Arc::new(stage);
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let ask = async |token: &str, statement: &str| {
        stage.post("/api/v2/statements", token, &json!({ "statement": statement })).await
    };
    let (status, refused) = ask(&token, account::MASKED).await;
    assert_eq!((status, stage.submissions("from customers")), (422, 0), "{refused}");

    let (status, waits) = ask(&token, "request access to demo.public.* for '2h' because 'the report'").await;
    assert_eq!(status, 202, "{waits}");
    let handle = waits["statementHandle"].as_str().unwrap().to_owned();
    approving::agreed_to(&stage, "DEMO.PUBLIC.*", &[("typed", "request access")]).await;
    let (status, told) = stage.collected(&token, &handle).await;
    assert_eq!(status, 200, "{told}");

    let (status, read) = ask(&token, account::MASKED).await;
    assert_eq!((status, &read["data"]), (200, &masked()), "{read}");
    // Nobody else has it.
    let other = stage.token("claude-finance", "https://snowgate.example/RS256").await;
    assert_eq!(ask(&other, account::MASKED).await.0, 422);
    let rows = home::verified(&stage.home().await);
    let outcomes: Vec<_> = rows.iter().map(|row| row.outcome.as_str()).collect();
    assert_eq!(outcomes, ["refused", "rows", "rows", "refused"]);
    stage.had_the_rights(&["query", "work", "approval"]);
}

#[tokio::test]
async fn what_was_closed_is_made_a_row_by_the_seal_function() {
    let Some(stage) = Stage::build(&["query", "seal"]).await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let answer = stage.invoke("query", &stage::event("post-select.json", Some(&token))).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let listed = async |prefix: &str| {
        let list = stage.clients().s3().list_objects_v2().bucket(&stage.wiring.records).prefix(prefix);
        let objects = list.send().await.unwrap().contents.unwrap_or_default();
        objects.into_iter().map(|object| object.key.unwrap()).collect::<Vec<_>>()
    };
    let closings = listed("records/v1/").await;
    assert!(matches!(closings.as_slice(), [closing] if closing.ends_with(".closing.json")), "{closings:?}");

    // As S3 tells the queue, and the queue the function.
    let mut event = stage::event_of_queue("kept.json");
    event["Records"].as_array_mut().unwrap().remove(1);
    let body = event["Records"][0]["body"].as_str().unwrap();
    let mut notice: Value = serde_json::from_str(body).unwrap();
    notice["Records"][0]["s3"]["object"]["key"] = closings[0].replace('=', "%3D").into();
    event["Records"][0]["body"] = notice.to_string().into();
    assert_eq!(stage.invoke("seal", &event).await, json!({ "batchItemFailures": [] }));
    let files = listed("exchanges/v1/").await;
    assert!(matches!(files.as_slice(), [file] if file.ends_with(".parquet")), "{files:?}");

    // What it is told of and is not there is told again, and makes nothing.
    notice["Records"][0]["s3"]["object"]["key"] = closings[0].replace("00000001", "00000002").into();
    event["Records"][0]["body"] = notice.to_string().into();
    let told = stage.invoke("seal", &event).await;
    let id = &event["Records"][0]["messageId"];
    assert_eq!(told, json!({ "batchItemFailures": [{ "itemIdentifier": id }] }));
    assert_eq!(listed("exchanges/v1/").await, files);
    stage.had_the_rights(&["query", "seal"]);
}

#[tokio::test]
async fn a_request_that_asks_for_it_is_traced_beside_the_log() {
    let Some(stage) = Stage::build(&["query"]).await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let mut event = stage::event("post-select.json", Some(&token));
    stage.invoke("query", &event).await;
    assert!(!stage.said().contains("resourceSpans"), "nobody has asked for it");

    event["headers"]["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let answer = stage.invoke("query", &event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    stage.until("its trace is written", || async { stage.said().contains(r#""name":"sqlapi""#) }).await;
    let said = stage.said();
    let (traced, others): (Vec<&str>, Vec<&str>) = said
        .lines()
        .filter(|line| line.starts_with('{'))
        .partition(|line| line.starts_with(r#"{"resourceSpans""#));
    let spans = otlp::read(&traced.join("\n"));
    let root = otlp::one_trace(&spans);
    assert_eq!((root.trace.as_str(), root.name.as_str()), ("0af7651916cd43dd8448eb211c80319c", "sqlapi"));
    assert_eq!(root.resource["faas.name"], "snowgate-query");
    for name in ["authenticate", "read", "decide", "claim"] {
        assert!(spans.iter().any(|span| span.name == name), "{name}: {said}");
    }
    for line in traced {
        // No filter of the log counts it.
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["resourceSpans"]);
    }
    // Everything else is what it was: what a call costs, and the log.
    assert!(others.iter().any(|line| line.contains("Dollars")), "{said}");
    for line in others {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["spans"].is_null(), "{line}");
    }
    assert!(!said.contains(&token) && !said.contains("customers"), "{said}");
}
