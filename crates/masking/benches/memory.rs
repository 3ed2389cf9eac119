//! What a result of a gigabyte costs in memory: generated, pushed, masked, deflated, dropped; the peak of what was
//! resident is printed, and more than 64 MB is a failure.
//!
//! `cargo bench -p masking --bench memory`
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a bench that cannot run ends")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use domain::{ErrorText, Limits, Mask, MaskClass, MaskRule, Obligations, SqlType, Treatment};
use masking::{AnsweredColumn, Deflater, Detectors, MaskPlan, PageBounds, Pager, TokenKeys};

const RESULT: usize = 1 << 30;

const MOST_RESIDENT: usize = 64 << 20;

fn main() {
    let treatments = vec![
        masked("key", Mask::Null),
        masked("name", Mask::Redact),
        masked("phone", Mask::LastFour),
        masked("note", Mask::EmailDomain),
    ];
    let plan = plan(treatments);
    let mut is_flat = true;
    for (name, run) in [
        ("JSON, onto pages", json_pages as fn(&Arc<MaskPlan>) -> (usize, usize)),
        ("JSON, as deflated chunks", json_chunks),
        ("Arrow, as deflated chunks", arrow_chunks),
    ] {
        let (pushed, stored) = run(&plan);
        let resident = peak_resident();
        is_flat &= resident <= MOST_RESIDENT;
        println!("{name:<28} {pushed} bytes pushed, {stored} stored, {} MB resident at most", resident >> 20);
    }
    assert!(is_flat, "a result of a gigabyte needs more than {} MB", MOST_RESIDENT >> 20);
}

fn json_pages(plan: &Arc<MaskPlan>) -> (usize, usize) {
    let mut machine = plan.machine();
    let mut pager = Pager::new(PageBounds { size: 16 << 20, stored: 4 << 20 });
    let (mut pushed, mut stored) = (0, 0);
    push_json(|slice| {
        pushed += slice.len();
        machine.push(slice).expect("rows");
        if let Some(rows) = machine.take_rows(usize::MAX) {
            pager.add(rows).expect("pages");
        }
        stored += pager.take_full().iter().map(|page| page.get().bytes().len()).sum::<usize>();
    });
    pager.cut().expect("a page");
    stored += pager.take_full().iter().map(|page| page.get().bytes().len()).sum::<usize>();
    machine.finish().expect("complete");
    (pushed, stored)
}

fn json_chunks(plan: &Arc<MaskPlan>) -> (usize, usize) {
    let mut machine = plan.machine();
    let mut deflater = Deflater::default();
    let (mut pushed, mut stored) = (0, 0);
    push_json(|slice| {
        pushed += slice.len();
        machine.push(slice).expect("rows");
        if let Some(rows) = machine.take_rows(usize::MAX) {
            deflater.add_rows(&rows).expect("gzip");
        }
        stored += deflater.take().get().len();
    });
    stored += deflater.finish().expect("gzip").get().len();
    machine.finish().expect("complete");
    (pushed, stored)
}

fn arrow_chunks(plan: &Arc<MaskPlan>) -> (usize, usize) {
    let mut machine = plan.arrow_machine();
    let mut deflater = Deflater::default();
    let (mut pushed, mut stored) = (0, 0);
    push_arrow(|slice| {
        pushed += slice.len();
        machine.push(slice).expect("a stream");
        if let Some(stream) = machine.take() {
            deflater.add_stream(&stream).expect("gzip");
        }
        stored += deflater.take().get().len();
    });
    stored += deflater.finish().expect("gzip").get().len();
    machine.finish().expect("complete");
    (pushed, stored)
}

fn push_json(mut push: impl FnMut(&[u8])) {
    let mut text = String::from("[");
    let (mut pushed, mut number) = (0, 0_u64);
    while pushed < RESULT {
        while text.len() < 64 << 10 {
            if number > 0 {
                text.push(',');
            }
            let note = note(number);
            text.push_str(&format!(
                "[\"{number}\",\"Customer {number}\",\"20-{:010}\",\"{note}\"]",
                number * 77
            ));
            number += 1;
        }
        push(text.as_bytes());
        pushed += text.len();
        text.clear();
    }
    push(b"]");
}

fn push_arrow(mut push: impl FnMut(&[u8])) {
    let fields = ["KEY", "NAME", "PHONE", "NOTE"].map(|name| {
        let held = if name == "KEY" { DataType::Int64 } else { DataType::Utf8 };
        Field::new(name, held, true)
    });
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).expect("a schema");
    let (mut pushed, mut number) = (0, 0_u64);
    while pushed < RESULT {
        let numbers = || number..number + 40_000;
        let texts = |text: &dyn Fn(u64) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(numbers().map(text)))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(numbers().map(|n| i64::try_from(n).unwrap_or(0)))),
            texts(&|n| format!("Customer {n}")),
            texts(&|n| format!("20-{:010}", n * 77)),
            texts(&note),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns of one length");
        writer.write(&batch).expect("memory");
        number += 40_000;
        let bytes = std::mem::take(writer.get_mut());
        pushed += bytes.len();
        bytes.chunks(64 << 10).for_each(&mut push);
    }
    writer.finish().expect("memory");
    push(writer.get_ref());
}

fn note(number: u64) -> String {
    format!(
        "carefully final deposits {} sleep among the packages {}",
        number % 1013,
        number.wrapping_mul(0x9E37_79B9)
    )
}

/// The most memory that was resident so far, in bytes.
fn peak_resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells what a process uses");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak is told");
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().expect("a number") << 10
}

fn masked(class: &str, mask: Mask) -> Treatment {
    Treatment::Mask(MaskRule { class: MaskClass::new(class), mask })
}

fn plan(treatments: Vec<Treatment>) -> Arc<MaskPlan> {
    let text = || SqlType::Text { length: 200 };
    let column = |name: &str, sql_type: SqlType| AnsweredColumn {
        name: name.to_owned(),
        sql_type,
        is_nullable: true,
        origin: None,
    };
    let answered = [
        column("KEY", SqlType::Fixed { precision: 38, scale: 0 }),
        column("NAME", text()),
        column("PHONE", text()),
        column("NOTE", text()),
    ];
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
    Arc::new(MaskPlan::bind(&obligations, None, &answered, &keys, &Detectors::standard()))
}
