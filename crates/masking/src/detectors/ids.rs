//! Numbers that states and banks give to people: letters and digits with check characters.

use super::context::near;
use super::digits::Window;
use super::scan::Scan;
use super::topic::Topic;
use super::{Kind, checks, iban, nations, secrets, wallets};
use crate::lexical::{at, before, is_word, part, run_end, run_start};

/// State numbers that are digits alone and tell themselves by shape and check digits.
pub(super) fn of_digits(window: &Window<'_>) -> Option<Kind> {
    let digits = window.digits;
    let separator = window.mark();
    let is_evident = match digits.len() {
        10 => {
            window.is_shaped(&[6, 4])
                && (separator == Some(b'-') && checks::se_personnummer(digits)
                    || separator == Some(b'/') && checks::cz_rodne(digits))
        }
        11 => {
            window.is_shaped(&[3, 3, 3, 2]) && window.seam(2) != window.seam(0) && checks::br_cpf(digits)
                || window.is_shaped(&[3, 3, 3, 2]) && checks::br_cpf(digits)
                || window.is_shaped(&[2, 2, 2, 3, 2]) && checks::be_rrn(digits)
                || (window.is_shaped(&[6, 5]) || window.groups.len() == 1) && checks::no_fnr(digits)
                || window.topic.has(Topic::NATIONAL) && (checks::br_cpf(digits) || checks::be_rrn(digits))
        }
        12 => {
            // Four and four and four; a window of a longer row of fours is more likely a piece of a card.
            window.is_shaped(&[4, 4, 4])
                && window.is_whole
                && matches!(digits.first(), Some(2..=9))
                && checks::verhoeff(digits)
                || window.is_shaped(&[6, 2, 4])
                    && separator == Some(b'-')
                    && checks::is_day(checks::number(digits, 2, 4), checks::number(digits, 4, 6))
        }
        13 => {
            window.is_shaped(&[6, 7]) && checks::kr_rrn(digits)
                || window.is_shaped(&[1, 4, 5, 2, 1]) && checks::th_id(digits)
                || window.is_shaped(&[3, 4, 4, 2]) && checks::ch_ahv(digits)
                || window.groups.len() == 1 && (checks::ro_cnp(digits) || checks::za_id(digits))
        }
        15 => (window.groups.len() == 1 || window.groups.len() >= 5) && checks::fr_nir(digits),
        18 => window.groups.len() == 1 && checks::cn_ric(digits, false),
        _ => false,
    };
    if is_evident || nations::is_evident(window) {
        return Some(Kind::NationalId);
    }
    (window.topic.has(Topic::MEDICAL) && nations::is_provider(digits)).then_some(Kind::MedicalId)
}

/// Digits with letters around: `PZ 82 46 56 C`. Answers where it starts.
pub(super) fn around_digits(window: &Window<'_>) -> Option<(usize, Kind)> {
    let (text, start, end) = (window.text, window.start(), window.end());
    let is_chile = matches!(part(text, end, end + 2), b"-K" | b"-k")
        && !is_word(at(text, end + 2))
        && nations::is_chile(window.digits, 10);
    if is_chile {
        return Some((start, Kind::NationalId));
    }
    let letters = start.checked_sub(3)?;
    let is_nino = window.digits.len() == 6
        && (window.is_shaped(&[2, 2, 2]) || window.groups.len() == 1)
        && matches!(before(text, start), b' ' | b'-')
        && !is_word(before(text, letters))
        && is_nino_prefix(at(text, letters), at(text, letters + 1))
        && matches!(at(text, end), b' ' | b'-')
        && matches!(at(text, end + 1).to_ascii_uppercase(), b'A'..=b'D')
        && !is_word(at(text, end + 2));
    is_nino.then_some((letters, Kind::NationalId))
}

/// Behind the digits of [`around_digits`]: a separator and a letter.
pub(super) fn suffix_end(text: &[u8], end: usize) -> usize {
    (end + 2).min(text.len())
}

