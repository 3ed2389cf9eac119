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
    /// List standing approvals instead: what they allow, how often they were used, and which are over
    #[arg(long, conflicts_with = "id")]
    pub standing: bool,
    /// List access instead that was granted for a while and has not ended
    #[arg(long, conflicts_with_all = ["id", "standing"])]
    pub access: bool,
    /// End a standing approval, or access that was granted: it allows nothing from now on
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "standing", "access"])]
    pub end: Option<String>,
    /// Why it ends, for the recording
    #[arg(long, value_name = "TEXT", requires = "end")]
    pub reason: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Who looks or ends one, over the embedded warehouse alone: nobody checks that, and the recording says so. Reviewers of a
    /// real account sign in [default: reviewer@example.com]
    #[arg(long = "as", value_name = "EMAIL")]
    pub reviewer: Option<String>,
}

/// `snowgate approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    #[command(flatten)]
    pub verdict: VerdictArgs,
    #[command(flatten)]
    pub standing: StandingArgs,
}

/// What is to stand for later ones.
#[derive(Debug, Args)]
pub struct StandingArgs {
    /// Let so many later runs of the same text go without asking; each is decided anew and recorded
    #[arg(long, value_name = "N", requires = "until", requires = "rows")]
    pub runs: Option<std::num::NonZeroU32>,
    /// … until then, at most 90 days from now (2026-12-01 or RFC 3339)
    #[arg(long, value_name = "TIME", requires = "runs")]
    pub until: Option<String>,
    /// … with so many rows in each result at most; how many rows a run changes is bounded by its text alone
    #[arg(long, value_name = "N", requires = "runs")]
    pub rows: Option<std::num::NonZeroU64>,
    /// … where this literal or bound value may vary: PLACE=1..100, PLACE=2026-01-01..2026-12-31 or PLACE=a,b,c, with the place
    /// as `snowgate approvals ID` numbers it (1, or :1 for a bound value)
    #[arg(long, value_name = "PLACE=VALUES", requires = "runs")]
    pub vary: Vec<String>,
}

/// `snowgate approve` and `snowgate deny`.
#[derive(Debug, Args)]
pub struct VerdictArgs {
    /// The approval, as `snowgate approvals` lists it
    pub id: String,
    #[command(flatten)]
    pub home: HomeArgs,
    /// Who decides, over the embedded warehouse alone: nobody checks that, and the recording says so. Reviewers of a real account
    /// sign in [default: reviewer@example.com]
    #[arg(long = "as", value_name = "EMAIL")]
    pub reviewer: Option<String>,
    /// Why, for the recording and for the agent
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}
