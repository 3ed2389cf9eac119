//! What is known of the prompt behind a statement, and how well: evidence that comes before, late, twice, never, from
//! somebody else, from the agent itself, or that contradicts.

use std::sync::Arc;

use axum::Router;
use domain::ChannelKind;
use evidence::{Channels, SecretHash};
use gateway::{Channel, Gateway, SpeaksFor};
use recording::{LateEvidence, Opening, RecordKey};
use serde_json::{Value, json};

use crate::door::{Answered, call_with};
use crate::house::{House, customers};

pub const PROMPT: &str = "who are our customers?";

/// A gateway whose channels are a laptop's hooks, its telemetry, an application's prompts, and the provider's export; ben
/// has hooks of his own, and there is a channel of all clients' telemetry, one of hooks whose entry names the
/// tool, and one of somebody who is known by a mail address.
pub fn router(gateway: Gateway) -> Router {
    let gateway = Arc::new(gateway);
    let mut channels = Channels::default();
    let of = |name: &str| SpeaksFor::Subjects(vec![name.to_owned()]);
    for (name, kind, speaks_for) in [
        ("ana-hooks", ChannelKind::Hooks, of("ana")),
        ("ana-telemetry", ChannelKind::Telemetry, of("ana")),
        ("app", ChannelKind::Prompts, SpeaksFor::Subjects(vec!["ana".to_owned(), "ben".to_owned()])),
        ("claude", ChannelKind::Provider, SpeaksFor::Anybody),
        ("ben-hooks", ChannelKind::Hooks, of("ben")),
        ("clients", ChannelKind::Telemetry, SpeaksFor::Anybody),
        ("strict-hooks", ChannelKind::Hooks, of("ana")),
        ("strict-telemetry", ChannelKind::Telemetry, of("ana")),
        ("mailed", ChannelKind::Provider, of("ana@example.com")),
    ] {
        let tools =
            if name.starts_with("strict-") { vec!["mcp__snowgate__run_sql".to_owned()] } else { Vec::new() };
        let channel = Channel {
            tools,
            name: name.to_owned(),
            kind,
            speaks_for,
            issuer: Some("https://issuer.example".to_owned()),
            agent: None,
            credential: None,
        };
        channels.add(SecretHash::of(&format!("secret-of-{name}")), channel).unwrap();
    }
    query::routes(Arc::clone(&gateway)).merge(evidence::routes(gateway, channels))
}

/// A conversation at a gateway.
pub struct Talk {
    pub house: House,
    pub router: Router,
}

impl Talk {
    pub async fn new() -> Self {
        let house = House::new().await;
        customers::answer(&house.snow, &[2]);
        let router = router(house.gateway());
        Self { house, router }
    }

    /// A statement as Claude Code sends it; what the tool told.
    pub async fn run(&self, token: &str, tool_use: Option<&str>, sql: &str) -> Value {
        let mut params = json!({ "name": "run_sql", "arguments": { "statement": sql } });
        if let Some(tool_use) = tool_use {
            params["_meta"] = json!({ "claudecode/toolUseId": tool_use });
        }
        self.tool(token, params, &[]).await
    }

