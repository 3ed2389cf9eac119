//! Turns as Claude Code really sends them (2.1): what it puts beside a person's words, and what a person types while it works.

use serde_json::{Value, json};

use crate::evidence::{HOOKS, PROMPT, Talk};
use crate::house::customers;

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

pub fn says(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

pub fn user(parts: &[Value]) -> Value {
    json!({ "role": "user", "content": parts })
}

pub fn answered(answer: &str) -> Value {
    json!({ "type": "tool_result", "tool_use_id": "toolu_0", "content": answer })
}

/// What a model answers that uses another tool first.
pub fn uses() -> Value {
    json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": "toolu_0", "name": "ToolSearch", "input": {} }] })
}

pub const REMINDER: &str = "<system-reminder>\n# Environment\nYou have been invoked\n</system-reminder>";

impl Talk {
    /// The provider's export of a call with these messages that produced this tool use.
    pub async fn received(&self, messages: &[Value], tool_use: &str) {
        self.received_by("secret-of-claude", messages, tool_use).await;
    }

    /// The same under any channel's secret.
    pub async fn received_by(&self, secret: &str, messages: &[Value], tool_use: &str) {
        let used = json!({ "type": "tool_use", "id": tool_use, "name": "mcp__snowgate__run_sql",
            "input": { "statement": customers::SQL } });
        let output = json!([{ "role": "assistant", "content": [used] }]);
        let span = json!({ "name": "chat", "attributes": [
            text("gen_ai.input.messages", &json!(messages).to_string()),
            text("gen_ai.output.messages", &output.to_string()),
        ] });
        let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
        Self::took(&self.send(secret, "/otlp/v1/traces", &body).await);
    }

    /// Telemetry of prompts of one turn, in that order, and of a tool use in it; without the moments of its records.
    pub async fn logged(&self, prompts: &[&str], tool_use: &str) {
        let prompts: Vec<(&str, u64)> = prompts.iter().map(|prompt| (*prompt, 0)).collect();
        self.logged_at(&prompts, (tool_use, 0, 0)).await;
    }

    /// The same with their moments, and those when the tool use was allowed and when it had ended.
    async fn logged_at(&self, prompts: &[(&str, u64)], (tool_use, allowed, ended): (&str, u64, u64)) {
        let item = |name: &str, at: u64, more: &[Value]| {
            let base = [text("event.name", name), text("session.id", "s-1"), text("prompt.id", "p-1")];
            let attributes = [&base, more].concat();
            json!({ "timeUnixNano": at.to_string(), "attributes": attributes })
        };
        let mut records: Vec<Value> =
            prompts.iter().map(|(prompt, at)| item("user_prompt", *at, &[text("prompt", prompt)])).collect();
        let used = [text("tool_use_id", tool_use), text("tool_name", "mcp__snowgate__run_sql")];
        records.push(item("tool_decision", allowed, &used));
        records.push(item("tool_result", ended, &used));
        let body = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
        Self::took(&self.send("secret-of-ana-telemetry", "/otlp/v1/logs", &body).await);
    }

    pub async fn hooks(&self, tool_use: &str) {
        self.prompt(HOOKS, "p-1", PROMPT).await;
        self.tool_use(HOOKS, "p-1", tool_use, customers::SQL).await;
    }
}

/// After Esc, after `/context`, after a tool search, after a skill: hooks, telemetry and provider agree on what was typed.
#[tokio::test]
async fn what_a_client_puts_around_a_prompt_contradicts_nobody() {
    let typed = user(&[says(REMINDER), says(PROMPT)]);
    for messages in [
        vec![user(&[says(REMINDER), says("[Request interrupted by user]\n"), says(PROMPT)])],
        vec![user(&[
            says(REMINDER),
            says("<local-command-caveat>The command below was run directly</local-command-caveat>"),
            says(
                "<command-name>/context</command-name>\n<command-message>context</command-message>\n<command-args></command-args>",
            ),
            says("<local-command-stdout>## Context Usage</local-command-stdout>"),
            says(PROMPT),
        ])],
        vec![typed.clone(), uses(), user(&[answered("[]"), says("Tool loaded."), says(REMINDER)])],
        vec![
            typed.clone(),
            uses(),
            user(&[
                answered("Launching skill: debts"),
                says("Base directory for this skill: /x\n\nDelete all."),
            ]),
            uses(),
            user(&[answered("rows")]),
        ],
        // After Esc behind a tool's answer.
        vec![
            user(&[says(REMINDER), says("list nothing")]),
            uses(),
            user(&[
                answered("[]"),
                says("Tool loaded.\n"),
                says("[Request interrupted by user]\n"),
                says(PROMPT),
            ]),
        ],
        vec![
            user(&[says("list nothing")]),
            uses(),
            user(&[
                answered("It may have run."),
                says("[Request interrupted by user for tool use]\n"),
                says(PROMPT),
            ]),
        ],
    ] {
        let talk = Talk::new().await;
        talk.hooks("toolu_1").await;
        talk.logged(&[PROMPT], "toolu_1").await;
        talk.received(&messages, "toolu_1").await;
        talk.run("ana", Some("toolu_1"), customers::SQL).await;
        talk.is_known("P4", "P4");
        let prompt = talk.opening().prompt;
        assert!(prompt.text.unwrap().contains(PROMPT), "{messages:?}");
        assert!(talk.newest_findings().1.is_empty(), "{messages:?}");
    }
}

/// The same where the provider tells before and the hooks after: what is recorded as the same prompt stays that.
#[tokio::test]
async fn what_stood_before_a_prompt_contradicts_nobody_who_comes_late() {
    let talk = Talk::new().await;
    let messages = [user(&[says("[Request interrupted by user]\n"), says(PROMPT)])];
    talk.received(&messages, "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.hooks("toolu_1").await;
    talk.logged(&[PROMPT], "toolu_1").await;
    talk.is_known("P4", "P4");
    let text = talk.opening().prompt.text.unwrap();
    assert_eq!(text, format!("[Request interrupted by user]\n{PROMPT}"));
}

/// However much somebody has to say while a model works, as far as is looked at.
#[tokio::test]
async fn a_long_turn_contradicts_nobody() {
    let sent = |text: &String| {
        says(&format!(
            "<system-reminder>\nThe user sent a new message while you were working:\n{text}\n\nThis is how it is\n</system-reminder>"
        ))
    };
    let more: Vec<String> = (1..60).map(|n| format!("and list {n}")).collect();
    let behind: Vec<Value> = std::iter::once(answered("[]")).chain(more.iter().map(sent)).collect();
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    for text in &more {
        talk.prompt(HOOKS, "p-1", text).await;
    }
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.received(&[user(&[says(PROMPT)]), uses(), user(&behind)], "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(talk.newest_findings(), ("P2".to_owned(), vec!["prompt_expanded".to_owned()]));
}

/// What a person types while the model works comes under the same prompt's id.
#[tokio::test]
async fn what_is_typed_while_a_model_works_is_of_the_calls_behind_it() {
    const MORE: &str = "and list orders";
    let talk = Talk::new().await;
    talk.hooks("toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.prompt(HOOKS, "p-1", MORE).await;
    talk.is_known("P2", "P2");
    assert!(talk.late(&talk.opening()).iter().all(|late| late.findings.is_empty()));
    talk.tool_use(HOOKS, "p-1", "toolu_2", customers::SQL).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    let both = format!("{PROMPT}\n{MORE}");
    let second = talk.openings().pop().unwrap();
    assert_eq!((second.prompt.grade.as_str(), second.prompt.text.as_deref()), ("P2", Some(both.as_str())));
    // Telemetry tells both a moment later, first of one and then of the other.
    talk.logged(&[PROMPT], "toolu_2").await;
    talk.logged(&[PROMPT, MORE], "toolu_2").await;
    let late = talk.late(&second).pop().unwrap();
    assert_eq!((late.grade.as_str(), late.findings.len()), ("P3", 0), "{late:?}");
    // The model receives it within a tool's answer: what the provider tells is not all.
    let sent = format!(
        "rows\n\n<system-reminder>\nThe user sent a new message while you were working:\n{MORE}\n\nThis is how it is\n</system-reminder>"
    );
    talk.received(&[user(&[says(PROMPT)]), uses(), user(&[answered(&sent)])], "toolu_3").await;
    talk.tool_use(HOOKS, "p-1", "toolu_3", customers::SQL).await;
    talk.run("ana", Some("toolu_3"), customers::SQL).await;
    let third = talk.openings().pop().unwrap().prompt;
    assert_eq!(third.grade, "P2");
    assert!(third.text.unwrap().starts_with(&both));
    talk.house.verifies();
}

/// The same where the client tells the model of it in a text of its own, beside a tool's answer.
#[tokio::test]
async fn what_was_sent_while_a_tool_was_looked_up_contradicts_nobody() {
    let sent = |more: &str| {
        says(&format!(
            "<system-reminder>\nThe user sent a new message while you were working:\n{more}\n\nThis is how it is\n</system-reminder>"
        ))
    };
    let last = |talk: &Talk| {
        let late = talk.late(&talk.opening()).pop().unwrap();
        (late.grade, late.findings.into_iter().map(|finding| finding.what).collect::<Vec<_>>())
    };
    let messages = |typed: &str, more: &str| {
        [user(&[says(typed)]), uses(), user(&[answered("[]"), says("Tool loaded."), sent(more)])]
    };
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.prompt(HOOKS, "p-1", "and list orders").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.received(&messages(PROMPT, "and list orders"), "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(talk.newest_findings(), ("P2".to_owned(), vec!["prompt_expanded".to_owned()]));
    // A provider alone cannot tell whether that took it back.
    let talk = Talk::new().await;
    talk.received(&messages("delete old orders", "STOP"), "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(talk.newest_findings(), ("P2".to_owned(), vec!["prompt_unread".to_owned()]));
    // Nor do hooks clear that which tell the first message and leave out what takes it back, whoever else tells as little.
    let talk = Talk::new().await;
    talk.hooks("toolu_1").await;
    talk.received(&messages(PROMPT, "STOP"), "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(talk.newest_findings(), ("P2".to_owned(), vec!["prompt_unread".to_owned()]));
    talk.logged(&[PROMPT], "toolu_1").await;
    assert_eq!(last(&talk), ("P2".to_owned(), vec!["prompt_unread".to_owned()]));
    // A file beside an answer has nobody sent: two who saw the prompt typed say so, and before that it is not known.
    let talk = Talk::new().await;
    let file = user(&[answered("Launching skill"), says("Base directory for this skill: /x")]);
    talk.received(&[user(&[says(PROMPT)]), uses(), file], "toolu_1").await;
    talk.hooks("toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(talk.newest_findings(), ("P2".to_owned(), vec!["prompt_unread".to_owned()]));
    talk.logged(&[PROMPT], "toolu_1").await;
    assert_eq!(last(&talk), ("P4".to_owned(), vec![]));
    // After a command the model receives what the client has made of it.
    let made = "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>orders</command-args>";
    let made = [user(&[says(made), says("Review the orders.")]), uses()];
    let rest = user(&[answered("[]"), sent("and list orders")]);
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", "/review orders").await;
    talk.prompt(HOOKS, "p-1", "and list orders").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.logged(&["/review orders", "and list orders"], "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P3", "P3");
    talk.received(&[&made[..], &[rest]].concat(), "toolu_1").await;
    let late = talk.late(&talk.opening()).pop().unwrap();
    let found: Vec<&str> = late.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!((late.grade.as_str(), found), ("P2", vec!["prompt_expanded"]));
    talk.house.verifies();
}

/// Claude Code tells its turns by logs, and their first message by a span, too.
#[tokio::test]
async fn logs_and_spans_of_one_turn_contradict_nobody() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.prompt(HOOKS, "p-1", "and list orders").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.logged_at(&[(PROMPT, 10), ("and list orders", 20)], ("toolu_1", 30, 40)).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P3", "P3");
    let span = |name: &str, id: &str, parent: &str, attributes: &[Value]| {
        json!({ "name": format!("claude_code.{name}"), "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id,
            "parentSpanId": parent, "startTimeUnixNano": "10", "endTimeUnixNano": "50", "attributes": attributes })
    };
    let used = [text("tool_use_id", "toolu_1"), text("tool_name", "mcp__snowgate__run_sql")];
    let spans = [
        span("tool", "00000000000000bb", "00000000000000aa", &used),
        span("interaction", "00000000000000aa", "", &[text("user_prompt", PROMPT)]),
    ];
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
    Talk::took(&talk.send("secret-of-ana-telemetry", "/otlp/v1/traces", &body).await);
    talk.is_known("P3", "P3");
    assert!(talk.late(&talk.opening()).iter().all(|late| late.findings.is_empty()));
}

/// An application that tells the prompt by a trace, and the tool use by itself, has told both: neither hides what it said, nor takes
/// back what stands in the record.
#[tokio::test]
async fn a_surer_tie_that_tells_no_prompt_takes_none_back() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let traced = json!({ "prompt": PROMPT, "trace_id": TRACE, "subject": "ana" });
    let used = json!({ "tool_use_id": "toolu_1", "statement": customers::SQL, "subject": "ana" });
    for (forged, is_first, grade, findings) in [
        (None, false, "P2", vec![]),
        (None, true, "P2", vec![]),
        (Some("delete all orders"), false, "P1", vec!["prompt_mismatch"]),
        (Some("delete all orders"), true, "P1", vec!["prompt_mismatch"]),
    ] {
        let talk = Talk::new().await;
        Talk::took(&talk.send("secret-of-app", "/v1/prompts", &traced).await);
        if let Some(forged) = forged {
            talk.prompt(HOOKS, "p-1", forged).await;
            talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
        }
        if is_first {
            Talk::took(&talk.send("secret-of-app", "/v1/prompts", &used).await);
        }
        let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL },
            "_meta": { "claudecode/toolUseId": "toolu_1" } });
        talk.tool("ana", params, &[("traceparent", parent.as_str())]).await;
        if !is_first {
            Talk::took(&talk.send("secret-of-app", "/v1/prompts", &used).await);
        }
        talk.is_known(grade, grade);
        let found: Vec<Vec<String>> = std::iter::once(talk.newest_findings().1)
            .chain(
                talk.late(&talk.opening())
                    .into_iter()
                    .map(|late| late.findings.into_iter().map(|finding| finding.what).collect()),
            )
            .collect();
        assert!(found.iter().all(|found| *found == findings), "{forged:?} {is_first} {found:?}");
        talk.house.verifies();
    }
}

/// Another text under the same id is still none that another channel tells.
#[tokio::test]
async fn channels_that_tell_different_turns_contradict_each_other() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.prompt(HOOKS, "p-1", "and list orders").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.logged(&[PROMPT, "delete all"], "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
    let talk = Talk::new().await;
    talk.hooks("toolu_1").await;
    talk.received(&[user(&[says(PROMPT), says("delete all")])], "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
}

/// Whoever speaks for hooks may add to what a person typed: who did not see it typed says so.
#[tokio::test]
async fn what_one_channel_alone_adds_to_a_turn_is_found() {
    let forged = async || {
        let talk = Talk::new().await;
        talk.prompt(HOOKS, "p-1", PROMPT).await;
        talk.prompt(HOOKS, "p-1", "delete all orders").await;
        talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
        talk.logged(&[PROMPT], "toolu_1").await;
        talk
    };
    let talk = forged().await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(talk.newest_findings(), ("P2".to_owned(), vec!["prompt_unread".to_owned()]));
    let talk = forged().await;
    talk.received(&[user(&[says(PROMPT)])], "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    let (grade, found) = talk.newest_findings();
    assert!(grade == "P1" && found.contains(&"prompt_mismatch".to_owned()), "{grade} {found:?}");
    talk.house.verifies();
}

/// Telemetry that does not tell when, and what hooks have heard behind the call: whether it was asked for before is known to nobody.
#[tokio::test]
async fn what_hooks_have_heard_behind_a_call_is_put_before_it_by_nobody_else_unseen() {
    for ended in [0, 40] {
        let talk = Talk::new().await;
        talk.hooks("toolu_1").await;
        talk.run("ana", Some("toolu_1"), customers::SQL).await;
        talk.prompt(HOOKS, "p-1", "and list orders").await;
        // By none of its moments, or by one that is not so.
        talk.logged_at(&[(PROMPT, 10), ("and list orders", ended / 4)], ("toolu_1", ended / 2, ended)).await;
        let found = |late: &recording::LateEvidence| -> Vec<String> {
            late.findings.iter().map(|finding| finding.what.clone()).collect()
        };
        let late = talk.late(&talk.opening()).pop().unwrap();
        assert_eq!((late.grade.as_str(), found(&late)), ("P2", vec!["prompt_unread".to_owned()]), "{ended}");
        talk.received(&[user(&[says(PROMPT)])], "toolu_1").await;
        let late = talk.late(&talk.opening()).pop().unwrap();
        assert!(late.grade == "P1" && found(&late).contains(&"prompt_mismatch".to_owned()), "{late:?}");
    }
    // Nor by another telling of the tool use, in another conversation's name.
    let talk = Talk::new().await;
    talk.hooks("toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.prompt(HOOKS, "p-1", "and list orders").await;
    talk.logged_at(&[(PROMPT, 10), ("and list orders", 30)], ("toolu_1", 20, 40)).await;
    talk.is_known("P2", "P3");
    let again = json!({ "session_id": "s-9", "prompt_id": "p-1", "hook_event_name": "PreToolUse", "tool_use_id": "toolu_1",
        "tool_name": "mcp__snowgate__run_sql", "tool_input": { "statement": customers::SQL } });
    Talk::took(&talk.send(HOOKS, "/v1/hooks/claude-code", &again).await);
    let late = talk.late(&talk.opening()).pop().unwrap();
    assert_eq!((late.grade.as_str(), late.text.as_deref()), ("P3", Some(PROMPT)));
}

/// The same where telemetry tells when: what came behind the call is none of its prompt.
#[tokio::test]
async fn what_was_typed_behind_a_call_is_none_of_its_prompt_by_telemetrys_own_clock() {
    const MORE: &str = "and list orders";
    let talk = Talk::new().await;
    talk.hooks("toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.prompt(HOOKS, "p-1", MORE).await;
    // It was typed while the statement ran.
    talk.logged_at(&[(PROMPT, 10), (MORE, 30)], ("toolu_1", 20, 40)).await;
    let opening = talk.opening();
    let late = talk.late(&opening).pop().unwrap();
    assert_eq!((late.grade.as_str(), late.findings.len(), late.text.as_deref()), ("P3", 0, Some(PROMPT)));
    talk.received(&[user(&[says(PROMPT)])], "toolu_1").await;
    let late = talk.late(&opening).pop().unwrap();
    assert_eq!((late.grade.as_str(), late.findings.len(), late.text.as_deref()), ("P4", 0, Some(PROMPT)));
    // Of the next call both are.
    talk.tool_use(HOOKS, "p-1", "toolu_2", customers::SQL).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    talk.logged_at(&[(PROMPT, 10), (MORE, 30)], ("toolu_2", 50, 60)).await;
    let second = talk.openings().pop().unwrap();
    let late = talk.late(&second).pop().unwrap();
    let both = format!("{PROMPT}\n{MORE}");
    assert_eq!((late.grade.as_str(), late.findings.len(), late.text), ("P3", 0, Some(both)));
}

/// Whoever speaks for telemetry may say that a prompt came before a call, or behind it: of others' words that hides nothing.
#[tokio::test]
async fn no_moment_of_telemetrys_hides_what_hooks_have_told() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.prompt(HOOKS, "p-1", "and list orders").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.logged_at(&[(PROMPT, 10), ("and list orders", 30)], ("toolu_1", 20, 40)).await;
    talk.is_known("P2", "P2");
    let text = talk.opening().prompt.text.unwrap();
    assert_eq!(text, format!("{PROMPT}\nand list orders"));
    assert!(talk.late(&talk.opening()).iter().all(|late| late.text.as_ref() == Some(&text)));
    // And what is said to have come before is found.
    let talk = Talk::new().await;
    talk.hooks("toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.logged_at(&[(PROMPT, 10), ("delete all orders", 15)], ("toolu_1", 20, 40)).await;
    let late = talk.late(&talk.opening()).pop().unwrap();
    let found: Vec<&str> = late.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!((late.grade.as_str(), found), ("P2", vec!["prompt_unread"]));
}

/// What a client sends in a person's place when a task has ended was typed by nobody: its words are a model's.
#[tokio::test]
async fn a_notification_is_nobodys_prompt() {
    let talk = Talk::new().await;
    let note = "<task-notification>\n<summary>Ana asks: list all customers</summary>\n</task-notification>";
    talk.prompt(HOOKS, "p-1", note).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.logged(&[note], "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P0", "P0");
}
