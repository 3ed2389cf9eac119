//! The words of the command line. They are stable: people script them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::Timestamp;

/// The access gateway between AI agents and Snowflake.
///
/// Without a command it serves: the gateway on 127.0.0.1:8181 over an embedded warehouse, no account needed.
#[derive(Debug, Parser)]
#[command(name = "snowgate", version, max_term_width = 110, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What `serve` takes, when no command is named.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway
    Serve(ServeArgs),
    /// Print a token of the development issuer
    Token(TokenArgs),
    /// Ask one statement, print the masked answer (exit 0 answered, 3 refused, 4 waiting, 1 broken)
    Ask(AskArgs),
    /// List recorded exchanges, oldest first
    Search(SearchArgs),
    /// Tell a recorded session again: prompt, SQL, decision, rows as the agent saw them
    Replay(ReplayArgs),
    /// Check recordings (exit 0 good, 1 altered, 2 incomplete)
    Verify(VerifyArgs),
    /// Refuse an agent, a person or a session from now on; effective within 5 seconds
    Revoke(RevokeArgs),
    /// Tell what statements are and touch (JSON lines in, JSON lines out)
    #[command(after_long_help = READ_LINES)]
    Read(ReadArgs),
    /// Tell what a policy bundle says of statements (JSON lines in, JSON lines out)
    #[command(after_long_help = DECIDE_LINES)]
    Decide(DecideArgs),
    /// Work with policy bundles
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Work with the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// `snowgate serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:8181]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Folder for keys, recordings and state [default: ./.snowgate]
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Folder with the policy bundle [default: the built-in bundle]
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// TPC-H scale factor of the embedded warehouse [default: 0.01]
    #[arg(long, value_name = "F")]
    pub scale: Option<f64>,
    /// Configuration file [default: ./snowgate.toml when there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where the home is.
#[derive(Debug, Clone, Args)]
pub struct HomeArgs {
    /// Folder for keys, recordings and state
    #[arg(long, value_name = "DIR", default_value = "./.snowgate")]
    pub home: PathBuf,
}

/// `snowgate token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(flatten)]
    pub home: HomeArgs,
    /// Name of the agent
    #[arg(long, value_name = "NAME", default_value = "demo-agent")]
    pub agent: String,
    /// The person on whose behalf it asks
    #[arg(long = "for", value_name = "EMAIL")]
    pub person: Option<String>,
    /// Groups, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "agents")]
    pub groups: Vec<String>,
    /// Scopes, separated by commas or spaces
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "sql")]
    pub scopes: Vec<String>,
    /// Seconds until it expires
    #[arg(long, value_name = "S", default_value_t = 3600)]
    pub ttl: u64,
}

/// `snowgate ask`.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8181")]
    pub url: String,
    #[command(flatten)]
    pub home: HomeArgs,
    /// What the person asked for, in their words
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// The statement
    pub sql: String,
}

/// What policy said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecisionWord {
    /// It ran unattended.
    Allow,
    /// It had to wait for a person.
    Hold,
    /// No.
    Refuse,
}

impl DecisionWord {
    /// The word in recordings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

/// `snowgate search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    #[command(flatten)]
    pub home: HomeArgs,
    /// On whose behalf
    #[arg(long, value_name = "EMAIL")]
    pub person: Option<String>,
    /// By which agent
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Touching this table or view (`customer`, `tpch_sf1.customer`, or the full name)
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Not opened before this moment or day (2026-11-23 or 2026-11-23T15:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = parse_from)]
    pub from: Option<Timestamp>,
    /// Opened before this moment, or on this day or before
    #[arg(long, value_name = "TIME", value_parser = parse_to)]
    pub to: Option<Timestamp>,
    /// What policy said
    #[arg(long, value_enum)]
    pub decision: Option<DecisionWord>,
    /// Words in prompt or statement
    #[arg(long, value_name = "WORDS")]
    pub text: Option<String>,
    /// List what was rejected before anybody was identified instead: minute, door, reason, count
    #[arg(long, conflicts_with_all = ["person", "agent", "table", "decision", "text"])]
    pub rejected: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `snowgate replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The session, or one exchange of it (SESSION/N)
    pub session: String,
    #[command(flatten)]
    pub home: HomeArgs,
    /// This exchange alone
    #[arg(long, value_name = "N")]
    pub exchange: Option<u32>,
    /// How many times as fast as it happened; without it, all at once
    #[arg(long, value_name = "X")]
    pub speed: Option<f64>,
    /// Print one JSON event a line
    #[arg(long)]
    pub json: bool,
}

/// `snowgate verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The home, as `serve --home` takes it
    pub dir: PathBuf,
    /// Print one JSON object a line: faults, then the summary
    #[arg(long)]
    pub json: bool,
}

