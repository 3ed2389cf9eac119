//! MATCH_RECOGNIZE, of which the parser knows a part. What it does not know decides which rows there are, not
//! which columns, so that it is left out: which rows a pattern finds is tested by what its symbols are defined as.

use std::collections::HashSet;

use sqlparser::tokenizer::Token as Parsed;

use super::feed::{Bracket, Feed};
use crate::lexer::Lexeme;

impl Feed<'_> {
    /// Where a clause of MATCH_RECOGNIZE that has to be written anew begins at `at`, feeds it and answers where
    /// the text goes on.
    pub(super) fn pattern_clause(&mut self, at: usize) -> Option<usize> {
        if self.is_symbol(at, "(") && at > 0 && self.is_word(at - 1, "MATCH_RECOGNIZE") {
            self.brackets.push((Bracket::Match, at));
            self.push(Parsed::LParen);
            return Some(at + 1);
        }
        if self.brackets.last().is_none_or(|(bracket, _)| *bracket != Bracket::Match) {
            return None;
        }
        if self.is_any_word(at, &["FINAL", "RUNNING"]) && self.is_name(at + 1) && self.is_symbol(at + 2, "(")
        {
            return Some(at + 1);
        }
        if self.is_word(at, "AFTER") && self.is_word(at + 1, "MATCH") && self.is_word(at + 2, "SKIP") {
            // PAST LAST ROW, TO NEXT ROW, TO [FIRST | LAST] symbol.
            return (at + 3..at + 8).find(|next| self.is_word(*next, "PATTERN"));
        }
        if self.is_word(at, "PATTERN") && self.is_symbol(at + 1, "(") { self.pattern(at) } else { None }
    }

    /// `PATTERN (…) [SUBSET name = (…), …]`: of it only the names matter, for they stand before columns.
    fn pattern(&mut self, at: usize) -> Option<usize> {
        let mut names = Names::default();
        let mut has_marks = false;
        let mut depth = 0_usize;
        let mut next = at + 1;
        loop {
            let token = *self.tokens.get(next)?;
            match (token.kind, token.text(self.text)) {
                (Lexeme::Symbol, "(") => depth += 1,
                (Lexeme::Symbol, ")") => depth -= 1,
                (Lexeme::Symbol, symbol) => has_marks |= symbol == "?",
                (Lexeme::Number, _) => {}
                (Lexeme::Word, word)
                    if word.eq_ignore_ascii_case("PERMUTE") && self.is_symbol(next + 1, "(") => {}
                (Lexeme::Word | Lexeme::Quoted, _) => names.add(self.name(next)?),
                (
                    Lexeme::Text
                    | Lexeme::Dollar
                    | Lexeme::Hex
                    | Lexeme::Variable
                    | Lexeme::Space
                    | Lexeme::Comment,
                    _,
                ) => return None,
            }
            next += 1;
            if depth == 0 {
                break;
            }
        }
        if self.is_word(next, "SUBSET") {
            next += 1;
            loop {
                if !(self.is_name(next) && self.is_symbol(next + 1, "=") && self.is_symbol(next + 2, "(")) {
                    return None;
                }
                names.add(self.name(next)?);
                next = (next + 3..self.tokens.len()).find(|end| self.is_symbol(*end, ")"))? + 1;
                if !self.is_symbol(next, ",") {
                    break;
                }
                next += 1;
            }
        }
        if has_marks {
            self.doubt_marks();
        }
        self.push_word("PATTERN");
        self.push(Parsed::LParen);
        for name in names.in_order {
            self.push_quoted(&name);
        }
        self.push(Parsed::RParen);
        Some(next)
    }
}

/// Names, each once.
#[derive(Default)]
struct Names {
    in_order: Vec<String>,
    seen: HashSet<String>,
}

impl Names {
    fn add(&mut self, name: String) {
        if self.seen.insert(name.clone()) {
            self.in_order.push(name);
        }
    }
}
