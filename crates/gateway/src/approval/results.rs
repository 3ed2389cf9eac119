//! A result that has outgrown its limit: kept, masked, until a person has decided whether it is released.
//!
//! It has run, and nothing runs again. What is asked for is exactly the pages that are kept, by a digest over theirs; so
//! releasing them is closing the exchange with them, which whoever comes next does again after a crash.

use domain::{ApprovalId, Decision, Hold, Refusal, RefusalCode, Ruling};
use recording::{AskedRecord, Finding, FootprintRecord, Opening, PartRecord, ResultRecord, StepRecord};

use super::run::overruled;
use super::steps::{Added, Case, damaged};
use super::tend::{TRIES, note};
use super::{Question, Surroundings, are_enough, stored};
use crate::access::{Granted, Grants, Ruled, first_end, records, used};
use crate::closing::Closed;
use crate::fault::{Fault, Origin, Retry};
use crate::gateway::Gateway;
use crate::live::{Kept, Live, Stage};
use crate::opening::footprints;
use crate::repeat::terms;

/// What policy says of a kept result.
struct Judged {
    ruling: Ruling,
    hold: Hold,
    footprints: Vec<FootprintRecord>,
    touched: Surroundings,
    catalog: String,
    access: Vec<Granted>,
}

impl Gateway {
    /// Asks reviewers for a result that is kept whole, or as far as it may be; its closing where it cannot be asked for.
    pub(crate) async fn keep_result(
        &self,
        live: &mut Live,
        parts: Vec<PartRecord>,
        holder: u128,
    ) -> Result<Option<Closed>, Fault> {
        let (row_limit, byte_limit) = (live.row_limit, live.byte_limit);
        let result = result_of(&parts, row_limit, byte_limit);
        if result.kept_rows < result.rows {
            self.stop_upstream(live).await;
            note_cut(live, &result);
        }
        let mut case = self.case_of(live).await?;
        for _ in 0..TRIES {
            // Whoever asked before has died before anybody could know it.
            if case.trail.is_of_result() {
                return self.wait_for_verdict(live, parts, holder, &case).await;
            }
            let reason = reason_of(&result);
            let judged = match self.judge_result(live, &case, &reason).await? {
                Ok(judged) => judged,
                Err(refusal) => {
                    let closed = self.close_refused(live, &refusal).await;
                    return self.settle(live, holder, closed).await.map(Some);
                }
            };
            // SECURITY: what nobody could tell is the same as nothing, so that a yes would release nothing.
            if judged.touched.digest.is_none() {
                let message = format!(
                    "{}, and nobody can be asked to release it, because what the statement calls cannot be told; ask for less",
                    outgrown(&result)
                );
                let code = RefusalCode::TooLarge;
                let refusal = Refusal { code, message, retry_after: None, scopes: Vec::new() };
                let closed = self.close_refused(live, &refusal).await;
                return self.settle(live, holder, closed).await.map(Some);
            }
            if let Some(refusal) = self.asked_too_often(live, &judged.ruling, &result).await? {
                let closed = self.close_refused(live, &refusal).await;
                return self.settle(live, holder, closed).await.map(Some);
            }
            let asked = self.question_of(&case.opening.record, judged, result.clone()).await?;
            self.add(&mut case, self.now(), StepRecord::Asked(asked)).await?;
        }
        Err(Fault::passing(Origin::Exchanges, "too many act on this approval at once"))
    }

    /// A no where this principal asks people as often as it may already.
    async fn asked_too_often(
        &self,
        live: &Live,
        ruling: &Ruling,
        result: &ResultRecord,
    ) -> Result<Option<Refusal>, Fault> {
        let Decision::Hold(hold) = &ruling.decision else { return Err(damaged()) };
        let limit = hold.grant.obligations.limits.asks_per_hour;
        let retry_after = self.ports.exchanges.count_ask(&live.principal(), limit, self.now()).await?;
        Ok(retry_after.map(|retry_after| {
            let message = format!(
                "{}, and the limit of {limit} statements an hour that ask for a decision is reached; ask for less",
                outgrown(result)
            );
            Refusal { code: RefusalCode::TooLarge, message, retry_after: Some(retry_after), scopes: Vec::new() }
        }))
    }

