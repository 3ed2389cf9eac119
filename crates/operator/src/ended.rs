//! Why a command did not come to its end.

use std::fmt;

use aws::PushError;
use legible::{Look, told};

/// What is wrong, and what to do.
#[derive(Debug)]
pub struct Ended {
    message: String,
    code: u8,
}

impl Ended {
    /// Something broke.
    pub fn broken(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// It is not done, and not because anything broke.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 3 }
    }

    /// The command was called wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: crate::USAGE }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// A push that was not done. Whether a fault came before or after the pointer moved, its log tells.
    pub fn of_push(error: PushError, stack: &str) -> Self {
        match error {
            PushError::Invalid(_) => Self::from(error),
            PushError::InForce | PushError::NotProposed | PushError::Overtaken => {
                Self::refused(format!("{error}; next: snowgate-aws policy log --stack {stack}"))
            }
            // SECURITY: whoever proposed it wrote their name themselves.
            PushError::SamePerson { by } => Self::refused(format!(
                "{} has proposed it, and a second person confirms; next: have somebody else run the same command (Policies=pushed-by-one is for accounts that one person operates)",
                told(&by, Look::Name)
            )),
            PushError::Fault(fault) => {
                let fault = Self::from(fault);
                Self::broken(format!(
                    "{fault}; nobody knows how far it came; next: snowgate-aws policy log --stack {stack}, then the same command again"
                ))
            }
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Ended {
    /// The whole chain, once.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::broken(message)
    }
}
