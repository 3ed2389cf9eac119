//! The Model Context Protocol over Streamable HTTP, as a door without sessions.
//!
//! The public reference is the specification's revisions 2026-07-28 (every request says what it needs to be understood)
//! and 2025-11-25 (after `initialize`, which nothing is remembered of here); "basic/transports", "basic/authorization",
//! "server/tools" and "schema". A POST of one message to [`PATH`] is answered by one JSON object, or by a stream that ends with
//! it where the client has asked for progress and the answer takes long; there is nothing to GET, and no session to DELETE.
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
mod manner;
mod message;
mod names;
mod revision;
mod rows;
mod stream;
mod tasks;
mod told;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::{Credential, Door, Refusal, RefusalCode};
use gateway::{AskError, Gateway};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::faults;
use crate::harden;
use crate::reading::headers::Encoding;
use crate::reading::rejected::Rejected;
use crate::reading::{body, headers};
use ask::Done;
use manner::{Manner, Task};
use message::{Failure, Id, Message};
use revision::Era;
use stream::{Waits, Watched};
use told::ToolResult;

pub use authorization::Resource;
use authorization::Shown;
pub(crate) use authorization::insufficient;
pub use manner::Answers;

/// Which door this is.
const DOOR: Door = Door::Mcp;

/// Between two looks at what has not ended.
const LOOK: Duration = Duration::from_millis(250);

/// The MCP endpoint.
const PATH: &str = "/mcp";

/// What every handler has.
#[derive(Clone)]
struct Served {
    gateway: Arc<Gateway>,
    resource: Arc<Resource>,
    answers: Answers,
}

/// Who calls, and how.
struct Caller<'a> {
    gateway: &'a Gateway,
    credential: Credential,
    headers: &'a HeaderMap,
}

/// The routes of this door.
pub(crate) fn routes(gateway: Arc<Gateway>, resource: Resource, answers: Answers) -> Router {
    Router::new()
        .route(PATH, post(answer).fallback(other_than_post))
        .route(authorization::METADATA, get(metadata))
        .route(authorization::METADATA_OF_PATH, get(metadata))
        .layer((traces::each_request(traces::root!("mcp")), map_response(harden)))
        .with_state(Served { gateway, resource: Arc::new(resource), answers })
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
    // Room for the text with what JSON puts around it.
    let limit = served.gateway.settings().statement_size.saturating_mul(2);
    let (credential, encoding) = match read(&parts.headers, limit) {
        Ok(read) => read,
        Err(rejected) => return served.refuse_call(&rejected, &parts.headers).await,
    };
    let caller = Caller { gateway: &served.gateway, credential, headers: &parts.headers };
    // SECURITY: proven before anything of a body is held or inflated.
    if let Err(error) = caller.gateway.identify(DOOR, &caller.credential).await {
        body::pass_over(body, limit).await;
        return served.unanswered(&Unanswered::of_caller(error), None, None, &parts.headers);
    }
    match body::read(body, encoding, limit).await {
        Ok(text) => served.understood(&caller, &text).await,
        Err(rejected) => served.refuse_call(&rejected, &parts.headers).await,
    }
}

