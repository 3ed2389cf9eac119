//! Numbers that states give to people, with their check digits.

use crate::Sort;
use crate::random::{Random, digits_of, luhn_digit, weighted};

pub const SORTS: &[Sort] = &[
    Sort {
        name: "US SSN",
        column: "",
        words: "has",
        make: |r| format!("{}-{:02}-{}", r.between(100, 665), r.between(1, 99), r.number(4)),
    },
    Sort {
        name: "US SSN, bare",
        column: "ssn",
        words: "SSN",
        make: |r| format!("{}{:02}{}", r.between(100, 665), r.between(10, 99), r.number(4)),
    },
    Sort {
        name: "US ITIN",
        column: "",
        words: "has",
        make: |r| format!("9{:02}-{}-{}", r.between(10, 99), r.between(70, 88), r.number(4)),
    },
    Sort { name: "US EIN", column: "tax_id", words: "tax id", make: |r| r.shape("29-9999999") },
    Sort {
        name: "US provider",
        column: "npi",
        words: "NPI",
        make: |r| {
            let n = format!("1{}", r.digits(8));
            format!("{n}{}", luhn_digit(&format!("80840{n}")))
        },
    },
    Sort {
        name: "US Medicare",
        column: "",
        words: "card",
        make: |r| {
            let a = "ACDEFGHJKMNPQRTUVWXY";
            format!(
                "{}{}{}{}-{}{}{}-{}{}",
                r.number(1),
                r.of(a, 1),
                r.digits(1),
                r.digits(1),
                r.of(a, 1),
                r.digits(1),
                r.digits(1),
                r.of(a, 2),
                r.digits(2)
            )
        },
    },
    Sort {
        name: "US DEA",
        column: "dea",
        words: "DEA",
        make: |r| format!("B{}{}", r.letters(1), r.number(7)),
    },
    Sort {
        name: "CA SIN",
        column: "sin",
        words: "SIN",
        make: |r| {
            let n = r.number(8);
            let c = luhn_digit(&n);
            format!("{}-{}-{}{c}", &n[..3], &n[3..6], &n[6..])
        },
    },
    Sort {
        name: "UK NINO",
        column: "",
        words: "has",
        make: |r| {
            let (p, s) = (r.pick(&["AB", "CE", "JK", "PW", "SX", "YZ"]), r.pick(&["A", "B", "C", "D"]));
            let d = r.digits(6);
            if r.between(0, 1) == 0 {
                format!("{p}{d}{s}")
            } else {
                format!("{p} {} {} {} {s}", &d[..2], &d[2..4], &d[4..])
            }
        },
    },
    Sort { name: "UK NHS", column: "nhs_number", words: "NHS", make: |r| r.shape("899 999 9999") },
    Sort {
        name: "UK licence",
        column: "",
        words: "shows",
        make: |r| {
            format!(
                "{}{}{:02}{:02}{}{}{}{}",
                r.letters(5),
                r.digits(1),
                r.between(1, 12),
                r.between(1, 28),
                r.digits(1),
                r.letters(2),
                r.digits(1),
                r.letters(2)
            )
        },
    },
    Sort {
        name: "IE PPS",
        column: "pps_number",
        words: "PPS",
        make: |r| {
            let n = r.number(7);
            let sum = weighted(&n, &[8, 7, 6, 5, 4, 3, 2]);
            format!("{n}{}", char::from(b"WABCDEFGHIJKLMNOPQRSTUV"[(sum % 23) as usize]))
        },
    },
    Sort {
        name: "FR NIR",
        column: "",
        words: "a",
        make: |r| {
            let n = format!(
                "{}{:02}{:02}{:02}{}",
                r.between(1, 2),
                r.between(30, 99),
                r.between(1, 12),
                r.between(1, 95),
                r.digits(6)
            );
            format!("{n}{:02}", 97 - n.parse::<u64>().unwrap() % 97)
        },
    },
    Sort { name: "DE tax", column: "steuer_id", words: "Steuer-ID", make: |r| r.number(11) },
    Sort { name: "NL BSN", column: "bsn", words: "BSN", make: |r| r.number(9) },
    Sort {
        name: "BE number",
        column: "",
        words: "has",
        make: |r| {
            let n = format!("{}{}", r.year_month_day(), r.digits(3));
            let check = 97 - n.parse::<u64>().unwrap() % 97;
            format!("{}.{}.{}-{}.{check:02}", &n[..2], &n[2..4], &n[4..6], &n[6..9])
        },
    },
    Sort {
        name: "PL PESEL",
        column: "pesel",
        words: "PESEL",
        make: |r| format!("{}{}", r.year_month_day(), r.digits(5)),
    },
    Sort {
        name: "SE personnummer",
        column: "",
        words: "har",
        make: |r| {
            let n = format!("{}{}", r.year_month_day(), r.digits(3));
            format!("{}-{}{}", &n[..6], &n[6..], luhn_digit(&n))
        },
    },
    Sort {
        name: "SE personnummer, long",
        column: "",
        words: "har",
        make: |r| {
            let n = format!("{}{}", r.year_month_day(), r.digits(3));
            format!("19{}-{}{}", &n[..6], &n[6..], luhn_digit(&n))
        },
    },
    Sort {
        name: "DK CPR",
        column: "",
        words: "har",
        make: |r| loop {
            let n = format!("{}{}", r.day_month_year(), r.digits(3));
            let rest = weighted(&n, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
            if rest != 1 {
                break format!("{}-{}{}", &n[..6], &n[6..], (11 - rest) % 11);
            }
        },
    },
    Sort {
        name: "DK CPR, any",
        column: "cpr_nummer",
        words: "CPR",
        make: |r| format!("{}-{}", r.day_month_year(), r.digits(4)),
    },
    Sort {
        name: "NO number",
        column: "fodselsnummer",
        words: "fodselsnummer",
        make: |r| format!("{}{}", r.day_month_year(), r.digits(5)),
    },
    Sort {
        name: "FI number",
        column: "",
        words: "on",
        make: |r| {
            let (d, s) = (r.day_month_year(), r.between(100, 899));
            let check =
                b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(format!("{d}{s}").parse::<u64>().unwrap() % 31) as usize];
            format!("{d}{}{s}{}", r.pick(&["-", "A"]), char::from(check))
        },
    },
    Sort {
        name: "CH AHV",
        column: "",
        words: "hat",
        make: |r| {
            let n = format!("756{}", r.digits(9));
            let sum: u32 =
                digits_of(&n).iter().enumerate().map(|(i, d)| if i % 2 == 0 { *d } else { d * 3 }).sum();
            format!("756.{}.{}.{}{}", &n[3..7], &n[7..11], &n[11..], (10 - sum % 10) % 10)
        },
    },
    Sort {
        name: "AT SVNR",
        column: "svnr",
        words: "SVNR",
        make: |r| format!("{} {}", r.number(4), r.day_month_year()),
    },
    Sort {
        name: "IT fiscal code",
        column: "codice_fiscale",
        words: "codice fiscale",
        make: |r| r.shape("AAAAAA89A29A899A"),
    },
    Sort {
        name: "ES NIF",
        column: "",
        words: "tiene",
        make: |r| {
            let n = r.number(8);
            format!("{n}{}", char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[n.parse::<usize>().unwrap() % 23]))
        },
    },
    Sort { name: "PT NIF", column: "nif", words: "NIF", make: |r| r.number(9) },
    Sort {
        name: "CZ number",
        column: "",
        words: "ma",
        make: |r| loop {
            let n = format!("{}{}", r.year_month_day(), r.digits(3));
            let rest = n.parse::<u64>().unwrap() * 10 % 11;
            if rest != 1 {
                break format!("{}/{}{}", &n[..6], &n[6..], (11 - rest) % 11);
            }
        },
    },
    Sort {
        name: "LV number",
        column: "",
        words: "ir",
        make: |r| {
            let n = format!("{}{}{}", r.day_month_year(), r.between(1, 2), r.digits(3));
            let sum = 1 + weighted(&n, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
            format!("{}-{}{}", &n[..6], &n[6..], sum % 11 % 10)
        },
    },
    Sort {
        name: "RU SNILS",
        column: "",
        words: "at",
        make: |r| {
            let n = r.number(9);
            let c = weighted(&n, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
            format!("{}-{}-{} {c:02}", &n[..3], &n[3..6], &n[6..])
        },
    },
    Sort { name: "TR number", column: "tc_kimlik_no", words: "TC kimlik no", make: |r| r.number(11) },
    Sort { name: "IL number", column: "teudat_zehut", words: "teudat zehut", make: |r| r.number(9) },
    Sort {
        name: "AE Emirates ID",
        column: "",
        words: "id",
        make: |r| {
            let n = format!("7841{}{}", r.between(940, 999), r.digits(7));
            format!("784-{}-{}-{}", &n[3..7], &n[7..14], luhn_digit(&n))
        },
    },
    Sort {
        name: "ZA ID",
        column: "",
        words: "is",
        make: |r| {
            let n = format!("{}{}0{}", r.year_month_day(), r.digits(4), r.between(8, 9));
            format!("{n}{}", luhn_digit(&n))
        },
    },
    Sort { name: "IN Aadhaar", column: "aadhaar", words: "Aadhaar", make: |r| r.shape("8999 9999 9999") },
    Sort {
        name: "IN PAN",
        column: "",
        words: "has",
        make: |r| format!("{}P{}{}{}", r.letters(3), r.letters(1), r.number(4), r.letters(1)),
    },
    Sort {
        name: "IN GSTIN",
        column: "",
        words: "has",
        make: |r| {
            format!(
                "{:02}{}P{}{}{}1Z{}",
                r.between(1, 37),
                r.letters(3),
                r.letters(1),
                r.number(4),
                r.letters(1),
                r.digits(1)
            )
        },
    },
    Sort {
        name: "CN number",
        column: "",
        words: "is",
        make: |r| {
            let n = format!(
                "{}{}{:02}{:02}{}",
                r.number(6),
                r.between(1940, 2010),
                r.between(1, 12),
                r.between(1, 28),
                r.digits(3)
            );
            let check = (12 - weighted(&n, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11) % 11;
            format!("{n}{}", if check == 10 { "X".to_owned() } else { check.to_string() })
        },
    },
    Sort {
        name: "KR RRN",
        column: "",
        words: "is",
        make: |r| format!("{}-{}{}", r.year_month_day(), r.between(1, 4), r.digits(6)),
    },
    Sort { name: "JP My Number", column: "my_number", words: "mynumber", make: |r| r.number(12) },
    Sort {
        name: "SG NRIC",
        column: "",
        words: "is",
        make: |r| {
            let n = r.digits(7);
            let c = weighted(&n, &[2, 7, 6, 5, 4, 3, 2]) % 11;
            format!("S{n}{}", char::from(b"JZIHGFEDCBA"[c as usize]))
        },
    },
    Sort {
        name: "TW number",
        column: "",
        words: "is",
        make: |r| {
            let n = format!("{}{}", r.between(1, 2), r.digits(7));
            let sum = 1 + weighted(&n, &[8, 7, 6, 5, 4, 3, 2, 1]);
            format!("A{n}{}", (10 - sum % 10) % 10)
        },
    },
    Sort {
        name: "TH number",
        column: "",
        words: "is",
        make: |r| {
            let n = r.number(12);
            let c = (11 - weighted(&n, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10;
            format!("{}-{}-{}-{}-{c}", &n[..1], &n[1..5], &n[5..10], &n[10..])
        },
    },
    Sort {
        name: "MY MyKad",
        column: "",
        words: "is",
        make: |r| format!("{}-{}-{}", r.year_month_day(), r.between(10, 59), r.digits(4)),
    },
    Sort { name: "AU TFN", column: "tfn", words: "TFN", make: |r| r.shape("899 999 999") },
    Sort {
        name: "AU Medicare",
        column: "medicare_number",
        words: "Medicare",
        make: |r| r.shape("2999 99999 1"),
    },
    Sort {
        name: "AU ABN",
        column: "",
        words: "of",
        make: |r| {
            let body = r.digits(9);
            let sum = weighted(&body, &[3, 5, 7, 9, 11, 13, 15, 17, 19]);
            // The first two digits make the sum divisible by 89.
            let lead = (11..100_u32).find(|lead| ((lead / 10 - 1) * 10 + lead % 10 + sum).is_multiple_of(89));
            let lead = lead.map_or_else(|| "51".to_owned(), |lead| lead.to_string());
            let body = if lead == "51" { "824753556".to_owned() } else { body };
            format!("{lead} {} {} {}", &body[..3], &body[3..6], &body[6..])
        },
    },
    Sort { name: "NZ IRD", column: "ird_number", words: "IRD", make: |r| r.shape("89-999-999") },
    Sort { name: "BR CPF", column: "", words: "tem", make: cpf },
    Sort {
        name: "BR CNPJ",
        column: "",
        words: "tem",
        make: |r| {
            let mut n = format!("{}0001", r.number(8));
            for weights in
                [&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2][..], &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]]
            {
                let rest = weighted(&n, weights) % 11;
                n += &(if rest < 2 { 0 } else { 11 - rest }).to_string();
            }
            format!("{}.{}.{}/{}-{}", &n[..2], &n[2..5], &n[5..8], &n[8..12], &n[12..])
        },
    },
    Sort {
        name: "AR CUIT",
        column: "",
        words: "tiene",
        make: |r| {
            let n = format!("20{}", r.number(8));
            let check = match 11 - weighted(&n, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11 {
                11 => 0,
                10 => 9,
                other => other,
            };
            format!("20-{}-{check}", &n[2..])
        },
    },
    Sort {
        name: "CL RUT",
        column: "",
        words: "tiene",
        make: |r| {
            let n = r.number(8);
            let sum: u32 =
                digits_of(&n).iter().rev().zip([2, 3, 4, 5, 6, 7].iter().cycle()).map(|(d, w)| d * w).sum();
            let check = match (11 - sum % 11) % 11 {
                10 => "K".to_owned(),
                other => other.to_string(),
            };
            format!("{}.{}.{}-{check}", &n[..2], &n[2..5], &n[5..])
        },
    },
    Sort { name: "CO cedula", column: "cedula", words: "cedula", make: |r| r.number(10) },
    Sort {
        name: "MX RFC",
        column: "",
        words: "tiene",
        make: |r| {
            format!("{}O{}{}{}{}", r.letters(1), r.letters(2), r.year_month_day(), r.letters(2), r.digits(1))
        },
    },
    Sort {
        name: "passport",
        column: "passport_number",
        words: "passport",
        make: |r| {
            let form = r.pick(&["AA9999999", "A99999999", "89999999A", "899999999"]);
            r.shape(form)
        },
    },
    Sort {
        name: "driving licence",
        column: "driver_license",
        words: "driver license",
        make: |r| {
            let form = r.pick(&["A8999999", "A899-9999-9999", "89999999"]);
            r.shape(form)
        },
    },
    Sort { name: "medical record", column: "mrn", words: "MRN", make: |r| r.number(8) },
];

fn cpf(r: &mut Random) -> String {
    let mut n = r.number(9);
    for count in [10, 11] {
        let weights: Vec<u32> = (2..=count).rev().collect();
        let check = weighted(&n, &weights) * 10 % 11 % 10;
        n += &check.to_string();
    }
    format!("{}.{}.{}-{}", &n[..3], &n[3..6], &n[6..9], &n[9..])
}
