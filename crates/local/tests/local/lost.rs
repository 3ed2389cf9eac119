//! What a crash leaves behind is found again.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use domain::{ExchangeId, ExchangeNumber, Handle, Identity, KeyedDigest, SessionId, Timestamp};
use gateway::Stage;
use gateway::ports::{Claimed, Exchanges, Keys, Leased, Recorder};
use local::Home;
use recording::{ContextRecord, ObjectKind, Opening, PrincipalRecord, PromptRecord, RecordKey};

use conformance::{LEASE, NOON, Wish, handle, live, new, session, somebody};

fn opening(identity: &Identity, exchange: ExchangeId, handle: Handle, request: Option<&str>) -> Opening {
    Opening {
        v: 1,
        exchange: exchange.to_string(),
        opened: NOON.to_string(),
        door: "sqlapi".into(),
        handle: handle.to_string(),
        children: Vec::new(),
        principal: PrincipalRecord::from(identity),
        conversation: None,
        request: request.map(str::to_owned),
        prompt: PromptRecord::new(None, domain::PromptGrade::P0),
        call: None,
        sql: "SELECT 1".into(),
        sql_length: None,
        digest: KeyedDigest::from_bytes([7; 32]).to_string(),
        sealed: true,
        sealed_digest: None,
        context: ContextRecord::default(),
        bindings: Vec::new(),
        parameters: std::collections::BTreeMap::new(),
        timeout_seconds: None,
        statements: Vec::new(),
        decision: "allow".into(),
        rules: Vec::new(),
        access: Vec::new(),
        hides_failure: Some(false),
        bundle: format!("sha256:{}", "0".repeat(64)),
        catalog: format!("sha256:{}", "0".repeat(64)),
        hold: None,
    }
}

async fn open(
    home: &Home,
    identity: &Identity,
    session: SessionId,
    number: u32,
    handle: Handle,
) -> RecordKey {
    let exchange = ExchangeId { session, number: ExchangeNumber::new(number).unwrap() };
    let key = RecordKey::new("2026-11-23", exchange);
    let (bytes, _) = recording::encode(&opening(identity, exchange, handle, Some("r-1"))).unwrap();
    home.keep(&key, ObjectKind::Opening, Bytes::from(bytes)).await.unwrap();
    key
}

async fn close(home: &Home, key: &RecordKey) {
    home.keep(key, ObjectKind::Closing, Bytes::from_static(b"closed")).await.unwrap();
}

/// The power fails: the recordings are there, the state is not.
fn lose_state(path: &Path) {
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(path.join(name));
    }
}

fn at(seconds: u64) -> Timestamp {
    NOON.after(Duration::from_secs(seconds))
}

#[tokio::test]
async fn an_opening_that_nobody_knows_is_unattended_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let (ana, id, lost) = (somebody(), session(), handle());
    let home = Home::open(&path).unwrap();
    let key = open(&home, &ana, id, 1, lost).await;
    close(&home, &open(&home, &ana, id, 2, handle()).await).await;
    drop(home);
    lose_state(&path);

    let home = Home::open(&path).unwrap();
    assert_eq!(home.orphans(NOON).await.unwrap(), std::slice::from_ref(&key));
    assert_eq!(home.reconcile(NOON).await.unwrap().adopted, [key]);
    assert!(home.reconcile(NOON).await.unwrap().adopted.is_empty(), "once is enough");
    assert_eq!(home.unattended(NOON, 10).await.unwrap(), [lost]);
    let found = home.find(&ana.key(), lost).await.unwrap().unwrap();
    assert_eq!((found.stage, found.row_limit), (Stage::Opened, 0));
    assert!(home.find(&somebody().key(), lost).await.unwrap().is_none());
    let keyed = gateway::keyed_request(&home.digest().await.unwrap(), &"r-1".parse().unwrap()).unwrap();
    let mut repeated = Wish::of(&ana).request(keyed.as_str(), 7);
    assert_eq!(repeated.claim(&home, handle()).await, Claimed::Repeat(lost));
    repeated.digest = KeyedDigest::from_bytes([8; 32]);
    assert!(matches!(repeated.claim(&home, handle()).await, Claimed::Reused { .. }));
}

#[tokio::test]
async fn an_exchange_that_another_process_is_just_opening_is_not_taken_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let (ana, mine) = (somebody(), handle());
    let one = Home::open(&path).unwrap();
    let (session, next) = new(Wish::of(&ana).claim(&one, mine).await);
    open(&one, &ana, session, next, mine).await;

    let other = Home::open(&path).unwrap();
    assert!(other.orphans(at(1)).await.unwrap().is_empty());
    assert!(other.reconcile(at(1)).await.unwrap().adopted.is_empty());
    let state = live(&ana, mine, session, next);
    one.begin(&state, 1, NOON.after(LEASE)).await.unwrap();
    assert!(other.reconcile(at(3600)).await.unwrap().adopted.is_empty(), "it has its row");
}

