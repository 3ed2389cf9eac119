//! Checking one exchange: its opening, its sealed text, its closing.

use domain::Timestamp;
use serde::de::DeserializeOwned;

use super::{Archive, Found, Report, Wrong, access, approvals, evidence, pages, standing};
use crate::closing::{Closing, ClosingOutcome};
use crate::envelope::{FormatError, Stored, decode, digest_of};
use crate::key::{ObjectKind, RecordKey};
use crate::opening::Opening;
use crate::trail::Trail;

/// Checks everything of one exchange; its opening, where that can be read.
pub(super) fn check(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    now: Timestamp,
    report: &mut Report,
) -> Option<Opening> {
    let opening_key = key.object(ObjectKind::Opening);
    if !found.opening {
        report.altered(
            opening_key,
            Wrong::OpeningMissing,
            "other objects of this exchange are here, its opening is not",
        );
        return None;
    }
    let opening = read::<Opening>(archive, &opening_key, report);
    if let Some(opening) = &opening {
        check_opening(&opening_key, key, &opening.record, report);
        access::check(archive, &opening_key, &opening.record, report);
        check_sealed(archive, key, found, &opening.record, report);
        evidence::check(archive, key, found, opening, report);
    }
    let trail = opening.as_ref().and_then(|opening| approvals::check(archive, key, found, opening, report));
    if let (Some(opening), Some(trail)) = (&opening, &trail) {
        access::check_steps(archive, key, &opening.record, trail, report);
    }
    standing::check(archive, key, found, trail.as_ref(), report);
    if found.closing {
        check_closing(archive, key, found, opening.as_ref(), trail.as_ref(), report);
    } else {
        check_open(archive, key, found, opening.as_ref(), trail.as_ref(), now, report);
    }
    opening.map(|opening| opening.record)
}

fn check_opening(at: &str, key: &RecordKey, opening: &Opening, report: &mut Report) {
    let opened = opening.opened.parse::<Timestamp>();
    let is_here = opening.exchange == key.exchange.to_string()
        && opened.is_ok_and(|opened| opened.day() == key.day && opened.to_string() == opening.opened);
    if !is_here {
        report.altered(at, Wrong::Misplaced, "this opening belongs to another exchange or day");
    }
    let decision = opening.decision.as_str();
    if !["allow", "hold", "refuse"].contains(&decision) || (decision == "hold") != opening.hold.is_some() {
        report.altered(at, Wrong::Contradiction, "the decision is none, or its hold does not belong to it");
    }
    // Only what was refused, whatever it says, may be recorded by its head.
    let is_told = !(opening.bindings.is_empty() && opening.statements.is_empty());
    if opening.sql_length.is_some() && (decision != "refuse" || is_told) {
        report.altered(at, Wrong::Contradiction, "the text is cut, although it was not refused unread");
    }
}

/// The sealed text is ciphertext: that it is the one that was sealed is what can be told of it without a key.
fn check_sealed(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    opening: &Opening,
    report: &mut Report,
) {
    let at = key.object(ObjectKind::Sealed);
    match (opening.sealed, found.sealed) {
        (false, false) => {}
        (false, true) => {
            report.altered(at, Wrong::SealedUnknown, "the opening tells of no sealed text, and here is one")
        }
        (true, false) => report.incomplete(at, Wrong::SealedMissing, "the sealed exact text is not here"),
        (true, true) => {
            // The first records of version 1 do not carry its digest.
            let Some(digest) = &opening.sealed_digest else { return };
            if let Some(object) = read_object(archive, &at, report)
                && digest_of(&object).to_string() != *digest
            {
                report.altered(at, Wrong::SealedDigest, "the sealed text is not the one that was sealed");
            }
        }
    }
}

/// For how long what was opened may be under way: longer than any statement runs, and than it takes to be closed as lost.
const UNDER_WAY: i64 = 60 * 60 * 1_000_000;

/// By how much the clock of whoever verifies may be behind.
const SKEW: i64 = 5 * 60 * 1_000_000;

/// Whether that moment is so near that what began then may be under way.
fn is_recent(moment: &str, now: Timestamp) -> bool {
    moment.parse().is_ok_and(|begun: Timestamp| {
        let age = now.as_micros().saturating_sub(begun.as_micros());
        (-SKEW..UNDER_WAY).contains(&age)
    })
}

