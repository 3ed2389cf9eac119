//! Cells of a result as people read them.
//!
//! The SQL API writes moments as counts since 1970 (section 3.1): so they are recorded, and so `--json` prints them. On a
//! terminal they are dates and times.

use jiff::civil::{Date, date};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

/// A cell of a column of this type (its wire name) in the words of people; none for what is no moment, such as a mask.
pub fn readable(sql_type: &str, cell: &str) -> Option<String> {
    match sql_type {
        "date" => day(cell),
        "time" => time(cell),
        "timestamp_ntz" => moment(cell).map(|moment| wall_clock(moment, Offset::UTC)),
        // The session's time zone is not told beside the rows: UTC, and said.
        "timestamp_ltz" => moment(cell).map(|moment| format!("{}Z", wall_clock(moment, Offset::UTC))),
        "timestamp_tz" => with_offset(cell),
        _ => None,
    }
}

/// Every cell of a result as `show` says, from its column's type; a column without one stays as it is.
pub fn shown(
    types: &[Option<&str>],
    rows: &[Vec<Option<String>>],
    show: fn(&str, String) -> String,
) -> Vec<Vec<Option<String>>> {
    let cell = |(at, cell): (usize, &Option<String>)| {
        let cell = cell.as_ref()?;
        let sql_type = types.get(at).copied().flatten();
        let read = sql_type.and_then(|sql_type| readable(sql_type, cell));
        Some(read.map_or_else(|| cell.clone(), |read| show(cell, read)))
    };
    rows.iter().map(|row| row.iter().enumerate().map(cell).collect()).collect()
}

/// Days since 1970-01-01.
fn day(cell: &str) -> Option<String> {
    const FIRST: Date = date(1970, 1, 1);
    let days: i32 = Some(cell).filter(|cell| !cell.starts_with('+'))?.parse().ok()?;
    Some(FIRST.checked_add(Span::new().try_days(days).ok()?).ok()?.to_string())
}

/// Seconds since midnight, with a fraction.
fn time(cell: &str) -> Option<String> {
    let nanoseconds = nanoseconds(cell)?;
    let (seconds, fraction) = (nanoseconds.div_euclid(BILLION), nanoseconds.rem_euclid(BILLION));
    if !(0..86_400).contains(&seconds) {
        return None;
    }
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    Some(format!("{:02}:{:02}:{seconds:02}{}", minutes / 60, minutes % 60, fraction_of(fraction)))
}

/// Seconds since 1970-01-01T00:00:00, with a fraction.
fn moment(cell: &str) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds(cell)?).ok()
}

/// A moment, and by how many minutes its clock is ahead of UTC, 1440 added.
fn with_offset(cell: &str) -> Option<String> {
    let (seconds, shifted) = cell.split_once(' ')?;
    let minutes = shifted.parse::<i32>().ok()?.checked_sub(1440)?;
    let offset = Offset::from_seconds(minutes.checked_mul(60)?).ok()?;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    Some(format!("{}{sign}{hours:02}:{minutes:02}", wall_clock(moment(seconds)?, offset)))
}

fn wall_clock(moment: Timestamp, offset: Offset) -> String {
    let clock = offset.to_datetime(moment);
    let fraction = fraction_of(i128::from(clock.subsec_nanosecond()));
    let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
    format!("{} {hour:02}:{minute:02}:{second:02}{fraction}", clock.date())
}

const BILLION: i128 = 1_000_000_000;

/// A decimal number of seconds, in nanoseconds.
fn nanoseconds(cell: &str) -> Option<i128> {
    let (is_negative, digits) = match cell.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, cell),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() > 15 || fraction.len() > 9 {
        return None;
    }
    let magnitude = whole.parse::<i128>().ok()? * BILLION + format!("{fraction:0<9}").parse::<i128>().ok()?;
    Some(if is_negative { -magnitude } else { magnitude })
}

/// The fraction of a second behind its point, without zeros that say nothing.
fn fraction_of(nanoseconds: i128) -> String {
    let digits = format!("{nanoseconds:09}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { String::new() } else { format!(".{digits}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql_type: &str, cell: &str, expected: Option<&str>) {
        assert_eq!(readable(sql_type, cell).as_deref(), expected);
    }

    #[test]
    fn moments_are_told_as_people_read_them() {
        check("date", "0", Some("1970-01-01"));
        check("date", "19000", Some("2022-01-08"));
        check("date", "-1", Some("1969-12-31"));
        check("date", "-719528", Some("0000-01-01"));
        check("date", "2932896", Some("9999-12-31"));
        check("time", "3723.123456789", Some("01:02:03.123456789"));
        check("time", "82800.000000000", Some("23:00:00"));
        check("time", "86399", Some("23:59:59"));
        check("timestamp_ntz", "1700000000.123000000", Some("2023-11-14 22:13:20.123"));
        check("timestamp_ntz", "-0.500000000", Some("1969-12-31 23:59:59.5"));
        check("timestamp_ltz", "1700000000.000000000", Some("2023-11-14 22:13:20Z"));
        check("timestamp_tz", "1700000000.000000000 1500", Some("2023-11-14 23:13:20+01:00"));
        check("timestamp_tz", "1700000000.000000000 1110", Some("2023-11-14 16:43:20-05:30"));
        check("timestamp_tz", "1700000000.000000000 1440", Some("2023-11-14 22:13:20+00:00"));
    }

    #[test]
    fn what_is_no_moment_stays_as_it_is() {
        for cell in ["", "-", "****", "[DATE]", "1.2.3", "1e9", "99999999999999999999", "+1"] {
            for sql_type in ["date", "time", "timestamp_ntz", "timestamp_ltz", "timestamp_tz"] {
                check(sql_type, cell, None);
            }
        }
        check("date", "99999999", None);
        check("time", "86400.000000000", None);
        check("timestamp_ntz", "9999999999999.000000000", None);
        check("timestamp_tz", "1700000000.0 99999999", None);
        for sql_type in ["fixed", "text", "variant"] {
            check(sql_type, "19000", None);
        }
    }

    #[test]
    fn a_column_without_a_type_and_a_null_stay_as_they_are() {
        let row = |cells: [Option<&str>; 3]| vec![cells.map(|cell| cell.map(str::to_owned)).to_vec()];
        let rows = row([Some("1"), Some("1"), None]);
        let types = [Some("date"), None, Some("date")];
        assert_eq!(shown(&types, &rows, |_, read| read), row([Some("1970-01-02"), Some("1"), None]));
    }
}
