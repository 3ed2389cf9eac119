//! Checking the approval of one exchange: every step in its place, each allowed by the rule, and the end that follows.

use domain::ApprovalState;

use super::exchange::read;
use super::{Archive, Found, Report, Wrong};
use crate::approval::{ApprovalStep, StepRecord};
use crate::closing::{Closing, ClosingOutcome};
use crate::envelope::Stored;
use crate::key::{ObjectKind, RecordKey};
use crate::opening::Opening;
use crate::trail::{NotNext, Trail};

/// Checks the steps; the trail, as far as it could be followed to its end.
pub(super) fn check(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    opening: &Stored<Opening>,
    report: &mut Report,
) -> Option<Trail> {
    let mut trail = Trail::new(opening);
    if opening.record.decision != "hold" && !found.steps.is_empty() {
        let at = key.object(ObjectKind::Approval { step: 0 });
        report.altered(at, Wrong::Contradiction, "nothing waited for a person here, and this is an approval");
        return None;
    }
    for (expected, step) in (0_u32..).zip(&found.steps) {
        let at = key.object(ObjectKind::Approval { step: *step });
        if *step != expected {
            report.altered(at, Wrong::Gap, "the step before this one is missing");
            return None;
        }
        let stored = read::<ApprovalStep>(archive, &at, report)?;
        if let Err(error) = trail.push(stored) {
            let what = match error {
                NotNext::Misplaced => Wrong::Misplaced,
                NotNext::Unreadable => Wrong::Unreadable,
                NotNext::Chain
                | NotNext::Foreign
                | NotNext::Asked
                | NotNext::SignIn
                | NotNext::Unmoved(_) => Wrong::Contradiction,
            };
            report.altered(at, what, error.to_string());
            return None;
        }
    }
    Some(trail)
}

/// What came of a held exchange must be what its approval allowed.
pub(super) fn check_closing(at: &str, trail: &Trail, closing: &Closing, report: &mut Report) {
    let state = trail.approval().map(domain::Approval::state);
    if let Some(detail) = contradiction(state, trail, &closing.outcome) {
        report.altered(at, Wrong::Contradiction, detail);
    }
    let last = trail.approval().map(|_| trail.last().to_string());
    // An exchange of which nobody knew any more was closed without looking at its steps.
    let is_lost = matches!(closing.outcome, ClosingOutcome::Lost { .. });
    if closing.approval != last && !(is_lost && closing.approval.is_none()) {
        let detail = "the closing was written after another step of the approval than the last one here";
        report.altered(at, Wrong::Contradiction, detail);
    }
}

fn contradiction(state: Option<ApprovalState>, trail: &Trail, outcome: &ClosingOutcome) -> Option<String> {
    let is_spent = state == Some(ApprovalState::Spent);
    match outcome {
        ClosingOutcome::Rows {} | ClosingOutcome::Failed(_) if is_spent => None,
        ClosingOutcome::Rows {} => {
            Some("the decision was `hold`, and rows were released without an approval".to_owned())
        }
        ClosingOutcome::Failed(_) => {
            Some("the decision was `hold`, and it ran without an approval".to_owned())
        }
        ClosingOutcome::Lost { .. } => None,
        ClosingOutcome::Refused(refused) => {
            let expected = match state {
                // Version 1 began without steps; what runs is refused for what it does.
                None => return None,
                Some(ApprovalState::Spent) if ["denied", "expired"].contains(&refused.reason.as_str()) => {
                    return Some(format!("it was approved and spent, and refused as `{}`", refused.reason));
                }
                Some(ApprovalState::Spent) => return None,
                Some(ApprovalState::Waiting | ApprovalState::Granted) => {
                    return Some("it was closed while its approval stood open".to_owned());
                }
                Some(ApprovalState::Expired) => "expired",
                Some(ApprovalState::Withdrawn) => "cancelled",
                Some(ApprovalState::Denied) => overruled(trail).unwrap_or("denied"),
            };
            (refused.reason != expected).then(|| {
                format!("its approval ended in `{expected}`, and it was refused as `{}`", refused.reason)
            })
        }
    }
}

/// The word by which something else than a person ended it.
fn overruled(trail: &Trail) -> Option<&str> {
    match &trail.steps().last()?.what {
        StepRecord::Overruled { reason, .. } => Some(reason),
        StepRecord::Asked(_)
        | StepRecord::Told { .. }
        | StepRecord::Viewed { .. }
        | StepRecord::Decided { .. }
        | StepRecord::Expired {}
        | StepRecord::Withdrawn {}
        | StepRecord::Spent { .. } => None,
    }
}
