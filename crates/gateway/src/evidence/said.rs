//! What is sealed of a sighting, and how much of a prompt is kept.
//!
//! Version 2: the byte 2, then prompt, reminders, conversation, mail address, role, warehouse, database and schema, each as a byte that says whether it
//! is there, its length as four bytes, big-endian, and its UTF-8; then one byte of flags. Never longer than what was said by
//! more than some bytes, whatever stands in it.

use std::borrow::Cow;

use super::PROMPT_SIZE;
use crate::seal;

/// The version that is written.
const VERSION: u8 = 2;

/// The call gave the names that it was to run under.
const UNDER: u8 = 1;
/// A subagent made the call.
const DELEGATED: u8 = 2;

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
    /// Whether a subagent made the call.
    pub is_delegated: bool,
}

impl Said {
    pub fn encode(&self) -> Vec<u8> {
        let Self { prompt, reminders, conversation, mail, under, is_delegated } = self;
        let [role, warehouse, database, schema] = under.clone().unwrap_or_default();
        let mut bytes = vec![VERSION];
        for text in [prompt, reminders, conversation, mail, &role, &warehouse, &database, &schema] {
            let Some(text) = text else {
                bytes.push(0);
                continue;
            };
            bytes.push(1);
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.push(if under.is_some() { UNDER } else { 0 } | if *is_delegated { DELEGATED } else { 0 });
        bytes
    }

    /// None where it is none of version 2.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&version, mut rest) = bytes.split_first()?;
        if version != VERSION {
            return None;
        }
        let mut text = || -> Option<Option<String>> {
            let (&is_there, after) = rest.split_first()?;
            rest = after;
            if is_there == 0 {
                return Some(None);
            }
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (text, after) = after.split_at_checked(length)?;
            rest = after;
            Some(Some(String::from_utf8(text.to_vec()).ok()?))
        };
        let (prompt, reminders, conversation, mail) = (text()?, text()?, text()?, text()?);
        let names = [text()?, text()?, text()?, text()?];
        let [flags] = rest else { return None };
        let under = (flags & UNDER != 0).then_some(names);
        Some(Self { prompt, reminders, conversation, mail, under, is_delegated: flags & DELEGATED != 0 })
    }
}

/// A prompt as it is compared: what stands around it, and how its lines end, is the channel's.
pub(super) fn normal(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
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

const OPEN: &str = "<system-reminder>";
const CLOSE: &str = "</system-reminder>";

/// A user's message in two: what was said, and the blocks that the client put in (`<system-reminder>`), which no hook of
/// its tells; none where there is nothing of the kind. A block that does not end is none: nothing is left out behind it.
pub fn split_reminders(text: &str) -> (Option<String>, Option<String>) {
    let (mut said, mut reminders) = (String::new(), String::new());
    let mut rest = text;
    while let Some((before, block)) = rest.split_once(OPEN) {
        let Some((block, after)) = block.split_once(CLOSE) else { break };
        said.push_str(before);
        reminders.push_str(block);
        rest = after;
    }
    said.push_str(rest);
    let some = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    (some(said), some(reminders))
}

/// What the model received of a user: what was said, and what the client put in, marked as such.
pub(super) fn with_reminders(prompt: &str, reminders: Option<&str>) -> String {
    match reminders {
        Some(reminders) => format!("{prompt}\n{OPEN}{reminders}{CLOSE}"),
        None => prompt.to_owned(),
    }
}

/// An exact prompt as records tell it before the detectors: of a client's reminders their size. The sealed one has all.
pub(crate) fn without_reminders(text: &str) -> Cow<'_, str> {
    if !text.contains(OPEN) {
        return Cow::Borrowed(text);
    }
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, block)) = rest.split_once(OPEN) {
        let Some((block, after)) = block.split_once(CLOSE) else { break };
        told.push_str(before);
        told.push_str(&format!("[a client's reminder, {} bytes]", block.len()));
        rest = after;
    }
    told.push_str(rest);
    Cow::Owned(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_reads_back_and_costs_what_it_is_long() {
        let said = Said {
            prompt: Some("\u{1}".repeat(1000)),
            reminders: Some("be nice".into()),
            conversation: None,
            mail: Some("ana@example.com".into()),
            under: Some([None, Some("WH".into()), Some(String::new()), None]),
            is_delegated: true,
        };
        let bytes = said.encode();
        assert!(bytes.len() < 1100, "{}", bytes.len());
        assert!(Said::decode(&bytes).unwrap() == said);
        for end in 0..bytes.len() {
            assert!(Said::decode(&bytes[..end]).is_none(), "{end}");
        }
        assert!(Said::decode(&Said::default().encode()).unwrap() == Said::default());
        assert!(Said::decode(br#"{"v":1}"#).is_none());
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
        assert_eq!(split("<system-reminder>x</system-reminder> "), (None, some("x")));
        let whole = with_reminders("list", Some("delete all"));
        assert_eq!(without_reminders(&whole), "list\n[a client's reminder, 10 bytes]");
        assert_eq!(without_reminders("a <system-reminder>b"), "a <system-reminder>b");
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
