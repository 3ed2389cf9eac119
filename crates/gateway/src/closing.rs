//! Closing an exchange: the last thing before anything leaves, written once.

use bytes::Bytes;
use domain::{ColumnRef, Handle, ObjectName, Outcome, OutputColumn, Refusal, RefusalCode};
use recording::{
    Closing, ClosingOutcome, ColumnRecord, FailureRecord, Finding, ObjectKind, PageRecord, PartRecord,
    RefusalRecord, Timings,
};

use crate::access;
use crate::breadth;
use crate::failures;
use crate::fault::{Fault, Origin};
use crate::fetch::progress_of;
use crate::gateway::Gateway;
use crate::live::{Live, ShownErrors, Stage, micros};
use crate::plan::object_named;
use crate::ports::{UpstreamFailure, Written};
use crate::reply::{Receipt, Reply};
use crate::spans::{Spanned, span};

/// Snowflake's codes for a text that does not compile: syntax, unknown identifier, unknown object. They are found
/// before a row is read, so no stored value can have led to them.
const COMPILATION: [&str; 3] = ["001003", "000904", "002003"];

/// A durable closing with the exchange that it closed.
pub(crate) struct Closed {
    live: Live,
    closing: Closing,
    receipt: Receipt,
}

impl Closed {
    /// The closing of an exchange, read back from where it was kept.
    pub(crate) fn read_back(live: Live, closing: Closing, receipt: Receipt) -> Self {
        Self { live, closing, receipt }
    }

    /// Where the first page of this reply lies, when it lies outside the closing.
    pub(crate) fn page_outside(&self, part: Option<usize>) -> Option<(usize, &PageRecord)> {
        // A batch's own answer has no rows of its own.
        let at = part.or(self.live.children.is_empty().then_some(0))?;
        let page = self.closing.parts.get(at)?.pages.first()?;
        page.inline.is_none().then_some((at, page))
    }

    /// The exchange that it closed.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// The reply that this closing allows: for the whole exchange, or for one statement of a batch.
    ///
    /// A page that lies outside the closing must be given by whoever has read it.
    pub(crate) fn reply_for(self, part: Option<usize>, first_page: Option<Bytes>) -> Result<Reply, Fault> {
        let damaged = || Fault::lasting(Origin::Recordings, "the recording of this statement is damaged");
        let Self { live, closing, receipt } = self;
        let mut parts = closing.parts;
        if let Some(part) = part {
            parts = parts.into_iter().nth(part).into_iter().collect();
        }
        let whole = live.handle().ok_or_else(damaged)?;
        let handle = match (part, parts.first()) {
            (Some(_), Some(part)) => part.handle.parse::<Handle>().map_err(|_| damaged())?,
            (Some(_), None) | (None, _) => whole,
        };
        let outcome = match &closing.outcome {
            ClosingOutcome::Rows {} => match parts.as_slice() {
                [] => return Err(damaged()),
                [only] => Outcome::Rows {
                    columns: only.columns.iter().map(output_column).collect(),
                    rows: only.rows,
                    pages: u32::try_from(only.pages.len()).map_err(|_| damaged())?,
                },
                // A batch's own answer has no rows of its own; its statements are collected one by one.
                [..] => Outcome::Rows { columns: Vec::new(), rows: 0, pages: 0 },
            },
            ClosingOutcome::Refused(refused) => Outcome::Refused(Refusal {
                code: RefusalCode::from_word(&refused.reason).unwrap_or(RefusalCode::Policy),
                message: refused.message.clone(),
                retry_after: refused.retry_after.map(std::time::Duration::from_secs),
                scopes: refused.scopes.clone(),
            }),
            ClosingOutcome::Failed(failed) => Outcome::Failed {
                code: failed.code.clone(),
                sqlstate: failed.sqlstate.clone(),
                message: failed.message.clone(),
            },
            ClosingOutcome::Lost { .. } if live.is_hidden_failure() => {
                failures::hidden_outcome(live.is_a_write())
            }
            ClosingOutcome::Lost { .. } => Outcome::Failed {
                code: "099009".to_owned(),
                sqlstate: "58030".to_owned(),
                message:
                    "what became of this statement is not known; it may have run. Nothing of it is shown"
                        .to_owned(),
            },
        };
        let first_page = match parts.as_slice() {
            [only] if matches!(outcome, Outcome::Rows { .. }) => {
                let page = only.pages.first().ok_or_else(damaged)?;
                let object = match (&page.inline, first_page) {
                    (Some(inline), _) => Some(crate::collect::inline_page(inline)?),
                    (None, given) => given,
                };
                let object = object.ok_or_else(damaged)?;
                crate::collect::check_page(&object, page)?;
                Some(object)
            }
            _ => None,
        };
        Ok(Reply {
            exchange: live.exchange().ok_or_else(damaged)?,
            handle,
            created: live.opened(),
            changed: closing.closed.parse().map_err(|_| damaged())?,
            outcome,
            receipt,
            parts,
            first_page,
        })
    }
}

