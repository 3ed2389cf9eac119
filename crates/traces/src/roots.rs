//! Where a trace begins: at a request or a task.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tracing::{Instrument, Span};

use crate::TraceParent;

/// Makes the span of a request that says this of where it belongs.
pub type Root = fn(Option<TraceParent>) -> Span;

/// A [`Root`] of this name: `traces::root!("mcp")`.
#[macro_export]
macro_rules! root {
    ($name:literal) => {
        |parent: Option<$crate::TraceParent>| {
            $crate::tracing::trace_span!(
                target: $crate::SPANS,
                parent: None,
                $name,
                trace_id = parent.map($crate::TraceParent::trace),
                parent_id = parent.map($crate::TraceParent::span),
                sampled = parent.is_some_and($crate::TraceParent::is_sampled),
                exchange = $crate::tracing::field::Empty,
                failed = $crate::tracing::field::Empty,
                status = $crate::tracing::field::Empty,
            )
        }
    };
}

/// These routes, each request in a span of its own. It ends when the answer begins: what a stream tells is told behind it.
pub fn each_request<S: Clone + Send + Sync + 'static>(routes: Router<S>, root: Root) -> Router<S> {
    routes.layer(from_fn_with_state(root, traced))
}

async fn traced(State(root): State<Root>, request: Request, next: Next) -> Response {
    let span = root(TraceParent::of_headers(request.headers()));
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    response
}
