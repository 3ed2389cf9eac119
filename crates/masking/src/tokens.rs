//! Deterministic tokens: equal values of one class give equal tokens within a scope, and nothing else does.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::hmac;
use domain::MaskClass;

/// The keys of tokens, derived per class from keys that the caller gives: a session's, so that no two sessions can compare
/// tokens; and, where it has one, the key of tokens that outlive sessions.
#[derive(Clone)]
pub struct TokenKeys {
    session: hmac::Key,
    shared: Option<hmac::Key>,
}

impl TokenKeys {
    /// The keys under a session's root, which is used up with the session: that is all the rotation that it needs. There
    /// are no shared tokens; what should become one is redacted.
    pub fn new(session: [u8; 32]) -> Self {
        Self { session: hmac::Key::new(hmac::HMAC_SHA256, &session), shared: None }
    }

    /// With the root of tokens that outlive sessions.
    #[must_use]
    pub fn with_shared(self, root: [u8; 32]) -> Self {
        Self { shared: Some(hmac::Key::new(hmac::HMAC_SHA256, &root)), ..self }
    }

    pub(crate) fn class(&self, class: &MaskClass) -> ClassKey {
        Self::key_of(&self.session, class, "")
    }

    /// The key of a class for all sessions, in one epoch. A token tells its epoch (`tok_ssn_3_…`), so that whoever joins by
    /// tokens sees why two do not meet. None without the root of such tokens.
    pub(crate) fn shared_class(&self, epoch: u32, class: &MaskClass) -> Option<ClassKey> {
        let mut context = hmac::Context::with_key(self.shared.as_ref()?);
        context.update(b"snowgate token epoch v1\0");
        context.update(&epoch.to_be_bytes());
        let root = hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref());
        Some(Self::key_of(&root, class, &format!("{epoch}_")))
    }

    fn key_of(root: &hmac::Key, class: &MaskClass, epoch: &str) -> ClassKey {
        let mut context = hmac::Context::with_key(root);
        context.update(b"snowgate token v1\0");
        context.update(class.as_str().as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref());
        let label: String = class
            .as_str()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .take(40)
            .collect();
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
            let keys = TokenKeys::new([9; 32]).with_shared([1; 32]);
            keys.shared_class(epoch, &MaskClass::new("ssn")).unwrap().write_token(value, &mut out);
            out
        };
        assert_eq!(token(3, "123-45-6789"), token(3, "123456789"));
        assert!(token(3, "123-45-6789").starts_with("tok_ssn_3_"));
        let bare = |text: String| text.chars().rev().take(20).collect::<String>();
        assert_ne!(bare(token(3, "123-45-6789")), bare(token(4, "123-45-6789")));
        assert_ne!(bare(token(0, "123-45-6789")), bare(super::tests::token(1, "ssn", "123-45-6789")));
    }

    #[test]
    fn without_their_root_there_are_no_shared_tokens() {
        assert!(TokenKeys::new([1; 32]).shared_class(1, &MaskClass::new("ssn")).is_none());
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
