//! Standing approvals by the command line: the terms of one, the list, and their ends.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use domain::{Asked, Timestamp};
use gateway::{MayBe, ProposedTerms, Review, StandingShown, StandingTerms, VariedPlace, Waiting};
use recording::{MayBeRecord, Opening, StandingRecord};
use serde::Serialize;

use super::approvals::write_json;
use super::{Broken, named, one_line, printable, whoever, write_line, write_statement};
use crate::cli::StandingArgs;

/// The terms that somebody wants; none when nothing is to stand.
pub fn terms(args: &StandingArgs) -> Result<Option<StandingTerms>, Broken> {
    let StandingArgs { runs, until, rows, vary } = args;
    let (Some(runs), Some(until), Some(rows)) = (runs, until, rows) else { return Ok(None) };
    let is_day = until.len() == 10;
    let moment = if is_day { format!("{until}T00:00:00Z") } else { until.clone() };
    let until: Timestamp = moment.parse().map_err(|_| {
        Broken::usage(format!("--until `{}`: a day (2026-12-01) or a moment of RFC 3339", printable(until)))
    })?;
    let mut varied: BTreeMap<VariedPlace, MayBe> = BTreeMap::new();
    for text in vary {
        let wrong = |why: &str| Broken::usage(format!("--vary `{}`: {why}", printable(text)));
        let (place, values) = text.split_once('=').ok_or_else(|| wrong("PLACE=VALUES"))?;
        let place: VariedPlace = place.trim().parse().map_err(|error| wrong(&format!("{error}")))?;
        let may_be: MayBe = values.parse().map_err(|error| wrong(&format!("{error}")))?;
        if varied.insert(place, may_be).is_some() {
            return Err(wrong("this place is named twice"));
        }
    }
    Ok(Some(StandingTerms { until, runs: *runs, rows: *rows, vary: varied }))
}

/// The literals of a text by the numbers that `--vary` takes.
pub fn write_places(out: &mut impl Write, asked: &Asked) -> std::io::Result<()> {
    let literals = sql::literals(asked.text.reveal()).unwrap_or_default();
    if literals.is_empty() {
        return Ok(());
    }
    writeln!(out, "its literals, as approve --runs N --vary PLACE=VALUES numbers them:")?;
    (1..).zip(&literals).try_for_each(|(place, literal)| {
        write_line(out, "    ", &format!("{place} {}", one_line(&literal.value)))
    })
}

/// What somebody who has said yes wants to allow for later ones, as `--json` prints it.
#[derive(Serialize)]
pub struct WantedRow<'a> {
    by: &'a str,
    #[serde(flatten)]
    terms: &'a StandingRecord,
}

impl<'a> From<&'a ProposedTerms> for WantedRow<'a> {
    fn from(wanted: &'a ProposedTerms) -> Self {
        let ProposedTerms { by, terms } = wanted;
        Self { by, terms }
    }
}

/// What those who have said yes want to allow for later ones, as whoever agrees says it again.
pub fn write_wanted(out: &mut impl Write, waiting: &Waiting) -> std::io::Result<()> {
    for ProposedTerms { by, terms } in &waiting.wanted {
        writeln!(out, "{} lets later ones like it go, once all who must say yes say the same:", named(by))?;
        write_line(out, "    ", &flags(terms))?;
    }
    Ok(())
}

/// The arguments that come to these terms. A value that the detectors replace is to be asked for.
fn flags(terms: &StandingRecord) -> String {
    let StandingRecord { until, runs, rows, vary } = terms;
    let mut flags = format!("--runs {runs} --rows {rows} --until {until}");
    for vary in vary {
        let may_be = match &vary.may_be {
            MayBeRecord::OneOf { shown, keyed: _ } => shown.join(","),
            MayBeRecord::Between { first, last } => format!("{first}..{last}"),
        };
        flags.push_str(&format!(" --vary '{}={}'", vary.place, one_line(&may_be)));
    }
    flags
}

/// What the rows of a standing approval do not bound.
pub fn unbounded(opening: &Opening) -> &'static str {
    let is_read = opening.statements.iter().all(|statement| statement.writes.is_empty());
    if is_read && !opening.statements.is_empty() {
        " in its result"
    } else {
        " in its result (how many rows it changes is bounded by its text alone)"
    }
}

/// One standing approval as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    exchange: &'a str,
    /// Why it allows nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<String>,
    /// Why it allows nothing for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    rests: Option<&'static str>,
    agent: &'a str,
    person: Option<&'a str>,
    /// As recorded: sensitive literals are masked.
    sql: &'a str,
    context: &'a recording::ContextRecord,
    uses: u32,
    #[serde(flatten)]
    terms: &'a StandingRecord,
    by: &'a [String],
    #[serde(skip)]
    unbounded: &'static str,
}

/// Lists them, the oldest first.
pub async fn list(review: &Review, json: bool, home: &Path) -> Result<ExitCode, Broken> {
    let (shown, broken) = review.standing_approvals().await?;
    let mut out = std::io::stdout().lock();
    for one in &shown {
        let StandingShown { id, opening, context, terms, by, uses, over, rests, reviewers: _, sign_in: _ } =
            one;
        let row = Row {
            id: id.to_string(),
            exchange: &opening.exchange,
            over: over.map(|over| over.to_string()),
            rests: *rests,
            agent: &opening.principal.agent,
            person: opening.principal.person.as_deref(),
            sql: &opening.sql,
            context,
            uses: *uses,
            terms,
            by,
            unbounded: unbounded(opening),
        };
        let written = if json { write_json(&mut out, &row) } else { write_lines(&mut out, &row) };
        if written.is_err() {
            // Whoever read has seen enough (`… | head`).
            return Ok(ExitCode::SUCCESS);
        }
    }
    if !broken.is_empty() {
        eprintln!(
            "snowgate: the standing approvals of {} cannot be read; next: snowgate verify {}",
            broken.join(", "),
            home.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    if !json {
        match shown.len() {
            0 => eprintln!("there are no standing approvals"),
            _ => {
                let home = home.display();
                eprintln!("next: snowgate approvals --end ID --home {home} --reason WHY ends one");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_lines(out: &mut impl Write, row: &Row<'_>) -> std::io::Result<()> {
    let Row { id, exchange, over, rests, agent, person, sql, context: _, uses, terms, by, unbounded } = row;
    let state = match (over, rests) {
        (Some(over), _) => over.clone(),
        (None, Some(why)) => format!("in force, but nothing runs by it for now: {why}"),
        (None, None) => "in force".to_owned(),
    };
    write_line(out, "", &format!("{id}  {state}"))?;
    let who = whoever(agent, *person);
    write_line(out, "    ", &format!("for {who}, used {uses} of {} times", terms.runs))?;
    write_statement(out, "    ", sql)?;
    for vary in &terms.vary {
        let may_be = match &vary.may_be {
            MayBeRecord::OneOf { shown, keyed: _ } => format!("one of {}", shown.join(", ")),
            MayBeRecord::Between { first, last } => format!("from {first} to {last}"),
        };
        write_line(out, "    ", &format!("{} may be {}", vary.place, one_line(&may_be)))?;
    }
    let StandingRecord { rows, until, .. } = terms;
    let by = named(&by.join(", "));
    write_line(out, "    ", &format!("{rows} rows at most{unbounded}, until {until}; by {by}"))?;
    writeln!(out, "    recorded as {exchange}")
}
