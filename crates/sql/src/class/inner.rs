//! The statements inside a statement: those of a scripting block, and those of a text that is run.

use domain::Class;

use super::{Act, View, act_within, leading};
use crate::effects::of_definition;
use crate::lexer::{Lexeme, Token, decode_string, significant};
use crate::split::{statements, steps};

/// Words behind which a statement of a script may begin.
const OPENERS: [&str; 6] = ["BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT"];

/// What begins a statement of SQL.
const VERBS: [&str; 34] = [
    "SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "REMOVE", "RM", "COPY",
    "PUT", "GET", "LIST", "LS", "CREATE", "ALTER", "DROP", "UNDROP", "DEFINE", "COMMENT", "GRANT", "REVOKE",
    "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "USE", "SET", "UNSET", "CALL", "EXECUTE", "COMMIT", "ROLLBACK",
];

/// What begins a statement of a script, and is none of SQL.
const SCRIPTING: [&str; 28] = [
    "BEGIN",
    "DECLARE",
    "ASYNC",
    "END",
    "LET",
    "RETURN",
    "IF",
    "ELSEIF",
    "ELSE",
    "CASE",
    "WHEN",
    "FOR",
    "WHILE",
    "LOOP",
    "REPEAT",
    "UNTIL",
    "OPEN",
    "FETCH",
    "CLOSE",
    "RAISE",
    "AWAIT",
    "CANCEL",
    "EXCEPTION",
    "BREAK",
    "EXIT",
    "CONTINUE",
    "ITERATE",
    "NULL",
];

/// How many pieces of a statement inside brackets are looked at.
const LONGEST_BRACKETED: usize = 64;

/// The strictest class among the statements inside a script; the mildest when there are none.
///
/// INVARIANT: every piece is looked at a bounded number of times. A statement reaches to the place where the next
/// one begins, so that no two share a piece; one inside brackets is cut off.
pub(super) fn strictest(view: View<'_>, depth: u32) -> Class {
    let mut strictest = Class::Show;
    let mut open: Option<usize> = None;
    let mut is_declaring = view.is(0, "DECLARE");
    for at in 1..=view.tokens.len() {
        let begins = begins_statement(view, at);
        if begins || at == view.tokens.len() {
            if let Some(start) = open.take() {
                let inner = view.until(at).from(start);
                let act = statement(inner, depth);
                // A line of declarations begins with a name.
                let is_declaration = is_declaring && act == Act::unknown();
                strictest = strictest.max(if is_declaration { Class::Show } else { class_of(&act, inner) });
            }
            is_declaring = (is_declaring || view.is(at, "DECLARE")) && !view.is(at - 1, "BEGIN");
        }
        if begins {
            open = Some(at);
        }
        if (view.is_symbol(at - 1, "(") || view.is_symbol(at - 1, ":=")) && view.is_any(at, &VERBS) {
            strictest = strictest.max(bracketed(view.from(at).until(LONGEST_BRACKETED), depth));
        }
    }
    strictest
}

/// The class of a statement of a script. One that changes what names mean makes the rest unreadable: which tables
/// it touches is told by the names outside.
fn class_of(act: &Act, view: View<'_>) -> Class {
    let renames = act.class == Class::Session && act.kind.as_str() != "alter_session";
    if renames || !of_definition(view, &act.kind).is_empty() { Class::Opaque } else { act.class }
}

/// Whether a statement begins at that place: behind `;` and BEGIN always, behind other words when they are not
/// part of an expression.
fn begins_statement(view: View<'_>, at: usize) -> bool {
    let before = at - 1;
    view.is_symbol(before, ";")
        || (view.is(before, "BEGIN") && !view.is_any(at, &["TRANSACTION", "WORK", "NAME"]))
        || (view.is_any(before, &OPENERS) && view.is_any(at, &VERBS))
}

