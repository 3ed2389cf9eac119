//! The words of the command line. They are stable: people script them.

mod agent;
mod approvals;
mod policy;
mod scan;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::Timestamp;

pub use agent::{AgentArgs, AgentCommand, Client, ConnectArgs, GetTokenArgs, Part};
pub use approvals::{ApprovalsArgs, ApproveArgs, StandingArgs, VerdictArgs};
pub use policy::{DiffArgs, PolicyCommand};
pub use scan::{ScanArgs, Target};

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
    ///
    /// A token in SNOWGATE_TOKEN comes before the development issuer's.
    Ask(AskArgs),
    /// List recorded exchanges, oldest first
    Search(SearchArgs),
    /// Tell a recorded session again: prompt, SQL, decision, rows as the agent saw them
    Replay(ReplayArgs),
    /// Check recordings (exit 0 good, 1 altered, 2 incomplete)
    Verify(VerifyArgs),
    /// Refuse an agent, a person or a session from now on; effective within 5 seconds. List and undo that
    Revoke(RevokeArgs),
    /// List what waits for a person, or show one of it whole
    Approvals(ApprovalsArgs),
    /// Let a statement that waits run, once; or later ones like it, too
    Approve(ApproveArgs),
    /// Keep a statement that waits from running
    Deny(VerdictArgs),
    /// Print what connects a client: MCP entry, hooks, managed settings, evidence channels. Get a token for one
    Agent(AgentArgs),
    /// Tell what statements are and touch (JSON lines in, JSON lines out)
    #[command(after_long_help = READ_LINES)]
    Read(ReadArgs),
    /// Tell what a policy bundle says of statements (JSON lines in, JSON lines out)
    #[command(after_long_help = DECIDE_LINES)]
    Decide(DecideArgs),
    /// Mask cells by what they hold (JSON lines in, JSON lines out)
    #[command(after_long_help = MASK_LINES)]
    Mask(MaskArgs),
    /// Sample tables through the gateway and propose catalog.toml entries, never values (exit 2: some tables failed)
    #[command(after_long_help = scan::SCAN_WORKS)]
    Scan(ScanArgs),
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

/// Where the home is: the same as `serve` finds.
#[derive(Debug, Clone, Default, Args)]
pub struct HomeArgs {
    /// Folder for keys, recordings and state [default: what the configuration says, else ./.snowgate]
    #[arg(long, value_name = "DIR", global = true)]
    pub home: Option<PathBuf>,
    /// Configuration file that says where the home is [default: ./snowgate.toml when there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
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
    #[command(flatten)]
    pub names: NamesArgs,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// The statement
    pub sql: String,
}

/// The names that a statement runs under.
#[derive(Debug, Default, Args)]
pub struct NamesArgs {
    /// The role that it runs under, instead of the gateway's default
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
    /// The warehouse
    #[arg(long, value_name = "NAME")]
    pub warehouse: Option<String>,
    /// The database
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// The schema
    #[arg(long, value_name = "NAME")]
    pub schema: Option<String>,
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
    /// Words in prompt or statement, also in a prompt that came late
    #[arg(long, value_name = "WORDS")]
    pub text: Option<String>,
    /// With a finding of that word (`statement_mismatch`), also when it came late; without a word, with any
    #[arg(long, value_name = "WORD", num_args = 0..=1, default_missing_value = "")]
    pub finding: Option<String>,
    /// List what was rejected before anybody was identified instead: minute, door, reason, count
    #[arg(long, conflicts_with_all = ["person", "agent", "table", "decision", "text", "finding"])]
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

/// `snowgate revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RevokeCommand,
    #[command(flatten)]
    pub home: HomeArgs,
}

/// `snowgate revoke …`.
#[derive(Debug, Subcommand)]
pub enum RevokeCommand {
    /// Refuse an agent
    Agent {
        /// Its name
        id: String,
    },
    /// Refuse a person
    Person {
        /// Their name as tokens carry it, or the subject of their tokens
        id: String,
    },
    /// Refuse a session
    Session {
        /// Its id
        id: String,
    },
    /// List what is revoked
    List {
        /// List everything that was revoked and undone instead, oldest first
        #[arg(long)]
        history: bool,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Take a revocation back; that it was stays in `list --history`
    Undo {
        /// What was revoked
        #[arg(value_enum)]
        kind: RevokeKind,
        /// Its name
        id: String,
    },
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

It is asked as agent snowgate-decide of group agents, with role ANALYST, warehouse ACME_WH, database ACME and schema PUBLIC, which the bundle must grant, or with those that the options name.

A line that is no such object is denied, with "line" and "error", and at the end the exit code is 1."#;

/// Where names without a database or schema belong.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Database of unqualified names, and the one that is asked under
    #[arg(long, value_name = "NAME", default_value = "ACME", requires = "schema", value_parser = parse_identifier)]
    pub database: String,
    /// Schema of unqualified names, and the one that is asked under
    #[arg(long, value_name = "NAME", default_value = "PUBLIC", requires = "schema", value_parser = parse_identifier)]
    pub schema_name: String,
}

/// The lines of `snowgate mask`.
const MASK_LINES: &str = r#"Each line of standard input is answered by one line, in order:

