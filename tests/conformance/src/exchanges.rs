//! Claims, sessions, request ids, budgets, revocation, and whose is what.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{ExchangeId, ExchangeNumber, Limits, PrincipalKey};
use gateway::Stage;
use gateway::ports::{Claimed, Denied, Leased, REFUSALS_PER_MINUTE, RevokedWhat, Saved, Written};
use recording::{ObjectKind, RecordKey};
use tokio::task::JoinSet;

use super::{LEASE, NOON, PLENTY, Two, Wish, begin, begin_as, handle, live, new, somebody};

/// Statements of one session that begin at once, in two processes, get the numbers from 1 on without a gap.
pub async fn numbers_have_no_gap_however_many_begin_at_once(two: &Two) {
    let identity = Arc::new(somebody());
    let mut tasks = JoinSet::new();
    for at in 0..100 {
        let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
        let identity = Arc::clone(&identity);
        tasks.spawn(async move {
            let handle = handle();
            let (session, next) = new(Wish::of(&identity).claim(store.exchanges.as_ref(), handle).await);
            for number in next.. {
                let exchange = ExchangeId { session, number: ExchangeNumber::new(number).unwrap() };
                let key = RecordKey::new("2026-11-23", exchange);
                let bytes = Bytes::from(handle.to_string());
                match store.recorder.keep(&key, ObjectKind::Opening, bytes).await.unwrap() {
                    Written::Taken => {}
                    Written::Kept(_) => {
                        let live = live(&identity, handle, session, number);
                        begin_as(store.exchanges.as_ref(), &live, 1).await;
                        return (session, number, handle);
                    }
                }
            }
            unreachable!()
        });
    }
    let mut begun = tasks.join_all().await;
    begun.sort_by_key(|(_, number, _)| *number);
    let numbers: Vec<u32> = begun.iter().map(|(_, number, _)| *number).collect();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    for (session, number, handle) in begun {
        let exchange = ExchangeId { session, number: ExchangeNumber::new(number).unwrap() };
        let key = RecordKey::new("2026-11-23", exchange);
        let kept = two.second.recordings.read(&key, ObjectKind::Opening).await.unwrap().unwrap();
        assert_eq!(kept, handle.to_string(), "one number, one opening");
        let found = two.first.exchanges.find(&identity.key(), handle).await.unwrap().unwrap();
        assert_eq!(found.exchange, exchange.to_string());
    }
}

/// A session lives while statements come; after half an hour of silence the next one opens another.
pub async fn a_session_ends_when_it_was_idle(two: &Two) {
    let identity = somebody();
    let claim = async |seconds: u64| {
        new(Wish::of(&identity).at(seconds).claim(two.first.exchanges.as_ref(), handle()).await).0
    };
    let first = claim(0).await;
    assert_eq!(claim(29 * 60).await, first);
    assert_eq!(claim(58 * 60).await, first, "each statement keeps it alive");
    assert_ne!(claim(89 * 60).await, first);
}

/// Conversations are apart, within a principal and between principals, whatever they are called.
pub async fn a_conversation_is_a_session_of_its_principal_alone(two: &Two) {
    let (ana, ben) = (somebody(), somebody());
    let exchanges = two.first.exchanges.as_ref();
    let none = new(Wish::of(&ana).claim(exchanges, handle()).await).0;
    let empty = new(Wish::of(&ana).conversation("").claim(exchanges, handle()).await).0;
    let named = new(Wish::of(&ana).conversation("c").claim(exchanges, handle()).await).0;
    let same = new(Wish::of(&ana).conversation("c").claim(two.second.exchanges.as_ref(), handle()).await).0;
    let bens = new(Wish::of(&ben).conversation("c").claim(exchanges, handle()).await).0;
    assert_eq!(named, same);
    assert_ne!(none, empty);
    assert_ne!(none, named);
    assert_ne!(named, bens);
}

/// A request id with the same content leads to its first handle, with other content to a refusal, at another
/// principal to nothing.
pub async fn a_request_id_is_idempotent_within_its_principal(two: &Two) {
    let (ana, ben) = (somebody(), somebody());
    let first = handle();
    let exchanges = two.first.exchanges.as_ref();
    let (session, _) = new(Wish::of(&ana).request("r-1", 1).claim(exchanges, first).await);
    for store in [&two.first, &two.second] {
        let again = Wish::of(&ana).request("r-1", 1).claim(store.exchanges.as_ref(), handle()).await;
        assert_eq!(again, Claimed::Repeat(first));
        let other = Wish::of(&ana).request("r-1", 2).claim(store.exchanges.as_ref(), handle()).await;
        assert_eq!(other, Claimed::Reused { session, next: 1 });
    }
    new(Wish::of(&ben).request("r-1", 2).claim(two.second.exchanges.as_ref(), handle()).await);
}

