//! More numbers that states give to people, and to their cars: those whose shape and check digits tell them from any
//! other number.

use super::Kind;
use super::checks::{is_day, luhn, number};
use super::groups::Window;
use crate::lexical::{at, before, is_word, part};

/// The sum of digits times weights.
fn weighted(digits: &[u8], weights: &[u64]) -> u64 {
    digits.iter().zip(weights).map(|(&digit, &weight)| u64::from(digit) * weight).sum()
}

fn digit(digits: &[u8], place: usize) -> u64 {
    digits.get(place).copied().map_or(99, u64::from)
}

/// Whether a row of digit groups is such a number by its shape and check digits.
pub(super) fn is_evident(window: &Window<'_>) -> bool {
    let digits = window.digits;
    let separator = window.mark();
    let is_dashed = separator == Some(b'-');
    match digits.len() {
        8 | 9 => {
            // Chile's dots and dash, the Netherlands' old dots.
            (window.is_shaped(&[2, 3, 3, 1]) || window.is_shaped(&[1, 3, 3, 1]))
                && window.seam(0) == b"."
                && window.seam(1) == b"."
                && window.seam(2) == b"-"
                && digits.split_last().is_some_and(|(last, rest)| is_chile(rest, u64::from(*last)))
                // Without dots only as many as people have.
                || (window.is_shaped(&[8, 1]) || window.is_shaped(&[7, 1]))
                    && is_dashed
                    && window.is_whole
                    && digits.split_last().is_some_and(|(last, rest)| {
                        is_chile(rest, u64::from(*last)) && (4_000_000..=28_000_000).contains(&number(rest, 0, 8))
                    })
                || window.is_shaped(&[4, 2, 3]) && separator == Some(b'.') && is_netherlands(digits)
        }
        10 => {
            window.is_shaped(&[6, 4])
                && is_dashed
                && (is_birth_first(digits) || is_iceland(digits) || is_finland(digits))
                || window.is_shaped(&[4, 6]) && separator == Some(b' ') && is_austria(digits)
                || window.is_shaped(&[4, 5, 1]) && separator.is_some() && is_australia_medicare(digits)
        }
        11 => {
            window.is_shaped(&[2, 8, 1]) && is_dashed && is_argentina(digits)
                || window.is_shaped(&[2, 3, 3, 3])
                    && window.is_whole
                    && separator == Some(b' ')
                    && (is_australia_business(digits) || is_germany(digits))
                || window.is_shaped(&[3, 3, 3, 2]) && window.seam(0) == b"-" && is_russia(digits)
                || window.is_shaped(&[6, 5]) && is_dashed && is_latvia(digits)
                || window.is_shaped(&[3, 5, 2, 1]) && is_brazil_work(digits)
        }
        12 => window.is_shaped(&[8, 4]) && is_dashed && is_sweden_long(digits),
        13 => window.is_shaped(&[5, 7, 1]) && is_dashed && window.is_whole,
        14 => window.is_shaped(&[2, 3, 3, 4, 2]) && window.seam(2) == b"/" && is_brazil_business(digits),
        15 => window.is_shaped(&[3, 4, 7, 1]) && number(digits, 0, 3) == 784 && luhn(digits),
        _ => false,
    }
}

/// Chile: mod 11 with weights 2 to 7; 10 is written K.
pub(super) fn is_chile(digits: &[u8], check: u64) -> bool {
    let sum: u64 = digits.iter().rev().zip((2..=7_u64).cycle()).map(|(&d, w)| u64::from(d) * w).sum();
    (7..=8).contains(&digits.len()) && (11 - sum % 11) % 11 == check
}

/// The Netherlands: the last digit counts minus one, mod 11.
fn is_netherlands(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
    digits.len() == 9 && sum > 0 && sum % 11 == digit(digits, 8)
}

/// Denmark: day, month, year; the check digit was given up in 2007.
fn is_birth_first(digits: &[u8]) -> bool {
    is_day(number(digits, 2, 4), number(digits, 0, 2))
}

/// Iceland: day, month, year, mod 11, the century.
fn is_iceland(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    is_day(number(digits, 2, 4), number(digits, 0, 2) % 40)
        && (11 - rest) % 11 == digit(digits, 8)
        && matches!(digit(digits, 9), 0 | 8 | 9)
}

/// Finland: day, month, year, a serial number, and its check mark where that is a digit.
fn is_finland(digits: &[u8]) -> bool {
    is_day(number(digits, 2, 4), number(digits, 0, 2)) && number(digits, 0, 9) % 31 == digit(digits, 9)
}

/// Austria: three digits, a check digit, the date of birth.
fn is_austria(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    digit(digits, 0) != 0
        && is_day(number(digits, 6, 8) % 13, number(digits, 4, 6))
        && sum % 11 == digit(digits, 3)
}

/// Australia: Medicare.
fn is_australia_medicare(digits: &[u8]) -> bool {
    matches!(digit(digits, 0), 2..=6)
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digit(digits, 8)
        && digit(digits, 9) != 0
}

