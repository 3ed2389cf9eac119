//! What of evidence cannot be read, is too much, or is another's: it is left out and counted, or marked in the record, and never lost
//! without a word.

use std::sync::atomic::Ordering;

use gateway::Gateway;
use serde_json::{Value, json};

use crate::chaos::Chaos;
use crate::evidence::{HOOKS, PROMPT, Talk, router};
use crate::house::customers;

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// What a model received and produced, as its provider exports it; either as it stands.
fn span(input: &str, output: &str, resource: &[Value]) -> Value {
    let attributes = [text("gen_ai.input.messages", input), text("gen_ai.output.messages", output)];
    json!({ "resourceSpans": [{ "resource": { "attributes": resource },
        "scopeSpans": [{ "spans": [{ "name": "chat", "attributes": attributes }] }] }] })
}

fn said(prompt: &str) -> String {
    json!([{ "role": "user", "content": prompt }]).to_string()
}

fn used(tool_use: &str) -> Value {
    json!({ "type": "tool_use", "id": tool_use, "name": "mcp__snowgate__run_sql", "input": { "statement": customers::SQL } })
}

fn produced(parts: &[Value]) -> String {
    json!([{ "role": "assistant", "content": parts }]).to_string()
}

impl Talk {
    /// Exports spans; how many were left out.
    async fn left_out(&self, secret: &str, body: &Value) -> u64 {
        let answered = self.send(secret, "/otlp/v1/traces", body).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        let counted = &answered.json()["partialSuccess"]["rejectedSpans"];
        counted.as_str().map_or(0, |count| count.parse().unwrap())
    }
}

#[tokio::test]
async fn a_channel_of_one_subject_takes_no_other_mailboxs_export_for_that_subjects() {
    let talk = Talk::new().await;
    let export =
        |mail: &str| span(&said("forged by ben"), &produced(&[used("toolu_1")]), &[text("user.email", mail)]);
    let mailed = "secret-of-mailed";
    assert_eq!(talk.left_out(mailed, &export("ben@example.com")).await, 1);
    assert_eq!(talk.left_out(mailed, &export("Ana@example.com")).await, 0);
    assert_eq!(talk.left_out(mailed, &span(&said(PROMPT), &produced(&[used("toolu_2")]), &[])).await, 0);
}

#[tokio::test]
async fn a_prompt_that_its_provider_tells_cut_off_is_a_mark_on_the_record_and_keeps_it_from_p3() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", "forged").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.telemetry("forged", "toolu_1").await;
    // As an exporter cuts long attributes.
    let whole = said("what the person really said");
    let cut = span(&whole[..whole.len() - 9], &produced(&[used("toolu_1")]), &[]);
    assert_eq!(talk.left_out("secret-of-claude", &cut).await, 0);
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P2", "P2");
    let opening = talk.opening();
    let provider = opening.prompt.witnesses.iter().find(|witness| witness.kind == "provider").unwrap();
    assert!(provider.unread && provider.prompt.is_none() && provider.statement == "same", "{provider:?}");
    let found: Vec<String> = talk.house.closing().findings.into_iter().map(|finding| finding.what).collect();
    assert_eq!(found, ["prompt_unread"]);
    // The same when it comes late; and it stays, whatever is told then.
    talk.tool_use(HOOKS, "p-1", "toolu_2", customers::SQL).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    let cut = span("[", &produced(&[used("toolu_2")]), &[]);
    assert_eq!(talk.left_out("secret-of-claude", &cut).await, 0);
    talk.provider("forged", "toolu_2", customers::SQL).await;
    let late = talk.late(&talk.openings().pop().unwrap()).pop().unwrap();
    let found: Vec<&str> = late.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!((late.grade.as_str(), found), ("P2", vec!["prompt_unread"]));
    talk.house.verifies();
}

#[tokio::test]
async fn what_a_model_produced_and_cannot_be_read_is_counted_and_the_rest_of_it_contradicts() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", "forged").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    let really = said("what the person really said");
    let parts = [json!({ "type": "tool_use", "id": 7, "name": "run_sql" }), used("toolu_1")];
    assert_eq!(talk.left_out("secret-of-claude", &span(&really, &produced(&parts), &[])).await, 1);
    let whole = produced(&[used("toolu_1")]);
    assert_eq!(talk.left_out("secret-of-claude", &span(&really, &whole[..40], &[])).await, 1);
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
}

#[tokio::test]
async fn however_many_tool_uses_a_model_produces_at_once_its_provider_contradicts() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", "forged").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    let mut parts: Vec<Value> = (0..200).map(|number| used(&format!("toolu_more_{number}"))).collect();
    parts.push(used("toolu_1"));
    let export = span(&said("what the person really said"), &produced(&parts), &[]);
    assert_eq!(talk.left_out("secret-of-claude", &export).await, 0);
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
}

