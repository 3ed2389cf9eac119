//! Real clients of MCP against the running gateway: the Python SDK with and without a handshake, and the TypeScript SDK.
//! Both hold what they get to the tools' output schemas.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::Served;

/// A client that calls one tool a line.
pub struct Client {
    child: Child,
    calls: ChildStdin,
    answers: std::io::Lines<BufReader<ChildStdout>>,
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client {
    /// None, said loudly, where the toolchain is missing.
    pub fn start(program: &Path, arguments: &[&str]) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mcp-clients");
        let spawned = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Written past the test harness, which would swallow it.
                let told =
                    format!("!! SKIPPED: no `{}`, so no such client of MCP was run\n", program.display());
                std::io::stderr().write_all(told.as_bytes()).expect("standard error");
                return None;
            }
            Err(error) => panic!("{} cannot be started: {error}", program.display()),
        };
        let calls = child.stdin.take().expect("its input");
        let answers = BufReader::new(child.stdout.take().expect("its output")).lines();
        Some(Self { child, calls, answers })
    }

    pub fn answer(&mut self) -> Value {
        let line = self.answers.next().expect("the client has ended").expect("text");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Whether it is an error, and the structure.
    fn call(&mut self, name: &str, arguments: Value) -> (bool, Value) {
        self.call_with(name, arguments, &Value::Null)
    }

    /// The same with a `_meta` of its own.
    pub fn call_with(&mut self, name: &str, arguments: Value, meta: &Value) -> (bool, Value) {
        let mut call = json!({ "name": name, "arguments": arguments });
        if !meta.is_null() {
            call["meta"] = meta.clone();
        }
        writeln!(self.calls, "{call}").expect("it reads");
        let answer = self.answer();
        (answer["isError"].as_bool().expect("a flag"), answer["told"].clone())
    }
}

#[test]
fn the_python_sdk_uses_every_tool_without_a_handshake() {
    python("auto");
}

#[test]
fn the_python_sdk_uses_every_tool_after_a_handshake() {
    python("legacy");
}

#[test]
fn the_typescript_sdk_uses_every_tool() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mcp-clients");
    let is_installed = folder.join("node_modules/@modelcontextprotocol/sdk").is_dir();
    let served = Served::start();
    let (url, token) = (format!("{}/mcp", served.url), served.token());
    if let Some(client) = Client::start(Path::new("node"), &["client.mjs", &url, &token]) {
        assert!(is_installed, "the TypeScript SDK of MCP is missing: run `make tools`");
        converse(&served, client);
    }
}

/// The Python that has the SDK.
pub fn python_of_the_sdk() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/mcp-python/bin/python");
    if !python.is_file() {
        let here = Command::new("python3").arg("--version").output();
        assert!(here.is_err(), "the Python SDK of MCP is missing: run `make tools`");
    }
    python
}

fn python(mode: &str) {
    let python = python_of_the_sdk();
    let served = Served::start();
    let (url, token) = (format!("{}/mcp", served.url), served.token());
    if let Some(client) = Client::start(&python, &["client.py", &url, &token, mode]) {
        converse(&served, client);
    }
}

#[test]
fn the_python_program_that_is_printed_runs_as_it_is() {
    let python = python_of_the_sdk();
    let served = Served::start();
    let printed = Command::new(env!("CARGO_BIN_EXE_snowgate"))
        .args(["agent", "sdk", "--url", &served.url, "--subject", "ana@example.com", "--part", "mcp"])
        .output()
        .expect("it runs");
    assert!(printed.status.success(), "{printed:?}");
    let program = String::from_utf8(printed.stdout).expect("text");
    if !python.is_file() {
        std::io::stderr()
            .write_all(b"!! SKIPPED: no python, so what is printed for it was not run\n")
            .expect("told");
        return;
    }
    let ran = Command::new(&python)
        .args(["-c", &program])
        .env("SNOWGATE_TOKEN", served.token())
        // Any credential hands a prompt in; the agent's own declares it.
        .env("SNOWGATE_PROMPTS_SECRET", served.token())
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("'status': 'rows'"), "{program}{told}{ran:?}");
}

fn converse(served: &Served, mut client: Client) {
    let names = ["run_sql", "get_result", "check_sql", "list_objects", "describe_object", "cancel"];
    assert_eq!(client.answer(), json!(names));
    let (is_error, listed) = client.call("list_objects", json!({}));
    assert!(!is_error && listed.to_string().contains("DEMO.PUBLIC.CUSTOMERS"), "{listed}");
    let (is_error, described) = client.call("describe_object", json!({ "object": "customers" }));
    let columns = described["columns"].as_array().expect("columns");
    let is_masked =
        |name: &str| columns.iter().any(|column| column["name"] == name && column["masked"] == true);
    assert!(!is_error && is_masked("SSN") && !is_masked("ID"), "{described}");

    let sql = "select id, ssn as harmless from customers order by id limit 3";
    let (is_error, checked) = client.call("check_sql", json!({ "statement": sql }));
    assert_eq!((is_error, &checked["status"]), (false, &json!("allowed")), "{checked}");
    let arguments = json!({ "statement": sql, "user_request": "who are our customers?", "max_rows": 2 });
    let (is_error, ran) = client.call("run_sql", arguments);
    assert_eq!((is_error, &ran["rows"]), (false, &json!([["1", "[SSN]"], ["2", "[SSN]"]])), "{ran}");
    let more = json!({ "handle": ran["handle"], "from_row": ran["next_row"] });
    let (is_error, rest) = client.call("get_result", more);
    assert_eq!((is_error, &rest["rows"]), (false, &json!([["3", "[SSN]"]])), "{rest}");

    let (is_error, refused) = client.call("run_sql", json!({ "statement": "drop table customers" }));
    assert_eq!((is_error, &refused["status"]), (true, &json!("refused")), "{refused}");
    let write = json!({ "statement": "delete from orders where status = 'cancelled'" });
    let (is_error, held) = client.call("run_sql", write);
    assert_eq!((is_error, &held["status"]), (false, &json!("waiting")), "{held}");
    let (is_error, cancelled) = client.call("cancel", json!({ "handle": held["handle"] }));
    // Somebody else may be looking after it at that moment: then it ends a moment later.
    let words = [json!("cancelled"), json!("cancelling")];
    assert!(!is_error && words.contains(&cancelled["status"]), "{cancelled}");
    let (is_error, ended) = client.call("get_result", json!({ "handle": held["handle"] }));
    assert_eq!((is_error, &ended["code"]), (true, &json!("000604")), "{ended}");
    let (is_error, invalid) = client.call("run_sql", json!({}));
    assert_eq!((is_error, &invalid["status"]), (true, &json!("invalid")), "{invalid}");

    let rows = served.lines(&["search", "--home", "home", "--json"]);
    assert_eq!(rows.len(), 3, "the looks are none: {rows:?}");
    assert!(rows.iter().all(|row| row["door"] == "mcp"), "{rows:?}");
    let asked = |row: &&Value| row.to_string().contains("who are our customers?");
    assert_eq!(rows.iter().filter(asked).count(), 1, "{rows:?}");
    let rejected = served.lines(&["search", "--home", "home", "--rejected", "--json"]);
    for word in ["checked", "listed", "described", "arguments"] {
        assert!(rejected.iter().any(|row| row["reason"] == word && row["door"] == "mcp"), "{rejected:?}");
    }
}
