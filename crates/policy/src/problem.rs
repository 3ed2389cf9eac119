//! What is wrong with a bundle, and where.

use thiserror::Error;

/// One thing that is wrong with a policy bundle: where it stands, what it is, what to do.
///
/// Printed like a compiler would: `catalog.toml:12:3: class `emial` is not declared; …`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct Problem {
    /// The file's path within the bundle.
    pub file: String,
    /// The line, counting from 1.
    pub line: usize,
    /// The character in the line, counting from 1.
    pub column: usize,
    /// What is wrong and what to do: a sentence without a period.
    pub message: String,
}

/// One file of a bundle, able to say where an offset lies.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// The problem at this byte offset of the file.
    pub(crate) fn problem(&self, offset: usize, message: impl Into<String>) -> Problem {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Problem { file: self.file.to_owned(), line, column, message: message.into() }
    }
}
