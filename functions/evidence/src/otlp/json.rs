//! OTLP in JSON (protobuf's mapping, ids in hexadecimal digits), read level by level: what is passed over is never built, and a
//! value is read once, however deep it is.

use std::fmt;

use gateway::SpanId;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::attributes::{Attributes, Resource, push_text};
use super::{Found, Item, Signal, SpanPlace, Take};
use crate::body::{self, Lossy, each, text_of};
use crate::rejected::Rejected;

/// Values within values at most.
const DEEPEST: u32 = 32;

const MALFORMED: Rejected = Rejected::Malformed("an OTLP export in JSON");

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow, rename = "resourceLogs")]
    logs: Option<&'a RawValue>,
    #[serde(borrow, rename = "resourceSpans")]
    spans: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, rename = "scopeLogs")]
    logs: Option<&'a RawValue>,
    #[serde(borrow, rename = "scopeSpans")]
    spans: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Scope<'a> {
    #[serde(borrow, rename = "logRecords")]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Element<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventName")]
    event_name: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow, rename = "traceId")]
    trace: Option<&'a RawValue>,
    #[serde(borrow, rename = "spanId")]
    span: Option<&'a RawValue>,
    #[serde(borrow, rename = "parentSpanId")]
    parent: Option<&'a RawValue>,
    #[serde(borrow, rename = "startTimeUnixNano")]
    begun: Option<&'a RawValue>,
    /// Of a log record.
    #[serde(borrow, rename = "timeUnixNano")]
    written: Option<&'a RawValue>,
    /// Likewise, where the former is not known.
    #[serde(borrow, rename = "observedTimeUnixNano")]
    observed: Option<&'a RawValue>,
    #[serde(borrow, rename = "endTimeUnixNano")]
    ended: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Described<'a> {
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AnyText<'a> {
    #[serde(borrow, rename = "stringValue")]
    text: Option<&'a RawValue>,
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Rejected> {
    body::object(text).ok_or(MALFORMED)
}

/// The elements of a list that may be absent, until one of them is rejected.
fn elements<'a>(
    list: Option<&'a RawValue>,
    take: &mut dyn FnMut(&'a str) -> Result<(), Rejected>,
) -> Result<(), Rejected> {
    let Some(list) = list else { return Ok(()) };
    let mut rejected = None;
    let read = each(list.get(), &mut |element| match take(element.get()) {
        Ok(()) => Some(()),
        Err(why) => {
            rejected = Some(why);
            None
        }
    });
    match (rejected, read) {
        (Some(why), _) => Err(why),
        (None, Some(())) => Ok(()),
        (None, None) => Err(MALFORMED),
    }
}

/// Hands every log record or span on.
pub(super) fn read(bytes: &[u8], signal: Signal, take: &mut Take<'_>) -> Result<(), Rejected> {
    let text = std::str::from_utf8(bytes).map_err(|_| MALFORMED)?;
    let top: Top<'_> = parse(text)?;
    let is_logs = signal == Signal::Logs;
    let mut number = 0;
    elements(if is_logs { top.logs } else { top.spans }, &mut |group| {
        let group: Group<'_> = parse(group)?;
        number += 1;
        let mut resource = Attributes::default();
        if let Some(raw) = group.resource {
            set(parse::<Described<'_>>(raw.get())?.attributes, &mut resource)?;
        }
        let resource = Resource::from(resource);
        elements(if is_logs { group.logs } else { group.spans }, &mut |scope| {
            let scope: Scope<'_> = parse(scope)?;
            elements(if is_logs { scope.records } else { scope.spans }, &mut |element| {
                take(Found { group: number, resource: &resource, item: element.as_bytes() })
            })
        })
    })
}

/// One log record or span: what is wrong with it is its own alone.
pub(super) fn item(text: &[u8]) -> Item {
    let wrong = || Item { is_wrong: true, ..Item::default() };
    let Some(element) = std::str::from_utf8(text).ok().and_then(body::object::<Element<'_>>) else {
        return wrong();
    };
    let mut attributes = Attributes::default();
    let Ok(is_whole) = set(element.attributes, &mut attributes) else { return wrong() };
    let mut is_wrong = !is_whole;
    let mut text = |raw: Option<&RawValue>| {
        let raw = raw.filter(|raw| raw.get() != "null")?;
        let text = text_of(raw.get());
        is_wrong |= text.is_none();
        text
    };
    let (name, event_name, trace) = (text(element.name), text(element.event_name), text(element.trace));
    let trace = trace_of(&trace.unwrap_or_default()).unwrap_or_else(|| {
        is_wrong = true;
        None
    });
    let place = SpanPlace {
        span: element.span.and_then(span_of),
        parent: element.parent.and_then(span_of),
        begun: [element.begun, element.written, element.observed].into_iter().flatten().find_map(moment_of),
        ended: element.ended.and_then(moment_of),
    };
    let body = || -> Option<String> {
        let any: AnyText<'_> = body::object(element.body?.get())?;
        Some(text_of(any.text?.get())?.chars().take(64).collect())
    };
    let name = name.or(event_name).or_else(body).unwrap_or_default();
    Item { name, trace, attributes, place, is_wrong }
}

/// A span's id; none where it is none.
fn span_of(raw: &RawValue) -> Option<SpanId> {
    let digits =
        text_of(raw.get()).filter(|text| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let mut id = [0; 8];
    for (byte, two) in id.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()?;
    }
    Some(SpanId(id)).filter(|SpanId(id)| *id != [0; 8])
}

/// Nanoseconds, a text or a number.
fn moment_of(raw: &RawValue) -> Option<u64> {
    let text = text_of(raw.get());
    text.as_deref().unwrap_or(raw.get()).parse().ok().filter(|moment| *moment > 0)
}

/// JSON writes ids in hexadecimal digits, whatever their case. None where it is no id.
fn trace_of(text: &str) -> Option<Option<String>> {
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (text.is_empty(), is_id) {
        (true, _) => Some(None),
        (_, true) if text.bytes().all(|byte| byte == b'0') => Some(None),
        (_, true) => Some(Some(text.to_ascii_lowercase())),
        (_, false) => None,
    }
}

/// Sets those that are known; whether each of them could be read.
fn set(pairs: Option<&RawValue>, into: &mut Attributes) -> Result<bool, Rejected> {
    let mut is_whole = true;
    elements(pairs, &mut |pair| {
        let pair = body::object::<Pair<'_>>(pair);
        let Some((key, value)) = pair.and_then(|pair| Some((text_of(pair.key?.get())?, pair.value))) else {
            is_whole = false;
            return Ok(());
        };
        let (Some(known), Some(value)) = (Attributes::known(&key), value) else { return Ok(()) };
        let text = match body::object::<AnyText<'_>>(value.get()) {
            Some(AnyText { text: Some(text) }) => text_of(text.get()),
            Some(AnyText { text: None }) => plain(value.get()),
            None => None,
        };
        match text {
            Some(text) => into.set(known, text),
            None => is_whole = false,
        }
        Ok(())
    })?;
    Ok(is_whole)
}

