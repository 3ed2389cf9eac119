//! Percent-encoding (RFC 3986 section 2.1).

/// Decodes; a `%` that no two hexadecimal digits follow stands for itself.
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                decoded.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// Encodes all but unreserved characters, so that the result may stand in a query and in a header.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for nibble in [byte >> 4, byte & 15] {
                encoded
                    .extend(char::from_digit(u32::from(nibble), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    encoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_decodes_to_itself() {
        for text in ["", "a-1.~_", "a b&c=d\"<>%é", "100%"] {
            assert_eq!(decode(encode(text).as_bytes()), text.as_bytes(), "{text}");
        }
        assert_eq!(encode("a\"<é"), "a%22%3C%C3%A9");
    }

    #[test]
    fn a_lone_percent_sign_is_one() {
        for (text, expected) in
            [("100% a", "100% a"), ("%4", "%4"), ("%zz", "%zz"), ("%41", "A"), ("%%41", "%A")]
        {
            assert_eq!(decode(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }
}
