//! Prompts and tool uses that clients tell as spans: whose they are, and which prompt a call lies in.

use std::time::Duration;

use serde_json::{Value, json};

use crate::evidence::{HOOKS, PROMPT, Talk};
use crate::house::customers;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENTS: &str = "secret-of-clients";
const ANAS: &str = "secret-of-ana-telemetry";

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// A span in `TRACE`; `place` is its id, its parent's, and its begin and end in seconds.
fn span(name: &str, place: Option<(&str, &str, u64, u64)>, attributes: &[(&str, &str)]) -> Value {
    let attributes: Vec<Value> = attributes.iter().map(|(key, value)| text(key, value)).collect();
    let mut span =
        json!({ "name": format!("claude_code.{name}"), "traceId": TRACE, "attributes": attributes });
    if let Some((id, parent, begun, ended)) = place {
        let nanoseconds = |seconds: u64| (1_700_000_000_000_000_000 + seconds * 1_000_000_000).to_string();
        (span["spanId"], span["parentSpanId"]) = (json!(id), json!(parent));
        (span["startTimeUnixNano"], span["endTimeUnixNano"]) =
            (json!(nanoseconds(begun)), json!(nanoseconds(ended)));
    }
    span
}

fn used(tool_use: &str, mail: &str) -> Value {
    span(
        "tool",
        None,
        &[("tool_use_id", tool_use), ("tool_name", "mcp__snowgate__run_sql"), ("user.email", mail)],
    )
}

fn asked(prompt: &str, mail: &str) -> Value {
    span("interaction", None, &[("user_prompt", prompt), ("user.email", mail)])
}

impl Talk {
    async fn spans(&self, secret: &str, subject: Option<&str>, spans: &[Value]) {
        let resource: Vec<Value> = subject.iter().map(|subject| text("snowgate.subject", subject)).collect();
        let body = json!({ "resourceSpans": [{ "resource": { "attributes": resource },
            "scopeSpans": [{ "spans": spans }] }] });
        Self::took(&self.send(secret, "/otlp/v1/traces", &body).await);
    }

    /// What is known of the only statement's prompt now, and what does not fit.
    fn last(&self) -> (String, Vec<String>) {
        let late = self.late(&self.opening()).pop().unwrap();
        (late.grade, late.findings.into_iter().map(|finding| finding.what).collect())
    }

    async fn logs(&self, secret: &str, subject: Option<&str>, records: &[&[(&str, &str)]]) {
        let resource: Vec<Value> = subject.iter().map(|subject| text("snowgate.subject", subject)).collect();
        let attributes = |pairs: &&[(&str, &str)]| -> Vec<Value> {
            pairs.iter().map(|(key, value)| text(key, value)).collect()
        };
        let records: Vec<Value> =
            records.iter().map(|pairs| json!({ "attributes": attributes(pairs) })).collect();
        let body = json!({ "resourceLogs": [{ "resource": { "attributes": resource },
            "scopeLogs": [{ "logRecords": records }] }] });
        Self::took(&self.send(secret, "/otlp/v1/logs", &body).await);
    }
}

#[tokio::test]
async fn no_prompt_of_somebody_else_is_joined_by_a_trace_that_both_have() {
    let talk = Talk::new().await;
    talk.spans(CLIENTS, Some("ana"), &[used("toolu_1", "ana@example.com")]).await;
    talk.spans(CLIENTS, None, &[asked("forged by ben", "ben@example.com")]).await;
    talk.spans(CLIENTS, Some("ben"), &[asked("forged by ben", "ben@example.com")]).await;
    talk.spans(CLIENTS, None, &[asked("forged by nobody", "")]).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P0", "P0");
    assert_eq!(talk.opening().prompt.text, None);
    // Nor afterwards; her own is.
    talk.spans(CLIENTS, None, &[asked("forged later", "ben@example.com")]).await;
    talk.is_known("P0", "P0");
    talk.spans(CLIENTS, Some("ana"), &[asked(PROMPT, "ana@example.com")]).await;
    talk.is_known("P0", "P2");
    assert_eq!(talk.late(&talk.opening()).pop().unwrap().text.as_deref(), Some(PROMPT));
}

