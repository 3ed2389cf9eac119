//! The binaries of the functions, and what each is told.

use std::env;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;

use crate::children::Running;

/// What lies where in the account.
pub struct Wiring {
    pub aws: String,
    pub state: String,
    pub keys: String,
    pub records: String,
    pub pages: String,
    pub key: String,
    pub approvals: String,
    pub unfinished: String,
    pub topic: String,
    pub index: String,
    pub kept: String,
    pub issuer: String,
    pub snowflake: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A state machine as `infra/` has it.
pub fn machine(file: &str) -> Value {
    serde_json::from_slice(&fs::read(root().join("infra").join(file)).unwrap()).unwrap()
}

/// The folder of the functions' binaries. They are built with every crate of the workspace, as the test itself was; where it was
/// built alone, they are built now, for a test of yesterday's functions would say nothing.
pub fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        // Cargo makes this folder inside the target directory.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--workspace", "--frozen", "--no-run", "--test", "starting"]).current_dir(root());
        let output = cargo.env("CARGO_TARGET_DIR", target).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Beside the folder of this test's own binary.
        env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned()
    };
    BUILT.get_or_init(build).clone()
}

/// The issuer of agents' tokens, also of so many more, `claude-1` and so on; and its URL.
pub fn issuer(more: usize) -> (Running, String) {
    let provider = root().join("tests/oidc-provider");
    assert!(
        provider.join("node_modules/oidc-provider").is_dir(),
        "oidc-provider is missing: run `make tools`"
    );
    let mut command = Command::new("node");
    command.arg("provider.mjs").arg("0").arg("https://approve.example/a/callback").arg(more.to_string());
    command.current_dir(provider).stderr(Stdio::null());
    let issuer = Running::start(&mut command);
    let url = issuer.wait_for("ready ");
    (issuer, url)
}

/// Starts one function, told by variables alone.
pub fn start(binary: &Path, name: &str, emulator: &str, wiring: &Wiring) -> Running {
    let runtime = format!("{emulator}/.rt/{name}");
    Running::start_under_shell(binary.to_str().unwrap(), &[], |command| {
        tell(command, name, &runtime, &caller(name, wiring), wiring);
    })
}

/// Tells a function everything: where it is asked for events, and by which name it calls AWS.
#[allow(clippy::disallowed_methods, reason = "what whoever runs this test has set is taken away, not read")]
pub fn tell(command: &mut Command, name: &str, runtime: &str, by: &str, wiring: &Wiring) {
    let path = env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("AWS_LAMBDA_FUNCTION_NAME", format!("snowgate-{name}"))
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_RUNTIME_API", runtime)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", by)
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-secret")
        .env("AWS_ENDPOINT_URL", &wiring.aws)
        .env("NO_PROXY", "127.0.0.1")
        .envs(told(name, wiring));
}

/// The name that a function's calls go under.
pub fn caller(name: &str, wiring: &Wiring) -> String {
    format!("{}-{name}", wiring.state)
}

