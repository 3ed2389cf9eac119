//! SHOW, DESCRIBE and EXPLAIN: what they answer of objects and plans, and what must not stand in them.

use std::collections::BTreeSet;

use domain::{Class, Kind, ShownOutput};

use crate::Scope;
use crate::class::{Act, View};
use crate::lexer::{Lexeme, Token};
use crate::lineage::{Beyond, Derived, Reader};
use crate::looked::looked_at;
use crate::read::{Part, mention, read_step};

/// Reads one of them. The plan of a query names what the query names, and tests what it tests.
pub(crate) fn read_show(
    reader: &mut Reader<'_>,
    text: &str,
    tokens: &[Token],
    scope: &Scope<'_>,
    act: Act,
    depth: u32,
) -> Part {
    let view = View { text, tokens };
    let mut part = Part::new(act);
    if has_indirection(view) {
        reader.opaque.get_or_insert("a variable or an indirect name where objects are shown");
    }
    if !view.is(0, "EXPLAIN") {
        if part.act.kind.as_str() == "list" {
            mention(reader, text, tokens, scope);
        } else {
            let looked = looked_at(view, part.act.kind.as_str(), scope.context);
            if looked.is_hidden {
                reader.opaque.get_or_insert("a SHOW or DESCRIBE of what cannot be told");
            }
            reader.reads.extend(looked.at);
        }
        if answers_metadata(&part.act.kind) {
            part.derived = Some(Derived { beyond: Beyond::Metadata, ..Derived::default() });
        }
        return part;
    }
    let format = if view.is(1, "USING") { view.word(2) } else { "TABULAR".to_owned() };
    let skipped = if view.is(1, "USING") { 3 } else { 1 };
    let inner = read_step(reader, text, tokens.get(skipped..).unwrap_or(&[]), scope, depth + 1);
    if inner.act.class == Class::Opaque {
        reader.opaque.get_or_insert("an EXPLAIN of what nobody can read");
    }
    // Nothing is written by asking for the plan.
    let writes = std::mem::take(&mut reader.writes);
    reader.reads.extend(writes);
    let names: &[Option<&str>] = match format.as_str() {
        "TABULAR" => &[
            Some("step"),
            Some("id"),
            // `parent` in older versions, `parentOperators` in newer ones.
            None,
            Some("operation"),
            Some("objects"),
            Some("alias"),
            Some("expressions"),
            Some("partitionsTotal"),
            Some("partitionsAssigned"),
            Some("bytesAssigned"),
        ],
        _ => &[Some("content")],
    };
    part.fixed = Some(names.iter().map(|name| plan_column(*name)).collect());
    part
}

/// What answers names, types and states of objects alone, so that a later step of a pipeline may show its columns.
/// SHOW VARIABLES, SHOW USERS, SHOW GRANTS and whatever else there is are not here: their answers hold values, or
/// say who may do what.
fn answers_metadata(kind: &Kind) -> bool {
    matches!(
        kind.as_str(),
        "show_tables"
            | "show_views"
            | "show_objects"
            | "show_columns"
            | "show_schemas"
            | "show_databases"
            | "show_warehouses"
            | "show_primary_keys"
            | "describe_table"
            | "describe_view"
    )
}

/// Whether something is named by a session variable, or by IDENTIFIER of anything but a literal.
pub(crate) fn has_indirection(view: View<'_>) -> bool {
    view.tokens.iter().enumerate().any(|(at, token)| match token.kind {
        Lexeme::Variable => !token.text(view.text).bytes().skip(1).all(|b| b.is_ascii_digit()),
        Lexeme::Word => {
            let is_literal = view
                .tokens
                .get(at + 2)
                .is_some_and(|token| matches!(token.kind, Lexeme::Text | Lexeme::Dollar))
                && view.is_symbol(at + 3, ")");
            view.is(at, "IDENTIFIER") && view.is_symbol(at + 1, "(") && !is_literal
        }
        Lexeme::Quoted
        | Lexeme::Text
        | Lexeme::Dollar
        | Lexeme::Hex
        | Lexeme::Number
        | Lexeme::Symbol
        | Lexeme::Space
        | Lexeme::Comment => false,
    })
}

fn plan_column(name: Option<&str>) -> ShownOutput {
    ShownOutput {
        name: name.map(str::to_owned),
        shows: BTreeSet::new(),
        is_known: true,
        is_stored: false,
        is_name_from_values: false,
    }
}
