//! What a model received and produced, as spans tell it: messages by OpenTelemetry's conventions for generative AI
//! (`gen_ai.input.messages`, `gen_ai.output.messages`: messages with `parts`), or as the Messages API has them (`content`
//! blocks).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use gateway::{Came, Meanwhile, OtherParts, split_reminders};

use super::beside::{Alone, Beside, Written, word_of};
use crate::body::{self, each, place_in, text_of};
use crate::hooks::{Called, Tool, tool_of};
use crate::sentences::{INTERRUPTED, is_output, is_skills, is_turn, typed_command};

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
    /// What a client knows the call by, where a part has an id besides.
    call_id: Option<String>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// A use of one of our tools that a model produced.
pub(super) struct Use {
    pub id: String,
    pub tool: Tool,
    /// The tool's name as the model was told it.
    pub name: String,
    pub called: Called,
}

/// What a model received of a user.
pub(super) enum Heard {
    /// Nothing is told.
    Nothing,
    /// This.
    Words(Words),
    /// Something, and no words of it can be read.
    Unread,
}

/// What a user said last, and what came beside it.
pub(super) struct Words {
    /// The last text of the message: what is typed stands behind what a client puts in.
    pub said: String,
    /// The texts before it.
    pub earlier: Option<String>,
    /// Whether it stood beside a tool's answer.
    pub is_beside_answer: bool,
    /// Texts since that stood beside a tool's answer, or that a client says were sent meanwhile.
    pub meanwhile: Vec<Meanwhile>,
    /// Whether there were more of these.
    pub is_cut: bool,
    pub reminders: Option<String>,
    /// Of these those in the text itself.
    pub blocks: Option<String>,
    /// What is no text: documents, images, what nobody knows.
    pub others: Option<OtherParts>,
    /// The command that the client made them of, as it is typed.
    pub command: Option<String>,
}

fn message(raw: &RawValue) -> Option<Message<'_>> {
    body::object(raw.get())
}

/// Hands on the parts of a message, each as it stands there, and read where it is of a known form.
fn parts<'a>(
    raw: Option<&'a RawValue>,
    take: &mut dyn FnMut(&'a RawValue, Option<Part<'a>>) -> Option<()>,
) -> Option<()> {
    each(raw.map_or("[]", RawValue::get), &mut |part| take(part, body::object(part.get())))
}

