//! What a principal that may not ask, or asks for too much, costs everybody else: little.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::{Outcome, RefusalCode};
use gateway::AskError;
use gateway::ports::{Keys, REFUSALS_PER_MINUTE, RevokedWhat};
use local::Records;
use recording::ObjectKind;
use snowflake::scripted::{Answer, When};

use crate::door::{router, submit};
use crate::house::{House, ask, asked, customers, in_time};

/// Texts that cost the detectors much for their size.
fn large(bytes: usize) -> String {
    format!("select '{}'", "1 ".repeat(bytes / 2))
}

fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(
            |entry| {
                if entry.path().is_dir() { size_of(&entry.path()) } else { entry.metadata().unwrap().len() }
            },
        )
        .sum()
}

fn recorded(house: &House) -> u64 {
    size_of(&house.home_path().join("records")) + size_of(&house.home_path().join("sealed"))
}

/// On one thread: whatever works there without a pause keeps everybody waiting.
#[tokio::test]
async fn reading_a_large_statement_keeps_nobody_waiting() {
    // What works without a pause does so each time; a machine that stands still for a moment does not.
    let mut tries = Vec::new();
    while tries.len() < 5 {
        let (longest, whole) = time_of_a_large_statement().await;
        if longest < whole / 2 {
            return;
        }
        tries.push((longest, whole));
    }
    panic!("it kept the thread, each time so long of all: {tries:?}");
}

/// For how long a large statement kept the thread at a time, and how long it took in all.
async fn time_of_a_large_statement() -> (Duration, Duration) {
    let house = House::new().await;
    let gateway = house.gateway();
    ask(&gateway, "select 1").await.unwrap();
    let begun = Instant::now();
    let text = large(24 * 1024);
    let mut asking = std::pin::pin!(ask(&gateway, &text));
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    loop {
        tokio::select! {
            _ = &mut asking => break,
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest = longest.max(last.elapsed());
    (longest, begun.elapsed())
}

#[tokio::test]
async fn a_large_statement_of_somebody_revoked_is_neither_read_nor_kept_whole() {
    let house = House::new().await;
    let gateway = house.gateway();
    house.open_home().revoke(RevokedWhat::Person, "ana@acme.example").unwrap();
    let text = large(1_000_000);
    let begun = Instant::now();
    let reply = ask(&gateway, &text).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(refusal.code, RefusalCode::Revoked);

    let (opening, _) = house.records().pop().unwrap();
    assert_eq!(opening.sql_length, Some(text.len() as u64));
    assert!(opening.sql.starts_with("select '") && opening.sql.len() < 4096 && opening.statements.is_empty());
    assert!(recorded(&house) < 12_000, "{}", recorded(&house));
    let exchange = reply.exchange();
    let keys = house.open_home().session(exchange.session).await.unwrap();
    let key = recording::RecordKey::new(&opening.opened[..10], exchange);
    let sealed = Records::open(&house.home_path()).unwrap().read(&key, ObjectKind::Sealed).unwrap().unwrap();
    let sealed = gateway::unseal(&keys.seal, exchange, &sealed).unwrap();
    assert!(text.starts_with(&sealed.sql) && sealed.sql.len() <= 2048);
    house.verifies();
}

#[tokio::test]
async fn a_statement_that_is_too_large_is_recorded_by_its_head() {
    let house = House::with(|settings| settings.statement_size = 100_000, &[]).await;
    let reply = ask(&house.gateway(), &large(150_000)).await.unwrap();
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(refusal.code, RefusalCode::TooLarge);
    assert_eq!(refusal.message, "the statement is larger than 100000 bytes");
    assert!(house.records()[0].0.sql_length.is_some_and(|length| length > 150_000));
    assert!(recorded(&house) < 12_000);
    house.verifies();
}

#[tokio::test]
async fn what_policy_refuses_is_recorded_whole_however_large() {
    let house = House::new().await;
    let comment = "nobody needs to know why ".repeat(300);
    let reply = ask(&house.gateway(), &format!("drop database demo /* {comment} */")).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Refused(_) | Outcome::Pending(_)));
    let (opening, _) = house.records().pop().unwrap();
    assert!(opening.sql_length.is_none() && opening.sql.len() > 7000);
}

#[tokio::test]
async fn of_a_flood_of_refusals_the_first_are_recorded_and_the_rest_counted() {
    let house = House::new().await;
    customers::answer(&house.snow, &[1]);
    let gateway = house.gateway();
    house.open_home().revoke(RevokedWhat::Person, "ana@acme.example").unwrap();
    for _ in 0..REFUSALS_PER_MINUTE {
        assert!(matches!(ask(&gateway, customers::SQL).await.unwrap().outcome(), Outcome::Refused(_)));
    }
    for _ in 0..3 {
        let counted = ask(&gateway, customers::SQL).await.unwrap_err();
        let AskError::Counted(refusal) = counted else { panic!("{counted:?}") };
        assert_eq!(refusal.code, RefusalCode::Revoked);
    }
    let answer = submit(&router(gateway.clone()), "ana", customers::SQL, "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (422, Some(RefusalCode::Revoked.code()))
    );
    assert!(answer.json().get("statementHandle").is_none());

    assert_eq!(house.records().len(), REFUSALS_PER_MINUTE as usize);
    let now = house.time_now();
    let rejected = house
        .open_home()
        .rejected(domain::Timestamp::from_micros(0), now.after(Duration::from_secs(60)))
        .unwrap();
    let counted: i64 = rejected
        .iter()
        .filter(|line| line.reason == "revoked")
        .map(|line| i64::try_from(line.count).unwrap())
        .sum();
    assert_eq!(counted, 4);
    let ben =
        in_time(gateway.ask(crate::house::asked_by("ben", customers::SQL), Duration::from_secs(5))).await;
    assert!(matches!(ben.unwrap().outcome(), Outcome::Rows { .. }), "nobody else is bounded by it");
    house.verifies();
}

#[tokio::test]
async fn a_repeat_of_what_waits_for_a_person_does_not_wait_itself() {
    let house = House::new().await;
    let gateway = house.gateway();
    let update = || {
        let mut asked = asked("update customers set country = 'DE' where id = 1");
        asked.request = Some("r-1".parse().unwrap());
        asked
    };
    let first = in_time(gateway.ask(update(), Duration::ZERO)).await.unwrap();
    let begun = Instant::now();
    let again = in_time(gateway.ask(update(), Duration::from_secs(20))).await.unwrap();
    assert_eq!(again.handle(), first.handle());
    assert!(matches!(again.outcome(), Outcome::Pending(_)) && begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn masking_takes_no_longer_than_the_statement_may() {
    let house = House::new().await;
    let digits = "1 ".repeat(4 * 1024);
    let cells = [Some("1"), Some(digits.as_str())];
    let columns = [("ID", "fixed"), ("COUNTRY", "text")];
    house.snow.on(When::submitted(), [Answer::head(customers::HANDLE, &columns, &[&cells, &cells], &[2])]);
    house.snow.on(When::cancelled(customers::HANDLE), [Answer::json(200, &serde_json::json!({}))]);
    let gateway = house.gateway();
    let mut asked = asked("select id, country from customers");
    asked.timeout = Some(Duration::from_micros(10));
    let reply = in_time(gateway.ask(asked, Duration::from_secs(20))).await.unwrap();
    let Outcome::Failed { code, message, .. } = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(code, "000630");
    assert!(message.contains("timeout of 1 second(s)"), "{message}");
    assert!(reply.first_page().is_none());
    house.verifies();
}
