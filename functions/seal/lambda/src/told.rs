//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::path::PathBuf;

use lambda::TopicArn;
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
    /// The topic that is told of every record.
    pub kept_topic: TopicArn,
}
