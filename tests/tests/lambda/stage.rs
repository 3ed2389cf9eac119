//! The function, and everything that it is wired to.

use std::env;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use snowflake::scripted::Scripted;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::account;
use crate::children::{Running, is_here};

/// The first call compiles the function, on a busy machine after others.
const COMPILING: Duration = Duration::from_secs(15 * 60);

/// A home, a Snowflake, an issuer, and the function between them.
pub struct Stage {
    watch: Running,
    issuer: Running,
    snow: Scripted,
    folder: TempDir,
    issuer_url: String,
    watch_url: String,
    http: reqwest::Client,
}

impl Stage {
    /// Builds it; none, said loudly, where a toolchain is missing.
    pub async fn build() -> Option<Self> {
        for program in ["node", "python3"] {
            if !is_here(program) {
                say(&format!("!! SKIPPED: no `{program}`, so the query function was not run as a Lambda"));
                return None;
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let provider = root.join("tests/oidc-provider");
        let lambda = root.join(".tools/python/bin/cargo-lambda");
        assert!(lambda.is_file(), "cargo-lambda is missing: run `make tools`");
        assert!(
            provider.join("node_modules/oidc-provider").is_dir(),
            "oidc-provider is missing: run `make tools`"
        );

        let [issuer_port, watch_port] = free_ports();
        let issuer_url = format!("http://127.0.0.1:{issuer_port}");
        let mut command = Command::new("node");
        command.arg("provider.mjs").arg(issuer_port.to_string()).current_dir(provider).stderr(Stdio::null());
        let issuer = Running::start(&mut command);
        issuer.wait_for(&format!("ready {issuer_url}"));

        let (snow, folder) = (account::listen().await, tempfile::tempdir().unwrap());
        let port = watch_port.to_string();
        let arguments = ["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &port];
        // One function of the workspace, as locked, not compiled again because somebody saves a file meanwhile.
        let function = ["--package", "query", "--bin", "query", "--frozen", "--ignore-changes"];
        let arguments = [&arguments[..], &function].concat();
        let watch = Running::start_under_shell(lambda.to_str().unwrap(), &arguments, |command| {
            command.current_dir(root);
            wire(command, &folder.path().join("home"), &issuer_url, &snow.url());
        });
        let watch_url = format!("http://127.0.0.1:{watch_port}");
        let http = reqwest::Client::builder().no_proxy().user_agent("agent/1.0").build().unwrap();
        let stage = Self { watch, issuer, snow, folder, issuer_url, watch_url, http };
        stage.wait_until_it_listens(watch_port).await;
        stage.wait_until_it_is_compiled().await;
        Some(stage)
    }

    async fn wait_until_it_listens(&self, port: u16) {
        let until_it_listens = async {
            let mut tries = interval(Duration::from_millis(50));
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tries.tick().await;
            }
        };
        let listens = timeout(Duration::from_secs(60), until_it_listens).await;
        assert!(listens.is_ok(), "cargo lambda watch does not listen:\n{}", self.watch.said());
    }

    /// Invokes it with nothing until it answers; from then on every call is held to an answer in time.
    async fn wait_until_it_is_compiled(&self) {
        let begun = Instant::now();
        let mut first = Box::pin(self.http.post(self.invocations()).body("{}").send());
        loop {
            match timeout(Duration::from_secs(10), &mut first).await {
                Ok(answer) => {
                    assert!(answer.is_ok(), "the function does not start:\n{}", self.watch.said());
                    return;
                }
                Err(_) => {
                    let said = self.watch.said();
                    // It says so when the compiler or the function fails, and leaves the call without an answer.
                    assert!(!said.contains("ERROR command"), "the function does not start:\n{said}");
                    assert!(begun.elapsed() < COMPILING, "the function is not compiled in time:\n{said}");
                    let last = said.lines().last().unwrap_or_default().trim();
                    say(&format!("cargo lambda watch, {} s: {last}", begun.elapsed().as_secs()));
                }
            }
        }
    }

    fn invocations(&self) -> String {
        format!("{}/2015-03-31/functions/query/invocations", self.watch_url)
    }

    /// What the function answers to an event.
    pub async fn invoke(&self, event: &Value) -> Value {
        let request = self.http.post(self.invocations()).json(event).timeout(Duration::from_secs(30));
        let answer = request.send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", self.watch.said()));
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{}", self.watch.said()))
    }

    /// What it answers through its URL, to an event that is not ours but the emulator's.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/lambda-url/query{path}", self.watch_url);
        let request = self.http.post(url).bearer_auth(token).json(body).timeout(Duration::from_secs(30));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A fresh token of that client of the issuer, for that resource.
    pub async fn token(&self, client: &str, resource: &str) -> String {
        let request = self
            .http
            .post(format!("{}/token", self.issuer_url))
            .basic_auth(client, Some("secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&scope=sql:read&resource={resource}"))
            .timeout(Duration::from_secs(30));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// How many statements with that text in them came to the account.
    pub fn submissions(&self, text: &str) -> usize {
        let has = |body: &[u8]| String::from_utf8_lossy(body).contains(text);
        self.snow.received().iter().filter(|request| has(&request.body)).count()
    }

    /// Ends everything, and leaves the home.
    pub fn end(self) -> Kept {
        let Self { watch, issuer, snow, folder, .. } = self;
        drop((watch, issuer, snow));
        Kept { home: folder.path().join("home"), _folder: folder }
    }
}

/// A home that nobody works in any more.
pub struct Kept {
    home: PathBuf,
    _folder: TempDir,
}

impl std::ops::Deref for Kept {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.home
    }
}

/// Sets what the function is told, and nothing else.
#[allow(clippy::disallowed_methods, reason = "what whoever runs this test has set is taken away, not read")]
fn wire(command: &mut Command, home: &Path, issuer: &str, account: &str) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("SNOWGATE_") {
            command.env_remove(name);
        }
    }
    let tier = r#"{credential = {kind = "access-token", token = "pat"}, roles = ["ANALYST"], warehouses = ["DEMO_WH"]}"#;
    command
        .env("SNOWGATE_HOME", home)
        .env("SNOWGATE_ISSUERS", format!(r#"[{{issuer = "{issuer}", audience = ["snowgate"]}}]"#))
        .env("SNOWGATE_DEFAULTS__ROLE", "ANALYST")
        .env("SNOWGATE_DEFAULTS__WAREHOUSE", "DEMO_WH")
        .env("SNOWGATE_DEFAULTS__DATABASE", "DEMO")
        .env("SNOWGATE_DEFAULTS__SCHEMA", "PUBLIC")
        .env("SNOWGATE_UPSTREAM__URL", account)
        .env("SNOWGATE_UPSTREAM__ACCOUNT", "ACME-DEV")
        .env("SNOWGATE_UPSTREAM__CATALOG", r#"{role = "ANALYST", warehouse = "DEMO_WH"}"#)
        .env("SNOWGATE_UPSTREAM__TIERS__READ", tier)
        // Its words say when the function fails.
        .env_remove("RUST_LOG")
        .env("NO_PROXY", "127.0.0.1")
        // Cargo makes this folder inside the target directory.
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
}

/// An event of `events/query`, with that token in it.
pub fn event(case: &str, token: Option<&str>) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/query").join(case);
    let mut event: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let headers = event["headers"].as_object_mut().unwrap();
    headers.remove("authorization").unwrap();
    if let Some(token) = token {
        headers.insert("authorization".to_owned(), format!("Bearer {token}").into());
    }
    event
}

/// The JSON in the body of an answer to an event.
pub fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// Two ports that are free now.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Past the test harness, which would swallow it.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
