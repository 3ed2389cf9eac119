//! The objects that a text mentions, told from its pieces alone: for statements that the parser cannot read.
//! It names too many rather than too few.

use crate::lexer::{Lexeme, Token, decode_quoted, decode_string, significant};

/// What a text mentions, as folded name parts.
#[derive(Default, Debug)]
pub(crate) struct Mentions {
    /// Names that follow a word which reads.
    pub reads: Vec<Vec<String>>,
    /// Names that follow a word which writes or defines.
    pub writes: Vec<Vec<String>>,
}

const READING: [&str; 7] = ["FROM", "JOIN", "CLONE", "LIKE", "ON", "USING", "OF"];
const WRITING: [&str; 3] = ["INTO", "UPDATE", "TRUNCATE"];
/// Kinds of object whose name follows.
const KINDS: [&str; 30] = [
    "TABLE",
    "VIEW",
    "SCHEMA",
    "DATABASE",
    "STREAM",
    "TASK",
    "PIPE",
    "STAGE",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "FORMAT",
    "POLICY",
    "TAG",
    "USER",
    "ROLE",
    "WAREHOUSE",
    "SHARE",
    "INTEGRATION",
    "MONITOR",
    "VOLUME",
    "GROUP",
    "ALERT",
    "SECRET",
    "STREAMLIT",
    "NOTEBOOK",
    "MODEL",
    "SERVICE",
    "PROJECT",
    "LISTING",
];
/// Words between such a word and the name.
const SKIPPED: [&str; 8] = ["TABLE", "VIEW", "IF", "NOT", "EXISTS", "ONLY", "LATERAL", "OVERWRITE"];

/// Everything mentioned.
pub(crate) fn mentions(text: &str, tokens: &[Token]) -> Mentions {
    let mut found = Mentions::default();
    for (at, token) in tokens.iter().enumerate() {
        let is = |words: &[&str]| words.iter().any(|word| token.is_word(text, word));
        if is(&READING) {
            found.reads.extend(names_after(text, tokens, at + 1));
        } else if is(&WRITING) {
            found.writes.extend(names_after(text, tokens, at + 1));
        } else if is(&KINDS) && at < 6 && !follows_reading(text, tokens, at) {
            found.writes.extend(names_after(text, tokens, at + 1).into_iter().take(1));
        }
    }
    found
}

/// `CREATE STREAM … ON TABLE t`: that table is read.
fn follows_reading(text: &str, tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    before.is_some_and(|before| READING.iter().any(|word| before.is_word(text, word)))
}

/// `a.b, c` after a word: the names of a list, as long as it goes on.
fn names_after(text: &str, tokens: &[Token], at: usize) -> Vec<Vec<String>> {
    let mut names = Vec::new();
    let mut at = at;
    loop {
        while tokens.get(at).is_some_and(|token| {
            token.is_symbol(text, "(") || SKIPPED.iter().any(|word| token.is_word(text, word))
        }) {
            at += 1;
        }
        let Some((name, after)) = name_at(text, tokens, at) else { return names };
        names.push(name);
        at = after;
        // An alias may stand before the comma.
        let next_comma =
            (at..at + 3).find(|at| tokens.get(*at).is_some_and(|token| token.is_symbol(text, ",")));
        match next_comma {
            Some(comma) => at = comma + 1,
            None => return names,
        }
    }
}

fn name_at(text: &str, tokens: &[Token], at: usize) -> Option<(Vec<String>, usize)> {
    let mut parts = Vec::new();
    let mut at = at;
    loop {
        let token = tokens.get(at)?;
        match token.kind {
            Lexeme::Word => parts.push(token.text(text).to_ascii_uppercase()),
            Lexeme::Quoted => parts.push(decode_quoted(token.text(text))),
            // `TABLE('a.b')`, `IDENTIFIER('a.b')`.
            Lexeme::Text if parts.is_empty() => {
                let inner = decode_string(token.text(text));
                let inner_tokens = significant(&inner).ok()?;
                let is_name = inner_tokens
                    .first()
                    .is_some_and(|token| matches!(token.kind, Lexeme::Word | Lexeme::Quoted));
                return is_name
                    .then(|| name_at(&inner, &inner_tokens, 0))
                    .flatten()
                    .map(|(name, _)| (name, at + 1));
            }
            Lexeme::Text
            | Lexeme::Dollar
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable
            | Lexeme::Symbol
            | Lexeme::Space
            | Lexeme::Comment => return None,
        }
        at += 1;
        if tokens.get(at).is_some_and(|token| token.is_symbol(text, ".")) && parts.len() < 3 {
            at += 1;
        } else {
            return Some((parts, at));
        }
    }
}
