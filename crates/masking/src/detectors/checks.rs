//! Check digits. Digits come as numbers from 0 to 9.

/// The sum of digits times weights.
fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(&digit, &weight)| u32::from(digit) * weight).sum()
}

fn last(digits: &[u8]) -> u32 {
    digits.last().copied().map_or(99, u32::from)
}

fn digit(digits: &[u8], position: usize) -> u32 {
    digits.get(position).copied().map_or(99, u32::from)
}

/// Two or more digits as a number.
pub(super) fn number(digits: &[u8], from: usize, to: usize) -> u64 {
    digits
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .fold(0, |n, &d| n.saturating_mul(10).saturating_add(u64::from(d)))
}

/// Luhn's formula (ISO/IEC 7812-1).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| {
            let digit = u32::from(digit);
            if place % 2 == 0 {
                digit
            } else if digit > 4 {
                digit * 2 - 9
            } else {
                digit * 2
            }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|&d| d != 0)
}

/// Verhoeff's scheme over the dihedral group of ten.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const fn multiply(a: u8, b: u8) -> u8 {
        match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => 5 + (a + b - 5) % 5,
            (false, true) => 5 + (a - 5 + 5 - b) % 5,
            (false, false) => (a - 5 + 5 - (b - 5)) % 5,
        }
    }
    const ROUND: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permute = |digit: u8, times: usize| {
        (0..times % 8).fold(digit, |d, _| ROUND.get(usize::from(d)).copied().unwrap_or(0))
    };
    let state = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0, |state, (place, &digit)| multiply(state, permute(digit, place)));
    state == 0 && digits.iter().any(|&d| d != 0)
}

/// ISO/IEC 7064 mod 97-10 over letters and digits, the first four characters moved to the end (IBAN).
pub(super) fn iban_mod_97(characters: &[u8]) -> bool {
    let (head, tail) = characters.split_at(4.min(characters.len()));
    let rest = tail.iter().chain(head).fold(0_u32, |rest, &c| match c {
        b'0'..=b'9' => (rest * 10 + u32::from(c - b'0')) % 97,
        b'A'..=b'Z' => (rest * 100 + u32::from(c - b'A') + 10) % 97,
        b'a'..=b'z' => (rest * 100 + u32::from(c - b'a') + 10) % 97,
        _ => 98,
    });
    rest == 1
}

/// A date `yymmdd` or `ddmmyy` could be: month 1 to 12 and day 1 to 31.
pub(super) fn is_day(month: u64, day: u64) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// United States: area, group and serial as issued.
pub(super) fn us_ssn(digits: &[u8]) -> bool {
    let area = number(digits, 0, 3);
    digits.len() == 9
        && area != 0
        && area != 666
        && area < 900
        && number(digits, 3, 5) != 0
        && number(digits, 5, 9) != 0
}

/// United States: individual taxpayers, by their group.
pub(super) fn us_itin(digits: &[u8]) -> bool {
    let group = number(digits, 3, 5);
    digits.len() == 9 && digit(digits, 0) == 9 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Brazil: persons, two check digits mod 11.
pub(super) fn br_cpf(digits: &[u8]) -> bool {
    let check = |count: usize| {
        let sum: u32 = digits
            .iter()
            .take(count)
            .zip((2..=u32::try_from(count + 1).unwrap_or(0)).rev())
            .map(|(&d, w)| u32::from(d) * w)
            .sum();
        (sum * 10 % 11) % 10
    };
    let is_uniform = digits.windows(2).all(|pair| pair.first() == pair.last());
    digits.len() == 11 && !is_uniform && check(9) == digit(digits, 9) && check(10) == digit(digits, 10)
}

/// Norway: date and two check digits mod 11.
pub(super) fn no_fnr(digits: &[u8]) -> bool {
    let day = number(digits, 0, 2) % 40;
    let month = number(digits, 2, 4) % 40;
    let first = weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11);
    let second = weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11);
    digits.len() == 11 && is_day(month, day) && first && second
}

/// Belgium: date and 97 minus the rest.
pub(super) fn be_rrn(digits: &[u8]) -> bool {
    let check = number(digits, 9, 11);
    let before_2000 = 97 - number(digits, 0, 9) % 97;
    let after_2000 = 97 - (2_000_000_000 + number(digits, 0, 9)) % 97;
    digits.len() == 11
        && is_day(number(digits, 2, 4) % 20, number(digits, 4, 6))
        && (check == before_2000 || check == after_2000)
}

/// France: sex, month, and 97 minus the rest.
pub(super) fn fr_nir(digits: &[u8]) -> bool {
    let month = number(digits, 3, 5);
    digits.len() == 15
        && matches!(digit(digits, 0), 1..=4 | 7 | 8)
        && (matches!(month, 1..=12 | 20..=42 | 50..=99))
        && 97 - number(digits, 0, 13) % 97 == number(digits, 13, 15)
}

/// Sweden: date and Luhn.
pub(super) fn se_personnummer(digits: &[u8]) -> bool {
    digits.len() == 10 && is_day(number(digits, 2, 4), number(digits, 4, 6) % 60) && luhn(digits)
}

/// Czechia and Slovakia: date and mod 11.
pub(super) fn cz_rodne(digits: &[u8]) -> bool {
    let month = number(digits, 2, 4) % 50 % 20;
    digits.len() == 10 && is_day(month, number(digits, 4, 6)) && number(digits, 0, 10).is_multiple_of(11)
}

/// South Korea: date, century and sex, check digit mod 11 (absent since 2020: then the date alone).
pub(super) fn kr_rrn(digits: &[u8]) -> bool {
    digits.len() == 13
        && is_day(number(digits, 2, 4), number(digits, 4, 6))
        && matches!(digit(digits, 6), 1..=8)
}

