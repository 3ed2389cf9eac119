//! From our pieces to the parser's tree. The parser never sees the text: it is fed our own tokens, with
//! indirect names (`IDENTIFIER('…')`, `TABLE('…')`, `IDENTIFIER($v)`) already put in place.
//!
//! What the parser cannot read is fed once more, with constructs that it does not know written as ones that it
//! does and that mean the same for whoever asks what is shown, tested and touched.

mod construct;
mod feed;
mod limits;
mod patterns;
mod rewritten;

use sqlparser::ast::Statement;
use sqlparser::dialect::SnowflakeDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token as Parsed, TokenWithSpan};

use self::feed::{Feed, Help};
use crate::Scope;
use crate::lexer::{Token, Trouble};

/// The name under which the tree knows the result of an earlier step; no text can write it.
pub(crate) fn step_name(variable: &str) -> String {
    format!("\0{variable}")
}

/// The function that stands for a subquery in FROM, where the parser cannot read what follows one; no text can
/// write it.
pub(crate) const DERIVED: &str = "\0derived";
/// The symbol of a pattern that stands for RESAMPLE; no text can write it.
pub(crate) const RESAMPLED: &str = "\0resampled";
/// Likewise for `SEMANTIC_VIEW(…)`.
pub(crate) const SEMANTIC_VIEW: &str = "\0semantic view";

/// The tree of exactly one statement.
pub(crate) fn parse(text: &str, tokens: &[Token], scope: &Scope<'_>) -> Result<Statement, Trouble> {
    limits::check(text, tokens)?;
    let plain = Feed::new(text, tokens, scope, Help::None).run()?;
    if let Ok(statement) = statement(plain) {
        return Ok(statement);
    }
    let helped = Feed::new(text, tokens, scope, Help::Full).run()?;
    statement(helped).map_err(|_| Trouble(construct::unread(text, tokens)))
}

/// Why the parser has no statement.
struct Unread;

fn statement(tokens: Vec<TokenWithSpan>) -> Result<Statement, Unread> {
    let mut parser = Parser::new(&SnowflakeDialect).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().map_err(|_| Unread)?;
    if parser.next_token().token == Parsed::EOF { Ok(statement) } else { Err(Unread) }
}
