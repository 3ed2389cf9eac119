//! The auditors' part of the gateway over the stores of AWS: every way to look that there is, for `aws_rights`.

use std::sync::Arc;
use std::time::Duration;

use aws::{Audited, Clients, Index};
use domain::{Credential, ExchangeId, Timestamp};
use gateway::ports::{Among, Stretch};
use gateway::{Audit, AuditPorts, Auditor, By, Limit, Ports, Question, Replay, Wanted};
use serde_json::Value;

use crate::house::in_time;
use crate::rights::Names;

/// Looks at what was opened before that moment, by all keys of the index, and tells all of it again.
pub async fn every_look(clients: &Clients, names: &Names, ports: Ports, now: Timestamp) {
    let Names { state, index, records, pages, .. } = names;
    let store = Arc::new(Audited::new(clients, state, Index::new(clients, index), records, pages));
    let Ports { identities, exchanges, policies, clock, ids, .. } = ports;
    let audit = Audit::new(AuditPorts {
        identities,
        exchanges,
        index: store.clone(),
        recordings: store.clone(),
        looks: store,
        policies,
        clock,
        ids,
    });
    let auditor = in_time(audit.auditor(&Credential::new("ana".to_owned()))).await.unwrap();
    assert!(in_time(audit.whole_since(&auditor)).await.unwrap().unwrap() < now);

    let day: Timestamp = format!("{}T00:00:00Z", now.day()).parse().unwrap();
    let stretch = Stretch { from: day, to: day.after(Duration::from_secs(24 * 60 * 60)) };
    let mut found = Vec::new();
    for among in [
        Among::Person("ana@acme.example".to_owned()),
        Among::Agent("claude-finance".to_owned()),
        Among::Table("DEMO.PUBLIC.CUSTOMERS".to_owned()),
        Among::Refused,
        Among::Held,
    ] {
        let name = format!("{among:?}");
        // What is looked for is masked as the bundle in force says.
        let wanted = Wanted { text: Some("select".to_owned()), ..Wanted::default() };
        let told = search(&audit, &auditor, By::Among(among.clone(), stretch), wanted).await;
        assert_eq!(told["damaged"], Value::Array(Vec::new()), "{name}: {told}");
        let told = search(&audit, &auditor, By::Among(among, stretch), Wanted::default()).await;
        let some = told["exchanges"].as_array().unwrap();
        assert!(!some.is_empty() || name.contains("Agent"), "{name}: {told}");
        found.extend(some.iter().map(|row| row["exchange"].as_str().unwrap().to_owned()));
    }
    found.sort();
    found.dedup();
    for exchange in found {
        let ExchangeId { session, number } = exchange.parse().unwrap();
        let replay = Replay { session, only: Some(number), after: None };
        let answer = in_time(audit.replay(&auditor, &replay, None)).await.unwrap();
        assert_eq!(answer.shown(), 1, "{exchange}");
        let told = search(&audit, &auditor, By::Session(session), Wanted::default()).await;
        assert!(told.to_string().contains(&exchange), "{told}");
    }
}

async fn search(audit: &Audit, auditor: &Auditor, by: By, wanted: Wanted) -> Value {
    let question = Question { by, wanted, limit: Limit::MOST, after: None };
    let answer = in_time(audit.search(auditor, &question, None)).await.unwrap();
    serde_json::from_slice(&answer.into_body()).unwrap()
}