/// The variables of one function, as `template.yaml` sets them.
fn told(name: &str, wiring: &Wiring) -> Vec<(&'static str, String)> {
    let Wiring { state, keys, index, kept, records, pages, key, .. } = wiring;
    let Wiring { approvals, unfinished, topic, issuer, snowflake, .. } = wiring;
    let mut told = vec![
        ("SNOWGATE_AWS__STATE_TABLE", state.clone()),
        ("SNOWGATE_AWS__KEYS_TABLE", keys.clone()),
        ("SNOWGATE_AWS__RECORDS_BUCKET", records.clone()),
        ("SNOWGATE_AWS__PAGES_BUCKET", pages.clone()),
        ("SNOWGATE_AWS__KEY", key.clone()),
        ("SNOWGATE_TRACES", "asked".to_owned()),
    ];
    let agents = format!(r#"[{{issuer = "{issuer}", audience = ["snowgate"]}}]"#);
    let tier = r#"{credential = {kind = "access-token", token = "pat"}, roles = ["ANALYST"], warehouses = ["DEMO_WH"]}"#;
    let account = [
        ("SNOWGATE_DEFAULTS__ROLE", "ANALYST".to_owned()),
        ("SNOWGATE_DEFAULTS__WAREHOUSE", "DEMO_WH".to_owned()),
        ("SNOWGATE_DEFAULTS__DATABASE", "DEMO".to_owned()),
        ("SNOWGATE_DEFAULTS__SCHEMA", "PUBLIC".to_owned()),
        ("SNOWGATE_UPSTREAM__URL", snowflake.clone()),
        ("SNOWGATE_UPSTREAM__ACCOUNT", "ACME-DEV".to_owned()),
        ("SNOWGATE_UPSTREAM__CATALOG", r#"{role = "ANALYST", warehouse = "DEMO_WH"}"#.to_owned()),
        ("SNOWGATE_UPSTREAM__TIERS__READ", tier.to_owned()),
    ];
    let reviewing = [
        ("SNOWGATE_APPROVALS_URL", "https://approve.example".to_owned()),
        (
            "SNOWGATE_REVIEWERS_ISSUER",
            format!(r#"{{issuer = "{issuer}", client_id = "snowgate-page", scopes = ["email", "groups"]}}"#),
        ),
        ("SNOWGATE_REVIEWERS", r#"[{email = "rosa@example.com", groups = ["data-reviewers"]}]"#.to_owned()),
    ];
    if ["index", "seal", "sessions"].contains(&name) {
        told.push(("SNOWGATE_AWS__INDEX_TABLE", index.clone()));
    }
    if !["authorizer", "evidence", "index", "seal", "sessions"].contains(&name) {
        told.push(("SNOWGATE_APPROVALS_MACHINE", approvals.clone()));
    }
    match name {
        "query" => {
            told.extend(account);
            told.extend(reviewing);
            told.extend([
                ("SNOWGATE_ISSUERS", agents),
                ("SNOWGATE_UNFINISHED_MACHINE", unfinished.clone()),
                // What the account is slow to answer outlives it.
                ("SNOWGATE_HOLD_SECONDS", "5".to_owned()),
            ]);
        }
        "work" => {
            told.extend(account);
            told.extend(reviewing);
            told.extend([
                ("SNOWGATE_REVIEWERS_TOPIC", topic.clone()),
                ("SNOWGATE_UPSTREAM__TIERS__WRITE", tier.replace("pat", "pat-that-writes")),
            ]);
        }
        "approval" => told.extend(reviewing),
        "evidence" => {
            told.extend([("SNOWGATE_ISSUERS", agents), ("SNOWGATE_EVIDENCE", "[]".to_owned())]);
        }
        "authorizer" => {
            // One of two, by curves alone.
            let several = format!(
                r#"[{{issuer = "http://127.0.0.1:1", audience = ["snowgate"]}}, {{issuer = "{issuer}", audience = ["snowgate"], algorithms = ["ES256", "EdDSA"], required_scopes = ["sql:read"]}}]"#
            );
            told.push(("SNOWGATE_ISSUERS", several));
        }
        // Nothing but where everything lies, and who is told of it.
        "seal" => told.push(("SNOWGATE_KEPT_TOPIC", kept.clone())),
        "index" => {
            told.extend([
                ("SNOWGATE_INDEX_DAYS", "90".to_owned()),
                ("SNOWGATE_METRICS", "Snowgate/test".to_owned()),
            ]);
        }
        "sessions" => {
            let auditors = format!(
                r#"[{{issuer = "{issuer}", audience = ["snowgate-audit"], required_scopes = ["audit:read"]}}]"#
            );
            told.push(("SNOWGATE_AUDITORS", auditors));
        }
        other => panic!("{other} is no function"),
    }
    told
}

/// A port that is free now, of those that no outgoing connection is given (on Linux from 32768 on): it must stay free until whom it is
/// for has started.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another run of this test starts elsewhere.
    let first = 16_384 + (std::process::id() % 16) as u16 * 1_024;
    let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed) % 1_024).take(1_024);
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("no port is free")
}

/// Past the test harness, which would swallow it.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
