//! A wait as a stream of server-sent events: what happens meanwhile, then the answer (specification, "basic/patterns/progress"
//! and "basic/transports/streamable-http").
//!
//! The stream only looks. Whatever it waits for is carried on by somebody else, so that a client that goes away, which ends
//! the stream and nothing besides, never stops a statement between being sent and being recorded: it is collected or cancelled
//! by its handle, which each message names.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::{Credential, Handle, Outcome, Ticket};
use gateway::{AskError, Gateway, Reply};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tokio::time::Instant;

use super::message::Id;
use super::revision::Era;
use super::told::ToolResult;
use super::{DOOR, LOOK, Unanswered, answer_text, ask, failure_text};

/// After how long without news the same is said again, so that nobody on the way takes the connection for dead.
const QUIET: Duration = Duration::from_secs(5);

/// What is still waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Waits {
    pub handle: Handle,
    pub until: Instant,
    pub from_row: u64,
    pub most: u64,
}

/// A wait that is told of.
pub(super) struct Watched {
    pub gateway: Gateway,
    pub credential: Credential,
    /// Of the request, for where its metadata lies.
    pub headers: HeaderMap,
    pub id: Id,
    pub era: Era,
    pub progress: Id,
    pub waits: Waits,
}

impl Watched {
    /// The answer, which begins at once and ends with the wait.
    pub fn response(self) -> Response {
        let telling = Telling { watched: self, told: None, said: Instant::now(), count: 0, is_over: false };
        let body = Body::from_stream(futures::stream::unfold(telling, Telling::next));
        let headers = [(header::CONTENT_TYPE.as_str(), "text/event-stream"), ("x-accel-buffering", "no")];
        (StatusCode::OK, headers, body).into_response()
    }

    /// The text of the JSON-RPC response; none while it waits, with what for.
    async fn look(&self) -> Result<String, String> {
        match self.collect().await {
            Ok(Ok(result)) => Ok(answer_text(&self.id, &result.print(self.era))),
            Ok(Err(waits_for)) => Err(waits_for),
            Err(error) => Ok(match Unanswered::of(error) {
                Ok(result) => answer_text(&self.id, &result.print(self.era)),
                // Its status has been sent: the body says it alone.
                Err(unanswered) => failure_text(Some(&self.id), &unanswered.failure(&self.headers)),
            }),
        }
    }

    async fn collect(&self) -> Result<Result<ToolResult, String>, AskError> {
        let Waits { handle, until, from_row, most } = self.waits;
        let reply = self.gateway.collect(DOOR, &self.credential, handle).await?;
        match pending(&reply) {
            Some(ticket) if Instant::now() < until => Ok(Err(message(ticket))),
            Some(_) | None => {
                ask::tell(&self.gateway, &self.credential, &reply, from_row, most).await.map(Ok)
            }
        }
    }
}

/// The ticket of what has not ended.
pub(super) fn pending(reply: &Reply) -> Option<&Ticket> {
    match reply.outcome() {
        Outcome::Pending(ticket) => Some(ticket),
        Outcome::Rows { .. } | Outcome::Refused(_) | Outcome::Failed { .. } => None,
    }
}

/// What is waited for, in a sentence that may be shown.
pub(super) fn message(ticket: &Ticket) -> String {
    let Ticket { handle, waits_for, rows } = ticket;
    match (waits_for, rows) {
        (Some(reason), _) => format!("Waits for a person to decide: {reason}. Handle {handle}."),
        (None, Some(rows)) => format!("Its result is being masked: {rows} rows so far. Handle {handle}."),
        (None, None) => format!("It is running. Handle {handle}."),
    }
}

/// A stream that is under way.
struct Telling {
    watched: Watched,
    told: Option<String>,
    said: Instant,
    count: u64,
    is_over: bool,
}

impl Telling {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        while !self.is_over {
            let waits_for = match self.watched.look().await {
                Ok(answer) => {
                    self.is_over = true;
                    return Some((Ok(event(&answer)), self));
                }
                Err(waits_for) => waits_for,
            };
            let is_news = self.told.as_ref() != Some(&waits_for);
            if is_news || self.said.elapsed() >= QUIET {
                self.count = self.count.saturating_add(1);
                let news = progress(&self.watched.progress, self.count, &waits_for);
                self.told = Some(waits_for);
                self.said = Instant::now();
                return Some((Ok(event(&news)), self));
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }
}

/// `notifications/progress`. Nobody knows how long a person takes, so there is no total: each is one more than the last.
fn progress(token: &Id, count: u64, message: &str) -> String {
    let message = json!(message);
    format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\
         \"params\":{{\"progressToken\":{token},\"progress\":{count},\"message\":{message}}}}}"
    )
}

/// One event (HTML Living Standard, "Server-sent events"): a line break would end its data. In JSON one can only stand between
/// tokens, where a blank says the same.
fn event(text: &str) -> Bytes {
    let text: String = text.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }).collect();
    Bytes::from(format!("event: message\ndata: {text}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_stands_between_tokens() {
        assert_eq!(event("[1,\r\n\"a\\n\"]"), "event: message\ndata: [1,  \"a\\n\"]\n\n");
    }

    #[test]
    fn what_is_waited_for_is_told_with_the_handle_to_collect_it_by() {
        let handle = Handle::from_u128(7);
        let ticket =
            |waits_for: Option<&str>, rows| Ticket { handle, waits_for: waits_for.map(str::to_owned), rows };
        for (ticket, expected) in [
            (ticket(Some("it writes"), None), "Waits for a person to decide: it writes. "),
            (ticket(None, None), "It is running. "),
            (ticket(None, Some(12)), "Its result is being masked: 12 rows so far. "),
        ] {
            assert_eq!(message(&ticket), format!("{expected}Handle {handle}."));
        }
    }

    #[test]
    fn progress_repeats_the_clients_token_and_quotes_what_it_says() {
        let token = Id::read("\"t\\u0041\"").unwrap();
        let told = progress(&token, 2, "a \"b\"");
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["params"], json!({ "progressToken": "tA", "progress": 2, "message": "a \"b\"" }));
    }
}
