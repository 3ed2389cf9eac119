//! What a program prints: one JSON value a line, kept as it comes, and waited for.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing here takes longer, or it hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Lines {
    values: Vec<Value>,
    has_ended: bool,
}

/// The lines of one program so far.
#[derive(Clone, Default)]
pub struct Told(Arc<(Mutex<Lines>, Condvar)>);

impl Told {
    /// Reads until the program closes what it prints to. A line that is no JSON is kept as a text.
    pub fn by(printed: impl Read + Send + 'static) -> Self {
        let told = Self::default();
        let reader = told.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(printed).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                reader.lines().values.push(value);
                reader.0.1.notify_all();
            }
            reader.lines().has_ended = true;
            reader.0.1.notify_all();
        });
        told
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.0.lock().expect("nobody has panicked with it")
    }

    pub fn all(&self) -> Vec<Value> {
        self.lines().values.clone()
    }

    /// The nth that is so, from 1.
    #[track_caller]
    pub fn nth(&self, n: usize, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut lines = self.lines();
        loop {
            if let Some(found) = lines.values.iter().filter(|value| is_so(value)).nth(n - 1) {
                return found.clone();
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let (has_ended, is_late) = (lines.has_ended, left.is_zero());
            if has_ended || is_late {
                drop(lines);
                let why = if has_ended { "the program has ended" } else { "it hangs" };
                panic!("{why} before {what} ({n})");
            }
            lines = self.0.1.wait_timeout(lines, left).expect("nobody has panicked with it").0;
        }
    }

    /// Whether the program has closed what it prints to by then.
    pub fn ends(&self) -> bool {
        let lines = self.lines();
        let waited = self.0.1.wait_timeout_while(lines, PATIENCE, |lines| !lines.has_ended);
        waited.expect("nobody has panicked with it").0.has_ended
    }
}
