//! The words of `snowgate agent`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `snowgate agent`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct AgentArgs {
    /// Something else than what connects a client
    #[command(subcommand)]
    pub command: Option<AgentCommand>,
    #[command(flatten)]
    pub connect: Option<ConnectArgs>,
}

/// What else there is to do for an agent.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Get an access token of an issuer, without a browser; prints it, and nothing else, on standard output
    #[command(after_long_help = TOKEN_WORKS)]
    Token(GetTokenArgs),
}

const TOKEN_WORKS: &str = "The client's secret is read from the variable SNOWGATE_CLIENT_SECRET, a file or standard input, never \
from the command line, where every process would see it. What a person has to do (--device) is told on standard error.

As a headers helper of Claude Code (`headersHelper` of the MCP server):
  snowgate agent token --issuer https://login.example.com --client-id claude --client-credentials --secret-file /run/secrets/claude --headers

Nothing is kept, unless --cache names a file: with mode 0600 it holds the token, and what renews it, until it is over.";

/// `snowgate agent token`.
#[derive(Debug, Clone, Args)]
#[command(group(clap::ArgGroup::new("way").required(true).args(["device", "client_credentials"])))]
pub struct GetTokenArgs {
    /// The issuer, exactly as its tokens name it
    #[arg(long, value_name = "URL")]
    pub issuer: String,
    /// The client that the issuer knows this program as
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// Have a person agree on another device (RFC 8628)
    #[arg(long)]
    pub device: bool,
    /// Ask as the client itself (RFC 6749 section 4.4)
    #[arg(long)]
    pub client_credentials: bool,
    /// Scopes, joined by blanks
    #[arg(long, value_name = "SCOPES")]
    pub scope: Option<String>,
    /// Where the token is to be presented (RFC 8707)
    #[arg(long, value_name = "URL")]
    pub resource: Option<String>,
    /// The same, for issuers that have another word for it
    #[arg(long, value_name = "NAME")]
    pub audience: Option<String>,
    /// File with the client's secret
    #[arg(long, value_name = "FILE", conflicts_with = "secret_stdin")]
    pub secret_file: Option<PathBuf>,
    /// Read the client's secret from standard input
    #[arg(long)]
    pub secret_stdin: bool,
    /// Print the headers of a request as one JSON object
    #[arg(long)]
    pub headers: bool,
    /// Keep the token in this file, mode 0600, and print it from there while it is good
    #[arg(long, value_name = "FILE")]
    pub cache: Option<PathBuf>,
}

/// What connects a client.
#[derive(Debug, Clone, Args)]
pub struct ConnectArgs {
    /// The client
    #[arg(value_enum)]
    pub client: Client,
    /// The gateway as the client reaches it
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8181")]
    pub url: String,
    /// `sub` of the person's tokens: whom this client's evidence speaks for
    #[arg(long, value_name = "SUBJECT", default_value = "ana@example.com")]
    pub subject: String,
    /// This part alone, bare, so that it can be piped into its file
    #[arg(long, value_enum)]
    pub part: Option<Part>,
}

/// What connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Claude Code: MCP, hooks, telemetry, managed settings
    ClaudeCode,
    /// Claude Desktop: MCP
    ClaudeDesktop,
    /// Cursor: MCP and hooks
    Cursor,
    /// A program of your own on an SDK: MCP, and the prompts that it hands in
    Sdk,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The entry of the MCP server
    Mcp,
    /// What the client's users may set themselves: hooks and telemetry
    Hooks,
    /// What users cannot switch off (Claude Code)
    Managed,
    /// The entries of snowgate.toml; their fresh secrets go to standard error
    Channels,
}
