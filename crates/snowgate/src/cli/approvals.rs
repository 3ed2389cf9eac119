//! The words of reviewing.

use clap::Args;

use super::HomeArgs;

/// `snowgate approvals`.
#[derive(Debug, Args)]
pub struct ApprovalsArgs {
    /// Show this one whole, its exact text with it, before anybody approves it; the recording says who looked
    pub id: Option<String>,
    #[command(flatten)]
    pub home: HomeArgs,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Who looks, with an id; over the embedded warehouse nobody checks that, and the recording says so
    #[arg(long = "as", value_name = "EMAIL", default_value = REVIEWER)]
    pub reviewer: String,
}

/// Who reviews where nobody says.
const REVIEWER: &str = "reviewer@example.com";

/// `snowgate approve` and `snowgate deny`.
#[derive(Debug, Args)]
pub struct VerdictArgs {
    /// The approval, as `snowgate approvals` lists it
    pub id: String,
    #[command(flatten)]
    pub home: HomeArgs,
    /// Who decides; over the embedded warehouse nobody checks that, and the recording says so
    #[arg(long = "as", value_name = "EMAIL", default_value = REVIEWER)]
    pub reviewer: String,
    /// Why, for the recording and for the agent
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}