/// The last words of a user among the messages that a model received: not what a tool answered. What the client puts in alone, under
/// whatever role, and what is no text, is none, but stands with the words that it came just before or after: nothing of it is left out without a word.
pub(super) fn last_words(messages: &str) -> Heard {
    let mut last: Option<(Texts, Beside)> = None;
    // The command that the last words are, of which what comes just behind is made.
    let (mut alone, mut command) = (Alone::default(), None);
    // Whether the model has answered since the last words, and whether something came then that is a turn of its own.
    let (mut is_answered, mut is_overtaken) = (false, false);
    let mut behind: Option<IsInterrupted> = None;
    let (mut is_first, mut is_any) = (true, false);
    let read = each(messages, &mut |raw| {
        let message = message(raw);
        let is_first = std::mem::take(&mut is_first);
        is_any = true;
        // What came meanwhile with the message itself stays with its words.
        let former = alone.take_meanwhile();
        alone.has_words = last.is_some() && !is_answered;
        let role = message.as_ref().and_then(|message| message.role.as_deref());
        let parts_before = alone.before.count;
        let reminders_before = alone.before.reminders.len();
        let (said, is_answer) = match (&message, role) {
            (Some(message), Some("user" | "human")) => {
                said_in(message, command.clone(), &mut behind, &mut alone)
            }
            // What a tool answered.
            (Some(message), Some("tool" | "function")) => {
                (alone.before, command) = (Beside::default(), None);
                answered_in(message, &mut behind, &mut alone)
            }
            // The model's own turn.
            (_, Some("assistant" | "model")) => {
                (alone.before, command, is_answered) = (Beside::default(), None, true);
                // One that says nothing is an exporter's.
                if message.as_ref().is_some_and(says_anything) {
                    behind = None;
                }
                alone.came_before(former);
                return Some(());
            }
            // What a conversation begins with is its client's, and the same for all of it.
            (_, Some("system" | "developer")) if is_first => return Some(()),
            // SECURITY: clients put files that a person attaches into messages of other roles.
            (_, Some(role)) => {
                alone.part(word_of(&format!("{role} message")), raw.get());
                // Some models are told so what a person has sent.
                alone.look_for_sent(raw.get(), Written::InJson);
                (Texts::default(), false)
            }
            (_, None) => {
                alone.part("a message that cannot be read", raw.get());
                (Texts::default(), false)
            }
        };
        if said.last.is_some() {
            let mut said = said;
            // SECURITY: what stands there before the last words may be files, or what a person has typed who broke it off once more.
            if said.is_beside_answer && !said.earlier.is_empty() {
                let earlier = std::mem::take(&mut said.earlier);
                alone.came("text beside an answer", &earlier, Came::Unaccounted);
            }
            let Alone { before, behind, meanwhile, is_cut, has_words } = std::mem::take(&mut alone);
            (alone.meanwhile, alone.is_cut) = (meanwhile, is_cut);
            // SECURITY: a model's files may read as Esc and the prompt once more, and hide what a person has said before.
            let before = if said.is_beside_answer {
                alone.came_before(former);
                if let Some((Texts { last: Some(words), is_beside_answer: true, .. }, _)) = &last {
                    alone.came("text beside an answer", words, Came::Unaccounted);
                }
                behind
            } else if let (true, Some((unanswered, mut beside))) = (has_words, last.take()) {
                // What was not answered is of the same message for the Messages API.
                alone.came_before(former);
                said.put_before(unanswered);
                beside.add(behind);
                beside
            } else {
                is_overtaken = false;
                before
            };
            command.clone_from(&said.pending);
            last = Some((said, before));
            is_answered = false;
            return Some(());
        }
        alone.came_before(former);
        let is_alone = alone.before.count > parts_before || alone.before.reminders.len() > reminders_before;
        // SECURITY: what the model was asked last is this, and not the words before its answer. What stands beside a tool's answer,
        // or is put in behind that as the system's, is no turn of its own.
        let is_turn = !is_answer && behind.is_none();
        is_overtaken |= is_answered && is_turn && is_alone;
        Some(())
    });
    // SECURITY: of messages that are cut off the last words are not there, whatever stands before.
    let is_asked = |said: &Texts| !said.last.as_deref().is_some_and(is_output);
    match (read, last.filter(|(said, _)| !is_overtaken && is_asked(said))) {
        (
            Some(()),
            Some((
                Texts { earlier, last: Some(said), blocks, is_beside_answer, command, pending: _ },
                mut beside,
            )),
        ) => {
            let Alone { behind, meanwhile, is_cut, .. } = alone;
            beside.add(behind);
            let some = |text: String| Some(text).filter(|text| !text.is_empty());
            let (earlier, reminders) = (some(earlier), some(std::mem::take(&mut beside.reminders)));
            let others = beside.others();
            Heard::Words(Words {
                said,
                earlier,
                is_beside_answer,
                meanwhile,
                is_cut,
                reminders,
                blocks,
                others,
                command,
            })
        }
        (Some(()), None) if !is_any => Heard::Nothing,
        (Some(()), _) | (None, _) => Heard::Unread,
    }
}

/// The texts of one message, without what the client put in as a reminder.
#[derive(Default)]
struct Texts {
    /// All but the last, together.
    earlier: String,
    /// The last; none where there is none.
    last: Option<String>,
    /// The reminders in the last.
    blocks: Option<String>,
    /// Whether they stand beside a tool's answer.
    is_beside_answer: bool,
    /// The command that the last is, or was made of.
    command: Option<String>,
    /// The same, where the next is made of it: a client tells what it made of a command just behind that.
    pending: Option<String>,
}

impl Texts {
    /// Adds one behind the others, of that text with its reminders.
    fn push(&mut self, text: String, with: &str) {
        self.blocks = split_reminders(with).1;
        let made_of = self.pending.take().filter(|_| !is_output(&text));
        self.pending = typed_command(&text);
        self.command = self.pending.clone().or(made_of);
        if let Some(before) = self.last.replace(text) {
            if !self.earlier.is_empty() {
                self.earlier.push('\n');
            }
            self.earlier.push_str(&before);
        }
    }

    /// Puts those before that nobody has answered: of many such messages each is copied once.
    fn put_before(&mut self, before: Self) {
        let mut earlier = before.earlier;
        for text in [before.last.unwrap_or_default(), std::mem::take(&mut self.earlier)] {
            if !earlier.is_empty() && !text.is_empty() {
                earlier.push('\n');
            }
            earlier.push_str(&text);
        }
        self.earlier = earlier;
    }
}

