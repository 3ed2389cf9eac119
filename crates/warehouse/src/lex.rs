//! Text to tokens: statements are split, names folded, values bound, before anything is parsed.
//!
//! Working on tokens keeps literals out of harm's way: a bound value becomes one literal token and is never read
//! as SQL, and folding names to upper case (Snowflake's rule for unquoted ones) cannot touch a string.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::sql::sqlparser::dialect::SnowflakeDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{
    Location, Token, TokenWithSpan, Tokenizer, TokenizerError, Word,
};
use domain::Bindings;

use crate::bindings;
use crate::errors::SnowflakeError;

/// Texts longer than Snowflake's own limit are refused.
const LONGEST_TEXT: usize = 1_000_000;
/// Operators in one chain or nest. Every operator may cost a level of recursion in the planner, and planning time
/// grows with the square of the levels, so this bounds both. A cast counts twice: it becomes a call and a cast.
const LONGEST_CHAIN: usize = 250;

/// One statement's tokens, names folded, without comments and whitespace.
#[derive(Clone)]
pub(crate) struct Lexed {
    tokens: Vec<TokenWithSpan>,
    /// The whole request's text, as written; shared, or a batch would hold it once for each of its statements.
    text: Arc<str>,
    /// Where the statement ends in it.
    end: Location,
}

impl Lexed {
    /// The tokens, for whoever looks at the first words only.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().map(|t| &t.token)
    }

    /// The upper-case word at `n`; empty when there is none or it is quoted.
    pub fn word(&self, n: usize) -> &str {
        match self.tokens.get(n).map(|t| &t.token) {
            Some(Token::Word(word)) if word.quote_style.is_none() => &word.value,
            _ => "",
        }
    }

    /// The tokens from the `n`th on, as a statement of their own.
    pub fn from(&self, n: usize) -> Self {
        let tokens = self.tokens.get(n..).unwrap_or_default().to_vec();
        Self { tokens, text: Arc::clone(&self.text), end: self.end }
    }

    /// The text as written from the token after the first word `word` at nesting level zero.
    pub fn text_after(&self, word: &str) -> Option<String> {
        let mut level = 0_i32;
        let mut tokens = self.tokens.iter();
        for token in tokens.by_ref() {
            match &token.token {
                Token::LParen => level += 1,
                Token::RParen => level -= 1,
                Token::Word(w) if level == 0 && w.quote_style.is_none() && w.value == word => break,
                _ => {}
            }
        }
        let start = tokens.next()?.span.start;
        let written = offset(&self.text, start)..offset(&self.text, self.end);
        self.text.get(written).map(|t| t.trim_end().to_owned())
    }

    /// Where a name first stands: line, and position counted from 0, as Snowflake's errors say it.
    pub fn find(&self, name: &str) -> Option<(u64, u64)> {
        self.tokens.iter().find_map(|t| match &t.token {
            Token::Word(word) if word.value == name => {
                Some((t.span.start.line, t.span.start.column.saturating_sub(1)))
            }
            _ => None,
        })
    }

    /// A parser at the first token.
    pub fn parser(&self) -> Parser<'static> {
        Parser::new(&SnowflakeDialect).with_tokens_with_locations(self.tokens.clone())
    }

    /// Puts constants in the place of `$NAME`.
    pub fn substitute(&mut self, variables: &BTreeMap<String, Vec<Token>>) -> Result<(), SnowflakeError> {
        if !self.tokens().any(|t| matches!(t, Token::Placeholder(p) if p.starts_with('$'))) {
            return Ok(());
        }
        let mut replaced = Vec::with_capacity(self.tokens.len());
        for token in self.tokens.drain(..) {
            let Token::Placeholder(name) = &token.token else {
                replaced.push(token);
                continue;
            };
            let name = name.trim_start_matches('$').to_uppercase();
            let value = variables.get(&name).ok_or_else(|| {
                SnowflakeError::new(
                    "002211",
                    "02000",
                    format!("SQL compilation error:\nSession variable '${name}' does not exist"),
                )
            })?;
            replaced.extend(value.iter().map(|t| TokenWithSpan::new(t.clone(), token.span)));
        }
        self.tokens = replaced;
        Ok(())
    }
}

/// Splits a text into its statements, with bound values in place of `?`.
pub(crate) fn split(text: &str, bindings: &Bindings) -> Result<Vec<Lexed>, SnowflakeError> {
    if text.len() > LONGEST_TEXT {
        return Err(SnowflakeError::new("000602", "54001", "SQL compilation error:\nstatement is too long."));
    }
    let tokens =
        Tokenizer::new(&SnowflakeDialect, text).tokenize_with_location().map_err(|e| unreadable(&e))?;
    let text = Arc::from(text);
    let mut statements = Vec::new();
    let mut current = Vec::new();
    let mut next_binding = 1_u32;
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon => finish(&mut current, &mut statements, &text)?,
            Token::Placeholder(mark) if mark == "?" => {
                let literal = bindings::literal(bindings, next_binding, &token.span.start)?;
                next_binding = next_binding.saturating_add(1);
                current.extend(literal.into_iter().map(|t| TokenWithSpan::new(t, token.span)));
            }
            _ => current.push(token),
        }
    }
    finish(&mut current, &mut statements, &text)?;
    Ok(statements)
}

