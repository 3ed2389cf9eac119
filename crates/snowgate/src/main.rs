//! The command line of Snowgate: the gateway as one local binary, and the tools around its recordings.
//!
//! Exit codes: 0 done; 1 broken (for `verify`: altered); 2 incomplete (`verify`, `scan`); 3 refused and 4 waiting (`ask`);
//! 64 wrong usage (`EX_USAGE` of sysexits.h); 74 recordings that cannot be read (`verify`; `EX_IOERR`).

/// Prints a line for whoever reads. A reader that has gone away (`… | head`) changes nothing about what is done, nor about
/// the exit code.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod cli;
mod commands;
mod config;
mod connections;
mod deployment;
mod issuer;
mod serve;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command, ConfigCommand, Deployment, PolicyCommand};

/// Wrong usage.
const USAGE: u8 = 64;
/// Recordings that cannot be read.
const UNREADABLE: u8 = 74;

fn main() -> ExitCode {
    settings::wiring::hide_panics("snowgate");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done when the terminal is gone.
            let _ = error.print();
            let is_asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_asked_for { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    let done = match command {
        Command::Serve(args) => serve::run(&args),
        Command::Token(args) => commands::token::run(&args),
        Command::Ask(args) => commands::ask::run(&args),
        Command::Search(args) => commands::search::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Revoke(args) => commands::revoke::run(&args),
        Command::Approvals(args) => commands::approvals::run(&args),
        Command::Approve(args) => {
            commands::verdict::run(domain::Verdict::Approve, &args.verdict, Some(&args.standing))
        }
        Command::Deny(args) => commands::verdict::run(domain::Verdict::Deny, &args, None),
        Command::Agent(args) => commands::agent::run(&args),
        Command::Read(args) => commands::read::run(&args),
        Command::Decide(args) => commands::decide::run(&args),
        Command::Mask(args) => commands::mask::run(&args),
        Command::Scan(args) => commands::scan::run(&args),
        Command::Policy(command) => match command {
            PolicyCommand::Check { dir } => commands::policy::check(&dir),
            PolicyCommand::Init { dir } => commands::policy::init(&dir),
            PolicyCommand::Diff(args) => commands::policy::diff(&args),
            PolicyCommand::Push(_)
            | PolicyCommand::Confirm(_)
            | PolicyCommand::Rollback(_)
            | PolicyCommand::Withdraw(_)
            | PolicyCommand::Log(_) => commands::on_aws::run(),
        },
        Command::Config(ConfigCommand::Check { config, target, reach, environment }) => match target {
            None => commands::config::check(config.as_deref()),
            Some(Deployment::Aws) => {
                let reach = if reach { deployment::Reach::Ask } else { deployment::Reach::Nobody };
                deployment::check(config.as_deref(), &environment, reach)
            }
        },
    };
    match done {
        Ok(code) => code,
        Err(broken) => {
            eprintln!("snowgate: {broken}");
            ExitCode::from(broken.code())
        }
    }
}
