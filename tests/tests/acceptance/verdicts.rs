//! Everything about an approval at once, and processes that die at every step of it: one outcome, always recorded, and
//! nothing runs twice.

use std::sync::Arc;
use std::time::Duration;

use domain::{ApprovalState, Credential, Door, Unmoved, Verdict};
use gateway::{Gateway, ReviewError};
use recording::{ClosingOutcome, Severity, StepRecord, Wrong};
use tokio::task::JoinSet;

use crate::chaos::{Chaos, Strike};
use crate::door::{get, router};
use crate::held::{WRITE, deletes, held, house, reviewer, steps, waiting, words, work};
use crate::house::{House, asked, in_time, review};

/// What people have said, in the order in which it counted.
fn verdicts(house: &House) -> Vec<String> {
    let decided = steps(house).into_iter().filter_map(|step| match step.what {
        StepRecord::Decided { verdict, .. } => Some(verdict),
        _ => None,
    });
    decided.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_verdicts_at_once_one_yes_counts_and_one_no_ends_it() {
    for round in 0..8 {
        let is_denied_by_some = round % 2 == 0;
        let house = house().await;
        let gateway = house.gateway();
        let router = router(gateway.clone());
        let held = held(&router, WRITE).await;
        let id = waiting(&house.review()).await;
        let mut at_once = JoinSet::new();
        for who in 0..8 {
            // Each from a process of its own.
            let review = house.review();
            let denies = is_denied_by_some && (who + round / 2) % 2 == 0;
            let verdict = if denies { Verdict::Deny } else { Verdict::Approve };
            at_once.spawn(async move {
                let by = reviewer(&format!("reviewer-{who}"));
                review.decide(id, &by, verdict, None).await.ok()
            });
        }
        let counted: Vec<ApprovalState> = in_time(at_once.join_all()).await.into_iter().flatten().collect();
        let told = verdicts(&house);
        assert_eq!(counted.len(), told.len(), "what counts is recorded, once");
        // A yes is taken back by the first no behind it.
        let expected: &[&[&str]] =
            if is_denied_by_some { &[&["deny"], &["approve", "deny"]] } else { &[&["approve"]] };
        assert!(expected.iter().any(|expected| *expected == told), "{told:?}");
        assert_eq!(counted.contains(&ApprovalState::Denied), is_denied_by_some);
        assert_eq!(work(&house, &gateway).await, 1);
        let (status, ran) = if is_denied_by_some { (422, 0) } else { (200, 1) };
        assert_eq!(get(&router, "ana", &held.handle(), "").await.status.as_u16(), status);
        assert_eq!(house.submissions(), ran);
        house.verifies();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_verdict_twice_at_once_is_one() {
    let house = house().await;
    held(&router(house.gateway()), WRITE).await;
    let id = waiting(&house.review()).await;
    let mut at_once = JoinSet::new();
    for _ in 0..8 {
        let review = house.review();
        at_once.spawn(async move { review.decide(id, &reviewer("rosa"), Verdict::Approve, None).await });
    }
    for said in in_time(at_once.join_all()).await {
        assert_eq!(said.unwrap(), ApprovalState::Granted);
    }
    assert_eq!(verdicts(&house), ["approve"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approving_against_the_end_of_its_time_has_one_outcome() {
    for early in [0, 1, 2, 5, 10, 20] {
        let house = house().await;
        let gateway = house.gateway();
        let router = router(gateway.clone());
        let held = held(&router, WRITE).await;
        let (review, ports) = (house.review(), house.ports());
        let id = waiting(&review).await;
        let expires = review.waiting().await.unwrap().waiting[0].lapses;
        let left = expires.since(ports.clock.now());
        house.time.turn(left.saturating_sub(Duration::from_millis(early)));
        let by = reviewer("rosa");
        let approving = review.decide(id, &by, Verdict::Approve, None);
        let (said, _) = in_time(async { tokio::join!(approving, gateway.work(expires)) }).await;
        // Whoever was late, the worker finds out now.
        house.time.turn(Duration::from_secs(1));
        work(&house, &gateway).await;
        house.time.turn(Duration::from_secs(61));
        work(&house, &gateway).await;
        let answer = get(&router, "ana", &held.handle(), "").await;
        match said {
            Ok(_) => {
                assert_eq!((answer.status.as_u16(), house.submissions()), (200, 1), "{:?}", words(&house))
            }
            Err(ReviewError::Unmoved(_)) => {
                assert_eq!(answer.json()["code"], "099006", "{:?}", words(&house));
                assert_eq!(house.submissions(), 0);
            }
            Err(other) => panic!("{other:?}"),
        }
        house.verifies();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approving_against_cancelling_has_one_outcome() {
    for round in 0..8 {
        let house = house().await;
        let gateway = house.gateway();
        let router = router(gateway.clone());
        let held = held(&router, WRITE).await;
        let review = house.review();
        let id = waiting(&review).await;
        let handle = held.handle().parse().unwrap();
        let by = reviewer("rosa");
        let approving = async {
            let said = review.decide(id, &by, Verdict::Approve, None).await;
            if round % 2 == 0 {
                let _ = gateway.work(house.time_now().after(Duration::from_secs(5))).await;
            }
            said
        };
        let cancelling = async {
            gateway.cancel(Door::SqlApi, &Credential::new("ana".to_owned()), handle).await.unwrap();
        };
        let (_, ()) = in_time(async { tokio::join!(approving, cancelling) }).await;
        work(&house, &gateway).await;
        let answer = get(&router, "ana", &held.handle(), "").await;
        let last = words(&house).pop().unwrap();
        match (answer.status.as_u16(), last) {
            (200, "spent") => assert_eq!(house.submissions(), 1),
            (422, "withdrawn") => assert_eq!(house.submissions(), 0),
            // It was cancelled after it was spent, whether it had been sent or not.
            (422, "spent") => assert!(house.submissions() <= 1),
            other => panic!("{other:?}: {}", answer.text()),
        }
        house.verifies();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taking_a_yes_back_against_its_run_has_one_outcome() {
    for round in 0..12 {
        let house = house().await;
        let gateway = house.gateway();
        let router = router(gateway.clone());
        let held = held(&router, WRITE).await;
        let review = house.review();
        let id = waiting(&review).await;
        review.decide(id, &reviewer("rosa"), Verdict::Approve, None).await.unwrap();
        let runs = {
            let gateway = house.gateway();
            let soon = house.time_now().after(Duration::from_secs(5));
            tokio::spawn(async move { gateway.work(soon).await.unwrap() })
        };
        for _ in 0..round * 8 {
            tokio::task::yield_now().await;
        }
        let said = in_time(review.decide(id, &reviewer("sam"), Verdict::Deny, None)).await;
        in_time(runs).await.unwrap();
        work(&house, &gateway).await;
        let answer = get(&router, "ana", &held.handle(), "").await;
        match said {
            Ok(ApprovalState::Denied) => {
                assert_eq!((answer.status.as_u16(), house.submissions()), (422, 0), "{}", answer.text());
                assert_eq!(words(&house), ["asked", "decided", "decided"]);
            }
            Err(ReviewError::Unmoved(Unmoved::Ended(ApprovalState::Spent))) => {
                assert_eq!((answer.status.as_u16(), house.submissions()), (200, 1), "{}", answer.text());
                assert_eq!(words(&house), ["asked", "decided", "spent"]);
            }
            other => panic!("{other:?}"),
        }
        house.verifies();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_at_one_grant_run_it_once() {
    let house = house().await;
    let router = router(house.gateway());
    let held = held(&router, WRITE).await;
    let review = house.review();
    let id = waiting(&review).await;
    review.decide(id, &reviewer("rosa"), Verdict::Approve, None).await.unwrap();
    let mut at_once = JoinSet::new();
    for _ in 0..6 {
        let gateway = house.gateway();
        let soon = house.time_now().after(Duration::from_secs(5));
        at_once.spawn(async move { gateway.work(soon).await.unwrap() });
    }
    in_time(at_once.join_all()).await;
    assert_eq!(get(&router, "ana", &held.handle(), "").await.status, 200);
    assert_eq!(house.submissions(), 1);
    assert_eq!(words(&house), ["asked", "decided", "spent"]);
    house.verifies();
}

/// The life of one approval, by one process: asked, told, looked at, approved, run. Whatever fails, it goes on.
async fn life(gateway: &Gateway, chaos: &Arc<Chaos>, house: &House) {
    let soon = || house.time_now().after(Duration::from_secs(5));
    let ports = &chaos.ports();
    let _ = gateway.ask(asked(WRITE), Duration::ZERO).await;
    let _ = gateway.work(soon()).await;
    let review = review(ports);
    if let Ok(listing) = review.waiting().await {
        for waiting in listing.waiting {
            let _ = review.show(waiting.id, &reviewer("rosa")).await;
            let _ = review.decide(waiting.id, &reviewer("rosa"), Verdict::Approve, None).await;
        }
    }
    let _ = gateway.work(soon()).await;
}

/// After everybody died, other processes and the reviewers carry on until nothing is left.
async fn carry_on(house: &House) {
    house.time.turn(Duration::from_secs(70));
    let home = house.open_home();
    let gateway = house.gateway();
    let review = house.review();
    for _ in 0..20 {
        home.reconcile(house.time_now()).await.unwrap();
        for waiting in review.waiting().await.unwrap().waiting {
            let _ = review.decide(waiting.id, &reviewer("rosa"), Verdict::Approve, None).await;
        }
        gateway.work(house.time_now().after(Duration::from_secs(5))).await.unwrap();
        if house.records().iter().all(|(_, closing)| closing.is_some()) {
            return;
        }
        house.time.turn(Duration::from_secs(16));
    }
    panic!("it is never closed: {:?}", words(house));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_process_dies_or_fails_it_runs_at_most_once_and_has_one_outcome() {
    let calls = {
        let clean = house().await;
        let chaos = Chaos::watching(clean.ports());
        let gateway = Gateway::new(chaos.ports(), clean.settings.clone());
        life(&gateway, &chaos, &clean).await;
        assert_eq!(words(&clean), ["asked", "told", "viewed", "decided", "spent"]);
        clean.verifies();
        chaos.steps()
    };
    assert!(calls.len() > 40, "{calls:?}");
    let mut strikes = JoinSet::new();
    for (at, call) in calls.into_iter().enumerate() {
        for strike in Strike::ALL {
            let context = format!("{strike:?} at {at}, {call}");
            strikes.spawn(async move {
                let house = House::new().await;
                deletes(&house);
                let chaos = Chaos::striking(house.ports(), at, strike);
                let dying = Gateway::new(chaos.ports(), house.settings.clone());
                in_time(chaos.run(life(&dying, &chaos, &house))).await;
                drop((dying, chaos));
                in_time(carry_on(&house)).await;
                check(&house, &context);
            });
        }
        // A few at once: each has a home and an account of its own.
        while strikes.len() >= 8 {
            strikes.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(struck) = strikes.join_next().await {
        struck.unwrap();
    }
}

#[track_caller]
fn check(house: &House, context: &str) {
    assert!(house.submissions() <= 1, "{context}: it ran {} times", house.submissions());
    let steps = steps(house);
    let spent = steps.iter().filter(|step| matches!(step.what, StepRecord::Spent { .. })).count();
    assert!(spent <= 1, "{context}");
    assert!(house.submissions() <= spent, "{context}: it ran without being spent");
    for (_, closing) in house.records() {
        let closing = closing.unwrap();
        match closing.outcome {
            ClosingOutcome::Rows {} => assert_eq!((spent, house.submissions()), (1, 1), "{context}"),
            ClosingOutcome::Lost { .. } | ClosingOutcome::Failed(_) => {}
            ClosingOutcome::Refused(refused) => panic!("{context}: refused as {}", refused.reason),
        }
    }
    let report = house.verify();
    assert_ne!(report.worst(), Some(Severity::Altered), "{context}: {:?}", report.faults);
    let explained = [Wrong::SealedMissing, Wrong::PageUnknown];
    assert!(
        report.faults.iter().all(|fault| explained.contains(&fault.what)),
        "{context}: {:?}",
        report.faults
    );
}
