//! `snowgate verify DIR`.

use std::io::IsTerminal;
use std::process::ExitCode;

use local::HomeArchive;
use recording::{Severity, UNPROVEN, verify};

use super::Broken;
use crate::cli::VerifyArgs;

/// Checks every record of a home.
pub fn run(args: &VerifyArgs) -> Result<ExitCode, Broken> {
    let archive = HomeArchive::open(&args.dir)?;
    let shows_progress = !args.json && std::io::stderr().is_terminal();
    let mut progress = |done: u64, all: u64| {
        if shows_progress && (done.is_multiple_of(1000) || done == all) {
            eprint!("\r{done} of {all} exchanges checked");
        }
    };
    let report = verify(&archive, &mut progress)?;
    if shows_progress && report.exchanges > 0 {
        eprintln!();
    }
    for fault in &report.faults {
        if args.json {
            println!("{}", serde_json::to_string(fault)?);
        } else {
            let severity = match fault.severity {
                Severity::Altered => "altered",
                Severity::Incomplete => "incomplete",
            };
            println!(
                "{severity}: {} {}: {}",
                super::printable(&fault.at),
                fault.what.as_str(),
                super::printable(&fault.detail)
            );
        }
    }
    let (result, code) = match report.worst() {
        None => ("good", 0),
        Some(Severity::Altered) => ("altered", 1),
        Some(Severity::Incomplete) => ("incomplete", 2),
    };
    if args.json {
        let summary = serde_json::json!({
            "result": result, "sessions": report.sessions, "exchanges": report.exchanges, "pages": report.pages,
            "faults": report.faults.len(), "unproven": UNPROVEN,
        });
        println!("{summary}");
    } else {
        println!(
            "{result}: {} sessions, {} exchanges, {} pages, {} faults",
            report.sessions,
            report.exchanges,
            report.pages,
            report.faults.len()
        );
        println!("not proven:");
        UNPROVEN.iter().for_each(|sentence| println!("  - {sentence}"));
    }
    Ok(ExitCode::from(code))
}
