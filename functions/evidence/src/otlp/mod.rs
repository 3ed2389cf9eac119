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
use domain::ChannelKind;
use gateway::{Channel, Sighting, SpanId};
use http::{HeaderMap, StatusCode, header};

use crate::body;
use crate::rejected::Rejected;
use attributes::Attributes;
use told::Parents;

/// Things that are taken in at once, as many as collectors put into one export (their `batch` processor): of a larger one the rest
/// follows, so that nobody's many leave out what stands behind them.
const PIECE: usize = 8192;

/// Log records or spans of one export at most: the smallest are two bytes, and each costs its reading.
const MOST_ITEMS: usize = 200_000;

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
    place: Place,
    /// Whether part of it cannot be read: then it is left out, and not the export with it.
    is_wrong: bool,
}

/// Where a span stands.
#[derive(Default)]
struct Place {
    span: Option<SpanId>,
    parent: Option<SpanId>,
    /// Nanoseconds since 1970.
    begun: Option<u64>,
    ended: Option<u64>,
}

/// What some items of an export tell.
pub(crate) struct Piece {
    pub sightings: Vec<Sighting>,
    /// How many of them cannot be taken.
    pub left_out: u64,
    /// What was not read for what it tells; none where all was.
    pub next: Option<Rest>,
}

/// Where an export is read on. It begins with all of it.
#[derive(Default)]
pub(crate) struct Rest {
    /// The first item.
    from: usize,
    /// Which spans lie in which, once that is read.
    parents: Option<Parents>,
}

/// What the rest of an export tells: all of it, or a first piece. The whole export must be one before its first piece is told, so
/// that of what is none nothing is kept; afterwards what is not of the piece is passed over where it lies.
pub(crate) fn read(
    bytes: &[u8],
    signal: Signal,
    form: Form,
    channel: &Channel,
    rest: Rest,
) -> Result<Piece, Rejected> {
    let Rest { from, parents } = rest;
    let all = |take: &mut Take<'_>| {
        let mut count: usize = 0;
        let mut counted = |resource: &Attributes, item: &mut Unread<'_>| {
            count = count.saturating_add(1);
            if count > MOST_ITEMS {
                Err(Rejected::TooMany { most: MOST_ITEMS })
            } else {
                take(resource, item)
            }
        };
        match form {
            Form::Protobuf => protobuf::read(bytes, signal, &mut counted),
            Form::Json => json::read(bytes, signal, &mut counted),
        }
    };
    let parents = match parents {
        Some(parents) => parents,
        None => {
            let mut parents = Parents::default();
            // Of the provider's spans none is a client's.
            if signal == Signal::Traces && channel.kind == ChannelKind::Telemetry {
                all(&mut |resource, item| {
                    parents.add(channel, resource, &item()?);
                    Ok(())
                })?;
            }
            parents
        }
    };
    let (mut number, mut next) = (0, None);
    let mut piece = Piece { sightings: Vec::new(), left_out: 0, next: None };
    all(&mut |resource, item| {
        let at = number;
        number += 1;
        if next.is_none() && piece.sightings.len() >= PIECE {
            next = Some(at);
        }
        let is_of_piece = at >= from && next.is_none();
        // The first time all of it is read, whatever it tells.
        if !is_of_piece && from > 0 {
            return Ok(());
        }
        let item = item()?;
        if !is_of_piece {
            return Ok(());
        }
        // SECURITY: bounded before it is built: one item may tell of any number.
        let mut room = Room { told: Vec::new(), most: MOST_OF_AN_ITEM };
        let told = told::sightings(resource, item, (signal, &parents), channel, &mut room);
        if told.is_ok() && room.told.iter().all(|sighting| channel.accepts(sighting).is_ok()) {
            piece.sightings.append(&mut room.told);
        } else {
            piece.left_out += 1;
        }
        Ok(())
    })?;
    piece.next = next.map(|from| Rest { from, parents: Some(parents) });
    Ok(piece)
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

/// What receives each item, not read yet, with its resource's attributes.
type Take<'a> = dyn FnMut(&Attributes, &mut Unread<'_>) -> Result<(), Rejected> + 'a;

/// An item that is read when it is called.
type Unread<'a> = dyn FnMut() -> Result<Item, Rejected> + 'a;

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
