//! Other programs, which never outlive the test that started them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a program may take to end.
const PARTING: Duration = Duration::from_secs(20);

/// The last lines that a program said.
type Said = Arc<Mutex<VecDeque<String>>>;

/// A running program. It ends with this value, and with the test's own process however that ends: either closes
/// the program's standard input.
pub struct Running {
    child: Child,
    said: Said,
    lines: Receiver<String>,
}

impl Running {
    /// Starts a program that ends when its standard input does.
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let (said, (send, lines)) = (Said::default(), channel());
        let (output, keep) = (child.stdout.take().unwrap(), said.clone());
        // It ends, and with it the channel, when the program and everything that it started have ended.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut said = keep.lock().unwrap();
                if said.len() == 40 {
                    said.pop_front();
                }
                said.push_back(line.clone());
                drop(said);
                let _ = send.send(line);
            }
        });
        Self { child, said, lines }
    }

    /// Starts a program that does not look at its standard input: a shell does it instead.
    pub fn start_under_shell(program: &str, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        // Signal 15 lets the program end what it has started.
        let script = r#""$@" </dev/null 2>&1 & cat >/dev/null; kill -15 $!; wait"#;
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", program]).args(arguments);
        change(&mut command);
        Self::start(&mut command)
    }

    /// Waits for a line that begins so, and gives what follows.
    #[track_caller]
    pub fn wait_for(&self, beginning: &str) -> String {
        let patience = Duration::from_secs(60);
        while let Ok(said) = self.lines.recv_timeout(patience) {
            if let Some(rest) = said.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
        panic!("it never said `{beginning}`, but:\n{}", self.said());
    }

    /// Says a line to it.
    pub fn tell(&self, line: &str) {
        // One that has ended hears nothing.
        let _ = self.child.stdin.as_ref().unwrap().write_all(format!("{line}\n").as_bytes());
    }

    /// What it said last.
    pub fn said(&self) -> String {
        Vec::from(self.said.lock().unwrap().clone()).join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        while self.lines.recv_timeout(PARTING).is_ok() {}
        // Whatever it did, it has had its time.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this machine has that program.
pub fn is_here(program: &str) -> bool {
    let silent = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    !silent.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}
