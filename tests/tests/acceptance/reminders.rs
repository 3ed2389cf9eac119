//! Reviewers who stay silent are reminded once, and a second group is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{ApprovalId, ApprovalState, Verdict};
use gateway::{Gateway, KnownReviewer, Reminded, Retry, ReviewerName, Roster, Stands};

use crate::approvals::{WRITE, deletes, reviewer, steps, waiting, words, work};
use crate::house::{House, ask_without_waiting, in_time};
use recording::StepRecord;

const ROSA: &str = "rosa@acme.example";
const SAM: &str = "sam@acme.example";
const LEE: &str = "lee@acme.example";

/// A house in which something waits; rosa and sam are told, and lee would be second.
async fn waits() -> (House, Gateway, ApprovalId) {
    let known = |name: &str, group: &str| KnownReviewer {
        name: ReviewerName::Email(name.to_owned()),
        groups: Some(BTreeSet::from([group.to_owned()])),
        mail: None,
    };
    let people = vec![
        known(ROSA, "data-reviewers"),
        known(SAM, "data-reviewers"),
        known(LEE, "data-leads"),
        known("ana@acme.example", "data-leads"),
    ];
    let roster = Roster::development("https://snowgate.example", people)
        .escalating_to(BTreeSet::from(["data-leads".to_owned()]));
    let house = House::with(|settings| settings.roster = Some(Arc::new(roster)), &[]).await;
    let two = "groups = [\"data-reviewers\", \"data-leads\"]\npeople = 2";
    house.bundle.change(&[(r#"groups = ["data-reviewers"]"#, two)]);
    deletes(&house);
    let gateway = house.gateway();
    ask_without_waiting(&gateway, WRITE).await;
    work(&house, &gateway).await;
    let id = waiting(&house.review()).await;
    (house, gateway, id)
}

async fn remind(gateway: &Gateway, id: ApprovalId, whom: Reminded) -> Stands {
    in_time(gateway.remind(id, whom)).await.unwrap().expect("nothing waits")
}

/// Who was told, and who could not be, at each telling.
fn tellings(house: &House) -> Vec<(Vec<String>, Vec<String>)> {
    let told = steps(house).into_iter().filter_map(|step| match step.what {
        StepRecord::Told { reviewers, failed, .. } => Some((reviewers, failed)),
        _ => None,
    });
    told.collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn whoever_is_silent_is_reminded_once_and_whoever_has_decided_is_not() {
    let (house, gateway, id) = waits().await;
    in_time(house.review().decide(id, &reviewer(SAM), Verdict::Approve, None)).await.unwrap();
    let stands = remind(&gateway, id, Reminded::Told).await;
    assert_eq!((stands.state, stands.granted, stands.is_over), (ApprovalState::Waiting, 1, false));
    remind(&gateway, id, Reminded::Told).await;
    let told = |reviewers: &[&str]| (names(reviewers), Vec::new());
    assert_eq!(tellings(&house), [told(&[ROSA, SAM]), told(&[ROSA])]);
    let rung = house.bell.rung.lock().unwrap();
    assert_eq!(rung.len(), 2);
    // By the link that they have already.
    let link = |at: usize| rung[at].invited.iter().find(|invited| invited.name == ROSA).unwrap().link.clone();
    assert_eq!(link(0), link(1));
}

#[tokio::test]
async fn the_second_group_is_told_once_and_never_who_asked() {
    let (house, gateway, id) = waits().await;
    remind(&gateway, id, Reminded::Second).await;
    remind(&gateway, id, Reminded::Second).await;
    assert_eq!(tellings(&house).pop().unwrap().0, names(&[LEE]));
    assert_eq!(words(&house), ["asked", "told", "told"]);
    house.verifies();
}

#[tokio::test]
async fn who_of_the_second_group_cannot_be_told_is_tried_again_by_whoever_looks() {
    let (house, gateway, id) = waits().await;
    house.bell.is_deaf.lock().unwrap().insert(LEE.to_owned());
    remind(&gateway, id, Reminded::Second).await;
    assert_eq!(tellings(&house).pop().unwrap(), (Vec::new(), names(&[LEE])));
    house.bell.is_deaf.lock().unwrap().clear();
    house.time.turn(Duration::from_secs(90));
    work(&house, &gateway).await;
    assert_eq!(tellings(&house).pop().unwrap(), (names(&[LEE]), Vec::new()));
}

#[tokio::test]
async fn a_second_group_that_is_out_of_reach_denies_nothing_that_others_were_told_of() {
    let (house, gateway, id) = waits().await;
    house.bell.is_out_of_reach.store(true, Ordering::SeqCst);
    let stands = remind(&gateway, id, Reminded::Second).await;
    assert_eq!(stands.state, ApprovalState::Waiting);
    assert_eq!(tellings(&house).pop().unwrap(), (Vec::new(), names(&[LEE])));
    // Whoever was told need not be told anew; the reminder itself may be tried again.
    let fault = in_time(gateway.remind(id, Reminded::Told)).await.unwrap_err();
    assert_eq!((fault.retry, tellings(&house).len()), (Retry::Soon, 2));
}

#[tokio::test]
async fn nobody_is_reminded_of_what_is_over() {
    let (house, gateway, id) = waits().await;
    in_time(house.review().decide(id, &reviewer(SAM), Verdict::Deny, None)).await.unwrap();
    for whom in [Reminded::Told, Reminded::Second] {
        assert_eq!(remind(&gateway, id, whom).await.state, ApprovalState::Denied);
    }
    assert_eq!(words(&house), ["asked", "told", "decided"]);

    let (house, gateway, id) = waits().await;
    house.time.turn(Duration::from_secs(31 * 60));
    for whom in [Reminded::Told, Reminded::Second] {
        assert_eq!(remind(&gateway, id, whom).await.left, Duration::ZERO);
    }
    assert_eq!(words(&house), ["asked", "told"]);
    let unknown = ApprovalId::from_u128(id.as_u128() ^ 1);
    assert_eq!(in_time(gateway.remind(unknown, Reminded::Told)).await.unwrap(), None);
    assert_eq!(in_time(gateway.approval_stands(unknown)).await.unwrap(), None);
}
