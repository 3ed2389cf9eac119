//! Numbers that states and banks give to people: letters and digits with check characters.

use super::context::near;
use super::groups::Window;
use super::scan::Scan;
use super::topic::Topic;
use super::{Kind, checks, iban, lettered, lists, nations, secrets, wallets};
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
                || (window.is_shaped(&[2, 2, 2, 3, 2]) || window.is_shaped(&[6, 3, 2]))
                    && checks::be_rrn(digits)
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
                || (window.is_shaped(&[3, 4, 4, 2]) || window.groups.len() == 1) && checks::ch_ahv(digits)
                || window.groups.len() == 1 && checks::ro_cnp(digits)
                || (window.groups.len() == 1
                    || window.is_shaped(&[6, 4, 2, 1])
                    || window.is_shaped(&[6, 4, 3]))
                    && checks::za_id(digits)
        }
        15 => {
            (matches!(window.groups.len(), 1 | 5..) || window.is_shaped(&[13, 2])) && checks::fr_nir(digits)
                // Indonesia's taxpayers: `93.659.429.1-029.000`.
                || window.is_shaped(&[2, 3, 3, 1, 3, 3]) && window.seam(3) == b"-"
        }
        18 => window.groups.len() == 1 && checks::cn_ric(digits, false),
        _ => false,
    };
    if is_evident || nations::is_evident(window) {
        return Some(Kind::NationalId);
    }
    (window.topic.has(Topic::MEDICAL) && nations::is_provider(digits)).then_some(Kind::MedicalId)
}

/// Digits with letters around: `PZ 82 46 56 C`, `87462028-C`. Answers where it starts.
pub(super) fn around_digits(window: &Window<'_>) -> Option<(usize, Kind)> {
    let (text, start, end) = (window.text, window.start(), window.end());
    let is_chile = matches!(part(text, end, end + 2), b"-K" | b"-k")
        && !is_word(at(text, end + 2))
        && nations::is_chile(window.digits, 10);
    if is_chile {
        return Some((start, Kind::NationalId));
    }
    let has_letter = matches!(at(text, end), b' ' | b'-') && !is_word(at(text, end + 2));
    let letter = at(text, end + 1);
    if has_letter && letter.is_ascii_uppercase() && lettered::spain_apart(window, letter).is_some() {
        return lettered::spain_apart(window, letter).map(|from| (from, Kind::NationalId));
    }
    let letters = start.checked_sub(3)?;
    let is_nino = window.digits.len() == 6
        && (window.is_shaped(&[2, 2, 2]) || window.is_shaped(&[3, 3]) || window.groups.len() == 1)
        && matches!(before(text, start), b' ' | b'-')
        && !is_word(before(text, letters))
        && is_nino_prefix(at(text, letters), at(text, letters + 1))
        && has_letter
        && matches!(letter.to_ascii_uppercase(), b'A'..=b'D');
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
    if let Some((from, to)) =
        lettered::italy_apart(text, start, end).or_else(|| lettered::france_apart(text, start, end))
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
    if let Some((from, to)) =
        lettered::evident(text, word, start, end, scan.context.topic().has(Topic::NATIONAL))
    {
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
    if length < 4 || !may_be_named || !scan.spend(32) {
        return None;
    }
    let topic = lists::topic(scan, start, end);
    if topic.is_none() {
        return None;
    }
    if topic.has(Topic::LICENSE)
        && is_capital
        && let Some(to) = license_end(text, start, end)
    {
        scan.found(start, to, Kind::DriverLicense);
        return Some(to);
    }
    let kind = if topic.has(Topic::PASSPORT)
        && is_capital
        && (6..=12).contains(&length)
        && (digit_count >= 2 || length >= 8)
    {
        Kind::Passport
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
    } else if topic.has(Topic::BIC) && is_capital && (super::context::is_bic(word) || is_ifsc(word)) {
        Kind::BankAccount
    } else {
        return None;
    };
    scan.found(start, end, kind);
    lists::found(scan, start, end, topic);
    Some(end)
}

/// A branch of an Indian bank (Reserve Bank of India): four letters, a zero, six of either.
fn is_ifsc(word: &[u8]) -> bool {
    word.len() == 11
        && part(word, 0, 4).iter().all(u8::is_ascii_uppercase)
        && at(word, 4) == b'0'
        && word.iter().all(u8::is_ascii_alphanumeric)
}

/// The end of a driving licence's number that starts with such a word: more groups of it may follow.
fn license_end(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let is_mark = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let digits = |from: usize, to: usize| part(text, from, to).iter().filter(|b| b.is_ascii_digit()).count();
    let (mut last, mut length) = (end, end - start);
    while matches!(at(text, last), b'-' | b' ') {
        let group = run_end(text, last + 1, 10, is_mark);
        let is_number = digits(last + 1, group) > 0 && !is_word(at(text, group));
        // Behind a blank another word may stand.
        let is_plain = at(text, last) == b'-' || digits(last + 1, group) >= 3;
        if !is_number || !is_plain || length + group - last - 1 > 20 {
            break;
        }
        length += group - last - 1;
        last = group;
    }
    let has_digits = digits(start, last) >= 4 || length >= 12 && digits(start, last) >= 1;
    (has_digits && (5..=20).contains(&length)).then_some(last)
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
