//! Approvals in a table of AWS: what every store must do, and what is a table's alone.

use std::sync::Arc;

use aws::{Approvals, Clients, Machine, Standings, Steps};
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use conformance::{Store, Two};
use domain::{ApprovalId, PrincipalKey};
use gateway::ports::{self, Standings as _, Written};
use gateway::{Fault, Retry};
use local::Home;
use recording::RecordKey;
use tempfile::TempDir;

use crate::moto::{Moto, Spoil, config_for};

fn store(home: &Home, clients: &Clients, table: &str) -> Store {
    let home = Arc::new(home.clone());
    let machine = Machine::new(clients, "arn:aws:states:us-east-1:123456789012:stateMachine:none", table);
    let exchanges: Arc<dyn ports::Approvals> = home.clone();
    Store {
        exchanges: home.clone(),
        standings: Arc::new(Standings::new(Steps::new(clients, table))),
        accesses: home.clone(),
        evidence: home.clone(),
        approvals: Arc::new(Approvals::new(Steps::new(clients, table), machine, exchanges)),
        recorder: home.clone(),
        recordings: home.clone(),
        index: home.clone(),
        looks: home.clone(),
        keys: home,
    }
}

async fn two(moto: &Moto, folder: &TempDir) -> Two {
    let path = folder.path().join("home");
    let table = moto.table().await;
    let one = || store(&Home::open(&path).unwrap(), &moto.clients(), &table);
    Two { first: one(), second: one() }
}

macro_rules! conforms {
    ($($port:ident: $($check:ident),* $(,)?;)*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let Some(moto) = Moto::get() else { return };
                let folder = tempfile::tempdir().unwrap();
                conformance::$port::$check(&two(moto, &folder).await).await;
            }
        )*)*
    };
}

conforms!(
    approvals:
    an_approval_is_found_by_its_id,
    what_waits_is_listed_until_it_runs,
    what_somebody_asked_is_told_the_latest_first,
    a_step_is_settled_once,
    of_equal_steps_one_is_settled,
    what_was_woken_is_looked_at;
    standings:
    a_standing_approval_is_found_by_its_principal_and_no_other,
    a_standing_approval_is_found_by_what_made_it,
    however_many_there_are_each_is_found_once,
    a_use_of_a_standing_approval_is_taken_once,
    its_steps_are_not_those_of_the_approval_that_made_it;
);

fn key() -> RecordKey {
    RecordKey::new("2026-11-23", format!("{}/1", "a".repeat(32)).parse().unwrap())
}

fn is_kept(written: Result<Written, Fault>) -> bool {
    matches!(written.unwrap(), Written::Kept(_))
}

#[tokio::test]
async fn a_step_is_kept_byte_for_byte_and_never_forgotten() {
    let Some(moto) = Moto::get() else { return };
    let table = moto.table().await;
    let steps = Steps::new(&moto.clients(), &table);
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert!(is_kept(steps.keep(&key(), 7, Bytes::from(bytes.clone())).await));
    assert_eq!(steps.read(&key(), 7).await.unwrap().unwrap(), bytes);
    assert_eq!(steps.read(&key(), 8).await.unwrap(), None);

    let found = moto.clients().dynamodb().scan().table_name(&table).send().await.unwrap();
    let item = &found.items()[0];
    let mut names: Vec<&str> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["bytes", "pk", "sk", "writer"], "nothing by which a table would forget it");
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    assert_eq!((text("pk"), text("sk")), (key().to_string().as_str(), "step#0007"));

    let long = steps.keep(&key(), 8, Bytes::from(vec![0; 400 * 1024])).await.unwrap_err();
    assert_eq!(long.retry, Retry::Never);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_still_its_writers_own() {
    let Some(moto) = Moto::get() else { return };
    let table = moto.table().await;
    let steps = Steps::new(&moto.clients(), &table);
    moto.spoil(&format!("\"TableName\":\"{table}\""), 1, Spoil::Lost);
    assert!(is_kept(steps.keep(&key(), 0, Bytes::from_static(b"spent")).await), "its own earlier try");
    // Whoever comes later has lost, and be it with the very same step.
    let again = steps.keep(&key(), 0, Bytes::from_static(b"spent")).await;
    assert!(!is_kept(again));
    // Nobody answers at all: nobody knows, and it is no `Taken`.
    moto.spoil(&format!("\"TableName\":\"{table}\""), 3, Spoil::Lost);
    let fault = steps.keep(&key(), 1, Bytes::from_static(b"spent")).await.unwrap_err();
    assert_eq!(fault.retry, Retry::Soon);
    assert_eq!(steps.read(&key(), 1).await.unwrap().unwrap(), "spent");
}

