//! Payment cards: in groups, glued to letters, between marks, in numbers with an exponent.

use super::digits::{MOST_DIGITS, Window};
use super::scan::Scan;
use super::topic::Topic;
use super::{Kind, checks};
use crate::lexical::{at, before, is_word, part, run_end, run_start};

/// Whether a window is a card's number.
pub(super) fn is_card(window: &Window<'_>) -> bool {
    let digits = window.digits;
    if !(12..=19).contains(&digits.len()) || window.starts_with_date() {
        return false;
    }
    let shape_is_usual = matches!(window.groups.len(), 1)
        || window.is_shaped(&[4, 4, 4, 4])
        || window.is_shaped(&[4, 6, 5])
        || window.is_shaped(&[4, 6, 4])
        || window.is_shaped(&[4, 4, 4, 4, 3])
        || window.is_shaped(&[6, 13])
        || window.is_shaped(&[4, 4, 4, 3])
        || window.is_shaped(&[4, 4, 4, 2]);
    let is_shaped = shape_is_usual || window.is_whole;
    is_shaped && checks::luhn(digits) && (checks::card_issuer(digits) || window.topic.has(Topic::CARD))
}

/// Marks between the groups of a card that stand between any numbers as well: the groups are then exactly as printed
/// on cards, and nothing of the kind goes on behind them.
const MARKS: &[&[u8]] = &[
    b",", b", ", b"|", b" | ", b";", b"; ", b":", b"*", b"+", b"'", b"~", b"=", b"#", b"\\n", b"\\r\\n",
    b"\\t", b"<br>", b"<br/>", b"<br />", b"\",\"", b"\", \"", b"','", b"', '",
];

/// A card whose groups have one of [`MARKS`] between; answers its end.
pub(super) fn between_marks(scan: &mut Scan<'_>, start: usize) -> Option<usize> {
    const SHAPES: [&[usize]; 2] = [&[4, 4, 4, 4], &[4, 6, 5]];
    const LONGEST: usize = 6;
    let text = scan.text;
    let seam_end = run_end(text, start + 4, LONGEST + 1, |b| !b.is_ascii_digit());
    let seam = part(text, start + 4, seam_end);
    if !MARKS.contains(&seam) || !scan.spend(32) {
        return None;
    }
    let goes_on = |position: usize| {
        part(text, position, position + seam.len()) == seam
            && at(text, position + seam.len()).is_ascii_digit()
    };
    let is_first =
        !part(text, 0, start).ends_with(seam) || !before(text, start - seam.len()).is_ascii_digit();
    let mut digits = [0; 16];
    let found = SHAPES.iter().find_map(|shape| {
        let (mut position, mut count) = (start, 0);
        for &length in *shape {
            if count > 0 {
                position = goes_on(position).then_some(position + seam.len())?;
            }
            let end = run_end(text, position, length + 1, |b| b.is_ascii_digit());
            let slots = digits.get_mut(count..count + length).filter(|_| end - position == length)?;
            slots.iter_mut().zip(part(text, position, end)).for_each(|(digit, b)| *digit = b - b'0');
            count += length;
            position = end;
        }
        (!is_word(at(text, position)) && !goes_on(position)).then_some((position, count))
    });
    let (end, count) = found.filter(|_| is_first)?;
    let digits = digits.get(..count)?;
    if !checks::luhn(digits) || !checks::card_issuer(digits) {
        return None;
    }
    scan.found(start, end, Kind::Card);
    Some(end)
}

/// Digits that a card glued to letters has at least.
pub(super) const FEWEST: usize = 13;

/// Letters that may stand around the digits of a card in one word: `visa4111…`, `4111…x`.
const MOST_GLUED: usize = 12;

