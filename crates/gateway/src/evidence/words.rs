//! A prompt's words: how much of them is kept, what they are compared by, and what a client has put in between.

use std::borrow::Cow;

use super::PROMPT_SIZE;
use crate::seal;

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

/// What stands in each of the blocks that a client put into a text.
pub fn reminders_in(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, block, after) = next_block(rest)?;
        rest = after;
        Some(block)
    })
}

/// A user's message in two: what was said, and the blocks that the client put in (`<system-reminder>`), which no hook of
/// its tells; none where there is nothing of the kind. A block that does not end is none: nothing is left out behind it.
pub fn split_reminders(text: &str) -> (Option<String>, Option<String>) {
    let (mut said, mut reminders, mut rest) = (String::new(), String::new(), text);
    while let Some((before, block, after)) = next_block(rest) {
        said.push_str(before);
        reminders.push_str(block);
        rest = after;
    }
    said.push_str(rest);
    let some = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    (some(said), some(reminders))
}

/// A message's texts together.
pub(super) fn whole(earlier: &str, prompt: &str) -> String {
    normal(&format!("{earlier}\n{prompt}")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