/// Romania: date, county, check digit mod 11.
pub(super) fn ro_cnp(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let check = if rest == 10 { 1 } else { rest };
    digits.len() == 13
        && (1..=8).contains(&digit(digits, 0))
        && is_day(number(digits, 3, 5), number(digits, 5, 7))
        && matches!(number(digits, 7, 9), 1..=52)
        && check == last(digits)
}

/// South Africa: date, citizenship, Luhn.
pub(super) fn za_id(digits: &[u8]) -> bool {
    digits.len() == 13
        && is_day(number(digits, 2, 4), number(digits, 4, 6))
        && digit(digits, 10) <= 1
        && matches!(digit(digits, 11), 8 | 9)
        && luhn(digits)
}

/// Thailand: mod 11.
pub(super) fn th_id(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    digits.len() == 13 && digit(digits, 0) != 0 && (11 - sum % 11) % 10 == last(digits)
}

/// Switzerland: 756 and the check digit of an EAN.
pub(super) fn ch_ahv(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    digits.len() == 13 && number(digits, 0, 3) == 756 && (10 - sum % 10) % 10 == last(digits)
}

/// China: birth date and mod 11-2; the last character may be X.
pub(super) fn cn_ric(digits: &[u8], ends_in_x: bool) -> bool {
    let sum = weighted(digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let expected = (12 - sum % 11) % 11;
    let check = if ends_in_x { 10 } else { digit(digits, 17) };
    let year = number(digits, 6, 10);
    digits.len() == if ends_in_x { 17 } else { 18 }
        && (1900..=2099).contains(&year)
        && is_day(number(digits, 10, 12), number(digits, 12, 14))
        && check == expected
}

/// Payment cards: whether the leading digits are some issuer's and the length is one that it issues.
pub(super) fn card_issuer(digits: &[u8]) -> bool {
    let length = digits.len();
    let lead = number(digits, 0, 6);
    match lead {
        // Visa. Its old ones of thirteen digits are as much like the codes of goods: words must tell those.
        400_000..=499_999 => matches!(length, 16 | 19),
        // Mastercard, Maestro of its range.
        510_000..=559_999 | 222_100..=272_099 => length == 16,
        // American Express.
        340_000..=349_999 | 370_000..=379_999 => length == 15,
        // Diners Club.
        300_000..=305_999 | 309_500..=309_599 | 380_000..=399_999 => matches!(length, 14 | 16),
        360_000..=369_999 => (14..=19).contains(&length),
        // JCB, RuPay beside it.
        352_800..=358_999 => (16..=19).contains(&length),
        213_100..=213_199 | 180_000..=180_099 => length == 15,
        // Mir, Borica.
        220_000..=220_599 => (16..=19).contains(&length),
        // Discover, UnionPay, RuPay, Elo, Hipercard, Maestro.
        620_000..=629_999 => (16..=19).contains(&length),
        601_100..=601_199 | 644_000..=659_999 => matches!(length, 16 | 19),
        606_282
        | 606_900..=608_999
        | 636_368
        | 636_297
        | 504_175
        | 506_600..=506_799
        | 508_500..=509_999
        | 603_488..=603_499 => length == 16,
        501_800..=502_099
        | 503_800..=503_899
        | 589_300..=589_399
        | 630_400..=630_499
        | 670_300..=670_399
        | 670_600..=670_699
        | 670_900..=670_999
        | 675_900..=675_999
        | 676_100..=676_399
        | 677_100..=677_199
        | 560_000..=589_299 => (16..=19).contains(&length),
        // Argencard, Meeza, Hiper, InterPayment, Naranja, Cabal, Mada, UkrCard (Mada's other range is within Maestro's).
        501_105 | 507_803..=507_810 | 589_562 | 589_657 | 968_201..=968_211 => length == 16,
        604_001..=604_219 | 636_000..=636_099 | 637_000..=637_999 => (16..=19).contains(&length),
        // Napas, Humo, Uzcard.
        970_400..=970_499 => matches!(length, 16 | 19),
        986_000..=986_099 | 860_000..=860_099 => length == 16,
        // Verve, Troy, UnionPay's and RuPay's newer ranges.
        506_099..=506_198 | 979_200..=979_289 | 810_000..=817_199 => (16..=19).contains(&length),
        817_200..=829_999 => length == 16,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    #[test]
    fn published_examples_pass_and_their_neighbours_do_not() {
        #[track_caller]
        fn check(scheme: fn(&[u8]) -> bool, good: &str) {
            let digits = digits(good);
            assert!(scheme(&digits), "{good}");
            let mut other = digits.clone();
            let last = other.last_mut().unwrap();
            *last = (*last + 1) % 10;
            assert!(!scheme(&other), "{good} with another last digit");
        }
        check(luhn, "4111 1111 1111 1111");
        check(verhoeff, "2363");
        check(br_cpf, "111.444.777-35");
        check(be_rrn, "85.07.30-033.28");
        check(fr_nir, "2 55 08 14 168 025 38");
        check(se_personnummer, "811228-9874");
        check(cz_rodne, "710319/2745");
        check(ro_cnp, "1630615123457");
        check(za_id, "8001015009087");
        check(th_id, "1-2345-45678-78-1");
        check(ch_ahv, "756.9217.0769.85");
        check(no_fnr, "151086 95088");
    }

    #[test]
    fn an_account_number_is_checked_over_letters_too() {
        assert!(iban_mod_97(b"GB82WEST12345698765432"));
        assert!(!iban_mod_97(b"GB82WEST12345698765433"));
    }

    #[test]
    fn numbers_that_were_never_issued_are_none() {
        for never in ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000"] {
            assert!(!us_ssn(&digits(never)), "{never}");
        }
        assert!(us_itin(&digits("912-71-1234")));
    }
}
