//! Lists of values: what the words before the first one say holds for those behind it, too.

use super::context::{behind, near};
use super::scan::Scan;
use super::topic::Topic;
use crate::lexical::{at, part, run_end};

/// A value that was found last.
#[derive(Clone, Copy)]
pub(super) struct Last {
    end: usize,
    digits: usize,
    topic: Topic,
}

/// What the name, the words just before a value, those before the list that it stands in, or those behind it say of it.
#[inline]
pub(super) fn topic(scan: &Scan<'_>, start: usize, end: usize) -> Topic {
    let said = scan.context.topic().or(near(scan.text, start));
    match scan.last {
        Some(last) if said.is_none() && is_list(scan.text, last, start) => last.topic,
        Some(_) | None if said.is_none() && may_go_on(scan.text, end) => behind(scan.text, end),
        Some(_) | None => said,
    }
}

/// Whether words behind a value may be about it: ` (…`, ` is …`.
#[inline]
fn may_go_on(text: &[u8], end: usize) -> bool {
    at(text, end) == b' ' && matches!(at(text, end + 1), b'(' | b'i')
}

/// Remembers a value that words may have told.
pub(super) fn found(scan: &mut Scan<'_>, start: usize, end: usize, topic: Topic) {
    // Only numbers of one kind stand in lists.
    let listed = topic.without(Topic::VERSION.or(Topic::BROAD));
    let digits = digits(part(scan.text, start, end));
    scan.last = (!listed.is_none()).then_some(Last { end, digits, topic: listed });
}

fn digits(value: &[u8]) -> usize {
    value.iter().filter(|b| b.is_ascii_digit()).count()
}

/// Whether nothing but commas and the like stands between the last value and one that starts there, and both have about
/// as many digits.
fn is_list(text: &[u8], last: Last, start: usize) -> bool {
    const LONGEST: usize = 16;
    const LINKS: [&[u8]; 11] =
        [b"and", b"und", b"or", b"oder", b"et", b"ou", b"y", b"o", b"e", b"ed", b"plus"];
    let between = part(text, last.end, start);
    let is_mark =
        |b: &u8| matches!(b, b',' | b';' | b'/' | b'&' | b'|' | b'"' | b'\'' | b'(' | b')' | b'[' | b']');
    let is_link = |word: &[u8]| LINKS.iter().any(|link| word.eq_ignore_ascii_case(link));
    let is_joined = !between.is_empty()
        && between.len() <= LONGEST
        && between
            .split(|b| b.is_ascii_whitespace() || is_mark(b))
            .filter(|word| !word.is_empty())
            .all(is_link)
        && between.iter().any(|b| is_mark(b) || b.is_ascii_alphabetic());
    is_joined && {
        let end = run_end(text, start, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b' '));
        let (own, others) = (digits(part(text, start, end)), last.digits);
        own.abs_diff(others) <= 1 || own > others
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn what_is_said_of_the_first_value_of_a_list_holds_for_all() {
        check("SSNs: 536221234, 536221235 and 536221236", "SSNs: [US_SSN], [US_SSN] and [US_SSN]");
        check("phones 4155550100, 4155550101.", "phones [PHONE], [PHONE].");
        check("ids (ssn): 536221234; 536221235", "ids (ssn): [US_SSN]; [US_SSN]");
        check("where phone in ('4155550100','4155550101')", "where phone in ('[PHONE]','[PHONE]')");
        check(
            "passports C01X00T47, C01X00T48 or C01X00T49",
            "passports [PASSPORT], [PASSPORT] or [PASSPORT]",
        );
        check("ssn 536-22-1234 / 536221235", "ssn [US_SSN] / [US_SSN]");
        stays("numbers 536221234, 536221235");
        check("ssn 536221234, order 536221235", "ssn [US_SSN], order 536221235");
        check("ssn 536221234, 12 of 34 (5678)", "ssn [US_SSN], 12 of 34 (5678)");
        check("ssn 536221234 536221", "ssn [US_SSN] 536221");
    }

    #[test]
    fn a_number_that_tells_itself_is_found_before_what_words_make_of_it() {
        check("SSN #1 4111 1111 1111 1111", "SSN #1 [CARD]");
        check("tel 1 4111 1111 1111 1111", "tel 1 [CARD]");
        check("national id 22 33 4111 1111 1111 1111", "national id 22 33 [CARD]");
        check("4111111111111111-5500000000000004", "[CARD]-[CARD]");
        check("4111111111111111.5500000000000004", "[CARD].[CARD]");
        check("tel 0049 811228-9874", "tel [PHONE]");
        check("ssn 536221234 415-555-2671", "ssn [US_SSN] [PHONE]");
    }
}