    async fn question_of(
        &self,
        opening: &Opening,
        judged: Judged,
        result: ResultRecord,
    ) -> Result<AskedRecord, Fault> {
        let Judged { ruling, hold, footprints, touched, catalog: _, access: _ } = judged;
        let id = ApprovalId::from_u128(self.ports.ids.random()?);
        let key = self.ports.keys.digest().await?;
        let question = Question { id, opening, sign_in: self.settings.sign_in, key: &key };
        let asked = question.again(&hold, &ruling, footprints, touched, None, self.now())?;
        Ok(AskedRecord { result: Some(result), ..asked })
    }

    async fn wait_for_verdict(
        &self,
        live: &mut Live,
        parts: Vec<PartRecord>,
        holder: u128,
        case: &Case,
    ) -> Result<Option<Closed>, Fault> {
        let approval = case.trail.approval().ok_or_else(damaged)?;
        let asked = case.trail.asked().ok_or_else(damaged)?;
        // INVARIANT: what waits is what was asked for.
        if asked.result.as_ref().map(|result| &result.digest) != Some(&digest_of(&parts)) {
            return Err(damaged());
        }
        note(live, &case.trail)?;
        live.kept = Some(Kept { parts });
        let (expires_us, reason) = (approval.terms().expires.as_micros(), asked.reason.clone());
        live.stage = Stage::Held { expires_us, reason, look_us: Some(0), is_unasked: false };
        self.save(live, holder).await
    }

    /// What policy says of it by now; or why it is not for this principal any more.
    async fn judge_result(
        &self,
        live: &Live,
        case: &Case,
        reason: &str,
    ) -> Result<Result<Judged, Refusal>, Fault> {
        let opening = &case.opening.record;
        let identity = stored::identity(opening)?;
        let (recordings, keys) = (self.ports.recordings.as_ref(), self.ports.keys.as_ref());
        let asked = match stored::asked(recordings, keys, case).await {
            Ok(asked) => asked,
            Err(fault) if fault.retry == Retry::Never => {
                tracing::error!(
                    exchange = %live.exchange,
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "a large result is not released, because the exact text that it came of cannot be opened"
                );
                return Ok(Err(changed(
                    "the exact text of this statement cannot be opened any more; ask again",
                )));
            }
            Err(fault) => return Err(fault),
        };
        let asked = self.known_by_now(asked, case).await?;
        let bundle = self.ports.policies.bundle().await?;
        // SECURITY: it is masked as another bundle had it, whose detectors and classes nobody knows any more.
        if live.bundle.as_deref() != Some(bundle.digest().to_string().as_str()) {
            return Ok(Err(changed("policy has changed since this result was masked; ask again")));
        }
        let (key, detectors) = (keys.digest().await?, self.detectors.of(&bundle));
        let (read, touched) = self.read_afresh(&key, &asked, &detectors).await?;
        let ruled = self.rule_with(&bundle, &identity, &asked, &read, &mut Grants::default()).await?;
        let Ruled { rulings, ruling, access } = ruled;
        if let Decision::Refuse(refusal) = ruling.decision {
            return Ok(Err(refusal));
        }
        if !terms(&read, &rulings, &ruling, &detectors).cover(live) {
            return Ok(Err(changed("what this statement reads has changed since it ran; ask again")));
        }
        let statements: Vec<_> =
            read.statements.iter().map(|(_, statement)| statement).zip(&rulings).collect();
        let ruling = bundle.hold_for_size(&statements, reason);
        Ok(match &ruling.decision {
            Decision::Hold(hold) => {
                let (hold, footprints) = (hold.clone(), footprints(&detectors, &read));
                let catalog = read.catalog.digest.to_string();
                Ok(Judged { ruling, hold, footprints, touched, catalog, access })
            }
            Decision::Refuse(refusal) => Err(refusal.clone()),
            Decision::Allow(_) => return Err(damaged()),
        })
    }

