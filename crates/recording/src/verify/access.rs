//! Checking that what was decided by leave to read had such leave, and ended with it.

use std::time::Duration;

use domain::Timestamp;

use super::exchange::read;
use super::{Archive, Report, Wrong};
use crate::access::GrantedRecord;
use crate::approval::{ApprovalStep, StepRecord};
use crate::closing::{Closing, ClosingOutcome};
use crate::key::{ObjectKind, RecordKey};
use crate::opening::{Opening, PrincipalRecord};
use crate::trail::Trail;

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
        check_granted(archive, at, opening, granted, report);
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

/// It was granted where it says, by that very step, to this very principal, and was not ended before.
fn check_granted(
    archive: &dyn Archive,
    at: &str,
    opening: &Opening,
    granted: &GrantedRecord,
    report: &mut Report,
) {
    let Some((key, ObjectKind::Approval { step })) = RecordKey::parse(&granted.granted) else {
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
    let Some(trail) = trail_to(archive, &key, step, report) else { return };
    if let Some(detail) = contradiction(opening, granted, &trail) {
        report.altered(at, Wrong::Contradiction, detail);
        return;
    }
    let next = key.object(ObjectKind::Approval { step: step.saturating_add(1) });
    if !archive.read(&next).is_ok_and(|object| object.is_some()) {
        return;
    }
    let Some(next) = read::<ApprovalStep>(archive, &next, report) else { return };
    if matches!(next.record.what, StepRecord::Ended { .. })
        && is_long_before(&next.record.at, &opening.opened)
    {
        report.altered(at, Wrong::Contradiction, "it was decided by leave to read that a reviewer had ended");
    }
}

/// The trail of the exchange at that place as far as that step; none where it cannot be followed there, which is told where it
/// lies.
fn trail_to(archive: &dyn Archive, key: &RecordKey, step: u32, report: &mut Report) -> Option<GrantedTrail> {
    let asking = read::<Opening>(archive, &key.object(ObjectKind::Opening), report)?;
    let mut trail = Trail::new(&asking);
    for number in 0..=step {
        let stored = read(archive, &key.object(ObjectKind::Approval { step: number }), report)?;
        trail.push(stored).ok()?;
    }
    Some(GrantedTrail { asking: asking.record, trail })
}

/// What was asked for, and what became of it.
struct GrantedTrail {
    asking: Opening,
    trail: Trail,
}

/// What an opening says of leave to read that is not what was granted there.
fn contradiction(opening: &Opening, granted: &GrantedRecord, found: &GrantedTrail) -> Option<&'static str> {
    let GrantedTrail { asking, trail } = found;
    let told = trail.asked().and_then(|asked| Some((asked, asked.access.as_ref()?)));
    let is_it = trail.access_in_force().is_some_and(|(_, digest)| digest.to_string() == granted.digest);
    let Some((asked, access)) = told.filter(|_| is_it) else {
        return Some("the leave to read that it was decided by is another one");
    };
    let GrantedRecord { approval, granted: _, digest: _, to, until } = granted;
    if (approval, to, until) != (&asked.approval, &access.to, &access.until) {
        return Some("the leave to read that it was decided by was granted otherwise");
    }
    let whose = |opening: &Opening| {
        let PrincipalRecord { issuer, subject, agent, .. } = &opening.principal;
        [issuer, subject, agent].map(String::clone)
    };
    (whose(asking) != whose(opening)).then_some("the leave to read that it was decided by is somebody else's")
}

/// What is decided while a reviewer ends the leave to read that it is decided by may be opened a moment later, by another clock.
const A_MOMENT: Duration = Duration::from_secs(60);

fn is_long_before(ended: &str, opened: &str) -> bool {
    match (ended.parse::<Timestamp>(), opened.parse::<Timestamp>()) {
        (Ok(ended), Ok(opened)) => opened > ended.after(A_MOMENT),
        // What cannot be read is told where it lies.
        (Ok(_) | Err(_), _) => false,
    }
}
