//! Finds the rows in the byte stream of an answer, and tells them from all the rest.
//!
//! An answer is one JSON object, its fields in any order, one of which may be `data`: an array of rows, each an
//! array of strings and nulls (Snowflake SQL API, "ResultSet", format `jsonv2`). [`Scanner`] is pushed the bytes
//! as they come and hands on the text of that array unchanged; everything else is the *envelope*, small, kept
//! whole and read by serde when the object has ended.
//!
//! SECURITY: what is handed on is the grammar above and nothing else. A number, an object or a nested array where
//! a cell belongs, a second `data`, a key that hides behind escapes, bytes after the end: each is an error.

use memchr::memchr2;
use thiserror::Error;

/// Why a body is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub(crate) struct Garbled(pub(crate) &'static str);

/// Where in the object the next byte lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Before,
    FirstKey,
    NextKey,
    Key,
    Colon,
    ValueStart,
    Value,
    ValueText,
    ValueEscape,
    Rows(Cell),
    AfterValue,
    After,
}

/// Where in the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cell {
    Open,
    FirstRow,
    NextRow,
    Start,
    Text,
    Escape,
    /// So many letters of `null` were seen.
    Null(u8),
    Ended,
    RowEnded,
    End,
}

/// Reads one body.
pub(crate) struct Scanner {
    place: Place,
    depth: u32,
    key: Vec<u8>,
    is_data: bool,
    has_data: bool,
    rows: u64,
    envelope: Vec<u8>,
    envelope_bound: usize,
    utf8: Utf8,
}

/// What a body held beside its rows.
pub(crate) struct Envelope {
    /// The object, its `data` emptied.
    pub(crate) json: Vec<u8>,
    /// Whether it had a `data`.
    pub(crate) has_data: bool,
    /// How many rows that had.
    pub(crate) rows: u64,
}

impl Scanner {
    /// A scanner that keeps at most so many bytes of the envelope.
    pub(crate) fn new(envelope_bound: usize) -> Self {
        Self {
            place: Place::Before,
            depth: 0,
            key: Vec::new(),
            is_data: false,
            has_data: false,
            rows: 0,
            envelope: Vec::new(),
            envelope_bound,
            utf8: Utf8::default(),
        }
    }

