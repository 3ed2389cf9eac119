//! Checking evidence: that grades are what their witnesses come to, and that what came late belongs where it lies.

use super::exchange::{is_moment, read};
use super::{Archive, Found, Report, Wrong};
use crate::envelope::Stored;
use crate::evidence::{LateEvidence, WitnessRecord, weigh};
use crate::key::{ObjectKind, RecordKey};
use crate::opening::Opening;

/// Checks the opening's evidence, and what came late.
pub(super) fn check(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    opening: &Stored<Opening>,
    report: &mut Report,
) {
    let prompt = &opening.record.prompt;
    if !prompt.witnesses.is_empty() {
        let at = key.object(ObjectKind::Opening);
        match weigh(prompt.declared, &prompt.witnesses, false) {
            Some((grade, _)) if grade.as_str() == prompt.grade => {}
            Some(_) => {
                report.altered(at, Wrong::Contradiction, "the grade is not what its witnesses come to")
            }
            None => report.altered(at, Wrong::Unreadable, "a witness has a word that is none"),
        }
    }
    let (mut known, mut was_otherwise) = (prompt.witnesses.clone(), false);
    for (expected, step) in (0..).zip(&found.evidence) {
        if *step != expected {
            let detail = format!("late evidence {expected} is missing");
            report.altered(key.to_string(), Wrong::Gap, detail);
            return;
        }
        let at = key.object(ObjectKind::Evidence { step: *step });
        if let Some(late) = read::<LateEvidence>(archive, &at, report) {
            check_late(&at, key, *step, opening, &late.record, report);
            let is_there =
                |one: &WitnessRecord| late.record.witnesses.iter().any(|w| w.channel == one.channel);
            if !known.iter().all(is_there) {
                let detail = "it leaves out a channel that had witnessed the prompt before";
                report.altered(&at, Wrong::Contradiction, detail);
            }
            if was_otherwise && !late.record.otherwise {
                let detail = "it leaves out that the same was asked with another prompt";
                report.altered(&at, Wrong::Contradiction, detail);
            }
            was_otherwise = late.record.otherwise;
            known = late.record.witnesses;
        }
    }
}

fn check_late(
    at: &str,
    key: &RecordKey,
    step: u32,
    opening: &Stored<Opening>,
    late: &LateEvidence,
    report: &mut Report,
) {
    if late.exchange != key.exchange.to_string() || late.step != step || !is_moment(&late.at) {
        report.altered(at, Wrong::Misplaced, "this evidence belongs to another exchange, number or moment");
    }
    if late.opening != opening.digest.to_string() {
        report.altered(at, Wrong::OpeningDigest, "this evidence was written for another opening");
    }
    match weigh(late.declared, &late.witnesses, late.otherwise) {
        Some((grade, findings)) if grade.as_str() == late.grade && findings == late.findings => {}
        Some(_) => {
            report.altered(at, Wrong::Contradiction, "grade or findings are not what the witnesses come to");
        }
        None => report.altered(at, Wrong::Unreadable, "a witness has a word that is none"),
    }
}
