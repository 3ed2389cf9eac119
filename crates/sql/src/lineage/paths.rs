//! Paths into semi-structured values: `profile:address.city`, `profile['ssn']`, `GET_PATH(profile, 'a.b')`.

use domain::{ShownHow, TestedHow};
use sqlparser::ast::{
    AccessExpr, Expr, FunctionArguments, Ident, JsonPath, JsonPathElem, Subscript, Value as Literal,
};

use super::constant::constant_text;
use super::frame::Env;
use super::reader::Reader;
use super::scope::context_sort;
use super::sort::Sort;
use super::value::{Source, Value};
use crate::names::fold;

impl Reader<'_> {
    pub(super) fn json_access(&mut self, value: &Expr, path: &JsonPath, env: Env<'_>) -> Value {
        let mut value = if is_word_or_literal(value) { self.field_of_word() } else { self.expr(value, env) };
        for element in &path.path {
            let key = match element {
                JsonPathElem::Dot { key, .. } => Some(key.clone()),
                JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => {
                    match self.key(key, env) {
                        Key::Name(name) => Some(name),
                        Key::Index => None,
                        Key::Made(by) => {
                            value = value.with(by);
                            continue;
                        }
                    }
                }
            };
            value = step(value, key);
        }
        value
    }

    pub(super) fn field_access(&mut self, root: &Expr, chain: &[AccessExpr], env: Env<'_>) -> Value {
        // SECURITY: `localtime.ssn` and `true.ssn` are columns of relations that are called so.
        let (mut value, chain) = match (written_word(root), chain) {
            (Some(word), [AccessExpr::Dot(Expr::Identifier(column)), rest @ ..]) => {
                (self.resolve_qualified(&[word, column.clone()], env), rest)
            }
            _ if is_word_or_literal(root) => (self.field_of_word(), chain),
            _ => (self.expr(root, env), chain),
        };
        for access in chain {
            value = match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => step(value, Some(ident.value.clone())),
                AccessExpr::Subscript(Subscript::Index { index }) => match self.key(index, env) {
                    Key::Name(name) => step(value, Some(name)),
                    Key::Index => step(value, None),
                    Key::Made(by) => value.with(by),
                },
                AccessExpr::Dot(other) => value.with(self.expr(other, env)),
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                    let bounds = self.exprs(lower_bound.iter().chain(upper_bound).chain(stride), env);
                    let bounds = if bounds.is_constant() { bounds } else { self.shaped(bounds) };
                    value.with(bounds)
                }
            };
        }
        value
    }

    /// A field or an element of what has none, as far as we can read it.
    fn field_of_word(&mut self) -> Value {
        self.doubt("a field of a constant");
        Value::unknown(Vec::new())
    }

    fn key(&mut self, key: &Expr, env: Env<'_>) -> Key {
        if let Some(text) = constant_text(key) {
            return Key::Name(text);
        }
        if matches!(key, Expr::Value(literal) if matches!(literal.value, Literal::Number(..))) {
            return Key::Index;
        }
        // A key that depends on a value picks by it.
        let by = self.expr(key, env);
        self.test(&by, TestedHow::Predicate);
        Key::Made(by)
    }
}

/// The word that the parser has read as a constant or as a function without brackets, and that may be a name.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is no such word")]
fn written_word(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Nested(inner) => written_word(inner),
        Expr::Identifier(ident) if ident.quote_style.is_none() => {
            context_sort(&fold(ident)).map(|_| ident.clone())
        }
        Expr::Function(function) if matches!(function.args, FunctionArguments::None) => {
            match function.name.0.as_slice() {
                [only] => only.as_ident().cloned(),
                _ => None,
            }
        }
        Expr::Value(literal) => match &literal.value {
            Literal::Boolean(truth) => Some(Ident::new(if *truth { "TRUE" } else { "FALSE" })),
            Literal::Null => Some(Ident::new("NULL")),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the expression is such a word, or a literal.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is no such word")]
fn is_word_or_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_word_or_literal(inner),
        Expr::Value(literal) => !matches!(literal.value, Literal::Placeholder(_)),
        other => written_word(other).is_some(),
    }
}

