//! What is left of an exchange whose process died between its opening and its beginning.

use std::collections::BTreeSet;

use domain::{Agent, Identity, Person, Timestamp};
use recording::{Opening, RecordKey, Stored};

use crate::live::{Live, ShownErrors, Stage};

/// The state in which such an exchange is carried on, by what its opening tells: opened, and not known to have reached
/// upstream. Whoever carries it on closes it as lost. None where the opening is not the one of that key.
pub fn orphan(key: &RecordKey, opening: &Stored<Opening>) -> Option<Live> {
    let Stored { record: opening, digest } = opening;
    if opening.exchange != key.exchange.to_string() {
        return None;
    }
    let opened: Timestamp = opening.opened.parse().ok()?;
    let identity = Identity {
        issuer: opening.principal.issuer.clone(),
        subject: opening.principal.subject.clone(),
        agent: Agent::new(opening.principal.agent.clone()),
        person: opening.principal.person.clone().map(Person::new),
        groups: BTreeSet::new(),
        scopes: BTreeSet::new(),
        token_id: None,
        expires_at: opened,
    };
    Some(Live {
        day: key.day.clone(),
        exchange: opening.exchange.clone(),
        principal: identity.key().as_str().to_owned(),
        handle: opening.handle.clone(),
        children: opening.children.clone(),
        opened_us: opened.as_micros(),
        opening: digest.to_string(),
        bundle: Some(opening.bundle.clone()),
        // INVARIANT: nothing can be released from this: no plan, no rows, no bytes.
        parts: Vec::new(),
        error_text: ShownErrors::None,
        // What may have run and does not tell has failed; what an earlier version wrote may be hidden.
        hidden_failure: opening.hides_failure.unwrap_or(opening.decision != "refuse"),
        tier: "read".to_owned(),
        row_limit: 0,
        byte_limit: 0,
        timeout_us: None,
        touched: Vec::new(),
        reads: Vec::new(),
        writes: Vec::new(),
        findings: Vec::new(),
        upstream_us: 0,
        masking_us: 0,
        troubled_us: None,
        approval: None,
        access: Vec::new(),
        kept: None,
        row_ceiling: 0,
        byte_ceiling: 0,
        stage: Stage::Opened,
    })
}
