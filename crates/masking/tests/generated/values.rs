//! How people and machines are reached and paid, plain and in disguise.

use base64::Engine as _;

use crate::Sort;
use crate::random::{Random, grouped, luhn_digit};

pub const SORTS: &[Sort] = &[
    Sort { name: "email", column: "", words: "mail", make: email },
    Sort { name: "email in words", column: "", words: "write to", make: email_in_words },
    Sort { name: "phone, international", column: "", words: "number", make: phone },
    Sort {
        name: "phone, North America",
        column: "",
        words: "number",
        make: |r| {
            let form = r.pick(&[
                "(8??) 8??-????",
                "8??-8??-????",
                "8??.8??.????",
                "1-8??-8??-????",
                "+1 8??-8??-????",
                "+18??8??????",
            ]);
            // No area code ends in 11.
            let text = r.shape(&form.replace('?', "9"));
            text.replace("11", "12")
        },
    },
    Sort {
        name: "phone, national",
        column: "phone_number",
        words: "phone",
        make: |r| {
            let form = r.pick(&[
                "020 7946 0999",
                "07700 900999",
                "030 9999999",
                "0171 9999999",
                "01 42 68 53 99",
                "06 99 99 99 99",
                "91 999 99 99",
                "02 9999 9999",
                "0412 999 999",
                "98765 49999",
                "09999-999999",
                "(11) 99999-9999",
                "11 9999-9999",
                "3-9999-9999",
                "03-9999-9999",
                "010-9999-9999",
                "138 9999 9999",
                "08 999 999 99",
                "070-999 99 99",
                "22 33 44 55",
                "044 999 99 99",
                "0664 9999999",
                "021-99999999",
                "050 999 9999",
                "55 9999 9999",
                "601 999 999",
                "210 9999999",
                "087 999 9999",
            ]);
            r.shape(form)
        },
    },
    Sort { name: "card", column: "", words: "paid with", make: card },
    Sort { name: "card code", column: "cvv", words: "cvv:", make: |r| r.number(3) },
    Sort { name: "IBAN", column: "", words: "to", make: iban },
    Sort {
        name: "account and routing number",
        column: "bank_account_number",
        words: "bank account no.",
        make: |r| r.number(10),
    },
    Sort {
        name: "routing number",
        column: "routing_number",
        words: "routing number",
        make: |r| format!("0{}", r.number(8)),
    },
    Sort {
        name: "bank code",
        column: "swift_code",
        words: "SWIFT:",
        make: |r| {
            format!(
                "{}{}{}{}",
                r.letters(4),
                r.pick(&["DE", "FR", "GB", "US"]),
                r.letters(1),
                r.pick(&["2LXXX", "AXXX7", "F3001"])
            )
            .chars()
            .take(11)
            .collect()
        },
    },
    Sort { name: "IPv4", column: "", words: "from", make: ipv4 },
    Sort {
        name: "IPv6",
        column: "",
        words: "from",
        make: |r| match r.between(0, 3) {
            0 => format!("2001:db8:{}:{}::{}", r.hex(4), r.hex(4), r.hex(4)),
            1 => format!("fe80::{}:{}:{}", r.hex(4), r.hex(4), r.hex(4)),
            2 => (0..8).map(|_| r.hex(4)).collect::<Vec<_>>().join(":"),
            _ => format!("2A02:{}:{}::1", r.hex(4).to_uppercase(), r.hex(4).to_uppercase()),
        },
    },
    Sort {
        name: "MAC",
        column: "",
        words: "device",
        make: |r| {
            let bytes: Vec<String> = (0..6).map(|n| if n == 0 { "0a".into() } else { r.hex(2) }).collect();
            match r.between(0, 2) {
                0 => bytes.join(":"),
                1 => bytes.join("-").to_uppercase(),
                _ => grouped(&bytes.concat(), &[4, 4, 4], "."),
            }
        },
    },
    Sort { name: "wallet", column: "", words: "sent to", make: |r| format!("0x{}", r.hex(40)) },
    Sort { name: "birth", column: "date_of_birth", words: "born", make: birth },
    Sort { name: "birth, German", column: "geburtsdatum", words: "geb.", make: birth },
    Sort { name: "birth, French", column: "date_naissance", words: "né le", make: birth },
    Sort {
        name: "IMEI",
        column: "imei",
        words: "IMEI",
        make: |r| {
            let n = r.number(14);
            format!("{n}{}", luhn_digit(&n))
        },
    },
    Sort { name: "vehicle", column: "", words: "drives", make: vehicle },
    Sort {
        name: "plate",
        column: "license_plate",
        words: "plate",
        make: |r| {
            let form = r.pick(&["AA99AAA", "8AAA999", "AAA8999", "A99AAA"]);
            r.shape(form)
        },
    },
];

