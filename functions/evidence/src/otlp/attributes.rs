//! The attributes that are read, by the names of their conventions; all others are passed over.

use std::collections::BTreeMap;

/// Whose a resource is, where the operator says so (`OTEL_RESOURCE_ATTRIBUTES=snowgate.subject=…`).
pub(super) const SUBJECT: &str = "snowgate.subject";
/// Claude Code, "Monitoring".
pub(super) const EMAIL: &str = "user.email";
pub(super) const EVENT: &str = "event.name";
pub(super) const SESSION: &str = "session.id";
pub(super) const PROMPT_ID: &str = "prompt.id";
pub(super) const PROMPT: &str = "prompt";
pub(super) const USER_PROMPT: &str = "user_prompt";
pub(super) const TOOL_USE: &str = "tool_use_id";
pub(super) const TOOL: &str = "tool_name";
pub(super) const TOOL_PARAMETERS: &str = "tool_parameters";
/// Whether a tool use was let happen: of `tool_decision`, and of `tool_result`.
pub(super) const DECISION: &str = "decision";
pub(super) const DECISION_TYPE: &str = "decision_type";
/// OpenTelemetry's conventions for generative AI.
pub(super) const CALL: &str = "gen_ai.tool.call.id";
pub(super) const INPUT: &str = "gen_ai.input.messages";
pub(super) const OUTPUT: &str = "gen_ai.output.messages";

const KNOWN: [&str; 15] = [
    SUBJECT,
    EMAIL,
    EVENT,
    SESSION,
    PROMPT_ID,
    PROMPT,
    USER_PROMPT,
    TOOL_USE,
    TOOL,
    TOOL_PARAMETERS,
    DECISION,
    DECISION_TYPE,
    CALL,
    INPUT,
    OUTPUT,
];

/// Attributes by name: texts as they are, anything else as JSON.
#[derive(Default)]
pub(super) struct Attributes(BTreeMap<&'static str, String>);

impl Attributes {
    /// The name as it is kept; none for one that is passed over.
    pub fn known(name: &str) -> Option<&'static str> {
        KNOWN.into_iter().find(|known| *known == name)
    }

    /// Sets one; the first of a name stays.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.0.entry(name).or_insert(value);
    }

    /// The value of that name; an empty one is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}
