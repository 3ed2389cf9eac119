//! `snowgate policy …`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse_identifier;

/// `snowgate policy …`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Say what is wrong with a bundle, and where
    Check {
        /// The folder with the bundle
        dir: PathBuf,
    },
    /// Write the built-in bundle into a folder, to start from
    Init {
        /// The folder, which must not hold a bundle yet
        dir: PathBuf,
    },
    /// Show which files and decisions differ between two bundles
    #[command(after_long_help = DIFF_WORKS)]
    Diff(Box<DiffArgs>),
    /// On AWS: propose a bundle, which a second person puts in force (snowgate-aws)
    #[command(disable_help_flag = true)]
    Push(OnAws),
    /// On AWS: agree to what another person has proposed, which puts it in force (snowgate-aws)
    #[command(disable_help_flag = true)]
    Confirm(OnAws),
    /// On AWS: propose a bundle that was in force before (snowgate-aws)
    #[command(disable_help_flag = true)]
    Rollback(OnAws),
    /// On AWS: take back what you have said of a bundle that is not in force (snowgate-aws)
    #[command(disable_help_flag = true)]
    Withdraw(OnAws),
    /// On AWS: tell what was proposed and put in force, by whom and why (snowgate-aws)
    #[command(disable_help_flag = true)]
    Log(OnAws),
}

/// What `snowgate-aws` takes.
#[derive(Debug, Args)]
pub struct OnAws {
    /// What `snowgate-aws policy … --help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    _arguments: Vec<OsString>,
}

const DIFF_WORKS: &str = "Each bundle decides cases: some statements of each kind over every table that either bundle names in catalog.toml, asked by an agent of each group, under each role, that either names. Give --schema for tables and views of yours, --statements for statements of yours. What lets something through that was not let through stands first (opens). No case proves that nothing else differs: it shows what does.

What is no folder is the digest of a bundle that was pushed on AWS, and one bundle alone is compared with what is in force there; snowgate-aws does both.

Exit code: 0, also where something differs.";

/// `snowgate policy diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The folder with a bundle
    #[arg(value_name = "BEFORE")]
    pub before: OsString,
    /// The folder with the one that would take its place
    #[arg(value_name = "AFTER")]
    pub after: Option<OsString>,
    /// CREATE TABLE and CREATE VIEW statements [default: the tables that the bundles name]
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Statements to decide, with `;` between them [default: some of each kind over every table]
    #[arg(long, value_name = "FILE")]
    pub statements: Option<PathBuf>,
    /// Database of unqualified names, and the one that --statements are asked under
    #[arg(long, value_name = "NAME", value_parser = parse_identifier)]
    pub database: Option<String>,
    /// Schema of unqualified names, likewise
    #[arg(long, value_name = "NAME", requires = "database", default_value = "PUBLIC", value_parser = parse_identifier)]
    pub schema_name: String,
    /// Role that is asked under [default: each that the bundles name]
    #[arg(long, value_name = "NAME", value_parser = parse_identifier)]
    pub role: Option<String>,
    /// Warehouse that is asked under [default: the first that the bundles name]
    #[arg(long, value_name = "NAME", value_parser = parse_identifier)]
    pub warehouse: Option<String>,
    /// Groups of the agent that asks, separated by commas [default: an agent of each that the bundles name]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub groups: Vec<String>,
    /// The stack, for what lies on AWS
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
}
