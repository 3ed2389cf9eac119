//! A script that plays an agent (`tests/mcp-clients/agent-loop.mjs`): it meets a refusal, a mask, a hold and a large result, and
//! does next what each answer says.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Served;

#[test]
fn a_scripted_agent_gets_from_each_answer_what_to_do_next() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mcp-clients");
    let served = Served::start();
    let spawned = Command::new("node")
        .args(["agent-loop.mjs", &format!("{}/mcp", served.url), &served.token()])
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let told = b"!! SKIPPED: no `node`, so no agent was played\n";
            std::io::stderr().write_all(told).expect("standard error");
            return;
        }
        spawned => spawned.expect("it starts"),
    };
    let is_installed = folder.join("node_modules/@modelcontextprotocol/sdk").is_dir();
    assert!(is_installed, "the TypeScript SDK of MCP is missing: run `make tools`");
    let mut input = child.stdin.take().expect("its input");
    let mut steps: Vec<Value> = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        let step: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        if step["step"] == "waiting" {
            // Whoever the agent works for looks for somebody who may decide.
            let waiting = served.run(&["approvals", "--home", "home"]);
            let text = String::from_utf8(waiting.stdout).expect("text");
            let id = text.split_whitespace().next().expect("an approval").to_owned();
            let approved = served.run(&["approve", &id, "--as", "rosa@example.com", "--home", "home"]);
            assert!(approved.status.success(), "{approved:?}");
            writeln!(input, "decided").expect("it reads");
        }
        // How long a statement takes is this machine's.
        if step["step"] != "running" {
            steps.push(step);
        }
    }
    assert!(child.wait().expect("it ends").success(), "{steps:?}");
    let step = |at: usize, name: &str| -> &Value {
        let step = steps.get(at).unwrap_or_else(|| panic!("{steps:#?}"));
        assert_eq!(step["step"], name, "{steps:#?}");
        step
    };
    let says = |step: &Value, words: &str| {
        assert!(step["message"].as_str().is_some_and(|message| message.contains(words)), "{step}");
    };
    let refused = step(0, "refused");
    assert_eq!(refused["is_final"], true);
    says(refused, "leave it out, or only count it");
    says(refused, "ask the group data-reviewers");
    let masked = step(1, "rows");
    assert_eq!((&masked["rows"], &masked["masked"]), (&json!(5), &json!(["SSN"])));
    says(masked, "Asking in another way shows no more of them");
    let held = step(2, "waiting");
    assert!(held["waits_for"].is_string(), "{held}");
    says(held, "call get_result with this handle");
    let progress = held["progress"].as_array().expect("progress");
    assert!(
        progress.first().and_then(Value::as_str).is_some_and(|told| told.starts_with("Waits for a person")),
        "{held}"
    );
    let approved = step(3, "rows");
    assert_eq!(approved["row_count"], 1, "{approved}");
    let large = step(4, "rows");
    assert_eq!((&large["rows"], &large["row_count"]), (&json!(4200), &json!(4200)));
    says(large, "Further rows: get_result with this handle and from_row 1000");
    let done = step(5, "done");
    assert_eq!(done["repeated"], json!([]), "no statement was sent twice");
    assert_eq!(served.verify(), 0);
}
