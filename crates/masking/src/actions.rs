//! The masks themselves, over values in their wire spelling (`jsonv2`: decimal text, days, seconds.fraction).
//!
//! Each answers none where the result would not fit the column's type: the cell becomes NULL.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use domain::SqlType;

/// What stands in front of the last characters.
const STARS: &str = "****";

/// `****1234`: the last four characters, but never more than half of them.
pub(crate) fn last_four(value: &str, out: &mut String) {
    out.push_str(STARS);
    if value.is_ascii() {
        let kept = (value.len() / 2).min(4);
        out.push_str(value.get(value.len() - kept..).unwrap_or_default());
        return;
    }
    let characters = value.chars().count();
    let kept = (characters / 2).min(4);
    out.extend(value.chars().skip(characters - kept));
}

/// `***@example.com`; none when it is no address whose domain can be told.
pub(crate) fn email_domain(value: &str, out: &mut String) -> Option<()> {
    let (local, domain) = value.trim().rsplit_once('@')?;
    let has_good_labels = domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    let has_top_level = domain
        .rsplit_once('.')
        .is_some_and(|(_, top)| top.len() >= 2 && top.bytes().any(|b| b.is_ascii_alphabetic()));
    // A number in the domain's place may be the very value that hides there.
    let digits = domain.bytes().filter(u8::is_ascii_digit).count();
    if local.is_empty() || !has_good_labels || !has_top_level || domain.len() > 253 || digits > 6 {
        return None;
    }
    out.push_str("***@");
    out.push_str(domain);
    Some(())
}

/// `192.0.2.0/24`, `2001:db8:1::/48`.
pub(crate) fn ip_network(value: &str, out: &mut String) -> Option<()> {
    let value = value.trim();
    if let Ok(address) = value.parse::<Ipv4Addr>() {
        let [a, b, c, _] = address.octets();
        out.push_str(&format!("{a}.{b}.{c}.0/24"));
        return Some(());
    }
    let address = value.parse::<Ipv6Addr>().ok()?;
    // An IPv4 address in IPv6 dress would keep nothing but its dress, or all of itself.
    if let Some(inner) = address.to_ipv4_mapped() {
        let [a, b, c, _] = inner.octets();
        out.push_str(&format!("{a}.{b}.{c}.0/24"));
        return Some(());
    }
    let [a, b, c, ..] = address.segments();
    let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0);
    out.push_str(&format!("{network}/48"));
    Some(())
}

/// The first day of the value's year, in the spelling that it came in.
pub(crate) fn year(sql_type: &SqlType, value: &str, out: &mut String) -> Option<()> {
    match sql_type {
        SqlType::Date => match value.parse::<i64>() {
            Ok(days) => write!(out, "{}", first_day_of_year(days)?).ok()?,
            Err(_) => iso_year(value, out)?,
        },
        SqlType::TimestampNtz { .. } | SqlType::TimestampLtz { .. } => {
            out.push_str(&year_of_instant(value, 0)?)
        }
        SqlType::TimestampTz { .. } => {
            let (instant, zone) = value.split_once(' ')?;
            let offset_minutes = zone.parse::<i64>().ok().filter(|z| (0..=2880).contains(z))? - 1440;
            out.push_str(&year_of_instant(instant, offset_minutes * 60)?);
            out.push(' ');
            out.push_str(zone);
        }
        SqlType::Text { .. } => iso_year(value, out)?,
        SqlType::Fixed { .. }
        | SqlType::Real
        | SqlType::DecFloat
        | SqlType::Boolean
        | SqlType::Time { .. }
        | SqlType::Binary { .. }
        | SqlType::Variant
        | SqlType::Object
        | SqlType::Array
        | SqlType::Geography
        | SqlType::Geometry
        | SqlType::Vector
        | SqlType::Map
        | SqlType::Unknown(_) => return None,
    }
    Some(())
}

/// `1963-05-03` → `1963-01-01`.
fn iso_year(value: &str, out: &mut String) -> Option<()> {
    let mut parts = value.trim().splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number =
        |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(year, 4) || !is_number(month, 2) || !is_number(day, 2) {
        return None;
    }
    out.push_str(year);
    out.push_str("-01-01");
    Some(())
}

