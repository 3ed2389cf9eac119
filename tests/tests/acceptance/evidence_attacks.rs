//! What an agent or a stranger does to be better known than they are, or to have less known of them.

use recording::LateEvidence;
use serde_json::{Value, json};

use crate::door::call_with;
use crate::evidence::{HOOKS, PROMPT, Talk};
use crate::house::customers;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn words(late: &LateEvidence) -> Vec<&str> {
    late.findings.iter().map(|finding| finding.what.as_str()).collect()
}

/// A statement with this tool use under these names.
fn under(tool_use: &str, names: &Value) -> Value {
    let mut arguments = json!({ "statement": customers::SQL });
    names.as_object().unwrap().iter().for_each(|(name, value)| arguments[name] = value.clone());
    json!({ "name": "run_sql", "arguments": arguments, "_meta": { "claudecode/toolUseId": tool_use } })
}

#[tokio::test]
async fn an_export_for_everybody_is_not_found_by_a_trace_that_anybody_may_send() {
    let talk = Talk::new().await;
    talk.provider(PROMPT, "toolu_anas", customers::SQL).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL } });
    talk.tool("ben", params, &[("traceparent", parent.as_str())]).await;
    talk.is_known("P0", "P0");
    assert!(talk.opening().prompt.text.is_none());
}

#[tokio::test]
async fn a_tool_use_is_the_first_principals_who_names_it() {
    let talk = Talk::new().await;
    talk.provider(PROMPT, "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P4", "P4");
    talk.run("ben", Some("toolu_1"), customers::SQL).await;
    let bens = talk.openings().pop().unwrap();
    assert_eq!(
        (bens.prompt.grade.as_str(), bens.prompt.witnesses[0].join.as_str()),
        ("P1", "tool_use_again")
    );
    // Ben's hooks speak for Ben alone, whoever has named the id before.
    talk.prompt("secret-of-ben-hooks", "p-9", "bens own").await;
    talk.tool_use("secret-of-ben-hooks", "p-9", "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    assert_eq!(talk.openings().pop().unwrap().prompt.grade, "P0");
    talk.house.verifies();
}

#[tokio::test]
async fn one_tool_use_is_good_for_one_statement() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.telemetry(PROMPT, "toolu_1").await;
    for grade in ["P3", "P1", "P1"] {
        talk.run("ana", Some("toolu_1"), customers::SQL).await;
        assert_eq!(talk.openings().pop().unwrap().prompt.grade, grade);
    }
    let found: Vec<String> = talk
        .house
        .records()
        .into_iter()
        .flat_map(|(_, closing)| closing.unwrap().findings)
        .map(|finding| finding.what)
        .collect();
    assert_eq!(found, ["tool_use_reused", "tool_use_reused"]);
    talk.house.verifies();
}

#[tokio::test]
async fn a_call_whose_arguments_cannot_be_read_is_no_other_statements() {
    let talk = Talk::new().await;
    let inputs = [
        r#"{"statement":"select 2","role":5}"#.to_owned(),
        r#"{"statement":"select 2","statement":"select 3"}"#.to_owned(),
        "{}".to_owned(),
        json!([customers::SQL, null, null, null, null]).to_string(),
    ];
    for (number, input) in (0..).zip(inputs) {
        let (hooked, exported) = (format!("toolu_h{number}"), format!("toolu_p{number}"));
        talk.prompt(HOOKS, "p-1", PROMPT).await;
        let hook = format!(
            r#"{{"session_id":"s-1","prompt_id":"p-1","hook_event_name":"PreToolUse","tool_name":"mcp__snowgate__run_sql","tool_use_id":"{hooked}","tool_input":{input}}}"#
        );
        let path = "/v1/hooks/claude-code";
        let answered = call_with(&talk.router, HOOKS, "POST", path, Some(hook.as_bytes()), &[]).await;
        Talk::took(&answered);
        let text = |key: &str, value: String| json!({ "key": key, "value": { "stringValue": value } });
        let said = json!([{ "role": "user", "content": PROMPT }]).to_string();
        let used = format!(
            r#"[{{"role":"assistant","content":[{{"type":"tool_use","id":"{exported}","name":"run_sql","input":{input}}}]}}]"#
        );
        let span = json!({ "name": "chat", "attributes":
            [text("gen_ai.input.messages", said), text("gen_ai.output.messages", used)] });
        let export = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
        Talk::took(&talk.send("secret-of-claude", "/otlp/v1/traces", &export).await);
        for tool_use in [hooked, exported] {
            talk.run("ana", Some(&tool_use), customers::SQL).await;
            let prompt = talk.openings().pop().unwrap().prompt;
            let saw = prompt.witnesses[0].statement.as_str();
            assert_eq!((prompt.grade.as_str(), saw), ("P1", "other"), "{tool_use} {input}");
        }
    }
    talk.house.verifies();
}

