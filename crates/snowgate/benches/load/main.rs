//! What Snowgate costs over HTTP: the latency it adds, by either door, how fast it takes evidence in, the memory and speed of a
//! big result, many agents at once.
//!
//! Each part starts `snowgate serve` as it is shipped, over the embedded warehouse, in a process of its own; beside it
//! a second process serves the same warehouse straight, without a gateway. Both are asked over HTTP on loopback by
//! this process, on the same processors: figures hold for all three together.
//!
//! ```sh
//! cargo bench -p snowgate --bench load                             # everything, as a Markdown table
//! cargo bench -p snowgate --bench load -- --only agents --seconds 10
//! ```
//!
//! `--only latency|mcp|evidence|volume|agents`, `--statements N`, `--events N`, `--rows N`, `--rounds N`, `--agents N`, `--seconds N`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "a measurement that cannot be made must fail"
)]

mod agents;
mod client;
mod disk;
mod evidence;
mod house;
mod latency;
mod mcp;
mod memory;
mod report;
mod straight;
mod volume;

use std::collections::BTreeMap;

use crate::report::Report;

/// The small statement: three rows, two of the columns masked.
const SMALL: &str =
    "select c_name, c_phone as contact, c_acctbal from snowflake_sample_data.tpch_sf1.customer limit 3";

/// What was asked for on the command line.
pub struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn read() -> Self {
        let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
        let mut arguments = BTreeMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").unwrap_or_else(|| panic!("`{word}` is no option"));
            let value = words.next().unwrap_or_else(|| panic!("--{name} needs a value"));
            arguments.insert(name.to_owned(), value);
        }
        Self(arguments)
    }

    fn number(&self, name: &str, usual: usize) -> usize {
        self.0.get(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("--{name} is a number")))
    }

    fn wants(&self, part: &str) -> bool {
        self.0.get("only").is_none_or(|only| only == part)
    }
}

fn main() {
    let arguments = Arguments::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(scale) = arguments.0.get("straight") {
        // The second process.
        return runtime.block_on(straight::serve(scale.parse().unwrap()));
    }
    let mut report = Report::default();
    runtime.block_on(async {
        if arguments.wants("latency") {
            latency::measure(arguments.number("statements", 2000), &mut report).await;
        }
        if arguments.wants("mcp") {
            mcp::measure(arguments.number("statements", 2000), &mut report).await;
        }
        if arguments.wants("evidence") {
            evidence::measure(arguments.number("events", 40_000), &mut report).await;
        }
        if arguments.wants("volume") {
            volume::measure(arguments.number("rows", 1_000_000), arguments.number("rounds", 3), &mut report)
                .await;
        }
        if arguments.wants("agents") {
            agents::measure(arguments.number("agents", 200), arguments.number("seconds", 60), &mut report)
                .await;
        }
    });
    report.print();
}
