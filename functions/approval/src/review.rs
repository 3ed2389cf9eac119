//! Looking at what waits.

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ApprovalId;
use gateway::{Found, ReviewError, ReviewSession};
use serde::Deserialize;

use crate::page::{arriving, over, problem, waits};
use crate::{Desk, cookies, headers};

/// What the page's own script brings.
#[derive(Deserialize)]
pub struct Look {
    /// The session's mark.
    mark: String,
}

/// The page in the place of what waits. It tells nothing.
pub async fn before(Path(id): Path<String>) -> Response {
    match id.parse::<ApprovalId>() {
        Ok(id) => arriving::before(id).into_response(),
        Err(_) => problem::nothing_here(),
    }
}

/// The page of a reviewer who has signed in.
pub async fn review(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Look>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Ok(Form(Look { mark })) = form else { return problem::nothing_here() };
    if !headers::is_own_form(&headers, &desk.origin) {
        return problem::form();
    }
    let session = match session(&desk, &id, &headers, &mark).await {
        Ok((session, _)) => session,
        // SECURITY: whoever brings the cookie alone is shown nothing.
        Err(ReviewError::Form) => return problem::nothing_here(),
        Err(error) => return problem::of(&error),
    };
    match desk.reception.find(&session).await {
        Ok(found) => show(&desk, &session, &found, None),
        Err(error) => problem::of(&error),
    }
}

/// The session of this approval with that mark, among those that the browser brings, and its text.
///
/// # Errors
/// [`ReviewError::Form`] where the mark is none of theirs; [`ReviewError::Unknown`] where there are none.
pub async fn session(
    desk: &Desk,
    id: &str,
    headers: &HeaderMap,
    mark: &str,
) -> Result<(ReviewSession, String), ReviewError> {
    let id: ApprovalId = id.parse().map_err(|_| ReviewError::Unknown)?;
    let mut none = ReviewError::Unknown;
    for text in cookies::sessions_of(desk, headers, id) {
        match desk.reception.session(id, &text).await {
            Ok(session) if session.is_marked(mark) => return Ok((session, text)),
            Ok(_) => none = ReviewError::Form,
            Err(ReviewError::Unknown) => {}
            Err(error) => return Err(error),
        }
    }
    Err(none)
}

/// What is found, with what was wrong with a form that was sent before.
pub fn show(desk: &Desk, session: &ReviewSession, found: &Found, wrong: Option<&str>) -> Response {
    match found {
        Found::Waits { shown, earlier } => {
            let page = waits::page(session, shown, earlier, desk.behind, wrong);
            let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            (status, page).into_response()
        }
        Found::Over { waiting, own, standing, access } => {
            let page = over::page(session, waiting, *own, standing.as_deref(), access.as_deref(), wrong);
            let status = if wrong.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
            (status, page).into_response()
        }
    }
}
