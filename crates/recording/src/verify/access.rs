//! Checking that what was decided by leave to read had such leave, and ended with it.

use domain::Timestamp;

use super::exchange::read;
use super::{Archive, Report, Wrong};
use crate::access::GrantedRecord;
use crate::approval::{ApprovalStep, StepRecord};
use crate::closing::{Closing, ClosingOutcome};
use crate::key::{ObjectKind, RecordKey};
use crate::opening::Opening;

/// Checks what an opening says that it was decided by.
pub(super) fn check(archive: &dyn Archive, at: &str, opening: &Opening, report: &mut Report) {
    let is_told = |rule: &String| opening.access.iter().any(|granted| granted.rule() == *rule);
    if opening.rules.iter().any(|rule| rule.starts_with("access:") && !is_told(rule)) {
        report.altered(at, Wrong::Contradiction, "it was decided by leave to read that it does not tell of");
    }
    for granted in &opening.access {
        let is_over = is_reached(&granted.until, &opening.opened);
        if is_over && opening.rules.contains(&granted.rule()) {
            report.altered(at, Wrong::Contradiction, "it was decided by leave to read that had ended");
        }
        check_granted(archive, at, granted, report);
    }
}

/// Nothing is released from the end on.
pub(super) fn check_closing(at: &str, opening: &Opening, closing: &Closing, report: &mut Report) {
    if closing.outcome != (ClosingOutcome::Rows {}) || opening.decision != "allow" {
        return;
    }
    let used = opening.access.iter().filter(|granted| opening.rules.contains(&granted.rule()));
    if used.into_iter().any(|granted| is_reached(&granted.until, &closing.closed)) {
        report.altered(at, Wrong::Contradiction, "rows were released after the leave to read them had ended");
    }
}

/// Whether that end was reached; one that cannot be read was.
fn is_reached(until: &str, at: &str) -> bool {
    match (until.parse::<Timestamp>(), at.parse::<Timestamp>()) {
        (Ok(until), Ok(at)) => at >= until,
        (Ok(_) | Err(_), _) => true,
    }
}

/// It was granted where it says, by that very step.
fn check_granted(archive: &dyn Archive, at: &str, granted: &GrantedRecord, report: &mut Report) {
    let Some((key, ObjectKind::Approval { .. })) = RecordKey::parse(&granted.granted) else {
        report.altered(
            at,
            Wrong::Contradiction,
            "it was decided by something that is no step of an approval",
        );
        return;
    };
    if !archive.read(&granted.granted).is_ok_and(|object| object.is_some()) {
        report.incomplete(at, Wrong::Gap, "the leave to read that it was decided by is not here");
        return;
    }
    let Some(stored) = read::<ApprovalStep>(archive, &granted.granted, report) else { return };
    let is_it = matches!(stored.record.what, StepRecord::Spent { .. })
        && stored.digest.to_string() == granted.digest
        && stored.record.exchange == key.exchange.to_string();
    if !is_it {
        report.altered(at, Wrong::Contradiction, "the leave to read that it was decided by is another one");
    }
}
