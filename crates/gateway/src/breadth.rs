//! How much there is to tell of a text and of its answer, besides the text and the rows: names of columns and objects.
//!
//! A few kilobytes can name a hundred thousand columns. What is recorded of an exchange is read again whole, by whoever carries it on,
//! collects it or looks for it later, and nobody reads without bound. So what is broader than any of them takes in is refused before it
//! moves, or, where upstream alone knows its columns, before a row leaves.

use domain::{ColumnRef, ObjectName, Refusal, RefusalCode, ShownHow, ShownOutput, Statement};

use crate::live::PartProgress;
use crate::plan::MOST_NAMES;

/// Bytes of names, as JSON, with what stands beside them. A live state tells a column four times at most (as the text names it, where it is
/// stored, what upstream answered and where from), a closing twice: neither comes near what is read of it (16 MB of the one by `aws`,
/// [`recording::LONGEST`] of the other).
pub(crate) const MOST: usize = 2 << 20;

/// What stands beside the names of a column: its type, its mask, its keys.
const COLUMN: usize = 256;

/// Beside those of an object, or of a column that is tested.
const OBJECT: usize = 64;

/// Of statements, before they move.
pub(crate) fn of_statements<'a>(statements: impl Iterator<Item = &'a Statement>) -> usize {
    let of = |statement: &Statement| {
        let outputs = statement.lineage.outputs.iter().flatten().map(of_output);
        let objects = statement.footprint.reads.iter().chain(&statement.footprint.writes).map(of_object);
        let tests = statement.lineage.tests.iter().map(|tested| of_column(&tested.column));
        let functions =
            statement.functions.iter().map(|function| OBJECT + escaped(&function.name.to_string()));
        sum(outputs.chain(objects).chain(tests).chain(functions))
    };
    sum(statements.map(of))
}

/// Of what upstream has answered, before a row leaves.
pub(crate) fn of_answers(parts: &[PartProgress]) -> usize {
    let columns = parts.iter().flat_map(|part| &part.answered);
    sum(columns.map(|column| {
        let origin = column.origin.iter().flatten().map(|name| escaped(name));
        COLUMN + escaped(&column.name) + sum(origin)
    }))
}

/// The word for it, with what to do.
pub(crate) fn refused() -> Refusal {
    let message = format!(
        "names and columns of this text and its answer are more than {} MB, which cannot be recorded in one piece; \
         name fewer columns instead of *, or ask in several calls",
        MOST >> 20
    );
    Refusal { code: RefusalCode::TooLarge, message, retry_after: None, scopes: Vec::new() }
}

/// The word for a text of more statements than are read ([`sql::TOO_MANY`]).
pub(crate) fn too_many() -> Refusal {
    let message = format!("the text has more than {} statements; ask in several calls", sql::MOST_STATEMENTS);
    Refusal { code: RefusalCode::TooLarge, message, retry_after: None, scopes: Vec::new() }
}

fn of_output(output: &ShownOutput) -> usize {
    // As a live state has them: of what is shown as it is.
    let shown =
        output.shows.iter().filter(|shown| shown.how != ShownHow::Derived).take(MOST_NAMES).map(|shown| {
            let path = shown.path.last().map_or(0, |name| escaped(name));
            of_column(&shown.column).saturating_add(path)
        });
    COLUMN + output.name.as_deref().map_or(0, escaped) + sum(shown)
}

fn of_column(column: &ColumnRef) -> usize {
    of_object(&column.object).saturating_add(escaped(&column.column))
}

fn of_object(name: &ObjectName) -> usize {
    OBJECT + escaped(&name.database) + escaped(&name.schema) + escaped(&name.name)
}

/// Bytes of a name inside JSON.
fn escaped(name: &str) -> usize {
    name.bytes().map(|byte| if byte < 0x20 { 6 } else { 1 + usize::from(matches!(byte, b'"' | b'\\')) }).sum()
}

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_as_json_writes_it() {
        for name in ["", "ID", "a\"b\\c", "für", "two\nlines\u{1}"] {
            let written = serde_json::to_string(name).unwrap_or_default();
            assert!(escaped(name) + 2 >= written.len(), "{name}");
        }
    }
}
