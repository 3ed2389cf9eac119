//! Leave to read before a real account: whoever grants it signs in, is asked for as long as it lasts, and ends it whenever.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{ApprovalState, Verdict};
use gateway::{AccessState, Gateway, KnownReviewer, ReviewError, Roster, Settings, SignIn};
use recording::StepRecord;

use crate::access::{REQUEST, RESTRICTED, granted, house_with, is_not_permitted, is_refused, read, says};
use crate::door::{get, router};
use crate::held::{WRITE, deletes, held, reviewer, steps_of, waiting, words, work};
use crate::house::{House, customers, in_time};
use crate::loopback::{reception, roster, sign_in};
use crate::pages_door::{Browser, HOST, demo, link_of, opens_nothing, page, people, told, with};
use crate::pages_sign_in::{ISSUER, SignsIn, signs_in, signs_in_to};

const ROSA: &str = "rosa@acme.example";
const DAY: Duration = Duration::from_secs(86_400);

/// Access for three days is asked for, and rosa and sam know.
pub async fn asks() -> SignsIn {
    let changes =
        [RESTRICTED[0], ("[detectors]\noff = []", "[access]\nlongest = \"7d\"\n\n[detectors]\noff = []")];
    let asked = "request access to demo.public.* for '3d' because 'the report'";
    let at = signs_in_to(asked, people(), ROSA, &changes).await;
    customers::answer(&at.house.snow, &[2]);
    at
}

/// And rosa has said yes at a terminal.
pub async fn approved() -> SignsIn {
    let at = asks().await;
    let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
    let state = in_time(at.house.review().decide(at.id, &by, Verdict::Approve, None)).await.unwrap();
    assert_eq!(state, ApprovalState::Granted);
    at
}

pub async fn in_force() -> SignsIn {
    let at = approved().await;
    work(&at.house, &at.gateway).await;
    assert_eq!(read(&at.gateway, "ana").await.status, 200);
    at
}

/// More than a day later, when what asked for it is forgotten.
async fn a_day_later(at: &SignsIn) {
    at.house.time.turn(DAY + Duration::from_secs(3600));
    for _ in 0..5 {
        work(&at.house, &at.gateway).await;
        at.house.open_home().reconcile(at.house.time_now()).await.unwrap();
    }
    at.says_of_rosa(|_| {});
    assert_eq!(read(&at.gateway, "ana").await.status, 200, "it lasts");
    assert_eq!(get(&at.router, "ana", &at.handle, "").await.status, 422, "its exchange is forgotten");
}

#[tokio::test]
async fn a_reviewer_who_signs_in_at_a_terminal_ends_it_days_after_it_was_asked_for() {
    let at = in_force().await;
    a_day_later(&at).await;
    let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
    in_time(at.house.review().end_access(at.id, &by, Some("done"))).await.unwrap();
    is_not_permitted(&read(&at.gateway, "ana").await);
    let (request, _) = at.house.records().remove(0);
    let last = steps_of(&at.house, &request).pop().unwrap();
    assert!(matches!(last.what, StepRecord::Ended { .. }), "{last:?}");
    // It is over, and nobody knows of it any more.
    let again = sign_in(&at, &reception(&at, roster())).await.unwrap_err();
    assert!(again.to_string().contains("no such approval"), "{again}");
    at.house.verifies();
}

#[tokio::test]
async fn whoever_may_decide_ends_it_on_the_page_days_after_it_was_asked_for() {
    let at = in_force().await;
    a_day_later(&at).await;
    *at.issuer.back.lock().unwrap() = format!("{HOST}/a/callback");
    let mut rosa = at.browser();
    at.sign_in(&mut rosa).await;
    let over = rosa.review(at.id).await;
    assert_eq!(over.status, 200, "{}", over.text);
    for part in ["It lets its agent read for a while", "DEMO.PUBLIC.*", "the report", ROSA, "End it"] {
        assert!(over.text.contains(part), "{part}: {}", over.text);
    }
    let (mark, covers) = (over.field("mark"), over.field("covers"));
    let path = format!("/a/{}/end", at.id);
    for form in [
        vec![],
        vec![("mark", mark.as_str())],
        vec![("mark", mark.as_str()), ("covers", "hmac-sha256:00")],
        vec![("mark", &mark[1..]), ("covers", &covers)],
    ] {
        assert_eq!(rosa.post(&path, &form).await.status, 403, "{form:?}");
    }
    let good = [("mark", mark.as_str()), ("covers", covers.as_str()), ("reason", "no more")];
    let foreign = rosa.call("POST", &path, Some(&good), &[("origin", "https://evil.example")]).await;
    assert_eq!(foreign.status, 403);
    opens_nothing(&at.browser().post(&path, &good).await);
    assert_eq!(read(&at.gateway, "ana").await.status, 200);
    assert_eq!(rosa.post(&path, &good).await.status, 303);
    is_not_permitted(&read(&at.gateway, "ana").await);
    // Its exchange is forgotten and it is over: nothing is left to be opened.
    opens_nothing(&rosa.review(at.id).await);
    at.house.verifies();
}

