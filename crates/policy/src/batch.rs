//! A batch is decided by its strictest statement.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use domain::{Case, Decision, Grant, Hold, Limits, Obligations, Refusal, RefusalCode, RuleId, Ruling, Tier};

use crate::bundle::Bundle;

/// What policy says of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchRuling {
    /// The ruling that holds for the batch: the strictest of its statements'. A batch is run, held or refused
    /// entire.
    ///
    /// Its obligations are the strictest of all, and of more than one statement mask every column: each
    /// statement's result is masked by its own ruling.
    pub overall: Ruling,
    /// One ruling a statement, in order.
    pub statements: Vec<Ruling>,
}

impl Bundle {
    /// Decides a batch; each case is to carry the context that the statements before it leave.
    ///
    /// Refused when any statement is refused; held when any is held, for reviewers who may decide on all that is
    /// held, and refused when there are none (`gateway:no-common-reviewer`). An empty batch is refused.
    pub fn decide_batch(&self, cases: &[Case<'_>]) -> BatchRuling {
        let statements: Vec<Ruling> = cases.iter().map(|case| self.decide(case)).collect();
        BatchRuling { overall: self.overall(&statements), statements }
    }

    /// The ruling that holds for all of them together.
    pub(crate) fn overall(&self, rulings: &[Ruling]) -> Ruling {
        match rulings {
            [] => self
                .ruling(refuse("refused: nothing was asked"), [RuleId::new("gateway:nothing-asked")].into()),
            [only] => only.clone(),
            many => self.join(many),
        }
    }

    fn join(&self, rulings: &[Ruling]) -> Ruling {
        let mut rules: BTreeSet<RuleId> =
            rulings.iter().flat_map(|ruling| ruling.rules.iter().cloned()).collect();
        let mut holds: Vec<(usize, &Hold)> = Vec::new();
        let mut grant: Option<Grant> = None;
        for (at, ruling) in rulings.iter().enumerate() {
            let granted = match &ruling.decision {
                Decision::Refuse(refusal) => {
                    let mut refusal = refusal.clone();
                    refusal.message =
                        format!("statement {} of {}: {}", at + 1, rulings.len(), refusal.message);
                    return self.ruling(Decision::Refuse(refusal), rules);
                }
                Decision::Hold(hold) => {
                    holds.push((at, hold));
                    &hold.grant
                }
                Decision::Allow(grant) => grant,
            };
            grant = Some(match grant {
                Some(so_far) => strictest(&so_far, granted),
                None => strictest(granted, granted),
            });
        }
        let Some(grant) = grant else { return self.ruling(refuse("refused: nothing was asked"), rules) };
        let Some((first, hold)) = holds.first() else { return self.ruling(Decision::Allow(grant), rules) };
        let is_common = |group: &&String| holds.iter().all(|(_, hold)| hold.reviewers.contains(group));
        let reviewers: Vec<String> = hold.reviewers.iter().filter(is_common).cloned().collect();
        if reviewers.is_empty() {
            rules.insert(RuleId::new("gateway:no-common-reviewer"));
            let message = "refused: its statements must wait for different reviewers; send them one by one";
            return self.ruling(refuse(message), rules);
        }
        let hold = Hold {
            reason: format!("statement {} of {}: {}", first + 1, rulings.len(), hold.reason),
            reviewers,
            // The same people may decide all of it, and as many as its most guarded statement needs.
            people: holds.iter().map(|(_, hold)| hold.people).max().unwrap_or(NonZeroU32::MIN),
            expires_after: holds.iter().map(|(_, hold)| hold.expires_after).min().unwrap_or(Duration::ZERO),
            grant,
        };
        self.ruling(Decision::Hold(hold), rules)
    }
}

fn refuse(message: &str) -> Decision {
    Decision::Refuse(Refusal {
        code: RefusalCode::Policy,
        message: message.to_owned(),
        retry_after: None,
        scopes: Vec::new(),
    })
}

/// What both grants leave, with no column of either.
fn strictest(a: &Grant, b: &Grant) -> Grant {
    let Grant {
        obligations: Obligations { columns: _, unforeseen: _, mask_column_names, error_text, limits },
        tier,
    } = a;
    let (x, y) = (limits, b.obligations.limits);
    let limits = Limits {
        rows: x.rows.min(y.rows),
        bytes: x.bytes.min(y.bytes),
        rows_if_approved: x.rows_if_approved.min(y.rows_if_approved),
        bytes_if_approved: x.bytes_if_approved.min(y.bytes_if_approved),
        at_once: x.at_once.min(y.at_once),
        per_minute: x.per_minute.min(y.per_minute),
        upstream_seconds_per_hour: x.upstream_seconds_per_hour.min(y.upstream_seconds_per_hour),
        statement_seconds: x.statement_seconds.min(y.statement_seconds),
        hidden_failures_per_hour: x.hidden_failures_per_hour.min(y.hidden_failures_per_hour),
        asks_per_hour: x.asks_per_hour.min(y.asks_per_hour),
    };
    let obligations = Obligations {
        columns: None,
        // A batch answers no rows of its own; whoever would take these for its statements' gets them masked.
        unforeseen: crate::lineage::masked_whole(),
        mask_column_names: *mask_column_names || b.obligations.mask_column_names,
        error_text: (*error_text).max(b.obligations.error_text),
        limits,
    };
    let tier: Tier = (*tier).max(b.tier);
    Grant { obligations, tier }
}