    pub async fn tool(&self, token: &str, params: Value, more: &[(&str, &str)]) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let mut headers = vec![("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181")];
        headers.extend(more);
        let body = message.to_string();
        let answered = call_with(&self.router, token, "POST", "/mcp", Some(body.as_bytes()), &headers).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        answered.json()["result"]["structuredContent"].clone()
    }

    pub async fn send(&self, secret: &str, path: &str, body: &Value) -> Answered {
        call_with(&self.router, secret, "POST", path, Some(body.to_string().as_bytes()), &[]).await
    }

    #[track_caller]
    pub fn took(answered: &Answered) {
        assert!(answered.status.is_success(), "{} {}", answered.status, answered.text());
    }

    /// `UserPromptSubmit` and `PreToolUse` as Claude Code sends them.
    pub async fn prompt(&self, secret: &str, prompt_id: &str, prompt: &str) {
        let hook = json!({
            "session_id": "s-1", "prompt_id": prompt_id, "transcript_path": "/t.jsonl", "cwd": "/", "permission_mode": "default",
            "hook_event_name": "UserPromptSubmit", "prompt": prompt,
        });
        Self::took(&self.send(secret, "/v1/hooks/claude-code", &hook).await);
    }

    /// What hooks and telemetry tell of that prompt and a call; nothing where they tell none.
    pub async fn typed(&self, hooks: Option<&str>, telemetry: Option<&str>) {
        if let Some(prompt) = hooks {
            self.prompt(HOOKS, "p-1", prompt).await;
            self.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
        }
        if let Some(prompt) = telemetry {
            self.logged(&[prompt], "toolu_1").await;
        }
    }

    pub async fn tool_use(&self, secret: &str, prompt_id: &str, tool_use: &str, sql: &str) {
        let hook = json!({
            "session_id": "s-1", "prompt_id": prompt_id, "hook_event_name": "PreToolUse",
            "tool_name": "mcp__snowgate__run_sql", "tool_input": { "statement": sql }, "tool_use_id": tool_use,
        });
        Self::took(&self.send(secret, "/v1/hooks/claude-code", &hook).await);
    }

    /// What Claude Code's telemetry logs of a prompt and a tool use.
    pub async fn telemetry(&self, prompt: &str, tool_use: &str) {
        let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let logs = json!({ "resourceLogs": [{ "resource": { "attributes": [text("service.name", "claude-code")] },
            "scopeLogs": [{ "logRecords": [
                { "body": { "stringValue": "claude_code.user_prompt" }, "attributes": [
                    text("event.name", "user_prompt"), text("session.id", "s-1"), text("prompt.id", "p-1"), text("prompt", prompt),
                ] },
                { "body": { "stringValue": "claude_code.tool_result" }, "attributes": [
                    text("event.name", "tool_result"), text("session.id", "s-1"), text("prompt.id", "p-1"),
                    text("tool_use_id", tool_use), text("tool_name", "mcp__snowgate__run_sql"),
                ] },
            ] }] }] });
        Self::took(&self.send("secret-of-ana-telemetry", "/otlp/v1/logs", &logs).await);
    }

    /// What the model's provider exports, as spans with messages.
    pub async fn provider(&self, prompt: &str, tool_use: &str, sql: &str) {
        let text = |key: &str, value: String| json!({ "key": key, "value": { "stringValue": value } });
        let input = json!([{ "role": "user", "parts": [{ "type": "text", "content": prompt }] }]);
        let output = json!([{ "role": "assistant", "parts": [
            { "type": "tool_call", "id": tool_use, "name": "mcp__snowgate__run_sql", "arguments": { "statement": sql } },
        ] }]);
        let spans = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
            "name": "anthropic.messages.create", "traceId": "0af7651916cd43dd8448eb211c80319c",
            "attributes": [text("gen_ai.input.messages", input.to_string()), text("gen_ai.output.messages", output.to_string())],
        }] }] }] });
        Self::took(&self.send("secret-of-claude", "/otlp/v1/traces", &spans).await);
    }

    pub fn openings(&self) -> Vec<Opening> {
        let mut openings: Vec<Opening> =
            self.house.records().into_iter().map(|(opening, _)| opening).collect();
        openings.sort_by(|one, other| one.opened.cmp(&other.opened));
        openings
    }

    #[track_caller]
    pub fn opening(&self) -> Opening {
        let mut openings = self.openings();
        assert_eq!(openings.len(), 1);
        openings.remove(0)
    }

    pub fn late(&self, opening: &Opening) -> Vec<LateEvidence> {
        let records = local::Records::open(&self.house.home_path()).unwrap();
        let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
        let read = |object: &Vec<u8>| recording::decode::<LateEvidence>(object).unwrap().record;
        records.evidence(&key).unwrap().iter().map(read).collect()
    }

    /// What is known of the only statement's prompt: when it was decided, and by now.
    #[track_caller]
    fn known(&self) -> (String, String) {
        let opening = self.opening();
        let now = self.late(&opening).pop().map(|late| late.grade);
        let then = opening.prompt.grade;
        (then.clone(), now.unwrap_or(then))
    }

    #[track_caller]
    pub fn is_known(&self, then: &str, now: &str) {
        assert_eq!(self.known(), (then.to_owned(), now.to_owned()));
        self.house.verifies();
    }
}

