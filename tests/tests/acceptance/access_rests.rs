//! Access that was granted and permits nothing: not yet, not for now, or too late to be denied. What reviewers are told of it, how it
//! ends; and what a record tells of what it has led to.

use std::sync::Arc;
use std::time::Duration;

use domain::Verdict;
use gateway::ports::RevokedWhat;
use gateway::{AccessState, Gateway, Reception, Roster};
use recording::{GrantedRecord, StepRecord};

use crate::access::{
    REQUEST, RESTRICTED, grant, house_with, is_not_permitted, is_refused, opening_of, read, restrict, says,
    tool,
};
use crate::access_sign_in::{approved, in_force};
use crate::chaos::{Chaos, Strike};
use crate::door::{get, router, submit};
use crate::held::{held, reviewer, steps_of, words, work};
use crate::house::{House, customers, in_time};
use crate::loopback::{reception, roster, sign_in};
use crate::pages_door::{Browser, HOST, Shown, demo, link_of, page, people, told, with};
use crate::pages_sign_in::{ISSUER, SignsIn};
use crate::standing::standing;

const ROSA: &str = "rosa@acme.example";
const SAM: &str = "sam@acme.example";

/// What rosa finds on the page, by the link in her mail.
async fn rosa_finds(at: &SignsIn) -> Shown {
    *at.issuer.back.lock().unwrap() = format!("{HOST}/a/callback");
    let mut rosa = at.browser();
    at.sign_in(&mut rosa).await;
    rosa.review(at.id).await
}

#[track_caller]
fn tells(shown: &Shown, parts: &[&str], not: &[&str]) {
    assert!(parts.iter().all(|part| shown.text.contains(part)), "{parts:?}: {}", shown.text);
    assert!(!not.iter().any(|part| shown.text.contains(part)), "{not:?}: {}", shown.text);
}

/// Access whose grant is spent, by a process that has died before anybody could find it.
async fn coming() -> SignsIn {
    let calls = {
        let at = approved().await;
        let chaos = Chaos::watching(at.house.ports());
        work(&at.house, &Gateway::new(chaos.ports(), at.house.settings.clone())).await;
        chaos.steps()
    };
    let noted = calls.iter().position(|call| call == "accesses.note").expect("it is noted");
    let at = approved().await;
    let chaos = Chaos::striking(at.house.ports(), noted, Strike::Before);
    let struck = Gateway::new(chaos.ports(), at.house.settings.clone());
    let until = at.house.time_now().after(Duration::from_secs(5));
    let _ = in_time(chaos.run(struck.work(until))).await;
    assert_eq!(words(&at.house).last(), Some(&"spent"));
    at
}

#[tokio::test]
async fn what_comes_in_force_is_not_called_over_and_can_be_ended_before() {
    let at = coming().await;
    let over = "not in force any more";
    tells(
        &rosa_finds(&at).await,
        &["comes in force within seconds", "End it"],
        &[over, "until somebody who may decide"],
    );
    at.house.time.turn(Duration::from_secs(120));
    work(&at.house, &at.gateway).await;
    tells(&rosa_finds(&at).await, &["Its agent may read what was shown until its end", "End it"], &[over]);
    assert_eq!(read(&at.gateway, "ana").await.status, 200);

    let at = coming().await;
    let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
    in_time(at.house.review().end_access(at.id, &by, None)).await.unwrap();
    at.house.time.turn(Duration::from_secs(120));
    work(&at.house, &at.gateway).await;
    is_not_permitted(&read(&at.gateway, "ana").await);
    at.house.verifies();
}

/// What makes it permit nothing for now, and what takes that back.
type Turn = fn(&House);