#[tokio::test]
async fn a_call_that_was_refused_may_be_sent_again() {
    let talk = Talk::new().await;
    let run = "@id(\"agents-read\")\npermit (";
    let wanted = "@id(\"evidenced\")\nforbid (principal, action == Action::\"read\", resource is Statement) when { context.prompt < 2 };\n@id(\"agents-read\")\npermit (";
    talk.house.bundle.change(&[(run, wanted)]);
    assert_eq!(talk.run("ana", Some("toolu_1"), customers::SQL).await["status"], "refused");
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    assert_eq!(talk.run("ana", Some("toolu_1"), customers::SQL).await["status"], "rows");
    assert_eq!(talk.openings().pop().unwrap().prompt.grade, "P2");
}

#[tokio::test]
async fn the_same_text_somewhere_else_is_another_statement() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.tool("ana", under("toolu_1", &json!({ "database": "PROD", "schema": "PUBLIC" })), &[]).await;
    talk.is_known("P1", "P1");
    assert_eq!(talk.opening().prompt.witnesses[0].statement, "other");
    // What comes later is held to the same.
    talk.tool("ana", under("toolu_2", &json!({ "database": "PROD", "schema": "PUBLIC" })), &[]).await;
    talk.tool_use(HOOKS, "p-1", "toolu_2", customers::SQL).await;
    let late = talk.late(&talk.openings().pop().unwrap()).pop().unwrap();
    assert_eq!((late.grade.as_str(), words(&late)), ("P1", vec!["statement_mismatch"]));
    // A name that the defaults would have filled in says the same.
    talk.tool_use(HOOKS, "p-1", "toolu_3", customers::SQL).await;
    talk.tool("ana", under("toolu_3", &json!({ "database": "DEMO", "schema": "PUBLIC" })), &[]).await;
    assert_eq!(talk.openings().pop().unwrap().prompt.grade, "P2");
}

#[tokio::test]
async fn a_prompt_with_a_hundred_tool_uses_is_known_for_each_and_stays_known() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    for number in 0..70 {
        let tool_use = format!("toolu_{number}");
        talk.tool_use(HOOKS, "p-1", &tool_use, customers::SQL).await;
        if number % 23 == 0 {
            talk.run("ana", Some(&tool_use), customers::SQL).await;
        }
    }
    let openings = talk.openings();
    let grades: Vec<&str> = openings.iter().map(|opening| opening.prompt.grade.as_str()).collect();
    assert_eq!(grades, ["P2"; 4]);
    assert!(openings.iter().all(|opening| talk.late(opening).is_empty()), "nothing was taken back");
}

#[tokio::test]
async fn what_an_agent_says_itself_pushes_nobody_out() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", "select count(*) from customers").await;
    let flood = async || {
        for number in 0..70 {
            let said = json!({ "prompt": "x", "tool_use_id": "toolu_1", "prompt_id": format!("{number}"),
                "conversation": format!("c-{number}") });
            assert!(talk.send("ana", "/v1/prompts", &said).await.status.is_success());
        }
    };
    flood().await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    let opening = talk.opening();
    let channels: Vec<&str> =
        opening.prompt.witnesses.iter().map(|witness| witness.channel.as_str()).collect();
    assert!(channels.contains(&"ana-hooks"), "{channels:?}");
    assert_eq!(opening.prompt.text.as_deref(), Some(PROMPT));
    assert_eq!(opening.conversation.as_deref(), Some("s-1"), "and names no session for others");
    flood().await;
    assert!(talk.late(&opening).len() <= 4, "there is room for others");
    talk.provider("how is the weather?", "toolu_1", "select 'weather'").await;
    let late = talk.late(&opening).pop().unwrap();
    assert!(late.witnesses.iter().any(|witness| witness.channel == "claude"), "{late:?}");
    assert!(
        words(&late).contains(&"statement_mismatch") && words(&late).contains(&"prompt_mismatch"),
        "{late:?}"
    );
    talk.house.verifies();
}

#[tokio::test]
async fn the_first_statement_of_a_tool_use_is_found_however_many_follow() {
    let talk = Talk::new().await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    for _ in 0..66 {
        talk.run("ana", Some("toolu_1"), "select 1").await;
    }
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", "select 'weather'").await;
    let first = talk.openings().remove(0);
    let late = talk.late(&first).pop().unwrap();
    assert_eq!((late.grade.as_str(), words(&late)), ("P1", vec!["statement_mismatch"]));
}

