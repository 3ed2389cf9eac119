//! The two processes that are asked.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Agent;

const SNOWGATE: &str = env!("CARGO_BIN_EXE_snowgate");

/// `snowgate serve` in a home of its own, over the embedded warehouse.
pub struct House {
    folder: TempDir,
    server: Server,
    /// Statements that were asked of it.
    pub asked: usize,
}

impl House {
    pub fn start(scale: f64) -> Self {
        Self::start_with(scale, "")
    }

    /// With a configuration of its own.
    pub fn start_with(scale: f64, configuration: &str) -> Self {
        // Below the target folder: a real disk, where `/tmp` is often none.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let policies = folder.path().join("policies");
        raised_limits(&policies);
        fs::write(folder.path().join("snowgate.toml"), configuration).unwrap();
        let mut command = Command::new(SNOWGATE);
        command.args(["serve", "--listen", "127.0.0.1:0", "--scale", &scale.to_string()]);
        command.arg("--home").arg(home(folder.path())).arg("--policies").arg(&policies);
        // No configuration of whoever runs this.
        let server = Server::start(command.current_dir(folder.path()).env_clear());
        Self { folder, server, asked: 0 }
    }

    pub fn home(&self) -> PathBuf {
        home(self.folder.path())
    }

    pub fn process(&self) -> u32 {
        self.server.child.id()
    }

    pub fn address(&self) -> &str {
        &self.server.address
    }

    /// An agent with that name and a token of the development issuer.
    pub fn agent(&self, name: &str) -> Agent {
        let token = snowgate(&["token", "--ttl", "86400", "--agent", name, "--home"], &self.home());
        Agent::new(&self.server.address, token.trim())
    }

    /// Ends the server in good order, and checks that its recordings tell every statement from its opening to its
    /// closing.
    pub fn verify(mut self) {
        let process = self.process().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        assert!(self.server.child.wait().unwrap().success(), "snowgate serve ended badly");
        let report = snowgate(&["verify", "--json"], &self.home());
        let summary: Value = serde_json::from_str(report.lines().last().unwrap()).unwrap();
        assert_eq!(summary["result"], "good", "{report}");
        assert_eq!(summary["exchanges"].as_u64(), u64::try_from(self.asked).ok(), "{summary}");
    }
}

fn home(folder: &Path) -> PathBuf {
    folder.join("home")
}

/// The same warehouse, served by this program in a process of its own.
pub struct Straight(Server);

impl Straight {
    pub fn start(scale: f64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        Self(Server::start(command.args(["--straight", &scale.to_string()]).env_clear()))
    }

    pub fn agent(&self) -> Agent {
        Agent::new(&self.0.address, "nobody-looks-at-it")
    }

    pub fn process(&self) -> u32 {
        self.0.child.id()
    }
}

/// A process that prints its address first.
struct Server {
    child: Child,
    address: String,
    /// Open as long as the process runs, so that it can print.
    _output: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let at = line.find("http://").unwrap_or_else(|| panic!("it did not start: {line}"));
        let address = line[at..].split(';').next().unwrap().trim().to_owned();
        Self { child, address, _output: output }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn snowgate(words: &[&str], path: &Path) -> String {
    let output = Command::new(SNOWGATE).args(words).arg(path).env_clear().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "snowgate {}: {}\n{}",
        words.join(" "),
        text.trim(),
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// The default bundle, but for the limits on how much one principal may ask at a time; those on how large a result may
/// be stay.
fn raised_limits(folder: &Path) {
    snowgate(&["policy", "init"], folder);
    let path = folder.join("catalog.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    for (default, raised) in [
        ("at_once = 16", "at_once = 1000"),
        ("per_minute = 600", "per_minute = 1_000_000"),
        ("upstream_seconds_per_hour = 3600", "upstream_seconds_per_hour = 1_000_000"),
        ("hidden_failures_per_hour = 20", "hidden_failures_per_hour = 1000"),
    ] {
        assert!(text.contains(default), "the default bundle has other limits now");
        text = text.replace(default, raised);
    }
    fs::write(path, text).unwrap();
}