    /// Reads further bytes, appending to `rows` what belongs to the text of the `data` array, brackets and all.
    pub(crate) fn push(&mut self, bytes: &[u8], rows: &mut Vec<u8>) -> Result<(), Garbled> {
        self.utf8.push(bytes)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Place::Rows(cell) = self.place {
                let (cell, tail) = self.scan_rows(cell, rest)?;
                rows.extend_from_slice(taken(rest, tail));
                rest = tail;
                if cell == Cell::End {
                    // An emptied array stands in the envelope for the rows.
                    self.keep(b"[]")?;
                    self.place = Place::AfterValue;
                } else {
                    self.place = Place::Rows(cell);
                }
            } else {
                let tail = self.scan_envelope(rest)?;
                self.keep(taken(rest, tail))?;
                rest = tail;
            }
        }
        Ok(())
    }

    /// Ends the body, which must be whole.
    pub(crate) fn finish(self) -> Result<Envelope, Garbled> {
        self.utf8.finish()?;
        if self.place != Place::After {
            return Err(Garbled("it ends early"));
        }
        Ok(Envelope { json: self.envelope, has_data: self.has_data, rows: self.rows })
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Garbled> {
        if self.envelope.len().saturating_add(bytes.len()) > self.envelope_bound {
            return Err(Garbled("it holds too much beside its rows"));
        }
        self.envelope.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads until the rows begin or the bytes end; answers what is left. What the envelope means is serde's to say
    /// later: here only strings and depth are told apart, which finds the same ends in everything that serde accepts.
    fn scan_envelope<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Garbled> {
        let mut rest = bytes;
        while let Some((&byte, tail)) = rest.split_first() {
            let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            self.place = match (self.place, byte) {
                (Place::Before, b'{') => Place::FirstKey,
                (Place::FirstKey, b'}') => Place::After,
                (Place::FirstKey | Place::NextKey, b'"') => {
                    self.key.clear();
                    Place::Key
                }
                (Place::Key, b'"') => {
                    self.is_data = self.key == b"data";
                    Place::Colon
                }
                (Place::Key, b'\\') => return Err(Garbled("a field's name is escaped")),
                (Place::Key, _) if self.key.len() > 256 => return Err(Garbled("a field's name is too long")),
                (Place::Key, _) => {
                    self.key.push(byte);
                    Place::Key
                }
                (Place::Colon, b':') => Place::ValueStart,
                (place @ (Place::Before | Place::FirstKey | Place::NextKey | Place::Colon), _)
                    if is_space =>
                {
                    place
                }
                (place @ (Place::ValueStart | Place::AfterValue | Place::After), _) if is_space => place,
                (Place::ValueStart, b'[') if self.is_data => {
                    if self.has_data {
                        return Err(Garbled("it has two `data`"));
                    }
                    self.has_data = true;
                    // The bracket belongs to the rows.
                    self.place = Place::Rows(Cell::Open);
                    return Ok(rest);
                }
                (Place::ValueStart, _) if self.is_data => return Err(Garbled("its `data` is no array")),
                (Place::ValueStart | Place::Value, b'"') => Place::ValueText,
                (Place::ValueStart | Place::Value, b'{' | b'[') => {
                    self.depth = self.depth.saturating_add(1);
                    Place::Value
                }
                (Place::Value, b'}' | b']') if self.depth > 0 => {
                    self.depth -= 1;
                    Place::Value
                }
                (Place::Value | Place::AfterValue, b',') if self.depth == 0 => Place::NextKey,
                (Place::Value | Place::AfterValue, b'}') => Place::After,
                (Place::ValueStart | Place::Value, _) => Place::Value,
                (Place::ValueText, b'"') => Place::Value,
                (Place::ValueText, b'\\') => Place::ValueEscape,
                (Place::ValueText | Place::ValueEscape, _) => Place::ValueText,
                (Place::After, _) => return Err(Garbled("bytes follow its end")),
                (
                    Place::Before
                    | Place::FirstKey
                    | Place::NextKey
                    | Place::Colon
                    | Place::AfterValue
                    | Place::Rows(_),
                    _,
                ) => return Err(Garbled("it is no JSON object")),
            };
            rest = tail;
        }
        Ok(rest)
    }

    /// Reads until the rows end or the bytes end.
    fn scan_rows<'a>(&mut self, mut cell: Cell, bytes: &'a [u8]) -> Result<(Cell, &'a [u8]), Garbled> {
        let mut rest = bytes;
        loop {
            if cell == Cell::Text {
                let (text, tail) = rest.split_at(memchr2(b'"', b'\\', rest).unwrap_or(rest.len()));
                if text.iter().any(|byte| *byte < 0x20) {
                    return Err(Garbled("a cell holds a bare control character"));
                }
                rest = tail;
            }
            let Some((&byte, tail)) = rest.split_first() else { return Ok((cell, rest)) };
            cell = match (cell, byte) {
                (Cell::Text, b'"') => Cell::Ended,
                (Cell::Text, b'\\') => Cell::Escape,
                (Cell::Text, _) => Cell::Text,
                (Cell::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u') => Cell::Text,
                (Cell::Start, b'"') => Cell::Text,
                (Cell::Start, b'n') => Cell::Null(1),
                (Cell::Null(1), b'u') => Cell::Null(2),
                (Cell::Null(2), b'l') => Cell::Null(3),
                (Cell::Null(3), b'l') => Cell::Ended,
                (Cell::Ended, b',') => Cell::Start,
                (Cell::Ended, b']') => {
                    self.rows = self.rows.saturating_add(1);
                    Cell::RowEnded
                }
                (Cell::RowEnded, b',') => Cell::NextRow,
                (Cell::Open, b'[') => Cell::FirstRow,
                (Cell::FirstRow | Cell::NextRow, b'[') => Cell::Start,
                (Cell::FirstRow | Cell::RowEnded, b']') => return Ok((Cell::End, tail)),
                (
                    Cell::Start | Cell::Ended | Cell::RowEnded | Cell::FirstRow | Cell::NextRow,
                    b' ' | b'\t' | b'\n' | b'\r',
                ) => cell,
                (
                    Cell::Open
                    | Cell::Escape
                    | Cell::Start
                    | Cell::Null(_)
                    | Cell::Ended
                    | Cell::RowEnded
                    | Cell::FirstRow
                    | Cell::NextRow
                    | Cell::End,
                    _,
                ) => return Err(Garbled("its rows are not arrays of strings and nulls")),
            };
            rest = tail;
        }
    }
}

/// What of `whole` lies before `tail`, which is its end.
fn taken<'a>(whole: &'a [u8], tail: &[u8]) -> &'a [u8] {
    whole.get(..whole.len() - tail.len()).unwrap_or_default()
}

/// Checks UTF-8 over a stream whose pieces may end within a character.
#[derive(Default)]
struct Utf8 {
    begun: Vec<u8>,
}

