//! A person decides: what is held waits, and runs once they have said yes.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{ApprovalId, ApprovalState, Unmoved, Verdict};
use gateway::{ReviewError, SignIn, SignedIn};
use recording::What;
use serde_json::{Value, json};

use crate::door::{call, get, router};
use crate::held::{
    WRITE, approve, decide, deletes, held, house, is_refused, is_unmoved, is_waiting, reviewer, waiting,
    words, work,
};
use crate::house::{House, in_time};

#[tokio::test]
async fn what_is_held_runs_once_a_person_has_approved_it_and_its_agents_own_poll_returns_the_result() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    let id = waiting(&review).await;
    assert_eq!(work(&house, &gateway).await, 0);
    assert_eq!(work(&house, &gateway).await, 0, "reviewers are told once");
    assert_eq!(house.bell.rung.lock().unwrap().len(), 1);
    is_waiting(&get(&router, "ana", &held.handle(), "").await);

    let shown = in_time(review.show(id, &reviewer("rosa"))).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(shown.asked.text.reveal(), WRITE, "exactly what would run");
    approve(&review, id).await;
    is_waiting(&get(&router, "ana", &held.handle(), "").await);
    assert_eq!(house.submissions(), 0);
    assert_eq!(work(&house, &gateway).await, 1);

    let done = get(&router, "ana", &held.handle(), "").await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["data"], json!([["1"]]));
    assert_eq!(get(&router, "ben", &held.handle(), "").await.status, 422, "nobody else's");
    assert_eq!(house.submissions(), 1);
    let received = house.snow.received();
    let sent = received.iter().find(|request| request.path == "/api/v2/statements").unwrap();
    assert_eq!(sent.header("authorization"), Some("Bearer pat-that-writes"), "under the write tier");
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!((&body["statement"], &body["role"]), (&json!(WRITE), &json!("ANALYST")));

    assert_eq!(words(&house), ["asked", "told", "viewed", "decided", "spent"]);
    is_unmoved(decide(&review, id, "sam", Verdict::Deny).await, Unmoved::Ended(ApprovalState::Spent));
    assert!(review.waiting().await.unwrap().waiting.is_empty());
    let kinds: Vec<bool> =
        house.replay().iter().map(|event| matches!(event.what, What::Approval { .. })).collect();
    assert_eq!(kinds.iter().filter(|is_approval| **is_approval).count(), 5);
    house.verifies();
}

#[tokio::test]
async fn what_reviewers_are_told_holds_nothing_that_the_agent_wrote() {
    let house = house().await;
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let sql = "update customers set notes = 'click http://evil.example' /* approve me */ where id = 1";
    held(&router, sql).await;
    work(&house, &gateway).await;
    let notice = house.bell.rung.lock().unwrap()[0].clone();
    assert_eq!(
        (notice.agent.as_str(), notice.person.as_deref()),
        ("claude-finance", Some("ana@acme.example"))
    );
    assert_eq!(notice.writes, ["DEMO.PUBLIC.CUSTOMERS"]);
    assert_eq!((notice.class.as_str(), notice.kinds.as_slice()), ("write", ["update".to_owned()].as_slice()));
    let told = format!("{notice:?}");
    assert!(
        !told.contains("evil") && !told.contains("approve me") && !told.contains("who are our"),
        "{told}"
    );
}

#[tokio::test]
async fn what_a_reviewer_denies_never_runs_and_its_agent_is_told_why() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    let id = waiting(&review).await;
    let why = "ask\u{7} the owner of person1@customers.example";
    let denied = in_time(review.decide(id, &reviewer("rosa"), Verdict::Deny, Some(why))).await;
    assert_eq!(denied.unwrap(), ApprovalState::Denied);
    // The same again changes nothing; another comes too late.
    assert_eq!(decide(&review, id, "rosa", Verdict::Deny).await.unwrap(), ApprovalState::Denied);
    is_unmoved(decide(&review, id, "rosa", Verdict::Approve).await, Unmoved::Ended(ApprovalState::Denied));
    assert_eq!(work(&house, &gateway).await, 1);
    let refused = get(&router, "ana", &held.handle(), "").await;
    is_refused(&refused, "099005");
    assert!(refused.text().contains("a reviewer denied this statement: ask"), "{}", refused.text());
    assert!(!refused.text().contains("person1"), "a reason passes the detectors: {}", refused.text());
    assert_eq!(words(&house), ["asked", "decided"]);
    assert_eq!(house.snow.received().len(), 0);
    house.verifies();
}

#[tokio::test]
async fn silence_denies_and_nobody_decides_after_that() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    let id = waiting(&review).await;
    work(&house, &gateway).await;
    house.time.turn(Duration::from_secs(30 * 60 + 1));
    is_unmoved(decide(&review, id, "rosa", Verdict::Approve).await, Unmoved::Lapsed);
    assert_eq!(work(&house, &gateway).await, 1);
    is_refused(&get(&router, "ana", &held.handle(), "").await, "099006");
    is_unmoved(decide(&review, id, "rosa", Verdict::Approve).await, Unmoved::Ended(ApprovalState::Expired));
    assert_eq!(words(&house), ["asked", "told", "expired"]);
    house.verifies();
}

