//! The stored values that no answer may hold, in any spelling.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::house::{Answered, House};

/// Columns whose values are told by what they are. Salaries and parts of addresses are short and meet by chance: that
/// their columns are masked is compared cell by cell.
const STORED: [&str; 4] = [
    "select name, email, ssn, card_number, to_varchar(dob), phone, profile:phone::string, \
     profile:address.street::string from customers",
    "select ship_address from orders",
    "select iban, card_number from payments",
    "select email, ssn from employees",
];

/// What is looked for.
pub struct Secrets {
    /// In small letters.
    spellings: Vec<String>,
    search: AhoCorasick,
}

impl Secrets {
    pub async fn of(house: &House) -> Self {
        let mut spellings = BTreeSet::new();
        for sql in STORED {
            for cell in house.truth(sql).await.unwrap().into_iter().flatten() {
                let Some(text) = cell.as_str() else { continue };
                let text = text.to_lowercase();
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                if digits.len() >= 9 {
                    spellings.insert(digits);
                }
                // The domain of an address may be shown.
                if let Some((local, _)) = text.split_once('@') {
                    spellings.insert(local.to_owned());
                }
                spellings.insert(text);
            }
        }
        assert!(spellings.len() > 3000 && spellings.iter().all(|text| text.len() >= 6));
        let spellings: Vec<String> = spellings.into_iter().collect();
        let search = AhoCorasick::new(&spellings).unwrap();
        Self { spellings, search }
    }

    /// The first stored value that an answer tells, and where.
    pub fn found_in(&self, answered: &Answered) -> Option<String> {
        answered.texts().iter().flat_map(|text| views(text)).find_map(|view| {
            let found = self.search.find(&view)?;
            Some(format!("`{}` in `{view}`", self.spellings[found.pattern().as_usize()]))
        })
    }
}

/// A text as it is and as whoever gets it would turn it round: in small letters, backwards, its digits alone, from
/// hexadecimal, from base64 at each of its beginnings.
fn views(text: &str) -> Vec<String> {
    let mut views = vec![text.to_lowercase(), text.chars().filter(char::is_ascii_digit).collect()];
    let runs = |is_of: fn(&u8) -> bool| {
        text.as_bytes().split(move |byte| !is_of(byte)).filter(|run| run.len() >= 12)
    };
    for run in runs(u8::is_ascii_hexdigit) {
        for start in 0..2 {
            let digits = run[start..].chunks_exact(2);
            let bytes: Option<Vec<u8>> =
                digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
            views.extend(bytes.map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase()));
        }
    }
    for run in runs(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)) {
        for start in 0..4 {
            let whole = (run.len() - start) / 4 * 4;
            let decoded = STANDARD_NO_PAD.decode(&run[start..start + whole]);
            views.extend(decoded.map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase()));
        }
    }
    let backwards: Vec<String> = views.iter().map(|view| view.chars().rev().collect()).collect();
    views.extend(backwards);
    views
}

#[test]
fn a_value_is_found_in_every_spelling() {
    let secret = "ana.adler7@example.com";
    let spellings = vec![secret.to_owned(), "575820993".to_owned()];
    let search = AhoCorasick::new(&spellings).unwrap();
    let is_found = |text: &str| views(text).iter().any(|view| search.is_match(view));
    let reversed: String = secret.chars().rev().collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    for text in
        [secret.to_uppercase(), format!("x{reversed}y"), hex.clone(), hex.to_lowercase(), format!("0{hex}")]
    {
        assert!(is_found(&text), "{text}");
    }
    for before in ["", "a", "bc", "def"] {
        let text = STANDARD_NO_PAD.encode(format!("{before}{secret} and more"));
        assert!(is_found(&text), "{text}");
    }
    assert!(is_found("5 7-5 8.2 0/9 9 3") && is_found("575-82-0993"));
    assert!(!is_found("ana@example.com 575-82-099"));
}
