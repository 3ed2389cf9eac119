//! `snowgate agent token` against a real issuer, and what it does with secrets.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::{fs, io};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::snowgate;

/// A running provider (`tests/oidc-provider`); it ends with this value.
struct Issuer {
    child: Child,
    input: ChildStdin,
    url: String,
    /// What it goes on to say: a provider that nobody listens to ends.
    _output: BufReader<ChildStdout>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Issuer {
    /// None, said loudly, where there is no node.
    fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oidc-provider");
        let spawned = Command::new("node")
            .args(["provider.mjs", "0"])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                io::stderr()
                    .write_all(b"!! SKIPPED: no `node`, so no token of a real issuer was asked for\n")
                    .expect("standard error");
                return None;
            }
            spawned => spawned.expect("it starts"),
        };
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "oidc-provider is missing: run `make tools`"
        );
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).expect("text"), 0, "the provider did not start");
            if let Some(url) = line.trim_end().strip_prefix("ready ") {
                break url.to_owned();
            }
        };
        let input = child.stdin.take().expect("its input");
        Some(Self { child, input, url, _output: output })
    }

    /// A person agrees to what they were shown, on another device.
    fn agrees(&mut self, code: &str, person: &str) {
        writeln!(self.input, "agree {code} {person}").expect("it reads");
    }
}

/// A place to work in, with a file that holds the clients' secret.
fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("secret"), "secret\n").expect("written");
    folder
}

fn token(folder: &Path, issuer: &str, more: &[&str]) -> Output {
    let always = ["agent", "token", "--issuer", issuer, "--scope", "sql:read"];
    snowgate(folder).args(always).args(more).output().expect("it runs")
}

const CREDENTIALS: [&str; 5] =
    ["--client-id", "claude-finance", "--client-credentials", "--secret-file", "secret"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What a token says.
fn claims(token: &str) -> Value {
    let payload = token.trim().split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON")
}

#[test]
fn a_client_gets_a_token_by_its_own_credentials() {
    let Some(issuer) = Issuer::start() else { return };
    let folder = place();
    let output = token(folder.path(), &issuer.url, &CREDENTIALS);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{output:?}");
    let printed = text(&output.stdout);
    assert_eq!(printed.lines().count(), 1, "the token alone");
    let said = claims(&printed);
    assert_eq!((&said["client_id"], &said["scope"]), (&json!("claude-finance"), &json!("sql:read")));
    // As Claude Code's helper of headers, and with the secret by the variable and by standard input.
    let headers = [&CREDENTIALS[..3], &["--headers"]].concat();
    let always = ["agent", "token", "--issuer", &issuer.url];
    let output = snowgate(folder.path())
        .args(always)
        .args(&headers)
        .env("SNOWGATE_CLIENT_SECRET", "secret")
        .output()
        .expect("it runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert!(told["Authorization"].as_str().is_some_and(|value| value.starts_with("Bearer ey")), "{told}");
    assert_eq!(told.as_object().expect("an object").len(), 1);
    let mut child = snowgate(folder.path())
        .args(always)
        .args(&CREDENTIALS[..3])
        .arg("--secret-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("its input").write_all(b"secret\n").expect("it reads");
    assert!(child.wait_with_output().expect("it ends").status.success());
    let kept: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(kept.len(), 1, "nothing is kept beside the secret that was there");
}

#[test]
fn a_token_that_cannot_be_kept_is_printed_and_no_other_file_is_written_over() {
    let Some(issuer) = Issuer::start() else { return };
    let folder = place();
    let with = |cache: &str| {
        let more = [&CREDENTIALS[..], &["--cache", cache]].concat();
        token(folder.path(), &issuer.url, &more)
    };
    let output = with("missing/kept.json");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).starts_with("ey"), "{output:?}");
    assert!(text(&output.stderr).contains("The token is not kept: missing/kept.json"), "{output:?}");
    let path = folder.path().join("id_ed25519");
    fs::write(&path, "-----BEGIN OPENSSH PRIVATE KEY-----\n").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
    let output = with("id_ed25519");
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true), "{output:?}");
    assert!(text(&output.stderr).contains("something else than a kept token"), "{output:?}");
    assert!(fs::read_to_string(&path).expect("a file").starts_with("-----BEGIN"));
    // Several at once get one token: the first asks, and the others find it.
    let spawn = || {
        let always =
            ["agent", "token", "--issuer", &issuer.url, "--scope", "sql:read", "--cache", "kept.json"];
        let mut command = snowgate(folder.path());
        command.args(always).args(CREDENTIALS).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    };
    let several = [spawn(), spawn(), spawn()].map(|child| child.wait_with_output().expect("it ends"));
    let printed: std::collections::BTreeSet<String> =
        several.iter().map(|output| text(&output.stdout)).collect();
    assert_eq!(printed.len(), 1, "{several:?}");
}

