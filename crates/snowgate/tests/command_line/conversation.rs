//! One conversation, told as one story: a client of the Python SDK that names its tool uses as Claude Code does, hooks and
//! telemetry as Claude Code sends them under secrets of their own, and what `replay` makes of it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};

use super::Served;
use super::mcp_clients::{Client, python_of_the_sdk};

const HOOKS: &str = "hook-secret-that-is-long-and-random";
const TELEMETRY: &str = "telemetry-secret-that-is-long-too";

/// As `sha256sum` writes it.
pub fn hash(secret: &str) -> String {
    let printed = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$0\" | sha256sum | cut -c1-64", secret])
        .output()
        .expect("sha256sum");
    String::from_utf8(printed.stdout).expect("text").trim().to_owned()
}

/// A gateway with ana's hooks and telemetry.
fn start() -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let entry = |name: &str, kind: &str, secret: &str| {
        format!(
            "[[evidence]]\nname = \"{name}\"\nkind = \"{kind}\"\nsecret_sha256 = \"{}\"\nsubjects = [\"ana@example.com\"]\n",
            hash(secret)
        )
    };
    let text = [entry("ana-hooks", "hooks", HOOKS), entry("ana-telemetry", "telemetry", TELEMETRY)].concat();
    fs::write(folder.path().join("snowgate.toml"), text).expect("written");
    Served::start_in(folder, &[])
}

/// Posts JSON over a connection of its own; the status.
pub fn post(served: &Served, path: &str, secret: &str, body: &Value) -> u16 {
    let host = served.url.trim_start_matches("http://");
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).expect("it listens");
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

fn prompt(served: &Served, id: &str, text: &str) {
    let hook = json!({
        "session_id": "8c35", "prompt_id": id, "transcript_path": "/t.jsonl", "cwd": "/", "permission_mode": "default",
        "hook_event_name": "UserPromptSubmit", "prompt": text,
    });
    assert_eq!(post(served, "/v1/hooks/claude-code", HOOKS, &hook), 200);
}

fn tool_use(served: &Served, prompt: &str, id: &str, sql: &str) {
    let hook = json!({
        "session_id": "8c35", "prompt_id": prompt, "hook_event_name": "PreToolUse", "tool_use_id": id,
        "tool_name": "mcp__snowgate__run_sql", "tool_input": { "statement": sql },
    });
    assert_eq!(post(served, "/v1/hooks/claude-code", HOOKS, &hook), 200);
}

/// Telemetry comes by the batch, some seconds later.
fn telemetry(served: &Served, prompt: (&str, &str), tool_use: &str) {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let (id, words) = prompt;
    let record = |name: &str, more: Vec<Value>| {
        let mut attributes =
            vec![text("event.name", name), text("session.id", "8c35"), text("prompt.id", id)];
        attributes.extend(more);
        json!({ "body": { "stringValue": format!("claude_code.{name}") }, "attributes": attributes })
    };
    let records = [
        record("user_prompt", vec![text("prompt", words)]),
        record(
            "tool_result",
            vec![text("tool_use_id", tool_use), text("tool_name", "mcp__snowgate__run_sql")],
        ),
    ];
    let logs = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
    assert_eq!(post(served, "/otlp/v1/logs", TELEMETRY, &logs), 200);
}