#[tokio::test]
async fn the_page_ends_it_while_its_exchange_is_remembered_once() {
    let house = house_with(with(&demo())).await;
    customers::answer(&house.snow, &[2]);
    let gateway = house.gateway();
    held(&router(gateway.clone()), REQUEST).await;
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, ROSA);
    let mut rosa = Browser::new(page(&house, &demo(), None));
    let shown = rosa.open(id, &token).await;
    let decided = rosa.decide(id, &shown, "approve", &[("typed", "request access")]).await;
    assert_eq!(decided.status, 303, "{}", decided.text);
    work(&house, &gateway).await;
    assert_eq!(read(&gateway, "ana").await.status, 200);
    // Another reviewer ends it, by their own link.
    let mut sam = Browser::new(page(&house, &demo(), None));
    let over = sam.open(id, &link_of(&house, "sam@acme.example").1).await;
    let (mark, covers) = (over.field("mark"), over.field("covers"));
    let form = [("mark", mark.as_str()), ("covers", covers.as_str())];
    let path = format!("/a/{id}/end");
    assert_eq!(sam.post(&path, &form).await.status, 303);
    assert_eq!(sam.post(&path, &form).await.status, 303, "ended again, it stays as it is");
    let over = sam.review(id).await;
    assert!(over.text.contains("not in force any more") && !over.text.contains("End it"), "{}", over.text);
    is_not_permitted(&read(&gateway, "ana").await);
    let (request, _) = house.records().into_iter().find(|(opening, _)| opening.sql == REQUEST).unwrap();
    let steps = steps_of(&house, &request);
    assert_eq!(steps.iter().filter(|step| step.what.as_str() == "ended").count(), 1);
    house.verifies();
}

/// That house's settings with other people on the roster.
fn asking(house: &House, people: Vec<KnownReviewer>) -> Settings {
    let roster = Some(Arc::new(Roster::new(HOST, ISSUER, people)));
    Settings { roster, ..house.settings.clone() }
}

/// Settings under which rosa is not asked any more: she was taken off, reviewers sign in elsewhere, or there are none.
fn without_rosa(house: &House) -> [Settings; 3] {
    let elsewhere = Roster::new(HOST, "https://elsewhere.example", people());
    let with = |roster: Option<Roster>| Settings { roster: roster.map(Arc::new), ..house.settings.clone() };
    [asking(house, people().split_off(1)), with(Some(elsewhere)), with(None)]
}

#[tokio::test]
async fn whoever_is_asked_no_more_has_granted_nothing_that_lasts() {
    let at = in_force().await;
    for settings in without_rosa(&at.house) {
        is_not_permitted(&read(&Gateway::new(at.house.ports(), settings), "ana").await);
    }
    assert_eq!(read(&at.gateway, "ana").await.status, 200, "and who is asked again has");
    // Nor is their yes spent, where they are taken off in between.
    for which in 0..3 {
        let at = approved().await;
        let settings = without_rosa(&at.house).into_iter().nth(which).unwrap();
        work(&at.house, &Gateway::new(at.house.ports(), settings)).await;
        is_refused(&get(&at.router, "ana", &at.handle, "").await, "099007", "is not asked any more");
        assert_eq!(words(&at.house).last(), Some(&"overruled"));
        is_not_permitted(&read(&at.gateway, "ana").await);
        at.house.verifies();
    }
}

