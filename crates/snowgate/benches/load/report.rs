//! Percentiles, and the table that is printed.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// Times, sorted.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn of(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "nothing was measured");
        times.sort();
        Self(times)
    }

    /// That percentile in milliseconds: the time that so many of a hundred did not exceed.
    pub fn ms(&self, percentile: usize) -> f64 {
        let at = (self.0.len() * percentile).div_ceil(100).max(1) - 1;
        self.0[at].as_secs_f64() * 1e3
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// What was measured, beside what was wanted.
#[derive(Default)]
pub struct Report {
    lines: Vec<String>,
}

impl Report {
    /// A figure without a target.
    pub fn tell(&mut self, what: &str, measured: String) {
        self.line(what, "", &measured, "");
    }

    /// A figure with a target.
    pub fn hold(&mut self, what: &str, target: String, measured: String, is_held: bool) {
        self.line(what, &target, &measured, if is_held { "yes" } else { "no" });
    }

    fn line(&mut self, what: &str, target: &str, measured: &str, held: &str) {
        // Seen at once by whoever waits; the table comes at the end.
        eprintln!("{what}: {measured}");
        self.lines.push(format!("| {what} | {measured} | {target} | {held} |"));
    }

    pub fn print(&self) {
        println!("\n{}\n", machine());
        println!("| Figure | Measured | Target | Held |\n| --- | --- | --- | --- |");
        self.lines.iter().for_each(|line| println!("{line}"));
    }
}

/// The machine, in one line; the load tells whether it was alone.
fn machine() -> String {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = text("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(0, |count| count.get());
    let mut line = format!("{count} processors");
    if let Some((_, model)) = model {
        write!(line, " ({model})").unwrap();
    }
    let kernel = text("/proc/sys/kernel/osrelease");
    let load = text("/proc/loadavg");
    let load: Vec<&str> = load.split(' ').take(3).collect();
    write!(line, ", Linux {}, load averages at the end {}", kernel.trim(), load.join(" ")).unwrap();
    line
}
