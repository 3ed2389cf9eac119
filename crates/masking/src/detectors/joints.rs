//! What stands within a value and is not seen where the text is shown or run: markup, joined strings, control characters.

use crate::lexical::{at, before, part, run_end};

/// Bytes of a tag or a comment at most.
const LONGEST: usize = 256;

/// Elements that only change how a part of a word looks.
const INLINE: [&[u8]; 30] = [
    b"abbr", b"bdi", b"bdo", b"data", b"kbd", b"label", b"q", b"samp", b"strike", b"time", b"a", b"b",
    b"big", b"code", b"del", b"em", b"font", b"i", b"ins", b"mark", b"s", b"small", b"span", b"strong",
    b"sub", b"sup", b"tt", b"u", b"wbr", b"nobr",
];

/// Whether there is any.
pub(super) fn is_any(text: &[u8]) -> bool {
    let may_start = |b: &u8| matches!(b, b'<' | b'*' | b'\'' | b'"') || is_control(*b);
    text.iter().enumerate().any(|(position, byte)| may_start(byte) && end(text, position).is_some())
}

/// Where that which starts there ends; none where a value does not go on behind it.
pub(super) fn end(text: &[u8], position: usize) -> Option<usize> {
    match *text.get(position)? {
        b'<' => markup(text, position),
        b'*' => bold(text, position),
        quote @ (b'\'' | b'"') => joined(text, position, quote),
        byte if is_control(byte) => Some(position + 1),
        _ => None,
    }
}

/// Control characters that no text is laid out with.
pub(super) const fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0x7F
}

/// Whether a value may go on there.
const fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b'-' | b'+' | b'_' | b'/' | b' ')
}

/// `7<b></b>1`, `7<!-- -->1`: tags and comments in a row.
fn markup(text: &[u8], position: usize) -> Option<usize> {
    const MOST: usize = 4;
    let last = before(text, position);
    if last == b' ' || !goes_on(last) {
        return None;
    }
    let mut end = position;
    for _ in 0..MOST {
        let Some(next) = element(text, end) else { break };
        end = next;
    }
    (end > position && goes_on(at(text, end))).then_some(end)
}

fn element(text: &[u8], position: usize) -> Option<usize> {
    let rest = part(text, position, text.len().min(position + LONGEST));
    if rest.starts_with(b"<!--") {
        return memchr::memmem::find(rest, b"-->").map(|found| position + found + 3);
    }
    if at(rest, 0) != b'<' {
        return None;
    }
    let name = 1 + usize::from(at(rest, 1) == b'/');
    let name_end = run_end(rest, name, 7, |b| b.is_ascii_alphabetic());
    let is_inline = INLINE.iter().any(|known| part(rest, name, name_end).eq_ignore_ascii_case(known));
    let close = memchr::memchr(b'>', rest)?;
    (is_inline && matches!(at(rest, name_end), b'>' | b' ' | b'/')).then_some(position + close + 1)
}

/// `4111**1111**`: a part in bold.
fn bold(text: &[u8], position: usize) -> Option<usize> {
    let is_pair = part(text, position, position + 2) == b"**";
    let last = before(text, position);
    (is_pair && last != b' ' && goes_on(last) && goes_on(at(text, position + 2))).then_some(position + 2)
}

/// `'41' || '11'`, `"41" + "11"`: two strings that are made one.
fn joined(text: &[u8], position: usize, quote: u8) -> Option<usize> {
    let blank = |from: usize| run_end(text, from, 16, |b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    let sign = blank(position + 1);
    let behind = match part(text, sign, sign + 2) {
        b"||" => sign + 2,
        [b'+' | b'&', _] => sign + 1,
        _ => return None,
    };
    let open = blank(behind);
    (goes_on(before(text, position)) && at(text, open) == quote).then_some(open + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn a_value_goes_on_behind_what_is_not_seen() {
        check("see 4111 1111<b></b> 1111 1111 thanks", "see [CARD] thanks");
        check("ana.lopez<!-- x -->@example.com", "[EMAIL]");
        check("536-2<em>2-1234</em>", "[US_SSN]</em>");
        check("4111 1111**1111 1111**", "[CARD]**");
        check("ref 536-2'||'2-1234 thanks", "ref [US_SSN] thanks");
        check("ref 4111 1111' + ' 1111 1111", "ref [CARD]");
        check("4111 1111\u{1} 1111 1111", "[CARD]");
        check("536-22'\n  || '-1234'", "[US_SSN]'");
        check("4111<bdi>1111</bdi>11111111", "[CARD]");
        let style = "font-weight:bold;color:red;text-decoration:underline;font-family:monospace";
        check(&format!("ana<span style=\"{style}\">.lopez</span>@example.com"), "[EMAIL]");
        for control in ['\0', '\u{7f}', '\u{85}', '\u{9c}'] {
            check(&format!("see ana.lo{control}pez@exam{control}ple.com"), "see [EMAIL]");
            check(&format!("see 4111 1111{control} 1111 1111 ok"), "see [CARD] ok");
            check(&format!("536-22{control}-1234"), "[US_SSN]");
        }
    }

    #[test]
    fn what_stands_apart_stays_apart() {
        for text in [
            "<td>4111</td><td>1111</td>",
            "<b>4111</b> <b>1111</b>",
            "2**10 and **bold** words",
            "it's 'a' + 'b' + c's",
            "a < b && c > d",
            "4111****1111",
        ] {
            stays(text);
        }
    }
}
