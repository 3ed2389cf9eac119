//! Commands that are filters: one JSON object a line in, one JSON object a line out, in order.

use std::io::{BufRead, ErrorKind, Write};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Broken;

/// Bytes of one line at most. A text may be 10 MB, and JSON may write each of its bytes as six.
const LONGEST: usize = 64 * 1024 * 1024;

/// What one line asks.
pub struct Asked {
    /// Printed again as it was written.
    pub id: Option<Box<RawValue>>,
    /// Statements that ran before in the same session.
    pub prior: Vec<String>,
    /// The statement.
    pub sql: String,
}

/// A line that asks nothing: which, and what to do about it.
pub struct Malformed {
    /// Its `id`, where that much could be read.
    pub id: Option<Box<RawValue>>,
    /// Counted from 1.
    pub line: u64,
    /// A sentence for whoever wrote it.
    pub error: String,
}

/// The members that are looked at. Others are passed over; one of these twice is an error.
#[derive(Deserialize)]
struct Members {
    id: Option<Box<RawValue>>,
    prior: Option<serde_json::Value>,
    sql: Option<serde_json::Value>,
}

/// Answers every line of `input`, each as soon as it was read. A malformed line is answered too, and the rest goes on;
/// at the end it makes the whole broken.
pub fn filter<T: Serialize>(
    mut input: impl BufRead,
    mut output: impl Write,
    mut answer: impl FnMut(Result<Asked, Malformed>) -> T,
) -> Result<ExitCode, Broken> {
    let (mut lines, mut malformed) = (0_u64, 0_u64);
    let mut line = Vec::new();
    loop {
        let asked = match read_line(&mut input, &mut line)? {
            Read::End => break,
            Read::TooLong => Err(Wrong::new(format!(
                "it is longer than {LONGEST} bytes; no statement of that size is read"
            ))),
            Read::Line => asked(&line),
        };
        lines += 1;
        let asked = asked.map_err(|Wrong { id, error }| Malformed {
            id,
            line: lines,
            error: format!("line {lines}: {error}"),
        });
        malformed += u64::from(asked.is_err());
        let mut told = serde_json::to_vec(&answer(asked))?;
        told.push(b'\n');
        match output.write_all(&told).and_then(|()| output.flush()) {
            Ok(()) => {}
            // Whoever read has seen enough (`… | head`).
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error.into()),
        }
    }
    match malformed {
        0 => Ok(ExitCode::SUCCESS),
        _ => Err(Broken::new(format!(
            "{malformed} of {lines} lines could not be read; the `error` of each says what to do"
        ))),
    }
}

/// What is wrong with a line.
struct Wrong {
    id: Option<Box<RawValue>>,
    error: String,
}

impl Wrong {
    fn new(error: impl Into<String>) -> Self {
        Self { id: None, error: error.into() }
    }
}

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read {
    /// A line, perhaps an empty one.
    Line,
    /// A line of which nothing is kept.
    TooLong,
    /// Nothing more.
    End,
}

