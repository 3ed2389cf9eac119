//! How fast results pass the machines on one core, beside what the libraries below do alone: CPU time, best of several
//! runs, one table.
//!
//! `cargo bench -p masking --bench speed`; words behind it choose lines whose name has one of them.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a bench that cannot run ends")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use domain::{ErrorText, Limits, Mask, MaskClass, MaskRule, Obligations, SqlType, Treatment};
use masking::{AnsweredColumn, Deflater, Detectors, GzipError, Inflater, MaskPlan, TokenKeys};

/// Bytes of each slice that is pushed (Arrow: where it does not lie in memory whole, as an answer's inline rows do).
const SLICE: usize = 64 << 10;

const ROWS: u32 = 60_000;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let rows = Rows::made(ROWS);
    let json = rows.json();
    let arrow = rows.arrow();
    let json_gzip = packed(&json);
    let arrow_gzip = packed(&arrow);
    println!("{} rows: {} bytes of JSON, {} of Arrow", ROWS, json.len(), arrow.len());

    let line = |name: &str, bytes: usize, run: &mut dyn FnMut() -> usize| {
        if is_wanted(name) {
            println!("{name:<58} {:>8.0} MB/s", rate(bytes, run));
        }
    };

    line("bare: JSON read by serde_json", json.len(), &mut || {
        let rows: Vec<[Option<&str>; 8]> = serde_json::from_slice(&json).expect("rows without escapes");
        rows.len()
    });
    line("bare: JSON read and written by serde_json", json.len(), &mut || {
        let rows: Vec<[Option<&str>; 8]> = serde_json::from_slice(&json).expect("rows without escapes");
        serde_json::to_vec(&rows).expect("rows").len()
    });
    line("bare: Arrow read and written by arrow-ipc", arrow.len(), &mut || {
        let mut out = Vec::with_capacity(arrow.len());
        let reader = StreamReader::try_new(arrow.as_slice(), None).expect("a stream");
        let mut writer = StreamWriter::try_new(&mut out, &reader.schema()).expect("a schema");
        for batch in reader {
            writer.write(&batch.expect("a batch")).expect("room");
        }
        writer.finish().expect("room");
        out.len()
    });
    line("bare: inflate and deflate JSON, level 1", json.len(), &mut || inflate_deflate(&json_gzip));
    line("bare: inflate and deflate Arrow, level 1", arrow.len(), &mut || inflate_deflate(&arrow_gzip));

    let plans = [
        ("lineage masks everything", plan(by_lineage())),
        ("lineage masks everything, one column with tokens", plan(with_tokens())),
        ("all detectors, clear columns", plan(vec![Treatment::Clear; 8])),
        ("all detectors, columns to scan", plan(vec![Treatment::Scan; 8])),
    ];
    for (name, plan) in &plans {
        line(&format!("JSON: {name}"), json.len(), &mut || mask_json(plan, &json));
        line(&format!("Arrow: {name}"), arrow.len(), &mut || mask_arrow(plan, &arrow, usize::MAX));
    }
    // Half of the columns are of types that hold nothing to find, and pass unread.
    let mixed = plan(half_by_lineage());
    line("JSON: lineage masks half", json.len(), &mut || mask_json(&mixed, &json));
    line("Arrow: lineage masks half", arrow.len(), &mut || mask_arrow(&mixed, &arrow, usize::MAX));
    line("Arrow: lineage masks half, in slices", arrow.len(), &mut || mask_arrow(&mixed, &arrow, SLICE));
    let (_, lineage) = &plans[0];
    line("JSON in gzip: lineage masks everything", json.len(), &mut || mask_json_gzip(lineage, &json_gzip));
    line("Arrow in gzip: lineage masks everything", arrow.len(), &mut || {
        mask_arrow_gzip(lineage, &arrow_gzip)
    });
    line("JSON in gzip: lineage masks half", json.len(), &mut || mask_json_gzip(&mixed, &json_gzip));
    line("Arrow in gzip: lineage masks half", arrow.len(), &mut || mask_arrow_gzip(&mixed, &arrow_gzip));
    line("JSON in gzip: all detectors, clear columns", json.len(), &mut || {
        mask_json_gzip(&plans[2].1, &json_gzip)
    });
}

/// Megabytes a second of CPU time: the best of several samples, because others use this machine as well.
///
/// The kernel counts by ticks of some milliseconds, so a sample is as many runs as fill four tenths of a second.
fn rate(bytes: usize, run: &mut dyn FnMut() -> usize) -> f64 {
    let sample = |runs: u32, run: &mut dyn FnMut() -> usize| {
        let before = cpu_nanos();
        for _ in 0..runs {
            black_box(run());
        }
        (cpu_nanos() - before) as f64
    };
    let mut runs = 1;
    while sample(runs, run) < 4e8 {
        runs *= 2;
    }
    let best = (0..8).map(|_| sample(runs, run)).fold(f64::INFINITY, f64::min);
    bytes as f64 * f64::from(runs) / best * 1000.0
}