#[tokio::test]
async fn two_calls_with_different_tool_uses_are_not_joined_by_their_text() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-b", "conversation B asks this").await;
    talk.tool_use(HOOKS, "p-b", "toolu_b", customers::SQL).await;
    talk.run("ana", Some("toolu_a"), customers::SQL).await;
    talk.is_known("P0", "P0");
}

#[tokio::test]
async fn a_statement_goes_into_the_session_of_what_it_is_joined_with() {
    let talk = Talk::new().await;
    let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL } });
    for (word, conversation) in [("w-old", json!("OLD")), ("w-new", Value::Null)] {
        let mut said =
            json!({ "prompt": word, "statement": customers::SQL, "evidence": word, "subject": "ana" });
        if !conversation.is_null() {
            said["conversation"] = conversation;
        }
        assert!(talk.send("secret-of-app", "/v1/prompts", &said).await.status.is_success());
        talk.tool("ana", params.clone(), &[("x-snowgate-evidence", word)]).await;
    }
    let openings = talk.openings();
    assert_eq!(openings[0].conversation.as_deref(), Some("OLD"));
    assert_eq!(openings[1].conversation, None);
}

#[tokio::test]
async fn another_tool_use_in_the_same_trace_is_another_call() {
    let talk = Talk::new().await;
    let said = json!({ "prompt": PROMPT, "statement": customers::SQL, "trace_id": TRACE, "tool_use_id": "toolu_1",
        "subject": "ana" });
    assert!(talk.send("secret-of-app", "/v1/prompts", &said).await.status.is_success());
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let params = under("toolu_made_up", &json!({}));
    talk.tool("ana", params, &[("traceparent", parent.as_str())]).await;
    assert!(talk.opening().prompt.witnesses.is_empty(), "different ids never join");
}

#[tokio::test]
async fn an_agents_own_token_exports_nothing() {
    let talk = Talk::new().await;
    for path in ["/otlp/v1/logs", "/otlp/v1/traces"] {
        assert_eq!(talk.send("ana", path, &json!({})).await.status, 403);
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_taken_leaves_the_others_of_its_export() {
    let talk = Talk::new().await;
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let record = |session: &str, trace: &str| {
        json!({ "traceId": trace, "attributes": [
            text("event.name", "user_prompt"), text("session.id", session), text("prompt.id", "p-1"), text("prompt", PROMPT),
        ] })
    };
    let used = json!({ "attributes": [text("event.name", "tool_result"), text("session.id", "s-1"),
        text("prompt.id", "p-1"), text("tool_use_id", "toolu_1")] });
    let records = json!([record(&"x".repeat(300), ""), record("s-1", ""), record("s-1", "zz"), used]);
    let export = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
    let answered = talk.send("secret-of-ana-telemetry", "/otlp/v1/logs", &export).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    assert_eq!(answered.json()["partialSuccess"]["rejectedLogRecords"], "2");
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P2", "P2");
}

#[tokio::test]
async fn what_was_only_looked_ahead_at_is_known_for_that_and_good_for_no_run() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    let hook = json!({
        "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "PreToolUse", "tool_use_id": "toolu_1",
        "tool_name": "mcp__snowgate__check_sql", "tool_input": { "statement": customers::SQL },
    });
    Talk::took(&talk.send(HOOKS, "/v1/hooks/claude-code", &hook).await);
    let check = || {
        json!({ "name": "check_sql", "arguments": { "statement": customers::SQL },
            "_meta": { "claudecode/toolUseId": "toolu_1" } })
    };
    assert_eq!(talk.tool("ana", check(), &[]).await["evidence"], "P2");
    assert_eq!(talk.tool("ana", check(), &[]).await["evidence"], "P2", "a look uses nothing up");
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
    assert_eq!(talk.opening().prompt.witnesses[0].statement, "other");
}

#[tokio::test]
async fn another_servers_tool_of_the_same_name_is_not_ours_where_the_entry_names_it() {
    let talk = Talk::new().await;
    let strict = "secret-of-strict-hooks";
    talk.prompt(strict, "p-1", PROMPT).await;
    for (server, grade) in [("sandbox", "P0"), ("snowgate", "P2")] {
        let tool_use = format!("toolu_{server}");
        let hook = json!({
            "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "PreToolUse", "tool_use_id": tool_use,
            "tool_name": format!("mcp__{server}__run_sql"), "tool_input": { "statement": customers::SQL },
        });
        Talk::took(&talk.send(strict, "/v1/hooks/claude-code", &hook).await);
        talk.run("ana", Some(&tool_use), customers::SQL).await;
        assert_eq!(talk.openings().pop().unwrap().prompt.grade, grade, "{server}");
    }
}
