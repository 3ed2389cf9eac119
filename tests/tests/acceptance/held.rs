//! What is held, and the steps of people and of the worker until it runs.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use domain::{ApprovalId, ApprovalState, Unmoved, Verdict};
use gateway::{Gateway, Review, ReviewError, SignedIn};
use local::Records;
use recording::{ApprovalStep, Opening, RecordKey};
use serde_json::json;
use snowflake::scripted::{Answer, When};

use crate::door::{Answered, submit};
use crate::house::{House, customers, in_time};

pub const WRITE: &str = "delete from customers where id = 1";
pub const REVIEWERS: &str = "data-reviewers";

/// A house in which [`WRITE`] deletes one row.
pub async fn house() -> House {
    let house = House::new().await;
    deletes(&house);
    house
}

pub fn deletes(house: &House) {
    let rows: &[&[Option<&str>]] = &[&[Some("1")]];
    let answer = || Answer::result(customers::HANDLE, &[("number of rows deleted", "fixed")], rows);
    house.snow.on(When::submitted().saying("delete from customers"), [answer()]);
    // Whoever had no time to fetch it asks again.
    house.snow.on(When::asked_about(customers::HANDLE), [answer()]);
    house.snow.on(When::cancelled(customers::HANDLE), [Answer::json(200, &json!({}))]);
}

/// Somebody of the reviewers.
pub fn reviewer(name: &str) -> SignedIn {
    SignedIn::development(name, BTreeSet::from([REVIEWERS.to_owned()])).unwrap()
}

/// Submits what waits.
pub async fn held(router: &Router, sql: &str) -> Answered {
    let held = submit(router, "ana", sql, "").await;
    is_waiting(&held);
    held
}

#[track_caller]
pub fn is_waiting(answer: &Answered) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (202, &json!("333334")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.headers["x-snowgate-waits-for"], "decision");
}

#[track_caller]
pub fn is_refused(answer: &Answered, code: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (422, &json!(code)), "{}", answer.text());
}

/// The only approval that waits.
pub async fn waiting(review: &Review) -> ApprovalId {
    let listing = review.waiting().await.unwrap();
    assert_eq!((listing.waiting.len(), listing.damaged.len()), (1, 0));
    listing.waiting[0].id
}

/// One turn of the worker; how many exchanges it closed.
pub async fn work(house: &House, gateway: &Gateway) -> usize {
    in_time(gateway.work(house.time_now().after(Duration::from_secs(5)))).await.unwrap()
}

pub async fn decide(
    review: &Review,
    id: ApprovalId,
    who: &str,
    verdict: Verdict,
) -> Result<ApprovalState, ReviewError> {
    in_time(review.decide(id, &reviewer(who), verdict, None)).await
}

pub async fn approve(review: &Review, id: ApprovalId) {
    assert_eq!(decide(review, id, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
}

#[track_caller]
pub fn is_unmoved<T: std::fmt::Debug>(done: Result<T, ReviewError>, why: Unmoved) {
    let error = done.expect_err("somebody was moved");
    assert!(matches!(error, ReviewError::Unmoved(unmoved) if unmoved == why), "{error:?}");
}

/// The steps of the approval of one exchange.
pub fn steps_of(house: &House, opening: &Opening) -> Vec<ApprovalStep> {
    let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
    let steps = Records::open(&house.home_path()).unwrap().approval(&key).unwrap();
    steps.iter().map(|step| recording::decode(step).unwrap().record).collect()
}

/// The steps of the only exchange's approval.
#[track_caller]
pub fn steps(house: &House) -> Vec<ApprovalStep> {
    let records = house.records();
    assert!(records.len() < 2, "which of {} exchanges is meant?", records.len());
    records.first().map_or_else(Vec::new, |(opening, _)| steps_of(house, opening))
}

pub fn words(house: &House) -> Vec<&'static str> {
    steps(house).iter().map(|step| step.what.as_str()).collect()
}

/// Statements over customers fail once, and answer three rows from then on.
pub fn fails_once(house: &House) {
    let failed =
        Answer::failed(customers::HANDLE, "100038", "22018", "Numeric value 'person1' is not recognized");
    let answers = [failed, customers::head(customers::HANDLE, &[3])];
    house.snow.on(When::submitted().saying("from customers"), answers);
    customers::follow(&house.snow, customers::HANDLE, &[3]);
}
