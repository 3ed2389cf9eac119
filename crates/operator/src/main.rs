//! What an operator does in the account that a gateway runs in: puts policy bundles in force, and tells who did.
//!
//! A program of its own, since it links the AWS SDK, which `snowgate` does not; `snowgate policy push` and its like run it. It has the
//! rights of whoever calls it (`infra/operators.yaml`), finds everything by the stack that `template.yaml` made, and refuses to
//! know statements and records.
//!
//! Exit codes: 0 done; 1 broken; 3 refused; 4 waits for a second person; 64 wrong usage (`EX_USAGE` of sysexits.h).

/// Prints a line for whoever reads. A reader that has gone away changes nothing about what is done.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod account;
mod cli;
mod compare;
mod ended;
mod policy;
mod reviewers;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command, PolicyCommand};
use crate::ended::Ended;

/// Wrong usage.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    settings::wiring::hide_panics("snowgate-aws");
    let Cli { command: Command::Policy(command) } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done when the terminal is gone.
            let _ = error.print();
            let is_asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_asked_for { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Ended::from)
        .and_then(|runtime| runtime.block_on(run(&command)));
    match done {
        Ok(code) => code,
        Err(ended) => {
            eprintln!("snowgate-aws: {ended}");
            ExitCode::from(ended.code())
        }
    }
}

async fn run(command: &PolicyCommand) -> Result<ExitCode, Ended> {
    match command {
        PolicyCommand::Push(args) => policy::push(args).await,
        PolicyCommand::Confirm(args) => policy::confirm(args).await,
        PolicyCommand::Rollback(args) => policy::rollback(args).await,
        PolicyCommand::Withdraw(args) => policy::withdraw(args).await,
        PolicyCommand::Diff(args) => policy::diff(args).await,
        PolicyCommand::Log(args) => policy::log(args).await,
    }
}
