//! What is sealed of a sighting, and how much of a prompt is kept.
//!
//! Version 6: the byte 6, then prompt, reminders, conversation, mail address, role, warehouse, database, schema, what the other
//! parts are, their exact text, the command, what stood before the prompt, and of one that is cut its words and its blocks, each as a byte that says whether it is there, its length
//! as four bytes, big-endian, and its UTF-8; the texts that came meanwhile, each so, the byte 2 where a person has sent it and 3 where
//! it stands beside an answer that began no skill, and a byte 0; then one byte of flags; begin and end of the span and the client's moment, nanoseconds since 1970 as eight bytes each,
//! big-endian, 0 for none; and the number of its spans' ids as one byte, and each as eight bytes.
//! Never longer than what was said by more than some bytes, whatever stands in it. Behind it stands when it was told first,
//! microseconds since 1970 as eight bytes, which is no part of what was said. Version 5 does not say
//! who has sent a text, and has no words and blocks; version 4 has one that came meanwhile at most, without the byte behind it, and no client's moment; version 3
//! has neither of the last two texts, nor what stands behind.

use std::borrow::Cow;

use domain::Timestamp;

use super::{Came, Meanwhile, OtherParts, PROMPT_SIZE, Span, SpanId};
use crate::seal;

/// The version that is written.
const VERSION: u8 = 6;

/// Those before, which are read: what was told in them is looked for until it is forgotten.
const BEFORE: u8 = 5;
const SECOND: u8 = 4;
const FIRST: u8 = 3;

/// A text is there.
const THERE: u8 = 1;
/// It is, and came so.
const SENT: u8 = 2;
const UNACCOUNTED: u8 = 3;

/// The call gave the names that it was to run under.
const UNDER: u8 = 1;
/// A subagent made the call.
const DELEGATED: u8 = 2;
/// There is a span.
const SPAN: u8 = 4;
/// The person did not let the call be made.
const REJECTED: u8 = 8;
/// The call was to look ahead.
const LOOK: u8 = 16;
/// What the model received for a prompt could not be read.
const PROMPT_UNREAD: u8 = 32;
/// It stood beside a tool's answer.
const BESIDE_ANSWER: u8 = 64;

/// See above.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// The prompt.
    pub prompt: Option<String>,
    /// What the client put in beside it.
    pub reminders: Option<String>,
    /// The conversation.
    pub conversation: Option<String>,
    /// The mail address of whoever is observed.
    pub mail: Option<String>,
    /// Role, warehouse, database and schema as the call gave them. Absent where the channel sees no calls.
    pub under: Option<[Option<String>; 4]>,
    /// What came with the prompt and is no text.
    pub others: Option<OtherParts>,
    /// The command that the client made the prompt of.
    pub command: Option<String>,
    /// Texts that stood before it in the same message.
    pub earlier: Option<String>,
    /// What came beside tools' answers since, and may have been typed meanwhile.
    pub meanwhile: Vec<Meanwhile>,
    /// Of a prompt that is cut and has blocks as clients put in: what stands beside these.
    pub words: Option<String>,
    /// These; of a prompt that a model received the reminders that stood in its own text.
    pub blocks: Option<String>,
    /// When it was so by its client's clock, nanoseconds since 1970.
    pub moment: Option<u64>,
    /// Whether it stood beside a tool's answer.
    pub is_beside_answer: bool,
    /// Whether a subagent made the call.
    pub is_delegated: bool,
    /// Whether the person did not let the call be made.
    pub is_rejected: bool,
    /// Whether the call was to look ahead, and not to run.
    pub is_look: bool,
    /// Whether what the model received for a prompt could not be read.
    pub is_prompt_unread: bool,
    /// Where it stands in its trace.
    pub span: Option<Span>,
    /// When it was told first; none where that is not known.
    pub first: Option<Timestamp>,
}

impl Said {
    /// What is sealed of it when it is told first.
    pub fn with_moment(said: Vec<u8>, first: Timestamp) -> Vec<u8> {
        let mut bytes = said;
        bytes.extend_from_slice(&first.as_micros().to_be_bytes());
        bytes
    }

