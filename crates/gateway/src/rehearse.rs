//! A decision that nothing follows from: for the command line, and for whoever tries a policy out.

use std::sync::Arc;

use domain::{Access, Asked, Catalog, Identity, Refusal, RefusalCode, Ruling, SqlText, Statement, Timestamp};
use policy::{BatchRuling, Bundle};

use crate::access;
use crate::admission::TOO_BROAD;
use crate::approval::unless_untold;
use crate::breadth;
use crate::reading::{Read, decide, read_with, refusal};

/// What would be said of a statement or batch.
#[derive(Debug)]
pub struct Rehearsed {
    /// The statements, as they were read.
    pub statements: Vec<Statement>,
    /// What policy says of them.
    pub rulings: BatchRuling,
}

/// Reads and decides what is asked, as [`Gateway::ask`](crate::Gateway::ask) does; nothing is opened, run or recorded.
///
/// `earlier` are statements that ran before in the same session. They are read in front of what is asked, as one batch,
/// so that what they did to names, variables and tables counts; they are not decided on. A request for access is decided at `now`,
/// and for itself.
pub fn rehearse(
    bundle: &Bundle,
    identity: &Identity,
    asked: &Asked,
    earlier: &[String],
    catalog: Arc<Catalog>,
    now: Timestamp,
) -> Rehearsed {
    if let Some(request) = sql::access_request(asked.text.reveal(), &asked.context) {
        let read = access::read(asked, request.clone(), catalog);
        let rulings =
            access::rule_request(bundle, identity, asked, &read, &request, Access { now, grants: &[] });
        let statements = read.statements.into_iter().map(|(_, statement)| statement).collect();
        return Rehearsed { statements, rulings };
    }
    let mut text = String::new();
    for statement in earlier {
        text.push_str(statement);
        // The line feed ends a comment that the statement ends with.
        text.push_str("\n;\n");
    }
    let begins = text.len();
    text.push_str(asked.text.reveal());
    let own = asked.text.clone();
    let ranges = sql::split(&text);
    let asked = Asked { text: SqlText::new(text), ..asked.clone() };
    let mut statements = read_with(&asked, &catalog);
    let first = ranges.iter().take_while(|range| range.end <= begins).count();
    let runs_into = ranges.get(first).is_some_and(|range| range.start < begins);
    if ranges.len() > sql::MOST_STATEMENTS {
        let Refusal { code, mut message, .. } = breadth::too_many();
        if !earlier.is_empty() {
            message.push_str(" (those before it count here)");
        }
        return unread(refusal(bundle, TOO_BROAD, code, message));
    }
    // SECURITY: a string, comment or block that an earlier statement leaves open would hide what follows in it.
    if runs_into || statements.len() != ranges.len() {
        let message =
            "an earlier statement is not complete, so what follows it cannot be read; send each whole";
        let overall = refusal(bundle, "gateway:session-unreadable", RefusalCode::Policy, message.to_owned());
        return unread(overall);
    }
    let read = Read { statements: statements.split_off(first), catalog, request: None };
    let BatchRuling { overall, statements } = decide(bundle, identity, &asked, &read, Access::NONE);
    let rulings = BatchRuling { overall: unless_untold(bundle, &read, own.reveal(), overall), statements };
    Rehearsed { statements: read.statements.into_iter().map(|(_, statement)| statement).collect(), rulings }
}

/// What is decided of a text that nobody has read.
fn unread(overall: Ruling) -> Rehearsed {
    Rehearsed { statements: Vec::new(), rulings: BatchRuling { overall, statements: Vec::new() } }
}
