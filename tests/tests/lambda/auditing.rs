//! Auditors: the sessions function between a real issuer and the records that the others have left.

use recording::Look;
use serde_json::{Value, json};

use crate::stage::{self, Stage};
use crate::{account, home};

const RESOURCE: &str = "https://audit.example";

/// What the function answers to that path: the status and the body.
async fn asked(stage: &Stage, token: &str, path: &str) -> (u64, Value) {
    let mut event = stage::event_of("sessions", "search.json", Some(token));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    event["requestContext"]["http"]["path"] = path.into();
    event.as_object_mut().unwrap().remove("queryStringParameters");
    let answer = stage.invoke("sessions", &event).await;
    (answer["statusCode"].as_u64().unwrap(), stage::body(&answer))
}

/// Has the index told of every closing, as its queue would.
async fn index(stage: &Stage) {
    let list = stage.clients().s3().list_objects_v2().bucket(&stage.wiring.records).prefix("records/v1/");
    let closings = list.send().await.unwrap().contents.unwrap_or_default();
    assert!(!closings.is_empty());
    for closing in closings {
        let mut event = stage::event_of_queue("kept.json");
        event["Records"].as_array_mut().unwrap().truncate(1);
        let body = event["Records"][0]["body"].as_str().unwrap();
        let mut notice: Value = serde_json::from_str(body).unwrap();
        notice["Records"][0]["s3"]["object"]["key"] = closing.key.unwrap().replace('=', "%3D").into();
        event["Records"][0]["body"] = notice.to_string().into();
        assert_eq!(stage.invoke("index", &event).await, json!({ "batchItemFailures": [] }));
    }
}

/// The looks that were kept.
async fn looks(stage: &Stage) -> Vec<Look> {
    let (clients, bucket) = (stage.clients(), &stage.wiring.records);
    let list = clients.s3().list_objects_v2().bucket(bucket).prefix("looks/");
    let mut looks = Vec::new();
    for object in list.send().await.unwrap().contents.unwrap_or_default() {
        let key = object.key.unwrap();
        let got = clients.s3().get_object().bucket(bucket).key(&key).send().await.unwrap();
        let bytes = got.body.collect().await.unwrap().into_bytes();
        looks.push(Look::read(&key, &bytes).unwrap().record);
    }
    looks
}

#[tokio::test]
async fn an_auditor_finds_and_replays_what_was_recorded_and_each_look_is_kept() {
    let Some(stage) = Stage::build(&["query", "index", "sessions"]).await else { return };
    let agent = stage.token("claude-demo", "https://snowgate.example/RS256").await;
    let mut event = stage::event("post-select.json", Some(&agent));
    event["body"] = json!({ "statement": account::MASKED }).to_string().into();
    let answer = stage.invoke("query", &event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    index(&stage).await;

    let sven = stage.token_of("sven-audits", RESOURCE, "audit:read").await;
    let (status, told) = asked(&stage, &sven, "/v1/exchanges?agent=Claude-Demo&text=ssn").await;
    assert_eq!((status, told["exchanges"].as_array().map(Vec::len)), (200, Some(1)), "{told}");
    let row = &told["exchanges"][0];
    assert_eq!((&row["outcome"], &row["rows_shown"]), (&json!("rows"), &json!(2)), "{told}");
    let exchange = row["exchange"].as_str().unwrap();
    let (session, _) = exchange.split_once('/').unwrap();

    let (status, replayed) = asked(&stage, &sven, &format!("/v1/sessions/{session}")).await;
    assert_eq!((status, &replayed["damaged"]), (200, &json!([])), "{replayed}");
    let events = replayed["events"].as_array().unwrap();
    let page = events.iter().find(|event| event["kind"] == "page").unwrap();
    assert_eq!(page["rows"], crate::masked(), "as the agent saw them");
    for text in [told.to_string(), replayed.to_string()] {
        assert!(account::SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    }

    let looks = looks(&stage).await;
    let seen: Vec<(&str, &str, usize)> =
        looks.iter().map(|look| (look.by.person.as_str(), look.what.as_str(), look.shown.len())).collect();
    assert_eq!(seen, [("sven@corp.example", "search", 1), ("sven@corp.example", "replay", 1)]);
    assert!(looks.iter().all(|look| look.shown == [exchange]));
    assert_eq!(home::verified(&stage.home().await).len(), 1);
    stage.had_the_rights(&["sessions"]);
}

#[tokio::test]
async fn nobody_but_people_with_the_auditors_audience_and_scope_looks() {
    let Some(stage) = Stage::build(&["sessions"]).await else { return };
    let path = "/v1/exchanges?agent=claude-demo";
    for (client, resource, scope, expected) in [
        // Agents', whatever audience and scope they were given; and people's for another audience or without the scope.
        ("claude-demo", "https://snowgate.example/RS256", "sql:read", 401),
        ("claude-demo", RESOURCE, "audit:read", 401),
        ("claude-finance-for-ana", RESOURCE, "audit:read", 401),
        // A program's own, whose issuer gives it a subject that is not the client.
        ("audit-bot", RESOURCE, "audit:read", 401),
        ("sven-audits", "https://snowgate.example/RS256", "sql:read", 401),
        ("sven-audits", RESOURCE, "", 403),
        ("sven-audits", RESOURCE, "audit:read", 200),
    ] {
        let token = stage.token_of(client, resource, scope).await;
        let (status, told) = asked(&stage, &token, path).await;
        assert_eq!(status, expected, "{client} at {resource} for `{scope}`: {told}");
    }
    let event = stage::event_of("sessions", "forged-claims.json", Some("forged"));
    assert_eq!(stage.invoke("sessions", &event).await["statusCode"], 401);
    assert_eq!(looks(&stage).await.len(), 1);
}