/// An exchange without a closing: one whose approval waits and is not over is as it should be, and what has only just begun may
/// be.
fn check_open(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    opening: Option<&Stored<Opening>>,
    trail: Option<&Trail>,
    now: Timestamp,
    report: &mut Report,
) {
    let at = key.object(ObjectKind::Closing);
    let held = opening.and_then(|opening| opening.record.hold.as_ref());
    let approval = trail.and_then(Trail::approval);
    let detail = match (held, approval) {
        (_, Some(approval)) if approval.state().is_final() => {
            if let Some(last) = trail.and_then(|trail| trail.steps().last())
                && is_recent(&last.at, now)
            {
                let state = approval.state().as_str();
                let detail = format!("its approval is {state} since {}: it may be under way", last.at);
                report.note(at, Wrong::NotClosed, detail);
                pages::check_unreleased(archive, key, found.pages.iter(), report);
                return;
            }
            format!(
                "its approval is {}, and the exchange was never closed, or is still under way",
                approval.state().as_str()
            )
        }
        (_, Some(approval)) => {
            let (state, lapses) = (approval.state().as_str(), approval.lapses());
            let is_of_result = trail.is_some_and(Trail::is_of_result);
            if now < lapses && (found.pages.is_empty() || is_of_result) {
                report.note(at, Wrong::NotClosed, format!("its approval is {state} until {lapses}"));
                pages::check_unreleased(archive, key, found.pages.iter(), report);
                return;
            }
            format!("its approval was {state} until {lapses}, and the exchange was never closed")
        }
        (Some(hold), None) => {
            format!("the exchange is held for a person until {}, or was never closed", hold.expires)
        }
        (None, None) if opening.is_some_and(|opening| is_recent(&opening.record.opened, now)) => {
            let opened = opening.map_or("", |opening| opening.record.opened.as_str());
            let detail = format!("opened at {opened} and not closed yet: it may be under way");
            report.note(at, Wrong::NotClosed, detail);
            pages::check_unreleased(archive, key, found.pages.iter(), report);
            return;
        }
        (None, None) => "the exchange was opened and never closed, or is still under way".to_owned(),
    };
    report.incomplete(at, Wrong::NotClosed, detail);
    pages::check_unreleased(archive, key, found.pages.iter(), report);
}

fn check_closing(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    opening: Option<&Stored<Opening>>,
    trail: Option<&Trail>,
    report: &mut Report,
) {
    let at = key.object(ObjectKind::Closing);
    let Some(closing) = read::<Closing>(archive, &at, report) else { return };
    let closing = closing.record;
    if closing.exchange != key.exchange.to_string() {
        report.altered(&at, Wrong::Misplaced, "this closing belongs to another exchange");
    }
    if !is_moment(&closing.closed) {
        report.altered(&at, Wrong::Unreadable, "the closing does not tell when it was written");
    }
    if let Some(opening) = opening {
        if closing.opening != opening.digest.to_string() {
            report.altered(&at, Wrong::OpeningDigest, "the closing was written for another opening");
        }
        check_outcome(&at, &opening.record, &closing, report);
        access::check_closing(archive, &at, &opening.record, trail, &closing, report);
        if let Some(trail) =
            trail.filter(|trail| opening.record.decision == "hold" || !trail.steps().is_empty())
        {
            approvals::check_closing(&at, trail, &closing, report);
        }
    }
    pages::check(archive, key, found, &closing, report);
}

/// What came of it must be what the decision allowed.
fn check_outcome(at: &str, opening: &Opening, closing: &Closing, report: &mut Report) {
    match closing.outcome {
        ClosingOutcome::Rows {} => {
            // Of what was held its approval tells.
            if opening.decision == "refuse" {
                let detail = format!("the decision was `{}`, and rows were released", opening.decision);
                report.altered(at, Wrong::Contradiction, detail);
            }
            let handles = match opening.children.as_slice() {
                [] => std::slice::from_ref(&opening.handle),
                children => children,
            };
            if closing.parts.len() != handles.len() {
                let detail =
                    format!("{} statements were asked and {} answered", handles.len(), closing.parts.len());
                report.altered(at, Wrong::Count, detail);
            }
            if closing.parts.iter().zip(handles).any(|(part, handle)| part.handle != *handle) {
                let detail = "a result has another handle than its statement";
                report.altered(at, Wrong::Contradiction, detail);
            }
        }
        ClosingOutcome::Refused(_) | ClosingOutcome::Failed(_) | ClosingOutcome::Lost { .. } => {
            if !closing.parts.is_empty() {
                let detail = format!("it ended as `{}`, and tells of results", closing.outcome.as_str());
                report.altered(at, Wrong::Contradiction, detail);
            }
        }
    }
}

/// Whether this is a moment as records write it.
pub(super) fn is_moment(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok_and(|moment| moment.to_string() == text)
}

/// The record in an object that was listed.
pub(super) fn read<T: DeserializeOwned>(
    archive: &dyn Archive,
    key: &str,
    report: &mut Report,
) -> Option<Stored<T>> {
    let object = read_object(archive, key, report)?;
    match decode(&object) {
        Ok(stored) => Some(stored),
        Err(error) => {
            let what = match error {
                FormatError::Digest => Wrong::Digest,
                FormatError::Unreadable => Wrong::Unreadable,
            };
            report.altered(key, what, error.to_string());
            None
        }
    }
}

/// The bytes of an object that was listed.
pub(super) fn read_object(archive: &dyn Archive, key: &str, report: &mut Report) -> Option<Vec<u8>> {
    match archive.read(key) {
        Ok(Some(object)) => Some(object),
        Ok(None) => {
            report.incomplete(key, Wrong::Unreadable, "the object vanished while it was read");
            None
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            report.incomplete(key, Wrong::Unreadable, format!("{error}: {cause}"));
            None
        }
    }
}
