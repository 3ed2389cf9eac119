//! What becomes of a statement when AWS fails between any two calls: throttles, breaks, refuses, or loses an answer.

use bytes::Bytes;
use conformance::{LEASE, NOON, PLENTY, Store, Wish, handle, live, somebody};
use domain::{ExchangeId, ExchangeNumber, Handle, Identity, Limits, SessionId, Timestamp};
use gateway::ports::{Claimed, Leased, Named, Saved, Subject, Written};
use gateway::{Fault, Origin, Retry, Stage};
use recording::{ObjectKind, RecordKey};
use std::time::Duration;

use crate::moto::{Spoil, config_for};
use crate::stores::Account;

const THROTTLED: Spoil = Spoil::Refused(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
);
const BROKEN: Spoil = Spoil::Refused(500, "");
const SLOW_DOWN: Spoil = Spoil::Refused(
    503,
    "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>",
);
const CONFLICT: Spoil = Spoil::Refused(
    409,
    "<?xml version=\"1.0\"?><Error><Code>ConditionalRequestConflict</Code><Message>Another write.</Message></Error>",
);

/// Whose statement it is, and how far it has come.
struct Story {
    identity: Identity,
    handle: Handle,
    at: Option<(SessionId, u32)>,
}

pub fn key(session: SessionId, number: u32) -> RecordKey {
    let exchange = ExchangeId { session, number: ExchangeNumber::new(number).unwrap() };
    RecordKey::new("2026-11-23", exchange)
}

fn later(seconds: u64) -> Timestamp {
    NOON.after(Duration::from_secs(seconds))
}

fn kept(written: Written) {
    assert!(matches!(written, Written::Kept(_)), "nobody else wrote");
}

impl Story {
    fn new() -> Self {
        Self { identity: somebody(), handle: handle(), at: None }
    }

    fn wish(&self) -> Wish {
        Wish::of(&self.identity).limits(Limits { at_once: 1, ..PLENTY }).request("r-1", 1)
    }

    /// A statement from its claim to its end, as the gateway takes it.
    async fn tell(&mut self, store: &Store) -> Result<(), Fault> {
        let wish = self.wish();
        let principal = self.identity.key();
        let claimed = wish.try_claim(store.exchanges.as_ref(), self.handle).await?;
        let Claimed::New { session, next } = claimed else { panic!("{claimed:?}") };
        store.keys.session(session).await?;
        let opening = Bytes::from(opening(&self.identity, self.handle, session, next));
        match store.recorder.open(&key(session, next), opening, Bytes::from_static(b"sealed")).await {
            Ok(written) => kept(written),
            Err(fault) => {
                let _ = store.exchanges.abandon(&principal, self.handle).await;
                return Err(fault);
            }
        }
        self.at = Some((session, next));
        let mut live = live(&self.identity, self.handle, session, next);
        store.exchanges.begin(&live, 1, NOON.after(LEASE)).await?;
        live.stage = Stage::Running { upstream: "its handle".into() };
        live.upstream_us = 1_000_000;
        assert_eq!(store.exchanges.save(&live, 1, NOON.after(LEASE)).await?, Saved::Yes);
        let page = ObjectKind::Page { part: 0, page: 0 };
        kept(store.recorder.keep(&key(session, next), page, Bytes::from_static(b"page")).await?);
        kept(store.recorder.keep(&key(session, next), ObjectKind::Closing, Bytes::from_static(b"{}")).await?);
        live.stage = Stage::Closed;
        assert_eq!(store.exchanges.save(&live, 1, NOON).await?, Saved::Yes);
        Ok(())
    }
}

/// An opening that says what finding it again needs.
pub fn opening(identity: &Identity, handle: Handle, session: SessionId, number: u32) -> Vec<u8> {
    let opening = serde_json::json!({
        "v": 1,
        "exchange": format!("{session}/{number}"),
        "opened": NOON.to_string(),
        "door": "sqlapi",
        "handle": handle.to_string(),
        "children": [],
        "principal": recording::PrincipalRecord::from(identity),
        "conversation": null,
        "request": null,
        "prompt": recording::PromptRecord::new(None, domain::PromptGrade::P0),
        "sql": "select 1",
        "digest": "hmac-sha256:".to_owned() + &"0".repeat(64),
        "sealed": true,
        "context": recording::ContextRecord::from(&domain::Context::default()),
        "bindings": [],
        "parameters": {},
        "timeout_seconds": null,
        "statements": [],
        "decision": "allow",
        "rules": [],
        "bundle": "sha256:".to_owned() + &"0".repeat(64),
        "catalog": "sha256:".to_owned() + &"0".repeat(64),
        "hold": null,
    });
    let record: recording::Opening = serde_json::from_value(opening).unwrap();
    recording::encode(&record).unwrap().0
}