fn finish(
    current: &mut Vec<TokenWithSpan>,
    statements: &mut Vec<Lexed>,
    text: &Arc<str>,
) -> Result<(), SnowflakeError> {
    let Some(end) = current.last().map(|t| t.span.end) else { return Ok(()) };
    let mut tokens = std::mem::take(current);
    refuse_long_chains(&tokens)?;
    fold_names(&mut tokens);
    statements.push(Lexed { tokens, text: Arc::clone(text), end });
    Ok(())
}

/// Unquoted names are upper case, except keys within a VARIANT path (`profile:address.city`), which JSON spells.
fn fold_names(tokens: &mut [TokenWithSpan]) {
    let mut is_in_path = false;
    let mut was_separator = false;
    for token in tokens {
        match &mut token.token {
            Token::Colon => {
                is_in_path = true;
                was_separator = true;
                continue;
            }
            Token::Period if is_in_path => {
                was_separator = true;
                continue;
            }
            Token::Word(word) if is_in_path && was_separator => {
                word.keyword = Keyword::NoKeyword;
            }
            Token::LBracket | Token::RBracket | Token::SingleQuotedString(_) | Token::Number(_, _) => {}
            Token::Word(word) => {
                is_in_path = false;
                if word.quote_style.is_none() {
                    fold(word);
                }
            }
            _ => is_in_path = false,
        }
        was_separator = false;
    }
}

fn fold(word: &mut Word) {
    if word.value.is_ascii() {
        word.value.make_ascii_uppercase();
    } else {
        word.value = word.value.to_uppercase();
    }
}

/// INVARIANT: what passes here nests less deeply than the stack of the warehouse's threads allows.
fn refuse_long_chains(tokens: &[TokenWithSpan]) -> Result<(), SnowflakeError> {
    let mut levels = vec![0_usize];
    let mut total = 0_usize;
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                levels.push(1);
                total += 1;
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                total -= levels.pop().unwrap_or(0).min(total);
            }
            Token::Comma => {
                if let Some(level) = levels.last_mut() {
                    total -= (*level).min(total);
                    *level = 0;
                }
            }
            Token::Word(word)
                if word.quote_style.is_some() || !is_operator_word(&word.value.to_ascii_uppercase()) => {}
            Token::Number(_, _) | Token::SingleQuotedString(_) | Token::Period => {}
            other => {
                let weight = if *other == Token::DoubleColon { 2 } else { 1 };
                if let Some(level) = levels.last_mut() {
                    *level += weight;
                }
                total += weight;
            }
        }
        if total > LONGEST_CHAIN {
            return Err(SnowflakeError::too_complex());
        }
    }
    Ok(())
}

fn is_operator_word(word: &str) -> bool {
    matches!(
        word,
        "AND"
            | "OR"
            | "NOT"
            | "IS"
            | "IN"
            | "LIKE"
            | "ILIKE"
            | "RLIKE"
            | "REGEXP"
            | "BETWEEN"
            | "UNION"
            | "EXCEPT"
            | "MINUS"
            | "INTERSECT"
            | "JOIN"
            | "SELECT"
            | "FROM"
            | "CASE"
            | "COLLATE"
            | "AT"
            | "INTERVAL"
    )
}

/// The byte that a location of the tokenizer means (lines and columns count from 1, columns in characters).
fn offset(text: &str, location: Location) -> usize {
    let lines = usize::try_from(location.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let columns = usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
    let line = text.get(start..).unwrap_or_default();
    start + line.chars().take(columns).map(char::len_utf8).sum::<usize>()
}

fn unreadable(error: &TokenizerError) -> SnowflakeError {
    SnowflakeError::syntax(error.location.line, error.location.column.saturating_sub(1), "<unterminated>")
}

/// Words a parser's complaint as Snowflake does.
pub(crate) fn unparsable(error: &ParserError) -> SnowflakeError {
    match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
            let near =
                text.split("found: ").nth(1).and_then(|t| t.split(" at Line").next()).unwrap_or("<EOF>");
            let number = |after: &str| {
                text.split(after).nth(1).and_then(|t| {
                    t.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok()
                })
            };
            let line = number("Line: ").unwrap_or(1);
            let column = number("Column: ").unwrap_or(1);
            let near: String = near.chars().take(80).collect();
            SnowflakeError::syntax(
                line,
                column.saturating_sub(1),
                if near == "EOF" { "<EOF>" } else { &near },
            )
        }
        ParserError::RecursionLimitExceeded => SnowflakeError::too_complex(),
    }
}