#[tokio::test]
async fn an_opening_whose_writer_died_before_it_began_is_found_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let (ana, lost) = (somebody(), handle());
    let dying = Home::open(&path).unwrap();
    let (session, next) = new(Wish::of(&ana).claim(&dying, lost).await);
    open(&dying, &ana, session, next, lost).await;
    drop(dying);

    let home = Home::open(&path).unwrap();
    assert!(home.unattended(at(10), 10).await.unwrap().is_empty());
    assert_eq!(home.unattended(at(100), 10).await.unwrap(), [lost]);
    let state = live(&ana, lost, session, next);
    assert!(home.begin(&state, 1, at(200)).await.is_err(), "it was given up as lost");
}

#[tokio::test]
async fn an_opening_whose_claim_was_given_back_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    let (ana, lost) = (somebody(), handle());
    let (session, next) = new(Wish::of(&ana).claim(&home, lost).await);
    open(&home, &ana, session, next, lost).await;
    home.abandon(&ana.key(), lost).await.unwrap();
    assert_eq!(home.unattended(at(1), 10).await.unwrap(), [lost]);
    let (same, after) = new(Wish::of(&ana).claim(&home, handle()).await);
    assert_eq!((same, after), (session, next + 1));
}

/// Loses the state with an opening that says so of its failures; tells whether that counts as one.
async fn is_failure_after_the_state_is_lost(decision: &str, hides_failure: Option<bool>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let (ana, id, lost) = (somebody(), session(), handle());
    let home = Home::open(&path).unwrap();
    let exchange = ExchangeId { session: id, number: ExchangeNumber::new(1).unwrap() };
    let key = RecordKey::new("2026-11-23", exchange);
    let told = Opening { decision: decision.into(), hides_failure, ..opening(&ana, exchange, lost, None) };
    let bytes = Bytes::from(recording::encode(&told).unwrap().0);
    home.keep(&key, ObjectKind::Opening, bytes).await.unwrap();
    drop(home);
    lose_state(&path);
    let home = Home::open(&path).unwrap();
    assert_eq!(home.reconcile(NOON).await.unwrap().adopted, [key]);
    let wish = Wish::of(&ana).hiding(1);
    let may_be_one = !matches!(wish.claim(&home, handle()).await, Claimed::New { .. });
    // As a worker closes what is lost.
    let leased = home.lease(lost, 1, NOON, NOON.after(LEASE)).await.unwrap();
    let Leased::Ours(mut live) = leased else { panic!("{leased:?}") };
    live.stage = Stage::Closed;
    home.save(&live, 1, NOON).await.unwrap();
    let is_one = matches!(wish.at(100).claim(&home, handle()).await, Claimed::FailuresSpent { .. });
    assert_eq!(may_be_one, is_one);
    is_one
}

#[tokio::test]
async fn what_the_state_forgot_is_a_hidden_failure_if_its_opening_does_not_say_otherwise() {
    assert!(is_failure_after_the_state_is_lost("allow", Some(true)).await);
    assert!(!is_failure_after_the_state_is_lost("allow", Some(false)).await);
    assert!(is_failure_after_the_state_is_lost("allow", None).await, "an earlier version did not say");
    assert!(!is_failure_after_the_state_is_lost("refuse", None).await, "it cannot have run");
}

#[tokio::test]
async fn a_claim_that_opened_nothing_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    let ana = somebody();
    let first = handle();
    let wish = Wish::of(&ana).request("r-1", 7);
    new(wish.claim(&home, first).await);
    assert_eq!(wish.claim(&home, handle()).await, Claimed::Repeat(first));
    assert!(home.unattended(at(100), 10).await.unwrap().is_empty());
    new(wish.claim(&home, handle()).await);
}

#[tokio::test]
async fn an_opening_that_cannot_be_read_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    let ana = somebody();
    let key = open(&home, &ana, session(), 1, handle()).await;
    let file = home.path().join("records").join(key.object(ObjectKind::Opening));
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(8).position(|window| window == b"SELECT 1").unwrap();
    bytes[at] = b'X';
    std::fs::write(&file, &bytes).unwrap();
    let reconciled = home.reconcile(NOON).await.unwrap();
    assert_eq!((reconciled.adopted, reconciled.damaged), (Vec::new(), vec![key]));
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn what_is_over_for_a_day_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    let ana = somebody();
    let wish = Wish::of(&ana).request("r-1", 7);
    let done = handle();
    let (session, next) = new(wish.claim(&home, done).await);
    let mut state = live(&ana, done, session, next);
    state.children = vec![handle().to_string()];
    home.begin(&state, 1, NOON.after(LEASE)).await.unwrap();
    state.stage = Stage::Closed;
    home.save(&state, 1, at(7200)).await.unwrap();
    let child = state.children[0].parse().unwrap();
    home.unattended(at(24 * 3600 + 7100), 10).await.unwrap();
    assert!(home.find(&ana.key(), child).await.unwrap().is_some());
    home.unattended(at(24 * 3600 + 7300), 10).await.unwrap();
    assert!(home.find(&ana.key(), done).await.unwrap().is_none());
    assert!(home.find(&ana.key(), child).await.unwrap().is_none());
    new(wish.claim(&home, handle()).await);
}
