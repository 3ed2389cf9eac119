//! From log records and spans to sightings.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use domain::ChannelKind;
use gateway::{Channel, LONGEST_ID, NotTaken, Sighting, Span, SpanId, SpeaksFor, is_another_mailbox};
use serde::Deserialize;

use super::attributes::{
    Attributes, CALL, DECISION, DECISION_TYPE, EMAIL, EVENT, INPUT, OUTPUT, PROMPT, PROMPT_ID, SESSION,
    SUBJECT, TOOL, TOOL_PARAMETERS, TOOL_USE, USER_PROMPT,
};
use super::messages::{Heard, Use, Words, last_words, uses};
use super::{Gathering, Item, Signal, SpanPlace, Untold};
use crate::hooks::{Called, Tool, tool_of};

/// Spans that one export's spans lie in at most: what is beyond is told by its time.
const MOST_SPANS: usize = 16_384;

/// Spans that a tool use lies in at most, of those that are told.
const DEEPEST: usize = 16;

/// Which span of an export lies in which.
// SECURITY: one export may tell of many people, and a span's id is known to whatever its request passes: of each subject and trace
// by themselves.
#[derive(Default)]
pub(super) struct Parents {
    of: BTreeMap<Whose, BTreeMap<SpanId, Option<SpanId>>>,
    count: usize,
}

/// Whose spans of which trace.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Whose {
    /// The subject, else the mailbox.
    name: Option<String>,
    trace: Option<String>,
}

impl Whose {
    fn of(subject: Option<&String>, mail: Option<&str>, trace: Option<&String>) -> Self {
        let mail = || mail.map(str::to_ascii_lowercase);
        Self { name: subject.cloned().or_else(mail), trace: trace.cloned() }
    }
}

impl Parents {
    /// Takes in an item, where it is a client's span in another. One that is told in two lies in neither.
    pub fn add(&mut self, channel: &Channel, resource: &Attributes, item: &Item) {
        let (Some(span), Some(parent)) = (item.place.span, item.place.parent) else { return };
        if !item.name.starts_with("claude_code.") {
            return;
        }
        let Ok(subject) = subject(channel, resource, &item.attributes) else { return };
        let mail = item.attributes.get(EMAIL).or_else(|| resource.get(EMAIL));
        let is_long = |name: &str| name.len() > LONGEST_ID;
        if subject.as_deref().is_some_and(is_long) || mail.is_some_and(is_long) {
            return;
        }
        let whose = Whose::of(subject.as_ref(), mail, item.trace.as_ref());
        if let Some(known) = self.of.get_mut(&whose).and_then(|spans| spans.get_mut(&span)) {
            *known = known.filter(|known| *known == parent);
        } else if self.count < MOST_SPANS {
            self.of.entry(whose).or_default().insert(span, Some(parent));
            self.count += 1;
        }
    }

    /// The spans that something lies in, the nearest first.
    fn above(&self, whose: &Whose, parent: Option<SpanId>) -> Vec<SpanId> {
        let spans = self.of.get(whose);
        let parent_of = |span: &SpanId| spans?.get(span).copied().flatten();
        std::iter::successors(parent, parent_of).take(DEEPEST).collect()
    }
}

