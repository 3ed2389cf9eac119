//! What is left of an exchange whose process died before anything but its claim and its opening was stored.

use std::collections::BTreeSet;

use domain::{Agent, Class, Identity, Person, Tier, Timestamp};
use recording::{Closing, ClosingOutcome, Opening, RecordKey, Stored};

use crate::live::{Live, LiveAccess, ShownErrors, Stage};

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
        tier: tier(opening).as_str().to_owned(),
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
        access: access(opening)?,
        kept: None,
        row_ceiling: 0,
        byte_ceiling: 0,
        terms: None,
        stage: Stage::Opened,
    })
}

/// The same where its closing is kept: it has ended, and is shown as the closing tells. `terms` is what its claim has kept of the
/// terms that it was answered under ([`Claim::terms`](crate::ports::Claim)).
pub fn orphan_that_ended(
    key: &RecordKey,
    opening: &Stored<Opening>,
    closing: &Closing,
    terms: Option<String>,
) -> Option<Live> {
    let live = orphan(key, opening)?;
    if closing.exchange != live.exchange || closing.opening != live.opening {
        return None;
    }
    Some(Live {
        // What else was told of it may have been a hidden failure.
        hidden_failure: live.hidden_failure && !matches!(closing.outcome, ClosingOutcome::Rows {}),
        upstream_us: closing.timings.upstream_us,
        // SECURITY: without its terms nothing can be compared, and what cannot be is not answered again.
        terms: Some(terms.unwrap_or_default()),
        stage: Stage::Closed,
        ..live
    })
}

/// What collecting it needs: the strictest that any of its statements may have run as.
fn tier(opening: &Opening) -> Tier {
    let class = |word: &str| Class::ALL.into_iter().find(|class| class.as_str() == word);
    let tiers = opening.statements.iter().map(|statement| class(&statement.class));
    tiers.map(|class| class.map_or(Tier::Define, policy::tier_of_class)).max().unwrap_or(Tier::Read)
}

/// Leave to read that it was decided by; none where an end cannot be read.
fn access(opening: &Opening) -> Option<Vec<LiveAccess>> {
    let used = opening.access.iter().filter(|granted| opening.rules.contains(&granted.rule()));
    used.map(|granted| {
        let until: Timestamp = granted.until.parse().ok()?;
        Some(LiveAccess { id: granted.approval.clone(), until_us: until.as_micros() })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use domain::{ExchangeId, PromptGrade};
    use recording::{PrincipalRecord, PromptRecord, Timings};
    use serde_json::{Value, json};

    use super::*;

    const SESSION: &str = "00000000000000000000000000000007";

    fn key() -> RecordKey {
        let exchange: ExchangeId = format!("{SESSION}/1").parse().unwrap();
        RecordKey::new("2026-11-23", exchange)
    }

    fn opening(classes: &[&str], more: &[(&str, Value)]) -> Stored<Opening> {
        let identity = Identity {
            issuer: "i".into(),
            subject: "s".into(),
            agent: Agent::new("a"),
            person: None,
            groups: BTreeSet::new(),
            scopes: BTreeSet::new(),
            token_id: None,
            expires_at: Timestamp::from_micros(0),
        };
        let statement =
            |class: &&str| json!({"class": class, "kind": "K", "reads": [], "writes": [], "tests": []});
        let mut opening = json!({
            "v": 1,
            "exchange": format!("{SESSION}/1"),
            "opened": "2026-11-23T15:00:00Z",
            "door": "sqlapi",
            "handle": "00000000-0000-0000-0000-000000000001",
            "children": [],
            "principal": PrincipalRecord::from(&identity),
            "prompt": PromptRecord::new(None, PromptGrade::P0),
            "sql": "select 1",
            "digest": format!("hmac-sha256:{}", "0".repeat(64)),
            "sealed": true,
            "context": {},
            "bindings": [],
            "statements": classes.iter().map(statement).collect::<Vec<_>>(),
            "decision": "allow",
            "rules": [],
            "hides_failure": true,
            "bundle": format!("sha256:{}", "0".repeat(64)),
            "catalog": format!("sha256:{}", "0".repeat(64)),
        });
        for (name, value) in more {
            opening[*name] = value.clone();
        }
        let record: Opening = serde_json::from_value(opening).unwrap();
        let digest = recording::encode(&record).unwrap().1;
        Stored { record, digest }
    }

    fn closing(opening: &Stored<Opening>, outcome: ClosingOutcome) -> Closing {
        Closing {
            v: 1,
            exchange: opening.record.exchange.clone(),
            closed: "2026-11-23T15:00:01Z".to_owned(),
            opening: opening.digest.to_string(),
            approval: None,
            outcome,
            parts: Vec::new(),
            findings: Vec::new(),
            timings: Timings { total_us: 3, upstream_us: 2, masking_us: 1 },
        }
    }

    #[test]
    fn collecting_it_needs_what_its_strictest_statement_needed() {
        for (classes, expected) in [
            (&["read"][..], "read"),
            (&["show", "write"], "write"),
            (&["write", "define", "read"], "define"),
            (&["of a later version"], "define"),
            (&[], "read"),
        ] {
            assert_eq!(orphan(&key(), &opening(classes, &[])).unwrap().tier, expected, "{classes:?}");
        }
    }

    #[test]
    fn what_it_was_let_see_for_a_while_ends_for_it_too() {
        let granted = |until: &str| json!([{"approval": "x", "granted": "g", "digest": "d", "to": "A.B.C", "until": until}]);
        let rules = ("rules", json!(["access:x"]));
        let with = |until, more: &[(&str, Value)]| {
            orphan(&key(), &opening(&["read"], &[&[("access", granted(until))], more].concat()))
        };
        let found = with("2026-11-24T00:00:00Z", std::slice::from_ref(&rules)).unwrap();
        assert_eq!(found.access.len(), 1);
        assert!(with("2026-11-24T00:00:00Z", &[]).unwrap().access.is_empty(), "another rule let it");
        assert!(with("some day", &[rules]).is_none(), "an end that nobody can read");
    }

    #[test]
    fn it_has_ended_by_its_own_closing_alone_and_without_terms_answers_nothing_again() {
        let opened = opening(&["read"], &[]);
        let rows = closing(&opened, ClosingOutcome::Rows {});
        let ended = orphan_that_ended(&key(), &opened, &rows, None).unwrap();
        assert!(ended.is_closed() && !ended.hidden_failure && !ended.is_found_again());
        assert_eq!((ended.upstream_us, ended.terms.as_deref()), (2, Some("")));
        let lost = closing(&opened, ClosingOutcome::Lost { why: "a test".into() });
        assert!(orphan_that_ended(&key(), &opened, &lost, None).unwrap().hidden_failure);
        let others = Closing { opening: format!("sha256:{}", "1".repeat(64)), ..rows.clone() };
        assert!(orphan_that_ended(&key(), &opened, &others, None).is_none());
        let others = Closing { exchange: format!("{SESSION}/2"), ..rows };
        assert!(orphan_that_ended(&key(), &opened, &others, None).is_none());
        assert!(orphan(&key(), &opened).unwrap().is_found_again());
    }
}
