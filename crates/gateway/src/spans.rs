//! Spans: where the time of a statement goes, for whoever listens (crate `traces`). Where nobody does, each costs a look at
//! the level that is listened to.
//!
//! SECURITY: a span is a name of ours, times, numbers and the id of its exchange. No text of anybody's becomes a field.

use std::fmt;

use futures::FutureExt;
use futures::future::Inspect;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

/// The target of all spans, which are of the finest level: nobody who asks for logs gets them by the way.
pub const SPANS: &str = "snowgate::spans";

/// A step on the way of a statement, below whatever it is part of. `alone`: a trace may begin with it.
macro_rules! span {
    ($name:literal $(, $alone:ident)?) => {
        tracing::trace_span!(
            target: $crate::spans::SPANS,
            $name,
            exchange = tracing::field::Empty,
            failed = tracing::field::Empty,
            busy_us = tracing::field::Empty,
            $($alone = true,)?
        )
    };
}

pub(crate) use span;

/// Work in a span, which says of it whether it failed.
type InSpan<F> = Instrumented<Inspect<F, fn(&<F as Future>::Output)>>;

/// Work that may fail.
pub(crate) trait Spanned<T, E>: Future<Output = Result<T, E>> + Sized {
    /// This work in that span.
    fn spanned(self, span: Span) -> InSpan<Self> {
        let tell: fn(&Self::Output) = tell_failure;
        self.inspect(tell).instrument(span)
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Spanned<T, E> for F {}

fn tell_failure<T, E>(done: &Result<T, E>) {
    if done.is_err() {
        Span::current().record("failed", true);
    }
}

/// Says which exchange the request under way is about.
pub(crate) fn name_exchange(exchange: impl fmt::Display) {
    Span::current().record("exchange", tracing::field::display(exchange));
}
