//! What is known by its claim alone: found when its process died, wherever that was, by this version and the one before.

use std::collections::{BTreeSet, HashMap};
use std::io::{Read, Write};
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use conformance::{LEASE, NOON, PLENTY, Store, TERMS, Wish, handle, live, somebody};
use domain::{Handle, Identity, Limits, SessionId, Timestamp};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use gateway::ports::{Claimed, Leased, Saved, Written};
use gateway::{Live, Stage};
use recording::{Closing, ClosingOutcome, ObjectKind, Timings};
use serde_json::{Map, Value};

use crate::faults::{key, look_after, opening};
use crate::stores::Account;

type Item = HashMap<String, AttributeValue>;

fn later(seconds: u64) -> Timestamp {
    NOON.after(Duration::from_secs(seconds))
}

/// Opens what was claimed, as a process does that begins it and dies. The digest that its opening carries.
async fn open(store: &Store, identity: &Identity, handle: Handle, session: SessionId, number: u32) -> String {
    let bytes = opening(identity, handle, session, number);
    let digest = recording::decode::<recording::Opening>(&bytes).unwrap().digest.to_string();
    let sealed = Bytes::from_static(b"sealed");
    let written = store.recorder.open(&key(session, number), Bytes::from(bytes), sealed).await.unwrap();
    assert!(matches!(written, Written::Kept(_)));
    let live = live(identity, handle, session, number);
    store.exchanges.begin(&live, 1, NOON.after(LEASE)).await.unwrap();
    digest
}

async fn close(store: &Store, session: SessionId, number: u32, opening: &str, outcome: ClosingOutcome) {
    let closing = Closing {
        v: 1,
        exchange: format!("{session}/{number}"),
        closed: later(1).to_string(),
        opening: opening.to_owned(),
        approval: None,
        outcome,
        parts: Vec::new(),
        findings: Vec::new(),
        timings: Timings { total_us: 9, upstream_us: 7, masking_us: 1 },
    };
    let bytes = Bytes::from(recording::encode(&closing).unwrap().0);
    let written = store.recorder.keep(&key(session, number), ObjectKind::Closing, bytes).await.unwrap();
    assert!(matches!(written, Written::Kept(_)));
}

fn new(claimed: Claimed) -> (SessionId, u32) {
    let Claimed::New { session, next } = claimed else { panic!("{claimed:?}") };
    (session, next)
}

async fn raw(account: &Account, pk: &str, sk: &str) -> Item {
    let get = account.moto.clients().dynamodb().get_item().table_name(&account.table);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    get.key("pk", text(pk)).key("sk", text(sk)).send().await.unwrap().item.unwrap()
}

async fn ledger(account: &Account, identity: &Identity) -> Item {
    raw(account, &format!("principal#{}", identity.key().as_str()), "ledger").await
}

