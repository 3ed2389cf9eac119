//! `snowgate mask`: cells in, masked cells out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufReader, ErrorKind, Read, Write, stdin, stdout};
use std::process::ExitCode;

use domain::{SqlType, Treatment};
use masking::{Detectors, TokenKeys, ValueMasker};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::lines::{Read as Line, read_line};
use super::{Broken, policy};
use crate::cli::MaskArgs;

/// Lines that are read before they are masked, unless no more have come.
const BATCH: usize = 1024;

/// Bytes of cells that `--stats` measures.
const KEPT: usize = 64 * 1024 * 1024;

/// Seconds of processor time that a figure rests on, at least.
const MEASURED: f64 = 1.5;

/// Masks every line.
pub fn run(args: &MaskArgs) -> Result<ExitCode, Broken> {
    let detectors = match &args.policies {
        Some(dir) => gateway::detectors_of(&policy::bundle(dir)?),
        None => Detectors::standard(),
    };
    let mut masking = Masking::new(detectors, args.stats);
    let done = masking.all(BufReader::with_capacity(1 << 18, stdin().lock()), stdout().lock())?;
    if args.stats {
        eprintln!("{}", masking.speed()?);
    }
    Ok(done)
}

/// The members that are looked at. Others are passed over; one of these twice is an error.
#[derive(Deserialize)]
struct Cell<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    column_name: Option<&'a RawValue>,
    #[serde(borrow)]
    sql_type: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
}

/// Keeps a null apart from what is missing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A line that was read: its `id` as it was written, and what it holds or what is wrong with it.
struct Asked {
    id: String,
    cell: Result<(usize, Option<String>), String>,
    line: u64,
}

struct Masking {
    detectors: Detectors,
    keys: TokenKeys,
    /// One a column name and type.
    maskers: Vec<ValueMasker>,
    known: HashMap<String, usize>,
    key: String,
    stats: Option<Stats>,
}

/// The cells that `--stats` measures.
#[derive(Default)]
struct Stats {
    kept: Vec<(usize, Option<String>)>,
    kept_bytes: usize,
}

impl Masking {
    fn new(detectors: Detectors, has_stats: bool) -> Self {
        Self {
            detectors,
            // SECURITY: no cell here is known to come from a stored column, so that none becomes a token.
            keys: TokenKeys::new([0; 32]),
            maskers: Vec::new(),
            known: HashMap::new(),
            key: String::new(),
            stats: has_stats.then(Stats::default),
        }
    }

    /// Answers every line of `input`, in order, each batch as soon as nothing more has come.
    fn all(&mut self, mut input: BufReader<impl Read>, mut output: impl Write) -> Result<ExitCode, Broken> {
        let (mut lines, mut malformed) = (0_u64, 0_u64);
        let mut line = Vec::new();
        let mut batch = Vec::new();
        let mut out = Vec::new();
        loop {
            let read = read_line(&mut input, &mut line)?;
            if !matches!(read, Line::End) {
                lines += 1;
                let asked = self.asked(&read, &line, lines);
                malformed += u64::from(asked.cell.is_err());
                batch.push(asked);
            }
            let is_end = matches!(read, Line::End);
            if !is_end && batch.len() < BATCH && !input.buffer().is_empty() {
                continue;
            }
            self.answer(&mut batch, &mut out)?;
            match output.write_all(&out).and_then(|()| output.flush()) {
                Ok(()) => out.clear(),
                // Whoever read has seen enough (`… | head`).
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                Err(error) => return Err(error.into()),
            }
            if is_end {
                break;
            }
        }
        match malformed {
            0 => Ok(ExitCode::SUCCESS),
            _ => Err(Broken::new(format!(
                "{malformed} of {lines} lines could not be read; the `error` of each says what to do"
            ))),
        }
    }

