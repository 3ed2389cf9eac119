//! The official conformance suite of MCP and the Inspector, against the running gateway.
//!
//! The suite is written for a server that holds the suite's own tools, resources and prompts. This one has its own tools and
//! nothing else, so each scenario stands in one of three tables: it passes whole, or but for checks that need what the suite
//! brings, or it is about something that is not here. A scenario in none of them fails the test, so that a newer suite is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use super::Served;

/// The revisions that are spoken here.
const REVISIONS: [&str; 3] = ["2025-06-18", "2025-11-25", "2026-07-28"];

/// What must pass whole.
const WHOLE: [&str; 11] = [
    "server-initialize",
    "server-session-lifecycle",
    "server-sse-polling",
    "server-sse-multiple-streams",
    "ping",
    "tools-list",
    "dns-rebinding-protection",
    "http-header-validation",
    "sep-2164-resource-not-found",
    "input-required-result-unsupported-methods",
    "input-required-result-validate-input",
];

/// What must pass but for these checks, and why they cannot.
const PARTLY: [(&str, &[&str], &str); 6] = [
    (
        "server-stateless",
        &[
            "sep-2575-server-rejects-undeclared-capability",
            "sep-2575-missing-capability-http-400",
            "sep-2575-http-server-no-independent-requests-on-stream",
            "sep-2575-server-no-log-without-loglevel",
        ],
        "they call the suite's own tools",
    ),
    (
        "caching",
        &[
            "sep-2549-prompts-list-caching-hints",
            "sep-2549-resources-list-caching-hints",
            "sep-2549-resources-templates-list-caching-hints",
        ],
        "there are no prompts and no resources",
    ),
    (
        "tasks-capability-negotiation",
        &["sep-2663-server-rejects-undeclared-client", "tasks-per-request-meta-opt-in"],
        "they call the suite's own tools",
    ),
    (
        "tasks-dispatch-and-envelope",
        &[
            "tasks-server-directed-creation-no-hint",
            "sep-2663-legacy-task-param-ignored",
            "tasks-immediate-result-shortcut",
            "tasks-result-type-complete-on-non-task-responses",
            "sep-2663-durable-create-strong-consistency",
        ],
        "they call the suite's own tools",
    ),
    (
        "tasks-request-headers",
        &[
            "tasks-headers-tolerate-mcp-method-on-tools-call",
            "sep-2663-routing-headers-accepted-on-tasks-get",
            "sep-2663-server-rejects-mismatched-mcp-name-on-tasks-get",
        ],
        "they call the suite's own tools",
    ),
    (
        "http-custom-header-server-validation",
        &[
            "sep-2243-server-no-xmcp-tool",
            "sep-2243-server-decode-base64",
            "sep-2243-server-validate-param-match",
            "sep-2243-server-reject-invalid-param-chars",
            "sep-2243-server-reject-param-mismatch",
        ],
        "no argument of a tool is asked for as a header",
    ),
];

/// What is about something that is not here, by what its name begins with. What it sends is answered in the protocol's shape
/// all the same, which is looked at.
const ELSEWHERE: [(&str, &str); 16] = [
    ("tools-call-", "the suite's own tools"),
    ("json-schema-2020-12", "a tool of the suite's own"),
    ("tasks-lifecycle", "the suite's own tools"),
    ("tasks-wire-fields", "the suite's own tools"),
    ("tasks-request-state-removal", "the suite's own tools"),
    ("tasks-mrtr-", "no task asks its client for anything"),
    ("tasks-status-notifications", "no subscriptions: clients ask for a task's status"),
    ("tasks-required-task-error", "no tool needs a task"),
    ("input-required-result-", "no tool asks its client for anything"),
    ("elicitation-", "nothing is asked of a person through their client: a client can answer for them"),
    ("logging-set-level", "no log is sent to clients"),
    ("completion-complete", "no completion"),
    ("resources-", "no resources"),
    ("prompts-", "no prompts"),
    ("sep-2640-", "no skills"),
    ("http-custom-headers", "no argument of a tool is asked for as a header"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mcp-clients")
}

/// A Node that both need; none, said loudly, where there is none at all.
fn node() -> Option<PathBuf> {
    match Command::new("node").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Written past the test harness, which would swallow it.
            let told =
                b"!! SKIPPED: no `node`, so neither the conformance suite of MCP nor the Inspector was run\n";
            std::io::stderr().write_all(told).expect("standard error");
            return None;
        }
        found => found.expect("it runs"),
    };
    let node = folder().join("node_modules/node/bin/node");
    assert!(node.is_file(), "the Node of the conformance suite of MCP is missing: run `make tools`");
    Some(node)
}

fn script(path: &str) -> PathBuf {
    let script = folder().join("node_modules/@modelcontextprotocol").join(path);
    assert!(script.is_file(), "{path} is missing: run `make tools`");
    script
}

/// A server that hands everything on to the gateway with a token.
struct Bearer {
    child: Child,
    url: String,
}