/// Calls of one story that hold this text.
async fn calls_of_a_story(account: &Account, holding: &str) -> u32 {
    // The very first makes the master key.
    Story::new().tell(&account.store()).await.unwrap();
    account.moto.calls(holding);
    Story::new().tell(&account.store()).await.unwrap();
    u32::try_from(account.moto.calls(holding).len()).unwrap()
}

/// The statement has ended, once, in every process; and what it held is free.
async fn has_ended(account: &Account, story: &Story) {
    let store = account.store();
    let (session, number) = story.at.unwrap();
    let exchanges = store.exchanges.as_ref();
    let found = exchanges.find(&story.identity.key(), story.handle).await.unwrap().unwrap();
    assert!(found.is_closed());
    for kind in [ObjectKind::Opening, ObjectKind::Sealed, ObjectKind::Closing] {
        assert!(store.recordings.read(&key(session, number), kind).await.unwrap().is_some(), "{kind:?}");
    }
    let again = story.wish().claim(exchanges, handle()).await;
    assert_eq!(again, Claimed::Repeat(story.handle), "no statement twice");
    let other = Wish::of(&story.identity).limits(Limits { at_once: 1, ..PLENTY });
    let claimed = other.claim(exchanges, handle()).await;
    assert_eq!(claimed, Claimed::New { session, next: number + 1 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_once_changes_nothing_wherever_it_is() {
    let Some(account) = Account::new().await else { return };
    let places = [
        (format!("\"{}\"", account.table), vec![Spoil::Lost, THROTTLED, BROKEN]),
        (format!("/{}/", account.records), vec![Spoil::Lost, SLOW_DOWN, BROKEN]),
        (format!("/{}/", account.pages), vec![Spoil::Lost, SLOW_DOWN, BROKEN]),
        (format!("PUT /{}/", account.records), vec![CONFLICT]),
        (format!("PUT /{}/", account.pages), vec![CONFLICT]),
        (account.key.clone(), vec![Spoil::Lost, BROKEN]),
    ];
    for (holding, faults) in places {
        let calls = calls_of_a_story(&account, &holding).await;
        assert!(calls > 0, "{holding}");
        for fault in faults {
            for at in 0..calls {
                account.moto.spoil_after(at, &[&holding], 1, fault.clone());
                let mut story = Story::new();
                let told = story.tell(&account.store()).await;
                assert_eq!(account.moto.unspoil(&holding), 0, "it failed where it should");
                told.unwrap_or_else(|told| panic!("{holding} {at}: {told:?}"));
                has_ended(&account, &story).await;
            }
        }
    }
}

/// Whoever looks after what nobody works on, for as long as there is something: closes what is lost.
pub async fn look_after(store: &Store, now: Timestamp) {
    for _ in 0..20 {
        let due = store.exchanges.unattended(now, 10).await.unwrap();
        if due.is_empty() {
            return;
        }
        for handle in due {
            let Leased::Ours(mut live) =
                store.exchanges.lease(handle, 7, now, now.after(LEASE)).await.unwrap()
            else {
                continue;
            };
            let key = live.key().unwrap();
            // Its own closing, or that of whoever came before.
            store.recorder.keep(&key, ObjectKind::Closing, Bytes::from_static(b"lost")).await.unwrap();
            live.stage = Stage::Closed;
            assert_eq!(store.exchanges.save(&live, 7, now).await.unwrap(), Saved::Yes);
        }
    }
    panic!("there is no end to it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_leaves_behind_that_dies_between_two_calls_is_closed_and_leaves_no_gap() {
    let Some(account) = Account::new().await else { return };
    let table = format!("\"{}\"", account.table);
    let places =
        [table, format!("/{}/", account.records), format!("/{}/", account.pages), account.key.clone()];
    for holding in places {
        let calls = calls_of_a_story(&account, &holding).await;
        // Done, and nobody knows; not done.
        for fault in [Spoil::Lost, BROKEN] {
            for at in 0..calls {
                // Every call from there on: the process is cut off, or dies.
                account.moto.spoil_after(at, &[&holding], u32::MAX, fault.clone());
                let mut story = Story::new();
                let told = story.tell(&account.store()).await;
                assert!(account.moto.unspoil(&holding) > 0);
                assert!(told.is_err(), "{holding} {at}");
                is_tidied(&account, &story, &format!("{holding} {at}")).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_opened_and_never_began_may_have_failed_hidden() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    let (identity, handle) = (somebody(), handle());
    let hiding = |seconds| Wish::of(&identity).at(seconds).hiding(1);
    let Claimed::New { session, next } = hiding(0).claim(exchanges, handle).await else { panic!("spent") };
    let opening = Bytes::from(opening(&identity, handle, session, next));
    kept(store.recorder.open(&key(session, next), opening, Bytes::from_static(b"sealed")).await.unwrap());
    // Its process dies here. Nobody works on it before it is known that nobody does.
    assert_eq!(exchanges.unattended(later(30), 10).await.unwrap(), []);
    assert_eq!(exchanges.unattended(later(61), 10).await.unwrap(), [handle]);
    let over = hiding(70).claim(exchanges, conformance::handle()).await;
    assert!(matches!(over, Claimed::OverBudget { .. }), "it may still fail: {over:?}");
    look_after(&store, later(80)).await;
    let spent = hiding(90).claim(exchanges, conformance::handle()).await;
    assert!(matches!(spent, Claimed::FailuresSpent { next: 2, .. }), "{spent:?}");
    // An opening that its writer was told to have failed, too.
    let (given_back, other) = (conformance::handle(), somebody());
    let claimed = Wish::of(&other).claim(exchanges, given_back).await;
    let Claimed::New { session, next } = claimed else { panic!("{claimed:?}") };
    let opening = Bytes::from(self::opening(&other, given_back, session, next));
    kept(store.recorder.open(&key(session, next), opening, Bytes::from_static(b"sealed")).await.unwrap());
    exchanges.abandon(&other.key(), given_back).await.unwrap();
    assert_eq!(exchanges.unattended(later(100), 10).await.unwrap(), [given_back]);
}

/// However it ended, in the end every opening has its closing, and the principal may go on without a gap.
async fn is_tidied(account: &Account, story: &Story, at: &str) {
    let store = account.store();
    let exchanges = store.exchanges.as_ref();
    look_after(&store, later(200)).await;
    let again = Wish { now: later(300), ..story.wish() }.claim(exchanges, handle()).await;
    let next = match again {
        // What had begun has ended, and is known by its request id.
        Claimed::Repeat(first) => {
            assert_eq!(first, story.handle, "{at}");
            let found = exchanges.find(&story.identity.key(), first).await.unwrap().unwrap();
            assert!(found.is_closed(), "{at}");
            let key = found.key().unwrap();
            assert!(store.recordings.read(&key, ObjectKind::Closing).await.unwrap().is_some(), "{at}");
            let wish = Wish::of(&story.identity).limits(Limits { at_once: 1, ..PLENTY });
            let claimed = Wish { now: later(300), ..wish }.claim(exchanges, handle()).await;
            let Claimed::New { session, next } = claimed else { panic!("{at}: {claimed:?}") };
            assert_eq!(found.exchange, format!("{session}/{}", next - 1), "{at}");
            (session, next)
        }
        // Nothing of it is left.
        Claimed::New { session, next } => (session, next),
        other => panic!("{at}: {other:?}"),
    };
    let (session, next) = next;
    for number in 1..next {
        for kind in [ObjectKind::Opening, ObjectKind::Closing] {
            assert!(
                store.recordings.read(&key(session, number), kind).await.unwrap().is_some(),
                "{at}: {kind:?}"
            );
        }
    }
    assert!(store.recordings.read(&key(session, next), ObjectKind::Opening).await.unwrap().is_none(), "{at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_come_is_waited_for_no_longer_than_a_lease_lasts() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let mut story = Story::new();
    // The closing is written, and its answer never comes: the second try finds it.
    let records = format!("PUT /{}/records/", account.records);
    account.moto.spoil_after(0, &[&records], 1, Spoil::SilentlyDone);
    let begun = std::time::Instant::now();
    story.tell(&store).await.unwrap();
    assert!(begun.elapsed() < LEASE);
    has_ended(&account, &story).await;
    // Nobody ever answers.
    let table = format!("\"{}\"", account.table);
    account.moto.spoil_after(0, &[&table], u32::MAX, Spoil::Silent);
    let begun = std::time::Instant::now();
    let fault = store.exchanges.find(&story.identity.key(), story.handle).await.unwrap_err();
    account.moto.unspoil(&table);
    assert_eq!((fault.origin, fault.retry), (Origin::Exchanges, Retry::Soon));
    assert!(begun.elapsed() < LEASE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_closing_is_never_taken_for_ones_own() {
    let Some(account) = Account::new().await else { return };
    let (first, second) = (account.store(), account.store());
    let (key, closing) = (key(conformance::session(), 1), Bytes::from_static(b"the very same bytes"));
    kept(first.recorder.keep(&key, ObjectKind::Closing, closing.clone()).await.unwrap());
    // The second writer's try is done, refused, and its answer lost: what it finds then is not its own.
    let records = format!("PUT /{}/records/", account.records);
    account.moto.spoil_after(0, &[&records], 1, Spoil::Lost);
    let written = second.recorder.keep(&key, ObjectKind::Closing, closing).await.unwrap();
    assert_eq!(account.moto.unspoil(&records), 0);
    assert!(matches!(written, Written::Taken));
}

#[tokio::test]
async fn stores_out_of_reach_are_faults_that_may_pass_and_tell_no_secret() {
    let closed = "127.0.0.1:1";
    let clients = aws::Clients::new(&config_for(&format!("http://{closed}")));
    let records = aws::Records::new(&clients, "table", "records", "pages");
    let exchanges = aws::Exchanges::new(&clients, "table", records.clone(), "pages");
    let keys = aws::Keys::new(&clients, "key", "records", "table");
    let told = format!("{records:?} {keys:?}");
    let (at, text) = (key(conformance::session(), 1), Bytes::from_static(b"delete from customers"));
    use gateway::ports::{Exchanges, Keys, Recorder, Recordings};
    let mut faults = Vec::new();
    for kind in [ObjectKind::Opening, ObjectKind::Closing, ObjectKind::Page { part: 0, page: 0 }] {
        faults.push(records.keep(&at, kind, text.clone()).await.unwrap_err());
        faults.push(records.read(&at, kind).await.unwrap_err());
    }
    let identity = somebody();
    faults.push(exchanges.find(&identity.key(), handle()).await.unwrap_err());
    faults.push(exchanges.revoked(&identity, None).await.unwrap_err());
    faults.push(keys.digest().await.unwrap_err());
    for fault in faults {
        assert_eq!(fault.retry, Retry::Soon, "{fault:?}");
        let told = format!("{told} {fault:?}");
        for secret in ["wJalr", "AKID", "delete from", "127.0.0.1"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_there_and_is_nothing_of_ours_is_a_fault_and_never_read_as_absent() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let mut story = Story::new();
    story.tell(&store).await.unwrap();
    let (session, number) = story.at.unwrap();
    let clients = account.moto.clients();
    let damaged = |pk: String, sk: &str| {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let put = clients.dynamodb().put_item().table_name(&account.table);
        put.item("pk", S(pk)).item("sk", S(sk.to_owned())).send()
    };
    let lasting = |fault: Fault| assert_eq!(fault.retry, Retry::Never, "{fault:?}");
    damaged(format!("session#{session}"), &format!("opening#{number:08}")).await.unwrap();
    lasting(store.recordings.read(&key(session, number), ObjectKind::Opening).await.unwrap_err());
    damaged(format!("exchange#{}", story.handle), "live").await.unwrap();
    lasting(store.exchanges.find(&story.identity.key(), story.handle).await.unwrap_err());
    damaged(format!("principal#{}", story.identity.key().as_str()), "ledger").await.unwrap();
    let claimed = story.wish().try_claim(store.exchanges.as_ref(), handle()).await;
    lasting(claimed.unwrap_err());
    damaged(format!("key#{session}"), "seal").await.unwrap();
    lasting(account.keys(&clients).existing(session).await.map(|_| ()).unwrap_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_statement_costs_as_many_writes_as_are_told() {
    let Some(account) = Account::new().await else { return };
    let store = account.store();
    let identity = somebody();
    // The session's key is made with its first statement.
    for (is_first, expected) in [(true, 4), (false, 3)] {
        let (table, records) = (format!("\"{}\"", account.table), format!("/{}/", account.records));
        account.moto.calls(&table);
        account.moto.calls(&records);
        let handle = handle();
        let claimed = Wish::of(&identity).claim(store.exchanges.as_ref(), handle).await;
        let Claimed::New { session, next } = claimed else { panic!("{claimed:?}") };
        store.keys.session(session).await.unwrap();
        let bytes = Bytes::from(opening(&identity, handle, session, next));
        kept(store.recorder.open(&key(session, next), bytes, Bytes::from_static(b"sealed")).await.unwrap());
        let mut live = live(&identity, handle, session, next);
        store.exchanges.begin(&live, 1, NOON.after(LEASE)).await.unwrap();
        let closing = Bytes::from_static(b"{}");
        kept(store.recorder.keep(&key(session, next), ObjectKind::Closing, closing).await.unwrap());
        live.stage = Stage::Closed;
        store.exchanges.save(&live, 1, NOON).await.unwrap();
        let is_write =
            |call: &&String| ["PutItem", "UpdateItem", "DeleteItem"].iter().any(|write| call.contains(write));
        let calls = account.moto.calls(&table);
        let writes: Vec<&String> = calls.iter().filter(is_write).collect();
        assert_eq!(writes.len(), expected, "{writes:?}");
        assert!(!calls.iter().any(|call| call.contains("Transact")));
        let puts = account.moto.calls(&records).into_iter().filter(|call| call.starts_with("PUT")).count();
        // The master key is made with the very first.
        assert_eq!(puts, if is_first { 2 } else { 1 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_key_was_erased_cannot_be_opened_any_more() {
    let Some(account) = Account::new().await else { return };
    let keys = account.keys(&account.moto.clients());
    let session = conformance::session();
    let made = gateway::ports::Keys::session(&keys, session).await.unwrap();
    let found = account.keys(&account.moto.clients()).existing(session).await.unwrap().unwrap();
    assert_eq!((made.seal, made.tokens, made.shared_tokens), (found.seal, found.tokens, found.shared_tokens));
    assert!(keys.erase(session).await.unwrap());
    assert!(!keys.erase(session).await.unwrap());
    let fresh = account.keys(&account.moto.clients());
    assert!(fresh.existing(session).await.unwrap().is_none());
}

/// What a live state holds may be larger than an item.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_state_that_fits_into_no_item_is_kept_whole() {
    let Some(account) = Account::new().await else { return };
    let (first, second) = (account.store(), account.store());
    let (identity, handle) = (somebody(), handle());
    let claimed = Wish::of(&identity).claim(first.exchanges.as_ref(), handle).await;
    let Claimed::New { session, next } = claimed else { panic!("{claimed:?}") };
    let mut large = live(&identity, handle, session, next);
    first.exchanges.begin(&large, 1, NOON.after(LEASE)).await.unwrap();
    // Texts that nothing makes smaller.
    let mut state = 1_u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{state:016x}")
    };
    large.reads = (0..40_000).map(|_| [word(), word(), word()]).collect();
    assert_eq!(first.exchanges.save(&large, 1, NOON.after(LEASE)).await.unwrap(), Saved::Yes);
    let find = async || second.exchanges.find(&identity.key(), handle).await.unwrap().unwrap();
    assert!(find().await == large);
    large.reads.clear();
    assert_eq!(first.exchanges.save(&large, 1, NOON.after(LEASE)).await.unwrap(), Saved::Yes);
    assert!(find().await == large);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_whose_answer_was_lost_is_its_callers_and_one_out_of_reach_is_nobodys() {
    let Some(account) = Account::new().await else { return };
    let (store, table) = (account.store(), format!("\"{}\"", account.table));
    account.moto.spoil(&table, 1, Spoil::Lost);
    let whose = Subject { issuer: Some("i".into()), subject: Some("ana".into()), agent: Some("a".into()) };
    assert_eq!(store.evidence.lease("use", &whose, 1, NOON).await.unwrap(), Named::default());
    assert_eq!(account.moto.unspoil(&table), 0);
    assert!(store.evidence.lease("use", &whose, 2, NOON).await.unwrap().by_itself);
    account.moto.spoil(&table, u32::MAX, BROKEN);
    let fault = store.evidence.lease("use", &whose, 3, NOON).await.unwrap_err();
    let granted = store.accesses.granted(None, NOON).await.unwrap_err();
    account.moto.unspoil(&table);
    assert_eq!((fault.origin, fault.retry), (Origin::Exchanges, Retry::Soon));
    assert_eq!((granted.origin, granted.retry), (Origin::Recordings, Retry::Soon));
}
