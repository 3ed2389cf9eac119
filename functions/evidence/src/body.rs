//! Reading a body within bounds: at most so many bytes as sent and inflated, and within a time.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use flate2::bufread::GzDecoder;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;

use crate::rejected::Rejected;

/// The body, inflated; it must be there within `patience`.
///
/// # Errors
/// [`Rejected`] for more bytes, slow bytes, broken bytes and another encoding.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    patience: Duration,
) -> Result<Vec<u8>, Rejected> {
    let is_gzip = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().trim_ascii()) {
        None | Some(b"" | b"identity") => false,
        Some(b"gzip") => true,
        Some(_) => return Err(Rejected::Encoding),
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|announced: usize| announced > limit) {
        return Err(Rejected::TooLarge { limit });
    }
    let sent = match tokio::time::timeout(patience, Limited::new(body, limit).collect()).await {
        Err(_) => return Err(Rejected::Unreadable),
        Ok(Ok(sent)) => sent.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(Rejected::TooLarge { limit });
        }
        Ok(Err(_)) => return Err(Rejected::Unreadable),
    };
    if !is_gzip {
        return Ok(sent.to_vec());
    }
    let mut inflated = Vec::new();
    let mut decoder = GzDecoder::new(sent.as_ref());
    // One byte more than allowed tells a bomb from what just fits.
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    Read::by_ref(&mut decoder).take(bound).read_to_end(&mut inflated).map_err(|_| Rejected::Unreadable)?;
    if inflated.len() > limit {
        return Err(Rejected::TooLarge { limit });
    }
    if decoder.into_inner().is_empty() { Ok(inflated) } else { Err(Rejected::Unreadable) }
}

/// Reads one JSON object. A derived struct would be read from a list, too, its members by their place.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None }
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
