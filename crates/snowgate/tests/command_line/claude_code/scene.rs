//! The real command line of Claude Code between a person, a played model and a real gateway.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{Served, conversation, snowgate};
use super::folder;
use super::model::Model;
use super::told::{PATIENCE, Told};

/// The provider's own credential, beside those that are printed for the client.
const PROVIDER: &str = "provider-secret-that-is-long-too";

/// The settings that hold for everybody, below `/etc` as below a conversation's folder.
const MANAGED: &str = "etc/claude-code/managed-settings.json";

/// Who sees a prompt and its statement: telemetry says which tool was used, and not what it was told.
pub const WITNESSES: [(&str, &str, &str); 3] =
    [("hooks", "tool_use", "same"), ("telemetry", "tool_use", "unseen"), ("provider", "tool_use", "same")];

/// What Claude Code may do without asking a person.
const ALLOWED: &str = "mcp__snowgate__run_sql,Skill,Bash,Agent";

/// Where the settings that are printed lie.
#[derive(Clone, Copy)]
pub enum Place {
    /// What holds for everybody, in a file that the command line names.
    Named,
    /// What a user may set, among their own settings.
    Own,
    /// What holds for everybody, where administrators put it, in a view of the files of its own.
    Administrators,
}

/// A statement, and what is known of its prompt by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub sql: String,
    /// What is recorded as the prompt but for the notes of what a client put beside it.
    pub prompt: String,
    pub grade: String,
    pub findings: Vec<String>,
}

/// A conversation.
pub struct Scene {
    pub served: Served,
    pub model: Model,
    client: Client,
    place: Place,
    variables: Vec<(String, String)>,
    /// The project that it works in lies in `project`.
    pub folder: TempDir,
}

/// One run of the command line.
struct Client {
    child: Child,
    input: Option<ChildStdin>,
    told: Told,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.client.child.kill();
        let _ = self.client.child.wait();
        if std::thread::panicking() {
            for (who, told) in
                [("Claude Code", &self.client.told), ("the fake of the Messages API", &self.model.told)]
            {
                eprintln!("── {who} has printed:");
                for line in told.all() {
                    eprintln!("{}", self.without_secrets(&line));
                }
            }
            let found = self.served.run(&["search", "--home", "home"]).stdout;
            eprintln!("── recorded:\n{}", String::from_utf8_lossy(&found));
        }
    }
}

impl Scene {
    /// None, said loudly, where there is no Node.
    pub fn start(turns: &[Value]) -> Option<Self> {
        Self::start_with(turns, Place::Named, &[])
    }

