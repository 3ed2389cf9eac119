//! What is worked on just now, for whoever carries it on elsewhere.

use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use crate::open::Open;

/// The `traceparent` of the span that is worked on, as [`TraceParent`](crate::TraceParent) reads it, sampled; none where nobody writes it.
///
/// It is found where spans are kept in a [`Registry`], as everything of ours keeps them.
pub fn traceparent() -> Option<String> {
    let found = Span::current().with_subscriber(|(id, subscriber)| {
        let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
        span.scope().find_map(|span| {
            let extensions = span.extensions();
            let Open { trace, id, .. } = extensions.get::<Open>()?;
            Some(format!("00-{:032x}-{id:016x}-01", trace.id))
        })
    });
    found.flatten()
}