/// Of many equal requests at once exactly one is new.
pub async fn of_equal_requests_at_once_one_is_new(two: &Two) {
    let identity = Arc::new(somebody());
    let mut tasks = JoinSet::new();
    for at in 0..40 {
        let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
        let identity = Arc::clone(&identity);
        tasks.spawn(async move {
            let handle = handle();
            (handle, Wish::of(&identity).request("r", 1).claim(store.exchanges.as_ref(), handle).await)
        });
    }
    let claims = tasks.join_all().await;
    let mut fresh = claims.iter().filter(|(_, claimed)| matches!(claimed, Claimed::New { .. }));
    let (first, _) = fresh.next().unwrap();
    assert!(fresh.next().is_none());
    assert_eq!(claims.iter().filter(|(_, claimed)| *claimed == Claimed::Repeat(*first)).count(), 39);
}

/// A claim that is given back frees its request id and costs nothing.
pub async fn a_claim_given_back_costs_nothing(two: &Two) {
    let identity = somebody();
    let exchanges = two.first.exchanges.as_ref();
    let limits = Limits { at_once: 1, per_minute: 1, ..PLENTY };
    for _ in 0..3 {
        let handle = handle();
        new(Wish::of(&identity).request("r", 1).limits(limits).claim(exchanges, handle).await);
        exchanges.abandon(&identity.key(), handle).await.unwrap();
        exchanges.abandon(&identity.key(), handle).await.unwrap();
        assert!(exchanges.find(&identity.key(), handle).await.unwrap().is_none());
    }
}

/// Until it is saved for the first time it may be known by its claim alone: it counts, its request id is taken, and nobody else
/// has it. Its first save makes it everybody's; so does its end, be it the first.
pub async fn what_has_begun_is_known_by_its_first_save_at_the_latest(two: &Two) {
    let (first, second) = (two.first.exchanges.as_ref(), two.second.exchanges.as_ref());
    for ends_at_once in [false, true] {
        let identity = somebody();
        let own = handle();
        let wish = Wish::of(&identity).limits(Limits { at_once: 1, ..PLENTY }).request("r-1", 1);
        let (session, next) = new(wish.claim(first, own).await);
        let mut state = live(&identity, own, session, next);
        first.begin(&state, 1, NOON.after(LEASE)).await.unwrap();
        assert_eq!(wish.claim(second, handle()).await, Claimed::Repeat(own));
        let other = Wish::of(&identity).limits(wish.limits);
        over(other.claim(second, handle()).await, "statements at once", 1);
        assert!(second.find(&somebody().key(), own).await.unwrap().is_none());
        assert!(!matches!(second.lease(own, 2, NOON, NOON.after(LEASE)).await.unwrap(), Leased::Ours(_)));
        assert!(!second.unattended(NOON.after(LEASE / 2), 100_000).await.unwrap().contains(&own));
        state.stage =
            if ends_at_once { Stage::Closed } else { Stage::Running { upstream: "its handle".into() } };
        state.upstream_us = 5;
        assert_eq!(first.save(&state, 1, NOON.after(LEASE)).await.unwrap(), Saved::Yes);
        assert_eq!(second.find(&identity.key(), own).await.unwrap(), Some(state.clone()));
        assert_eq!(second.save(&state, 2, NOON.after(LEASE)).await.unwrap(), Saved::LeaseLost, "not its own");
        assert_eq!(wish.claim(second, handle()).await, Claimed::Repeat(own));
        let claimed = other.claim(second, handle()).await;
        if ends_at_once {
            assert_eq!(new(claimed), (session, next + 1));
        } else {
            over(claimed, "statements at once", 1);
        }
    }
}

/// What has begun cannot be given back.
pub async fn an_exchange_that_began_cannot_be_given_back(two: &Two) {
    let identity = somebody();
    let live = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    let handle = live.handle().unwrap();
    two.second.exchanges.abandon(&identity.key(), handle).await.unwrap();
    assert_eq!(two.first.exchanges.find(&identity.key(), handle).await.unwrap(), Some(live));
}

#[track_caller]
fn over(claimed: Claimed, expected: &str, seconds: u64) {
    let Claimed::OverBudget { limit, retry_after, .. } = claimed else {
        panic!("within the budget: {claimed:?}");
    };
    assert_eq!((limit, retry_after), (expected, Duration::from_secs(seconds)));
}

