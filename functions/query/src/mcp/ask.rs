//! The tools that ask, collect and cancel, over the pipeline's own verbs.

use bytes::Bytes;
use domain::{Asked, Bindings, Clues, Context, Credential, Outcome, Prompt, PromptGrade, RefusalCode};
use gateway::{AskError, Gateway, Reply};
use recording::PartRecord;
use tokio::time::Instant;

use super::manner::{Manner, Task};
use super::stream::{Waits, pending};
use super::told::{self, ToolResult};
use super::{Caller, DOOR, LOOK, NotDone, arguments, rows};
use crate::reading::clues;
use crate::reading::headers::{self, PROMPT_SIZE};
use crate::reading::members::Members;
use crate::reading::statement::{name, statement};

/// Members of `_meta` in which clients name their conversation, as they send them by late 2026. Any of them only groups
/// within its principal.
const CONVERSATIONS: [&str; 5] = [
    "openai/session",
    "vscode.conversationId",
    "ai.opencode/sessionID",
    "antigravity.google/conversation_id",
    "threadId",
];

/// The member of `_meta` in which Claude Code names the model's own id of the tool use, which its hooks and its telemetry
/// name, too.
const TOOL_USE: &str = "claudecode/toolUseId";

/// What has come of a tool so far.
pub(super) enum Done {
    /// This.
    Told(ToolResult),
    /// It has not ended, and there is time left to wait.
    Waits(Waits),
    /// It has not ended, and is a task from here on.
    Task(Box<Reply>),
}

/// Runs one statement, and answers its first rows.
pub(super) async fn run_sql(
    caller: &Caller<'_>,
    mut arguments: Members<'_>,
    meta: Option<Members<'_>>,
    manner: &Manner,
) -> Result<Done, NotDone> {
    let most = arguments::row_budget(&mut arguments)?;
    let wait = arguments::wait(&mut arguments, caller.gateway.settings().hold)?;
    let until = Instant::now() + wait;
    let mut asked = asked(caller, &mut arguments, meta.as_ref())?;
    asked.conversation = conversation(caller, meta.as_ref())?;
    arguments.end()?;
    let reply = caller.gateway.ask(asked, manner.first_wait(wait)).await?;
    // A task would be told so when nobody asks for it any more.
    unless_scopes_lack(&reply)?;
    match (manner.task, pending(&reply)) {
        // Of a call that is to be a task nothing else may be answered.
        (Task::Asked, _) | (Task::Taken, Some(_)) => Ok(Done::Task(Box::new(reply))),
        (Task::No | Task::Taken, _) => {
            settle(caller, &reply, Wanted { from_row: 0, most }, until, manner).await
        }
    }
}

/// What `run_sql` and `check_sql` are asked.
pub(super) fn asked(
    caller: &Caller<'_>,
    arguments: &mut Members<'_>,
    meta: Option<&Members<'_>>,
) -> Result<Asked, NotDone> {
    let text = statement(arguments)?;
    let context = Context {
        role: name(arguments, "role")?,
        warehouse: name(arguments, "warehouse")?,
        database: name(arguments, "database")?,
        schema: name(arguments, "schema")?,
    };
    Ok(Asked {
        door: DOOR,
        credential: caller.credential.clone(),
        conversation: None,
        request: None,
        text,
        bindings: Bindings::new(),
        context,
        // One statement a call: each has its own decision, handle and result.
        statement_count: 1,
        parameters: Default::default(),
        timeout: None,
        prompt: prompt(caller, arguments)?,
        clues: clues(caller, meta)?,
    })
}

/// What the model says of the person's words, else what its program says: either is declared by who holds the credential
/// that asks, so that it is P1 and no more.
fn prompt(caller: &Caller<'_>, arguments: &mut Members<'_>) -> Result<Prompt, NotDone> {
    if let Some(value) = arguments.take("user_request") {
        let text = value.text()?;
        if text.len() > PROMPT_SIZE {
            return Err(value.rejected("must be at most 32 KB of text").into());
        }
        if !text.trim().is_empty() {
            return Ok(Prompt { text: Some(text), grade: PromptGrade::P1 });
        }
    }
    Ok(headers::prompt(caller.headers, None)?)
}

/// What the client says that this call belongs to: headers first, then `_meta`.
fn clues(caller: &Caller<'_>, meta: Option<&Members<'_>>) -> Result<Clues, NotDone> {
    let mut found = clues::of_headers(caller.headers)?;
    let Some(meta) = meta else { return Ok(found) };
    found.tool_use = meta.text_of(TOOL_USE).filter(|word| headers::is_conversation(word));
    if found.trace.is_none() {
        found.trace = meta.text_of("traceparent").and_then(|parent| clues::trace_of(&parent));
    }
    Ok(found)
}

