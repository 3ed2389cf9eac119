//! Tasks: what has not ended, for clients that poll it themselves.
//!
//! Two shapes of the same thing: the extension `io.modelcontextprotocol/tasks` (SEP-2663) beside revision 2026-07-28, where
//! this server decides what becomes a task and `tasks/get` brings the result along; and the experimental tasks of 2025-11-25,
//! where the client says so with the call and fetches the result by `tasks/result`.
//!
//! A task is a statement and its id is the statement's handle: there is no state of tasks, and each of these methods is what
//! `get_result` or `cancel` does, for the same principal, held to the same rules. Nobody's tasks are listed: whoever asked a
//! statement was told its handle.

use domain::{Outcome, RefusalCode, Ticket, Timestamp};
use gateway::{AskError, Reply};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::arguments::{DEFAULT_ROWS, LONGEST_WAIT};
use super::message::{Failure, problem};
use super::revision::Era;
use super::stream::{self, pending};
use super::{Caller, DOOR, LOOK, Unanswered, ask, told};
use crate::faults;
use crate::reading::members::Members;

/// The extension's name.
pub(super) const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// How soon to ask again for what runs, and for what waits for a person: a client does so by itself, and more often than a model should.
const RUNNING_MS: u64 = 1_000;
const WAITING_MS: u64 = 15_000;

/// A task as it is written. Times to live are `null`: what has ended is recorded, and can be collected for as long as the
/// record is kept.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    task_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    created_at: String,
    last_updated_at: String,
    #[serde(flatten)]
    times: Times,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
}

/// Times under the names of each shape.
#[derive(Serialize)]
#[serde(untagged)]
enum Times {
    #[serde(rename_all = "camelCase")]
    Extension { ttl_ms: Option<u64>, poll_interval_ms: u64 },
    #[serde(rename_all = "camelCase")]
    Handshake { ttl: Option<u64>, poll_interval: u64 },
}

/// The result of a call that has become a task.
pub(super) fn created(reply: &Reply, era: Era) -> Result<String, Failure> {
    match era {
        Era::EachRequest => written(reply, era, Some("task"), None),
        Era::Handshake => Ok(format!("{{\"task\":{}}}", written(reply, era, None, None)?)),
    }
}

/// `tasks/get`.
pub(super) async fn get(
    caller: &Caller<'_>,
    era: Era,
    params: Option<Members<'_>>,
) -> Result<String, Unanswered> {
    let reply = collected(caller, params).await?;
    let result = match (era, pending(&reply)) {
        (Era::EachRequest, None) if status(&reply) == "completed" => Some(result(caller, era, &reply).await?),
        (Era::EachRequest | Era::Handshake, _) => None,
    };
    Ok(written(&reply, era, era.result_type(), result.as_deref())?)
}

