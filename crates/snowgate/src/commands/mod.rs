//! One file a command.

mod access;
pub mod agent;
mod agent_token;
pub mod approvals;
pub mod archive;
pub mod ask;
pub mod caller;
pub mod cells;
pub mod config;
pub mod decide;
mod foreign;
pub mod lines;
pub mod mask;
pub mod on_aws;
pub mod policy;
pub mod read;
pub mod replay;
pub mod revoke;
pub mod scan;
pub mod schema;
pub mod search;
mod sign_in;
mod standing;
pub mod table;
pub mod token;
pub mod verdict;
pub mod verify;

use std::fmt;

pub use foreign::{
    named, one_line, whoever, write_foreign, write_head, write_line, write_statement, write_statement_head,
    write_tree_line,
};

/// Why a command could not do its work: what is wrong, and what to do.
#[derive(Debug)]
pub struct Broken {
    message: String,
    code: u8,
}

impl Broken {
    /// Something broke.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The command was called wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: crate::USAGE }
    }

    /// What should be looked at cannot be read, and nothing is said of it.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: crate::UNREADABLE }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Broken {
    /// The whole chain, once.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(message)
    }
}

/// The text without anything that steers a terminal or reorders what is read: control characters but line feeds
/// and tabs, and bidirectional marks (Unicode TR 36 section 2.8).
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// Whether a character steers a terminal, breaks a line, or reorders or hides what is read.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// So many of something: `1 row`, `2 rows`.
pub fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// The page object inside a closing.
pub fn inline(text: &str) -> Result<Vec<u8>, Broken> {
    use base64::Engine;
    Ok(base64::engine::general_purpose::STANDARD.decode(text)?)
}
