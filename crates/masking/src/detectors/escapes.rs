//! Characters that are written in other ones, undone: percent, quoted-printable, HTML entities, `\u` and other
//! backslashes, letters with blanks between.

use super::fold::View;
use super::joints;
use crate::lexical::{at, before, nibble, part, run_end};

/// Undoes percent, entity and `\u` escapes into a folded view, without what is not seen; false when there are none.
pub(super) fn unescape_into(text: &str, view: &mut View) -> bool {
    view.clear();
    let bytes = text.as_bytes();
    let is_quoted_printable = is_quoted_printable(bytes);
    let mut is_changed = false;
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        if let Some(end) = joints::end(bytes, position) {
            is_changed = true;
            position = end;
            continue;
        }
        let undone = match byte {
            b'%' => percent(bytes, position),
            b'&' => entity(bytes, position),
            b'\\' => escape(bytes, position),
            b'=' if is_quoted_printable => quoted(bytes, position),
            // Addresses are written so that nobody clicks on them.
            b'[' => match part(bytes, position, position + 3) {
                [_, sign @ (b'.' | b'@'), b']'] => Some((u32::from(*sign), position + 3)),
                _ => None,
            },
            _ => None,
        };
        match undone {
            Some((code, end)) => {
                is_changed = true;
                match char::from_u32(code) {
                    Some(character) => view.push_char(character, position),
                    None => view.push(b' ', position),
                }
                position = end;
            }
            None if byte < 0x80 => {
                view.push(byte, position);
                position += 1;
            }
            None => {
                let character = text.get(position..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
                view.push_char(character, position);
                position += character.len_utf8();
            }
        }
    }
    view.close(text.len());
    is_changed
}

/// Joins what is spelt letter by letter (`a n a @ e x a m p l e . c o m`) into a folded view; false when nothing is.
pub(super) fn join_into(text: &str, view: &mut View) -> bool {
    const FEWEST: usize = 8;
    view.clear();
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let is_blank = |place: usize| characters.get(place).is_none_or(|(_, c)| *c == ' ');
    // A letter with a blank on either side.
    let is_alone =
        |place: usize| !is_blank(place) && is_blank(place + 1) && place.checked_sub(1).is_none_or(is_blank);
    let mut is_changed = false;
    let mut place = 0;
    while let Some(&(start, character)) = characters.get(place) {
        let mut count = 0;
        while is_alone(place + 2 * count) {
            count += 1;
        }
        if count < FEWEST {
            view.push_char(character, start);
            place += 1;
            continue;
        }
        is_changed = true;
        for letter in (place..).step_by(2).take(count) {
            if let Some(&(start, character)) = characters.get(letter) {
                view.push_char(character, start);
            }
        }
        // The blank behind the last one stays.
        place += 2 * count - 1;
    }
    view.close(text.len());
    is_changed
}

/// Whether `=41` stands for a character here: several do, and `a=12` does not make a query one. In a header's word
/// (`=?utf-8?Q?…?=`, RFC 2047) one does, and so does the sign of an address.
pub(super) fn is_quoted_printable(bytes: &[u8]) -> bool {
    const MOST: usize = 64;
    const FEWEST: usize = 3;
    let is_sure = |sign: usize| {
        matches!(part(bytes, sign + 1, sign + 3), b"40")
            && before(bytes, sign).is_ascii_alphanumeric()
            && at(bytes, sign + 3).is_ascii_alphanumeric()
            || at(bytes, sign + 1) == b'?' && header_word(bytes, sign)
    };
    let mut count = 0;
    memchr::memchr_iter(b'=', bytes).take(MOST).any(|sign| {
        count += usize::from(quoted(bytes, sign).is_some());
        count >= FEWEST || is_sure(sign)
    })
}