pub const HOOKS: &str = "secret-of-ana-hooks";

#[tokio::test]
async fn a_hook_before_the_call_makes_p2_and_the_prompt_is_the_persons_own() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    let told = talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(told["status"], "rows", "{told}");
    talk.is_known("P2", "P2");
    let opening = talk.opening();
    assert_eq!(opening.prompt.text.as_deref(), Some(PROMPT));
    let witness = &opening.prompt.witnesses[0];
    let words =
        (witness.channel.as_str(), witness.kind.as_str(), witness.join.as_str(), witness.statement.as_str());
    assert_eq!(words, ("ana-hooks", "hooks", "tool_use", "same"));
    assert_eq!(opening.call.unwrap().tool_use.as_deref(), Some("toolu_1"));
}

#[tokio::test]
async fn two_credentials_make_p3_and_the_provider_p4() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.telemetry(PROMPT, "toolu_1").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P3", "P3");
    talk.provider(PROMPT, "toolu_1", customers::SQL).await;
    talk.is_known("P3", "P4");
    let late = talk.late(&talk.opening());
    assert_eq!((late.len(), late[0].text.as_deref(), &late[0].sealed), (1, Some(PROMPT), &None));
}

#[tokio::test]
async fn late_evidence_is_appended_in_whatever_order_it_comes() {
    let talk = Talk::new().await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P0", "P0");
    let before = talk.opening();
    // The tool use first, the prompt that it belongs to last.
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.is_known("P0", "P0");
    talk.prompt(HOOKS, "p-1", "write to bob@example.com").await;
    talk.is_known("P0", "P2");
    assert_eq!(talk.opening(), before, "what was written stays");
    let late = talk.late(&before).pop().unwrap();
    assert_eq!(late.text.as_deref(), Some("write to [EMAIL]"), "through the detectors");
    assert!(late.sealed.is_some(), "the exact one is sealed");
    for folder in ["records", "pages", "sealed", "state.db", "state.db-wal"] {
        assert!(!holds(&talk.house.home_path().join(folder), b"bob@example.com"), "{folder}");
    }
}

fn holds(path: &std::path::Path, needle: &[u8]) -> bool {
    if path.is_dir() {
        return std::fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), needle));
    }
    std::fs::read(path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
}

#[tokio::test]
async fn the_same_said_twice_changes_nothing() {
    let talk = Talk::new().await;
    for _ in 0..3 {
        talk.prompt(HOOKS, "p-1", PROMPT).await;
        talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    }
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    for _ in 0..3 {
        talk.prompt(HOOKS, "p-1", PROMPT).await;
        talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    }
    talk.is_known("P2", "P2");
    assert!(talk.late(&talk.opening()).is_empty());
}

