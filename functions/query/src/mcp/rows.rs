//! Some rows of a stored page: the very text that was masked and recorded, cut at row boundaries (invariant I8).
//!
//! A body is one JSON array of rows, each an array of strings and nulls. Strings are skipped whole, so that brackets
//! outside them are those of rows; no cell is parsed.

use std::io::Read;

use bytes::{Buf, Bytes};
use flate2::bufread::GzDecoder;
use recording::{FormatError, decode_page};
use serde_json::value::RawValue;

/// Bytes that are inflated at a time: a fraction of a millisecond's work.
const SLICE: usize = 64 * 1024;

/// Bytes of rows after which an answer holds no further one: what a model reads at once is less, and a result travels
/// twice, as text and as structure.
const ENOUGH: usize = 256 * 1024;

/// Rows of a page.
#[derive(Debug)]
pub(super) struct Rows {
    /// One JSON array of rows.
    pub text: Box<RawValue>,
    /// How many there are in it.
    pub count: u64,
}

/// At most `most` rows of the page `object` after the first `skip`; at least one where there is one.
///
/// # Errors
/// [`FormatError`] when the object is no page; it is digest-checked before it gets here.
pub(super) async fn read(object: &Bytes, skip: u64, most: u64) -> Result<Rows, FormatError> {
    let page = decode_page(object)?;
    let mut body = GzDecoder::new(object.slice_ref(page.body).reader());
    let mut cut = Cut::new(skip, most);
    let mut slice = vec![0; SLICE];
    loop {
        let read = body.read(&mut slice).map_err(|_| FormatError::Unreadable)?;
        if read == 0 {
            break;
        }
        for byte in slice.iter().take(read) {
            cut.push(*byte);
        }
        if cut.is_done {
            break;
        }
        // Between two slices other agents' small answers get their turn.
        tokio::task::yield_now().await;
    }
    cut.finish()
}

/// Cuts rows out of a text that arrives byte by byte.
struct Cut {
    skip: u64,
    most: u64,
    depth: u32,
    is_in_string: bool,
    is_escaped: bool,
    /// Rows that have begun.
    begun: u64,
    count: u64,
    text: Vec<u8>,
    is_done: bool,
}

impl Cut {
    fn new(skip: u64, most: u64) -> Self {
        Self {
            skip,
            most,
            depth: 0,
            is_in_string: false,
            is_escaped: false,
            begun: 0,
            count: 0,
            text: vec![b'['],
            is_done: most == 0,
        }
    }

    fn is_taking(&self) -> bool {
        self.depth > 1 && self.begun > self.skip
    }

    fn push(&mut self, byte: u8) {
        if self.is_done {
            return;
        }
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_string = false,
                _ => {}
            }
            if self.is_taking() {
                self.text.push(byte);
            }
            return;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'[' => {
                self.depth = self.depth.saturating_add(1);
                if self.depth == 2 {
                    self.begun = self.begun.saturating_add(1);
                    if self.is_taking() && self.count > 0 {
                        self.text.push(b',');
                    }
                }
            }
            _ => {}
        }
        if self.is_taking() {
            self.text.push(byte);
        }
        if byte == b']' {
            let was_taking = self.is_taking();
            self.depth = self.depth.saturating_sub(1);
            if self.depth == 1 && was_taking {
                self.count = self.count.saturating_add(1);
                self.is_done = self.count >= self.most || self.text.len() >= ENOUGH;
            }
        }
    }

    fn finish(mut self) -> Result<Rows, FormatError> {
        self.text.push(b']');
        let text = String::from_utf8(self.text).map_err(|_| FormatError::Unreadable)?;
        // Reads it once: a page that was cut wrong must not break the message around it.
        let text = RawValue::from_string(text).map_err(|_| FormatError::Unreadable)?;
        Ok(Rows { text, count: self.count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, skip: u64, most: u64, expected: &str, count: u64) {
        let mut cut = Cut::new(skip, most);
        text.bytes().for_each(|byte| cut.push(byte));
        let rows = cut.finish().unwrap();
        assert_eq!((rows.text.get(), rows.count), (expected, count), "{text} from {skip}, {most}");
    }

    const ROWS: &str = r#"[["1","a"],["2",null], ["],[\"\\","ü"]]"#;

    #[test]
    fn rows_are_cut_out_as_they_are_written() {
        check(ROWS, 0, 10, r#"[["1","a"],["2",null],["],[\"\\","ü"]]"#, 3);
        check(ROWS, 0, 1, r#"[["1","a"]]"#, 1);
        check(ROWS, 1, 1, r#"[["2",null]]"#, 1);
        check(ROWS, 2, 5, r#"[["],[\"\\","ü"]]"#, 1);
        check(ROWS, 3, 5, "[]", 0);
        check("[]", 0, 5, "[]", 0);
        check("[[],[]]", 0, 5, "[[],[]]", 2);
        check(ROWS, 0, 0, "[]", 0);
    }

    #[test]
    fn large_rows_end_an_answer_early_and_never_before_the_first() {
        let row = format!("[\"{}\"]", "x".repeat(ENOUGH));
        let text = format!("[{row},{row}]");
        check(&text, 0, 2, &format!("[{row}]"), 1);
    }

    #[test]
    fn what_is_no_page_is_not_passed_on() {
        let mut cut = Cut::new(0, 5);
        b"[[\"1\"".iter().for_each(|byte| cut.push(*byte));
        assert!(cut.finish().is_err());
    }
}
