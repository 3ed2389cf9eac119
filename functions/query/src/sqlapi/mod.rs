//! Snowflake's SQL API v2, as a door.
//!
//! Section numbers in this folder are those of the protocol notes that `ARCHITECTURE.md` lists; the public
//! reference is "Snowflake SQL API", endpoints `POST /api/v2/statements`, `GET /api/v2/statements/{handle}` and
//! `POST /api/v2/statements/{handle}/cancel`.
//!
//! A request is checked in this order: size and encoding, who it says it is, its options, its body; then the
//! gateway proves the credential before anything is looked up. So nothing that is refused here depends on what
//! anybody has stored.

mod answer;
mod bindings;
mod links;
mod options;
mod parameters;
mod request;
mod result_set;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use domain::{Asked, Credential, Door, Handle};
use gateway::Gateway;

use crate::harden;
use crate::reading::rejected::Rejected;
use crate::reading::{body, headers, members};
use answer::Asking;
use options::Options;

/// Which door this is.
const DOOR: Door = Door::SqlApi;

/// The path that statements live under.
const STATEMENTS: &str = "/api/v2/statements";

/// The routes of this door.
pub(crate) fn routes(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route(STATEMENTS, post(submit).fallback(other_than_post))
        .route("/api/v2/statements/{handle}", get(collect).fallback(other_than_get))
        .route("/api/v2/statements/{handle}/cancel", post(cancel).fallback(other_than_post))
        .fallback(unknown_path)
        .layer((traces::each_request(traces::root!("sqlapi")), map_response(harden)))
        .with_state(gateway)
}

/// `POST /api/v2/statements` (section 1.1): asks, and waits as long as the operator holds answers.
async fn submit(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (asked, asking, hold) = match read_submission(&gateway, request).await {
        Ok(read) => read,
        Err(rejected) => return refuse(&gateway, &rejected).await,
    };
    match gateway.ask(asked, hold).await {
        Ok(reply) => answer::reply(&reply, &asking),
        Err(error) => answer::failed(&error, None),
    }
}

async fn read_submission(gateway: &Gateway, request: Request) -> Result<(Asked, Asking, Duration), Rejected> {
    let (parts, body) = request.into_parts();
    // Room for the text with what JSON puts around it.
    let limit = gateway.settings().statement_size.saturating_mul(2);
    body::check_length(&parts.headers, limit)?;
    headers::content_type(&parts.headers)?;
    let encoding = headers::content_encoding(&parts.headers)?;
    let credential = headers::credential(&parts.headers)?;
    let options = Options::read(parts.uri.query(), options::SUBMIT)?;
    let body = body::read(body, encoding, limit).await?;
    let asked = request::read(credential, &options, &parts.headers, &body)?;
    let hold = if options.is_async { Duration::ZERO } else { gateway.settings().hold };
    Ok((asked, Asking::new(options, &parts.headers), hold))
}

/// `GET /api/v2/statements/{handle}` (section 1.1): how it stands, its first rows, or further ones. Only reads.
async fn collect(
    State(gateway): State<Arc<Gateway>>,
    handle: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (credential, handle, options) = match read_reference(handle, &request, "GET", options::COLLECT) {
        Ok(read) => read,
        Err(rejected) => return refuse(&gateway, &rejected).await,
    };
    let asking = Asking::new(options, request.headers());
    if asking.options.partition == 0 {
        match gateway.collect(DOOR, &credential, handle).await {
            Ok(reply) => answer::reply(&reply, &asking),
            Err(error) => answer::failed(&error, Some(handle)),
        }
    } else {
        match gateway.page(DOOR, &credential, handle, asking.options.partition).await {
            Ok(page) => answer::page(&page, &asking),
            Err(error) => answer::failed(&error, Some(handle)),
        }
    }
}

/// `POST /api/v2/statements/{handle}/cancel` (section 1.1).
async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    handle: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (credential, handle, options) = match read_cancel(handle, request).await {
        Ok(read) => read,
        Err(rejected) => return refuse(&gateway, &rejected).await,
    };
    match gateway.cancel(DOOR, &credential, handle).await {
        Ok(reply) => answer::cancelled(&reply, &options),
        Err(error) => answer::failed(&error, Some(handle)),
    }
}

/// A cancellation says nothing in its body: clients send none, or an empty object.
async fn read_cancel(
    handle: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<(Credential, Handle, Options), Rejected> {
    const LIMIT: usize = 1024;
    body::check_length(request.headers(), LIMIT)?;
    let encoding = headers::content_encoding(request.headers())?;
    let read = read_reference(handle, &request, "POST", options::CANCEL)?;
    let body = body::read(request.into_body(), encoding, LIMIT).await;
    // An empty body under `Content-Encoding: gzip` is no gzip, and says nothing all the same.
    let body = if encoding == headers::Encoding::Gzip { body.or_else(nothing_sent)? } else { body? };
    let text = std::str::from_utf8(&body).map_err(|_| Rejected::NotJson)?;
    if !text.trim().is_empty() {
        members::Members::of_body(text)?.end()?;
    }
    Ok(read)
}

fn nothing_sent(rejected: Rejected) -> Result<Vec<u8>, Rejected> {
    if rejected == Rejected::Empty { Ok(Vec::new()) } else { Err(rejected) }
}

/// What every request on a handle says: who, which, how.
fn read_reference(
    handle: Result<Path<String>, PathRejection>,
    request: &Request,
    method: &'static str,
    allowed: &[&str],
) -> Result<(Credential, Handle, Options), Rejected> {
    // The router lets HEAD through to GET; an answer without its body is of no use to anyone here.
    if request.method().as_str() != method {
        return Err(Rejected::Method { allowed: method });
    }
    let credential = headers::credential(request.headers())?;
    let handle = handle.ok().and_then(|Path(text)| text.parse().ok()).ok_or(Rejected::Path)?;
    let options = Options::read(request.uri().query(), allowed)?;
    Ok((credential, handle, options))
}

async fn unknown_path(State(gateway): State<Arc<Gateway>>) -> Response {
    refuse(&gateway, &Rejected::Path).await
}

async fn other_than_post(State(gateway): State<Arc<Gateway>>) -> Response {
    refuse(&gateway, &Rejected::Method { allowed: "POST" }).await
}

async fn other_than_get(State(gateway): State<Arc<Gateway>>) -> Response {
    refuse(&gateway, &Rejected::Method { allowed: "GET" }).await
}

/// Says no before anybody was identified, and counts it.
async fn refuse(gateway: &Gateway, rejected: &Rejected) -> Response {
    gateway.reject(DOOR, rejected.reason()).await;
    answer::rejected(rejected)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_wrong_method_is_told_the_right_one() {
        for (method, allowed) in [("HEAD", "GET"), ("HEAD", "POST"), ("GET", "POST")] {
            let request = Request::builder().method(method).body(Body::empty()).unwrap();
            let handle = Ok(Path("01234567-89ab-cdef-0123-456789abcdef".to_owned()));
            let found = read_reference(handle, &request, allowed, &[]).map(|_| ());
            assert_eq!(found, Err(Rejected::Method { allowed }));
        }
    }
}
