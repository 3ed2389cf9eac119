//! What auditors are answered when AWS fails or lies: nothing that is not there, and no look that is not kept.

use std::time::Duration;

use aws::{Index, IndexRow};
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use domain::{ExchangeId, ExchangeNumber};
use gateway::Retry;
use gateway::ports::{Among, Index as _, Looks as _, Stretch, Written};
use recording::{ExchangeObjects, ExchangeRow, RecordKey};

use crate::moto::Spoil;
use crate::stores::Account;

const SLOW_DOWN: Spoil = Spoil::Refused(
    503,
    "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>",
);
const THROTTLED: Spoil = Spoil::Refused(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
);

fn key(look: &str) -> String {
    format!("looks/v1/dt=2026-11-23/20261123T150000000000Z-{look}.json")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_is_kept_although_the_answer_is_lost_and_is_a_fault_when_it_is_not() {
    let Some(account) = Account::new().await else { return };
    let audited = account.audited(&account.moto.clients());
    let keep = async |look: &str| audited.keep_look(&key(look), Bytes::from_static(b"look")).await;
    let at = format!("/{}/looks/", account.records);
    account.moto.spoil(&at, 1, Spoil::Lost);
    assert!(matches!(keep("one").await.unwrap(), Written::Kept(_)));
    assert_eq!(account.moto.unspoil(&at), 0, "the answer was lost");
    account.moto.spoil(&at, u32::MAX, SLOW_DOWN);
    let fault = keep("two").await.unwrap_err();
    assert_eq!((fault.retry, fault.public.as_str()), (Retry::Soon, "the recordings cannot be written"));
    assert!(account.moto.unspoil(&at) > 0);
    assert!(matches!(keep("two").await.unwrap(), Written::Kept(_)), "nobody has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_fails_is_no_empty_index_and_what_nobody_can_read_is_counted() {
    let Some(account) = Account::new().await else { return };
    let clients = account.moto.clients();
    let audited = account.audited(&clients);
    let stretch = Stretch {
        from: "2026-11-01T00:00:00Z".parse().unwrap(),
        to: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    let find = async || audited.indexed(&Among::Person("Ana".into()), stretch, None, 2).await;
    for (spoiling, public) in
        [(THROTTLED, "the index cannot be read"), (Spoil::Refused(500, ""), "the index cannot be read")]
    {
        account.moto.spoil(&account.index, u32::MAX, spoiling);
        let fault = find().await.unwrap_err();
        assert_eq!((fault.retry, fault.public.as_str()), (Retry::Soon, public));
        let session = ExchangeId { session: conformance::session(), number: ExchangeNumber::FIRST };
        assert!(audited.of_session(session.session, session.number, 5).await.is_err());
        assert!(account.moto.unspoil(&account.index) > 0);
    }
    // More than one answer's worth of what somebody else has put there.
    for number in 1..=5 {
        let put = clients.dynamodb().put_item().table_name(&account.index);
        let put = put
            .item("pk", AttributeValue::S("person#ana#2026-11".into()))
            .item("sk", AttributeValue::S(format!("2026-11-0{number}T00:00:00.000000Z#nobody")));
        put.send().await.unwrap();
    }
    let told = find().await.unwrap();
    assert_eq!((told.found.len(), told.unreadable), (0, 5));
}

/// The row of an exchange that touches these, opened in that second.
async fn touching(index: &Index, second: u32, reads: Vec<String>) -> ExchangeId {
    let exchange = ExchangeId { session: conformance::session(), number: ExchangeNumber::FIRST };
    let nothing = ExchangeObjects::<Vec<u8>> { opening: None, closing: None, steps: &[], evidence: &[] };
    let row = ExchangeRow {
        opened: Some(format!("2026-11-{second:02}T12:00:00.000000Z")),
        closed: Some(format!("2026-11-{second:02}T12:00:01.000000Z")),
        outcome: "rows".to_owned(),
        reads,
        ..ExchangeRow::new(&exchange, &nothing)
    };
    let key = RecordKey::new(format!("2026-11-{second:02}"), exchange);
    let row = IndexRow::new(&key, &row, (2, 0)).unwrap().unwrap();
    index.write(&row, conformance::NOON, Duration::from_secs(90 * 24 * 60 * 60)).await.unwrap();
    exchange
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_touches_many_objects_lies_in_order_among_what_touches_the_one() {
    let Some(account) = Account::new().await else { return };
    let clients = account.moto.clients();
    let (audited, index) = (account.audited(&clients), Index::new(&clients, &account.index));
    let mut expected = Vec::new();
    for second in 1..=9 {
        let wanted = ["HR.PUBLIC.SALARIES".to_owned()];
        let others = (0..if second % 3 == 0 { 60 } else { 3 }).map(|nr| format!("A.B.T{nr:02}"));
        expected.push(touching(&index, second, others.chain(wanted).collect()).await);
        touching(&index, second, vec!["A.B.T01".to_owned()]).await;
    }
    let stretch = Stretch {
        from: "2026-11-01T00:00:00Z".parse().unwrap(),
        to: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    // As recorded, and as it is typed.
    for name in ["HR.PUBLIC.SALARIES", "hr.public.Salaries"] {
        for limit in [1, 2, 4, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let among = Among::Table(name.to_owned());
                let told = audited.indexed(&among, stretch, after.as_ref(), limit).await.unwrap();
                assert!(told.found.len() <= limit && told.unreadable == 0);
                after = told.found.last().cloned();
                found.extend(told.found.iter().map(|one| one.key.exchange));
                if told.found.len() < limit {
                    break;
                }
            }
            assert_eq!(found, expected, "{name} by {limit}: each once, in order");
        }
    }
}