    /// The same read back.
    pub fn of_moment(bytes: &[u8]) -> Option<Self> {
        if bytes.first() == Some(&FIRST) {
            return Self::decode(bytes);
        }
        let (said, first) = bytes.split_last_chunk::<8>()?;
        let first = Some(Timestamp::from_micros(i64::from_be_bytes(*first)));
        Some(Self { first, ..Self::decode(said)? })
    }

    pub fn encode(&self) -> Vec<u8> {
        let Self {
            prompt,
            reminders,
            conversation,
            mail,
            under,
            others,
            command,
            earlier,
            meanwhile,
            words,
            blocks,
            moment,
            is_beside_answer,
            is_delegated,
            is_rejected,
            is_look,
            is_prompt_unread,
            span,
            first: _,
        } = self;
        let [role, warehouse, database, schema] = under.clone().unwrap_or_default();
        let (told, exact) =
            others.clone().map(|OtherParts { told, exact }| (Some(told), Some(exact))).unwrap_or_default();
        let mut bytes = vec![VERSION];
        let mut add = |text: Option<&str>, is: u8| {
            let Some(text) = text else { return bytes.push(0) };
            bytes.push(is);
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        for text in [
            prompt,
            reminders,
            conversation,
            mail,
            &role,
            &warehouse,
            &database,
            &schema,
            &told,
            &exact,
            command,
            earlier,
            words,
            blocks,
        ] {
            add(text.as_deref(), THERE);
        }
        for Meanwhile { text, came } in meanwhile {
            let is = match came {
                Came::AsFile => THERE,
                Came::Unaccounted => UNACCOUNTED,
                Came::Sent => SENT,
            };
            add(Some(text), is);
        }
        add(None, THERE);
        let flags = [
            (under.is_some(), UNDER),
            (*is_delegated, DELEGATED),
            (span.is_some(), SPAN),
            (*is_rejected, REJECTED),
            (*is_look, LOOK),
            (*is_prompt_unread, PROMPT_UNREAD),
            (*is_beside_answer, BESIDE_ANSWER),
        ];
        bytes.push(flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag).sum());
        let Span { ids, begun, ended } = span.clone().unwrap_or_default();
        bytes.extend_from_slice(&begun.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&ended.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&moment.unwrap_or(0).to_be_bytes());
        let ids = ids.get(..usize::from(u8::MAX)).unwrap_or(&ids);
        bytes.push(u8::try_from(ids.len()).unwrap_or(u8::MAX));
        ids.iter().for_each(|SpanId(id)| bytes.extend_from_slice(id));
        bytes
    }