pub const DISGUISED: &[Sort] = &[
    Sort {
        name: "base64",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            base64::engine::general_purpose::STANDARD.encode(v)
        },
    },
    Sort {
        name: "base64, URL",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(v)
        },
    },
    Sort {
        name: "base32",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            base32(v.as_bytes())
        },
    },
    Sort {
        name: "hexadecimal",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            hex(&v).concat()
        },
    },
    Sort {
        name: "hexadecimal, spaced",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            let s = r.pick(&[" ", ":", "-", ", "]);
            hex(&v).join(s)
        },
    },
    Sort {
        name: "percent",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            hex(&v).iter().map(|h| format!("%{h}")).collect()
        },
    },
    Sort {
        name: "quoted-printable",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            hex(&v).iter().map(|h| format!("={}", h.to_uppercase())).collect()
        },
    },
    Sort {
        name: "entities",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            v.bytes().map(|b| format!("&#{b};")).collect()
        },
    },
    Sort {
        name: "escapes",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            v.bytes().map(|b| format!("\\u{b:04x}")).collect()
        },
    },
    Sort {
        name: "hidden characters",
        column: "",
        words: "see",
        make: |r| {
            let v = plain(r);
            let hidden = r.pick(&[
                "\u{200b}", "\u{2060}", "\u{feff}", "\u{ad}", "\u{200d}", "\u{202e}", "\u{200f}", "\u{2068}",
            ]);
            v.chars().map(|c| format!("{c}{hidden}")).collect()
        },
    },
    Sort { name: "full width", column: "", words: "see", make: |r| plain(r).chars().map(wide).collect() },
    Sort {
        name: "other digits",
        column: "",
        words: "see",
        make: |r| {
            let zero = [0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x1D7CE, 0x1D7F6][r.between(0, 6) as usize];
            card(r).chars().map(|c| c.to_digit(10).map_or(c, |d| char::from_u32(zero + d).unwrap())).collect()
        },
    },
    Sort {
        name: "look-alikes",
        column: "",
        words: "see",
        make: |r| {
            email(r).replace('a', "а").replace('e', "е").replace('o', "ο").replace('c', "с").replace('p', "р")
        },
    },
    Sort {
        name: "other separators",
        column: "",
        words: "see",
        make: |r| {
            let separator = r.pick(&["\u{a0}", "\u{2009}", "\u{2011}", "\u{2013}", "\u{2212}", "\u{202f}"]);
            grouped(&card_digits(r), &[4, 4, 4, 4], separator)
        },
    },
    Sort {
        name: "one by one",
        column: "",
        words: "see",
        make: |r| card_digits(r).chars().map(String::from).collect::<Vec<_>>().join(" "),
    },
];

fn name(r: &mut Random) -> String {
    r.pick(&["ana", "jürgen", "marie", "wei", "oleg", "priya", "tomás", "yuki", "fatima", "bjorn"]).to_owned()
}

fn email(r: &mut Random) -> String {
    let (first, last) = (
        r.pick(&["ana", "marie", "wei", "oleg", "priya", "yuki"]),
        r.pick(&["lopez", "martin", "chen", "petrov", "rao", "sato"]),
    );
    let host = r.pick(&[
        "example.com",
        "mail.example.co.uk",
        "firma.example.de",
        "example.org",
        "post.example.info",
    ]);
    let join = r.pick(&[".", "_", "+", "-", ""]);
    format!("{first}{join}{last}{}@{host}", r.number(2))
}

fn email_in_words(r: &mut Random) -> String {
    let who = format!(
        "{}.{}{}",
        name(r).replace(|c: char| !c.is_ascii(), "u"),
        r.pick(&["lopez", "chen"]),
        r.number(2)
    );
    let form = r.pick(&[
        "% at example dot com",
        "% [at] example.com",
        "%(at)example(dot)org",
        "% AT example DOT com",
        "% arroba example punto es",
        "% arobase example point fr",
        "% chiocciola example punto it",
        "% (at) example punkt de",
        "%_at_example_dot_com",
        "% {at} example {dot} net",
        "% @ example . com",
    ]);
    form.replace('%', &who)
}

fn phone(r: &mut Random) -> String {
    let form = r.pick(&[
        "+44 20 7946 0999",
        "+44 (0)20 7946 0999",
        "+49 30 9999999",
        "+49-171-9999999",
        "+33 6 99 99 99 99",
        "+34 699 999 999",
        "+39 06 9999 9999",
        "+31 20 999 9999",
        "+32 2 999 99 99",
        "+41 44 999 99 99",
        "+43 664 9999999",
        "+46 70 999 99 99",
        "+47 22 99 99 99",
        "+45 33 99 99 99",
        "+358 40 9999999",
        "+48 601 999 999",
        "+420 601 999 999",
        "+36 1 999 9999",
        "+30 210 9999999",
        "+351 21 999 9999",
        "+353 87 999 9999",
        "+90 532 999 99 99",
        "+7 495 999-99-99",
        "+380 44 999 9999",
        "+81 3-9999-9999",
        "+82 10-9999-9999",
        "+86 138 9999 9999",
        "+852 9999 9999",
        "+886 2 9999 9999",
        "+65 9999 9999",
        "+60 12-999 9999",
        "+91 98765 49999",
        "+61 412 999 999",
        "+64 21 999 999",
        "+55 11 99999-9999",
        "+52 55 9999 9999",
        "+54 11 9999-9999",
        "+56 2 9999 9999",
        "+57 301 999 9999",
        "+27 82 999 9999",
        "+234 803 999 9999",
        "+20 10 9999 9999",
        "+971 50 999 9999",
        "+972 50-999-9999",
        "0049 30 999 9999",
        "+442079460999",
        "+1.415.555.0999",
    ]);
    // The country's code stays as it is.
    let (country, rest) = form.split_at(form.find([' ', '-', '.']).unwrap_or(form.len()));
    country.to_owned() + &r.shape(rest)
}

