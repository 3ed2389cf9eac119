//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The function's keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    pub aws: lambda::Places,
    /// The policy bundle.
    #[expect(dead_code, reason = "every function is told, and here nothing is decided")]
    pub policies: Option<PathBuf>,
    /// For how many days rows are kept.
    pub index_days: Days,
    /// The namespace of what it measures.
    pub metrics: Namespace,
}

/// Days, one at least.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Days(NonZeroU16);

impl From<Days> for Duration {
    fn from(days: Days) -> Self {
        Self::from_secs(u64::from(days.0.get()).saturating_mul(24 * 60 * 60))
    }
}

/// A namespace of CloudWatch.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Namespace(String);

impl Namespace {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Namespace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_of_it = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
        let is_good = (1..=255).contains(&text.len()) && text.bytes().all(is_of_it);
        if is_good {
            Ok(Self(text))
        } else {
            Err("expected a namespace of metrics: letters, digits, `/`, `-`, `_` and `.`")
        }
    }
}
