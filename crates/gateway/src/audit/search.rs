//! Finding exchanges: where to look by the index, what to tell by the records.

use std::collections::BTreeMap;

use domain::{ExchangeNumber, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use recording::{ExchangeRow, Look, RecordKey};
use serde::Serialize;

use super::handed_over::{LONGEST, beginning, size};
use super::question::{By, Position, Question, is_same, is_touched, touches_many};
use super::{Audit, AuditAnswer, AuditError, Auditor, json};
use crate::fault::Fault;
use crate::ports::{Among, Indexed, Stretch, Told};
use crate::recorded::Recorded;

/// Exchanges that are read for one answer at most, shown or not.
const READ: usize = 200;

/// Of these so many are asked of the index at once, and so many read at once.
const AT_ONCE: usize = 50;
const READ_AT_ONCE: usize = 16;

/// Characters that an answer shows of one text, and names of one list; replay tells all of it.
const TEXT: usize = 4000;
const LIST: usize = 50;

/// Bytes of a text, and of a name, as Lambda hands them over: so no row is longer than an answer, whatever stands in it.
const TEXT_SIZE: usize = 32 * 1024;
const NAME_SIZE: usize = 1024;

/// What an answer does not show, in words for whoever asked.
pub const NOT_HERE: &str = "what is under way or waits for a person has no closing and is found by its session alone \
                            (GET /v1/sessions/SESSION); what was closed a few seconds ago may not be found yet; all that waits is told by the query what_is_missing of Athena";

/// What a search answers.
#[derive(Serialize)]
struct Found<'a> {
    /// The record of this look.
    look: &'a str,
    at: &'a str,
    asked: &'a BTreeMap<String, String>,
    exchanges: &'a [Row],
    damaged: &'a [Damaged],
    /// Entries of the index that nobody can read: what they stood for is not among these.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u32,
    /// Exchanges that were read for it.
    read: u64,
    /// The opening of the last of them.
    until: Option<String>,
    /// Where to go on; none when all of it was looked at.
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_here: Option<&'static str>,
}

/// One exchange, as its records tell it. Names are those of the view `exchanges` in `infra/athena`.
#[derive(Serialize)]
struct Row {
    exchange: String,
    /// What is not among the objects or is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    opened: Option<String>,
    closed: Option<String>,
    door: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    agent: Option<String>,
    person: Option<String>,
    prompt: Option<String>,
    grade: Option<String>,
    sql: Option<String>,
    text_digest: Option<String>,
    classes: Vec<String>,
    reads: Vec<String>,
    writes: Vec<String>,
    decision: Option<String>,
    rules: Vec<String>,
    outcome: String,
    reason: Option<String>,
    message: Option<String>,
    rows_shown: u64,
    masked_by_lineage: u64,
    masked_by_content: u64,
    masked_columns: Vec<String>,
    findings: Vec<String>,
    query_ids: Vec<String>,
    /// Steps of its approval.
    steps: usize,
    /// Names of fields of which only the beginning is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: Vec<&'static str>,
}

/// An exchange that the index tells of and its record does not.
#[derive(Serialize)]
struct Damaged {
    exchange: String,
    what: Vec<&'static str>,
}

/// What was found so far.
#[derive(Default)]
struct Finding {
    rows: Vec<Row>,
    damaged: Vec<Damaged>,
    unreadable: u32,
    read: u64,
    size: usize,
    until: Option<String>,
    /// The last that was read.
    position: Option<Position>,
}

impl Audit {
    /// The exchanges that are asked for, oldest first; of what is not read by then, where to go on. One is read whatever the time is.
    ///
    /// # Errors
    /// [`AuditError`] when the cursor is none of this question, when something cannot be read, or when the look cannot be kept:
    /// nothing is shown then.
    pub async fn search(
        &self,
        auditor: &Auditor,
        question: &Question,
        until: Option<Timestamp>,
    ) -> Result<AuditAnswer, AuditError> {
        let begins = question.position(auditor)?;
        let look = self.look(auditor, "search", question.recorded()).await?;
        let (finding, is_all) = self.find(question, begins, until).await?;
        let Finding { rows, damaged, unreadable, read, size: _, until, position } = finding;
        let look = Look {
            read,
            shown: rows.iter().map(|row| row.exchange.clone()).collect(),
            damaged: damaged.iter().map(|damaged| damaged.exchange.clone()).collect(),
            ..look
        };
        let next = position.filter(|_| !is_all).map(|position| question.cursor(auditor, &position));
        let body = json(&Found {
            look: &look.look,
            at: &look.at,
            asked: &look.asked,
            exchanges: &rows,
            damaged: &damaged,
            unreadable,
            read,
            until,
            next,
            not_here: matches!(question.by, By::Among(..)).then_some(NOT_HERE),
        })?;
        Ok(self.kept(look, body).await?)
    }

