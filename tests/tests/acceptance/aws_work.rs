//! What outlives its answer is carried on by the work function, invocation after invocation, over the stores of AWS: on a clock that
//! Snowflake's slowness turns, so that ten minutes take none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Handle, Outcome};
use gateway::ports::{Progress, RowSource, Upstream, UpstreamHandle};
use gateway::{Fault, Permit, Ports};
use serde_json::json;
use snowflake::SqlApi;
use snowflake::scripted::{Answer, When};

use crate::aws_house::Stage;
use crate::house::{Time, ask_without_waiting, customers};

/// How long a turn may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// An account that lets time pass before it answers.
struct Slow {
    account: SqlApi,
    time: Arc<Time>,
    /// How long it holds a look.
    look: Duration,
    slice: Slice,
}

/// What of rows comes at once, at most.
#[derive(Clone, Copy)]
struct Slice {
    bytes: usize,
    /// How long so many are on their way.
    takes: Duration,
}

struct SlowRows {
    rows: Box<dyn RowSource>,
    left: Bytes,
    time: Arc<Time>,
    slice: Slice,
}

#[async_trait]
impl RowSource for SlowRows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        while self.left.is_empty() {
            match self.rows.next().await? {
                Some(slice) => self.left = slice,
                None => return Ok(None),
            }
        }
        let size = self.left.len().min(self.slice.bytes);
        // As much of its time as there are bytes in it.
        self.time.turn(self.slice.takes * size as u32 / self.slice.bytes as u32);
        Ok(Some(self.left.split_to(size)))
    }
}

#[async_trait]
impl Upstream for Slow {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        self.account.start(permit, wait).await
    }

    async fn poll(&self, handle: &UpstreamHandle, _: Duration) -> Result<Progress, Fault> {
        self.time.turn(self.look);
        self.account.poll(handle, Duration::ZERO).await
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        let rows = self.account.rows(handle, part, partition).await?;
        Ok(Box::new(SlowRows { rows, left: Bytes::new(), time: Arc::clone(&self.time), slice: self.slice }))
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault> {
        self.account.cancel(handle).await
    }
}

impl Slow {
    /// The ports of one more invocation.
    fn ports(stage: &Stage, look: Duration, slice: Slice) -> Ports {
        let (account, time) = (stage.house.account(), Arc::clone(&stage.house.time));
        Ports { upstream: Arc::new(Self { account, time, look, slice }), ..stage.ports() }
    }
}

fn slice(bytes: usize, seconds: u64) -> Slice {
    Slice { bytes, takes: Duration::from_secs(seconds) }
}

/// Carries on, each turn in another process, as the state machine does; how many turns that took.
async fn carried_on(stage: &Stage, handle: Handle, look: Duration, slice: Slice) -> usize {
    for turn in 1..100 {
        let work = stage.work(Slow::ports(stage, look, slice));
        let event = json!({ "task": "carry", "exchange": handle.to_string() });
        let done = tokio::time::timeout(PATIENCE, work.handle(event)).await.expect("it hangs");
        if done.unwrap().over {
            return turn;
        }
        // Between two turns its agent asks, which moves nothing.
        let looks = stage.house.snow.received().len();
        assert!(matches!(stage.collected(handle).await, Outcome::Pending(_)));
        assert_eq!(stage.house.snow.received().len(), looks, "polls only read");
    }
    panic!("it makes no progress");
}

#[tokio::test]
async fn a_statement_of_ten_minutes_is_carried_on_over_many_invocations_and_runs_once() {
    let Some(stage) = Stage::build_with(|_| {}, &[("statement_seconds", "3600")]).await else { return };
    let snow = &stage.house.snow;
    snow.on(When::submitted(), [Answer::running(customers::HANDLE)]);
    // Snowflake holds each look for 45 s.
    let mut answers = vec![Answer::running(customers::HANDLE); 14];
    answers.push(customers::head(customers::HANDLE, &[3]));
    snow.on(When::asked_about(customers::HANDLE).without("partition=0"), answers);
    customers::follow(snow, customers::HANDLE, &[3]);
    let asked = stage.house.time_now();
    let pending = ask_without_waiting(&stage.gateway(), customers::SQL).await;
    let handle = pending.handle();
    let turns = carried_on(&stage, handle, Duration::from_secs(45), slice(400, 0)).await;
    assert!(turns > 5, "{turns} invocations");
    assert!(stage.house.time_now().since(asked) > Duration::from_secs(600));
    let end = stage.collected(handle).await;
    assert!(matches!(end, Outcome::Rows { rows: 3, .. }), "{end:?}");
    assert_eq!(stage.house.submissions(), 1);
    stage.bring_home().await;
    stage.house.verifies();
}

