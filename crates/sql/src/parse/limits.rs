//! Bounds on what the parser is fed: it recurses, and so does whoever frees its trees.

use crate::lexer::{Lexeme, Token, Trouble};

/// How many pieces may stand at one level between two commas or clause words. A chain of operators makes a
/// tree as deep as it is long, and trees are freed by recursion.
const LONGEST_CHAIN: usize = 4000;
/// How many set operators, pivots and the like one statement may chain; likewise.
const MOST_SETS: usize = 500;
/// How many joins may wait for their ON. The parser nests `a JOIN b JOIN c ON … ON …` without a bound on its
/// stack.
const MOST_OPEN_JOINS: usize = 12;
/// How deep brackets may nest. The parser stops at 50 levels of most things, but not of all.
const DEEPEST: usize = 120;

/// Whether the parser may be fed these pieces.
pub(super) fn check(text: &str, tokens: &[Token]) -> Result<(), Trouble> {
    if is_too_long_a_chain(text, tokens) {
        return Err(Trouble("a chain of operators too long to read"));
    }
    if has_too_many_open_joins(text, tokens) {
        return Err(Trouble("too many joins without a condition"));
    }
    // SECURITY: the parser reads nested blocks without a bound on its stack.
    if tokens.iter().skip(1).any(|token| token.is_word(text, "BEGIN")) && !is_query(text, tokens) {
        return Err(Trouble("a scripting block"));
    }
    Ok(())
}

fn is_too_long_a_chain(text: &str, tokens: &[Token]) -> bool {
    let mut levels: Vec<usize> = vec![0];
    let mut sets = 0_usize;
    for token in tokens {
        match token.kind {
            Lexeme::Symbol => match token.text(text) {
                "(" | "[" | "{" => levels.push(0),
                ")" | "]" | "}" if levels.len() > 1 => {
                    levels.pop();
                }
                "," | ";" => levels.iter_mut().rev().take(1).for_each(|level| *level = 0),
                _ => {}
            },
            Lexeme::Word => {
                let word = token.text(text);
                if is_any(word, &["SELECT", "FROM", "WHERE", "WHEN", "JOIN"]) {
                    levels.iter_mut().rev().take(1).for_each(|level| *level = 0);
                }
                let chained =
                    ["UNION", "EXCEPT", "MINUS", "INTERSECT", "PIVOT", "UNPIVOT", "MATCH_RECOGNIZE"];
                sets += usize::from(is_any(word, &chained));
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
        let depth = levels.len();
        let Some(level) = levels.last_mut() else { return true };
        *level += 1;
        if *level > LONGEST_CHAIN || sets > MOST_SETS || depth > DEEPEST {
            return true;
        }
    }
    false
}

fn has_too_many_open_joins(text: &str, tokens: &[Token]) -> bool {
    let mut levels: Vec<usize> = vec![0];
    for (at, token) in tokens.iter().enumerate() {
        let nested = levels.len() > 1;
        let Some(open) = levels.last_mut() else { return true };
        match token.kind {
            Lexeme::Symbol if token.is_symbol(text, "(") => levels.push(0),
            Lexeme::Symbol if nested && token.is_symbol(text, ")") => {
                levels.pop();
            }
            Lexeme::Word => {
                let word = token.text(text);
                if word.eq_ignore_ascii_case("JOIN") {
                    let before = tokens.get(at.saturating_sub(1));
                    let is_closed = before.is_some_and(|before| {
                        before.is_word(text, "CROSS") || before.is_word(text, "NATURAL")
                    });
                    *open += usize::from(!is_closed);
                    if *open > MOST_OPEN_JOINS {
                        return true;
                    }
                } else if is_any(word, &["ON", "USING"]) {
                    *open = open.saturating_sub(1);
                } else if is_any(word, &["SELECT", "WHERE", "UNION"]) {
                    *open = 0;
                }
            }
            Lexeme::Symbol
            | Lexeme::Space
            | Lexeme::Comment
            | Lexeme::Quoted
            | Lexeme::Text
            | Lexeme::Dollar
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable => {}
        }
    }
    false
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn is_query(text: &str, tokens: &[Token]) -> bool {
    tokens.first().is_some_and(|token| {
        token.is_symbol(text, "(") || token.is_word(text, "SELECT") || token.is_word(text, "WITH")
    })
}
