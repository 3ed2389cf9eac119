//! The binary as people and scripts use it: what it prints, its exit codes, and what a kill leaves behind.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[path = "command_line/access.rs"]
mod access;
#[path = "command_line/agent_loop.rs"]
mod agent_loop;
#[path = "command_line/agent_token.rs"]
mod agent_token;
#[path = "command_line/approvals.rs"]
mod approvals;
#[path = "command_line/browser.rs"]
mod browser;
#[path = "command_line/claude_code.rs"]
mod claude_code;
#[path = "command_line/conformance.rs"]
mod conformance;
#[path = "command_line/conversation.rs"]
mod conversation;
#[path = "command_line/deploying.rs"]
mod deploying;
#[path = "command_line/filters.rs"]
mod filters;
#[path = "command_line/homes.rs"]
mod homes;
#[path = "command_line/masking.rs"]
mod masking;
#[path = "command_line/mcp_clients.rs"]
mod mcp_clients;
#[path = "command_line/scan.rs"]
mod scan;
#[path = "command_line/signing_in.rs"]
mod signing_in;
#[path = "command_line/starting.rs"]
mod starting;
#[path = "command_line/usage.rs"]
mod usage;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const SELECT: &str = "select c_name, c_phone as contact, c_acctbal from snowflake_sample_data.tpch_sf1.customer order by c_custkey limit 3";

/// A gateway on a free port over a home in a temporary folder; killed at the end.
struct Served {
    folder: TempDir,
    child: Child,
    url: String,
    printed: Vec<String>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn snowgate(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate"));
    command.current_dir(folder).env_clear();
    command
}

fn serve(folder: &Path, listen: &str, more: &[&str]) -> (Child, Vec<String>) {
    serve_logging(folder, listen, more, Stdio::inherit())
}

/// Starts a gateway that logs there; with it, what it printed until it was ready.
fn serve_logging(folder: &Path, listen: &str, more: &[&str], log: Stdio) -> (Child, Vec<String>) {
    let mut child = snowgate(folder)
        .args(["serve", "--listen", listen, "--home", "home"])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("it starts");
    let mut printed = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        let is_last = line.starts_with("# Ctrl-C");
        printed.push(line);
        if is_last {
            break;
        }
    }
    (child, printed)
}

impl Served {
    fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), &[])
    }

    fn start_in(folder: TempDir, more: &[&str]) -> Self {
        let (child, printed) = serve(folder.path(), "127.0.0.1:0", more);
        let first = printed.first().cloned().unwrap_or_default();
        let url = first.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_default();
        Self { url: url.trim_end_matches(';').to_owned(), folder, child, printed }
    }

    /// The token that it printed.
    fn token(&self) -> String {
        let line = self.printed.iter().find_map(|line| line.strip_prefix("export TOKEN="));
        line.expect("a token").to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        snowgate(self.folder.path()).args(arguments).output().expect("it runs")
    }

    fn ask(&self, sql: &str) -> (i32, Value) {
        self.ask_because("why", sql)
    }

    fn ask_because(&self, prompt: &str, sql: &str) -> (i32, Value) {
        let output =
            self.run(&["ask", "--url", &self.url, "--home", "home", "--json", "--prompt", prompt, sql]);
        let text = String::from_utf8(output.stdout).expect("text");
        let object =
            text.lines().next().map_or(Value::Null, |line| serde_json::from_str(line).expect("JSON"));
        (output.status.code().expect("a code"), object)
    }

    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
    }

    fn verify(&self) -> i32 {
        self.run(&["verify", "home"]).status.code().expect("a code")
    }

    fn closings(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("home/records")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(".closing.json") {
                    found.push(path);
                }
            }
        }
        found
    }
}

