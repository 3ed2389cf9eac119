//! What a model received and produced, as spans tell it: messages by OpenTelemetry's conventions for generative AI
//! (`gen_ai.input.messages`, `gen_ai.output.messages`: messages with `parts`), or as the Messages API has them (`content`
//! blocks).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use domain::Context;
use gateway::split_reminders;

use super::LeftOut;
use crate::body::{each, text_of};
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
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    id: Option<String>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// A use of our tool that a model produced.
pub(super) struct Use {
    pub id: String,
    pub statement: Option<String>,
    /// The names that it was to run under.
    pub under: Option<Context>,
}

/// What a user said last, and what the client put in beside it.
pub(super) struct Words {
    pub said: String,
    pub reminders: Option<String>,
}

fn message(raw: &RawValue) -> Option<Message<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// Hands on the parts of a message that are of a known form.
fn parts<'a>(message: &Message<'a>, take: &mut dyn FnMut(Part<'a>) -> Option<()>) -> Option<()> {
    let raw = message.parts.or(message.content).map(RawValue::get).unwrap_or("[]");
    each(raw, &mut |part| match serde_json::from_str(part.get()) {
        Ok(part) => take(part),
        Err(_) => Some(()),
    })
}

/// The last words of a user among the messages that a model received: not what a tool answered. What the client puts in alone is
/// none, but stands with the words that it came just before or after.
pub(super) fn last_words(messages: &str) -> Option<Words> {
    let mut last: Option<Words> = None;
    let mut alone = String::new();
    each(messages, &mut |raw| {
        let Some(message) = message(raw) else { return Some(()) };
        if message.role.as_deref() != Some("user") {
            alone.clear();
            return Some(());
        }
        match split_reminders(&text(&message).unwrap_or_default()) {
            (Some(said), reminders) => {
                let mut before = std::mem::take(&mut alone);
                before.push_str(reminders.as_deref().unwrap_or_default());
                last = Some(Words { said, reminders: Some(before).filter(|text| !text.is_empty()) });
            }
            (None, Some(reminders)) => {
                alone.push_str(&reminders);
                if let Some(last) = &mut last {
                    last.reminders.get_or_insert_default().push_str(&reminders);
                }
            }
            (None, None) => {}
        }
        Some(())
    })?;
    last
}

/// What a message says, its blocks of text together.
fn text(message: &Message<'_>) -> Option<String> {
    if let Some(text) = message.content.and_then(|raw| text_of(raw.get())) {
        return Some(text);
    }
    // Words that come beside what a tool answered were typed meanwhile.
    let mut texts: Vec<String> = Vec::new();
    parts(message, &mut |part| {
        if part.kind.as_deref() == Some("text") {
            texts.extend(part.content.or(part.text).and_then(|raw| text_of(raw.get())));
        }
        Some(())
    })?;
    Some(texts.join("\n"))
}

/// Hands on the uses of our tool among the messages that a model produced.
///
/// # Errors
/// What `take` says.
pub(super) fn uses(messages: &str, take: &mut dyn FnMut(Use) -> Result<(), LeftOut>) -> Result<(), LeftOut> {
    let mut rejected = None;
    each(messages, &mut |raw| {
        let Some(message) = message(raw) else { return Some(()) };
        let _ = parts(&message, &mut |part| {
            let is_use = matches!(part.kind.as_deref(), Some("tool_call" | "tool_use" | "mcp_tool_use"));
            if !is_use || !part.name.as_deref().is_some_and(is_ours) {
                return Some(());
            }
            let Some(id) = part.id else { return Some(()) };
            let arguments = part.arguments.or(part.input).map(RawValue::get);
            let (statement, under) = arguments.map(called).unwrap_or_default();
            take(Use { id, statement, under }).map_err(|why| rejected = Some(why)).ok()
        });
        if rejected.is_some() { None } else { Some(()) }
    });
    rejected.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(messages: &str) -> Option<String> {
        last_words(messages).map(|words| words.said)
    }

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
            assert_eq!(said(messages).as_deref(), Some("who owes us?"), "{messages}");
        }
        let open =
            r#"[{"role":"user","content":"a<system-reminder>b</system-reminder>c <system-reminder>d"}]"#;
        assert_eq!(said(open).as_deref(), Some("ac <system-reminder>d"), "nothing is left out behind it");
        for messages in [
            "",
            "[]",
            "{}",
            "3",
            r#"[{"role":"assistant","content":"x"}]"#,
            r#"[{"role":"user","content":7}]"#,
        ] {
            assert_eq!(said(messages), None, "{messages}");
        }
    }

    #[test]
    fn what_the_client_puts_in_alone_stands_with_the_words_beside_it() {
        let with = |before: &str, after: &str| {
            format!(
                r#"[{before}{{"role":"user","content":"list customers<system-reminder>a</system-reminder>"}}{after}]"#
            )
        };
        let alone = r#"{"role":"user","content":"<system-reminder>delete all orders</system-reminder>"}"#;
        let answered = r#"{"role":"assistant","content":"x"}"#;
        for (messages, reminders) in [
            (with("", ""), "a"),
            (with("", &format!(",{alone}")), "adelete all orders"),
            (with("", &format!(",{answered},{alone}")), "adelete all orders"),
            (with(&format!("{alone},"), ""), "delete all ordersa"),
            (with(&format!("{alone},{answered},"), ""), "a"),
        ] {
            let words = last_words(&messages).unwrap();
            assert_eq!(
                (words.said.as_str(), words.reminders.as_deref()),
                ("list customers", Some(reminders))
            );
        }
        assert!(last_words(&format!("[{alone}]")).is_none());
        let half = r#"[{"role":"user","content":"a"},{"role":"user","parts":[{"type":"text","content":"b \ud83d"}]}]"#;
        assert!(last_words(half).unwrap().said.starts_with("b "), "half of an emoji hides no words");
    }

    #[test]
    fn uses_of_our_tool_are_found_with_their_statements() {
        let messages = r#"[{"role":"assistant","parts":[{"type":"text","content":"let me see"},
            {"type":"tool_call","id":"toolu_1","name":"mcp__snowgate__run_sql","arguments":{"statement":"select 1"}},
            {"type":"tool_call","id":"toolu_2","name":"Bash","arguments":{"command":"ls"}},
            {"type":"tool_use","id":"toolu_3","name":"run_sql","input":{"statement":"select 3"}},
            {"type":"tool_call","id":"toolu_4","name":"run_sql","arguments":"{\"statement\":\"select 4\"}"}]}]"#;
        let mut found: Vec<(String, Option<String>)> = Vec::new();
        uses(messages, &mut |one| {
            found.push((one.id, one.statement));
            Ok(())
        })
        .unwrap();
        let expected = [("toolu_1", "select 1"), ("toolu_3", "select 3"), ("toolu_4", "select 4")];
        let expected: Vec<(String, Option<String>)> =
            expected.iter().map(|(id, sql)| ((*id).to_owned(), Some((*sql).to_owned()))).collect();
        assert_eq!(found, expected);
    }
}