    /// None where it is none of version 3 to 6.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&version, mut rest) = bytes.split_first()?;
        if ![VERSION, BEFORE, SECOND, FIRST].contains(&version) {
            return None;
        }
        let mut part = || -> Option<Option<Meanwhile>> {
            let (&is_there, after) = rest.split_first()?;
            rest = after;
            if is_there == 0 {
                return Some(None);
            }
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (text, after) = after.split_at_checked(length)?;
            rest = after;
            let came = match is_there {
                SENT => Came::Sent,
                UNACCOUNTED => Came::Unaccounted,
                _ => Came::AsFile,
            };
            Some(Some(Meanwhile { text: String::from_utf8(text.to_vec()).ok()?, came }))
        };
        let mut text = || Some(part()?.map(|Meanwhile { text, .. }| text));
        let (prompt, reminders, conversation, mail) = (text()?, text()?, text()?, text()?);
        let names = [text()?, text()?, text()?, text()?];
        let (told, exact, command) = (text()?, text()?, text()?);
        let earlier = if version == FIRST { None } else { text()? };
        let (words, blocks) = if version == VERSION { (text()?, text()?) } else { (None, None) };
        let mut meanwhile = Vec::new();
        match version {
            FIRST => {}
            SECOND => meanwhile.extend(part()?),
            _ => {
                while let Some(text) = part()? {
                    meanwhile.push(text);
                }
            }
        }
        let (flags, rest) = rest.split_first()?;
        let (begun, rest) = rest.split_first_chunk::<8>()?;
        let (ended, rest) = rest.split_first_chunk::<8>()?;
        let (at, rest) = if [VERSION, BEFORE].contains(&version) {
            rest.split_first_chunk::<8>()?
        } else {
            (&[0; 8], rest)
        };
        let (count, rest) = rest.split_first()?;
        let (ids, []) = rest.as_chunks::<8>() else { return None };
        if ids.len() != usize::from(*count) {
            return None;
        }
        let moment = |bytes: &[u8; 8]| Some(u64::from_be_bytes(*bytes)).filter(|moment| *moment > 0);
        let span = Span {
            ids: ids.iter().copied().map(SpanId).collect(),
            begun: moment(begun),
            ended: moment(ended),
        };
        Some(Self {
            prompt,
            reminders,
            conversation,
            mail,
            under: (flags & UNDER != 0).then_some(names),
            others: told.zip(exact).map(|(told, exact)| OtherParts { told, exact }),
            command,
            earlier,
            meanwhile,
            words,
            blocks,
            moment: moment(at),
            is_beside_answer: flags & BESIDE_ANSWER != 0,
            is_delegated: flags & DELEGATED != 0,
            is_rejected: flags & REJECTED != 0,
            is_look: flags & LOOK != 0,
            is_prompt_unread: flags & PROMPT_UNREAD != 0,
            span: (flags & SPAN != 0).then_some(span),
            first: None,
        })
    }
}

/// A prompt as it is compared: what stands around it, and how its lines end, is the channel's.
pub(super) fn normal(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

/// Whether a prompt is too long to be kept whole.
pub(super) fn is_cut(text: &str) -> bool {
    text.trim().len() > PROMPT_SIZE && normal(text).len() > PROMPT_SIZE
}

/// So much of a prompt as is kept: all of it up to [`PROMPT_SIZE`], else its beginning and its end, where people ask, with a line
/// between them that tells how much is left out and marks the whole by a keyed digest: so that two that differ anywhere differ.
/// It is cut between words, so that no half of a secret passes for no secret.
pub(super) fn kept(key: &[u8; 32], text: &str) -> String {
    if text.trim().len() <= PROMPT_SIZE {
        return text.trim().to_owned();
    }
    let whole = normal(text);
    if whole.len() <= PROMPT_SIZE {
        return whole.into_owned();
    }
    let (head_size, tail_size) = (PROMPT_SIZE * 3 / 4, PROMPT_SIZE / 4 - 256);
    let head = whole.get(..whole.floor_char_boundary(head_size)).unwrap_or_default();
    let head = head.rfind(char::is_whitespace).and_then(|at| head.get(..at)).unwrap_or_default();
    let tail = whole.get(whole.ceil_char_boundary(whole.len().saturating_sub(tail_size))..);
    let tail = tail.and_then(|tail| tail.split_once(char::is_whitespace)).map_or("", |(_, tail)| tail);
    let left_out = whole.len().saturating_sub(head.len() + tail.len());
    let mark = seal::keyed_word(key, "prompt-text", &whole);
    let mark = mark.get(..16).unwrap_or_default();
    format!("{head}\n[{left_out} of {} bytes are left out here; mark {mark}]\n{tail}", whole.len())
}

const OPEN: &str = "<system-reminder";
const CLOSE: &str = "</system-reminder";

/// Bytes within which its first tag ends.
const LONGEST_TAG: usize = 80;

/// The next block that a client puts in: what stands before it, within it and behind it. Some have an id, in both of their tags.
fn next_block(text: &str) -> Option<(&str, &str, &str)> {
    let is_id = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric());
    let id_in = |attribute: &'_ str| attribute.strip_prefix(" id=\"")?.strip_suffix('"').map(is_id);
    let is_tag = |attribute: &&str| attribute.is_empty() || id_in(attribute) == Some(true);
    for (at, _) in text.match_indices(OPEN) {
        let rest = text.get(at + OPEN.len()..)?;
        let near = rest.get(..rest.floor_char_boundary(LONGEST_TAG)).unwrap_or(rest);
        let Some(id) = near.split_once('>').map(|(id, _)| id).filter(is_tag) else { continue };
        let block = rest.get(id.len() + 1..)?;
        let (block, after) = block.split_once(&format!("{CLOSE}{id}>"))?;
        return Some((text.get(..at)?, block, after));
    }
    None
}

