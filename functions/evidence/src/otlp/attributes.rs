//! The attributes that are read, by the names of their conventions; all others are passed over.

use gateway::LONGEST_ID;

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

/// Bytes of a structured value as JSON at most, as of a whole export: a byte of a text may become six.
pub(super) const LONGEST: usize = crate::LARGE;

/// Writes a text as JSON has it; false where there is no room for it, and nothing is written then.
pub(super) fn push_text(text: &str, out: &mut String) -> bool {
    let size = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    // Known before, so that it grows once, with what closes the values that it stands in.
    let size = text.bytes().map(size).fold(2, usize::saturating_add);
    if out.len().saturating_add(size) > LONGEST {
        return false;
    }
    out.reserve(size.saturating_add(size / 8));
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' => {
                let [high, low] = [u32::from(letter) >> 4, u32::from(letter) & 15];
                out.push_str("\\u00");
                out.extend([high, low].into_iter().filter_map(|digit| char::from_digit(digit, 16)));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
    true
}

/// Whether more may be written there.
pub(super) const fn has_room(out: &str) -> bool {
    out.len() <= LONGEST
}

/// Attributes by name: texts as they are, anything else as JSON. Those of an item that has none cost nothing.
#[derive(Default)]
pub(super) struct Attributes([Option<String>; KNOWN.len()]);

impl Attributes {
    /// The name as it is kept; none for one that is passed over.
    pub fn known(name: &str) -> Option<&'static str> {
        KNOWN.into_iter().find(|known| *known == name)
    }

    fn at(name: &str) -> usize {
        KNOWN.iter().position(|known| *known == name).unwrap_or(KNOWN.len())
    }

    /// Sets one; the first of a name stays.
    pub fn set(&mut self, name: &'static str, value: String) {
        if let Some(kept) = self.0.get_mut(Self::at(name)) {
            kept.get_or_insert(value);
        }
    }

    /// The value of that name; an empty one is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(Self::at(name))?.as_deref().filter(|text| !text.is_empty())
    }

    /// The value of that name, out of them.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.get_mut(Self::at(name))?.take().filter(|text| !text.is_empty())
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// What is said once of a resource and is true of each of its items.
// SECURITY: it is short, for thousands of items may share it, and nothing else of a resource is theirs.
#[derive(Clone, Default)]
pub(super) struct Resource {
    pub subject: Option<String>,
    pub mail: Option<String>,
    pub session: Option<String>,
}

impl From<Attributes> for Resource {
    /// Of what is longer than an id so much that it is still seen to be.
    fn from(attributes: Attributes) -> Self {
        let mut attributes = attributes;
        let mut short = |name| {
            let mut text = attributes.take(name)?;
            text.truncate(text.ceil_char_boundary(LONGEST_ID + 1));
            text.shrink_to_fit();
            Some(text)
        };
        Self { subject: short(SUBJECT), mail: short(EMAIL), session: short(SESSION) }
    }
}