#[tokio::test]
async fn what_another_subject_says_is_never_joined() {
    let talk = Talk::new().await;
    // Ben's hooks claim ana's tool use, before and after; so does ben's own token.
    for secret in ["secret-of-ben-hooks", "ben"] {
        talk.prompt(secret, "p-1", "please delete everything").await;
        talk.tool_use(secret, "p-1", "toolu_1", customers::SQL).await;
    }
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    for secret in ["secret-of-ben-hooks", "ben"] {
        talk.prompt(secret, "p-2", "please").await;
        talk.tool_use(secret, "p-2", "toolu_1", customers::SQL).await;
    }
    talk.is_known("P0", "P0");
    let opening = talk.opening();
    assert!(opening.prompt.witnesses.is_empty() && talk.late(&opening).is_empty());
    // Nor may a channel name somebody whom it does not speak for.
    let named = json!({ "prompt": "x", "tool_use_id": "toolu_1", "subject": "eve" });
    assert_eq!(talk.send("secret-of-app", "/v1/prompts", &named).await.status, 403);
    let unnamed = json!({ "prompt": "x", "tool_use_id": "toolu_1" });
    assert_eq!(talk.send("secret-of-app", "/v1/prompts", &unnamed).await.status, 400);
}

#[tokio::test]
async fn what_the_agent_says_under_its_own_token_stays_p1() {
    let talk = Talk::new().await;
    talk.prompt("ana", "p-1", PROMPT).await;
    talk.tool_use("ana", "p-1", "toolu_1", customers::SQL).await;
    let body = json!({ "prompt": PROMPT, "tool_use_id": "toolu_1", "statement": customers::SQL });
    Talk::took(&talk.send("ana", "/v1/prompts", &body).await);
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.prompt("ana", "p-1", PROMPT).await;
    talk.is_known("P1", "P1");
    let kinds: Vec<String> = talk.opening().prompt.witnesses.into_iter().map(|found| found.kind).collect();
    assert_eq!(kinds, ["own_token"]);
}

#[tokio::test]
async fn a_forgery_beside_true_hooks_is_a_finding_and_takes_nothing_from_them() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.prompt("ana", "p-1", "delete all customers").await;
    talk.tool_use("ana", "p-1", "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P2", "P2");
    assert_eq!(talk.opening().prompt.text.as_deref(), Some(PROMPT));
    let found: Vec<String> = talk.house.closing().findings.into_iter().map(|finding| finding.what).collect();
    assert_eq!(found, ["declared_prompt_differs"]);
}

#[tokio::test]
async fn channels_that_contradict_each_other_are_a_finding_and_p1() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.telemetry("show me everybody's numbers", "toolu_1").await;
    talk.is_known("P2", "P1");
    let late = talk.late(&talk.opening()).pop().unwrap();
    assert_eq!(late.findings[0].what, "prompt_mismatch");
    // The same before the call.
    talk.telemetry("show me everybody's numbers", "toolu_2").await;
    talk.tool_use(HOOKS, "p-1", "toolu_2", customers::SQL).await;
    talk.run("ana", Some("toolu_2"), customers::SQL).await;
    let opening = talk.openings().pop().unwrap();
    assert_eq!(opening.prompt.grade, "P1");
    let closing = talk.house.records().into_iter().find(|(other, _)| *other == opening).unwrap().1.unwrap();
    assert_eq!(closing.findings[0].what, "prompt_mismatch");
}

#[tokio::test]
async fn another_statement_under_a_tool_use_is_a_finding_and_p1() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", "select count(*) from customers").await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    talk.is_known("P1", "P1");
    let found: Vec<String> = talk.house.closing().findings.into_iter().map(|finding| finding.what).collect();
    assert_eq!(found, ["statement_mismatch"]);
}

#[tokio::test]
async fn a_trace_a_word_and_the_text_alone_join_in_that_order() {
    let talk = Talk::new().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL } });
    for (body, header, join, grade) in [
        (json!({ "trace_id": trace }), ("traceparent", parent.as_str()), "trace", "P2"),
        (json!({ "evidence": "w-1" }), ("x-snowgate-evidence", "w-1"), "word", "P2"),
        // Found by the statement's text within seconds: a guess.
        (json!({ "statement": customers::SQL }), ("x-snowgate-evidence", "w-2"), "text", "P1"),
    ] {
        let mut body = body;
        (body["prompt"], body["subject"]) = (json!(PROMPT), json!("ana"));
        Talk::took(&talk.send("secret-of-app", "/v1/prompts", &body).await);
        talk.tool("ana", params.clone(), &[header]).await;
        let opening = talk.openings().pop().unwrap();
        assert_eq!((opening.prompt.witnesses[0].join.as_str(), opening.prompt.grade.as_str()), (join, grade));
        assert_eq!(opening.prompt.text.as_deref(), Some(PROMPT));
    }
    talk.house.verifies();
}

