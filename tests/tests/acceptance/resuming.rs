//! A reply ends the process's right to work; any other process goes on from what is stored (invariant I10).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Handle, Outcome};
use gateway::ports::{Finished, Progress, RowSource, Upstream, UpstreamHandle};
use gateway::{Advanced, Fault, Gateway, Permit};
use snowflake::SqlApi;

use crate::chaos::{Chaos, Strike};
use crate::house::{House, ask, ask_without_waiting, collect, customers, in_time};

/// Partitions of this many rows.
const PARTITIONS: [usize; 3] = [7, 1, 9];

/// Gives rows out in slices of a few bytes, which end anywhere.
struct Trickle(SqlApi);

struct TrickledRows(Box<dyn RowSource>, Bytes);

#[async_trait]
impl RowSource for TrickledRows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        while self.1.is_empty() {
            match self.0.next().await? {
                Some(slice) => self.1 = slice,
                None => return Ok(None),
            }
        }
        let size = self.1.len().min(100);
        Ok(Some(self.1.split_to(size)))
    }
}

fn trickled(progress: Progress) -> Progress {
    match progress {
        Progress::Done(Finished { handle, parts, first }) => {
            let first = first.map(|rows| Box::new(TrickledRows(rows, Bytes::new())) as Box<dyn RowSource>);
            Progress::Done(Finished { handle, parts, first })
        }
        other => other,
    }
}

#[async_trait]
impl Upstream for Trickle {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        self.0.start(permit, wait).await.map(trickled)
    }

    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault> {
        self.0.poll(handle, wait).await.map(trickled)
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        let rows = self.0.rows(handle, part, partition).await?;
        Ok(Box::new(TrickledRows(rows, Bytes::new())))
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault> {
        self.0.cancel(handle).await
    }
}

fn trickling(house: &House) -> Gateway {
    let mut ports = house.ports();
    ports.upstream = Arc::new(Trickle(house.account()));
    Gateway::new(ports, house.settings.clone())
}

async fn small_pages() -> House {
    House::with(|settings| (settings.inline, settings.page_size) = (0, 400), &[]).await
}

/// Carries on, each turn in another process, until it is closed; tells how many turns that took.
async fn carry_on(house: &House, handle: Handle) -> usize {
    let clock = house.ports().clock;
    for turn in 1..200 {
        let gateway = trickling(house);
        match in_time(gateway.advance(handle, clock.now())).await.unwrap() {
            Advanced::Closed => return turn,
            Advanced::Pending => {}
            Advanced::NotOurs => panic!("a lease was not given up"),
            other @ (Advanced::Waits | Advanced::Unknown) => panic!("{other:?}"),
        }
    }
    panic!("it makes no progress");
}

#[tokio::test]
async fn a_statement_that_changes_process_after_each_page_ends_like_one_that_does_not() {
    let whole = small_pages().await;
    customers::answer(&whole.snow, &PARTITIONS);
    ask(&whole.gateway(), customers::SQL).await.unwrap();
    let expected = whole.closing();

    let house = small_pages().await;
    customers::answer_later(&house.snow, 1, &PARTITIONS);
    let pending = ask_without_waiting(&trickling(&house), customers::SQL).await;
    assert!(matches!(pending.outcome(), Outcome::Pending(_)));
    let turns = carry_on(&house, pending.handle()).await;
    assert!(turns > 10, "{turns} turns");

    let closing = house.closing();
    assert_eq!(house.recorded_rows(), whole.recorded_rows());
    assert_eq!(house.recorded_rows().len(), 17);
    let (part, same) = (&closing.parts[0], &expected.parts[0]);
    assert!(part.pages.len() >= 10, "{} pages", part.pages.len());
    assert_eq!((part.rows, &part.columns), (same.rows, &same.columns));
    assert_eq!(
        (part.masked_by_lineage, part.masked_by_content, &part.found),
        (same.masked_by_lineage, same.masked_by_content, &same.found),
        "what was masked is counted once"
    );
    assert_eq!(house.submissions(), 1);
    house.verifies();
}

#[tokio::test]
async fn a_replay_tells_when_each_page_was_kept() {
    let house = small_pages().await;
    customers::answer_later(&house.snow, 1, &PARTITIONS);
    let pending = ask_without_waiting(&trickling(&house), customers::SQL).await;
    let clock = house.ports().clock;
    while in_time(trickling(&house).advance(pending.handle(), clock.now())).await.unwrap() != Advanced::Closed
    {
        house.time.turn(Duration::from_secs(1));
    }
    let told = house.replay();
    let at = |event: &recording::Event| event.at.parse::<domain::Timestamp>().unwrap();
    let is_page = |event: &&recording::Event| matches!(event.what, recording::What::Page { .. });
    let kept: Vec<_> = told.iter().filter(is_page).map(at).collect();
    assert!(kept.len() >= 10, "{} pages", kept.len());
    for two in kept.windows(2) {
        assert!(two[1].since(two[0]) >= Duration::from_secs(1), "{two:?}");
    }
    assert!(kept[0].since(at(&told[0])) >= Duration::from_secs(1));
    assert!(at(told.last().unwrap()) >= *kept.last().unwrap());
    house.verifies();
}