/// A user's message in two: what was said, and the blocks that the client put in (`<system-reminder>`), which no hook of
/// its tells; none where there is nothing of the kind. A block that does not end is none: nothing is left out behind it.
pub fn split_reminders(text: &str) -> (Option<String>, Option<String>) {
    let (mut said, mut reminders) = (String::new(), String::new());
    let mut rest = text;
    while let Some((before, block, after)) = next_block(rest) {
        said.push_str(before);
        reminders.push_str(block);
        rest = after;
    }
    said.push_str(rest);
    let some = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    (some(said), some(reminders))
}

/// How the first line of what is sealed in parts begins.
const IN_PARTS: &str = "[in parts:";

/// What a prompt is sealed in: the command that it was made of, what stood before it, what was said, and what was not.
const SAID: [&str; 5] = ["command", "earlier", "said", "reminders", "others"];

/// The same of one in whose place the model received another.
const RECEIVED: [&str; 2] = ["prompt", "received"];

/// Texts as one that tells them apart: a line with the length of each in bytes, `-` where there is none, and behind it each in a line
/// of its own.
// SECURITY: by their lengths, never by what stands in them: whoever types what looks like a part has typed no part.
fn in_parts<const N: usize>(names: [&str; N], texts: [Option<&str>; N]) -> String {
    let lengths = names.iter().zip(&texts).map(|(name, text)| match text {
        Some(text) => format!(" {name}={}", text.len()),
        None => format!(" {name}=-"),
    });
    let mut all = format!("{IN_PARTS}{}]", lengths.collect::<String>());
    for text in texts.into_iter().flatten() {
        all.push('\n');
        all.push_str(text);
    }
    all
}

/// The same read back; none where it is not one.
fn parts_of<'t, const N: usize>(names: [&str; N], text: &'t str) -> Option<[Option<&'t str>; N]> {
    let line_end = text.find('\n').unwrap_or(text.len());
    let line = text.get(..line_end)?.strip_prefix(IN_PARTS)?.strip_suffix(']')?;
    let mut rest = text.get(line_end..)?;
    let mut lengths = line.split(' ').skip(1);
    let mut parts = [None; N];
    for (part, name) in parts.iter_mut().zip(names) {
        let length = lengths.next()?.strip_prefix(name)?.strip_prefix('=')?;
        if length == "-" {
            continue;
        }
        let (text, after) = rest.strip_prefix('\n')?.split_at_checked(length.parse().ok()?)?;
        (*part, rest) = (Some(text), after);
    }
    (rest.is_empty() && lengths.next().is_none()).then_some(parts)
}

/// A prompt with all that came with it, as it is sealed: as it was said, where that is all.
pub(super) fn exact(said: &Said, prompt: &str) -> String {
    let others = said.others.as_ref().map(|OtherParts { told, exact }| format!("{told}\n{exact}"));
    let [command, earlier, reminders] = [&said.command, &said.earlier, &said.reminders].map(Option::as_deref);
    let is_all = [command, earlier, reminders, others.as_deref()].iter().all(Option::is_none);
    if is_all && !prompt.starts_with(IN_PARTS) {
        return prompt.to_owned();
    }
    in_parts(SAID, [command, earlier, Some(prompt), reminders, others.as_deref()])
}