fn output_column(record: &ColumnRecord) -> OutputColumn {
    let origin = record.origin.as_ref().map(|[database, schema, name]| ColumnRef {
        object: ObjectName::new(database.clone(), schema.clone(), name.clone()),
        column: String::new(),
    });
    OutputColumn {
        name: record.name.clone(),
        sql_type: record.sql_type(),
        is_nullable: record.nullable,
        is_masked: record.masked,
        origin,
    }
}

/// The outcome, as it is told of what has written upstream and shows nothing of its answer: lest it is asked again it says so, and so does its
/// record.
fn as_it_wrote(live: &mut Live, mut outcome: ClosingOutcome) -> ClosingOutcome {
    if !live.is_a_write() || matches!(outcome, ClosingOutcome::Rows {}) {
        return outcome;
    }
    let ids: Vec<&str> = match (progress_of(live), &live.kept) {
        (Ok(parts), _) => parts.iter().map(|part| part.query_id.as_str()).collect(),
        // A large result that waited for a person.
        (Err(_), Some(kept)) => kept.parts.iter().map(|part| part.query_id.as_str()).collect(),
        (Err(_), None) => Vec::new(),
    };
    if !ids.is_empty() {
        let finding = failures::has_run(ids.into_iter());
        failures::note(live, finding);
    }
    if !live.findings.iter().any(failures::is_of_what_has_run) {
        return outcome;
    }
    let told = |message: &str| {
        let message = message.trim_end_matches('.');
        format!("{message}. It has run, and what it changes is changed: do not ask it again")
    };
    match &mut outcome {
        // Clients know the sentence of a cancelled statement; that of a hidden failure tells what it may.
        ClosingOutcome::Refused(refused)
            if refused.reason != RefusalCode::Cancelled.as_str() && !live.is_hidden_failure() =>
        {
            refused.message = told(&refused.message);
        }
        ClosingOutcome::Failed(failed) if !live.is_hidden_failure() => failed.message = told(&failed.message),
        ClosingOutcome::Rows {}
        | ClosingOutcome::Refused(_)
        | ClosingOutcome::Failed(_)
        | ClosingOutcome::Lost { .. } => {}
    }
    outcome
}

impl Gateway {
    /// Keeps the closing, then marks the live state. Who finds the key taken shows nothing (invariant I1).
    pub(crate) async fn close(
        &self,
        live: &mut Live,
        outcome: ClosingOutcome,
        parts: Vec<PartRecord>,
    ) -> Result<Closed, Fault> {
        let now = self.now();
        // INVARIANT: here and nowhere else is said that something leaves, so nothing leaves once the access that it was decided by
        // has ended; neither do upstream's words about a failure.
        let (outcome, parts) = match (live.access_end(), &outcome) {
            (Some(end), ClosingOutcome::Rows {} | ClosingOutcome::Failed(_)) if now >= end => {
                (ClosingOutcome::Refused(RefusalRecord::from(&access::ended_at(end))), Vec::new())
            }
            (_, _) => (outcome, parts),
        };
        let outcome = as_it_wrote(live, outcome);
        let closing = Closing {
            v: 1,
            exchange: live.exchange.clone(),
            closed: now.to_string(),
            opening: live.opening.clone(),
            approval: live.approval.as_ref().map(|approval| approval.step.clone()),
            outcome,
            parts,
            findings: live.findings.clone(),
            timings: Timings {
                total_us: micros(now.since(live.opened())),
                upstream_us: live.upstream_us,
                masking_us: live.masking_us,
            },
        };
        let key = live
            .key()
            .ok_or_else(|| Fault::lasting(Origin::Exchanges, "the state of this statement is damaged"))?;
        let (bytes, _) = recording::encode(&closing).map_err(|error| {
            Fault::lasting(Origin::Gateway, "the closing cannot be written").because(error)
        })?;
        // SECURITY: nobody who looks for it later would be told of it, so nothing leaves.
        if bytes.len() > recording::LONGEST && !closing.parts.is_empty() {
            return Box::pin(self.close_refused(live, &breadth::refused())).await;
        }
        let keeping = self.ports.recorder.keep(&key, ObjectKind::Closing, Bytes::from(bytes));
        let written = keeping.spanned(span!("close")).await?;
        // INVARIANT: only a closing that was kept tells that a statement has not failed.
        live.hidden_failure = live.is_hidden_failure()
            && match (&written, &closing.outcome) {
                (Written::Kept(_), ClosingOutcome::Rows {}) => false,
                (Written::Kept(_) | Written::Taken, _) => true,
            };
        live.stage = Stage::Closed;
        if live.is_a_write() {
            let changed = live.writes.iter().map(object_named).collect();
            self.ports.catalogs.forget(&changed).await;
        }
        // Whichever door it came by, and whoever said no. Who has cancelled is refused nothing.
        if let (Written::Kept(_), ClosingOutcome::Refused(refused)) = (&written, &closing.outcome)
            && refused.reason != RefusalCode::Cancelled.as_str()
        {
            tracing::info!(exchange = %live.exchange, reason = refused.reason, "a statement is refused");
        }
        match written {
            Written::Kept(receipt) => Ok(Closed { live: live.clone(), closing, receipt }),
            // Whoever asks again with the same request id is told what the other closing tells.
            Written::Taken => Err(Fault::passing(
                Origin::Recordings,
                "this statement was closed elsewhere; nothing of it is shown here",
            )),
        }
    }