    /// Decides again what a person has approved, and spends their yes: whoever looks next closes the exchange with what is
    /// kept. One that may not be released any more is overruled.
    pub(super) async fn release(&self, live: &Live, case: &mut Case) -> Result<(), Fault> {
        let asked = case.trail.asked().ok_or_else(damaged)?.clone();
        let mut ends = None;
        let step = match self.revoked_since(case).await? {
            Some(step) => step,
            None => match self.judge_result(live, case, &asked.reason).await? {
                Err(refusal) => StepRecord::overruled(&refusal, Vec::new(), None),
                Ok(judged) if !is_as_asked(&judged, &asked) => overruled(
                    RefusalCode::Contradiction,
                    "what holds this result, or what it reads, has changed since it was approved; ask again"
                        .to_owned(),
                ),
                Ok(Judged { ruling, catalog, access, .. }) => {
                    ends = first_end(&used(&ruling, &access));
                    StepRecord::Released {
                        bundle: ruling.bundle.to_string(),
                        rules: ruling.rules.iter().map(|rule| rule.as_str().to_owned()).collect(),
                        catalog,
                        access: records(&access),
                    }
                }
            },
        };
        let now = self.now();
        // What ended while it was decided by is not what it goes by: whoever looks next decides again.
        if ends.is_some_and(|end| now >= end) {
            return Ok(());
        }
        self.add(case, now, step).await.map(|_: Added| ())
    }

    /// Closes with what was kept and is released.
    pub(super) async fn close_released(&self, live: &mut Live, case: &Case) -> Result<Closed, Fault> {
        let parts = live.kept.clone().ok_or_else(damaged)?.parts;
        let approved = case.trail.asked().and_then(|asked| asked.result.as_ref()).ok_or_else(damaged)?;
        // SECURITY: exactly what a person has approved, whatever the live state says.
        if digest_of(&parts) != approved.digest {
            return Err(damaged());
        }
        self.close(live, recording::ClosingOutcome::Rows {}, parts).await
    }
}

fn digest_of(parts: &[PartRecord]) -> String {
    recording::results_digest(parts).to_string()
}

fn result_of(parts: &[PartRecord], row_limit: u64, byte_limit: u64) -> ResultRecord {
    let sum = |of: fn(&PartRecord) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
    ResultRecord {
        rows: sum(|part| part.cut_from.unwrap_or(part.rows)),
        kept_rows: sum(|part| part.rows),
        kept_bytes: sum(|part| part.pages.iter().map(|page| page.size).fold(0, u64::saturating_add)),
        row_limit,
        byte_limit,
        digest: digest_of(parts),
    }
}

/// What agent and reviewers are told: counts alone.
fn reason_of(result: &ResultRecord) -> String {
    let ResultRecord { rows, kept_rows, .. } = result;
    let kept = if kept_rows < rows {
        format!("more than may be kept, so only the first {kept_rows} rows are")
    } else {
        "all of it is kept".to_owned()
    };
    format!("{}; {kept}, masked, and a person's yes releases it", outgrown(result))
}

fn outgrown(result: &ResultRecord) -> String {
    let ResultRecord { rows, kept_rows: _, kept_bytes, row_limit, byte_limit, digest: _ } = result;
    if rows > row_limit {
        format!("the result has {rows} rows and the limit is {row_limit}")
    } else {
        format!("the result has {rows} rows in {kept_bytes} bytes and the limit is {byte_limit} bytes")
    }
}

/// What the closing tells of a result that is not whole; said once, however often it is tried.
fn note_cut(live: &mut Live, result: &ResultRecord) {
    let what = "result_cut";
    if live.findings.iter().any(|known| known.what == what) {
        return;
    }
    let ResultRecord { rows, kept_rows, .. } = result;
    let detail = format!("upstream had {rows} rows, and the first {kept_rows} were kept");
    live.findings.push(Finding { what: what.to_owned(), detail });
}

/// Whether the same rules hold it for the same people, and it reads the same objects, of which the catalog says the same.
fn is_as_asked(judged: &Judged, asked: &AskedRecord) -> bool {
    let Judged { ruling, hold, footprints, touched, catalog: _, access: _ } = judged;
    let rules: Vec<&str> = ruling.rules.iter().map(domain::RuleId::as_str).collect();
    asked.footprints.as_ref() == Some(footprints)
        // SECURITY: what nobody could tell is the same as nothing.
        && touched.digest.is_some()
        && asked.touched == touched.digest
        && rules == asked.rules.iter().map(String::as_str).collect::<Vec<_>>()
        && are_enough(hold, asked)
}

fn changed(message: &str) -> Refusal {
    Refusal {
        code: RefusalCode::Contradiction,
        message: message.to_owned(),
        retry_after: None,
        scopes: Vec::new(),
    }
}
