//! Hidden failures: what counts as one, for how long, and that no hour holds more than allowed.

use std::sync::Arc;
use std::time::Duration;

use domain::{Identity, Limits, SessionId};
use gateway::ports::{Claimed, Exchanges, Saved};
use gateway::{Live, Stage};
use tokio::task::JoinSet;

use super::{LEASE, NOON, PLENTY, Two, Wish, handle, live, new, somebody};

/// Claims and begins a statement whose failure would be hidden.
async fn begin(exchanges: &dyn Exchanges, identity: &Identity) -> Live {
    let handle = handle();
    let (session, next) = new(Wish::of(identity).hiding(1000).claim(exchanges, handle).await);
    let live = Live { hidden_failure: true, ..live(identity, handle, session, next) };
    exchanges.begin(&live, 1, NOON.after(LEASE)).await.unwrap();
    live
}

/// One that ends as it does, so many seconds after noon.
async fn end(exchanges: &dyn Exchanges, mut live: Live, hidden_failure: bool, seconds: u64) {
    live.stage = Stage::Closed;
    live.hidden_failure = hidden_failure;
    let now = NOON.after(Duration::from_secs(seconds));
    assert_eq!(exchanges.save(&live, 1, now).await.unwrap(), Saved::Yes);
}

#[track_caller]
fn spent(claimed: Claimed) -> (SessionId, u32) {
    let Claimed::FailuresSpent { session, next } = claimed else {
        panic!("within the budget: {claimed:?}");
    };
    (session, next)
}

/// Nothing has failed too often yet, but it would have if all failed that are under way.
#[track_caller]
fn waits_for_others(claimed: Claimed) {
    let Claimed::OverBudget { limit, retry_after, .. } = claimed else { panic!("{claimed:?}") };
    assert_eq!((limit, retry_after), ("statements over masked columns at once", Duration::from_secs(1)));
}

/// Failures count for an hour, in every process and conversation of their principal, and for nobody else; what hides
/// nothing goes on.
pub async fn hidden_failures_are_limited_within_an_hour(two: &Two) {
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    for (exchanges, seconds) in [(first, 0), (second, 600), (first, 600)] {
        let live = begin(exchanges, &identity).await;
        end(exchanges, live, true, seconds).await;
    }
    for exchanges in [first, second] {
        let wish = || Wish::of(&identity).at(700);
        spent(wish().hiding(3).claim(exchanges, handle()).await);
        spent(wish().hiding(2).conversation("another").claim(exchanges, handle()).await);
        new(wish().claim(exchanges, handle()).await);
        new(Wish::of(&somebody()).at(700).hiding(1).claim(exchanges, handle()).await);
    }
    let later = |seconds: u64| Wish::of(&identity).at(seconds).hiding(3);
    spent(later(3599).claim(second, handle()).await);
    let free = handle();
    new(later(3602).claim(second, free).await);
    waits_for_others(later(3602).claim(second, handle()).await);
    second.abandon(&identity.key(), free).await.unwrap();
    spent(later(3602).hiding(2).claim(second, handle()).await);
    new(later(4202).hiding(1).claim(first, handle()).await);
}

/// What released rows, or told its failure, is none.
pub async fn what_has_told_that_it_did_not_fail_is_no_hidden_failure(two: &Two) {
    let identity = somebody();
    let exchanges = two.first.exchanges.as_ref();
    for _ in 0..5 {
        let live = begin(exchanges, &identity).await;
        end(exchanges, live, false, 0).await;
    }
    new(Wish::of(&identity).hiding(1).claim(two.second.exchanges.as_ref(), handle()).await);
}

/// A process that dies does not make a failure unseen: what is under way is one until it has told.
pub async fn what_never_told_how_it_ended_is_a_hidden_failure(two: &Two) {
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    let mut live = begin(first, &identity).await;
    let wish = |seconds: u64| Wish::of(&identity).at(seconds).hiding(1);
    waits_for_others(wish(1).claim(second, handle()).await);
    live.stage = Stage::Running { upstream: "its handle".to_owned() };
    first.save(&live, 1, NOON.after(LEASE)).await.unwrap();
    waits_for_others(wish(9000).claim(second, handle()).await);
    end(first, live, true, 9000).await;
    spent(wish(9000 + 3599).claim(second, handle()).await);
    new(wish(9000 + 3602).claim(second, handle()).await);
}

/// Neither a claim that was given back nor one that never began counts for long.
pub async fn a_claim_that_never_ran_is_no_hidden_failure(two: &Two) {
    let identity = somebody();
    let exchanges = two.first.exchanges.as_ref();
    let wish = |seconds: u64| Wish::of(&identity).at(seconds).hiding(1);
    let given_back = handle();
    new(wish(0).claim(exchanges, given_back).await);
    waits_for_others(wish(0).claim(exchanges, handle()).await);
    exchanges.abandon(&identity.key(), given_back).await.unwrap();
    new(wish(0).claim(exchanges, handle()).await);
    waits_for_others(wish(10).claim(exchanges, handle()).await);
    new(wish(3600).claim(exchanges, handle()).await);
}

