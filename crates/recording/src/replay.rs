//! Telling a recording again: prompt, statement, decision, rows, end.

use serde::Serialize;

use crate::access::GrantedRecord;
use crate::approval::{ApprovalStep, ReviewerRecord, StepRecord};
use crate::closing::{Closing, ClosingOutcome, FailureRecord, PageRecord, RefusalRecord};
use crate::envelope::FormatError;
use crate::evidence::{CallRecord, LateEvidence, WitnessRecord};
use crate::opening::{HoldRecord, Opening};
use crate::page::{Page, PageHeader, page_text};
use crate::plan::ColumnRecord;
use crate::standing::StandingRecord;

/// One thing that happened, in order. As JSON: `{"exchange":…,"at":…,"kind":…, …}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// RFC 3339.
    pub at: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// What the person asked for.
    Prompt {
        /// The text, as recorded.
        text: String,
        /// How well it is known.
        evidence: String,
        /// Who had witnessed it when it was decided.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        witnesses: Vec<WitnessRecord>,
    },
    /// What is known of the prompt later.
    Evidence {
        /// The text, as recorded.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// How well it is known now.
        evidence: String,
        /// The call by which the same was asked once more while it waited for a person.
        #[serde(skip_serializing_if = "Option::is_none")]
        again: Option<CallRecord>,
        /// Everybody who has witnessed it.
        witnesses: Vec<WitnessRecord>,
        /// What does not fit together.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        findings: Vec<String>,
    },
    /// The tool call that the statement came by, as its client names it.
    Call {
        /// `sqlapi` or `mcp`.
        door: String,
        /// What the client says that it belongs to.
        #[serde(flatten)]
        call: CallRecord,
    },
    /// What the agent asked.
    Statement {
        /// The text, as recorded.
        sql: String,
        /// Bytes of the exact text where the recording holds its head alone, see [`Opening::sql_length`].
        #[serde(skip_serializing_if = "Option::is_none")]
        sql_length: Option<u64>,
        /// Its class.
        class: String,
        /// The program.
        agent: String,
        /// The human behind it.
        person: Option<String>,
    },
    /// What policy said.
    Decision {
        /// `allow`, `hold` or `refuse`.
        decision: String,
        /// The rules that led to it.
        rules: Vec<String>,
        /// The policy bundle.
        bundle: String,
        /// What people had granted, where it depended on that.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        access: Vec<GrantedRecord>,
        /// For a hold.
        #[serde(skip_serializing_if = "Option::is_none")]
        hold: Option<HoldRecord>,
    },
    /// What happened to the approval of what waited.
    Approval {
        /// `asked`, `told`, `viewed`, `standing`, `issued`, `decided`, `expired`, `withdrawn`, `overruled`, `spent`, `released` or `ended`.
        step: String,
        /// The approval's id, where it is asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        approval: Option<String>,
        /// The person who looked or decided.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<ReviewerRecord>,
        /// `approve` or `deny`.
        #[serde(skip_serializing_if = "Option::is_none")]
        verdict: Option<String>,
        /// Why it waits, who could not be told, what the person said to it, or why it was overruled.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Groups that may decide, or who was told.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        reviewers: Vec<String>,
        /// Until when it waits.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<String>,
        /// The rules that hold or refuse it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
        /// The policy bundle that was asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        bundle: Option<String>,
    },
    /// Rows as the agent saw them.
    Page {
        /// Which statement, from 0.
        part: u32,
        /// Which page, from 0.
        page: u32,
        /// The columns.
        columns: Vec<ColumnRecord>,
        /// The rows, each cell a string or null.
        rows: Vec<Vec<Option<String>>>,
    },
    /// How it ended.
    Closing {
        /// `rows`, `refused`, `failed` or `lost`.
        outcome: String,
        /// Rows in all.
        rows: u64,
        /// Microseconds from the opening to the closing.
        total_us: u64,
        /// A no.
        #[serde(skip_serializing_if = "Option::is_none")]
        refusal: Option<RefusalRecord>,
        /// A failure upstream.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<FailureRecord>,
        /// Why it was lost.
        #[serde(skip_serializing_if = "Option::is_none")]
        lost: Option<String>,
        /// What was remarkable.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        findings: Vec<String>,
    },
}

/// What happened before upstream was asked.
pub fn opening_events(opening: &Opening) -> Vec<Event> {
    let event = |what| Event { exchange: opening.exchange.clone(), at: opening.opened.clone(), what };
    let mut events = Vec::new();
    if let Some(text) = &opening.prompt.text {
        events.push(event(What::Prompt {
            text: text.clone(),
            evidence: opening.prompt.grade.clone(),
            witnesses: opening.prompt.witnesses.clone(),
        }));
    }
    if let Some(call) = &opening.call {
        events.push(event(What::Call { door: opening.door.clone(), call: call.clone() }));
    }
    events.push(event(What::Statement {
        sql: opening.sql.clone(),
        sql_length: opening.sql_length,
        class: opening.class().to_owned(),
        agent: opening.principal.agent.clone(),
        person: opening.principal.person.clone(),
    }));
    events.push(event(What::Decision {
        decision: opening.decision.clone(),
        rules: opening.rules.clone(),
        bundle: opening.bundle.clone(),
        access: opening.access.clone(),
        hold: opening.hold.clone(),
    }));
    events
}

/// What is known of the prompt since then.
pub fn evidence_event(late: &LateEvidence) -> Event {
    Event {
        exchange: late.exchange.clone(),
        at: late.at.clone(),
        what: What::Evidence {
            text: late.text.clone(),
            evidence: late.grade.clone(),
            again: late.again.clone(),
            witnesses: late.witnesses.clone(),
            findings: late.findings.iter().map(|finding| finding.detail.clone()).collect(),
        },
    }
}

