//! How fast the detectors read cells: dense with findings, prose without any, numbers, keys of no interest.

use std::hint::black_box;
use std::time::{Duration, Instant};

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

fn main() {
    let (detectors, keys) = (Detectors::standard(), TokenKeys::new([1; 32]));
    for kind in ["dense", "prose", "numbers", "ids"] {
        let cells = cells(kind);
        let bytes: usize = cells.iter().map(String::len).sum();
        let text = SqlType::Text { length: 16_777_216 };
        let mut masker = ValueMasker::new(&Treatment::Scan, &text, &keys, &detectors, "NOTE");
        let mut best = Duration::MAX;
        for _ in 0..50 {
            let start = Instant::now();
            for cell in &cells {
                black_box(masker.mask(Some(cell)));
            }
            best = best.min(start.elapsed());
        }
        let seconds = best.as_secs_f64().max(1e-9);
        #[allow(clippy::cast_precision_loss, reason = "figures for people")]
        let (cells, megabytes) = (cells.len() as f64 / seconds, bytes as f64 / 1e6 / seconds);
        println!("detect {kind}: {cells:.0} cells/s, {megabytes:.1} MB/s");
    }
}