  {"id": 1, "column_name": "NOTE", "sql_type": "VARCHAR", "value": "write to ana@example.com"}

  {"id": 1, "masked": "write to [EMAIL]"}

Every cell is treated as one of a column that nobody has classified: the detectors go over it, and its name counts. A replacement that does not fit the type becomes null, and so does a value of a type that is not known. A line has `tokens`, a list, where tokens were put in; nothing here is known to be a stored column's, so that none is.

A line that is no such object is answered by {"id", "line", "error"}, and at the end the exit code is 1. Other members of a line are passed over."#;

/// `snowgate mask`.
#[derive(Debug, Args)]
pub struct MaskArgs {
    /// Folder with the policy bundle whose detectors are used [default: the built-in detectors]
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Print cells and megabytes a second of processor time to standard error; what came is masked again, and again,
    /// until the figure rests on enough time
    #[arg(long)]
    pub stats: bool,
}

/// `snowgate read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// CREATE TABLE and CREATE VIEW statements. Without it nothing is known of any table, and names are told as they
    /// are written
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `snowgate decide`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// CREATE TABLE and CREATE VIEW statements
    #[arg(long, value_name = "FILE")]
    pub schema: PathBuf,
    /// Folder with the policy bundle
    #[arg(long, value_name = "DIR")]
    pub policies: PathBuf,
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Snowflake role that is asked under
    #[arg(long, value_name = "NAME", default_value = "ANALYST", value_parser = parse_identifier)]
    pub role: String,
    /// Warehouse that is asked under
    #[arg(long, value_name = "NAME", default_value = "ACME_WH", value_parser = parse_identifier)]
    pub warehouse: String,
    /// Groups of the agent that asks, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "agents")]
    pub groups: Vec<String>,
}

/// `snowgate config …`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with the configuration, and what it comes to
    Check {
        /// Configuration file [default: ./snowgate.toml when there is one; for aws ./samconfig.toml]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Say instead what would not work of a deployment: aws reads what `sam deploy --guided` has kept
        #[arg(long = "for", value_name = "WHERE")]
        target: Option<Deployment>,
        /// Ask the issuers, too, whether they answer as they must
        #[arg(long, requires = "target")]
        reach: bool,
        /// Section of samconfig.toml
        #[arg(long, value_name = "NAME", default_value = "default", requires = "target")]
        environment: String,
    },
}

/// Where it is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deployment {
    /// AWS, by template.yaml.
    Aws,
}

fn parse_from(text: &str) -> Result<Timestamp, String> {
    parse_time(text, "T00:00:00Z", 0)
}

/// A day means its end.
fn parse_to(text: &str) -> Result<Timestamp, String> {
    parse_time(text, "T00:00:00Z", 24 * 60 * 60 * 1_000_000)
}

/// A name as Snowflake takes identifiers: without quotes in upper case.
fn parse_identifier(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        let name = quoted.replace("\"\"", "\"");
        let is_whole = name.matches('"').count() * 2 == quoted.matches('"').count();
        if is_whole && !name.is_empty() {
            return Ok(name);
        }
    } else if text.starts_with(starts) && text.chars().all(is_plain) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("write one name, as in SQL: letters, digits and `_`, or anything in double quotes".to_owned())
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
    fn a_name_is_read_as_snowflake_reads_identifiers() {
        for (text, expected) in
            [("demo_wh", Some("DEMO_WH")), ("\"a b\"", Some("a b")), ("\"a\"\"b\"", Some("a\"b"))]
        {
            assert_eq!(parse_identifier(text).ok().as_deref(), expected, "{text}");
        }
        for text in ["", "a.b", "a b", "1a", "\"", "\"\"", "\"a\"b\"", "\"a"] {
            assert!(parse_identifier(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_way_to_revoke_names_its_home_anywhere() {
        for words in [
            &["agent", "a", "--home", "h"][..],
            &["--home", "h", "agent", "a"],
            &["session", "--home", "h", "a"],
            &["list", "--json", "--home", "h"],
            &["undo", "person", "a", "--home", "h"],
        ] {
            let cli = Cli::try_parse_from([&["snowgate", "revoke"], words].concat()).unwrap();
            let Some(Command::Revoke(args)) = cli.command else { panic!("{words:?}") };
            assert_eq!(args.home.home.as_deref(), Some(std::path::Path::new("h")), "{words:?}");
        }
    }

    #[test]
    fn a_day_given_as_the_end_is_included() {
        assert_eq!(parse_to("2026-11-23"), parse_from("2026-11-24"));
        assert!(parse_from("yesterday").is_err());
    }
}
