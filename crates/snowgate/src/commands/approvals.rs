//! `snowgate approvals`: what waits for a person, and what every command needs to reach it.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use gateway::{Review, ReviewPorts, Waiting};
use local::{Home, SystemClock};
use recording::{ContextRecord, PromptRecord};
use serde::Serialize;

use super::{Broken, printable};
use crate::cli::ApprovalsArgs;
use crate::config;

/// One approval as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    exchange: &'a str,
    state: &'static str,
    opened: &'a str,
    agent: &'a str,
    person: Option<&'a str>,
    prompt: &'a PromptRecord,
    class: &'static str,
    kinds: Vec<&'a str>,
    /// As recorded: sensitive literals are masked.
    sql: &'a str,
    context: &'a ContextRecord,
    reads: Vec<&'a str>,
    writes: Vec<&'a str>,
    reason: &'a str,
    rules: &'a [String],
    reviewers: &'a [String],
    needed: u32,
    granted_by: &'a [String],
    expires: String,
    sign_in: &'a str,
}

/// Lists what waits, oldest first.
pub fn run(args: &ApprovalsArgs) -> Result<ExitCode, Broken> {
    let home = config::home(&args.home)?;
    let review = review(&home)?;
    let listing = runtime()?.block_on(review.waiting())?;
    let mut out = std::io::stdout().lock();
    for waiting in &listing.waiting {
        let row = row(waiting);
        let written = if args.json { write_json(&mut out, &row) } else { write_lines(&mut out, &row) };
        if written.is_err() {
            // Whoever read has seen enough (`… | head`).
            return Ok(ExitCode::SUCCESS);
        }
    }
    let home = home.display();
    if !listing.damaged.is_empty() {
        eprintln!(
            "snowgate: the approvals of {} cannot be read; next: snowgate verify {home}",
            listing.damaged.join(", ")
        );
        return Ok(ExitCode::FAILURE);
    }
    if !args.json {
        match listing.waiting.len() {
            0 => eprintln!("nothing waits for a person"),
            _ => eprintln!(
                "next: snowgate approve ID --home {home}, or snowgate deny ID --home {home} --reason WHY"
            ),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reviewing in the home at `path`, which must be there. A gateway may serve it meanwhile.
pub fn review(path: &Path) -> Result<Review, Broken> {
    let home = Arc::new(Home::open_existing(path)?);
    Ok(Review::new(ReviewPorts {
        approvals: home.clone(),
        recordings: home.clone(),
        keys: home,
        clock: Arc::new(SystemClock),
    }))
}

/// What a command waits by.
pub fn runtime() -> Result<tokio::runtime::Runtime, Broken> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn row(waiting: &Waiting) -> Row<'_> {
    let Waiting { id, opening, asked, state, granted_by, lapses } = waiting;
    let statements = opening.statements.as_slice();
    Row {
        id: id.to_string(),
        exchange: &opening.exchange,
        state: state.as_str(),
        opened: &opening.opened,
        agent: &opening.principal.agent,
        person: opening.principal.person.as_deref(),
        prompt: &opening.prompt,
        class: opening.class(),
        kinds: once_each(statements.iter().map(|statement| statement.kind.as_str())),
        sql: &opening.sql,
        context: &asked.context,
        reads: once_each(statements.iter().flat_map(|statement| &statement.reads).map(String::as_str)),
        writes: once_each(statements.iter().flat_map(|statement| &statement.writes).map(String::as_str)),
        reason: &asked.reason,
        rules: &asked.rules,
        reviewers: &asked.reviewers,
        needed: asked.needed,
        granted_by,
        expires: lapses.to_string(),
        sign_in: &asked.sign_in,
    }
}

fn once_each<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn write_json(out: &mut impl Write, row: &Row<'_>) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

fn write_lines(out: &mut impl Write, row: &Row<'_>) -> std::io::Result<()> {
    let who = row.person.map_or_else(|| row.agent.to_owned(), |person| format!("{} for {person}", row.agent));
    writeln!(
        out,
        "{}  {}  {} ({}) asked by {}",
        row.id,
        row.state,
        row.class,
        row.kinds.join(", "),
        printable(&who)
    )?;
    if let Some(prompt) = &row.prompt.text {
        writeln!(out, "    prompt ({})  {}", row.prompt.grade, printable(prompt))?;
    }
    printable(row.sql).lines().try_for_each(|line| writeln!(out, "    {line}"))?;
    for (what, objects) in [("changes", &row.writes), ("reads", &row.reads)] {
        if !objects.is_empty() {
            writeln!(out, "    {what} {}", printable(&objects.join(", ")))?;
        }
    }
    writeln!(out, "    because {}", printable(row.reason))?;
    let expires = row.expires.get(..19).unwrap_or(&row.expires);
    writeln!(
        out,
        "    {} decide until {expires}Z; recorded as {}",
        printable(&row.reviewers.join(", ")),
        row.exchange
    )
}