/// What a yes allows for later ones.
fn stands(terms: &StandingRecord) -> String {
    let StandingRecord { until, runs, rows, vary: _ } = terms;
    format!("stands for {runs} later runs, each with a result of {rows} rows at most, until {until}")
}

/// What happened to an approval.
pub fn approval_event(step: &ApprovalStep) -> Event {
    let told = Told::default();
    let told = match &step.what {
        StepRecord::Asked(asked) => Told {
            approval: Some(asked.approval.clone()),
            reason: Some(asked.again.as_ref().unwrap_or(&asked.reason).clone()),
            reviewers: asked.reviewers.clone(),
            expires: Some(asked.expires.clone()),
            rules: asked.rules.clone(),
            bundle: Some(asked.bundle.clone()),
            ..told
        },
        StepRecord::Told { way: _, reviewers, failed, why } => {
            let is_in_vain = why.is_some() && reviewers.is_empty() && failed.is_empty();
            let not_told = match failed.as_slice() {
                [] => is_in_vain.then(|| "nobody could be reached".to_owned()),
                failed => Some(format!("could not be told: {}", failed.join(", "))),
            };
            let reasons: Vec<String> = why.iter().cloned().chain(not_told).collect();
            let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
            Told { reviewers: reviewers.clone(), reason, ..told }
        }
        StepRecord::Ended { by, reason } => Told { by: Some(by.clone()), reason: reason.clone(), ..told },
        StepRecord::Viewed { by } => Told { by: Some(by.clone()), ..told },
        StepRecord::Decided { by, verdict, reason, terms } => {
            let reasons: Vec<String> = reason.iter().cloned().chain(terms.as_ref().map(stands)).collect();
            let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
            Told { by: Some(by.clone()), verdict: Some(verdict.clone()), reason, ..told }
        }
        StepRecord::Standing { by, terms } => {
            Told { by: Some(by.clone()), reason: Some(stands(terms)), ..told }
        }
        StepRecord::Issued { standing, made: _, rows: _, by } => Told {
            reason: Some(format!("by the standing approval {standing}")),
            reviewers: by.iter().map(|by| by.name().to_owned()).collect(),
            ..told
        },
        StepRecord::Expired {} | StepRecord::Withdrawn {} => told,
        StepRecord::Overruled { reason: _, message, rules, bundle } => {
            Told { reason: Some(message.clone()), rules: rules.clone(), bundle: bundle.clone(), ..told }
        }
        StepRecord::Spent { bundle, rules, catalog: _, tier: _, access: _ } => {
            Told { rules: rules.clone(), bundle: Some(bundle.clone()), ..told }
        }
        StepRecord::Released { bundle, rules, catalog: _, access: _ } => {
            Told { rules: rules.clone(), bundle: Some(bundle.clone()), ..told }
        }
    };
    let Told { approval, by, verdict, reason, reviewers, expires, rules, bundle } = told;
    let step_word = step.what.as_str().to_owned();
    Event {
        exchange: step.exchange.clone(),
        at: step.at.clone(),
        what: What::Approval {
            step: step_word,
            approval,
            by,
            verdict,
            reason,
            reviewers,
            expires,
            rules,
            bundle,
        },
    }
}

/// What a step tells beside its word.
#[derive(Default)]
struct Told {
    approval: Option<String>,
    by: Option<ReviewerRecord>,
    verdict: Option<String>,
    reason: Option<String>,
    reviewers: Vec<String>,
    expires: Option<String>,
    rules: Vec<String>,
    bundle: Option<String>,
}

/// The event of one page, at the moment when it was kept. In the first records of version 1 pages have no moment: they
/// come at the closing's, before which none of them was shown.
///
/// # Errors
/// [`FormatError::Unreadable`] when its body holds no rows, or more than its header says.
pub fn page_event(closing: &Closing, record: &PageRecord, page: &Page<'_>) -> Result<Event, FormatError> {
    let rows = serde_json::from_slice(&page_text(page)?).map_err(|_| FormatError::Unreadable)?;
    Ok(rows_event(closing, record, &page.header, rows))
}

/// The event of some rows of a page, with the columns of that header: for whoever cannot tell all of them at once.
pub fn rows_event(
    closing: &Closing,
    record: &PageRecord,
    header: &PageHeader,
    rows: Vec<Vec<Option<String>>>,
) -> Event {
    Event {
        exchange: closing.exchange.clone(),
        at: record.kept.as_ref().unwrap_or(&closing.closed).clone(),
        what: What::Page { part: header.part, page: header.page, columns: header.columns.clone(), rows },
    }
}

/// How it ended.
pub fn closing_event(closing: &Closing) -> Event {
    let (refusal, failure, lost) = match &closing.outcome {
        ClosingOutcome::Rows {} => (None, None, None),
        ClosingOutcome::Refused(refused) => (Some(refused.clone()), None, None),
        ClosingOutcome::Failed(failed) => (None, Some(failed.clone()), None),
        ClosingOutcome::Lost { why } => (None, None, Some(why.clone())),
    };
    Event {
        exchange: closing.exchange.clone(),
        at: closing.closed.clone(),
        what: What::Closing {
            outcome: closing.outcome.as_str().to_owned(),
            rows: closing.parts.iter().fold(0, |sum, part| sum.saturating_add(part.rows)),
            total_us: closing.timings.total_us,
            refusal,
            failure,
            lost,
            findings: closing.findings.iter().map(|finding| finding.detail.clone()).collect(),
        },
    }
}