fn conversation(caller: &Caller<'_>, meta: Option<&Members<'_>>) -> Result<Option<String>, NotDone> {
    if let Some(named) = headers::conversation(caller.headers)? {
        return Ok(Some(named));
    }
    let Some(meta) = meta else { return Ok(None) };
    let mut named = CONVERSATIONS.iter().filter_map(|member| meta.text_of(member));
    Ok(named.find(|word| headers::is_conversation(word)))
}

/// Collects what was asked before, waiting for its end within bounds.
pub(super) async fn get_result(
    caller: &Caller<'_>,
    mut arguments: Members<'_>,
    manner: &Manner,
) -> Result<Done, NotDone> {
    let most = arguments::row_budget(&mut arguments)?;
    let wait = arguments::wait(&mut arguments, caller.gateway.settings().hold)?;
    let from_row = arguments::number(&mut arguments, "from_row", 0, u64::MAX)?.unwrap_or(0);
    let handle = handle(&mut arguments)?;
    arguments.end()?;
    let handle = told::handle(&handle)?;
    let until = Instant::now() + wait;
    loop {
        let reply = caller.gateway.collect(DOOR, &caller.credential, handle).await?;
        let left = until.saturating_duration_since(Instant::now());
        if pending(&reply).is_none() || left.is_zero() || manner.progress.is_some() {
            return settle(caller, &reply, Wanted { from_row, most }, until, manner).await;
        }
        tokio::time::sleep(LOOK.min(left)).await;
    }
}

/// Which rows are wanted.
struct Wanted {
    from_row: u64,
    most: u64,
}

/// Tells how it stands, unless its client is to be told while it waits.
async fn settle(
    caller: &Caller<'_>,
    reply: &Reply,
    wanted: Wanted,
    until: Instant,
    manner: &Manner,
) -> Result<Done, NotDone> {
    let Wanted { from_row, most } = wanted;
    if pending(reply).is_some() && manner.progress.is_some() && Instant::now() < until {
        return Ok(Done::Waits(Waits { handle: reply.handle(), until, from_row, most }));
    }
    Ok(Done::Told(tell(caller.gateway, &caller.credential, reply, from_row, most).await?))
}

/// Cancels what waits or runs.
pub(super) async fn cancel(caller: &Caller<'_>, mut arguments: Members<'_>) -> Result<ToolResult, NotDone> {
    let handle = handle(&mut arguments)?;
    arguments.end()?;
    let reply = caller.gateway.cancel(DOOR, &caller.credential, told::handle(&handle)?).await?;
    Ok(told::cancelled(&reply))
}

fn handle(arguments: &mut Members<'_>) -> Result<String, NotDone> {
    match arguments.take("handle") {
        Some(value) => Ok(value.text()?),
        None => Err(crate::reading::rejected::Rejected::Member {
            within: "",
            name: crate::reading::rejected::Name::new("handle"),
            problem: "is missing: it is what run_sql answered",
        }
        .into()),
    }
}

/// Tells a reply, with rows from this one on.
///
/// # Errors
/// A refusal for want of a scope, too: it is told by the request's status.
pub(super) async fn tell(
    gateway: &Gateway,
    credential: &Credential,
    reply: &Reply,
    from_row: u64,
    most: u64,
) -> Result<ToolResult, AskError> {
    unless_scopes_lack(reply)?;
    let ([part], Some(first)) = (reply.parts(), reply.first_page()) else {
        return Ok(told::without_rows(reply));
    };
    if from_row > 0 && from_row >= part.rows {
        return Err(AskError::UnknownPage);
    }
    let (page, skip) = page_of(part, from_row).ok_or(AskError::UnknownPage)?;
    let object: Bytes = if page == 0 {
        first.clone()
    } else {
        gateway.page(DOOR, credential, reply.handle(), page).await?.object().clone()
    };
    let some = rows::read(&object, skip, most).await.map_err(told::unreadable)?;
    Ok(told::rows(reply, part, &some, from_row))
}

/// A refusal for want of scopes is told by the request's status; one whose token has them by now names none.
fn unless_scopes_lack(reply: &Reply) -> Result<(), AskError> {
    match reply.outcome() {
        Outcome::Refused(refusal) if refusal.code == RefusalCode::Scope && !refusal.scopes.is_empty() => {
            Err(AskError::Counted(refusal.clone()))
        }
        Outcome::Refused(_) | Outcome::Rows { .. } | Outcome::Failed { .. } | Outcome::Pending(_) => Ok(()),
    }
}

/// The page that a row lies on, and how many rows lie before it there.
fn page_of(part: &PartRecord, row: u64) -> Option<(u32, u64)> {
    let mut before: u64 = 0;
    for (at, page) in (0..).zip(&part.pages) {
        let after = before.saturating_add(page.rows);
        if row < after || (row == 0 && at == 0) {
            return Some((at, row.saturating_sub(before)));
        }
        before = after;
    }
    None
}
