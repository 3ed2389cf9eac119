//! Leases, progress, cancellation, and what nobody works on.

use std::sync::Arc;
use std::time::Duration;

use domain::Handle;
use gateway::Stage;
use gateway::ports::{Leased, Saved};
use tokio::task::JoinSet;

use super::{LEASE, NOON, Two, begin, somebody};

/// Of many that want one exchange, in two processes, exactly one gets it.
pub async fn one_of_many_gets_the_lease(two: &Two) {
    let live = begin(two.first.exchanges.as_ref(), &somebody(), 1).await;
    let handle = live.handle().unwrap();
    let late = NOON.after(LEASE);
    let mut tasks = JoinSet::new();
    for holder in 2..52_u128 {
        let store = if holder % 2 == 0 { two.first.clone() } else { two.second.clone() };
        tasks.spawn(
            async move { store.exchanges.lease(handle, holder, late, late.after(LEASE)).await.unwrap() },
        );
    }
    let leased = tasks.join_all().await;
    assert_eq!(leased.iter().filter(|leased| matches!(leased, Leased::Ours(_))).count(), 1);
    assert_eq!(leased.iter().filter(|leased| matches!(leased, Leased::Theirs)).count(), 49);
}

/// A lease holds until it ends or is given up; who lost it cannot save.
pub async fn whoever_lost_the_lease_cannot_save(two: &Two) {
    let identity = somebody();
    let mut live = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    let handle = live.handle().unwrap();
    let second = two.second.exchanges.as_ref();
    let until = NOON.after(LEASE);
    assert!(matches!(second.lease(handle, 2, NOON, until).await.unwrap(), Leased::Theirs));
    live.masking_us = 5;
    assert_eq!(two.first.exchanges.save(&live, 1, until).await.unwrap(), Saved::Yes);
    let Leased::Ours(found) = second.lease(handle, 2, until, until.after(LEASE)).await.unwrap() else {
        panic!("the lease has ended");
    };
    assert_eq!(*found, live);
    live.masking_us = 6;
    assert_eq!(two.first.exchanges.save(&live, 1, until).await.unwrap(), Saved::LeaseLost);
    let found = second.find(&identity.key(), handle).await.unwrap().unwrap();
    assert_eq!(found.masking_us, 5, "nothing was written");
    second.release(handle, 1).await.unwrap();
    assert!(matches!(
        two.first.exchanges.lease(handle, 1, until, until.after(LEASE)).await.unwrap(),
        Leased::Theirs
    ));
    second.release(handle, 2).await.unwrap();
    assert!(matches!(
        two.first.exchanges.lease(handle, 1, until, until.after(LEASE)).await.unwrap(),
        Leased::Ours(_)
    ));
}

/// The wish to cancel reaches whoever works on it with its next progress, and nobody once it has ended.
pub async fn a_wish_to_cancel_reaches_the_holder(two: &Two) {
    let identity = somebody();
    let mut live = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    let handle = live.handle().unwrap();
    assert!(two.second.exchanges.want_cancelled(&identity.key(), handle).await.unwrap());
    assert_eq!(two.first.exchanges.save(&live, 1, NOON.after(LEASE)).await.unwrap(), Saved::CancelWanted);
    live.stage = Stage::Closed;
    assert_eq!(two.first.exchanges.save(&live, 1, NOON).await.unwrap(), Saved::Yes);
    assert!(!two.second.exchanges.want_cancelled(&identity.key(), handle).await.unwrap());
}

