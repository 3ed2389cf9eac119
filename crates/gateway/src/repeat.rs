//! Repeating a request: the answer is the first one's, as long as policy would still give it.

use std::time::Duration;

use domain::{Decision, Door, ErrorText, Handle, Ruling, Timestamp};
use masking::Detectors;
use recording::{ClosingOutcome, ObjectKind, Opening, TreatmentRecord};

use crate::ask::{AskError, granted};
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::{Live, PartPlan, ShownErrors, Stage};
use crate::opened::opened_handle;
use crate::plan;
use crate::principal::Principal;
use crate::reading::Read;
use crate::reply::Reply;

/// How soon a repeated request looks for the second time whether the first has ended.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// How long it waits between two looks at most.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// How long a request waits for whoever looks for a standing approval.
const LOOKED_FOR: Duration = Duration::from_secs(2);

/// Under which terms a statement would be answered now.
#[derive(Debug)]
pub(crate) struct Terms {
    waits: bool,
    parts: Vec<PartPlan>,
    row_limit: u64,
    byte_limit: u64,
    error_text: ShownErrors,
}

impl Terms {
    /// Whether what was answered, or is about to be, under the terms of `first` may be shown under these: nothing is
    /// masked now that was not masked so then, and no limit is lower.
    ///
    /// What a person had agreed to is not decided here: see [`Gateway::may_repeat`].
    pub(crate) fn cover(&self, first: &Live) -> bool {
        if first.terms.is_some() {
            return self.digest().ok() == first.terms;
        }
        self.parts.len() == first.parts.len()
            && self.parts.iter().zip(&first.parts).all(|(now, then)| covers(now, then))
            && self.row_limit >= first.row_limit
            && self.byte_limit >= first.byte_limit
            && self.error_text <= first.error_text
    }

    /// `sha256:…` over everything that is compared here: of two that are equal the one may be shown under the other.
    pub(crate) fn digest(&self) -> Result<String, Fault> {
        let Self { waits: _, parts, row_limit, byte_limit, error_text } = self;
        let parts: Vec<_> =
            parts.iter().map(|part| (&part.columns, &part.unforeseen, part.mask_column_names)).collect();
        let terms = serde_json::to_vec(&(parts, row_limit, byte_limit, error_text)).map_err(|error| {
            Fault::lasting(Origin::Gateway, "the terms of a statement cannot be compared").because(error)
        })?;
        Ok(recording::digest_of(&terms).to_string())
    }
}

fn covers(now: &PartPlan, then: &PartPlan) -> bool {
    let columns = match (&now.columns, &then.columns) {
        (Some(now), Some(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| shows_at_least(now, then))
        }
        (None, None) => true,
        // What is known of the columns has changed, so that nothing can be compared.
        (Some(_), None) | (None, Some(_)) => false,
    };
    columns
        && shows_at_least(&now.unforeseen, &then.unforeseen)
        && (!now.mask_column_names || then.mask_column_names)
}

/// Two masks are not compared: another one may show what the first did not, and hide what it did.
fn shows_at_least(now: &TreatmentRecord, then: &TreatmentRecord) -> bool {
    match now {
        TreatmentRecord::Clear => true,
        TreatmentRecord::Scan => !matches!(then, TreatmentRecord::Clear),
        TreatmentRecord::Mask { .. } => now == then,
    }
}

/// Under which terms a statement with this ruling would be answered.
pub(crate) fn terms(read: &Read, rulings: &[Ruling], ruling: &Ruling, detectors: &Detectors) -> Terms {
    let whole = granted(&ruling.decision);
    Terms {
        waits: matches!(ruling.decision, Decision::Hold(_)),
        parts: read
            .statements
            .iter()
            .zip(rulings)
            .map(|((_, statement), ruling)| {
                plan::part_plan(statement, &read.catalog, granted(&ruling.decision), detectors)
            })
            .collect(),
        row_limit: whole.map_or(0, |grant| grant.obligations.limits.rows),
        byte_limit: whole.map_or(0, |grant| grant.obligations.limits.bytes),
        error_text: whole.map_or(ErrorText::Hidden, |grant| grant.obligations.error_text).into(),
    }
}

impl Gateway {
    /// Whether the answer to a first request may be given again. A right that was taken back since must not show its
    /// rows again.
    pub(crate) async fn may_repeat(&self, first: &Live, terms: &Terms) -> Result<bool, Fault> {
        // Nothing can be released of what was found without its plan (`orphan`): that it is lost is told whatever policy says by now.
        if first.parts.is_empty() {
            return Ok(true);
        }
        if !terms.cover(first) {
            return self.shows_nothing(first).await;
        }
        // What waits for a person shows nothing yet; what had to wait before it ran was agreed to.
        if !terms.waits || matches!(first.stage, Stage::Held { .. }) {
            return Ok(true);
        }
        let damaged = || Fault::lasting(Origin::Recordings, "the recording of this statement is damaged");
        let key = first.key().ok_or_else(damaged)?;
        let object = self.ports.recordings.read(&key, ObjectKind::Opening).await?.ok_or_else(damaged)?;
        let opening = recording::decode::<Opening>(&object).map_err(|error| damaged().because(error))?;
        Ok(opening.record.hold.is_some())
    }

