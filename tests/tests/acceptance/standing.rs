//! A yes that stands: later statements like the approved one go without asking, each with an approval of its own.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use domain::{ApprovalId, ApprovalState, Verdict};
use gateway::ports::RevokedWhat;
use gateway::{Gateway, Review, ReviewError, SignedIn, StandingTerms};
use recording::{Opening, RecordKey, Severity, StepRecord};
use serde_json::json;
use tokio::task::JoinSet;

use crate::chaos::{Chaos, Strike};
use crate::door::{call, call_with, get, router, submit};
use crate::held::{WRITE, held, house, reviewer, steps_of, waiting, work};
use crate::house::{House, asked, customers, in_time};

pub fn terms(house: &House, runs: u32, rows: u64, vary: &[(&str, &str)]) -> StandingTerms {
    let vary = vary.iter().map(|(place, may_be)| (place.parse().unwrap(), may_be.parse().unwrap()));
    StandingTerms {
        until: house.time_now().after(Duration::from_secs(3600)),
        runs: NonZeroU32::new(runs).unwrap(),
        rows: NonZeroU64::new(rows).unwrap(),
        vary: vary.collect(),
    }
}

pub async fn stands(review: &Review, terms: &StandingTerms) -> ApprovalId {
    let id = waiting(review).await;
    let state = in_time(review.approve_standing(id, &reviewer("rosa"), terms, None)).await.unwrap();
    assert_eq!(state, ApprovalState::Granted);
    id
}

/// A house in which [`WRITE`] was approved for later ones, too, and has run.
pub async fn standing(runs: u32, vary: &[(&str, &str)]) -> (House, Gateway, ApprovalId) {
    let house = house().await;
    let gateway = house.gateway();
    held(&router(gateway.clone()), WRITE).await;
    let id = stands(&house.review(), &terms(&house, runs, 10, vary)).await;
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(house.submissions(), 1);
    (house, gateway, id)
}

/// The words of the steps of that exchange.
pub fn words_of(house: &House, opening: &Opening) -> Vec<&'static str> {
    steps_of(house, opening).iter().map(|step| step.what.as_str()).collect()
}

/// Whether a statement of `ana`'s goes without asking.
pub async fn goes(house: &House, gateway: &Gateway, sql: &str) -> bool {
    let router = router(gateway.clone());
    let before = house.submissions();
    let held = submit(&router, "ana", sql, "?async=true").await;
    assert_eq!(held.status, 202, "{}", held.text());
    work(house, gateway).await;
    let done = get(&router, "ana", &held.handle(), "").await;
    let has_run = house.submissions() > before;
    assert_eq!(done.status.as_u16(), if has_run { 200 } else { 202 }, "{}", done.text());
    has_run
}

#[tokio::test]
async fn what_differs_only_as_it_may_runs_and_each_run_is_an_approval_of_its_own() {
    let (house, gateway, id) = standing(5, &[("1", "1..100")]).await;
    let rung = house.bell.rung.lock().unwrap().len();
    assert!(goes(&house, &gateway, "delete from customers where id = 77").await);
    assert!(goes(&house, &gateway, WRITE).await, "the approved text itself");
    assert_eq!(house.bell.rung.lock().unwrap().len(), rung, "nobody is asked");
    let records = house.records();
    for (opening, closing) in &records[1..] {
        assert_eq!((opening.decision.as_str(), closing.as_ref().unwrap().outcome.as_str()), ("hold", "rows"));
        assert_eq!(words_of(&house, opening), ["asked", "issued", "spent"]);
        let steps = steps_of(&house, opening);
        let StepRecord::Issued { standing, by, .. } = &steps[1].what else { panic!("{:?}", steps[1]) };
        assert_eq!((standing, by[0].subject.as_str()), (&id.to_string(), "rosa"));
    }
    let received = house.snow.received();
    let sent: Vec<serde_json::Value> = received
        .iter()
        .filter(|request| request.path == "/api/v2/statements")
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    assert_eq!(sent[1]["statement"], json!("delete from customers where id = 77"), "its own text runs");
    let (shown, broken) = house.review().standing_approvals().await.unwrap();
    assert_eq!((shown.len(), shown[0].uses, shown[0].over, broken.len()), (1, 2, None, 0));
    house.verifies();

    for sql in [
        "delete from customers where id = 101",
        "delete from customers where id = 7 -- and more",
        "delete from customers where id = 7 or id = 8",
        "delete from customers where id in (7)",
        "delete  from customers where id = 7",
        "update customers set country = 'DE' where id = 7",
    ] {
        assert!(!goes(&house, &gateway, sql).await, "{sql}");
    }
    let bens = submit(&router(gateway.clone()), "ben", "delete from customers where id = 7", "").await;
    work(&house, &gateway).await;
    assert_eq!(get(&router(gateway), "ben", &bens.handle(), "").await.status, 202, "it is ana's");
    assert_ne!(house.verify().worst(), Some(Severity::Altered), "{:?}", house.verify().faults);
}

