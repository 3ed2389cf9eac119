//! One level of encoding, undone: base64, base32, hexadecimal, percent, quoted-printable, HTML entities, `\u` escapes.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::fold::View;
use super::gate::{Gate, next_long_run};
use super::joints;
use super::scan::Scan;
use super::{Finding, Kind};
use crate::lexical::{at, is_token, part, run_end};

/// Padding may be missing: tokens are often cut.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Looks into every long run of characters that may be an encoding of text.
pub(super) fn long_runs(scan: &mut Scan<'_>, first: (usize, usize)) {
    let text = scan.text;
    let mut run = Some(first);
    // Up to where lines have been joined: none is joined twice.
    let mut joined = 0;
    while let Some((start, end)) = run {
        run = next_long_run(text, end);
        if start >= joined
            && let Some(last) = lines_end(text, start, end)
        {
            joined = last;
            let lines: Vec<u8> =
                part(text, start, last).iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
            if look_into_run(scan, &lines, start, last) {
                run = next_long_run(text, last);
                continue;
            }
        }
        let run_bytes = part(text, start, end);
        // `key=dGV4dA==`: padding stands at the end, a sign within.
        let padded = run_bytes.len() - run_bytes.iter().rev().take_while(|&&b| b == b'=').count();
        let value = memchr::memrchr(b'=', part(run_bytes, 0, padded)).map_or(0, |sign| sign + 1);
        let value = start + value;
        let prefix = usize::from(part(text, value, value + 2).eq_ignore_ascii_case(b"0x")) * 2;
        look_into(scan, value + prefix, end);
    }
}

/// Hexadecimal bytes with a separator between (`61 6e 61 40`, `61:6e`, `0x61, 0x6e`), at least this many.
const FEWEST_PAIRS: usize = 9;

/// Looks into the row of such bytes that starts there; answers its end where something was found.
pub(super) fn hex_pairs(scan: &mut Scan<'_>, start: usize) -> Option<usize> {
    let text = scan.text;
    let start =
        if matches!(part(text, start.saturating_sub(2), start), b"0x" | b"0X") { start - 2 } else { start };
    if start < scan.hex_read {
        return None;
    }
    let (_, first_end) = pair(text, start)?;
    let gap_end = run_end(text, first_end, 2, |b| matches!(b, b' ' | b':' | b'-' | b',' | b'.' | b'\n'));
    let gap = part(text, first_end, gap_end);
    // Most words of two are no such row: the next one tells.
    if gap.is_empty() || pair(text, gap_end).is_none() {
        return None;
    }
    let mut decoded = std::mem::take(scan.decoded);
    decoded.clear();
    let (mut next, mut end) = (start, start);
    while let Some((byte, pair_end)) = pair(text, next) {
        decoded.push(byte);
        end = pair_end;
        next = end + gap.len();
        if part(text, end, next) != gap {
            break;
        }
    }
    scan.hex_read = end;
    let known = scan.findings.len();
    if decoded.len() >= FEWEST_PAIRS && scan.spend(decoded.len()) && is_readable(&decoded) {
        look_at(scan, start, end, &decoded);
    }
    *scan.decoded = decoded;
    (scan.findings.len() > known).then_some(end)
}

/// Two hexadecimal digits that stand alone, perhaps with `0x` or `\\x` before them: the byte, and where they end.
fn pair(text: &[u8], start: usize) -> Option<(u8, usize)> {
    let digits = match part(text, start, start + 2) {
        [b'0' | b'\\', b'x' | b'X'] => start + 2,
        _ => start,
    };
    let byte = nibble(at(text, digits))? * 16 + nibble(at(text, digits + 1))?;
    (!at(text, digits + 2).is_ascii_alphanumeric()).then_some((byte, digits + 2))
}

fn look_into(scan: &mut Scan<'_>, start: usize, end: usize) {
    let run = part(scan.text, start, end);
    if let Some(last) = discord(scan.text, start, end) {
        scan.found(start, last, Kind::Secret);
        return;
    }
    if is_mailchimp(run) {
        scan.found(start, end, Kind::Secret);
        return;
    }
    look_into_run(scan, run, start, end);
}

