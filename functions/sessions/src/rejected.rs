//! Why nothing is shown, in words for whoever asked. Nothing of what was asked is in them, but for the query that asks it of Athena.

use axum::response::{IntoResponse, Response};
use gateway::ports::NotAccepted;
use gateway::{AuditError, Fault, Retry};
use http::{HeaderValue, StatusCode, header};
use thiserror::Error;

/// See above.
#[derive(Debug, Error)]
pub(crate) enum Rejected {
    #[error("send `Authorization: Bearer TOKEN` with an access token of the auditors' audience")]
    NoToken,
    #[error("only GET is done here")]
    Method,
    #[error("a session is 32 hexadecimal digits, and an exchange its number, from 1")]
    Place,
    #[error("there is no such recording")]
    NoSuchRecording,
    #[error("`{name}`: {problem}")]
    Parameter { name: &'static str, problem: &'static str },
    #[error("there is a parameter that is none; they are: {}", crate::question::PARAMETERS.join(", "))]
    UnknownParameter,
    #[error("the question is longer than any is")]
    TooLong,
    #[error("{why}: ask Athena, in the workgroup of infra/athena.yaml, this query")]
    Unbounded { why: String, query: String },
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl Rejected {
    pub fn response(&self) -> Response {
        let (status, challenge) = self.status();
        if let Some(fault) = self.fault() {
            tracing::error!(fault = fault as &(dyn std::error::Error + 'static), "nothing could be shown");
        }
        let mut body = serde_json::json!({ "error": self.to_string() });
        if let (Self::Unbounded { query, .. }, Some(body)) = (self, body.as_object_mut()) {
            body.insert("athena".to_owned(), query.as_str().into());
        }
        let content = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (status, content, body.to_string()).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = challenge.and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Self::Audit(AuditError::TooMany(wait)) = self {
            headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }

    /// The status, and what a client is told to do about its token (RFC 6750 section 3).
    fn status(&self) -> (StatusCode, Option<String>) {
        let bearer = |error: &str| Some(format!("Bearer error=\"{error}\""));
        match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, Some("Bearer".to_owned())),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, None),
            Self::NoSuchRecording => (StatusCode::NOT_FOUND, None),
            // Not 422, which is counted as a refused statement.
            Self::Place | Self::Parameter { .. } | Self::UnknownParameter | Self::Unbounded { .. } => {
                (StatusCode::BAD_REQUEST, None)
            }
            Self::TooLong => (StatusCode::URI_TOO_LONG, None),

            Self::Audit(AuditError::TooMany(_)) => (StatusCode::TOO_MANY_REQUESTS, None),
            Self::Audit(AuditError::NotTheCursor(_)) => (StatusCode::BAD_REQUEST, None),
            Self::Audit(AuditError::NotAPerson | AuditError::Revoked(_)) => (StatusCode::FORBIDDEN, None),
            Self::Audit(AuditError::NotAccepted(NotAccepted::LacksScope { needed })) => {
                let scope = needed.join(" ");
                let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
                (StatusCode::FORBIDDEN, Some(challenge))
            }
            Self::Audit(AuditError::NotAccepted(NotAccepted::Rejected { .. } | NotAccepted::Expired)) => {
                (StatusCode::UNAUTHORIZED, bearer("invalid_token"))
            }
            Self::Audit(
                AuditError::NotAccepted(NotAccepted::Unavailable(fault)) | AuditError::Fault(fault),
            ) => match fault.retry {
                Retry::Soon => (StatusCode::SERVICE_UNAVAILABLE, None),
                Retry::Never => (StatusCode::INTERNAL_SERVER_ERROR, None),
            },
        }
    }

    fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Audit(
                AuditError::NotAccepted(NotAccepted::Unavailable(fault)) | AuditError::Fault(fault),
            ) => Some(fault),
            Self::Audit(
                AuditError::NotAccepted(
                    NotAccepted::Rejected { .. } | NotAccepted::LacksScope { .. } | NotAccepted::Expired,
                )
                | AuditError::NotAPerson
                | AuditError::Revoked(_)
                | AuditError::TooMany(_)
                | AuditError::NotTheCursor(_),
            )
            | Self::NoToken
            | Self::Method
            | Self::Place
            | Self::NoSuchRecording
            | Self::Parameter { .. }
            | Self::UnknownParameter
            | Self::TooLong
            | Self::Unbounded { .. } => None,
        }
    }
}