    /// What is found within the bounds of one answer, and whether that is all there is.
    async fn find(
        &self,
        question: &Question,
        begins: Option<Position>,
        until: Option<Timestamp>,
    ) -> Result<(Finding, bool), Fault> {
        let limit = question.limit.get();
        let mut finding = Finding { position: begins, ..Finding::default() };
        loop {
            let read = usize::try_from(finding.read).unwrap_or(usize::MAX);
            let some = AT_ONCE.min(READ.saturating_sub(read));
            if some == 0 || (finding.read > 0 && self.is_over(until)) {
                return Ok((finding, false));
            }
            let (next, unreadable) = self.next(&question.by, finding.position.as_ref(), some).await?;
            finding.unreadable = finding.unreadable.saturating_add(unreadable);
            let is_last = next.len() < some;
            // Owned, for a future that borrows them from a stream is not known to be `Send`.
            let mut recorded = stream::iter(next.clone())
                .map(|place| async move { self.recorded(&place).await })
                .buffered(READ_AT_ONCE);
            for (at, place) in (1..).zip(&next) {
                let Some(recorded) = recorded.try_next().await? else { break };
                if !finding.takes(question, place, recorded) {
                    return Ok((finding, false));
                }
                let found = finding.rows.len().saturating_add(finding.damaged.len());
                if found >= limit {
                    return Ok((finding, is_last && at == next.len()));
                }
                if self.is_over(until) && at < next.len() {
                    return Ok((finding, false));
                }
            }
            if is_last {
                return Ok((finding, true));
            }
        }
    }

    /// The places that come next.
    async fn next(
        &self,
        by: &By,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<(Vec<Place>, u32), Fault> {
        match by {
            By::Session(session) => {
                let from = match after {
                    None => Some(ExchangeNumber::FIRST),
                    Some(Position::Number(number)) => number.next(),
                    Some(Position::At(_)) => None,
                };
                let Some(from) = from else { return Ok((Vec::new(), 0)) };
                let keys = self.ports.index.of_session(*session, from, limit).await?;
                Ok((keys.into_iter().map(Place::OfSession).collect(), 0))
            }
            By::Among(among, stretch) => {
                let after = match after {
                    Some(Position::At(indexed)) => Some(indexed),
                    Some(Position::Number(_)) | None => None,
                };
                let Told { found, unreadable } =
                    self.ports.index.indexed(among, *stretch, after, limit).await?;
                Ok((found.into_iter().map(Place::Told).collect(), unreadable))
            }
        }
    }

    /// What lies at that place; none where no object can.
    async fn recorded(&self, place: &Place) -> Result<Option<Recorded>, Fault> {
        // SECURITY: a day that is none of the opening's names nothing that we wrote.
        if matches!(place, Place::Told(indexed) if indexed.opened.day() != indexed.key.day) {
            return Ok(None);
        }
        Recorded::read(self.ports.recordings.as_ref(), place.key()).await.map(Some)
    }
}

/// Where an exchange should lie, and who says so.
#[derive(Clone)]
enum Place {
    OfSession(RecordKey),
    Told(Indexed),
}

impl Place {
    fn key(&self) -> &RecordKey {
        match self {
            Self::OfSession(key) => key,
            Self::Told(indexed) => &indexed.key,
        }
    }

