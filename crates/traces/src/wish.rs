//! Whose requests are traced.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// Whose requests are traced: `off`, `asked` or `all`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// Nobody's.
    #[default]
    Off,
    /// Those whose `traceparent` says that they are sampled.
    Asked,
    /// Everybody's, and what is carried on behind no request.
    All,
}

/// What a wish should have been.
// SECURITY: what stands there instead is not told; it may be a secret in the wrong place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("is one of `off`, `asked` and `all`")]
pub struct NoWish;

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Asked => "asked",
            Self::All => "all",
        })
    }
}

impl FromStr for Wish {
    type Err = NoWish;

    fn from_str(text: &str) -> Result<Self, NoWish> {
        match text {
            "off" => Ok(Self::Off),
            "asked" => Ok(Self::Asked),
            "all" => Ok(Self::All),
            _ => Err(NoWish),
        }
    }
}