    fn asked(&mut self, read: &Line, line: &[u8], number: u64) -> Asked {
        const SHAPE: &str = r#"write one JSON object a line, such as {"id": 1, "column_name": "NOTE", "sql_type": "VARCHAR", "value": "…"}"#;
        let wrong = |id: &str, error: String| Asked { id: id.to_owned(), cell: Err(error), line: number };
        if matches!(read, Line::TooLong) {
            return wrong("null", "it is longer than a line may be; no cell of that size is read".to_owned());
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return wrong("null", "it is no UTF-8 text".to_owned());
        };
        if !text.trim_start().starts_with('{') {
            return wrong("null", SHAPE.to_owned());
        }
        // The parser's own words may quote what was written; the place is enough to mend it.
        let cell: Cell<'_> = match serde_json::from_str(text) {
            Ok(cell) => cell,
            Err(error) => {
                return wrong("null", format!("column {}: this is no JSON object; {SHAPE}", error.column()));
            }
        };
        let id = cell.id.map_or("null", RawValue::get);
        // Both say what the value is; without them little is found in it.
        if cell.column_name.is_none() && cell.sql_type.is_none() {
            return wrong(id, format!("`column_name` and `sql_type` are missing; {SHAPE}"));
        }
        let (Some(name), Some(sql_type)) = (name_of(cell.column_name), name_of(cell.sql_type)) else {
            return wrong(id, "`column_name` and `sql_type` are texts; write them in quotes".to_owned());
        };
        let Some(value) = cell.value else {
            return wrong(id, "`value` is missing; write null where there is none".to_owned());
        };
        let Some(value) = text_of(value) else {
            return wrong(id, "`value` holds an escape that stands for no character".to_owned());
        };
        let masker = self.masker(&name, &sql_type);
        Asked { id: id.to_owned(), cell: Ok((masker, value.map(Cow::into_owned))), line: number }
    }

    /// The place of the masker for columns of that name and type.
    fn masker(&mut self, name: &str, sql_type: &str) -> usize {
        self.key.clear();
        self.key.push_str(sql_type);
        self.key.push('\0');
        self.key.push_str(name);
        if let Some(known) = self.known.get(&self.key) {
            return *known;
        }
        let kind = read_type(sql_type);
        self.maskers.push(ValueMasker::new(&Treatment::Scan, &kind, &self.keys, &self.detectors, name));
        self.known.insert(self.key.clone(), self.maskers.len() - 1);
        self.maskers.len() - 1
    }

    /// Masks a batch and writes what it became.
    fn answer(&mut self, batch: &mut Vec<Asked>, out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut masked: Vec<Option<String>> = Vec::with_capacity(batch.len());
        for asked in batch.iter() {
            let became = match &asked.cell {
                Ok((masker, value)) => self
                    .maskers
                    .get_mut(*masker)
                    .and_then(|masker| masker.mask(value.as_deref()).map(str::to_owned)),
                Err(_) => None,
            };
            masked.push(became);
        }
        for (asked, became) in batch.drain(..).zip(masked) {
            let Asked { id, cell, line } = asked;
            out.extend_from_slice(b"{\"id\":");
            out.extend_from_slice(id.as_bytes());
            match cell {
                Ok(cell) => {
                    out.extend_from_slice(b",\"masked\":");
                    serde_json::to_writer(&mut *out, &became)?;
                    if let Some(stats) = &mut self.stats {
                        stats.count(cell);
                    }
                }
                Err(error) => {
                    out.extend_from_slice(format!(",\"line\":{line},\"error\":").as_bytes());
                    serde_json::to_writer(&mut *out, &format!("line {line}: {error}"))?;
                }
            }
            out.extend_from_slice(b"}\n");
        }
        Ok(())
    }

    /// How fast it goes, in processor time of the masking alone: the cells are masked again, and again until the figure
    /// rests on enough time.
    fn speed(&mut self) -> Result<String, Broken> {
        let Some(stats) = &self.stats else { return Ok(String::new()) };
        let start = cpu_seconds()?;
        let mut seconds = 0.0;
        let mut rounds = 0_u32;
        while seconds < MEASURED && !stats.kept.is_empty() {
            for (masker, value) in &stats.kept {
                if let Some(masker) = self.maskers.get_mut(*masker) {
                    std::hint::black_box(masker.mask(value.as_deref()));
                }
            }
            rounds += 1;
            seconds = cpu_seconds()? - start;
        }
        let a_round = seconds / f64::from(rounds.max(1));
        let rate = |count: f64| if a_round > 0.0 { count / a_round } else { 0.0 };
        #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
        let (cells, megabytes) = (rate(stats.kept.len() as f64), rate(stats.kept_bytes as f64 / 1e6));
        Ok(format!(
            "{cells:.0} cells/s, {megabytes:.1} MB/s of CPU time ({} cells, {} bytes of values, {rounds} rounds)",
            stats.kept.len(),
            stats.kept_bytes
        ))
    }
}