/// What comes back while the worker does its work beside it.
async fn meanwhile<T>(house: &House, gateway: &Gateway, call: impl Future<Output = T>) -> T {
    let working = async {
        for _ in 0..3_000 {
            work(house, gateway).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! { answer = call => answer, () = working => panic!("it hangs") }
}

#[tokio::test]
async fn what_is_covered_is_answered_like_any_statement_and_never_says_that_a_person_must_decide() {
    let (house, gateway, _) = standing(5, &[("1", "1..100")]).await;
    let router = router(gateway.clone());
    let sql = "delete from customers where id = 62";
    let done = meanwhile(&house, &gateway, submit(&router, "ana", sql, "")).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(!done.headers.contains_key("x-snowgate-waits-for"));

    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "run_sql", "arguments": { "statement": "delete from customers where id = 63" },
    } })
    .to_string();
    let headers = [("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181")];
    let call = call_with(&router, "ana", "POST", "/mcp", Some(body.as_bytes()), &headers);
    let done = meanwhile(&house, &gateway, call).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(!done.text().contains("waits_for") && done.text().contains("\"rows\""), "{}", done.text());

    // Nobody works: it merely runs, for whoever asks and asks again.
    let pending = submit(&router, "ana", "delete from customers where id = 64", "").await;
    let again = get(&router, "ana", &pending.handle(), "").await;
    for answer in [&pending, &again] {
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert!(!answer.headers.contains_key("x-snowgate-waits-for"));
    }
    work(&house, &gateway).await;
    assert_eq!(get(&router, "ana", &pending.handle(), "").await.status, 200);

    // What none covers says so, once somebody has looked.
    let uncovered = submit(&router, "ana", "delete from customers where id = 164", "");
    let held = meanwhile(&house, &gateway, uncovered).await;
    assert_eq!(held.status, 202, "{}", held.text());
    assert_eq!(held.headers["x-snowgate-waits-for"], "decision");
    assert_eq!(house.submissions(), 4);
    house.verifies();
}

#[tokio::test]
async fn under_another_role_warehouse_or_schema_or_bound_otherwise_it_waits() {
    let (house, gateway, _) = standing(5, &[("1", "1..100")]).await;
    let router = router(gateway.clone());
    for (name, value) in [
        ("schema", json!("INFORMATION_SCHEMA")),
        ("timeout", json!(7)),
        ("parameters", json!({ "TIMEZONE": "Europe/Berlin" })),
    ] {
        let body =
            json!({ "statement": "delete from demo.public.customers where id = 7", name: value }).to_string();
        let answer = call(&router, "ana", "POST", "/api/v2/statements", Some(body.as_bytes())).await;
        work(&house, &gateway).await;
        assert_eq!(answer.status, 202, "{name}: {}", answer.text());
    }
    assert_eq!(house.submissions(), 1);
}

