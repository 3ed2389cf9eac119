//! What a door itself refuses, before anybody was identified.

use std::fmt;

use http::StatusCode;
use thiserror::Error;

/// Why a request is none that is taken here. Printed to whoever sent it; never holds one of its values.
///
/// Snowflake's own codes where it has one (SQL API v2, sections 1.2 and 1.4 of the protocol notes; error codes);
/// the others are ours, from 099101 on, because drivers parse a code as digits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Rejected {
    /// No such path, or a handle that is none.
    #[error("there is no such endpoint")]
    Path,
    /// Another method.
    #[error("this endpoint takes {allowed} alone")]
    Method {
        /// The method that it takes.
        allowed: &'static str,
    },
    /// No `User-Agent`.
    #[error("the request needs a User-Agent header, like `app/1.0`")]
    UserAgent,
    /// No `Accept`, or one that excludes JSON.
    #[error("Unsupported Accept header: application/json or */* is needed")]
    Accept,
    /// Not JSON, by its own words.
    #[error("the request needs the header Content-Type: application/json (in UTF-8)")]
    ContentType,
    /// Neither identity nor gzip.
    #[error("the request body may be sent as it is or as one gzip member")]
    ContentEncoding,
    /// Too many bytes, before or after inflating.
    #[error("the request body is larger than {limit} bytes, as sent or inflated")]
    TooLarge {
        /// How many it may be.
        limit: usize,
    },
    /// It trickles.
    #[error("the request body did not arrive in time")]
    TooSlow,
    /// The connection or the encoding broke.
    #[error("the request body does not arrive whole, or is not the gzip that it claims to be")]
    Unreadable,
    /// Said to be gzip, and nothing came.
    #[error("the request body is empty")]
    Empty,
    /// No `Authorization`.
    #[error("the request needs the header Authorization: Bearer, with an access token")]
    CredentialMissing,
    /// Not one bearer token.
    #[error("the Authorization header must stand once and hold one bearer token")]
    CredentialMalformed,
    /// A key pair, a programmatic access token, …
    #[error(
        "only OAuth access tokens are accepted here: leave X-Snowflake-Authorization-Token-Type out or send OAUTH"
    )]
    TokenType,
    /// A header of ours or of Snowflake's that says something else than it may.
    #[error("the header {name} must {must}")]
    Header {
        /// Which header.
        name: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// A query parameter.
    #[error("query parameter {name} {problem}")]
    Option {
        /// Which one.
        name: Name,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not a JSON object.
    #[error("Incoming request does not contain a valid payload: it is not one JSON object in UTF-8")]
    NotJson,
    /// A member of the body.
    #[error("Incoming request does not contain a valid payload: {within}{name} {problem}")]
    Member {
        /// The object that it is in, with a dot; empty for the body itself.
        within: &'static str,
        /// Which member.
        name: Name,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A number that is none of those that a session parameter may be.
    #[error(
        "Incoming request does not contain a valid payload: parameters.{name} must lie between {least} and {most}"
    )]
    Range {
        /// Which parameter.
        name: Name,
        /// The least that it may be.
        least: u64,
        /// The most that it may be.
        most: u64,
    },
    /// Bound values beside several statements (section 1.5).
    #[error("Incoming request does not contain a valid payload: bindings need MULTI_STATEMENT_COUNT 1")]
    BindingsInBatch,
}

impl Rejected {
    /// The HTTP status of the SQL API (section 1.4).
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Path => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::CredentialMissing | Self::CredentialMalformed | Self::TokenType => StatusCode::UNAUTHORIZED,
            Self::UserAgent
            | Self::Accept
            | Self::Unreadable
            | Self::Empty
            | Self::Header { .. }
            | Self::Option { .. }
            | Self::NotJson
            | Self::Member { .. }
            | Self::Range { .. }
            | Self::BindingsInBatch => StatusCode::BAD_REQUEST,
        }
    }

    /// The code in a body of the SQL API.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Path => "099101",
            Self::Method { .. } => "099102",
            Self::ContentType => "099103",
            Self::ContentEncoding => "099104",
            Self::TooLarge { .. } => "099105",
            Self::TooSlow => "099106",
            Self::Accept => "391902",
            Self::CredentialMissing => "390101",
            Self::CredentialMalformed => "390144",
            Self::TokenType => "390100",
            Self::UserAgent | Self::Header { .. } | Self::Option { .. } => "390400",
            Self::Unreadable
            | Self::Empty
            | Self::NotJson
            | Self::Member { .. }
            | Self::Range { .. }
            | Self::BindingsInBatch => "390142",
        }
    }

    /// The word under which the recorder counts it; holds nothing of the request.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Method { .. } => "method",
            Self::UserAgent | Self::Accept | Self::Header { .. } => "header",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::TooLarge { .. } => "body_size",
            Self::TooSlow => "body_slow",
            Self::CredentialMissing => "credential_missing",
            Self::CredentialMalformed => "credential_malformed",
            Self::TokenType => "token_type",
            Self::Option { .. } => "query",
            Self::Unreadable
            | Self::Empty
            | Self::NotJson
            | Self::Member { .. }
            | Self::Range { .. }
            | Self::BindingsInBatch => "body",
        }
    }
}

/// The name of something in a request, printed in backticks only when it cannot be more than a name.
///
/// SECURITY: whoever puts a card number, a token or an address where a field's name belongs must not find it in
/// an error, which clients log. Names are letters and underscores, at most 40; up to 16 of them may hold two digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(Option<Box<str>>);

impl Name {
    pub(crate) fn new(text: &str) -> Self {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let is_name = text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && (digits == 0 && text.len() <= 40 || digits <= 2 && text.len() <= 16);
        Self(is_name.then(|| text.into()))
    }

    /// The name of a bound value: its position.
    pub(crate) fn position(at: u32) -> Self {
        Self(Some(at.to_string().into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(name) => write!(f, "`{name}`"),
            None => f.write_str("(its name is not repeated here)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_repeated_only_when_it_can_be_nothing_else() {
        for (text, is_shown) in [
            ("resultSetMetaData", true),
            ("unknown_field", true),
            ("param12", true),
            ("", false),
            ("123456789", false),
            ("a123456789", false),
            ("ana@example.com", false),
            ("AKIAIOSFODNN7EXAMPLE", false),
            ("x y", false),
            ("é", false),
            ("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", false),
        ] {
            assert_eq!(Name::new(text).to_string().contains('`'), is_shown, "{text}");
        }
    }

    #[test]
    fn a_code_is_always_digits() {
        let name = || Name::new("x");
        for rejected in [
            Rejected::Path,
            Rejected::Accept,
            Rejected::TooLarge { limit: 1 },
            Rejected::Option { name: name(), problem: "" },
            Rejected::NotJson,
        ] {
            assert!(rejected.code().len() == 6 && rejected.code().bytes().all(|b| b.is_ascii_digit()));
        }
    }
}
