//! Why a body is not taken, in words for whoever set the channel up. Nothing of what was sent is in them.

use axum::response::{IntoResponse, Response};
use gateway::{Fault, NotTaken, Retry, WitnessError};
use http::{HeaderValue, StatusCode, header};
use thiserror::Error;

/// See above.
#[derive(Debug, Error)]
pub(crate) enum Rejected {
    #[error(
        "send `Authorization: Bearer SECRET`: the secret of an `[[evidence]]` entry that the gateway was started with (entry and secret of the same `snowgate agent` call), or an agent's access token"
    )]
    Credential,
    #[error("this credential is of another kind of channel: see `kind` under [[evidence]]")]
    Kind,
    #[error(
        "exports are taken under the credential of an evidence channel; an agent declares by POST /v1/prompts"
    )]
    OwnExport,
    #[error("`X-Snowgate-Subject` must stand once and name a subject")]
    Subject,
    #[error("`X-Snowgate-Subject` and the body name different subjects")]
    Subjects,
    #[error("only POST is done here")]
    Method,
    #[error("the Content-Type must be application/json")]
    ContentType,
    #[error("the Content-Type must be application/x-protobuf or application/json")]
    OtlpType,
    #[error("the Content-Encoding must be gzip or none")]
    Encoding,
    #[error("the body is larger than {limit} bytes, inflated or as sent")]
    TooLarge { limit: usize },
    #[error("an export tells of at most {most} log records or spans; send them in several")]
    TooMany { most: usize },
    #[error("the body ends early, is no gzip, or comes too slowly")]
    Unreadable,
    #[error("the body is not what is expected here: {0}")]
    Malformed(&'static str),
    #[error("this agent's own evidence comes too often; send less of it")]
    TooOften,
    #[error("too much evidence is being read at once; send it again in a moment")]
    Busy,
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    #[error("{}", .0.public)]
    Fault(Fault),
}

impl From<WitnessError> for Rejected {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::NotTaken(not_taken) => Self::NotTaken(not_taken),
            WitnessError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl Rejected {
    /// The word of operators' counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Kind | Self::OwnExport => "channel_kind",
            Self::Subject | Self::Subjects | Self::NotTaken(NotTaken::Subject | NotTaken::Whose) => "subject",
            Self::Method => "method",
            Self::ContentType | Self::OtlpType => "content_type",
            Self::Encoding => "content_encoding",
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::NotTaken(NotTaken::TooLong) => "body_size",
            Self::Unreadable => "body_unreadable",
            Self::Malformed(_) => "message",
            Self::Busy => "busy",
            Self::TooOften => "over_budget",
            Self::Fault(_) => "gateway_unavailable",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Credential => StatusCode::UNAUTHORIZED,
            Self::Kind | Self::OwnExport | Self::NotTaken(NotTaken::Subject) => StatusCode::FORBIDDEN,
            Self::Subject
            | Self::Subjects
            | Self::Malformed(_)
            | Self::Unreadable
            | Self::NotTaken(NotTaken::Whose) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType | Self::OtlpType | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::NotTaken(NotTaken::TooLong) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::Fault(fault) => match fault.retry {
                Retry::Soon => StatusCode::SERVICE_UNAVAILABLE,
                Retry::Never => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    pub fn response(&self) -> Response {
        let body = serde_json::json!({ "error": self.to_string() }).to_string();
        let mut response =
            (self.status(), [(header::CONTENT_TYPE, "application/json")], body).into_response();
        let headers = response.headers_mut();
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"))
            }
            _ => None,
        };
        if matches!(self, Self::Credential) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