/// `tasks/result` of 2025-11-25: waits for the end within bounds.
pub(super) async fn fetch(caller: &Caller<'_>, params: Option<Members<'_>>) -> Result<String, Unanswered> {
    let handle = task(params)?;
    let wait = std::time::Duration::from_secs(LONGEST_WAIT).min(caller.gateway.settings().hold);
    let until = Instant::now() + wait;
    loop {
        let reply = known(caller.gateway.collect(DOOR, &caller.credential, handle).await)?;
        if pending(&reply).is_none() {
            let result = result(caller, Era::Handshake, &reply).await?;
            let related = serde_json::json!({ "io.modelcontextprotocol/related-task": { "taskId": handle.to_string() } });
            // A result is an object that is never empty: its end is where another member goes.
            let open = result.get().trim_end().strip_suffix('}').unwrap_or("{\"content\":[]");
            return Ok(format!("{open},\"_meta\":{related}}}"));
        }
        if Instant::now() >= until {
            let message =
                "the task has not ended yet; ask tasks/get for its status, and for the result when it has";
            return Err(Failure::internal(message).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// `tasks/cancel`.
pub(super) async fn cancel(
    caller: &Caller<'_>,
    era: Era,
    params: Option<Members<'_>>,
) -> Result<String, Unanswered> {
    let handle = task(params)?;
    let reply = known(caller.gateway.cancel(DOOR, &caller.credential, handle).await)?;
    match era {
        // That it was taken note of: what became of it is asked for.
        Era::EachRequest => Ok(ACKNOWLEDGED.to_owned()),
        Era::Handshake if status(&reply) == "completed" => {
            Err(Failure::params("the task has ended and cannot be cancelled").into())
        }
        Era::Handshake => Ok(written(&reply, era, None, None)?),
    }
}

/// `tasks/update`: no task of this server asks its client for anything, so whatever is sent answers nothing.
pub(super) async fn update(caller: &Caller<'_>, params: Option<Members<'_>>) -> Result<String, Unanswered> {
    collected(caller, params).await?;
    Ok(ACKNOWLEDGED.to_owned())
}

const ACKNOWLEDGED: &str = "{\"resultType\":\"complete\"}";

async fn collected(caller: &Caller<'_>, params: Option<Members<'_>>) -> Result<Reply, Unanswered> {
    let handle = task(params)?;
    known(caller.gateway.collect(DOOR, &caller.credential, handle).await)
}

/// The handle that `params` names.
fn task(params: Option<Members<'_>>) -> Result<domain::Handle, Unanswered> {
    let named = params.and_then(|mut params| params.take("taskId"));
    let named = named.ok_or_else(|| Failure::params("`params.taskId` is missing"))?;
    let named = named.text().map_err(|rejected| Failure::params(problem(&rejected)))?;
    told::handle(&named).map_err(|_| Unanswered::from(unknown()))
}

/// SECURITY: an unknown task, another principal's and a text that is no handle are told in the same words (invariant I11).
fn unknown() -> Failure {
    Failure::params("there is no such task of yours")
}

fn known<T>(asked: Result<T, AskError>) -> Result<T, Unanswered> {
    asked.map_err(|error| match error {
        AskError::UnknownHandle | AskError::UnknownPage => unknown().into(),
        AskError::Busy { .. } => Failure::internal(error.to_string()).into(),
        AskError::Fault(fault) => {
            faults::log(&fault);
            Failure::internal(fault.public).into()
        }
        AskError::NotAccepted { .. } => Unanswered::NotProven(error),
        AskError::Counted(refusal) => Unanswered::of_refusal(refusal),
    })
}

/// What `run_sql` would have answered.
async fn result(caller: &Caller<'_>, era: Era, reply: &Reply) -> Result<Box<RawValue>, Unanswered> {
    let told = ask::tell(caller.gateway, &caller.credential, reply, 0, DEFAULT_ROWS).await;
    let printed = known(told)?.print(era);
    RawValue::from_string(printed).map_err(|_| Failure::internal("the result cannot be written").into())
}

/// A refusal or a failure is a result like any other: `failed` is for errors of the protocol.
fn status(reply: &Reply) -> &'static str {
    match reply.outcome() {
        Outcome::Pending(_) => "working",
        Outcome::Refused(refusal) if refusal.code == RefusalCode::Cancelled => "cancelled",
        Outcome::Rows { .. } | Outcome::Refused(_) | Outcome::Failed { .. } => "completed",
    }
}

fn written(
    reply: &Reply,
    era: Era,
    result_type: Option<&'static str>,
    result: Option<&RawValue>,
) -> Result<String, Failure> {
    let ticket = pending(reply);
    let poll = match ticket {
        Some(Ticket { waits_for: Some(_), .. }) => WAITING_MS,
        Some(_) | None => RUNNING_MS,
    };
    let time = |at: Timestamp| at.to_string();
    let task = Written {
        result_type,
        task_id: reply.handle().to_string(),
        status: status(reply),
        status_message: ticket.map(stream::message),
        created_at: time(reply.created()),
        last_updated_at: time(reply.changed()),
        times: match era {
            Era::EachRequest => Times::Extension { ttl_ms: None, poll_interval_ms: poll },
            Era::Handshake => Times::Handshake { ttl: None, poll_interval: poll },
        },
        result,
    };
    serde_json::to_string(&task).map_err(|_| Failure::internal("the task cannot be written"))
}
