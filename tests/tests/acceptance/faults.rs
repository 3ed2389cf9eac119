//! Whatever breaks, whenever: no clear byte, no hang, no lost closing.

use domain::Outcome;
use gateway::{AskError, Gateway, Reply};
use recording::{Severity, Wrong};
use tokio::task::JoinSet;

use crate::chaos::{Chaos, Strike};
use crate::house::{House, ask, customers, in_time};

async fn house() -> House {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 250), &[]).await;
    customers::answer_later(&house.snow, 1, &[3, 3]);
    house
}

/// What must hold of an answer, whatever was struck.
fn shows_nothing_clear(reply: &Result<Reply, AskError>, context: &str) {
    let Ok(reply) = reply else { return };
    if let Some(page) = reply.first_page() {
        let text = crate::house::page_text(page);
        assert!(!text.contains("person") && !text.contains("536-90"), "{context}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_is_struck_anywhere_is_closed_and_shows_nothing_that_is_not_kept() {
    let clean = house().await;
    let watching = Chaos::watching(clean.ports());
    let gateway = Gateway::new(watching.ports(), clean.settings.clone());
    let reply = ask(&gateway, customers::SQL).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Rows { .. }));
    let steps = watching.steps();
    assert!(steps.len() > 15, "{steps:?}");

    // Each in a house of its own, all at once.
    let mut strikes = JoinSet::new();
    for at in 0..steps.len() {
        for strike in Strike::ALL {
            strikes.spawn(is_struck(steps.clone(), at, strike));
        }
    }
    while let Some(struck) = strikes.join_next().await {
        struck.unwrap();
    }
}

async fn is_struck(steps: Vec<String>, at: usize, strike: Strike) {
    let step = &steps[at];
    let context = format!("{strike:?} at {at}, {step}");
    let sealed = steps.iter().position(|step| step == "keep sealed").unwrap();
    let house = house().await;
    let chaos = Chaos::striking(house.ports(), at, strike);
    let gateway = Gateway::new(chaos.ports(), house.settings.clone());
    let reply = in_time(chaos.run(ask(&gateway, customers::SQL))).await;
    if let Some(reply) = &reply {
        shows_nothing_clear(reply, &context);
        let shows_rows = reply.as_ref().is_ok_and(|reply| reply.first_page().is_some());
        if step == "keep closing" {
            assert!(!shows_rows, "{context}: rows were shown that no closing tells of");
        }
        if shows_rows {
            assert_eq!(house.closing().outcome.as_str(), "rows", "{context}");
        }
    }
    if at <= sealed {
        assert_eq!(house.submissions(), 0, "{context}: it ran unrecorded");
    }
    drop((gateway, chaos));
    house.clean_up().await;
    let open = house.records().iter().filter(|(_, closing)| closing.is_none()).count();
    assert_eq!(open, 0, "{context}: an exchange was never closed");
    let report = house.verify();
    assert_ne!(report.worst(), Some(Severity::Altered), "{context}: {:?}", report.faults);
    let explained = [Wrong::SealedMissing, Wrong::PageUnknown];
    let is_explained = report.faults.iter().all(|fault| explained.contains(&fault.what));
    assert!(is_explained, "{context}: {:?}", report.faults);
}

#[tokio::test]
async fn a_closing_that_somebody_else_has_kept_is_not_ours_to_show() {
    let house = House::new().await;
    customers::answer_later(&house.snow, 0, &[2]);
    let gateway = house.gateway();
    let reply = crate::house::ask_without_waiting(&gateway, customers::SQL).await;
    let (opening, closing) = house.records().remove(0);
    assert!(closing.is_none());

    // Another process has declared it lost.
    let lost = recording::Closing {
        v: 1,
        exchange: opening.exchange.clone(),
        closed: opening.opened.clone(),
        opening: reply.receipt().digest().to_string(),
        approval: None,
        outcome: recording::ClosingOutcome::Lost { why: "nobody came back".to_owned() },
        parts: Vec::new(),
        findings: Vec::new(),
        timings: recording::Timings::default(),
    };
    let digest = recording::encode(&opening).unwrap().1.to_string();
    let lost = recording::Closing { opening: digest, ..lost };
    let key = recording::RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
    let bytes = recording::encode(&lost).unwrap().0.into();
    house.ports().recorder.keep(&key, recording::ObjectKind::Closing, bytes).await.unwrap();

    let until = house.ports().clock.now();
    in_time(gateway.advance(reply.handle(), until.after(house.settings.hold))).await.unwrap();
    let collected = crate::house::collect(&gateway, "ana", reply.handle()).await.unwrap();
    assert!(matches!(collected.outcome(), Outcome::Failed { .. }), "{:?}", collected.outcome());
    assert!(collected.first_page().is_none());
    house.verifies();
}
