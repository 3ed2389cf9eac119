//! A guard against detectors that only know their examples: values are made by rule, put into texts of several
//! languages and shapes, and each kind must be found nearly always; decoys are made the same way and must stay.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests: what is not as expected may end them"
)]

mod decoys;
mod random;
mod secrets;
mod states;
mod values;

use masking::{Detectors, TokenKeys, mask_value};

use crate::random::Random;

/// How many values of each kind are made.
const EACH: usize = 60;

/// A kind of value that is made by rule.
pub struct Sort {
    /// What it is called here.
    pub name: &'static str,
    /// The name of a column that says what it is; empty where it tells itself.
    pub column: &'static str,
    /// The words that say so in a text.
    pub words: &'static str,
    /// How one is made.
    pub make: fn(&mut Random) -> String,
}

/// Texts around a value; a value that needs words gets them in the place of `#`.
const FRAMES: [&str; 10] = [
    "# {}",
    "Please check # {} before Friday.",
    "Kunde nannte # {} gestern am Schalter",
    "Le client a fourni # {}, merci",
    "(# {}) verified by desk 4",
    "El titular: # {} segun la ficha",
    "line one\n# {}\nline three",
    "\"# {}\" was read out twice",
    "[info] # {} ; done",
    "Kindly note # {} and reply",
];

/// Letters and digits alone, in lower case.
fn compact(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether that stands in brackets for something that was found.
fn is_placeholder(piece: &str) -> bool {
    masking::Kind::ALL.iter().any(|kind| kind.as_str() == piece)
}

/// Whether five letters or digits of a value in a row stand in what is shown, other than in the text around it.
fn is_seen(value: &str, shown: &str, around: &str) -> bool {
    let shown = shown.split(['[', ']']).filter(|piece| !is_placeholder(piece)).collect::<Vec<_>>().join(" ");
    let (value, shown, around) = (compact(value), compact(&shown), compact(around));
    let letters: Vec<char> = value.chars().collect();
    let width = letters.len().min(5);
    letters.windows(width.max(1)).any(|window| {
        let piece: String = window.iter().collect();
        shown.contains(&piece) && !around.contains(&piece)
    })
}

/// Makes values of every sort and tells which were not found often enough.
fn check_found(sorts: &[Sort]) {
    let detectors = Detectors::standard();
    let keys = TokenKeys::new([0; 32]);
    let mut wrong = Vec::new();
    for (place, sort) in sorts.iter().enumerate() {
        let mut random = Random::new(0x5eed_0000 + place as u64);
        let (mut made, mut missed, mut example) = (0, 0, String::new());
        for round in 0..EACH {
            let value = (sort.make)(&mut random);
            let mut look = |text: &str, shown: &str, around: &str| {
                made += 1;
                if is_seen(&value, shown, around) {
                    missed += 1;
                    example = format!("{text:?} -> {shown:?}");
                }
            };
            // Whole, under a name that tells and, where it tells itself, under others.
            let names: &[&str] =
                if sort.column.is_empty() { &["value", "c3", "note"] } else { &[sort.column] };
            let text = domain::SqlType::Text { length: 10_000 };
            for name in names {
                let shown =
                    mask_value(&domain::Treatment::Scan, &text, Some(&value), &keys, &detectors, name);
                look(&value, shown.as_deref().unwrap_or_default(), name);
            }
            // In JSON, under a key.
            let key = if sort.column.is_empty() { "v" } else { sort.column };
            let json = serde_json::json!({ "rows": [{ "n": 1, key: value }] }).to_string();
            let variant = domain::SqlType::Variant;
            let shown =
                mask_value(&domain::Treatment::Scan, &variant, Some(&json), &keys, &detectors, "payload");
            let shown = shown.as_deref().unwrap_or_default();
            assert!(serde_json::from_str::<serde_json::Value>(shown).is_ok(), "{shown}");
            look(&json, shown, key);
            // In a text.
            let frame = FRAMES[round % FRAMES.len()].replace('#', sort.words);
            let text = frame.replace("{}", &value);
            let shown = detectors.redact_text(&text, "");
            look(&text, &shown, &frame);
        }
        if missed * 100 > made {
            wrong.push(format!("{}: {missed} of {made} missed, such as {example}", sort.name));
        }
    }
    assert!(wrong.is_empty(), "{} sorts:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_people_and_machines_are_reached_by_is_found() {
    check_found(values::SORTS);
}

#[test]
fn what_states_give_to_people_is_found() {
    check_found(states::SORTS);
}

#[test]
fn what_opens_doors_is_found() {
    check_found(secrets::SORTS);
}

#[test]
fn what_is_disguised_is_found() {
    check_found(values::DISGUISED);
}

#[test]
fn what_only_looks_alike_stays() {
    let detectors = Detectors::standard();
    let keys = TokenKeys::new([0; 32]);
    let mut wrong = Vec::new();
    for (place, sort) in decoys::SORTS.iter().enumerate() {
        let mut random = Random::new(0xdec0_0000 + place as u64);
        let (mut made, mut masked, mut example) = (0, 0, String::new());
        for _ in 0..EACH * 4 {
            let value = (sort.make)(&mut random);
            let kind = domain::SqlType::Text { length: 10_000 };
            let shown =
                mask_value(&domain::Treatment::Scan, &kind, Some(&value), &keys, &detectors, sort.column);
            made += 1;
            if shown.as_deref() != Some(&value) {
                masked += 1;
                example = format!("{value:?} -> {shown:?}");
            }
        }
        if masked * 100 > made * 2 {
            wrong.push(format!("{}: {masked} of {made} masked, such as {example}", sort.name));
        }
    }
    assert!(wrong.is_empty(), "{} decoys:\n{}", wrong.len(), wrong.join("\n"));
}
