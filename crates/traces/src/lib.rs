//! Traces on demand: where the time of a request went, one line of OTLP JSON for each span that has ended.
//!
//! Spans are made in the path of a statement ([`gateway::SPANS`]) and at the doors ([`root!`]). Nobody listens to them
//! by default; where somebody asks ([`Wish`]) an [`exporter`] writes each beside the logs, so that there is no new way
//! out, no credential, and nothing to send once a request has been answered (invariant I10). The lines are those of
//! "OTLP file exporter" (OpenTelemetry specification, "protocol/file-exporter"): a collector's `otlpjsonfile` receiver
//! passes over what else stands between them.
//!
//! This crate refuses to know what a statement is. SECURITY: what it writes of a span are its name, which the code says,
//! times, numbers, and the id of an exchange, which must read as one; a text of any other kind goes nowhere.
//!
//! ```
//! use traces::{TraceParent, Wish};
//!
//! let parent: TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
//! assert!(parent.is_sampled());
//! assert!("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01".parse::<TraceParent>().is_err());
//! assert_eq!("asked".parse(), Ok(Wish::Asked));
//! # Ok::<(), traces::NoTraceParent>(())
//! ```

mod current;
mod exporter;
mod line;
mod open;
mod parent;
mod roots;
mod wish;

pub use current::traceparent;
pub use exporter::{Exporter, Place, exporter};
pub use parent::{NoTraceParent, TraceParent};
pub use roots::{EachRequest, Root, Traced, each_request};
pub use wish::{NoWish, Wish};

#[doc(hidden)]
pub use gateway::SPANS;
#[doc(hidden)]
pub use tracing;
