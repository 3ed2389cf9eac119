//! What auditors are answered when AWS fails or lies: nothing that is not there, and no look that is not kept.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use domain::{ExchangeId, ExchangeNumber};
use gateway::Retry;
use gateway::ports::{Among, Index as _, Looks as _, Stretch, Written};

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