#[test]
fn a_person_agrees_on_another_device() {
    let Some(mut issuer) = Issuer::start() else { return };
    let folder = place();
    let mut child = snowgate(folder.path())
        .args(["agent", "token", "--issuer", &issuer.url, "--client-id", "claude-device", "--device"])
        .args(["--scope", "sql:read", "--cache", "kept.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut told = String::new();
    BufReader::new(child.stderr.take().expect("its words")).read_line(&mut told).expect("text");
    assert!(told.starts_with(&format!("Open {}/device?user_code=", issuer.url)), "{told}");
    let code = told.split("the code ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a code");
    issuer.agrees(code, "ana@corp.example");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    assert_eq!(claims(&printed)["sub"], "ana@corp.example");
    // What is kept is its owner's alone, and printed again without anybody being asked.
    let path = folder.path().join("kept.json");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let again = ["--client-id", "claude-device", "--device", "--cache", "kept.json"];
    let output = token(folder.path(), &issuer.url, &again);
    assert_eq!((text(&output.stdout), text(&output.stderr)), (printed.clone(), String::new()));
    // One that is over is renewed by what came with it, and nobody is asked either.
    let mut kept: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    kept["expires"] = json!("2020-01-01T00:00:00Z");
    fs::write(&path, kept.to_string()).expect("written");
    let renewed = token(folder.path(), &issuer.url, &again);
    assert_eq!((renewed.status.code(), text(&renewed.stderr)), (Some(0), String::new()), "{renewed:?}");
    assert_ne!(text(&renewed.stdout), printed);
    assert_eq!(claims(&text(&renewed.stdout))["sub"], "ana@corp.example");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
    let output = token(folder.path(), &issuer.url, &again);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true), "{output:?}");
    assert!(text(&output.stderr).contains("chmod 600"), "{output:?}");
}

#[test]
fn what_goes_wrong_is_told_without_a_secret_and_nothing_is_printed() {
    let Some(issuer) = Issuer::start() else { return };
    let folder = place();
    fs::write(folder.path().join("wrong"), "hunter2hunter2").expect("written");
    let credentials = |client: &'static str, secret: &'static str| {
        vec!["--client-id", client, "--client-credentials", "--secret-file", secret]
    };
    let nowhere = "http://127.0.0.1:9".to_owned();
    let other = format!("{}/other", issuer.url);
    for (at, more, code, words) in [
        (&issuer.url, credentials("claude-finance", "wrong"), 1, "the issuer refuses: invalid_client"),
        (&issuer.url, credentials("nobody", "secret"), 1, "the issuer refuses: invalid_client"),
        (
            &issuer.url,
            [credentials("claude-finance", "secret"), vec!["--resource", "https://elsewhere.example"]]
                .concat(),
            1,
            "the issuer refuses: invalid_target",
        ),
        (
            &issuer.url,
            vec!["--client-id", "claude-finance", "--client-credentials"],
            64,
            "SNOWGATE_CLIENT_SECRET",
        ),
        (&issuer.url, credentials("claude-finance", "absent"), 1, "absent cannot be read"),
        (&issuer.url, vec!["--client-id", "claude-finance", "--device"], 1, "the issuer refuses"),
        (&nowhere, credentials("claude-finance", "secret"), 1, "the issuer cannot be asked"),
        (&other, credentials("claude-finance", "secret"), 1, "the issuer cannot be asked"),
        (&issuer.url, vec!["--client-id", "claude-finance"], 64, "--device"),
    ] {
        let output = token(folder.path(), at, &more);
        let told = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(code), true), "{more:?} {told}");
        assert!(told.contains(words) && !told.contains("hunter2"), "{more:?} {told}");
    }
    let secret =
        token(folder.path(), &issuer.url, &["--client-id", "a", "--client-credentials", "--secret", "x"]);
    assert_eq!(secret.status.code(), Some(64), "no secret on the command line");
}