#[tokio::test]
async fn what_somebody_approved_who_is_asked_no_more_does_not_run() {
    for which in 0..3 {
        let at = signs_in().await;
        let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
        in_time(at.house.review().decide(at.id, &by, Verdict::Approve, None)).await.unwrap();
        let settings = without_rosa(&at.house).into_iter().nth(which).unwrap();
        work(&at.house, &Gateway::new(at.house.ports(), settings)).await;
        is_refused(&get(&at.router, "ana", &at.handle, "").await, "099007", "is not asked any more");
        assert_eq!((at.house.submissions(), words(&at.house).last()), (0, Some(&"overruled")));
        at.house.verifies();
    }
}

#[tokio::test]
async fn a_result_that_somebody_approved_who_is_asked_no_more_is_not_released() {
    let limits =
        [("rows = 2_000_000", "rows = 1"), ("rows_if_approved = 10_000_000", "rows_if_approved = 1000")];
    for which in 0..4 {
        let mut at = signs_in_to(WRITE, people(), ROSA, &limits).await;
        // In one part: about another one upstream would be asked, as about the write.
        customers::answer(&at.house.snow, &[4]);
        let kept = held(&at.router, customers::SQL).await;
        let review = at.house.review();
        let found = in_time(review.waiting()).await.unwrap().waiting;
        let id = found.into_iter().find(|found| found.asked.result.is_some()).unwrap().id;
        at.id = id;
        let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
        in_time(review.decide(id, &by, Verdict::Approve, None)).await.unwrap();
        let gateway = match without_rosa(&at.house).into_iter().nth(which) {
            Some(settings) => Gateway::new(at.house.ports(), settings),
            None => at.gateway.clone(),
        };
        work(&at.house, &gateway).await;
        let shown = get(&at.router, "ana", &kept.handle(), "").await;
        match which {
            3 => assert_eq!(shown.status, 200, "{}", shown.text()),
            _ => is_refused(&shown, "099007", "is not asked any more"),
        }
        at.house.verifies();
    }
}

#[tokio::test]
async fn groups_are_those_that_a_reviewer_proves_whatever_they_are_told_of() {
    let at = asks().await;
    let mut told_of_others = people();
    told_of_others[0].groups = Some(BTreeSet::from(["finance".to_owned()]));
    let roster = Roster::new(HOST, ISSUER, told_of_others.clone());
    let by = sign_in(&at, &reception(&at, roster)).await.unwrap();
    in_time(at.house.review().decide(at.id, &by, Verdict::Approve, None)).await.unwrap();
    let gateway = Gateway::new(at.house.ports(), asking(&at.house, told_of_others));
    work(&at.house, &gateway).await;
    assert_eq!(read(&gateway, "ana").await.status, 200);
    at.house.verifies();
}

#[tokio::test]
async fn whoever_signs_in_elsewhere_than_reviewers_do_is_told_so_and_decides_nothing() {
    let at = signs_in().await;
    let elsewhere = Roster::new(HOST, "https://elsewhere.example", people());
    let error = sign_in(&at, &reception(&at, elsewhere)).await.unwrap_err();
    assert!(error.to_string().contains("not among those who are asked"), "{error}");
    assert_eq!(words(&at.house), ["asked", "told"]);
}

#[tokio::test]
async fn whoever_is_no_reviewer_of_the_gateway_decides_nothing_whatever_list_let_them_in() {
    for sql in [WRITE, "request access to demo.public.* for '3d' because 'the report'"] {
        let at = match sql {
            WRITE => signs_in().await,
            _ => asks().await,
        };
        // They have signed in where reviewers do, and are on somebody's list.
        let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
        for roster in [Roster::new(HOST, ISSUER, people().split_off(1)), Roster::new("", ISSUER, Vec::new())]
        {
            let review = at.house.review().asking(Arc::new(roster));
            for verdict in [Verdict::Approve, Verdict::Deny] {
                let said = in_time(review.decide(at.id, &by, verdict, None)).await;
                assert!(matches!(said, Err(ReviewError::Stranger)), "{sql}: {said:?}");
            }
            assert!(matches!(review.show(at.id, &by).await.err(), Some(ReviewError::Stranger)), "{sql}");
        }
        assert_eq!(words(&at.house), ["asked", "told"], "{sql}");
    }
}

/// The gateway that serves the same home before a real account.
fn before_an_account(house: &House) -> Gateway {
    let settings = Settings { sign_in: SignIn::Oidc, ..asking(house, people()) };
    Gateway::new(house.ports(), settings)
}

