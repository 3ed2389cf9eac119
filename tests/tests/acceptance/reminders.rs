//! Reviewers who stay silent are reminded once, and a second group is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{ApprovalId, ApprovalState, Verdict};
use gateway::{Gateway, KnownReviewer, Reminded, Reminders, Retry, ReviewerName, Roster, Stands};

use crate::chaos::{Chaos, Strike};
use crate::held::{WRITE, deletes, reviewer, steps, waiting, words, work};
use crate::house::{House, ask_without_waiting, in_time};
use recording::StepRecord;

const ROSA: &str = "rosa@acme.example";
const SAM: &str = "sam@acme.example";
const LEE: &str = "lee@acme.example";

/// A house in which something waits; rosa and sam are told, and lee would be second.
async fn waits() -> (House, Gateway, ApprovalId) {
    waits_keeping(None).await
}

/// The same, whose gateway keeps the time of reminders itself: half of thirty minutes, and three quarters.
async fn waits_by_itself() -> (House, Gateway, ApprovalId) {
    waits_keeping(Some(Reminders { told: Some(50), second: Some(75) })).await
}

/// The same of what may wait that long.
async fn waits_by_itself_for(long: &str) -> (House, Gateway, ApprovalId) {
    waits_so(Some(Reminders { told: Some(50), second: Some(99) }), long).await
}

async fn waits_keeping(reminders: Option<Reminders>) -> (House, Gateway, ApprovalId) {
    waits_so(reminders, "30m").await
}

async fn waits_so(reminders: Option<Reminders>, long: &str) -> (House, Gateway, ApprovalId) {
    let (house, gateway) = asks_so(reminders, long).await;
    work(&house, &gateway).await;
    let id = waiting(&house.review()).await;
    (house, gateway, id)
}