/// Where a tool has answered and the model has not since: whether a person pressed Esc then, as a client tells it there.
type IsInterrupted = bool;

/// What a message says behind that command, with whatever else is in it; and whether it came with what a tool answered, or behind that: the Messages API
/// takes both for one message.
fn said_in(
    message: &Message<'_>,
    command: Option<String>,
    behind: &mut Option<IsInterrupted>,
    alone: &mut Alone,
) -> (Texts, bool) {
    let mut said = Texts { pending: command, ..Texts::default() };
    let content = message.content;
    // SECURITY: what a tool answers is no prompt in whatever form it is told.
    let is_answer = [message.parts, content].into_iter().flatten().any(has_answer);
    if is_answer {
        behind.get_or_insert(false);
    }
    said.is_beside_answer = behind.is_some();
    let text = content.and_then(|raw| text_of(raw.get()));
    if let Some(text) = &text
        && !is_answer
    {
        if let Some(parts) = message.parts {
            alone.part("parts", parts.get());
        }
        take_text(text, &mut said, behind, alone);
        return (said, behind.is_some());
    }
    // SECURITY: of two forms at once nobody knows which one the model received.
    let (told, other) = match message.parts {
        Some(parts) => (Some(parts), content),
        None => (content, None),
    };
    match (other, text) {
        (Some(_), Some(text)) => alone.came("content", &text, Came::Unaccounted),
        (Some(other), None) => alone.part("content", other.get()),
        (None, _) => {}
    }
    let read = parts(told, &mut |raw, part| {
        let Some(part) = part else {
            alone.part("a part that cannot be read", raw.get());
            return Some(());
        };
        let kind = part.kind.as_deref().unwrap_or_default();
        let text = || part.content.or(part.text).and_then(|raw| text_of(raw.get()));
        let is_text = TEXTS.contains(&kind);
        match (kind, if is_text { text() } else { None }) {
            (_, Some(text)) => take_text(&text, &mut said, behind, alone),
            (kind, _) if is_answer_kind(kind) => {
                alone.look_for_sent(raw.get(), Written::InJson);
                alone.look_for_answered(raw.get());
            }
            // SECURITY: words of a kind that nobody knows may be a person's.
            (kind, _) => match text().filter(|_| behind.is_some()) {
                Some(text) => alone.came(word_of(kind), &text, Came::Unaccounted),
                None => alone.part(word_of(kind), raw.get()),
            },
        }
        Some(())
    });
    if let (None, Some(raw)) = (read, told) {
        alone.part("content that cannot be read", raw.get());
    }
    (said, behind.is_some())
}

/// Takes a text of a message, without what of it is a client's.
fn take_text(text: &str, said: &mut Texts, behind: &mut Option<IsInterrupted>, alone: &mut Alone) {
    match alone.without_reminders(text) {
        // SECURITY: a person may have typed the same, so it is a doubt of the words that it stands with; behind an answer `say` has it.
        Some(words) if behind.is_none() && is_turn(&words) => {
            alone.came("message of a client", &words, Came::Unaccounted)
        }
        // SECURITY: a client quotes files within its blocks, and a file may close them.
        Some(words) if is_within_blocks(text) => {
            let came = if behind.is_some() { Came::Unaccounted } else { Came::AsFile };
            alone.came("text between blocks of a client", &words, came);
        }
        Some(words) => say(words, text, said, behind, alone),
        None => {}
    }
}

/// Takes words that stand in that text: for a prompt, or for what stands beside a tool's answer.
fn say(words: String, text: &str, said: &mut Texts, behind: &mut Option<IsInterrupted>, alone: &mut Alone) {
    match behind {
        Some(_) if alone.is_clients(&words) => {}
        // SECURITY: what a tool answers stands within its part, but a command's file that a model has written and called as a skill
        // stands as it is: what is behind this was typed for those alone who saw it typed.
        Some(is_interrupted) if INTERRUPTED.contains(&text.trim()) => *is_interrupted = true,
        None | Some(true) => said.push(words, text),
        Some(false) => {
            let came = if is_skills(&words) { Came::AsFile } else { Came::Unaccounted };
            // A command as it was typed, where it may be one.
            let said = Meanwhile { text: typed_command(&words).unwrap_or_else(|| words.clone()), came };
            alone.came_meanwhile("text beside an answer", &words, said);
        }
    }
}