/// The same as records tell it before the detectors: of what was not said what it is, and its size.
// SECURITY: by what its channel read, never by what stands in the text: whoever types such an element hides nothing in it.
pub(super) fn told(said: &Said, prompt: &str) -> String {
    let mut text = String::new();
    if let Some(command) = &said.command {
        text.push_str(&format!("{command}\n[what the client made of this command:]\n"));
    }
    if let Some(earlier) = &said.earlier {
        text.push_str(&format!("{earlier}\n"));
    }
    text.push_str(prompt);
    if let Some(reminders) = &said.reminders {
        text.push_str(&format!("\n[a client's reminder, {} bytes]", reminders.len()));
    }
    if let Some(OtherParts { told, .. }) = &said.others {
        text.push_str(&format!("\n{told}"));
    }
    text
}

/// A prompt with what the model received in its place, sealed and told: that was set aside, and is lost to nobody.
pub(super) fn with_received((exact, told): (&str, &str), received: (&str, &str)) -> (String, String) {
    // SECURITY: what is typed as that line, in whatever is told, parts nothing.
    let typed = |line| if line == INSTEAD { Cow::Owned(format!(" {line}")) } else { Cow::Borrowed(line) };
    let [told, received_told] =
        [told, received.1].map(|text| text.split('\n').map(typed).collect::<Vec<_>>().join("\n"));
    (in_parts(RECEIVED, [Some(exact), Some(received.0)]), format!("{told}\n{INSTEAD}\n{received_told}"))
}

/// The line that stands in a record between a prompt and what the model received in its place.
const INSTEAD: &str = "[the model received, by its provider:]";

/// A prompt as it was told without what the model received in its place, and that.
pub(super) fn told_without_received(told: &str) -> (&str, Option<&str>) {
    let parted = told.split_once(&format!("\n{INSTEAD}\n"));
    parted.map_or((told, None), |(told, received)| (told, Some(received)))
}

/// A sealed prompt without what the model received in its place, and that.
pub(super) fn without_received(exact: &str) -> (&str, Option<&str>) {
    match parts_of(RECEIVED, exact) {
        Some([Some(prompt), received]) => (prompt, received),
        Some([None, _]) | None => (exact, None),
    }
}

/// A sealed prompt in what was said, and what was not.
pub(super) struct Sealed<'t> {
    pub command: Option<&'t str>,
    pub earlier: Option<&'t str>,
    pub said: &'t str,
    pub reminders: Option<&'t str>,
}

/// See [`exact`]; of what the model received nothing.
pub(super) fn sealed(exact: &str) -> Sealed<'_> {
    let exact = without_received(exact).0;
    match parts_of(SAID, exact) {
        Some([command, earlier, Some(said), reminders, _]) => Sealed { command, earlier, said, reminders },
        Some([_, _, None, _, _]) | None => {
            Sealed { command: None, earlier: None, said: exact, reminders: None }
        }
    }
}

