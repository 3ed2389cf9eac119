//! Bound values.

use domain::{Binding, Bindings};

use crate::reading::members::{Members, Value};
use crate::reading::rejected::{Name, Rejected};

/// The types that a value may be bound as (section 1.3).
const TYPES: [&str; 10] = [
    "FIXED",
    "REAL",
    "TEXT",
    "BINARY",
    "BOOLEAN",
    "DATE",
    "TIME",
    "TIMESTAMP_LTZ",
    "TIMESTAMP_NTZ",
    "TIMESTAMP_TZ",
];

const WITHIN: &str = "bindings.";

/// Reads `{"1":{"type":"FIXED","value":"42"},…}`: positions from 1 without gaps, values as strings or null.
///
/// A `fmt` and an array of values (one entry a row) are refused: nothing behind this door could run them as meant.
///
/// # Errors
/// [`Rejected::Member`] naming the position, never its value.
pub(crate) fn read(members: Members<'_>) -> Result<Bindings, Rejected> {
    let mut bindings = Bindings::new();
    for (position, raw) in members.into_rest() {
        let at = parse_position(&position)?;
        let mut binding = Value::new(WITHIN, Name::position(at), raw).object("bindings[].")?;
        let here = || Value::new(WITHIN, Name::position(at), raw);
        let kind = binding.take("type").ok_or_else(|| here().rejected("needs a `type`"))?.text()?;
        let kind = TYPES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&kind))
            .ok_or_else(|| here().rejected("has a `type` that no value can be bound as"))?;
        if !binding.has("value") {
            return Err(here().rejected("needs a `value`: a string, or null"));
        }
        let value = binding.take("value").map(|value| value.text()).transpose()?;
        if binding.take("fmt").is_some() {
            return Err(here().rejected("has a `fmt`, which is not supported: bind in the documented form"));
        }
        binding.end()?;
        bindings.insert(at, Binding { kind: (*kind).to_owned(), value });
    }
    let gap = bindings.keys().zip(1..).find(|(at, expected)| *at != expected);
    match gap {
        None => Ok(bindings),
        Some((_, missing)) => Err(Rejected::Member {
            within: WITHIN,
            name: Name::position(missing),
            problem: "is missing: positions count from 1 without gaps",
        }),
    }
}

/// A position, in its one spelling.
fn parse_position(text: &str) -> Result<u32, Rejected> {
    let at: Option<u32> = text.parse().ok();
    at.filter(|at| (1..=65_535).contains(at) && at.to_string() == text).ok_or(Rejected::Member {
        within: WITHIN,
        name: Name::new(text),
        problem: "is not a position, counting from 1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(body: &str) -> Result<Bindings, String> {
        Members::of_body(body).and_then(read).map_err(|rejected| rejected.to_string())
    }

    #[track_caller]
    fn refuses(body: &str, why: &str) {
        let message = bound(body).map(|_| ()).unwrap_err();
        assert!(message.contains(why), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }

    #[test]
    fn every_type_is_bound_in_its_wire_spelling() {
        for kind in TYPES {
            let bindings = bound(&format!(r#"{{"1":{{"type":"{kind}","value":"42"}}}}"#)).unwrap();
            assert_eq!(bindings[&1], Binding { kind: kind.to_owned(), value: Some("42".to_owned()) });
        }
        let bindings = bound(r#"{"2":{"type":"text","value":null},"1":{"type":"TEXT","value":""}}"#).unwrap();
        assert_eq!(bindings[&1].value.as_deref(), Some(""));
        assert_eq!(bindings[&2], Binding { kind: "TEXT".to_owned(), value: None });
    }

    #[test]
    fn ten_values_stand_in_the_order_of_their_numbers() {
        let members: Vec<String> =
            (1..=10).map(|at| format!(r#""{at}":{{"type":"FIXED","value":"{at}"}}"#)).collect();
        let bindings = bound(&format!("{{{}}}", members.join(","))).unwrap();
        assert!(bindings.iter().all(|(at, binding)| binding.value == Some(at.to_string())));
    }

    #[test]
    fn what_is_not_a_bound_value_is_refused_by_its_position() {
        refuses(r#"{"1":"s3cret"}"#, "bindings.`1` must be an object");
        refuses(r#"{"1":{"value":"s3cret"}}"#, "bindings.`1` needs a `type`");
        refuses(r#"{"1":{"type":"TEXT"}}"#, "bindings.`1` needs a `value`");
        refuses(r#"{"1":{"type":"s3cret","value":"1"}}"#, "bindings.`1` has a `type`");
        refuses(r#"{"1":{"type":"VARIANT","value":"s3cret"}}"#, "bindings.`1` has a `type`");
        refuses(r#"{"1":{"type":"FIXED","value":3}}"#, "bindings[].`value` must be a string");
        refuses(r#"{"1":{"type":"FIXED","value":["1","s3cret"]}}"#, "bindings[].`value` must be a string");
        refuses(r#"{"1":{"type":"DATE","value":"s3cret","fmt":"YYYY"}}"#, "`fmt`");
        refuses(r#"{"1":{"type":"TEXT","value":"a","schema":"s3cret"}}"#, "bindings[].`schema`");
        refuses(
            r#"{"1":{"type":"TEXT","value":"a"},"3":{"type":"TEXT","value":"b"}}"#,
            "bindings.`2` is missing",
        );
        refuses(r#"{"2":{"type":"TEXT","value":"s3cret"}}"#, "bindings.`1` is missing");
        for position in ["0", "01", "+1", "-1", "1.0", "s3cret value", "4294967296", "65536"] {
            refuses(&format!(r#"{{"{position}":{{"type":"TEXT","value":"a"}}}}"#), "is not a position");
        }
        refuses(r#"{"1":{"type":"TEXT","value":"a"},"1":{"type":"TEXT","value":"b"}}"#, "stands twice");
    }
}
