//! Which revision a request is written in, and whether its headers and its body say the same.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::message::{Failure, Message, problem};
use super::tasks;
use super::tools::INSTRUCTIONS;
use crate::reading::headers::once;
use crate::reading::members::Members;
use crate::reading::rejected::Rejected;

/// The revision in which each request carries what is needed to understand it.
const CURRENT: &str = "2026-07-28";

/// Those that begin with `initialize`, the newest first. Earlier ones let a client send several messages at once.
const WITH_HANDSHAKE: [&str; 2] = ["2025-11-25", "2025-06-18"];

const VERSION_HEADER: &str = "mcp-protocol-version";
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
const VERSION_MEMBER: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_MEMBER: &str = "io.modelcontextprotocol/clientCapabilities";

/// How requests of a client are to be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Era {
    /// After `initialize`, which this server does not remember: revisions up to 2025-11-25.
    Handshake,
    /// Each by itself: 2026-07-28.
    EachRequest,
}

impl Era {
    /// The HTTP status of an error of the protocol.
    pub fn status(self, failure: &Failure) -> StatusCode {
        match (self, failure.code) {
            (Self::EachRequest, Failure::UNKNOWN_METHOD) => StatusCode::NOT_FOUND,
            (Self::EachRequest, Failure::INVALID_PARAMS) => StatusCode::BAD_REQUEST,
            (_, Failure::PARSE | Failure::INVALID_REQUEST) => StatusCode::BAD_REQUEST,
            (_, Failure::HEADER_MISMATCH | Failure::UNSUPPORTED_REVISION | Failure::MISSING_CAPABILITY) => {
                StatusCode::BAD_REQUEST
            }
            // Earlier revisions give errors of a request no status of their own.
            _ => StatusCode::OK,
        }
    }

    /// `resultType` of a result that is whole; earlier revisions know none.
    pub fn result_type(self) -> Option<&'static str> {
        match self {
            Self::EachRequest => Some("complete"),
            Self::Handshake => None,
        }
    }
}

/// Tells the era of a request, and holds it to the rules of its revision.
///
/// # Errors
/// The specified error; its HTTP status is 400.
pub(super) fn of(headers: &HeaderMap, message: &mut Message<'_>) -> Result<Era, Failure> {
    let said = header(headers, VERSION_HEADER)?;
    let in_body = match message.meta.as_mut().and_then(|meta| meta.take(VERSION_MEMBER)) {
        Some(version) => Some(version.text().map_err(|rejected| Failure::params(problem(&rejected)))?),
        None => None,
    };
    match (said.as_deref(), &in_body) {
        // `initialize` comes without the header, and so do the clients that forget it.
        (None, None) => return Ok(Era::Handshake),
        (Some(said), None) if WITH_HANDSHAKE.contains(&said) => return Ok(Era::Handshake),
        (Some(said), None) if said != CURRENT => return Err(unsupported(said)),
        (Some(_) | None, _) => {}
    }
    let has_capabilities = message.meta.as_ref().is_some_and(|meta| meta.has(CAPABILITIES_MEMBER));
    let (Some(in_body), true) = (in_body, has_capabilities) else {
        return Err(Failure::params(format!(
            "`params._meta` must say `{VERSION_MEMBER}` and `{CAPABILITIES_MEMBER}`"
        )));
    };
    if said.as_deref() != Some(in_body.as_str()) {
        return Err(mismatch("MCP-Protocol-Version"));
    }
    if header(headers, METHOD_HEADER)?.as_deref() != Some(message.method.as_str()) {
        return Err(mismatch("Mcp-Method"));
    }
    let named = match message.method.as_str() {
        "tools/call" | "prompts/get" => message.params.as_ref().and_then(|params| params.text_of("name")),
        "tasks/get" | "tasks/update" | "tasks/cancel" => {
            message.params.as_ref().and_then(|params| params.text_of("taskId"))
        }
        "resources/read" => message.params.as_ref().and_then(|params| params.text_of("uri")),
        _ => None,
    };
    if let Some(named) = named {
        let header = header(headers, NAME_HEADER)?;
        if header.as_deref().and_then(decoded).as_deref() != Some(named.as_str()) {
            return Err(mismatch("Mcp-Name"));
        }
    }
    if in_body != CURRENT {
        return Err(unsupported(&in_body));
    }
    Ok(Era::EachRequest)
}