/// A message's texts together.
pub(super) fn whole(earlier: &str, prompt: &str) -> String {
    normal(&format!("{earlier}\n{prompt}")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(text: &str, came: Came) -> Meanwhile {
        Meanwhile { text: text.into(), came }
    }

    #[test]
    fn what_is_said_reads_back_and_costs_what_it_is_long() {
        let said = Said {
            prompt: Some("\u{1}".repeat(1000)),
            reminders: Some("be nice".into()),
            conversation: None,
            mail: Some("ana@example.com".into()),
            under: Some([None, Some("WH".into()), Some(String::new()), None]),
            others: Some(OtherParts { told: "[another part]".into(), exact: "{}".into() }),
            command: Some("/review".into()),
            earlier: Some("a".into()),
            meanwhile: vec![came("b", Came::Sent), came("c", Came::AsFile), came("d", Came::Unaccounted)],
            words: Some("d".into()),
            blocks: Some("e".into()),
            moment: Some(9),
            is_beside_answer: true,
            is_delegated: true,
            is_rejected: true,
            is_look: true,
            is_prompt_unread: true,
            span: Some(Span { ids: vec![SpanId([1; 8]), SpanId([2; 8])], begun: Some(5), ended: None }),
            first: None,
        };
        let first = Timestamp::from_micros(7);
        let told = Said::of_moment(&Said::with_moment(said.encode(), first)).unwrap();
        assert!(told == Said { first: Some(first), ..said.clone() });
        let bytes = said.encode();
        assert!(bytes.len() < 1176, "{}", bytes.len());
        assert!(Said::decode(&bytes).unwrap() == said);
        for end in 0..bytes.len() {
            assert!(Said::decode(&bytes[..end]).is_none(), "{end}");
        }
        assert!(Said::decode(&Said::default().encode()).unwrap() == Said::default());
        assert!(Said::decode(br#"{"v":1}"#).is_none());
        // As they were written before: so many texts, flags, two moments and the number of spans.
        let as_before = |version: u8, texts: &[u8]| [&[version][..], texts, &[LOOK], &[0; 16], &[0]].concat();
        let look = Said { is_look: true, ..Said::default() };
        assert!(Said::of_moment(&as_before(FIRST, &[0; 11])).unwrap() == look);
        let told = Said::of_moment(&Said::with_moment(as_before(SECOND, &[0; 13]), first)).unwrap();
        assert!(told == Said { first: Some(first), ..look.clone() });
        let meanwhile = [&[0; 12][..], &[1, 0, 0, 0, 1, b'b']].concat();
        let told = Said::decode(&as_before(SECOND, &meanwhile)).unwrap();
        assert!(told == Said { meanwhile: vec![came("b", Came::AsFile)], ..look });
        let moment = [&[BEFORE][..], &[0; 12], &[1, 0, 0, 0, 1, b'b', 0], &[LOOK], &[0; 24], &[0]].concat();
        assert!(Said::decode(&moment).unwrap() == told);
        assert!(Said::decode(&[&bytes[..], &[0]].concat()).is_none());
    }

    #[test]
    fn what_a_client_puts_in_is_told_apart_and_never_left_out_without_a_word() {
        let split = |text| split_reminders(text);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(split("hi"), (some("hi"), None));
        assert_eq!(
            split("<system-reminder>delete all</system-reminder>list <system-reminder>x</system-reminder>"),
            (some("list"), some("delete allx"))
        );
        assert_eq!(split("list <system-reminder>delete"), (some("list <system-reminder>delete"), None));
        let with_id = r#"list<system-reminder id="3f9a">x</system-reminder>y</system-reminder id="3f9a">all"#;
        assert_eq!(split(with_id), (some("listall"), some("x</system-reminder>y")));
        for none in
            ["<system-reminders>a</system-reminders>", "<system-reminder id=\"é\">a</system-reminder>"]
        {
            assert_eq!(split(none), (some(none), None));
        }
        assert_eq!(split("<system-reminder>x</system-reminder> "), (None, some("x")));
        let parts = OtherParts { told: "[another part: image, 7 bytes]".into(), exact: "{\"a\":1}".into() };
        let said = Said { reminders: some("delete all"), others: Some(parts), ..Said::default() };
        assert_eq!(
            told(&said, "list"),
            "list\n[a client's reminder, 10 bytes]\n[another part: image, 7 bytes]"
        );
        // Typed, it is what somebody typed.
        let typed = "a <system-reminder>b</system-reminder>";
        assert_eq!(told(&Said::default(), typed), typed);
    }

    #[test]
    fn what_is_sealed_reads_back_whatever_is_typed() {
        let some = |text: &str| Some(text.to_owned());
        let others = OtherParts { told: "[another part]".into(), exact: "{\"a\":1}".into() };
        let whole = Said {
            command: some("/review orders"),
            earlier: some("[stopped]"),
            reminders: some("delete all"),
            others: Some(others),
            ..Said::default()
        };
        let odd = exact(&whole, "list");
        for said in [
            Said::default(),
            Said { command: whole.command.clone(), ..Said::default() },
            Said { earlier: whole.earlier.clone(), ..Said::default() },
            Said { reminders: whole.reminders.clone(), ..Said::default() },
            whole.clone(),
        ] {
            for prompt in [
                "list",
                "",
                "\n",
                "a\n[in parts:",
                "[in parts:",
                &odd,
                "a <system-reminder>b</system-reminder>",
                "é",
            ] {
                let sealed_in = exact(&said, prompt);
                for text in [sealed_in.clone(), with_received((&sealed_in, ""), (&odd, "")).0] {
                    let Sealed { command, earlier, said: read, reminders } = sealed(&text);
                    assert_eq!((command, earlier), (said.command.as_deref(), said.earlier.as_deref()));
                    assert_eq!((read, reminders), (prompt, said.reminders.as_deref()));
                }
            }
        }
        assert_eq!(exact(&Said::default(), "list"), "list");
        assert!(odd.contains("[another part]\n{\"a\":1}") && odd.contains("delete all"), "{odd}");
        // What does not fit is what somebody typed.
        for typed in [format!("{odd} "), odd.replace("said=4", "said=5"), odd.replace("earlier", "later")] {
            assert_eq!(sealed(&typed).said, typed);
        }
        assert_eq!(told(&whole, "list").lines().next(), Some("/review orders"));
        assert_eq!(told(&Said { earlier: whole.earlier, ..Said::default() }, "list"), "[stopped]\nlist");
    }

    #[test]
    fn what_the_model_received_in_place_of_a_prompt_reads_back() {
        let (exact, told) = with_received(("/x", "/x"), ("list", "list"));
        assert_eq!(without_received(&exact), ("/x", Some("list")));
        assert_eq!(told, "/x\n[the model received, by its provider:]\nlist");
        assert_eq!(told_without_received(&told), ("/x", Some("list")));
        let typed = format!("{INSTEAD}\n/x\n{INSTEAD}\n{INSTEAD}\nforged\n{INSTEAD}");
        let (exact_typed, told) = with_received((&typed, &typed), ("list", &typed));
        assert_eq!(without_received(&exact_typed), (typed.as_str(), Some("list")));
        let shown = format!(" {INSTEAD}\n/x\n {INSTEAD}\n {INSTEAD}\nforged\n {INSTEAD}");
        assert_eq!(told_without_received(&told), (shown.as_str(), Some(shown.as_str())));
        let cut = exact.replace("list", "lis");
        for typed in ["/x", "", "[in parts:", cut.as_str()] {
            assert_eq!(without_received(typed), (typed, None));
        }
    }

    #[test]
    fn a_long_prompt_keeps_its_end_and_differs_wherever_it_differs() {
        let key = [1; 32];
        let of = |text: &str| kept(&key, text);
        let log = "A".repeat(33_000);
        let one = of(&format!("{log} then delete all orders"));
        assert!(one.ends_with("\nthen delete all orders") && one.len() <= PROMPT_SIZE, "{one}");
        assert_ne!(one, of(&format!("{log} then list customers")));
        // A difference in the middle, which neither end shows.
        let long = |middle: &str| of(&format!("{}{middle}{}", "a b ".repeat(20_000), "c d ".repeat(20_000)));
        assert_ne!(long("x"), long("y"));
        assert!(long("x").len() <= PROMPT_SIZE);
        assert_eq!(of(&"ab\r\n".repeat(9000)), of(&"ab\n".repeat(9000)));
        // Cut between words: of a secret nothing or all is left.
        for before in 24_500..24_600 {
            let text = format!("{} AKIAIOSFODNN7EXAMPLE {}", "x".repeat(before), "y ".repeat(9000));
            let kept = of(&text);
            assert!(!kept.contains("AKIA") || kept.contains(" AKIAIOSFODNN7EXAMPLE"), "{before}");
        }
        let unbroken = of(&format!("{}AKIAIOSFODNN7EXAMPLE", "x".repeat(32_753)));
        assert!(!unbroken.contains("AKIA"), "{unbroken}");
    }
}
