//! A fake of the Messages API (`tests/claude-code/fake-messages-api.mjs`): what the model does is written down before.

use std::io::{ErrorKind, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use super::folder;
use super::told::Told;

/// Once these words stand in what came since the model last spoke, it says and calls this.
pub fn turn(on: &str, then: &[Value]) -> Value {
    json!({ "on": on, "then": then })
}

/// The same, once [`Model::release`] names it.
pub fn held(name: &str, on: &str, then: &[Value]) -> Value {
    json!({ "on": on, "then": then, "held": name })
}

pub fn says(text: &str) -> Value {
    json!({ "text": text })
}

pub fn calls(tool: &str, input: Value) -> Value {
    json!({ "tool": tool, "input": input })
}

/// Our tool, under the name that clients give it.
pub const RUN_SQL: &str = "mcp__snowgate__run_sql";

pub fn runs(sql: &str) -> Value {
    calls(RUN_SQL, json!({ "statement": sql }))
}

/// The fake, until it is dropped.
pub struct Model {
    child: Child,
    input: ChildStdin,
    turns: usize,
    pub told: Told,
    /// Its address, without a scheme.
    pub host: String,
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Model {
    /// None, said loudly, where there is no Node.
    pub fn start(turns: &[Value]) -> Option<Self> {
        let spawned = Command::new("node")
            .args(["fake-messages-api.mjs", &json!(turns).to_string()])
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Written past the test harness, which would swallow it.
                let told = b"!! SKIPPED: no `node`, so Claude Code was not run\n";
                std::io::stderr().write_all(told).expect("standard error");
                return None;
            }
            spawned => spawned.expect("it starts"),
        };
        let input = child.stdin.take().expect("its input");
        let told = Told::by(child.stdout.take().expect("its output"));
        let port = told.nth(1, "the fake listens", |event| event["listening"].is_u64())["listening"].clone();
        Some(Self { child, input, turns: turns.len(), told, host: format!("127.0.0.1:{port}") })
    }

    /// Waits until a request is there that is answered with that turn.
    #[track_caller]
    pub fn is_asked(&self, held: &str) {
        self.told.nth(1, "the model is asked", |event| event["held"] == *held);
    }

    pub fn release(&mut self, held: &str) {
        writeln!(self.input, "{held}").expect("it reads");
    }

    /// Every request that was answered, with what it was answered: `messages`, `output`, `began`, `ended`.
    pub fn answered(&self) -> Vec<Value> {
        self.told.all().into_iter().filter(|event| event["output"].is_array()).collect()
    }

    /// What the model got back for its tool use of that statement, as a text.
    #[track_caller]
    pub fn got(&self, sql: &str) -> String {
        let messages = |event: &Value| event["messages"].as_array().cloned().unwrap_or_default();
        let parts = |message: Value| message["content"].as_array().cloned().unwrap_or_default();
        let all: Vec<Value> = self.answered().iter().flat_map(messages).flat_map(parts).collect();
        let used = all.iter().find(|part| part["input"]["statement"] == *sql).expect("it was called");
        let result = all.iter().find(|part| part["tool_use_id"] == used["id"]).expect("it was answered");
        let content = &result["content"];
        content.as_str().map_or_else(|| content.to_string(), str::to_owned)
    }

    /// The whole script was played and nothing beside it was asked, here or elsewhere.
    #[track_caller]
    pub fn has_played_all(&self) {
        let told = self.told.all();
        let beyond: Vec<&Value> =
            told.iter().map(|event| &event["beyond"]).filter(|to| !to.is_null()).collect();
        assert!(beyond.is_empty(), "the client asked for what is not on this machine: {beyond:?}");
        let requests = told.iter().filter(|event| event["request"].is_u64());
        let beside = requests.clone().filter(|event| event["turn"].is_null()).count();
        assert_eq!(beside, 0, "the model was asked for what is not in its script");
        let mut played: Vec<u64> = requests.filter_map(|event| event["turn"].as_u64()).collect();
        played.sort_unstable();
        played.dedup();
        assert_eq!(played.len(), self.turns, "not every turn was played: {played:?}");
    }
}