#[tokio::test]
async fn what_cannot_be_read_is_no_missing_step() {
    let Some(moto) = Moto::get() else { return };
    let table = moto.table().await;
    let clients = moto.clients();
    let steps = Steps::new(&clients, &table);
    let put = clients.dynamodb().put_item().table_name(&table);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    put.item("pk", text(&key().to_string()))
        .item("sk", text("step#0000"))
        .item("bytes", text("no bytes"))
        .send()
        .await
        .unwrap();
    assert_eq!(steps.read(&key(), 0).await.unwrap_err().retry, Retry::Never);
    assert!(!is_kept(steps.keep(&key(), 0, Bytes::from_static(b"mine")).await));

    let nowhere = Steps::new(&clients, "no-such-table");
    let fault = nowhere.read(&key(), 0).await.unwrap_err();
    assert_eq!(fault.retry, Retry::Never, "somebody must mend it");
    assert!(nowhere.keep(&key(), 0, Bytes::from_static(b"mine")).await.is_err());
}

#[tokio::test]
async fn a_use_whose_answer_was_lost_is_still_its_writers_own_and_a_note_that_cannot_be_read_hides_no_other()
{
    let Some(moto) = Moto::get() else { return };
    let table = moto.table().await;
    let clients = moto.clients();
    let standings = Standings::new(Steps::new(&clients, &table));
    moto.spoil(&format!("\"TableName\":\"{table}\""), 1, Spoil::Lost);
    assert!(is_kept(standings.take(&key(), 0, Bytes::from_static(b"used")).await), "its own earlier try");
    assert!(!is_kept(standings.take(&key(), 0, Bytes::from_static(b"used")).await), "another's");
    moto.spoil(&format!("\"TableName\":\"{table}\""), 3, Spoil::Lost);
    let fault = standings.take(&key(), 1, Bytes::from_static(b"used")).await.unwrap_err();
    assert_eq!(fault.retry, Retry::Soon);
    assert_eq!(standings.standing_step(&key(), 1).await.unwrap().unwrap(), "used");

    let (ana, id) = (PrincipalKey::from_stored("ana".to_owned()), ApprovalId::from_u128(7));
    standings.note(&ana, id, &key()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for (sort, opening) in [("0", "no key"), ("z", "v1/dt=2026-11-23/x/1.closing.json")] {
        let put = clients.dynamodb().put_item().table_name(&table).item("pk", text("standings"));
        let put = put.item("sk", text(sort)).item("opening", text(opening)).item("principal", text("ana"));
        put.send().await.unwrap();
    }
    assert_eq!(standings.made(Some(&ana)).await.unwrap(), [key()]);
    assert_eq!(standings.made_by(id).await.unwrap(), Some(key()));
    let nowhere = Standings::new(Steps::new(&clients, "no-such-table"));
    assert_eq!(nowhere.made(None).await.unwrap_err().retry, Retry::Never, "it is not that there are none");
    assert!(nowhere.made_by(id).await.is_err() && nowhere.note(&ana, id, &key()).await.is_err());
}

#[tokio::test]
async fn a_table_out_of_reach_is_a_fault_that_may_pass_and_tells_no_secret() {
    let closed = "127.0.0.1:1";
    let clients = Clients::new(&config_for(&format!("http://{closed}")));
    let steps = Steps::new(&clients, "approvals");
    let read = steps.read(&key(), 0).await.unwrap_err();
    let kept = steps.keep(&key(), 0, Bytes::from_static(b"delete from customers")).await.unwrap_err();
    for fault in [read, kept] {
        assert_eq!(fault.retry, Retry::Soon, "{fault:?}");
        let told = format!("{fault:?} {steps:?}");
        for secret in ["wJalr", "AKID", "delete from", "127.0.0.1"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
