//! The kinds of SHOW, DESCRIBE and USE.

use super::{View, kind_of_object};

/// `show_tables`, `show_primary_keys` …: the words up to the first that begins a clause.
pub(super) fn shown_what(view: View<'_>) -> String {
    let first = if view.is(1, "TERSE") { 2 } else { 1 };
    let ends = ["LIKE", "IN", "STARTS", "LIMIT", "HISTORY", "ON", "TO", "OF", "FOR", "FROM", "WITH"];
    (first..first + 4)
        .map(|at| view.word(at))
        .take_while(|word| !word.is_empty() && !ends.contains(&word.as_str()))
        .fold("show".to_owned(), |kind, word| format!("{kind}_{}", word.to_ascii_lowercase()))
}

/// `describe_table`, `describe_file_format` …; `describe` where a name follows alone.
pub(super) fn described_what(view: View<'_>) -> String {
    if names_alone(view) {
        return "describe".to_owned();
    }
    let length = kind_of_object(view.from(1)).map_or(1, |(_, length)| length);
    (1..=length)
        .fold("describe".to_owned(), |kind, at| format!("{kind}_{}", view.word(at).to_ascii_lowercase()))
}

/// Whether DESCRIBE is followed by a name, and by no kind of object.
pub(crate) fn names_alone(view: View<'_>) -> bool {
    view.word(1).is_empty()
        || view.tokens.len() == 2
        || view.is_symbol(2, ".")
        || (view.is(1, "IDENTIFIER") && view.is_symbol(2, "("))
}

pub(super) fn used_what(view: View<'_>) -> &'static str {
    match view.word(1).as_str() {
        _ if view.tokens.len() == 2 => "database",
        "ROLE" => "role",
        "WAREHOUSE" => "warehouse",
        "SCHEMA" => "schema",
        "SECONDARY" => "secondary_roles",
        _ => "database",
    }
}
