//! The rows of a stored page inside an answer: inflated, passed on, deflated, a slice at a time.
//!
//! The cells are never parsed. The agent gets the very text that was masked and recorded (invariant I8), and
//! a page of 16 MB costs a few buffers of memory (decision 15).

use std::io::{self, Read, Write};

use axum::body::Body;
use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use recording::{FormatError, decode_page};

/// Bytes that are inflated at a time: a fraction of a millisecond's work.
const SLICE: usize = 64 * 1024;

/// An answer of at most this many bytes is made at once and sent with its length.
const SMALL: u64 = 256 * 1024;

/// How SQL NULL is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nulls {
    /// As JSON null.
    Json,
    /// As the string `"null"` (`nullable=false`).
    Text,
}

/// How an answer is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// One gzip member.
    Gzip,
}

/// The body made of `head`, the rows of the page `object` as one JSON array, and `tail`.
///
/// # Errors
/// [`FormatError`] when the object is no page. A page is digest-checked before it gets here; should its body not
/// inflate all the same, the connection is broken off, so that no cut answer passes for a whole one.
pub(crate) fn body(
    head: Vec<u8>,
    object: &Bytes,
    tail: Vec<u8>,
    nulls: Nulls,
    coding: Coding,
) -> Result<Body, FormatError> {
    let page = decode_page(object)?;
    let pieces = Pieces {
        head: Some(head),
        rows: Some(GzDecoder::new(object.slice_ref(page.body).reader())),
        nulls: (nulls == Nulls::Text).then(QuotedNulls::default),
        tail: Some(tail),
        encoder: (coding == Coding::Gzip).then(|| GzEncoder::new(Vec::new(), Compression::fast())),
    };
    if page.header.size <= SMALL {
        return pieces.at_once().map(Body::from).map_err(|_| FormatError::Unreadable);
    }
    Ok(Body::from_stream(futures::stream::try_unfold(pieces, |mut pieces| async move {
        // Between two slices other agents' small answers get their turn.
        tokio::task::yield_now().await;
        let piece = pieces.next();
        if piece.is_err() {
            tracing::error!("a stored page did not inflate; its answer was broken off");
        }
        Ok::<_, io::Error>(piece?.map(|piece| (Bytes::from(piece), pieces)))
    })))
}

/// The rows of a small page, read: for the counts of a DML statement alone.
pub(crate) fn read_small(object: &Bytes) -> Option<Vec<Vec<Option<String>>>> {
    let page = decode_page(object).ok()?;
    let mut text = Vec::new();
    let size = u64::try_from(SLICE).unwrap_or(u64::MAX);
    GzDecoder::new(page.body).take(size).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// What is left of an answer.
struct Pieces {
    head: Option<Vec<u8>>,
    rows: Option<GzDecoder<Reader<Bytes>>>,
    nulls: Option<QuotedNulls>,
    tail: Option<Vec<u8>>,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Pieces {
    /// Everything in one buffer.
    fn at_once(mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.next()? {
            if all.is_empty() { all = piece } else { all.extend_from_slice(&piece) }
        }
        Ok(all)
    }

    /// The next piece as it is sent; never an empty one.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let plain = self.next_plain()?;
            let Some(encoder) = &mut self.encoder else { return Ok(plain) };
            let Some(plain) = plain else {
                let Some(encoder) = self.encoder.take() else { return Ok(None) };
                // Nothing follows; the next call finds neither rows nor an encoder.
                return encoder.finish().map(Some);
            };
            encoder.write_all(&plain)?;
            if encoder.get_ref().len() >= SLICE {
                return Ok(Some(std::mem::take(encoder.get_mut())));
            }
        }
    }

    /// The next piece before it is encoded.
    fn next_plain(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        if let Some(rows) = &mut self.rows {
            let mut slice = vec![0; SLICE];
            let read = rows.read(&mut slice)?;
            slice.truncate(read);
            if read > 0 {
                return Ok(Some(match &mut self.nulls {
                    None => slice,
                    Some(nulls) => nulls.quote(&slice),
                }));
            }
            self.rows = None;
        }
        Ok(self.tail.take())
    }
}

/// Puts quotes around every `null` of a rows text that arrives in slices.
///
/// Outside strings such a text holds brackets, commas, white space and `null` alone, so that an `n` there begins
/// a null and `u`, `l` continue it.
#[derive(Default)]
struct QuotedNulls {
    is_in_string: bool,
    is_escaped: bool,
}

