//! Cuts a text of definitions into pieces, and goes on behind a statement that cannot be cut.
//!
//! What an agent asks is opaque as a whole when any of it cannot be cut. A file of definitions is its owner's: one
//! odd statement in it must not take all the others away, and whoever wrote it is told which it is.

use super::BrokenDefinition;
use crate::lexer::{Lexeme, Lexer, Token};
use crate::split::statements;

/// A text, cut.
pub(super) struct Pieces {
    /// The pieces between broken statements.
    pub tokens: Vec<Vec<Token>>,
    pub broken: Vec<BrokenDefinition>,
}

/// Cuts the text. Each try begins behind a broken statement, so that it costs as many tries as there are of those.
pub(super) fn cut(text: &str) -> Pieces {
    let mut pieces = Pieces { tokens: Vec::new(), broken: Vec::new() };
    let mut start = 0;
    while start < text.len() {
        let mut lexer = Lexer::from(text, start);
        let mut tokens = Vec::new();
        let mut trouble = None;
        for token in lexer.by_ref() {
            match token {
                Ok(token) if matches!(token.kind, Lexeme::Space | Lexeme::Comment) => {}
                Ok(token) => tokens.push(token),
                Err(found) => {
                    trouble = Some(found);
                    break;
                }
            }
        }
        let Some(trouble) = trouble else {
            pieces.tokens.push(tokens);
            break;
        };
        let fault = fault(text, &tokens, lexer.position());
        tokens.retain(|token| token.end <= fault);
        let broken = unended(text, &mut tokens).unwrap_or(fault);
        pieces.tokens.push(tokens);
        pieces.broken.push(BrokenDefinition { line: line(text, broken), why: trouble.0 });
        // What was opened at the fault may be open to the end: there only a `;` that ends a line is one.
        let is_open = matches!(text.as_bytes().get(fault), Some(b'\'' | b'"' | b'$' | b'/'));
        start = next_statement(text, fault, is_open);
    }
    pieces
}

/// Where a quote was forgotten: a text or a name that runs over the end of a statement is one that began where
/// another should have ended; else where the trouble is.
fn fault(text: &str, tokens: &[Token], trouble: usize) -> usize {
    let is_open = matches!(text.as_bytes().get(trouble), Some(b'\'' | b'"'));
    let runs_over = |token: &&Token| {
        matches!(token.kind, Lexeme::Text | Lexeme::Quoted) && line_ends(token.text(text)).next().is_some()
    };
    tokens.iter().find(runs_over).filter(|_| is_open).map_or(trouble, |token| token.start)
}

/// Takes away the pieces of a statement that is not ended, and answers where it begins.
fn unended(text: &str, tokens: &mut Vec<Token>) -> Option<usize> {
    let last = statements(text, tokens).pop()?;
    let (first, end) = (last.first()?.start, last.last()?.end);
    if tokens.last().is_some_and(|token| token.end != end) {
        return None;
    }
    tokens.retain(|token| token.start < first);
    Some(first)
}

/// Where the statement behind the one with the fault begins.
fn next_statement(text: &str, fault: usize, is_open: bool) -> usize {
    let rest = text.get(fault..).unwrap_or("");
    let end = if is_open { line_ends(rest).next() } else { rest.find(';') };
    end.map_or(text.len(), |end| fault + end + 1)
}

/// The `;` behind which a line ends.
fn line_ends(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices(';').map(|(at, _)| at).filter(move |at| {
        let behind = text.get(at + 1..).unwrap_or("");
        behind.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
    })
}

fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