#[test]
fn what_an_agent_saw_is_listed_replayed_and_verified() {
    let gateway = Served::start();
    assert!(gateway.printed.iter().any(|line| line.starts_with("export TOKEN=")), "{:?}", gateway.printed);

    let (code, answer) = gateway.ask(SELECT);
    assert_eq!((code, &answer["outcome"]), (0, &json!("rows")), "{answer}");
    assert_eq!(answer["columns"][1], json!({"name": "CONTACT", "type": "text", "masked": true}));
    assert_eq!(answer["columns"][2]["masked"], json!(false));
    assert!(answer["rows"].as_array().is_some_and(|rows| rows.len() == 3));

    let exchange = answer["exchange"].as_str().expect("an exchange").to_owned();
    let (session, _) = exchange.split_once('/').expect("SESSION/N");
    let told = gateway.lines(&["replay", session, "--home", "home", "--json"]);
    let kinds: Vec<&Value> = told.iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["prompt", "statement", "decision", "page", "closing"]);
    let page = told.iter().find(|event| event["kind"] == "page").expect("a page");
    assert_eq!(page["rows"], answer["rows"]);

    let found = gateway.lines(&["search", "--home", "home", "--table", "tpch_sf1.customer", "--json"]);
    assert_eq!(found.len(), 1);
    for (key, value) in [
        ("exchange", json!(exchange)),
        ("prompt", json!("why")),
        ("evidence", json!("P1")),
        ("decision", json!("allow")),
        ("outcome", json!("rows")),
        ("rows", json!(3)),
        ("masked_columns", json!(["C_NAME", "CONTACT"])),
    ] {
        assert_eq!(found[0][key], value, "{key}");
    }
    assert_eq!(gateway.verify(), 0);

    let closing = gateway.closings().pop().expect("a closing");
    let text = fs::read_to_string(&closing).expect("text");
    let summary = gateway.lines(&["verify", "home", "--json"]).pop().expect("a summary");
    assert_eq!((&summary["result"], &summary["faults"]), (&json!("good"), &json!(0)), "{summary}");
    fs::write(&closing, text.replacen("\"rows\":3", "\"rows\":2", 1)).expect("written");
    assert_eq!(gateway.verify(), 1);
    let told = gateway.lines(&["verify", "home", "--json"]);
    assert_eq!((&told[0]["what"], &told[0]["severity"]), (&json!("digest"), &json!("altered")), "{told:?}");
    assert_eq!((told.len(), &told[1]["result"]), (2, &json!("altered")), "{told:?}");
}

#[test]
fn the_committed_records_of_version_1_are_searched_replayed_and_verified() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recording/tests/data");
    let run = |arguments: &[&str]| {
        let output = snowgate(&data).args(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{arguments:?} {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let expected = |name: &str| fs::read_to_string(data.join(name)).expect("text");
    let found = run(&["search", "--home", "v1", "--json"]);
    assert_eq!(found, expected("v1.search.jsonl"));
    let rows = found.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let sessions: std::collections::BTreeSet<String> =
        rows.map(|row| row["session"].as_str().expect("a session").to_owned()).collect();
    let told: String =
        sessions.iter().map(|session| run(&["replay", session, "--home", "v1", "--json"])).collect();
    assert_eq!(told, expected("v1.replay.jsonl"));
    let verified = run(&["verify", "v1"]);
    assert!(
        verified.starts_with("good: 4 sessions, 16 exchanges, 20 pages, 0 faults\nnot proven:\n"),
        "{verified}"
    );
}

#[test]
fn a_replay_heads_every_exchange_once_whether_it_had_a_prompt_or_not() {
    let gateway = Served::start();
    let mut session = String::new();
    for prompt in [&["--prompt", "why"][..], &[]] {
        let asked = ["ask", "--url", &gateway.url, "--home", "home", "--json", "select 1"];
        let output = gateway.run(&[&asked[..], prompt].concat());
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        session = answer["exchange"]
            .as_str()
            .and_then(|exchange| exchange.split('/').next())
            .expect("one")
            .to_owned();
    }
    let told = gateway.run(&["replay", &session, "--home", "home"]).stdout;
    let told = String::from_utf8(told).expect("text");
    for number in 1..=2 {
        assert_eq!(told.matches(&format!("── {session}/{number} ──")).count(), 1, "{told}");
    }
    assert_eq!(told.matches("  prompt (").count(), 1, "{told}");
}

#[test]
fn exit_codes_tell_answered_refused_waiting_broken_and_wrong_usage() {
    let gateway = Served::start();
    let (code, answer) = gateway.ask("drop table demo.public.customers");
    assert_eq!((code, &answer["outcome"]), (3, &json!("refused")), "{answer}");
    assert_eq!(answer["refusal"]["code"], json!("003001"));
    assert_eq!(gateway.verify(), 0);

    let (code, answer) = gateway.ask("delete from demo.public.orders where status = 'cancelled'");
    assert_eq!((code, &answer["outcome"]), (4, &json!("pending")), "{answer}");
    assert!(answer["handle"].is_string());
    // What waits for a person is open, and should be.
    assert_eq!(gateway.verify(), 0);
    let noted = gateway.lines(&["verify", "home", "--json"]);
    assert!(noted.iter().any(|line| line["severity"] == "note" && line["what"] == "not_closed"), "{noted:?}");
    // What waits for a person does not keep the agent from reading, however much of it there is.
    for _ in 0..20 {
        assert_eq!(gateway.ask("delete from demo.public.orders where status = 'cancelled'").0, 4);
    }
    assert_eq!(gateway.ask("select 1").0, 0);

    let dead = gateway.run(&["ask", "--url", "http://127.0.0.1:9", "--home", "home", "select 1"]);
    assert_eq!(dead.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&dead.stderr).contains("next: snowgate serve"));
    for wrong in [
        &["frobnicate"][..],
        &["replay", "not-a-session", "--home", "home"],
        &["serve", "--listen", "nowhere"],
    ] {
        assert_eq!(gateway.run(wrong).status.code(), Some(64), "{wrong:?}");
    }
}

#[test]
fn a_token_of_the_development_issuer_never_reviews_audits_or_operates() {
    let gateway = Served::start();
    for group in ["data-reviewers", "auditors", "operators"] {
        let output = gateway.run(&["token", "--home", "home", "--groups", group]);
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true), "{group}");
    }
    let exposed = gateway.run(&["serve", "--listen", "0.0.0.0:0", "--home", "other"]);
    assert_eq!(exposed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&exposed.stderr).contains("real issuer"));
}