#[tokio::test]
async fn a_large_result_is_taken_over_in_the_middle_of_a_partition() {
    use snowflake::scripted::{Answer, When};
    let filler = "x".repeat(700);
    let rows: Vec<[Option<String>; 2]> = (0..1000)
        .map(|n| [Some(format!("person{n}@customers.example")), Some(format!("{n}{filler}"))])
        .collect();
    let cells: Vec<Vec<Option<&str>>> =
        rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect();
    let cells: Vec<&[Option<&str>]> = cells.iter().map(Vec::as_slice).collect();
    let columns = [("EMAIL", "text"), ("COUNTRY", "text")];
    let house = House::new().await;
    let answer = Answer::result(customers::HANDLE, &columns, &cells);
    house.snow.on(When::submitted(), [Answer::running(customers::HANDLE)]);
    house.snow.on(When::asked_about(customers::HANDLE), [answer]);

    let pending = ask_without_waiting(&house.gateway(), "select email, country from customers").await;
    let clock = house.ports().clock;
    let mut turns = 0;
    while in_time(house.gateway().advance(pending.handle(), clock.now())).await.unwrap() != Advanced::Closed {
        turns += 1;
        assert!(turns < 50);
    }
    assert!(turns >= 3, "{turns} turns");
    let recorded = house.recorded_rows();
    assert_eq!(recorded.len(), 1000);
    for (n, row) in recorded.iter().enumerate() {
        assert_eq!(row[1].as_deref(), Some(format!("{n}{filler}").as_str()));
        assert!(!row[0].as_deref().unwrap().contains("person"));
    }
    assert_eq!(house.closing().parts[0].masked_by_lineage, 1000);
    house.verifies();
}

#[tokio::test]
async fn a_lease_is_respected_while_it_lasts_and_taken_over_when_its_holder_has_died() {
    let house = small_pages().await;
    customers::answer_later(&house.snow, 0, &PARTITIONS);
    let steps = {
        let other = small_pages().await;
        customers::answer_later(&other.snow, 0, &PARTITIONS);
        let chaos = Chaos::watching(other.ports());
        ask(&Gateway::new(chaos.ports(), other.settings.clone()), customers::SQL).await.unwrap();
        chaos.steps()
    };
    let at = steps.iter().position(|step| step == "exchanges.save").unwrap();
    let chaos = Chaos::striking(house.ports(), at, Strike::DiesAfter);
    let dying = Gateway::new(chaos.ports(), house.settings.clone());
    let mut asked = crate::house::asked(customers::SQL);
    asked.request = Some("r-1".parse().unwrap());
    assert!(in_time(chaos.run(dying.ask(asked, house.settings.hold))).await.is_none(), "it should have died");

    let (opening, closing) = house.records().remove(0);
    assert!(closing.is_none());
    let handle: Handle = opening.handle.parse().unwrap();
    let survivor = house.gateway();
    let soon = || house.ports().clock.now().after(Duration::from_secs(5));
    assert_eq!(survivor.advance(handle, soon()).await.unwrap(), Advanced::NotOurs, "its lease still runs");
    assert_eq!(survivor.work(soon()).await.unwrap(), 0);
    house.time.turn(house.settings.lease);
    assert_eq!(in_time(survivor.work(soon())).await.unwrap(), 1);
    let reply = collect(&survivor, "ana", handle).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Rows { rows: 17, .. }), "{:?}", reply.outcome());
    house.verifies();
}

#[tokio::test]
async fn a_page_that_was_stored_by_a_process_that_died_is_the_page_and_is_not_kept_twice() {
    let house = House::new().await;
    customers::answer_later(&house.snow, 0, &[3]);
    let handle = ask_without_waiting(&house.gateway(), customers::SQL).await.handle();
    let clock = house.ports().clock;
    // Processes without time die one after the other, each a call later; the last when it has stored the page, before
    // it could note that.
    for at in 0.. {
        let chaos = Chaos::striking(house.ports(), at, Strike::DiesAfter);
        let dying = Gateway::new(chaos.ports(), house.settings.clone());
        assert!(
            in_time(chaos.run(dying.advance(handle, clock.now()))).await.is_none(),
            "{:?}",
            chaos.steps()
        );
        house.time.turn(house.settings.lease);
        if chaos.steps().last().is_some_and(|step| step == "keep page") {
            break;
        }
    }
    house.clean_up().await;
    assert_eq!(house.closing().outcome.as_str(), "rows");
    assert_eq!(house.recorded_rows().len(), 3);
    house.verifies();
}

#[tokio::test]
async fn two_processes_at_one_statement_at_once_close_it_once() {
    let house = small_pages().await;
    customers::answer_later(&house.snow, 1, &PARTITIONS);
    let handle = ask_without_waiting(&house.gateway(), customers::SQL).await.handle();
    let (one, other) = (house.gateway(), house.gateway());
    let soon = house.ports().clock.now().after(Duration::from_secs(5));
    let (first, second) =
        in_time(async { tokio::join!(one.advance(handle, soon), other.advance(handle, soon)) }).await;
    let mut ends = [first.unwrap(), second.unwrap()];
    ends.sort_by_key(|end| *end != Advanced::Closed);
    assert_eq!(ends[0], Advanced::Closed);
    assert!(matches!(collect(&one, "ana", handle).await.unwrap().outcome(), Outcome::Rows { rows: 17, .. }));
    house.verifies();
}

#[tokio::test]
async fn an_upstream_slower_than_a_lease_keeps_its_statement() {
    use snowflake::scripted::{Answer, When};
    let house = House::with(|settings| settings.lease = Duration::from_millis(500), &[]).await;
    house.snow.on(When::submitted(), [customers::head(customers::HANDLE, &[1, 1])]);
    let late = customers::partition(1..2).after(Duration::from_millis(750));
    house.snow.on(When::asked_about(customers::HANDLE).with("partition=1"), [late]);
    house.snow.on(When::any(), [Answer::status(404)]);
    let reply = ask(&house.gateway(), customers::SQL).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Rows { rows: 2, .. }), "{:?}", reply.outcome());
    house.verifies();
}
