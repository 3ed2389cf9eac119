//! An upstream that is out of reach for a while loses no statement that it runs; one that stays away does.

use std::time::Duration;

use domain::{Handle, Outcome};
use gateway::Advanced;
use snowflake::scripted::{Answer, Ending, When};

use crate::house::{House, ask, ask_without_waiting, collect, customers, in_time};

fn dropped() -> Answer {
    Answer::status(200).ending(Ending::Dropped)
}

/// Carries on in one more process, as far as it comes at once.
async fn turn(house: &House, handle: Handle) -> Advanced {
    let gateway = house.gateway();
    in_time(gateway.advance(handle, house.time_now())).await.unwrap()
}

/// Carries on, each turn in another process, until it is closed.
async fn carried_on(house: &House, handle: Handle) {
    for _ in 0..50 {
        if turn(house, handle).await == Advanced::Closed {
            return;
        }
    }
    panic!("it makes no progress");
}

#[tokio::test]
async fn a_statement_outlives_an_upstream_that_is_out_of_reach_for_a_while() {
    for trouble in [dropped(), Answer::status(503), Answer::status(429)] {
        let house = House::new().await;
        house.snow.on(When::submitted(), [Answer::running(customers::HANDLE)]);
        // Three tries a look: two whole looks fail before one is answered.
        let mut answers = vec![trouble; 6];
        answers.push(customers::head(customers::HANDLE, &[3]));
        house.snow.on(When::asked_about(customers::HANDLE).without("partition=0"), answers);
        customers::follow(&house.snow, customers::HANDLE, &[3]);
        let pending = ask_without_waiting(&house.gateway(), customers::SQL).await;
        carried_on(&house, pending.handle()).await;
        let reply = collect(&house.gateway(), "ana", pending.handle()).await.unwrap();
        assert!(matches!(reply.outcome(), Outcome::Rows { rows: 3, .. }), "{:?}", reply.outcome());
        assert_eq!(house.submissions(), 1);
        house.verifies();
    }
}

#[tokio::test]
async fn rows_that_break_off_are_fetched_again_from_the_last_stored_page() {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 400), &[]).await;
    house.snow.on(When::submitted(), [customers::head(customers::HANDLE, &[8, 5])]);
    let broken = customers::partition(8..13).ending(Ending::CutAfter(30));
    house.snow.on(
        When::asked_about(customers::HANDLE).with("partition=1"),
        [broken.clone(), broken, customers::partition(8..13)],
    );
    customers::follow(&house.snow, customers::HANDLE, &[8, 5]);
    let reply = ask(&house.gateway(), customers::SQL).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Pending(_)), "nothing is shown of half a result");
    carried_on(&house, reply.handle()).await;
    let closing = house.closing();
    assert_eq!(closing.outcome.as_str(), "rows");
    assert_eq!((closing.parts[0].rows, house.recorded_rows().len()), (13, 13));
    assert_eq!(closing.parts[0].masked_by_lineage, 26, "what was masked is counted once");
    for n in 0..13 {
        let told = format!("{:?}", house.recorded_rows()[n]);
        assert!(told.contains(&format!("\"{n}\"")), "each row once, in order: {told}");
        assert!(customers::secrets(n).iter().all(|secret| !told.contains(secret)), "{told}");
    }
    house.verifies();
}

#[tokio::test]
async fn patience_ends_across_processes() {
    let house = House::with(|settings| settings.patience = Duration::from_secs(60), &[]).await;
    house.snow.on(When::submitted(), [Answer::running(customers::HANDLE)]);
    house.snow.on(When::asked_about(customers::HANDLE), [dropped()]);
    let pending = ask_without_waiting(&house.gateway(), "select country from customers").await;
    assert_eq!(turn(&house, pending.handle()).await, Advanced::Pending);
    house.time.turn(Duration::from_secs(40));
    assert_eq!(turn(&house, pending.handle()).await, Advanced::Pending);
    house.time.turn(Duration::from_secs(40));
    assert_eq!(turn(&house, pending.handle()).await, Advanced::Closed);
    let reply = collect(&house.gateway(), "ana", pending.handle()).await.unwrap();
    let Outcome::Failed { message, .. } = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert!(message.contains("out of reach"), "{message}");
    house.verifies();
}

#[tokio::test]
async fn an_answer_between_two_troubles_begins_patience_anew() {
    let house = House::with(|settings| settings.patience = Duration::from_secs(60), &[]).await;
    house.snow.on(When::submitted(), [Answer::running(customers::HANDLE)]);
    let mut answers = vec![dropped(); 3];
    answers.push(Answer::running(customers::HANDLE));
    answers.push(dropped());
    house.snow.on(When::asked_about(customers::HANDLE), answers);
    let pending = ask_without_waiting(&house.gateway(), customers::SQL).await;
    for _ in 0..3 {
        assert_eq!(turn(&house, pending.handle()).await, Advanced::Pending);
        house.time.turn(Duration::from_secs(40));
    }
}

#[tokio::test]
async fn what_waits_for_upstream_can_be_cancelled() {
    let house = House::new().await;
    house.snow.on(When::submitted(), [Answer::running(customers::HANDLE)]);
    house.snow.on(When::cancelled(customers::HANDLE), [Answer::json(200, &serde_json::json!({}))]);
    house.snow.on(When::asked_about(customers::HANDLE), [dropped()]);
    let gateway = house.gateway();
    let pending = ask_without_waiting(&gateway, customers::SQL).await;
    assert_eq!(turn(&house, pending.handle()).await, Advanced::Pending);
    let token = domain::Credential::new("ana".to_owned());
    in_time(gateway.cancel(domain::Door::SqlApi, &token, pending.handle())).await.unwrap();
    carried_on(&house, pending.handle()).await;
    assert_eq!(house.closing().outcome.as_str(), "refused");
    house.verifies();
}
