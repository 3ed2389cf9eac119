//! Telephone numbers: E.164, North American, and national ones by the words around.

use super::Kind;
use super::checks;
use super::digits::extension_end;
use super::groups::Window;
use super::topic::Topic;
use crate::lexical::{at, before, is_word, part, run_end};

type Found = (usize, usize, Kind);

/// `+33 6 12 34 56 78`, `0049 30 1234567`.
pub(super) fn international(window: &Window<'_>) -> Option<Found> {
    let start = window.start();
    let open = if before(window.text, start) == b'(' { start - 1 } else { start };
    let count = window.digits.len();
    let has_plus = before(window.text, open) == b'+';
    if has_plus {
        let sign = open - 1;
        let is_free = !is_word(before(window.text, sign));
        let is_number = (8..=15).contains(&count) && window.digits.first() != Some(&0);
        let from = if before(window.text, sign) == b'(' { sign - 1 } else { sign };
        return (is_free && is_number).then_some((from, window.end(), Kind::Phone));
    }
    // A prefix for abroad is only one where the number is written as a telephone's.
    let has_prefix = matches!(window.digits, [0, 0, 1..=9, ..]) && (11..=17).contains(&count);
    let is_written = window.is_whole && window.groups.len() >= 3 || window.topic.has(Topic::PHONE);
    (has_prefix && is_written && !window.starts_with_date()).then_some((start, window.end(), Kind::Phone))
}

/// North American numbers by their shape; any other by the words around.
pub(super) fn national(window: &Window<'_>) -> Option<Found> {
    let start = if before(window.text, window.start()) == b'(' { window.start() - 1 } else { window.start() };
    let found = (start, window.end(), Kind::Phone);
    let count = window.digits.len();
    if window.starts_with_date() {
        return None;
    }
    if window.is_spaced {
        return (10..=15).contains(&count).then_some(found);
    }
    if is_north_american(window) {
        return Some(found);
    }
    let is_number = (7..=15).contains(&count) && window.groups.len() <= 7;
    (window.topic.has(Topic::PHONE) && is_number && !is_count(window)).then_some(found)
}

/// Whether a number that only a verb speaks of counts something: `we called 1234567 functions`, `reached 4500000`.
fn is_count(window: &Window<'_>) -> bool {
    const MOST: usize = 8;
    if !window.topic.has(Topic::SPOKEN) || window.groups.len() > 1 || window.digits.len() > MOST {
        return false;
    }
    let text = window.text;
    let word = window.end() + 1;
    let word_end = run_end(text, word, 24, |b| b.is_ascii_lowercase());
    let is_noun = at(text, window.end()) == b' '
        && (word_end > word + 3 && before(text, word_end) == b's'
            || matches!(part(text, word, word_end), b"per" | b"of" | b"in"));
    is_noun || window.digits.ends_with(&[0; 5])
}

fn is_north_american(window: &Window<'_>) -> bool {
    let (national, seams) = if window.is_shaped(&[1, 3, 3, 4]) && window.digits.first() == Some(&1) {
        (window.digits.get(1..).unwrap_or_default(), [window.seam(1), window.seam(2)])
    } else if window.is_shaped(&[3, 3, 4]) {
        (window.digits, [window.seam(0), window.seam(1)])
    } else {
        return false;
    };
    // Blanks alone stand between any three numbers.
    let is_joined = seams.iter().any(|seam| seam.iter().any(|&b| matches!(b, b'-' | b'.' | b')')));
    let area = checks::number(national, 0, 3);
    let exchange = checks::number(national, 3, 6);
    let is_given = (200..=999).contains(&area) && area % 100 != 11 && (200..=999).contains(&exchange);
    is_joined && (is_given || extension_end(window.text, window.end()).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn words_with_other_meanings_make_no_number_of_a_count() {
        for text in [
            "national debt of 1234567890 dollars",
            "Insurance paid 12345678 in claims",
            "the routing table has 1234567 entries",
            "we called 1234567 functions",
            "calls: 2500000 per day",
            "reached 4500000 customers",
            "text of 1234567 bytes",
            "phone sales 12345678 units",
            "mobile revenue 1234567",
            "NIC speed 1000000000 bps",
            "resident memory 104857600",
            "voter turnout 12345678",
            "medicare spending 829000000",
        ] {
            stays(text);
        }
        check("call me at 4155550100 now", "call me at [PHONE] now");
        check("call 5550100 please", "call [PHONE] please");
        check("national id: 123456789", "national id: [NATIONAL_ID]");
        check("national id of Ana is 123456789", "national id of Ana is [NATIONAL_ID]");
        check("insurance no. 123456789", "insurance no. [NATIONAL_ID]");
        check("mobile of Ana 4155550100", "mobile of Ana [PHONE]");
    }

    #[test]
    fn the_word_for_a_number_may_stand_behind_it() {
        check("536221234 (SSN)", "[US_SSN] (SSN)");
        check("4155550100 (mobile)", "[PHONE] (mobile)");
        check("4155550100 is my cell", "[PHONE] is my cell");
        check("C01X00T47 (passport)", "[PASSPORT] (passport)");
        check("536221234 is my ssn", "[US_SSN] is my ssn");
        stays("12345678 (calls)");
        stays("12345678 (national average)");
        stays("12345678 is the number of calls");
        stays("12345678 (see passport office");
    }
}
