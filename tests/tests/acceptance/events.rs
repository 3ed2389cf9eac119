//! API Gateway's events in `events/approval` and `events/evidence`, through Lambda's own conversion into the routers.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ChannelKind;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::architecture::root;
use crate::evidence::{PROMPT, Talk};
use crate::house::in_time;
use crate::pages_door::{Shown, Waits, waits};

/// The approval that the files of `events/approval` name.
const ID: &str = "0123456789abcdef0123456789abcdef";

fn folder(function: &str) -> std::path::PathBuf {
    root().join("events").join(function)
}

fn cases(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    cases.sort();
    cases
}

/// Plays an event as the Lambda runtime does, with these words in the places that the file leaves for them.
async fn play(router: &Router, function: &str, case: &str, words: &[(&str, &str)]) -> Shown {
    let text = std::fs::read_to_string(folder(function).join(case)).unwrap();
    let filled = |text: &str| words.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let mut event: Value = serde_json::from_str(&filled(&text)).unwrap();
    // A form comes in base64; what it holds is filled in, too.
    if event["isBase64Encoded"] == true
        && event["headers"]["content-type"] == "application/x-www-form-urlencoded"
    {
        let form = STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
        event["body"] = STANDARD.encode(filled(&String::from_utf8(form).unwrap())).into();
        event["headers"].as_object_mut().unwrap().remove("content-length");
    }
    let request = lambda_http::request::from_str(&event.to_string()).unwrap().map(|body| match body {
        lambda_http::Body::Empty => Body::empty(),
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        other => panic!("no such body: {other:?}"),
    });
    let response = in_time(router.clone().oneshot(request)).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Shown { status: parts.status, headers: parts.headers, text }
}

/// What a cookie of an answer holds.
#[track_caller]
fn cookie(shown: &Shown) -> String {
    let line = shown.headers["set-cookie"].to_str().unwrap();
    let (pair, _) = line.split_once(';').unwrap();
    pair.split_once('=').unwrap().1.to_owned()
}

#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: char) -> &'a str {
    let (_, behind) = text.split_once(before).unwrap_or_else(|| panic!("{before}: {text}"));
    behind.split(after).next().unwrap()
}

#[tokio::test]
async fn a_reviewer_comes_looks_and_decides_through_api_gateway() {
    let Waits { house, id, token, .. } = &waits(crate::held::WRITE).await;
    let router = crate::pages_door::page(house, &crate::pages_door::demo(), None);
    let id = id.to_string();
    let mut words = vec![(ID, id.as_str()), ("TOKEN", token.as_str())];
    let mut seen = Vec::new();
    let mut play_next = async |case: &'static str, words: &[(&str, &str)], status: u16| {
        let shown = play(&router, "approval", case, words).await;
        assert_eq!(shown.status.as_u16(), status, "{case}: {}", shown.text);
        seen.push(case.to_owned());
        shown
    };

    let style = play_next("asset.json", &words, 200).await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    let shell = play_next("shell.json", &words, 200).await;
    assert!(!shell.text.contains("customers"), "a link alone shows nothing");
    // Nobody has gone to their issuer from here.
    play_next("callback.json", &words, 404).await;

    let arrived = play_next("arrive.json", &words, 200).await;
    let (session, mark) = (cookie(&arrived), between(&arrived.text, "data-mark=\"", '"').to_owned());
    words.extend([("SESSION", session.as_str()), ("MARK", mark.as_str())]);
    play_next("before-review.json", &words, 200).await;
    let shown = play_next("review.json", &words, 200).await;
    assert!(shown.text.contains("customers"), "{}", shown.text);

    let (covers, mark) = (shown.field("covers"), shown.field("mark"));
    let word = between(&shown.text, "data-word=\"", '"').to_owned();
    words.retain(|(place, _)| *place != "MARK");
    words.extend([("MARK", mark.as_str()), ("COVERS", covers.as_str()), ("TYPED", word.as_str())]);
    let decided = play_next("decision.json", &words, 303).await;
    assert_eq!(decided.location(), format!("/a/{id}/review"));
    assert_eq!(crate::held::words(house).last(), Some(&"decided"));
    // A yes that has had no effect yet is taken back.
    let ended = play_next("end.json", &words, 303).await;
    assert_eq!(ended.location(), format!("/a/{id}/review"));
    assert_eq!(crate::held::words(house).last(), Some(&"decided"));
    let over = play(&router, "approval", "review.json", &words).await;
    assert!(over.text.contains("<h1>Denied</h1>"), "{}", over.text);

    seen.sort();
    assert_eq!(seen, cases(&folder("approval")), "every event is played");
}

#[tokio::test]
async fn evidence_comes_through_api_gateway_and_is_kept() {
    let talk = Talk::new().await;
    let expected = [
        ("claude-code-prompt.json", 200),
        ("claude-code-tool-use.json", 200),
        ("cursor-prompt.json", 200),
        ("logs.json", 200),
        ("prompt.json", 202),
        ("traces.json", 200),
    ];
    assert_eq!(cases(&folder("evidence")), expected.map(|(case, _)| case.to_owned()));
    for (case, status) in expected {
        let kept = play(&talk.router, "evidence", case, &[]).await;
        assert_eq!(kept.status.as_u16(), status, "{case}: {}", kept.text);
        let nobodys = play(&talk.router, "evidence", case, &[("secret-of-", "secret-not-of-")]).await;
        assert_eq!(nobodys.status.as_u16(), 401, "{case}: {}", nobodys.text);
    }

    talk.run("ana", Some("toolu_01"), "select id, country from customers").await;
    let opening = talk.opening();
    assert_eq!(opening.prompt.text.as_deref(), Some(PROMPT));
    // The provider's export is in protobuf, which API Gateway hands over in base64.
    let kinds: Vec<&str> = opening.prompt.witnesses.iter().map(|witness| witness.kind.as_str()).collect();
    assert!(
        kinds.contains(&ChannelKind::Provider.as_str()) && kinds.contains(&ChannelKind::Hooks.as_str()),
        "{kinds:?}"
    );
}
