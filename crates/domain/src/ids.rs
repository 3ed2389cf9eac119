//! Names of things that Snowgate itself hands out, and digests.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Why a text is not an id.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum IdError {
    /// A session is 32 lower-case hexadecimal digits.
    #[error("a session is 32 lower-case hexadecimal digits")]
    Session,
    /// An exchange is `SESSION/NUMBER`, the number counting from 1.
    #[error("an exchange is SESSION/NUMBER, the number counting from 1")]
    Exchange,
    /// A handle has the shape of a UUID.
    #[error("a statement handle has the shape of a UUID")]
    Handle,
    /// A request id is 1 to 64 printable ASCII characters without spaces.
    #[error("a request id is 1 to 64 printable ASCII characters")]
    Request,
    /// A digest is `sha256:` or `hmac-sha256:` and 64 hexadecimal digits.
    #[error("a digest is its algorithm, a colon and 64 hexadecimal digits")]
    Digest,
    /// An approval is 32 lower-case hexadecimal digits.
    #[error("an approval is 32 lower-case hexadecimal digits")]
    Approval,
    /// A moment is RFC 3339.
    #[error("a moment is written like 2026-11-23T15:04:05Z")]
    Timestamp,
}

/// One recorded session: 128 random bits, printed as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SessionId(u128);

impl SessionId {
    /// The session with these bits; callers draw them from the `Ids` port.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        bits_of(text).map(Self).ok_or(IdError::Session)
    }
}

/// What 32 lower-case hexadecimal digits say.
fn bits_of(text: &str) -> Option<u128> {
    let is_lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 32 || !text.bytes().all(is_lower_hex) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// One approval: 128 random bits, printed as 32 lower-case hexadecimal digits. It is not the agent's handle, and whoever
/// knows it can do nothing by that alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ApprovalId(u128);

impl ApprovalId {
    /// The approval with these bits; callers draw them from the `Ids` port.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ApprovalId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        bits_of(text).map(Self).ok_or(IdError::Approval)
    }
}

/// The place of an exchange in its session, counting from 1 without gaps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ExchangeNumber(u32);

impl ExchangeNumber {
    /// The first exchange of a session.
    pub const FIRST: Self = Self(1);

    /// The number `n`; zero is none.
    pub const fn new(n: u32) -> Option<Self> {
        if n == 0 { None } else { Some(Self(n)) }
    }

    /// The number as an integer, at least 1.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number after this one; none at the end of the range.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }
}

impl fmt::Display for ExchangeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One statement asked and answered, printed as `SESSION/NUMBER`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ExchangeId {
    /// The session that the exchange belongs to.
    pub session: SessionId,
    /// Its place in the session.
    pub number: ExchangeNumber,
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.session, self.number)
    }
}

impl FromStr for ExchangeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (session, number) = text.split_once('/').ok_or(IdError::Exchange)?;
        if number.starts_with(['0', '+']) {
            return Err(IdError::Exchange);
        }
        let number = number.parse().ok().and_then(ExchangeNumber::new).ok_or(IdError::Exchange)?;
        Ok(Self { session: session.parse()?, number })
    }
}

/// What an agent holds to collect a statement: 128 random bits in the shape of a UUID, because some
/// drivers parse Snowflake's query ids as UUIDs (Snowflake SQL API, "statementHandle").
///
/// Handles are ours: upstream's own are never shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Handle(u128);

impl Handle {
    /// The handle with these bits; callers draw them from the `Ids` port.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            (bits >> 96) as u32,
            (bits >> 80) as u16,
            (bits >> 64) as u16,
            (bits >> 48) as u16,
            bits & 0xffff_ffff_ffff
        )
    }
}

impl FromStr for Handle {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let well_placed = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        if !well_placed {
            return Err(IdError::Handle);
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        u128::from_str_radix(&digits, 16).map(Self).map_err(|_| IdError::Handle)
    }
}

/// The client's own name for one logical request (`requestId`), kept for idempotence within its principal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// The id as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RequestId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(IdError::Request) }
    }
}

/// SHA-256 of bytes that are no secret: a stored page, a policy bundle, a catalog snapshot.
///
/// Never of a statement, a binding or a prompt in clear: for those see [`KeyedDigest`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// HMAC-SHA256, under a key that the recordings do not hold, of a text that must not be guessed from its
/// digest: a statement with its bindings and context, a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyedDigest([u8; 32]);

macro_rules! digest {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// The digest with these bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix($prefix).ok_or(IdError::Digest)?;
                if digits.len() != 64 {
                    return Err(IdError::Digest);
                }
                let mut bytes = [0; 32];
                for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| IdError::Digest)?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| IdError::Digest)?;
                }
                Ok(Self(bytes))
            }
        }
    };
}

digest!(Digest, "sha256:");
digest!(KeyedDigest, "hmac-sha256:");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_prints_and_reads_as_a_uuid() {
        let handle = Handle::from_u128(0x01b2c3d4_0000_4000_8000_00000000000a);
        assert_eq!(handle.to_string(), "01b2c3d4-0000-4000-8000-00000000000a");
        assert_eq!(handle.to_string().parse(), Ok(handle));
    }

    #[test]
    fn what_is_not_a_handle_is_refused() {
        for text in
            ["", "01b2c3d4", "01b2c3d4-0000-4000-8000-00000000000g", "01b2c3d4000040008000-00000000000a----"]
        {
            assert_eq!(text.parse::<Handle>(), Err(IdError::Handle), "{text}");
        }
    }

    #[test]
    fn an_exchange_counts_from_one_and_is_written_one_way() {
        let session = "0".repeat(32);
        assert!(format!("{session}/1").parse::<ExchangeId>().is_ok());
        for number in ["0", "01", "+1", "-1", "", "x", "4294967296"] {
            assert!(format!("{session}/{number}").parse::<ExchangeId>().is_err(), "{number}");
        }
    }

    #[test]
    fn a_digest_survives_printing_and_keeps_its_algorithm() {
        let digest = Digest::from_bytes([7; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string().parse::<KeyedDigest>(), Err(IdError::Digest));
    }
}
