//! Coming by a link, and coming back from the issuer.

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ApprovalId;
use gateway::{Arrived, BegunSession, ReviewError};
use serde::Deserialize;

use crate::page::{arriving, problem};
use crate::{Desk, cookies, headers};

/// The page behind a link. It is the same for every approval and for none, so it tells nothing.
pub async fn shell(Path(id): Path<String>) -> Response {
    match id.parse::<ApprovalId>() {
        Ok(id) => arriving::shell(id).into_response(),
        Err(_) => problem::nothing_here(),
    }
}

/// What the shell's form brings.
#[derive(Deserialize)]
pub struct Arrival {
    token: String,
}

/// Whoever brings a token.
pub async fn arrive(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Arrival>, axum::extract::rejection::FormRejection>,
) -> Response {
    let (Ok(id), Ok(Form(Arrival { token }))) = (id.parse::<ApprovalId>(), form) else {
        return problem::nothing_here();
    };
    if !headers::is_own_form(&headers, &desk.origin) {
        return problem::form();
    }
    match desk.reception.arrive(id, &token).await {
        Ok(Arrived::SignedIn(session)) => begun(&desk, id, &session),
        Ok(Arrived::SignIn { url, state, pending }) => {
            let Some(cookie) = cookies::sign_in(&desk, &state, &pending) else { return unwritten() };
            // No redirect: browsers hold a form's whole way to `form-action`.
            ([(header::SET_COOKIE, cookie)], arriving::to_issuer(&url)).into_response()
        }
        Err(error) => problem::of(&error),
    }
}

/// The answer with which a session begins: its cookie, and the mark of its forms for the page's own script.
fn begun(desk: &Desk, id: ApprovalId, session: &BegunSession) -> Response {
    let BegunSession { text, mark } = session;
    match cookies::session(desk, id, text) {
        // No redirect: the session's cookie comes along only from a page of ours, and a redirect hands nothing over.
        Some(cookie) => ([(header::SET_COOKIE, cookie)], arriving::onward(id, mark)).into_response(),
        None => unwritten(),
    }
}

/// The answer to whom no cookie can be given.
fn unwritten() -> Response {
    tracing::error!("a cookie of the reviewers' page cannot be written");
    problem::broken()
}

/// What an issuer sends a reviewer back with (OpenID Connect Core 1.0 section 3.1.2.5, RFC 9207).
#[derive(Deserialize)]
pub struct ComingBack {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Whoever comes back from the issuer.
pub async fn come_back(
    State(desk): State<Desk>,
    headers: HeaderMap,
    query: Result<Query<ComingBack>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(ComingBack { state: Some(state), code, error, iss })) = query else {
        return problem::nothing_here();
    };
    let pending = cookies::sign_ins_of(&desk, &headers, &state);
    if pending.is_empty() {
        return problem::of(&ReviewError::Unknown);
    }
    let forget = cookies::no_sign_in(&desk, &state);
    let mut response = match (code, error) {
        (Some(code), None) => match desk.reception.come_back(&pending, &state, &code, iss.as_deref()).await {
            Ok((id, session)) => begun(&desk, id, &session),
            Err(error) => problem::of(&error),
        },
        // They gave up, or the issuer did not let them in. Its words are not ours to print.
        (None | Some(_), _) => problem::not_signed_in(),
    };
    if let Some(forget) = forget.filter(|_| response.status() != StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().append(header::SET_COOKIE, forget);
    }
    response
}