impl QuotedNulls {
    fn quote(&mut self, slice: &[u8]) -> Vec<u8> {
        let mut quoted = Vec::with_capacity(slice.len().saturating_add(slice.len() / 4));
        for &byte in slice {
            if self.is_in_string {
                quoted.push(byte);
                if self.is_escaped {
                    self.is_escaped = false;
                } else if byte == b'\\' {
                    self.is_escaped = true;
                } else if byte == b'"' {
                    self.is_in_string = false;
                }
                continue;
            }
            match byte {
                b'n' => quoted.extend_from_slice(b"\"null\""),
                b'u' | b'l' => {}
                b'"' => {
                    self.is_in_string = true;
                    quoted.push(byte);
                }
                _ => quoted.push(byte),
            }
        }
        quoted
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use recording::{PageHeader, encode_page};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn object(rows: &str, body: &[u8]) -> Bytes {
        let header = PageHeader {
            exchange: format!("{}/1", "0".repeat(32)),
            part: 0,
            page: 0,
            body: "json-rows+gzip".to_owned(),
            columns: Vec::new(),
            rows: 1,
            size: u64::try_from(rows.len()).unwrap(),
        };
        Bytes::from(encode_page(&header, body).unwrap())
    }

    async fn printed(rows: &str, nulls: Nulls, coding: Coding) -> String {
        let object = object(rows, &gzip(rows.as_bytes()));
        let body = body(b"{\"data\":".to_vec(), &object, b"}".to_vec(), nulls, coding).unwrap();
        let bytes = body.collect().await.unwrap().to_bytes();
        if coding == Coding::Identity {
            return String::from_utf8(bytes.to_vec()).unwrap();
        }
        let mut text = String::new();
        let mut decoder = GzDecoder::new(bytes.as_ref());
        decoder.read_to_string(&mut text).unwrap();
        assert!(decoder.into_inner().is_empty(), "one gzip member");
        text
    }

    #[tokio::test]
    async fn the_rows_are_printed_as_they_were_stored() {
        let rows = r#"[["1","a\"b"],["2",null]]"#;
        for coding in [Coding::Identity, Coding::Gzip] {
            assert_eq!(printed(rows, Nulls::Json, coding).await, format!("{{\"data\":{rows}}}"));
        }
    }

    #[tokio::test]
    async fn a_big_page_arrives_whole_in_either_coding() {
        let row = format!(r#"["{}",null]"#, "null \\\" ".repeat(20));
        let rows = format!("[{}]", vec![row; 10_000].join(","));
        assert!(rows.len() > usize::try_from(SMALL).unwrap());
        for coding in [Coding::Identity, Coding::Gzip] {
            assert!(printed(&rows, Nulls::Json, coding).await == format!("{{\"data\":{rows}}}"));
            let quoted = rows.replace("\",null]", "\",\"null\"]");
            assert!(printed(&rows, Nulls::Text, coding).await == format!("{{\"data\":{quoted}}}"));
        }
    }

    #[tokio::test]
    async fn a_null_becomes_a_text_and_no_cell_changes() {
        let rows = r#"[[null,"null","n\"null\\",null],["\\",null]]"#;
        let quoted = r#"[["null","null","n\"null\\","null"],["\\","null"]]"#;
        assert_eq!(printed(rows, Nulls::Text, Coding::Identity).await, format!("{{\"data\":{quoted}}}"));
        // However the text is sliced.
        for at in 0..rows.len() {
            let mut nulls = QuotedNulls::default();
            let (front, back) = rows.as_bytes().split_at(at);
            assert_eq!([nulls.quote(front), nulls.quote(back)].concat(), quoted.as_bytes(), "{at}");
        }
    }

    #[tokio::test]
    async fn a_broken_page_never_passes_for_a_whole_one() {
        let small = r#"[["1"]]"#;
        let whole = gzip(small.as_bytes());
        let cut = object(small, &whole[..whole.len() - 2]);
        assert!(body(Vec::new(), &cut, Vec::new(), Nulls::Json, Coding::Identity).is_err());

        let big = format!("[{}]", vec![r#"["1"]"#; 100_000].join(","));
        let whole = gzip(big.as_bytes());
        let cut = object(&big, &whole[..whole.len() / 2]);
        let body = body(Vec::new(), &cut, Vec::new(), Nulls::Json, Coding::Gzip).unwrap();
        assert!(body.collect().await.is_err());
        assert!(
            super::body(Vec::new(), &Bytes::from_static(b"x"), Vec::new(), Nulls::Json, Coding::Gzip)
                .is_err()
        );
    }
}