/// Looks into an encoding that stands there, and may be written over several lines; whether anything was found.
fn look_into_run(scan: &mut Scan<'_>, run: &[u8], start: usize, end: usize) -> bool {
    let known = scan.findings.len();
    let mut decoded = std::mem::take(scan.decoded);
    if decode(run, &mut decoded) {
        look_at(scan, start, end, &decoded);
    }
    *scan.decoded = decoded;
    scan.findings.len() > known
}

/// The end of the last line of an encoding that is written in lines of one length, the first of which is that run.
fn lines_end(text: &[u8], start: usize, end: usize) -> Option<usize> {
    const SHORTEST: usize = 40;
    let length = end - start;
    if length < SHORTEST || !length.is_multiple_of(4) {
        return None;
    }
    let mut last = end;
    loop {
        let next = match part(text, last, last + 2) {
            [b'\n', ..] => last + 1,
            b"\r\n" => last + 2,
            _ => break,
        };
        let line = run_end(text, next, length, is_token);
        if line == next || is_token(at(text, line)) {
            break;
        }
        last = line;
        if line - next < length {
            break;
        }
    }
    (last > end).then_some(last)
}

/// A bot's token: its number in base64, a time, a signature.
fn discord(text: &[u8], start: usize, end: usize) -> Option<usize> {
    if !(23..=28).contains(&(end - start)) || at(text, end) != b'.' {
        return None;
    }
    let is_url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let time = run_end(text, end + 1, 8, is_url);
    let last = run_end(text, time + 1, 48, is_url);
    let mut number = [0_u8; 24];
    let length = URL_SAFE.decode_slice(part(text, start, end), &mut number).ok()?;
    let is_number = part(&number, 0, length).iter().all(u8::is_ascii_digit) && length >= 17;
    (is_number && time - end == 7 && at(text, time) == b'.' && last - time > 26).then_some(last)
}

/// Thirty-two hexadecimal digits and a data centre.
fn is_mailchimp(run: &[u8]) -> bool {
    (36..=38).contains(&run.len())
        && part(run, 32, 35) == b"-us"
        && part(run, 0, 32).iter().all(u8::is_ascii_hexdigit)
        && part(run, 35, run.len()).iter().all(u8::is_ascii_digit)
}

/// Scans what an encoding that stands there holds.
fn look_at(scan: &mut Scan<'_>, start: usize, end: usize, decoded: &[u8]) {
    if scan.spend(decoded.len()) {
        let mut inner: Vec<Finding> = Vec::new();
        let mut nothing = Vec::new();
        let gate = Gate::of(decoded);
        let mut nested = Scan {
            text: decoded,
            context: scan.context,
            literals: scan.literals,
            set: scan.set,
            findings: &mut inner,
            decoded: &mut nothing,
            fuel: scan.fuel,
            is_nested: true,
            has_address_words: false,
            hex_read: 0,
        };
        nested.run(&gate);
        scan.fuel = nested.fuel;
        if let Some(first) = inner.first() {
            let several = Finding::new(start, end, Kind::Encoded);
            scan.found_encoded(start, end, if inner.len() == 1 { *first } else { several });
        }
    }
}

/// Decodes a run into printable text; false when it is none.
fn decode(run: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let is_wide = part(run, 0, 2) == b"00" || part(run, 2, 4) == b"00";
    let is_hex = run.len() >= 14
        && run.len().is_multiple_of(2)
        && (matches!(run.first(), Some(b'2'..=b'7')) || is_wide)
        && run.iter().all(u8::is_ascii_hexdigit);
    if is_hex {
        let may_be = |b: &u8| is_printable(*b) || is_wide && *b == 0;
        let pairs = run.chunks_exact(2).map_while(|pair| match pair {
            [high, low] => Some(nibble(*high)? * 16 + nibble(*low)?).filter(may_be),
            _ => None,
        });
        out.extend(pairs);
        if out.len() * 2 == run.len() {
            narrow(out);
            return is_readable(out);
        }
        out.clear();
    }
    if run.len() >= 16 && base32_into(run, out) {
        return is_readable(out);
    }
    out.clear();
    // Most of what is no text shows it soon.
    let is_wide = may_be_wide(run);
    if !is_wide && !may_be_text(run) {
        return false;
    }
    let engine = if run.iter().any(|b| matches!(b, b'-' | b'_')) { &URL_SAFE } else { &STANDARD };
    if engine.decode_vec(run, out).is_err() {
        return false;
    }
    if is_wide {
        narrow(out);
    }
    is_readable(out)
}

