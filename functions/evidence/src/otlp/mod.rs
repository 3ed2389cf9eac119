//! OTLP over HTTP (OpenTelemetry protocol 1.x, "OTLP/HTTP"): logs and traces, protobuf or JSON.
//!
//! Of an export only what tells of prompts and of tool uses is read; everything else is passed over where it lies, so that a
//! body costs a small multiple of itself however it is made.

mod attributes;
mod json;
mod messages;
mod protobuf;
mod told;

use axum::response::{IntoResponse, Response};
use gateway::{Channel, Sighting};
use http::{HeaderMap, StatusCode, header};

use crate::body;
use crate::rejected::Rejected;
use attributes::Attributes;

/// Things that one export may tell of prompts and tool uses.
const MOST: usize = 4096;

/// Bytes of all prompts that one export may tell, each as often as it tells it: some times the body, so that a few bytes that
/// stand for many do not become many.
const LARGEST: usize = 16 * 1024 * 1024;

/// What is exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signal {
    Logs,
    Traces,
}

/// How it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Protobuf,
    Json,
}

/// The form that the headers say.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, Rejected> {
    match body::essence(headers).as_deref() {
        Some("application/x-protobuf") => Ok(Form::Protobuf),
        Some("application/json") => Ok(Form::Json),
        _ => Err(Rejected::OtlpType),
    }
}

/// One log record or span, as far as it is read.
#[derive(Default)]
struct Item {
    /// A span's name, a log's event name.
    name: String,
    /// 32 lower-case hexadecimal digits.
    trace: Option<String>,
    attributes: Attributes,
}

/// What an export tells.
pub(crate) fn read(
    bytes: &[u8],
    signal: Signal,
    form: Form,
    channel: &Channel,
) -> Result<Vec<Sighting>, Rejected> {
    let mut sightings: Vec<Sighting> = Vec::new();
    let mut texts: usize = 0;
    let mut take = |resource: &Attributes, item: Item| -> Result<(), Rejected> {
        let before = sightings.len();
        told::sightings(resource, item, signal, channel, &mut sightings);
        let new = sightings.iter().skip(before).filter_map(|sighting| sighting.prompt.as_ref());
        texts = new.map(String::len).fold(texts, usize::saturating_add);
        if sightings.len() > MOST || texts > LARGEST { Err(Rejected::TooMany(MOST)) } else { Ok(()) }
    };
    match form {
        Form::Protobuf => protobuf::read(bytes, signal, &mut take)?,
        Form::Json => json::read(bytes, signal, &mut take)?,
    }
    Ok(sightings)
}

/// What receives each item with its resource's attributes.
type Take<'a> = dyn FnMut(&Attributes, Item) -> Result<(), Rejected> + 'a;

const LEFT_OUT: &str = "some told of subjects that this credential does not speak for";

/// The answer to an export that was taken, but for what was left out.
pub(crate) fn answer(form: Form, signal: Signal, left_out: u64) -> Response {
    match form {
        Form::Json => {
            let counted = match signal {
                Signal::Logs => "rejectedLogRecords",
                Signal::Traces => "rejectedSpans",
            };
            let body = if left_out == 0 {
                "{}".to_owned()
            } else {
                serde_json::json!({ "partialSuccess": { counted: left_out.to_string(), "errorMessage": LEFT_OUT } })
                    .to_string()
            };
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Form::Protobuf => {
            let body = if left_out == 0 { Vec::new() } else { protobuf::partial_success(left_out, LEFT_OUT) };
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/x-protobuf")], body).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ChannelKind;
    use gateway::SpeaksFor;

    use super::*;

    fn told(spans: &[serde_json::Value]) -> Result<Vec<Sighting>, Rejected> {
        let channel = Channel {
            name: "claude".into(),
            kind: ChannelKind::Provider,
            speaks_for: SpeaksFor::Anybody,
            issuer: None,
            agent: None,
        };
        let export = serde_json::json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
        read(export.to_string().as_bytes(), Signal::Traces, Form::Json, &channel)
    }

    fn span(prompt: &str, uses: usize) -> serde_json::Value {
        let text =
            |key: &str, value: String| serde_json::json!({ "key": key, "value": { "stringValue": value } });
        let input = serde_json::json!([{ "role": "user", "content": prompt }]);
        let uses: Vec<_> = (0..uses)
            .map(|at| serde_json::json!({ "type": "tool_use", "id": format!("t{at}"), "name": "run_sql" }))
            .collect();
        let output = serde_json::json!([{ "role": "assistant", "content": uses }]);
        let attributes = [
            text("gen_ai.input.messages", input.to_string()),
            text("gen_ai.output.messages", output.to_string()),
        ];
        serde_json::json!({ "name": "messages", "attributes": attributes })
    }

    #[test]
    fn a_prompt_is_not_repeated_for_more_uses_than_a_model_makes() {
        assert_eq!(told(&[span("who owes us?", 9_000)]).map(|sightings| sightings.len()).ok(), Some(64));
        let large = "x".repeat(512 * 1024);
        assert!(matches!(told(&[span(&large, 9_000)]), Err(Rejected::TooMany(_))));
        assert!(told(&[span(&large, 2)]).is_ok());
    }
}
