//! Leave to read when what it rests on fails, or a process dies: no half of it permits anything.

use std::time::Duration;

use domain::Verdict;
use gateway::{AskError, Gateway};
use recording::{ClosingOutcome, Severity, StepRecord};
use tokio::task::JoinSet;

use crate::access::{REQUEST, restrict};
use crate::chaos::{Chaos, Strike};
use crate::held::{reviewer, waiting, work};
use crate::house::{House, asked, customers, in_time};

async fn house() -> House {
    let house = House::new().await;
    restrict(&house, &[]);
    customers::answer(&house.snow, &[2]);
    house
}

/// Asks for access and has a person say yes; it is not in force yet.
async fn approved(house: &House) {
    house.gateway().ask(asked(REQUEST), Duration::ZERO).await.unwrap();
    let review = house.review();
    let id = waiting(&review).await;
    review.decide(id, &reviewer("rosa"), Verdict::Approve, None).await.unwrap();
}

async fn granted() -> House {
    let house = house().await;
    approved(&house).await;
    assert_eq!(work(&house, &house.gateway()).await, 1);
    house
}

/// Whether `ana`'s agent may read, however slow the warehouse is.
async fn may_read(house: &House, gateway: &Gateway) -> bool {
    match in_time(gateway.ask(asked(customers::SQL), Duration::ZERO)).await {
        Ok(reply) => {
            let exchange = reply.exchange().to_string();
            let records = house.records();
            let (opening, _) = records.iter().find(|(opening, _)| opening.exchange == exchange).unwrap();
            opening.decision == "allow"
        }
        Err(AskError::Fault(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// Whether `ana`'s agent gets the rows.
async fn reads(gateway: &Gateway) -> bool {
    match in_time(gateway.ask(asked(customers::SQL), Duration::from_secs(5))).await {
        Ok(reply) => matches!(reply.outcome(), domain::Outcome::Rows { .. }),
        Err(AskError::Fault(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_cannot_be_looked_up_nothing_is_read() {
    let calls = {
        let house = granted().await;
        let chaos = Chaos::watching(house.ports());
        assert!(reads(&Gateway::new(chaos.ports(), house.settings.clone())).await);
        chaos.steps()
    };
    let first = calls.iter().position(|call| call == "accesses.granted").expect("it is looked up");
    let opened = calls.iter().position(|call| call == "exchanges.claim").unwrap();
    assert!(first < opened, "{calls:?}");
    for (at, call) in calls.iter().enumerate().take(opened).skip(first) {
        let house = granted().await;
        let chaos = Chaos::striking(house.ports(), at, Strike::Before);
        let gateway = Gateway::new(chaos.ports(), house.settings.clone());
        assert!(!may_read(&house, &gateway).await, "{call}");
        assert_eq!(house.submissions(), 0, "{call}");
        assert!(may_read(&house, &gateway).await, "{call}: it passed");
    }
    // What rules permit needs no look.
    let house = granted().await;
    house.bundle.change(&[("[detectors]\noff = []", "[access]\nlongest = \"12h\"\n\n[detectors]\noff = []")]);
    let chaos = Chaos::watching(house.ports());
    assert!(reads(&Gateway::new(chaos.ports(), house.settings.clone())).await);
    assert!(chaos.steps().iter().all(|call| !call.starts_with("accesses.")), "{:?}", chaos.steps());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_not_released_while_nobody_can_tell_whether_it_lasts() {
    let calls = {
        let house = granted().await;
        let chaos = Chaos::watching(house.ports());
        assert!(reads(&Gateway::new(chaos.ports(), house.settings.clone())).await);
        chaos.steps()
    };
    let last = calls.iter().rposition(|call| call == "accesses.granted").unwrap();
    assert!(last > calls.iter().position(|call| call == "exchanges.begin").unwrap(), "{calls:?}");
    let house = granted().await;
    let chaos = Chaos::striking(house.ports(), last, Strike::Before);
    assert!(!reads(&Gateway::new(chaos.ports(), house.settings.clone())).await);
    house.time.turn(Duration::from_secs(2 * 3600));
    house.clean_up().await;
    let records = house.records();
    let closing =
        records.iter().find(|(opening, _)| opening.sql == customers::SQL).unwrap().1.as_ref().unwrap();
    assert_ne!(closing.outcome, ClosingOutcome::Rows {}, "{closing:?}");
    house.verifies();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_process_dies_while_it_is_granted_it_is_in_force_or_it_is_not() {
    async fn life(gateway: &Gateway, house: &House) {
        let soon = || house.time_now().after(Duration::from_secs(5));
        let _ = gateway.work(soon()).await;
        let _ = gateway.work(soon()).await;
    }
    let calls = {
        let house = house().await;
        approved(&house).await;
        let chaos = Chaos::watching(house.ports());
        life(&Gateway::new(chaos.ports(), house.settings.clone()), &house).await;
        assert!(reads(&house.gateway()).await);
        chaos.steps()
    };
    assert!(calls.iter().any(|call| call == "accesses.note"), "{calls:?}");
    let mut strikes = JoinSet::new();
    for (at, call) in calls.into_iter().enumerate() {
        for strike in Strike::ALL {
            let context = format!("{strike:?} at {at}, {call}");
            strikes.spawn(async move {
                let house = house().await;
                approved(&house).await;
                let chaos = Chaos::striking(house.ports(), at, strike);
                let dying = Gateway::new(chaos.ports(), house.settings.clone());
                in_time(chaos.run(life(&dying, &house))).await;
                drop((dying, chaos));
                house.clean_up().await;
                let records = house.records();
                let (request, closing) = &records[0];
                let key = recording::RecordKey::new(&request.opened[..10], request.exchange.parse().unwrap());
                let steps = local::Records::open(&house.home_path()).unwrap().approval(&key).unwrap();
                let spent = steps.iter().any(|step| {
                    let step: recording::ApprovalStep = recording::decode(step).unwrap().record;
                    matches!(step.what, StepRecord::Spent { .. })
                });
                let is_told =
                    closing.as_ref().is_some_and(|closing| closing.outcome == ClosingOutcome::Rows {});
                let is_read = may_read(&house, &house.gateway()).await;
                assert_eq!((is_told, is_read), (spent, spent), "{context}");
                assert_ne!(
                    house.verify().worst(),
                    Some(Severity::Altered),
                    "{context}: {:?}",
                    house.verify().faults
                );
            });
        }
        while strikes.len() >= 8 {
            strikes.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(struck) = strikes.join_next().await {
        struck.unwrap();
    }
}