/// An `AnyValue` as plain JSON; numbers and truth values are nobody's here. None where it is none, or too deep.
fn plain(any: &str) -> Option<String> {
    let mut out = String::new();
    let mut json = serde_json::Deserializer::from_str(any);
    Plain { what: What::Value, depth: 0, out: &mut out }.deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(out)
}

/// What is written while it is read.
#[derive(Clone, Copy)]
enum What {
    /// An `AnyValue`.
    Value,
    /// An `ArrayValue`.
    List,
    /// A `KeyValueList`.
    Map,
    /// The values of a list.
    Values,
    /// The pairs of a map.
    Pairs,
    /// A `KeyValue`.
    Pair,
}

struct Plain<'o> {
    what: What,
    depth: u32,
    out: &'o mut String,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "stringValue")]
    Text,
    #[serde(rename = "arrayValue")]
    List,
    #[serde(rename = "kvlistValue")]
    Map,
    #[serde(rename = "values")]
    Values,
    #[serde(rename = "key")]
    Name,
    #[serde(rename = "value")]
    Value,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.depth > DEEPEST {
            return Err(D::Error::custom("too deep"));
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OTLP value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.out.push_str("null");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { what, depth, out } = self;
        let (element, open, close) = match what {
            What::Values => (What::Value, '[', ']'),
            What::Pairs => (What::Pair, '{', '}'),
            What::Value | What::List | What::Map | What::Pair => return Err(A::Error::custom("a list")),
        };
        out.push(open);
        let mut is_first = true;
        loop {
            let before = out.len();
            if !is_first {
                out.push(',');
            }
            if list.next_element_seed(Plain { what: element, depth, out: &mut *out })?.is_none() {
                out.truncate(before);
                break;
            }
            is_first = false;
        }
        out.push(close);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { what, depth, out } = self;
        let start = out.len();
        let (mut name, mut value) = (None, false);
        while let Some(key) = map.next_key::<Key>()? {
            let next = match (what, key) {
                (What::Value, Key::Text) => {
                    // The last of a oneof counts.
                    out.truncate(start);
                    if !push_text(&map.next_value::<Lossy>()?.0, out) {
                        return Err(A::Error::custom("too long"));
                    }
                    continue;
                }
                (What::Pair, Key::Name) => {
                    name = Some(map.next_value::<Lossy>()?.0);
                    continue;
                }
                (What::Value, Key::List) => Plain { what: What::List, depth: depth + 1, out: &mut *out },
                (What::Value, Key::Map) => Plain { what: What::Map, depth: depth + 1, out: &mut *out },
                (What::List, Key::Values) => Plain { what: What::Values, depth, out: &mut *out },
                (What::Map, Key::Values) => Plain { what: What::Pairs, depth, out: &mut *out },
                (What::Pair, Key::Value) => {
                    value = true;
                    Plain { what: What::Value, depth, out: &mut *out }
                }
                (_, _) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            next.out.truncate(start);
            map.next_value_seed(next)?;
        }
        match what {
            What::Pair => {
                if !value {
                    out.push_str("null");
                }
                let mut key = String::new();
                if !push_text(&name.unwrap_or_default(), &mut key) {
                    return Err(A::Error::custom("too long"));
                }
                key.push(':');
                out.insert_str(start, &key);
            }
            What::Value if out.len() == start => out.push_str("null"),
            What::List if out.len() == start => out.push_str("[]"),
            What::Map if out.len() == start => out.push_str("{}"),
            What::Value | What::List | What::Map | What::Values | What::Pairs => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str, signal: Signal) -> Result<Vec<Item>, Rejected> {
        let mut items = Vec::new();
        read(text.as_bytes(), signal, &mut |found| {
            items.push(item(found.item));
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
        assert_eq!((found[0].trace.clone(), found[0].place.begun), (Some("ab".repeat(16)), Some(1)));
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
            r#"{"resourceLogs":[{"scopeLogs":7}]}"#,
        ] {
            assert!(items(text, Signal::Logs).is_err(), "{text}");
        }
        assert!(items(&"[".repeat(200_000), Signal::Logs).is_err());
        // What one item says wrong is that item's alone.
        for text in [
            with(&deep),
            with("3"),
            with("{\"stringValue\":3}"),
            with(r#"{"arrayValue":{"values":7}}"#),
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}"#.to_owned(),
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":1}]}]}]}]}"#.to_owned(),
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":5}]}]}]}"#.to_owned(),
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[7]}]}]}"#.to_owned(),
        ] {
            let found = items(&text, Signal::Logs).unwrap();
            assert!(found[0].is_wrong && found[0].trace.is_none(), "{text}");
        }
    }

    #[test]
    fn half_of_an_emoji_costs_nothing_but_itself() {
        let half = "\u{fffd}\u{fffd}\u{fffd}";
        for (value, expected) in [
            (r#"{"stringValue":"hi \ud83d"}"#, format!("hi {half}")),
            (r#"{"arrayValue":{"values":[{"stringValue":"\ud83d"}]}}"#, format!(r#"["{half}"]"#)),
        ] {
            let text = format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"attributes":[{{"key":"prompt","value":{value}}}]}}]}}]}}]}}"#
            );
            let found = items(&text, Signal::Logs).unwrap();
            assert_eq!(
                (found[0].attributes.get("prompt"), found[0].is_wrong),
                (Some(expected.as_str()), false)
            );
        }
    }

    #[test]
    fn a_key_that_is_half_a_character_is_passed_over() {
        let pairs =
            r#"{"key":"\ud83d","value":{"stringValue":"x"}},{"key":"prompt","value":{"stringValue":"hi"}}"#;
        let text = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"attributes":[{pairs}]}}]}}]}}]}}"#
        );
        let found = items(&text, Signal::Logs).unwrap();
        assert_eq!((found[0].attributes.get("prompt"), found[0].is_wrong), (Some("hi"), false));
    }

    #[test]
    fn a_span_tells_where_it_stands() {
        let span = r#"{"name":"a","spanId":"00f067aa0ba902b7","parentSpanId":"B7AD6B7169203331",
            "startTimeUnixNano":"1700000000000000001","endTimeUnixNano":1700000000000000002}"#;
        let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
        let SpanPlace { span, parent, begun, ended } = items(&text, Signal::Traces).unwrap().remove(0).place;
        assert_eq!(span, Some(SpanId([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])));
        assert_eq!(parent, Some(SpanId([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])));
        assert_eq!((begun, ended), (Some(1_700_000_000_000_000_001), Some(1_700_000_000_000_000_002)));
        for odd in ["7", r#""""#, r#""0000000000000000""#, r#""zzzzzzzzzzzzzzzz""#, r#""+1+1+1+1+1+1+1+1""#] {
            let text =
                format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"spanId":{odd}}}]}}]}}]}}"#);
            let found = items(&text, Signal::Traces).unwrap().remove(0);
            assert_eq!((found.place.span, found.is_wrong), (None, false), "{odd}");
        }
    }

    #[test]
    fn a_value_is_read_once_however_deep_it_is() {
        // Each level anew would be 30 times 4 MB.
        let value = format!(
            r#"{}{{"arrayValue":{{"values":[{}]}}}}{}"#,
            r#"{"arrayValue":{"values":["#.repeat(29),
            vec![r#"{"intValue":"1"}"#; 200_000].join(","),
            "]}}".repeat(29)
        );
        let read = plain(&value).unwrap();
        assert_eq!(read.len(), 2 * 30 + 200_000 * 5 - 1);
        for (value, json) in [
            (
                r#"{"kvlistValue":{"values":[{"value":{"stringValue":"v"},"key":"k"},{"key":"l"}]}}"#,
                r#"{"k":"v","l":null}"#,
            ),
            (r#"{"arrayValue":{}}"#, "[]"),
            (r#"{"kvlistValue":{"x":1}}"#, "{}"),
            ("{}", "null"),
        ] {
            assert_eq!(plain(value).as_deref(), Some(json), "{value}");
        }
    }
}