/// Everything that is read before anybody is proven.
fn read(headers: &HeaderMap, limit: usize) -> Result<(Credential, Encoding), Rejected> {
    body::check_length(headers, limit)?;
    headers::content_type(headers)?;
    let encoding = headers::content_encoding(headers)?;
    // The specification asks for both types; an answer is always JSON here.
    if headers.contains_key(header::ACCEPT) && !headers::accepts_json(headers) {
        return Err(Rejected::Accept);
    }
    Ok((headers::bearer(headers)?, encoding))
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
            Ok(Answer::Result(result)) => json_response(StatusCode::OK, answer_text(&id, &result)),
            Ok(Answer::Waits(waits, progress)) => {
                let (gateway, credential) = (caller.gateway.clone(), caller.credential.clone());
                let headers = caller.headers.clone();
                Watched { gateway, credential, headers, id, era, progress, waits }.response()
            }
            Err(unanswered) => {
                if matches!(unanswered, Unanswered::Failure(_)) {
                    self.gateway.reject(DOOR, "method").await;
                }
                self.unanswered(&unanswered, Some(era), Some(&id), caller.headers)
            }
        }
    }

    async fn dispatch(
        &self,
        caller: &Caller<'_>,
        era: Era,
        message: Message<'_>,
    ) -> Result<Answer, Unanswered> {
        let Message { id: _, method, params, mut meta } = message;
        Ok(Answer::Result(match (method.as_str(), era) {
            ("initialize", Era::Handshake) => revision::initialized(params)?,
            ("ping", Era::Handshake) => "{}".to_owned(),
            ("server/discover", Era::EachRequest) => revision::discovered(),
            ("tools/list", _) => tools::listed(era),
            ("tools/call", _) => return self.call(caller, era, arguments::Call::read(params, meta)?).await,
            ("tasks/get" | "tasks/update" | "tasks/cancel", Era::EachRequest)
                if !meta.as_mut().is_some_and(revision::takes_tasks) =>
            {
                return Err(Failure::missing_extension(tasks::EXTENSION).into());
            }
            ("tasks/get", _) => tasks::get(caller, era, params).await?,
            ("tasks/cancel", _) => tasks::cancel(caller, era, params).await?,
            ("tasks/update", Era::EachRequest) => tasks::update(caller, params).await?,
            ("tasks/result", Era::Handshake) => tasks::fetch(caller, params).await?,
            _ => return Err(Failure::unknown_method().into()),
        }))
    }

    async fn call(
        &self,
        caller: &Caller<'_>,
        era: Era,
        call: arguments::Call<'_>,
    ) -> Result<Answer, Unanswered> {
        let arguments::Call { tool, arguments, mut meta, asks_for_task } = call;
        let manner = Manner::of(era, self.answers, caller.headers, meta.as_mut(), asks_for_task)?;
        if manner.task == Task::Asked && tool != tools::Tool::RunSql {
            return Err(Failure::new(
                Failure::UNKNOWN_METHOD,
                "this tool is no task: call it without `task`",
            )
            .into());
        }
        let told = |result: Result<ToolResult, NotDone>| result.map(Done::Told);
        let done = match tool {
            tools::Tool::RunSql => ask::run_sql(caller, arguments, meta, &manner).await,
            tools::Tool::GetResult => ask::get_result(caller, arguments, &manner).await,
            tools::Tool::Cancel => told(ask::cancel(caller, arguments).await),
            tools::Tool::CheckSql => told(look::check_sql(caller, arguments, meta).await),
            tools::Tool::ListObjects => told(look::list_objects(caller, arguments).await),
            tools::Tool::DescribeObject => told(look::describe_object(caller, arguments).await),
        };
        let result = match done {
            Ok(Done::Told(result)) => result,
            Ok(Done::Task(reply)) => return Ok(Answer::Result(tasks::created(&reply, era)?)),
            Ok(Done::Waits(waits)) => {
                // Nothing waits so but for a client that has named its progress.
                let progress = manner.progress.ok_or_else(|| Failure::internal("a wait without a name"))?;
                return Ok(Answer::Waits(waits, progress));
            }
            Err(NotDone::Asked(error)) => Unanswered::of(error)?,
            Err(NotDone::Arguments(rejected)) => {
                self.gateway.reject(DOOR, "arguments").await;
                ToolResult::invalid(&rejected)
            }
        };
        Ok(Answer::Result(result.print(era)))
    }

    /// Says no before anybody was identified, and counts it.
    async fn refuse(&self, rejected: &Rejected) -> Response {
        self.gateway.reject(DOOR, rejected.reason()).await;
        failed(rejected.status(), None, &Failure::invalid(rejected.to_string()))
    }

    async fn refuse_call(&self, rejected: &Rejected, headers: &HeaderMap) -> Response {
        let mut response = self.refuse(rejected).await;
        if response.status() == StatusCode::UNAUTHORIZED {
            let is_token = *rejected == Rejected::CredentialMalformed;
            let shown = if is_token { Shown::Token } else { Shown::Nothing };
            self.challenge(&mut response, headers, shown);
        }
        response
    }

    /// There is no result: nobody was proven, who was may not, or the message is none of the protocol.
    fn unanswered(
        &self,
        unanswered: &Unanswered,
        era: Option<Era>,
        id: Option<&Id>,
        headers: &HeaderMap,
    ) -> Response {
        let failure = unanswered.failure(headers);
        match unanswered {
            Unanswered::Failure(_) => {
                failed(era.map_or(StatusCode::BAD_REQUEST, |era| era.status(&failure)), id, &failure)
            }
            Unanswered::LacksScope(refusal) => {
                let mut response = failed(StatusCode::FORBIDDEN, id, &failure);
                insert_challenge(&mut response, authorization::step_up(headers, &refusal.scopes));
                response
            }
            Unanswered::NotProven(AskError::Fault(fault)) => {
                faults::log(fault);
                let status = match fault.retry {
                    gateway::Retry::Soon => StatusCode::SERVICE_UNAVAILABLE,
                    gateway::Retry::Never => StatusCode::INTERNAL_SERVER_ERROR,
                };
                failed(status, id, &failure)
            }
            Unanswered::NotProven(_) => {
                let mut response = failed(StatusCode::UNAUTHORIZED, id, &failure);
                self.challenge(&mut response, headers, Shown::Token);
                response
            }
        }
    }

    fn challenge(&self, response: &mut Response, headers: &HeaderMap, shown: Shown) {
        insert_challenge(response, self.resource.challenge(headers, shown));
    }
}

