//! Lines of traces, read as strictly as their format is written (opentelemetry-proto, `trace/v1/trace.proto`, in the JSON of "OTLP
//! specification", "JSON Protobuf Encoding"): whatever is not named here is none of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::kept::Kept;

impl Kept {
    /// All spans, as they ended.
    #[track_caller]
    pub fn spans(&self) -> Vec<Span> {
        read(&self.text())
    }
}

/// A span that was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: Option<String>,
    pub is_root: bool,
    pub began: u64,
    pub ended: u64,
    pub has_failed: bool,
    pub attributes: BTreeMap<String, String>,
    /// Of the process.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    pub fn exchange(&self) -> Option<&str> {
        self.attributes.get("snowgate.exchange").map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TracesJson {
    resource_spans: [ResourceSpans; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResourceSpans {
    resource: ResourceJson,
    scope_spans: [ScopeSpans; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceJson {
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeSpans {
    scope: Scope,
    spans: [SpanJson; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SpanJson {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    status: Status,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    code: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    key: String,
    value: AnyValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum AnyValue {
    StringValue(String),
    IntValue(String),
}

fn attributes(all: Vec<Attribute>) -> BTreeMap<String, String> {
    let count = all.len();
    let read = all.into_iter().map(|Attribute { key, value }| match value {
        AnyValue::StringValue(text) => (key, text),
        AnyValue::IntValue(number) => (key, number.parse::<i64>().unwrap().to_string()),
    });
    let read: BTreeMap<String, String> = read.collect();
    assert_eq!(read.len(), count, "a key stands twice");
    read
}

#[track_caller]
fn id(text: &str, digits: usize) -> String {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    assert!(text.len() == digits && text.bytes().all(is_digit) && text.bytes().any(|b| b != b'0'), "{text}");
    text.to_owned()
}

/// The spans of these lines; one that is none ends the test.
#[track_caller]
pub fn read(text: &str) -> Vec<Span> {
    text.lines()
        .map(|line| {
            let TracesJson { resource_spans: [ResourceSpans { resource, scope_spans: [told] }] } =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let ScopeSpans { scope, spans: [span] } = told;
            assert_eq!(scope.name, "snowgate");
            assert!([1, 2].contains(&span.kind) && [0, 2].contains(&span.status.code), "{line}");
            let nanoseconds = |text: &str| text.parse::<u64>().unwrap();
            Span {
                name: span.name,
                trace: id(&span.trace_id, 32),
                id: id(&span.span_id, 16),
                parent: span.parent_span_id.map(|parent| id(&parent, 16)),
                is_root: span.kind == 2,
                began: nanoseconds(&span.start_time_unix_nano),
                ended: nanoseconds(&span.end_time_unix_nano),
                has_failed: span.status.code == 2,
                attributes: attributes(span.attributes),
                resource: attributes(resource.attributes),
            }
        })
        .collect()
}

/// That these are one trace: one root, everything else below it, each within what it is part of. The root.
#[track_caller]
pub fn one_trace(spans: &[Span]) -> &Span {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "an id was given twice");
    let roots: Vec<&Span> = spans.iter().filter(|span| span.is_root).collect();
    assert_eq!(roots.len(), 1, "{spans:#?}");
    for span in spans {
        assert_eq!(span.trace, roots[0].trace);
        assert!(span.began <= span.ended, "{span:?}");
        if !span.is_root {
            let around = by_id[span.parent.as_deref().unwrap()];
            assert!(around.began <= span.began && span.ended <= around.ended, "{span:?} in {around:?}");
        }
    }
    roots[0]
}
