//! How large a value can be made by the text of a statement alone.
//!
//! A stored value is as large as it is, and nobody who only reads can change that. But a text of the statement's
//! own may be made so large that a stored value of 11 characters just fits and one of 12 does not: the failure
//! tells the length, and through REPLACE any character. So values are measured, stored ones as if short, and what
//! is made larger than any honest query makes it counts as tested.

/// Characters at most, stored values counted as short; saturating.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Size(u32);

impl Size {
    /// Nothing to speak of.
    pub(super) const NONE: Self = Self(0);
    /// What a stored value counts as.
    pub(super) const STORED: Self = Self(100);
    /// What a number, a date or a digest counts as.
    pub(super) const SMALL: Self = Self(128);
    /// What the rows of a stored table count as.
    pub(super) const ROWS: Self = Self(1000);
    /// As much as anybody likes.
    pub(super) const ANY: Self = Self(u32::MAX);
    /// Snowflake fails at 16 MB of text. A value that is made larger than this may come near it.
    const LARGEST: Self = Self(4_000_000);
    /// Nobody pads or repeats what is stored beyond this. Work on a value so large takes time that can be told.
    const HONEST: Self = Self(10_000);

    pub(super) fn of(length: usize) -> Self {
        Self(u32::try_from(length).unwrap_or(u32::MAX))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// So many times over, once at least.
    pub(super) fn times(self, other: Self) -> Self {
        Self(self.0.saturating_mul(other.0.max(1)))
    }

    /// Whether work on a value of it takes time that can be told.
    pub(super) fn takes_time(self) -> bool {
        self > Self::HONEST
    }

    /// Whether a value of it may be too large for Snowflake.
    pub(super) fn may_fail(self) -> bool {
        self > Self::LARGEST
    }
}
