//! One span as a line.

use serde_json::{Value, json};

use crate::exporter::Place;
use crate::open::Open;

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_SERVER`, `STATUS_CODE_UNSET` and `STATUS_CODE_ERROR` (opentelemetry-proto,
/// `trace/v1/trace.proto`). OTLP JSON writes enumerations as numbers.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const UNSET: u8 = 0;
const ERROR: u8 = 2;

/// `resource` as OTLP writes it.
pub(crate) fn resource(place: &Place) -> Value {
    let function = place.function.as_ref().map(|name| text("faas.name", name));
    let named = [text("service.name", "snowgate"), text("service.version", place.version)];
    json!({ "attributes": named.into_iter().chain(function).collect::<Vec<_>>() })
}

/// The line of a span that has ended, with its line break: `TracesData` of `trace/v1/trace.proto` in OTLP's JSON. Ids are
/// lower-case hexadecimal, times nanoseconds since 1970 in decimal digits, `parentSpanId` is absent where there is none.
///
/// Attributes: `snowgate.exchange`, as recordings name it; `snowgate.busy_us` of a span that was worked on again and again;
/// `http.response.status_code`; `snowgate.left_out` of a root, spans of its trace that were too many to write.
pub(crate) fn of(name: &'static str, open: &Open, resource: &Value, ended: u64) -> String {
    let Open { trace, id, parent, is_root, exchange, began, ended: _, has_failed, status, busy_us } = open;
    let left_out = Some(u64::from(trace.left_out())).filter(|count| *is_root && *count > 0);
    let numbers = [
        ("snowgate.busy_us", *busy_us),
        ("http.response.status_code", *status),
        ("snowgate.left_out", left_out),
    ];
    let attributes = exchange.get().map(|exchange| text("snowgate.exchange", &exchange.to_string()));
    let numbers = numbers.into_iter().filter_map(|(key, value)| Some(number(key, value?)));
    let attributes: Vec<Value> = attributes.into_iter().chain(numbers).collect();
    let has_failed = *has_failed || status.is_some_and(|status| status >= 500);
    let mut span = json!({
        "traceId": format!("{:032x}", trace.id),
        "spanId": format!("{id:016x}"),
        "name": name,
        "kind": if *is_root { SERVER } else { INTERNAL },
        "startTimeUnixNano": began.to_string(),
        "endTimeUnixNano": ended.to_string(),
        "attributes": attributes,
        "status": { "code": if has_failed { ERROR } else { UNSET } },
    });
    if let (Some(parent), Some(span)) = (parent, span.as_object_mut()) {
        span.insert("parentSpanId".to_owned(), format!("{parent:016x}").into());
    }
    let scope = json!({ "scope": { "name": "snowgate" }, "spans": [span] });
    format!("{}\n", json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [scope] }] }))
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// 64-bit numbers are texts in protobuf's JSON.
fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}