#[tokio::test]
async fn a_policy_may_want_a_grade_and_check_sql_tells_which_there_is() {
    let talk = Talk::new().await;
    let run = "@id(\"agents-read\")\npermit (";
    let wanted = "@id(\"evidenced\")\nforbid (principal, action == Action::\"read\", resource is Statement) when { context.prompt < 2 };\n@id(\"agents-read\")\npermit (";
    talk.house.bundle.change(&[(run, wanted)]);
    let told = talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(told["status"], "refused", "{told}");
    let check = json!({ "name": "check_sql", "arguments": { "statement": customers::SQL },
        "_meta": { "claudecode/toolUseId": "toolu_2" } });
    let told = talk.tool("ana", check.clone(), &[]).await;
    assert_eq!((&told["status"], &told["evidence"]), (&json!("refused"), &json!("P0")), "{told}");
    assert!(told["rules"].as_array().unwrap().contains(&json!("evidenced")), "{told}");
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_2", customers::SQL).await;
    let told = talk.tool("ana", check, &[]).await;
    assert_eq!((&told["status"], &told["evidence"]), (&json!("allowed"), &json!("P2")), "{told}");
    let told = talk.run("ana", Some("toolu_2"), customers::SQL).await;
    assert_eq!(told["status"], "rows", "{told}");
    // What the agent says itself is not enough.
    let own =
        json!({ "name": "run_sql", "arguments": { "statement": customers::SQL, "user_request": PROMPT } });
    assert_eq!(talk.tool("ana", own, &[]).await["status"], "refused");
}

#[tokio::test]
async fn a_conversation_that_evidence_names_is_one_session() {
    let talk = Talk::new().await;
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    for tool_use in ["toolu_1", "toolu_2"] {
        talk.tool_use(HOOKS, "p-1", tool_use, customers::SQL).await;
        talk.run("ana", Some(tool_use), customers::SQL).await;
    }
    talk.run("ana", None, customers::SQL).await;
    let openings = talk.openings();
    let session = |at: usize| openings[at].exchange.split('/').next().unwrap().to_owned();
    assert_eq!(session(0), session(1));
    assert_ne!(session(0), session(2), "nothing says that this belongs to it");
    assert_eq!(openings[0].conversation.as_deref(), Some("s-1"));
}

