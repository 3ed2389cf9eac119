//! OTLP in JSON (protobuf's mapping, ids in hexadecimal digits), read level by level: what is passed over is never built.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::attributes::Attributes;
use super::{Item, Signal, Take};
use crate::body;
use crate::rejected::Rejected;

/// Values within values at most: each level is read once more. Messages with the arguments of a tool have seven.
const DEEPEST: u32 = 12;

const MALFORMED: Rejected = Rejected::Malformed("an OTLP export in JSON");

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow, default, rename = "resourceLogs")]
    logs: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "resourceSpans")]
    spans: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "scopeLogs")]
    logs: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "scopeSpans")]
    spans: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Scope<'a> {
    #[serde(borrow, default, rename = "logRecords")]
    records: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    spans: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Element<'a> {
    name: Option<String>,
    #[serde(rename = "eventName")]
    event_name: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(rename = "traceId")]
    trace: Option<String>,
    #[serde(borrow, default)]
    attributes: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    attributes: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Any<'a> {
    #[serde(rename = "stringValue")]
    text: Option<String>,
    #[serde(borrow, rename = "arrayValue")]
    list: Option<&'a RawValue>,
    #[serde(borrow, rename = "kvlistValue")]
    map: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow, default)]
    values: Vec<&'a RawValue>,
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Rejected> {
    body::object(text).ok_or(MALFORMED)
}

/// Hands every log record or span on.
pub(super) fn read(bytes: &[u8], signal: Signal, take: &mut Take<'_>) -> Result<(), Rejected> {
    let text = std::str::from_utf8(bytes).map_err(|_| MALFORMED)?;
    let top: Top<'_> = parse(text)?;
    let groups = match signal {
        Signal::Logs => top.logs,
        Signal::Traces => top.spans,
    };
    for group in groups {
        let group: Group<'_> = parse(group.get())?;
        let mut resource = Attributes::default();
        if let Some(raw) = group.resource {
            set(&parse::<Resource<'_>>(raw.get())?.attributes, &mut resource)?;
        }
        let scopes = match signal {
            Signal::Logs => group.logs,
            Signal::Traces => group.spans,
        };
        for scope in scopes {
            let scope: Scope<'_> = parse(scope.get())?;
            let elements = match signal {
                Signal::Logs => scope.records,
                Signal::Traces => scope.spans,
            };
            for element in elements {
                take(&resource, item(element.get())?)?;
            }
        }
    }
    Ok(())
}

fn item(text: &str) -> Result<Item, Rejected> {
    let element: Element<'_> = parse(text)?;
    let mut attributes = Attributes::default();
    set(&element.attributes, &mut attributes)?;
    let trace = element.trace.as_deref().and_then(trace_of);
    let body = || -> Option<String> {
        let any: Any<'_> = serde_json::from_str(element.body?.get()).ok()?;
        Some(any.text?.chars().take(64).collect())
    };
    let name = element.name.or(element.event_name).or_else(body).unwrap_or_default();
    Ok(Item { name, trace, attributes })
}

/// JSON writes ids in hexadecimal digits, whatever their case.
fn trace_of(text: &str) -> Option<String> {
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (text.is_empty(), is_id) {
        (true, _) => None,
        (_, true) if text.bytes().all(|byte| byte == b'0') => None,
        (_, true) => Some(text.to_ascii_lowercase()),
        // Nobody's trace: what else the item tells is told all the same.
        (_, false) => None,
    }
}

fn set(pairs: &[&RawValue], into: &mut Attributes) -> Result<(), Rejected> {
    for pair in pairs {
        let pair: Pair<'_> = parse(pair.get())?;
        let (Some(known), Some(value)) = (Attributes::known(&pair.key), pair.value) else { continue };
        let any: Any<'_> = parse(value.get())?;
        let text = match any.text {
            Some(text) => text,
            None => {
                let mut json = String::new();
                write(value.get(), 0, &mut json)?;
                json
            }
        };
        into.set(known, text);
    }
    Ok(())
}

/// An `AnyValue` as plain JSON; numbers and truth values are nobody's here.
fn write(any: &str, depth: u32, out: &mut String) -> Result<(), Rejected> {
    if depth > DEEPEST {
        return Err(MALFORMED);
    }
    let any: Any<'_> = parse(any)?;
    if let Some(text) = any.text {
        push_text(&text, out);
    } else if let Some(list) = any.list {
        out.push('[');
        for (at, value) in parse::<Values<'_>>(list.get())?.values.into_iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write(value.get(), depth + 1, out)?;
        }
        out.push(']');
    } else if let Some(map) = any.map {
        out.push('{');
        for (at, pair) in parse::<Values<'_>>(map.get())?.values.into_iter().enumerate() {
            let pair: Pair<'_> = parse(pair.get())?;
            if at > 0 {
                out.push(',');
            }
            push_text(&pair.key, out);
            out.push(':');
            match pair.value {
                Some(value) => write(value.get(), depth + 1, out)?,
                None => out.push_str("null"),
            }
        }
        out.push('}');
    } else {
        out.push_str("null");
    }
    Ok(())
}