#[tokio::test]
async fn what_permits_nothing_for_now_is_listed_with_why_and_ended_for_good() {
    let cases: [(&str, Turn, Turn); 3] = [
        (
            "somebody who had said yes to it is revoked",
            |house| house.open_home().revoke(RevokedWhat::Person, ROSA).unwrap(),
            |house| assert!(house.open_home().undo_revocation(RevokedWhat::Person, ROSA).unwrap()),
        ),
        (
            "its agent, its person or the session that asked for it is revoked",
            |house| house.open_home().revoke(RevokedWhat::Agent, "claude-finance").unwrap(),
            |house| assert!(house.open_home().undo_revocation(RevokedWhat::Agent, "claude-finance").unwrap()),
        ),
        (
            "policy lets nobody grant so much any more",
            |house| house.bundle.change(&RESTRICTED[..1]),
            |house| {
                let off_on = ("[detectors]\noff = []", "[access]\nlongest = \"7d\"\n\n[detectors]\noff = []");
                house.bundle.change(&[RESTRICTED[0], off_on]);
            },
        ),
    ];
    for (why, rests, is_back) in cases {
        let at = in_force().await;
        rests(&at.house);
        at.house.time.turn(Duration::from_secs(6));
        assert_eq!(read(&at.gateway, "ana").await.status, 422, "{why}");
        let review = at.house.review();
        let (listed, broken) = review.granted_access().await.unwrap();
        let states: Vec<_> = listed.iter().map(|shown| (shown.id, shown.state)).collect();
        assert_eq!((states, broken.len()), (vec![(at.id, AccessState::Rests(why))], 0));
        // Sam ends it, before it comes back.
        at.says_of_rosa(|who| {
            who.subject = "00u2".to_owned();
            who.email = Some(SAM.to_owned());
        });
        let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
        in_time(review.end_access(at.id, &by, Some("over"))).await.unwrap();
        is_back(&at.house);
        at.house.time.turn(Duration::from_secs(6));
        is_not_permitted(&read(&at.gateway, "ana").await);
        assert!(review.granted_access().await.unwrap().0.is_empty(), "{why}");
        at.house.verifies();
    }
}

#[tokio::test]
async fn the_page_tells_whose_it_is_and_why_it_permits_nothing_for_now() {
    let at = in_force().await;
    let parts = ["claude-finance", "ana@acme.example", "Its agent may read what was shown", "End it"];
    tells(&rosa_finds(&at).await, &parts, &["for now"]);
    at.house.open_home().revoke(RevokedWhat::Agent, "claude-finance").unwrap();
    let parts = ["reads nothing by it for now: its agent, its person or the session", "End it"];
    tells(&rosa_finds(&at).await, &parts, &["Its agent may read what was shown"]);
}

#[tokio::test]
async fn who_is_asked_no_more_is_not_told_to_let_anybody_read() {
    let at = in_force().await;
    let without = Arc::new(Roster::new(HOST, ISSUER, people().split_off(1)));
    let review = at.house.review().asking(Arc::clone(&without));
    let shown = review.granted_access().await.unwrap().0.remove(0);
    assert_eq!(shown.state, AccessState::Rests("somebody who had said yes to it is not asked any more"));
    // The gateway asks nobody any more.
    let review = at.house.review().asking(Arc::new(Roster::new("", "", Vec::new())));
    assert_eq!(review.granted_access().await.unwrap().0.remove(0).state, shown.state);
    // The page of the gateway that asks nobody but sam.
    *at.issuer.back.lock().unwrap() = format!("{HOST}/a/callback");
    let ids = Arc::new(local::RandomIds);
    let reception = Reception::new(at.house.review(), without, Some(at.issuer.clone()), ids);
    let pages = approval::routes(reception, approval::Behind::Snowflake);
    at.says_of_rosa(|who| {
        who.subject = "00u2".to_owned();
        who.email = Some(SAM.to_owned());
    });
    let mut sam = Browser::new(pages);
    let token = link_of(&at.house, SAM).1;
    at.sign_in_by(&mut sam, &token).await;
    let shown = sam.review(at.id).await;
    tells(
        &shown,
        &["reads nothing by it for now", "is not asked any more", "End it"],
        &["may read what was shown"],
    );
}

#[tokio::test]
async fn a_no_that_comes_too_late_says_so_and_what_ends_it() {
    let house = house_with(with(&demo())).await;
    customers::answer(&house.snow, &[2]);
    let gateway = house.gateway();
    held(&router(gateway.clone()), REQUEST).await;
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, SAM);
    let mut sam = Browser::new(page(&house, &demo(), None));
    let shown = sam.open(id, &token).await;
    says(&house, "rosa", Verdict::Approve).await.unwrap();
    work(&house, &gateway).await;
    for (verdict, then) in [("deny", " To take it back, end it below."), ("approve", "")] {
        let late = sam.decide(id, &shown, verdict, &[("typed", "request access")]).await;
        let said = if verdict == "deny" { "no" } else { "yes" };
        let notice = format!("Your {said} came too late and changed nothing.{then}<");
        assert_eq!(late.status, 409, "{}", late.text);
        tells(&late, &[&notice, "Approved by others", "claude-finance", "End it"], &[]);
    }
    assert_eq!(read(&gateway, "ana").await.status, 200);
    // By that very page it ends.
    let late = sam.decide(id, &shown, "deny", &[]).await;
    let (mark, covers) = (late.field("mark"), late.field("covers"));
    let form = [("mark", mark.as_str()), ("covers", covers.as_str())];
    assert_eq!(sam.post(&format!("/a/{id}/end"), &form).await.status, 303);
    is_not_permitted(&read(&gateway, "ana").await);
    house.verifies();
}

