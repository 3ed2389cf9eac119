//! What was approved is decided once more when it is to run, by the bundle in force by then.

use std::collections::BTreeSet;

use domain::{ApprovalState, Unmoved, Verdict};
use gateway::{ReviewError, SignedIn};
use recording::StepRecord;

use crate::door::{get, router, submit};
use crate::held::{
    WRITE, approve, decide, fails_once, held, house, is_refused, is_unmoved, is_waiting, steps, waiting,
    words, work,
};
use crate::house::{House, customers, in_time};

/// The words of the steps behind those that a clean life has.
#[track_caller]
fn last_spent(house: &House) -> (Vec<String>, String) {
    let Some(StepRecord::Spent { rules, bundle, .. }) = steps(house).pop().map(|step| step.what) else {
        panic!("it was not spent: {:?}", words(house))
    };
    (rules, bundle)
}

#[tokio::test]
async fn a_bundle_that_holds_it_by_the_same_rules_runs_it_under_what_both_oblige_to() {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", "1")]).await;
    fails_once(&house);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    assert_eq!(submit(&router, "ana", customers::SQL, "").await.status, 422);
    let held = held(&router, customers::SQL).await;
    approve(&review, waiting(&review).await).await;
    let before = house.records()[1].0.bundle.clone();
    house.bundle.change(&[("mask = \"email_domain\"", "mask = \"token\"")]);
    assert_eq!(work(&house, &gateway).await, 1);
    let done = get(&router, "ana", &held.handle(), "").await;
    assert_eq!(done.status, 200, "{}", done.text());
    // Neither the domain nor a token: nobody knows which of the two shows less.
    let rows = done.json()["data"].clone();
    assert_eq!(rows[0][1], "[EMAIL]", "{rows}");
    let (opening, closing) = house.records().remove(1);
    assert_eq!(closing.unwrap().outcome.as_str(), "rows");
    assert_eq!(opening.bundle, before);
    house.verifies();
}

#[tokio::test]
async fn a_bundle_that_refuses_it_by_now_denies_what_was_approved() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    approve(&review, waiting(&review).await).await;
    house.bundle.change(&[(
        "@id(\"agents-write-if-approved\")\npermit",
        "@id(\"agents-write-if-approved\")\nforbid",
    )]);
    assert_eq!(work(&house, &gateway).await, 1);
    is_refused(&get(&router, "ana", &held.handle(), "").await, "003001");
    assert_eq!(words(&house), ["asked", "decided", "overruled"]);
    assert_eq!(house.submissions(), 0);
    house.verifies();
}

#[tokio::test]
async fn a_bundle_that_asks_other_people_by_now_has_it_wait_anew() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    let first = waiting(&review).await;
    work(&house, &gateway).await;
    approve(&review, first).await;
    house.bundle.change(&[("groups = [\"data-reviewers\"]", "groups = [\"stewards\"]")]);
    assert_eq!(work(&house, &gateway).await, 0);
    is_waiting(&get(&router, "ana", &held.handle(), "").await);
    let second = waiting(&review).await;
    assert_ne!(first, second, "the first link is void");
    assert!(matches!(decide(&review, first, "rosa", Verdict::Approve).await, Err(ReviewError::Unknown)));
    is_unmoved(decide(&review, second, "rosa", Verdict::Approve).await, Unmoved::NotAReviewer);
    assert_eq!(house.bell.rung.lock().unwrap().len(), 2, "the others are told");
    let steward = SignedIn::development("rosa", BTreeSet::from(["stewards".to_owned()])).unwrap();
    let granted = in_time(review.decide(second, &steward, Verdict::Approve, None)).await.unwrap();
    assert_eq!(granted, ApprovalState::Granted);
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(get(&router, "ana", &held.handle(), "").await.status, 200);
    assert_eq!(words(&house), ["asked", "told", "decided", "asked", "told", "decided", "spent"]);
    assert_eq!(house.submissions(), 1);
    house.verifies();
}

#[tokio::test]
async fn a_bundle_that_needs_fewer_of_the_same_people_by_now_runs_what_more_have_approved() {
    let one = "groups = [\"data-reviewers\"]";
    let with = |people: u32| format!("{one}\npeople = {people}");
    for (then, now, runs) in [(2, 1, true), (3, 2, true), (2, 3, false)] {
        let house = house().await;
        house.bundle.change(&[(one, with(then).as_str())]);
        let gateway = house.gateway();
        let (router, review) = (router(gateway.clone()), house.review());
        let held = held(&router, WRITE).await;
        let id = waiting(&review).await;
        for who in ["rosa", "sam", "tom"].iter().take(usize::try_from(then).unwrap()) {
            decide(&review, id, who, Verdict::Approve).await.unwrap();
        }
        house.bundle.change(&[(one, with(now).as_str())]);
        assert_eq!(work(&house, &gateway).await, usize::from(runs), "{then} to {now}");
        let status = get(&router, "ana", &held.handle(), "").await.status.as_u16();
        assert_eq!((status, house.submissions()), if runs { (200, 1) } else { (202, 0) });
        if runs {
            house.verifies();
        }
    }
}

#[tokio::test]
async fn a_bundle_that_permits_it_unattended_by_now_runs_what_was_approved() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    approve(&review, waiting(&review).await).await;
    house.bundle.change(&[(
        "[\"show\", \"session\", \"transaction\", \"read\"].contains(context.class)",
        "[\"show\", \"session\", \"transaction\", \"read\", \"write\"].contains(context.class)",
    )]);
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(get(&router, "ana", &held.handle(), "").await.status, 200);
    let (rules, bundle) = last_spent(&house);
    assert!(!rules.iter().any(|rule| rule == "gateway:held"), "{rules:?}");
    assert_ne!(bundle, house.records()[0].0.bundle);
    house.verifies();
}
