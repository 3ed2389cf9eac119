//! The words of `snowgate agent`.

use clap::{Args, ValueEnum};

/// `snowgate agent`.
#[derive(Debug, Clone, Args)]
pub struct AgentArgs {
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
    /// The entries of snowgate.toml, with fresh secrets
    Channels,
}
