//! Definitions that the parser cannot read, told by their words: a table's name and columns, a view's name and the
//! names of its columns. Policies, tags, indexes, defaults and whatever else stands in a definition are passed over.

use domain::{Column, SqlType};

use super::types;
use crate::lexer::{Lexeme, Token};

/// What a definition defines.
pub(super) struct Defined {
    /// The parts of its name, as stored.
    pub name: Vec<String>,
    pub is_view: bool,
    pub columns: Vec<Column>,
}

/// Words that begin something else than a column among the columns.
const NO_COLUMNS: [&str; 7] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "INDEX", "CHECK", "LIKE"];

/// The table or view that a CREATE defines; none when it is another statement.
pub(super) fn defined(text: &str, tokens: &[Token]) -> Option<Defined> {
    let words = Words { text, tokens };
    if !words.is(0, "CREATE") {
        return None;
    }
    // OR REPLACE, TEMPORARY, SECURE and the like stand before.
    let kind = (1..8).find(|at| words.is(*at, "TABLE") || words.is(*at, "VIEW"))?;
    let is_view = words.is(kind, "VIEW");
    let mut at = kind + 1;
    if words.is(at, "IF") && words.is(at + 1, "NOT") && words.is(at + 2, "EXISTS") {
        at += 3;
    }
    let mut name = vec![words.name(at)?];
    while words.is_symbol(at + 1, ".") {
        name.push(words.name(at + 2)?);
        at += 2;
    }
    let columns = if words.is_symbol(at + 1, "(") { words.columns(at + 2)? } else { Vec::new() };
    Some(Defined { name, is_view, columns })
}

#[derive(Clone, Copy)]
struct Words<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

impl Words<'_> {
    fn is(self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text, word))
    }

    fn is_symbol(self, at: usize, symbol: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    fn name(self, at: usize) -> Option<String> {
        self.tokens.get(at)?.name(self.text)
    }

    /// The columns up to the closing bracket of their list.
    fn columns(self, start: usize) -> Option<Vec<Column>> {
        let mut columns = Vec::new();
        let mut at = start;
        loop {
            let end = self.end_of_part(at)?;
            if !NO_COLUMNS.iter().any(|word| self.is(at, word)) {
                columns.push(Column {
                    name: self.name(at)?,
                    sql_type: self.sql_type(at + 1, end),
                    is_nullable: !(at..end).any(|at| self.refuses_null(at)),
                    tags: Default::default(),
                });
            }
            if self.is_symbol(end, ")") {
                return Some(columns);
            }
            at = end + 1;
        }
    }

    fn refuses_null(self, at: usize) -> bool {
        (self.is(at, "NOT") && self.is(at + 1, "NULL")) || (self.is(at, "PRIMARY") && self.is(at + 1, "KEY"))
    }

    /// Where the comma or the bracket stands that ends this part of a list.
    fn end_of_part(self, start: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(start) {
            if token.kind != Lexeme::Symbol {
                continue;
            }
            match token.text(self.text) {
                "(" => depth += 1,
                ")" | "," if depth == 0 => return Some(at),
                ")" => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// The type that is written there.
    fn sql_type(self, at: usize, end: usize) -> SqlType {
        let word = self.name(at).unwrap_or_default();
        let is_zoned = |zone: &str| (at..end).any(|at| self.is(at, zone) && self.is(at + 1, "TIME"));
        if word == "TIMESTAMP" && is_zoned("WITH") {
            return SqlType::TimestampTz { scale: 9 };
        }
        let facets: Vec<u64> = if self.is_symbol(at + 1, "(") {
            let numbers = self.tokens.get(at + 2..end).unwrap_or(&[]).iter();
            numbers
                .take_while(|token| !token.is_symbol(self.text, ")"))
                .filter_map(|token| token.text(self.text).parse().ok())
                .collect()
        } else {
            Vec::new()
        };
        types::named(&word, &facets)
    }
}