/// Whether a run in base64 may begin with UTF-16: every second one of its first six bytes is zero.
#[inline]
fn may_be_wide(run: &[u8]) -> bool {
    let mut head = [0; 6];
    let is_whole = run.len() >= 16 && STANDARD.decode_slice(part(run, 0, 8), &mut head) == Ok(6);
    let zeros = head.map(|b| b == 0);
    is_whole
        && (zeros == [false, true, false, true, false, true]
            || zeros == [true, false, true, false, true, false])
}

/// Drops the zeros of UTF-16 whose characters are ASCII.
fn narrow(bytes: &mut Vec<u8>) {
    let (pairs, rest) = bytes.as_chunks::<2>();
    // A mark of byte order may stand before.
    let is_little = pairs.iter().all(|pair| pair[1] == 0);
    let is_big = pairs.iter().all(|pair| pair[0] == 0);
    if rest.is_empty() && is_little != is_big {
        let mut keep = is_big;
        bytes.retain(|_| {
            keep = !keep;
            keep
        });
    }
}

/// What each character of base64 stands for, in either alphabet; 0xFF for what is none.
static BASE64: [u8; 256] = {
    let mut values = [0xFF; 256];
    let mut byte = 0_u8;
    let mut rest: &mut [u8] = &mut values;
    while let [first, others @ ..] = rest {
        *first = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => 0xFF,
        };
        byte = byte.wrapping_add(1);
        rest = others;
    }
    values
};

/// Whether the bytes that a run encodes may be text, as far as whole groups of four tell. Padding stands in the last one.
#[inline]
fn may_be_text(run: &[u8]) -> bool {
    let (quads, _) = run.as_chunks::<4>();
    let (_, quads) = quads.split_last().unwrap_or((&[0; 4], &[]));
    quads.iter().all(|quad| {
        let values = quad.map(|b| BASE64.get(usize::from(b)).copied().unwrap_or(0xFF));
        let [a, b, c, d] = values;
        let bytes = [(a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d];
        (a | b | c | d) < 64 && bytes.iter().all(|&b| is_printable(b) || b >= 0x80)
    })
}

/// Decodes base32 (RFC 4648, section 6), padded or not; false when it is none.
fn base32_into(run: &[u8], out: &mut Vec<u8>) -> bool {
    let body = run.len() - run.iter().rev().take_while(|&&b| b == b'=').count();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for &byte in part(run, 0, body) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return false,
        };
        bits = (bits << 5) | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            let decoded = u8::try_from((bits >> held) & 0xFF).unwrap_or(0);
            if !is_printable(decoded) && decoded < 0x80 {
                return false;
            }
            out.push(decoded);
        }
        bits &= (1 << held) - 1;
    }
    true
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

/// Whether `=41` stands for a character here: several do, and `a=12` does not make a query one.
pub(super) fn is_quoted_printable(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'=', bytes).take(64).filter(|&sign| quoted(bytes, sign).is_some()).count() >= 3
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

/// `\u0041`, `\x41`, `\u{41}`.
fn escape(bytes: &[u8], position: usize) -> Option<(u32, usize)> {
    if part(bytes, position + 1, position + 3) == b"u{" {
        let start = position + 3;
        let end = run_end(bytes, start, 6, |b| b.is_ascii_hexdigit());
        let code = u32::from_str_radix(std::str::from_utf8(part(bytes, start, end)).ok()?, 16).ok()?;
        return (at(bytes, end) == b'}').then_some((code, end + 1));
    }
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
