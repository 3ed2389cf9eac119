//! `snowgate search`.

use std::io::Write;
use std::process::ExitCode;

use domain::Timestamp;
use local::{Home, Records, Rejections};
use recording::{Filter, LateEvidence, RecordKey, SearchRow};

use super::archive::closing_of;
use super::{Broken, counted, one_line, whoever, write_foreign, write_line};
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
        let row = SearchRow::new(&opening.record, closing.as_ref(), late.as_ref());
        if !has_finding(args.finding.as_deref(), &row.findings) {
            continue;
        }
        found += 1;
        let written = if args.json { write_json(&mut out, &row) } else { write_row(&mut out, &row) };
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

fn write_row(out: &mut impl Write, row: &SearchRow) -> std::io::Result<()> {
    let who = whoever(&row.agent, row.person.as_deref());
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
        write_line(out, "    ", &format!("{} {}", row.evidence, one_line(&head(prompt))))?;
    }
    if !row.findings.is_empty() {
        writeln!(out, "    findings: {}", row.findings.join(", "))?;
    }
    write_foreign(out, "    ", &head(&row.sql))
}

/// What a text begins with, on one line.
fn head(text: &str) -> String {
    const MOST: usize = 160;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_elses_words_pass_for_ours() {
        let row = SearchRow {
            session: "s".to_owned(),
            exchange: "s/1".to_owned(),
            opened: "2026-11-02T09:30:00.000000Z".to_owned(),
            closed: None,
            agent: "claude\n2026-11-02T09:31:00Z  s/2".to_owned(),
            person: Some("\u{430}na@example.com".to_owned()),
            door: "mcp".to_owned(),
            prompt: Some(format!("clean up{}\n    P4 everything", " ".repeat(90))),
            evidence: "P1".to_owned(),
            findings: Vec::new(),
            sql: format!("delete from t\u{202e}\n2026-11-02 {}", "x".repeat(300)),
            class: "write".to_owned(),
            reads: Vec::new(),
            writes: Vec::new(),
            decision: "hold".to_owned(),
            rules: Vec::new(),
            outcome: "pending".to_owned(),
            rows: 0,
            masked_columns: Vec::new(),
            query_id: None,
        };
        let mut out = Vec::new();
        write_row(&mut out, &row).unwrap();
        let told = String::from_utf8(out).unwrap();
        let (first, rest) = told.split_once('\n').unwrap();
        assert!(first.contains(" ⟦claude↵2026-11-02T09:31:00Z  s/2⟧ for ⟦U+0430⟧na@"), "{told}");
        let is_ours = |line: &str| line == "    P1 clean up P4 everything";
        assert!(rest.lines().all(|line| is_ours(line) || line.starts_with("    ┆ ")), "{told}");
        assert!(rest.contains("┆ delete from t⟦U+202E⟧ 2026-11-02 "), "{told}");
    }
}
