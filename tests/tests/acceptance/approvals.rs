//! A person decides: what is held waits, and runs once they have said yes.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use domain::{ApprovalId, ApprovalState, Unmoved, Verdict};
use gateway::ports::RevokedWhat;
use gateway::{Gateway, Review, ReviewError, SignIn, SignedIn};
use local::Records;
use recording::{ApprovalStep, ObjectKind, Opening, RecordKey, StepRecord, What};
use serde_json::{Value, json};
use snowflake::scripted::{Answer, When};

use crate::door::{Answered, call, get, router, submit};
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
fn is_waiting(answer: &Answered) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (202, &json!("333334")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.headers["x-snowgate-waits-for"], "decision");
}

#[track_caller]
fn is_refused(answer: &Answered, code: &str) {
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

async fn decide(
    review: &Review,
    id: ApprovalId,
    who: &str,
    verdict: Verdict,
) -> Result<ApprovalState, ReviewError> {
    in_time(review.decide(id, &reviewer(who), verdict, None)).await
}

async fn approve(review: &Review, id: ApprovalId) {
    assert_eq!(decide(review, id, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
}

#[track_caller]
fn is_unmoved<T: std::fmt::Debug>(done: Result<T, ReviewError>, why: Unmoved) {
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

#[tokio::test]
async fn who_was_revoked_meanwhile_runs_nothing_that_was_approved_before() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    held(&router, WRITE).await;
    approve(&review, waiting(&review).await).await;
    house.open_home().revoke(RevokedWhat::Agent, "claude-finance").unwrap();
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(words(&house), ["asked", "decided", "overruled"]);
    let recording::ClosingOutcome::Refused(refused) = house.closing().outcome else { panic!("it ran") };
    assert_eq!(refused.reason, "revoked");
    assert_eq!(house.submissions(), 0);
    house.verifies();
}

#[tokio::test]
async fn the_yes_of_a_reviewer_who_was_revoked_since_is_none_whoever_else_says_yes() {
    for people in [1, 2] {
        let house = house().await;
        let needed = format!("groups = [\"data-reviewers\"]\npeople = {people}");
        house.bundle.change(&[("groups = [\"data-reviewers\"]", &needed)]);
        let gateway = house.gateway();
        let (router, review) = (router(gateway.clone()), house.review());
        let held = held(&router, WRITE).await;
        let id = waiting(&review).await;
        decide(&review, id, "rosa", Verdict::Approve).await.unwrap();
        house.open_home().revoke(RevokedWhat::Person, "rosa").unwrap();
        if people == 2 {
            assert_eq!(decide(&review, id, "sam", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
        }
        assert_eq!(work(&house, &gateway).await, 1);
        assert_eq!(words(&house).last(), Some(&"overruled"), "{people}");
        let refused = get(&router, "ana", &held.handle(), "").await;
        assert!(
            refused.text().contains("a reviewer who had approved this was revoked"),
            "{}",
            refused.text()
        );
        assert_eq!(house.submissions(), 0);
        house.verifies();
    }
}

#[tokio::test]
async fn a_text_that_is_not_the_one_that_was_approved_does_not_run() {
    for is_gone in [true, false] {
        let house = house().await;
        let gateway = house.gateway();
        let (router, review) = (router(gateway.clone()), house.review());
        let held = held(&router, WRITE).await;
        let id = waiting(&review).await;
        approve(&review, id).await;
        let (opening, _) = house.records().remove(0);
        let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
        let sealed = house.home_path().join("sealed").join(key.object(ObjectKind::Sealed));
        let mut bytes = std::fs::read(&sealed).unwrap();
        std::fs::remove_file(&sealed).unwrap();
        if !is_gone {
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&sealed, bytes).unwrap();
        }
        assert_eq!(work(&house, &gateway).await, 1);
        is_refused(&get(&router, "ana", &held.handle(), "").await, "099007");
        assert_eq!(house.submissions(), 0);
    }
}

/// Statements over customers fail once, and answer three rows from then on.
fn fails_once(house: &House) {
    let failed =
        Answer::failed(customers::HANDLE, "100038", "22018", "Numeric value 'person1' is not recognized");
    let answers = [failed, customers::head(customers::HANDLE, &[3])];
    house.snow.on(When::submitted().saying("from customers"), answers);
    customers::follow(&house.snow, customers::HANDLE, &[3]);
}

#[tokio::test]
async fn what_failed_too_often_runs_masked_once_a_person_has_approved_it() {
    let house = House::with(|_| {}, &[("hidden_failures_per_hour", "1")]).await;
    fails_once(&house);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    assert_eq!(submit(&router, "ana", customers::SQL, "").await.status, 422);
    let held = held(&router, customers::SQL).await;
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    let done = get(&router, "ana", &held.handle(), "").await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.headers["x-snowgate-masked-columns"], "2-3");
    assert!(!done.text().contains("person0") && !done.text().contains("536-90"), "{}", done.text());
    house.verifies();
}

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

#[tokio::test]
async fn what_runs_is_what_was_asked_to_the_last_bound_value_name_and_parameter() {
    let house = house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let body = json!({
        "statement": "delete from customers where id = ?",
        "bindings": { "1": { "type": "FIXED", "value": "7" } },
        "schema": "PUBLIC", "timeout": 20, "parameters": { "TIMEZONE": "Europe/Berlin" },
    });
    let asked = call(&router, "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes())).await;
    is_waiting(&asked);
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(get(&router, "ana", &asked.handle(), "").await.status, 200);
    let received = house.snow.received();
    let sent = received.iter().find(|request| request.path == "/api/v2/statements").unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent["statement"], body["statement"]);
    assert_eq!(sent["bindings"]["1"]["value"], json!("7"));
    assert_eq!((&sent["database"], &sent["schema"]), (&json!("DEMO"), &json!("PUBLIC")));
    assert_eq!(sent["parameters"]["TIMEZONE"], json!("Europe/Berlin"));
    assert_eq!(sent["timeout"], json!(20));
    house.verifies();
}

#[tokio::test]
async fn a_batch_is_approved_and_run_whole() {
    const PARENT: &str = "01b2c3d4-0000-0000-0000-0000000000aa";
    const SECOND: &str = "01b2c3d4-0000-0000-0000-000000000002";
    let house = House::new().await;
    house.snow.on(When::submitted(), [Answer::batch(PARENT, &[customers::HANDLE, SECOND])]);
    let count: &[&[Option<&str>]] = &[&[Some("1")]];
    let deleted = Answer::result(SECOND, &[("number of rows deleted", "fixed")], count);
    house.snow.on(When::asked_about(SECOND), [deleted]);
    customers::follow(&house.snow, customers::HANDLE, &[3]);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let sql = format!("{}; {WRITE}", customers::SQL);
    let body = json!({ "statement": sql, "parameters": { "MULTI_STATEMENT_COUNT": "2" } });
    let asked = call(&router, "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes())).await;
    is_waiting(&asked);
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    let done = get(&router, "ana", &asked.handle(), "").await;
    assert_eq!(done.status, 200, "{}", done.text());
    let handles: Vec<String> = serde_json::from_value(done.json()["statementHandles"].clone()).unwrap();
    let first = get(&router, "ana", &handles[0], "").await;
    assert_eq!(first.json()["data"].as_array().unwrap().len(), 3);
    assert!(!first.text().contains("person") && !first.text().contains("536-90"), "{}", first.text());
    assert_eq!(get(&router, "ana", &handles[1], "").await.json()["data"], json!([["1"]]));
    assert_eq!(house.submissions(), 1);
    house.verifies();
}

#[tokio::test]
async fn an_approved_update_is_answered_with_both_counts_of_snowflake() {
    let house = House::new().await;
    let counts = [("number of rows updated", "fixed"), ("number of multi-joined rows updated", "fixed")];
    let rows: &[&[Option<&str>]] = &[&[Some("7"), Some("0")]];
    let answer = || Answer::result(customers::HANDLE, &counts, rows);
    house.snow.on(When::submitted().saying("update customers"), [answer()]);
    house.snow.on(When::asked_about(customers::HANDLE), [answer()]);
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let asked = held(&router, "update customers set country = 'DE' where id = 7").await;
    approve(&review, waiting(&review).await).await;
    assert_eq!(work(&house, &gateway).await, 1);
    let done = get(&router, "ana", &asked.handle(), "").await;
    assert_eq!((done.status.as_u16(), &done.json()["data"]), (200, &json!([["7", "0"]])), "{}", done.text());
    assert_eq!(done.json()["stats"]["numRowsUpdated"], json!(7), "{}", done.text());
    let records = house.records();
    let closing = records[0].1.as_ref().unwrap();
    assert!(closing.findings.is_empty(), "{:?}", closing.findings);
    house.verifies();
}
