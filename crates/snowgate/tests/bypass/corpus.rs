//! Reads `tests/bypass/*.sql`.

use std::fmt;
use std::path::Path;

use crate::Ended;

/// What a statement is expected to come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    Refused,
    Held,
    /// These columns, counted from 1; all where none is named.
    Masked(Vec<usize>),
    /// These pass the detectors; the others are clear.
    Scanned(Vec<usize>),
    Clear,
}

/// One statement or batch.
pub struct Trial {
    file: String,
    pub name: String,
    pub sql: String,
    /// Any of these.
    pub expected: Vec<Expected>,
    said: String,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.name)
    }
}

impl Trial {
    /// What the corpus says.
    pub fn expected(&self) -> &str {
        &self.said
    }

    /// Whether it came to what is expected. What the embedded warehouse cannot run was let through, and is masked or
    /// not when it comes from one that can.
    pub fn expects(&self, ended: &Ended) -> bool {
        self.expected.iter().any(|expected| match (expected, ended) {
            (Expected::Refused, Ended::Refused) | (Expected::Held, Ended::Held) => true,
            (Expected::Masked(_), Ended::Failed) => true,
            (Expected::Masked(all), Ended::Masked { ordinals, of }) if all.is_empty() => {
                ordinals.len() == *of
            }
            (Expected::Masked(expected), Ended::Masked { ordinals, .. }) => {
                expected.iter().all(|ordinal| ordinals.contains(ordinal))
            }
            (Expected::Clear, Ended::Clear(differing)) => differing.is_empty(),
            (Expected::Scanned(scanned), Ended::Clear(differing)) => {
                differing.iter().all(|ordinal| scanned.contains(ordinal))
            }
            _ => false,
        })
    }
}

/// The trials of one file.
pub fn trials(file: &str) -> Vec<Trial> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/bypass/{file}.sql"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| trial(file, block)).collect()
}

fn trial(file: &str, block: &str) -> Trial {
    let (head, sql) = block.split_once('\n').unwrap_or_else(|| panic!("{file}: no statement: {block}"));
    let parts: Vec<&str> = head.trim_start_matches("-- ").split(" | ").collect();
    let [name, _, said] = parts.as_slice() else {
        panic!("{file}: not `-- name | tries | expected`: {head}")
    };
    let expected = said.split(" or ").map(|word| expected(word).unwrap_or_else(|| panic!("{file}: {head}")));
    Trial {
        file: file.to_owned(),
        name: (*name).to_owned(),
        sql: visible(sql),
        expected: expected.collect(),
        said: (*said).to_owned(),
    }
}

fn expected(said: &str) -> Option<Expected> {
    let (word, ordinals) = said.split_once(' ').unwrap_or((said, ""));
    let ordinals: Vec<usize> = ordinals
        .split(',')
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().ok())
        .collect::<Option<_>>()?;
    match word {
        "refused" => Some(Expected::Refused),
        "held" => Some(Expected::Held),
        "masked" => Some(Expected::Masked(ordinals)),
        "scanned" => Some(Expected::Scanned(ordinals)),
        "clear" => Some(Expected::Clear),
        _ => None,
    }
}

/// The text with its `⟦00A0⟧` as the characters that they stand for.
fn visible(text: &str) -> String {
    let mut parts = text.split('⟦');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, after) = part.split_once('⟧').expect("a closing bracket");
        let code = u32::from_str_radix(number, 16).expect("a number in hexadecimal");
        whole.push(char::from_u32(code).expect("a character"));
        whole.push_str(after);
    }
    whole
}
