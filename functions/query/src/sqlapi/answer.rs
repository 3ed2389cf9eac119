//! Printing replies (section 1.4). Every field that leaves is named here; nothing is passed through.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::{ExchangeId, Handle, Outcome, Refusal, RefusalCode, Ticket};
use gateway::{AskError, Fault, Origin, PageReply, Reply, Retry};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use recording::{FoundRecord, PartRecord};
use serde::Serialize;

use crate::faults;

use super::links;
use super::options::Options;
use super::result_set::{BATCH_MESSAGE, MetaData, Stats};
use super::rows::{self, Coding, Nulls};
use crate::reading::headers;
use crate::reading::rejected::Rejected;

/// Which exchange an answer belongs to, `SESSION/NUMBER`: what `snowgate replay` takes.
const EXCHANGE: &str = "x-snowgate-exchange";

/// Which columns were masked by lineage, counting from 1: `2,5-7`. Absent when none was.
const MASKED_COLUMNS: &str = "x-snowgate-masked-columns";

/// What the detectors found in the columns, counting from 1: `3 changed=12 nulled=0 EMAIL=12 PHONE=1, 7 changed=…`; of each
/// the number of cells. Absent when nothing was found, `too-many` when it would not fit into a header.
const FOUND: &str = "x-snowgate-found";

/// How many rows upstream had, where the result holds fewer: it outgrew what may be kept for a person to decide on.
const CUT_FROM: &str = "x-snowgate-cut-from";

/// Bytes of that header; proxies bound all headers of an answer at 8 KiB and more.
const LONGEST_FOUND: usize = 4096;

/// `decision` on a statement that waits for a person; absent on one that merely runs.
const WAITS_FOR: &str = "x-snowgate-waits-for";

/// How a client wants to be answered.
pub(crate) struct Asking {
    /// Its query parameters.
    pub(crate) options: Options,
    accepts_gzip: bool,
}

impl Asking {
    /// What the query and the headers say.
    pub(crate) fn new(options: Options, headers: &HeaderMap) -> Self {
        Self { options, accepts_gzip: headers::accepts_gzip(headers) }
    }
}

/// A body without rows: QueryStatus, QueryFailureStatus, CancelStatus.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[derive(Default)]
struct Status<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql_state: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement_handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_on: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement_status_url: Option<String>,
}

/// The answer to a submission, or to a collection of the first partition.
pub(crate) fn reply(reply: &Reply, asking: &Asking) -> Response {
    Told::of(reply).print(asking)
}

/// What a [`Reply`] tells; only [`Told::of`] makes one outside tests.
struct Told<'a> {
    exchange: ExchangeId,
    handle: Handle,
    created_on: i64,
    outcome: &'a Outcome,
    parts: &'a [PartRecord],
    first_page: Option<&'a Bytes>,
}

impl<'a> Told<'a> {
    fn of(reply: &'a Reply) -> Self {
        Self {
            exchange: reply.exchange(),
            handle: reply.handle(),
            created_on: reply.created().as_millis(),
            outcome: reply.outcome(),
            parts: reply.parts(),
            first_page: reply.first_page(),
        }
    }

    fn print(&self, asking: &Asking) -> Response {
        let mut response = match self.outcome {
            Outcome::Rows { .. } => {
                self.rows(asking).unwrap_or_else(|fault| failed(&AskError::Fault(fault), None))
            }
            Outcome::Pending(ticket) => self.pending(ticket, &asking.options),
            Outcome::Refused(refusal) => self.refused(refusal, &asking.options),
            Outcome::Failed { code, sqlstate, message } => {
                // Upstream's statement timeout has a status of its own (section 1.4).
                let status = if code == TIMED_OUT {
                    StatusCode::REQUEST_TIMEOUT
                } else {
                    StatusCode::UNPROCESSABLE_ENTITY
                };
                self.status(status, code, sqlstate, message, &asking.options)
            }
        };
        insert(&mut response, EXCHANGE, &self.exchange.to_string());
        response
    }

    fn rows(&self, asking: &Asking) -> Result<Response, Fault> {
        match (self.first_page, self.parts) {
            (Some(object), [part]) => self.single(part, object, asking),
            (None, [_, ..]) => self.batch(&asking.options),
            (Some(_) | None, _) => {
                Err(Fault::lasting(Origin::Gateway, "the result of this statement cannot be printed"))
            }
        }
    }