/// The same, of which nobody was told yet.
async fn asks_so(reminders: Option<Reminders>, long: &str) -> (House, Gateway) {
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
    let house = House::with(
        |settings| {
            settings.roster = Some(Arc::new(roster));
            settings.reminders = reminders;
        },
        &[],
    )
    .await;
    let two = "groups = [\"data-reviewers\", \"data-leads\"]\npeople = 2";
    house.bundle.change(&[
        (r#"groups = ["data-reviewers"]"#, two),
        ("expires = \"30m\"", &format!("expires = \"{long}\"")),
    ]);
    deletes(&house);
    let gateway = house.gateway();
    ask_without_waiting(&gateway, WRITE).await;
    (house, gateway)
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

/// Why reviewers were told, at each telling that has reached somebody or is tried again with the others.
fn reasons(house: &House) -> Vec<Option<String>> {
    let told = steps(house).into_iter().filter_map(|step| match step.what {
        StepRecord::Told { why, reviewers, failed, .. } => {
            let is_in_vain = why.is_some() && reviewers.is_empty() && failed.is_empty();
            (!is_in_vain).then_some(why)
        }
        _ => None,
    });
    told.collect()
}

/// How often reviewers were to be reminded, and nobody could be reached.
fn in_vain(house: &House) -> usize {
    steps(house).iter().filter(|step| matches!(step.what, StepRecord::Told { .. })).count()
        - reasons(house).len()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_gateway_that_keeps_the_time_reminds_once_at_half_of_it_and_tells_the_second_group_at_three_quarters()
 {
    let (house, gateway, _) = waits_by_itself().await;
    house.time.turn(MINUTE * 14);
    work(&house, &gateway).await;
    assert_eq!(reasons(&house), [None], "not yet");
    // Whoever is silent, as often as anybody looks.
    house.time.turn(MINUTE);
    for _ in 0..3 {
        work(&house, &gateway).await;
        house.time.turn(MINUTE);
    }
    let reason = |word: &str| Some(word.to_owned());
    assert_eq!(reasons(&house), [None, reason("reminder")]);
    house.time.turn(MINUTE * 4);
    work(&house, &gateway).await;
    assert_eq!(reasons(&house).len(), 2, "22 of 30 minutes");
    house.time.turn(MINUTE);
    for _ in 0..3 {
        work(&house, &gateway).await;
        house.time.turn(MINUTE);
    }
    assert_eq!(reasons(&house), [None, reason("reminder"), reason("second")]);
    let told = |reviewers: &[&str]| (names(reviewers), Vec::new());
    assert_eq!(tellings(&house), [told(&[ROSA, SAM]), told(&[ROSA, SAM]), told(&[LEE])]);
    let rung: Vec<_> = house.bell.rung.lock().unwrap().iter().map(|notice| notice.reminded).collect();
    assert_eq!(rung, [None, Some(Reminded::Told), Some(Reminded::Second)], "a mail each");
    let letters = house.bell.rung.lock().unwrap().clone();
    assert!(letters[1].subject().starts_with("Reminder: approval wanted"), "{}", letters[1].subject());
    assert!(letters[1].letter(&letters[1].invited[0]).starts_with("An agent still waits"), "{letters:?}");
    assert!(letters[2].letter(&letters[2].invited[0]).contains("nobody else has decided"), "{letters:?}");
    // The recording tells it, and silence still denies.
    house.verifies();
    house.time.turn(MINUTE * 30);
    assert_eq!(work(&house, &gateway).await, 1);
    assert_eq!(words(&house), ["asked", "told", "told", "told", "expired"]);
    house.verifies();
}

#[tokio::test]
async fn whoever_has_decided_is_not_reminded_and_neither_is_anybody_of_what_is_over() {
    let (house, gateway, id) = waits_by_itself().await;
    in_time(house.review().decide(id, &reviewer(SAM), Verdict::Approve, None)).await.unwrap();
    house.time.turn(MINUTE * 23);
    for _ in 0..3 {
        work(&house, &gateway).await;
    }
    let told = |reviewers: &[&str]| (names(reviewers), Vec::new());
    assert_eq!(tellings(&house), [told(&[ROSA, SAM]), told(&[ROSA]), told(&[LEE])], "both are due by now");
    let (house, gateway, id) = waits_by_itself().await;
    in_time(house.review().decide(id, &reviewer(SAM), Verdict::Deny, None)).await.unwrap();
    house.time.turn(MINUTE * 23);
    work(&house, &gateway).await;
    assert_eq!(words(&house), ["asked", "told", "decided"]);
}

#[tokio::test]
async fn whoever_cannot_be_reminded_is_tried_again_and_nothing_is_denied_for_it() {
    let (house, gateway, _) = waits_by_itself().await;
    house.bell.is_out_of_reach.store(true, Ordering::SeqCst);
    house.time.turn(MINUTE * 16);
    assert_eq!(work(&house, &gateway).await, 0);
    assert_eq!((reasons(&house), in_vain(&house)), (vec![None], 1));
    house.verifies();
    house.bell.is_out_of_reach.store(false, Ordering::SeqCst);
    house.time.turn(MINUTE);
    work(&house, &gateway).await;
    assert_eq!(reasons(&house), [None, Some("reminder".to_owned())]);
}

#[tokio::test]
async fn whoever_cannot_be_reminded_keeps_the_second_group_from_nothing_and_is_reminded_when_they_can_be() {
    let (house, gateway, _) = waits_by_itself().await;
    house.bell.is_deaf.lock().unwrap().extend(names(&[ROSA, SAM]));
    house.time.turn(MINUTE * 16);
    work(&house, &gateway).await;
    assert_eq!(reasons(&house), [None]);
    house.time.turn(MINUTE * 7);
    for _ in 0..2 {
        work(&house, &gateway).await;
        house.time.turn(MINUTE);
    }
    let reason = |word: &str| Some(word.to_owned());
    assert_eq!(reasons(&house), [None, reason("second")]);
    assert!(tellings(&house).contains(&(names(&[LEE]), Vec::new())));
    house.bell.is_deaf.lock().unwrap().clear();
    house.time.turn(MINUTE * 4);
    work(&house, &gateway).await;
    assert_eq!(reasons(&house), [None, reason("second"), reason("reminder")]);
    assert_eq!(
        tellings(&house).pop().unwrap(),
        (names(&[ROSA, SAM]), Vec::new()),
        "and nobody told just now"
    );
    house.verifies();
}

#[tokio::test]
async fn whoever_can_never_be_reminded_is_tried_a_few_times_ever_less_often_and_no_more() {
    for is_out_of_reach in [false, true] {
        let (house, gateway, _) = waits_by_itself_for("24h").await;
        house.bell.is_deaf.lock().unwrap().extend(names(&[ROSA, SAM]));
        house.bell.is_out_of_reach.store(is_out_of_reach, Ordering::SeqCst);
        house.time.turn(MINUTE * 12 * 60);
        let mut tries = Vec::new();
        for minute in 0..5 * 60 {
            let before = in_vain(&house);
            work(&house, &gateway).await;
            match in_vain(&house) - before {
                0 => {}
                1 => tries.push(minute),
                more => panic!("{more} at once"),
            }
            house.time.turn(MINUTE);
        }
        assert_eq!(tries, [0, 1, 5, 21, 85], "{is_out_of_reach}");
        assert_eq!(reasons(&house), [None]);
        house.verifies();
    }
}

const HALF: Option<Reminders> = Some(Reminders { told: Some(50), second: None });

/// Time goes by, and somebody looks each minute.
async fn minutes(house: &House, gateway: &Gateway, count: u32) {
    for _ in 0..count {
        work(house, gateway).await;
        house.time.turn(MINUTE);
    }
}

#[tokio::test]
async fn whoever_could_not_be_told_at_first_is_told_when_others_are_reminded() {
    let (house, gateway) = asks_so(HALF, "30m").await;
    house.bell.is_deaf.lock().unwrap().extend(names(&[SAM]));
    minutes(&house, &gateway, 12).await;
    let told = tellings(&house);
    assert_eq!(told.first().unwrap(), &(names(&[ROSA]), names(&[SAM])));
    assert!(told.iter().skip(1).all(|told| *told == (Vec::new(), names(&[SAM]))), "{told:?}");
    house.bell.is_deaf.lock().unwrap().clear();
    minutes(&house, &gateway, 5).await;
    assert_eq!(tellings(&house).pop().unwrap(), (names(&[ROSA, SAM]), Vec::new()));
    house.verifies();
}

#[tokio::test]
async fn while_nobody_knows_of_it_telling_goes_on() {
    let (house, gateway) = asks_so(None, "24h").await;
    house.bell.is_deaf.lock().unwrap().extend(names(&[ROSA, SAM]));
    minutes(&house, &gateway, 3 * 60).await;
    let in_vain = tellings(&house);
    assert!(in_vain.iter().all(|(told, _)| told.is_empty()), "{in_vain:?}");
    assert!((10..=20).contains(&in_vain.len()), "{}", in_vain.len());
    house.bell.is_deaf.lock().unwrap().clear();
    minutes(&house, &gateway, 17).await;
    assert_eq!(tellings(&house).pop().unwrap(), (names(&[ROSA, SAM]), Vec::new()));
    house.verifies();
}

#[tokio::test]
async fn an_agent_hears_that_nobody_could_be_told_in_all_the_time() {
    let (house, gateway) = asks_so(HALF, "30m").await;
    house.bell.is_deaf.lock().unwrap().extend(names(&[ROSA, SAM]));
    minutes(&house, &gateway, 32).await;
    let closing = serde_json::to_string(&house.only().1.unwrap()).unwrap();
    assert!(closing.contains("no reviewer could be reached in time"), "{closing}");
    house.verifies();
}

#[tokio::test]
async fn of_two_processes_that_remind_at_once_one_records_it() {
    for whom in [Reminded::Told, Reminded::Second] {
        let (house, one, id) = waits().await;
        let other = house.gateway();
        let (first, second) = tokio::join!(in_time(one.remind(id, whom)), in_time(other.remind(id, whom)));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(reasons(&house).len(), 2, "{whom:?}");
        house.verifies();
    }
    // Whoever looks after the exchange holds it meanwhile: one mail.
    let (house, one, _) = waits_by_itself().await;
    let other = house.gateway();
    house.time.turn(MINUTE * 16);
    tokio::join!(work(&house, &one), work(&house, &other));
    assert_eq!((reasons(&house).len(), house.bell.rung.lock().unwrap().len()), (2, 2));
}

#[tokio::test]
async fn a_process_that_dies_anywhere_between_mail_and_record_leaves_it_told_at_least_once_and_recorded_once()
{
    let calls = {
        let (house, _, _) = waits_by_itself().await;
        let chaos = Chaos::watching(house.ports());
        house.time.turn(MINUTE * 16);
        let gateway = Gateway::new(chaos.ports(), house.settings.clone());
        work(&house, &gateway).await;
        assert_eq!(reasons(&house).len(), 2);
        chaos.steps()
    };
    assert!(calls.iter().any(|call| call == "notifier.tell"), "{calls:?}");
    let mut twice = 0;
    for (at, call) in calls.iter().enumerate() {
        for strike in Strike::ALL {
            let (house, gateway, _) = waits_by_itself().await;
            house.time.turn(MINUTE * 16);
            let chaos = Chaos::striking(house.ports(), at, strike);
            let struck = Gateway::new(chaos.ports(), house.settings.clone());
            let until = house.time_now().after(Duration::from_secs(5));
            let _ = in_time(chaos.run(struck.work(until))).await;
            // Its lease ends, and the next one looks.
            house.time.turn(MINUTE * 2);
            work(&house, &gateway).await;
            let case = format!("{strike:?} at {call} ({at})");
            assert_eq!(reasons(&house), [None, Some("reminder".to_owned())], "{case}");
            let reminded = house.bell.rung.lock().unwrap().iter().filter(|it| it.reminded.is_some()).count();
            assert!((1..=2).contains(&reminded), "{case}: {reminded}");
            twice += usize::from(reminded == 2);
            house.verifies();
        }
    }
    assert!(twice > 0, "nobody died between the mail and its record");
}
