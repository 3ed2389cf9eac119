//! What auditors ask: exchanges are found by all that they are of, and each look is kept once.

use bytes::Bytes;
use domain::{ExchangeNumber, Timestamp};
use gateway::ports::{Among, Indexed, Stretch, Written};
use recording::{
    Closing, ClosingOutcome, ContextRecord, ObjectKind, Opening, PrincipalRecord, PromptRecord, RecordKey,
    RefusalRecord, StatementRecord, Timings, encode,
};
use tokio::task::JoinSet;

use super::{Store, Two, handle, session, somebody};

/// A look under its key is there once it was kept, and another under the same key is none.
pub async fn a_look_is_kept_once(two: &Two) {
    let key = format!("looks/v1/dt=2026-11-23/20261123T150000000000Z-{}.json", session());
    let keep = |store: &Store, text: &'static [u8]| {
        let (looks, key) = (store.looks.clone(), key.clone());
        async move { looks.keep_look(&key, Bytes::from_static(text)).await }
    };
    let kept = keep(&two.first, b"one").await.unwrap();
    assert!(matches!(kept, Written::Kept(receipt) if receipt.digest() == recording::digest_of(b"one")));
    for store in [&two.first, &two.second] {
        assert!(matches!(keep(store, b"other").await.unwrap(), Written::Taken));
    }
    for key in ["keys/master", "records/v1/dt=2026-11-23/x.json"] {
        assert!(two.first.looks.keep_look(key, Bytes::from_static(b"x")).await.is_err(), "{key}");
    }
}

/// One auditor's looks of an hour are bounded, whoever counts them, and nobody else's.
pub async fn looks_of_an_hour_are_counted_by_auditor(two: &Two) {
    let (sven, rosa) = (somebody().key(), {
        let mut other = somebody();
        other.subject = "somebody-else".to_owned();
        other.key()
    });
    let at = |text: &str| format!("2026-11-23T{text}Z").parse::<Timestamp>().unwrap();
    let seconds = std::time::Duration::from_secs;
    for (store, auditor, moment, expected) in [
        (&two.first, &sven, "15:00:00", None),
        (&two.second, &sven, "15:10:00", None),
        (&two.first, &sven, "15:59:59", None),
        (&two.second, &sven, "15:59:59", Some(seconds(1))),
        (&two.first, &sven, "15:20:00", Some(seconds(2400))),
        (&two.first, &rosa, "15:59:59", None),
        (&two.first, &sven, "16:00:00", None),
    ] {
        let counted = store.looks.count_look(auditor, 3, at(moment)).await.unwrap();
        assert_eq!(counted, expected, "{moment}");
    }
    let mut at_once = JoinSet::new();
    for store in [&two.first, &two.second].into_iter().cycle().take(20) {
        let (looks, rosa, moment) = (store.looks.clone(), rosa.clone(), at("17:00:00"));
        at_once.spawn(async move { looks.count_look(&rosa, 5, moment).await });
    }
    let counted = at_once.join_all().await;
    assert_eq!(counted.iter().filter(|counted| matches!(counted, Ok(None))).count(), 5);
}

/// An exchange that was recorded.
struct Asked<'a> {
    opened: &'a str,
    person: Option<&'a str>,
    agent: &'a str,
    decision: &'a str,
    is_refused: bool,
    table: &'a str,
}

/// Keeps its opening, and its closing unless it waits.
async fn record(store: &Store, key: &RecordKey, asked: &Asked<'_>, is_closed: bool) {
    let Asked { opened, person, agent, decision, is_refused, table } = asked;
    let mut identity = somebody();
    identity.agent = domain::Agent::new(*agent);
    identity.person = person.map(domain::Person::new);
    let opening = serde_json::json!({
        "v": 1,
        "exchange": key.exchange.to_string(),
        "opened": opened,
        "door": "sqlapi",
        "handle": handle().to_string(),
        "children": [],
        "principal": PrincipalRecord::from(&identity),
        "prompt": PromptRecord::new(None, domain::PromptGrade::P0),
        "sql": "select 1",
        "digest": format!("hmac-sha256:{}", "0".repeat(64)),
        "sealed": false,
        "context": ContextRecord::from(&domain::Context::default()),
        "bindings": [],
        "statements": [],
        "decision": decision,
        "rules": [],
        "bundle": format!("sha256:{}", "0".repeat(64)),
        "catalog": format!("sha256:{}", "0".repeat(64)),
        "hold": null,
    });
    let mut opening: Opening = serde_json::from_value(opening).unwrap();
    opening.statements = vec![StatementRecord {
        class: "read".into(),
        kind: "select".into(),
        reads: vec![(*table).to_owned()],
        writes: Vec::new(),
        tests: Vec::new(),
        functions: Vec::new(),
        why: None,
    }];
    let (bytes, digest) = encode(&opening).unwrap();
    store.recorder.open(key, Bytes::from(bytes), Bytes::from_static(b"sealed")).await.unwrap();
    if is_closed {
        let refusal = RefusalRecord {
            reason: "denied".into(),
            message: "no".into(),
            retry_after: None,
            scopes: vec![],
        };
        let outcome = if *is_refused { ClosingOutcome::Refused(refusal) } else { ClosingOutcome::Rows {} };
        let closing = Closing {
            v: 1,
            exchange: key.exchange.to_string(),
            closed: (*opened).to_owned(),
            opening: digest.to_string(),
            approval: None,
            outcome,
            parts: Vec::new(),
            findings: Vec::new(),
            timings: Timings::default(),
        };
        let (bytes, _) = encode(&closing).unwrap();
        store.recorder.keep(key, ObjectKind::Closing, Bytes::from(bytes)).await.unwrap();
    }
}

