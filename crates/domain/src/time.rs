//! Moments, as the recordings write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::ids::IdError;

/// A moment in UTC with microseconds, printed as RFC 3339 (`2026-11-23T15:04:05.123456Z`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that many microseconds after 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The moment that long after this one, at most the end of time.
    pub fn after(self, wait: Duration) -> Self {
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// The moment that long before this one, at least the beginning of time.
    pub fn before(self, wait: Duration) -> Self {
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// How long this moment lies after `earlier`; zero when it does not.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// The day, `2026-11-23`.
    pub fn day(self) -> String {
        let text = self.to_string();
        text.split('T').next().unwrap_or(&text).to_owned()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.6}"),
            Err(_) => write!(f, "out of range"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = IdError;

    /// Reads RFC 3339 with any offset; the moment is kept, the offset is not.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| IdError::Timestamp)?;
        Ok(Self(moment.as_microsecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_prints_with_six_digits_and_reads_back() {
        let moment = Timestamp::from_micros(1_764_000_000_000_001);
        assert_eq!(moment.to_string(), "2025-11-24T16:00:00.000001Z");
        assert_eq!(moment.to_string().parse(), Ok(moment));
        assert_eq!(moment.day(), "2025-11-24");
    }

    #[test]
    fn what_lies_before_lies_behind_what_lies_after() {
        let (moment, day) = (Timestamp::from_micros(1_764_000_000_000_001), Duration::from_secs(86_400));
        assert_eq!(moment.before(day).to_string(), "2025-11-23T16:00:00.000001Z");
        assert_eq!(moment.before(day).after(day), moment);
        assert_eq!(moment.before(Duration::MAX), Timestamp::from_micros(moment.as_micros() - i64::MAX));
    }
}
