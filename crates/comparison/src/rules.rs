//! Which rules of a bundle differ, by their names.

use legible::{Look, told};
use policy::{Bundle, Rule};

/// A line for each rule that is new, is no more, or says something else.
pub(crate) fn changes(before: &Bundle, after: &Bundle) -> Vec<String> {
    let (before, after) = (before.rules(), after.rules());
    let is_alike = |one: &Rule, other: &Rule| one.text == other.text;
    let new = after.iter().filter_map(|(id, rule)| match before.get(id) {
        None => Some(format!("new rule {id}: {}", place(rule))),
        Some(old) if is_alike(old, rule) => None,
        Some(old) if old.is_forbid != rule.is_forbid => {
            Some(format!("changed rule {id}: from {} to {}", effect(old), place(rule)))
        }
        Some(_) => Some(format!("changed rule {id}: {}", place(rule))),
    });
    let gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
    new.chain(gone.map(|(id, rule)| format!("no more rule {id}: {}", place(rule)))).collect()
}

fn place(rule: &Rule) -> String {
    format!("{} ({}:{})", effect(rule), told(&rule.file, Look::Name), rule.line)
}

const fn effect(rule: &Rule) -> &'static str {
    if rule.is_forbid { "forbids" } else { "permits" }
}
