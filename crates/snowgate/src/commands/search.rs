//! `snowgate search`.

use std::io::Write;
use std::process::ExitCode;

use domain::Timestamp;
use local::{Home, Records, Rejections};
use recording::{Filter, LateEvidence, RecordKey, SearchRow};

use super::archive::closing_of;
use super::{Broken, counted};
use crate::cli::{DecisionWord, SearchArgs};
use crate::config;

/// Lists exchanges, or what never became one; oldest first.
pub fn run(args: &SearchArgs) -> Result<ExitCode, Broken> {
    if args.rejected { rejections(args) } else { exchanges(args) }
}

fn exchanges(args: &SearchArgs) -> Result<ExitCode, Broken> {
    let home = config::home(&args.home)?;
    let records = Records::open(&home)?;
    let filter = Filter {
        person: args.person.clone(),
        agent: args.agent.clone(),
        table: args.table.clone(),
        from: args.from,
        to: args.to,
        decision: args.decision.map(DecisionWord::as_str).map(str::to_owned),
        text: args.text.clone(),
    };
    let mut out = std::io::stdout().lock();
    let mut found: u64 = 0;
    let mut unreadable: u64 = 0;
    let (from, to) = (args.from.map(Timestamp::day), args.to.map(Timestamp::day));
    for listed in records.listing(from.as_deref(), to.as_deref())? {
        let Ok(opening) = listed.map(|listed| (listed.key, listed.opening)) else {
            unreadable += 1;
            continue;
        };
        let (key, Ok(opening)) = opening else {
            unreadable += 1;
            continue;
        };
        let Ok(late) = late_of(&records, &key) else {
            unreadable += 1;
            continue;
        };
        if !filter.matches(&opening.record, late.as_ref()) {
            continue;
        }
        let Ok(closing) = closing_of(&records, &key) else {
            unreadable += 1;
            continue;
        };
        if !has_finding(args.finding.as_deref(), &recording::found(closing.as_ref(), late.as_ref())) {
            continue;
        }
        found += 1;
        let row = SearchRow::new(&opening.record, closing.as_ref(), late.as_ref());
        let written = if args.json { write_json(&mut out, &row) } else { write_line(&mut out, &row) };
        if written.is_err() {
            // Whoever read has seen enough (`… | head`).
            return Ok(ExitCode::SUCCESS);
        }
    }
    if unreadable > 0 {
        eprintln!(
            "snowgate: {} could not be read; next: snowgate verify {}",
            counted(unreadable, "exchange"),
            home.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    // Standard output holds what was found and nothing else.
    match found {
        0 => eprintln!(
            "nothing found in {}; what was turned away before it became an exchange: snowgate search --rejected",
            home.display()
        ),
        _ if args.json => {}
        _ => eprintln!("{found} found; next: snowgate replay SESSION --home {}", home.display()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The last evidence that came late: it stands for all of it.
fn late_of(records: &Records, key: &RecordKey) -> Result<Option<LateEvidence>, Broken> {
    match records.evidence(key)?.pop() {
        Some(object) => Ok(Some(recording::decode::<LateEvidence>(&object)?.record)),
        None => Ok(None),
    }
}

/// Whether the findings hold the wanted word; an empty one wants any.
fn has_finding(wanted: Option<&str>, found: &[String]) -> bool {
    wanted.is_none_or(|wanted| found.iter().any(|word| wanted.is_empty() || word == wanted))
}

/// What became no exchange is counted, so that it cannot flood the recordings.
fn rejections(args: &SearchArgs) -> Result<ExitCode, Broken> {
    let home = Home::open_existing(&config::home(&args.home)?)?;
    let from = args.from.unwrap_or(Timestamp::from_micros(i64::MIN));
    let to = args.to.unwrap_or(Timestamp::from_micros(i64::MAX));
    let mut out = std::io::stdout().lock();
    let found = home.rejected(from, to)?;
    if found.is_empty() {
        eprintln!("nothing was turned away in that time; exchanges: snowgate search");
    }
    for Rejections { minute, door, reason, count } in found {
        let minute = minute.to_string();
        let written = if args.json {
            let row = serde_json::json!({"minute": minute, "door": door, "reason": reason, "count": count});
            writeln!(out, "{row}")
        } else {
            let minute = minute.get(..16).unwrap_or(&minute);
            writeln!(out, "{minute}Z  {door}  {reason}  {count}")
        };
        if written.is_err() {
            // Whoever read has seen enough.
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_json(out: &mut impl Write, row: &SearchRow) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

fn write_line(out: &mut impl Write, row: &SearchRow) -> std::io::Result<()> {
    let who = match &row.person {
        Some(person) => format!("{} for {person}", row.agent),
        None => row.agent.clone(),
    };
    let opened = row.opened.get(..19).unwrap_or(&row.opened);
    writeln!(
        out,
        "{opened}Z  {}  {who}  {} → {} ({})",
        row.exchange,
        row.decision,
        row.outcome,
        counted(row.rows, "row")
    )?;
    if let Some(prompt) = &row.prompt {
        writeln!(out, "    {} {}", row.evidence, one_line(prompt))?;
    }
    if !row.findings.is_empty() {
        writeln!(out, "    findings: {}", row.findings.join(", "))?;
    }
    writeln!(out, "    {}", one_line(&row.sql))
}

/// The text on one line, at most 160 characters, nothing in it that steers a terminal.
fn one_line(text: &str) -> String {
    super::printable(&text.split_whitespace().collect::<Vec<_>>().join(" ")).chars().take(160).collect()
}
