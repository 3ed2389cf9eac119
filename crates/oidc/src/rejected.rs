//! Why a token was not accepted: in full for operators, in three sentences for everybody else.

use std::fmt;

use thiserror::Error;

/// Why a token was not accepted.
///
/// The variants are for counters and carry nothing of the token. Whoever presented it learns only
/// [`Rejected::public`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
pub enum Rejected {
    /// Longer than any token may be; nothing of it was read.
    #[error("the token is too long")]
    TooLong,
    /// No signed JWT in compact form, or its header or claims are not the JSON that they must be.
    #[error("the token is malformed")]
    Malformed,
    /// Its header names what is not supported: a critical extension, or a key that it brings along.
    #[error("the token's header asks for what is not supported")]
    Header,
    /// `alg` is not allowed for its issuer.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// `typ` is not accepted, or the token is an ID token.
    #[error("the token is of another type")]
    Type,
    /// `iss` is not configured.
    #[error("the token's issuer is not known")]
    Issuer,
    /// It names no key, and its issuer has several.
    #[error("the token names no key")]
    NoKeyNamed,
    /// Its issuer publishes no such key.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The key that it names is not for the algorithm that it names.
    #[error("the token's key is not for its algorithm")]
    KeyMismatch,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// It is meant for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// It is meant for another door, too, which nobody's token may be.
    #[error("the token is for agents' and for auditors' doors at once")]
    TwoDoors,
    /// It is past its end.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet, or says that it was issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It lives longer than any token of its issuer may.
    #[error("the token lives too long")]
    Lifetime,
    /// A claim that is needed is absent or has another shape.
    #[error("a claim is missing or malformed")]
    Claim,
    /// A required scope is absent.
    #[error("a required scope is missing")]
    Scope,
    /// A name in it is empty, too long, or cannot be shown.
    #[error("a name in the token is not usable")]
    Name,
    /// It is bound to a key that its presenter would have to prove (`cnf`, RFC 7800), which is not supported.
    #[error("the token is bound to a key")]
    Bound,
    /// It was made for another sign-in.
    #[error("the token was made for another sign-in")]
    Nonce,
    /// Whoever it is about proved themselves too long ago.
    #[error("the sign-in is too old")]
    Stale,
    /// Whoever it is about proved themselves in a way that is not accepted.
    #[error("the sign-in was too weak")]
    Weak,
    /// It belongs to a program, where only people's own are accepted, or to nobody of the groups or clients that are.
    #[error("the token is no person's own, or of another client or group than are accepted")]
    Bearer,
    /// The issuer's keys could not be fetched, and there are none that are recent enough.
    #[error("the issuer's keys cannot be fetched")]
    Unreachable,
}

impl Rejected {
    /// Every reason, so that counters can be made beforehand.
    pub const ALL: [Self; 24] = [
        Self::TooLong,
        Self::Malformed,
        Self::Header,
        Self::Algorithm,
        Self::Type,
        Self::Issuer,
        Self::NoKeyNamed,
        Self::UnknownKey,
        Self::KeyMismatch,
        Self::Signature,
        Self::Audience,
        Self::TwoDoors,
        Self::Expired,
        Self::NotYetValid,
        Self::Lifetime,
        Self::Claim,
        Self::Scope,
        Self::Name,
        Self::Bound,
        Self::Nonce,
        Self::Stale,
        Self::Weak,
        Self::Bearer,
        Self::Unreachable,
    ];

    /// The word in operators' counters and logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "size",
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Issuer => "issuer",
            Self::NoKeyNamed => "no_key_named",
            Self::UnknownKey => "unknown_key",
            Self::KeyMismatch => "key_mismatch",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::TwoDoors => "two_doors",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime => "lifetime",
            Self::Claim => "claim",
            Self::Scope => "scope",
            Self::Name => "name",
            Self::Bound => "bound",
            Self::Nonce => "nonce",
            Self::Stale => "stale",
            Self::Weak => "weak",
            Self::Bearer => "bearer",
            Self::Unreachable => "unreachable",
        }
    }

    /// What may be told to whoever presented the token.
    // SECURITY: "expired" is only ever said of a token whose signature is good, because times are looked at last;
    // a forger learns nothing about which of his guesses was right.
    pub const fn public(self) -> Public {
        match self {
            Self::Expired => Public::Expired,
            Self::Unreachable => Public::Unreachable,
            Self::TooLong
            | Self::Malformed
            | Self::Header
            | Self::Algorithm
            | Self::Type
            | Self::Issuer
            | Self::NoKeyNamed
            | Self::UnknownKey
            | Self::KeyMismatch
            | Self::Signature
            | Self::Audience
            | Self::TwoDoors
            | Self::NotYetValid
            | Self::Lifetime
            | Self::Claim
            | Self::Scope
            | Self::Name
            | Self::Bound
            | Self::Nonce
            | Self::Stale
            | Self::Weak
            | Self::Bearer => Public::NotAccepted,
        }
    }
}

/// The only things that whoever presents a token is told about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Public {
    /// It will never be accepted here as it is.
    NotAccepted,
    /// It was good once: get a new one.
    Expired,
    /// A fault of ours or of the issuer's (HTTP 503): the same token may be accepted later.
    Unreachable,
}

impl Public {
    /// The sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAccepted => "token is malformed or not accepted here",
            Self::Expired => "token has expired",
            Self::Unreachable => "issuer unreachable, try again",
        }
    }
}

impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