    fn single(&self, part: &PartRecord, object: &Bytes, asking: &Asking) -> Result<Response, Fault> {
        let meta = json_text(&MetaData::of_part(part))?;
        let stats = if Stats::is_of(part) {
            rows::read_small(object).and_then(|rows| Stats::read(part, rows.first()?))
        } else {
            None
        };
        let head = [b"{\"resultSetMetaData\":", meta.as_slice(), b",\"data\":"].concat();
        let tail = self.tail(Tail { stats, ..self.success(&asking.options) })?;
        let nulls = if asking.options.null_as_text { Nulls::Text } else { Nulls::Json };
        let coding = if asking.accepts_gzip { Coding::Gzip } else { Coding::Identity };
        let body = rows::body(head, object, tail, nulls, coding).map_err(unreadable)?;
        let mut response = rows_response(body, coding);
        let pages = u32::try_from(part.pages.len()).unwrap_or(u32::MAX);
        let link = links::link(self.handle, asking.options.request.as_ref(), 0, pages);
        insert(&mut response, header::LINK.as_str(), &link);
        let masked = masked_columns(part);
        if !masked.is_empty() {
            insert(&mut response, MASKED_COLUMNS, &masked);
        }
        let found = found(part);
        if !found.is_empty() {
            insert(&mut response, FOUND, &found);
        }
        if let Some(rows) = part.cut_from {
            insert(&mut response, CUT_FROM, &rows.to_string());
        }
        Ok(response)
    }

    /// Section 1.5: each statement is collected by its own handle.
    fn batch(&self, options: &Options) -> Result<Response, Fault> {
        let data = json_text(&[[BATCH_MESSAGE]])?;
        let meta = json_text(&MetaData::of_batch(data.len()))?;
        let handles = self.parts.iter().map(|part| part.handle.as_str()).collect();
        let tail = self.tail(Tail { statement_handles: Some(handles), ..self.success(options) })?;
        let body =
            [b"{\"resultSetMetaData\":", meta.as_slice(), b",\"data\":", data.as_slice(), tail.as_slice()]
                .concat();
        Ok(rows_response(Body::from(body), Coding::Identity))
    }

    /// Everything behind `data`, from its comma to the closing brace.
    fn tail(&self, fields: Tail<'_>) -> Result<Vec<u8>, Fault> {
        let mut tail = json_text(&fields)?;
        if let Some(brace) = tail.first_mut() {
            *brace = b',';
        }
        Ok(tail)
    }

    fn success<'b>(&self, options: &Options) -> Tail<'b> {
        Tail {
            code: "090001",
            message: "Statement executed successfully.",
            sql_state: "00000",
            statement_handle: self.handle.to_string(),
            statement_handles: None,
            statement_status_url: links::status_url(self.handle, options.request.as_ref()),
            created_on: self.created_on,
            stats: None,
        }
    }

    /// 202 with code 333334 whether it runs or waits (sections 1.1 and 5.1: `333333` would stop some clients'
    /// polling); an agent learns from the message what it waits for.
    fn pending(&self, ticket: &Ticket, options: &Options) -> Response {
        let waiting = ticket
            .waits_for
            .as_ref()
            .map(|reason| format!("{IN_PROGRESS} It waits for a decision: {reason}"));
        let message = waiting.as_deref().unwrap_or(IN_PROGRESS);
        let body = Status {
            code: "333334",
            message,
            statement_handle: Some(ticket.handle.to_string()),
            statement_status_url: Some(links::status_url(ticket.handle, options.request.as_ref())),
            ..Status::default()
        };
        let mut response = json(StatusCode::ACCEPTED, &body);
        if ticket.waits_for.is_some() {
            insert(&mut response, WAITS_FOR, "decision");
        }
        response
    }

    /// 422 (section 5.3); 429 for a spent budget; 403 for a token without the scopes. An approval that expired answers 422 and not 408 (section 5.2
    /// allows either): HTTP clients repeat a 408 by themselves, which would ask the reviewers again.
    fn refused(&self, refusal: &Refusal, options: &Options) -> Response {
        let status = status_of(refusal);
        let code = refusal.code;
        let mut response = self.status(status, code.code(), code.sqlstate(), &refusal.message, options);
        challenge(&mut response, refusal);
        if let Some(wait) = refusal.retry_after {
            insert(&mut response, header::RETRY_AFTER.as_str(), &wait.as_secs().max(1).to_string());
        }
        response
    }