impl Stats {
    fn count(&mut self, cell: (usize, Option<String>)) {
        let bytes = cell.1.as_ref().map_or(0, String::len);
        if self.kept_bytes + bytes <= KEPT {
            self.kept_bytes += bytes;
            self.kept.push(cell);
        }
    }
}

/// Seconds that this thread has had a processor: the first number of `/proc/thread-self/schedstat`, in nanoseconds.
fn cpu_seconds() -> Result<f64, Broken> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds
        .map(|nanoseconds| nanoseconds / 1e9)
        .ok_or_else(|| Broken::new("--stats needs Linux, which tells a thread's processor time in /proc"))
}

/// A name that may be missing; none when it is no text.
fn name_of(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let Some(raw) = raw else { return Some(Cow::Borrowed("")) };
    match raw.get().as_bytes() {
        [b'"', ..] => text_of(raw)?,
        _ => None,
    }
}

/// The text of a value: a JSON string's, or the JSON itself of anything else; none inside for null, none at all where an
/// escape is broken.
#[allow(clippy::option_option, reason = "no text and NULL are two things")]
fn text_of(raw: &RawValue) -> Option<Option<Cow<'_, str>>> {
    let text = raw.get();
    if text == "null" {
        return Some(None);
    }
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Some(Some(Cow::Borrowed(text)));
    };
    if inner.bytes().all(|byte| byte != b'\\') {
        return Some(Some(Cow::Borrowed(inner)));
    }
    serde_json::from_str::<String>(text).ok().map(|text| Some(Cow::Owned(text)))
}

