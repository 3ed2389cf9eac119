//! One level of encoding, undone: base64, base32, hexadecimal.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::context::Shape;
use super::fold::View;
use super::gate::{Gate, next_long_run};
use super::scan::Scan;
use super::{Finding, Kind};
use crate::lexical::{at, is_token, nibble, part, run_end, run_start};

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
    if look_into_run(scan, run, start, end) {
        return;
    }
    if scan.context.shape == Shape::Hex {
        look_into_bytes(scan, run, start, end);
    } else {
        look_into_pieces(scan, start, end);
    }
}

/// Looks into what stands behind and between the signs of a run that is no encoding as a whole: `user_YW5h…`, `/u/616e…`,
/// and into the hexadecimal digits at its end.
fn look_into_pieces(scan: &mut Scan<'_>, start: usize, end: usize) {
    const MOST: usize = 12;
    const SHORTEST: usize = 16;
    let text = scan.text;
    let is_sign = |b: u8| matches!(b, b'_' | b'-' | b'/' | b'+');
    let mut piece = start;
    for _ in 0..MOST {
        let piece_end = run_end(text, piece, usize::MAX, |b| is_token(b) && !is_sign(b)).min(end);
        if end - piece < SHORTEST {
            break;
        }
        // The rest may have signs of its own.
        for to in [end, piece_end] {
            let is_whole = piece == start && to == end;
            if !is_whole && to - piece >= SHORTEST {
                if to - piece > 64 && !scan.spend(to - piece) {
                    return;
                }
                if look_into_run(scan, part(text, piece, to), piece, to) {
                    piece = to;
                    break;
                }
            }
            if piece_end == end {
                break;
            }
        }
        piece = run_end(text, piece.max(piece_end), usize::MAX, is_sign).min(end);
    }
    let digits = run_start(text, end, end - start, |b| b.is_ascii_hexdigit());
    let digits = digits + (end - digits) % 2;
    if digits > start && end - digits >= SHORTEST && is_hex_text(part(text, digits, end)) {
        look_into_run(scan, part(text, digits, end), digits, end);
    }
}