    fn status(
        &self,
        status: StatusCode,
        code: &str,
        sql_state: &str,
        message: &str,
        options: &Options,
    ) -> Response {
        let body = Status {
            code,
            sql_state: Some(sql_state),
            message,
            statement_handle: Some(self.handle.to_string()),
            created_on: Some(self.created_on),
            statement_status_url: Some(links::status_url(self.handle, options.request.as_ref())),
        };
        json(status, &body)
    }

    /// CancelStatus when it has been cancelled; 202 while it has yet to stop; else what it has become cannot be
    /// cancelled any more (code 000605, section 4.1).
    fn cancelled(&self, options: &Options) -> Response {
        let mut response = match self.outcome {
            Outcome::Refused(Refusal { code: RefusalCode::Cancelled, .. }) => {
                let body = Status {
                    code: "000604",
                    sql_state: Some("57014"),
                    message: "SQL execution canceled",
                    statement_handle: Some(self.handle.to_string()),
                    statement_status_url: Some(links::status_url(self.handle, options.request.as_ref())),
                    ..Status::default()
                };
                json(StatusCode::OK, &body)
            }
            Outcome::Pending(ticket) => {
                let body = Status {
                    code: "333334",
                    message: "Cancellation is under way. Use provided query id to see when the statement has ended.",
                    statement_handle: Some(ticket.handle.to_string()),
                    statement_status_url: Some(links::status_url(ticket.handle, options.request.as_ref())),
                    ..Status::default()
                };
                json(StatusCode::ACCEPTED, &body)
            }
            Outcome::Rows { .. } | Outcome::Refused(_) | Outcome::Failed { .. } => {
                let message = "The statement has ended and cannot be canceled.";
                self.status(StatusCode::UNPROCESSABLE_ENTITY, "000605", "57014", message, options)
            }
        };
        insert(&mut response, EXCHANGE, &self.exchange.to_string());
        response
    }
}

const IN_PROGRESS: &str =
    "Asynchronous execution in progress. Use provided query id to perform query monitoring and management.";

/// Snowflake's code for a statement that outran its timeout (section 4.1).
const TIMED_OUT: &str = "000630";

/// The members of a 200 answer behind its rows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tail<'a> {
    code: &'a str,
    message: &'a str,
    sql_state: &'a str,
    statement_handle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement_handles: Option<Vec<&'a str>>,
    statement_status_url: String,
    created_on: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// The answer to a cancellation.
pub(crate) fn cancelled(reply: &Reply, options: &Options) -> Response {
    Told::of(reply).cancelled(options)
}

/// A further partition: `{"data":[…]}`, gzip whatever the client says (section 1.4).
pub(crate) fn page(page: &PageReply, asking: &Asking) -> Response {
    partition(page.handle(), page.page(), page.pages(), page.object(), asking)
}

fn partition(handle: Handle, page: u32, pages: u32, object: &Bytes, asking: &Asking) -> Response {
    match rows::body(b"{\"data\":".to_vec(), object, b"}".to_vec(), Nulls::Json, Coding::Gzip) {
        Ok(body) => {
            let mut response = rows_response(body, Coding::Gzip);
            let link = links::link(handle, asking.options.request.as_ref(), page, pages);
            insert(&mut response, header::LINK.as_str(), &link);
            response
        }
        Err(error) => failed(&AskError::Fault(unreadable(error)), None),
    }
}

/// The answer to what never became an exchange.
pub(crate) fn rejected(rejected: &Rejected) -> Response {
    let message = rejected.to_string();
    let body = Status { code: rejected.code(), message: &message, ..Status::default() };
    let mut response = json(rejected.status(), &body);
    match rejected {
        Rejected::Method { allowed } => insert(&mut response, header::ALLOW.as_str(), allowed),
        // RFC 6750 section 3: no error code where no credential of this kind was shown.
        Rejected::CredentialMissing | Rejected::TokenType => {
            insert(&mut response, header::WWW_AUTHENTICATE.as_str(), "Bearer");
        }
        Rejected::CredentialMalformed => {
            insert(&mut response, header::WWW_AUTHENTICATE.as_str(), INVALID_TOKEN)
        }
        Rejected::Path
        | Rejected::UserAgent
        | Rejected::Accept
        | Rejected::ContentType
        | Rejected::ContentEncoding
        | Rejected::TooLarge { .. }
        | Rejected::TooSlow
        | Rejected::Unreadable
        | Rejected::Empty
        | Rejected::Header { .. }
        | Rejected::Option { .. }
        | Rejected::NotJson
        | Rejected::Member { .. }
        | Rejected::Range { .. }
        | Rejected::BindingsInBatch => {}
    }
    response
}

