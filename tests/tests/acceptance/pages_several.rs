//! Several reviewers of one approval: who is first, who must agree, who takes back a yes, and who is told.

use std::sync::Arc;
use std::time::Duration;

use gateway::{KnownReviewer, ReviewerName, Roster};
use recording::{ApprovalStep, StepRecord};
use serde_json::json;

use crate::door;
use crate::held::{WRITE, deletes, steps, words, work};
use crate::house::House;
use crate::pages_door::{Browser, HOST, ROSA, SAM, demo, link_of, page, people, waits, waits_in, with};

#[tokio::test]
async fn of_two_reviewers_at_once_one_is_first_and_the_other_is_told() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    let (mut rosa, mut sam) = (waits.browser(), waits.browser());
    let (hers, his) = (rosa.open(id, &waits.token).await, sam.open(id, &link_of(&waits.house, SAM).1).await);
    let (one, two) = tokio::join!(rosa.decide(id, &hers, "approve", &[]), sam.decide(id, &his, "deny", &[]));
    // A no counts also behind a yes that has had no effect yet; a yes behind a no is too late.
    let is_first = one.status.as_u16() == 303;
    assert!(is_first || one.text.contains("came too late and changed nothing"), "{}", one.text);
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (if is_first { 303 } else { 409 }, 303));
    let (hers, his) = (rosa.review(id).await.text, sam.review(id).await.text);
    assert!(his.contains("<h1>Denied</h1>") && hers.contains("It was denied"), "{hers}{his}");
    let decided = waits.words().iter().filter(|word| **word == "decided").count();
    assert_eq!(decided, 1 + usize::from(is_first));
    work(&waits.house, &waits.gateway).await;
    assert_eq!(waits.house.submissions(), 0);
}

#[tokio::test]
async fn a_yes_that_has_had_no_effect_is_taken_back_by_the_page_of_whoever_may_decide() {
    for (who, title) in [(0, "<h1>Approved</h1>"), (1, "Approved by others")] {
        let waits = waits(WRITE).await;
        let id = waits.id;
        let (mut rosa, mut sam) = (waits.browser(), waits.browser());
        let hers = rosa.open(id, &waits.token).await;
        sam.open(id, &link_of(&waits.house, SAM).1).await;
        assert_eq!(rosa.decide(id, &hers, "approve", &[]).await.status, 303);
        let browser = if who == 0 { &mut rosa } else { &mut sam };
        let granted = browser.review(id).await;
        assert!(granted.text.contains(title) && granted.text.contains("Take it back"), "{}", granted.text);
        assert_eq!(browser.decide(id, &granted, "deny", &[("reason", "a slip")]).await.status, 303);
        let told = browser.review(id).await.text;
        assert!(told.contains("<h1>Denied</h1>") && !told.contains("Take it back"), "{told}");
        work(&waits.house, &waits.gateway).await;
        assert_eq!(waits.house.submissions(), 0);
        waits.house.verifies();
    }
}

#[tokio::test]
async fn where_two_must_agree_each_decides_for_themselves() {
    let house = House::with(with(&demo()), &[]).await;
    house.bundle.change(&[("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2")]);
    let waits = waits_in(house, json!({ "statement": WRITE })).await;
    let id = waits.id;
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &waits.token).await;
    assert!(shown.text.contains("2 must say yes"), "{}", shown.text);
    rosa.decide(id, &shown, "approve", &[]).await;
    let told = rosa.review(id).await.text;
    assert!(told.contains("You have approved it") && told.contains("1 of 2 people"), "{told}");
    let mut sam = waits.browser();
    let shown = sam.open(id, &link_of(&waits.house, SAM).1).await;
    assert!(shown.text.contains("so far rosa@acme.example"), "{}", shown.text);
    sam.decide(id, &shown, "approve", &[]).await;
    assert_eq!(work(&waits.house, &waits.gateway).await, 1);
    assert_eq!(waits.poll().await.status, 200);
}

#[tokio::test]
async fn who_asked_gets_no_link_and_who_cannot_be_told_is_tried_again_a_few_times() {
    let mut everybody = people();
    everybody.push(KnownReviewer {
        name: ReviewerName::Email("Ana@acme.example".to_owned()),
        ..people().remove(0)
    });
    let roster = Arc::new(Roster::development(HOST, everybody));
    let house = House::with(with(&roster), &[]).await;
    deletes(&house);
    house.bell.is_deaf.lock().unwrap().insert(SAM.to_owned());
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    assert_eq!(door::submit(&router, "ana", WRITE, "").await.status, 202);
    for _ in 0..40 {
        work(&house, &gateway).await;
        house.time.turn(Duration::from_secs(40));
    }
    let rung: Vec<Vec<String>> = house
        .bell
        .rung
        .lock()
        .unwrap()
        .iter()
        .map(|notice| notice.invited.iter().map(|invited| invited.name.clone()).collect())
        .collect();
    // Who has been told is not told again; who has not, five times in all.
    assert_eq!(rung[0], [ROSA, SAM]);
    assert!(rung[1..].iter().all(|names| names == &[SAM]), "{rung:?}");
    assert_eq!(rung.len(), 5);
    let failed = |step: &ApprovalStep| match &step.what {
        StepRecord::Told { reviewers, failed, .. } => Some((reviewers.clone(), failed.clone())),
        _ => None,
    };
    let recorded: Vec<_> = steps(&house).iter().filter_map(failed).collect();
    assert_eq!(recorded[0], (vec![ROSA.to_owned()], vec![SAM.to_owned()]));
    assert_eq!(recorded.len(), 5);
    // It is not lost by that: Rosa decides.
    let (id, token) = {
        let rung = house.bell.rung.lock().unwrap();
        let link = rung[0].invited[0].link.reveal().to_owned();
        (rung[0].approval, link.split_once("#t=").unwrap().1.to_owned())
    };
    let mut rosa = Browser::new(page(&house, &roster, None));
    let shown = rosa.open(id, &token).await;
    assert_eq!(rosa.decide(id, &shown, "approve", &[]).await.status, 303);
    work(&house, &gateway).await;
    assert_eq!(words(&house).last(), Some(&"spent"));
    house.verifies();
}