fn due_us(item: &Item) -> Option<i64> {
    item.get("due_us").map(|due| due.as_n().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_closed_and_whose_end_was_never_written_has_ended_and_answers_its_request_again() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let (identity, own) = (somebody(), handle());
    let limits = Limits { at_once: 1, ..PLENTY };
    let wish = || Wish::of(&identity).limits(limits).request("r-1", 1);
    let (session, number) = new(wish().claim(exchanges, own).await);
    let digest = open(&store, &identity, own, session, number).await;
    close(&store, session, number, &digest, ClosingOutcome::Rows {}).await;
    // Its process dies here.
    assert_eq!(wish().at(30).claim(exchanges, handle()).await, Claimed::Repeat(own));
    assert_eq!(exchanges.unattended(later(61), 10).await.unwrap(), [], "nobody has to work on it");
    let found = exchanges.find(&identity.key(), own).await.unwrap().unwrap();
    assert!(found.is_closed() && !found.hidden_failure);
    assert_eq!((found.upstream_us, found.terms.as_deref(), found.tier.as_str()), (7, Some(TERMS), "read"));
    assert!(exchanges.find(&somebody().key(), own).await.unwrap().is_none(), "nobody else's");
    assert_eq!(wish().at(70).claim(exchanges, handle()).await, Claimed::Repeat(own), "it does not run again");
    let other = Wish::of(&identity).at(70).limits(limits);
    assert_eq!(new(other.claim(exchanges, handle()).await), (session, number + 1));
    // A process that had only been slow comes too late.
    let slow = Live { stage: Stage::Closed, ..live(&identity, own, session, number) };
    assert_eq!(exchanges.save(&slow, 1, later(80)).await.unwrap(), Saved::LeaseLost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_otherwise_than_in_rows_may_have_failed_hidden() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let (identity, own) = (somebody(), handle());
    let hiding = |seconds| Wish::of(&identity).at(seconds).hiding(1);
    let (session, number) = new(hiding(0).claim(exchanges, own).await);
    let digest = open(&store, &identity, own, session, number).await;
    let lost = ClosingOutcome::Lost { why: "a test".into() };
    close(&store, session, number, &digest, lost).await;
    assert_eq!(exchanges.unattended(later(61), 10).await.unwrap(), []);
    let spent = hiding(90).claim(exchanges, handle()).await;
    assert!(matches!(spent, Claimed::FailuresSpent { next: 2, .. }), "{spent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_of_something_else_ends_nothing() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let (identity, own) = (somebody(), handle());
    let (session, number) = new(Wish::of(&identity).claim(exchanges, own).await);
    open(&store, &identity, own, session, number).await;
    let others = format!("sha256:{}", "1".repeat(64));
    close(&store, session, number, &others, ClosingOutcome::Rows {}).await;
    assert_eq!(exchanges.unattended(later(61), 10).await.unwrap(), []);
    assert!(exchanges.find(&identity.key(), own).await.unwrap().is_none(), "nothing of it is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_given_up_shows_nothing_and_takes_nothing_back() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let (identity, own) = (somebody(), handle());
    let (session, number) = new(Wish::of(&identity).claim(exchanges, own).await);
    open(&store, &identity, own, session, number).await;
    assert_eq!(exchanges.unattended(later(60), 10).await.unwrap(), [], "it may still be at work");
    assert_eq!(exchanges.unattended(later(61), 10).await.unwrap(), [own]);
    let running = Stage::Running { upstream: "its handle".into() };
    let slow = Live { stage: running, ..live(&identity, own, session, number) };
    assert_eq!(exchanges.save(&slow, 1, later(80)).await.unwrap(), Saved::LeaseLost);
    look_after(&store, later(90)).await;
    assert!(exchanges.find(&identity.key(), own).await.unwrap().unwrap().is_closed());
    let (at, late) = (key(session, number), Bytes::from_static(b"{}"));
    let written = store.recorder.keep(&at, ObjectKind::Closing, late).await.unwrap();
    assert!(matches!(written, Written::Taken));
    assert_eq!(exchanges.save(&slow, 1, later(100)).await.unwrap(), Saved::LeaseLost);
}

/// What is opened when half of a claim's life is over is stored at once: its claim may be given up before it is saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_begins_late_is_found_at_once() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let (identity, own) = (somebody(), handle());
    let (session, number) = new(Wish::of(&identity).claim(exchanges, own).await);
    let late = live(&identity, own, session, number);
    exchanges.begin(&late, 1, later(16).after(LEASE)).await.unwrap();
    assert_eq!(exchanges.find(&identity.key(), own).await.unwrap(), Some(late));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_that_are_known_by_their_claims_alone_cost_no_try_for_their_numbers() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let identity = somebody();
    let mut numbers = Vec::new();
    for _ in 0..4 {
        let own = handle();
        let (session, next) = new(Wish::of(&identity).claim(store.exchanges.as_ref(), own).await);
        open(&store, &identity, own, session, next).await;
        numbers.push(next);
    }
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_looked_through_when_its_oldest_claim_has_outlived_its_life_and_then_leaves_the_index() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let identity = somebody();
    let ask = async |seconds| {
        let own = handle();
        let (session, number) = new(Wish::of(&identity).at(seconds).claim(exchanges, own).await);
        let ended = Live { stage: Stage::Closed, ..live(&identity, own, session, number) };
        assert_eq!(exchanges.save(&ended, 1, later(seconds)).await.unwrap(), Saved::Yes);
        due_us(&ledger(&account, &identity).await)
    };
    let due = |seconds| Some(later(seconds).as_micros() + 1);
    // However often it asks: once a minute.
    for seconds in [0, 1, 30, 60] {
        assert_eq!(ask(seconds).await, due(60), "{seconds}");
    }
    assert_eq!(ask(61).await, due(121));
    assert_eq!(exchanges.unattended(later(130), 10).await.unwrap(), []);
    assert_eq!(due_us(&ledger(&account, &identity).await), None, "there is nothing to search for");
    assert_eq!(ask(200).await, due(260));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_cannot_be_read_hides_nobody_elses_orphans() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let (damaged, identity, own) = (somebody(), somebody(), handle());
    new(Wish::of(&damaged).claim(exchanges, handle()).await);
    let mut item = ledger(&account, &damaged).await;
    item.insert("ledger".into(), AttributeValue::B(Blob::new(*b"no ledger")));
    put(&account, item).await;
    let (session, number) = new(Wish::of(&identity).claim(exchanges, own).await);
    open(&store, &identity, own, session, number).await;
    assert_eq!(exchanges.unattended(later(61), 10).await.unwrap(), [own]);
}

async fn put(account: &Account, item: Item) {
    let put = account.moto.clients().dynamodb().put_item().table_name(&account.table);
    put.set_item(Some(item)).send().await.unwrap();
}

fn pack(json: &Value) -> AttributeValue {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(json.to_string().as_bytes()).unwrap();
    AttributeValue::B(Blob::new(deflate.finish().unwrap()))
}

fn unpack(item: &Item, name: &str) -> Map<String, Value> {
    let mut json = String::new();
    DeflateDecoder::new(item[name].as_b().unwrap().as_ref()).read_to_string(&mut json).unwrap();
    serde_json::from_str(&json).unwrap()
}

/// An item as the sample tells it: `json` deflated under the name that it has in a table.
fn item(sample: &Value, pk: String, sk: &str, packed: &str) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut item: Item = HashMap::new();
    for (name, value) in sample.as_object().unwrap() {
        let (name, value) = match value {
            Value::Object(_) => (packed, pack(value)),
            Value::String(word) => (name.as_str(), text(word)),
            Value::Bool(is) => (name.as_str(), AttributeValue::Bool(*is)),
            other => (name.as_str(), AttributeValue::N(other.to_string())),
        };
        item.insert(name.to_owned(), value);
    }
    item.extend([
        ("pk".into(), text(&pk)),
        ("sk".into(), text(sk)),
        ("writer".into(), text("an earlier one")),
    ]);
    item
}

fn names(item: &Item) -> BTreeSet<&str> {
    item.keys().map(String::as_str).collect()
}

/// While a new version takes over, both work on the same items: the sample is what the version before wrote of two statements, one
/// that had begun and one that died before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_version_has_begun_is_carried_on_and_what_it_left_behind_is_found() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let identity = somebody();
    let sample = include_str!("../data/begun_by_an_earlier_version.json");
    let sample: Value = serde_json::from_str(sample).unwrap();
    let (begun, left) = (Handle::from_u128(1), Handle::from_u128(2));
    let session = SessionId::from_u128(0x5e55);
    let principal = identity.key().as_str().to_owned();
    let mut ledgers = item(&sample["ledger"], format!("principal#{principal}"), "ledger", "ledger");
    ledgers.insert("due_in".into(), AttributeValue::S("ledgers".into()));
    let mut state = sample["exchange"].clone();
    state["principal"] = principal.clone().into();
    state["json"]["principal"] = principal.clone().into();
    let older = item(&state, format!("exchange#{begun}"), "live", "live");
    put(&account, ledgers.clone()).await;
    put(&account, older.clone()).await;
    for (own, number) in [(begun, 1), (left, 2)] {
        let bytes = Bytes::from(opening(&identity, own, session, number));
        let sealed = Bytes::from_static(b"sealed");
        store.recorder.open(&key(session, number), bytes, sealed).await.unwrap();
    }
    // It counts, and its number is known.
    let limits = Limits { at_once: 2, ..PLENTY };
    let third = Wish::of(&identity).limits(limits).at(1).claim(exchanges, handle()).await;
    assert!(matches!(third, Claimed::OverBudget { limit: "statements at once", next: 3, .. }), "{third:?}");
    // Its holder of this version goes on with it, and hears what its agent wished.
    let found = exchanges.find(&identity.key(), begun).await.unwrap().unwrap();
    let running = Live { stage: Stage::Running { upstream: "its handle".into() }, ..found };
    assert_eq!(exchanges.save(&running, 2, later(20)).await.unwrap(), Saved::LeaseLost, "another's");
    assert_eq!(exchanges.save(&running, 1, later(20)).await.unwrap(), Saved::CancelWanted);
    let now_begun = raw(&account, &format!("exchange#{begun}"), "live").await;
    assert_eq!(names(&now_begun), names(&older), "and the version before goes on with it in turn");
    assert!(matches!(exchanges.lease(begun, 3, later(21), later(40)).await.unwrap(), Leased::Ours(_)));
    // What it left behind is found by the place that it gave its ledger.
    let due = exchanges.unattended(later(61), 10).await.unwrap();
    assert!(due.contains(&left) && due.contains(&begun), "{due:?}");
    look_after(&store, later(70)).await;

    // What this version writes first, the version before reads: the same attributes, and no field of a ledger that it does not know.
    let own = handle();
    let (session, number) = new(Wish::of(&identity).at(80).claim(exchanges, own).await);
    let first = Live { stage: Stage::Opened, ..live(&identity, own, session, number) };
    assert_eq!(exchanges.save(&first, 1, later(90)).await.unwrap(), Saved::Yes);
    let newer = raw(&account, &format!("exchange#{own}"), "live").await;
    assert_eq!(names(&newer), names(&older));
    let fields = |item: &Item| unpack(item, "ledger").into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let now = ledger(&account, &identity).await;
    assert_eq!(names(&now), names(&ledgers));
    assert_eq!(fields(&now), fields(&ledgers));
}