#[tokio::test]
async fn nobody_takes_anothers_grade_down_by_a_trace_or_a_prompts_id() {
    let talk = Talk::new().await;
    let spans = [asked(PROMPT, "ana@example.com"), used("toolu_1", "ana@example.com")];
    talk.spans(CLIENTS, Some("ana"), &spans).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P2", "P2");
    talk.spans(CLIENTS, None, &[asked("forged by ben", "ben@example.com")]).await;
    talk.spans(CLIENTS, None, &[asked("forged by nobody", "")]).await;
    // The same by logs, whose ids are the client's.
    let ids = [("session.id", "s-1"), ("prompt.id", "p-1")];
    let prompt = |prompt: &'static str, mail: &'static str| {
        [&[("event.name", "user_prompt"), ("prompt", prompt), ("user.email", mail)][..], &ids].concat()
    };
    let anas = prompt(PROMPT, "ana@example.com");
    let call = [&[("event.name", "tool_result"), ("tool_use_id", "toolu_2")][..], &ids].concat();
    talk.logs(CLIENTS, Some("ana"), &[&anas, &call]).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    for mail in ["ben@example.com", ""] {
        talk.logs(CLIENTS, None, &[&prompt("forged by ben", mail)]).await;
    }
    for opening in talk.openings() {
        assert_eq!((opening.prompt.grade.as_str(), talk.late(&opening).len()), ("P2", 0));
        assert_eq!(opening.prompt.text.as_deref(), Some(PROMPT));
    }
    talk.house.verifies();
}

#[tokio::test]
async fn what_names_no_subject_is_tied_by_its_mailbox_alone() {
    let talk = Talk::new().await;
    talk.spans(CLIENTS, None, &[used("toolu_1", "ana@example.com"), used("toolu_2", "")]).await;
    let forged = [asked("forged by ben", "ben@example.com"), asked("forged by nobody", "")];
    talk.spans(CLIENTS, None, &forged).await;
    talk.spans(CLIENTS, None, &[asked(PROMPT, "Ana@example.com")]).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    let openings = talk.openings();
    let known: Vec<_> = openings
        .iter()
        .map(|opening| (opening.prompt.grade.as_str(), opening.prompt.text.as_deref()))
        .collect();
    assert_eq!(known, [("P2", Some(PROMPT)), ("P0", None)]);
}

#[tokio::test]
async fn of_several_prompts_in_one_trace_each_call_has_its_own() {
    let talk = Talk::new().await;
    let ids = ["00000000000000a1", "00000000000000a2", "00000000000000a3"];
    let prompts = ["question 1", "question 2", "question 3"];
    for (number, (id, prompt)) in (0..).zip(ids.into_iter().zip(prompts)) {
        let (begun, tool_use) = (number * 100, format!("toolu_{number}"));
        let call = |place| span("tool", Some(place), &[("tool_use_id", tool_use.as_str())]);
        // The last lies in a span that its export does not tell: its time tells.
        let parent = if number == 2 { "00000000000000ff" } else { id };
        talk.run("ana", Some(&tool_use), customers::SQL).await;
        talk.spans(ANAS, None, &[call(("00000000000000b1", parent, begun + 5, begun + 6))]).await;
        let asked = span(
            "interaction",
            Some((id, "00000000000000ee", begun, begun + 50)),
            &[("user_prompt", prompt)],
        );
        talk.spans(ANAS, None, &[asked]).await;
    }
    // A subagent's call lies in the tool use of its caller.
    let outer = span("tool", Some(("00000000000000c1", ids[0], 10, 20)), &[("tool_name", "Task")]);
    let inner =
        span("tool", Some(("00000000000000c2", "00000000000000c1", 11, 12)), &[("tool_use_id", "toolu_3")]);
    talk.spans(ANAS, None, &[inner, outer]).await;
    talk.run("ana", Some("toolu_3"), customers::SQL).await;
    let openings = talk.openings();
    for (opening, prompt) in openings.iter().zip(prompts) {
        let late = talk.late(opening);
        let last = late.last().unwrap();
        assert_eq!((last.grade.as_str(), last.text.as_deref()), ("P2", Some(prompt)), "{late:?}");
        assert!(late.iter().all(|late| late.findings.is_empty()), "{late:?}");
    }
    let last = &openings[3].prompt;
    assert_eq!((last.grade.as_str(), last.text.as_deref()), ("P2", Some("question 1")));
    talk.house.verifies();
}