/// Reads the next line without its end into `line`. Of one that is longer than [`LONGEST`] nothing is kept.
pub fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Read, Broken> {
    line.clear();
    let (mut is_any, mut is_too_long) = (false, false);
    loop {
        let piece = match input.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if piece.is_empty() {
            break;
        }
        is_any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let (kept, _) = piece.split_at(end.unwrap_or(piece.len()));
        is_too_long |= line.len() + kept.len() > LONGEST;
        if is_too_long {
            *line = Vec::new();
        } else {
            line.extend_from_slice(kept);
        }
        let used = kept.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(match (is_any, is_too_long) {
        (false, _) => Read::End,
        (true, true) => Read::TooLong,
        (true, false) => Read::Line,
    })
}

/// Reads one line.
fn asked(line: &[u8]) -> Result<Asked, Wrong> {
    const SHAPE: &str = r#"write one JSON object a line, such as {"id": 1, "sql": "select 1"}"#;
    let text = std::str::from_utf8(line).map_err(|_| Wrong::new("it is no UTF-8 text"))?;
    if !text.trim_start().starts_with('{') {
        return Err(Wrong::new(SHAPE));
    }
    // The parser's own words may quote what was written; the place is enough to mend it.
    let Members { id, prior, sql } = serde_json::from_str(text)
        .map_err(|error| Wrong::new(format!("column {}: this is no JSON object; {SHAPE}", error.column())))?;
    let wrong = |id, error: &str| Wrong { id, error: error.to_owned() };
    let Some(serde_json::Value::String(sql)) = sql else {
        return Err(wrong(id, "`sql` is missing or no text; name the statement in `sql`"));
    };
    let prior = match prior {
        None | Some(serde_json::Value::Null) => Some(Vec::new()),
        Some(serde_json::Value::Array(prior)) => prior
            .into_iter()
            .map(|statement| match statement {
                serde_json::Value::String(statement) => Some(statement),
                serde_json::Value::Null
                | serde_json::Value::Bool(_)
                | serde_json::Value::Number(_)
                | serde_json::Value::Array(_)
                | serde_json::Value::Object(_) => None,
            })
            .collect(),
        Some(
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Object(_),
        ) => None,
    };
    match prior {
        Some(prior) => Ok(Asked { id, prior, sql }),
        None => Err(wrong(id, "`prior` is a list of statements; write them as texts in [ ]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a filter answers: the statement, or the error.
    fn answered(input: &[u8]) -> (Vec<String>, Option<u8>) {
        let mut output = Vec::new();
        let done = filter(input, &mut output, |asked| match asked {
            Ok(asked) => format!("{}{}", asked.prior.join(";"), asked.sql),
            Err(malformed) => format!("{}!", malformed.line),
        });
        let text = String::from_utf8(output).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines, done.err().map(|broken| broken.code()))
    }

    #[track_caller]
    fn check(input: &str, expected: &[&str], code: Option<u8>) {
        let (lines, found) = answered(input.as_bytes());
        assert_eq!(
            (lines, found),
            (expected.iter().map(|line| (*line).to_owned()).collect(), code),
            "{input}"
        );
    }

    #[test]
    fn every_line_is_answered_in_order() {
        check("", &[], None);
        check("{\"sql\":\"a\"}", &["a"], None);
        check(
            "{\"id\":1,\"sql\":\"a\",\"else\":[]}\r\n{\"sql\":\"b\",\"prior\":[\"c\",\"d\"]}\n",
            &["a", "c;db"],
            None,
        );
        check("{\"sql\":\"a\",\"prior\":null}\n", &["a"], None);
    }

    #[test]
    fn a_malformed_line_is_told_by_its_number_and_the_rest_goes_on() {
        for wrong in [
            "",
            "{",
            "[\"a\"]",
            "\"a\"",
            "{}",
            "{\"sql\":1}",
            "{\"sql\":\"a\",\"sql\":\"b\"}",
            "{\"sql\":\"a\",\"prior\":\"b\"}",
            "{\"sql\":\"a\",\"prior\":[1]}",
            "{\"sql\":\"\\ud800\"}",
            "{\"sql\":\"a\"} {\"sql\":\"b\"}",
        ] {
            check(&format!("{{\"sql\":\"a\"}}\n{wrong}\n{{\"sql\":\"b\"}}\n"), &["a", "2!", "b"], Some(1));
        }
        let (lines, code) = answered(b"{\"sql\":\"\xff\"}\n{\"sql\":\"b\"}\n");
        assert_eq!((lines, code), (vec!["1!".to_owned(), "b".to_owned()], Some(1)));
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let input = std::io::Read::chain(
            std::io::Read::take(std::io::repeat(b'x'), 70 * 1024 * 1024),
            &b"\n{\"sql\":\"b\"}\n"[..],
        );
        let mut told = Vec::new();
        let done = filter(std::io::BufReader::new(input), std::io::sink(), |asked| {
            told.push(asked.map(|asked| asked.sql).map_err(|malformed| malformed.error));
        });
        assert!(done.is_err());
        assert!(matches!(told.as_slice(), [Err(error), Ok(_)] if error.contains("longer than")), "{told:?}");
    }
}
