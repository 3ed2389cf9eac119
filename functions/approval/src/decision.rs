//! Taking a verdict.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use domain::{ApprovalId, Unmoved, Verdict};
use gateway::{Found, ReviewError};
use serde::Deserialize;

use crate::page::{problem, standing};
use crate::{Desk, headers, review};

/// What the form brings.
#[derive(Deserialize)]
pub struct Decision {
    /// The session's mark for its forms.
    mark: String,
    /// The digest of what was shown.
    covers: String,
    verdict: String,
    #[serde(default)]
    reason: String,
    /// What destroys is typed.
    #[serde(default)]
    typed: String,
    /// What is to stand for later ones.
    #[serde(flatten)]
    standing: BTreeMap<String, String>,
}

/// Approves or denies.
pub async fn decide(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, axum::extract::rejection::FormRejection>,
) -> Response {
    let (Ok(approval), Ok(Form(decision))) = (id.parse::<ApprovalId>(), form) else {
        return problem::form();
    };
    if !headers::is_own_form(&headers, &desk.origin) {
        return problem::form();
    }
    let Some(verdict) = Verdict::from_word(&decision.verdict) else { return problem::form() };
    match take(&desk, approval, &id, &headers, verdict, &decision).await {
        Ok(response) => response,
        Err(error) => problem::of(&error),
    }
}

async fn take(
    desk: &Desk,
    id: ApprovalId,
    path: &str,
    headers: &HeaderMap,
    verdict: Verdict,
    decision: &Decision,
) -> Result<Response, ReviewError> {
    let Decision { mark, covers, verdict: _, reason, typed, standing } = decision;
    let (session, text) = review::session(desk, path, headers, mark).await?;
    let form = gateway::Form { mark, covers };
    desk.reception.check_form(&session, &text, &form).await?;
    let mut terms = None;
    if verdict == Verdict::Approve {
        let found = desk.reception.find(&session).await?;
        // What is over is told by the page that says so.
        if let Found::Waits { shown, .. } = &found
            && let Some(word) = gateway::word_to_type(&shown.waiting)
            && !gateway::is_typed(&word, typed)
        {
            let wrong = format!("Nothing was decided. To approve this, type {word} in the box below.");
            return Ok(review::show(desk, &session, &found, Some(&wrong)));
        }
        terms = match standing::terms(standing) {
            Ok(terms) => terms,
            Err(why) => {
                let wrong = format!("Nothing was decided: {why}.");
                return Ok(review::show(desk, &session, &found, Some(&wrong)));
            }
        };
    }
    let reason = Some(reason.as_str()).filter(|reason| !reason.trim().is_empty());
    let decided = match &terms {
        Some(terms) => desk.reception.approve_standing(&session, &text, &form, terms, reason).await,
        None => desk.reception.decide(&session, &text, &form, verdict, reason).await,
    };
    match decided {
        // The page tells where it stands; the same verdict again changes nothing, so reloading is safe.
        Ok(_) => Ok(Redirect::to(&format!("/a/{id}/review")).into_response()),
        Err(ReviewError::Unmoved(Unmoved::Ended(_) | Unmoved::Granted | Unmoved::Lapsed)) => {
            let found = desk.reception.find(&session).await?;
            Ok(review::show(desk, &session, &found, Some(&too_late(verdict, &found))))
        }
        Err(ReviewError::Standing(why)) => {
            let found = desk.reception.find(&session).await?;
            Ok(review::show(desk, &session, &found, Some(&format!("Nothing was decided: {why}."))))
        }
        Err(error) => Err(error),
    }
}

/// What somebody is told whose verdict nothing came of, because it was decided or over before.
fn too_late(verdict: Verdict, found: &Found) -> String {
    let said = match verdict {
        Verdict::Approve => "yes",
        Verdict::Deny => "no",
    };
    let stands = match found {
        Found::Over { standing, access, .. } => {
            access.is_some() || standing.as_ref().is_some_and(|standing| standing.over.is_none())
        }
        Found::Waits { .. } => false,
    };
    let then = if stands && verdict == Verdict::Deny { " To take it back, end it below." } else { "" };
    format!("Your {said} came too late and changed nothing.{then}")
}