/// The letters that start a national insurance number (HMRC, NIM39110).
const fn is_nino_prefix(first: u8, second: u8) -> bool {
    let (first, second) = (first.to_ascii_uppercase(), second.to_ascii_uppercase());
    let is_letter = first.is_ascii_uppercase() && second.is_ascii_uppercase();
    let is_given = !matches!(first, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V')
        && !matches!(second, b'D' | b'F' | b'I' | b'O' | b'Q' | b'U' | b'V');
    is_letter
        && is_given
        && !matches!(
            (first, second),
            (b'B', b'G')
                | (b'G', b'B')
                | (b'N', b'K')
                | (b'K', b'N')
                | (b'T', b'N')
                | (b'N', b'T')
                | (b'Z', b'Z')
        )
}

/// An account number whose country stands apart from its check digits: `DE 89 3704 …`. The check digits are given.
pub(super) fn account_apart(scan: &mut Scan<'_>, start: usize) -> Option<usize> {
    let country = start.checked_sub(3).filter(|_| before(scan.text, start) == b' ')?;
    if is_word(before(scan.text, country)) || !scan.spend(4) {
        return None;
    }
    let found = iban::find(scan.text, country)?;
    scan.found(country, found, Kind::Iban);
    Some(found)
}

/// A word of letters and digits; answers the end of what was found.
pub(super) fn mixed_word(scan: &mut Scan<'_>, start: usize, end: usize, digit_count: usize) -> Option<usize> {
    let text = scan.text;
    let length = end - start;
    if length == 2
        && let Some((from, to)) = nations::corsica(text, start)
    {
        scan.found(from, to, Kind::NationalId);
        return Some(to);
    }
    // The word for it may be glued before.
    let is_named = length >= 8 && part(text, start, start + 4).eq_ignore_ascii_case(b"iban");
    let account = if is_named { start + 4 } else { start };
    if let Some(found) = iban::find(text, account) {
        scan.found(account, found, Kind::Iban);
        return Some(found);
    }
    if let Some(found) = united_kingdom_spaced(text, start, end) {
        scan.found(start, found, Kind::NationalId);
        return Some(found);
    }
    if length > 24 {
        if !scan.spend(32) {
            return None;
        }
        if let Some(from) = secrets::keyed_before(text, start, end) {
            scan.found(from, end, Kind::Secret);
            return Some(end);
        }
        let is_named = || scan.context.topic().has(Topic::WALLET) || near(text, start).has(Topic::WALLET);
        let kind = wallets::of_word(text, start, end, is_named)?;
        scan.found(start, end, kind);
        return Some(end);
    }
    let word = part(text, start, end);
    let mut upper = [0_u8; 24];
    upper.iter_mut().zip(word).for_each(|(to, from)| *to = from.to_ascii_uppercase());
    let word = part(&upper, 0, length);
    if let Some((from, to)) = evident(text, word, start, end, scan.context.topic().has(Topic::NATIONAL)) {
        scan.found(from, to, Kind::NationalId);
        return Some(to);
    }
    if let Some(kind) = nations::of_word(word) {
        scan.found(start, end, kind);
        return Some(end);
    }
    if let Some(to) = medicare(text, start, end) {
        scan.found(start, to, Kind::MedicalId);
        return Some(to);
    }
    // Documents are written in capitals; words with a number in them are not documents.
    let is_capital = part(text, start, end).iter().all(|b| !b.is_ascii_lowercase());
    let may_be_named = is_capital || digit_count >= 4;
    if length < 5 || !may_be_named || !scan.spend(32) {
        return None;
    }
    let topic = scan.context.topic().or(near(text, start));
    if topic.is_none() {
        return None;
    }
    let kind = if topic.has(Topic::PASSPORT)
        && is_capital
        && (6..=12).contains(&length)
        && (digit_count >= 2 || length >= 8)
    {
        Kind::Passport
    } else if topic.has(Topic::LICENSE) && is_capital && digit_count >= 4 && (5..=18).contains(&length) {
        Kind::DriverLicense
    } else if topic.has(Topic::MAC) && length == 12 && word.iter().all(u8::is_ascii_hexdigit) {
        Kind::Mac
    } else if topic.has(Topic::NATIONAL) && digit_count >= 5 && (7..=20).contains(&length) {
        Kind::NationalId
    } else if topic.has(Topic::MEDICAL) && digit_count >= 4 && (6..=14).contains(&length) {
        Kind::MedicalId
    } else if topic.has(Topic::PHONE)
        && digit_count >= 9
        && word.iter().all(|b| b.is_ascii_digit() || *b == b'X')
    {
        // `4155552671x123`
        Kind::Phone
    } else if topic.has(Topic::VEHICLE) && is_capital && (5..=17).contains(&length) {
        Kind::Vehicle
    } else if topic.has(Topic::BIC) && is_capital && super::context::is_bic(word) {
        Kind::BankAccount
    } else {
        return None;
    };
    scan.found(start, end, kind);
    Some(end)
}

/// The lines of a passport or identity card that machines read (ICAO 9303): capitals, digits and `<`.
pub(super) fn machine_readable(scan: &mut Scan<'_>) {
    const SHORTEST: usize = 28;
    const LONGEST: usize = 48;
    let text = scan.text;
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(text.get(from..).unwrap_or_default(), b"<<") {
        let is_readable = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'<';
        let start = run_start(text, from + found, LONGEST, is_readable);
        let mut end = run_end(text, from + found, LONGEST, is_readable);
        from = end.max(from + found + 2);
        if end - start < SHORTEST || !scan.spend(2 * LONGEST) {
            continue;
        }
        // The second line follows, with or without fillers.
        let next = run_end(text, end, 3, |b| matches!(b, b'\n' | b'\r' | b' ' | b'\\' | b'n'));
        let second = run_end(text, next, LONGEST, is_readable);
        if second - next >= SHORTEST {
            end = second;
        }
        scan.found(start, end, Kind::Passport);
        from = end;
    }
}

/// `AB123456C` in one word, or with its last letter apart.
fn united_kingdom_spaced(text: &[u8], start: usize, end: usize) -> Option<usize> {
    if !is_nino_prefix(at(text, start), at(text, start + 1))
        || !part(text, start + 2, start + 8).iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    let is_suffix = |b: u8| matches!(b.to_ascii_uppercase(), b'A'..=b'D');
    match end - start {
        9 => is_suffix(at(text, start + 8)).then_some(end),
        8 if matches!(at(text, end), b' ' | b'-')
            && is_suffix(at(text, end + 1))
            && !is_word(at(text, end + 2)) =>
        {
            Some(end + 2)
        }
        _ => None,
    }
}

fn value(word: &[u8], from: usize, to: usize) -> Option<u64> {
    let digits = word.get(from..to).filter(|d| d.iter().all(u8::is_ascii_digit))?;
    Some(digits.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}

fn letter_of(alphabet: &[u8], place: u64) -> u8 {
    usize::try_from(place).map_or(0, |place| at(alphabet, place))
}

/// State numbers with letters that tell themselves by shape and check character. The word is in capitals.
fn evident(text: &[u8], word: &[u8], start: usize, end: usize, is_named: bool) -> Option<(usize, usize)> {
    const SPAIN: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
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

/// United States Medicare beneficiaries: `1EG4-TE5-MK73` (CMS, "Understanding the MBI format").
fn medicare(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let mut characters = [0_u8; 11];
    let last = if end - start == 11 {
        characters.iter_mut().zip(part(text, start, end)).for_each(|(to, from)| *to = *from);
        end
    } else if end - start == 4 && at(text, end) == b'-' && at(text, end + 4) == b'-' {
        let groups = part(text, start, end).iter().chain(part(text, end + 1, end + 4)).chain(part(
            text,
            end + 5,
            end + 9,
        ));
        characters.iter_mut().zip(groups).for_each(|(to, from)| *to = *from);
        run_end(text, end + 5, 5, is_word)
    } else {
        return None;
    };
    let is_letter = |b: u8| b.is_ascii_uppercase() && !matches!(b, b'S' | b'L' | b'O' | b'I' | b'B' | b'Z');
    let is_shaped = characters.iter().enumerate().all(|(place, &b)| match place {
        0 => matches!(b, b'1'..=b'9'),
        1 | 4 | 7 | 8 => is_letter(b),
        2 | 5 => b.is_ascii_digit() || is_letter(b),
        _ => b.is_ascii_digit(),
    });
    (is_shaped && (end - start == 11 || last == end + 9)).then_some(last)
}