#[test]
fn a_revoked_agent_is_refused_while_the_gateway_runs() {
    let gateway = Served::start();
    assert_eq!(gateway.ask("select 1").0, 0);
    assert_eq!(gateway.run(&["revoke", "agent", "snowgate-ask", "--home", "home"]).status.code(), Some(0));
    let begun = Instant::now();
    loop {
        // What is asked later than that is refused, however long it takes.
        let asked = begun.elapsed();
        if gateway.ask("select 1").0 != 0 {
            break;
        }
        assert!(asked < Duration::from_secs(5), "still answered");
    }
}

#[test]
fn what_was_rejected_before_anybody_was_identified_is_counted_and_listed() {
    let gateway = Served::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        for _ in 0..3 {
            let request = reqwest::Client::new()
                .post(format!("{}/api/v2/statements", gateway.url))
                .bearer_auth("nobody's token")
                .header("User-Agent", "test/1")
                .json(&json!({"statement": SELECT}));
            assert_eq!(request.send().await.expect("an answer").status(), 401);
        }
    });
    let told = gateway.lines(&["search", "--rejected", "--home", "home", "--json"]);
    let count: u64 = told.iter().filter_map(|row| row["count"].as_u64()).sum();
    assert_eq!(count, 3, "{told:?}");
    for row in &told {
        assert_eq!(row["door"], json!("sqlapi"), "{row}");
        assert!(row["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{row}");
        assert!(row["minute"].as_str().is_some_and(|minute| minute.ends_with(":00.000000Z")), "{row}");
    }
    // No exchange came of it, and times narrow it like any search.
    assert!(gateway.lines(&["search", "--home", "home", "--json"]).is_empty());
    let before = ["search", "--rejected", "--to", "2020-01-01", "--home", "home", "--json"];
    assert!(gateway.lines(&before).is_empty());
    let text =
        String::from_utf8(gateway.run(&["search", "--rejected", "--home", "home"]).stdout).expect("text");
    assert!(text.lines().all(|line| line.contains("Z  sqlapi  ")) && !text.is_empty(), "{text}");
    let wrong = gateway.run(&["search", "--rejected", "--agent", "x", "--home", "home"]);
    assert_eq!(wrong.status.code(), Some(64));
}

