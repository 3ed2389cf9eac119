//! `snowgate agent CLIENT`: what to paste so that a client speaks to the gateway, and what sees its prompts besides.
//!
//! Public references: Claude Code's documentation ("Settings", "Hooks reference", "Connect Claude Code to tools via MCP",
//! "Monitoring"), Cursor's ("Hooks", "Model Context Protocol"). Secrets are named by variables; the fresh ones of `channels` go to
//! standard error, so that no configuration that standard output is appended to ever holds them.

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
const PROMPTS_SECRET: &str = "SNOWGATE_PROMPTS_SECRET";
const TELEMETRY_SECRET: &str = "SNOWGATE_TELEMETRY_SECRET";
/// Of its own, so that on a machine with both clients neither speaks as the other.
const CURSOR_SECRET: &str = "SNOWGATE_CURSOR_SECRET";

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
    check_subject(&args.subject)?;
    let printed = match args.part {
        Some(part) => part_of(args, &url, part)?.ok_or_else(|| {
            let message = "this client has no such part; without --part everything that it has is printed";
            Broken::usage(message)
        })?,
        None => everything(args, &url)?,
    };
    let Printed { text, secrets } = printed;
    say!("{}", text.trim_end());
    if !secrets.is_empty() {
        eprintln!("{SECRETS}");
        secrets.iter().for_each(|(variable, secret)| eprintln!("export {variable}={secret}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is told with fresh secrets.
const SECRETS: &str = "# The secrets, once and nowhere else: each to its variable, and not to the gateway, which knows their hashes.\n\
                       # They are of the entries printed with them: the next call makes others.\n\
                       # Two channels count as two only while nobody but different holders has the two secrets.";

/// What is printed, and the fresh secrets beside it by their variables.
#[derive(Default)]
struct Printed {
    text: String,
    secrets: Vec<(&'static str, String)>,
}

/// The gateway's address without a path.
fn gateway_url(url: &str) -> Result<String, Broken> {
    let wrong = || Broken::usage("--url is the gateway's address, like https://snowgate.example.com");
    let uri: http::Uri = url.trim_end_matches('/').parse().map_err(|_| wrong())?;
    match (uri.scheme_str(), uri.authority(), uri.path(), uri.query()) {
        // SECURITY: it stands in commands that a shell reads. What was read is written, and not what was given: of a fragment the
        // one tells nothing.
        (Some(scheme @ ("http" | "https")), Some(authority), "" | "/", None)
            if is_host(authority.as_str()) && !url.contains('#') =>
        {
            Ok(format!("{scheme}://{authority}"))
        }
        _ => Err(wrong()),
    }
}

/// It stands in TOML, between quotes.
fn check_subject(subject: &str) -> Result<(), Broken> {
    let is_bad = |letter: char| letter.is_control() || matches!(letter, '"' | '\\');
    if subject.trim().is_empty() || subject.contains(is_bad) {
        return Err(Broken::usage(
            "--subject is the `sub` of the person's tokens, without quotes and control characters",
        ));
    }
    Ok(())
}

fn is_host(authority: &str) -> bool {
    authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn everything(args: &ConnectArgs, url: &str) -> Result<Printed, Broken> {
    let mut all = Printed::default();
    for part in [Part::Mcp, Part::Hooks, Part::Managed, Part::Channels] {
        if let Some(Printed { text, secrets }) = part_of(args, url, part)? {
            all.text.push_str(&format!("# {}\n{}\n\n", heading(args.client, part), text.trim_end()));
            all.secrets.extend(secrets);
        }
    }
    all.text.push_str(&format!(
        "# {TOKEN} is an access token of {subject}'s, whom the evidence speaks for: of the development issuer, snowgate token --for {subject}.\n\
         # A running serve takes new channels in when it starts again.\n# {}\n",
        limits(args.client),
        subject = args.subject,
    ));
    Ok(all)
}

fn heading(client: Client, part: Part) -> &'static str {
    match (client, part) {
        (Client::ClaudeCode, Part::Mcp) => {
            "The MCP server: .mcp.json of a project, or managed-mcp.json for everybody. By hand: claude mcp add --transport \
             http snowgate URL/mcp. Of a project's file Claude Code asks for your leave first: run claude there once"
        }
        (Client::ClaudeDesktop, Part::Mcp) => {
            "The MCP server: claude_desktop_config.json (or add URL/mcp as a connector)"
        }
        (Client::Cursor, Part::Mcp) => "The MCP server: .cursor/mcp.json",
        (Client::Sdk, Part::Mcp) => {
            "The MCP server from Python (package mcp 2.x): a program that hands a prompt in and asks one statement for it"
        }
        (Client::ClaudeCode, Part::Hooks) => {
            "To try it: ~/.claude/settings.json, which a user may change again"
        }
        (Client::Cursor, Part::Hooks) => {
            "The hooks: ~/.cursor/hooks.json, or /etc/cursor/hooks.json for everybody"
        }
        (Client::Sdk, Part::Hooks) => {
            "The prompt handed in from a shell, under the program's own credential, before the model is called"
        }
        (_, Part::Managed) => {
            "What users cannot switch off: /etc/claude-code/managed-settings.json, or server-managed settings. Both variables must \
             be set where users cannot unset them (the login shell is not): a hook without its secret stops the call"
        }
        (_, Part::Channels) => {
            "The evidence channels: append to snowgate.toml. The secrets are printed on standard error alone"
        }
        (Client::ClaudeDesktop, Part::Hooks) => "",
    }
}

const fn limits(client: Client) -> &'static str {
    match client {
        Client::ClaudeCode => {
            "Claude Code 2.1.196 or later (from 2.1.217 on no user's setting sends its telemetry elsewhere); the managed part 2.1.295\n\
             # or later, whose hooks stop the call when they fail. Whoever can read both variables on that machine, also an agent\n\
             # with a shell, can speak over both channels: only an export of the model's provider is out of its reach. A policy\n\
             # that requires a grade stops the statement in any case."
        }
        Client::ClaudeDesktop => "No hooks: what the model says in user_request is recorded, as P1.",
        Client::Cursor => {
            "Cursor names no tool use to the MCP server: its evidence is found by the statement's text, within seconds, and\n\
             # stays P1."
        }
        Client::Sdk => {
            "The word ties prompt and calls together: P2, if the agent cannot read the program's secret. It is a header of the\n\
             # connection: a new word and a new connection for each prompt, or its statements belong to several (P1)."
        }
    }
}

/// One part; none where the client has none.
fn part_of(args: &ConnectArgs, url: &str, part: Part) -> Result<Option<Printed>, Broken> {
    let plain = |text: String| Ok(Some(Printed { text, secrets: Vec::new() }));
    let pretty = |value: &Value| plain(serde_json::to_string_pretty(value)?);
    let authorization = |variable: &str| format!("Bearer ${{{variable}}}");
    match (args.client, part) {
        (Client::ClaudeCode, Part::Mcp) => pretty(&json!({ "mcpServers": { SERVER: {
            "type": "http",
            "url": format!("{url}/mcp"),
            "headers": { "Authorization": authorization(TOKEN) },
        } } })),
        (Client::ClaudeDesktop, Part::Mcp) => pretty(&json!({ "mcpServers": { SERVER: {
            "command": "npx",
            "args": ["-y", "mcp-remote@0.15.1", format!("{url}/mcp"), "--header", format!("Authorization:{}", authorization(TOKEN))],
            "env": { TOKEN: "an access token" },
        } } })),
        (Client::Cursor, Part::Mcp) => pretty(&json!({ "mcpServers": { SERVER: {
            "url": format!("{url}/mcp"),
            "headers": { "Authorization": authorization(&format!("env:{TOKEN}")) },
        } } })),
        (Client::Sdk, Part::Mcp) => plain(sdk_call(url)),
        (Client::Sdk, Part::Hooks) => plain(sdk_prompt(url)),
        (Client::ClaudeCode, Part::Hooks) => pretty(&claude_code_hooks(url)),
        (Client::Cursor, Part::Hooks) => pretty(&cursor_hooks(url)),
        (Client::ClaudeCode, Part::Managed) => pretty(&claude_code_managed(url)),
        (Client::ClaudeCode | Client::Cursor | Client::Sdk, Part::Channels) => channels(args).map(Some),
        (Client::ClaudeDesktop, Part::Hooks | Part::Managed | Part::Channels)
        | (Client::Cursor | Client::Sdk, Part::Managed) => Ok(None),
    }
}

/// Our tools that take a statement.
// SECURITY: whatever a user calls the server, its tools are called this.
const MATCHER: &str = "mcp__.*__(run_sql|check_sql)";

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
            "PreToolUse": [{ "matcher": MATCHER, "hooks": [hook] }],
        },
        // SECURITY: what a model sends itself later by these comes to hooks, telemetry and provider as a person's prompt, with no mark.
        "permissions": { "deny": ["CronCreate", "ScheduleWakeup"] },
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
    // A hook that fails stops the prompt or the call, from the version on that is required.
    for event in ["UserPromptSubmit", "PreToolUse"] {
        if let Some(hook) =
            settings.pointer_mut(&format!("/hooks/{event}/0/hooks/0")).and_then(Value::as_object_mut)
        {
            hook.insert("onFailure".to_owned(), json!("block"));
        }
    }
    let managed = [
        ("requiredMinimumVersion", json!("2.1.295")),
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
    // SECURITY: the secret goes to curl by a pipe: arguments stand on the list of processes, for the agent, too.
    let command = format!(
        "[ -n \"${CURSOR_SECRET}\" ] || {{ echo '{CURSOR_SECRET} is not set: nothing is recorded' >&2; exit 1; }}; \
         {{ printf 'header = \"Authorization: Bearer %s\"' \"${CURSOR_SECRET}\" | curl -sS -f -m 5 -K - \
         -H 'Content-Type: application/json' --data-binary @/dev/fd/3 {url}/v1/hooks/cursor; }} 3<&0"
    );
    json!({
        "version": 1,
        "hooks": {
            "beforeSubmitPrompt": [{ "command": command }],
            "beforeMCPExecution": [{ "command": command }],
        },
    })
}

/// A whole program, for the version of the package that the tests run it with.
fn sdk_call(url: &str) -> String {
    SDK_CALL.replace("URL", url).replace("TOKEN", TOKEN).replace("SECRET", PROMPTS_SECRET)
}

const SDK_CALL: &str = r#"import asyncio
import os
import uuid

import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def main():
    word = uuid.uuid4().hex  # one for each prompt
    secret = {"Authorization": f"Bearer {os.environ['SECRET']}"}
    async with httpx2.AsyncClient(headers=secret, timeout=10) as http:
        prompt = {"prompt": "what is one?", "evidence": word}
        (await http.post("URL/v1/prompts", json=prompt)).raise_for_status()
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "X-Snowgate-Evidence": word}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with streamable_http_client("URL/mcp", http_client=http) as (read, write):
            async with ClientSession(read, write) as session:
                await session.initialize()
                print(await session.call_tool("run_sql", {"statement": "select 1"}))


asyncio.run(main())
"#;

fn sdk_prompt(url: &str) -> String {
    format!(
        "printf 'header = \"Authorization: Bearer %s\"' \"${PROMPTS_SECRET}\" | \\\n  \
         curl -sS -K - {url}/v1/prompts -H 'Content-Type: application/json' \\\n  \
         -d '{{\"prompt\": \"who owes us most?\", \"evidence\": \"THE WORD\"}}'\n"
    )
}

/// Entries of snowgate.toml, and their fresh secrets.
fn channels(args: &ConnectArgs) -> Result<Printed, Broken> {
    let (first, kinds): (_, &[(&str, &str, &str)]) = match args.client {
        Client::ClaudeCode => {
            ("claude-code", &[("hooks", "hooks", HOOK_SECRET), ("telemetry", "telemetry", TELEMETRY_SECRET)])
        }
        Client::Cursor => ("cursor", &[("hooks", "hooks", CURSOR_SECRET)]),
        Client::Sdk => ("sdk", &[("prompts", "prompts", PROMPTS_SECRET)]),
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
    // Two people may have the same name at two addresses.
    let mut which = SecretHash::of(&args.subject).to_string();
    which.truncate(6);
    let mut all = Printed::default();
    for (name, kind, variable) in kinds {
        let mut secret = [0_u8; 32];
        rand::fill(&mut secret).map_err(|_| Broken::new("the system gives no random bytes"))?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        all.text.push_str(&format!(
            "[[evidence]]\nname = \"{who}-{which}-{first}-{name}\"\nkind = \"{kind}\"\n\
             secret_sha256 = \"{}\"\nsubjects = [\"{}\"]\n{}{}\n",
            SecretHash::of(&secret),
            args.subject,
            tools(args.client, kind),
            if *kind == "hooks" { AGENT } else { "" },
        ));
        all.secrets.push((*variable, secret));
    }
    Ok(all)
}

/// What to add where hooks are not all that a person's statements come by.
const AGENT: &str = "# where this person has other clients, too, name the agent of this one's tokens: else theirs are P1 (tool_use_missing)\n\
                     # agent = \"...\"\n";

/// Our tools as the hooks of a client name them, by the name of the server that is printed.
fn tools(client: Client, kind: &str) -> String {
    match (client, kind) {
        (Client::ClaudeCode, "hooks") => {
            format!("tools = [\"mcp__{SERVER}__run_sql\", \"mcp__{SERVER}__check_sql\"]\n")
        }
        (Client::ClaudeCode | Client::ClaudeDesktop | Client::Cursor | Client::Sdk, _) => String::new(),
    }
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
            let text = part_of(&args(client, part), "https://gw.example", part).unwrap().unwrap().text;
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(value.is_object() && text.contains("https://gw.example/"), "{text}");
            assert!(text.contains("SNOWGATE_"), "{text}");
        }
    }

    #[test]
    fn users_cannot_switch_off_what_is_managed() {
        let managed = claude_code_managed("https://gw.example");
        assert_eq!(managed["allowManagedHooksOnly"], true);
        assert_eq!(managed["permissions"]["deny"], json!(["CronCreate", "ScheduleWakeup"]));
        assert_eq!(managed["allowedHttpHookUrls"], json!(["https://gw.example/v1/hooks/claude-code"]));
        let hook = &managed["hooks"]["PreToolUse"][0];
        let matcher = hook["matcher"].as_str().unwrap();
        assert_eq!(matcher, "mcp__.*__(run_sql|check_sql)", "under whatever name the server was added");
        assert_eq!(managed["requiredMinimumVersion"], "2.1.295");
        assert_eq!(
            (
                &hook["hooks"][0]["onFailure"],
                &managed["hooks"]["UserPromptSubmit"][0]["hooks"][0]["onFailure"]
            ),
            (&json!("block"), &json!("block"))
        );
        assert_eq!(hook["hooks"][0]["url"], managed["allowedHttpHookUrls"][0]);
        assert_eq!(hook["hooks"][0]["allowedEnvVars"], managed["httpHookAllowedEnvVars"]);
    }

    #[test]
    fn the_channels_are_a_configuration_and_their_secrets_are_fresh() {
        let printed = || channels(&args(Client::ClaudeCode, Part::Channels)).unwrap();
        let (Printed { text: one, secrets }, other) = (printed(), printed());
        assert_ne!(one, other.text);
        let config = crate::config::Config::parse(
            settings::File { name: "some.toml", text: &one },
            std::iter::empty(),
        );
        config.unwrap().channels().unwrap();
        for (_, secret) in &secrets {
            assert!(one.contains(&SecretHash::of(secret).to_string()) && !one.contains(secret), "{one}");
        }
        assert_eq!(secrets.len(), 2);
        let tools = "tools = [\"mcp__snowgate__run_sql\", \"mcp__snowgate__check_sql\"]";
        assert_eq!(one.matches(tools).count(), 1, "{one}");
        // Two addresses with the same name before the `@` have channels of two names.
        let of = |subject: &str| {
            channels(&ConnectArgs { subject: subject.to_owned(), ..args(Client::Sdk, Part::Channels) })
                .unwrap()
                .text
        };
        let name = |text: String| text.lines().find(|line| line.starts_with("name")).map(str::to_owned);
        assert_ne!(name(of("ana@a.example")), name(of("ana@b.example")));
    }

    #[test]
    fn where_what_is_printed_was_set_every_command_still_works() {
        let mut named = vec![crate::commands::agent_token::SECRET.to_owned()];
        for client in [Client::ClaudeCode, Client::ClaudeDesktop, Client::Cursor, Client::Sdk] {
            let printed = everything(&args(client, Part::Mcp), "https://gw.example").unwrap();
            named.extend(printed.secrets.iter().map(|(variable, _)| (*variable).to_owned()));
            let words = printed.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            named.extend(words.filter(|word| word.starts_with("SNOWGATE_")).map(str::to_owned));
        }
        assert!(named.iter().any(|name| name == PROMPTS_SECRET), "{named:?}");
        let variables = named.into_iter().map(|name| (name, "x".to_owned()));
        crate::config::Config::parse(settings::File { name: "some.toml", text: "" }, variables).unwrap();
    }

    #[test]
    fn no_command_has_a_secret_among_its_arguments() {
        for (client, part) in [(Client::Cursor, Part::Hooks), (Client::Sdk, Part::Hooks)] {
            let text = part_of(&args(client, part), "https://gw.example", part).unwrap().unwrap().text;
            assert!(text.contains("-K -") && !text.contains("-H \\\"Authorization"), "{text}");
            for curl in
                text.lines().filter_map(|line| line.split_once("curl")).map(|(_, arguments)| arguments)
            {
                assert!(!curl.contains("SECRET"), "{curl}");
            }
        }
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
            "https://x#$(id)",
            "https://x/#;id;",
            "https://x/#",
        ] {
            assert!(gateway_url(url).is_err(), "{url}");
        }
        assert_eq!(gateway_url("https://gw.example/").unwrap(), "https://gw.example");
        assert_eq!(gateway_url("HTTPS://gw.example:8181").unwrap(), "https://gw.example:8181");
        for subject in ["", " ", "a\"b", "a\\b", "a\nb", "a\u{1b}b", "a\u{7f}b", "a\u{85}b"] {
            assert!(check_subject(subject).is_err(), "{subject:?}");
        }
        assert!(check_subject("ana@example.com").is_ok());
    }
}