    pub(crate) async fn close_refused(&self, live: &mut Live, refused: &Refusal) -> Result<Closed, Fault> {
        if live.is_hidden_failure() && !failures::may_be_told(refused) {
            let (what, detail) = (refused.code.as_str().to_owned(), refused.message.clone());
            return self.close_hidden(live, Finding { what, detail }, None).await;
        }
        self.close(live, ClosingOutcome::Refused(RefusalRecord::from(refused)), Vec::new()).await
    }

    /// Closes with what is told of every hidden failure; the finding tells the recording what has happened.
    async fn close_hidden(
        &self,
        live: &mut Live,
        finding: Finding,
        query_id: Option<String>,
    ) -> Result<Closed, Fault> {
        live.findings.push(finding);
        let failed = failures::hidden(live.is_a_write(), query_id.or_else(|| live.query_id()));
        self.close(live, ClosingOutcome::Failed(failed), Vec::new()).await
    }

    /// Closes with upstream's failure, its words through the detectors or replaced.
    pub(crate) async fn close_failed(
        &self,
        live: &mut Live,
        failure: UpstreamFailure,
    ) -> Result<Closed, Fault> {
        let UpstreamFailure { code, sqlstate, message, query_id } = failure;
        let may_show = match live.error_text {
            ShownErrors::All => true,
            ShownErrors::Compilation => COMPILATION.contains(&code.as_str()),
            ShownErrors::None => false,
        };
        if !may_show {
            let finding = failures::finding_of(&code, &sqlstate);
            return self.close_hidden(live, finding, query_id).await;
        }
        live.hidden_failure = false;
        let message = self.detectors_for(live).await?.redact_text(&message, "").into_owned();
        let failed = FailureRecord { code, sqlstate, message, query_id };
        self.close(live, ClosingOutcome::Failed(failed), Vec::new()).await
    }

    /// Closes with a fault of ours or of the way to upstream: the agent is told the public line alone.
    pub(crate) async fn close_broken(&self, live: &mut Live, fault: &Fault) -> Result<Closed, Fault> {
        let finding = Finding { what: "fault".to_owned(), detail: fault.public.clone() };
        if live.is_hidden_failure() {
            return self.close_hidden(live, finding, None).await;
        }
        live.findings.push(finding);
        let failed = FailureRecord {
            code: "099010".to_owned(),
            sqlstate: "58000".to_owned(),
            message: fault.public.clone(),
            query_id: None,
        };
        self.close(live, ClosingOutcome::Failed(failed), Vec::new()).await
    }

    pub(crate) async fn close_lost(&self, live: &mut Live, why: &str) -> Result<Closed, Fault> {
        let closed = self.close(live, ClosingOutcome::Lost { why: why.to_owned() }, Vec::new()).await;
        if closed.is_ok() {
            tracing::warn!(exchange = %live.exchange, why, "an exchange is closed as lost");
        }
        closed
    }
}
