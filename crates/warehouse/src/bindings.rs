//! Bound values as literal tokens (protocol: "Bind values on the wire").

use datafusion::arrow::temporal_conversions::{date32_to_datetime, timestamp_ns_to_datetime};
use datafusion::sql::sqlparser::tokenizer::{Location, Token};
use domain::{Binding, Bindings};

use crate::errors::SnowflakeError;

const MILLIS_PER_DAY: i64 = 86_400_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The tokens for the `n`th `?`.
pub(crate) fn literal(bindings: &Bindings, n: u32, at: &Location) -> Result<Vec<Token>, SnowflakeError> {
    let Some(binding) = bindings.get(&n) else {
        return Err(SnowflakeError::new(
            "002049",
            "42601",
            format!(
                "SQL compilation error: error line {} at position {}\nBind variable ? not set.",
                at.line,
                at.column.saturating_sub(1)
            ),
        ));
    };
    tokens(binding).ok_or_else(|| {
        SnowflakeError::new(
            "100038",
            "22018",
            format!("Bind value at position {n} is not a valid value of type {}", binding.kind),
        )
    })
}

fn tokens(binding: &Binding) -> Option<Vec<Token>> {
    let Some(value) = binding.value.as_deref() else {
        return Some(vec![Token::make_keyword("NULL")]);
    };
    Some(match binding.kind.to_ascii_uppercase().as_str() {
        "FIXED" => number(value)?,
        "REAL" => real(value)?,
        "TEXT" | "VARIANT" | "OBJECT" | "ARRAY" => vec![text(value)],
        "BOOLEAN" => vec![Token::make_keyword(boolean(value)?)],
        "BINARY" => {
            let is_hex = value.len().is_multiple_of(2) && value.bytes().all(|b| b.is_ascii_hexdigit());
            if !is_hex {
                return None;
            }
            vec![Token::HexStringLiteral(value.to_owned())]
        }
        "DATE" => typed(date(value)?, "DATE"),
        "TIME" => typed(time(value)?, "TIME"),
        "TIMESTAMP_NTZ" => typed(timestamp(value)?, "TIMESTAMP_NTZ"),
        "TIMESTAMP_LTZ" => typed(timestamp(value)? + "Z", "TIMESTAMP_LTZ"),
        // The first number is the instant; the offset after it only says how to print it.
        "TIMESTAMP_TZ" => typed(timestamp(value.split(' ').next()?)? + "Z", "TIMESTAMP_TZ"),
        _ => return None,
    })
}

fn text(value: &str) -> Token {
    Token::SingleQuotedString(value.to_owned())
}

/// `('…'::TYPE)`
fn typed(value: String, name: &str) -> Vec<Token> {
    vec![
        Token::LParen,
        Token::SingleQuotedString(value),
        Token::DoubleColon,
        Token::make_word(name, None),
        Token::RParen,
    ]
}

fn number(value: &str) -> Option<Vec<Token>> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let mut parts = digits.split('.');
    let is_digits =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let is_whole = is_digits(parts.next());
    let fraction = parts.next();
    if !is_whole
        || (fraction.is_some() && !is_digits(fraction))
        || parts.next().is_some()
        || digits.len() > 40
    {
        return None;
    }
    Some(signed(digits, value.starts_with('-')))
}

fn real(value: &str) -> Option<Vec<Token>> {
    let parsed: f64 = value.parse().ok()?;
    if !parsed.is_finite() {
        return Some(typed(parsed.to_string(), "FLOAT"));
    }
    let mut tokens = vec![Token::LParen];
    tokens.extend(signed(&format!("{:e}", parsed.abs()), parsed.is_sign_negative()));
    tokens.extend([Token::DoubleColon, Token::make_word("FLOAT", None), Token::RParen]);
    Some(tokens)
}

fn signed(digits: &str, is_negative: bool) -> Vec<Token> {
    let number = Token::Number(digits.to_owned(), false);
    if is_negative { vec![Token::LParen, Token::Minus, number, Token::RParen] } else { vec![number] }
}

fn boolean(value: &str) -> Option<&'static str> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Some("TRUE"),
        "false" | "0" => Some("FALSE"),
        _ => None,
    }
}

/// Milliseconds since 1970, or a date's own text.
fn date(value: &str) -> Option<String> {
    let Ok(millis) = value.parse::<i64>() else { return Some(value.to_owned()) };
    let days = i32::try_from(millis.div_euclid(MILLIS_PER_DAY)).ok()?;
    Some(date32_to_datetime(days)?.format("%Y-%m-%d").to_string())
}

/// Nanoseconds since midnight, or a time's own text.
fn time(value: &str) -> Option<String> {
    let Ok(nanos) = value.parse::<i64>() else { return Some(value.to_owned()) };
    let seconds = nanos.div_euclid(NANOS_PER_SECOND);
    if !(0..86_400).contains(&seconds) {
        return None;
    }
    let fraction = nanos.rem_euclid(NANOS_PER_SECOND);
    Some(format!("{:02}:{:02}:{:02}.{fraction:09}", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

/// Nanoseconds since 1970, or a timestamp's own text.
fn timestamp(value: &str) -> Option<String> {
    let Ok(nanos) = value.parse::<i64>() else { return Some(value.to_owned()) };
    Some(timestamp_ns_to_datetime(nanos)?.format("%Y-%m-%dT%H:%M:%S%.9f").to_string())
}
