//! The Model Context Protocol over Streamable HTTP, as a door without sessions.
//!
//! The public reference is the specification's revisions 2026-07-28 (every request says what it needs to be understood)
//! and 2025-11-25 (after `initialize`, which nothing is remembered of here); "basic/transports", "basic/authorization",
//! "server/tools" and "schema". A POST of one message to [`PATH`] is answered by one JSON object; there is nothing to
//! GET, and no session to DELETE.
//!
//! A request is checked in this order: where it comes from, size and encoding, who it says it is; then the gateway proves
//! the credential before anything else is read. So nobody unproven learns more than how to get a token.
//!
//! A tool's answer is a result also when it is a no: `isError` with which rule, what to change and whom to ask. Errors of
//! the protocol are for messages that are none of it.

mod arguments;
mod ask;
mod authorization;
mod look;
mod message;
mod names;
mod revision;
mod rows;
mod told;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::{Credential, Door};
use gateway::{AskError, Gateway};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::faults;
use crate::sqlapi::rejected::Rejected;
use crate::sqlapi::{body, harden, headers};
use message::{Failure, Id, Message};
use revision::Era;
use told::ToolResult;

pub use authorization::Resource;

/// Which door this is.
const DOOR: Door = Door::Mcp;

/// The MCP endpoint.
const PATH: &str = "/mcp";

/// What every handler has.
#[derive(Clone)]
struct Served {
    gateway: Arc<Gateway>,
    resource: Arc<Resource>,
}

/// Who calls, and how.
struct Caller<'a> {
    gateway: &'a Gateway,
    credential: Credential,
    headers: &'a HeaderMap,
}

/// The routes of this door.
pub(crate) fn routes(gateway: Arc<Gateway>, resource: Resource) -> Router {
    Router::new()
        .route(PATH, post(answer).fallback(other_than_post))
        .route(authorization::METADATA, get(metadata))
        .route(authorization::METADATA_OF_PATH, get(metadata))
        .layer(map_response(harden))
        .with_state(Served { gateway, resource: Arc::new(resource) })
}

/// What a client needs to know to get a token (RFC 9728); for everybody.
async fn metadata(State(served): State<Served>, request: Request) -> Response {
    match served.resource.metadata(request.headers()) {
        Some(metadata) => json_response(StatusCode::OK, metadata.to_string()),
        None => served.refuse(&Rejected::Path).await,
    }
}

