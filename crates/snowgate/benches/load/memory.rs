//! Resident memory of a process, as the kernel counts it.

use std::fs;

/// Forgets the highest resident size so far (`proc_pid_clear_refs(5)`).
pub fn forget_peak(process: u32) {
    fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

/// The highest resident size since then, in MB.
pub fn peak(process: u32) -> f64 {
    read(process, "VmHWM:")
}

/// The resident size now, in MB.
pub fn now(process: u32) -> f64 {
    read(process, "VmRSS:")
}

fn read(process: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1024.0 / 1e6
}