    /// The same with variables of the client's own besides.
    pub fn start_with(turns: &[Value], place: Place, variables: &[(&str, &str)]) -> Option<Self> {
        let model = Model::start(turns)?;
        assert!(program().is_file(), "Claude Code is missing: run `make tools`");
        let home = tempfile::tempdir().expect("a folder");
        let (channels, secrets) = printed(home.path(), "http://127.0.0.1:8181", "channels");
        let provider = format!(
            "[[evidence]]\nname = \"provider\"\nkind = \"provider\"\nsecret_sha256 = \"{}\"\nsubjects = [\"*\"]\n",
            conversation::hash(PROVIDER)
        );
        fs::write(home.path().join("snowgate.toml"), channels + &provider).expect("written");
        let served = Served::start_in(home, &[]);
        let mut all: Vec<(String, String)> = secrets
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, secret)| (name.to_owned(), secret.to_owned()))
            .collect();
        all.push(("SNOWGATE_TOKEN".to_owned(), served.token()));
        all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));

        let folder = tempfile::tempdir().expect("a folder");
        for name in ["home/.claude", "project", "tmp", "etc/claude-code"] {
            fs::create_dir_all(folder.path().join(name)).expect("made");
        }
        let settings = match place {
            Place::Named | Place::Administrators => ("managed", MANAGED),
            Place::Own => ("hooks", "home/.claude/settings.json"),
        };
        for (part, path) in [("mcp", "mcp.json"), settings] {
            fs::write(folder.path().join(path), printed(folder.path(), &served.url, part).0)
                .expect("written");
        }
        let client = Client::start(folder.path(), place, &model.host, &all, &[]);
        Some(Self { served, model, client, place, variables: all, folder })
    }

    /// The person comes back to the conversation that they left.
    pub fn resume(&mut self) {
        let line = self.client.told.nth(1, "a session", |line| line["session_id"].is_string());
        let session = line["session_id"].as_str().unwrap_or_default().to_owned();
        self.client = Client::start(
            self.folder.path(),
            self.place,
            &self.model.host,
            &self.variables,
            &["--resume", &session],
        );
    }

    fn without_secrets(&self, line: &Value) -> String {
        let mut text = shortened(line).to_string();
        for (name, secret) in self.variables.iter().filter(|(_, value)| value.len() > 30) {
            text = text.replace(secret, name);
        }
        text
    }

    fn send(&mut self, message: &Value) {
        let input = self.client.input.as_mut().expect("it has not ended");
        writeln!(input, "{message}").and_then(|()| input.flush()).expect("it reads");
    }

    /// A person types this.
    pub fn say(&mut self, text: &str) {
        let message = json!({ "role": "user", "content": text });
        self.send(
            &json!({ "type": "user", "message": message, "session_id": "", "parent_tool_use_id": null }),
        );
    }

    /// What a program that drives it asks for; it has read by then whatever was sent before.
    #[track_caller]
    fn control(&mut self, subtype: &str) {
        let id = format!("{subtype}-1");
        let request = json!({ "subtype": subtype });
        self.send(&json!({ "type": "control_request", "request_id": id, "request": request }));
        self.client.told.nth(1, subtype, |line| {
            line["type"] == "control_response" && line["response"]["request_id"] == *id
        });
    }

    /// A person presses Esc.
    #[track_caller]
    pub fn interrupt(&mut self) {
        self.control("interrupt");
    }

    /// Waits until what a person typed is in the client's hands.
    #[track_caller]
    pub fn has_read(&mut self) {
        self.control("mcp_status");
    }

    /// Waits for the nth answer to a person, from 1.
    #[track_caller]
    pub fn answer(&self, n: usize) -> Value {
        self.client.told.nth(n, "an answer", |line| line["type"] == "result")
    }

    /// What it prints, until it prints this.
    #[track_caller]
    pub fn prints(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.client.told.nth(1, what, is_so)
    }

    /// The person leaves.
    #[track_caller]
    pub fn leave(&mut self) {
        self.client.input = None;
        assert!(self.client.told.ends(), "it does not end");
        let status = self.client.child.wait().expect("it has ended");
        assert!(status.success(), "{status}");
    }

    /// The provider exports every call of the model, as spans with messages.
    #[track_caller]
    pub fn export(&self) {
        let text = |key: &str, value: String| json!({ "key": key, "value": { "stringValue": value } });
        for (at, call) in (1..).zip(self.model.answered()) {
            let output = json!([{ "role": "assistant", "content": call["output"] }]);
            let span = json!({
                "name": "chat", "traceId": format!("{at:032x}"), "spanId": format!("{at:016x}"),
                "startTimeUnixNano": call["began"], "endTimeUnixNano": call["ended"],
                "attributes": [
                    text("gen_ai.input.messages", call["messages"].to_string()),
                    text("gen_ai.output.messages", output.to_string()),
                ],
            });
            let spans = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
            assert_eq!(conversation::post(&self.served, "/otlp/v1/traces", PROVIDER, &spans), 200);
        }
    }

    /// Every statement, the oldest first.
    pub fn known(&self) -> Vec<Known> {
        let texts = |value: &Value| -> Vec<String> {
            let texts = value.as_array().into_iter().flatten();
            texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = self.served.lines(&["search", "--home", "home", "--json"]);
        rows.iter()
            .map(|row| Known {
                sql: text(&row["sql"]),
                prompt: typed(&text(&row["prompt"])),
                grade: text(&row["evidence"]),
                findings: texts(&row["findings"]),
            })
            .collect()
    }

    /// Waits until this is what is known: statement, prompt and grade of each, and no finding.
    #[track_caller]
    pub fn is_known(&self, expected: &[(&str, &str, &str)]) {
        let with = expected.iter().map(|(sql, prompt, grade)| (*sql, *prompt, *grade, [].as_slice()));
        self.is_known_with(&with.collect::<Vec<_>>());
    }

    /// The same, with findings.
    #[track_caller]
    pub fn is_known_with(&self, expected: &[(&str, &str, &str, &[&str])]) {
        let expected: Vec<Known> = expected
            .iter()
            .map(|(sql, prompt, grade, findings)| Known {
                sql: (*sql).to_owned(),
                prompt: (*prompt).to_owned(),
                grade: (*grade).to_owned(),
                findings: findings.iter().map(|finding| (*finding).to_owned()).collect(),
            })
            .collect();
        self.comes_to(&format!("{expected:#?}"), |known| known == expected);
    }

    /// Waits until what is known is so.
    #[track_caller]
    pub fn comes_to(&self, what: &str, is_so: impl Fn(&[Known]) -> bool) {
        let begun = Instant::now();
        loop {
            let known = self.known();
            if is_so(&known) {
                break;
            }
            // What is late comes within a second or so.
            assert!(begun.elapsed() < PATIENCE / 3, "known: {known:#?}\nexpected: {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(self.served.verify(), 0);
    }

    /// What a replay tells of the only session.
    #[track_caller]
    pub fn replay(&self) -> Vec<Value> {
        let rows = self.served.lines(&["search", "--home", "home", "--json"]);
        let mut sessions: Vec<&str> = rows.iter().filter_map(|row| row["session"].as_str()).collect();
        sessions.dedup();
        assert_eq!(sessions.len(), 1, "one conversation, one session");
        self.served.lines(&["replay", sessions[0], "--home", "home", "--json"])
    }

    /// What each prompt was known to be when its statement was decided: hooks had told both, and telemetry had where it was early.
    #[track_caller]
    pub fn was_known(&self, expected: &[&str]) {
        assert_eq!(self.prompts_then(), expected);
    }

    /// The same prompts, as they stood in the record then.
    #[track_caller]
    pub fn prompts_then(&self) -> Vec<String> {
        let mut told = self.replay();
        told.retain(|event| event["kind"] == "prompt");
        for prompt in &told {
            let witnesses = prompt["witnesses"].as_array().map(Vec::as_slice).unwrap_or_default();
            let grade = if witnesses.len() == 1 { "P2" } else { "P3" };
            assert_eq!(prompt["evidence"], grade, "{prompt}");
            assert_eq!(words(&witnesses[0]), WITNESSES[0], "{prompt}");
        }
        told.iter().filter_map(|prompt| prompt["text"].as_str().map(str::to_owned)).collect()
    }

    /// Who is known by now to have seen the last statement's prompt, how each was found, and what each saw of the statement.
    #[track_caller]
    pub fn is_witnessed_by(&self, expected: &[(&str, &str, &str)]) {
        let told = self.replay();
        let last = told.iter().rfind(|event| event["witnesses"].is_array()).expect("witnesses");
        let witnesses: Vec<(&str, &str, &str)> =
            last["witnesses"].as_array().into_iter().flatten().map(words).collect();
        assert_eq!(witnesses, expected);
    }

    /// Waits until that many statements were asked.
    #[track_caller]
    pub fn has_asked(&self, statements: usize) {
        let begun = Instant::now();
        while self.known().len() < statements {
            assert!(begun.elapsed() < PATIENCE, "it has not asked");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What a witness is, how it was found, and what it saw of the statement.
fn words(witness: &Value) -> (&str, &str, &str) {
    let word = |name: &str| witness[name].as_str().unwrap_or_default();
    (word("kind"), word("join"), word("statement"))
}

/// What is printed for Claude Code at that address: standard output and standard error.
fn printed(folder: &Path, url: &str, part: &str) -> (String, String) {
    let output = snowgate(folder)
        .args(["agent", "claude-code", "--url", url, "--subject", "ana@example.com", "--part", part])
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

impl Client {
    fn start(
        folder: &Path,
        place: Place,
        model: &str,
        variables: &[(String, String)],
        arguments: &[&str],
    ) -> Self {
        let mut command = match place {
            Place::Named => {
                let mut command = Command::new(program());
                command.arg("--settings").arg(folder.join(MANAGED));
                command
            }
            Place::Own => Command::new(program()),
            Place::Administrators => {
                let mut command = elsewhere(&folder.join("etc"));
                command.arg(program());
                command
            }
        };
        alone(&mut command, folder, model);
        let mut child = command
            .args(["-p", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json"])
            .args(["--allowedTools", ALLOWED, "--mcp-config"])
            .arg(folder.join("mcp.json"))
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder.join("project"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take();
        let told = Told::by(child.stdout.take().expect("its output"));
        Self { child, input, told }
    }
}

pub fn program() -> PathBuf {
    folder().join("node_modules/.bin/claude")
}

/// A home of its own, the fake instead of the provider, and no way to any other machine.
#[allow(clippy::disallowed_methods, reason = "what whoever runs this test has set is taken away, not read")]
fn alone(command: &mut Command, folder: &Path, model: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let url = format!("http://{model}");
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.join("home"))
        .env("TMPDIR", folder.join("tmp"))
        .env("CLAUDE_CODE_TMPDIR", folder.join("tmp"))
        .env("ANTHROPIC_BASE_URL", &url)
        .env("ANTHROPIC_API_KEY", "sk-ant-of-no-use")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("DISABLE_ERROR_REPORTING", "1")
        // The fake tells of whatever is asked for elsewhere.
        .env("HTTP_PROXY", &url)
        .env("HTTPS_PROXY", &url)
        .env("NO_PROXY", "127.0.0.1");
}

/// Runs what is added to it where `/etc` has what lies in that folder besides; only there.
pub fn elsewhere(etc: &Path) -> Command {
    let mut command = Command::new("unshare");
    let mount = "mount -t overlay overlay -o lowerdir=\"$0\":/etc /etc && exec \"$@\"";
    command.args(["--map-root-user", "--mount", "sh", "-c", mount]).arg(etc);
    command
}

/// What stands in a recorded prompt but for notes of what a client put beside it.
fn typed(prompt: &str) -> String {
    let is_note = |line: &&str| {
        ["[a client's reminder, ", "[another part: "].iter().any(|note| line.starts_with(note))
            && line.ends_with(" bytes]")
    };
    prompt.lines().filter(|line| !is_note(line)).collect::<Vec<_>>().join("\n")
}

/// The same with long texts cut, so that it can be read.
fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > 400 => {
            text.chars().take(400).chain(['…']).collect::<String>().into()
        }
        Value::Array(values) => values.iter().map(shortened).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), shortened(value))).collect()
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
