//! What a statement does to its session: USE, SET, UNSET, ALTER SESSION.

use domain::{Class, Effect, Kind};
use sqlparser::ast::{Expr, ObjectName, Set, Statement, UnaryOperator, Value as Literal};

use crate::class::{Act, View};
use crate::lexer::{Lexeme, Token, decode_quoted, decode_string, significant};
use crate::names::Named;

/// Parameters of a session that no later statement's meaning depends on.
const HARMLESS: [&str; 13] = [
    "TIMEZONE",
    "AUTOCOMMIT",
    "DATE_OUTPUT_FORMAT",
    "TIME_OUTPUT_FORMAT",
    "TIMESTAMP_OUTPUT_FORMAT",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT",
    "TIMESTAMP_TZ_OUTPUT_FORMAT",
    "USE_CACHED_RESULT",
    "JSON_INDENT",
    "LOCK_TIMEOUT",
    "WEEK_START",
    "WEEK_OF_YEAR_POLICY",
];

/// What a definition may change besides the tables and views that it names. A schema or database carries every name in it,
/// a function every call, and what is not named may be anything.
pub(crate) fn of_change(act: &Act, names_target: bool) -> Vec<Effect> {
    const ALONE: [&str; 4] = ["_table", "_view", "_stream", "_unset_policy"];
    let kind = act.kind.as_str();
    let is_told = match act.class {
        Class::Define => {
            kind == "comment" || (names_target && ALONE.iter().any(|object| kind.ends_with(object)))
        }
        // Of these, only tables and views have a meaning for later statements.
        Class::Write | Class::Import => names_target || ["remove", "put"].contains(&kind),
        Class::Export => names_target || !ALONE.iter().any(|object| kind.ends_with(object)),
        Class::Show
        | Class::Session
        | Class::Transaction
        | Class::Read
        | Class::Call
        | Class::Grant
        | Class::Account
        | Class::Opaque => true,
    };
    if is_told { Vec::new() } else { vec![Effect::Unknown] }
}

/// The effects of a statement whose first word is USE, UNSET or ALTER.
pub(crate) fn of_pieces(view: View<'_>) -> Vec<Effect> {
    match view.word(0).as_str() {
        "USE" => vec![of_use(view)],
        "UNSET" => of_unset(view),
        "ALTER" => {
            if is_harmless_setting(view) {
                Vec::new()
            } else {
                vec![Effect::Unknown]
            }
        }
        _ => vec![Effect::Unknown],
    }
}

/// What a definition does to the session that runs it: a database or a schema that is created becomes the
/// current one, and one that is dropped, renamed or swapped is no longer what its name meant.
pub(crate) fn of_definition(view: View<'_>, kind: &Kind) -> Vec<Effect> {
    let is_namespace = ["_database", "_schema"].iter().any(|end| kind.as_str().ends_with(end));
    let keeps_names = kind.as_str().starts_with("alter_") && !view.has("RENAME");
    if is_namespace && !keeps_names { vec![Effect::Unknown] } else { Vec::new() }
}

/// What a definition names: whatever its kind says, or stands behind the ON of a comment.
pub(crate) fn named_by(view: View<'_>, kind: &Kind) -> Named {
    /// What a comment may be on that lies in no database.
    const OF_ACCOUNT: [&str; 14] = [
        "ACCOUNT",
        "APPLICATION",
        "COMPUTE",
        "CONNECTION",
        "FAILOVER",
        "INTEGRATION",
        "NETWORK",
        "NOTIFICATION",
        "REPLICATION",
        "RESOURCE",
        "ROLE",
        "SHARE",
        "USER",
        "WAREHOUSE",
    ];
    let kind = kind.as_str();
    if kind.ends_with("_database") {
        return Named::Databases;
    }
    if kind.ends_with("_schema") {
        return Named::Schemas;
    }
    let on = if kind == "comment" { (1..6).find(|at| view.is(*at, "ON")) } else { None };
    match on.map(|on| view.word(on + 1)).as_deref() {
        Some("DATABASE") if !view.is(on.unwrap_or_default() + 2, "ROLE") => Named::Databases,
        Some("SCHEMA") => Named::Schemas,
        Some(word) if OF_ACCOUNT.contains(&word) => Named::OfAccount,
        Some(_) | None => Named::Objects,
    }
}

/// Whether ALTER SESSION sets or unsets only parameters that change no name, limit or identity.
pub(crate) fn is_harmless_setting(view: View<'_>) -> bool {
    let is_set = view.is(2, "SET");
    if !is_set && !view.is(2, "UNSET") {
        return false;
    }
    let mut at = 3;
    loop {
        let is_value = view.tokens.get(at + 2).is_some_and(|token| token.kind != Lexeme::Symbol);
        let is_assigned = !is_set || (view.is_symbol(at + 1, "=") && is_value);
        if !HARMLESS.contains(&view.word(at).as_str()) || !is_assigned {
            return false;
        }
        at += if is_set { 3 } else { 1 };
        if at == view.tokens.len() {
            return true;
        }
        at += usize::from(view.is_symbol(at, ","));
    }
}