/// Australia: businesses, sole traders among them; mod 89.
fn is_australia_business(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    digit(digits, 0) != 0 && sum.checked_sub(10).is_some_and(|sum| sum.is_multiple_of(89))
}

/// Germany: taxpayers, ISO/IEC 7064 mod 11, 10; no digit more than three times among the first ten.
fn is_germany(digits: &[u8]) -> bool {
    let (Some(body), Some(&last)) = (digits.get(..10), digits.get(10)) else { return false };
    let product = body.iter().fold(10_u64, |product, &digit| {
        let sum = (u64::from(digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let check = (11 - product) % 10;
    let most = (0..10_u8).map(|digit| body.iter().filter(|&&d| d == digit).count()).max().unwrap_or(0);
    body.first() != Some(&0) && check == u64::from(last) && (2..=3).contains(&most)
}

/// Argentina: a prefix for the kind of person, mod 11.
fn is_argentina(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    let check = match 11 - sum % 11 {
        11 => 0,
        10 => 9,
        other => other,
    };
    matches!(number(digits, 0, 2), 20 | 23..=27 | 30 | 33 | 34) && check == digit(digits, 10)
}

/// Russia: pension insurance, mod 101.
fn is_russia(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    sum > 0 && sum % 101 % 100 == number(digits, 9, 11)
}

/// Latvia: day, month, year, century, mod 11.
fn is_latvia(digits: &[u8]) -> bool {
    let sum = 1 + weighted(digits, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    is_day(number(digits, 2, 4), number(digits, 0, 2))
        && digit(digits, 6) <= 2
        && sum % 11 % 10 == digit(digits, 10)
}

/// Brazil: workers, mod 11.
fn is_brazil_work(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    check == digit(digits, 10)
}

/// Brazil: businesses, two check digits mod 11.
fn is_brazil_business(digits: &[u8]) -> bool {
    let check = |count: usize| {
        let weights = (2..=9_u64).cycle();
        let head = digits.get(..count).unwrap_or_default();
        let rest = head.iter().rev().zip(weights).map(|(&d, w)| u64::from(d) * w).sum::<u64>() % 11;
        if rest < 2 { 0 } else { 11 - rest }
    };
    check(12) == digit(digits, 12) && check(13) == digit(digits, 13)
}

/// Sweden with the century: the last ten digits are as without.
fn is_sweden_long(digits: &[u8]) -> bool {
    let short = digits.get(2..).unwrap_or_default();
    matches!(number(digits, 0, 2), 18..=20) && super::checks::se_personnummer(short)
}

/// United States: providers of health care, Luhn behind 80840.
pub(super) fn is_provider(digits: &[u8]) -> bool {
    let mut whole = [8, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    whole.iter_mut().skip(5).zip(digits).for_each(|(to, from)| *to = *from);
    digits.len() == 10 && matches!(digits.first(), Some(1 | 2)) && luhn(&whole)
}

/// Numbers with letters. The word is in capitals.
pub(super) fn of_word(word: &[u8]) -> Option<Kind> {
    match word.len() {
        12 => germany_pension(word).then_some(Kind::NationalId),
        13 => mexico_taxpayer(word).then_some(Kind::NationalId),
        15 => (india_business(word) || france(word)).then_some(Kind::NationalId),
        16 => united_kingdom_driver(word).then_some(Kind::DriverLicense),
        17 => vehicle(word).then_some(Kind::Vehicle),
        _ => None,
    }
}

fn has_letters(word: &[u8], from: usize, to: usize) -> bool {
    part(word, from, to).iter().all(u8::is_ascii_uppercase)
}

fn has_digits(word: &[u8], from: usize, to: usize) -> bool {
    part(word, from, to).iter().all(u8::is_ascii_digit)
}

fn value(word: &[u8], from: usize, to: usize) -> u64 {
    part(word, from, to).iter().fold(0, |n, b| n * 10 + u64::from(b.wrapping_sub(b'0')))
}

/// Germany: pension insurance. An area, a date of birth, an initial, two digits, a check digit.
fn germany_pension(word: &[u8]) -> bool {
    const WEIGHTS: [u64; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let is_shaped = has_digits(word, 0, 8) && has_letters(word, 8, 9) && has_digits(word, 9, 12);
    let initial = u64::from(at(word, 8).wrapping_sub(b'A')) + 1;
    let tens =
        part(word, 0, 8).iter().map(|b| u64::from(b.wrapping_sub(b'0'))).chain([initial / 10, initial % 10]);
    let digits = tens.chain(part(word, 9, 11).iter().map(|b| u64::from(b.wrapping_sub(b'0'))));
    let sum: u64 = digits.zip(WEIGHTS).map(|(digit, weight)| digit * weight).map(|n| n / 10 + n % 10).sum();
    is_shaped && is_day(value(word, 4, 6), value(word, 2, 4)) && sum % 10 == value(word, 11, 12)
}

/// RFC: four letters, a date, three characters.
fn mexico_taxpayer(word: &[u8]) -> bool {
    has_letters(word, 0, 4)
        && has_digits(word, 4, 10)
        && is_day(value(word, 6, 8), value(word, 8, 10))
        && matches!(at(word, 12), b'0'..=b'9' | b'A')
        && matches!(at(word, 1), b'A' | b'E' | b'I' | b'O' | b'U' | b'X')
}

/// GSTIN: a state, a PAN, a count, Z, a check character.
fn india_business(word: &[u8]) -> bool {
    has_digits(word, 0, 2)
        && (1..=38).contains(&value(word, 0, 2))
        && has_letters(word, 2, 7)
        && has_digits(word, 7, 11)
        && has_letters(word, 11, 12)
        && at(word, 13) == b'Z'
}

/// Somebody born in Corsica: the department is 2A or 2B.
fn france(word: &[u8]) -> bool {
    let department = match part(word, 5, 7) {
        b"2A" => 19,
        b"2B" => 18,
        _ => return false,
    };
    let is_shaped = has_digits(word, 0, 5) && has_digits(word, 7, 15);
    let body = (value(word, 0, 5) * 100 + department) * 1_000_000 + value(word, 7, 13);
    is_shaped && matches!(at(word, 0), b'1' | b'2') && 97 - body % 97 == value(word, 13, 15)
}

/// The same in groups, `2 13 57 2A 013 008 40`; the department is given.
pub(super) fn corsica(text: &[u8], department: usize) -> Option<(usize, usize)> {
    if !matches!(part(text, department, department + 2), [b'2', b'A' | b'a' | b'B' | b'b']) {
        return None;
    }
    let mut word = [0_u8; 15];
    let is_seam = |b: u8| matches!(b, b' ' | b'-' | b'.');
    let mut from = department;
    for place in (0..5).rev() {
        from -= usize::from(is_seam(before(text, from)));
        let digit = before(text, from);
        *word.get_mut(place)? = Some(digit).filter(u8::is_ascii_digit)?;
        from -= 1;
    }
    word.iter_mut().skip(5).zip(part(text, department, department + 2)).for_each(|(to, b)| {
        *to = b.to_ascii_uppercase();
    });
    let mut to = department + 2;
    for place in 7..15 {
        to += usize::from(is_seam(at(text, to)));
        *word.get_mut(place)? = Some(at(text, to)).filter(u8::is_ascii_digit)?;
        to += 1;
    }
    let is_apart = !is_word(before(text, from)) && !is_word(at(text, to));
    (is_apart && france(&word)).then_some((from, to))
}

/// Five characters of the surname, the decade, month (and 50 for women), day, year, initials, a check.
fn united_kingdom_driver(word: &[u8]) -> bool {
    let is_name = |from, to| part(word, from, to).iter().all(|b| b.is_ascii_uppercase() || *b == b'9');
    is_name(0, 5)
        && at(word, 0).is_ascii_uppercase()
        && has_digits(word, 5, 11)
        && is_day(value(word, 6, 8) % 50, value(word, 8, 10))
        && is_name(11, 13)
        && has_digits(word, 13, 14)
        && has_letters(word, 14, 16)
}

/// ISO 3779 with the check digit of North America (49 CFR 565).
fn vehicle(word: &[u8]) -> bool {
    const WEIGHTS: [u64; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    const RANKS: &[u8; 26] = b"12345678_12345_7_923456789";
    let letters = word.iter().filter(|b| b.is_ascii_uppercase()).count();
    let mut sum = 0;
    for (&byte, weight) in word.iter().zip(WEIGHTS) {
        let rank = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            b'A'..=b'Z' => match at(RANKS, usize::from(byte - b'A')) {
                b'_' => return false,
                rank => u64::from(rank - b'0'),
            },
            _ => return false,
        };
        sum += rank * weight;
    }
    let check = match sum % 11 {
        10 => b'X',
        rest => b'0' + u8::try_from(rest).unwrap_or(0),
    };
    at(word, 8) == check && (3..=13).contains(&letters) && has_digits(word, 13, 17)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass() {
        let digits =
            |text: &str| -> Vec<u8> { text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect() };
        assert!(is_chile(&digits("12.531.909"), 2));
        assert!(is_netherlands(&digits("111222333")));
        assert!(is_birth_first(&digits("211062-5629")));
        assert!(is_iceland(&digits("120174-3399")));
        assert!(is_austria(&digits("1237 010180")));
        assert!(is_australia_business(&digits("51 824 753 556")));
        assert!(is_germany(&digits("36 574 261 809")));
        assert!(is_argentina(&digits("20-05536168-2")));
        assert!(is_russia(&digits("112-233-445 95")));
        assert!(is_latvia(&digits("161175-19997")));
        assert!(is_brazil_business(&digits("16.727.230/0001-97")));
        assert!(is_provider(&digits("1234567893")));
        assert!(vehicle(b"1M8GDM9AXKP042788"));
        assert!(!vehicle(b"1M8GDM9AXKP042789"));
        assert!(germany_pension(b"15070649C103"));
        assert!(!germany_pension(b"15070649C104"));
        assert!(united_kingdom_driver(b"MORGA657054SM9IJ"));
        assert!(mexico_taxpayer(b"GODE561231GR8"));
        assert!(india_business(b"27AAPFU0939F1ZV"));
    }
}
