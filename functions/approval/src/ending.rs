//! Ending a standing approval, or leave to read.

use axum::extract::{Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use domain::ApprovalId;
use gateway::ReviewError;
use serde::Deserialize;

use crate::page::problem;
use crate::{Desk, headers, review};

/// What the form brings.
#[derive(Deserialize)]
pub struct Ending {
    /// The session's mark for its forms.
    mark: String,
    /// The digest of what was shown.
    covers: String,
    #[serde(default)]
    reason: String,
}

/// Ends what stands since this approval, or was granted with it; ended again, it stays as it is.
pub async fn end(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Ending>, axum::extract::rejection::FormRejection>,
) -> Response {
    let (Ok(approval), Ok(Form(ending))) = (id.parse::<ApprovalId>(), form) else {
        return problem::form();
    };
    if !headers::is_own_form(&headers, &desk.origin) {
        return problem::form();
    }
    match take(&desk, &id, &headers, &ending).await {
        Ok(()) => Redirect::to(&format!("/a/{approval}/review")).into_response(),
        Err(error) => problem::of(&error),
    }
}

async fn take(desk: &Desk, path: &str, headers: &HeaderMap, ending: &Ending) -> Result<(), ReviewError> {
    let Ending { mark, covers, reason } = ending;
    let (session, text) = review::session(desk, path, headers, mark).await?;
    let form = gateway::Form { mark, covers };
    let reason = Some(reason.as_str()).filter(|reason| !reason.trim().is_empty());
    desk.reception.end(&session, &text, &form, reason).await
}