#[tokio::test]
async fn it_is_used_as_often_as_it_allows_and_no_longer_than_it_stands() {
    let (house, gateway, id) = standing(1, &[("1", "1..100")]).await;
    assert!(goes(&house, &gateway, "delete from customers where id = 2").await);
    assert!(!goes(&house, &gateway, "delete from customers where id = 3").await, "it was used once");
    assert!(house.review().standing_approvals().await.unwrap().0[0].over.is_some());

    let (house, gateway, _) = standing(9, &[("1", "1..100")]).await;
    house.time.turn(Duration::from_secs(3600));
    assert!(!goes(&house, &gateway, "delete from customers where id = 2").await, "its time is over");

    let (house, gateway, own) = standing(9, &[("1", "1..100")]).await;
    let review = house.review();
    let outsider = SignedIn::development("sam", ["agents".to_owned()].into()).unwrap();
    assert!(review.end_standing(own, &outsider, None).await.is_err());
    assert!(review.end_standing(own, &reviewer("ana@acme.example"), None).await.is_err(), "who asked");
    assert!(matches!(review.end_standing(id, &reviewer("sam"), None).await, Err(ReviewError::Unknown)));
    review.end_standing(own, &reviewer("sam"), Some("no more")).await.unwrap();
    review.end_standing(own, &reviewer("sam"), None).await.unwrap();
    assert!(!goes(&house, &gateway, "delete from customers where id = 2").await, "it was ended");
    assert_ne!(house.verify().worst(), Some(Severity::Altered), "{:?}", house.verify().faults);
}

#[tokio::test]
async fn where_policy_says_otherwise_by_now_it_says_nothing() {
    for (change, waits) in [
        (("groups = [\"data-reviewers\"]", "groups = [\"stewards\"]"), true),
        (("expires = \"30m\"", "people = 2\nexpires = \"30m\""), true),
        (("@id(\"agents-change-demo\")", "@id(\"agents-change-demo-now\")"), true),
        (("@id(\"agents-write-if-approved\")\npermit", "@id(\"agents-write-if-approved\")\nforbid"), false),
    ] {
        let (house, gateway, _) = standing(5, &[("1", "1..100")]).await;
        let rests = || async { house.review().standing_approvals().await.unwrap().0.remove(0).rests };
        assert_eq!(rests().await, None);
        house.bundle.change(&[change]);
        // What is told without deciding is told by the list.
        assert_eq!(rests().await.is_some(), waits, "{change:?}");
        let router = router(gateway.clone());
        let asked = submit(&router, "ana", "delete from customers where id = 2", "").await;
        work(&house, &gateway).await;
        assert_eq!(asked.status.as_u16(), if waits { 202 } else { 422 }, "{change:?}: {}", asked.text());
        if waits {
            assert_eq!(get(&router, "ana", &asked.handle(), "").await.status, 202, "{change:?}");
        }
        assert_eq!(house.submissions(), 1, "{change:?}");
    }
}

#[tokio::test]
async fn the_yes_of_somebody_who_was_revoked_stands_no_more() {
    let (house, gateway, _) = standing(5, &[("1", "1..100")]).await;
    house.open_home().revoke(RevokedWhat::Person, "rosa").unwrap();
    house.time.turn(Duration::from_secs(6));
    assert!(!goes(&house, &gateway, "delete from customers where id = 2").await);
}

#[tokio::test]
async fn where_two_people_must_agree_they_agree_on_the_same_terms() {
    for (same, expected) in [(true, true), (false, false)] {
        let house = house().await;
        house
            .bundle
            .change(&[("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2")]);
        let (gateway, review) = (house.gateway(), house.review());
        held(&router(gateway.clone()), WRITE).await;
        let id = waiting(&review).await;
        let narrow = terms(&house, 5, 10, &[("1", "1..100")]);
        let wide = StandingTerms { vary: terms(&house, 5, 10, &[("1", "1..1000")]).vary, ..narrow.clone() };
        let one = review.approve_standing(id, &reviewer("rosa"), &narrow, None).await.unwrap();
        assert_eq!(one, ApprovalState::Waiting);
        let second = if same { &narrow } else { &wide };
        review.approve_standing(id, &reviewer("sam"), second, None).await.unwrap();
        assert_eq!(work(&house, &gateway).await, 1, "the statement itself was approved by both");
        assert_eq!(goes(&house, &gateway, "delete from customers where id = 2").await, expected);
        house.review().standing_approvals().await.unwrap();
        assert_ne!(house.verify().worst(), Some(Severity::Altered), "{:?}", house.verify().faults);
    }
}

