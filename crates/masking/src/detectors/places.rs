//! Coordinates of people, by the words before them.

use super::Kind;
use super::scan::Scan;
use crate::lexical::{at, before, is_word, part, run_end, run_start};

/// Digits behind the point that tell a house from a town.
const FEWEST: usize = 4;

/// A latitude whose digits stand there, and the longitude behind it, where words say that they are somebody's; answers
/// their end.
#[cold]
pub(super) fn pair(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    is_degrees(part(text, start, end), 90).then_some(())?;
    let from = start - usize::from(matches!(before(text, start), b'-' | b'+'));
    let next = run_end(text, end + 1, 2, |b| b == b' ');
    let next = next + usize::from(matches!(at(text, next), b'-' | b'+'));
    let last = run_end(text, next, 24, |b| b.is_ascii_digit() || b == b'.');
    let last = last - usize::from(before(text, last) == b'.');
    if !is_degrees(part(text, next, last), 180) || !scan.spend(64) || !is_somebodys(text, from) {
        return None;
    }
    scan.found(from, last, Kind::Location);
    Some(last)
}

fn is_degrees(number: &[u8], most: usize) -> bool {
    let Some(point) = memchr::memchr(b'.', number) else { return false };
    let (whole, fraction) = number.split_at(point);
    // No more than are looked at below: what stands before a point may be as long as a text.
    let degrees = whole.iter().take(3).fold(0, |n, b| n * 10 + usize::from(b.wrapping_sub(b'0')));
    let fraction = fraction.get(1..).unwrap_or_default();
    (1..=3).contains(&whole.len())
        && whole.iter().chain(fraction).all(u8::is_ascii_digit)
        && degrees <= most
        && fraction.len() >= FEWEST
}

/// Whether one of the few words before speaks of somebody, or of where somebody is.
fn is_somebodys(text: &[u8], position: usize) -> bool {
    const REACH: usize = 40;
    const WORDS: [&[u8]; 22] = [
        b"home",
        b"house",
        b"lives",
        b"living",
        b"gps",
        b"her",
        b"his",
        b"my",
        b"their",
        b"user",
        b"users",
        b"customer",
        b"patient",
        b"driver",
        b"employee",
        b"residence",
        b"resides",
        b"whereabouts",
        b"rider",
        b"passenger",
        b"caller",
        b"member",
    ];
    let stop = position.saturating_sub(REACH);
    let mut end = position;
    while end > stop {
        let word_end = run_start(text, end, REACH, |b| !is_word(b));
        let word_start = run_start(text, word_end, REACH, is_word);
        let word = part(text, word_start, word_end);
        if word.is_empty() {
            break;
        }
        if WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            return true;
        }
        end = word_start;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn coordinates_are_found_where_they_are_somebodys() {
        check("her home is at -38.319998,160.201743", "her home is at [LOCATION]");
        check("user location: 22.347277, -57.068991.", "user location: [LOCATION].");
        check("GPS -4.803958,9.635397 ok", "GPS [LOCATION] ok");
        stays("store at 22.347277,-57.068991");
        stays("her scores 12.5,13.25 and 99.1234,200.12345");
        stays("user ratio 0.12,0.3456");
    }

    #[test]
    fn more_numbers_of_states_are_found_by_their_check_digits() {
        for text in [
            "17507794-4",
            "id 18770600-9 was on file",
            "930406+9892",
            "XJ 361 184 C",
            "650913 1045 08 4",
            "15070649C103",
        ] {
            let shown = super::super::Detectors::standard().redact_text(text, "").into_owned();
            assert!(shown.contains("[NATIONAL_ID]"), "{text}: {shown}");
        }
        check("9102248308@somebank", "[BANK_ACCOUNT]");
        check("bjorn.volkov@ikwik", "[BANK_ACCOUNT]");
        stays("17507794-5");
        stays("930406+9893");
        stays("1234567890@somebank");
    }

    #[test]
    fn credentials_are_found_in_files_and_codes() {
        check("db.test:5432:app:bob:KI1q4kVDWfG9!", "db.test:5432:app:bob:[PASSWORD]");
        check("WIFI:S:Home;T:WPA;P:OACELUfULsH;;", "WIFI:S:Home;T:WPA;P:[PASSWORD];;");
        check("your OTP 667476.", "your OTP [PASSWORD].");
        check("OTP is 667476", "OTP is [PASSWORD]");
        stays("see host:5432:x and :5432: only");
        stays("optionOTP 667476");
        check("one-time password 089737", "one-time password [PASSWORD]");
        stays("the password 1234567 times");
        let address = "cosmos1xrgledyc9tr8l5y7u7a2c6l5wpdg5n8yklwm44";
        check(&format!("my Cardano wallet: {address}"), "my Cardano wallet: [CRYPTO_WALLET]");
        stays(address);
        check("SV-Nummer 51080480N556", "SV-Nummer [NATIONAL_ID]");
        check("cuenta bancaria 4075217183", "cuenta bancaria [BANK_ACCOUNT]");
        check("version\n203.0.113.77!", "version\n[IP_ADDRESS]!");
        check("new version; 203.0.113.77", "new version; [IP_ADDRESS]");
        stays("Look at example dot org trends");
    }
}
