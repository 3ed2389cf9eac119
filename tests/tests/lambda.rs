//! The query function as a Lambda: its own binary under `cargo lambda watch`, wired by `SNOWGATE_…` variables alone
//! to a home in a temporary folder, a scripted Snowflake and a real OIDC issuer (`tests/oidc-provider/`).
//!
//! The first call compiles the function, with its own features, into the target directory of this run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[path = "lambda/account.rs"]
mod account;
#[path = "lambda/children.rs"]
mod children;
#[path = "lambda/home.rs"]
mod home;
#[path = "lambda/stage.rs"]
mod stage;

use serde_json::{Value, json};

use crate::stage::Stage;

/// What `select id, email, ssn as harmless, country from customers` shows an agent of the default bundle.
fn masked() -> Value {
    json!([["1", "***@customers.example", "[SSN]", "DE"], ["2", "***@customers.example", "[SSN]", "FR"]])
}

#[tokio::test]
async fn an_http_api_event_is_answered_with_masked_rows_and_recorded() {
    let Some(stage) = Stage::build().await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/RS256").await;

    let event = stage::event("post-select.json", Some(&token));
    let answer = stage.invoke(&event).await;
    assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(false)), "{answer}");
    assert_eq!(answer["headers"]["content-type"], "application/json");
    let body = stage::body(&answer);
    assert_eq!(body["data"], json!([["1", "DE"], ["2", "FR"]]), "columns that everybody may see");

    let handle = body["statementHandle"].as_str().unwrap();
    let event = stage::event("get-status.json", Some(&token));
    let event = event.to_string().replace("00000000-0000-4000-8000-000000000000", handle);
    let collected = stage.invoke(&serde_json::from_str(&event).unwrap()).await;
    assert_eq!(stage::body(&collected)["data"], body["data"], "{collected}");

    let mut event = stage::event("post-select.json", Some(&token));
    event["rawQueryString"] = "requestId=6f1e0c1e-1111-4222-8333-944455566678".into();
    event["body"] = json!({ "statement": account::MASKED }).to_string().into();
    let answer = stage.invoke(&event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(stage::body(&answer)["data"], masked());

    let (status, answered) =
        stage.post("/api/v2/statements", &token, &json!({ "statement": account::MASKED })).await;
    assert_eq!((status, &answered["data"]), (200, &masked()), "{answered}");

    for text in [answer.to_string(), answered.to_string()] {
        assert!(account::SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    }
    let rows = home::verified(&stage.end());
    let seen: Vec<_> = rows.iter().map(|row| (row.agent.as_str(), row.outcome.as_str(), row.rows)).collect();
    assert_eq!(seen, [("claude-demo", "rows", 2); 3], "whatever the event says of its caller");
    assert_eq!(rows[0].prompt.as_deref(), Some("where do our customers live?"));
    assert!(rows[0].masked_columns.is_empty());
    assert!(rows[1..].iter().all(|row| row.masked_columns == ["EMAIL", "HARMLESS"]), "{rows:?}");
}

#[tokio::test]
async fn what_an_authorizer_is_said_to_have_found_changes_nothing() {
    let Some(stage) = Stage::build().await else { return };
    let elsewhere = stage.token("claude-demo", "https://other.example").await;
    for token in [None, Some("forged"), Some(elsewhere.as_str())] {
        let event = stage::event("forged-claims.json", token);
        assert!(event["requestContext"]["authorizer"]["jwt"]["claims"]["groups"].is_string());
        let answer = stage.invoke(&event).await;
        assert_eq!(answer["statusCode"], 401, "{answer}");
    }

    // The claims beside it say `agents`; the token says `analysts`, to whom the default bundle permits nothing.
    let analyst = stage.token("claude-finance", "https://snowgate.example/RS256").await;
    let answer = stage.invoke(&stage::event("forged-claims.json", Some(&analyst))).await;
    assert_eq!(answer["statusCode"], 422, "{answer}");

    assert_eq!(stage.submissions("from customers"), 0);
    let rows = home::verified(&stage.end());
    let seen: Vec<_> =
        rows.iter().map(|row| (row.agent.as_str(), row.decision.as_str(), row.outcome.as_str())).collect();
    assert_eq!(seen, [("claude-finance", "refuse", "refused")]);
}
