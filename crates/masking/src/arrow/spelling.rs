//! Values of Arrow columns in the spelling that masks are defined over (`jsonv2`: decimal text, days, seconds with
//! nine decimals), and back.

use std::fmt::Write;

/// Decimals of times and of moments on the wire.
const NANOS: u8 = 9;

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;

/// What a power of ten may be at most: a NUMBER's digits.
pub(super) const MOST_SCALE: u8 = 38;

/// Writes an unscaled number with its point: 1234 at scale 2 is `12.34`.
pub(super) fn write_scaled(value: i128, scale: u8, out: &mut String) {
    let mut digits = [0_u8; 48];
    let mut first = digits.len();
    let mut rest = value.unsigned_abs();
    let mut written = 0_u8;
    // At least one digit stands before the point.
    while rest > 0 || written <= scale.min(MOST_SCALE) {
        if let Some(digit) = first.checked_sub(1).and_then(|place| digits.get_mut(place)) {
            // Most values are small, and dividing them by ten is ten times cheaper.
            let last = match u64::try_from(rest) {
                Ok(small) => {
                    rest = u128::from(small / 10);
                    small % 10
                }
                Err(_) => {
                    let last = rest % 10;
                    rest /= 10;
                    u64::try_from(last).unwrap_or(0)
                }
            };
            *digit = b'0' + u8::try_from(last).unwrap_or(0);
        }
        first = first.saturating_sub(1);
        written = written.saturating_add(1);
    }
    if value < 0 {
        out.push('-');
    }
    let text = digits.get(first..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
    let (whole, fraction) = text.split_at(text.len().saturating_sub(usize::from(scale.min(MOST_SCALE))));
    out.push_str(whole);
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
}

/// Reads a number back to its unscaled value. None where it has more decimals than that, or no place.
pub(super) fn read_scaled(text: &str, scale: u8) -> Option<i128> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.len() > usize::from(scale) {
        return None;
    }
    let mut value = 0_i128;
    for digit in whole.bytes().chain(fraction.bytes()) {
        let digit = digit.is_ascii_digit().then(|| i128::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    let missing = u32::from(scale).checked_sub(u32::try_from(fraction.len()).ok()?)?;
    value = value.checked_mul(10_i128.checked_pow(missing)?)?;
    Some(if is_negative { -value } else { value })
}

/// Writes a float, never in more than 25 characters.
pub(super) fn write_float(value: f64, out: &mut String) {
    let size = value.abs();
    // Writing to a string cannot fail.
    let _ = if value.is_nan() {
        write!(out, "NaN")
    } else if value == 0.0 || (1e-5..1e16).contains(&size) || value.is_infinite() {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

/// Writes a short float.
pub(super) fn write_short_float(value: f32, out: &mut String) {
    let size = value.abs();
    let _ = if value == 0.0 || (1e-5..1e16).contains(&size) || !value.is_finite() {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

/// Writes bytes as hexadecimal text.
pub(super) fn write_hex(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len().saturating_mul(2));
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            out.push(char::from(if half < 10 { b'0' + half } else { b'A' + (half - 10) }));
        }
    }
}

/// A point in time or a span since midnight, in units of 10^-scale seconds, as seconds. None beyond all calendars.
pub(super) fn write_units(units: i64, scale: u8, out: &mut String) -> Option<()> {
    let factor = 10_i128.checked_pow(u32::from(NANOS.checked_sub(scale)?))?;
    write_scaled(i128::from(units).checked_mul(factor)?, NANOS, out);
    Some(())
}

/// The units back. None where the text tells more than they can hold.
pub(super) fn read_units(text: &str, scale: u8) -> Option<i64> {
    let factor = 10_i128.checked_pow(u32::from(NANOS.checked_sub(scale)?))?;
    let nanos = read_scaled(text, NANOS)?;
    (nanos % factor == 0).then(|| i64::try_from(nanos / factor).ok())?
}

/// Whole seconds with the nanoseconds after them. None where the nanoseconds are more than a second.
pub(super) fn write_moment(seconds: i64, nanos: i32, out: &mut String) -> Option<()> {
    let nanos = i128::from(nanos);
    if !(0..SECOND).contains(&nanos) {
        return None;
    }
    write_scaled(i128::from(seconds) * SECOND + nanos, NANOS, out);
    Some(())
}

/// The whole seconds, and the nanoseconds after them.
pub(super) fn read_moment(text: &str) -> Option<(i64, i32)> {
    let nanos = read_scaled(text, NANOS)?;
    Some((i64::try_from(nanos.div_euclid(SECOND)).ok()?, i32::try_from(nanos.rem_euclid(SECOND)).ok()?))
}

/// A DECFLOAT: plain up to 38 digits, else with an exponent. None where the significand is too long.
pub(super) fn write_decfloat(exponent: i16, significand: &[u8], out: &mut String) -> Option<()> {
    let value = read_big_endian(significand)?;
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |last| last + 1);
    let point = u8::try_from(-i32::from(exponent)).ok();
    match (u32::try_from(exponent).ok(), point) {
        (Some(zeros), _) if digits.saturating_add(zeros) <= u32::from(MOST_SCALE) => {
            write_scaled(value, 0, out);
            let zeros = if value == 0 { 0 } else { zeros };
            out.extend(std::iter::repeat_n('0', usize::try_from(zeros).unwrap_or(0)));
        }
        (None, Some(scale)) if scale <= MOST_SCALE => write_scaled(value, scale, out),
        _ => {
            write_scaled(value, 0, out);
            let _ = write!(out, "e{exponent}");
        }
    }
    Some(())
}

/// A plain number as exponent and significand.
pub(super) fn read_decfloat(text: &str) -> Option<(i16, Vec<u8>)> {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let value = read_scaled(text, u8::try_from(decimals).ok()?)?;
    let exponent = i16::try_from(decimals).ok()?.checked_neg()?;
    let bytes = value.to_be_bytes();
    // As short as two's complement allows.
    let filler = if value < 0 { 0xFF } else { 0 };
    let is_top_set = |byte: u8| byte & 0x80 != 0;
    let mut skipped = 0;
    while let Some(&[first, second]) = bytes.get(skipped..skipped + 2) {
        if first != filler || is_top_set(second) != (value < 0) {
            break;
        }
        skipped += 1;
    }
    Some((exponent, bytes.get(skipped..)?.to_vec()))
}

fn read_big_endian(bytes: &[u8]) -> Option<i128> {
    if bytes.len() > 16 {
        return None;
    }
    let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    Some(bytes.iter().fold(if is_negative { -1 } else { 0 }, |value, byte| (value << 8) | i128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl FnOnce(&mut String), expected: &str) {
        let mut out = String::new();
        write(&mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_stand_with_their_point() {
        check(|out| write_scaled(1234, 2, out), "12.34");
        check(|out| write_scaled(-5, 2, out), "-0.05");
        check(|out| write_scaled(0, 0, out), "0");
        check(|out| write_scaled(0, 3, out), "0.000");
        check(|out| write_scaled(i128::MIN, 0, out), "-170141183460469231731687303715884105728");
        check(|out| write_scaled(7, 38, out), "0.00000000000000000000000000000000000007");
        for (text, scale, value) in [("12.34", 2, Some(1234)), ("-0.05", 2, Some(-5)), ("12", 2, Some(1200))]
        {
            assert_eq!(read_scaled(text, scale), value);
        }
        for (text, scale) in [("12.345", 2), ("", 0), ("1e5", 0), ("-", 0), (".5", 1), ("1.", 0)] {
            assert_eq!(read_scaled(text, scale).is_some(), text == "1.", "{text}");
        }
    }

    #[test]
    fn moments_stand_as_seconds() {
        let shown = |seconds, nanos| {
            let mut out = String::new();
            write_moment(seconds, nanos, &mut out).map(|()| out)
        };
        assert_eq!(shown(1_700_000_000, 5).as_deref(), Some("1700000000.000000005"));
        assert_eq!(shown(-1, 500_000_000).as_deref(), Some("-0.500000000"));
        assert_eq!(shown(1, 1_000_000_000), None);
        assert_eq!(shown(1, -1), None);
        assert_eq!(read_moment("-0.500000000"), Some((-1, 500_000_000)));
        assert_eq!(read_units("-0.500", 3), Some(-500));
        assert_eq!(read_units("0.0005", 3), None);
    }

    #[test]
    fn a_decfloat_comes_back_as_it_was_told() {
        for (text, exponent, significand) in [
            ("0", 0, vec![0]),
            ("-100.00", -2, vec![0xD8, 0xF0]),
            ("128", 0, vec![0, 128]),
            ("-1", 0, vec![255]),
        ] {
            assert_eq!(read_decfloat(text), Some((exponent, significand.clone())));
            check(|out| write_decfloat(exponent, &significand, out).unwrap(), text);
        }
        check(|out| write_decfloat(40, &[3], out).unwrap(), "3e40");
        check(|out| write_decfloat(-40, &[3], out).unwrap(), "3e-40");
        check(|out| write_decfloat(2, &[3], out).unwrap(), "300");
        let mut out = String::new();
        assert_eq!(write_decfloat(0, &[1; 17], &mut out), None);
    }

    #[test]
    fn floats_are_short() {
        check(|out| write_float(1.5, out), "1.5");
        check(|out| write_float(-1e300, out), "-1e300");
        check(|out| write_float(f64::NEG_INFINITY, out), "-inf");
        check(|out| write_float(f64::NAN, out), "NaN");
    }
}
