//! `snowgate agent CLIENT`: what to paste so that a client speaks to the gateway, and what sees its prompts besides.
//!
//! Public references: Claude Code's documentation ("Settings", "Hooks reference", "Connect Claude Code to tools via MCP",
//! "Monitoring"), Cursor's ("Hooks", "Model Context Protocol"). Secrets are named by variables; none stands in what is printed
//! but the fresh ones of `channels`, which nobody else has.

use std::process::ExitCode;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evidence::SecretHash;
use serde_json::{Value, json};

use super::Broken;
use crate::cli::{AgentArgs, AgentCommand, Client, ConnectArgs, Part};

/// The name of the MCP server in clients.
const SERVER: &str = "snowgate";
/// The variables that hold a client's access token, and the secrets of its evidence channels.
const TOKEN: &str = "SNOWGATE_TOKEN";
const HOOK_SECRET: &str = "SNOWGATE_HOOK_SECRET";
const TELEMETRY_SECRET: &str = "SNOWGATE_TELEMETRY_SECRET";

/// Prints what connects a client, or gets it a token.
pub fn run(args: &AgentArgs) -> Result<ExitCode, Broken> {
    match (&args.command, &args.connect) {
        (Some(AgentCommand::Token(args)), _) => super::agent_token::run(args),
        (None, Some(args)) => connect(args),
        (None, None) => Err(Broken::usage("name a client, or `token`")),
    }
}

fn connect(args: &ConnectArgs) -> Result<ExitCode, Broken> {
    let url = gateway_url(&args.url)?;
    if args.subject.trim().is_empty() || args.subject.contains(['"', '\\', '\n', '\r']) {
        return Err(Broken::usage("--subject is the `sub` of the person's tokens, without quotes"));
    }
    let printed = match args.part {
        Some(part) => part_of(args, &url, part)?.ok_or_else(|| {
            let message = "this client has no such part; without --part everything that it has is printed";
            Broken::usage(message)
        })?,
        None => everything(args, &url)?,
    };
    // SECURITY: what is piped into the gateway's configuration holds hashes alone.
    let is_secret = |line: &&str| args.part == Some(Part::Channels) && line.starts_with(EXPORT);
    printed.lines().filter(is_secret).for_each(|line| eprintln!("{}", line.trim_start_matches("# ")));
    let rest: Vec<&str> = printed.lines().filter(|line| !is_secret(line)).collect();
    say!("{}", rest.join("\n").trim_end());
    Ok(ExitCode::SUCCESS)
}

/// How a line begins that gives a secret to its variable.
const EXPORT: &str = "# export ";

/// The gateway's address without a path.
fn gateway_url(url: &str) -> Result<String, Broken> {
    let wrong = || Broken::usage("--url is the gateway's address, like https://snowgate.example.com");
    let uri: http::Uri = url.trim_end_matches('/').parse().map_err(|_| wrong())?;
    match (uri.scheme_str(), uri.authority(), uri.path(), uri.query()) {
        // It stands in commands that a shell reads.
        (Some("http" | "https"), Some(authority), "" | "/", None) if is_host(authority.as_str()) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => Err(wrong()),
    }
}

fn is_host(authority: &str) -> bool {
    authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn everything(args: &ConnectArgs, url: &str) -> Result<String, Broken> {
    let mut out = String::new();
    for part in [Part::Mcp, Part::Hooks, Part::Managed, Part::Channels] {
        if let Some(text) = part_of(args, url, part)? {
            out.push_str(&format!("# {}\n{}\n\n", heading(args.client, part), text.trim_end()));
        }
    }
    out.push_str(&format!("# {}\n", limits(args.client)));
    Ok(out)
}

fn heading(client: Client, part: Part) -> &'static str {
    match (client, part) {
        (Client::ClaudeCode, Part::Mcp) => {
            "The MCP server: .mcp.json of a project, or managed-mcp.json for everybody. By hand: claude mcp add --transport \
             http snowgate URL/mcp"
        }
        (Client::ClaudeDesktop, Part::Mcp) => {
            "The MCP server: claude_desktop_config.json (or add URL/mcp as a connector)"
        }
        (Client::Cursor, Part::Mcp) => "The MCP server: .cursor/mcp.json",
        (Client::Sdk, Part::Mcp) => "The MCP server from Python (package mcp)",
        (Client::ClaudeCode, Part::Hooks) => {
            "To try it: ~/.claude/settings.json, which a user may change again"
        }
        (Client::Cursor, Part::Hooks) => {
            "The hooks: ~/.cursor/hooks.json, or /etc/cursor/hooks.json for everybody"
        }
        (Client::Sdk, Part::Hooks) => {
            "Before the model is called: hand the prompt in, under the program's own credential"
        }
        (_, Part::Managed) => {
            "What users cannot switch off: /etc/claude-code/managed-settings.json, or server-managed settings"
        }
        (_, Part::Channels) => {
            "The evidence channels: append to snowgate.toml; give each secret to its variable alone"
        }
        (Client::ClaudeDesktop, Part::Hooks) => "",
    }
}