    fn position(&self) -> Position {
        match self {
            Self::OfSession(key) => Position::Number(key.exchange.number),
            Self::Told(indexed) => Position::At(indexed.clone()),
        }
    }
}

impl Finding {
    /// Takes what lies at a place, if it fits: else a next answer begins with it.
    fn takes(&mut self, question: &Question, place: &Place, recorded: Option<Recorded>) -> bool {
        let key = place.key();
        let exchange = key.exchange.to_string();
        let row = recorded.filter(|recorded| !recorded.is_nothing()).map(|recorded| recorded.row(key));
        // SECURITY: of what the index told otherwise than its record, only that it did.
        let what = row.as_ref().map(|row| contradictions(&question.by, place, row));
        let is_shown = what.as_ref().is_some_and(Vec::is_empty);
        // Told among those of an object because it touches many.
        let is_of_it = |row: &ExchangeRow| match &question.by {
            By::Among(Among::Table(name), _) => is_touched(row, name),
            By::Among(Among::Person(_) | Among::Agent(_) | Among::Refused | Among::Held, _)
            | By::Session(_) => true,
        };
        let wanted = row.as_ref().filter(|row| is_shown && is_of_it(row) && question.wanted.is_met(row));
        let wanted = wanted.map(|row| shown(exchange.clone(), row.clone()));
        let longer = wanted.as_ref().map_or(0, size);
        if self.size > 0 && self.size.saturating_add(longer) > LONGEST {
            return false;
        }
        self.size = self.size.saturating_add(longer);
        self.read = self.read.saturating_add(1);
        self.position = Some(place.position());
        self.until = match (place, &row) {
            (Place::Told(indexed), _) => Some(indexed.opened.to_string()),
            (Place::OfSession(_), Some(row)) => row.opened.clone(),
            (Place::OfSession(_), None) => None,
        };
        let what = what.unwrap_or_else(|| vec!["it is not among the records"]);
        if what.is_empty() {
            self.rows.extend(wanted);
        } else {
            self.damaged.push(Damaged { exchange, what });
        }
        true
    }
}

/// What the index says of an exchange and its record does not.
fn contradictions(by: &By, place: &Place, row: &ExchangeRow) -> Vec<&'static str> {
    let mut what = Vec::new();
    let mut note = |is: bool, word| {
        if is {
            what.push(word);
        }
    };
    let lacks = |word| row.missing.as_ref().is_some_and(|missing| missing.split(", ").any(|it| it == word));
    if lacks("opening") {
        note(true, "its opening is missing, damaged, or another than its closing names");
        return what;
    }
    let Place::Told(indexed) = place else { return what };
    note(row.closed.is_none(), "its closing is missing or damaged");
    let opened = indexed.opened.to_string();
    note(row.opened.as_ref() != Some(&opened), "the index tells another moment of its opening");
    let By::Among(among, Stretch { from, to }) = by else { return what };
    note(!(*from..*to).contains(&indexed.opened), "it was opened at another time than was asked for");
    let is = |name: &str, actual: Option<&String>| actual.is_some_and(|actual| is_same(name, actual));
    match among {
        Among::Person(name) => note(!is(name, row.person.as_ref()), "the index tells another person"),
        Among::Agent(name) => note(!is(name, row.agent.as_ref()), "the index tells another agent"),
        Among::Table(name) => {
            let is_it = is_touched(row, name) || touches_many(row);
            note(!is_it, "the index tells an object that it does not touch");
        }
        Among::Refused => {
            let is_refused = row.decision.as_deref() == Some("refuse") || row.outcome == "refused";
            note(!is_refused, "the index tells that it was refused, and it was not");
        }
        Among::Held => {
            note(row.decision.as_deref() != Some("hold"), "the index tells that it was held, and it was not")
        }
    }
    what
}

fn shown(exchange: String, row: ExchangeRow) -> Row {
    let mut cut = Vec::new();
    let mut text = |name, text: Option<String>| {
        text.map(|text| {
            let end = text.char_indices().nth(TEXT).map_or(text.len(), |(at, _)| at);
            let some = beginning(text.get(..end).unwrap_or(&text), TEXT_SIZE);
            if some.len() < text.len() {
                cut.push(name);
            }
            some.to_owned()
        })
    };
    let (prompt, sql, message) =
        (text("prompt", row.prompt), text("sql", row.sql), text("message", row.message));
    let mut list = |name, mut list: Vec<String>| {
        let mut is_cut = list.len() > LIST;
        list.truncate(LIST);
        for one in &mut list {
            let length = beginning(one, NAME_SIZE).len();
            is_cut |= length < one.len();
            one.truncate(length);
        }
        if is_cut {
            cut.push(name);
        }
        list
    };
    Row {
        exchange,
        missing: row.missing,
        opened: row.opened,
        closed: row.closed,
        door: row.door,
        issuer: row.issuer,
        subject: row.subject,
        agent: row.agent,
        person: row.person,
        prompt,
        grade: row.grade,
        sql,
        text_digest: row.text_digest,
        classes: list("classes", row.classes),
        reads: list("reads", row.reads),
        writes: list("writes", row.writes),
        decision: row.decision,
        rules: list("rules", row.rules),
        outcome: row.outcome,
        reason: row.reason,
        message,
        rows_shown: row.rows_shown,
        masked_by_lineage: row.masked_by_lineage,
        masked_by_content: row.masked_by_content,
        masked_columns: list("masked_columns", row.masked_columns),
        findings: list("findings", row.findings),
        query_ids: list("query_ids", row.query_ids),
        steps: row.steps.len(),
        cut,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
