//! How reviewers of a local gateway are told: on its own terminal, or by mail.

mod mail;
mod mailbox;
#[cfg(test)]
mod sample;
mod terminal;

pub use mail::{Mail, MailError, MailSettings, MailTls};
pub use terminal::Terminal;
