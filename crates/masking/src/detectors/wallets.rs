//! Addresses of crypto currencies.

use aws_lc_rs::digest;

use super::Kind;
use crate::lexical::{at, part};

/// Whether a long word is a wallet's address.
pub(super) fn of_word(text: &[u8], start: usize, end: usize, is_named: impl Fn() -> bool) -> Option<Kind> {
    let word = part(text, start, end);
    let is_found = match word {
        [b'0', b'x' | b'X', rest @ ..] => {
            rest.len() == 40 && rest.iter().all(u8::is_ascii_hexdigit)
                || rest.len() == 64 && rest.iter().all(u8::is_ascii_hexdigit) && is_named()
        }
        [b'b' | b'B', b'c' | b'C', b'1', ..] | [b't', b'b', b'1', ..] | [b'l', b't', b'c', b'1', ..] => {
            bech32(word)
        }
        [b'1' | b'3' | b'L' | b'M' | b'D' | b'T', ..] if (26..=35).contains(&word.len()) => {
            base58_check(word)
        }
        _ => false,
    } || (is_base58(word) || is_bech32(word)) && is_named();
    is_found.then_some(Kind::Wallet)
}

/// Addresses of other chains have checksums of their own; named so, their alphabet is enough.
fn is_base58(word: &[u8]) -> bool {
    (25..=106).contains(&word.len())
        && word.iter().all(|b| b.is_ascii_alphanumeric() && !matches!(b, b'O' | b'I' | b'l'))
        && word.iter().any(u8::is_ascii_digit)
        && word.iter().any(u8::is_ascii_lowercase)
}

/// A chain's name, `1`, and the alphabet of BIP 173.
fn is_bech32(word: &[u8]) -> bool {
    let Some(separator) = memchr::memrchr(b'1', word) else { return false };
    (2..=12).contains(&separator)
        && (39..=128).contains(&word.len())
        && part(word, 0, separator).iter().all(u8::is_ascii_lowercase)
        && part(word, separator + 1, word.len()).iter().all(|b| {
            b.is_ascii_digit() && *b != b'1' || b.is_ascii_lowercase() && !matches!(b, b'b' | b'i' | b'o')
        })
}

/// Base58 with four bytes of double SHA-256 at the end.
fn base58_check(word: &[u8]) -> bool {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0_u8; 25];
    for &character in word {
        let Some(value) = ALPHABET.iter().position(|&c| c == character) else { return false };
        let mut carry = u32::try_from(value).unwrap_or(0);
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xFF).unwrap_or(0);
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let (payload, check) = bytes.split_at(21);
    let once = digest::digest(&digest::SHA256, payload);
    digest::digest(&digest::SHA256, once.as_ref()).as_ref().starts_with(check)
}

/// The polynomial of BIP 173 and BIP 350.
fn bech32(word: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let separator = if at(word, 2) == b'1' { 2 } else { 3 };
    let step = |state: u32, value: u32| {
        let top = state >> 25;
        let shifted = ((state & 0x01ff_ffff) << 5) ^ value;
        GENERATOR.iter().enumerate().fold(shifted, |state, (bit, generator)| {
            if (top >> bit) & 1 == 1 { state ^ generator } else { state }
        })
    };
    let prefix = part(word, 0, separator);
    let mut state = prefix.iter().fold(1, |state, b| step(state, u32::from(b.to_ascii_lowercase()) >> 5));
    state = step(state, 0);
    state = prefix.iter().fold(state, |state, b| step(state, u32::from(b.to_ascii_lowercase()) & 31));
    for &character in part(word, separator + 1, word.len()) {
        let Some(value) = ALPHABET.iter().position(|&c| c == character.to_ascii_lowercase()) else {
            return false;
        };
        state = step(state, u32::try_from(value).unwrap_or(0));
    }
    matches!(state, 1 | 0x2bc8_30a3)
}
