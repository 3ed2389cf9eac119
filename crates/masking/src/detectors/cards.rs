//! Payment cards: in groups, glued to letters, between marks, in numbers with an exponent.

use super::digits::MOST_DIGITS;
use super::groups::Window;
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
    // Points between some of the groups only are those of fractions.
    let points = (1..window.groups.len()).filter(|right| window.seam(right - 1) == b".").count();
    let is_shaped =
        (shape_is_usual || window.is_whole) && matches!(points, 0) | (points + 1 == window.groups.len());
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

#[cfg(test)]
mod tests {
    use super::super::Detectors;
    use super::super::tests::{check, check_under, stays};
    use super::*;

    #[test]
    fn a_card_is_found_whatever_stands_between_its_groups() {
        for mark in [",", ", ", "|", ";", ":", "*", "\r\n", "\\n", "<br>", "\",\"", "  ", "+"] {
            check(&format!("see 4111{mark}1111{mark}1111{mark}1111."), "see [CARD].");
            check(&format!("see 3782{mark}822463{mark}10005."), "see [CARD].");
        }
        stays("4111,1111,1111,1112");
        stays("4111,1111;1111,1111");
        stays("1,4111,1111,1111,1111");
        stays("4111,1111,1111,1111,5");
        stays("9111,1111,1111,1111");
    }

    #[test]
    fn cards_of_smaller_issuers_are_found_and_any_card_where_it_is_named() {
        for card in [
            "9860 4454 4520 1889",
            "8600 1885 1429 7084",
            "9704 1234 5678 9012 340",
            "2205 0012 3456 7893",
            "213112345678904",
            "6370 9512 3456 7897",
        ] {
            let digits: Vec<u8> = card.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
            let body = digits.split_last().unwrap().1;
            let check_digit = (0..10).find(|last| checks::luhn(&[body, &[*last]].concat())).unwrap();
            let card = format!("{}{check_digit}", card.split_at(card.len() - 1).0);
            check(&format!("paid with {card} now"), "paid with [CARD] now");
        }
        // Visa of thirteen digits, UATP.
        stays("4222222222222");
        check("card number: 4222222222222", "card number: [CARD]");
        stays("135412345678911");
        check("credit card 135412345678911", "credit card [CARD]");
        stays("credit card 135412345678912");
        stays("POINT(-47.353028 15.823368)");
        stays("65067534347886633");
    }

    #[test]
    fn a_number_with_an_exponent_is_its_digits() {
        check("4.111111111111111e15", "[CARD]");
        check("4.111111111111111E+15", "[CARD]");
        check("pay 4.111111111111111e15 now", "pay [CARD] now");
        check("pay 4111111111111111e0, 4.111111111111111e+15.", "pay [CARD], [CARD].");
        check_under("ssn", "7.8051120e8", "[US_SSN]");
        stays("4.111111111111112e15");
        stays("4.111111111111111e14");
        stays("4.111111111111111e-15");
        stays("6.02214076e23");
        stays("1e99");
        stays("1e9");
    }

    #[test]
    fn a_float_counts_as_any_other_number() {
        let (detectors, keys) = (Detectors::standard(), crate::TokenKeys::new([0; 32]));
        let shown = |name: &str, value: &'static str| {
            let treatment = domain::Treatment::Clear;
            crate::mask_value(&treatment, &domain::SqlType::Real, Some(value), &keys, &detectors, name)
                .is_some()
        };
        for (name, value) in [
            ("V", "4111111111111111"),
            ("V", "4.111111111111111e15"),
            ("V", "4111111111111111.0"),
            ("SSN", "78051120"),
            ("SSN", "1.23456789e+08"),
            ("PHONE", "4155550123"),
            ("CARD_NUMBER", "9111111111111111"),
            ("CUSTOMER_LATITUDE", "48.137154"),
        ] {
            assert!(!shown(name, value), "{name} {value}");
        }
        for (name, value) in [
            ("V", "4111111111111112"),
            ("V", "48.137154"),
            ("LATITUDE", "48.137154"),
            ("V", "1700000000000"),
            ("V", "1.5e300"),
            ("V", "-0"),
            ("V", "NaN"),
            ("SSN", "inf"),
            ("PHONE_COST", "12345678.25"),
            ("V", "0.000000123456789"),
        ] {
            assert!(shown(name, value), "{name} {value}");
        }
    }
}
