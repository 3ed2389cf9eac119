//! How JSON is spelt, and what is written for JSON and nearly is.

use crate::lexical::{at, part, plain_end, run_end};

pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where a text begins behind a mark of byte order.
pub(crate) fn behind_mark(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The end of a JSON number; none when it is no number by the grammar.
pub(crate) fn number_end(bytes: &[u8], from: usize) -> Option<usize> {
    let digits = |position: usize| run_end(bytes, position, usize::MAX, |b| b.is_ascii_digit());
    let start = if at(bytes, from) == b'-' { from + 1 } else { from };
    let mut end = digits(start);
    if end == start || (at(bytes, start) == b'0' && end > start + 1) {
        return None;
    }
    if at(bytes, end) == b'.' {
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return None;
        }
        end = fraction;
    }
    if matches!(at(bytes, end), b'e' | b'E') {
        let sign = usize::from(matches!(at(bytes, end + 1), b'+' | b'-'));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return None;
        }
        end = exponent;
    }
    Some(end)
}

/// The end of a word that stands for a value: `true`, `false`, `null`, and what writers of JSON have for what it has no
/// spelling for (Snowflake's NULL in an ARRAY is `undefined`).
pub(crate) fn literal_end(text: &str, from: usize) -> Option<usize> {
    const WORDS: [&str; 12] = [
        "true",
        "false",
        "null",
        "undefined",
        "NaN",
        "Infinity",
        "-Infinity",
        "inf",
        "-inf",
        "None",
        "True",
        "False",
    ];
    let tail = text.get(from..)?;
    let word = WORDS.into_iter().find(|word| tail.starts_with(word))?;
    let end = from + word.len();
    let is_whole = !at(text.as_bytes(), end).is_ascii_alphanumeric();
    is_whole.then_some(end)
}

/// The end of a key without quotes: a letter, then letters, digits, `_`, `-`, `.`.
pub(crate) fn bare_key_end(bytes: &[u8], from: usize) -> Option<usize> {
    const LONGEST: usize = 64;
    let is_start = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$') || b >= 0x80;
    let end =
        run_end(bytes, from, LONGEST + 1, |b| is_start(b) || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    (is_start(at(bytes, from)) && end - from <= LONGEST).then_some(end)
}

/// The end of a value without quotes: at a bracket, a line's end, or a comma; behind a comma it goes on as long as no
/// key follows, where keys are bare, too.
pub(crate) fn bare_value_end(bytes: &[u8], from: usize, may_have_commas: bool) -> usize {
    let is_value = |b: u8| !matches!(b, b',' | b'}' | b']' | b'{' | b'[' | b'"' | b'\n' | b'\r');
    let mut end = run_end(bytes, from, usize::MAX, is_value);
    while may_have_commas && at(bytes, end) == b',' {
        let next = run_end(bytes, end + 1, 4, is_space);
        let is_key = bare_key_end(bytes, next).is_some_and(|key| matches!(at(bytes, key), b'=' | b':'));
        if is_key || !at(bytes, next).is_ascii_alphanumeric() {
            break;
        }
        end = run_end(bytes, next, usize::MAX, is_value);
    }
    run_start_of_blanks(bytes, from, end)
}

fn run_start_of_blanks(bytes: &[u8], from: usize, end: usize) -> usize {
    let blanks = part(bytes, from, end).iter().rev().take_while(|b| is_space(**b)).count();
    end - blanks
}

/// Where a string ends whose text starts there, and whether anything in it is escaped; none where no quote closes it.
pub(crate) fn string_end(bytes: &[u8], start: usize, quote: u8) -> Option<(usize, bool)> {
    let mut position = start;
    let mut has_escape = false;
    loop {
        position = if quote == b'"' {
            plain_end(bytes, position)
        } else {
            run_end(bytes, position, usize::MAX, |b| b != quote && b != b'\\')
        };
        match *bytes.get(position)? {
            b'\\' => {
                has_escape = true;
                position += 2;
            }
            byte if byte == quote => return Some((position, has_escape)),
            // Characters of control should be escaped, and are not where somebody joined pieces.
            _ => position += 1,
        }
    }
}

/// Writes what a JSON string (without its quotes) means; none when it is malformed.
pub(crate) fn unescape(raw: &str, out: &mut String) -> Option<()> {
    unescape_as(raw, out, None)
}

/// Writes what a string (without its quotes) means, whoever wrote it: half of a pair of surrogates is U+FFFD, and what is
/// no escape stands for itself.
pub(crate) fn unescape_leniently(raw: &str, out: &mut String) {
    let done = unescape_as(raw, out, Some('\u{fffd}'));
    debug_assert!(done.is_some(), "nothing is malformed here");
}

/// `stand_in` is written for what stands for no character; without one there must be none.
fn unescape_as(raw: &str, out: &mut String, stand_in: Option<char>) -> Option<()> {
    out.clear();
    let mut rest = raw;
    while let Some(position) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(rest.get(..position)?);
        let escape = rest.get(position + 1..)?;
        let Some(letter) = escape.chars().next() else {
            out.push(stand_in?);
            return Some(());
        };
        rest = escape.get(letter.len_utf8()..)?;
        match letter {
            '"' | '\\' | '/' => out.push(letter),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => {
                let (character, behind) = match unicode(rest) {
                    Some((Some(character), behind)) => (character, behind),
                    Some((None, behind)) => (stand_in?, behind),
                    None => (stand_in?, rest),
                };
                out.push(character);
                rest = behind;
            }
            other => {
                stand_in?;
                out.push(other);
            }
        }
    }
    out.push_str(rest);
    Some(())
}

/// What the digits behind `\u` stand for, with those of its other half, and what follows. None: there are no digits.
fn unicode(rest: &str) -> Option<(Option<char>, &str)> {
    let high = hex4(rest)?;
    let behind = rest.get(4..)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Some((char::from_u32(high), behind));
    }
    let low = behind.strip_prefix("\\u").and_then(hex4).filter(|low| (0xDC00..0xE000).contains(low));
    match low.zip(behind.get(6..)) {
        Some((low, behind)) => {
            Some((char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), behind))
        }
        None => Some((None, behind)),
    }
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// Writes a JSON string with its quotes.
pub(crate) fn write_json_string(value: &str, out: &mut String) {
    out.push('"');
    let mut rest = value;
    loop {
        let plain = plain_end(rest.as_bytes(), 0);
        out.push_str(rest.get(..plain).unwrap_or_default());
        let tail = rest.get(plain..).unwrap_or_default();
        let Some(special) = tail.chars().next() else { break };
        match special {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.push_str(&format!("\\u{:04x}", u32::from(other))),
        }
        rest = tail.get(special.len_utf8()..).unwrap_or_default();
    }
    out.push('"');
}
