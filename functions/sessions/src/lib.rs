//! The recordings for auditors, over HTTP: search and replay, as JSON.
//!
//! | route | answers |
//! | --- | --- |
//! | `GET /v1/exchanges?…` | exchanges by session, person, agent, table, or of a day by refusal or hold; see [`parameters`](self#parameters) |
//! | `GET /v1/sessions/{session}` | what happened in a session, in order, pages as the agent saw them |
//! | `GET /v1/exchanges/{session}/{number}` | the same of one exchange |
//!
//! # Parameters
//! One of `session`, `person`, `agent`, `table`, `refused=DAY`, `held=DAY` (the first of them that is there) says where to look. `from` and `to`
//! (days or RFC 3339; `to` is exclusive) bound the time: without them the last 30 days are looked at, as far as the index knows them, and no question spans more than
//! 366. All others filter what is found: `decision`, `outcome`, `rule`, `finding`, `text`, and those of the first six that did not say where.
//! `limit` is 50 and at most 100; `after` is the `next` of an earlier answer. One answer reads 200 exchanges at most: what it shows, how
//! many it has read and up to when stands in it. What is asked without any of the six, for longer, or of a time before all that the index knows, is
//! answered by 400 with the query for Athena.
//!
//! Whoever asks shows an access token of a person with the auditors' audience and scope. Each look is recorded before anything
//! of it is shown (`gateway::Audit`); this crate parses questions and prints answers, and refuses to know where anything lies.
//!
//! ```no_run
//! # async fn serve(audit: std::sync::Arc<gateway::Audit>) -> std::io::Result<()> {
//! let router = sessions::routes(audit);
//! axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8181").await?, router).await
//! # }
//! ```

mod athena;
mod question;
mod rejected;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::{Credential, ExchangeNumber, SessionId, Timestamp};
use gateway::{Audit, AuditAnswer, Auditor, Replay};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::rejected::Rejected;

/// When whoever answers a request has to stop reading for it, so that there is an answer in time; none where that is never. What it knows
/// of the request are its extensions.
pub type Until = fn(&http::Extensions) -> Option<Timestamp>;

/// What stands behind the routes.
#[derive(Clone)]
struct Served {
    audit: Arc<Audit>,
    until: Until,
}

/// The routes over this.
pub fn routes(audit: Arc<Audit>) -> Router {
    routes_until(audit, |_| None)
}

/// The same where an answer must not take for ever: what is not read by then is said to come `next`.
pub fn routes_until(audit: Arc<Audit>, until: Until) -> Router {
    Router::new()
        .route("/v1/exchanges", get(search).head(not_get).fallback(not_get))
        .route("/v1/exchanges/{session}/{number}", get(replay_one).head(not_get).fallback(not_get))
        .route("/v1/sessions/{session}", get(replay_all).head(not_get).fallback(not_get))
        .layer((traces::each_request(traces::root!("sessions")), map_response(harden)))
        .with_state(Served { audit, until })
}

async fn search(State(served): State<Served>, request: Parts) -> Response {
    told(found(&served, &request).await)
}

async fn found(served: &Served, request: &Parts) -> Result<AuditAnswer, Rejected> {
    let Served { audit, until } = served;
    let Parts { uri, headers, extensions, .. } = request;
    let auditor = auditor(audit, headers).await?;
    // SECURITY: what was asked of days that the index does not know would be answered as if nothing had been.
    let whole_since = audit.whole_since(&auditor).await?;
    let question = question::read(uri.query().unwrap_or_default(), audit.moment(), whole_since)?;
    Ok(audit.search(&auditor, &question, until(extensions)).await?)
}

async fn replay_one(
    State(served): State<Served>,
    Path((session, number)): Path<(String, String)>,
    request: Parts,
) -> Response {
    told(replayed(&served, &request, (&session, Some(&number))).await)
}

async fn replay_all(State(served): State<Served>, Path(session): Path<String>, request: Parts) -> Response {
    told(replayed(&served, &request, (&session, None)).await)
}

async fn replayed(
    served: &Served,
    request: &Parts,
    (session, number): (&str, Option<&str>),
) -> Result<AuditAnswer, Rejected> {
    let Served { audit, until } = served;
    let Parts { uri, headers, extensions, .. } = request;
    let auditor = auditor(audit, headers).await?;
    let session: SessionId = session.parse().map_err(|_| Rejected::Place)?;
    let only = number.map(|number| number_of(number).ok_or(Rejected::Place)).transpose()?;
    let after = question::after(uri.query().unwrap_or_default())?;
    let answer = audit.replay(&auditor, &Replay { session, only, after }, until(extensions)).await?;
    // That there is none is a look, too, and was recorded.
    if answer.shown() == 0 { Err(Rejected::NoSuchRecording) } else { Ok(answer) }
}

/// A number in the one spelling that we write.
fn number_of(text: &str) -> Option<ExchangeNumber> {
    text.parse().ok().and_then(ExchangeNumber::new).filter(|number| number.to_string() == text)
}

async fn not_get() -> Response {
    Rejected::Method.response()
}

// SECURITY: before anything else of a request is read, what API Gateway says of it included.
async fn auditor(audit: &Audit, headers: &HeaderMap) -> Result<Auditor, Rejected> {
    Ok(audit.auditor(&bearer(headers)?).await?)
}

/// `Authorization: Bearer TOKEN`, once.
fn bearer(headers: &HeaderMap) -> Result<Credential, Rejected> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Rejected::NoToken) };
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Rejected::NoToken)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Rejected::NoToken);
    }
    Ok(Credential::new(token.to_owned()))
}

fn told(answer: Result<AuditAnswer, Rejected>) -> Response {
    match answer {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer.into_body()).into_response(),
        Err(rejected) => rejected.response(),
    }
}

/// Nothing that is answered here is for a cache or a page.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