const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

/// The answer when there is no reply; `handle` as the client named it.
///
/// SECURITY: an unknown handle and another principal's are the same [`AskError`], and so the same bytes
/// (invariant I11).
pub(crate) fn failed(error: &AskError, handle: Option<Handle>) -> Response {
    match error {
        AskError::NotAccepted { is_expired } => {
            let (code, message) = if *is_expired {
                ("390318", "OAuth access token expired.")
            } else {
                ("390144", "The access token is not accepted here.")
            };
            let mut response = json(StatusCode::UNAUTHORIZED, &Status { code, message, ..Status::default() });
            insert(&mut response, header::WWW_AUTHENTICATE.as_str(), INVALID_TOKEN);
            response
        }
        AskError::UnknownHandle => {
            let message = match handle {
                Some(handle) => format!("Statement {handle} not found"),
                None => "Statement not found".to_owned(),
            };
            unprocessable("000709", &message, handle)
        }
        AskError::UnknownPage => unprocessable("099108", "The result has no such partition.", handle),
        AskError::Counted(refusal) => counted(refusal),
        AskError::Busy { handle: of } => {
            let message = error.to_string();
            let of = of.or(handle);
            let body = Status {
                code: "099109",
                message: &message,
                statement_handle: of.map(|handle| handle.to_string()),
                statement_status_url: of.map(|handle| links::status_url(handle, None)),
                ..Status::default()
            };
            let mut response = json(StatusCode::SERVICE_UNAVAILABLE, &body);
            insert(&mut response, header::RETRY_AFTER.as_str(), "1");
            response
        }
        AskError::Fault(fault) => broken(fault),
    }
}

/// A refusal that is no exchange of its own: it has no handle.
fn counted(refusal: &Refusal) -> Response {
    let Refusal { code, message, retry_after, scopes: _ } = refusal;
    let body = Status { code: code.code(), sql_state: Some(code.sqlstate()), message, ..Status::default() };
    let mut response = json(status_of(refusal), &body);
    challenge(&mut response, refusal);
    if let Some(wait) = retry_after {
        insert(&mut response, header::RETRY_AFTER.as_str(), &wait.as_secs().max(1).to_string());
    }
    response
}

