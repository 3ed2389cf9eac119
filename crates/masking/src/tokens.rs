//! Deterministic tokens: equal values of one class give equal tokens within a scope, and nothing else does.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::hmac;
use domain::MaskClass;

/// The keys of one scope's tokens, derived per class from one key that the caller gives (a session's, so that no
/// two sessions can compare tokens).
#[derive(Clone)]
pub struct TokenKeys {
    root: hmac::Key,
    epoch: Option<u32>,
}

impl TokenKeys {
    /// The keys under that root.
    ///
    /// A session's root is used up with the session, which is all the rotation that it needs.
    pub fn new(root: [u8; 32]) -> Self {
        Self { root: hmac::Key::new(hmac::HMAC_SHA256, &root), epoch: None }
    }

    /// The keys under a root that outlives sessions, in one of its epochs. A token tells its epoch
    /// (`tok_ssn_3_…`), so that whoever joins by tokens sees why two do not meet.
    pub fn of_epoch(root: [u8; 32], epoch: u32) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, &root);
        let mut context = hmac::Context::with_key(&root);
        context.update(b"snowgate token epoch v1\0");
        context.update(&epoch.to_be_bytes());
        let root = hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref());
        Self { root, epoch: Some(epoch) }
    }

    pub(crate) fn class(&self, class: &MaskClass) -> ClassKey {
        let mut context = hmac::Context::with_key(&self.root);
        context.update(b"snowgate token v1\0");
        context.update(class.as_str().as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref());
        let label: String = class
            .as_str()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .take(40)
            .collect();
        let epoch = self.epoch.map(|epoch| format!("{epoch}_")).unwrap_or_default();
        ClassKey { key, is_phone: label.contains("phone"), prefix: format!("tok_{label}_{epoch}") }
    }
}

impl fmt::Debug for TokenKeys {
    // SECURITY: whoever has the keys can try every value of a small domain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKeys(…)")
    }
}

/// The key of one class.
///
/// What a token looks like is decided here and nowhere else: tokens that keep the format of their value (FF1, NIST SP
/// 800-38G) would be another form of this, with [`token_length`](Self::token_length) the value's own.
#[derive(Clone)]
pub(crate) struct ClassKey {
    key: hmac::Key,
    is_phone: bool,
    prefix: String,
}

/// Characters of base32 in a token: 20 × 5 = 100 bits.
const TOKEN_CHARACTERS: usize = 20;

impl ClassKey {
    /// The longest token of this class, in characters.
    pub fn token_length(&self) -> usize {
        self.prefix.len().saturating_add(TOKEN_CHARACTERS)
    }

    /// Appends the token of a value.
    pub fn write_token(&self, value: &str, out: &mut String) {
        let canonical = canonical(value, self.is_phone);
        let tag = hmac::sign(&self.key, canonical.as_bytes());
        out.push_str(&self.prefix);
        let mut bits = 0_u32;
        let mut held = 0_u32;
        let mut token = [0_u8; TOKEN_CHARACTERS];
        let mut places = token.iter_mut();
        'bytes: for &byte in tag.as_ref() {
            bits = (bits << 8) | u32::from(byte);
            held += 8;
            while held >= 5 {
                held -= 5;
                match places.next() {
                    Some(place) => *place = base32((bits >> held) & 31),
                    None => break 'bytes,
                }
            }
            bits &= (1 << held) - 1;
        }
        // Letters and digits are text.
        out.push_str(std::str::from_utf8(&token).unwrap_or_default());
    }
}

fn base32(five_bits: u32) -> u8 {
    let letter = u8::try_from(five_bits & 31).unwrap_or(0);
    if letter < 26 { b'a' + letter } else { b'2' + (letter - 26) }
}

/// One spelling of what people spell in many ways: numbers lose their separators, text its case and its margins.
fn canonical(value: &str, is_phone: bool) -> String {
    let value = value.trim();
    // What is plain needs no folding, and most of it no second copy.
    let folded =
        if value.is_ascii() { Cow::Borrowed(value) } else { crate::detectors::fold_text(value).into() };
    let digits = folded.bytes().filter(u8::is_ascii_digit).count();
    let has_letters = folded.bytes().any(|b| b.is_ascii_alphabetic() || b >= 0x80);
    if digits < 5 || has_letters {
        return if folded.is_ascii() { folded.to_ascii_lowercase() } else { folded.to_lowercase() };
    }
    let mut digits = String::with_capacity(digits);
    folded.bytes().filter(u8::is_ascii_digit).for_each(|digit| digits.push(char::from(digit)));
    match digits.strip_prefix('1') {
        Some(national) if is_phone && national.len() == 10 => national.to_owned(),
        Some(_) | None => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(root: u8, class: &str, value: &str) -> String {
        let mut out = String::new();
        TokenKeys::new([root; 32]).class(&MaskClass::new(class)).write_token(value, &mut out);
        out
    }

    #[test]
    fn equal_values_of_one_class_have_one_token_however_they_are_spelt() {
        assert_eq!(token(1, "ssn", "123-45-6789"), token(1, "ssn", "123 45 6789"));
        assert_eq!(token(1, "email", "Ana@Example.com "), token(1, "email", "ana@example.com"));
        assert_eq!(token(1, "phone", "+1 415-555-0100"), token(1, "phone", "(415) 555-0100"));
    }

    #[test]
    fn another_class_scope_or_value_has_another_token() {
        let one = token(1, "ssn", "123-45-6789");
        assert_ne!(one, token(1, "tax_id", "123-45-6789"));
        assert_ne!(one, token(2, "ssn", "123-45-6789"));
        assert_ne!(one, token(1, "ssn", "123-45-6780"));
    }

    #[test]
    fn another_epoch_has_another_token_and_says_so() {
        let token = |epoch, value| {
            let mut out = String::new();
            TokenKeys::of_epoch([1; 32], epoch).class(&MaskClass::new("ssn")).write_token(value, &mut out);
            out
        };
        assert_eq!(token(3, "123-45-6789"), token(3, "123456789"));
        assert!(token(3, "123-45-6789").starts_with("tok_ssn_3_"));
        let bare = |text: String| text.chars().rev().take(20).collect::<String>();
        assert_ne!(bare(token(3, "123-45-6789")), bare(token(4, "123-45-6789")));
        assert_ne!(bare(token(0, "123-45-6789")), bare(super::tests::token(1, "ssn", "123-45-6789")));
    }

    #[test]
    fn a_token_tells_its_class_and_a_hundred_bits() {
        let one = token(1, "ssn", "123-45-6789");
        assert_eq!(one.len(), "tok_ssn_".len() + 20);
        assert!(
            one.strip_prefix("tok_ssn_").unwrap().bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
        );
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", TokenKeys::new([65; 32])), "TokenKeys(…)");
    }
}