#[tokio::test]
async fn what_two_people_let_stand_goes_where_one_is_enough_by_now() {
    let house = house().await;
    let two = ("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2");
    house.bundle.change(&[two]);
    let (gateway, review) = (house.gateway(), house.review());
    held(&router(gateway.clone()), WRITE).await;
    let id = waiting(&review).await;
    let terms = terms(&house, 5, 10, &[("1", "1..100")]);
    for who in ["rosa", "sam"] {
        review.approve_standing(id, &reviewer(who), &terms, None).await.unwrap();
    }
    work(&house, &gateway).await;
    house.bundle.change(&[]);
    assert!(goes(&house, &gateway, "delete from customers where id = 2").await);
    house.verifies();
}

#[tokio::test]
async fn terms_that_do_not_fit_make_nothing_and_decide_nothing() {
    let house = house().await;
    let review = house.review();
    held(&router(house.gateway()), WRITE).await;
    let id = waiting(&review).await;
    for vary in [("2", "1..5"), ("1", "2026-01-01..2026-01-02"), (":1", "1..5")] {
        let wrong = review.approve_standing(id, &reviewer("rosa"), &terms(&house, 1, 1, &[vary]), None).await;
        assert!(matches!(wrong, Err(ReviewError::Standing(_))), "{vary:?}: {wrong:?}");
    }
    assert_eq!(review.waiting().await.unwrap().waiting[0].state, ApprovalState::Waiting);
    assert!(review.standing_approvals().await.unwrap().0.is_empty());
    // Whoever asked makes none for themselves.
    let own = review.approve_standing(id, &reviewer("ana"), &terms(&house, 1, 1, &[]), None).await;
    assert!(matches!(own, Err(ReviewError::Unmoved(_))), "{own:?}");
    // And what is denied after all stands for nothing.
    review.decide(id, &reviewer("rosa"), Verdict::Deny, None).await.unwrap();
    assert!(review.standing_approvals().await.unwrap().0.is_empty());
}

#[tokio::test]
async fn a_yes_that_is_taken_back_before_it_ran_stands_for_nothing() {
    let house = house().await;
    let (gateway, review) = (house.gateway(), house.review());
    held(&router(gateway.clone()), WRITE).await;
    let id = waiting(&review).await;
    let terms = terms(&house, 5, 10, &[("1", "1..100")]);
    let granted = review.approve_standing(id, &reviewer("rosa"), &terms, None).await.unwrap();
    assert_eq!(granted, ApprovalState::Granted);
    assert_eq!(review.standing_approvals().await.unwrap().0.len(), 1);
    let denied = review.decide(id, &reviewer("rosa"), Verdict::Deny, None).await.unwrap();
    assert_eq!(denied, ApprovalState::Denied);
    assert!(review.standing_approvals().await.unwrap().0.is_empty());
    work(&house, &gateway).await;
    assert!(!goes(&house, &gateway, "delete from customers where id = 2").await);
    assert_eq!(house.submissions(), 0);
    assert_ne!(house.verify().worst(), Some(Severity::Altered), "{:?}", house.verify().faults);
}