/// Whether a header's word starts there whose letters are quoted.
fn header_word(bytes: &[u8], start: usize) -> bool {
    const LONGEST: usize = 24;
    let name = run_end(bytes, start + 2, LONGEST, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    matches!(part(bytes, name, name + 3), b"?Q?" | b"?q?")
}

/// `=41` (RFC 2045, section 6.7), or the end of a line that goes on.
fn quoted(bytes: &[u8], position: usize) -> Option<(u32, usize)> {
    let is_digit = |b: u8| b.is_ascii_digit() || matches!(b, b'A'..=b'F');
    let (high, low) = (at(bytes, position + 1), at(bytes, position + 2));
    if !is_digit(high) || !is_digit(low) {
        return None;
    }
    let byte = nibble(high)? * 16 + nibble(low)?;
    is_printable(byte).then_some((u32::from(byte), position + 3))
}

/// `%41`, `%u0041`; bytes beyond ASCII are joined to their character.
fn percent(bytes: &[u8], position: usize) -> Option<(u32, usize)> {
    if matches!(at(bytes, position + 1), b'u' | b'U') {
        return hexadecimal(bytes, position + 2, 4);
    }
    let byte_at = |place: usize| {
        (at(bytes, place) == b'%').then_some(())?;
        Some(nibble(at(bytes, place + 1))? * 16 + nibble(at(bytes, place + 2))?)
    };
    let first = byte_at(position)?;
    let length = match first {
        0..=0x7F => return Some((u32::from(first), position + 3)),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let mut sequence = [0_u8; 4];
    for (place, slot) in sequence.iter_mut().take(length).enumerate() {
        *slot = byte_at(position + place * 3)?;
    }
    let character = std::str::from_utf8(part(&sequence, 0, length)).ok()?.chars().next()?;
    Some((u32::from(character), position + length * 3))
}

/// `&#65;`, `&#x41;`, `&commat;` and the few names that stand for ASCII.
fn entity(bytes: &[u8], position: usize) -> Option<(u32, usize)> {
    if at(bytes, position + 1) == b'#' {
        let is_hex = matches!(at(bytes, position + 2), b'x' | b'X');
        let start = position + 2 + usize::from(is_hex);
        // However many zeros are before it.
        let end = run_end(bytes, start, 24, |b| b.is_ascii_hexdigit());
        let digits = std::str::from_utf8(part(bytes, start, end)).ok()?;
        let code = u32::from_str_radix(digits, if is_hex { 16 } else { 10 }).ok()?;
        return Some((code, end + usize::from(at(bytes, end) == b';')));
    }
    const NAMES: [(&[u8], u32); 30] = [
        (b"commat;", 0x40),
        (b"period;", 0x2E),
        (b"nbsp;", 0x20),
        (b"nbsp", 0x20),
        (b"ensp;", 0x20),
        (b"emsp;", 0x20),
        (b"thinsp;", 0x20),
        (b"hairsp;", 0x20),
        (b"numsp;", 0x20),
        (b"puncsp;", 0x20),
        (b"Tab;", 0x09),
        (b"NewLine;", 0x0A),
        (b"amp;", 0x26),
        (b"quot;", 0x22),
        (b"apos;", 0x27),
        (b"lt;", 0x3C),
        (b"gt;", 0x3E),
        (b"colon;", 0x3A),
        (b"plus;", 0x2B),
        (b"minus;", 0x2D),
        (b"hyphen;", 0x2D),
        (b"dash;", 0x2D),
        (b"ndash;", 0x2D),
        (b"mdash;", 0x2D),
        (b"shy;", 0xAD),
        (b"zwnj;", 0x200C),
        (b"zwj;", 0x200D),
        (b"lowbar;", 0x5F),
        (b"sol;", 0x2F),
        (b"num;", 0x23),
    ];
    let rest = part(bytes, position + 1, (position + 9).min(bytes.len()));
    NAMES
        .iter()
        .find(|(name, _)| rest.starts_with(name))
        .map(|(name, code)| (*code, position + 1 + name.len()))
}

/// `\u0041`, `\x41`, `\u{41}`, `\101`, and the signs that Markdown and SQL have a backslash before.
fn escape(bytes: &[u8], position: usize) -> Option<(u32, usize)> {
    if part(bytes, position + 1, position + 3) == b"u{" {
        let start = position + 3;
        let end = run_end(bytes, start, 6, |b| b.is_ascii_hexdigit());
        let code = u32::from_str_radix(std::str::from_utf8(part(bytes, start, end)).ok()?, 16).ok()?;
        return (at(bytes, end) == b'}').then_some((code, end + 1));
    }
    match at(bytes, position + 1) {
        b'u' => hexadecimal(bytes, position + 2, 4),
        b'x' => hexadecimal(bytes, position + 2, 2),
        b'0'..=b'3' => {
            let end = run_end(bytes, position + 1, 3, |b| matches!(b, b'0'..=b'7'));
            let code =
                part(bytes, position + 1, end).iter().fold(0, |code, b| code * 8 + u32::from(b - b'0'));
            (end == position + 4 && code >= 0x20).then_some((code, end))
        }
        // Laid out by a program, and written as it was told.
        b'n' | b'r' | b't' | b'b' | b'f' => Some((u32::from(b' '), position + 2)),
        sign @ (b'"' | b'\'' | b'\\' | b'-' | b'_' | b'@' | b'.' | b'+' | b'/' | b':' | b'(' | b')'
        | b'#' | b'~' | b'&' | b'*' | b'=') => Some((u32::from(sign), position + 2)),
        _ => None,
    }
}

/// So many hexadecimal digits: what they stand for, and where they end.
fn hexadecimal(bytes: &[u8], start: usize, length: usize) -> Option<(u32, usize)> {
    let digits = part(bytes, start, start + length);
    if digits.len() != length || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((code, start + length))
}

/// What stands in quoted-printable may be seen.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn characters_written_in_others_are_read() {
        for text in [
            "ana%u0040example.com",
            "ana\\100example.com",
            "ana&#0000000064;example.com",
            "ana&#x00000040;example.com",
            "ana\\@example.com",
            "ana\\_lopez@example.com",
            "ana=40example.com",
        ] {
            check(&format!("see {text}, ok"), "see [EMAIL], ok");
        }
        check("=?utf-8?Q?ana=40example.com?=", "=?utf-8?Q?[EMAIL]?=");
        check("=?utf-8?Q?4111=201111=201111=201111?=", "=?utf-8?Q?[CARD]?=");
        for text in
            ["536\\-22\\-1234", "536&mdash;22&mdash;1234", "536&nbsp22&nbsp1234", "536&minus;22&zwnj;-1234"]
        {
            check(&format!("see {text}, ok"), "see [US_SSN], ok");
        }
        check("415&thinsp;555&minus;0100", "[PHONE]");
        for value in ["536-22-1234", "203.0.113.77", "415-555-2671", "AKIAMMIMDF57SIUD2DH6"] {
            let text = format!("line one\\n{value}\\nline three");
            let shown = super::super::Detectors::standard().redact_text(&text, "").into_owned();
            assert!(shown.starts_with("line one\\n[") && shown.ends_with("]\\nline three"), "{shown}");
        }
        for text in ["a=40&b=20", "\\1 \\2 \\101", "50%u", "C:\\_x\\.y", "R&Dash; &ensp"] {
            stays(text);
        }
    }
}