impl Bearer {
    fn start(node: &Path, served: &Served) -> Self {
        let mut child = Command::new(node)
            .arg(folder().join("bearer.mjs"))
            .args([&served.url, &served.token()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let url = lines.next().expect("an address").expect("text");
        Self { child, url: format!("{url}/mcp") }
    }
}

impl Drop for Bearer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The statuses of a scenario's checks, by their names, with what is wrong with each.
type Checks = BTreeMap<String, Vec<(String, String)>>;

struct Suite {
    node: PathBuf,
    script: PathBuf,
    bearer: Bearer,
    results: tempfile::TempDir,
}

impl Suite {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(&self.node).arg(&self.script).args(arguments).output().expect("it runs")
    }

    fn scenarios(&self) -> BTreeSet<String> {
        let listed = self.run(&["list", "--server"]);
        let text = String::from_utf8(listed.stdout).expect("text");
        let names = text.lines().filter_map(|line| line.trim().strip_prefix("- "));
        names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// Runs them, and reads what each found.
    fn checked(&self, name: &str, arguments: &[&str]) -> BTreeMap<String, Checks> {
        let results = self.results.path().join(name);
        let place = results.to_str().expect("text").to_owned();
        let output = self.run(&[&["server", "--url", &self.bearer.url, "-o", &place], arguments].concat());
        let mut scenarios = BTreeMap::new();
        let entries = fs::read_dir(&results).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        for entry in entries {
            let entry = entry.expect("an entry");
            let folder = entry.file_name().into_string().expect("text");
            // server-NAME-TIME
            let name = folder.strip_prefix("server-").and_then(|name| name.get(..name.len() - 25));
            let name = name.expect("a name").to_owned();
            let Ok(text) = fs::read_to_string(entry.path().join("checks.json")) else { continue };
            let found: Vec<Value> = serde_json::from_str(&text).expect("checks");
            let mut checks = Checks::new();
            for check in found {
                let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
                checks.entry(text("id")).or_default().push((text("status"), text("errorMessage")));
            }
            scenarios.insert(name, checks);
        }
        scenarios
    }
}

/// The checks that failed, with what is wrong.
fn failed(checks: &Checks) -> BTreeMap<&str, &str> {
    let each = checks.iter().flat_map(|(id, found)| found.iter().map(move |found| (id, found)));
    let failed = each.filter(|(_, (status, _))| status == "FAILURE");
    failed.map(|(id, (_, wrong))| (id.as_str(), wrong.as_str())).collect()
}

#[track_caller]
fn judge(revision: &str, scenario: &str, checks: &Checks) {
    let failed = failed(checks);
    let named: BTreeSet<&str> = failed.keys().copied().collect();
    if WHOLE.contains(&scenario) {
        assert!(named.is_empty() && !checks.is_empty(), "{revision} {scenario}: {failed:?}");
    } else if let Some((_, excused, why)) = PARTLY.iter().find(|(name, ..)| *name == scenario) {
        let excused: BTreeSet<&str> = excused.iter().copied().collect();
        assert_eq!(named, excused, "{revision} {scenario} ({why}): {failed:?}");
    } else {
        assert!(!named.contains("wire-schema-valid"), "{revision} {scenario}: {failed:?}");
    }
}

#[test]
fn the_conformance_suite_passes_as_far_as_it_is_about_a_server_of_tools() {
    let Some(node) = node() else { return };
    let served = Served::start();
    let suite = Suite {
        script: script("conformance/dist/index.js"),
        bearer: Bearer::start(&node, &served),
        results: tempfile::tempdir().expect("a folder"),
        node,
    };
    let known = suite.scenarios();
    let is_elsewhere = |name: &str| ELSEWHERE.iter().any(|(begins, _)| name.starts_with(begins));
    for scenario in &known {
        let is_judged =
            WHOLE.contains(&scenario.as_str()) || PARTLY.iter().any(|(name, ..)| name == scenario);
        assert!(is_judged || is_elsewhere(scenario), "{scenario} stands in no table");
    }
    let mut seen = BTreeSet::new();
    for revision in REVISIONS {
        let found = suite.checked(revision, &["--suite", "all", "--spec-version", revision]);
        assert!(found.len() > 20, "{revision}: {found:?}");
        for (scenario, checks) in found {
            judge(revision, &scenario, &checks);
            seen.insert(scenario);
        }
    }
    for scenario in known.iter().filter(|name| name.starts_with("tasks-")) {
        for (scenario, checks) in suite.checked(scenario, &["--scenario", scenario]) {
            judge("extension", &scenario, &checks);
            seen.insert(scenario);
        }
    }
    let judged = WHOLE.iter().copied().chain(PARTLY.iter().map(|(name, ..)| *name));
    let missing: Vec<&str> = judged.filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "they were not run: {missing:?}");
}

#[test]
fn the_inspector_lists_the_tools_and_calls_one() {
    let Some(node) = node() else { return };
    let script = script("inspector/clients/launcher/build/index.js");
    let served = Served::start();
    let (url, token) = (format!("{}/mcp", served.url), served.token());
    let inspect = |arguments: &[&str]| -> Value {
        let header = format!("Authorization: Bearer {token}");
        let output = Command::new(&node)
            .arg(&script)
            .args(["--cli", &url, "--transport", "http", "--header", &header])
            .args(arguments)
            .env("HOME", served.folder.path())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    let listed = inspect(&["--method", "tools/list"]);
    let names: Vec<&Value> =
        listed["tools"].as_array().expect("tools").iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["run_sql", "get_result", "check_sql", "list_objects", "describe_object", "cancel"]);
    let statement = "statement=select id, ssn as harmless from customers order by id limit 1";
    let called = inspect(&["--method", "tools/call", "--tool-name", "run_sql", "--tool-arg", statement]);
    assert_eq!(called["structuredContent"]["rows"], json!([["1", "[SSN]"]]), "{called}");
}