#[tokio::test]
async fn a_grant_that_no_gateway_spends_in_time_lapses() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    approve(&review, waiting(&review).await).await;
    house.time.turn(domain::GRANT_LIFE);
    assert_eq!(work(&house, &gateway).await, 1);
    let refused = get(&router, "ana", &held.handle(), "").await;
    is_refused(&refused, "099006");
    assert!(refused.text().contains("was approved"), "{}", refused.text());
    assert_eq!(house.submissions(), 0);
    house.verifies();
}

#[tokio::test]
async fn what_its_agent_cancels_is_withdrawn_whether_it_was_approved_or_not() {
    for is_approved in [false, true] {
        let house = house().await;
        let gateway = house.gateway();
        let (router, review) = (router(gateway.clone()), house.review());
        let held = held(&router, WRITE).await;
        let id = waiting(&review).await;
        if is_approved {
            approve(&review, id).await;
        }
        let path = format!("/api/v2/statements/{}/cancel", held.handle());
        let cancelled = call(&router, "ana", "POST", &path, None).await;
        assert_eq!((cancelled.status.as_u16(), &cancelled.json()["code"]), (200, &json!("000604")));
        is_refused(&get(&router, "ana", &held.handle(), "").await, "000604");
        let late = decide(&review, id, "sam", Verdict::Approve).await;
        is_unmoved(late, Unmoved::Ended(ApprovalState::Withdrawn));
        work(&house, &gateway).await;
        assert_eq!(words(&house).last(), Some(&"withdrawn"));
        assert_eq!(house.submissions(), 0);
        house.verifies();
    }
}

#[tokio::test]
async fn nobody_approves_what_they_asked_for_nor_without_being_a_reviewer() {
    let house = house().await;
    let (router, review) = (router(house.gateway()), house.review());
    held(&router, WRITE).await;
    let id = waiting(&review).await;
    for name in ["ana@acme.example", "ANA@acme.example", "ana", "claude-finance"] {
        is_unmoved(decide(&review, id, name, Verdict::Approve).await, Unmoved::OwnRequest);
        is_unmoved(decide(&review, id, name, Verdict::Deny).await, Unmoved::OwnRequest);
        is_unmoved(review.show(id, &reviewer(name)).await.map(|_| ()), Unmoved::OwnRequest);
    }
    let outsider = SignedIn::development("rosa", BTreeSet::from(["agents".to_owned()])).unwrap();
    let done = review.decide(id, &outsider, Verdict::Approve, None).await;
    is_unmoved(done, Unmoved::NotAReviewer);
    is_unmoved(review.show(id, &outsider).await.map(|_| ()), Unmoved::NotAReviewer);
    let unknown = ApprovalId::from_u128(id.as_u128() ^ 1);
    assert!(matches!(decide(&review, unknown, "rosa", Verdict::Approve).await, Err(ReviewError::Unknown)));
    assert_eq!(words(&house), ["asked"], "nothing was recorded of it");
    for name in ["", " ", "ro\nsa", &"x".repeat(257)] {
        assert!(SignedIn::development(name, BTreeSet::new()).is_err(), "{name}");
    }
}

#[tokio::test]
async fn where_two_people_must_agree_one_is_not_enough_however_often_they_say_so() {
    let house = house().await;
    house.bundle.change(&[("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2")]);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let held = held(&router, WRITE).await;
    let id = waiting(&review).await;
    let one = decide(&review, id, "rosa@acme.example", Verdict::Approve).await.unwrap();
    assert_eq!(one, ApprovalState::Waiting);
    // The same again is the same; by another spelling it is the same person.
    assert_eq!(
        decide(&review, id, "rosa@acme.example", Verdict::Approve).await.unwrap(),
        ApprovalState::Waiting
    );
    is_unmoved(decide(&review, id, "Rosa@acme.example", Verdict::Approve).await, Unmoved::SamePerson);
    work(&house, &gateway).await;
    is_waiting(&get(&router, "ana", &held.handle(), "").await);
    assert_eq!(review.waiting().await.unwrap().waiting[0].granted_by, ["rosa@acme.example"]);
    let both = decide(&review, id, "sam@acme.example", Verdict::Approve).await.unwrap();
    assert_eq!(both, ApprovalState::Granted);
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(get(&router, "ana", &held.handle(), "").await.status, 200);
    assert_eq!(house.submissions(), 1);
    house.verifies();
}

#[tokio::test]
async fn over_a_real_account_the_development_sign_in_decides_nothing() {
    let house = House::with(|settings| settings.sign_in = SignIn::Oidc, &[]).await;
    deletes(&house);
    let (router, review) = (router(house.gateway()), house.review());
    held(&router, WRITE).await;
    let id = waiting(&review).await;
    assert!(matches!(decide(&review, id, "rosa", Verdict::Approve).await, Err(ReviewError::SignIn)));
    assert!(matches!(review.show(id, &reviewer("rosa")).await, Err(ReviewError::SignIn)));
    assert_eq!(words(&house), ["asked"]);
}

#[tokio::test]
async fn when_no_reviewer_can_be_told_it_is_denied_at_once() {
    let house = house().await;
    house.bell.is_out_of_reach.store(true, Ordering::SeqCst);
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let held = held(&router, WRITE).await;
    assert_eq!(work(&house, &gateway).await, 1);
    let refused = get(&router, "ana", &held.handle(), "").await;
    is_refused(&refused, "099005");
    assert!(refused.text().contains("no reviewer can be reached"), "{}", refused.text());
    house.verifies();
}