/// Tells a client which scopes to ask its issuer for, where its token lacks some (RFC 6750 section 3.1).
fn challenge(response: &mut Response, refusal: &Refusal) {
    if refusal.code == RefusalCode::Scope && !refusal.scopes.is_empty() {
        insert(response, header::WWW_AUTHENTICATE.as_str(), &crate::mcp::insufficient(&refusal.scopes));
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal.code {
        RefusalCode::Budget => StatusCode::TOO_MANY_REQUESTS,
        // Not 401: the token is good, and a client that only renews it would come back with the same.
        RefusalCode::Scope if !refusal.scopes.is_empty() => StatusCode::FORBIDDEN,
        // Where the token has by now what it lacked then, it is no matter of the token any more.
        RefusalCode::Scope
        | RefusalCode::Policy
        | RefusalCode::Denied
        | RefusalCode::TooLarge
        | RefusalCode::Revoked
        | RefusalCode::AccessEnded
        | RefusalCode::Cancelled
        | RefusalCode::Expired
        | RefusalCode::Contradiction
        | RefusalCode::RequestReused
        | RefusalCode::StatementCount => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn unprocessable(code: &str, message: &str, handle: Option<Handle>) -> Response {
    let statement_handle = handle.map(|handle| handle.to_string());
    let body = Status { code, sql_state: Some("02000"), message, statement_handle, ..Status::default() };
    json(StatusCode::UNPROCESSABLE_ENTITY, &body)
}

/// Something broke: the agent is told the public line.
fn broken(fault: &Fault) -> Response {
    faults::log(fault);
    let (status, code) = match fault.retry {
        Retry::Soon => (StatusCode::SERVICE_UNAVAILABLE, "099130"),
        Retry::Never => (StatusCode::INTERNAL_SERVER_ERROR, "099131"),
    };
    let mut response = json(status, &Status { code, message: &fault.public, ..Status::default() });
    if fault.retry == Retry::Soon {
        insert(&mut response, header::RETRY_AFTER.as_str(), "1");
    }
    response
}

/// `2,5-7`: positions of masked columns, counting from 1; runs joined so that a thousand columns fit into a header.
fn masked_columns(part: &PartRecord) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in (1..).zip(&part.columns).filter(|(_, column)| column.masked) {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(at) => *last = at,
            Some(_) | None => runs.push((at, at)),
        }
    }
    let print = |(first, last)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
    runs.into_iter().map(print).collect::<Vec<_>>().join(",")
}

/// What was found, column by column; see [`FOUND`].
fn found(part: &PartRecord) -> String {
    let mut text = String::new();
    for FoundRecord { column, changed, nulled, kinds } in &part.found {
        let comma = if text.is_empty() { "" } else { ", " };
        let column = u64::from(*column).saturating_add(1);
        text.push_str(&format!("{comma}{column} changed={changed} nulled={nulled}"));
        for (kind, cells) in kinds {
            text.push_str(&format!(" {kind}={cells}"));
        }
        if text.len() > LONGEST_FOUND {
            return "too-many".to_owned();
        }
    }
    text
}

fn rows_response(body: Body, coding: Coding) -> Response {
    let mut response = Response::new(body);
    insert(&mut response, header::CONTENT_TYPE.as_str(), "application/json");
    if coding == Coding::Gzip {
        insert(&mut response, header::CONTENT_ENCODING.as_str(), "gzip");
    }
    response
}

fn json(status: StatusCode, body: &Status<'_>) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json_text(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value)
        .map_err(|error| Fault::lasting(Origin::Gateway, "the answer cannot be written").because(error))
}

fn unreadable(error: recording::FormatError) -> Fault {
    Fault::lasting(Origin::Pages, "a stored page of this result is damaged").because(error)
}

/// Sets a header whose value we have made of visible ASCII; anything else is left out.
fn insert(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_may_be_asked_again_soon_says_when() {
        let waits = |refusal: Refusal| failed(&AskError::Counted(refusal), None);
        let message = "the limit of statements per minute is reached".to_owned();
        let budget = waits(Refusal {
            code: RefusalCode::Budget,
            message,
            retry_after: Some(Duration::from_secs(17)),
            scopes: Vec::new(),
        });
        assert_eq!(
            (budget.status().as_u16(), &budget.headers()["retry-after"]),
            (429, &HeaderValue::from(17))
        );
        let message = "this agent was revoked".to_owned();
        let revoked =
            waits(Refusal { code: RefusalCode::Revoked, message, retry_after: None, scopes: Vec::new() });
        assert_eq!(revoked.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!revoked.headers().contains_key("retry-after"));
        let busy = failed(&AskError::Busy { handle: None }, None);
        assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"]), (503, &HeaderValue::from(1)));
    }

    fn part_with(found: Vec<FoundRecord>) -> PartRecord {
        PartRecord {
            handle: String::new(),
            query_id: String::new(),
            columns: Vec::new(),
            rows: 0,
            cut_from: None,
            masked_by_lineage: 0,
            masked_by_content: 0,
            found,
            pages: Vec::new(),
        }
    }

    #[test]
    fn what_was_found_is_told_by_column_and_kind() {
        let record = |column, kinds: &[(&str, u64)]| FoundRecord {
            column,
            changed: 12,
            nulled: 2,
            kinds: kinds.iter().map(|(kind, cells)| ((*kind).to_owned(), *cells)).collect(),
        };
        assert_eq!(found(&part_with(Vec::new())), "");
        let told = found(&part_with(vec![record(2, &[("EMAIL", 12), ("PHONE", 1)]), record(6, &[])]));
        assert_eq!(told, "3 changed=12 nulled=2 EMAIL=12 PHONE=1, 7 changed=12 nulled=2");
        let many = (0..500).map(|column| record(column, &[("EMAIL", 12)])).collect();
        assert_eq!(found(&part_with(many)), "too-many");
    }

    #[tokio::test]
    async fn an_answer_without_room_names_what_to_collect() {
        let handle = Handle::from_u128(7);
        let busy = failed(&AskError::Busy { handle: Some(handle) }, None);
        let body = axum::body::to_bytes(busy.into_body(), 4096).await.unwrap();
        let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(told["statementHandle"], serde_json::json!(handle.to_string()));
        assert_eq!(told["statementStatusUrl"], serde_json::json!(links::status_url(handle, None)));
    }
}