/// Nanoseconds that this thread has run so far.
fn cpu_nanos() -> u64 {
    let text =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells what a thread has used");
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).expect("a number")
}

fn mask_json(plan: &Arc<MaskPlan>, input: &[u8]) -> usize {
    let mut machine = plan.machine();
    let mut bytes = 0;
    for slice in input.chunks(SLICE) {
        machine.push(slice).expect("rows");
        bytes += machine.take_rows(usize::MAX).map_or(0, |rows| rows.get().text().len());
    }
    bytes
}

fn mask_arrow(plan: &Arc<MaskPlan>, input: &[u8], slice: usize) -> usize {
    let mut machine = plan.arrow_machine();
    let mut bytes = 0;
    for slice in input.chunks(slice) {
        machine.push(slice).expect("a stream");
        // What comes out stays in its pieces: so a socket or a deflater takes it.
        bytes += machine
            .take()
            .map_or(0, |stream| stream.get().pieces().map(|piece| black_box(piece).len()).sum());
    }
    bytes
}

fn mask_json_gzip(plan: &Arc<MaskPlan>, input: &[u8]) -> usize {
    let mut machine = plan.machine();
    let mut inflater = Inflater::new(u64::MAX);
    let mut deflater = Deflater::default();
    let mut bytes = 0;
    for slice in input.chunks(SLICE) {
        let done = inflater.push(slice, |portion| {
            machine.push(portion).expect("rows");
            machine.take_rows(usize::MAX).map_or(Ok(()), |rows| deflater.add_rows(&rows))
        });
        done.expect("gzip");
        bytes += deflater.take().get().len();
    }
    bytes + deflater.finish().expect("gzip").get().len()
}

fn mask_arrow_gzip(plan: &Arc<MaskPlan>, input: &[u8]) -> usize {
    let mut machine = plan.arrow_machine();
    let mut inflater = Inflater::new(u64::MAX);
    let mut deflater = Deflater::default();
    let mut bytes = 0;
    for slice in input.chunks(SLICE) {
        let done = inflater.push(slice, |portion| {
            machine.push(portion).expect("a stream");
            machine.take().map_or(Ok(()), |stream| deflater.add_stream(&stream))
        });
        done.expect("gzip");
        bytes += deflater.take().get().len();
    }
    bytes + deflater.finish().expect("gzip").get().len()
}

fn inflate_deflate(input: &[u8]) -> usize {
    let mut inflater = Inflater::new(u64::MAX);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for slice in input.chunks(SLICE) {
        let done = inflater.push(slice, |portion| {
            encoder.write_all(portion).expect("memory");
            Ok::<(), GzipError>(())
        });
        done.expect("gzip");
    }
    encoder.finish().expect("memory").len()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = flate2::read::GzEncoder::new(bytes, flate2::Compression::fast());
    encoder.read_to_end(&mut out).expect("memory");
    out
}

/// Rows as TPC-H has them: key, name, address, price, phone, balance, day, note.
struct Rows {
    keys: Vec<i64>,
    names: Vec<String>,
    addresses: Vec<String>,
    prices: Vec<f64>,
    phones: Vec<String>,
    balances: Vec<i64>,
    days: Vec<i32>,
    notes: Vec<String>,
}