/// `seconds[.fraction]` → the start of its year, as many decimals, all zero.
fn year_of_instant(value: &str, offset_seconds: i64) -> Option<String> {
    let (seconds, fraction) = match value.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (value, None),
    };
    if fraction.is_some_and(|f| f.is_empty() || f.len() > 9 || !f.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let local = seconds.parse::<i64>().ok()?.checked_add(offset_seconds)?;
    // `-0.5` lies in the second before.
    let is_before = seconds.starts_with('-') && fraction.is_some_and(|f| f.bytes().any(|b| b != b'0'));
    let day = local.checked_sub(i64::from(is_before))?.div_euclid(86_400);
    let start = first_day_of_year(day)?.checked_mul(86_400)?.checked_sub(offset_seconds)?;
    Some(match fraction {
        Some(fraction) => format!("{start}.{}", "0".repeat(fraction.len())),
        None => start.to_string(),
    })
}

/// The days since 1970-01-01 of the first of January of the year that holds that day.
pub(crate) fn first_day_of_year(days: i64) -> Option<i64> {
    // Snowflake's years lie between 1 and 9999; a wider bound still keeps the arithmetic safe.
    if !(-4_000_000..=4_000_000).contains(&days) {
        return None;
    }
    // Counted from the first of March of the year 0, because a leap day then ends its year.
    let since_march = days + 719_468;
    let (era, day) = (since_march.div_euclid(146_097), since_march.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // January and February are the end of such a year.
    let past = era * 400 + year - i64::from(day_of_year < 306);
    Some(past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400) - 719_162)
}

