//! Pieces with the questions that classifying asks.

use crate::lexer::{Lexeme, Token};
use crate::split::nesting;

/// Pieces of one statement.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub text: &'a str,
    pub tokens: &'a [Token],
}

impl<'a> View<'a> {
    pub(crate) fn from(self, at: usize) -> Self {
        Self { tokens: self.tokens.get(at..).unwrap_or(&[]), ..self }
    }

    /// The pieces before that place.
    pub(crate) fn until(self, at: usize) -> Self {
        Self { tokens: self.tokens.get(..at).unwrap_or(self.tokens), ..self }
    }

    /// The upper-case keyword at that place; empty when there is none.
    pub(crate) fn word(self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(token) if token.kind == Lexeme::Word => token.text(self.text).to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    pub(crate) fn is(self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text, word))
    }

    pub(crate) fn is_any(self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    pub(crate) fn is_symbol(self, at: usize, symbol: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// Whether the keyword stands anywhere outside brackets.
    pub(crate) fn has(self, word: &str) -> bool {
        self.position(word).is_some()
    }

    /// The first place of the keyword outside brackets.
    pub(crate) fn position(self, word: &str) -> Option<usize> {
        let mut depth = 0;
        self.tokens.iter().position(|token| {
            depth += nesting(self.text, *token);
            depth == 0 && token.is_word(self.text, word)
        })
    }

    /// Where the statement of a task begins: behind its AS. `EXECUTE AS USER …` is none.
    pub(crate) fn task_body(self) -> Option<usize> {
        let mut depth = 0;
        let place = self.tokens.iter().enumerate().position(|(at, token)| {
            depth += nesting(self.text, *token);
            depth == 0 && at > 0 && token.is_word(self.text, "AS") && !self.is(at - 1, "EXECUTE")
        })?;
        Some(place + 1)
    }
}