#[test]
fn three_prompts_and_seven_statements_are_one_story_with_their_grades() {
    let served = start();
    let Some(mut client) = Client::start(
        &python_of_the_sdk(),
        &["client.py", &format!("{}/mcp", served.url), &served.token(), "auto"],
    ) else {
        return;
    };
    client.answer();
    let mut run = |id: &str, sql: &str| {
        let meta = json!({ "claudecode/toolUseId": id });
        client.call_with("run_sql", json!({ "statement": sql }), &meta).1
    };
    let customers = "select id, country from customers order by id limit 2";

    // The first prompt: two statements, both seen by hooks; the telemetry of the first comes late.
    prompt(&served, "p-1", "where do our customers live?");
    tool_use(&served, "p-1", "toolu_1", customers);
    assert_eq!(run("toolu_1", customers)["status"], "rows");
    let count = "select count(*) from customers";
    tool_use(&served, "p-1", "toolu_2", count);
    assert_eq!(run("toolu_2", count)["status"], "rows");
    telemetry(&served, ("p-1", "where do our customers live?"), "toolu_1");

    // The second: a refusal, a mask, and a statement that another one is reported for.
    prompt(&served, "p-2", "whose SSN starts with 1? mine is 536-90-4399");
    let forbidden = "select name from customers where ssn like '1%'";
    tool_use(&served, "p-2", "toolu_3", forbidden);
    assert_eq!(run("toolu_3", forbidden)["status"], "refused");
    let masked = "select ssn from customers limit 1";
    tool_use(&served, "p-2", "toolu_4", masked);
    assert_eq!(run("toolu_4", masked)["rows"], json!([["[SSN]"]]));
    tool_use(&served, "p-2", "toolu_5", "select 1");
    assert_eq!(run("toolu_5", customers)["status"], "rows");

    // The third: a write that waits. And a statement that no hook has seen.
    prompt(&served, "p-3", "delete the cancelled orders");
    let delete = "delete from orders where status = 'cancelled'";
    tool_use(&served, "p-3", "toolu_6", delete);
    assert_eq!(run("toolu_6", delete)["status"], "waiting", "however well it is known");
    assert_eq!(run("toolu_7", "select 2")["status"], "rows");

    let rows = served.lines(&["search", "--home", "home", "--json"]);
    let grades: Vec<&str> = rows.iter().map(|row| row["evidence"].as_str().expect("a grade")).collect();
    // As it is known by now: the telemetry of the first came late.
    assert_eq!(grades, ["P3", "P2", "P2", "P2", "P1", "P2", "P0"], "{rows:?}");
    let found = served.lines(&["search", "--home", "home", "--json", "--finding"]);
    assert_eq!((found.len(), &found[0]["findings"]), (1, &json!(["statement_mismatch"])), "{found:?}");
    assert!(served.lines(&["search", "--home", "home", "--json", "--finding", "tool_use_reused"]).is_empty());
    let sessions: Vec<&str> = rows.iter().map(|row| row["session"].as_str().expect("a session")).collect();
    assert!(sessions[..6].iter().all(|session| *session == sessions[0]), "one conversation, one session");

    let told = served.run(&["replay", sessions[0], "--home", "home"]).stdout;
    let told = String::from_utf8(told).expect("text");
    // Each prompt once, in order, above its statements.
    let places: Vec<usize> =
        ["where do our customers live?", "whose SSN starts with 1? mine is [US_SSN]", "delete the cancelled"]
            .iter()
            .map(|prompt| {
                assert_eq!(
                    told.matches(prompt).count(),
                    if prompt.starts_with("where") { 2 } else { 1 },
                    "{told}"
                );
                told.find(prompt).expect("it is there")
            })
            .collect();
    assert!(places.is_sorted(), "{told}");
    for (number, line) in [
        (1, "P3: two channels with different credentials agree (P2 when it was decided)"),
        (2, "P2: seen by one channel"),
        (3, "P2: seen by one channel"),
        (4, "P2: seen by one channel"),
        (5, "P1: the agent's own word, or a guess, or contradicted"),
        (6, "P2: seen by one channel"),
    ] {
        assert!(told.contains(&format!("├─ ── {}/{number} ──  {line}", sessions[0])), "{number} {told}");
    }
    for part in [
        "│  witness  ana-hooks (hooks), found by tool_use: saw this prompt, this statement",
        "call by mcp, tool use toolu_1",
        "decision  refuse by",
        "decision  hold by",
        "later evidence  P3",
        "finding: an evidence channel saw another statement under the same tool use",
        "[SSN]",
    ] {
        assert!(crate::unbroken(&told).contains(part), "{part}\n{told}");
    }
    assert!(!told.contains("536-90"), "{told}");
    assert_eq!(served.verify(), 0);
}

#[test]
fn what_is_printed_for_a_client_is_taken_by_the_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let print = |part: &str| {
        let output = super::snowgate(folder.path())
            .args(["agent", "claude-code", "--subject", "ana@example.com", "--part", part])
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).expect("text"), String::from_utf8(output.stderr).expect("text"))
    };
    // What is appended to the gateway's configuration holds no secret.
    let (channels, secrets) = print("channels");
    assert!(!channels.contains("SECRET"), "{channels}");
    let secret = secrets.lines().find_map(|line| line.strip_prefix("export SNOWGATE_HOOK_SECRET="));
    let secret = secret.expect("a secret").to_owned();
    let hooks: Value = serde_json::from_str(&print("hooks").0).expect("JSON");
    let url = hooks["hooks"]["UserPromptSubmit"][0]["hooks"][0]["url"].as_str().expect("a URL").to_owned();
    fs::write(folder.path().join("snowgate.toml"), channels).expect("written");
    let served = Served::start_in(folder, &[]);
    let path = url.strip_prefix("http://127.0.0.1:8181").expect("the default gateway");
    let hook =
        json!({ "hook_event_name": "UserPromptSubmit", "prompt": "hi", "prompt_id": "p", "session_id": "s" });
    assert_eq!(post(&served, path, &secret, &hook), 200);
    assert_eq!(post(&served, path, "another", &hook), 401);
    let unknown = served.run(&["agent", "claude-desktop", "--part", "hooks"]);
    assert_eq!(unknown.status.code(), Some(64));
    let file = Path::new("snowgate.toml");
    assert!(served.folder.path().join(file).is_file());
}
