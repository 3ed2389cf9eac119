//! State numbers with letters in them that tell themselves by their check characters.

use super::groups::Window;
use super::{Kind, checks, nations};
use crate::lexical::{at, before, is_word, part, run_end};

fn value(word: &[u8], from: usize, to: usize) -> Option<u64> {
    let digits = word.get(from..to).filter(|d| d.iter().all(u8::is_ascii_digit))?;
    Some(digits.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}

fn letter_of(alphabet: &[u8], place: u64) -> u8 {
    usize::try_from(place).map_or(0, |place| at(alphabet, place))
}

/// State numbers with letters that tell themselves by shape and check character. The word is in capitals.
pub(super) fn evident(
    text: &[u8],
    word: &[u8],
    start: usize,
    end: usize,
    is_named: bool,
) -> Option<(usize, usize)> {
    let whole = Some((start, end));
    let last = at(word, word.len().saturating_sub(1));
    match word.len() {
        // Finland: `131052-308T` (the part behind the dash).
        4 => {
            let serial = value(word, 0, 3)?;
            let from = start.checked_sub(7)?;
            let date = value(text, from, from + 6)?;
            let is_shaped = matches!(before(text, start), b'-' | b'+') && !is_word(before(text, from));
            (is_shaped && is_finnish(date, serial, last)).then_some((from, end))
        }
        7 => hong_kong(text, word, start, end),
        8 => (is_named && ireland(word)).then_some((start, end)),
        9 => {
            let foreigner = match at(word, 0) {
                b'X' => Some(0),
                b'Y' => Some(1),
                b'Z' => Some(2),
                _ => None,
            };
            let spain = value(word, 0, 8).or_else(|| Some(foreigner? * 10_000_000 + value(word, 1, 8)?));
            let is_spain = spain.is_some_and(|n| letter_of(SPAIN, n % 23) == last);
            (is_spain || singapore(word) || ireland(word)).then_some((start, end))
        }
        10 => (india(word) || taiwan(word)).then_some((start, end)),
        11 => {
            let century = at(word, 6);
            let is_finland = matches!(century, b'A'..=b'F' | b'U'..=b'Y')
                && is_finnish(value(word, 0, 6)?, value(word, 7, 10)?, last);
            if is_finland { whole } else { None }
        }
        16 => italy(word).then_some((start, end)),
        18 => {
            let digits: [u8; 17] = std::array::from_fn(|place| at(word, place).wrapping_sub(b'0'));
            let is_china = last == b'X' && value(word, 0, 17).is_some() && checks::cn_ric(&digits, true);
            (is_china || mexico(word)).then_some((start, end))
        }
        _ => None,
    }
}

fn is_finnish(date: u64, serial: u64, check: u8) -> bool {
    const MARKS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let (day, month) = (date / 10_000, date / 100 % 100);
    checks::is_day(month, day) && letter_of(MARKS, (date * 1000 + serial) % 31) == check
}

/// `A123456(7)`.
fn hong_kong(text: &[u8], word: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let number = value(word, 1, 7)?;
    let check = at(text, end + 1);
    let is_shaped = at(word, 0).is_ascii_uppercase() && at(text, end) == b'(' && at(text, end + 2) == b')';
    let check = if check.eq_ignore_ascii_case(&b'A') {
        10
    } else {
        u64::from(check.checked_sub(b'0').filter(|d| *d < 10)?)
    };
    let digits =
        (0..6_u32).map(|place| number / 10_u64.pow(5 - place) % 10 * u64::from(7 - place)).sum::<u64>();
    let sum = 36 * 9 + (u64::from(at(word, 0)) - 55) * 8 + digits + check;
    (is_shaped && sum.is_multiple_of(11)).then_some((start, end + 3))
}

/// Seven digits and one or two letters, mod 23.
fn ireland(word: &[u8]) -> bool {
    const MARKS: &[u8] = b"WABCDEFGHIJKLMNOPQRSTUV";
    let Some(number) = value(word, 0, 7) else { return false };
    let digits =
        (0..7_u32).map(|place| number / 10_u64.pow(6 - place) % 10 * u64::from(8 - place)).sum::<u64>();
    let second = match at(word, 8) {
        0 | b'W' => 0,
        letter @ b'A'..=b'I' => u64::from(letter - b'A' + 1) * 9,
        _ => return false,
    };
    letter_of(MARKS, (digits + second) % 23) == at(word, 7)
}

/// `S1234567D`: weights 2, 7, 6, 5, 4, 3, 2.
fn singapore(word: &[u8]) -> bool {
    let Some(number) = value(word, 1, 8) else { return false };
    let weights = [2, 7, 6, 5, 4, 3, 2];
    let sum: u64 =
        (0..7_u32).zip(weights).map(|(place, weight)| number / 10_u64.pow(6 - place) % 10 * weight).sum();
    let (offset, marks): (u64, &[u8]) = match at(word, 0) {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let place = (sum + offset) % 11;
    letter_of(marks, if at(word, 0) == b'M' { 10 - place } else { place }) == at(word, 8)
}

/// `ABCPE1234F`: the fourth letter tells what kind of person.
fn india(word: &[u8]) -> bool {
    let letters = |from, to| part(word, from, to).iter().all(u8::is_ascii_uppercase);
    letters(0, 5)
        && matches!(
            at(word, 3),
            b'A' | b'B' | b'C' | b'F' | b'G' | b'H' | b'J' | b'K' | b'L' | b'P' | b'T' | b'E'
        )
        && value(word, 5, 9).is_some()
        && letters(9, 10)
}

/// `A123456789`: the letter's two digits, then weights.
fn taiwan(word: &[u8]) -> bool {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(place) = LETTERS.iter().position(|&l| l == at(word, 0)) else { return false };
    let Some(number) = value(word, 1, 10) else { return false };
    let code = u64::try_from(place).unwrap_or(0) + 10;
    let weights = [8, 7, 6, 5, 4, 3, 2, 1, 1];
    let sum: u64 =
        (0..9_u32).zip(weights).map(|(place, weight)| number / 10_u64.pow(8 - place) % 10 * weight).sum();
    matches!(at(word, 1), b'1' | b'2' | b'8' | b'9') && (code / 10 + code % 10 * 9 + sum).is_multiple_of(10)
}

/// Codice fiscale: letters, a date, a place, a check letter.
fn italy(word: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    // Digits may be written as letters where two people would share a code.
    let is_digit = |b: u8| b.is_ascii_digit() || matches!(b, b'L'..=b'N' | b'P'..=b'V');
    let is_shaped = word.iter().enumerate().all(|(place, &byte)| match place {
        0..=5 | 8 | 11 | 15 => byte.is_ascii_uppercase(),
        _ => is_digit(byte),
    });
    if !is_shaped || !matches!(at(word, 8), b'A'..=b'E' | b'H' | b'L' | b'M' | b'P' | b'R'..=b'T') {
        return false;
    }
    let sum: u32 = part(word, 0, 15)
        .iter()
        .enumerate()
        .map(|(place, &byte)| {
            let rank = usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') });
            if place % 2 == 0 {
                ODD.get(rank).copied().unwrap_or(0)
            } else {
                u32::try_from(rank).unwrap_or(0)
            }
        })
        .sum();
    u32::from(at(word, 15)) == u32::from(b'A') + sum % 26
}

/// A codice fiscale in groups, `RSS MRA 85T10 A562S` or `RSSMRA 85T10 A562S`; the date is given.
pub(super) fn italy_apart(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let is_gap = |b: u8| matches!(b, b' ' | b'-');
    if end - start != 5 || !at(text, start + 2).is_ascii_alphabetic() || !is_gap(at(text, end)) {
        return None;
    }
    let mut word = [0_u8; 16];
    let mut from = start;
    for place in (0..6).rev() {
        if place == 5 || place == 2 {
            from -= usize::from(is_gap(before(text, from)));
        }
        let letter = before(text, from).to_ascii_uppercase();
        *word.get_mut(place)? = Some(letter).filter(u8::is_ascii_uppercase)?;
        from -= 1;
    }
    let last = run_end(text, end + 1, 6, |b| b.is_ascii_alphanumeric());
    let rest = part(text, start, end).iter().chain(part(text, end + 1, last));
    word.iter_mut().skip(6).zip(rest).for_each(|(to, b)| *to = b.to_ascii_uppercase());
    (last == end + 6 && !is_word(at(text, last)) && !is_word(before(text, from)) && italy(&word))
        .then_some((from, last))
}

/// Somebody born in Corsica, the check digits apart: `155012A899615 19`.
pub(super) fn france_apart(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    if end - start != 13 || at(text, end) != b' ' {
        return None;
    }
    let last = run_end(text, end + 1, 3, |b| b.is_ascii_digit());
    if last != end + 3 || is_word(at(text, last)) {
        return None;
    }
    let mut word = [0_u8; 15];
    let both = part(text, start, end).iter().chain(part(text, end + 1, last));
    word.iter_mut().zip(both).for_each(|(to, b)| *to = b.to_ascii_uppercase());
    (nations::of_word(&word) == Some(Kind::NationalId)).then_some((start, last))
}

/// CURP: letters, a date, sex, state, a check digit.
fn mexico(word: &[u8]) -> bool {
    let letters = |from, to| part(word, from, to).iter().all(u8::is_ascii_uppercase);
    let (Some(month), Some(day)) = (value(word, 6, 8), value(word, 8, 10)) else { return false };
    let is_shaped = letters(0, 4)
        && value(word, 4, 6).is_some()
        && matches!(at(word, 10), b'H' | b'M' | b'X')
        && letters(11, 16)
        && checks::is_day(month, day);
    let sum: u32 = part(word, 0, 17)
        .iter()
        .zip((2..=18_u32).rev())
        .map(|(&byte, weight)| {
            // Ñ stands between N and O.
            let rank = match byte {
                b'0'..=b'9' => u32::from(byte - b'0'),
                b'A'..=b'N' => u32::from(byte - b'A') + 10,
                _ => u32::from(byte.wrapping_sub(b'A')) + 11,
            };
            rank * weight
        })
        .sum();
    is_shaped && u32::from(at(word, 17).wrapping_sub(b'0')) == (10 - sum % 10) % 10
}

/// Spain, the letter apart: `87462028-C`, `01.092.979-L`, `X-2806936-Q`. Answers where it starts.
pub(super) fn spain_apart(window: &Window<'_>, letter: u8) -> Option<usize> {
    let (text, start) = (window.text, window.start());
    let number = checks::number(window.digits, 0, window.digits.len());
    let is_one = window.groups.len() == 1;
    let (number, from) = match window.digits.len() {
        8 if is_one || window.is_shaped(&[2, 3, 3]) && window.mark() == Some(b'.') => (number, start),
        7 if is_one && before(text, start) == b'-' => {
            let from = start.checked_sub(2).filter(|&from| !is_word(before(text, from)))?;
            let lead = u64::from(at(text, from).checked_sub(b'X').filter(|lead| *lead < 3)?);
            (lead * 10_000_000 + number, from)
        }
        _ => return None,
    };
    (letter_of(SPAIN, number % 23) == letter).then_some(from)
}

/// The check letters of Spain, mod 23.
const SPAIN: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn a_number_is_found_though_its_check_letter_stands_apart() {
        for number in [
            "87462028-C",
            "74745265 A",
            "01.092.979-L",
            "X-2806936-Q",
            "STSBST 52A63 G514D",
            "NVP NVD 26C14 G918N",
            "155012A899615 19",
            "2931275361596 29",
            "580714-350-12",
            "040821 045 47",
            "300776-7920",
            "508 - 31 - 3251",
        ] {
            let kind = if number.starts_with("508") { "US_SSN" } else { "NATIONAL_ID" };
            check(&format!("see {number}, ok"), &format!("see [{kind}], ok"));
        }
        check("7565339933946", "[NATIONAL_ID]");
        for other in [
            "87462028-D",
            "74745265 B and 74745265 AB",
            "X-2806936-R",
            "STSBST 52A63 G514E",
            "155012A899615 18",
            "580714-350-13",
            "301376-7920",
            "7565339933947",
        ] {
            stays(other);
        }
    }

    #[test]
    fn a_licence_is_found_with_all_its_groups() {
        check("DL: D8309-98445-84229.", "DL: [DRIVER_LICENSE].");
        check("driving licence \"V8015-71847-36893\"", "driving licence \"[DRIVER_LICENSE]\"");
        check("license V898-635-47-871-7", "license [DRIVER_LICENSE]");
        check("driver license A123 45678 90123 expires", "driver license [DRIVER_LICENSE] expires");
        stays("license GPL-3 and license MIT-0");
    }

    #[test]
    fn a_token_is_found_with_the_name_before_it() {
        let tail = "uxk2a5LooDhyserdcCpyulTR-2Yo36w7yWYsqDkBtX_BKS7QUT75wF3Nwkug9aSP8KZ";
        check(&format!("key 81atkScUmuqdPZ.atlasv1.{tail}"), "key [SECRET]");
        check("xoxd-ov0VaOw1em8ktM4VbDI%2BQ8ZbVr%2FDeWu", "[SLACK_TOKEN]");
    }
}
