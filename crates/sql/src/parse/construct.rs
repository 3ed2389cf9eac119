//! Which construct keeps a text from being read: a sentence without user input.

use crate::lexer::{Lexeme, Token};

/// Words that begin a construct, and what is said of it.
const NAMED: [(&str, &str); 20] = [
    ("MATCH_RECOGNIZE", "a MATCH_RECOGNIZE that cannot be read"),
    ("SEMANTIC_VIEW", "a SEMANTIC_VIEW that cannot be read"),
    ("UNPIVOT", "an UNPIVOT that cannot be read"),
    ("PIVOT", "a PIVOT that cannot be read"),
    ("ASOF", "an ASOF JOIN that cannot be read"),
    ("MATCH_CONDITION", "an ASOF JOIN that cannot be read"),
    ("CHANGES", "a CHANGES that cannot be read"),
    ("TABLESAMPLE", "a SAMPLE that cannot be read"),
    ("SAMPLE", "a SAMPLE that cannot be read"),
    ("CONNECT", "a CONNECT BY that cannot be read"),
    ("QUALIFY", "a query with QUALIFY that cannot be read"),
    ("LATERAL", "a LATERAL that cannot be read"),
    ("FLATTEN", "a FLATTEN that cannot be read"),
    ("RESAMPLE", "a RESAMPLE that cannot be read"),
    ("BEFORE", "a point in time that cannot be read"),
    ("WINDOW", "a WINDOW that cannot be read"),
    ("RENAME", "a `*` with options that cannot be read"),
    ("EXCLUDE", "a `*` with options that cannot be read"),
    ("MODEL", "a model that cannot be read"),
    ("INTO", "an INTO that cannot be read"),
];

/// What to say of pieces that the parser did not take.
pub(super) fn unread(text: &str, tokens: &[Token]) -> &'static str {
    let mut symbol = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Lexeme::Word => {
                let written = token.text(text);
                let named = NAMED.iter().find(|(word, _)| written.eq_ignore_ascii_case(word));
                if let Some((_, sentence)) = named.filter(|_| at > 0) {
                    return sentence;
                }
            }
            Lexeme::Symbol => {
                let says = match token.text(text) {
                    "!" => Some("a method of a model that cannot be read"),
                    "{" => Some("an object literal that cannot be read"),
                    "->" => Some("a lambda that cannot be read"),
                    "@" => Some("a stage that cannot be read"),
                    _ => None,
                };
                symbol = symbol.or(says);
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
    }
    symbol.unwrap_or("a construct that the parser cannot read")
}
