//! `[detectors]` and `[results]` of `catalog.toml`: how content is looked for where lineage says nothing.

use std::collections::HashSet;

use domain::MaskRule;
use regex::bytes::RegexBuilder;

use crate::catalog_file::{find_class, is_word, needed_class};
use crate::classes::Classes;
use crate::reader::{At, Reader, Table};

/// How the content detectors are set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Detectors {
    /// Built-in detectors that are switched off, by name.
    pub off: Vec<&'static str>,
    /// Built-in detectors that are tuned.
    pub tuned: Vec<TunedDetector>,
    /// Detectors of this deployment's own.
    pub custom: Vec<CustomDetector>,
    /// What is done about text that tries to act on its reader.
    pub results: Results,
}

/// What a bundle changes about one detector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TunedDetector {
    /// Its name.
    pub name: &'static str,
    /// Whether only a hit counts whose column, key or words before it say what it is.
    pub needs_context: bool,
    /// Letters and digits that a hit has at least.
    pub min_length: u32,
    /// How its hits leave; `[NAME]` where there is none.
    pub rule: Option<MaskRule>,
}

/// A detector of this deployment's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomDetector {
    /// Its name.
    pub name: String,
    /// A regular expression: it compiles within [`LARGEST_PATTERN`], its match is never empty and has a longest length.
    pub pattern: String,
    /// Words, one of which stands in the column's name, the key, or shortly before a hit; empty: none is needed.
    pub context: Vec<String>,
    /// How its hits leave.
    pub rule: MaskRule,
}

/// Bytes that one compiled pattern may take; this bounds the time to compile it, too.
pub const LARGEST_PATTERN: usize = 1 << 20;

/// Detectors of one's own at most.
pub const MOST_CUSTOM: usize = 32;

/// Bytes of the longest match of a pattern: all its matches are then found in one walk over a text.
const LONGEST_MATCH: usize = 1000;

/// What is done about text in results that tries to act on its reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Results {
    /// Text that tells its reader what to do.
    pub instructions: Stance,
    /// Characters that nobody sees.
    pub hidden_text: Stance,
    /// Links and images in Markdown.
    pub links: Stance,
}

/// What is done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stance {
    /// Nothing.
    #[default]
    Off,
    /// It is counted and stays.
    Flag,
    /// It is counted and taken out.
    Strip,
}

/// The built-in detectors, and whether words around can say that a value is of the kind. A test of the gateway holds
/// this against what there is.
pub const BUILT_IN: [(&str, bool); 32] = [
    ("email", false),
    ("phone", true),
    ("card", true),
    ("iban", true),
    ("bank_account", true),
    ("us_ssn", true),
    ("us_itin", true),
    ("national_id", true),
    ("passport", true),
    ("driver_license", true),
    ("medical_id", true),
    ("dob", true),
    ("person", true),
    ("address", true),
    ("ip_address", false),
    ("mac", false),
    ("crypto_wallet", true),
    ("password", true),
    ("connection_string", false),
    ("private_key", false),
    ("jwt", false),
    ("aws_key", false),
    ("github_token", false),
    ("slack_token", false),
    ("stripe_key", false),
    ("openai_key", false),
    ("anthropic_key", false),
    ("google_api_key", false),
    ("secret", true),
    ("vehicle_id", true),
    ("device_id", true),
    ("location", true),
];

impl Detectors {
    /// What this bundle looks for less than the detectors would as they are shipped, a sentence each.
    pub fn weaknesses(&self) -> Vec<String> {
        let off = self.off.iter().map(|name| format!("detector `{name}` is switched off"));
        let tuned = self.tuned.iter().flat_map(|tuned| {
            let context = tuned
                .needs_context
                .then(|| format!("detector `{}` needs words around that say what it is", tuned.name));
            let length = (tuned.min_length > 0).then(|| {
                format!(
                    "detector `{}` passes over less than {} letters and digits",
                    tuned.name, tuned.min_length
                )
            });
            context.into_iter().chain(length)
        });
        off.chain(tuned).collect()
    }
}

