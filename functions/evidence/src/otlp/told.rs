//! From log records and spans to sightings.

use std::collections::BTreeMap;

use domain::ChannelKind;
use gateway::{Channel, LONGEST_ID, Sighting, Span, SpanId, SpeaksFor, is_another_mailbox};
use serde::Deserialize;

use super::answers::Answer;
use super::attributes::{
    Attributes, CALL, DECISION, DECISION_TYPE, EMAIL, EVENT, INPUT, OUTPUT, PROMPT, PROMPT_ID, Resource,
    SESSION, SUBJECT, TOOL, TOOL_PARAMETERS, TOOL_USE, USER_PROMPT,
};
use super::{Gathering, Item, LeftOut, Signal, SpanPlace};
use crate::hooks::{Tool, tool_of};
use crate::sentences::Typed;

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
    fn of(subject: Option<&str>, mail: Option<&str>, trace: Option<&String>) -> Self {
        let mail = || mail.map(str::to_ascii_lowercase);
        Self { name: subject.map(str::to_owned).or_else(mail), trace: trace.cloned() }
    }
}

impl Parents {
    /// Takes in an item, where it is a client's span in another. One that is told in two lies in neither.
    pub fn add(&mut self, channel: &Channel, resource: &Resource, item: &Item) {
        let (Some(span), Some(parent)) = (item.place.span, item.place.parent) else { return };
        if !item.name.starts_with("claude_code.") {
            return;
        }
        let Ok(subject) = subject(channel, resource, &item.attributes) else { return };
        let mail = item.attributes.get(EMAIL).or(resource.mail.as_deref());
        let is_long = |name: &str| name.len() > LONGEST_ID;
        if subject.is_some_and(is_long) || mail.is_some_and(is_long) {
            return;
        }
        let whose = Whose::of(subject, mail, item.trace.as_ref());
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

/// Adds what one item tells; of a model's answer, which may tell of any number of things, nothing yet.
///
/// # Errors
/// [`LeftOut`] when it cannot be taken.
pub(super) fn sightings(
    resource: &Resource,
    item: Item,
    (signal, lies_in): (Signal, &Parents),
    into: &mut Gathering<'_>,
) -> Result<Option<Answer>, LeftOut> {
    let channel = into.channel;
    let Item { name, trace, mut attributes, place, is_wrong } = item;
    if is_wrong {
        return Err(LeftOut);
    }
    // What is said once of a resource is told with each of its items.
    // SECURITY: so it is short, and whatever may be long is an item's own: thousands of them may share one resource.
    let mail = attributes.get(EMAIL).or(resource.mail.as_deref());
    let session = attributes.get(SESSION).or(resource.session.as_deref());
    let subject = subject(channel, resource, &attributes)?;
    if [mail, session, subject].into_iter().flatten().any(|text| text.len() > LONGEST_ID) {
        return Err(LeftOut);
    }
    let owned = |text: Option<&str>| text.map(str::to_owned);
    // Made where there is something to tell: most items of an export tell nothing.
    let base = || Sighting {
        subject: owned(subject),
        mail: owned(mail),
        trace: trace.clone(),
        ..Sighting::default()
    };
    if attributes.get(OUTPUT).is_some() || attributes.get(INPUT).is_some() {
        // SECURITY: whoever says what a model received says what stood before and beside the words, too, which nobody else sees: on
        // a client's word that would stand in the record as well known as the words.
        if channel.kind != ChannelKind::Provider {
            return Ok(None);
        }
        let base = base();
        let (input, output) = (attributes.take(INPUT), attributes.take(OUTPUT));
        return Ok(output.map(|output| Answer::of(input, output, base)));
    }
    // The provider tells of messages alone: what else comes over its channel is no account of what the model saw.
    if channel.kind == ChannelKind::Provider {
        return Ok(None);
    }
    let get = |name: &str| attributes.get(name);
    let event = get(EVENT).unwrap_or(&name);
    let event = event.strip_prefix("claude_code.").unwrap_or(event);
    let tool_use = get(TOOL_USE).or_else(|| get(CALL));
    // Without the operator's leave clients tell its length alone.
    let told = |prompt: &&str| *prompt != "<REDACTED>" && Typed::of(prompt) != Typed::ByNobody;
    match signal {
        Signal::Logs => {
            let base = || Sighting {
                conversation: owned(session),
                prompt_id: owned(get(PROMPT_ID)),
                moment: place.begun,
                ..base()
            };
            match (event, tool_use) {
                ("user_prompt", _) => {
                    if let Some(prompt) = get(PROMPT).filter(told) {
                        let is_prompt_unread = Typed::of(prompt) == Typed::Unclear;
                        into.push(Sighting { prompt: Some(prompt.to_owned()), is_prompt_unread, ..base() })?;
                    }
                }
                // What they tell of the input is cut, so it is not taken for the statement.
                ("tool_result" | "tool_decision", Some(tool_use)) => {
                    let Some(tool) = tool(&attributes) else { return Ok(None) };
                    // SECURITY: hooks tell of a call before the person has let it be made.
                    let mut decided = [DECISION, DECISION_TYPE].into_iter().filter_map(get);
                    let is_rejected = decided.any(|decided| decided.eq_ignore_ascii_case("reject"));
                    let (is_look, tool) = (tool == Tool::Look, full_name(&attributes));
                    let tool_use = Some(tool_use.to_owned());
                    into.push(Sighting { tool_use, tool, is_rejected, is_look, ..base() })?;
                }
                _ => {}
            }
        }
        Signal::Traces => {
            // The spans of one prompt are one trace; one trace may hold several prompts.
            let base = || match get(PROMPT_ID) {
                Some(id) => {
                    Sighting { conversation: owned(session), prompt_id: Some(id.to_owned()), ..base() }
                }
                None => Sighting { prompt_id: trace.clone(), ..base() },
            };
            let SpanPlace { span, parent, begun, ended } = place;
            match (event, tool_use) {
                ("interaction", _) => {
                    if let Some(prompt) = get(USER_PROMPT).filter(told) {
                        let span = Some(Span { ids: span.into_iter().collect(), begun, ended });
                        let is_prompt_unread = Typed::of(prompt) == Typed::Unclear;
                        let prompt = Some(prompt.to_owned());
                        into.push(Sighting { prompt, span, is_prompt_unread, ..base() })?;
                    }
                }
                ("tool", Some(tool_use)) => {
                    let Some(tool) = tool(&attributes) else { return Ok(None) };
                    let (is_look, tool) = (tool == Tool::Look, full_name(&attributes));
                    let tool_use = Some(tool_use.to_owned());
                    let whose = Whose::of(subject, mail, trace.as_ref());
                    let span = Some(Span { ids: lies_in.above(&whose, parent), begun, ended: None });
                    into.push(Sighting { tool_use, tool, span, is_look, ..base() })?;
                }
                _ => {}
            }
        }
    }
    Ok(None)
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
fn tool(attributes: &Attributes) -> Option<Tool> {
    let Some(name) = attributes.get(TOOL) else { return Some(Tool::Run) };
    if name != MCP_TOOL {
        return tool_of(name);
    }
    let Some(text) = attributes.get(TOOL_PARAMETERS) else { return Some(Tool::Run) };
    match serde_json::from_str(text) {
        Ok(Parameters { mcp_tool_name: Some(name), .. }) => tool_of(&name),
        // SECURITY: of what cannot be read, it is ours if it may be.
        Ok(Parameters { mcp_tool_name: None, .. }) | Err(_) if text.contains("run_sql") => Some(Tool::Run),
        Ok(_) | Err(_) => text.contains("check_sql").then_some(Tool::Look),
    }
}

/// The tool's name as a model knows it, where it is told in full: of a tool of MCP its server stands in it, as Claude Code writes it.
fn full_name(attributes: &Attributes) -> Option<String> {
    let name = attributes.get(TOOL)?;
    if name != MCP_TOOL {
        return Some(name.to_owned());
    }
    let Parameters { mcp_server_name: Some(server), mcp_tool_name: Some(tool) } =
        serde_json::from_str(attributes.get(TOOL_PARAMETERS)?).ok()?
    else {
        return None;
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    Some(format!("mcp__{}__{tool}", server.chars().map(plain).collect::<String>()))
}

/// Whose it is: as the operator says of the resource, else by the mail address where that is one whom the channel speaks for.
// SECURITY: an item's own attributes are its client's; one that names another subject than its resource, or has another's
// mailbox than the subject that it would be told of, is nobody's.
fn subject<'a>(
    channel: &'a Channel,
    resource: &'a Resource,
    item: &Attributes,
) -> Result<Option<&'a str>, LeftOut> {
    let (named, mail) = (resource.subject.as_deref(), item.get(EMAIL).or(resource.mail.as_deref()));
    if named.is_some_and(|named| named.len() > LONGEST_ID) {
        return Err(LeftOut);
    }
    if item.get(SUBJECT).is_some_and(|said| named != Some(said)) {
        return Err(LeftOut);
    }
    match (named, &channel.speaks_for) {
        (Some(named), _) if is_another_mailbox(mail, Some(named)) => Err(LeftOut),
        (Some(named), _) => Ok(Some(named)),
        (None, SpeaksFor::Subjects(subjects)) => {
            let is_it = |subject: &&String| mail.is_some_and(|mail| mail.eq_ignore_ascii_case(subject));
            let told = subjects.iter().find(is_it).map(String::as_str);
            // Where nothing tells whose it is, it is the only one's.
            match subjects.as_slice() {
                [only] if is_another_mailbox(mail, Some(only)) => Err(LeftOut),
                _ => Ok(told),
            }
        }
        // A word that whoever is observed chose names nobody.
        (None, SpeaksFor::Anybody) => Ok(None),
    }
}