impl Rows {
    fn made(count: u32) -> Self {
        let words = [
            "carefully",
            "final",
            "deposits",
            "sleep",
            "quickly",
            "regular",
            "accounts",
            "haggle",
            "express",
            "ideas",
            "the",
            "furiously",
            "among",
            "ironic",
            "packages",
            "blithely",
            "unusual",
        ];
        let word = |n: u32| words[n as usize % words.len()];
        let mut random = 0x2545_F491_u32;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            random
        };
        let mut rows = Self {
            keys: Vec::new(),
            names: Vec::new(),
            addresses: Vec::new(),
            prices: Vec::new(),
            phones: Vec::new(),
            balances: Vec::new(),
            days: Vec::new(),
            notes: Vec::new(),
        };
        for n in 0..count {
            rows.keys.push(i64::from(n) * 3 + 1);
            rows.names.push(format!("Customer#{n:09}"));
            rows.addresses.push(format!("{} {} road {}", next() % 97, word(next()), word(next())));
            rows.prices.push(f64::from(next() % 10_000_000) / 100.0);
            rows.phones.push(format!(
                "{}-{:03}-{:03}-{:04}",
                10 + next() % 25,
                next() % 900 + 100,
                next() % 900 + 100,
                next() % 10_000
            ));
            rows.balances.push(i64::from(next() % 1_100_000) - 100_000);
            rows.days.push(i32::try_from(8000 + next() % 3000).unwrap_or(0));
            let note: Vec<&str> = (0..6 + next() % 9).map(|_| word(next())).collect();
            rows.notes.push(note.join(" "));
        }
        rows
    }

    fn json(&self) -> Vec<u8> {
        let mut text = String::from("[");
        for n in 0..self.keys.len() {
            if n > 0 {
                text.push(',');
            }
            let balance = self.balances[n];
            text.push_str(&format!(
                "[\"{}\",\"{}\",\"{}\",\"{}\",\"{}\",\"{}{}.{:02}\",\"{}\",\"{}\"]",
                self.keys[n],
                self.names[n],
                self.addresses[n],
                self.prices[n],
                self.phones[n],
                if balance < 0 { "-" } else { "" },
                balance.abs() / 100,
                balance.abs() % 100,
                self.days[n],
                self.notes[n]
            ));
        }
        text.push(']');
        text.into_bytes()
    }

    fn arrow(&self) -> Vec<u8> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(self.keys.clone())),
            Arc::new(StringArray::from(self.names.clone())),
            Arc::new(StringArray::from(self.addresses.clone())),
            Arc::new(Float64Array::from(self.prices.clone())),
            Arc::new(StringArray::from(self.phones.clone())),
            Arc::new(Int64Array::from(self.balances.clone())),
            Arc::new(Date32Array::from(self.days.clone())),
            Arc::new(StringArray::from(self.notes.clone())),
        ];
        let fields: Vec<Field> = answered()
            .iter()
            .zip(&columns)
            .map(|(column, array): (_, &ArrayRef)| Field::new(&column.name, array.data_type().clone(), false))
            .collect();
        assert_eq!(fields[0].data_type(), &DataType::Int64);
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length");
        let mut out = Vec::new();
        let mut writer = StreamWriter::try_new(&mut out, &batch.schema()).expect("a schema");
        // Batches of about a megabyte, as upstream has them.
        for start in (0..batch.num_rows()).step_by(10_000) {
            writer.write(&batch.slice(start, 10_000.min(batch.num_rows() - start))).expect("memory");
        }
        writer.finish().expect("memory");
        drop(writer);
        out
    }
}

fn answered() -> Vec<AnsweredColumn> {
    let text = || SqlType::Text { length: 200 };
    let columns = [
        ("C_CUSTKEY", SqlType::Fixed { precision: 38, scale: 0 }),
        ("C_NAME", text()),
        ("C_ADDRESS", text()),
        ("O_TOTALPRICE", SqlType::Real),
        ("C_PHONE", text()),
        ("C_ACCTBAL", SqlType::Fixed { precision: 12, scale: 2 }),
        ("O_ORDERDATE", SqlType::Date),
        ("C_COMMENT", text()),
    ];
    let column = |(name, sql_type): (&str, SqlType)| AnsweredColumn {
        name: name.to_owned(),
        sql_type,
        is_nullable: true,
        origin: None,
    };
    columns.into_iter().map(column).collect()
}

fn masked(class: &str, mask: Mask) -> Treatment {
    Treatment::Mask(MaskRule { class: MaskClass::new(class), mask })
}

fn by_lineage() -> Vec<Treatment> {
    let redact = || masked("customer", Mask::Redact);
    let last_four = masked("phone", Mask::LastFour);
    vec![redact(), redact(), redact(), redact(), last_four, redact(), masked("day", Mask::Year), redact()]
}

fn with_tokens() -> Vec<Treatment> {
    let mut treatments = by_lineage();
    treatments[1] = masked("name", Mask::Token);
    treatments
}

fn half_by_lineage() -> Vec<Treatment> {
    let mut treatments = by_lineage();
    treatments[3] = Treatment::Clear;
    treatments[6] = Treatment::Clear;
    treatments[5] = masked("balance", Mask::Band(1000));
    treatments
}

fn plan(treatments: Vec<Treatment>) -> Arc<MaskPlan> {
    let limits = Limits {
        rows: 1,
        bytes: 1,
        rows_if_approved: 1,
        bytes_if_approved: 1,
        at_once: 1,
        per_minute: 1,
        upstream_seconds_per_hour: 1,
        statement_seconds: 1,
        hidden_failures_per_hour: 1,
        asks_per_hour: 1,
    };
    let obligations = Obligations {
        columns: Some(treatments),
        unforeseen: Treatment::Scan,
        mask_column_names: false,
        error_text: ErrorText::Shown,
        limits,
    };
    let keys = TokenKeys::new([1; 32]);
    Arc::new(MaskPlan::bind(&obligations, None, &answered(), &keys, &Detectors::standard()))
}
