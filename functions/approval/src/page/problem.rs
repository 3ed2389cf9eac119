//! When there is nothing to show: every reason looks the same where telling them apart would tell somebody something.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Unmoved;
use gateway::ReviewError;
use maud::{Markup, html};

use super::page;

/// What somebody is told whom something did not let in.
// SECURITY: an unknown approval, somebody else's link, one that is over, and somebody who may not decide look alike
// (invariant I11).
fn closed() -> Markup {
    html! {
        section.card.plain {
            h1 { "This link opens nothing" }
            p { "It may have been like this from the start, or by now. Usually it is one of these:" }
            ul {
                li { "It was decided, withdrawn, or its time is over: then there is nothing left to do." }
                li { "You opened it some minutes ago, and have to sign in again: open the link in your mail once more." }
                li { "It is another reviewer's link, or you signed in as somebody else. Each link is for one person." }
                li { "It was not copied whole: it ends with " code { "#t=" } " and 43 characters." }
                li { "Policy has changed meanwhile, and a newer mail is on its way to you." }
            }
            p { "Nothing was decided by opening it. If you expected to decide something, ask a policy owner." }
        }
    }
}

/// The answer to an address that is none, or a link that opens nothing.
pub fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, page("Nothing to open", &closed())).into_response()
}

/// The answer to a form that is not this page's own.
pub fn form() -> Response {
    let body = html! {
        section.card.plain {
            h1 { "Nothing was decided" }
            p { "This form was not the one that you were shown, or what waits has changed since." }
            p { "Open the link in your mail again, read what is there now, and decide on that." }
        }
    };
    (StatusCode::FORBIDDEN, page("Nothing was decided", &body)).into_response()
}

/// The answer to somebody who comes back without having signed in.
pub fn not_signed_in() -> Response {
    let body = html! {
        section.card.plain {
            h1 { "You are not signed in" }
            p { "Signing in was given up, or was not accepted. Nothing was shown and nothing was decided." }
            p { "To try again, open the link in your mail once more." }
        }
    };
    (StatusCode::FORBIDDEN, page("Not signed in", &body)).into_response()
}

/// The answer when something broke.
pub fn broken() -> Response {
    let body = html! {
        section.card.plain {
            h1 { "Something broke" }
            p { "Nobody can tell just now. What you did may have counted: open the link in your mail again to see." }
            p { "If that does not help, tell whoever runs the gateway." }
        }
    };
    (StatusCode::SERVICE_UNAVAILABLE, page("Something broke", &body)).into_response()
}

/// The answer when the place to sign in is out of reach.
fn out_of_reach() -> Response {
    let body = html! {
        section.card.plain {
            h1 { "Signing in does not work just now" }
            p { "The place where reviewers sign in does not answer. Nothing was shown and nothing was decided." }
            p { "Open the link in your mail again in a minute." }
        }
    };
    (StatusCode::SERVICE_UNAVAILABLE, page("Try again", &body)).into_response()
}

/// The answer to somebody who has signed in and cannot decide this any more.
fn unmoved(why: Unmoved) -> Response {
    let body = html! {
        section.card.plain {
            h1 { "Nothing was decided" }
            p { (why) "." }
        }
    };
    (StatusCode::CONFLICT, page("Nothing was decided", &body)).into_response()
}

/// The answer to what went wrong.
pub fn of(error: &ReviewError) -> Response {
    match error {
        ReviewError::Unknown | ReviewError::SignIn | ReviewError::Stranger => nothing_here(),
        ReviewError::Unmoved(
            Unmoved::NotAPerson | Unmoved::OthersLink | Unmoved::OwnRequest | Unmoved::NotAReviewer,
        ) => nothing_here(),
        ReviewError::Unmoved(why) => unmoved(*why),
        ReviewError::Form | ReviewError::Standing(_) => form(),
        ReviewError::Fault(fault) => {
            tracing::error!(
                fault = fault as &(dyn std::error::Error + 'static),
                "a reviewer could not be answered"
            );
            match fault.origin {
                gateway::Origin::Identities => out_of_reach(),
                gateway::Origin::Policies
                | gateway::Origin::Catalogs
                | gateway::Origin::Keys
                | gateway::Origin::Recordings
                | gateway::Origin::Pages
                | gateway::Origin::Exchanges
                | gateway::Origin::Upstream
                | gateway::Origin::Gateway => broken(),
            }
        }
    }
}
