//! Checking the approval of one exchange: every step in its place, each allowed by the rule, and the end that follows.

use domain::ApprovalState;

use super::exchange::read;
use super::{Archive, Found, Report, Wrong};
use crate::approval::{ApprovalStep, StepRecord};
use crate::closing::{Closing, ClosingOutcome, results_digest};
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
    if opening.record.decision == "refuse" && !found.steps.is_empty() {
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
                | NotNext::OtherThing
                | NotNext::SignIn
                | NotNext::Unmoved(_)
                | NotNext::Reminded => Wrong::Contradiction,
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
    if is_before_result(trail, closing) {
        return;
    }
    if let Some(detail) = contradiction(state, trail, &closing.outcome) {
        report.altered(at, Wrong::Contradiction, detail);
    }
    let of_result = trail.asked().and_then(|asked| asked.result.as_ref());
    if let (Some(kept), ClosingOutcome::Rows {}) = (of_result, &closing.outcome)
        && results_digest(&closing.parts).to_string() != kept.digest
    {
        report.altered(at, Wrong::Contradiction, "another result was released than a person had approved");
    }
    let last = trail.approval().map(|_| trail.last().to_string());
    // Leave to read is ended after its exchange was closed, as a rule.
    if trail.ended().is_some_and(|ended| closing.approval.as_ref() == Some(&ended.after)) {
        return;
    }
    // An exchange of which nobody knew any more was closed without looking at its steps.
    let is_lost = matches!(closing.outcome, ClosingOutcome::Lost { .. });
    if closing.approval != last && !(is_lost && closing.approval.is_none()) {
        let detail = "the closing was written after another step of the approval than the last one here";
        report.altered(at, Wrong::Contradiction, detail);
    }
}

/// Whether it was closed by whoever did not come to know that its result had been asked for, and released nothing.
fn is_before_result(trail: &Trail, closing: &Closing) -> bool {
    let Some(asked) = trail.steps_under_way().first().filter(|_| trail.is_of_result()) else { return false };
    let is_first = asked.step == 0 && closing.approval.is_none();
    let is_known = is_first || closing.approval.as_ref() == Some(&asked.after);
    is_known && !matches!(closing.outcome, ClosingOutcome::Rows {})
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
        | StepRecord::Standing { .. }
        | StepRecord::Issued { .. }
        | StepRecord::Expired {}
        | StepRecord::Withdrawn {}
        | StepRecord::Spent { .. }
        | StepRecord::Released { .. }
        | StepRecord::Ended { .. } => None,
    }
}