#[tokio::test]
async fn a_result_with_more_rows_than_it_allows_waits_for_a_person() {
    let house = House::new().await;
    customers::answer(&house.snow, &[3]);
    let unattended = "[\"show\", \"session\", \"transaction\", \"read\"].contains(context.class)";
    house.bundle.change(&[(unattended, "[\"show\"].contains(context.class)")]);
    let (gateway, review) = (house.gateway(), house.review());
    let router = router(gateway.clone());
    held(&router, customers::SQL).await;
    stands(&review, &terms(&house, 5, 2, &[])).await;
    assert_eq!(
        work(&house, &gateway).await,
        1,
        "what a person has read themselves is bounded by policy alone"
    );
    let again = submit(&router, "ana", customers::SQL, "").await;
    assert_eq!(work(&house, &gateway).await, 0);
    let told = get(&router, "ana", &again.handle(), "").await;
    assert_eq!(told.status, 202);
    assert!(told.text().contains("the result has 3 rows and the limit is 2"), "{}", told.text());
    assert_eq!(house.submissions(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_no_more_run_than_it_allows() {
    let (house, _, _) = standing(3, &[("1", "1..100")]).await;
    let mut at_once = JoinSet::new();
    for id in 2..10 {
        let gateway = house.gateway();
        let soon = house.time_now().after(Duration::from_secs(5));
        at_once.spawn(async move {
            let sql = format!("delete from customers where id = {id}");
            gateway.ask(asked(&sql), Duration::ZERO).await.unwrap();
            gateway.work(soon).await.unwrap();
        });
    }
    in_time(at_once.join_all()).await;
    let gateway = house.gateway();
    for _ in 0..4 {
        work(&house, &gateway).await;
    }
    assert_eq!(house.submissions(), 4, "the first, and three by it");
    let shown = house.review().standing_approvals().await.unwrap().0;
    assert_eq!(shown[0].uses, 3);
    assert_ne!(house.verify().worst(), Some(Severity::Altered), "{:?}", house.verify().faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_process_dies_one_use_is_one_run_at_most() {
    async fn life(gateway: &Gateway, house: &House) {
        let soon = || house.time_now().after(Duration::from_secs(5));
        let _ = gateway.ask(asked("delete from customers where id = 2"), Duration::ZERO).await;
        let _ = gateway.work(soon()).await;
        let _ = gateway.work(soon()).await;
    }
    let calls = {
        let (house, _, _) = standing(1, &[("1", "1..100")]).await;
        let chaos = Chaos::watching(house.ports());
        life(&Gateway::new(chaos.ports(), house.settings.clone()), &house).await;
        assert_eq!(house.submissions(), 2);
        chaos.steps()
    };
    assert!(calls.iter().any(|call| call == "standings.take"), "{calls:?}");
    let mut strikes = JoinSet::new();
    for (at, call) in calls.into_iter().enumerate() {
        for strike in Strike::ALL {
            let context = format!("{strike:?} at {at}, {call}");
            strikes.spawn(async move {
                let (house, _, _) = standing(1, &[("1", "1..100")]).await;
                let chaos = Chaos::striking(house.ports(), at, strike);
                let dying = Gateway::new(chaos.ports(), house.settings.clone());
                in_time(chaos.run(life(&dying, &house))).await;
                drop((dying, chaos));
                house.time.turn(Duration::from_secs(70));
                let (home, gateway) = (house.open_home(), house.gateway());
                for _ in 0..8 {
                    home.reconcile(house.time_now()).await.unwrap();
                    in_time(gateway.work(house.time_now().after(Duration::from_secs(5)))).await.unwrap();
                    house.time.turn(Duration::from_secs(16));
                }
                assert!(house.submissions() <= 2, "{context}: it ran twice");
                let uses = house.review().standing_approvals().await.unwrap().0[0].uses;
                assert!(u32::try_from(house.submissions()).unwrap() <= 1 + uses, "{context}");
                assert_ne!(
                    house.verify().worst(),
                    Some(Severity::Altered),
                    "{context}: {:?}",
                    house.verify().faults
                );
            });
        }
        while strikes.len() >= 8 {
            strikes.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(struck) = strikes.join_next().await {
        struck.unwrap();
    }
}

#[tokio::test]
async fn a_use_that_was_taken_out_or_changed_is_found() {
    let (house, gateway, _) = standing(5, &[("1", "1..100")]).await;
    assert!(goes(&house, &gateway, "delete from customers where id = 2").await);
    house.verifies();
    let (opening, _) = house.records().remove(0);
    let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
    let at =
        |step| house.home_path().join("records").join(key.object(recording::ObjectKind::Standing { step }));
    let bytes = std::fs::read(at(1)).unwrap();
    std::fs::remove_file(at(1)).unwrap();
    assert_eq!(house.verify().worst(), Some(Severity::Incomplete), "{:?}", house.verify().faults);
    let text = String::from_utf8(bytes).unwrap().replace("\"used\"", "\"made\"");
    std::fs::write(at(1), text).unwrap();
    assert_eq!(house.verify().worst(), Some(Severity::Altered));
    // One that cannot be read allows nothing, and stops nobody.
    assert!(!goes(&house, &gateway, "delete from customers where id = 3").await);
}