impl Utf8 {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Garbled> {
        let mut rest = bytes;
        while !self.begun.is_empty() {
            let Some((&byte, tail)) = rest.split_first() else { return Ok(()) };
            self.begun.push(byte);
            rest = tail;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(Garbled("it is not UTF-8")),
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                self.begun.extend_from_slice(rest.get(error.valid_up_to()..).unwrap_or_default());
                Ok(())
            }
            Err(_) => Err(Garbled("it is not UTF-8")),
        }
    }

    fn finish(&self) -> Result<(), Garbled> {
        if self.begun.is_empty() { Ok(()) } else { Err(Garbled("it ends within a character")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Scans the body cut into pieces of that size.
    fn scan(body: &[u8], piece: usize) -> Result<(String, Envelope), Garbled> {
        let mut scanner = Scanner::new(10_000);
        let mut rows = Vec::new();
        for piece in body.chunks(piece) {
            scanner.push(piece, &mut rows)?;
        }
        Ok((String::from_utf8(rows).unwrap(), scanner.finish()?))
    }

    #[track_caller]
    fn check(body: &str, rows: &str, count: u64) {
        for piece in [1, 2, 3, 7, 10_000] {
            let (found, envelope) = scan(body.as_bytes(), piece).unwrap();
            assert_eq!(found, rows, "in pieces of {piece}");
            assert_eq!(envelope.rows, count);
            serde_json::from_slice::<serde_json::Value>(&envelope.json).unwrap();
        }
    }

    #[track_caller]
    fn check_garbled(body: &str) {
        for piece in [1, 3, 10_000] {
            assert!(scan(body.as_bytes(), piece).is_err(), "{body}");
        }
    }

    #[test]
    fn rows_are_found_wherever_they_stand_among_the_fields() {
        check(r#"{"data":[["1",null],["2","x"]]}"#, r#"[["1",null],["2","x"]]"#, 2);
        check(r#" { "code" : "1", "data" : [ ["a"] ] , "x":{"data":[1]} } "#, r#"[ ["a"] ]"#, 1);
        check(r#"{"x":"\"data\":[[1]]","y":[{"data":"}"}],"data":[]}"#, "[]", 0);
        check(r#"{"n":1,"t":true,"data":[["\u00e9\"]","]"]],"z":null}"#, r#"[["\u00e9\"]","]"]]"#, 1);
    }

    #[test]
    fn a_body_without_rows_is_all_envelope() {
        let (rows, envelope) = scan(br#"{"code":"333334"}"#, 4).unwrap();
        assert_eq!((rows.as_str(), envelope.has_data), ("", false));
    }

    #[test]
    fn what_is_no_row_of_texts_and_nulls_is_refused() {
        for data in [
            "[[1]]",
            "[[true]]",
            "[[{}]]",
            "[[[\"a\"]]]",
            "[\"a\"]",
            "[[]]",
            "[[\"a\",]]",
            "[[\"a\"],]",
            "{}",
            "null",
            "\"[]\"",
            "[[nul]]",
            "[[nulll]]",
            "[[\"\u{1}\"]]",
            "[[\"\\x\"]]",
            "[[\"a\"][\"b\"]]",
        ] {
            check_garbled(&format!(r#"{{"data":{data}}}"#));
        }
    }

    #[test]
    fn a_body_that_hides_ends_early_or_goes_on_is_refused() {
        check_garbled(r#"{"data":[["1"]],"data":[["2"]]}"#);
        check_garbled(r#"{"d\u0061ta":[["1"]]}"#);
        check_garbled(r#"{"data":[["1"]]} x"#);
        check_garbled(r#"{"data":[["1"]]}{}"#);
        check_garbled(r#"{"data":[["1"]"#);
        check_garbled(r#"{"data":[["1"]]"#);
        check_garbled("<html>");
        check_garbled("");
        assert!(scan(b"{\"data\":[[\"\xff\"]]}", 3).is_err());
        assert!(scan(b"{\"x\":\"\xc3\"}", 3).is_err());
    }

    #[test]
    fn an_envelope_beyond_its_bound_is_refused() {
        let body = format!(r#"{{"x":"{}"}}"#, "a".repeat(20_000));
        assert!(scan(body.as_bytes(), 4096).is_err());
        let rows = format!(r#"{{"data":[["{}"]]}}"#, "a".repeat(20_000));
        assert!(scan(rows.as_bytes(), 4096).is_ok(), "rows are not the envelope");
    }

    proptest! {
        #[test]
        fn the_rows_found_are_those_that_serde_finds(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of(any::<String>()), 1..4), 0..5),
            before in any::<String>(),
            piece in 1_usize..40,
        ) {
            let body = serde_json::json!({ "a": [before.clone()], "data": rows.clone(), "z": { "data": before } });
            let (found, envelope) = scan(body.to_string().as_bytes(), piece).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Vec<Option<String>>>>(&found).unwrap(), rows.clone());
            prop_assert_eq!(envelope.rows, rows.len() as u64);
        }

        #[test]
        fn whatever_is_accepted_is_rows_and_nothing_panics(body in r#"[{}\[\]",:a-dnul\\ t0-1]{0,40}"#, piece in 1_usize..9) {
            if let Ok((found, envelope)) = scan(body.as_bytes(), piece) && envelope.has_data {
                let read = serde_json::from_str::<Vec<Vec<Option<String>>>>(&found);
                prop_assert!(read.is_ok() || found.contains("\\u"));
            }
        }
    }
}