#[tokio::test]
async fn no_number_of_tellings_of_one_prompt_hides_another() {
    let talk = Talk::new().await;
    // Under one prompt's id: the same words with their lines ended otherwise each time. All of a turn stand in the record.
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    for number in 0..40 {
        let ends = (0..6).map(|bit| if number >> bit & 1 == 1 { "\r\n" } else { "\n" });
        talk.prompt(HOOKS, "p-1", &format!("forged{}prompt", ends.collect::<String>())).await;
    }
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    let turn = talk.opening().prompt;
    let told = turn.text.unwrap();
    assert!(told.contains(PROMPT) && told.contains("forged"), "{told}");
    assert_eq!(turn.grade, "P2");
    // By many prompts' ids.
    talk.prompt(HOOKS, "p-2", PROMPT).await;
    talk.tool_use(HOOKS, "p-2", "toolu_2", customers::SQL).await;
    for number in 0..6 {
        let prompt_id = format!("p-2-{number}");
        talk.prompt(HOOKS, &prompt_id, "forged").await;
        talk.tool_use(HOOKS, &prompt_id, "toolu_2", customers::SQL).await;
    }
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    // By many tellings of the tool use itself, which hide that another statement was seen.
    talk.tool_use(HOOKS, "p-3", "toolu_3", "select 'weather'").await;
    talk.prompt(HOOKS, "p-3", PROMPT).await;
    for number in 0..40 {
        let hook = json!({
            "session_id": format!("s-{number}"), "prompt_id": "p-3", "hook_event_name": "PreToolUse",
            "tool_name": "mcp__snowgate__run_sql", "tool_input": { "statement": customers::SQL }, "tool_use_id": "toolu_3",
        });
        Talk::took(&talk.send(HOOKS, "/v1/hooks/claude-code", &hook).await);
    }
    talk.run("ana", Some("toolu_3"), customers::SQL).await;
    for opening in talk.openings().into_iter().skip(1) {
        // The prompt itself may be left out, too.
        assert!(["P0", "P1"].contains(&opening.prompt.grade.as_str()), "{}", opening.prompt.grade);
        assert!(opening.prompt.witnesses[0].torn, "{:?}", opening.prompt.witnesses);
    }
    assert_eq!(talk.openings().len(), 3);
    talk.house.verifies();
}

#[tokio::test]
async fn statements_under_a_word_hide_no_prompt_of_it() {
    let talk = Talk::new().await;
    let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL } });
    let tell = async |more: Value| {
        let mut body = json!({ "subject": "ana" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Talk::took(&talk.send("secret-of-app", "/v1/prompts", &body).await);
    };
    let statement = |number: i32| format!("select {number}");
    tell(json!({ "prompt": PROMPT, "evidence": "w-1" })).await;
    for number in 0..40 {
        tell(json!({ "statement": statement(number), "evidence": "w-1" })).await;
    }
    talk.tool("ana", params.clone(), &[("x-snowgate-evidence", "w-1")]).await;
    talk.is_known("P2", "P2");
    // Nor does a prompt that comes with each of them.
    tell(json!({ "prompt": PROMPT, "evidence": "w-2" })).await;
    for number in 0..40 {
        tell(json!({ "prompt": "forged", "statement": statement(number), "evidence": "w-2" })).await;
    }
    talk.tool("ana", params, &[("x-snowgate-evidence", "w-2")]).await;
    assert_eq!(talk.openings().pop().unwrap().prompt.grade, "P1");
}

#[tokio::test]
async fn what_later_evidence_may_not_find_says_so_in_its_record() {
    let Talk { house, router: _ } = Talk::new().await;
    let watched = Chaos::watching(house.ports());
    watched.is_beyond.store(true, Ordering::Relaxed);
    let router = router(Gateway::new(watched.ports(), house.settings.clone()));
    let talk = Talk { house, router };
    // A tool use is found whatever else is asked.
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P2", "P2");
    let told = json!({ "prompt": PROMPT, "evidence": "w-1", "subject": "ben" });
    Talk::took(&talk.send("secret-of-app", "/v1/prompts", &told).await);
    let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL } });
    talk.tool("ben", params, &[("x-snowgate-evidence", "w-1")]).await;
    let opening = talk.openings().pop().unwrap();
    let late = talk.late(&opening).pop().unwrap();
    assert_eq!((opening.prompt.grade.as_str(), late.grade.as_str()), ("P2", "P1"));
    assert!(late.witnesses[0].torn && late.findings[0].what == "prompt_mismatch", "{late:?}");
    talk.house.verifies();
}