fn insert_challenge(response: &mut Response, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}

/// What a request is answered with.
enum Answer {
    /// The text of a result.
    Result(String),
    /// A stream that tells of the wait under this name, and ends with the result.
    Waits(Waits, Id),
}

/// Why a request has no result.
enum Unanswered {
    /// It is none of the protocol.
    Failure(Failure),
    /// Its credential proves nobody, or nobody can tell.
    NotProven(AskError),
    /// Its credential proves somebody whose token lacks a scope.
    LacksScope(Refusal),
}

impl Unanswered {
    /// What a credential does not prove.
    fn of_caller(error: AskError) -> Self {
        match error {
            AskError::Counted(refusal) => Self::of_refusal(refusal),
            AskError::NotAccepted { .. }
            | AskError::UnknownHandle
            | AskError::UnknownPage
            | AskError::Busy { .. }
            | AskError::Fault(_) => Self::NotProven(error),
        }
    }

    /// What has no reply, of somebody proven: an answer of the tool, but for what the request's status tells.
    fn of(error: AskError) -> Result<ToolResult, Self> {
        match error {
            AskError::NotAccepted { .. } => Err(Self::NotProven(error)),
            AskError::Counted(refusal) if refusal.code == RefusalCode::Scope => {
                Err(Self::LacksScope(refusal))
            }
            AskError::UnknownHandle
            | AskError::UnknownPage
            | AskError::Counted(_)
            | AskError::Busy { .. }
            | AskError::Fault(_) => Ok(ToolResult::failed(&error)),
        }
    }

    fn of_refusal(refusal: Refusal) -> Self {
        match refusal.code {
            RefusalCode::Scope => Self::LacksScope(refusal),
            RefusalCode::Policy
            | RefusalCode::Budget
            | RefusalCode::TooLarge
            | RefusalCode::AccessEnded
            | RefusalCode::Revoked
            | RefusalCode::Cancelled
            | RefusalCode::Denied
            | RefusalCode::Expired
            | RefusalCode::Contradiction
            | RefusalCode::RequestReused
            | RefusalCode::StatementCount => Self::Failure(Failure::invalid(refusal.message)),
        }
    }

    /// The body's error.
    fn failure(&self, headers: &HeaderMap) -> Failure {
        match self {
            Self::Failure(failure) => failure.clone(),
            Self::LacksScope(Refusal { message, scopes, code: _, retry_after: _ }) => Failure {
                data: Some(authorization::step_up_data(headers, scopes)),
                ..Failure::invalid(message.clone())
            },
            Self::NotProven(AskError::Fault(fault)) => Failure::internal(fault.public.clone()),
            Self::NotProven(AskError::NotAccepted { is_expired: true }) => {
                Failure::invalid("the access token has expired")
            }
            Self::NotProven(_) => Failure::invalid("the access token is not accepted here"),
        }
    }
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

/// The text of a JSON-RPC response.
fn answer_text(id: &Id, result: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}")
}

/// An error of the protocol. One without an id answers what was no request, or what was not read.
fn failed(status: StatusCode, id: Option<&Id>, failure: &Failure) -> Response {
    json_response(status, failure_text(id, failure))
}

fn failure_text(id: Option<&Id>, failure: &Failure) -> String {
    let Failure { code, message, data } = failure;
    let mut error = json!({ "code": code, "message": message });
    if let (Some(data), Some(members)) = (data, error.as_object_mut()) {
        members.insert("data".to_owned(), data.clone());
    }
    let id = id.map(|id| format!("\"id\":{id},")).unwrap_or_default();
    format!("{{\"jsonrpc\":\"2.0\",{id}\"error\":{error}}}")
}

fn json_response(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
