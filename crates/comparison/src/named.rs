//! What the rules of bundles name: whoever is among them is one to ask as.

use std::collections::{BTreeMap, BTreeSet};

use policy::Rule;

use crate::Side;

/// The names of that kind of entity (`Group`, `Agent`, `Database`) that the Cedar files of a bundle write.
pub fn named(files: &BTreeMap<String, Vec<u8>>, kind: &str) -> BTreeSet<String> {
    let cedar = files.iter().filter(|(path, _)| path.ends_with(".cedar"));
    let texts = cedar.map(|(_, bytes)| String::from_utf8_lossy(bytes));
    texts.flat_map(|text| entities(&squeezed(&text), kind)).collect()
}

/// The names of that kind of entity that either bundle writes: those that the first does not write come first.
pub(crate) fn entities_of(sides: [&Side<'_>; 2], kind: &str) -> Vec<String> {
    new_first(sides, |text| entities(text, kind))
}

/// The strings that stand in rules which look at that attribute (`person` of `principal.person`): who knows which of them it is
/// compared with.
pub(crate) fn strings_beside(sides: [&Side<'_>; 2], attribute: &str) -> Vec<String> {
    new_first(sides, |text| if looks_at(text, attribute) { strings(text) } else { BTreeSet::new() })
}

/// Whether a rule of either looks at that attribute.
pub(crate) fn is_looked_at(sides: [&Side<'_>; 2], attribute: &str) -> bool {
    rules(sides).any(|rule| looks_at(&squeezed(&rule.text), attribute))
}

fn new_first(sides: [&Side<'_>; 2], names: impl Fn(&str) -> BTreeSet<String>) -> Vec<String> {
    let [before, after] = sides.map(|side| {
        let of_rules = side.bundle.rules().values().flat_map(|rule| names(&squeezed(&rule.text)));
        of_rules.collect::<BTreeSet<String>>()
    });
    after.difference(&before).chain(&before).cloned().collect()
}

fn looks_at(text: &str, attribute: &str) -> bool {
    text.contains(&format!(".{attribute}")) || text.contains(&format!("[\"{attribute}\"]"))
}

/// A rule's text without what may stand between its parts: each of Cedar's spellings becomes one.
fn squeezed(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let whole = match first {
            '"' => {
                let behind = behind(rest.get(1..).unwrap_or_default());
                rest.len().saturating_sub(behind.len())
            }
            '/' if rest.starts_with("//") => {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
                continue;
            }
            _ => first.len_utf8(),
        };
        let (part, behind) = rest.split_at_checked(whole).unwrap_or((rest, ""));
        if !first.is_whitespace() {
            found.push_str(part);
        }
        rest = behind;
    }
    found
}

fn rules<'a>(sides: [&'a Side<'_>; 2]) -> impl Iterator<Item = &'a Rule> {
    sides.into_iter().flat_map(|side| side.bundle.rules().values())
}

fn entities(text: &str, kind: &str) -> BTreeSet<String> {
    let begins = format!("{kind}::\"");
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(&begins) {
        // Not the end of a longer name, but for the words of Cedar that stand before one.
        let before = text.get(..at).unwrap_or_default();
        let is_part = before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        let is_whole = !is_part || ["in", "is"].iter().any(|word| before.ends_with(word));
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
        let text = &squeezed(text);
        assert_eq!(strings(text), BTreeSet::from(["ana@acme.example".to_owned(), "ben".to_owned()]));
        assert_eq!(entities(text, "Agent"), BTreeSet::from(["bot".to_owned()]));
        let other = "permit (principal in Agent :: // a comment \" \n \"b o t\", action, resource) when { principal [ \"person\" ] == \"a // b\" };";
        let squeezed = squeezed(other);
        assert_eq!(entities(&squeezed, "Agent"), BTreeSet::from(["b o t".to_owned()]));
        assert!(looks_at(&squeezed, "person") && !looks_at(&squeezed, "subject"), "{squeezed}");
        assert!(strings(&squeezed).contains("a // b"), "{squeezed}");
        assert!(entities("MyAgent::\"x\" Other::Agent::\"y\"", "Agent").is_empty());
    }
}
