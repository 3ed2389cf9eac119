//! The page on which reviewers decide: it shows exactly what would run, takes a verdict once, and does nothing else.
//!
//! [`routes`] is the HTTP of [`gateway::Reception`], which holds every rule: whose a link is, who has signed in, what may be
//! shown, and what a verdict does. This crate refuses to know policy, upstream and stores; nothing that it prints is anything
//! but text, escaped by `maud`, under a content security policy that lets no script run but the one file that it serves.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /a/ID` | a page that says nothing; its script brings the token out of the fragment into a form |
//! | `POST /a/ID` | checks the token; sends the reviewer to their issuer |
//! | `GET /a/callback` | redeems the code; begins the session of this approval, and hands its mark to the script once |
//! | `GET /a/ID/review` | a page that says nothing; its script brings the mark |
//! | `POST /a/ID/review` | with a session and its mark: shows what would run; that somebody looked is recorded first |
//! | `POST /a/ID/decision` | with a session and its form: approves or denies |
//! | `POST /a/ID/end` | with a session and its form: ends what stands since that approval, or the leave to read that it granted |
//!
//! ```no_run
//! # fn serve(reception: gateway::Reception) -> axum::Router {
//! approval::routes(reception, approval::Behind::Snowflake)
//! # }
//! ```

mod arrival;
mod assets;
mod cookies;
mod decision;
mod ending;
mod headers;
mod page;
mod review;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{any, get, post};
use gateway::Reception;

/// A form in bytes, at most.
const LARGEST_FORM: usize = 16 * 1024;

/// What every request needs.
#[derive(Clone)]
struct Desk {
    reception: Reception,
    /// `https://HOST`: forms come from no other origin.
    origin: Arc<str>,
    behind: Behind,
}

impl Desk {
    /// Whether browsers reach this page by https, and so keep its cookies to it.
    fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// What stands behind the gateway: what can be undone depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behind {
    /// A Snowflake account.
    Snowflake,
    /// The embedded warehouse of the demo.
    EmbeddedWarehouse,
}

/// The page's routes, all below `/a/`.
pub fn routes(reception: Reception, behind: Behind) -> Router {
    let origin = Arc::from(reception.address());
    let below = Router::new()
        .route("/static/{name}", get(assets::asset))
        // A HEAD is never a look and never a sign-in.
        .route("/callback", get(arrival::come_back).head(nothing))
        .route("/{id}", get(arrival::shell).post(arrival::arrive))
        .route("/{id}/review", get(review::before).head(nothing).post(review::review))
        .route("/{id}/decision", post(decision::decide))
        .route("/{id}/end", post(ending::end))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer((traces::each_request(traces::root!("approval")), from_fn(headers::protect)))
        .with_state(Desk { reception, origin, behind });
    // Which `nest` leaves to others.
    let bare = Router::new().route("/a/", any(unknown)).layer(from_fn(headers::protect));
    Router::new().nest("/a", below).merge(bare)
}

async fn nothing() -> StatusCode {
    StatusCode::OK
}

async fn unknown() -> Response {
    page::problem::nothing_here()
}