/// `UNSET a`, `UNSET (a, b)`.
fn of_unset(view: View<'_>) -> Vec<Effect> {
    let rest = view.from(1).tokens;
    let names = match rest {
        [only] => std::slice::from_ref(only),
        [opens, names @ .., closes]
            if opens.is_symbol(view.text, "(") && closes.is_symbol(view.text, ")") =>
        {
            names
        }
        _ => return vec![Effect::Unknown],
    };
    let effect = |(at, token): (usize, &Token)| match (token.kind, at % 2) {
        (Lexeme::Word, 0) => {
            let name = token.text(view.text).to_ascii_uppercase();
            Some(Effect::SetVariable { name, value: None })
        }
        (Lexeme::Symbol, 1) if token.is_symbol(view.text, ",") => None,
        (_, _) => Some(Effect::Unknown),
    };
    names.iter().enumerate().filter_map(effect).collect()
}

fn of_use(view: View<'_>) -> Effect {
    let (kind, at) = match view.word(1).as_str() {
        kind @ ("ROLE" | "WAREHOUSE" | "DATABASE" | "SCHEMA") if view.tokens.len() > 2 => {
            (kind.to_owned(), 2)
        }
        "SECONDARY" => return Effect::Unknown,
        _ => (String::new(), 1),
    };
    let Some(parts) = names_in(view.text, view.from(at).tokens).or_else(|| indirect_names(view, at)) else {
        return Effect::Unknown;
    };
    match (kind.as_str(), parts.as_slice()) {
        ("ROLE", [role]) => Effect::UseRole(role.clone()),
        ("WAREHOUSE", [warehouse]) => Effect::UseWarehouse(warehouse.clone()),
        ("DATABASE" | "", [database]) => Effect::UseDatabase(database.clone()),
        ("SCHEMA", [schema]) => Effect::UseSchema { database: None, schema: schema.clone() },
        ("SCHEMA" | "", [database, schema]) => {
            Effect::UseSchema { database: Some(database.clone()), schema: schema.clone() }
        }
        _ => Effect::Unknown,
    }
}

/// `a.b` as the names that it is made of; none when it is anything else.
fn names_in(text: &str, tokens: &[Token]) -> Option<Vec<String>> {
    let mut parts: Vec<String> = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        if place % 2 == 1 && token.is_symbol(text, ".") {
            continue;
        }
        match (token.kind, place % 2) {
            (Lexeme::Word, 0) => parts.push(token.text(text).to_ascii_uppercase()),
            (Lexeme::Quoted, 0) => parts.push(decode_quoted(token.text(text))),
            (_, _) => return None,
        }
    }
    Some(parts)
}

/// Likewise `IDENTIFIER('a.b')`.
fn indirect_names(view: View<'_>, at: usize) -> Option<Vec<String>> {
    let [word, opens, text, closes] = view.from(at).tokens else { return None };
    let is_indirect = word.is_word(view.text, "IDENTIFIER")
        && opens.is_symbol(view.text, "(")
        && closes.is_symbol(view.text, ")")
        && text.kind == Lexeme::Text;
    let written = text.text(view.text);
    // An escape in a name is meant to hide it.
    if !is_indirect || written.contains('\\') {
        return None;
    }
    let name = decode_string(written);
    names_in(&name, &significant(&name).ok()?)
}

/// Whether a statement switches to what nobody can tell, or forgets it.
pub(crate) fn is_hidden_switch(kind: &Kind, effects: &[Effect]) -> bool {
    // What secondary roles add has no name: that is for policy to say.
    let is_use = kind.as_str().starts_with("use_") && kind.as_str() != "use_secondary_roles";
    (is_use || kind.as_str() == "unset") && effects.contains(&Effect::Unknown)
}

/// Bytes that a session variable holds at most.
const LONGEST_VARIABLE: usize = 256;

/// The variables that a SET statement sets, and the values it sets them to; none when it is something else.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other statement sets nothing")]
pub(crate) fn of_set(statement: &Statement) -> Option<(Vec<Effect>, &[Expr])> {
    let (variables, values): (Vec<&ObjectName>, &[Expr]) = match statement {
        Statement::Set(Set::SingleAssignment { scope: None, hivevar: false, variable, values }) => {
            (vec![variable], values)
        }
        Statement::Set(Set::ParenthesizedAssignments { variables, values }) => {
            (variables.iter().collect(), values)
        }
        _ => return None,
    };
    let name = |variable: &ObjectName| {
        let [part] = variable.0.as_slice() else { return None };
        // Whether a name in quotes keeps its case is not written down.
        let ident = part.as_ident()?;
        let is_sure = ident.quote_style.is_none() || !ident.value.bytes().any(|b| b.is_ascii_lowercase());
        is_sure.then(|| ident.value.to_ascii_uppercase())
    };
    let effects = variables
        .iter()
        .enumerate()
        .map(|(at, variable)| match name(variable) {
            Some(name) if variables.len() == values.len() => {
                // SECURITY: upstream refuses a text that is longer, and then sets none of them.
                let value = values.get(at).and_then(constant).filter(|value| value.len() <= LONGEST_VARIABLE);
                Effect::SetVariable { name, value }
            }
            Some(name) => Effect::SetVariable { name, value: None },
            None => Effect::Unknown,
        })
        .collect();
    Some((effects, values))
}

/// The text of a literal.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is no constant")]
fn constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(literal) => match &literal.value {
            Literal::SingleQuotedString(text) | Literal::Number(text, _) => Some(text.clone()),
            Literal::DollarQuotedString(text) => Some(text.value.clone()),
            Literal::Boolean(value) => Some(value.to_string()),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Some(format!("-{}", constant(expr)?)),
        Expr::Nested(inner) => constant(inner),
        _ => None,
    }
}