/// As many pages as 500 MB make, of a five-thousandth of their size: how many there are is what grows.
#[tokio::test]
async fn a_result_of_250_pages_is_resumed_over_several_invocations_and_each_page_written_once() {
    let small = |settings: &mut gateway::Settings| (settings.inline, settings.page_size) = (0, 400);
    let Some(stage) = Stage::build_with(small, &[]).await else { return };
    let partitions = [700, 700, 600];
    customers::answer_later(&stage.house.snow, 1, &partitions);
    let pending = ask_without_waiting(&stage.gateway(), customers::SQL).await;
    let handle = pending.handle();
    stage.pages_written();
    let turns = carried_on(&stage, handle, Duration::ZERO, slice(400, 1)).await;
    assert!(turns > 3, "{turns} invocations");
    let end = stage.collected(handle).await;
    assert!(matches!(end, Outcome::Rows { rows: 2000, .. }), "{end:?}");
    let written = stage.pages_written();
    stage.bring_home().await;
    let pages = stage.house.closing().parts[0].pages.len();
    assert!(pages >= 250 && written == pages, "{pages} pages, {written} writes");
    let rows = stage.house.recorded_rows();
    let other = rows.iter().enumerate().find(|(n, row)| row[0].as_deref() != Some(n.to_string().as_str()));
    assert_eq!(other, None, "each in its place");
    assert_eq!((rows.len(), stage.house.submissions()), (2000, 1));
    stage.house.verifies();
}

/// Rows in 2 MB of a result: what it says of each customer in 10 KB.
const ROWS: usize = 200;

/// The `n`th of such partitions.
fn partition_of_two_megabytes(n: usize) -> Answer {
    let note =
        "the customer called about an order that had come late and was content with the answer, ".repeat(115);
    let rows: Vec<[String; 4]> = (n * ROWS..(n + 1) * ROWS)
        .map(|n| {
            let [id, email, ssn, country] = customers::row(n);
            [id, email, ssn, format!("{country}: {note}")]
        })
        .collect();
    let cells: Vec<Vec<Option<&str>>> =
        rows.iter().map(|row| row.iter().map(|cell| Some(cell.as_str())).collect()).collect();
    let cells: Vec<&[Option<&str>]> = cells.iter().map(Vec::as_slice).collect();
    Answer::partition(&cells)
}

#[tokio::test]
async fn a_result_of_500_mb_is_masked_and_kept_over_several_invocations() {
    const PARTITIONS: usize = 250;
    // As in functions (`lambda::PAGE_SIZE`).
    let sizes = |settings: &mut gateway::Settings| settings.page_size = 2 << 20;
    let Some(stage) = Stage::build_with(sizes, &[("rows", "1000000"), ("bytes", "1000000000")]).await else {
        return;
    };
    let snow = &stage.house.snow;
    snow.on(When::submitted(), [Answer::running(customers::HANDLE)]);
    // The first lies in the head, too, and is a short one.
    let mut counts = vec![ROWS; PARTITIONS];
    counts[0] = 1;
    snow.on(When::asked_about(customers::HANDLE).with("partition=0"), [customers::partition(0..1)]);
    for n in 1..PARTITIONS {
        let when = When::asked_about(customers::HANDLE).with(format!("partition={n}"));
        snow.on(when, [partition_of_two_megabytes(n)]);
    }
    let head = customers::head(customers::HANDLE, &counts);
    snow.on(When::asked_about(customers::HANDLE), [Answer::running(customers::HANDLE), head]);

    let pending = ask_without_waiting(&stage.gateway(), customers::SQL).await;
    let handle = pending.handle();
    stage.pages_written();
    let turns = carried_on(&stage, handle, Duration::ZERO, slice(1 << 20, 3)).await;
    let end = stage.collected(handle).await;
    assert!(turns > 1, "{turns} invocations: {end:?}");
    let all = 1 + ROWS * (PARTITIONS - 1);
    assert!(matches!(end, Outcome::Rows { rows, .. } if rows as usize == all), "{end:?}");
    let written = stage.pages_written();
    stage.bring_home().await;
    let closing = stage.house.closing();
    let part = &closing.parts[0];
    assert_eq!(written, part.pages.len(), "each page is written once");
    let different: BTreeSet<&str> = part.pages.iter().map(|page| page.digest.as_str()).collect();
    assert_eq!(different.len(), part.pages.len(), "no partition stands for another");
    let size: u64 = part.pages.iter().map(|page| page.size).sum();
    assert!(size >= 500_000_000, "{size} bytes");
    // Both columns of each row.
    assert_eq!((part.rows, part.masked_by_lineage), (all as u64, 2 * all as u64));
    assert_eq!(stage.house.submissions(), 1);
    stage.house.verifies();
}