/// What waits for a person has not failed; what runs once it was approved may.
pub async fn what_waits_for_a_person_is_no_hidden_failure(two: &Two) {
    let identity = somebody();
    let exchanges = two.first.exchanges.as_ref();
    let wish = |seconds: u64| Wish::of(&identity).at(seconds).hiding(1);
    let mut live = begin(exchanges, &identity).await;
    let expires_us = NOON.after(Duration::from_secs(600)).as_micros();
    live.stage =
        Stage::Held { expires_us, reason: "a person must decide".into(), look_us: None, is_unasked: false };
    exchanges.save(&live, 1, NOON.after(LEASE)).await.unwrap();
    let next = handle();
    new(wish(0).claim(exchanges, next).await);
    exchanges.abandon(&identity.key(), next).await.unwrap();
    live.stage = Stage::Running { upstream: "its handle".to_owned() };
    exchanges.save(&live, 1, NOON.after(LEASE)).await.unwrap();
    waits_for_others(wish(0).claim(exchanges, handle()).await);
    end(exchanges, live, false, 0).await;
    new(wish(0).claim(exchanges, handle()).await);
}

/// One that must wait is no failure itself, keeps its request id, and costs what any statement costs.
pub async fn one_that_must_wait_is_an_exchange_like_any_other(two: &Two) {
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    let failed = begin(first, &identity).await;
    end(first, failed, true, 0).await;
    let waits = handle();
    let wish = Wish::of(&identity).request("r-1", 1).hiding(1);
    let (session, next) = spent(wish.claim(first, waits).await);
    assert_eq!(next, 2);
    new(Wish::of(&identity).hiding(2).claim(second, handle()).await);
    let mut state = live(&identity, waits, session, next);
    state.hidden_failure = true;
    let expires_us = NOON.after(Duration::from_secs(600)).as_micros();
    state.stage =
        Stage::Held { expires_us, reason: "a person must decide".into(), look_us: None, is_unasked: false };
    first.begin(&state, 0, NOON).await.unwrap();
    assert_eq!(wish.claim(second, handle()).await, Claimed::Repeat(waits));
    assert_eq!(second.find(&identity.key(), waits).await.unwrap(), Some(state));
}

/// However many wait for a person, what need not wait runs.
pub async fn so_many_may_wait_and_keep_none_from_running(two: &Two) {
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    let failed = begin(first, &identity).await;
    end(first, failed, true, 0).await;
    let limits = Limits { at_once: 1, ..PLENTY };
    let mut waiting = 0;
    let claimed = loop {
        let handle = handle();
        let claimed = Wish::of(&identity).limits(limits).hiding(1).claim(first, handle).await;
        let Claimed::FailuresSpent { session, next } = claimed else { break claimed };
        let expires_us = NOON.after(Duration::from_secs(600)).as_micros();
        let stage = Stage::Held {
            expires_us,
            reason: "a person must decide".into(),
            look_us: None,
            is_unasked: false,
        };
        let state = Live { stage, hidden_failure: true, ..live(&identity, handle, session, next) };
        first.begin(&state, 0, NOON).await.unwrap();
        waiting += 1;
        assert!(waiting < 100);
    };
    let is_full = |claimed: &Claimed| {
        matches!(claimed, Claimed::OverBudget { limit: "statements that wait for a decision", .. })
    };
    assert!(is_full(&claimed), "{claimed:?}");
    let wish = || Wish::of(&identity).limits(limits);
    assert!(is_full(&wish().waiting().claim(second, handle()).await));
    new(wish().claim(second, handle()).await);
}

/// Of many at once, in two processes, no more run than could fail within the limit.
pub async fn of_many_at_once_no_more_run_than_may_fail(two: &Two) {
    let identity = Arc::new(somebody());
    let failed = begin(two.first.exchanges.as_ref(), &identity).await;
    end(two.first.exchanges.as_ref(), failed, true, 0).await;
    let mut tasks = JoinSet::new();
    for at in 0..40 {
        let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
        let identity = Arc::clone(&identity);
        tasks.spawn(
            async move { Wish::of(&identity).hiding(8).claim(store.exchanges.as_ref(), handle()).await },
        );
    }
    let claims = tasks.join_all().await;
    assert_eq!(claims.iter().filter(|claimed| matches!(claimed, Claimed::New { .. })).count(), 7);
    let is_denied = |claimed: &&Claimed| matches!(claimed, Claimed::OverBudget { .. } | Claimed::Counted(_));
    assert_eq!(claims.iter().filter(is_denied).count(), 33);
}

/// A failure counts once, whoever saves it again.
pub async fn a_hidden_failure_counts_once(two: &Two) {
    let identity = somebody();
    let exchanges = two.first.exchanges.as_ref();
    let mut live = begin(exchanges, &identity).await;
    end(exchanges, live.clone(), true, 0).await;
    live.stage = Stage::Closed;
    for store in [&two.first, &two.second] {
        assert_eq!(store.exchanges.save(&live, 1, NOON).await.unwrap(), Saved::LeaseLost);
    }
    new(Wish::of(&identity).hiding(2).claim(two.second.exchanges.as_ref(), handle()).await);
}
