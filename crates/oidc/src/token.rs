//! A token in compact form, taken apart; nothing in it is believed yet.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::keys::Key;
use crate::{Algorithm, Rejected};

/// A token in bytes, at most. Headers of a request are limited to less in most places.
const LONGEST: usize = 16 * 1024;

/// A signed JWT (RFC 7515 section 7.1) of which only the shape is known to be right.
pub(crate) struct Token<'a> {
    /// `alg`.
    pub(crate) algorithm: Algorithm,
    /// `kid`: compared with published keys, never used as a path, an address or a query.
    pub(crate) key_id: Option<String>,
    /// `typ`, as written.
    pub(crate) kind: Option<String>,
    /// `iss`: tells whose keys to try, and is looked at again once the signature is known to be good.
    pub(crate) issuer: String,
    /// The claims, as the signature covers them.
    pub(crate) payload: Vec<u8>,
    message: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    // SECURITY: everything here happens before the presenter is known; the length comes first, and the work
    // stays proportional to it.
    pub(crate) fn read(text: &'a str) -> Result<Self, Rejected> {
        if text.len() > LONGEST {
            return Err(Rejected::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Rejected::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Rejected::Malformed)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Rejected::Malformed)?;
        if header.asks_for_more() {
            return Err(Rejected::Header);
        }
        let algorithm = header.alg.parse().map_err(|_| Rejected::Algorithm)?;
        // A third dot would stand in the payload here, where the strict alphabet refuses it.
        let payload = decoded(payload)?;
        let Claims { iss } = serde_json::from_slice(&payload).map_err(|_| Rejected::Malformed)?;
        Ok(Self { algorithm, key_id: header.kid, kind: header.typ, issuer: iss, payload, message, signature })
    }

    /// Whether the key made the signature, with the algorithm that the header names.
    pub(crate) fn is_signed_by(&self, key: &Key) -> bool {
        key.verifies(self.algorithm, self.message, self.signature)
    }
}

impl fmt::Debug for Token<'_> {
    // SECURITY: whoever reads a token can use it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The parts of a header that mean something here. A known name that stands twice is an error; unknown names
/// are ignored, as RFC 7515 section 4 wants.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
    #[serde(default, deserialize_with = "present")]
    jku: bool,
    #[serde(default, deserialize_with = "present")]
    jwk: bool,
    #[serde(default, deserialize_with = "present")]
    x5u: bool,
    #[serde(default, deserialize_with = "present")]
    x5c: bool,
}

impl Header {
    /// Whether the token wants to be read in a way that is not supported, or brings a key along.
    // SECURITY: keys come from the configured issuer alone. Such headers would be ignored anyway; a token that
    // tries is refused, so that operators see it.
    fn asks_for_more(&self) -> bool {
        self.crit || self.b64 || self.jku || self.jwk || self.x5u || self.x5c
    }
}

/// The one claim that is needed before the signature can be checked.
#[derive(Deserialize)]
struct Claims {
    iss: String,
}

/// True for any value, `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|IgnoredAny| true)
}

/// Decodes base64url without padding, strictly: no other alphabet, no white space, no stray bits at the end.
fn decoded(part: &str) -> Result<Vec<u8>, Rejected> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejected::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    #[track_caller]
    fn check(header: &str, payload: &str, expected: Rejected) {
        let text = format!("{}.{}.AAAA", encoded(header), encoded(payload));
        assert_eq!(Token::read(&text).unwrap_err(), expected);
    }

    #[test]
    fn only_a_supported_header_is_read_further() {
        let payload = r#"{"iss":"https://login.example"}"#;
        check(r#"{"alg":"none"}"#, payload, Rejected::Algorithm);
        check(r#"{"alg":"None"}"#, payload, Rejected::Algorithm);
        check(r#"{"alg":"HS256"}"#, payload, Rejected::Algorithm);
        check(r#"{"alg":"ES256","crit":["exp"]}"#, payload, Rejected::Header);
        check(r#"{"alg":"ES256","crit":null}"#, payload, Rejected::Header);
        check(r#"{"alg":"ES256","jku":"https://evil.example/keys"}"#, payload, Rejected::Header);
        check(r#"{"alg":"ES256","x5u":"https://evil.example/chain"}"#, payload, Rejected::Header);
        check(r#"{"alg":"ES256","jwk":{"kty":"EC"}}"#, payload, Rejected::Header);
        check(r#"{"alg":"ES256","x5c":[]}"#, payload, Rejected::Header);
        check(r#"{"alg":"ES256","b64":false}"#, payload, Rejected::Header);
        check(r#"{"alg":"none","alg":"ES256"}"#, payload, Rejected::Malformed);
        check(r#"{"alg":"ES256","kid":"a","kid":"b"}"#, payload, Rejected::Malformed);
        check(r#"{"alg":["ES256"]}"#, payload, Rejected::Malformed);
        check(r#"{"kid":"a"}"#, payload, Rejected::Malformed);
        check(r#"{"alg":"ES256","kid":7}"#, payload, Rejected::Malformed);
        check("[]", payload, Rejected::Malformed);
    }

    #[test]
    fn only_strict_base64url_in_three_parts_is_a_token() {
        let (header, payload) = (encoded(r#"{"alg":"ES256"}"#), encoded(r#"{"iss":"https://a.example"}"#));
        assert!(Token::read(&format!("{header}.{payload}.AAAA")).is_ok());
        for text in [
            String::new(),
            ".".into(),
            "..".into(),
            "opaque-token".into(),
            format!("{header}.{payload}"),
            format!("{header}.{payload}.AAAA.AAAA"),
            format!("{header}.{payload}.AAAA.AAAA.AAAA"),
            format!("{header}=.{payload}.AAAA"),
            format!(" {header}.{payload}.AAAA"),
            format!("{header}\n.{payload}.AAAA"),
            format!("{header}+.{payload}.AAAA"),
            format!("{header}.{}.AAAA", encoded(r#"{"iss":["https://a.example"]}"#)),
            format!("{header}.{}.AAAA", encoded(r#"{"iss":"https://a.example","iss":"https://b.example"}"#)),
            format!("{header}.{}.AAAA", encoded("{}")),
        ] {
            assert_eq!(Token::read(&text).unwrap_err(), Rejected::Malformed, "{text}");
        }
    }

    #[test]
    fn a_huge_token_is_refused_before_it_is_read() {
        assert_eq!(Token::read(&"A".repeat(200 * 1024)).unwrap_err(), Rejected::TooLong);
        assert_eq!(Token::read(&"A".repeat(LONGEST + 1)).unwrap_err(), Rejected::TooLong);
        assert_eq!(Token::read(&"A".repeat(LONGEST)).unwrap_err(), Rejected::Malformed);
    }
}
