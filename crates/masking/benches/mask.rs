//! How fast rows pass the machine: masked by lineage alone, and with every detector.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::{ErrorText, Limits, Mask, MaskClass, MaskRule, Obligations, SqlType, Treatment};
use masking::{AnsweredColumn, Detectors, MaskPlan, TokenKeys};

/// Rows of a customer table: key, name, address, nation, phone, balance, segment, note.
fn rows(count: u32) -> Vec<u8> {
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
    ];
    let word = |n: u32| words.get(n as usize % words.len()).copied().unwrap_or_default();
    let mut text = String::from("[");
    for n in 0..count {
        let comma = if n == 0 { "" } else { "," };
        let note: Vec<&str> = (0..9).map(|k| word(n.wrapping_mul(7).wrapping_add(k * 3))).collect();
        text.push_str(&format!(
            "{comma}[\"{n}\",\"Customer#{n:09}\",\"{} {} road\",\"{}\",\"{}-{:03}-{:03}-{:04}\",\"{}.{:02}\",\"BUILDING\",\"{}\"]",
            n % 97,
            word(n),
            n % 25,
            10 + n % 25,
            n % 900 + 100,
            n % 800 + 200,
            n % 9999,
            n % 9999,
            n % 100,
            note.join(" ")
        ));
    }
    text.push(']');
    text.into_bytes()
}

fn plan(treatments: Vec<Treatment>) -> Arc<MaskPlan> {
    let text = || SqlType::Text { length: 200 };
    let number = || SqlType::Fixed { precision: 38, scale: 2 };
    let columns = [
        ("C_CUSTKEY", number()),
        ("C_NAME", text()),
        ("C_ADDRESS", text()),
        ("C_NATIONKEY", number()),
        ("C_PHONE", text()),
        ("C_ACCTBAL", number()),
        ("C_MKTSEGMENT", text()),
        ("C_COMMENT", text()),
    ];
    let answered: Vec<AnsweredColumn> = columns
        .into_iter()
        .map(|(name, sql_type)| AnsweredColumn {
            name: name.to_owned(),
            sql_type,
            is_nullable: true,
            origin: None,
        })
        .collect();
    let limits = Limits {
        rows: 1,
        bytes: 1,
        at_once: 1,
        per_minute: 1,
        upstream_seconds_per_hour: 1,
        statement_seconds: 1,
        hidden_failures_per_hour: 1,
    };
    let obligations = Obligations {
        columns: Some(treatments),
        unforeseen: Treatment::Scan,
        mask_column_names: false,
        error_text: ErrorText::Shown,
        limits,
    };
    Arc::new(MaskPlan::bind(&obligations, None, &answered, &TokenKeys::new([1; 32]), &Detectors::standard()))
}

fn masks(criterion: &mut Criterion) {
    let input = rows(20_000);
    let redact = Treatment::Mask(MaskRule { class: MaskClass::new("customer"), mask: Mask::Redact });
    let last_four = Treatment::Mask(MaskRule { class: MaskClass::new("phone"), mask: Mask::LastFour });
    let token = Treatment::Mask(MaskRule { class: MaskClass::new("name"), mask: Mask::Token });
    let by_lineage = plan(vec![
        redact.clone(),
        redact.clone(),
        redact.clone(),
        redact.clone(),
        last_four.clone(),
        redact.clone(),
        redact.clone(),
        redact.clone(),
    ]);
    let with_tokens = plan(vec![
        redact.clone(),
        token,
        redact.clone(),
        redact.clone(),
        last_four,
        redact.clone(),
        redact.clone(),
        redact,
    ]);
    let by_content = plan(vec![Treatment::Scan; 8]);
    let clear = plan(vec![Treatment::Clear; 8]);

    let mut group = criterion.benchmark_group("json");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(input.len() as u64));
    for (name, plan) in
        [("lineage", by_lineage), ("lineage and tokens", with_tokens), ("clear", clear), ("scan", by_content)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut machine = plan.machine();
                let mut bytes = 0;
                for slice in input.chunks(64 << 10) {
                    if machine.push(slice).is_err() {
                        break;
                    }
                    bytes += machine.take_rows(usize::MAX).map_or(0, |rows| rows.get().text().len());
                }
                black_box(bytes)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, masks);
criterion_main!(benches);