    /// Whether nothing of it can be shown, under whatever terms: it was found again by its opening and nobody has released anything,
    /// or it is lost.
    async fn shows_nothing(&self, first: &Live) -> Result<bool, Fault> {
        if !first.is_closed() {
            return Ok(first.is_found_again());
        }
        let (closing, _) = self.read_closing(first).await?;
        Ok(matches!(closing.outcome, ClosingOutcome::Lost { .. }))
    }

    /// Waits for what a standing approval may cover: then nobody is asked, and it is answered as any other statement. For as
    /// long as nobody has looked for one it merely runs, and is not waited for long.
    pub(crate) async fn look_out(
        &self,
        door: Door,
        principal: &Principal,
        opened: Live,
        until: Timestamp,
    ) -> Result<Reply, AskError> {
        let first = opened_handle(&opened)?;
        let (mut live, mut pause) = (opened, FIRST_LOOK);
        let patience = until.min(self.now().after(LOOKED_FOR));
        loop {
            let until = if live.is_unasked() { patience } else { until };
            if live.is_closed() {
                self.unless_access_ended(door, &live).await?;
                return self.closed_reply(&live, first).await;
            }
            let now = self.now();
            if live.waits_for_a_person() || now >= until {
                return Ok(self.pending(&live)?);
            }
            // At least a millisecond, or a clock that stands still would be asked without end.
            tokio::time::sleep(pause.min(until.since(now).max(Duration::from_millis(1)))).await;
            pause = pause.saturating_mul(2).min(LONGEST_LOOK);
            let found = self.ports.exchanges.find(principal.key(), first).await?;
            live = found
                .ok_or_else(|| Fault::lasting(Origin::Exchanges, "the state of this statement is damaged"))?;
        }
    }

    /// Waits for a statement that was asked before under the same request id.
    pub(crate) async fn attach(
        &self,
        door: Door,
        principal: &Principal,
        first: Handle,
        terms: &Terms,
        until: Timestamp,
    ) -> Result<Reply, AskError> {
        let mut pause = FIRST_LOOK;
        loop {
            match self.ports.exchanges.find(principal.key(), first).await? {
                // Its opening was kept only after this request had been decided.
                Some(live) if !self.may_repeat(&live, terms).await? => {
                    let message = "policy has changed while this request was repeated; ask again";
                    return Err(Fault::passing(Origin::Policies, message).into());
                }
                Some(live) if live.is_closed() => {
                    // It was decided when this request came, and what it was decided by may have ended while it waited.
                    self.unless_access_ended(door, &live).await?;
                    return self.closed_reply(&live, first).await;
                }
                // A person takes longer than any request.
                Some(live) if live.waits_for_a_person() || self.now() >= until => {
                    return Ok(self.pending(&live)?);
                }
                None if self.now() >= until => {
                    // Claimed, but its opening was not kept (yet): nothing can be told of it.
                    return Err(Fault::passing(
                        Origin::Exchanges,
                        "the first request with this requestId is still being opened; try again",
                    )
                    .into());
                }
                Some(_) | None => {
                    // At least a millisecond, or a clock that stands still would be asked without end.
                    let left = until.since(self.now()).max(Duration::from_millis(1));
                    tokio::time::sleep(pause.min(left)).await;
                    pause = pause.saturating_mul(2).min(LONGEST_LOOK);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(name: &str) -> TreatmentRecord {
        TreatmentRecord::Mask { class: "email".to_owned(), mask: name.to_owned() }
    }

    fn plan(columns: Option<Vec<TreatmentRecord>>) -> PartPlan {
        PartPlan {
            names: None,
            stored_names: Vec::new(),
            columns,
            unforeseen: mask("redact"),
            mask_column_names: false,
            origins: None,
        }
    }

    #[test]
    fn what_is_masked_now_was_masked_alike_then() {
        use TreatmentRecord::{Clear, Scan};
        for (now, then, expected) in [
            (Clear, Clear, true),
            (Clear, mask("redact"), true),
            (Scan, Scan, true),
            (Scan, mask("redact"), true),
            (Scan, Clear, false),
            (mask("redact"), mask("redact"), true),
            (mask("redact"), Clear, false),
            (mask("redact"), mask("last_four"), false),
            (mask("last_four"), mask("redact"), false),
        ] {
            let found = covers(&plan(Some(vec![now.clone()])), &plan(Some(vec![then.clone()])));
            assert_eq!(found, expected, "{now:?} after {then:?}");
        }
        assert!(!covers(&plan(Some(vec![Clear])), &plan(None)));
        assert!(!covers(&plan(Some(vec![Clear])), &plan(Some(vec![Clear, Clear]))));
        let names = PartPlan { mask_column_names: true, ..plan(None) };
        assert!(!covers(&names, &plan(None)) && covers(&plan(None), &names));
    }
}
