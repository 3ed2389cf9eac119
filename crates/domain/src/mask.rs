//! How a value leaves.

use std::fmt;

/// The name of a class of values in `catalog.toml`: `email`, `ssn`, `person` …
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MaskClass(String);

impl MaskClass {
    /// The class with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MaskClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mask does to a value. SQL types are kept: where the result would not fit its column's type, the
/// value becomes NULL.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mask {
    /// Text becomes `[CLASS]`; every other type NULL.
    Redact,
    /// The last four characters stay.
    LastFour,
    /// An e-mail address keeps its domain.
    EmailDomain,
    /// NULL.
    Null,
    /// A deterministic token: equal values of one class give equal tokens within a scope, so that joins still
    /// work. Only for stored columns, never for literals or detector hits.
    Token,
    /// A token that is the same in every session of this gateway, in this epoch of its keys: answers of different sessions
    /// can be joined, by whoever sees them. Another epoch makes other tokens.
    SharedToken(u32),
    /// A date or timestamp becomes the first day of its year.
    Year,
    /// An IPv4 address keeps its first three parts (`/24`), an IPv6 address its first three groups (`/48`).
    IpNetwork,
    /// A number becomes the lower edge of its band of this width.
    Band(u32),
}

impl Mask {
    /// Whether equal values look equal under it: who may choose values may compare them with others'.
    pub const fn is_token(self) -> bool {
        matches!(self, Self::Token | Self::SharedToken(_))
    }

    /// The word in `catalog.toml` and recordings; a band carries its width (`band:1000`), a shared token its epoch
    /// (`shared_token:1`).
    pub fn name(self) -> String {
        match self {
            Self::Redact => "redact".into(),
            Self::LastFour => "last_four".into(),
            Self::EmailDomain => "email_domain".into(),
            Self::Null => "null".into(),
            Self::Token => "token".into(),
            Self::SharedToken(epoch) => format!("shared_token:{epoch}"),
            Self::Year => "year".into(),
            Self::IpNetwork => "ip_network".into(),
            Self::Band(width) => format!("band:{width}"),
        }
    }
}

/// Which mask a class of values gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MaskRule {
    /// The class, printed inside redactions.
    pub class: MaskClass,
    /// The mask.
    pub mask: Mask,
}

/// What happens to one result column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// Shown, after the content detectors.
    Clear,
    /// Shown, after the content detectors; holds free text or JSON, so every detector applies at its
    /// broadest, and JSON is walked.
    Scan,
    /// Masked by lineage.
    Mask(MaskRule),
}
