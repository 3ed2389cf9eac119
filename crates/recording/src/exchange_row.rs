//! One exchange as a table of all of them has it, out of the objects that lie under its number.

use domain::ExchangeId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::approval::{ApprovalStep, FootprintRecord, StepRecord};
use crate::closing::{Closing, ClosingOutcome, Finding, PartRecord};
use crate::envelope::{Stored, decode};
use crate::evidence::LateEvidence;
use crate::opening::Opening;

/// The objects of one exchange, as they were read; what is not there is none.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeObjects<'a, B> {
    /// The opening.
    pub opening: Option<&'a B>,
    /// The closing.
    pub closing: Option<&'a B>,
    /// The steps of its approval, in order.
    pub steps: &'a [B],
    /// Late evidence, in order.
    pub evidence: &'a [B],
}

/// One exchange as a row. Texts are masked, as recorded; its columns are those of the view in
/// `infra/athena/exchanges_of_objects.sql`, which comes to the same from the same objects.
///
/// What is not among the objects makes nothing up: it is empty, and `missing` says so. An object whose content has another digest than
/// stands beside it, or that is another exchange's, counts as absent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ExchangeRow {
    /// The session.
    pub session: String,
    /// Within its session.
    pub number: u32,
    /// What is not among the objects: `opening`, `approval`, `damaged`; none when everything is.
    pub missing: Option<String>,
    /// RFC 3339, UTC.
    pub opened: Option<String>,
    /// The same; none while it is under way.
    pub closed: Option<String>,
    /// `sqlapi` or `mcp`.
    pub door: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// The program.
    pub agent: Option<String>,
    /// The human behind it.
    pub person: Option<String>,
    /// What the person asked for, as it is known by now.
    pub prompt: Option<String>,
    /// How well: `P0` to `P4`.
    pub grade: Option<String>,
    /// The text, sensitive literals masked.
    pub sql: Option<String>,
    /// `hmac-sha256:…` over the exact one.
    pub text_digest: Option<String>,
    /// Classes of its statements, each once.
    pub classes: Vec<String>,
    /// Objects read, each once; what was read anew for an approval, too.
    pub reads: Vec<String>,
    /// Objects written, likewise.
    pub writes: Vec<String>,
    /// `allow`, `hold` or `refuse`.
    pub decision: Option<String>,
    /// The rules that led to it.
    pub rules: Vec<String>,
    /// `rows`, `refused`, `failed`, `lost`, or `pending`.
    pub outcome: String,
    /// Why it was refused, by its word.
    pub reason: Option<String>,
    /// What the agent was told.
    pub message: Option<String>,
    /// Rows that the agent saw.
    pub rows_shown: u64,
    /// Cells masked by lineage.
    pub masked_by_lineage: u64,
    /// Cells in which a detector found something.
    pub masked_by_content: u64,
    /// Names of columns that were masked by lineage.
    pub masked_columns: Vec<String>,
    /// Words of findings, each once.
    pub findings: Vec<String>,
    /// Snowflake's ids of the statements that answered.
    pub query_ids: Vec<String>,
    /// The steps of its approval, JSON, in order.
    pub steps: Vec<String>,
}

impl ExchangeRow {
    /// The row of this exchange.
    pub fn new<B: AsRef<[u8]>>(exchange: &ExchangeId, objects: &ExchangeObjects<'_, B>) -> Self {
        let mut found = Found { exchange: exchange.to_string(), is_damaged: false };
        let opening = objects.opening.and_then(|bytes| found.opening(bytes.as_ref()));
        let closing = objects.closing.and_then(|bytes| found.closing(bytes.as_ref())).map(|it| it.record);
        let steps: Vec<Stored<ApprovalStep>> =
            objects.steps.iter().filter_map(|bytes| found.step(bytes.as_ref())).collect();
        let evidence: Vec<LateEvidence> =
            objects.evidence.iter().filter_map(|bytes| found.evidence(bytes.as_ref())).collect();
        // Another opening than the closing names tells nothing about what was closed.
        let is_its = |opening: &Stored<Opening>| {
            closing.as_ref().is_none_or(|closing| closing.opening == opening.digest.to_string())
        };
        let opening = opening.filter(is_its).map(|it| it.record);
        let last_step = closing.as_ref().and_then(|closing| closing.approval.as_ref());
        let has_step = |digest: &String| steps.iter().any(|step| step.digest.to_string() == *digest);
        let missing = [
            (opening.is_none(), "opening"),
            (last_step.is_some_and(|digest| !has_step(digest)), "approval"),
            (found.is_damaged, "damaged"),
        ];
        let missing: Vec<&str> = missing.iter().filter_map(|(is, what)| is.then_some(*what)).collect();
        let row = Self {
            session: exchange.session.to_string(),
            number: exchange.number.get(),
            missing: (!missing.is_empty()).then(|| missing.join(", ")),
            steps: steps.iter().filter_map(|step| serde_json::to_string(&step.record).ok()).collect(),
            ..Self::empty()
        };
        row.opened_as(opening.as_ref(), &steps, evidence.last()).closed_as(closing.as_ref(), evidence.last())
    }

