//! What asks people to decide: so often an hour, and once for the same thing.

use std::time::Duration;

use domain::{Handle, Identity, Limits};
use gateway::ports::{Claimed, Exchanges};
use gateway::{Live, Stage};

use super::{LEASE, NOON, PLENTY, Two, Wish, handle, live, new, somebody};

fn wish(identity: &Identity) -> Wish {
    Wish::of(identity).limits(Limits { asks_per_hour: 2, ..PLENTY }).waiting()
}

/// Begins what was claimed as one that waits.
async fn waits(exchanges: &dyn Exchanges, identity: &Identity, claimed: Claimed, handle: Handle) -> Live {
    let (session, next) = new(claimed);
    let expires_us = NOON.after(Duration::from_secs(600)).as_micros();
    let stage =
        Stage::Held { expires_us, reason: "a person must decide".into(), look_us: None, is_unasked: false };
    let state = Live { stage, ..live(identity, handle, session, next) };
    exchanges.begin(&state, 1, NOON.after(LEASE)).await.unwrap();
    state
}

/// What was withdrawn at once has asked people all the same; what need not ask runs, and an hour later there is room.
pub async fn people_are_asked_so_often_an_hour_whatever_becomes_of_it(two: &Two) {
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    for seconds in [0, 10] {
        let handle = handle();
        let claimed = wish(&identity).at(seconds).claim(first, handle).await;
        let state = waits(first, &identity, claimed, handle).await;
        first.save(&Live { stage: Stage::Closed, ..state }, 1, NOON).await.unwrap();
    }
    let claimed = wish(&identity).at(20).claim(second, handle()).await;
    let Claimed::OverBudget { limit, retry_after, .. } = claimed else { panic!("{claimed:?}") };
    assert_eq!(limit, "statements an hour that ask for a decision");
    // When the first of the two is an hour old.
    assert_eq!(retry_after, Duration::from_secs(3600 - 20 + 1));
    new(Wish::of(&identity).at(20).claim(second, handle()).await);
    new(wish(&somebody()).at(20).claim(second, handle()).await);
    assert!(matches!(wish(&identity).at(3600).claim(second, handle()).await, Claimed::OverBudget { .. }));
    new(wish(&identity).at(3601).claim(second, handle()).await);
}

/// One whose opening could not be kept has asked nobody; of many at once no more ask than may.
pub async fn of_many_asks_at_once_no_more_are_told_than_may_be(two: &Two) {
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    let given_back = handle();
    new(wish(&identity).claim(first, given_back).await);
    first.abandon(&identity.key(), given_back).await.unwrap();
    new(wish(&identity).claim(first, handle()).await);
    new(wish(&identity).claim(second, handle()).await);
    assert!(matches!(wish(&identity).claim(second, handle()).await, Claimed::OverBudget { .. }));
}

/// The same thing again joins what waits, over every limit; another thing, somebody else's, and what has ended are none.
pub async fn the_same_thing_again_joins_what_waits(two: &Two) {
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    let own = handle();
    let claimed = wish(&identity).joining(1).claim(first, own).await;
    let state = waits(first, &identity, claimed, own).await;
    for _ in 0..5 {
        assert_eq!(wish(&identity).joining(1).claim(second, handle()).await, Claimed::Joins(own));
    }
    // Also where it would wait because too much has failed.
    let mut failing = Wish::of(&identity).hiding(0).joining(1);
    failing.limits.asks_per_hour = 2;
    assert_eq!(failing.claim(second, handle()).await, Claimed::Joins(own));
    new(wish(&somebody()).joining(1).claim(second, handle()).await);
    new(Wish::of(&identity).joining(1).claim(second, handle()).await);
    new(wish(&identity).joining(2).claim(second, handle()).await);
    // The limit is reached by now.
    assert_eq!(wish(&identity).joining(1).claim(second, handle()).await, Claimed::Joins(own));
    let alone = Wish { may_join: false, ..wish(&identity).joining(1) };
    assert!(matches!(alone.claim(second, handle()).await, Claimed::OverBudget { .. }));
    first.save(&Live { stage: Stage::Closed, ..state }, 1, NOON).await.unwrap();
    assert!(matches!(wish(&identity).joining(1).claim(second, handle()).await, Claimed::OverBudget { .. }));
}

/// What asks without a claim of its own counts together with what waits from its claim on.
pub async fn what_asks_later_counts_like_what_asks_at_once(two: &Two) {
    let identity = somebody();
    let key = identity.key();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    let at = |seconds| NOON.after(Duration::from_secs(seconds));
    assert_eq!(first.count_ask(&key, 2, at(0)).await.unwrap(), None);
    let handle = handle();
    let claimed = wish(&identity).at(10).claim(second, handle).await;
    waits(second, &identity, claimed, handle).await;
    let full = second.count_ask(&key, 2, at(20)).await.unwrap();
    assert_eq!(full, Some(Duration::from_secs(3600 - 20 + 1)));
    assert!(matches!(wish(&identity).at(30).claim(first, self::handle()).await, Claimed::OverBudget { .. }));
    assert_eq!(first.count_ask(&somebody().key(), 1, at(30)).await.unwrap(), None, "nobody else's");
    assert_eq!(first.count_ask(&key, 2, at(3601)).await.unwrap(), None, "an hour later there is room");
}

/// What is over for a day is forgotten by whoever looks for work, and nothing of what counts within the hour.
pub async fn housekeeping_forgets_no_ask_of_the_hour(two: &Two) {
    const NEXT_DAY: u64 = 25 * 3600;
    let identity = somebody();
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    let old = handle();
    let claimed = wish(&identity).claim(first, old).await;
    let state = waits(first, &identity, claimed, old).await;
    first.save(&Live { stage: Stage::Closed, ..state }, 1, NOON).await.unwrap();
    for seconds in [0, 10] {
        new(wish(&identity).at(NEXT_DAY + seconds).claim(first, handle()).await);
    }
    first.unattended(NOON.after(Duration::from_secs(NEXT_DAY + 600)), 10).await.unwrap();
    let claimed = wish(&identity).at(NEXT_DAY + 600).claim(second, handle()).await;
    assert!(matches!(claimed, Claimed::OverBudget { .. }), "{claimed:?}");
}
