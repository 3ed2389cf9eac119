//! When Lambda ends a call.

use std::time::Duration;

use domain::Timestamp;

/// What a call may take where its end is not told: what `template.yaml` gives a function, or less.
const A_CALL: Duration = Duration::from_secs(29);

/// What is left until Lambda ends the call, which it tells in milliseconds since 1970. An end that is past is none: emulators tell other
/// numbers there, and nothing would ever be done.
pub fn time_left(deadline: u64, now: Timestamp) -> Duration {
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    match deadline.checked_sub(now) {
        Some(0) | None => A_CALL,
        Some(left) => Duration::from_millis(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_until_the_end_and_an_end_that_is_past_is_none() {
        let now = Timestamp::from_micros(1_795_446_000_000_000);
        for (deadline, seconds) in [(1_795_446_012_000, 12), (600_000, 29), (0, 29), (1_795_446_000_000, 29)]
        {
            assert_eq!(time_left(deadline, now), Duration::from_secs(seconds), "{deadline}");
        }
    }
}
