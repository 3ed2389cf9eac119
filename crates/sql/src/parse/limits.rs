//! Bounds on what the parser is fed: it recurses, and so does whoever frees its trees.

use crate::lexer::{Bracket, Lexeme, Token, Trouble};

/// How many pieces may stand at one level between two commas or clause words. A chain of operators makes a
/// tree as deep as it is long, and trees are freed by recursion.
const LONGEST_CHAIN: usize = 4000;
/// How many set operators, pivots and the like one statement may chain; likewise.
const MOST_SETS: usize = 1000;
/// How many joins may wait for their ON. The parser nests `a JOIN b JOIN c ON … ON …` without a bound on its
/// stack.
const MOST_OPEN_JOINS: usize = 12;
/// How deep brackets may nest. The parser stops at 50 levels of most things, but not of all.
const DEEPEST: usize = 120;

/// Whether the parser may be fed these pieces.
pub(super) fn check(text: &str, tokens: &[Token]) -> Result<(), Trouble> {
    check_levels(text, tokens)?;
    // SECURITY: the parser reads nested blocks without a bound on its stack.
    if tokens.iter().skip(1).any(|token| token.is_word(text, "BEGIN")) && !is_query(text, tokens) {
        return Err(Trouble("a scripting block"));
    }
    Ok(())
}

/// What one level of brackets holds so far.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Pieces since the last comma or clause word.
    chain: usize,
    /// Joins whose ON has not come yet.
    open_joins: usize,
}

/// Walks through the levels of brackets, each counted for itself.
fn check_levels(text: &str, tokens: &[Token]) -> Result<(), Trouble> {
    let too_long = Err(Trouble("a chain of operators too long to read"));
    let mut around: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut sets = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Lexeme::Symbol => match token.bracket(text) {
                Some(Bracket::Opens) => around.push(std::mem::take(&mut level)),
                Some(Bracket::Closes) => level = around.pop().unwrap_or(level),
                None if matches!(token.text(text), "," | ";") => level.chain = 0,
                None => {}
            },
            Lexeme::Word => {
                let word = token.text(text);
                if is_any(word, &["SELECT", "FROM", "WHERE", "WHEN", "JOIN"]) {
                    level.chain = 0;
                }
                let chained =
                    ["UNION", "EXCEPT", "MINUS", "INTERSECT", "PIVOT", "UNPIVOT", "MATCH_RECOGNIZE"];
                sets += usize::from(is_any(word, &chained));
                if word.eq_ignore_ascii_case("JOIN") {
                    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
                    let is_closed = before.is_some_and(|before| {
                        before.is_word(text, "CROSS") || before.is_word(text, "NATURAL")
                    });
                    level.open_joins += usize::from(!is_closed);
                } else if is_any(word, &["ON", "USING"]) {
                    level.open_joins = level.open_joins.saturating_sub(1);
                } else if is_any(word, &["SELECT", "WHERE", "UNION"]) {
                    level.open_joins = 0;
                }
            }
            Lexeme::Space
            | Lexeme::Comment
            | Lexeme::Quoted
            | Lexeme::Text
            | Lexeme::Dollar
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable => {}
        }
        level.chain += 1;
        if level.chain > LONGEST_CHAIN || sets > MOST_SETS || around.len() >= DEEPEST {
            return too_long;
        }
        if level.open_joins > MOST_OPEN_JOINS {
            return Err(Trouble("too many joins without a condition"));
        }
    }
    Ok(())
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn is_query(text: &str, tokens: &[Token]) -> bool {
    tokens.first().is_some_and(|token| {
        token.is_symbol(text, "(") || token.is_word(text, "SELECT") || token.is_word(text, "WITH")
    })
}
