//! How much one principal may take.

use std::time::Duration;

use domain::{Outcome, RefusalCode};
use gateway::{Gateway, Reply};
use recording::ClosingOutcome;
use snowflake::scripted::{Answer, Scripted, When};

use crate::house::{House, ask, ask_without_waiting, asked_by, customers, in_time};

#[track_caller]
fn refused(reply: &Reply, code: RefusalCode, words: &str) -> Option<Duration> {
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(refusal.code, code);
    assert!(refusal.message.contains(words), "{}", refusal.message);
    refusal.retry_after
}

async fn ask_as(gateway: &Gateway, token: &str, hold: Duration) -> Reply {
    in_time(gateway.ask(asked_by(token, customers::SQL), hold)).await.unwrap()
}

#[tokio::test]
async fn too_many_statements_at_once_are_refused_by_name_until_one_has_ended() {
    let house = House::with(|_| {}, &[("at_once", "2")]).await;
    customers::answer_later(&house.snow, 0, &[1]);
    let gateway = house.gateway();
    let first = ask_without_waiting(&gateway, customers::SQL).await;
    ask_without_waiting(&gateway, customers::SQL).await;
    let third = ask_without_waiting(&gateway, customers::SQL).await;
    let wait = refused(&third, RefusalCode::Budget, "statements at once").unwrap();
    assert!(wait >= Duration::from_secs(1));
    assert!(
        matches!(ask_as(&gateway, "ben", Duration::ZERO).await.outcome(), Outcome::Pending(_)),
        "it is ana's limit"
    );

    let soon = house.ports().clock.now().after(Duration::from_secs(5));
    in_time(gateway.advance(first.handle(), soon)).await.unwrap();
    assert!(matches!(ask_without_waiting(&gateway, customers::SQL).await.outcome(), Outcome::Pending(_)));
    let budget = house.records().iter().filter(|(opening, _)| opening.rules == ["gateway:budget"]).count();
    assert_eq!(budget, 1, "the refusal is recorded");
}

#[tokio::test]
async fn statements_are_counted_within_any_minute() {
    let house = House::with(|_| {}, &[("per_minute", "3")]).await;
    customers::answer(&house.snow, &[1]);
    let gateway = house.gateway();
    for _ in 0..3 {
        assert!(matches!(ask(&gateway, customers::SQL).await.unwrap().outcome(), Outcome::Rows { .. }));
    }
    let over = ask(&gateway, customers::SQL).await.unwrap();
    let wait = refused(&over, RefusalCode::Budget, "statements per minute").unwrap();
    assert!(wait <= Duration::from_secs(61), "{wait:?}");
    assert_eq!(house.submissions(), 3);
    house.time.turn(wait);
    assert!(matches!(ask(&gateway, customers::SQL).await.unwrap().outcome(), Outcome::Rows { .. }));
    house.verifies();
}

#[tokio::test]
async fn upstream_seconds_are_counted_within_any_hour() {
    let house = House::with(|_| {}, &[("upstream_seconds_per_hour", "1")]).await;
    let slow = customers::head(customers::HANDLE, &[1]).after(Duration::from_millis(1100));
    house.snow.on(When::submitted(), [slow, Answer::status(500)]);
    let gateway = house.gateway();
    assert!(matches!(ask(&gateway, customers::SQL).await.unwrap().outcome(), Outcome::Rows { .. }));
    let over = ask(&gateway, customers::SQL).await.unwrap();
    let wait = refused(&over, RefusalCode::Budget, "upstream seconds per hour").unwrap();
    assert!(wait > Duration::from_secs(3000), "{wait:?}");
}

/// Nothing that is masked: what a statement over masked columns fails of is not told (see `failures`).
const COUNTRIES: &str = "select id, country from customers";

/// Answers [`COUNTRIES`] at once, in these partitions.
fn answer_countries(snow: &Scripted, partitions: &[u64]) {
    let rows = |count: u64| (0..count).map(|_| [Some("1"), Some("Côte d'Ivoire")]).collect::<Vec<_>>();
    let cells = rows(partitions[0]);
    let cells: Vec<&[Option<&str>]> = cells.iter().map(<[_; 2]>::as_slice).collect();
    let columns = [("ID", "fixed"), ("COUNTRY", "text")];
    snow.on(When::submitted(), [Answer::head(customers::HANDLE, &columns, &cells, partitions)]);
    for (at, count) in partitions.iter().enumerate() {
        let cells = rows(*count);
        let cells: Vec<&[Option<&str>]> = cells.iter().map(<[_; 2]>::as_slice).collect();
        let when = When::asked_about(customers::HANDLE).with(format!("partition={at}"));
        snow.on(when, [Answer::partition(&cells)]);
    }
    snow.on(When::cancelled(customers::HANDLE), [Answer::json(200, &serde_json::json!({}))]);
}

#[tokio::test]
async fn a_result_of_too_many_rows_is_not_released() {
    let house = House::with(|_| {}, &[("rows", "5"), ("rows_if_approved", "5")]).await;
    answer_countries(&house.snow, &[3, 3]);
    let reply = ask(&house.gateway(), COUNTRIES).await.unwrap();
    refused(&reply, RefusalCode::TooLarge, "6 rows");
    assert!(reply.first_page().is_none() && house.closing().parts.is_empty());
    assert!(matches!(house.closing().outcome, ClosingOutcome::Refused(_)));
    house.verifies();
}

#[tokio::test]
async fn a_result_of_too_many_bytes_is_not_released_however_it_is_cut() {
    for page_size in [16 << 20, 200] {
        let house = House::with(
            |settings| settings.page_size = page_size,
            &[("bytes", "300"), ("bytes_if_approved", "300")],
        )
        .await;
        answer_countries(&house.snow, &[5, 5, 5]);
        let reply = ask(&house.gateway(), COUNTRIES).await.unwrap();
        refused(&reply, RefusalCode::TooLarge, "300 bytes");
        assert!(reply.first_page().is_none() && house.closing().parts.is_empty());
        house.verifies();
    }
}

#[tokio::test]
async fn a_row_that_no_page_can_hold_is_not_released() {
    let house = House::with(|settings| settings.page_size = 20, &[]).await;
    customers::answer(&house.snow, &[3]);
    let reply = ask(&house.gateway(), customers::SQL).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Failed { .. }), "{:?}", reply.outcome());
    house.verifies();
}