async fn other_than_post(State(served): State<Served>) -> Response {
    let mut response = served.refuse(&Rejected::Method { allowed: "POST" }).await;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

async fn answer(State(served): State<Served>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !served.resource.allows_origin(&parts.headers) {
        served.gateway.reject(DOOR, "origin").await;
        let failure = Failure::invalid("this gateway does not answer web pages of another origin");
        return failed(StatusCode::FORBIDDEN, None, &failure);
    }
    let (credential, text) = match read(&served, &parts.headers, body).await {
        Ok(read) => read,
        Err(rejected) => return served.refuse_call(&rejected, &parts.headers).await,
    };
    let caller = Caller { gateway: &served.gateway, credential, headers: &parts.headers };
    if let Err(error) = caller.gateway.identify(DOOR, &caller.credential).await {
        return served.unidentified(&error, &parts.headers);
    }
    served.understood(&caller, &text).await
}

/// Everything that is read before anybody is proven.
async fn read(served: &Served, headers: &HeaderMap, body: Body) -> Result<(Credential, Vec<u8>), Rejected> {
    // Room for the text with what JSON puts around it.
    let limit = served.gateway.settings().statement_size.saturating_mul(2);
    body::check_length(headers, limit)?;
    headers::content_type(headers)?;
    let encoding = headers::content_encoding(headers)?;
    // The specification asks for both types; an answer is always JSON here.
    if headers.contains_key(header::ACCEPT) && !headers::accepts_json(headers) {
        return Err(Rejected::Accept);
    }
    let credential = headers::bearer(headers)?;
    Ok((credential, body::read(body, encoding, limit).await?))
}

impl Served {
    /// Answers somebody proven.
    async fn understood(&self, caller: &Caller<'_>, text: &[u8]) -> Response {
        let mut message = match message::read(text) {
            Ok(message) => message,
            Err(failure) => {
                self.gateway.reject(DOOR, "message").await;
                return failed(StatusCode::BAD_REQUEST, None, &failure);
            }
        };
        let Some(id) = message.id.take() else {
            // Nothing follows from a notification: nothing is remembered, and what runs is cancelled by its handle.
            return StatusCode::ACCEPTED.into_response();
        };
        let era = match revision::of(caller.headers, &mut message) {
            Ok(era) => era,
            Err(failure) => {
                self.gateway.reject(DOOR, "revision").await;
                return failed(StatusCode::BAD_REQUEST, Some(&id), &failure);
            }
        };
        match self.dispatch(caller, era, message).await {
            Ok(result) => answered(&id, &result),
            Err(Unanswered::Failure(failure)) => {
                self.gateway.reject(DOOR, "method").await;
                failed(era.status(&failure), Some(&id), &failure)
            }
            Err(Unanswered::NotProven(error)) => self.unidentified(&error, caller.headers),
        }
    }

    async fn dispatch(
        &self,
        caller: &Caller<'_>,
        era: Era,
        message: Message<'_>,
    ) -> Result<String, Unanswered> {
        let Message { id: _, method, params, meta } = message;
        Ok(match (method.as_str(), era) {
            ("initialize", Era::Handshake) => revision::initialized(params)?,
            ("ping", Era::Handshake) => "{}".to_owned(),
            ("server/discover", Era::EachRequest) => revision::discovered(),
            ("tools/list", _) => tools::listed(era),
            ("tools/call", _) => {
                let call = arguments::Call::read(params, meta)?;
                let result = match self.call(caller, call).await {
                    Ok(result) => result,
                    Err(AskError::NotAccepted { is_expired }) => {
                        return Err(Unanswered::NotProven(AskError::NotAccepted { is_expired }));
                    }
                    Err(error) => ToolResult::failed(&error),
                };
                result.print(era)
            }
            _ => return Err(Failure::unknown_method().into()),
        })
    }

    async fn call(&self, caller: &Caller<'_>, call: arguments::Call<'_>) -> Result<ToolResult, AskError> {
        let arguments::Call { tool, arguments, meta } = call;
        let done = match tool {
            tools::Tool::RunSql => ask::run_sql(caller, arguments, meta).await,
            tools::Tool::GetResult => ask::get_result(caller, arguments).await,
            tools::Tool::Cancel => ask::cancel(caller, arguments).await,
            tools::Tool::CheckSql => look::check_sql(caller, arguments, meta).await,
            tools::Tool::ListObjects => look::list_objects(caller, arguments).await,
            tools::Tool::DescribeObject => look::describe_object(caller, arguments).await,
        };
        match done {
            Ok(result) => Ok(result),
            Err(NotDone::Asked(error)) => Err(error),
            Err(NotDone::Arguments(rejected)) => {
                self.gateway.reject(DOOR, "arguments").await;
                Ok(ToolResult::invalid(&rejected))
            }
        }
    }

    /// Says no before anybody was identified, and counts it.
    async fn refuse(&self, rejected: &Rejected) -> Response {
        self.gateway.reject(DOOR, rejected.reason()).await;
        failed(rejected.status(), None, &Failure::invalid(rejected.to_string()))
    }

    async fn refuse_call(&self, rejected: &Rejected, headers: &HeaderMap) -> Response {
        let mut response = self.refuse(rejected).await;
        if response.status() == StatusCode::UNAUTHORIZED {
            let is_shown = *rejected == Rejected::CredentialMalformed;
            self.challenge(&mut response, headers, is_shown);
        }
        response
    }

    /// Nobody was proven: told how to get a token, or that something broke.
    fn unidentified(&self, error: &AskError, headers: &HeaderMap) -> Response {
        match error {
            AskError::Fault(fault) => {
                faults::log(fault);
                let status = match fault.retry {
                    gateway::Retry::Soon => StatusCode::SERVICE_UNAVAILABLE,
                    gateway::Retry::Never => StatusCode::INTERNAL_SERVER_ERROR,
                };
                failed(status, None, &Failure::internal(fault.public.clone()))
            }
            AskError::NotAccepted { .. }
            | AskError::UnknownHandle
            | AskError::UnknownPage
            | AskError::Counted(_)
            | AskError::Busy { .. } => {
                let is_expired = matches!(error, AskError::NotAccepted { is_expired: true });
                let message = if is_expired {
                    "the access token has expired"
                } else {
                    "the access token is not accepted here"
                };
                let mut response = failed(StatusCode::UNAUTHORIZED, None, &Failure::invalid(message));
                self.challenge(&mut response, headers, true);
                response
            }
        }
    }

    fn challenge(&self, response: &mut Response, headers: &HeaderMap, is_shown: bool) {
        let text = self.resource.challenge(headers, is_shown);
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
    }
}

/// Why a request has no result.
enum Unanswered {
    Failure(Failure),
    NotProven(AskError),
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Why a tool did nothing.
enum NotDone {
    /// Its arguments are not what its schema says: told as a result, so that a model can mend them.
    Arguments(Rejected),
    Asked(AskError),
}

impl From<Rejected> for NotDone {
    fn from(rejected: Rejected) -> Self {
        Self::Arguments(rejected)
    }
}

impl From<AskError> for NotDone {
    fn from(error: AskError) -> Self {
        Self::Asked(error)
    }
}

fn answered(id: &Id, result: &str) -> Response {
    json_response(StatusCode::OK, format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}"))
}

/// An error of the protocol. One without an id answers what was no request.
fn failed(status: StatusCode, id: Option<&Id>, failure: &Failure) -> Response {
    let Failure { code, message, data } = failure;
    let mut error = json!({ "code": code, "message": message });
    if let (Some(data), Some(members)) = (data, error.as_object_mut()) {
        members.insert("data".to_owned(), data.clone());
    }
    let id = id.map(|id| format!("\"id\":{id},")).unwrap_or_default();
    json_response(status, format!("{{\"jsonrpc\":\"2.0\",{id}\"error\":{error}}}"))
}

fn json_response(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
