//! `snowgate revoke …`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use domain::SessionId;
use gateway::ports::RevokedWhat;
use local::{Home, Known, Records, Revocation, RevocationAct};
use serde_json::json;

use super::{Broken, printable};
use crate::cli::{RevokeArgs, RevokeCommand, RevokeKind};
use crate::config;

/// Revokes, takes back, or lists.
pub fn run(args: &RevokeArgs) -> Result<ExitCode, Broken> {
    let path = config::home(&args.home)?;
    let (what, id) = match &args.command {
        RevokeCommand::Agent { id } => (RevokedWhat::Agent, id),
        RevokeCommand::Person { id } => (RevokedWhat::Person, id),
        RevokeCommand::Session { id } => (RevokedWhat::Session, id),
        RevokeCommand::List { history, json } => {
            let home = Home::open_existing(&path)?;
            let form = if *json { Form::Json } else { Form::Text };
            return if *history { told(&home, form) } else { in_force(&home, form) };
        }
        RevokeCommand::Undo { kind, id } => {
            let what = match kind {
                RevokeKind::Agent => RevokedWhat::Agent,
                RevokeKind::Person => RevokedWhat::Person,
                RevokeKind::Session => RevokedWhat::Session,
            };
            return undo(&path, what, id);
        }
    };
    checked(what, id)?;
    Home::open_existing(&path)?.revoke(what, id)?;
    say!("revoked; every gateway on this home refuses it within 5 seconds");
    say!("next: snowgate search --home {} to see what it did", path.display());
    // The revocation is kept, whatever becomes of this look.
    if let Ok(Known::No) = Records::open(&path).and_then(|records| records.knows(what, id)) {
        eprintln!("note: no exchange of this home carries that name; is it spelt as in `snowgate search`?");
    }
    Ok(ExitCode::SUCCESS)
}

fn checked(what: RevokedWhat, id: &str) -> Result<(), Broken> {
    if id.is_empty() {
        return Err(Broken::usage("name what to revoke"));
    }
    match what {
        RevokedWhat::Session => id
            .parse::<SessionId>()
            .map(|_| ())
            .map_err(|error| Broken::usage(format!("`{}`: {error}", printable(id)))),
        RevokedWhat::Agent | RevokedWhat::Person => Ok(()),
    }
}

fn undo(path: &Path, what: RevokedWhat, id: &str) -> Result<ExitCode, Broken> {
    checked(what, id)?;
    if !Home::open_existing(path)?.undo_revocation(what, id)? {
        return Err(Broken::new(format!(
            "`{}` is not revoked; next: snowgate revoke list --home {}",
            printable(id),
            path.display()
        )));
    }
    say!("taken back; it may ask again, with a token that is still good. Both stay on record");
    say!("next: snowgate revoke list --history --home {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// How something is printed.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
}

fn in_force(home: &Home, form: Form) -> Result<ExitCode, Broken> {
    let found = home.revocations()?;
    if found.is_empty() {
        eprintln!("nothing is revoked in {}", home.path().display());
    }
    print(found.iter().map(|Revocation { kind, id, since }| match form {
        Form::Json => {
            json!({"kind": kind, "id": id, "since": since.map(|since| since.to_string())}).to_string()
        }
        Form::Text => format!("{}  {kind}  {}", moment(*since), printable(id)),
    }))
}

fn told(home: &Home, form: Form) -> Result<ExitCode, Broken> {
    let found = home.revocation_history()?;
    if found.is_empty() {
        eprintln!("nothing was ever revoked in {}", home.path().display());
    }
    print(found.iter().map(|RevocationAct { at, act, kind, id }| match form {
        Form::Json => {
            json!({"at": at.map(|at| at.to_string()), "act": act, "kind": kind, "id": id}).to_string()
        }
        Form::Text => format!("{}  {act}  {kind}  {}", moment(*at), printable(id)),
    }))
}

/// Whoever reads may have seen enough before the end.
fn print(lines: impl Iterator<Item = String>) -> Result<ExitCode, Broken> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A version that kept no moments may have revoked it.
fn moment(at: Option<domain::Timestamp>) -> String {
    let at = at.map(|at| at.to_string());
    at.as_ref()
        .and_then(|at| at.get(..19))
        .map_or_else(|| "at an unknown time".to_owned(), |at| format!("{at}Z"))
}
