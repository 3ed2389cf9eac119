//! Where a trace begins: at a request or a task.

use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::Inspect;
use http::{Request, Response};
use tower::{Layer, Service};
use tracing::instrument::Instrumented;
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

/// Has each request to what is below be a span of its own. It ends when the answer begins: what a stream tells is told
/// behind it.
pub fn each_request(root: Root) -> EachRequest {
    EachRequest(root)
}

/// See [`each_request`].
#[derive(Clone, Copy, Debug)]
pub struct EachRequest(Root);

impl<S> Layer<S> for EachRequest {
    type Service = Traced<S>;

    fn layer(&self, service: S) -> Traced<S> {
        Traced { service, root: self.0 }
    }
}

/// A service whose requests are spans. Where nobody listens it allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Traced<S> {
    service: S,
    root: Root,
}

impl<B, C, S: Service<Request<B>, Response = Response<C>>> Service<Request<B>> for Traced<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<Inspect<S::Future, fn(&Result<S::Response, S::Error>)>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let span = (self.root)(TraceParent::of_headers(request.headers()));
        let tell: fn(&Result<S::Response, S::Error>) = tell_status;
        self.service.call(request).inspect(tell).instrument(span)
    }
}

fn tell_status<C, E>(answered: &Result<Response<C>, E>) {
    match answered {
        Ok(response) => Span::current().record("status", response.status().as_u16()),
        Err(_) => Span::current().record("failed", true),
    };
}