/// Looks into the texts within bytes: behind a length, before a zero, among the fields of a record.
#[cold]
fn look_into_bytes(scan: &mut Scan<'_>, run: &[u8], start: usize, end: usize) {
    const SHORTEST: usize = 6;
    let known = scan.findings.len();
    let mut bytes: Vec<u8> = run
        .chunks_exact(2)
        .map_while(|pair| match pair {
            [high, low] => Some(nibble(*high)? * 16 + nibble(*low)?),
            _ => None,
        })
        .collect();
    // Once as they are, once without the zeros of UTF-16.
    for _ in 0..2 {
        for stretch in bytes.split(|b| !is_printable(*b)).filter(|stretch| stretch.len() >= SHORTEST) {
            look_at(scan, start, end, stretch);
            if scan.findings.len() > known {
                return;
            }
        }
        bytes.retain(|b| *b != 0);
    }
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
        let mut view = View::default();
        let mut decoded = decoded;
        let mut gate = Gate::of(decoded);
        // It may be in disguise, too.
        if gate.is_beyond
            && let Ok(text) = std::str::from_utf8(decoded)
        {
            view.fold(text);
            decoded = &view.bytes;
            gate = Gate::of(decoded);
        }
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
            last: None,
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

/// Bytes that may stand before or behind a text within what is decoded: its length, a zero.
const MOST_AROUND: usize = 3;

/// Decodes a run into printable text; false when it is none.
fn decode(run: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    if run.len() >= 14 && is_hex_text(run) {
        let bytes = run.chunks_exact(2).map_while(|pair| match pair {
            [high, low] => Some(nibble(*high)? * 16 + nibble(*low)?),
            _ => None,
        });
        out.extend(bytes);
        if out.len() * 2 == run.len() {
            narrow(out);
            return trim(out);
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
    trim(out)
}

/// Whether hexadecimal digits may stand for text, as far as a few of them tell.
#[inline]
fn is_hex_text(run: &[u8]) -> bool {
    let is_first = |place: usize| matches!(at(run, place), b'2'..=b'7');
    let is_zero = |place: usize| part(run, place, place + 2) == b"00";
    let is_marked = || [&b"fffe"[..], b"feff"].iter().any(|mark| part(run, 0, 4).eq_ignore_ascii_case(mark));
    let may_be = is_first(4) && is_first(6) && is_first(8) || is_zero(0) || is_zero(2) || is_marked();
    run.len().is_multiple_of(2) && may_be && run.iter().all(u8::is_ascii_hexdigit)
}

/// Drops the few bytes around a text that are none; false when it is none either.
fn trim(bytes: &mut Vec<u8>) -> bool {
    let around = |bytes: &mut dyn Iterator<Item = &u8>| {
        bytes.take(MOST_AROUND).take_while(|b| !is_printable(**b) && **b < 0x80).count()
    };
    let behind = around(&mut bytes.iter().rev());
    bytes.truncate(bytes.len() - behind);
    let before = around(&mut bytes.iter());
    bytes.drain(..before);
    is_readable(bytes)
}

/// Whether a run in base64 may begin with UTF-16: every second one of its first bytes is zero, or a mark of byte order
/// stands before.
#[inline]
fn may_be_wide(run: &[u8]) -> bool {
    let mut head = [0; 6];
    let is_whole = run.len() >= 16 && STANDARD.decode_slice(part(run, 0, 8), &mut head) == Ok(6);
    let zeros = head.map(|b| b == 0);
    let is_marked = matches!(head, [0xFF, 0xFE, _, 0, _, 0] | [0xFE, 0xFF, 0, _, 0, _]);
    is_whole
        && (zeros == [false, true, false, true, false, true]
            || zeros == [true, false, true, false, true, false]
            || is_marked)
}

/// Drops the zeros of UTF-16 whose characters are ASCII, and the mark of byte order before them.
fn narrow(bytes: &mut Vec<u8>) {
    if matches!(bytes.as_slice(), [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
        bytes.drain(..2);
    }
    let (pairs, rest) = bytes.as_chunks::<2>();
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
    // A length may stand before.
    quads.iter().skip(1).all(|quad| {
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

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// Text in which everything can be seen.
fn is_readable(bytes: &[u8]) -> bool {
    bytes.len() >= 6
        && std::str::from_utf8(bytes).is_ok()
        && bytes.iter().all(|&b| is_printable(b) || b >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};
    use super::super::{Detectors, Scratch};

    #[test]
    fn an_encoding_is_found_behind_other_words_of_its_run() {
        let (mail, digits) = ("YW5hLmxvcGV6QGV4YW1wbGUuY29t", "616e612e6c6f70657a406578616d706c652e636f6d");
        for code in [mail, digits] {
            for (before, behind) in [
                ("user_", ""),
                ("https://x.io/y/", ""),
                ("/u/", "/more"),
                ("a-b-c-", ""),
                ("", "_old"),
                ("b64:", ""),
                ("key=/", ""),
            ] {
                check(
                    &format!("see {before}{code}{behind}, ok"),
                    &format!("see {before}[EMAIL]{behind}, ok"),
                );
            }
        }
        check(&format!("user{digits}"), "user[EMAIL]");
        stays("a_b_c_d_e_f_g_h_i_j_k_l_m_n_o_p_q_r_s_t_u_v_w_x_y_z");
        stays("550e8400-e29b-41d4-a716-446655440000");
        stays("/var/lib/some-thing/of_ours/and-others/of_theirs/v1/list");
    }

    #[test]
    fn an_encoding_may_begin_with_a_mark_or_a_length_and_end_with_a_zero() {
        check("//5hAG4AYQAuAGwAbwBwAGUAegBAAGUAeABhAG0AcABsAGUALgBjAG8AbQA=", "[EMAIL]");
        check("fffe61006e0061002e006c006f00400065007800610061002e0063006f00", "[EMAIL]");
        check("feff0061006e00610040006500780061002e0063006f", "[EMAIL]");
        check("0e616e61406578616d706c652e636f6d00", "[EMAIL]");
        check("D2FuYUBleGFtcGxlLmNvbQA=", "[EMAIL]");
    }

    #[test]
    fn what_an_encoding_holds_may_be_in_disguise() {
        // Digits of full width, blanks that do not break.
        check("Y2FyZCDvvJTvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJHvvJEgb2s=", "[CARD]");
        check("dGVsICs0OcKgMzDCoDEyMzQ1Njcgb2s=", "[PHONE]");
    }

    #[test]
    fn a_binary_value_is_searched_for_the_texts_in_it() {
        let kind = domain::SqlType::Binary { length: 100 };
        let detectors = Detectors::standard();
        let context = super::super::Context::of_column("NOTE", &kind, true);
        let is_found = |value: &str| detectors.redact_into(value, context, &mut Scratch::default());
        let mail = "616E61406578616D706C652E636F6D";
        let wide = "61006E00610040006500780061006D0070006C0065002E0063006F006D00";
        for value in
            [mail.to_owned(), format!("00{mail}"), format!("FF0A0F{mail}1203"), format!("DEADBEEF{wide}00FF")]
        {
            assert!(is_found(&value), "{value}");
        }
        assert!(!is_found("DEADBEEF00112233445566778899AABBCCDDEEFF"));
        assert!(!is_found("FF0A0F68656C6C6F20776F726C642C2068656C6C6F00"));
    }
}