/// The type that a name like `NUMBER(38,2)` stands for; one that is not known is masked whole.
fn read_type(name: &str) -> SqlType {
    let name = name.trim().to_ascii_uppercase();
    let (base, rest) = name.split_once('(').unwrap_or((name.as_str(), ""));
    let mut numbers = rest.trim_end_matches(')').split(',').map(|number| number.trim().parse::<u64>().ok());
    let first = numbers.next().flatten();
    let second = numbers.next().flatten();
    let small = |number: Option<u64>, default| number.and_then(|n| n.try_into().ok()).unwrap_or(default);
    match base.trim() {
        "" | "VARCHAR" | "TEXT" | "STRING" | "NVARCHAR" | "NVARCHAR2" | "CHAR VARYING" | "NCHAR VARYING" => {
            SqlType::Text { length: first.unwrap_or(16_777_216) }
        }
        "CHAR" | "CHARACTER" | "NCHAR" => SqlType::Text { length: first.unwrap_or(1) },
        "NUMBER" | "DECIMAL" | "NUMERIC" | "DEC" | "FIXED" => {
            SqlType::Fixed { precision: small(first, 38), scale: small(second, 0) }
        }
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => {
            SqlType::Fixed { precision: 38, scale: 0 }
        }
        "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "DOUBLE PRECISION" | "REAL" => SqlType::Real,
        "DECFLOAT" => SqlType::DecFloat,
        "BOOLEAN" => SqlType::Boolean,
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time { scale: small(first, 9) },
        "TIMESTAMP_NTZ" | "TIMESTAMPNTZ" | "TIMESTAMP" | "DATETIME" | "TIMESTAMP WITHOUT TIME ZONE" => {
            SqlType::TimestampNtz { scale: small(first, 9) }
        }
        "TIMESTAMP_LTZ" | "TIMESTAMPLTZ" | "TIMESTAMP WITH LOCAL TIME ZONE" => {
            SqlType::TimestampLtz { scale: small(first, 9) }
        }
        "TIMESTAMP_TZ" | "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => {
            SqlType::TimestampTz { scale: small(first, 9) }
        }
        "VARIANT" => SqlType::Variant,
        "OBJECT" => SqlType::Object,
        "ARRAY" => SqlType::Array,
        "MAP" => SqlType::Map,
        "BINARY" | "VARBINARY" => SqlType::Binary { length: first.unwrap_or(8_388_608) },
        "GEOGRAPHY" => SqlType::Geography,
        "GEOMETRY" => SqlType::Geometry,
        "VECTOR" => SqlType::Vector,
        _ => SqlType::Unknown(name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(input: &str) -> (Vec<String>, Option<u8>) {
        let mut output = Vec::new();
        let mut masking = Masking::new(Detectors::standard(), true);
        let done = masking.all(BufReader::new(input.as_bytes()), &mut output);
        let text = String::from_utf8(output).unwrap();
        (text.lines().map(str::to_owned).collect(), done.err().map(|broken| broken.code()))
    }

    #[track_caller]
    fn check(input: &str, expected: &[&str], code: Option<u8>) {
        let (lines, found) = masked(input);
        assert_eq!(
            (lines.iter().map(String::as_str).collect::<Vec<_>>(), found),
            (expected.to_vec(), code),
            "{input}"
        );
    }

    #[test]
    fn every_cell_is_answered_under_its_own_id() {
        check("", &[], None);
        check(
            "{\"id\":\"a\",\"column_name\":\"note\",\"sql_type\":\"VARCHAR\",\"value\":\"ana@example.com \\u00e9\"}\n\
             {\"id\":2,\"column_name\":\"x\",\"sql_type\":\"NUMBER(38,0)\",\"value\":\"4111111111111111\"}\r\n\
             {\"id\":[3],\"column_name\":\"x\",\"sql_type\":\"VARIANT\",\"value\":\"{\\\"email\\\": \\\"ana@example.com\\\"}\"}\n\
             {\"id\":4,\"sql_type\":\"TEXT\",\"value\":null}\n{\"column_name\":\"\",\"value\":12.50,\"more\":[]}",
            &[
                "{\"id\":\"a\",\"masked\":\"[EMAIL] é\"}",
                "{\"id\":2,\"masked\":null}",
                "{\"id\":[3],\"masked\":\"{\\\"email\\\": \\\"[EMAIL]\\\"}\"}",
                "{\"id\":4,\"masked\":null}",
                "{\"id\":null,\"masked\":\"12.50\"}",
            ],
            None,
        );
    }

    #[test]
    fn a_type_that_nobody_knows_shows_nothing() {
        check("{\"id\":1,\"sql_type\":\"SECRET\",\"value\":\"x\"}", &["{\"id\":1,\"masked\":null}"], None);
    }

    #[test]
    fn a_malformed_line_is_told_by_its_number_and_the_rest_goes_on() {
        for wrong in [
            "",
            "{",
            "[1]",
            "{\"id\":7}",
            "{\"id\":7,\"column_name\":1,\"value\":\"x\"}",
            "{\"id\":7,\"column\":\"SSN\",\"type\":\"VARCHAR\",\"value\":\"536221234\"}",
            "{\"sql_type\":\"TEXT\",\"value\":\"\\ud800\"}",
        ] {
            let cell = |value: &str| format!("{{\"sql_type\":\"TEXT\",\"value\":\"{value}\"}}");
            let (lines, code) = masked(&format!("{}\n{wrong}\n{}\n", cell("a"), cell("b")));
            assert_eq!(code, Some(1), "{wrong}");
            assert!(lines[1].contains("\"line\":2,\"error\":\"line 2: "), "{wrong}: {}", lines[1]);
            assert!(lines[2].contains("\"b\""));
        }
    }

    #[test]
    fn a_figure_rests_on_a_second() {
        let mut masking = Masking::new(Detectors::standard(), true);
        let input = BufReader::new(&b"{\"sql_type\":\"TEXT\",\"value\":\"ana@example.com\"}\n"[..]);
        masking.all(input, std::io::sink()).unwrap();
        let speed = masking.speed().unwrap();
        assert!(
            speed.contains(" cells/s, ") && speed.contains(" MB/s of CPU time (1 cells, 15 bytes"),
            "{speed}"
        );
    }
}