#[tokio::test]
async fn what_was_asked_for_in_the_demo_is_decided_by_nobody_before_a_real_account() {
    for has_said_yes in [false, true] {
        let house = House::with(with(&demo()), &[]).await;
        deletes(&house);
        let gateway = house.gateway();
        let asked = held(&router(gateway.clone()), WRITE).await;
        told(&house, &gateway).await;
        let (id, token) = link_of(&house, ROSA);
        if has_said_yes {
            house.review().decide(id, &reviewer("rosa"), Verdict::Approve, None).await.unwrap();
        }
        let (before, real) = (house.review().signed_in_by(SignIn::Oidc), before_an_account(&house));
        let said = before.decide(id, &reviewer("boss"), Verdict::Approve, None).await;
        assert!(matches!(said, Err(ReviewError::SignIn)), "{said:?}");
        assert!(matches!(before.show(id, &reviewer("boss")).await.err(), Some(ReviewError::SignIn)));
        let mut pages = Browser::new(page_of(&house));
        opens_nothing(&pages.post(&format!("/a/{id}"), &[("token", &token)]).await);
        // Whoever looks after it ends it, whatever anybody has said.
        house.time.turn(Duration::from_secs(61));
        assert_eq!(work(&house, &real).await, 1);
        assert_eq!((house.submissions(), words(&house).last()), (0, Some(&"overruled")));
        let refused = get(&router(real.clone()), "ana", &asked.handle(), "").await;
        is_refused(&refused, "099007", "before its reviewers had to sign in");
        house.verifies();
    }
}

/// The page of that house before a real account.
fn page_of(house: &House) -> axum::Router {
    let roster = Arc::new(Roster::new(HOST, ISSUER, people()));
    let ids = Arc::new(local::RandomIds);
    let reception = gateway::Reception::new(house.review(), roster, None, ids).signed_in_by(SignIn::Oidc);
    approval::routes(reception, approval::Behind::Snowflake)
}

#[tokio::test]
async fn a_large_result_and_access_that_wait_in_the_demo_are_released_and_granted_by_nobody_later() {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 200), &[]).await;
    house.bundle.change(&[
        ("rows = 2_000_000", "rows = 5"),
        ("rows_if_approved = 10_000_000", "rows_if_approved = 1000"),
    ]);
    customers::answer(&house.snow, &[4, 4]);
    let gateway = house.gateway();
    let waits = held(&router(gateway.clone()), customers::SQL).await;
    says(&house, "rosa", Verdict::Approve).await.unwrap();
    let real = before_an_account(&house);
    work(&house, &real).await;
    is_refused(&get(&router(real), "ana", &waits.handle(), "").await, "099007", "before its reviewers");
    house.verifies();

    let house = house_with(|_| {}).await;
    let gateway = house.gateway();
    held(&router(gateway.clone()), REQUEST).await;
    let id = waiting(&house.review()).await;
    house.review().decide(id, &reviewer("rosa"), Verdict::Approve, None).await.unwrap();
    let real = before_an_account(&house);
    work(&house, &real).await;
    is_not_permitted(&read(&real, "ana").await);
    is_not_permitted(&read(&gateway, "ana").await);
    let (request, _) = house.records().remove(0);
    assert_eq!(steps_of(&house, &request).last().map(|step| step.what.as_str()), Some("overruled"));
    house.verifies();
}

#[tokio::test]
async fn what_was_granted_in_the_demo_permits_nothing_before_a_real_account() {
    let (house, gateway, _) = granted().await;
    assert_eq!(read(&gateway, "ana").await.status, 200);
    let real = before_an_account(&house);
    is_not_permitted(&read(&real, "ana").await);
    assert_eq!(house.submissions(), 1);
    let before = house.review().signed_in_by(SignIn::Oidc);
    let listed = before.granted_access().await.unwrap().0.remove(0);
    assert_eq!(listed.state, AccessState::Rests("it was granted before reviewers had to sign in"));
    // And what it has released is not shown there.
    let rows = house.records().into_iter().rfind(|(opening, _)| opening.decision == "allow").unwrap().0;
    let shown = get(&router(real), "ana", &rows.handle, "").await;
    is_refused(&shown, "099011", "was taken back");
    house.verifies();
}
