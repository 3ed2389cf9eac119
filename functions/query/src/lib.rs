//! The doors of Snowgate: protocols that agents already speak, over the one pipeline of `gateway`.
//!
//! A door parses its protocol into [`domain::Asked`], lets [`gateway::Gateway`] answer, and prints the
//! [`gateway::Reply`]. It refuses to know what a statement means, whether it may run, and where anything is
//! kept; nothing that it prints comes from anywhere but a reply or a fault's public line.
//!
//! [`routes`] is the same value everywhere: under Lambda (`lambda/`), under `axum::serve` in `snowgate serve`
//! (there behind [`local_only`]), and under `tower::ServiceExt::oneshot` in tests.
//!
//! ```no_run
//! # async fn serve(gateway: std::sync::Arc<gateway::Gateway>) -> std::io::Result<()> {
//! let hosts = ["127.0.0.1:8181", "localhost:8181"].map(String::from);
//! let router = query::routes(gateway).layer(query::local_only(hosts));
//! axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8181").await?, router).await
//! # }
//! ```

mod faults;
mod local_only;
mod mcp;
mod reading;
mod sqlapi;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use gateway::Gateway;
use http::{HeaderValue, header};

pub use local_only::{Checked, LocalOnly, local_only};
pub use mcp::{Answers, Resource};

/// Every door's routes over this gateway; who gives out its tokens is told to nobody.
pub fn routes(gateway: Arc<Gateway>) -> Router {
    routes_for(gateway, Resource::default(), Answers::Streamed)
}

/// Every door's routes over this gateway, which clients of MCP know as this protected resource and whose answers leave so.
pub fn routes_for(gateway: Arc<Gateway>, resource: Resource, answers: Answers) -> Router {
    sqlapi::routes(Arc::clone(&gateway)).merge(mcp::routes(gateway, resource, answers))
}

/// SECURITY: no answer of a door may lie in a cache or be taken for a page.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
