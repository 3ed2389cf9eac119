//! `snowgate verify DIR`.

use std::io::IsTerminal;
use std::process::ExitCode;

use gateway::ports::Clock;
use local::{HomeArchive, HomeError, SystemClock};
use recording::{Severity, UNPROVEN, verify};

use super::{Broken, counted};
use crate::cli::VerifyArgs;

/// Checks every record of a home.
pub fn run(args: &VerifyArgs) -> Result<ExitCode, Broken> {
    let archive = match HomeArchive::open(&args.dir) {
        Ok(archive) => archive,
        Err(HomeError::Missing { path }) => {
            return Err(Broken::usage(format!(
                "`{}` is no home of a gateway: nothing was verified; name the folder that `serve --home` uses \
                 (it holds `records`)",
                path.display()
            )));
        }
        // SECURITY: whoever takes all of them away at once has altered them too.
        Err(error @ HomeError::RecordsGone { .. }) => return Err(error.into()),
        Err(error) => return Err(unchecked(error)),
    };
    let shows_progress = !args.json && std::io::stderr().is_terminal();
    let mut progress = |done: u64, all: u64| {
        if shows_progress && (done.is_multiple_of(1000) || done == all) {
            eprint!("\r{done} of {all} exchanges checked");
        }
    };
    let report = verify(&archive, SystemClock.now(), &mut progress).map_err(unchecked)?;
    if shows_progress && report.exchanges > 0 {
        eprintln!();
    }
    for fault in report.faults.iter().chain(&report.notes) {
        if args.json {
            say!("{}", serde_json::to_string(fault)?);
        } else {
            let severity = match fault.severity {
                Severity::Altered => "altered",
                Severity::Incomplete => "incomplete",
                Severity::Note => "note",
            };
            say!(
                "{severity}: {} {}: {}",
                super::printable(&fault.at),
                fault.what.as_str(),
                super::printable(&fault.detail)
            );
        }
    }
    let (result, code) = match report.worst() {
        None | Some(Severity::Note) => ("good", 0),
        Some(Severity::Altered) => ("altered", 1),
        Some(Severity::Incomplete) => ("incomplete", 2),
    };
    if args.json {
        let summary = serde_json::json!({
            "result": result, "sessions": report.sessions, "exchanges": report.exchanges, "pages": report.pages,
            "faults": report.faults.len(), "notes": report.notes.len(), "unproven": UNPROVEN,
        });
        say!("{summary}");
    } else {
        say!(
            "{result}: {}, {}, {}, {}",
            counted(report.sessions, "session"),
            counted(report.exchanges, "exchange"),
            counted(report.pages, "page"),
            counted(report.faults.len() as u64, "fault")
        );
        say!("not proven:");
        UNPROVEN.iter().for_each(|sentence| say!("  - {sentence}"));
    }
    Ok(ExitCode::from(code))
}

/// What cannot be read is not said to be altered: nobody knows.
fn unchecked(error: impl std::error::Error) -> Broken {
    Broken::unreadable(format!("nothing was verified: {}", Broken::from(error)))
}
