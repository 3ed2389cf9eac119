//! The words of the command line. They are stable: people script them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::Digest;

/// What an operator of Snowgate does on AWS
///
/// The region and the credentials are those of the environment (AWS_REGION, AWS_ACCESS_KEY_ID, …).
#[derive(Debug, Parser)]
#[command(name = "snowgate-aws", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put policy bundles in force
    #[command(subcommand)]
    Policy(PolicyCommand),
}

/// `snowgate-aws policy …`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Propose a bundle, which a second person puts in force (exit 4 waiting, 0 in force, 3 refused, 1 broken)
    Push(PushArgs),
    /// Agree to what another person has proposed, which puts it in force; without --why only show it
    Confirm(ConfirmArgs),
    /// Propose a bundle that was in force before
    Rollback(RollbackArgs),
    /// Take back what you have said of a bundle that is not in force
    Withdraw(WithdrawArgs),
    /// Show which files and decisions differ between two bundles
    Diff(DiffArgs),
    /// Tell what was proposed and put in force, by whom and why
    Log(LogArgs),
}

/// Which gateway.
#[derive(Debug, Args)]
pub struct StackArgs {
    /// The stack that template.yaml made
    #[arg(long, value_name = "NAME", default_value = "snowgate")]
    pub stack: String,
}

/// `snowgate-aws policy push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The folder with the bundle
    pub dir: PathBuf,
    #[command(flatten)]
    pub reason: ReasonArgs,
    #[command(flatten)]
    pub stack: StackArgs,
    #[command(flatten)]
    pub cases: CaseArgs,
}

/// Why, and by how many.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    /// Why; it is kept with your name, as STS tells it
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    pub why: String,
    /// Put it in force at once, by your word alone; only for a gateway that was deployed with Policies=pushed-by-one
    #[arg(long)]
    pub alone: bool,
}

/// `snowgate-aws policy confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// The digest of what was proposed
    pub digest: Digest,
    /// Why you agree; without it, the proposal is only shown
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    pub why: Option<String>,
    #[command(flatten)]
    pub stack: StackArgs,
    #[command(flatten)]
    pub cases: CaseArgs,
}

/// `snowgate-aws policy rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The digest of what was in force before [default: the one before what is in force]
    pub digest: Option<Digest>,
    #[command(flatten)]
    pub reason: ReasonArgs,
    #[command(flatten)]
    pub stack: StackArgs,
    #[command(flatten)]
    pub cases: CaseArgs,
}

/// `snowgate-aws policy withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The digest of what you have proposed or agreed to
    pub digest: Digest,
    #[command(flatten)]
    pub stack: StackArgs,
}

/// `snowgate-aws policy diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A folder, or the digest of what was pushed
    pub before: String,
    /// What would take its place, likewise [default: the one before would, and is compared with what is in force]
    pub after: Option<String>,
    #[command(flatten)]
    pub stack: StackArgs,
    #[command(flatten)]
    pub cases: CaseArgs,
}

/// `snowgate-aws policy log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// So many pushes, the latest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    #[command(flatten)]
    pub stack: StackArgs,
}

/// What both bundles decide, to show what differs.
#[derive(Debug, Args)]
pub struct CaseArgs {
    /// CREATE TABLE and CREATE VIEW statements [default: the tables that the bundles name]
    #[arg(long, value_name = "FILE", requires = "database")]
    pub schema: Option<PathBuf>,
    /// Statements to decide, with `;` between them [default: some of each kind over every table]
    #[arg(long, value_name = "FILE")]
    pub statements: Option<PathBuf>,
    /// Database of unqualified names, as Snowflake stores it, and the one that --statements are asked under
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// Schema of unqualified names, likewise
    #[arg(long, value_name = "NAME", requires = "database", default_value = "PUBLIC")]
    pub schema_name: String,
    /// Role that is asked under, as Snowflake stores it [default: each that the bundles name]
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
    /// Warehouse that is asked under, likewise [default: the first that the bundles name]
    #[arg(long, value_name = "NAME")]
    pub warehouse: Option<String>,
    /// Groups of the agent that asks, separated by commas [default: an agent of each that the bundles name]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub groups: Vec<String>,
}

/// Bytes of a reason at most.
const LONGEST_REASON: usize = 1000;

fn parse_reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.len() {
        0 => Err("say why; whoever reads the log in a year should understand it".to_owned()),
        length if length > LONGEST_REASON => Err(format!("is longer than {LONGEST_REASON} bytes")),
        _ => Ok(text.to_owned()),
    }
}