pub(crate) fn read_detectors(reader: &mut Reader<'_>, file: Table<'_>, classes: &Classes) -> Detectors {
    let mut detectors = Detectors { results: read_results(reader, file), ..Detectors::default() };
    let Some(table) = reader.table(file, "detectors") else { return detectors };
    reader.only(table, &["off", "tune", "custom"]);
    for name in reader.texts(table, "off").unwrap_or_default() {
        let Some((known, _)) = find(reader, &name) else { continue };
        if detectors.off.contains(&known) {
            reader.wrong(name.at, format!("`{known}` is named twice; remove one of both"));
        }
        detectors.off.push(known);
    }
    if let Some(tune) = reader.table(table, "tune") {
        for (name, entry) in reader.tables(tune) {
            let Some((known, has_context)) = find(reader, &name) else { continue };
            if detectors.off.contains(&known) {
                reader.wrong(
                    name.at,
                    format!("`{known}` is switched off; what is tuned here holds for nothing"),
                );
            }
            detectors.tuned.extend(read_tuned(reader, entry, known, has_context, classes));
        }
    }
    detectors.custom = read_custom(reader, table, classes);
    detectors
}

fn find(reader: &mut Reader<'_>, name: &At<&str>) -> Option<(&'static str, bool)> {
    let found = BUILT_IN.into_iter().find(|(known, _)| *known == name.value);
    if found.is_none() {
        // What is found is written in capitals: that spelling is the likeliest slip.
        let mut names = BUILT_IN.iter().map(|(known, _)| *known);
        let advice = match names.clone().find(|known| known.eq_ignore_ascii_case(name.value)) {
            Some(meant) => format!("write it in lower case: `{meant}`"),
            None => format!("known: {}", names.by_ref().collect::<Vec<_>>().join(", ")),
        };
        reader.wrong(name.at, format!("there is no detector `{}`; {advice}", name.value));
    }
    found
}

fn read_tuned(
    reader: &mut Reader<'_>,
    entry: Table<'_>,
    name: &'static str,
    has_context: bool,
    classes: &Classes,
) -> Option<TunedDetector> {
    reader.only(entry, &["needs_context", "min_length", "class"]);
    let needs_context = reader.flag(entry, "needs_context").unwrap_or(false);
    if needs_context && !has_context {
        reader.wrong(entry.at, format!("no words tell a `{name}`; it cannot need them"));
    }
    let min_length = reader.count(entry, "min_length").unwrap_or(0);
    let class = reader.text(entry, "class").and_then(|class| find_class(reader, classes, &class));
    let rule = class.map(|class| classes.fine_mask(class));
    Some(TunedDetector { name, needs_context, min_length, rule })
}

fn read_custom(reader: &mut Reader<'_>, table: Table<'_>, classes: &Classes) -> Vec<CustomDetector> {
    let mut custom = Vec::new();
    let mut names = HashSet::new();
    for entry in reader.array_of_tables(table, "custom") {
        reader.only(entry, &["name", "pattern", "literal", "shape", "context", "class"]);
        let name = reader.needed_text(entry, "name");
        let pattern = read_pattern(reader, entry);
        let class = needed_class(reader, entry, classes);
        let context: Vec<String> = reader
            .texts(entry, "context")
            .unwrap_or_default()
            .into_iter()
            .filter_map(|word| {
                let is_good = (2..=40).contains(&word.value.len()) && !word.value.trim().is_empty();
                if !is_good {
                    reader.wrong(word.at, "a context word has 2 to 40 bytes");
                }
                is_good.then(|| word.value.to_owned())
            })
            .collect();
        let (Some(name), Some(pattern), Some(class)) = (name, pattern, class) else { continue };
        if !is_word(name.value) {
            reader.wrong(name.at, "a detector is named in lower-case letters, digits and `_`, at most 40");
        }
        if !names.insert(name.value) || BUILT_IN.iter().any(|(known, _)| *known == name.value) {
            reader.wrong(name.at, format!("there is a detector `{}` already", name.value));
        }
        if custom.len() == MOST_CUSTOM {
            reader.wrong(entry.at, format!("a bundle has at most {MOST_CUSTOM} detectors of its own"));
        }
        let rule = classes.fine_mask(class);
        custom.push(CustomDetector { name: name.value.to_owned(), pattern, context, rule });
    }
    custom
}

