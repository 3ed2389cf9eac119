//! Hidden failures: those of statements that touch what may not be seen in clear. They all look alike, and they count
//! against a budget that ends in hold ([`domain::Limits::hidden_failures_per_hour`]).
//!
//! Whether a statement fails, and how, can depend on the values that it touches; so a failure tells something of them, and
//! an agent that may fail as often as it likes reads a masked column bit by bit.

use domain::{Decision, Outcome, Refusal, RefusalCode, Ruling};
use policy::Bundle;
use recording::{FailureRecord, Finding};

use crate::live::Live;
use crate::ports::Prospect;
use crate::reading::Read;

/// The finding of a statement that has written and shows no answer.
const HAS_RUN: &str = "has_run";

/// How many statements that have run a finding names.
const MOST_IDS: usize = 16;

// What an agent is told of every hidden failure.
// SECURITY: one and the same for all of them, whatever has failed and where: upstream, on the way, here or by a limit.
// It must not depend on anything but that the statement failed.
const CODE: &str = "100183";
const SQLSTATE: &str = "22000";
/// The sentence that an agent is told of every hidden failure, and that its record tells.
pub const MESSAGE: &str = "the statement failed; it touches columns that are masked, so the reason is not shown (it may be \
    wrong, too slow or too large, or something broke). Try it without those columns; a security engineer finds \
    Snowflake's error code in the recording";

/// What stands behind it where the statement writes.
// SECURITY: it hangs on the statement alone, and not on what became of it.
const MAY_HAVE_WRITTEN: &str =
    ". It writes, and may have done so before it failed: look what is there before you ask it again";

/// What an agent is told of a hidden failure of a statement that writes, or does not.
fn message(is_a_write: bool) -> String {
    if is_a_write { format!("{MESSAGE}{MAY_HAVE_WRITTEN}") } else { MESSAGE.to_owned() }
}

/// Whether a failure of what was decided would be hidden: it may run, now or once a person has said yes, and touches
/// something that may not be seen in clear.
pub(crate) fn would_be_hidden(decision: &Decision) -> bool {
    match decision {
        Decision::Allow(grant) => grant.obligations.error_text.hides(),
        Decision::Hold(hold) => hold.grant.obligations.error_text.hides(),
        Decision::Refuse(_) => false,
    }
}

/// What this decision lets budgets expect.
pub(crate) fn prospect(decision: &Decision) -> Prospect {
    match decision {
        Decision::Allow(_) if would_be_hidden(decision) => Prospect::Hidden,
        Decision::Allow(_) | Decision::Refuse(_) => Prospect::Open,
        Decision::Hold(_) => Prospect::Waits,
    }
}

/// The ruling when the principal's hidden failures are spent.
pub(crate) fn held(bundle: &Bundle, read: &Read, rulings: &[Ruling]) -> Ruling {
    let statements: Vec<_> = read.statements.iter().map(|(_, statement)| statement).zip(rulings).collect();
    bundle.hold_for_failures(&statements)
}

/// The record of a hidden failure: as the agent is told, with Snowflake's id for whoever looks into it.
pub(crate) fn hidden(is_a_write: bool, query_id: Option<String>) -> FailureRecord {
    FailureRecord {
        code: CODE.to_owned(),
        sqlstate: SQLSTATE.to_owned(),
        message: message(is_a_write),
        query_id,
    }
}

/// What the recording tells of what has run to its end upstream, and whose answer is not shown: by Snowflake's own ids, the first of them.
pub(crate) fn has_run<'a>(query_ids: impl Iterator<Item = &'a str>) -> Finding {
    let ids: Vec<&str> = query_ids.take(MOST_IDS).collect();
    let detail = format!("it has run upstream ({}), and what it changes is changed", ids.join(", "));
    Finding { what: HAS_RUN.to_owned(), detail }
}

pub(crate) fn is_of_what_has_run(finding: &Finding) -> bool {
    finding.what == HAS_RUN
}

/// Notes a finding, where there is none of its kind.
pub(crate) fn note(live: &mut Live, finding: Finding) {
    if live.findings.iter().all(|known| known.what != finding.what) {
        live.findings.push(finding);
    }
}

/// What the recording tells of a failure upstream that the agent is not told.
// SECURITY: upstream's text may hold values, and a code that is none may be one.
pub(crate) fn finding_of(code: &str, sqlstate: &str) -> Finding {
    let is_code = |code: &str| {
        (1..=6).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    };
    let detail = if is_code(code) && is_code(sqlstate) {
        format!("upstream said {code}, SQLSTATE {sqlstate}")
    } else {
        "upstream gave a code that is none".to_owned()
    };
    Finding { what: "failed_upstream".to_owned(), detail }
}

/// The outcome of a hidden failure.
pub(crate) fn hidden_outcome(is_a_write: bool) -> Outcome {
    Outcome::Failed { code: CODE.to_owned(), sqlstate: SQLSTATE.to_owned(), message: message(is_a_write) }
}

/// Whether a refusal may be told although failures of its statement are hidden: what its own agent did tells it
/// nothing.
pub(crate) fn may_be_told(refused: &Refusal) -> bool {
    match refused.code {
        // Neither does when access ends, which says nothing of the values.
        RefusalCode::Cancelled | RefusalCode::AccessEnded => true,
        RefusalCode::Policy
        | RefusalCode::Denied
        | RefusalCode::Budget
        | RefusalCode::TooLarge
        | RefusalCode::Revoked
        | RefusalCode::Expired
        | RefusalCode::Contradiction
        | RefusalCode::RequestReused
        | RefusalCode::StatementCount
        | RefusalCode::Scope => false,
    }
}
