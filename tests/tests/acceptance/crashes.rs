//! The power fails while two hundred statements are under way.

use std::collections::BTreeMap;

use gateway::Gateway;
use recording::{Severity, Wrong};

use crate::chaos::{Chaos, Strike};
use crate::house::{House, ask, asked_by, customers, in_time};

const STATEMENTS: usize = 200;
const AGENTS: [&str; 5] = ["ana", "ben", "cem", "dora", "eva"];

/// The same numbers in every run (Knuth's MMIX constants).
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap()
}

async fn house() -> House {
    let limits = [("at_once", "10000"), ("per_minute", "10000"), ("hidden_failures_per_hour", "10000")];
    let house = House::with(|settings| settings.page_size = 250, &limits).await;
    customers::answer_later(&house.snow, 0, &[3, 3]);
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_statements_that_died_at_any_point_each_is_closed_or_lost_and_none_missing() {
    let steps = {
        let clean = house().await;
        let chaos = Chaos::watching(clean.ports());
        ask(&Gateway::new(chaos.ports(), clean.settings.clone()), customers::SQL).await.unwrap();
        chaos.steps()
    };
    let house = house().await;
    let ports = house.ports();
    let mut state = 20_261_123;
    let mut dying = Vec::new();
    for at in 0..STATEMENTS {
        let strike =
            if random(&mut state).is_multiple_of(2) { Strike::DiesBefore } else { Strike::DiesAfter };
        let chaos = Chaos::striking(ports.clone(), random(&mut state) % steps.len(), strike);
        let gateway = Gateway::new(chaos.ports(), house.settings.clone());
        let mut asked = asked_by(AGENTS[at % AGENTS.len()], customers::SQL);
        asked.conversation = (at % 3 == 0).then(|| format!("c-{}", at % 2));
        dying.push(tokio::spawn(async move {
            let died = chaos.run(gateway.ask(asked, gateway.settings().hold)).await;
            died.is_none()
        }));
    }
    let mut deaths = 0;
    for one in dying {
        deaths += usize::from(in_time(one).await.unwrap());
    }
    assert!(deaths > STATEMENTS * 9 / 10, "{deaths}");
    drop(ports);
    let opened = house.records();
    assert!(opened.iter().filter(|(_, closing)| closing.is_none()).count() > STATEMENTS / 4);

    house.clean_up().await;
    let records = house.records();
    assert_eq!(records.len(), opened.len(), "no opening is lost");
    let mut ends = BTreeMap::new();
    for (opening, closing) in &records {
        let closing = closing.as_ref().unwrap_or_else(|| panic!("{} was never closed", opening.exchange));
        *ends.entry(closing.outcome.as_str()).or_insert(0) += 1;
        if let recording::ClosingOutcome::Rows {} = closing.outcome {
            assert_eq!(closing.parts[0].rows, 6, "{}", opening.exchange);
            assert_eq!(closing.parts[0].masked_by_lineage, 12, "{}", opening.exchange);
        }
    }
    assert!(ends.get("rows").is_some_and(|rows| *rows > 10), "what has a handle is resumed: {ends:?}");
    assert!(ends.get("lost").is_some_and(|lost| *lost > 5), "what has none is lost: {ends:?}");
    let report = house.verify();
    assert_ne!(report.worst(), Some(Severity::Altered), "{:?}", report.faults);
    assert!(report.faults.iter().all(|fault| fault.what == Wrong::SealedMissing), "{:?}", report.faults);
}