const fn limits(client: Client) -> &'static str {
    match client {
        Client::ClaudeCode => {
            "Claude Code 2.1.217 or later. Whoever can read both variables on that machine, also an agent with a shell, can\n\
             # speak over both channels: only an export of the model's provider is out of its reach. Hooks that fail, as they do\n\
             # when a user unsets a variable, do not stop Claude Code; a policy that requires a grade stops the statement."
        }
        Client::ClaudeDesktop => "No hooks: what the model says in user_request is recorded, as P1.",
        Client::Cursor => {
            "Cursor names no tool use to the MCP server: its evidence is found by the statement's text, within seconds, and\n\
             # stays P1."
        }
        Client::Sdk => {
            "The word ties prompt and calls together: P2, if the agent cannot read the program's secret."
        }
    }
}

/// One part; none where the client has none.
fn part_of(args: &ConnectArgs, url: &str, part: Part) -> Result<Option<String>, Broken> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).map(Some).map_err(Broken::from);
    let authorization = |variable: &str| format!("Bearer ${{{variable}}}");
    match (args.client, part) {
        (Client::ClaudeCode, Part::Mcp) => pretty(&json!({ "mcpServers": { SERVER: {
            "type": "http",
            "url": format!("{url}/mcp"),
            "headers": { "Authorization": authorization(TOKEN) },
        } } })),
        (Client::ClaudeDesktop, Part::Mcp) => pretty(&json!({ "mcpServers": { SERVER: {
            "command": "npx",
            "args": ["-y", "mcp-remote", format!("{url}/mcp"), "--header", format!("Authorization:{}", authorization(TOKEN))],
            "env": { TOKEN: "an access token" },
        } } })),
        (Client::Cursor, Part::Mcp) => pretty(&json!({ "mcpServers": { SERVER: {
            "url": format!("{url}/mcp"),
            "headers": { "Authorization": authorization(&format!("env:{TOKEN}")) },
        } } })),
        (Client::Sdk, Part::Mcp) => Ok(Some(sdk_call(url))),
        (Client::Sdk, Part::Hooks) => Ok(Some(sdk_prompt(url))),
        (Client::ClaudeCode, Part::Hooks) => pretty(&claude_code_hooks(url)),
        (Client::Cursor, Part::Hooks) => pretty(&cursor_hooks(url)),
        (Client::ClaudeCode, Part::Managed) => pretty(&claude_code_managed(url)),
        (Client::ClaudeCode | Client::Cursor | Client::Sdk, Part::Channels) => channels(args).map(Some),
        (Client::ClaudeDesktop, Part::Hooks | Part::Managed | Part::Channels)
        | (Client::Cursor | Client::Sdk, Part::Managed) => Ok(None),
    }
}

fn claude_code_hooks(url: &str) -> Value {
    let hook = json!({
        "type": "http",
        "url": format!("{url}/v1/hooks/claude-code"),
        "timeout": 5,
        "headers": { "Authorization": format!("Bearer ${HOOK_SECRET}") },
        "allowedEnvVars": [HOOK_SECRET],
    });
    json!({
        "hooks": {
            "UserPromptSubmit": [{ "hooks": [hook.clone()] }],
            // SECURITY: whatever a user calls the server, its tool is called this.
            "PreToolUse": [{ "matcher": "mcp__.*__run_sql", "hooks": [hook] }],
        },
        "env": {
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": format!("{url}/otlp"),
            "OTEL_LOG_USER_PROMPTS": "1",
            "OTEL_LOG_TOOL_DETAILS": "1",
            "OTEL_LOGS_EXPORT_INTERVAL": "1000",
        },
        // Its output is one JSON object of headers.
        "otelHeadersHelper": format!("printf '{{\"Authorization\":\"Bearer %s\"}}' \"${TELEMETRY_SECRET}\""),
    })
}

fn claude_code_managed(url: &str) -> Value {
    let mut settings = claude_code_hooks(url);
    let managed = [
        // Before it, a variable of a user's sends the telemetry elsewhere.
        ("requiredMinimumVersion", json!("2.1.217")),
        ("allowManagedHooksOnly", json!(true)),
        ("allowedHttpHookUrls", json!([format!("{url}/v1/hooks/claude-code")])),
        ("httpHookAllowedEnvVars", json!([HOOK_SECRET])),
        ("allowManagedMcpServersOnly", json!(true)),
        ("allowedMcpServers", json!([{ "serverUrl": format!("{url}/mcp") }])),
    ];
    if let Some(members) = settings.as_object_mut() {
        members.extend(managed.map(|(key, value)| (key.to_owned(), value)));
    }
    settings
}

fn cursor_hooks(url: &str) -> Value {
    let command = format!(
        "curl -sS -m 5 -H \"Authorization: Bearer ${HOOK_SECRET}\" -H \"Content-Type: application/json\" \
         --data-binary @- {url}/v1/hooks/cursor"
    );
    json!({
        "version": 1,
        "hooks": {
            "beforeSubmitPrompt": [{ "command": command }],
            "beforeMCPExecution": [{ "command": command }],
        },
    })
}

