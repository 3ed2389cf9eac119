//! One level of encoding, undone: base64, hexadecimal, percent, HTML entities, `\u` escapes.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::fold::View;
use super::scan::{Gate, Scan, next_long_run};
use super::{Finding, Kind};
use crate::lexical::{at, part, run_end};

/// Padding may be missing: tokens are often cut.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Looks into every long run of characters that may be an encoding of text.
pub(super) fn long_runs(scan: &mut Scan<'_>) {
    let text = scan.text;
    let mut from = 0;
    while let Some((start, end)) = next_long_run(text, from) {
        from = end;
        let run = part(text, start, end);
        // `key=dGV4dA==`: padding stands at the end, a sign within.
        let padded = run.len() - run.iter().rev().take_while(|&&b| b == b'=').count();
        let value = memchr::memrchr(b'=', part(run, 0, padded)).map_or(0, |sign| sign + 1);
        let value = start + value;
        let prefix = usize::from(part(text, value, value + 2).eq_ignore_ascii_case(b"0x")) * 2;
        look_into(scan, value + prefix, end);
    }
}

fn look_into(scan: &mut Scan<'_>, start: usize, end: usize) {
    let run = part(scan.text, start, end);
    let mut decoded = std::mem::take(scan.decoded);
    let is_text = decode(run, &mut decoded);
    if is_text && scan.spend(decoded.len()) {
        let mut inner: Vec<Finding> = Vec::new();
        let mut nothing = Vec::new();
        let gate = Gate::of(&decoded);
        let mut nested = Scan {
            text: &decoded,
            context: scan.context,
            literals: scan.literals,
            findings: &mut inner,
            decoded: &mut nothing,
            fuel: scan.fuel,
            is_nested: true,
        };
        nested.run(&gate);
        scan.fuel = nested.fuel;
        if let Some(first) = inner.first() {
            let kind = if inner.len() == 1 { first.kind } else { Kind::Encoded };
            scan.found(start, end, kind);
        }
    }
    *scan.decoded = decoded;
}

/// Decodes a run into printable text; false when it is none.
fn decode(run: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let is_hex = run.len() >= 14 && run.len().is_multiple_of(2) && run.iter().all(u8::is_ascii_hexdigit);
    if is_hex {
        let pairs = run.chunks_exact(2).map_while(|pair| match pair {
            [high, low] => Some(nibble(*high)? * 16 + nibble(*low)?).filter(|&b| is_printable(b)),
            _ => None,
        });
        out.extend(pairs);
        if out.len() * 2 == run.len() {
            return is_readable(out);
        }
        out.clear();
    }
    // The first bytes tell most of what is no text.
    let mut head = [0_u8; 6];
    let start = part(run, 0, 8);
    let engine = if run.iter().any(|b| matches!(b, b'-' | b'_')) { &URL_SAFE } else { &STANDARD };
    if engine.decode_slice(start, &mut head).is_err() || !head.iter().all(|&b| is_printable(b) || b >= 0xC2) {
        return false;
    }
    engine.decode_vec(run, out).is_ok() && is_readable(out)
}

fn nibble(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|n| u8::try_from(n).ok())
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// Text in which everything can be seen.
fn is_readable(bytes: &[u8]) -> bool {
    bytes.len() >= 6
        && std::str::from_utf8(bytes).is_ok()
        && bytes.iter().all(|&b| is_printable(b) || b >= 0x80)
}

/// Undoes percent, entity and `\u` escapes into a folded view; false when there are none.
pub(super) fn unescape_into(text: &str, view: &mut View) -> bool {
    view.clear();
    let bytes = text.as_bytes();
    let mut is_changed = false;
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let undone = match byte {
            b'%' => percent(bytes, position),
            b'&' => entity(bytes, position),
            b'\\' => escape(bytes, position),
            // Addresses are written so that nobody clicks on them.
            b'[' if part(bytes, position, position + 3) == b"[.]" => Some((u32::from(b'.'), position + 3)),
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

/// `%41`; bytes beyond ASCII are joined to their character.
fn percent(bytes: &[u8], position: usize) -> Option<(u32, usize)> {
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
        let end = run_end(bytes, start, 7, |b| b.is_ascii_hexdigit());
        let digits = std::str::from_utf8(part(bytes, start, end)).ok()?;
        let code = u32::from_str_radix(digits, if is_hex { 16 } else { 10 }).ok()?;
        return Some((code, end + usize::from(at(bytes, end) == b';')));
    }
    const NAMES: [(&[u8], u32); 14] = [
        (b"commat;", 0x40),
        (b"period;", 0x2E),
        (b"nbsp;", 0x20),
        (b"amp;", 0x26),
        (b"quot;", 0x22),
        (b"apos;", 0x27),
        (b"lt;", 0x3C),
        (b"gt;", 0x3E),
        (b"colon;", 0x3A),
        (b"hyphen;", 0x2D),
        (b"dash;", 0x2D),
        (b"ndash;", 0x2D),
        (b"shy;", 0xAD),
        (b"lowbar;", 0x5F),
    ];
    let rest = part(bytes, position + 1, (position + 9).min(bytes.len()));
    NAMES
        .iter()
        .find(|(name, _)| rest.starts_with(name))
        .map(|(name, code)| (*code, position + 1 + name.len()))
}

/// `\u0041`, `\x41`.
fn escape(bytes: &[u8], position: usize) -> Option<(u32, usize)> {
    let length = match at(bytes, position + 1) {
        b'u' => 4,
        b'x' => 2,
        _ => return None,
    };
    let start = position + 2;
    let digits = part(bytes, start, start + length);
    if digits.len() != length || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((code, start + length))
}