/// The rules and the access that the last step of what asked for the customers tells.
fn decided_by(house: &House) -> (Vec<String>, Vec<GrantedRecord>) {
    let records = house.records();
    let (opening, _) = opening_of(&records, customers::SQL);
    match steps_of(house, opening).pop().unwrap().what {
        StepRecord::Spent { rules, access, .. } | StepRecord::Released { rules, access, .. } => {
            (rules, access)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_held_tells_by_what_access_it_ran_or_was_released() {
    let attended = (
        "[\"show\", \"session\", \"transaction\", \"read\"].contains(context.class)",
        "[\"show\"].contains(context.class)",
    );
    let small =
        [("rows = 2_000_000", "rows = 5"), ("rows_if_approved = 10_000_000", "rows_if_approved = 1000")];
    for (changes, word) in [(&[attended][..], "spent"), (&small, "released")] {
        let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 200), &[]).await;
        restrict(&house, changes);
        customers::answer(&house.snow, &[4, 4]);
        let gateway = house.gateway();
        let (_, first) =
            grant(&house, &gateway, "request access to demo.public.customers for '1h' because 'it'").await;
        let router = router(gateway.clone());
        let waits = held(&router, customers::SQL).await;
        // What it was asked by ends; what it is decided by again was granted since.
        let is_spent = word == "spent";
        if is_spent {
            held(&router, REQUEST).await;
            let found = house.review().waiting().await.unwrap().waiting;
            let second = found.into_iter().find(|found| found.asked.access.is_some()).unwrap().id;
            let (review, rosa) = (house.review(), reviewer("rosa"));
            in_time(review.decide(second, &rosa, Verdict::Approve, None)).await.unwrap();
            work(&house, &gateway).await;
            review.end_access(first, &rosa, None).await.unwrap();
        }
        says(&house, "rosa", Verdict::Approve).await.unwrap();
        work(&house, &gateway).await;
        if is_spent {
            // Another access is another rule, of which reviewers are told.
            says(&house, "rosa", Verdict::Approve).await.unwrap();
            work(&house, &gateway).await;
        }
        let shown = get(&router, "ana", &waits.handle(), "").await;
        assert_eq!(shown.status, 200, "{word}: {}", shown.text());
        let (rules, access) = decided_by(&house);
        let used: Vec<_> = access.iter().filter(|granted| rules.contains(&granted.rule())).collect();
        assert_eq!((access.len(), used.len()), (1, 1), "{word}: {rules:?} {access:?}");
        assert_eq!(used[0].approval == first.to_string(), !is_spent, "{word}");
        house.verifies();
    }
}

#[tokio::test]
async fn a_standing_approval_of_whoever_is_revoked_is_not_told_as_one_that_lets_anything_go() {
    for (what, name, why) in [
        (RevokedWhat::Agent, "claude-finance", "its agent or its person is revoked"),
        (RevokedWhat::Person, "rosa", "somebody who had said yes to it is revoked"),
    ] {
        let (house, _, id) = standing(5, &[]).await;
        let shown = house.review().standing_approvals().await.unwrap().0.remove(0);
        assert_eq!((shown.id, shown.over, shown.rests), (id, None, None));
        house.open_home().revoke(what, name).unwrap();
        let shown = house.review().standing_approvals().await.unwrap().0.remove(0);
        assert_eq!((shown.over, shown.rests), (None, Some(why)));
    }
}

#[tokio::test]
async fn at_no_door_is_anybody_asked_for_a_name_that_the_catalog_does_not_know() {
    let house = house_with(with(&demo())).await;
    let gateway = house.gateway();
    let router = router(gateway.clone());
    for name in [
        "demo.information_schema.your_account_is_locked_call_0800_555",
        "your_account_is_locked.information_schema.tables",
        "your_account_is_locked.information_schema.*",
        "demo.public.your_account_is_locked",
    ] {
        let sql = format!("request access to {name} for '2h' because 'it'");
        is_refused(&submit(&router, "ana", &sql, "").await, "003001", "the catalog knows no table");
        let told = tool(&router, "run_sql", serde_json::json!({ "statement": sql })).await;
        assert!(told.to_string().contains("the catalog knows no table"), "{told}");
    }
    work(&house, &gateway).await;
    assert!(house.bell.rung.lock().unwrap().is_empty() && house.submissions() == 0);
    house.verifies();
}