/// A closed exchange stays as it was closed, and needs nobody.
pub async fn a_closed_exchange_is_found_and_never_changed(two: &Two) {
    let identity = somebody();
    let mut live = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    let handle = live.handle().unwrap();
    live.stage = Stage::Closed;
    two.first.exchanges.save(&live, 1, NOON).await.unwrap();
    let closed = live.clone();
    live.stage = Stage::Opened;
    assert_eq!(two.first.exchanges.save(&live, 1, NOON).await.unwrap(), Saved::LeaseLost);
    let late = NOON.after(Duration::from_secs(3600));
    match two.second.exchanges.lease(handle, 2, late, late.after(LEASE)).await.unwrap() {
        Leased::Ours(found) => assert_eq!(*found, closed),
        Leased::Unknown => {}
        Leased::Theirs => panic!("nobody works on it"),
    }
    assert_eq!(two.second.exchanges.save(&live, 2, late).await.unwrap(), Saved::LeaseLost);
    assert_eq!(two.second.exchanges.find(&identity.key(), handle).await.unwrap(), Some(closed));
    assert!(!unattended(two, late).await.contains(&handle));
}

/// What nobody works on is found by every process, once its lease has ended.
pub async fn what_nobody_works_on_is_unattended(two: &Two) {
    let identity = Arc::new(somebody());
    let live = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    let handle = live.handle().unwrap();
    assert!(!unattended(two, NOON).await.contains(&handle));
    let until = NOON.after(LEASE);
    assert!(unattended(two, until).await.contains(&handle));
    let leased = two.second.exchanges.lease(handle, 2, until, until.after(LEASE)).await.unwrap();
    assert!(matches!(leased, Leased::Ours(_)));
    assert!(!unattended(two, until).await.contains(&handle));
    two.second.exchanges.release(handle, 2).await.unwrap();
    assert!(unattended(two, until).await.contains(&handle));
}

/// A statement that waits for a person needs nobody until its time has come, or its agent gives up.
pub async fn a_held_exchange_is_unattended_when_it_expires_or_is_cancelled(two: &Two) {
    let identity = somebody();
    let hold = async || {
        let mut live = begin(two.first.exchanges.as_ref(), &identity, 1).await;
        let expires_us = NOON.after(Duration::from_secs(600)).as_micros();
        live.stage = Stage::Held {
            expires_us,
            reason: "a person must decide".into(),
            look_us: None,
            is_unasked: false,
        };
        two.first.exchanges.save(&live, 1, NOON).await.unwrap();
        two.first.exchanges.release(live.handle().unwrap(), 1).await.unwrap();
        live.handle().unwrap()
    };
    let (expires, cancelled) = (hold().await, hold().await);
    let soon = NOON.after(Duration::from_secs(30));
    two.second.exchanges.want_cancelled(&identity.key(), cancelled).await.unwrap();
    let found = unattended(two, soon).await;
    assert_eq!((found.contains(&expires), found.contains(&cancelled)), (false, true));
    assert!(unattended(two, NOON.after(Duration::from_secs(600))).await.contains(&expires));
}

/// Many that cannot be carried on do not keep others from their turn.
pub async fn the_unattended_take_turns(two: &Two) {
    let identity = somebody();
    let mut handles = Vec::new();
    for _ in 0..6 {
        let live = begin(two.first.exchanges.as_ref(), &identity, 1).await;
        let handle = live.handle().unwrap();
        two.first.exchanges.release(handle, 1).await.unwrap();
        handles.push(handle);
    }
    let mut seen = Vec::new();
    for turn in 1..200 {
        let now = NOON.after(Duration::from_secs(turn));
        for handle in two.second.exchanges.unattended(now, 2).await.unwrap() {
            two.second.exchanges.lease(handle, 2, now, now.after(LEASE)).await.unwrap();
            two.second.exchanges.release(handle, 2).await.unwrap();
            seen.push(handle);
        }
    }
    assert!(handles.iter().all(|handle| seen.contains(handle)));
}

async fn unattended(two: &Two, now: domain::Timestamp) -> Vec<Handle> {
    let first = two.first.exchanges.unattended(now, 100_000).await.unwrap();
    let second = two.second.exchanges.unattended(now, 100_000).await.unwrap();
    assert_eq!(first, second);
    first
}
