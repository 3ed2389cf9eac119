//! How reviewers of a local gateway are told: on its own terminal, or by mail.

mod mail;
mod terminal;
mod words;

pub use mail::{Mail, MailError, MailSettings, MailTls};
pub use terminal::Terminal;
