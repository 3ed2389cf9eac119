//! What must be typed before it is approved: whatever destroys.

use domain::Class;
use recording::{Opening, StatementRecord};

use super::harm::Harm;
use super::waiting::Waiting;

/// The word that a reviewer types before they approve what waits, in upper case; none where nothing is. A result that is only to
/// be released destroys nothing.
pub fn word_to_type(waiting: &Waiting) -> Option<String> {
    if waiting.asked.result.is_some() { None } else { word(&waiting.opening) }
}

fn word(opening: &Opening) -> Option<String> {
    // What tells of no statement may do anything; and a batch has one word, of the worst in it.
    if opening.statements.is_empty() {
        return Some("UNKNOWN".to_owned());
    }
    let destroys =
        opening.statements.iter().filter(|statement| destroys(statement)).min_by_key(|it| Harm::of(it))?;
    Some(destroys.kind.replace('_', " ").to_uppercase())
}

/// Whether what is typed is the word; nobody means its case or its blanks.
pub fn is_typed(word: &str, typed: &str) -> bool {
    typed.split_whitespace().map(str::to_uppercase).eq(word.split_whitespace().map(str::to_owned))
}

/// Whether a statement takes away or overwrites what is there, gives rights, lets something out, or may do anything.
fn destroys(statement: &StatementRecord) -> bool {
    let kind = statement.kind.as_str();
    let overwrites = ["update", "alter", "undrop", "create"].iter().any(|verb| kind.starts_with(verb));
    let class = Class::ALL.into_iter().find(|class| class.as_str() == statement.class);
    let may_do_anything = match class.unwrap_or(Class::Opaque) {
        Class::Show | Class::Session | Class::Transaction | Class::Read | Class::Write => false,
        Class::Import | Class::Define => false,
        Class::Call | Class::Export | Class::Grant | Class::Account | Class::Opaque => true,
    };
    Harm::of(statement) == Harm::Destroys || overwrites || may_do_anything
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(class: &str, kind: &str) -> StatementRecord {
        StatementRecord {
            class: class.to_owned(),
            kind: kind.to_owned(),
            reads: Vec::new(),
            writes: vec!["DEMO.PUBLIC.ORDERS".to_owned()],
            tests: Vec::new(),
            functions: Vec::new(),
            why: None,
        }
    }

    #[test]
    fn what_destroys_is_typed() {
        for (class, kind) in [
            ("define", "drop_table"),
            ("write", "truncate"),
            ("write", "delete"),
            ("write", "delete_all"),
            ("write", "update"),
            ("write", "update_all"),
            ("import", "put"),
            ("define", "drop_view"),
            ("define", "replace_table"),
            ("define", "swap_table"),
            ("write", "insert_overwrite"),
            ("write", "merge"),
            ("define", "alter_table"),
            ("define", "create_table"),
            ("grant", "grant"),
            ("export", "copy_into_location"),
            ("call", "call"),
            ("opaque", "unknown"),
            ("a class of later", "select"),
        ] {
            assert!(destroys(&statement(class, kind)), "{kind}");
        }
        for (class, kind) in [("write", "insert"), ("import", "copy_into_table"), ("read", "select")] {
            assert!(!destroys(&statement(class, kind)), "{kind}");
        }
    }

    #[test]
    fn a_batch_has_the_word_of_the_worst_in_it() {
        let statements = ["update", "insert", "truncate", "delete"].map(|kind| statement("write", kind));
        let worst = statements.iter().filter(|one| destroys(one)).min_by_key(|one| Harm::of(one));
        assert_eq!(worst.map(|one| one.kind.as_str()), Some("truncate"));
    }

    #[test]
    fn the_word_is_typed_in_any_case() {
        for typed in ["DROP TABLE", "drop table", "  Drop   Table "] {
            assert!(is_typed("DROP TABLE", typed), "{typed}");
        }
        for typed in ["", "DROP", "DROP TABLE x", "DROPTABLE"] {
            assert!(!is_typed("DROP TABLE", typed), "{typed}");
        }
    }
}