#[tokio::test]
async fn a_call_before_whose_prompt_is_told_has_not_the_one_before() {
    let talk = Talk::new().await;
    let asked = span(
        "interaction",
        Some(("00000000000000a1", "00000000000000ee", 0, 50)),
        &[("user_prompt", PROMPT)],
    );
    let call =
        span("tool", Some(("00000000000000b1", "00000000000000a2", 60, 61)), &[("tool_use_id", "toolu_1")]);
    talk.spans(ANAS, None, &[asked, call]).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P0", "P0");
    let asked = span(
        "interaction",
        Some(("00000000000000a2", "00000000000000ee", 55, 90)),
        &[("user_prompt", "and now?")],
    );
    talk.spans(ANAS, None, &[asked]).await;
    talk.is_known("P0", "P2");
    // Where nothing tells which of two it is, none is known for sure.
    talk.spans(ANAS, None, &[span("tool", None, &[("tool_use_id", "toolu_2")])]).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    let torn = talk.openings().pop().unwrap();
    assert_eq!((torn.prompt.grade.as_str(), torn.prompt.witnesses[0].torn), ("P1", true));
}

#[tokio::test]
async fn a_recorded_contradiction_stands_when_its_channel_has_forgotten_it() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.provider(PROMPT, "toolu_1", customers::SQL).await;
    talk.telemetry("delete all orders", "toolu_1").await;
    let half_a_day = Duration::from_secs(13 * 60 * 60);
    talk.house.time.turn(half_a_day);
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
    talk.house.time.turn(half_a_day);
    let ids = [("session.id", "s-2"), ("prompt.id", "p-2")];
    let prompt = [&[("event.name", "user_prompt"), ("prompt", PROMPT)][..], &ids].concat();
    let call = [&[("event.name", "tool_result"), ("tool_use_id", "toolu_1")][..], &ids].concat();
    talk.logs(ANAS, None, &[&prompt, &call]).await;
    assert_eq!(talk.last(), ("P1".to_owned(), vec!["prompt_mismatch".to_owned()]));
    talk.house.verifies();
}

#[tokio::test]
async fn no_surer_tie_takes_a_recorded_contradiction_back() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.spans(ANAS, None, &[asked("delete all orders", "")]).await;
    let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL },
        "_meta": { "claudecode/toolUseId": "toolu_1" } });
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    talk.tool("ana", params, &[("traceparent", parent.as_str())]).await;
    talk.is_known("P1", "P1");
    talk.telemetry(PROMPT, "toolu_1").await;
    assert_eq!(talk.last(), ("P1".to_owned(), vec!["prompt_mismatch".to_owned()]));
    talk.house.verifies();
}

#[tokio::test]
async fn a_tool_use_that_its_channel_puts_into_two_prompts_has_both() {
    let talk = Talk::new().await;
    let asked = |id: &str, begun: u64, prompt: &str| {
        span("interaction", Some((id, "00000000000000ee", begun, begun + 50)), &[("user_prompt", prompt)])
    };
    let call =
        |id, parent, begun| span("tool", Some((id, parent, begun, begun + 1)), &[("tool_use_id", "toolu_1")]);
    let (one, two) = ("00000000000000a1", "00000000000000a2");
    let spans = [
        asked(one, 0, "one"),
        asked(two, 100, "two"),
        call("00000000000000b1", one, 5),
        call("00000000000000b2", two, 105),
    ];
    talk.spans(ANAS, None, &spans).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
    assert!(talk.opening().prompt.witnesses[0].torn);
}

#[tokio::test]
async fn no_span_of_somebody_else_moves_a_call_into_another_prompt() {
    let talk = Talk::new().await;
    let (one, two, model) = ("00000000000000a1", "00000000000000a2", "00000000000000c1");
    let asked = |id: &str, begun: u64, prompt: &str| {
        span("interaction", Some((id, "00000000000000ee", begun, begun + 50)), &[("user_prompt", prompt)])
    };
    let anas = [
        asked(one, 0, "one"),
        asked(two, 100, "two"),
        span("llm_request", Some((model, two, 101, 103)), &[]),
        span("tool", Some(("00000000000000b1", model, 105, 106)), &[("tool_use_id", "toolu_1")]),
    ];
    let mut bens = span("x", Some((model, one, 101, 103)), &[]);
    for trace in ["1af7651916cd43dd8448eb211c80319c", TRACE] {
        bens["traceId"] = json!(trace);
        let of = |subject: &str, spans: &[Value]| {
            json!({ "resource": { "attributes": [text("snowgate.subject", subject)] },
                "scopeSpans": [{ "spans": spans }] })
        };
        let body = json!({ "resourceSpans": [of("ana", &anas), of("ben", &[bens.clone()])] });
        Talk::took(&talk.send(CLIENTS, "/otlp/v1/traces", &body).await);
    }
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P2", "P2");
    assert_eq!(talk.opening().prompt.text.as_deref(), Some("two"));
}