/// Finds a card whose digits are glued to a few letters. Digits that are cut by letters, as those of hashes and keys
/// are, are no card.
pub(super) fn glued(scan: &mut Scan<'_>, start: usize, end: usize) {
    let text = scan.text;
    let from = run_end(text, start, MOST_GLUED + 1, |b| !b.is_ascii_digit());
    let to = run_end(text, from, MOST_DIGITS, |b| b.is_ascii_digit());
    let is_one_group = to <= end && part(text, to, end).iter().all(|b| !b.is_ascii_digit());
    let letters = (from - start) + end.saturating_sub(to);
    if matches!(at(text, to), b'e' | b'E') || before(text, start) == b'.' {
        with_exponent(scan, start, end);
    }
    // The exponent of a decimal fraction is glued to its digits, too.
    let is_fraction = before(text, start) == b'.';
    if !(FEWEST..=19).contains(&(to - from)) || !is_one_group || letters > MOST_GLUED || is_fraction {
        return;
    }
    let mut digits = [0; 19];
    for (place, byte) in digits.iter_mut().zip(part(text, from, to)) {
        *place = byte - b'0';
    }
    let digits = digits.get(..to - from).unwrap_or_default();
    if scan.spend(24) && checks::luhn(digits) && checks::card_issuer(digits) {
        scan.found(from, to, Kind::Card);
    }
}

/// A card in a number with an exponent, `4.111111111111111e15`; the word behind its point or the whole of it is given.
fn with_exponent(scan: &mut Scan<'_>, start: usize, end: usize) {
    let text = scan.text;
    let from = if before(text, start) == b'.' {
        run_start(text, start - 1, 3, |b| b.is_ascii_digit())
    } else {
        start
    };
    // `e+15` goes on behind the sign.
    let is_signed = matches!(before(text, end), b'e' | b'E') && at(text, end) == b'+';
    let to = if is_signed { run_end(text, end + 1, 3, |b| b.is_ascii_digit()) } else { end };
    if is_word(before(text, from)) || before(text, from) == b'.' || !scan.spend(24) {
        return;
    }
    let Some(written) = written_out(part(text, from, to)) else { return };
    let digits: Vec<u8> = written.bytes().map(|b| b - b'0').collect();
    if (FEWEST..=19).contains(&digits.len()) && checks::luhn(&digits) && checks::card_issuer(&digits) {
        scan.found(from, to, Kind::Card);
    }
}

/// Whether a whole text may be a number with an exponent: a look at a few bytes.
#[inline]
pub(super) fn may_have_exponent(text: &[u8]) -> bool {
    let digit = if at(text, 0) == b'-' { 1 } else { 0 };
    (4..=MOST_WITH_EXPONENT).contains(&text.len())
        && at(text, digit).is_ascii_digit()
        && text.iter().rev().take(4).skip(1).any(|b| matches!(b, b'e' | b'E'))
}

/// Bytes of a number with an exponent that stands for a number of at most nineteen digits.
const MOST_WITH_EXPONENT: usize = 30;

/// The digits that `4.1e15` stands for, where they are a whole number of nine to nineteen digits.
pub(super) fn written_out(text: &[u8]) -> Option<String> {
    let sign = text.iter().position(|b| matches!(b, b'e' | b'E'))?;
    let (mantissa, exponent) = text.split_at_checked(sign)?;
    let exponent = exponent.get(1..)?;
    let exponent = exponent.strip_prefix(b"+").unwrap_or(exponent);
    if exponent.is_empty() || exponent.len() > 2 || !exponent.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = exponent.iter().fold(0, |n, digit| n * 10 + usize::from(digit - b'0'));
    let mantissa = mantissa.strip_prefix(b"-").unwrap_or(mantissa);
    let point = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let (whole, fraction) = (part(mantissa, 0, point), mantissa.get(point + 1..).unwrap_or_default());
    let behind = run_start(fraction, fraction.len(), fraction.len(), |b| b == b'0');
    let missing = zeros.checked_sub(behind)?;
    let is_number = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    if !is_number(whole) || !is_number(fraction) || whole.first().is_none_or(|&b| b == b'0') {
        return None;
    }
    if !(9..=19).contains(&(whole.len() + zeros)) {
        return None;
    }
    let digits = whole.iter().chain(part(fraction, 0, behind)).map(|&b| char::from(b));
    Some(digits.chain(std::iter::repeat_n('0', missing)).collect())
}