fn push_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str, signal: Signal) -> Result<Vec<Item>, Rejected> {
        let mut items = Vec::new();
        read(text.as_bytes(), signal, &mut |_, item| {
            items.push(item);
            Ok(())
        })?;
        Ok(items)
    }

    #[test]
    fn a_log_and_a_span_are_read() {
        let logs = r#"{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"scope":{"name":"x"},"logRecords":[
            {"timeUnixNano":"1","body":{"stringValue":"claude_code.user_prompt"},"traceId":"ABABABABABABABABABABABABABABABAB",
             "attributes":[{"key":"prompt","value":{"stringValue":"hi"}},{"key":"n","value":{"intValue":"3"}}]}]}]}]}"#;
        let found = items(logs, Signal::Logs).unwrap();
        assert_eq!(
            (found[0].name.as_str(), found[0].attributes.get("prompt")),
            ("claude_code.user_prompt", Some("hi"))
        );
        assert_eq!(found[0].trace, Some("ab".repeat(16)));
        assert!(items(logs, Signal::Traces).unwrap().is_empty());
        let spans = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a","traceId":"","attributes":[{"key":
            "gen_ai.input.messages","value":{"arrayValue":{"values":[{"kvlistValue":{"values":[{"key":"role","value":
            {"stringValue":"us\"er"}},{"key":"n","value":{"intValue":"3"}}]}}]}}}]}]}]}]}"#;
        let found = items(spans, Signal::Traces).unwrap();
        assert_eq!(found[0].attributes.get("gen_ai.input.messages"), Some(r#"[{"role":"us\"er","n":null}]"#));
    }

    #[test]
    fn what_is_no_export_is_refused() {
        let with = |value: &str| {
            format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"attributes":[{{"key":"prompt","value":{value}}}]}}]}}]}}]}}"#
            )
        };
        let deep = format!(
            "{}{}{}",
            r#"{"arrayValue":{"values":["#.repeat(60),
            r#"{"stringValue":"x"}"#,
            "]}}".repeat(60)
        );
        for text in [
            "",
            "[]",
            "{\"resourceLogs\":{}}",
            "{\"resourceLogs\":[1]}",
            &with("3"),
            &with("{\"stringValue\":3}"),
            &with(&deep),
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":1}]}]}]}]}"#,
        ] {
            assert!(items(text, Signal::Logs).is_err(), "{text}");
        }
        assert!(items(&"[".repeat(200_000), Signal::Logs).is_err());
        // An id of another form is nobody's, and no reason to lose the rest.
        let odd = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}"#;
        assert_eq!(items(odd, Signal::Logs).unwrap()[0].trace, None);
    }
}