#[tokio::test]
async fn who_shows_no_good_secret_or_one_of_another_kind_is_turned_away() {
    let talk = Talk::new().await;
    let hook = json!({ "hook_event_name": "UserPromptSubmit", "prompt": "x" });
    for (secret, path, status) in [
        ("secret-of-nobody", "/v1/hooks/claude-code", 401),
        ("", "/v1/hooks/claude-code", 401),
        ("secret-of-ana-telemetry", "/v1/hooks/claude-code", 403),
        ("secret-of-ana-hooks", "/v1/prompts", 403),
        ("secret-of-ana-hooks", "/otlp/v1/logs", 403),
        ("secret-of-app", "/otlp/v1/traces", 403),
    ] {
        let answered = talk.send(secret, path, &hook).await;
        assert_eq!(answered.status, status, "{secret} {path} {}", answered.text());
        assert!(!answered.text().contains("secret-of"), "{}", answered.text());
    }
    let get = call_with(&talk.router, HOOKS, "GET", "/v1/prompts", None, &[]).await;
    assert_eq!((get.status.as_u16(), get.headers["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test]
async fn hostile_bodies_get_clear_errors_and_keep_nothing() {
    let talk = Talk::new().await;
    let big = "x".repeat(1024 * 1024 + 10);
    let deep = format!("{{\"hook_event_name\":\"UserPromptSubmit\",\"prompt\":{}", "[".repeat(200_000));
    for (path, body, status) in [
        ("/v1/hooks/claude-code", "", 400),
        ("/v1/hooks/claude-code", "{", 400),
        ("/v1/hooks/claude-code", "[]", 400),
        ("/v1/hooks/claude-code", big.as_str(), 413),
        ("/v1/hooks/claude-code", deep.as_str(), 400),
        ("/v1/hooks/cursor", "nonsense", 400),
    ] {
        let answered = call_with(&talk.router, HOOKS, "POST", path, Some(body.as_bytes()), &[]).await;
        assert_eq!(answered.status, status, "{path} {}", answered.text());
        assert!(answered.json()["error"].is_string() && answered.body.len() < 400, "{}", answered.text());
    }
    for (body, status) in [
        (json!({ "prompt": "x", "surprise": 1 }), 400),
        (json!({}), 400),
        (json!({ "prompt": 7 }), 400),
        (json!({ "prompt": "x", "trace_id": "xyz", "subject": "ana" }), 400),
        (json!({ "prompt": "x", "tool_use_id": "t".repeat(300), "subject": "ana" }), 413),
    ] {
        let answered = talk.send("secret-of-app", "/v1/prompts", &body).await;
        assert_eq!(answered.status, status, "{}", answered.text());
    }
    for (body, kind, status) in [
        (&b"{"[..], "application/json", 400),
        (b"\xff\xff", "application/x-protobuf", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json", 200),
        (b"", "application/x-protobuf", 200),
    ] {
        let request = http::Request::post("/otlp/v1/logs")
            .header("authorization", "Bearer secret-of-ana-telemetry")
            .header("content-type", kind)
            .body(axum::body::Body::from(body.to_vec()))
            .unwrap();
        let answered = tower::ServiceExt::oneshot(talk.router.clone(), request).await.unwrap();
        assert_eq!(answered.status(), status, "{body:?}");
    }
    talk.run("ana", None, customers::SQL).await;
    talk.is_known("P0", "P0");
}

/// Whatever tool takes a statement is one that hooks know, and whatever says where that runs is compared.
#[tokio::test]
async fn hooks_know_every_tool_that_takes_a_statement_and_what_says_where_it_runs() {
    let talk = Talk::new().await;
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let headers = [("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181")];
    let listed =
        call_with(&talk.router, "ana", "POST", "/mcp", Some(message.as_bytes()), &headers).await.json();
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    let taking = tools.iter().filter(|tool| tool["inputSchema"]["properties"]["statement"].is_object());
    let mut count = 0;
    for tool in taking {
        let name = tool["name"].as_str().unwrap();
        let arguments = tool["inputSchema"]["properties"].as_object().unwrap();
        let texts =
            arguments.iter().filter(|(_, schema)| schema["type"] == "string").map(|(name, _)| name.as_str());
        for argument in texts.filter(|name| *name != "user_request") {
            count += 1;
            let talk = Talk::new().await;
            talk.prompt(HOOKS, "p-1", PROMPT).await;
            let mut input = json!({ "statement": customers::SQL });
            input[argument] = "ELSE".into();
            let hook = json!({
                "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "PreToolUse",
                "tool_name": format!("mcp__snowgate__{name}"), "tool_input": input, "tool_use_id": "toolu_1",
            });
            Talk::took(&talk.send(HOOKS, "/v1/hooks/claude-code", &hook).await);
            talk.run("ana", Some("toolu_1"), customers::SQL).await;
            let opening = talk.opening();
            let seen = opening.prompt.witnesses.first().map(|witness| witness.statement.as_str());
            assert_eq!((opening.prompt.grade.as_str(), seen), ("P1", Some("other")), "{name} {argument}");
        }
    }
    assert_eq!(count, 10, "two tools, of a statement and four names");
}
