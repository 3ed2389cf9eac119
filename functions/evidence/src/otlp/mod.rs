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

/// Things that one export may tell of prompts and tool uses: as many as collectors put into one (their `batch` processor).
const MOST: usize = 8192;

/// Things that one item may: a model's answer has some tool uses.
const MOST_OF_AN_ITEM: usize = 64;

/// Says that an item cannot be taken: it is counted, and the others are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct LeftOut;

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
    /// Whether part of it cannot be read: then it is left out, and not the export with it.
    is_wrong: bool,
}

/// What an export tells, and how many items of it cannot be taken.
pub(crate) fn read(
    bytes: &[u8],
    signal: Signal,
    form: Form,
    channel: &Channel,
) -> Result<(Vec<Sighting>, u64), Rejected> {
    let (mut sightings, mut left_out): (Vec<Sighting>, u64) = (Vec::new(), 0);
    let mut take = |resource: &Attributes, item: Item| -> Result<(), Rejected> {
        // SECURITY: bounded before it is built: one item may tell of any number.
        let mut room = Room { told: Vec::new(), most: MOST_OF_AN_ITEM.min(MOST - sightings.len()) };
        let told = told::sightings(resource, item, signal, channel, &mut room);
        if told.is_ok() && room.told.iter().all(|sighting| channel.accepts(sighting).is_ok()) {
            sightings.append(&mut room.told);
        } else {
            left_out += 1;
        }
        Ok(())
    };
    match form {
        Form::Protobuf => protobuf::read(bytes, signal, &mut take)?,
        Form::Json => json::read(bytes, signal, &mut take)?,
    }
    Ok((sightings, left_out))
}

/// Where the sightings of one item go.
struct Room {
    told: Vec<Sighting>,
    most: usize,
}

impl Room {
    fn push(&mut self, sighting: Sighting) -> Result<(), LeftOut> {
        if self.told.len() >= self.most {
            return Err(LeftOut);
        }
        self.told.push(sighting);
        Ok(())
    }
}

/// What receives each item with its resource's attributes.
type Take<'a> = dyn FnMut(&Attributes, Item) -> Result<(), Rejected> + 'a;

const LEFT_OUT: &str = "some tell of subjects that this credential does not speak for or that their resource does not name, of too much at once, \
     or have an id or a text that is none or too long";

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
