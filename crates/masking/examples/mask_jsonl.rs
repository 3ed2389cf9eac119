//! Masks cells given as JSON lines.
//!
//! Reads `{"id","column_name","sql_type","value"}` a line from standard input and writes `{"id","masked"}` a line.
//! Every cell is treated as free text or JSON of an unclassified column. With `--stats`, prints how fast it went.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};

use domain::{SqlType, Treatment};
use masking::{Detectors, TokenKeys, ValueMasker};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let prints_stats = std::env::args().any(|argument| argument == "--stats");
    let detectors = Detectors::standard();
    let keys = TokenKeys::new([0; 32]);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut maskers = Vec::new();
    let mut known = HashMap::new();
    let mut cells = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let cell: serde_json::Value = serde_json::from_str(&line?)?;
        let text = |field: &str| cell.get(field).and_then(|v| v.as_str()).map(str::to_owned);
        let column = (text("column_name").unwrap_or_default(), text("sql_type").unwrap_or_default());
        let masker = *known.entry(column).or_insert_with_key(|(name, kind)| {
            maskers.push(ValueMasker::new(&Treatment::Scan, &sql_type(kind), &keys, &detectors, name));
            maskers.len() - 1
        });
        cells.push((text("id").unwrap_or_default(), masker, text("value")));
    }
    for (id, masker, value) in &cells {
        let Some(masker) = maskers.get_mut(*masker) else { continue };
        let masked = masker.mask(value.as_deref());
        writeln!(out, "{}", serde_json::json!({ "id": id, "masked": masked }))?;
    }
    out.flush()?;
    if prints_stats {
        let bytes: usize = cells.iter().filter_map(|(_, _, value)| value.as_ref().map(String::len)).sum();
        let mut rounds = 0_u32;
        let start = cpu_seconds()?;
        while cpu_seconds()? < start + 1.5 {
            for (_, masker, value) in &cells {
                if let Some(masker) = maskers.get_mut(*masker) {
                    std::hint::black_box(masker.mask(value.as_deref()));
                }
            }
            rounds += 1;
        }
        let seconds = (cpu_seconds()? - start) / f64::from(rounds);
        #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
        let (count, megabytes) = (cells.len() as f64, bytes as f64 / 1e6);
        eprintln!("{:.0} cells/s, {:.1} MB/s", count / seconds, megabytes / seconds);
    }
    Ok(())
}

/// Seconds that this process has had a processor (Linux: the first number of `/proc/self/schedstat`, in nanoseconds).
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

/// The type that a name like `NUMBER(38,2)` stands for.
fn sql_type(name: &str) -> SqlType {
    let base = name.split('(').next().unwrap_or(name);
    match base {
        "NUMBER" => SqlType::Fixed { precision: 38, scale: 0 },
        "FLOAT" => SqlType::Real,
        "BOOLEAN" => SqlType::Boolean,
        "DATE" => SqlType::Date,
        "TIMESTAMP_NTZ" => SqlType::TimestampNtz { scale: 9 },
        "VARIANT" => SqlType::Variant,
        "OBJECT" => SqlType::Object,
        "ARRAY" => SqlType::Array,
        "BINARY" => SqlType::Binary { length: 8_388_608 },
        _ => SqlType::Text { length: 16_777_216 },
    }
}
