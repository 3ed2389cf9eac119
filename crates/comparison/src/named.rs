//! What the rules of bundles name: whoever is among them is one to ask as.

use std::collections::{BTreeMap, BTreeSet};

use policy::Rule;

use crate::Side;

/// The names of that kind of entity (`Group`, `Agent`, `Database`) that the Cedar files of a bundle write.
pub fn named(files: &BTreeMap<String, Vec<u8>>, kind: &str) -> BTreeSet<String> {
    let cedar = files.iter().filter(|(path, _)| path.ends_with(".cedar"));
    let texts = cedar.map(|(_, bytes)| String::from_utf8_lossy(bytes));
    texts.flat_map(|text| entities(&text, kind)).collect()
}

/// The names of that kind of entity that either bundle writes.
pub(crate) fn entities_of(sides: [&Side<'_>; 2], kind: &str) -> BTreeSet<String> {
    rules(sides).flat_map(|rule| entities(&rule.text, kind)).collect()
}

/// The strings that stand in rules which look at that of a principal or of a question (`principal.person`): who knows which of them
/// it is compared with.
pub(crate) fn strings_beside(sides: [&Side<'_>; 2], looked_at: &str) -> BTreeSet<String> {
    rules(sides).filter(|rule| rule.text.contains(looked_at)).flat_map(|rule| strings(&rule.text)).collect()
}

/// Whether a rule of either looks at that.
pub(crate) fn is_looked_at(sides: [&Side<'_>; 2], looked_at: &str) -> bool {
    rules(sides).any(|rule| rule.text.contains(looked_at))
}

fn rules<'a>(sides: [&'a Side<'_>; 2]) -> impl Iterator<Item = &'a Rule> {
    sides.into_iter().flat_map(|side| side.bundle.rules().values())
}

fn entities(text: &str, kind: &str) -> BTreeSet<String> {
    let begins = format!("{kind}::\"");
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(&begins) {
        // Not the end of a longer name.
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let is_whole = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        let rest = text.get(at.saturating_add(begins.len())..).unwrap_or_default();
        found.extend(plain(rest).filter(|_| is_whole));
    }
    found
}

/// The plain strings of a rule but for its annotations and the names of entities.
fn strings(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('"') {
        let is_name = before.ends_with("::") || before.trim_end().ends_with('(') && before.contains('@');
        found.extend(plain(from).filter(|_| !is_name));
        rest = behind(from);
    }
    found
}

/// What stands until the quote that ends it; none of what needs escaping, which is told by whoever compares with it by an option.
fn plain(from: &str) -> Option<String> {
    let name = from.split('"').next().unwrap_or_default();
    (!name.is_empty() && !name.contains('\\') && from.contains('"')).then(|| name.to_owned())
}

/// What stands behind the quote that ends a string.
fn behind(from: &str) -> &str {
    let mut is_escaped = false;
    for (at, c) in from.char_indices() {
        match c {
            '"' if !is_escaped => return from.get(at.saturating_add(1)..).unwrap_or_default(),
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_those_that_are_compared_with() {
        let text = "@id(\"a\")\n@reason(\"say \\\"x\\\" first\")\npermit (principal == Agent::\"bot\", action, resource)\n\
                    when { principal.person == \"ana@acme.example\" || [\"ben\", \"q\\\"\"].contains(principal.subject) };";
        assert_eq!(strings(text), BTreeSet::from(["ana@acme.example".to_owned(), "ben".to_owned()]));
        assert_eq!(entities(text, "Agent"), BTreeSet::from(["bot".to_owned()]));
        assert!(entities("MyAgent::\"x\" Other::Agent::\"y\"", "Agent").is_empty());
    }
}
