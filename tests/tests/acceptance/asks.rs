//! Against tired reviewers: the same thing asks once, and nobody asks without end.

use std::time::Duration;

use domain::Verdict;

use crate::door::{call, get, router, submit};
use crate::held::{self, WRITE, deletes, held, reviewer, waiting, work};
use crate::house::{House, in_time};
use crate::pages_door::{Browser, demo, link_of, page, told, with};

#[tokio::test]
async fn the_same_statement_again_joins_its_approval_and_runs_once() {
    let house = held::house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let first = held(&router, WRITE).await;
    for _ in 0..3 {
        assert_eq!(held(&router, WRITE).await.handle(), first.handle());
    }
    assert_ne!(
        submit(&router, "ben", WRITE, "").await.handle(),
        first.handle(),
        "somebody else's is their own"
    );
    work(&house, &gateway).await;
    assert_eq!(house.bell.rung.lock().unwrap().len(), 2);
    assert_eq!(house.records().len(), 2);
    let listing = review.waiting().await.unwrap().waiting;
    let anas = listing.iter().find(|waiting| waiting.opening.handle == first.handle()).unwrap();
    in_time(review.decide(anas.id, &reviewer("rosa"), Verdict::Approve, None)).await.unwrap();
    work(&house, &gateway).await;
    assert_eq!(get(&router, "ana", &first.handle(), "").await.status, 200);
    assert_eq!(house.submissions(), 1);
    // It has run: the same again is another.
    assert_ne!(held(&router, WRITE).await.handle(), first.handle());
}

#[tokio::test]
async fn a_reviewer_is_told_how_many_were_asked_within_the_hour() {
    let house = House::with(with(&demo()), &[]).await;
    deletes(&house);
    let gateway = house.gateway();
    let router = router(gateway.clone());
    for id in 0..12 {
        if id == 2 {
            house.time.turn(Duration::from_secs(3600));
        }
        let asked = held(&router, &format!("delete from customers where id = {id}")).await;
        let path = format!("/api/v2/statements/{}/cancel", asked.handle());
        assert_eq!(call(&router, "ana", "POST", &path, None).await.status, 200);
    }
    held(&router, WRITE.replace('1', "77").as_str()).await;
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, "rosa@acme.example");
    let shown = Browser::new(page(&house, &demo(), None)).open(id, &token).await;
    assert!(shown.text.contains("<strong>10</strong> within the last hour"), "{}", shown.text);
    assert_eq!(shown.text.matches("state withdrawn").count(), 8, "{}", shown.text);
}

#[tokio::test]
async fn what_policy_would_answer_otherwise_by_now_joins_nothing() {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", "1")]).await;
    deletes(&house);
    let router = router(house.gateway());
    let failed =
        snowflake::scripted::Answer::failed("01b2c3d4-0000-0000-0000-000000000009", "100038", "22018", "no");
    house.snow.on(snowflake::scripted::When::submitted().saying("from customers limit"), [failed]);
    assert_eq!(submit(&router, "ana", "select email from customers limit 1", "").await.status, 422);
    let sql = "select email from customers";
    let first = held(&router, sql).await;
    house.bundle.change(&[
        ("hidden_failures_per_hour = 20", "hidden_failures_per_hour = 1"),
        ("mask = \"email_domain\"", "mask = \"token\""),
    ]);
    assert_ne!(held(&router, sql).await.handle(), first.handle());
}

#[tokio::test]
async fn whoever_asks_and_withdraws_is_told_when_to_come_back() {
    let house = House::with(|_| {}, &[("asks_per_hour", "3")]).await;
    deletes(&house);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    for id in 0..3 {
        let asked = held(&router, &format!("delete from customers where id = {id}")).await;
        waiting(&review).await;
        let path = format!("/api/v2/statements/{}/cancel", asked.handle());
        assert_eq!(call(&router, "ana", "POST", &path, None).await.status, 200);
        work(&house, &gateway).await;
    }
    let refused = submit(&router, "ana", "delete from customers where id = 7", "").await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.text().contains("statements an hour that ask for a decision"), "{}", refused.text());
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3500..=3601).contains(&seconds), "{seconds}");
    // Nobody else has asked.
    assert_eq!(submit(&router, "ben", WRITE, "").await.status, 202);
    house.verifies();
}