impl Reader<'_> {
    /// The second argument of `GET_PATH`, constant: a path as one would write it behind a colon. What is written in
    /// any other way than the plain one is no path that a policy could speak of.
    pub(super) fn path_into(&mut self, value: Value, path: &str) -> Value {
        match plain_path(path) {
            Some(keys) => keys.into_iter().fold(value, |value, key| step(value, key.map(str::to_owned))),
            None => value.derived(),
        }
    }

    /// The second argument of `GET` and `GET_IGNORE_CASE`, constant: one name, whatever characters it is made of.
    pub(super) fn field_of(&mut self, value: Value, name: &str) -> Value {
        if name.is_ascii() { step(value, Some(name.to_owned())) } else { value.derived() }
    }
}

/// Whether a quoted key may hold this character and still mean what is written.
fn is_key_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | ' ' | '-')
}

/// The names of a path, none for an index; none at all where it is not plain.
fn plain_path(path: &str) -> Option<Vec<Option<&str>>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    let mut keys = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (element, after) = inner.split_once(']')?;
            let quoted = |quote: char| element.strip_prefix(quote)?.strip_suffix(quote);
            if let Some(name) = quoted('\'').or_else(|| quoted('"')) {
                let is_plain = !name.is_empty() && name.chars().all(is_key_part);
                keys.push(Some(is_plain.then_some(name)?));
            } else {
                let is_index = !element.is_empty() && element.bytes().all(|b| b.is_ascii_digit());
                keys.push(is_index.then_some(None)?);
            }
            rest = after;
        } else {
            let unseparated = if keys.is_empty() { rest } else { rest.strip_prefix(['.', ':'])? };
            let end = unseparated.find(|c| !is_part(c)).unwrap_or(unseparated.len());
            let (name, after) = unseparated.split_at_checked(end)?;
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            keys.push(Some(name));
            rest = after;
        }
    }
    Some(keys)
}

/// What picks an element.
enum Key {
    /// A constant name.
    Name(String),
    /// A constant number: it names no element that a policy could speak of.
    Index,
    /// Something else.
    Made(Value),
}

/// One step into a VARIANT: a stored column becomes a path, a path longer, anything else stays derived.
///
/// SECURITY: paths keep their case. A name all in capitals is another than the policy's, and most likely meant
/// to look like it: it is no path that a policy could speak of. Nor is one with an escape or a letter beyond ASCII in it:
/// whether upstream reads `"\u0065mail"` as `email` is not ours to guess.
fn step(value: Value, key: Option<String>) -> Value {
    let is_shouted = |key: &String| key.chars().any(char::is_alphabetic) && *key == key.to_uppercase();
    let is_plain = |key: &String| !key.is_empty() && key.chars().all(is_key_part);
    if key.as_ref().is_some_and(|key| is_shouted(key) || !is_plain(key)) || value.is_told {
        return value.derived();
    }
    let key = key.map(|key| key.to_lowercase());
    let mut value = value;
    value.is_bare = false;
    value.is_steady = false;
    value.sort = Sort::Variant;
    for source in &mut value.sources {
        *source = match (source.how, &source.path) {
            (ShownHow::Stored, _) => Source {
                column: source.column,
                how: ShownHow::Path,
                path: Some(key.clone().into_iter().collect()),
            },
            (ShownHow::Path, Some(path)) => {
                let path = path.iter().cloned().chain(key.clone()).collect();
                Source { column: source.column, how: ShownHow::Path, path: Some(path) }
            }
            (ShownHow::Path, None) | (ShownHow::Derived, _) => {
                Source { column: source.column, how: ShownHow::Derived, path: None }
            }
        };
    }
    value.sources.sort();
    value.sources.dedup();
    value
}

#[cfg(test)]
mod tests {
    use super::plain_path;

    #[test]
    fn only_a_plainly_written_path_is_one() {
        for (path, expected) in [
            ("a", Some(vec![Some("a")])),
            ("a.b:c", Some(vec![Some("a"), Some("b"), Some("c")])),
            ("a[0].b", Some(vec![Some("a"), None, Some("b")])),
            ("['e mail'][\"x\"]", Some(vec![Some("e mail"), Some("x")])),
            ("", Some(vec![])),
            (" a", None),
            ("a.", None),
            ("a..b", None),
            (".a", None),
            ("\"a\"", None),
            ("['a", None),
            ("['a\\u0062']", None),
            ("[-1]", None),
            ("1a", None),
            ("e\u{301}", None),
        ] {
            assert_eq!(plain_path(path), expected, "{path}");
        }
    }
}
