//! What of evidence cannot be read, is too much, or is another's: it is left out and counted, or marked in the record, and never lost
//! without a word.

use serde_json::{Value, json};

use crate::evidence::{HOOKS, PROMPT, Talk};
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
