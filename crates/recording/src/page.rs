//! A piece of a result, as stored.

use std::fmt;
use std::io::Read;

use flate2::bufread::GzDecoder;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::envelope::FormatError;
use crate::plan::ColumnRecord;

/// The first line of every page object.
pub const PAGE_FORMAT: &str = "snowgate-page/1";

/// A page object is three parts: the line `snowgate-page/1`, one line of JSON (this header), and the body: one gzip
/// member whose content is a JSON array of rows, each an array of strings and nulls in Snowflake's `jsonv2`
/// spelling, already masked.
///
/// A page is written once, and the agent is served from these very bytes (invariant I8).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageHeader {
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// Which statement of the exchange, from 0.
    pub part: u32,
    /// Which page of its result, from 0.
    pub page: u32,
    /// `json-rows+gzip`.
    pub body: String,
    /// The columns.
    pub columns: Vec<ColumnRecord>,
    /// Rows in the body.
    pub rows: u64,
    /// Bytes of the body, inflated.
    pub size: u64,
}

/// A page read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<'a> {
    /// Its header.
    pub header: PageHeader,
    /// The gzip member.
    pub body: &'a [u8],
}

/// The page object.
///
/// # Errors
/// [`FormatError::Unreadable`] when the header cannot be written as JSON (it always can).
pub fn encode_page(header: &PageHeader, body: &[u8]) -> Result<Vec<u8>, FormatError> {
    let header = serde_json::to_vec(header).map_err(|_| FormatError::Unreadable)?;
    let mut object = Vec::with_capacity(PAGE_FORMAT.len() + header.len() + body.len() + 2);
    object.extend_from_slice(PAGE_FORMAT.as_bytes());
    object.push(b'\n');
    object.extend_from_slice(&header);
    object.push(b'\n');
    object.extend_from_slice(body);
    Ok(object)
}

/// Reads a page object.
///
/// # Errors
/// [`FormatError::Unreadable`] when it is no page of a known version.
pub fn decode_page(object: &[u8]) -> Result<Page<'_>, FormatError> {
    let mut lines = object.splitn(3, |byte| *byte == b'\n');
    let (Some(format), Some(header), Some(body)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(FormatError::Unreadable);
    };
    if format != PAGE_FORMAT.as_bytes() {
        return Err(FormatError::Unreadable);
    }
    let header = serde_json::from_slice(header).map_err(|_| FormatError::Unreadable)?;
    Ok(Page { header, body })
}

/// Hands over the rows of a page one after the other, so that no more than one of them need be held.
///
/// # Errors
/// [`FormatError::Unreadable`] when its body is no rows, or other than its header says: rows that came before were handed over.
pub fn each_row(page: &Page<'_>, take: &mut dyn FnMut(Vec<Option<String>>)) -> Result<(), FormatError> {
    let text = page_text(page)?;
    let mut json = serde_json::Deserializer::from_slice(&text);
    let rows = EachRow { take, count: 0 }.deserialize(&mut json).and_then(|count| json.end().map(|()| count));
    if rows.is_ok_and(|count| count == page.header.rows) { Ok(()) } else { Err(FormatError::Unreadable) }
}

/// Reads an array without keeping it.
struct EachRow<'a> {
    take: &'a mut dyn FnMut(Vec<Option<String>>),
    count: u64,
}

impl<'de> DeserializeSeed<'de> for EachRow<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EachRow<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<u64, A::Error> {
        while let Some(row) = rows.next_element()? {
            (self.take)(row);
            self.count = self.count.saturating_add(1);
        }
        Ok(self.count)
    }
}

/// The text of a page's rows.
///
/// # Errors
/// [`FormatError::Unreadable`] when the body is not one gzip member of exactly the size that the header says.
pub(crate) fn page_text(page: &Page<'_>) -> Result<Vec<u8>, FormatError> {
    // Nothing bounds the header's own word but the digest over it; one byte more would be a lie.
    let mut member = GzDecoder::new(page.body);
    let mut text = Vec::new();
    member
        .by_ref()
        .take(page.header.size.saturating_add(1))
        .read_to_end(&mut text)
        .map_err(|_| FormatError::Unreadable)?;
    let is_whole = text.len() as u64 == page.header.size && member.into_inner().is_empty();
    if is_whole { Ok(text) } else { Err(FormatError::Unreadable) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[track_caller]
    fn check(text: &str, rows: u64, expected: Option<usize>) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let body = gzip.finish().unwrap();
        let header = PageHeader {
            exchange: format!("{}/1", "a".repeat(32)),
            part: 0,
            page: 0,
            body: "json-rows+gzip".to_owned(),
            columns: Vec::new(),
            rows,
            size: text.len() as u64,
        };
        let mut found = 0;
        let all = each_row(&Page { header, body: &body }, &mut |_| found += 1);
        assert_eq!(all.ok().map(|()| found), expected, "{text}");
    }

    #[test]
    fn rows_are_handed_over_one_by_one_and_what_is_none_is_told() {
        check(r#"[["a",null],["b","c"]]"#, 2, Some(2));
        check("[]", 0, Some(0));
        for (text, rows) in [
            (r#"[["a"],["b"]]"#, 1),
            (r#"[["a"]]"#, 2),
            (r#"[["a"],[1]]"#, 2),
            (r#"[["a"],["b"]"#, 2),
            (r#"[["a"]]]"#, 1),
            (r#"{"rows":[["a"]]}"#, 1),
            ("", 0),
        ] {
            check(text, rows, None);
        }
    }
}
