//! The outermost form of openings and closings.

use aws_lc_rs::digest;
use domain::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

/// Bytes of an opening or a closing, as stored, at most: whoever looks for records later reads no more of any.
pub const LONGEST: usize = 8 << 20;

/// Why an object is no record.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    /// It is not the JSON that we write.
    #[error("not a record of a known version")]
    Unreadable,
    /// Its content does not have the digest that it carries.
    #[error("the content does not have the digest that stands beside it")]
    Digest,
}

/// An opening or closing as stored: one JSON object, `{"digest":"sha256:…","record":{…}}`, one line, with a
/// line feed at its end.
///
/// The digest is over the exact bytes of `record` as they stand in the object, so that a reader needs no
/// canonical form. Until records are signed it guards against damage and careless edits, not against whoever can
/// also compute a digest; a signed log will carry this digest as its leaf.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    digest: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// A record as it lies in a store, with the digest of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// The record.
    pub record: T,
    /// The digest of its bytes as stored.
    pub digest: Digest,
}

/// SHA-256 of bytes that hold no secret.
pub fn digest_of(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
    Digest::from_bytes(out)
}

/// The bytes to store, and the digest that they carry.
///
/// # Errors
/// [`FormatError::Unreadable`] when the record cannot be written as JSON (no record type of this crate fails so).
pub fn encode<T: Serialize>(record: &T) -> Result<(Vec<u8>, Digest), FormatError> {
    let body = serde_json::to_vec(record).map_err(|_| FormatError::Unreadable)?;
    let digest = digest_of(&body);
    Ok((wrap(&body, digest), digest))
}

fn wrap(body: &[u8], digest: Digest) -> Vec<u8> {
    let mut object = Vec::with_capacity(body.len() + 112);
    object.extend_from_slice(b"{\"digest\":\"");
    object.extend_from_slice(digest.to_string().as_bytes());
    object.extend_from_slice(b"\",\"record\":");
    object.extend_from_slice(body);
    object.extend_from_slice(b"}\n");
    object
}

/// Reads a stored object back and checks its digest.
///
/// # Errors
/// [`FormatError::Digest`] when the content was altered, [`FormatError::Unreadable`] when it is no record.
pub fn decode<T: DeserializeOwned>(object: &[u8]) -> Result<Stored<T>, FormatError> {
    let envelope: Envelope<'_> = serde_json::from_slice(object).map_err(|_| FormatError::Unreadable)?;
    let digest = digest_of(envelope.record.get().as_bytes());
    if envelope.digest.parse() != Ok(digest) {
        return Err(FormatError::Digest);
    }
    // The digest covers the record alone; no byte around it may differ either, or something was edited.
    if object != wrap(envelope.record.get().as_bytes(), digest) {
        return Err(FormatError::Unreadable);
    }
    let record = serde_json::from_str(envelope.record.get()).map_err(|_| FormatError::Unreadable)?;
    Ok(Stored { record, digest })
}

/// Reads a record's version. A record of another version may mean something else by the same fields.
pub(crate) fn version_1<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        1 => Ok(1),
        _ => Err(serde::de::Error::custom("another version")),
    }
}
