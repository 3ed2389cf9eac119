//! One JSON-RPC 2.0 message, read strictly.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Value, json};

use crate::reading::members::Members;
use crate::reading::rejected::Rejected;

/// Bytes of an id at most, as it is written.
const LONGEST_ID: usize = 256;

/// A request or a notification.
pub(super) struct Message<'a> {
    /// None for a notification.
    pub id: Option<Id>,
    pub method: String,
    pub params: Option<Members<'a>>,
    /// `params._meta`.
    pub meta: Option<Members<'a>>,
}

/// The client's name of a request, or of its progress, exactly as it wrote it: a string, or a whole number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Id(String);

impl Id {
    /// Reads what has been read as JSON already, so that it can be written as it stands.
    pub fn read(raw: &str) -> Option<Self> {
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        let is_number = (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        // Half a surrogate pair is JSON, and no text that every client could read again.
        let is_text =
            raw.starts_with('"') && raw.len() <= LONGEST_ID && serde_json::from_str::<String>(raw).is_ok();
        (is_number || is_text).then(|| Self(raw.to_owned()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error of the protocol. Holds nothing of what was sent but what a caller has put into `data`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Failure {
    pub code: i32,
    pub message: Cow<'static, str>,
    pub data: Option<Value>,
}

impl Failure {
    pub const PARSE: i32 = -32700;
    pub const INVALID_REQUEST: i32 = -32600;
    pub const UNKNOWN_METHOD: i32 = -32601;
    pub const INVALID_PARAMS: i32 = -32602;
    pub const INTERNAL: i32 = -32603;
    /// Header and body do not say the same ("Server Validation").
    pub const HEADER_MISMATCH: i32 = -32020;
    /// The client has not said that it can do what the answer would need of it.
    pub const MISSING_CAPABILITY: i32 = -32021;
    /// A revision that is not spoken here.
    pub const UNSUPPORTED_REVISION: i32 = -32022;

    pub fn new(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Self::INVALID_REQUEST, message)
    }

    pub fn params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Self::INTERNAL, message)
    }

    /// The client does not declare an extension that the method belongs to.
    pub fn missing_extension(extension: &'static str) -> Self {
        let data = json!({ "requiredCapabilities": { "extensions": { extension: {} } } });
        Self { data: Some(data), ..Self::new(Self::MISSING_CAPABILITY, "Missing required client capability") }
    }

    pub fn unknown_method() -> Self {
        Self::new(Self::UNKNOWN_METHOD, "there is no such method: this server has tools, and nothing else")
    }
}

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Result<Message<'_>, Failure> {
    let parse = || Failure::new(Failure::PARSE, "the body is not JSON in UTF-8");
    let text = std::str::from_utf8(body).map_err(|_| parse())?;
    if text.trim_start().starts_with('[') {
        return Err(Failure::invalid("one message a request: batches are not part of this protocol"));
    }
    let mut members = Members::of_body(text).map_err(|rejected| {
        if rejected != Rejected::NotJson {
            return Failure::invalid(problem(&rejected));
        }
        // Anything else than one object: told apart from what is no JSON at all.
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Failure::invalid("a message is one JSON object"),
            Err(_) => parse(),
        }
    })?;
    let version = members.take("jsonrpc").and_then(|value| value.text().ok());
    if version.as_deref() != Some("2.0") {
        return Err(Failure::invalid("`jsonrpc` must be \"2.0\""));
    }
    let has_id = members.has("id");
    let id = match members.take("id") {
        Some(id) => Some(Id::read(id.raw().get()).ok_or_else(|| Failure::invalid(WRONG_ID))?),
        None if has_id => return Err(Failure::invalid(WRONG_ID)),
        None => None,
    };
    let Some(method) = members.take("method") else {
        return Err(Failure::invalid(
            "`method` is missing: this server asks nothing, so it takes no answers",
        ));
    };
    let method = method.text().map_err(|_| Failure::invalid("`method` must be a string"))?;
    let is_wrong = |rejected: Rejected| Failure::params(problem(&rejected));
    let mut params =
        members.take("params").map(|params| params.object("params.")).transpose().map_err(is_wrong)?;
    let meta = params.as_mut().and_then(|params| params.take("_meta"));
    let meta = meta.map(|meta| meta.object("params._meta.")).transpose().map_err(is_wrong)?;
    Ok(Message { id, method, params, meta })
}

const WRONG_ID: &str = "`id` must be a string or a whole number, of at most 256 bytes";

/// What is wrong with a member, in words without its value.
pub(super) fn problem(rejected: &Rejected) -> String {
    if let Rejected::Member { within, name, problem } = rejected {
        format!("{within}{name} {problem}")
    } else if let Rejected::Range { name, least, most } = rejected {
        format!("{name} must lie between {least} and {most}")
    } else {
        rejected.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(body: &str, code: i32) {
        let failure = read(body.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(failure.code, code, "{body}: {}", failure.message);
    }

    #[test]
    fn a_request_is_read_with_its_id_as_it_was_written() {
        for (id, printed) in [("7", "7"), ("-1", "-1"), ("\"a\\u0041\"", "\"a\\u0041\""), ("0", "0")] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping","more":1}}"#);
            assert_eq!(read(body.as_bytes()).unwrap().id.unwrap().to_string(), printed);
        }
        let notified = read(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).unwrap();
        assert!(notified.id.is_none() && notified.params.is_none());
    }

    #[test]
    fn what_is_no_message_gets_the_specified_error() {
        for body in ["", "{", "nonsense", "{\"jsonrpc\":\"2.0\",}", "\u{feff}{}"] {
            fails(body, Failure::PARSE);
        }
        assert_eq!(read(b"\xff").map(|_| ()).unwrap_err().code, Failure::PARSE);
        for body in [
            "[]",
            " [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
            "1",
            "null",
            "{}",
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        ] {
            fails(body, Failure::INVALID_REQUEST);
        }
        for params in ["[]", "1", r#"{"a":1,"a":2}"#, r#"{"_meta":1}"#, r#"{"_meta":{"a":1,"a":1}}"#] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{params}}}"#);
            fails(&body, Failure::INVALID_PARAMS);
        }
    }

    #[test]
    fn an_id_is_bounded() {
        let long = format!("\"{}\"", "x".repeat(300));
        let digits = "9".repeat(400);
        for id in ["null", "1.5", "1e3", "true", "{}", "[1]", &long, &digits] {
            fails(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#), Failure::INVALID_REQUEST);
        }
    }
}
