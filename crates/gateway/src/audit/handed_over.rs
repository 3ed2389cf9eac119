//! How long an answer is where Lambda hands it over: as a text inside of JSON, of which it takes 6 MB.
//!
//! A quote of a text counts four times there, and what cannot be printed seven times: whoever writes statements chooses how often.

use serde::Serialize;

/// Bytes of what an answer tells, as Lambda hands them over.
pub(super) const LONGEST: usize = 2 * 1024 * 1024;

/// How long this is in Lambda's answer, where it is a text inside of JSON.
pub(super) fn size(told: &impl Serialize) -> usize {
    let Ok(text) = serde_json::to_string(told) else { return LONGEST };
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    text.len().saturating_add(escaped)
}

/// As much of a text as is no longer there than so many bytes; a character at least.
pub(super) fn beginning(text: &str, room: usize) -> &str {
    let mut left = room;
    for (at, c) in text.char_indices() {
        let length = match c {
            // `\"` is `\\\"` there.
            '"' | '\\' => 4,
            '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 3,
            '\0'..='\u{1f}' => 7,
            c => c.len_utf8(),
        };
        match left.checked_sub(length) {
            Some(enough) => left = enough,
            None if at > 0 => return text.get(..at).unwrap_or(text),
            None => left = 0,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_counted_as_lambda_hands_it_over() {
        for text in ["plain", "\"\\", "\n\r\t\u{8}\u{c}", "\u{1}\0\u{1f}", "äß€😀\u{7f}\u{2028}"] {
            // The quotes around it count twice each.
            let length = size(&text) - 4;
            assert_eq!(beginning(text, length), text, "{text:?}");
            let mut shorter = text.chars();
            shorter.next_back();
            assert_eq!(beginning(text, length - 1), shorter.as_str(), "{text:?}");
        }
        assert_eq!(beginning("\u{1}x", 0), "\u{1}", "it always goes on");
    }
}
