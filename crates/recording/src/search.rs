//! Finding exchanges: one row an exchange, and what it can be filtered by.

use domain::Timestamp;
use serde::Serialize;

use crate::closing::{Closing, ClosingOutcome};
use crate::evidence::LateEvidence;
use crate::opening::Opening;

/// One exchange as a search answers it. Texts are masked, as recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SearchRow {
    /// The session.
    pub session: String,
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// When it was opened, RFC 3339.
    pub opened: String,
    /// When it was closed; null while it is under way.
    pub closed: Option<String>,
    /// The program.
    pub agent: String,
    /// The human behind it.
    pub person: Option<String>,
    /// Which protocol.
    pub door: String,
    /// What the person asked for.
    pub prompt: Option<String>,
    /// How well that is known by now.
    pub evidence: String,
    /// What was remarkable: words of findings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// The statement.
    pub sql: String,
    /// Its class.
    pub class: String,
    /// Objects read.
    pub reads: Vec<String>,
    /// Objects written.
    pub writes: Vec<String>,
    /// `allow`, `hold` or `refuse`.
    pub decision: String,
    /// The rules that led to it.
    pub rules: Vec<String>,
    /// `rows`, `refused`, `failed`, `lost`, or `pending`.
    pub outcome: String,
    /// Rows that the agent saw.
    pub rows: u64,
    /// Names of the columns that were masked by lineage.
    pub masked_columns: Vec<String>,
    /// Snowflake's id of the (first) statement.
    pub query_id: Option<String>,
}

impl SearchRow {
    /// The row of an exchange, closed or still under way, with the last evidence that came late.
    pub fn new(opening: &Opening, closing: Option<&Closing>, late: Option<&LateEvidence>) -> Self {
        let mut reads: Vec<String> =
            opening.statements.iter().flat_map(|statement| statement.reads.clone()).collect();
        let mut writes: Vec<String> =
            opening.statements.iter().flat_map(|statement| statement.writes.clone()).collect();
        for objects in [&mut reads, &mut writes] {
            objects.sort();
            objects.dedup();
        }
        let parts = closing.map(|closing| closing.parts.as_slice()).unwrap_or_default();
        let failed = closing.and_then(|closing| match &closing.outcome {
            ClosingOutcome::Failed(failed) => failed.query_id.clone(),
            ClosingOutcome::Rows {} | ClosingOutcome::Refused(_) | ClosingOutcome::Lost { .. } => None,
        });
        Self {
            session: opening.exchange.split('/').next().unwrap_or_default().to_owned(),
            exchange: opening.exchange.clone(),
            opened: opening.opened.clone(),
            closed: closing.map(|closing| closing.closed.clone()),
            agent: opening.principal.agent.clone(),
            person: opening.principal.person.clone(),
            door: opening.door.clone(),
            prompt: late.map_or(&opening.prompt.text, |late| &late.text).clone(),
            evidence: late.map_or(&opening.prompt.grade, |late| &late.grade).clone(),
            findings: found(opening, closing, late),
            sql: opening.sql.clone(),
            class: opening.class().to_owned(),
            reads,
            writes,
            decision: opening.decision.clone(),
            rules: opening.rules.clone(),
            outcome: closing.map_or("pending", |closing| closing.outcome.as_str()).to_owned(),
            rows: parts.iter().fold(0, |sum, part| sum.saturating_add(part.rows)),
            masked_columns: parts
                .iter()
                .flat_map(|part| {
                    part.columns.iter().filter(|column| column.masked).map(|column| column.name.clone())
                })
                .collect(),
            query_id: parts.first().map(|part| part.query_id.clone()).or(failed),
        }
    }
}

/// The words of an exchange's findings, each once: when it was closed, or asked and not yet closed, and of evidence that came late.
fn found(opening: &Opening, closing: Option<&Closing>, late: Option<&LateEvidence>) -> Vec<String> {
    let first = closing.map_or_else(|| opening.findings(), |closing| closing.findings.clone());
    let later = late.map(|late| late.findings.as_slice()).unwrap_or_default();
    let mut words: Vec<String> = first.iter().chain(later).map(|finding| finding.what.clone()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// What to look for; everything given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// The person, without regard to case.
    pub person: Option<String>,
    /// The agent, without regard to case.
    pub agent: Option<String>,
    /// A table or view, read or written: its full name, or its last parts (`customer`, `tpch_sf1.customer`),
    /// without regard to case.
    pub table: Option<String>,
    /// Not opened before.
    pub from: Option<Timestamp>,
    /// Opened before.
    pub to: Option<Timestamp>,
    /// `allow`, `hold` or `refuse`.
    pub decision: Option<String>,
    /// Words in prompt or statement, without regard to case.
    pub text: Option<String>,
}

impl Filter {
    /// Whether an exchange with this opening, and this last evidence that came late, is looked for.
    pub fn matches(&self, opening: &Opening, late: Option<&LateEvidence>) -> bool {
        let same = |wanted: &Option<String>, actual: Option<&str>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| actual.is_some_and(|actual| wanted.eq_ignore_ascii_case(actual)))
        };
        let opened = opening.opened.parse::<Timestamp>().ok();
        let in_time = match opened {
            Some(opened) => {
                self.from.is_none_or(|from| opened >= from) && self.to.is_none_or(|to| opened < to)
            }
            // A record that does not tell its time is shown rather than hidden.
            None => true,
        };
        in_time
            && same(&self.person, opening.principal.person.as_deref())
            && same(&self.agent, Some(&opening.principal.agent))
            && same(&self.decision, Some(&opening.decision))
            && self.table.as_ref().is_none_or(|table| touches(opening, table))
            && self.text.as_ref().is_none_or(|text| tells(opening, late, text))
    }
}

fn touches(opening: &Opening, table: &str) -> bool {
    let wanted = table.to_lowercase();
    let is_it = |object: &String| {
        let object = object.to_lowercase();
        object == wanted || object.strip_suffix(&wanted).is_some_and(|rest| rest.ends_with('.'))
    };
    opening.statements.iter().any(|statement| statement.reads.iter().chain(&statement.writes).any(is_it))
}

fn tells(opening: &Opening, late: Option<&LateEvidence>, text: &str) -> bool {
    let wanted = text.to_lowercase();
    let later = late.and_then(|late| late.text.as_ref());
    [Some(&opening.sql), opening.prompt.text.as_ref(), later]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(&wanted))
}
