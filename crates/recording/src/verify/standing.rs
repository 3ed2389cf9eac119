//! Checking standing approvals: their steps, and that what ran by one was one of its uses.

use super::exchange::read;
use super::{Archive, Found, Report, Wrong};
use crate::approval::StepRecord;
use crate::key::{ObjectKind, RecordKey};
use crate::standing::{NotStanding, StandingAct, StandingStep, StandingTrail};
use crate::trail::Trail;

/// Checks the steps beside one exchange, and the use that its own approval names.
pub(super) fn check(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    trail: Option<&Trail>,
    report: &mut Report,
) {
    // Where its approval cannot be followed, that was said.
    let Some(trail) = trail else { return };
    check_steps(archive, key, found, trail, report);
    for step in trail.steps() {
        if let StepRecord::Issued { standing, made, rows: _, by: _ } = &step.what {
            let at = key.object(ObjectKind::Approval { step: step.step });
            check_use(archive, &at, standing, made, &step.exchange, report);
        }
    }
}

fn check_steps(archive: &dyn Archive, key: &RecordKey, found: &Found, trail: &Trail, report: &mut Report) {
    let Some(first) = found.standing.first() else { return };
    // People may have been asked again since it was made: with its result, or because something had changed.
    let at_first = key.object(ObjectKind::Standing { step: *first });
    let Some(made) = read::<StandingStep>(archive, &at_first, report) else { return };
    let under = match &made.record.what {
        StandingAct::Made { approval } => trail.under(approval),
        StandingAct::Used { .. } | StandingAct::Ended { .. } => None,
    };
    let agreed = under.as_ref().unwrap_or(trail);
    let Some(mut standing) = StandingTrail::new(agreed) else {
        let at = key.object(ObjectKind::Standing { step: *first });
        report.altered(
            at,
            Wrong::Contradiction,
            "nobody has agreed on a standing approval here, and this is one",
        );
        return;
    };
    for (expected, step) in (0_u32..).zip(&found.standing) {
        let at = key.object(ObjectKind::Standing { step: *step });
        if *step != expected {
            report.altered(at, Wrong::Gap, "the step before this one is missing");
            return;
        }
        let Some(stored) = read::<StandingStep>(archive, &at, report) else { return };
        if let Err(error) = standing.push(stored) {
            let what = match error {
                NotStanding::Misplaced => Wrong::Misplaced,
                NotStanding::Unreadable => Wrong::Unreadable,
                NotStanding::NotMade | NotStanding::Ended | NotStanding::Over | NotStanding::UsedUp => {
                    Wrong::Contradiction
                }
            };
            report.altered(at, what, error.to_string());
            return;
        }
    }
}

/// What ran by a standing approval is one of its uses.
fn check_use(
    archive: &dyn Archive,
    at: &str,
    standing: &str,
    made: &str,
    exchange: &str,
    report: &mut Report,
) {
    if !matches!(RecordKey::parse(made), Some((_, ObjectKind::Standing { .. }))) {
        report.altered(at, Wrong::Contradiction, "it was allowed by something that is no standing approval");
        return;
    }
    let is_there = archive.read(made).is_ok_and(|object| object.is_some());
    if !is_there {
        report.incomplete(at, Wrong::Gap, "the standing approval that allowed it is not here");
        return;
    }
    let Some(stored) = read::<StandingStep>(archive, made, report) else { return };
    let is_its_use = matches!(&stored.record.what, StandingAct::Used { by, .. } if by == exchange);
    let is_there =
        RecordKey::parse(made).is_some_and(|(key, _)| key.exchange.to_string() == stored.record.exchange);
    if !is_its_use || !is_there || standing.is_empty() {
        report.altered(
            at,
            Wrong::Contradiction,
            "the standing approval that allowed it tells of another use",
        );
    }
}
