//! `application/x-www-form-urlencoded`, as RFC 6749 appendix B uses it.

use std::collections::BTreeMap;

/// The fields of a form; none when it is malformed, or names a field twice (RFC 6749 section 3.2).
pub(super) fn fields(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let body = std::str::from_utf8(body).ok()?;
    let mut fields = BTreeMap::new();
    for field in body.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        if fields.insert(decoded(name)?, decoded(value)?).is_some() {
            return None;
        }
    }
    Some(fields)
}

/// One name or value with `+` and `%XX` undone.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_and_curl_write_it() {
        let fields = fields(b"scope=sql%3Aread+sql%3awrite&for=ana%2Bx@corp.example&empty=&&bare").unwrap();
        assert_eq!(fields["scope"], "sql:read sql:write");
        assert_eq!(fields["for"], "ana+x@corp.example");
        assert_eq!((fields["empty"].as_str(), fields["bare"].as_str()), ("", ""));
    }

    #[test]
    fn a_doubtful_form_is_no_form() {
        for body in [&b"a=1&a=2"[..], b"a=1&%61=2", b"a=%", b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert_eq!(fields(body), None);
        }
    }
}
