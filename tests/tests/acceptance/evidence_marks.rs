//! What of evidence cannot be read, is too much, or is another's: it is left out and counted, or marked in the record, and never lost
//! without a word.

use serde_json::{Value, json};

use crate::evidence::{PROMPT, Talk};
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