/// The lower edge of the number's band, with as many decimals as it came with.
pub(crate) fn band(sql_type: &SqlType, value: &str, width: u32, out: &mut String) -> Option<()> {
    let value = value.trim();
    let (whole, fraction) = match memchr::memchr(b'.', value.as_bytes()) {
        Some(point) => (value.get(..point)?, value.get(point + 1..)?),
        None => (value, ""),
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Most numbers are short, and the machine is fast with those.
    let number = if digits.len() <= 18 {
        i128::from(whole.parse::<i64>().ok()?)
    } else {
        whole.parse::<i128>().ok()?
    };
    let is_between = digits.len() < whole.len() && fraction.bytes().any(|b| b != b'0');
    let floor = number.checked_sub(i128::from(is_between))?;
    let edge = lower_edge(floor, width)?;
    if let SqlType::Fixed { precision, scale } = sql_type
        && !has_room(edge, *precision, *scale)
    {
        return None;
    }
    let mut zeros = fraction.len();
    if *sql_type == SqlType::DecFloat {
        // Its decimals float: they are as many as there is room for behind the edge.
        let digits = edge.unsigned_abs().checked_ilog10().map_or(1, |last| last + 1);
        zeros = zeros.min(usize::try_from(MOST_DIGITS.checked_sub(digits)?).ok()?);
    }
    match i64::try_from(edge) {
        Ok(edge) => write!(out, "{edge}").ok()?,
        Err(_) => write!(out, "{edge}").ok()?,
    }
    if zeros > 0 {
        out.push('.');
        out.extend(std::iter::repeat_n('0', zeros));
    }
    Some(())
}

/// Digits that a NUMBER or DECFLOAT has at most.
const MOST_DIGITS: u32 = 38;

/// [`band`] of a NUMBER that is no text: unscaled, and so it comes back.
pub(crate) fn band_of(unscaled: i128, precision: u8, scale: u8, width: u32) -> Option<i128> {
    let unit = 10_i128.checked_pow(u32::from(scale))?;
    let floor = match (i64::try_from(unscaled), i64::try_from(unit)) {
        (Ok(unscaled), Ok(unit)) => i128::from(unscaled.div_euclid(unit)),
        _ => unscaled.div_euclid(unit),
    };
    let edge = lower_edge(floor, width)?;
    if has_room(edge, precision, scale) { edge.checked_mul(unit) } else { None }
}

fn lower_edge(floor: i128, width: u32) -> Option<i128> {
    match i64::try_from(floor) {
        Ok(floor) => {
            let width = i64::from(width);
            Some(i128::from(floor.checked_div_euclid(width)?) * i128::from(width))
        }
        Err(_) => floor.checked_div_euclid(i128::from(width))?.checked_mul(i128::from(width)),
    }
}

/// Whether a NUMBER of that precision has the digits for it.
fn has_room(edge: i128, precision: u8, scale: u8) -> bool {
    let digits = u32::from(precision.saturating_sub(scale));
    10_u128.checked_pow(digits).is_some_and(|limit| edge.unsigned_abs() < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(action: impl FnOnce(&mut String) -> Option<()>) -> Option<String> {
        let mut out = String::new();
        action(&mut out).map(|()| out)
    }

    #[test]
    fn the_last_four_are_never_more_than_half() {
        let check = |value: &str, expected: &str| {
            let mut out = String::new();
            last_four(value, &mut out);
            assert_eq!(out, expected);
        };
        check("4111111111111234", "****1234");
        check("12345678", "****5678");
        check("1234567", "****567");
        check("12", "****2");
        check("1", "****");
        check("", "****");
        check("äöüß", "****üß");
    }

    #[test]
    fn an_address_keeps_its_domain_only_when_it_is_one() {
        let check = |value: &str| made(|out| email_domain(value, out));
        assert_eq!(check("ana@example.com").as_deref(), Some("***@example.com"));
        assert_eq!(check("\"a@b\"@example.co.uk").as_deref(), Some("***@example.co.uk"));
        assert_eq!(check("ana"), None);
        assert_eq!(check("ana@localhost"), None);
        assert_eq!(check("x@4111111111111111.com"), None);
        assert_eq!(check("x@example.com 123-45-6789"), None);
    }

    #[test]
    fn an_address_of_a_machine_keeps_its_network() {
        let check = |value: &str| made(|out| ip_network(value, out));
        assert_eq!(check("192.0.2.77").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(check("2001:db8:85a3:1::7").as_deref(), Some("2001:db8:85a3::/48"));
        assert_eq!(check("::ffff:192.0.2.77").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(check("not an address"), None);
    }

    #[test]
    fn a_date_becomes_the_first_day_of_its_year_in_its_own_spelling() {
        let check = |kind: &SqlType, value: &str| made(|out| year(kind, value, out));
        assert_eq!(check(&SqlType::Date, "20000").as_deref(), Some("19723"));
        assert_eq!(check(&SqlType::Date, "-1").as_deref(), Some("-365"));
        assert_eq!(check(&SqlType::Date, "1963-05-03").as_deref(), Some("1963-01-01"));
        assert_eq!(check(&SqlType::Date, "03/05/1963"), None);
        let ntz = SqlType::TimestampNtz { scale: 9 };
        assert_eq!(check(&ntz, "1700000000.123456789").as_deref(), Some("1672531200.000000000"));
        assert_eq!(check(&ntz, "-0.500000000").as_deref(), Some("-31536000.000000000"));
        let tz = SqlType::TimestampTz { scale: 9 };
        // 2022-12-31 23:30 UTC is 2023-01-01 00:30 at +01:00.
        assert_eq!(check(&tz, "1672529400.000000000 1500").as_deref(), Some("1672527600.000000000 1500"));
        assert_eq!(check(&tz, "1672529400.0"), None);
        assert_eq!(check(&SqlType::Boolean, "true"), None);
    }

    #[test]
    fn every_year_starts_on_its_first_day() {
        let (mut start, mut year) = (-719_162, 1_i64);
        while year < 10_000 {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let next = start + 365 + i64::from(is_leap);
            for day in [start, start + 58, start + 59, start + 60, next - 1] {
                assert_eq!(first_day_of_year(day), Some(start), "{year}");
            }
            (start, year) = (next, year + 1);
        }
        assert_eq!(first_day_of_year(-719_163), Some(-719_163 - 365));
        assert_eq!(first_day_of_year(i64::MAX), None);
    }

    #[test]
    fn a_number_becomes_the_lower_edge_of_its_band() {
        let fixed = SqlType::Fixed { precision: 10, scale: 2 };
        let check = |value: &str, width| made(|out| band(&fixed, value, width, out));
        assert_eq!(check("1234.56", 1000).as_deref(), Some("1000.00"));
        assert_eq!(check("-0.01", 100).as_deref(), Some("-100.00"));
        assert_eq!(check("-100.00", 100).as_deref(), Some("-100.00"));
        assert_eq!(check("7", 0), None);
        assert_eq!(check("1e5", 10), None);
        assert_eq!(check("-", 10), None);
        let narrow = SqlType::Fixed { precision: 2, scale: 0 };
        assert_eq!(made(|out| band(&narrow, "-95", 10, out)), None);
        // A DECFLOAT has 38 digits, wherever its point is.
        let tiny = format!("-0.{:037}", 1);
        let edge = made(|out| band(&SqlType::DecFloat, &tiny, 18, out));
        assert_eq!(edge, Some(format!("-18.{}", "0".repeat(36))));
        assert_eq!(made(|out| band(&SqlType::DecFloat, &format!("-{}", "9".repeat(38)), 18, out)), None);
        assert_eq!(made(|out| band(&SqlType::DecFloat, "1234.5", 100, out)).as_deref(), Some("1200.0"));
    }
}
