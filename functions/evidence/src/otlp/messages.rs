//! What a model received and produced, as spans tell it: messages by OpenTelemetry's conventions for generative AI
//! (`gen_ai.input.messages`, `gen_ai.output.messages`: messages with `parts`), or as the Messages API has them (`content`
//! blocks).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use domain::Context;

use crate::hooks::{called, is_ours};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parts: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    content: Option<Text>,
    text: Option<Text>,
    id: Option<String>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// A text; what stands there and is none counts as absent.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Text {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

/// A use of our tool that a model produced.
pub(super) struct Use {
    pub id: String,
    pub statement: Option<String>,
    /// The names that it was to run under.
    pub under: Option<Context>,
}

fn list(text: &str) -> Vec<&RawValue> {
    serde_json::from_str(text).unwrap_or_default()
}

fn message(raw: &RawValue) -> Option<Message<'_>> {
    serde_json::from_str(raw.get()).ok()
}

fn parts<'a>(message: &Message<'a>) -> Vec<Part<'a>> {
    let raw = message.parts.or(message.content).map(RawValue::get).unwrap_or_default();
    list(raw).into_iter().filter_map(|part| serde_json::from_str(part.get()).ok()).collect()
}

/// The last words of a user among the messages that a model received: not what a tool answered, and without the blocks that
/// clients put in (`<system-reminder>`), which no hook of theirs tells either.
pub(super) fn last_user_text(messages: &str) -> Option<String> {
    list(messages).into_iter().rev().find_map(|raw| {
        let message = message(raw)?;
        if message.role.as_deref() != Some("user") {
            return None;
        }
        if let Some(text) = message.content.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()) {
            return spoken(&text);
        }
        // Words that come beside what a tool answered were typed meanwhile.
        let texts: Vec<String> = parts(&message)
            .into_iter()
            .filter(|part| part.kind.as_deref() == Some("text"))
            .filter_map(|part| part.content.or(part.text)?.into_text())
            .filter_map(|text| spoken(&text))
            .collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    })
}

/// A text without what clients put into it; none when nothing is left.
fn spoken(text: &str) -> Option<String> {
    const OPEN: &str = "<system-reminder>";
    const CLOSE: &str = "</system-reminder>";
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        // SECURITY: one that does not end is no block: nothing is left out behind it.
        let Some((_, after)) = after.split_once(CLOSE) else { break };
        left.push_str(before);
        rest = after;
    }
    left.push_str(rest);
    let left = left.trim();
    (!left.is_empty()).then(|| left.to_owned())
}

/// The uses of our tool among the messages that a model produced.
pub(super) fn uses(messages: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for raw in list(messages) {
        let Some(message) = message(raw) else { continue };
        for part in parts(&message) {
            let is_use = matches!(part.kind.as_deref(), Some("tool_call" | "tool_use" | "mcp_tool_use"));
            if !is_use || !part.name.as_deref().is_some_and(is_ours) {
                continue;
            }
            let Some(id) = part.id else { continue };
            let arguments = part.arguments.or(part.input).map(RawValue::get);
            let (statement, under) = arguments.map(called).unwrap_or_default();
            found.push(Use { id, statement, under });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_the_user_are_found_in_either_form() {
        for messages in [
            r#"[{"role":"user","parts":[{"type":"text","content":"first"}]},{"role":"assistant","parts":[]},
                {"role":"user","parts":[{"type":"text","content":"who owes us?"}]},
                {"role":"tool","parts":[{"type":"tool_call_response","id":"t","response":"x"}]}]"#,
            r#"[{"role":"user","content":"who owes us?"}]"#,
            r#"[{"role":"user","content":[{"type":"text","text":"<system-reminder>be nice</system-reminder>who owes us?"}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"rows"},
                    {"type":"text","text":"<system-reminder>x</system-reminder>"}]}]"#,
            r#"[{"role":"user","content":"list customers"},{"role":"user","content":[
                {"type":"tool_result","tool_use_id":"t","content":"ok"},{"type":"text","text":"who owes us?"}]}]"#,
            r#"[{"role":"user","content":[{"type":"image","source":{}},{"type":"text","text":" who owes us? "}]}]"#,
        ] {
            assert_eq!(last_user_text(messages).as_deref(), Some("who owes us?"), "{messages}");
        }
        let open =
            r#"[{"role":"user","content":"a<system-reminder>b</system-reminder>c <system-reminder>d"}]"#;
        assert_eq!(
            last_user_text(open).as_deref(),
            Some("ac <system-reminder>d"),
            "nothing is left out behind it"
        );
        for messages in [
            "",
            "[]",
            "{}",
            "3",
            r#"[{"role":"assistant","content":"x"}]"#,
            r#"[{"role":"user","content":7}]"#,
        ] {
            assert_eq!(last_user_text(messages), None, "{messages}");
        }
    }

    #[test]
    fn uses_of_our_tool_are_found_with_their_statements() {
        let messages = r#"[{"role":"assistant","parts":[{"type":"text","content":"let me see"},
            {"type":"tool_call","id":"toolu_1","name":"mcp__snowgate__run_sql","arguments":{"statement":"select 1"}},
            {"type":"tool_call","id":"toolu_2","name":"Bash","arguments":{"command":"ls"}},
            {"type":"tool_use","id":"toolu_3","name":"run_sql","input":{"statement":"select 3"}},
            {"type":"tool_call","id":"toolu_4","name":"run_sql","arguments":"{\"statement\":\"select 4\"}"}]}]"#;
        let found: Vec<(String, Option<String>)> =
            uses(messages).into_iter().map(|found| (found.id, found.statement)).collect();
        let expected = [("toolu_1", "select 1"), ("toolu_3", "select 3"), ("toolu_4", "select 4")];
        let expected: Vec<(String, Option<String>)> =
            expected.iter().map(|(id, sql)| ((*id).to_owned(), Some((*sql).to_owned()))).collect();
        assert_eq!(found, expected);
    }
}