/// What is closed is found by all that it is of and by nothing else, oldest first, in as many answers as it takes, across months; what
/// waits is found by its session alone. `tell` tells the index of an exchange whose closing is kept.
pub async fn what_is_closed_is_found_by_all_that_it_is_of(two: &Two, tell: &(dyn Fn(&RecordKey) + Sync)) {
    let at = |day: &str, session, number| {
        let number = ExchangeNumber::new(number).unwrap();
        RecordKey::new(day, domain::ExchangeId { session, number })
    };
    let (first, second) = (session(), session());
    let (person, agent, table) = (
        format!("Ana-{first}@acme.example"),
        format!("Claude-{first}"),
        format!("DB.PUBLIC.T_{first}").to_uppercase(),
    );
    let asked = |opened, decision, is_refused| Asked {
        opened,
        person: Some(&person),
        agent: &agent,
        decision,
        is_refused,
        table: &table,
    };
    let (january, december) = ("2031-01-01T00:00:00.000000Z", "2030-12-31T23:59:59.999999Z");
    let told = [
        (at("2030-12-31", first, 1), asked("2030-12-31T10:00:00.000000Z", "allow", false)),
        (at("2030-12-31", second, 1), asked("2030-12-31T10:00:00.000000Z", "refuse", true)),
        (at("2030-12-31", first, 2), asked(december, "hold", true)),
        (at("2031-01-01", first, 3), asked(january, "hold", false)),
    ];
    for (key, asked) in &told {
        record(&two.first, key, asked, true).await;
        tell(key);
    }
    let waits = at("2031-01-01", first, 4);
    record(&two.first, &waits, &asked("2031-01-01T09:00:00.000000Z", "hold", false), false).await;
    let stranger = Asked {
        person: None,
        agent: "claude",
        table: "DB.PUBLIC.OTHER",
        ..asked("2030-12-31T11:00:00.000000Z", "allow", false)
    };
    let strangers = at("2030-12-31", second, 2);
    record(&two.first, &strangers, &stranger, true).await;
    tell(&strangers);

    let moment = |text: &str| text.parse::<Timestamp>().unwrap();
    let stretch = |from: &str, to: &str| Stretch { from: moment(from), to: moment(to) };
    let all = stretch("2030-12-01T00:00:00Z", "2031-02-01T00:00:00Z");
    let found = async |among: &Among, stretch, limit| {
        let mut found: Vec<Indexed> = Vec::new();
        loop {
            let some = two.second.index.indexed(among, stretch, found.last(), limit).await.unwrap();
            assert_eq!(some.unreadable, 0);
            let is_over = some.found.len() < limit;
            found.extend(some.found);
            if is_over {
                break found;
            }
        }
    };
    let mut expected: Vec<Indexed> =
        told.iter().map(|(key, asked)| Indexed { opened: moment(asked.opened), key: key.clone() }).collect();
    expected.sort();
    for among in [
        Among::Person(person.to_uppercase()),
        Among::Agent(agent.to_lowercase()),
        Among::Table(table.clone()),
        // As people type it.
        Among::Table(table.to_lowercase()),
    ] {
        for limit in [1, 3, 100] {
            assert_eq!(found(&among, all, limit).await, expected, "{among:?}, {limit} at once");
        }
        // From the first moment of a stretch, and not the one at its end.
        let year = stretch("2030-01-01T00:00:00Z", january);
        assert_eq!(found(&among, year, 100).await, expected[..3], "{among:?}");
        assert_eq!(found(&among, stretch(january, "2031-01-02T00:00:00Z"), 100).await, expected[3..]);
        assert_eq!(found(&among, stretch(december, january), 2).await, expected[2..3]);
    }
    let ours = |found: Vec<Indexed>| -> Vec<RecordKey> {
        let is_ours = |key: &RecordKey| [first, second].contains(&key.exchange.session);
        found.into_iter().map(|one| one.key).filter(is_ours).collect()
    };
    let day = stretch("2030-12-31T00:00:00Z", january);
    let refused = ours(found(&Among::Refused, day, 100).await);
    assert_eq!(refused, [told[1].0.clone(), told[2].0.clone()]);
    assert_eq!(ours(found(&Among::Held, day, 100).await), [told[2].0.clone()]);
    for nobodys in ["", "#", "ana", &format!("{person}#2030-12"), &format!("x#{person}")] {
        assert_eq!(found(&Among::Person(nobodys.into()), all, 10).await, [], "{nobodys}");
        assert_eq!(found(&Among::Table(nobodys.into()), all, 10).await, [], "{nobodys}");
    }

    let of = async |from: u32, limit| {
        two.second.index.of_session(first, ExchangeNumber::new(from).unwrap(), limit).await.unwrap()
    };
    let whole: Vec<RecordKey> = [&told[0].0, &told[2].0, &told[3].0, &waits].map(Clone::clone).to_vec();
    assert_eq!(of(1, 10).await, whole, "what waits is there, too");
    assert_eq!(of(2, 2).await, whole[1..3]);
    assert_eq!(of(5, 10).await, []);
    assert_eq!(two.first.index.of_session(session(), ExchangeNumber::FIRST, 10).await.unwrap(), []);
}
