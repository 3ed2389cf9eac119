//! Checking that what was decided by leave to read had such leave, and ended with it.

use std::time::Duration;

use domain::Timestamp;

use super::exchange::read;
use super::{Archive, Report, Wrong};
use crate::access::GrantedRecord;
use crate::approval::{ApprovalStep, StepRecord};
use crate::closing::{Closing, ClosingOutcome};
use crate::key::{ObjectKind, RecordKey};
use crate::opening::{Opening, PrincipalRecord, StatementRecord};
use crate::trail::Trail;

/// A decision that a record tells of: in an opening, or in the step that spends an approval, by which its statement is decided
/// again.
struct Decided<'a> {
    /// Whose it is.
    opening: &'a Opening,
    /// RFC 3339: when.
    at: &'a str,
    rules: &'a [String],
    access: Vec<&'a GrantedRecord>,
    /// What its statements do, and what they read and write by what was known then; none where that was not told.
    statements: Option<Vec<StatementRecord>>,
}

impl<'a> Decided<'a> {
    fn of_opening(opening: &'a Opening) -> Self {
        Self {
            opening,
            at: &opening.opened,
            rules: &opening.rules,
            access: opening.access.iter().collect(),
            statements: Some(opening.statements.clone()),
        }
    }

    /// None of a step by which nothing is decided.
    fn of_step(opening: &'a Opening, trail: &Trail, step: &'a ApprovalStep) -> Option<Self> {
        let (rules, access) = match &step.what {
            StepRecord::Spent { rules, access, bundle: _, catalog: _, tier: _ }
            | StepRecord::Released { rules, access, bundle: _, catalog: _ } => (rules, access),
            StepRecord::Asked(_)
            | StepRecord::Told { .. }
            | StepRecord::Viewed { .. }
            | StepRecord::Decided { .. }
            | StepRecord::Standing { .. }
            | StepRecord::Issued { .. }
            | StepRecord::Expired {}
            | StepRecord::Withdrawn {}
            | StepRecord::Overruled { .. }
            | StepRecord::Ended { .. } => return None,
        };
        // The first records of version 1 tell of it in openings alone.
        let told_before = opening.access.iter().filter(|before| {
            rules.contains(&before.rule()) && !access.iter().any(|now| now.approval == before.approval)
        });
        let access = access.iter().chain(told_before).collect();
        // The latest that was asked before: what was decided by other rules may read other objects, and no record tells which.
        let earlier = trail.steps().iter().filter(|before| before.step < step.step).rev();
        let asked = earlier.into_iter().find_map(|before| {
            let StepRecord::Asked(asked) = &before.what else { return None };
            Some(asked)
        });
        let statements =
            asked.filter(|asked| asked.rules == *rules).map(|asked| asked.of(opening).statements);
        Some(Self { opening, at: &step.at, rules, access, statements })
    }

    /// What has led to it, of what was in force.
    fn used(&self) -> impl Iterator<Item = &'a GrantedRecord> {
        self.access.iter().copied().filter(|granted| self.rules.contains(&granted.rule()))
    }

    fn check(&self, archive: &dyn Archive, at: &str, report: &mut Report) {
        let is_told = |rule: &String| self.access.iter().any(|granted| granted.rule() == *rule);
        if self.rules.iter().any(|rule| rule.starts_with("access:") && !is_told(rule)) {
            report.altered(
                at,
                Wrong::Contradiction,
                "it was decided by leave to read that it does not tell of",
            );
        }
        if self.used().any(|granted| is_reached(&granted.until, self.at)) {
            report.altered(at, Wrong::Contradiction, "it was decided by leave to read that had ended");
        }
        if let Some(statements) = &self.statements
            && self
                .used()
                .any(|granted| !statements.iter().any(|statement| is_read_by(statement, &granted.to)))
        {
            report.altered(
                at,
                Wrong::Contradiction,
                "it was decided by leave to read something that it does not read",
            );
        }
        for granted in &self.access {
            check_granted(archive, at, self, granted, report);
        }
    }
}

/// Checks what an opening says that it was decided by.
pub(super) fn check(archive: &dyn Archive, at: &str, opening: &Opening, report: &mut Report) {
    Decided::of_opening(opening).check(archive, at, report);
}