/// The act of one statement of a script, the statements inside it aside: those have places of their own.
fn statement(view: View<'_>, depth: u32) -> Act {
    let last = view.tokens.len().saturating_sub(1);
    let view = if view.is_symbol(last, ";") { view.until(last) } else { view };
    let is_scripting = view.tokens.is_empty() || view.is_any(0, &SCRIPTING) || view.is_symbol(1, ":=");
    if is_scripting { Act::new(Class::Show, "script") } else { leading(view, depth) }
}

/// The class of what stands inside brackets: `:= (call p())`, `async (delete from t)`; a mild one for calls of
/// functions (`(insert(a, 1, 2, b))`) and for names.
fn bracketed(view: View<'_>, depth: u32) -> Class {
    let is_function = view.is_symbol(1, "(") && !view.is_any(0, &["SELECT", "WITH", "VALUES"]);
    let act = leading(view, depth);
    if is_function || act == Act::unknown() {
        Class::Show
    } else if act.class == Class::Define {
        // It may be longer than what is looked at.
        Class::Opaque
    } else {
        act.class
    }
}

/// The constant texts that the pieces run: those of EXECUTE IMMEDIATE, wherever it stands, and the body of a
/// procedure that is defined and called at once.
pub(crate) fn texts(text: &str, tokens: &[Token]) -> Vec<String> {
    let view = View { text, tokens };
    // In whatever brackets it stands: `async (with p as procedure …)`.
    let names_procedure = (1..tokens.len()).any(|at| view.is(at, "PROCEDURE") && view.is(at - 1, "AS"));
    let calls_procedure = names_procedure && !is_foreign(view);
    let places = (1..tokens.len()).filter(|at| {
        let is_run = at.checked_sub(2).is_some_and(|before| view.is(before, "EXECUTE"));
        (view.is(at - 1, "IMMEDIATE") && is_run) || (view.is(at - 1, "AS") && calls_procedure)
    });
    places.filter_map(|at| constant(view.from(at))).collect()
}

/// The text that the pieces begin with, unless more is made of it.
fn constant(view: View<'_>) -> Option<String> {
    let token = view.tokens.first().filter(|token| matches!(token.kind, Lexeme::Text | Lexeme::Dollar))?;
    let is_more = ["||", "->", ":", "::", ".", "+"].iter().any(|symbol| view.is_symbol(1, symbol));
    (!is_more).then(|| decode_string(token.text(view.text)))
}

/// The class of `EXECUTE IMMEDIATE …`, told from what follows: that of the text if it is constant.
pub(super) fn immediate(view: View<'_>, depth: u32) -> Class {
    let is_whole = view.tokens.len() == 1 || view.is(1, "USING") || view.is_symbol(1, ")");
    constant(view).filter(|_| is_whole).map_or(Class::Opaque, |text| class_of_text(&text, depth))
}

/// The class of a procedure that is defined and called at once: that of its body where it is SQL.
pub(super) fn body(view: View<'_>, depth: u32) -> Class {
    if is_foreign(view) {
        return Class::Call;
    }
    let bodies = (1..view.tokens.len()).filter(|at| view.is(at - 1, "AS"));
    bodies
        .filter_map(|at| constant(view.from(at)))
        .map(|text| class_of_text(&text, depth))
        .fold(strictest(view, depth), Class::max)
}

/// Whether a language is named that is not SQL.
fn is_foreign(view: View<'_>) -> bool {
    (1..view.tokens.len()).any(|at| view.is(at - 1, "LANGUAGE") && !view.is(at, "SQL"))
}

/// The strictest class among the statements of a text.
fn class_of_text(text: &str, depth: u32) -> Class {
    let Ok(tokens) = significant(text) else { return Class::Opaque };
    statements(text, &tokens)
        .into_iter()
        .flat_map(|statement| steps(text, statement))
        .map(|tokens| act_within(View { text, tokens }, depth + 1).class)
        .max()
        .unwrap_or(Class::Opaque)
}
