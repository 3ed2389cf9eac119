//! Statements that wait, and statements whose agent gives up.

use std::time::Duration;

use domain::{Credential, Door, Outcome, RefusalCode};
use gateway::{Advanced, Gateway, Reply};

use crate::house::{House, ask, ask_without_waiting, collect, customers, in_time};

const WRITE: &str = "update customers set country = 'DE' where id = 1";

async fn cancel(gateway: &Gateway, reply: &Reply) -> Reply {
    in_time(gateway.cancel(Door::SqlApi, &Credential::new("ana".to_owned()), reply.handle())).await.unwrap()
}

#[track_caller]
fn is_refused(reply: &Reply, code: RefusalCode) {
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(refusal.code, code);
}

#[tokio::test]
async fn a_held_statement_waits_with_its_reason_and_silence_denies_it() {
    let house = House::new().await;
    let gateway = house.gateway();
    let reply = ask(&gateway, WRITE).await.unwrap();
    let Outcome::Pending(ticket) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert!(ticket.waits_for.is_some());
    let soon = || house.ports().clock.now();
    assert_eq!(gateway.work(soon()).await.unwrap(), 0);
    assert!(matches!(collect(&gateway, "ana", reply.handle()).await.unwrap().outcome(), Outcome::Pending(_)));

    house.time.turn(Duration::from_secs(30 * 60 + 1));
    assert_eq!(gateway.work(soon()).await.unwrap(), 1);
    is_refused(&collect(&gateway, "ana", reply.handle()).await.unwrap(), RefusalCode::Expired);
    assert_eq!(house.snow.received().len(), 0);
    assert!(house.records()[0].0.hold.is_some());
    house.verifies();
}

#[tokio::test]
async fn a_held_statement_can_be_cancelled() {
    let house = House::new().await;
    let gateway = house.gateway();
    let reply = ask(&gateway, WRITE).await.unwrap();
    is_refused(&cancel(&gateway, &reply).await, RefusalCode::Cancelled);
    is_refused(&collect(&gateway, "ana", reply.handle()).await.unwrap(), RefusalCode::Cancelled);
    is_refused(&cancel(&gateway, &reply).await, RefusalCode::Cancelled);
    house.verifies();
}

#[tokio::test]
async fn a_held_statement_that_somebody_looks_at_is_cancelled_all_the_same() {
    let house = House::new().await;
    let gateway = house.gateway();
    let reply = ask(&gateway, WRITE).await.unwrap();
    let ports = house.ports();
    let now = ports.clock.now();
    ports.exchanges.lease(reply.handle(), 7, now, now.after(Duration::from_secs(15))).await.unwrap();
    assert!(matches!(cancel(&gateway, &reply).await.outcome(), Outcome::Pending(_)), "somebody holds it");
    house.time.turn(Duration::from_secs(16));
    in_time(gateway.work(ports.clock.now())).await.unwrap();
    is_refused(&collect(&gateway, "ana", reply.handle()).await.unwrap(), RefusalCode::Cancelled);
}

#[tokio::test]
async fn a_running_statement_is_cancelled_upstream_too() {
    let house = House::new().await;
    customers::answer_later(&house.snow, 1000, &[1]);
    let gateway = house.gateway();
    let reply = ask_without_waiting(&gateway, customers::SQL).await;
    is_refused(&cancel(&gateway, &reply).await, RefusalCode::Cancelled);
    let cancels = house.snow.received().iter().filter(|r| r.path.ends_with("/cancel")).count();
    assert_eq!(cancels, 1);
    house.verifies();
}

#[tokio::test]
async fn a_statement_that_another_process_fetches_is_cancelled_by_that_one() {
    use snowflake::scripted::When;
    let house = House::with(
        |settings| {
            settings.lease = Duration::from_millis(1500);
            settings.page_size = 200;
        },
        &[],
    )
    .await;
    house.snow.on(When::submitted(), [customers::head(customers::HANDLE, &[4, 1])]);
    let late = customers::partition(4..5).after(Duration::from_millis(2000));
    house.snow.on(When::asked_about(customers::HANDLE).with("partition=1"), [late]);
    house.snow.on(
        When::cancelled(customers::HANDLE),
        [snowflake::scripted::Answer::json(200, &serde_json::json!({}))],
    );
    let gateway = house.gateway();
    let asking = ask(&gateway, customers::SQL);
    let cancelling = async {
        let handle = loop {
            if let Some((opening, _)) = house.records().first()
                && house.submissions() == 1
            {
                break opening.handle.parse().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let ana = Credential::new("ana".to_owned());
        in_time(gateway.cancel(Door::SqlApi, &ana, handle)).await
    };
    let (answer, cancelled) = in_time(async { tokio::join!(asking, cancelling) }).await;
    is_refused(&answer.unwrap(), RefusalCode::Cancelled);
    assert!(!matches!(cancelled.unwrap().outcome(), Outcome::Rows { .. }));
    house.verifies();
}

#[tokio::test]
async fn what_has_ended_stays_as_it_ended() {
    let house = House::new().await;
    customers::answer(&house.snow, &[1]);
    let gateway = house.gateway();
    let reply = ask(&gateway, customers::SQL).await.unwrap();
    assert!(matches!(cancel(&gateway, &reply).await.outcome(), Outcome::Rows { .. }));
    let now = house.ports().clock.now();
    assert_eq!(gateway.advance(reply.handle(), now).await.unwrap(), Advanced::Closed);
    house.verifies();
}