/// Statements under way count until they are closed, in both processes together.
pub async fn statements_at_once_are_limited_until_one_is_closed(two: &Two) {
    let identity = somebody();
    let limits = Limits { at_once: 2, ..PLENTY };
    let mut first = begin(two.first.exchanges.as_ref(), &identity, 1).await;
    new(Wish::of(&identity).limits(limits).claim(two.second.exchanges.as_ref(), handle()).await);
    let third = Wish::of(&identity).limits(limits);
    over(third.claim(two.first.exchanges.as_ref(), handle()).await, "statements at once", 1);
    new(Wish::of(&somebody()).limits(limits).claim(two.first.exchanges.as_ref(), handle()).await);
    first.stage = Stage::Closed;
    two.first.exchanges.save(&first, 1, NOON).await.unwrap();
    new(third.claim(two.first.exchanges.as_ref(), handle()).await);
}

/// A claim whose exchange never began holds its place for a while, not for ever.
pub async fn a_claim_that_never_began_counts_no_more_after_a_while(two: &Two) {
    let identity = somebody();
    let limits = Limits { at_once: 1, ..PLENTY };
    let exchanges = two.first.exchanges.as_ref();
    new(Wish::of(&identity).limits(limits).claim(exchanges, handle()).await);
    over(Wish::of(&identity).at(10).limits(limits).claim(exchanges, handle()).await, "statements at once", 1);
    new(Wish::of(&identity).at(3600).limits(limits).claim(exchanges, handle()).await);
}

/// No sixty seconds hold more statements than allowed, refused ones do not count, and the wait that is told suffices.
pub async fn statements_per_minute_are_limited(two: &Two) {
    let identity = somebody();
    let limits = Limits { per_minute: 3, ..PLENTY };
    let claim = async |at: u64| {
        Wish::of(&identity).at(at).limits(limits).claim(two.first.exchanges.as_ref(), handle()).await
    };
    for at in [0, 10, 20] {
        new(claim(at).await);
    }
    over(claim(30).await, "statements per minute", 31);
    over(claim(59).await, "statements per minute", 2);
    new(claim(61).await);
    over(claim(62).await, "statements per minute", 9);
    let none = Limits { per_minute: 0, ..PLENTY };
    let refused = Wish::of(&somebody()).limits(none).claim(two.first.exchanges.as_ref(), handle()).await;
    assert!(matches!(refused, Claimed::OverBudget { limit: "statements per minute", .. }));
}

/// Refused claims cost nothing, so that they are bounded apart: a principal's first ones of a minute are recorded, and
/// what may run is never counted only.
pub async fn of_many_refused_claims_a_few_are_recorded_and_the_rest_counted(two: &Two) {
    let identity = somebody();
    let none = Wish::of(&identity).limits(Limits { at_once: 0, ..PLENTY });
    let stores = [&two.first, &two.second];
    for at in 0..REFUSALS_PER_MINUTE {
        let store = stores[(at % 2) as usize];
        over(none.claim(store.exchanges.as_ref(), handle()).await, "statements at once", 1);
    }
    let denied = Denied::OverBudget { limit: "statements at once", retry_after: Duration::from_secs(1) };
    for store in stores {
        assert_eq!(none.claim(store.exchanges.as_ref(), handle()).await, Claimed::Counted(denied));
        assert_eq!(none.foresee(store.exchanges.as_ref()).await, Claimed::Counted(denied));
    }
    new(Wish::of(&identity).claim(two.first.exchanges.as_ref(), handle()).await);
    let bystander = Wish::of(&somebody()).limits(Limits { at_once: 0, ..PLENTY });
    over(bystander.claim(two.first.exchanges.as_ref(), handle()).await, "statements at once", 1);
    let later = none.at(62);
    over(later.claim(two.second.exchanges.as_ref(), handle()).await, "statements at once", 1);
}

/// Looking ahead answers as a claim would, and changes nothing.
pub async fn what_is_foreseen_is_what_a_claim_answers(two: &Two) {
    let identity = somebody();
    let exchanges = two.first.exchanges.as_ref();
    let wish = Wish::of(&identity).limits(Limits { per_minute: 1, ..PLENTY }).request("r-1", 1);
    for _ in 0..3 {
        new(wish.foresee(exchanges).await);
    }
    let first = handle();
    let (session, next) = new(wish.claim(exchanges, first).await);
    assert_eq!(next, 1);
    assert_eq!(wish.foresee(exchanges).await, Claimed::Repeat(first));
    let other = Wish::of(&identity).request("r-1", 2);
    assert_eq!(other.foresee(exchanges).await, Claimed::Reused { session, next });
    let second = Wish::of(&identity).limits(Limits { per_minute: 1, ..PLENTY });
    over(second.foresee(exchanges).await, "statements per minute", 61);
}