/// Adds what one item tells.
///
/// # Errors
/// [`Untold`] when not all of it can be taken.
pub(super) fn sightings(
    resource: &Attributes,
    item: Item,
    (signal, lies_in): (Signal, &Parents),
    channel: &Channel,
    into: &mut Gathering<'_>,
) -> Result<(), Untold> {
    let Item { name, trace, attributes, place, is_wrong } = item;
    if is_wrong {
        return Err(Untold::LeftOut);
    }
    // What is said once of a resource is told with each of its items.
    // SECURITY: so it is short, and whatever may be long is an item's own: thousands of them may share one resource.
    let shared = |name: &str| attributes.get(name).or_else(|| resource.get(name));
    if [EMAIL, SESSION].into_iter().filter_map(shared).any(|text| text.len() > LONGEST_ID) {
        return Err(Untold::LeftOut);
    }
    let get = |name: &str| attributes.get(name).map(str::to_owned);
    let (mail, session) = (shared(EMAIL).map(str::to_owned), shared(SESSION).map(str::to_owned));
    let subject = subject(channel, resource, &attributes)?;
    let base = Sighting { subject, mail, trace, ..Sighting::default() };
    // SECURITY: before any of it is told again for each tool use.
    if channel.accepts(&base) == Err(NotTaken::TooLong) {
        return Err(Untold::LeftOut);
    }
    if attributes.get(OUTPUT).is_some() || attributes.get(INPUT).is_some() {
        return of_messages(&attributes, base, into);
    }
    // The provider tells of messages alone: what else comes over its channel is no account of what the model saw.
    if channel.kind == ChannelKind::Provider {
        return Ok(());
    }
    let event = attributes.get(EVENT).unwrap_or(&name);
    let event = event.strip_prefix("claude_code.").unwrap_or(event);
    let tool_use = get(TOOL_USE).or_else(|| get(CALL));
    match signal {
        Signal::Logs => {
            let base = Sighting { conversation: session, prompt_id: get(PROMPT_ID), ..base };
            match event {
                "user_prompt" => {
                    // Without the operator's leave clients tell its length alone.
                    if let Some(prompt) = get(PROMPT).filter(|prompt| prompt != "<REDACTED>") {
                        return into.push(Sighting { prompt: Some(prompt), ..base });
                    }
                }
                // What they tell of the input is cut, so it is not taken for the statement.
                "tool_result" | "tool_decision" if tool_use.is_some() => {
                    let Some(tool) = tool(&get) else { return Ok(()) };
                    // SECURITY: hooks tell of a call before the person has let it be made.
                    let mut decided =
                        [DECISION, DECISION_TYPE].into_iter().filter_map(|name| attributes.get(name));
                    let is_rejected = decided.any(|decided| decided.eq_ignore_ascii_case("reject"));
                    let (is_look, tool) = (tool == Tool::Look, full_name(&get));
                    return into.push(Sighting { tool_use, tool, is_rejected, is_look, ..base });
                }
                _ => {}
            }
        }
        Signal::Traces => {
            // The spans of one prompt are one trace; one trace may hold several prompts.
            let base = match get(PROMPT_ID) {
                Some(prompt_id) => Sighting { conversation: session, prompt_id: Some(prompt_id), ..base },
                None => Sighting { prompt_id: base.trace.clone(), ..base },
            };
            let SpanPlace { span, parent, begun, ended } = place;
            match event {
                "interaction" => {
                    if let Some(prompt) = get(USER_PROMPT).filter(|prompt| prompt != "<REDACTED>") {
                        let span = Some(Span { ids: span.into_iter().collect(), begun, ended });
                        return into.push(Sighting { prompt: Some(prompt), span, ..base });
                    }
                }
                "tool" if tool_use.is_some() => {
                    let Some(tool) = tool(&get) else { return Ok(()) };
                    let (is_look, tool) = (tool == Tool::Look, full_name(&get));
                    let whose = Whose::of(base.subject.as_ref(), base.mail.as_deref(), base.trace.as_ref());
                    let span = Some(Span { ids: lies_in.above(&whose, parent), begun, ended: None });
                    return into.push(Sighting { tool_use, tool, span, is_look, ..base });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A model's call: each use of our tool that it produced, and once what it received last of a user, which they point to.
fn of_messages(attributes: &Attributes, base: Sighting, into: &mut Gathering<'_>) -> Result<(), Untold> {
    let Some(output) = attributes.get(OUTPUT) else { return Ok(()) };
    let (mut prompt, is_prompt_unread) = match attributes.get(INPUT).map(last_words) {
        Some(Heard::Words(words)) => (Some(words), false),
        Some(Heard::Unread) => (None, true),
        Some(Heard::Nothing) | None => (None, false),
    };
    // The same words are the same prompt, whichever call received them: kept once.
    let words = prompt.as_ref().map(|Words { said, reminders, others, command }| {
        let mut hash = digest::Context::new(&digest::SHA256);
        let others = others.as_ref().map(|others| others.exact.as_str());
        for text in [Some(said.as_str()), reminders.as_deref(), others, command.as_deref()] {
            let text = text.unwrap_or_default();
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    uses(output, &mut |Use { id, tool, name, called: Called { statement, under, is_unread } }| {
        if let Some(Words { said, reminders, others, command }) = prompt.take() {
            let (subject, mail, words) = (base.subject.clone(), base.mail.clone(), words.clone());
            let said = Sighting { prompt: Some(said), reminders, others, command, ..Sighting::default() };
            into.push(Sighting { subject, mail, words, ..said })?;
        }
        into.push(Sighting {
            words: words.clone(),
            tool_use: Some(id),
            tool: Some(name),
            statement,
            under,
            is_unread,
            is_prompt_unread,
            is_look: tool == Tool::Look,
            ..base.clone()
        })
    })
}

/// What clients call every tool of MCP in place of its name.
const MCP_TOOL: &str = "mcp_tool";

/// What clients tell of a tool of MCP beside that word.
#[derive(Deserialize)]
struct Parameters {
    mcp_server_name: Option<String>,
    mcp_tool_name: Option<String>,
}

/// Which of our tools it may be: clients name a tool of MCP by `mcp_tool` and its own name among the parameters; without the
/// operator's leave by less, and then it may run.
fn tool(get: &impl Fn(&str) -> Option<String>) -> Option<Tool> {
    let Some(name) = get(TOOL) else { return Some(Tool::Run) };
    if name != MCP_TOOL {
        return tool_of(&name);
    }
    let Some(text) = get(TOOL_PARAMETERS) else { return Some(Tool::Run) };
    match serde_json::from_str(&text) {
        Ok(Parameters { mcp_tool_name: Some(name), .. }) => tool_of(&name),
        // SECURITY: of what cannot be read, it is ours if it may be.
        Ok(Parameters { mcp_tool_name: None, .. }) | Err(_) if text.contains("run_sql") => Some(Tool::Run),
        Ok(_) | Err(_) => text.contains("check_sql").then_some(Tool::Look),
    }
}

/// The tool's name as a model knows it, where it is told in full: of a tool of MCP its server stands in it, as Claude Code writes it.
fn full_name(get: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let name = get(TOOL)?;
    if name != MCP_TOOL {
        return Some(name);
    }
    let Parameters { mcp_server_name: Some(server), mcp_tool_name: Some(tool) } =
        serde_json::from_str(&get(TOOL_PARAMETERS)?).ok()?
    else {
        return None;
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    Some(format!("mcp__{}__{tool}", server.chars().map(plain).collect::<String>()))
}

/// Whose it is: as the operator says of the resource, else by the mail address where that is one whom the channel speaks for.
// SECURITY: an item's own attributes are its client's; one that names another subject than its resource, or has another's
// mailbox than the subject that it would be told of, is nobody's.
fn subject(channel: &Channel, resource: &Attributes, item: &Attributes) -> Result<Option<String>, Untold> {
    let (named, mail) = (resource.get(SUBJECT), item.get(EMAIL).or_else(|| resource.get(EMAIL)));
    if named.is_some_and(|named| named.len() > LONGEST_ID) {
        return Err(Untold::LeftOut);
    }
    if item.get(SUBJECT).is_some_and(|said| named != Some(said)) {
        return Err(Untold::LeftOut);
    }
    match (named, &channel.speaks_for) {
        (Some(named), _) if is_another_mailbox(mail, Some(named)) => Err(Untold::LeftOut),
        (Some(named), _) => Ok(Some(named.to_owned())),
        (None, SpeaksFor::Subjects(subjects)) => {
            let is_it = |subject: &&String| mail.is_some_and(|mail| mail.eq_ignore_ascii_case(subject));
            let told = subjects.iter().find(is_it).cloned();
            // Where nothing tells whose it is, it is the only one's.
            match subjects.as_slice() {
                [only] if is_another_mailbox(mail, Some(only)) => Err(Untold::LeftOut),
                _ => Ok(told),
            }
        }
        // A word that whoever is observed chose names nobody.
        (None, SpeaksFor::Anybody) => Ok(None),
    }
}
