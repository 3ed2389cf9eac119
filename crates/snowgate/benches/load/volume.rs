//! A big result, and a small statement beside it.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::SMALL;
use crate::client::{Agent, Whole};
use crate::house::{House, Straight};
use crate::memory;
use crate::report::{Report, Times};

/// Numbers, money, a date, a masked name, a free text that every detector goes over.
const BIG: &str = "select o_orderkey, o_custkey, o_totalprice, o_orderdate, o_clerk, o_comment \
                   from snowflake_sample_data.tpch_sf1.orders limit ";
/// Which of them is masked.
const MASKED: usize = 4;

/// How often the small statement is asked.
const TICK: Duration = Duration::from_millis(50);
/// How often it is asked alone.
const ALONE: usize = 400;

/// Orders of scale factor 1.
const ORDERS: f64 = 1_500_000.0;

/// What one of the two servers did.
struct Measured {
    wholes: Vec<Whole>,
    alone: Times,
    beside: Times,
    idle: f64,
    peak: f64,
    asked: usize,
}

pub async fn measure(rows: usize, rounds: usize, report: &mut Report) {
    #[allow(clippy::cast_precision_loss, reason = "a few millions at most")]
    let scale = (rows as f64 * 1.01 / ORDERS).max(0.01);
    let sql = format!("{BIG}{rows}");

    let straight = Straight::start(scale);
    let (big, small) = (straight.agent(), straight.agent());
    let direct = one(&big, &small, straight.process(), &sql, rounds).await;
    drop(straight);
    for whole in &direct.wholes {
        assert_eq!(whole.count(|_| ()).0, rows);
    }

    let mut house = House::start(scale);
    let (big, small) = (house.agent("big"), house.agent("small"));
    let gated = one(&big, &small, house.process(), &sql, rounds).await;
    house.asked = gated.asked;
    house.verify();
    let mut size = 0;
    for whole in &gated.wholes {
        let counted = whole.count(|row| assert!(is_masked(row), "a clerk is in clear"));
        assert_eq!(counted.0, rows);
        size = counted.1;
    }

    let took = median(&gated.wholes, |whole| whole.took);
    let first = median(&gated.wholes, |whole| whole.first);
    report.tell(
        &format!("{rows} rows × 6 columns through the gateway, median of {rounds}"),
        format!(
            "{}; {:.1} s until it is recorded, {:.1} s until all is read",
            speed(rows, size, took),
            first,
            took
        ),
    );
    report.tell("stored and sent, compressed", format!("{:.1} MB", mb(gated.wholes[0].received)));
    let past = median(&direct.wholes, |whole| whole.took);
    report.tell("the same straight, not compressed", speed(rows, direct.wholes[0].received, past));
    let above = gated.peak - direct.peak;
    report.hold(
        "highest resident memory meanwhile, above the warehouse's own",
        "< 200 MB".to_owned(),
        format!(
            "{above:.0} MB ({:.0} MB, straight {:.0} MB; before it {:.0} and {:.0} MB)",
            gated.peak, direct.peak, gated.idle, direct.idle
        ),
        above < 200.0,
    );
    let p99 = |measured: &Measured| (measured.alone.ms(99), measured.beside.ms(99));
    let tell = |measured: &Measured| {
        let (alone, beside) = p99(measured);
        format!(
            "p99 {beside:.1} ms beside ({} times), {alone:.1} ms alone ({} times): {:.1} ×; p50 {:.1} and {:.1} ms",
            measured.beside.len(),
            measured.alone.len(),
            beside / alone,
            measured.beside.ms(50),
            measured.alone.ms(50)
        )
    };
    let (alone, beside) = p99(&gated);
    report.hold(
        "small statement every 50 ms beside it",
        "p99 ≤ 3 × alone".to_owned(),
        tell(&gated),
        beside <= 3.0 * alone,
    );
    report.tell("the same straight", tell(&direct));
}

/// The same of either server: warm up, the small statement alone, then beside the big one.
async fn one(big: &Agent, small: &Agent, process: u32, sql: &str, rounds: usize) -> Measured {
    // Generates the table.
    big.ask("select count(*) from snowflake_sample_data.tpch_sf1.orders").await.unwrap();
    for _ in 0..100 {
        small.ask(SMALL).await.unwrap();
    }
    let (stop, stopped) = watch::channel(false);
    drop(stop);
    let alone = ticking(small.clone(), ALONE, stopped).await;
    memory::forget_peak(process);
    let idle = memory::now(process);
    let (mut wholes, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (stop, stopped) = watch::channel(false);
        let ticks = tokio::spawn(ticking(small.clone(), usize::MAX, stopped));
        wholes.push(big.ask_whole(sql).await);
        stop.send(true).unwrap();
        beside.extend(ticks.await.unwrap());
    }
    let peak = memory::peak(process);
    let asked = 1 + 100 + alone.len() + rounds + beside.len();
    Measured { wholes, alone: Times::of(alone), beside: Times::of(beside), idle, peak, asked }
}

/// Asks the small statement at every tick, whether or not the one before has been answered, and counts from the tick.
async fn ticking(agent: Agent, most: usize, stopped: watch::Receiver<bool>) -> Vec<Duration> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asked = JoinSet::new();
    while asked.len() < most && !*stopped.borrow() {
        let due: Instant = ticks.tick().await.into();
        let agent = agent.clone();
        asked.spawn(async move {
            agent.ask(SMALL).await.unwrap();
            due.elapsed()
        });
    }
    asked.join_all().await
}

fn is_masked(row: &[Value]) -> bool {
    row[MASKED].as_str().is_none_or(|clerk| !clerk.contains('#'))
}

fn median(wholes: &[Whole], time: fn(&Whole) -> Duration) -> f64 {
    Times::of(wholes.iter().map(time).collect()).ms(50) / 1e3
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows and bytes")]
fn speed(rows: usize, size: usize, seconds: f64) -> String {
    format!("{:.0} rows/s, {:.0} MB/s", rows as f64 / seconds, mb(size) / seconds)
}

#[allow(clippy::cast_precision_loss, reason = "a count of bytes")]
fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
