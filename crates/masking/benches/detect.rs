//! How fast the detectors read cells: dense with findings, prose without any, numbers, keys of no interest.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::{SqlType, Treatment};
use masking::{Detectors, TokenKeys, ValueMasker};

/// Cells of four kinds, a thousand each; none is anybody's.
fn cells(kind: &str) -> Vec<String> {
    (0..1000_u32)
        .map(|n| match (kind, n % 5) {
            ("dense", 0) => format!("write to user{n}@mail.example.com or call +49 30 {:07}", n * 7919 % 9_999_999),
            ("dense", 1) => format!("card 4111 1111 1111 1111 of {n}, ssn 536-22-{:04}", n + 1000),
            ("dense", 2) => format!("{{\"user\": {{\"ip\": \"203.0.113.{}\", \"token\": \"ghp_16C7e42F292c6912E7710c838347Ae178B4a\"}}}}", n % 255),
            ("dense", 3) => format!("password: hunter{n}! born on {} May 1963", n % 28 + 1),
            ("dense", _) => "DE89 3704 0044 0532 0130 00 and postgres://app:s3cr3t@db.example.com/x".to_owned(),
            ("prose", _) => format!("the carefully final deposits of row {n} sleep quickly after the express ideas, boldly"),
            ("numbers", _) => format!("{}.{:02}", n * 7919, n % 100),
            _ => format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", n.wrapping_mul(2_654_435_761), n, n % 4096, n % 4095, n),
        })
        .collect()
}

fn detect(criterion: &mut Criterion) {
    let (detectors, keys) = (Detectors::standard(), TokenKeys::new([1; 32]));
    let mut group = criterion.benchmark_group("detect");
    group.sample_size(20);
    for kind in ["dense", "prose", "numbers", "ids"] {
        let cells = cells(kind);
        let text = SqlType::Text { length: 16_777_216 };
        let mut masker = ValueMasker::new(&Treatment::Scan, &text, &keys, &detectors, "NOTE");
        group.throughput(Throughput::Bytes(cells.iter().map(|cell| cell.len() as u64).sum()));
        group.bench_function(kind, |bencher| {
            bencher.iter(|| {
                for cell in &cells {
                    black_box(masker.mask(Some(cell)));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, detect);
criterion_main!(benches);
