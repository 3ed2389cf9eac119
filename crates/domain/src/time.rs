//! Moments, as the recordings write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::ids::IdError;

/// Seconds.
const HOUR: i64 = 60 * 60;

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

    /// The second at which its hour began (UTC).
    pub const fn hour(self) -> i64 {
        self.as_secs().div_euclid(HOUR).saturating_mul(HOUR)
    }

    /// How long until the next hour begins (UTC), in whole seconds; one at least.
    pub fn until_next_hour(self) -> Duration {
        let left = HOUR.saturating_sub(self.as_secs().rem_euclid(HOUR));
        Duration::from_secs(u64::try_from(left).unwrap_or(1))
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
    fn an_hour_ends_with_its_last_second() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let begun = at("2026-11-26T12:00:00Z");
        for (moment, left) in
            [("12:00:00", 3600), ("12:00:00.9", 3600), ("12:59:59.999999", 1), ("12:30:00", 1800)]
        {
            let moment = at(&format!("2026-11-26T{moment}Z"));
            assert_eq!(
                (moment.hour(), moment.until_next_hour().as_secs()),
                (begun.as_secs(), left),
                "{moment}"
            );
        }
        assert_eq!(at("2026-11-26T13:00:00Z").hour(), begun.as_secs() + 3600);
    }

    #[test]
    fn what_lies_before_lies_behind_what_lies_after() {
        let (moment, day) = (Timestamp::from_micros(1_764_000_000_000_001), Duration::from_secs(86_400));
        assert_eq!(moment.before(day).to_string(), "2025-11-23T16:00:00.000001Z");
        assert_eq!(moment.before(day).after(day), moment);
        assert_eq!(moment.before(Duration::MAX), Timestamp::from_micros(moment.as_micros() - i64::MAX));
    }
}