    fn empty() -> Self {
        Self {
            session: String::new(),
            number: 0,
            missing: None,
            opened: None,
            closed: None,
            door: None,
            issuer: None,
            subject: None,
            agent: None,
            person: None,
            prompt: None,
            grade: None,
            sql: None,
            text_digest: None,
            classes: Vec::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            decision: None,
            rules: Vec::new(),
            outcome: "pending".to_owned(),
            reason: None,
            message: None,
            rows_shown: 0,
            masked_by_lineage: 0,
            masked_by_content: 0,
            masked_columns: Vec::new(),
            findings: Vec::new(),
            query_ids: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn opened_as(
        self,
        opening: Option<&Opening>,
        steps: &[Stored<ApprovalStep>],
        late: Option<&LateEvidence>,
    ) -> Self {
        let statements = opening.map(|opening| opening.statements.as_slice()).unwrap_or_default();
        let anew: Vec<&FootprintRecord> =
            steps.iter().flat_map(|step| footprints(&step.record.what)).collect();
        let reads = statements.iter().map(|one| &one.reads).chain(anew.iter().map(|one| &one.reads));
        let writes = statements.iter().map(|one| &one.writes).chain(anew.iter().map(|one| &one.writes));
        let prompt = opening.map(|opening| &opening.prompt);
        let late_text = late.and_then(|late| late.text.clone());
        Self {
            opened: opening.map(|opening| opening.opened.clone()),
            door: opening.map(|opening| opening.door.clone()),
            issuer: opening.map(|opening| opening.principal.issuer.clone()),
            subject: opening.map(|opening| opening.principal.subject.clone()),
            agent: opening.map(|opening| opening.principal.agent.clone()),
            person: opening.and_then(|opening| opening.principal.person.clone()),
            prompt: late_text.or_else(|| prompt.and_then(|prompt| prompt.text.clone())),
            grade: late.map(|late| late.grade.clone()).or_else(|| prompt.map(|prompt| prompt.grade.clone())),
            sql: opening.map(|opening| opening.sql.clone()),
            text_digest: opening.map(|opening| opening.digest.clone()),
            classes: each_once(statements.iter().map(|one| &one.class)),
            reads: each_once(reads.flatten()),
            writes: each_once(writes.flatten()),
            decision: opening.map(|opening| opening.decision.clone()),
            findings: opening
                .map(Opening::findings)
                .into_iter()
                .flatten()
                .map(|finding| finding.what)
                .collect(),
            rules: opening.map(|opening| opening.rules.clone()).unwrap_or_default(),
            ..self
        }
    }

    fn closed_as(self, closing: Option<&Closing>, late: Option<&LateEvidence>) -> Self {
        let parts = closing.map(|closing| closing.parts.as_slice()).unwrap_or_default();
        let sum = |count: fn(&PartRecord) -> u64| parts.iter().map(count).fold(0, u64::saturating_add);
        let columns = parts.iter().flat_map(|part| &part.columns);
        let masked = columns.filter(|column| column.masked).map(|column| column.name.clone());
        let at_once = closing.map(|closing| closing.findings.as_slice()).unwrap_or_default();
        let later = late.map(|late| late.findings.as_slice()).unwrap_or_default();
        let asked = if closing.is_none() { self.findings.as_slice() } else { &[] };
        let words = at_once.iter().chain(later).map(|Finding { what, detail: _ }| what).chain(asked);
        let (reason, message) = match closing.map(|closing| &closing.outcome) {
            Some(ClosingOutcome::Refused(no)) => (Some(no.reason.clone()), Some(no.message.clone())),
            Some(ClosingOutcome::Failed(failed)) => (None, Some(failed.message.clone())),
            Some(ClosingOutcome::Rows {} | ClosingOutcome::Lost { .. }) | None => (None, None),
        };
        Self {
            closed: closing.map(|closing| closing.closed.clone()),
            outcome: closing.map_or("pending", |closing| closing.outcome.as_str()).to_owned(),
            reason,
            message,
            rows_shown: sum(|part| part.rows),
            masked_by_lineage: sum(|part| part.masked_by_lineage),
            masked_by_content: sum(|part| part.masked_by_content),
            masked_columns: masked.collect(),
            findings: each_once(words),
            query_ids: parts.iter().map(|part| part.query_id.clone()).collect(),
            ..self
        }
    }
}

/// What is found under the number of an exchange.
struct Found {
    exchange: String,
    is_damaged: bool,
}

impl Found {
    fn read<T: DeserializeOwned>(&mut self, bytes: &[u8], whose: fn(&T) -> &str) -> Option<Stored<T>> {
        let found = decode::<T>(bytes).ok().filter(|stored| whose(&stored.record) == self.exchange);
        self.is_damaged |= found.is_none();
        found
    }

    fn opening(&mut self, bytes: &[u8]) -> Option<Stored<Opening>> {
        self.read(bytes, |opening: &Opening| &opening.exchange)
    }

    fn closing(&mut self, bytes: &[u8]) -> Option<Stored<Closing>> {
        self.read(bytes, |closing: &Closing| &closing.exchange)
    }

    fn step(&mut self, bytes: &[u8]) -> Option<Stored<ApprovalStep>> {
        self.read(bytes, |step: &ApprovalStep| &step.exchange)
    }

    fn evidence(&mut self, bytes: &[u8]) -> Option<LateEvidence> {
        self.read(bytes, |late: &LateEvidence| &late.exchange).map(|stored| stored.record)
    }
}

/// What a step that asks anew was asked for.
fn footprints(step: &StepRecord) -> impl Iterator<Item = &FootprintRecord> {
    let asked = if let StepRecord::Asked(asked) = step { asked.footprints.as_deref() } else { None };
    asked.into_iter().flatten()
}

/// Each once, where it stands first.
fn each_once<'a>(words: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    words.filter(|word| seen.insert(word.as_str())).cloned().collect()
}
