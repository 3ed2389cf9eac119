//! How fast evidence of prompts is taken in, and what memory that takes: exports of a client's telemetry and single hooks, all of
//! them new.

use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};

use crate::house::House;
use crate::memory;
use crate::report::Report;

const SCALE: f64 = 0.01;
/// Log records of one export: a prompt and a tool use each time.
const RECORDS: usize = 200;
/// Connections that send at once.
const SENDERS: usize = 3;

/// `events` by exports, and a tenth of that by hooks.
#[allow(clippy::cast_precision_loss, reason = "counts of events")]
pub async fn measure(events: usize, report: &mut Report) {
    let house = House::start_with(SCALE, CHANNELS);
    memory::forget_peak(house.process());
    let before = memory::now(house.process());
    let exports = events.div_ceil(RECORDS);
    let took = sent(&house, exports, "/otlp/v1/logs", "telemetry-of-the-bench", export).await;
    let rate = (exports * RECORDS) as f64 / took;
    report.hold(
        &format!("evidence by exports of {RECORDS} events, {} events", exports * RECORDS),
        "≥ 2,000/s".to_owned(),
        format!("{rate:.0} events/s"),
        rate >= 2000.0,
    );
    let hooks = events / 10;
    let took = sent(&house, hooks, "/v1/hooks/claude-code", "hooks-of-the-bench", hook).await;
    report.tell(
        &format!("evidence by hooks, one event each, {hooks} events"),
        format!("{:.0} events/s", hooks as f64 / took),
    );
    let grown = memory::peak(house.process()) - before;
    report.tell("highest resident memory meanwhile, above that before", format!("{grown:.0} MB"));
    house.verify();
}

/// Seconds until all of them were taken.
async fn sent(house: &House, count: usize, path: &str, secret: &str, body: fn(usize) -> Value) -> f64 {
    let url = format!("{}{path}", house.address());
    let start = Instant::now();
    let senders = (0..SENDERS).map(|sender| {
        let (url, secret) = (url.clone(), secret.to_owned());
        tokio::spawn(async move {
            let client = Client::builder().no_proxy().build().unwrap();
            for number in (sender..count).step_by(SENDERS) {
                let request =
                    client.post(&url).bearer_auth(&secret).header("content-type", "application/json");
                let answer = request.body(body(number).to_string()).send().await.unwrap();
                assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    start.elapsed().as_secs_f64()
}

fn export(number: usize) -> Value {
    let text = |key: &str, value: String| json!({ "key": key, "value": { "stringValue": value } });
    let record = |at: usize| {
        let prompt = number * RECORDS + at / 2;
        let more = if at.is_multiple_of(2) {
            vec![
                text("event.name", "user_prompt".into()),
                text("prompt", format!("who owes us most of all? ({prompt})")),
            ]
        } else {
            vec![
                text("event.name", "tool_result".into()),
                text("tool_use_id", format!("toolu_{prompt}")),
                text("tool_name", "mcp__snowgate__run_sql".into()),
            ]
        };
        let always =
            vec![text("session.id", format!("s-{number}")), text("prompt.id", format!("p-{prompt}"))];
        let attributes = [always, more].concat();
        json!({ "attributes": attributes })
    };
    let records: Vec<Value> = (0..RECORDS).map(record).collect();
    json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] })
}

fn hook(number: usize) -> Value {
    let session = json!({ "session_id": format!("s-{number}"), "prompt_id": format!("p-{number}") });
    let mut hook = session;
    if number.is_multiple_of(2) {
        hook["hook_event_name"] = "UserPromptSubmit".into();
        hook["prompt"] = format!("who owes us most of all? ({number})").into();
    } else {
        hook["hook_event_name"] = "PreToolUse".into();
        hook["tool_name"] = "mcp__snowgate__run_sql".into();
        hook["tool_use_id"] = format!("toolu_{number}").into();
        hook["tool_input"] = json!({ "statement": format!("select {number}") });
    }
    hook
}

/// SHA-256 of `telemetry-of-the-bench` and of `hooks-of-the-bench`.
const CHANNELS: &str = r#"
[[evidence]]
name = "telemetry"
kind = "telemetry"
secret_sha256 = "f7163b8d1f52aebf7ff45a43bf7ac06a486739ea698560fc7223d397a608858b"
subjects = ["ana@example.com"]

[[evidence]]
name = "hooks"
kind = "hooks"
secret_sha256 = "6b3d711b5134bf06f304199d175ac19109ca40c61eeb832e2365f356e705dccf"
subjects = ["ana@example.com"]
"#;
