//! Dates of birth behind the words for one.

use super::Kind;
use super::scan::Scan;
use crate::lexical::{at, before, is_word, part, run_end};

/// A date behind a word for a birth; answers its end.
pub(super) fn birth(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    // `date_of_birth`, `dateOfBirth`
    let is_hump = before(text, start).is_ascii_lowercase() && at(text, start).is_ascii_uppercase();
    if is_word(before(text, start)) && before(text, start) != b'_' && !is_hump || !scan.spend(64) {
        return None;
    }
    // Up to so many bytes of other words may stand between.
    const REACH: usize = 24;
    let is_word_open = before(text, end).is_ascii_alphabetic();
    let mut from = if is_word_open { run_end(text, end, 12, |b| b.is_ascii_alphabetic()) } else { end };
    let stop = from + REACH;
    let mut weekday = None;
    while from < stop && from < text.len() {
        let byte = at(text, from);
        if byte.is_ascii_digit() {
            break;
        }
        if byte.is_ascii_alphabetic() {
            let word_end = run_end(text, from, 12, |b| b.is_ascii_alphabetic());
            let word = part(text, from, word_end);
            if is_month(word) {
                break;
            }
            weekday = is_weekday(word).then_some(from);
            from = word_end;
        } else {
            from += 1;
        }
    }
    let last = date_end(text, from)?;
    scan.found(weekday.unwrap_or(from), last, Kind::BirthDate);
    Some(last)
}

/// The end of a date in any usual spelling; none when it is none.
fn date_end(text: &[u8], from: usize) -> Option<usize> {
    let (mut position, mut end) = (from, from);
    let (mut digits, mut numbers, mut months) = (0, 0, 0);
    while position < from + 32 {
        let byte = at(text, position);
        if byte.is_ascii_digit() {
            end = run_end(text, position, 9, |b| b.is_ascii_digit());
            digits += end - position;
            numbers += 1;
            position = end;
            // `3rd`, `1st`
            let ordinal = run_end(text, position, 3, |b| b.is_ascii_alphabetic());
            if ordinal == position + 2
                && matches!(part(text, position, ordinal), b"st" | b"nd" | b"rd" | b"th")
            {
                position = ordinal;
            }
        } else if byte >= 0x80 && position == end && end > from {
            // `2005年7月16日`: one letter behind each number.
            let letter = run_end(text, position, 4, |b| b >= 0x80);
            if letter != position + 2 {
                break;
            }
            (position, end) = (letter, letter);
        } else if byte.is_ascii_alphabetic() || byte >= 0x80 {
            let word_end = run_end(text, position, 12, is_word);
            let word = part(text, position, word_end);
            if is_month(word) {
                months += 1;
                end = word_end;
            } else if !matches!(word, b"of" | b"de" | b"the" | b"del" | b"di") {
                break;
            }
            position = word_end;
        } else if matches!(byte, b' ' | b'-' | b'/' | b'.' | b',') {
            position += 1;
        } else {
            break;
        }
        let is_full = digits >= 8 || digits >= 5 && months > 0;
        if is_full && at(text, position) < 0x80 {
            break;
        }
    }
    let is_short = months > 0 && digits == 3;
    let is_date = is_short
        || (4..=8).contains(&digits) && (numbers + months >= 2 || digits == 8 || digits == 4 && numbers == 1);
    is_date.then_some(time_end(text, end))
}

/// The end of a time that is glued to a date, `T00:00:00Z`.
fn time_end(text: &[u8], end: usize) -> usize {
    const LONGEST: usize = 28;
    if at(text, end) != b'T' || !at(text, end + 1).is_ascii_digit() {
        return end;
    }
    let last = run_end(text, end + 1, LONGEST, |b| {
        b.is_ascii_digit() || matches!(b, b':' | b'.' | b'+' | b'-' | b'Z')
    });
    last - usize::from(matches!(before(text, last), b'.' | b':' | b'-'))
}

/// `Saturday`, `Montag`, `lundi`: part of the date behind it.
fn is_weekday(word: &[u8]) -> bool {
    const DAYS: [&[u8]; 29] = [
        b"monday",
        b"tuesday",
        b"wednesday",
        b"thursday",
        b"friday",
        b"saturday",
        b"sunday",
        b"montag",
        b"dienstag",
        b"mittwoch",
        b"donnerstag",
        b"freitag",
        b"samstag",
        b"sonntag",
        b"lundi",
        b"mardi",
        b"mercredi",
        b"jeudi",
        b"vendredi",
        b"samedi",
        b"dimanche",
        b"lunes",
        b"martes",
        b"jueves",
        b"viernes",
        b"domingo",
        b"mon",
        b"sat",
        b"sun",
    ];
    DAYS.iter().any(|day| word.eq_ignore_ascii_case(day))
}

fn is_month(word: &[u8]) -> bool {
    const MONTHS: [&[u8]; 48] = [
        b"gen", b"mag", b"giu", b"lug", b"set", b"ott", b"mei", b"mrt", b"maj", b"jui", b"aou", b"sty",
        b"lut", b"kwi", b"cze", b"lip", b"sie", b"wrz", b"paz", b"lis", b"gru", b"tam", b"hel", b"elo",
        b"oca", b"sub", b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct",
        b"nov", b"dec", b"mai", b"okt", b"dez", b"ene", b"abr", b"ago", b"dic", b"fev", b"avr", b"out",
    ];
    let head = part(word, 0, 3);
    (3..=10).contains(&word.len()) && MONTHS.iter().any(|month| head.eq_ignore_ascii_case(month))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_under, stays};

    #[test]
    fn a_date_of_birth_is_found_with_all_that_belongs_to_it() {
        check("DOB: 2005年7月16日, ok", "DOB: [DOB], ok");
        check("(née le 1976年10月9日)", "(née le [DOB])");
        check("DOB 1952-10-14T00:00:00Z.", "DOB [DOB].");
        check("date of birth: Saturday, 29 July 1950 in Bonn", "date of birth: [DOB] in Bonn");
        check("nato il 25 settembre 2000", "nato il [DOB]");
        check("born on the 14th of December 1957.", "born on the [DOB].");
        check("dateOfBirth=1981-05-12", "dateOfBirth=[DOB]");
        check("fechaNacimiento: 12/05/1981", "fechaNacimiento: [DOB]");
        check("né le: 12/05/1981", "né le: [DOB]");
        check_under("ssn_last_checked", "2023-04-05", "2023-04-05");
        stays("2005年7月16日");
        stays("Saturday, 29 July 1950");
        stays("reborn 1981-05-12");
    }
}
