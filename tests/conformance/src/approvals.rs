//! What waits for people: found by its id, its steps written once, woken when somebody decides.

use std::time::Duration;

use bytes::Bytes;
use domain::{ApprovalId, Identity};
use gateway::ports::{Leased, Written};
use gateway::{Live, LiveApproval, Stage};
use tokio::task::JoinSet;

use super::{LEASE, NOON, Two, begin, somebody, unique};

const STEP: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// An exchange of `identity`'s that waits for a person, and that nobody needs to look at for ten minutes.
async fn held(two: &Two, identity: &Identity) -> (ApprovalId, Live) {
    let exchanges = two.first.exchanges.as_ref();
    let mut live = begin(exchanges, identity, 1).await;
    let id = ApprovalId::from_u128(u128::from(unique()) << 64 | 3);
    live.approval = Some(LiveApproval { id: id.to_string(), step: STEP.to_owned() });
    live.stage = Stage::Held {
        expires_us: NOON.after(Duration::from_secs(1800)).as_micros(),
        reason: "a person must decide".into(),
        look_us: Some(NOON.after(Duration::from_secs(600)).as_micros()),
        is_unasked: false,
    };
    exchanges.save(&live, 1, NOON.after(LEASE)).await.unwrap();
    exchanges.release(live.handle().unwrap(), 1).await.unwrap();
    (id, live)
}

async fn is_unattended(two: &Two, live: &Live) -> bool {
    let handles = two.second.exchanges.unattended(NOON.after(LEASE), 1000).await.unwrap();
    handles.contains(&live.handle().unwrap())
}

/// Its id leads to what waits, and still does when it runs and has ended; another leads nowhere.
pub async fn an_approval_is_found_by_its_id(two: &Two) {
    let (id, mut live) = held(two, &somebody()).await;
    let found = async |id| two.second.approvals.exchange_of(id).await.unwrap();
    assert_eq!(found(id).await, Some(live.clone()));
    assert_eq!(found(ApprovalId::from_u128(id.as_u128() ^ 1)).await, None);
    let exchanges = two.first.exchanges.as_ref();
    let handle = live.handle().unwrap();
    exchanges.lease(handle, 1, NOON, NOON.after(LEASE)).await.unwrap();
    for stage in [Stage::Opened, Stage::Running { upstream: "its handle".to_owned() }, Stage::Closed] {
        live.stage = stage;
        exchanges.save(&live, 1, NOON.after(LEASE)).await.unwrap();
        assert_eq!(found(id).await, Some(live.clone()));
    }
}

/// Only what waits is listed, the oldest first.
pub async fn what_waits_is_listed_until_it_runs(two: &Two) {
    let identity = somebody();
    let (_, mut first) = held(two, &identity).await;
    let (_, second) = held(two, &identity).await;
    let _runs = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    let listed = async || {
        let waiting = two.second.approvals.waiting(1000).await.unwrap();
        waiting.into_iter().map(|live| live.handle).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [first.handle.clone(), second.handle.clone()]);
    assert_eq!(two.second.approvals.waiting(1).await.unwrap().len(), 1);
    let exchanges = two.first.exchanges.as_ref();
    exchanges.lease(first.handle().unwrap(), 1, NOON, NOON.after(LEASE)).await.unwrap();
    first.stage = Stage::Opened;
    exchanges.save(&first, 1, NOON.after(LEASE)).await.unwrap();
    assert_eq!(listed().await, [second.handle]);
}

/// What somebody has asked that waited for a person is remembered, whatever became of it; and nobody else's.
pub async fn what_somebody_asked_is_told_the_latest_first(two: &Two) {
    let (identity, other) = (somebody(), somebody());
    let (_, mut first) = held(two, &identity).await;
    let (_, second) = held(two, &identity).await;
    let _unattended = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    held(two, &other).await;
    let exchanges = two.first.exchanges.as_ref();
    exchanges.lease(first.handle().unwrap(), 1, NOON, NOON.after(LEASE)).await.unwrap();
    first.stage = Stage::Closed;
    exchanges.save(&first, 1, NOON.after(LEASE)).await.unwrap();
    let asked = async |limit| {
        let asked = two.second.approvals.asked_by(&identity.key(), limit).await.unwrap();
        asked.into_iter().map(|live| live.handle).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(asked(100).await, [first.handle, second.handle].into());
    assert_eq!(asked(1).await.len(), 1);
}

/// Of many who write one step, in two processes, exactly one is told that theirs is kept, and it is.
pub async fn a_step_is_settled_once(two: &Two) {
    let (_, live) = held(two, &somebody()).await;
    let key = live.key().unwrap();
    for step in 0..3 {
        assert_eq!(two.second.approvals.step(&key, step).await.unwrap(), None);
        let mut tasks = JoinSet::new();
        for at in 0..20_u8 {
            let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
            let key = key.clone();
            tasks.spawn(async move {
                let written = store.approvals.settle(&key, step, Bytes::from(vec![at; 1000])).await.unwrap();
                matches!(written, Written::Kept(_)).then_some(at)
            });
        }
        let mut kept = tasks.join_all().await;
        kept.retain(Option::is_some);
        assert_eq!(kept.len(), 1, "step {step}");
        let bytes = two.first.approvals.step(&key, step).await.unwrap().unwrap();
        assert_eq!(bytes, vec![kept[0].unwrap(); 1000]);
    }
}

/// Of many who write the very same step, exactly one is told that it is theirs: equal bytes are no leave to go on.
pub async fn of_equal_steps_one_is_settled(two: &Two) {
    let (_, live) = held(two, &somebody()).await;
    let key = live.key().unwrap();
    let mut tasks = JoinSet::new();
    for at in 0..20_u8 {
        let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
        let key = key.clone();
        tasks.spawn(async move {
            let written = store.approvals.settle(&key, 0, Bytes::from_static(b"spent")).await.unwrap();
            matches!(written, Written::Kept(_))
        });
    }
    let kept = tasks.join_all().await.into_iter().filter(|kept| *kept).count();
    assert_eq!(kept, 1);
}

/// What was woken is unattended at once, until somebody leases it; a word that comes during a lease is not lost.
pub async fn what_was_woken_is_looked_at(two: &Two) {
    let (id, live) = held(two, &somebody()).await;
    let (other, another) = held(two, &somebody()).await;
    assert!(!is_unattended(two, &live).await);
    two.first.approvals.wake(id).await.unwrap();
    assert!(is_unattended(two, &live).await && !is_unattended(two, &another).await);
    let exchanges = two.second.exchanges.as_ref();
    let handle = live.handle().unwrap();
    let leased = exchanges.lease(handle, 2, NOON, NOON.after(LEASE)).await.unwrap();
    assert!(matches!(leased, Leased::Ours(_)));
    two.first.approvals.wake(id).await.unwrap();
    exchanges.save(&live, 2, NOON.after(LEASE)).await.unwrap();
    exchanges.release(handle, 2).await.unwrap();
    assert!(is_unattended(two, &live).await, "a word during the lease");
    let leased = exchanges.lease(handle, 2, NOON, NOON.after(LEASE)).await.unwrap();
    assert!(matches!(leased, Leased::Ours(_)));
    exchanges.save(&live, 2, NOON.after(LEASE)).await.unwrap();
    exchanges.release(handle, 2).await.unwrap();
    assert!(!is_unattended(two, &live).await);
    // Whatever id: nobody is there to be woken.
    two.first.approvals.wake(ApprovalId::from_u128(other.as_u128() ^ 1)).await.unwrap();
}