#[test]
fn a_policy_that_breaks_while_the_gateway_runs_answers_nobody_until_it_is_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = snowgate(folder.path()).args(["policy", "init", "policies"]).output().expect("it runs");
    assert!(made.status.success());
    let gateway = Served::start_in(folder, &["--policies", "policies"]);
    assert_eq!(gateway.ask(SELECT).0, 0);

    let file = gateway.folder.path().join("policies/20-statements.cedar");
    let good = fs::read_to_string(&file).expect("text");
    fs::write(&file, "permit(principal, action, resource) when {").expect("written");
    let begun = Instant::now();
    while gateway.ask(SELECT).0 != 1 {
        assert!(begun.elapsed() < Duration::from_secs(10), "still answered");
    }
    let told = gateway.run(&["ask", "--url", &gateway.url, "--home", "home", SELECT]);
    assert!(told.stdout.is_empty());
    assert!(String::from_utf8_lossy(&told.stderr).contains("snowgate policy check"), "{told:?}");
    let checked = gateway.run(&["policy", "check", "policies"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&checked.stdout).starts_with("20-statements.cedar:"), "{checked:?}");
    assert!(
        String::from_utf8_lossy(&checked.stderr).contains("snowgate policy check policies"),
        "{checked:?}"
    );
    // Nobody could decide, so there is no exchange; that it was asked is on record all the same. (What was under way when
    // it broke is an exchange.)
    assert_eq!(gateway.ask(SELECT).0, 1);
    let told = gateway.lines(&["search", "--rejected", "--home", "home", "--json"]);
    let count: u64 = told.iter().filter_map(|row| row["count"].as_u64()).sum();
    assert!(count >= 2 && told.iter().all(|row| row["reason"] == json!("policy_unavailable")), "{told:?}");

    fs::write(&file, good).expect("written");
    let begun = Instant::now();
    while gateway.ask(SELECT).0 != 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "not mended");
    }
}

#[test]
fn a_recordings_folder_that_cannot_be_written_means_no_rows() {
    let gateway = Served::start();
    assert_eq!(gateway.ask(SELECT).0, 0);
    let records = gateway.folder.path().join("home/records");
    fs::rename(&records, gateway.folder.path().join("aside")).expect("moved");
    // Even for root, who is stopped by no permission, a file is no folder.
    fs::write(&records, "").expect("written");
    let told = gateway.run(&["ask", "--url", &gateway.url, "--home", "home", "--json", SELECT]);
    assert_eq!((told.status.code(), told.stdout.is_empty()), (Some(1), true), "{told:?}");
    assert!(String::from_utf8_lossy(&told.stderr).contains("recordings"), "{told:?}");

    fs::remove_file(&records).expect("removed");
    fs::rename(gateway.folder.path().join("aside"), &records).expect("moved back");
    assert_eq!(gateway.ask(SELECT).0, 0);
}

#[test]
fn a_kill_in_the_middle_of_200_statements_loses_no_exchange() {
    let mut gateway = Served::start();
    let tokens: Vec<String> = (0..20)
        .map(|n| {
            let agent = format!("agent-{n}");
            let output = gateway.run(&["token", "--home", "home", "--agent", &agent]);
            String::from_utf8(output.stdout).expect("a token").trim().to_owned()
        })
        .collect();
    let url = gateway.url.clone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let asked: Vec<_> = (0..200)
            .map(|n| {
                let request = client
                    .post(format!("{url}/api/v2/statements"))
                    .bearer_auth(&tokens[n % tokens.len()])
                    .header("Accept", "application/json")
                    .header("User-Agent", "test/1")
                    .json(&json!({"statement": SELECT}));
                tokio::spawn(
                    async move { request.send().await.is_ok_and(|answer| answer.status().is_success()) },
                )
            })
            .collect();
        // Some have answered, some are under way, some have not begun.
        while gateway.closings().len() < 20 {
            tokio::task::yield_now().await;
        }
        gateway.child.kill().expect("killed");
        let mut answered = 0;
        for one in asked {
            answered += usize::from(one.await.unwrap_or(false));
        }
        // What was answered was closed before.
        assert!(gateway.closings().len() >= answered, "{answered} were answered");
    });
    gateway.child.wait().expect("it is gone");

    let address = url.trim_start_matches("http://");
    let (child, _) = serve(gateway.folder.path(), address, &[]);
    gateway.child = child;
    let begun = Instant::now();
    loop {
        // What was cut off is under way for as long as nobody has closed it.
        assert_eq!(gateway.verify(), 0);
        let rows = gateway.lines(&["search", "--home", "home", "--json"]);
        if rows.iter().all(|row| row["outcome"] != "pending") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "something is still open");
        std::thread::sleep(Duration::from_millis(500));
    }
    for row in gateway.lines(&["search", "--home", "home", "--json"]) {
        assert!(["rows", "lost", "failed"].contains(&row["outcome"].as_str().unwrap_or_default()), "{row}");
    }
}

/// What was printed, with what goes on behind a mark put behind its beginning again.
fn unbroken(printed: &str) -> String {
    let mut whole = String::with_capacity(printed.len());
    for line in printed.lines() {
        match line.trim_start_matches([' ', '│']).strip_prefix("… ") {
            Some(rest) => whole.push_str(&format!(" {rest}")),
            None => whole.push_str(&format!("\n{line}")),
        }
    }
    whole
}
