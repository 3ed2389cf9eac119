//! A span that has not ended.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use domain::{ExchangeId, Timestamp};
use tracing::field::{Field, Visit};

/// Spans of one trace that one process writes, at most: whoever polls for a minute makes no thousands of lines.
pub(crate) const MOST: u32 = 512;

/// What all spans below one root share.
pub(crate) struct Trace {
    pub id: u128,
    /// The wall's time at `from`. Everything else is counted from there, so that a clock which is set meanwhile puts no span
    /// before its parent.
    began: Timestamp,
    from: Instant,
    spans: AtomicU32,
}

impl Trace {
    pub fn begin(id: u128, now: Timestamp) -> Self {
        Self { id, began: now, from: Instant::now(), spans: AtomicU32::new(0) }
    }

    /// Nanoseconds since 1970.
    pub fn now(&self) -> u64 {
        let began = u64::try_from(self.began.as_micros()).unwrap_or_default().saturating_mul(1000);
        began.saturating_add(u64::try_from(self.from.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.spans.fetch_add(1, Ordering::Relaxed) < MOST
    }

    /// How many there was no room for.
    pub fn left_out(&self) -> u32 {
        self.spans.load(Ordering::Relaxed).saturating_sub(MOST)
    }
}

/// A span that has not ended.
pub(crate) struct Open {
    pub trace: Arc<Trace>,
    pub id: u64,
    pub parent: Option<u64>,
    /// Whether the trace begins here, in this process.
    pub is_root: bool,
    /// Of the request or the statement that it is part of; known once it is opened.
    pub exchange: Arc<OnceLock<ExchangeId>>,
    pub began: u64,
    /// When it was last worked on; none before it was.
    pub ended: Option<u64>,
    pub has_failed: bool,
    pub status: Option<u64>,
    pub busy_us: Option<u64>,
}

/// What a span says of itself.
// SECURITY: by name and kind; whatever else is said is dropped.
#[derive(Default)]
pub(crate) struct Said {
    pub trace: Option<u128>,
    pub parent: Option<u64>,
    pub is_sampled: bool,
    pub exchange: Option<ExchangeId>,
    pub has_failed: bool,
    pub status: Option<u64>,
    pub busy_us: Option<u64>,
}

impl Visit for Said {
    fn record_u128(&mut self, field: &Field, value: u128) {
        if field.name() == "trace_id" {
            self.trace = Some(value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "parent_id" => self.parent = Some(value),
            "status" => self.status = Some(value),
            "busy_us" => self.busy_us = Some(value),
            _ => {}
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "sampled" => self.is_sampled = value,
            "failed" => self.has_failed = value,
            _ => {}
        }
    }

    fn record_str(&mut self, _: &Field, _: &str) {}

    fn record_error(&mut self, _: &Field, _: &(dyn std::error::Error + 'static)) {}

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "exchange" {
            self.exchange = format!("{value:?}").parse().ok();
        }
    }
}