/// Whether a request's own capabilities declare the extension of tasks; they are taken out of `_meta`.
pub(super) fn takes_tasks(meta: &mut Members<'_>) -> bool {
    let capabilities = meta.take(CAPABILITIES_MEMBER).and_then(|value| value.object("").ok());
    let extensions = capabilities.and_then(|mut capabilities| capabilities.take("extensions"));
    let extensions = extensions.and_then(|value| value.object("").ok());
    extensions.is_some_and(|mut extensions| extensions.take(tasks::EXTENSION).is_some())
}

/// A header that stands once at most and is visible ASCII.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<Cow<'a, str>>, Failure> {
    let twice = || match name {
        VERSION_HEADER => mismatch("MCP-Protocol-Version"),
        METHOD_HEADER => mismatch("Mcp-Method"),
        _ => mismatch("Mcp-Name"),
    };
    let value = once(headers, name, Rejected::Path).map_err(|_| twice())?;
    value.map(|value| value.to_str().map(Cow::Borrowed).map_err(|_| twice())).transpose()
}

/// A header's text, out of the specification's `=?base64?…?=` where it is in it; none when that is broken.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let Some(encoded) = text.strip_prefix("=?base64?").and_then(|text| text.strip_suffix("?=")) else {
        return Some(Cow::Borrowed(text));
    };
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok().map(Cow::Owned)
}

fn mismatch(header: &'static str) -> Failure {
    let message = format!("the header {header} must stand once and say what the body says");
    Failure::new(Failure::HEADER_MISMATCH, message)
}

fn unsupported(requested: &str) -> Failure {
    // SECURITY: whatever stands there is not repeated unless it can be no more than a version.
    let is_version = requested.len() <= 20
        && requested.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        && requested.bytes().filter(u8::is_ascii_digit).count() <= 8;
    let requested = if is_version { requested } else { "" };
    Failure {
        code: Failure::UNSUPPORTED_REVISION,
        message: Cow::Borrowed("Unsupported protocol version"),
        data: Some(json!({ "supported": spoken(), "requested": requested })),
    }
}

/// Every revision, the newest first.
fn spoken() -> Vec<&'static str> {
    [CURRENT].into_iter().chain(WITH_HANDSHAKE).collect()
}

fn server() -> Value {
    json!({ "name": "snowgate", "title": "Snowgate", "version": env!("CARGO_PKG_VERSION") })
}

/// The result of `initialize`: the revision that was asked for where it is spoken, else the newest with a handshake.
pub(super) fn initialized(params: Option<Members<'_>>) -> Result<String, Failure> {
    let asked = params.as_ref().and_then(|params| params.text_of("protocolVersion"));
    let Some(asked) = asked else { return Err(Failure::params("`params.protocolVersion` is missing")) };
    let [newest, ..] = WITH_HANDSHAKE;
    let version = WITH_HANDSHAKE.into_iter().find(|known| *known == asked).unwrap_or(newest);
    let mut capabilities = json!({ "tools": { "listChanged": false } });
    if let (Some(members), true) = (capabilities.as_object_mut(), version == newest) {
        let tasks = json!({ "cancel": {}, "requests": { "tools": { "call": {} } } });
        members.insert("tasks".to_owned(), tasks);
    }
    Ok(json!({
        "protocolVersion": version,
        "capabilities": capabilities,
        "serverInfo": server(),
        "instructions": INSTRUCTIONS,
    })
    .to_string())
}

/// The result of `server/discover`.
pub(super) fn discovered() -> String {
    json!({
        "resultType": "complete",
        "supportedVersions": spoken(),
        "capabilities": { "tools": {}, "extensions": { tasks::EXTENSION: {} } },
        "instructions": INSTRUCTIONS,
        "ttlMs": super::tools::FRESH_MS,
        "cacheScope": "private",
        "_meta": { "io.modelcontextprotocol/serverInfo": server() },
    })
    .to_string()
}
