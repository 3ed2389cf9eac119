//! What listens to spans, and writes each once it has ended.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use gateway::SPANS;
use gateway::ports::{Clock, Ids};
use serde_json::Value;
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::open::{Open, Said, Trace};
use crate::{Wish, line};

/// Where spans come from.
#[derive(Clone, Debug)]
pub struct Place {
    /// `service.version`.
    pub version: &'static str,
    /// `faas.name`; none outside of Lambda.
    pub function: Option<String>,
}

/// Writes the spans of those requests that `wish` names.
pub struct Exporter<W> {
    wish: Wish,
    resource: Value,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    writer: W,
}

/// The layer that writes spans; none where nobody wishes for them. It has nobody else's spans and events made, however fine.
pub fn exporter<S, W>(
    wish: Wish,
    place: &Place,
    (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>),
    writer: W,
) -> Option<impl Layer<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let resource = line::resource(place);
    let exporter = || Exporter { wish, resource, clock, ids, writer };
    (wish != Wish::Off).then(|| exporter().with_filter(Targets::new().with_target(SPANS, Level::TRACE)))
}

impl<W> Exporter<W> {
    /// The span, where it is one to write.
    fn open(&self, said: Said, above: Option<Above>, begins: Begins) -> Option<Open> {
        let (trace, parent, exchange) = match (above, begins) {
            (Some(Above { trace, id, .. }), Begins::Alone) => (trace, Some(id), Arc::default()),
            (Some(Above { trace, id, exchange }), Begins::Not) => (trace, Some(id), exchange),
            (None, Begins::Not) => return None,
            (_, Begins::Request) if self.wish == Wish::All || said.is_sampled => {
                (self.begin(said.trace)?, said.parent, Arc::default())
            }
            (None, Begins::Alone) if self.wish == Wish::All => (self.begin(None)?, None, Arc::default()),
            (_, Begins::Request) | (None, Begins::Alone) => return None,
        };
        if !trace.has_room() {
            return None;
        }
        let id = self.random()? as u64;
        let began = trace.now();
        let is_root = begins == Begins::Request || parent.is_none();
        let Said { has_failed, status, busy_us, .. } = said;
        Some(Open { trace, id, parent, is_root, exchange, began, ended: None, has_failed, status, busy_us })
    }

    fn begin(&self, id: Option<u128>) -> Option<Arc<Trace>> {
        let id = id.or_else(|| self.random())?;
        Some(Arc::new(Trace::begin(id, self.clock.now())))
    }

    /// None where there is no randomness, or, once in 2^64, an id that would be none: the statement goes on untraced.
    fn random(&self) -> Option<u128> {
        self.ids.random().ok().filter(|bits| *bits as u64 != 0)
    }
}

/// What is around a new span.
struct Above {
    trace: Arc<Trace>,
    id: u64,
    exchange: Arc<OnceLock<domain::ExchangeId>>,
}

/// Whether a trace may begin with a span.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// It always does.
    Request,
    /// It does where there is nothing around it: a statement that is carried on behind no request.
    Alone,
    Not,
}

impl Begins {
    fn of(attributes: &Attributes<'_>) -> Self {
        let fields = attributes.metadata().fields();
        if fields.field("trace_id").is_some() {
            Self::Request
        } else if fields.field("alone").is_some() {
            Self::Alone
        } else {
            Self::Not
        }
    }
}

impl<S, W> Layer<S> for Exporter<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut said = Said::default();
        attributes.record(&mut said);
        let above = span.scope().skip(1).find_map(|above| {
            let extensions = above.extensions();
            let Open { trace, id, exchange, .. } = extensions.get::<Open>()?;
            Some(Above { trace: Arc::clone(trace), id: *id, exchange: Arc::clone(exchange) })
        });
        if let Some(open) = self.open(said, above, Begins::of(attributes)) {
            span.extensions_mut().insert(open);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(open) = extensions.get_mut::<Open>() else { return };
        let mut said = Said::default();
        values.record(&mut said);
        if let Some(exchange) = said.exchange {
            // A request has one statement; a second one would not be told apart.
            let _ = open.exchange.set(exchange);
        }
        open.has_failed |= said.has_failed;
        open.status = said.status.or(open.status);
        open.busy_us = said.busy_us.or(open.busy_us);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>()
            && open.ended.is_none()
        {
            // Until then nobody has worked on it.
            open.began = open.trace.now();
            open.ended = Some(open.began);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            open.ended = Some(open.trace.now());
            open.has_failed |= std::thread::panicking();
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let extensions = span.extensions();
        let Some(open) = extensions.get::<Open>() else { return };
        let Some(ended) = open.ended else { return };
        let line = line::of(span.name(), open, &self.resource, ended);
        // At once, so that no other line comes between. What cannot be written is not; the statement goes on.
        let _ = self.writer.make_writer().write_all(line.as_bytes());
    }
}
