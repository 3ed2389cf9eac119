//! International bank account numbers (ISO 13616).

use super::checks;
use crate::lexical::{at, before, is_word, part};

/// Country codes of IBANs, in order, with their lengths: the SWIFT IBAN registry, and what banks of countries
/// outside it use.
const IBAN_LENGTHS: &[(&[u8; 2], u8)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AO", 25),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BF", 28),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BJ", 28),
    (b"BR", 29),
    (b"BY", 28),
    (b"CF", 27),
    (b"CG", 27),
    (b"CH", 21),
    (b"CI", 28),
    (b"CM", 27),
    (b"CR", 22),
    (b"CV", 25),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"DZ", 26),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GA", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GQ", 27),
    (b"GR", 27),
    (b"GT", 28),
    (b"GW", 25),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IR", 26),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KM", 27),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MA", 28),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MG", 27),
    (b"MK", 19),
    (b"ML", 28),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"MZ", 25),
    (b"NE", 28),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SN", 28),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TD", 27),
    (b"TG", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// An account number, with or without separators between its groups.
pub(super) fn find(text: &[u8], start: usize) -> Option<usize> {
    let country = [at(text, start).to_ascii_uppercase(), at(text, start + 1).to_ascii_uppercase()];
    // `DE 89 3704 …`
    let check = start + 2 + usize::from(at(text, start + 2) == b' ');
    if !country.iter().all(u8::is_ascii_uppercase)
        || !at(text, check).is_ascii_digit()
        || !at(text, check + 1).is_ascii_digit()
    {
        return None;
    }
    let place = IBAN_LENGTHS.binary_search_by_key(&country, |(code, _)| **code).ok()?;
    let length = IBAN_LENGTHS.get(place).map(|(_, length)| usize::from(*length))?;
    let mut characters = [0_u8; 34];
    let mut count = 0;
    let mut position = start;
    let mut seam = 0;
    while count < length {
        let byte = at(text, position);
        if byte.is_ascii_alphanumeric() {
            *characters.get_mut(count)? = byte.to_ascii_uppercase();
            count += 1;
            seam = 0;
        } else if is_seam(before(text, position), byte, seam) && count > 0 {
            seam += 1;
        } else {
            return None;
        }
        position += 1;
    }
    (!is_word(at(text, position)) && checks::iban_mod_97(part(&characters, 0, length))).then_some(position)
}

/// Whether a byte may stand between groups, behind so many others that do.
const fn is_seam(previous: u8, byte: u8, known: usize) -> bool {
    match known {
        0 => matches!(byte, b' ' | b'-' | b'.' | b'/' | b'_' | b'\n' | b'\r' | b'\t'),
        1 => matches!((previous, byte), (b' ', b' ') | (b'\r', b'\n')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_countries_stand_in_order() {
        assert!(IBAN_LENGTHS.is_sorted_by(|(left, _), (right, _)| left < right));
    }
}