/// The pattern of an entry: as it is, or made of a literal and a shape.
fn read_pattern(reader: &mut Reader<'_>, entry: Table<'_>) -> Option<String> {
    let literal = reader.text(entry, "literal");
    let shape = reader.text(entry, "shape");
    let (pattern, at) = match (reader.text(entry, "pattern"), literal, shape) {
        (Some(pattern), None, None) => (pattern.value.to_owned(), pattern.at),
        (Some(pattern), _, _) => {
            reader.wrong(pattern.at, "write either `pattern`, or `literal` and `shape`");
            return None;
        }
        (None, None, None) => {
            reader.wrong(entry.at, "`pattern` is missing; or write `literal` and `shape`");
            return None;
        }
        (None, _, Some(shape)) if !shape.value.contains(['9', 'A', 'a', 'X']) => {
            let message = "this shape has no sign (9 a digit, A and a letters, X either) and matches only itself; write it as `literal`";
            reader.wrong(shape.at, message);
            return None;
        }
        (None, literal, shape) => {
            let at = shape.as_ref().or(literal.as_ref()).map_or(entry.at, |text| text.at);
            (shaped(literal.map_or("", |text| text.value), shape.map_or("", |text| text.value)), at)
        }
    };
    match fault_of_expression(&pattern) {
        Some(fault) => {
            reader.wrong(at, fault);
            None
        }
        None => Some(pattern),
    }
}

/// A literal and what follows it: `9` is any digit, `A` a capital, `a` a small letter, `X` a letter or digit, and
/// everything else itself.
fn shaped(literal: &str, shape: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let edge = |c: Option<char>| if is_word(c) { r"(?-u:\b)" } else { "" };
    let mut pattern = edge(literal.chars().next().or(shape.chars().next())).to_owned();
    pattern.push_str(&regex_syntax::escape(literal));
    for character in shape.chars() {
        match character {
            '9' => pattern.push_str("[0-9]"),
            'A' => pattern.push_str("[A-Z]"),
            'a' => pattern.push_str("[a-z]"),
            'X' => pattern.push_str("[0-9A-Za-z]"),
            other => pattern.push_str(&regex_syntax::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push_str(edge(shape.chars().next_back().or(literal.chars().next_back())));
    pattern
}

/// What is wrong with a regular expression.
fn fault_of_expression(pattern: &str) -> Option<String> {
    if pattern.len() > 500 {
        return Some("a pattern has at most 500 bytes".into());
    }
    let expression = match regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern) {
        Ok(expression) => expression,
        Err(regex_syntax::Error::Parse(fault)) => {
            return Some(format!("this is no regular expression: {}", fault.kind()));
        }
        Err(regex_syntax::Error::Translate(fault)) => {
            return Some(format!("this is no regular expression: {}", fault.kind()));
        }
        Err(_) => return Some("this is no regular expression".into()),
    };
    let properties = expression.properties();
    if properties.minimum_len().unwrap_or(0) == 0 {
        return Some(
            "this pattern matches nothing at all, and so everywhere; make it match at least one character"
                .into(),
        );
    }
    // INVARIANT: a walk over all matches stays linear only where each has an end (`regex`: "Iterating over matches").
    if properties.maximum_len().is_none_or(|longest| longest > LONGEST_MATCH) {
        return Some(format!(
            "a match of this pattern may have more than {LONGEST_MATCH} bytes; write {{1,64}} instead of + and *"
        ));
    }
    let compiled =
        RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build();
    compiled.is_err().then(|| {
        format!(
            "compiled, this pattern takes more than {LARGEST_PATTERN} bytes; repeat fewer or smaller classes"
        )
    })
}

fn read_results(reader: &mut Reader<'_>, file: Table<'_>) -> Results {
    let Some(table) = reader.table(file, "results") else { return Results::default() };
    reader.only(table, &["instructions", "hidden_text", "links"]);
    Results {
        instructions: read_stance(reader, table, "instructions"),
        hidden_text: read_stance(reader, table, "hidden_text"),
        links: read_stance(reader, table, "links"),
    }
}

fn read_stance(reader: &mut Reader<'_>, table: Table<'_>, key: &str) -> Stance {
    let Some(text) = reader.text(table, key) else { return Stance::Off };
    match text.value {
        "off" => Stance::Off,
        "flag" => Stance::Flag,
        "strip" => Stance::Strip,
        _ => {
            reader.wrong(text.at, format!("`{key}` is \"off\", \"flag\" or \"strip\""));
            Stance::Off
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_bundle_tells_every_detector_by_the_name_that_it_takes() {
        let (_, text) = crate::default_files().into_iter().find(|(path, _)| path == "catalog.toml").unwrap();
        let text = String::from_utf8(text).unwrap();
        let told: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.contains("There are:"))
            .skip(2)
            .map_while(|line| line.strip_prefix("# "))
            .flat_map(|line| line.split([',', ' ']))
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(told, BUILT_IN.map(|(name, _)| name));
    }
}
