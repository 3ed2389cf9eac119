//! The authorizer as it is built, between API Gateway's questions and a real issuer, one of several, that signs by other than RSA.

use serde_json::{Value, json};

use crate::functions;
use crate::stage::{self, Stage};

/// What the authorizer answers to that question with that token in it: JSON, or the text of an error.
async fn asked(stage: &Stage, case: &str, token: Option<&str>) -> Result<Value, String> {
    let mut question = stage::event_of("authorizer", case, token);
    question["identitySource"] = token.map(|token| json!([format!("Bearer {token}")])).into();
    let (status, text) = stage.answered("authorizer", &question).await;
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}"));
    match answer["errorMessage"].as_str() {
        Some(message) => Err(message.to_owned()),
        None => Ok(answer),
    }
}

#[tokio::test]
async fn tokens_of_a_real_issuer_that_signs_by_other_than_rsa_are_let_through_and_no_others() {
    let Some(stage) = Stage::build(&["query", "authorizer"]).await else { return };
    let token = stage.token("claude-demo", "https://snowgate.example/ES256").await;
    let yes = json!({ "isAuthorized": true });
    for case in ["accepted.json", "mcp.json", "collect.json", "cancel.json"] {
        assert_eq!(asked(&stage, case, Some(&token)).await, Ok(yes.clone()), "{case}");
    }
    // What it lets through, the door verifies for itself and answers.
    let answer = stage.invoke("query", &stage::event("lambda-authorizer.json", Some(&token))).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");

    let elsewhere = stage.token("claude-demo", "https://other.example").await;
    // An algorithm that its settings do not name, of the very same issuer and audience.
    let by_another = stage.token("claude-demo", "https://snowgate.example/PS512").await;
    let (signed, _) = token.rsplit_once('.').unwrap();
    let spliced = format!("{signed}.{}", elsewhere.rsplit_once('.').unwrap().1);
    for token in [None, Some("forged"), Some(&*elsewhere), Some(&*by_another), Some(&*spliced)] {
        let answer = asked(&stage, "accepted.json", token).await;
        assert_eq!(answer, Err("Unauthorized".to_owned()), "{token:?}");
    }
    // Each call says what it costs, whoever was called.
    stage
        .until("two functions have told what their calls cost", || async {
            stage.said().matches(r#""Metrics":[{"Name":"Dollars"}]"#).count() >= 2
        })
        .await;
    let calls = stage.moto.calls_by(&[functions::caller("authorizer", &stage.wiring)]);
    assert!(calls.is_empty(), "it calls no AWS: {calls:?}");
}

#[tokio::test]
async fn a_door_behind_it_believes_the_token_and_not_what_stands_beside_it() {
    let Some(stage) = Stage::build(&["query"]).await else { return };
    for token in [None, Some("forged")] {
        let answer = stage.invoke("query", &stage::event("forged-lambda-context.json", token)).await;
        assert_eq!(answer["statusCode"], 401, "{answer}");
    }
    // The context says `agents`; the token says `analysts`, to whom the default bundle permits nothing.
    let analyst = stage.token("claude-finance", "https://snowgate.example/RS256").await;
    let answer = stage.invoke("query", &stage::event("forged-lambda-context.json", Some(&analyst))).await;
    assert_eq!(answer["statusCode"], 422, "{answer}");
    assert_eq!(stage.submissions("from customers"), 0);
}