/// Upstream time counts as it is spent, also of a statement that still runs.
pub async fn upstream_seconds_are_limited_within_an_hour(two: &Two) {
    let identity = somebody();
    let limits = Limits { upstream_seconds_per_hour: 10, ..PLENTY };
    let exchanges = two.first.exchanges.as_ref();
    let mut live = begin(exchanges, &identity, 1).await;
    live.upstream_us = 9_000_000;
    exchanges.save(&live, 1, NOON).await.unwrap();
    new(Wish::of(&identity).limits(limits).claim(exchanges, handle()).await);
    live.upstream_us = 10_000_000;
    exchanges.save(&live, 1, NOON).await.unwrap();
    let later = Wish::of(&identity).at(30 * 60).limits(limits);
    over(later.claim(two.second.exchanges.as_ref(), handle()).await, "upstream seconds per hour", 31 * 60);
    new(Wish::of(&identity).at(61 * 60).limits(limits).claim(exchanges, handle()).await);
}

/// What another principal has looks exactly like what nobody has, by every way (invariant I11).
pub async fn another_principals_exchange_looks_like_none(two: &Two) {
    let (ana, ben) = (somebody(), somebody());
    let exchanges = two.first.exchanges.as_ref();
    let own = handle();
    let children = [handle(), handle()];
    let (session, next) = new(Wish::of(&ana).claim(exchanges, own).await);
    let mut state = live(&ana, own, session, next);
    state.children = children.iter().map(ToString::to_string).collect();
    exchanges.begin(&state, 1, NOON).await.unwrap();
    for handle in [own, children[0], children[1]] {
        assert_eq!(exchanges.find(&ana.key(), handle).await.unwrap().as_ref(), Some(&state));
        let near_misses = [
            ben.key(),
            PrincipalKey::from_stored(String::new()),
            PrincipalKey::from_stored(format!("{}x", ana.key().as_str())),
        ];
        for other in near_misses {
            assert_eq!(exchanges.find(&other, handle).await.unwrap(), None);
            assert!(!exchanges.want_cancelled(&other, handle).await.unwrap());
        }
    }
    assert_eq!(exchanges.find(&ana.key(), handle()).await.unwrap(), None);
    assert!(!exchanges.want_cancelled(&ana.key(), handle()).await.unwrap());
    // Nobody can take a handle over by claiming or beginning it again.
    let theft = live(&ben, own, session, next + 1);
    let begun = exchanges.begin(&theft, 2, NOON).await;
    assert!(begun.is_err() || exchanges.save(&theft, 2, NOON).await.unwrap() == Saved::LeaseLost);
    assert_eq!(exchanges.find(&ana.key(), own).await.unwrap(), Some(state));
}

/// Whoever was revoked is refused by both processes: agent, person, subject, session.
pub async fn revocation_is_seen_by_every_process(two: &Two, revoke: &(dyn Fn(RevokedWhat, &str) + Sync)) {
    for what in [RevokedWhat::Agent, RevokedWhat::Person, RevokedWhat::Session] {
        let (identity, bystander) = (somebody(), somebody());
        let (session, _) = new(Wish::of(&identity).claim(two.first.exchanges.as_ref(), handle()).await);
        assert_eq!(two.second.exchanges.revoked(&identity, Some(session)).await.unwrap(), None);
        let id = match what {
            RevokedWhat::Agent => identity.agent.as_str().to_owned(),
            RevokedWhat::Person => identity.person.as_ref().unwrap().as_str().to_owned(),
            RevokedWhat::Session => session.to_string(),
        };
        revoke(what, &id);
        for store in [&two.first, &two.second] {
            let exchanges = store.exchanges.as_ref();
            assert_eq!(exchanges.revoked(&identity, Some(session)).await.unwrap(), Some(what));
            assert_eq!(exchanges.revoked(&bystander, None).await.unwrap(), None);
            let claimed = Wish::of(&identity).claim(exchanges, handle()).await;
            assert_eq!(claimed, Claimed::Revoked { session, next: 1, what });
        }
    }
    let mut alone = somebody();
    alone.person = None;
    revoke(RevokedWhat::Person, &alone.subject);
    assert_eq!(two.second.exchanges.revoked(&alone, None).await.unwrap(), Some(RevokedWhat::Person));
    let people = two.second.exchanges.revoked_people().await.unwrap();
    assert!(
        people.contains(&alone.subject) && people.iter().all(|name| !name.starts_with("agent-")),
        "{people:?}"
    );
}
