//! What undoes a statement: only what is true of its kind.

use recording::{Opening, StatementRecord};

use crate::Behind;

/// Sentences, each once.
pub fn sentences(opening: &Opening, behind: Behind) -> Vec<&'static str> {
    if behind == Behind::EmbeddedWarehouse {
        return vec![
            "The embedded warehouse keeps no history: what is changed stays changed until the gateway is started again, \
             which makes all of its tables anew.",
        ];
    }
    let mut sentences = Vec::new();
    for statement in &opening.statements {
        for sentence in of(statement) {
            if !sentences.contains(sentence) {
                sentences.push(*sentence);
            }
        }
    }
    if sentences.is_empty() {
        sentences.push(UNKNOWN);
    }
    sentences
}

const ROWS: &str = "While the table’s retention time lasts (one day unless somebody has set another; with 0 there is none) Time \
                    Travel has the rows as they were: CREATE TABLE … CLONE … BEFORE (STATEMENT => 'its query id'). Temporary and \
                    transient tables keep one day at most, external tables nothing.";
const CLONE: &str = "A clone made before it runs is the surest way back: CREATE TABLE … CLONE ….";
const UNDROP_TABLE: &str =
    "While its retention time lasts UNDROP TABLE brings it back, as long as no other table has its name.";
const UNDROP_SCHEMA: &str = "While its retention time lasts UNDROP SCHEMA brings it back with what was in it, as long as no other schema has its name.";
const UNDROP_DATABASE: &str = "While its retention time lasts UNDROP DATABASE brings it back with what was in it, as long as no other database has its name.";
const NO_VIEW: &str = "A view is not brought back by UNDROP: it must be made again from its definition.";
const CREATED: &str = "What it makes can be dropped again. If it replaces a table, the old one comes back by UNDROP TABLE once the new \
                       one has another name, while its retention time lasts.";
const GRANTED: &str = "REVOKE takes the right back; what was done with it meanwhile stays done.";
const REVOKED: &str = "GRANT gives the right back.";
const LEFT: &str = "Nothing: data that has left is not called back.";
const READ: &str = "It changes nothing. What it shows, masked as policy says, cannot be unseen.";
const UNKNOWN: &str = "Nobody can say: what it does is not known well enough.";

fn of(statement: &StatementRecord) -> &'static [&'static str] {
    match (statement.class.as_str(), statement.kind.as_str()) {
        (
            "write",
            "insert" | "insert_overwrite" | "update" | "update_all" | "delete" | "delete_all" | "merge"
            | "truncate",
        ) => &[ROWS, CLONE],
        ("define", "drop_table") => &[UNDROP_TABLE],
        ("define", "drop_schema") => &[UNDROP_SCHEMA],
        ("define", "drop_database") => &[UNDROP_DATABASE],
        ("define", "drop_view") => &[NO_VIEW],
        ("define", "create_table" | "create_view" | "create_schema") => &[CREATED],
        ("grant", "grant") => &[GRANTED],
        ("grant", "revoke") => &[REVOKED],
        ("export", _) => &[LEFT],
        ("read" | "show", _) => &[READ],
        _ => &[UNKNOWN],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(class: &str, kind: &str, expected: &str) {
        let statement = StatementRecord {
            class: class.to_owned(),
            kind: kind.to_owned(),
            reads: Vec::new(),
            writes: Vec::new(),
            tests: Vec::new(),
            functions: Vec::new(),
            why: None,
        };
        assert!(of(&statement).iter().any(|sentence| sentence.contains(expected)), "{kind}");
    }

    #[test]
    fn what_undoes_it_is_told_by_its_kind_and_nothing_is_promised_of_the_rest() {
        check("write", "delete", "Time Travel");
        check("write", "truncate", "CLONE");
        check("define", "drop_table", "UNDROP TABLE");
        check("define", "drop_schema", "UNDROP SCHEMA");
        check("define", "drop_view", "not brought back");
        check("grant", "grant", "REVOKE");
        check("export", "copy_into_location", "Nothing");
        check("call", "call", "Nobody can say");
        check("opaque", "unknown", "Nobody can say");
        check("define", "drop_stage", "Nobody can say");
        // An effect beyond its kind makes another class of it.
        check("opaque", "delete", "Nobody can say");
    }
}
