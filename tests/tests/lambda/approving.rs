//! From a statement that waits to its rows: reviewers are told, one signs in and agrees on the page, `work` runs it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ApprovalId;
use http::header;
use serde_json::{Map, Value, json};

use crate::browser::Browser;
use crate::stage::Stage;

/// The page as API Gateway serves it: each request becomes an event of the function.
fn page(stage: Arc<Stage>) -> Router {
    Router::new().fallback(answer).with_state(stage)
}

async fn answer(State(stage): State<Arc<Stage>>, request: Request) -> Response {
    let answered = stage.invoke("approval", &event_of(request).await).await;
    response_of(&answered)
}

/// The event that API Gateway makes of a request.
pub async fn event_of(request: Request) -> Value {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let (mut headers, mut cookies) = (Map::new(), Vec::new());
    headers.insert("host".to_owned(), json!("approve.example"));
    for (name, value) in &parts.headers {
        let value = value.to_str().unwrap();
        if name == header::COOKIE {
            cookies.push(value);
        } else {
            headers.insert(name.to_string(), json!(value));
        }
    }
    let pairs: Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": cookies,
        "headers": headers,
        "queryStringParameters": pairs,
        "requestContext": {
            "accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": "approve.example", "domainPrefix": "approve",
            "http": {
                "method": parts.method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                "userAgent": "browser/1.0",
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
            "time": "24/Nov/2025:16:00:00 +0000", "timeEpoch": 1_764_000_000_000_u64,
        },
        "body": String::from_utf8(body.to_vec()).unwrap(),
        "isBase64Encoded": false,
    })
}

/// The response that API Gateway makes of an answer.
pub fn response_of(answered: &Value) -> Response {
    let mut response =
        Response::builder().status(u16::try_from(answered["statusCode"].as_u64().unwrap()).unwrap());
    for (name, value) in answered["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap());
    }
    for cookie in answered["cookies"].as_array().into_iter().flatten() {
        response = response.header(header::SET_COOKIE, cookie.as_str().unwrap());
    }
    let text = answered["body"].as_str().unwrap_or_default();
    let body = if answered["isBase64Encoded"] == json!(true) {
        STANDARD.decode(text).unwrap()
    } else {
        text.as_bytes().to_vec()
    };
    response.body(Body::from(body)).unwrap()
}

/// Waits until rosa is told of what waits, signs in as her by the link in her mail, and agrees to it on the page, which must show
/// these words; `typed` is what she types there.
pub async fn agreed_to(stage: &Arc<Stage>, words: &str, typed: &[(&str, &str)]) {
    let found = Mutex::new(None);
    stage
        .until("rosa is told", || async {
            let mailed = mailed(stage).await;
            let is_there = mailed.is_some();
            *found.lock().unwrap() = mailed;
            is_there
        })
        .await;
    let (id, link) = found.into_inner().unwrap().unwrap();
    let mut rosa = Browser::new(page(Arc::clone(stage)));
    let sent = rosa.post(&format!("/a/{id}"), &[("token", &link)]).await;
    let (_, onward) = sent.text.split_once("href=\"http").unwrap_or_else(|| panic!("{}", sent.text));
    let url = format!("http{}", onward.split('"').next().unwrap().replace("&amp;", "&"));
    let back = sign_in(&url, "rosa").await;
    let back = rosa.get(back.strip_prefix("https://approve.example").unwrap()).await;
    assert_eq!(back.status, 200, "{}", back.text);
    let shown = rosa.review(id).await;
    assert!(shown.status == 200 && shown.text.contains(words), "{}", shown.text);
    let decided = rosa.decide(id, &shown, "approve", typed).await;
    assert_eq!(decided.status, 303, "{}", decided.text);
}

/// The link that rosa was mailed: its approval and its token.
async fn mailed(stage: &Stage) -> Option<(ApprovalId, String)> {
    let ask = json!({ "QueueUrl": stage.mailbox, "MaxNumberOfMessages": 10 });
    let found = stage.moto.sqs("ReceiveMessage", ask).await;
    let mail: Value = serde_json::from_str(found["Messages"].get(0)?["Body"].as_str().unwrap()).unwrap();
    link_in(mail["Message"].as_str().unwrap())
}

/// The link in a mail: its approval and its token.
pub fn link_in(mail: &str) -> Option<(ApprovalId, String)> {
    let (_, behind) = mail.split_once("https://approve.example/a/")?;
    let (id, token) = behind.split_once("#t=")?;
    let token = token.split_whitespace().next()?;
    Some((id.parse().unwrap(), token.to_owned()))
}

/// Signs in at the issuer as a browser does, by its own forms; where it sends people back to.
pub async fn sign_in(url: &str, name: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let (http, mut cookies) = (http.build().unwrap(), BTreeMap::new());
    let (mut next, mut form): (String, Option<String>) = (url.to_owned(), None);
    for _ in 0..20 {
        if next.starts_with("https://approve.example/") {
            return next;
        }
        let request = match form.take() {
            Some(form) => http.post(&next).header("content-type", FORM).body(form),
            None => http.get(&next),
        };
        let answered = request.header("cookie", line(&cookies)).send().await.unwrap();
        for set in answered.headers().get_all(header::SET_COOKIE) {
            let (pair, _) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        match answered.headers().get(header::LOCATION) {
            Some(to) => {
                let from = reqwest::Url::parse(&next).unwrap();
                next = from.join(to.to_str().unwrap()).unwrap().to_string();
            }
            // A form of the issuer's: who is it, or may they know.
            None => {
                let text = answered.text().await.unwrap();
                let (_, action) = text.split_once("action=\"").unwrap_or_else(|| panic!("{text}"));
                next = action.split('"').next().unwrap().to_owned();
                let prompt = if text.contains("name=\"login\"") { "login" } else { "consent" };
                form = Some(format!("prompt={prompt}&login={name}&password=any"));
            }
        }
    }
    panic!("the issuer sends people in circles: {next}");
}

const FORM: &str = "application/x-www-form-urlencoded";

fn line(cookies: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("; ")
}
