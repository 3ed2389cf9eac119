//! From log records and spans to sightings.

use domain::ChannelKind;
use gateway::{Channel, Sighting, SpeaksFor};

use super::attributes::{
    Attributes, CALL, EMAIL, EVENT, INPUT, OUTPUT, PROMPT, PROMPT_ID, SESSION, SUBJECT, TOOL,
    TOOL_PARAMETERS, TOOL_USE, USER_PROMPT,
};
use super::messages::{last_user_text, uses};
use super::{Item, Signal};
use crate::hooks::is_ours;

/// Adds what one item tells.
pub(super) fn sightings(
    resource: &Attributes,
    item: Item,
    signal: Signal,
    channel: &Channel,
    into: &mut Vec<Sighting>,
) {
    let Item { name, trace, attributes } = item;
    let get = |name: &str| attributes.get(name).or_else(|| resource.get(name)).map(str::to_owned);
    let base = Sighting { subject: subject(channel, &get), trace, ..Sighting::default() };
    if attributes.get(OUTPUT).is_some() || attributes.get(INPUT).is_some() {
        of_messages(&attributes, base, into);
        return;
    }
    // The provider tells of messages alone: what else comes over its channel is no account of what the model saw.
    if channel.kind == ChannelKind::Provider {
        return;
    }
    let event = attributes.get(EVENT).unwrap_or(&name);
    let event = event.strip_prefix("claude_code.").unwrap_or(event);
    let tool_use = get(TOOL_USE).or_else(|| get(CALL));
    match signal {
        Signal::Logs => {
            let base = Sighting { conversation: get(SESSION), prompt_id: get(PROMPT_ID), ..base };
            match event {
                "user_prompt" => {
                    // Without the operator's leave clients tell its length alone.
                    if let Some(prompt) = get(PROMPT).filter(|prompt| prompt != "<REDACTED>") {
                        into.push(Sighting { prompt: Some(prompt), ..base });
                    }
                }
                // What they tell of the input is cut, so it is not taken for the statement.
                "tool_result" | "tool_decision" if tool_use.is_some() && may_be_ours(&get) => {
                    into.push(Sighting { tool_use, ..base });
                }
                _ => {}
            }
        }
        Signal::Traces => {
            // The spans of one prompt are one trace.
            let base = Sighting { prompt_id: base.trace.clone(), ..base };
            match event {
                "interaction" => {
                    if let Some(prompt) = get(USER_PROMPT).filter(|prompt| prompt != "<REDACTED>") {
                        into.push(Sighting { prompt: Some(prompt), ..base });
                    }
                }
                "tool" if tool_use.is_some() && may_be_ours(&get) => into.push(Sighting { tool_use, ..base }),
                _ => {}
            }
        }
    }
}

/// Uses of our tool in one answer of a model: more than any makes, and each brings the prompt along.
const MOST_USES: usize = 64;

/// A model's call: what it received last of a user, and each use of our tool that it produced.
fn of_messages(attributes: &Attributes, base: Sighting, into: &mut Vec<Sighting>) {
    let found = attributes.get(OUTPUT).map(uses).unwrap_or_default();
    if found.is_empty() {
        return;
    }
    let prompt = attributes.get(INPUT).and_then(last_user_text);
    for found in found.into_iter().take(MOST_USES) {
        into.push(Sighting {
            prompt: prompt.clone(),
            tool_use: Some(found.id),
            statement: found.statement,
            under: found.under,
            ..base.clone()
        });
    }
}

/// Clients name a tool of MCP by `mcp_tool` and its own name among the parameters; without the operator's leave by less.
fn may_be_ours(get: &impl Fn(&str) -> Option<String>) -> bool {
    match (get(TOOL), get(TOOL_PARAMETERS)) {
        (Some(name), _) if is_ours(&name) => true,
        (Some(name), Some(parameters)) if name == "mcp_tool" => parameters.contains("run_sql"),
        (Some(name), None) => name == "mcp_tool",
        (None, _) => true,
        (Some(_), Some(_)) => false,
    }
}

/// Whose it is: as the operator says, else by the mail address where that is one whom the channel speaks for.
fn subject(channel: &Channel, get: &impl Fn(&str) -> Option<String>) -> Option<String> {
    get(SUBJECT).or_else(|| match &channel.speaks_for {
        SpeaksFor::Subjects(subjects) => get(EMAIL).filter(|email| subjects.contains(email)),
        // SECURITY: a word that whoever is observed chose names nobody.
        SpeaksFor::Anybody => None,
    })
}