fn card_digits(r: &mut Random) -> String {
    let lead = r.pick(&["4", "51", "55", "2221", "2720", "6011", "65", "3530", "622126"]);
    let body = format!("{lead}{}", r.digits(15 - lead.len()));
    format!("{body}{}", luhn_digit(&body))
}

fn card(r: &mut Random) -> String {
    if r.between(0, 3) == 0 {
        let body = format!("{}{}", r.pick(&["34", "37"]), r.digits(12));
        let whole = format!("{body}{}", luhn_digit(&body));
        let separator = r.pick(&["", " ", "-"]);
        return grouped(&whole, &[4, 6, 5], separator);
    }
    let separator = r.pick(&["", " ", "-", ".", "/"]);
    grouped(&card_digits(r), &[4, 4, 4, 4], separator)
}

fn iban(r: &mut Random) -> String {
    let body = match r.between(0, 4) {
        0 => format!("DE00{}", r.digits(18)),
        1 => format!("GB00{}{}", r.letters(4), r.digits(14)),
        2 => format!("FR00{}", r.digits(23)),
        3 => format!("NL00{}{}", r.letters(4), r.digits(10)),
        _ => format!("NO00{}", r.digits(11)),
    };
    let moved = format!("{}{}", &body[4..], &body[..4]);
    let rest = moved.chars().fold(0_u64, |rest, c| {
        let value = u64::from(c.to_digit(36).unwrap());
        if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 }
    });
    let whole = format!("{}{:02}{}", &body[..2], 98 - rest, &body[4..]);
    if r.between(0, 1) == 0 {
        return whole;
    }
    whole.as_bytes().chunks(4).map(|c| String::from_utf8(c.to_vec()).unwrap()).collect::<Vec<_>>().join(" ")
}

fn ipv4(r: &mut Random) -> String {
    format!("{}.{}.{}.{}", r.between(1, 223), r.between(0, 255), r.between(0, 255), r.between(1, 254))
        .replacen("127.", "128.", 1)
}

fn birth(r: &mut Random) -> String {
    let (day, month, year) = (r.between(1, 28), r.between(1, 12), r.between(1935, 2005));
    let name = [
        "Jan",
        "February",
        "March",
        "Apr",
        "May",
        "June",
        "July",
        "Aug",
        "September",
        "Oct",
        "Nov",
        "December",
    ][month as usize - 1];
    match r.between(0, 6) {
        0 => format!("{year}-{month:02}-{day:02}"),
        1 => format!("{month:02}/{day:02}/{year}"),
        2 => format!("{day:02}.{month:02}.{year}"),
        3 => format!("{day} {name} {year}"),
        4 => format!("{name} {day}, {year}"),
        5 => format!("{year}{month:02}{day:02}"),
        _ => format!("{day:02}-{name}-{year}"),
    }
}

fn vehicle(r: &mut Random) -> String {
    let alphabet = "ABCDEFGHJKLMNPRSTUVWXYZ";
    let head = format!("{}{}", r.of("12345J", 1), r.of(alphabet, 7));
    let tail = format!("{}{}{}", r.of(alphabet, 1), r.of(alphabet, 1), r.digits(6));
    let ranks = "12345678_12345_7_923456789".as_bytes();
    let rank = |c: char| c.to_digit(10).unwrap_or_else(|| u32::from(ranks[(c as u8 - b'A') as usize] - b'0'));
    let weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u32 = format!("{head}0{tail}").chars().zip(weights).map(|(c, w)| rank(c) * w).sum();
    let check = if sum % 11 == 10 { "X".to_owned() } else { (sum % 11).to_string() };
    format!("{head}{check}{tail}")
}

/// Something that is found when it is plain, in ASCII.
fn plain(r: &mut Random) -> String {
    match r.between(0, 3) {
        0 => email(r),
        1 => card(r),
        2 => r.shape("ghp_") + &r.alphanumeric(36),
        _ => r.shape("2??-45-8999".replace('?', "9").as_str()).replacen("666", "667", 1),
    }
}

fn hex(text: &str) -> Vec<String> {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

fn wide(c: char) -> char {
    if ('!'..='~').contains(&c) { char::from_u32(c as u32 - 0x21 + 0xFF01).unwrap() } else { c }
}

fn base32(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|b| format!("{b:08b}")).collect();
    bits.as_bytes()
        .chunks(5)
        .map(|chunk| {
            let padded = format!("{:0<5}", String::from_utf8(chunk.to_vec()).unwrap());
            let value = u8::from_str_radix(&padded, 2).unwrap();
            char::from(if value < 26 { b'A' + value } else { b'2' + value - 26 })
        })
        .collect()
}