fn sdk_call(url: &str) -> String {
    format!(
        "import os, uuid\n\
         from mcp import ClientSession\n\
         from mcp.client.streamable_http import streamablehttp_client\n\n\
         word = uuid.uuid4().hex   # one for each prompt\n\
         headers = {{\"Authorization\": f\"Bearer {{os.environ['{TOKEN}']}}\", \"X-Snowgate-Evidence\": word}}\n\
         async with streamablehttp_client(\"{url}/mcp\", headers=headers) as (read, write, _):\n    \
         async with ClientSession(read, write) as session:\n        \
         await session.initialize()\n        \
         result = await session.call_tool(\"run_sql\", {{\"statement\": \"select 1\"}})\n"
    )
}

fn sdk_prompt(url: &str) -> String {
    format!(
        "curl -sS {url}/v1/prompts -H \"Authorization: Bearer ${HOOK_SECRET}\" -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"prompt\": \"who owes us most?\", \"evidence\": \"THE WORD\"}}'\n"
    )
}

/// Entries of snowgate.toml with fresh secrets, which stand in comments.
fn channels(args: &ConnectArgs) -> Result<String, Broken> {
    let (first, kinds): (_, &[(&str, &str, &str)]) = match args.client {
        Client::ClaudeCode => {
            ("claude-code", &[("hooks", "hooks", HOOK_SECRET), ("telemetry", "telemetry", TELEMETRY_SECRET)])
        }
        Client::Cursor => ("cursor", &[("hooks", "hooks", HOOK_SECRET)]),
        Client::Sdk => ("sdk", &[("prompts", "prompts", HOOK_SECRET)]),
        Client::ClaudeDesktop => return Err(Broken::usage("this client has no evidence channel")),
    };
    let who: String = args
        .subject
        .split('@')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(24)
        .collect();
    let mut out = String::new();
    for (name, kind, variable) in kinds {
        let mut secret = [0_u8; 32];
        rand::fill(&mut secret).map_err(|_| Broken::new("the system gives no random bytes"))?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        out.push_str(&format!(
            "{EXPORT}{variable}={secret}\n[[evidence]]\nname = \"{who}-{first}-{name}\"\nkind = \"{kind}\"\n\
             secret_sha256 = \"{}\"\nsubjects = [\"{}\"]\n\n",
            SecretHash::of(&secret),
            args.subject,
        ));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(client: Client, part: Part) -> ConnectArgs {
        let (url, subject) = ("https://gw.example/".to_owned(), "ana@example.com".to_owned());
        ConnectArgs { client, url, subject, part: Some(part) }
    }

    #[test]
    fn what_is_printed_is_json_that_names_secrets_by_variables() {
        for (client, part) in [
            (Client::ClaudeCode, Part::Mcp),
            (Client::ClaudeCode, Part::Hooks),
            (Client::ClaudeCode, Part::Managed),
            (Client::ClaudeDesktop, Part::Mcp),
            (Client::Cursor, Part::Mcp),
            (Client::Cursor, Part::Hooks),
        ] {
            let text = part_of(&args(client, part), "https://gw.example", part).unwrap().unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(value.is_object() && text.contains("https://gw.example/"), "{text}");
            assert!(text.contains("SNOWGATE_"), "{text}");
        }
    }

    #[test]
    fn users_cannot_switch_off_what_is_managed() {
        let managed = claude_code_managed("https://gw.example");
        assert_eq!(managed["allowManagedHooksOnly"], true);
        assert_eq!(managed["allowedHttpHookUrls"], json!(["https://gw.example/v1/hooks/claude-code"]));
        let hook = &managed["hooks"]["PreToolUse"][0];
        let matcher = hook["matcher"].as_str().unwrap();
        assert_eq!(matcher, "mcp__.*__run_sql", "under whatever name the server was added");
        assert_eq!(managed["requiredMinimumVersion"], "2.1.217");
        assert_eq!(hook["hooks"][0]["url"], managed["allowedHttpHookUrls"][0]);
        assert_eq!(hook["hooks"][0]["allowedEnvVars"], managed["httpHookAllowedEnvVars"]);
    }

    #[test]
    fn the_channels_are_a_configuration_and_their_secrets_are_fresh() {
        let printed = || channels(&args(Client::ClaudeCode, Part::Channels)).unwrap();
        let (one, other) = (printed(), printed());
        assert_ne!(one, other);
        let config = crate::config::Config::parse(
            query::configuration::File { name: "some.toml", text: &one },
            std::iter::empty(),
        );
        config.unwrap().channels().unwrap();
        let secret =
            one.lines().find_map(|line| line.strip_prefix("# export SNOWGATE_HOOK_SECRET=")).unwrap();
        assert!(one.contains(&SecretHash::of(secret).to_string()));
    }

    #[test]
    fn an_address_has_no_path_and_no_secret() {
        for url in [
            "",
            "gw.example",
            "ftp://gw.example",
            "https://a:b@gw.example",
            "https://gw.example/mcp",
            "https://x$(id)",
            "https://x;id",
            "https://x?y",
        ] {
            assert!(gateway_url(url).is_err(), "{url}");
        }
        assert_eq!(gateway_url("https://gw.example/").unwrap(), "https://gw.example");
    }
}
