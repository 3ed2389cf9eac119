//! Reading a body within bounds: at most so many bytes as sent and inflated, and within a time.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use flate2::bufread::GzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::desks::Held;
use crate::rejected::Rejected;

/// A body as it was sent, and what it holds of everybody's bytes.
pub(crate) struct Sent {
    bytes: Vec<u8>,
    is_gzip: bool,
    limit: usize,
    held: Held,
}

/// The body; it must be there within `patience`.
///
/// # Errors
/// [`Rejected`] for more bytes, slow bytes, broken bytes and another encoding.
pub(crate) async fn read(
    held: Held,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    patience: Duration,
) -> Result<Sent, Rejected> {
    let is_gzip = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().trim_ascii()) {
        None | Some(b"" | b"identity") => false,
        Some(b"gzip") => true,
        Some(_) => return Err(Rejected::Encoding),
    };
    let mut held = held;
    let reading = async {
        let (mut body, mut bytes, mut dropped) = (body, Vec::new(), 0_usize);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Rejected::Unreadable)?.into_data() else { continue };
            if dropped == 0 && bytes.len().saturating_add(data.len()) <= limit {
                held.more(data.len())?;
                bytes.extend_from_slice(&data);
                continue;
            }
            // Who is cut off while sending never reads why: so the rest is taken, up to as much again, and thrown away.
            dropped = dropped.saturating_add(data.len());
            bytes = Vec::new();
            if dropped > limit.saturating_mul(2) {
                break;
            }
        }
        if dropped == 0 { Ok(bytes) } else { Err(Rejected::TooLarge { limit }) }
    };
    let bytes = tokio::time::timeout(patience, reading).await.map_err(|_| Rejected::Unreadable)??;
    Ok(Sent { bytes, is_gzip, limit, held })
}

impl Sent {
    /// How many bytes it may come to.
    pub fn size(&self) -> usize {
        if self.is_gzip { self.limit } else { self.bytes.len() }
    }

    /// The bytes, inflated.
    ///
    /// # Errors
    /// [`Rejected`] for more bytes than may be, and for what is no gzip.
    pub fn inflated(self) -> Result<(Vec<u8>, Held), Rejected> {
        let Self { bytes, is_gzip, limit, mut held } = self;
        if !is_gzip {
            return Ok((bytes, held));
        }
        let (mut inflated, mut decoder) = (Vec::new(), GzDecoder::new(bytes.as_slice()));
        loop {
            let before = inflated.len();
            let piece = Read::by_ref(&mut decoder).take(64 * 1024).read_to_end(&mut inflated);
            if piece.map_err(|_| Rejected::Unreadable)? == 0 {
                break;
            }
            if inflated.len() > limit {
                return Err(Rejected::TooLarge { limit });
            }
            held.more(inflated.len() - before)?;
        }
        if decoder.into_inner().is_empty() { Ok((inflated, held)) } else { Err(Rejected::Unreadable) }
    }
}

/// Reads one JSON object. A derived struct would be read from a list, too, its members by their place.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

/// A JSON text as whoever reads it sees it: what is no character (half of an emoji that a client cut) is `\u{fffd}`, and takes
/// nothing else with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lossy(pub String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Lossy;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Lossy, E> {
                Ok(Lossy(text.to_owned()))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
            }
        }

        // As bytes: for these alone JSON's halves of characters are read.
        json.deserialize_bytes(Bytes)
    }
}

/// A text that stands there alone; none where there is something else.
pub(crate) fn text_of(json: &str) -> Option<String> {
    // What is none is told so without an error's text, for it may stand there a million times.
    let is_text = json.trim_start().starts_with('"');
    if is_text { serde_json::from_str::<Lossy>(json).ok().map(|Lossy(text)| text) } else { None }
}

/// Hands on the elements of a JSON list one by one, as they lie there, without a list of them.
///
/// # Errors
/// None when it is no list of JSON, or `take` says no.
pub(crate) fn each<'a>(text: &'a str, take: &mut dyn FnMut(&'a RawValue) -> Option<()>) -> Option<()> {
    struct Each<'a, 'f>(&'f mut dyn FnMut(&'a RawValue) -> Option<()>);

    impl<'a> Visitor<'a> for Each<'a, '_> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(element) = list.next_element::<&'a RawValue>()? {
                self.0(element).ok_or_else(|| A::Error::custom("not taken"))?;
            }
            Ok(())
        }
    }

    let mut json = serde_json::Deserializer::from_str(text);
    (&mut json).deserialize_seq(Each(take)).ok()?;
    json.end().ok()
}

/// From where to where something lies in what it is a part of.
pub(crate) fn place_in(whole: &[u8], part: &[u8]) -> Option<(u32, u32)> {
    let from = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    Some((u32::try_from(from).ok()?, u32::try_from(from.checked_add(part.len())?).ok()?))
}

/// The body calls itself JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    essence(headers).is_some_and(|essence| essence == "application/json")
}

/// The media type, without parameters, in lower case.
pub(crate) fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}