/// Checks what each step says that its statement was decided by again.
pub(super) fn check_steps(
    archive: &dyn Archive,
    key: &RecordKey,
    opening: &Opening,
    trail: &Trail,
    report: &mut Report,
) {
    for step in trail.steps() {
        if let Some(decided) = Decided::of_step(opening, trail, step) {
            decided.check(archive, &key.object(ObjectKind::Approval { step: step.step }), report);
        }
    }
}

/// Nothing is released from the end on.
pub(super) fn check_closing(
    archive: &dyn Archive,
    at: &str,
    opening: &Opening,
    trail: Option<&Trail>,
    closing: &Closing,
    report: &mut Report,
) {
    if closing.outcome != (ClosingOutcome::Rows {}) {
        return;
    }
    // What was held goes by the decision that spent its approval, and so does a result that was kept.
    let spent = trail.and_then(|trail| {
        let steps = trail.steps().iter().rev();
        steps.into_iter().find_map(|step| Decided::of_step(opening, trail, step))
    });
    let decided = spent.or_else(|| (opening.decision == "allow").then(|| Decided::of_opening(opening)));
    let Some(decided) = decided else { return };
    if decided.used().any(|granted| is_reached(&granted.until, &closing.closed)) {
        report.altered(at, Wrong::Contradiction, "rows were released after the leave to read them had ended");
    } else if decided.used().any(|granted| {
        let ended = ended_by_a_reviewer(archive, granted, report);
        ended.is_some_and(|ended| is_long_before(&ended, &closing.closed))
    }) {
        report.altered(
            at,
            Wrong::Contradiction,
            "rows were released after a reviewer had ended the leave to read them",
        );
    }
}

/// Whether leave to read that lets a statement do what this one does: it permits reading and looking, and of what it names.
fn is_read_by(statement: &StatementRecord, to: &str) -> bool {
    let StatementRecord { class, reads, .. } = statement;
    let lies_in = |name: &String| match to.strip_suffix('*').filter(|schema| schema.ends_with('.')) {
        Some(schema) => name.starts_with(schema),
        None => name == to,
    };
    // A name that the detectors have masked is not told.
    let is_masked = |name: &String| name.contains('[');
    matches!(class.as_str(), "read" | "show") && reads.iter().any(|name| lies_in(name) || is_masked(name))
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
    decided: &Decided<'_>,
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
    if let Some(detail) = contradiction(decided.opening, granted, &trail) {
        report.altered(at, Wrong::Contradiction, detail);
        return;
    }
    if trail.trail.steps().last().is_some_and(|granted| is_long_before(decided.at, &granted.at)) {
        report.altered(
            at,
            Wrong::Contradiction,
            "it was decided by leave to read that was granted later only",
        );
        return;
    }
    if ended_by_a_reviewer(archive, granted, report).is_some_and(|ended| is_long_before(&ended, decided.at)) {
        report.altered(at, Wrong::Contradiction, "it was decided by leave to read that a reviewer had ended");
    }
}

/// When a reviewer has ended it; none where nobody has, and where no step of an approval has granted it.
fn ended_by_a_reviewer(
    archive: &dyn Archive,
    granted: &GrantedRecord,
    report: &mut Report,
) -> Option<String> {
    let (key, ObjectKind::Approval { step }) = RecordKey::parse(&granted.granted)? else { return None };
    let next = key.object(ObjectKind::Approval { step: step.saturating_add(1) });
    if !archive.read(&next).is_ok_and(|object| object.is_some()) {
        return None;
    }
    let ApprovalStep { what, at, .. } = read::<ApprovalStep>(archive, &next, report)?.record;
    matches!(what, StepRecord::Ended { .. }).then_some(at)
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

/// What is decided while a reviewer ends the leave to read that it is decided by may be recorded a moment later, by another clock.
const A_MOMENT: Duration = Duration::from_secs(60);

fn is_long_before(first: &str, then: &str) -> bool {
    match (first.parse::<Timestamp>(), then.parse::<Timestamp>()) {
        (Ok(first), Ok(then)) => then > first.after(A_MOMENT),
        // What cannot be read is told where it lies.
        (Ok(_) | Err(_), _) => false,
    }
}
