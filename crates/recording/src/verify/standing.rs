//! Checking standing approvals: their steps, and that what ran by one was one of its uses.

use std::time::Duration;

use domain::{ApprovalState, Timestamp};

use super::exchange::read;
use super::{Archive, Found, Report, Wrong};
use crate::approval::{ApprovalStep, StepRecord};
use crate::key::{ObjectKind, RecordKey};
use crate::opening::{Opening, PrincipalRecord};
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
        if let StepRecord::Issued { .. } = &step.what {
            let at = key.object(ObjectKind::Approval { step: step.step });
            let opening = read::<Opening>(archive, &key.object(ObjectKind::Opening), report);
            let Some(opening) = opening else { continue };
            check_use(archive, &at, &Issuing { step, trail, opening: &opening.record }, report);
        }
    }
}

/// The step by which a standing approval says yes, and to what.
struct Issuing<'a> {
    step: &'a ApprovalStep,
    trail: &'a Trail,
    opening: &'a Opening,
}

impl Issuing<'_> {
    /// Whether its exchange was asked for with that approval by then: a number that it has taken stays its own when it is asked
    /// anew.
    fn is_asked_with(&self, approval: &str) -> bool {
        let mut before = self.trail.steps().iter().filter(|before| before.step < self.step.step);
        before.any(|before| matches!(&before.what, StepRecord::Asked(asked) if asked.approval == approval))
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
    let Some(mut standing) = StandingTrail::as_made(agreed) else {
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

/// What ran by a standing approval is one of its uses, by people who have said yes to it, for the same principal, as it says and
/// before its end.
fn check_use(archive: &dyn Archive, at: &str, issuing: &Issuing<'_>, report: &mut Report) {
    let StepRecord::Issued { standing, made, rows, by } = &issuing.step.what else { return };
    let Some((key, ObjectKind::Standing { .. })) = RecordKey::parse(made) else {
        report.altered(at, Wrong::Contradiction, "it was allowed by something that is no standing approval");
        return;
    };
    let is_there = archive.read(made).is_ok_and(|object| object.is_some());
    if !is_there {
        report.incomplete(at, Wrong::Gap, "the standing approval that allowed it is not here");
        return;
    }
    let Some(stored) = read::<StandingStep>(archive, made, report) else { return };
    let StandingStep { exchange, at: used_at, what, .. } = &stored.record;
    let is_its_use = matches!(
        what,
        StandingAct::Used { by, approval }
            if *by == issuing.step.exchange && issuing.is_asked_with(approval)
    );
    if !is_its_use || key.exchange.to_string() != *exchange {
        report.altered(
            at,
            Wrong::Contradiction,
            "the standing approval that allowed it tells of another use",
        );
        return;
    }
    let Some((asking, trail)) = made_with(archive, &key, standing, report) else { return };
    if trail.steps().is_empty() {
        report.incomplete(at, Wrong::Gap, "what the standing approval was made with is not here");
        return;
    }
    let under = trail.under(standing);
    let Some(agreed) = under.as_ref().and_then(StandingTrail::as_made) else {
        report.altered(
            at,
            Wrong::Contradiction,
            "it was allowed by a standing approval that nobody has made",
        );
        return;
    };
    let whose = |opening: &Opening| {
        let PrincipalRecord { issuer, subject, agent, .. } = &opening.principal;
        [issuer, subject, agent].map(String::clone)
    };
    let told = if agreed.terms().rows != *rows {
        "it was allowed more or fewer rows than the standing approval allows"
    } else if agreed.by() != by {
        "it was allowed by others than those who have made the standing approval"
    } else if whose(&asking) != whose(issuing.opening) {
        "it was allowed by a standing approval for somebody else"
    } else if is_after(used_at, &agreed.terms().until) || is_after(&issuing.step.at, &agreed.terms().until) {
        "it was allowed by a standing approval that was over"
    } else if under.as_ref().and_then(denied_at).is_some_and(|end| is_after(used_at, end)) {
        "it was allowed by a standing approval whose own yes was taken back before"
    } else {
        return;
    };
    report.altered(at, Wrong::Contradiction, told);
}

/// When the yes that an approval had was taken back; none where it stands.
fn denied_at(trail: &Trail) -> Option<&str> {
    let is_denied = trail.approval()?.state() == ApprovalState::Denied;
    trail.steps().last().filter(|_| is_denied).map(|step| step.at.as_str())
}

/// What a standing approval at that place was made with: the opening, and the steps of its approval that can be followed. None
/// where they cannot be, which is told where they lie.
fn made_with(
    archive: &dyn Archive,
    key: &RecordKey,
    standing: &str,
    report: &mut Report,
) -> Option<(Opening, Trail)> {
    let asking = read::<Opening>(archive, &key.object(ObjectKind::Opening), report)?;
    let mut trail = Trail::new(&asking);
    for step in 0_u32.. {
        let at = key.object(ObjectKind::Approval { step });
        if !archive.read(&at).is_ok_and(|object| object.is_some()) {
            break;
        }
        // What is damaged behind what was agreed on changes nothing of that.
        let stored = read(archive, &at, report)?;
        if trail.push(stored).is_err() {
            return trail.under(standing).is_some().then_some((asking.record, trail));
        }
    }
    Some((asking.record, trail))
}

/// By how much the clocks of two gateways may differ.
const A_MOMENT: Duration = Duration::from_secs(60);

fn is_after(at: &str, end: &str) -> bool {
    match (at.parse::<Timestamp>(), end.parse::<Timestamp>()) {
        (Ok(at), Ok(end)) => at > end.after(A_MOMENT),
        // What cannot be read is told where it lies.
        (Ok(_) | Err(_), _) => false,
    }
}