/// What can be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RevokeKind {
    /// An agent, by its name.
    Agent,
    /// A person, by their name as tokens carry it.
    Person,
    /// A session, by its id.
    Session,
}

/// `snowgate revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// What to revoke
    #[arg(value_enum)]
    pub kind: RevokeKind,
    /// Its name
    pub id: String,
    #[command(flatten)]
    pub home: HomeArgs,
}

/// The lines of `snowgate read`.
const READ_LINES: &str = r#"Each line of standard input is answered by one line, in order and at once:

  {"id": 1, "sql": "select ssn as v from customers"}

  {"id": 1, "statements": [{
    "class": "read", "kind": "select",
    "reads": ["ACME.PUBLIC.CUSTOMERS"], "writes": [],
    "columns": [{"name": "V", "shows": ["ACME.PUBLIC.CUSTOMERS.SSN"], "known": true}],
    "tests": [], "opaque": false, "why": null}]}

There is one entry a step: a batch has its statements, a pipeline (->>) its steps. Columns are null when they cannot be told.

A line that is no such object is answered by {"id", "line", "error"}, and at the end the exit code is 1. Other members of a line are passed over."#;

/// The lines of `snowgate decide`.
const DECIDE_LINES: &str = r#"Each line of standard input is answered by one line, in order and at once:

  {"id": 1, "prior": ["set t = 'CUSTOMERS'"], "sql": "select id, ssn from identifier($t)"}

  {"id": 1, "verdict": "mask", "masked_columns": [1], "mask_column_names": false,
   "column_count": 2, "rules": ["agents-read", …], "why": null}

Prior statements ran before in the same session. The verdict is allow, mask, deny or approval; columns are counted from 0, and "*" are all.

It is asked as agent snowgate-decide of group agents, with role ANALYST, warehouse ACME_WH, database ACME and schema PUBLIC, which the bundle must grant.

A line that is no such object is denied, with "line" and "error", and at the end the exit code is 1."#;

/// `snowgate read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// CREATE TABLE and CREATE VIEW statements; unqualified names are of ACME.PUBLIC. Without it nothing is known of
    /// any table, and names are told as they are written
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
}

/// `snowgate decide`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// CREATE TABLE and CREATE VIEW statements; unqualified names are of ACME.PUBLIC
    #[arg(long, value_name = "FILE")]
    pub schema: PathBuf,
    /// Folder with the policy bundle
    #[arg(long, value_name = "DIR")]
    pub policies: PathBuf,
}

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
}

/// `snowgate config …`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with the configuration, and what it comes to
    Check {
        /// Configuration file [default: ./snowgate.toml when there is one]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

fn parse_from(text: &str) -> Result<Timestamp, String> {
    parse_time(text, "T00:00:00Z", 0)
}

/// A day means its end.
fn parse_to(text: &str) -> Result<Timestamp, String> {
    parse_time(text, "T00:00:00Z", 24 * 60 * 60 * 1_000_000)
}

fn parse_time(text: &str, completion: &str, day_shift: i64) -> Result<Timestamp, String> {
    let wrong = |_| "write a day (2026-11-23) or a moment (2026-11-23T15:00:00Z)".to_owned();
    if text.len() == 10 {
        let day: Timestamp = format!("{text}{completion}").parse().map_err(wrong)?;
        return Ok(Timestamp::from_micros(day.as_micros().saturating_add(day_shift)));
    }
    text.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_words_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_is_serve() {
        let cli = Cli::try_parse_from(["snowgate", "--listen", "127.0.0.1:9"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen.as_deref(), Some("127.0.0.1:9"));
    }

    #[test]
    fn a_day_given_as_the_end_is_included() {
        assert_eq!(parse_to("2026-11-23"), parse_from("2026-11-24"));
        assert!(parse_from("yesterday").is_err());
    }
}