/// The same of a message of a tool's: where its answer is a part as the conventions have it, what stands beside it is none.
fn answered_in(
    message: &Message<'_>,
    behind: &mut Option<IsInterrupted>,
    alone: &mut Alone,
) -> (Texts, bool) {
    let forms = [message.parts, message.content].into_iter().flatten();
    if forms.clone().any(has_answer) {
        return said_in(message, None, behind, alone);
    }
    behind.get_or_insert(false);
    forms.for_each(|raw| {
        alone.look_for_sent(raw.get(), Written::InJson);
        alone.look_for_answered(raw.get());
    });
    (Texts::default(), true)
}

fn says_anything(message: &Message<'_>) -> bool {
    let is_blank = |text: &RawValue| text_of(text.get()).is_some_and(|text| text.trim().is_empty());
    let mut is_any = false;
    for raw in [message.parts, message.content].into_iter().flatten().filter(|raw| !is_blank(raw)) {
        // What is no list says something, unless it is nothing at all.
        let read = parts(Some(raw), &mut |_, part| {
            let text = part.as_ref().and_then(|part| part.content.or(part.text));
            let is_text = part.and_then(|part| part.kind).is_some_and(|kind| TEXTS.contains(&kind.as_ref()));
            is_any |= !is_text || !text.is_some_and(is_blank);
            Some(())
        });
        is_any |= read.is_none() && raw.get() != "null";
    }
    is_any
}

/// The kinds of parts that are texts.
const TEXTS: &[&str] = &["text", "input_text", "output_text"];

/// Whether it begins and ends with a block as clients put in: whatever stands between them may be a file's.
fn is_within_blocks(text: &str) -> bool {
    let text = text.trim();
    let last_tag = text.rsplit_once("</").map_or("", |(_, tag)| tag);
    text.starts_with("<system-reminder") && last_tag.starts_with("system-reminder") && last_tag.ends_with('>')
}

fn is_answer_kind(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let is_any = || ["result", "response", "output"].iter().any(|word| kind.contains(word));
    !TEXTS.contains(&kind.as_str()) && (kind == "tool" || is_any())
}

/// Whether what a tool answered is among the parts.
fn has_answer(told: &RawValue) -> bool {
    let mut is_any = false;
    let _ = parts(Some(told), &mut |_, part| {
        is_any |= part.and_then(|part| part.kind).is_some_and(|kind| is_answer_kind(&kind));
        (!is_any).then_some(())
    });
    is_any
}

/// Where the uses of our tools stand among the messages that a model produced, each as [`used`] reads it; and whether all of them
/// could be read, and everything that may be one.
pub(super) fn uses(messages: &str) -> (Vec<(u32, u32)>, bool) {
    let (mut uses, mut is_whole) = (Vec::new(), true);
    let read = each(messages, &mut |raw| {
        let Some(message) = message(raw) else {
            is_whole = false;
            return Some(());
        };
        let is_text = |content: &&RawValue| content.get().starts_with('"');
        // Both forms, where both are told.
        for told in [message.parts, message.content.filter(|content| !is_text(content))] {
            let read = parts(told, &mut |raw, part| {
                match part.map_or(Used::Unread, used_in) {
                    Used::Nothing => {}
                    Used::Unread => is_whole = false,
                    Used::Tool(_) => uses.push(place_in(messages.as_bytes(), raw.get().as_bytes())?),
                }
                Some(())
            });
            is_whole &= read.is_some();
        }
        Some(())
    });
    (uses, is_whole && read.is_some())
}

/// The use that stands there.
pub(super) fn used(messages: &str, (from, to): (u32, u32)) -> Option<Use> {
    let part = messages.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)?;
    match used_in(body::object(part)?) {
        Used::Tool(used) => Some(used),
        Used::Nothing | Used::Unread => None,
    }
}

/// What a part of what a model produced is.
enum Used {
    /// No use of a tool of ours.
    Nothing,
    Tool(Use),
    /// One, as far as it can be read.
    Unread,
}

fn used_in(part: Part<'_>) -> Used {
    // `tool_call`, `tool_use`, `mcp_tool_use`, `function_call`, …; what tools answer ends otherwise.
    let is_use = part.kind.is_some_and(|kind| kind.ends_with("call") || kind.ends_with("use"));
    let Some(name) = part.name.filter(|_| is_use) else { return Used::Nothing };
    let Some(tool) = tool_of(&name) else { return Used::Nothing };
    let Some(id) = part.call_id.or(part.id) else { return Used::Unread };
    let called = Called::of(part.arguments.or(part.input));
    Used::Tool(Use { id, tool, name: name.into_owned(), called })
}

#[cfg(test)]
mod tests;
