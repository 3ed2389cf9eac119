//! Cutting masked rows into pages: at row boundaries, within the bounds of a page.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use masking::{Masked, Rows};

use crate::fault::{Fault, Origin};
use crate::settings::Settings;

/// Rows are compressed in portions of about this many bytes, so that a page is never much over its bound.
const PORTION: usize = 256 * 1024;

/// A finished page body: one gzip member holding a JSON array of masked rows.
pub(crate) struct Body {
    pub bytes: Vec<u8>,
    pub rows: u64,
    pub size: u64,
}

/// Collects masked rows into page bodies.
pub(crate) struct Pager {
    most_size: usize,
    most_stored: usize,
    portion: usize,
    page: Masked<Builder>,
    full: Vec<Masked<Body>>,
}

struct Builder {
    encoder: GzEncoder<Vec<u8>>,
    rows: u64,
    size: usize,
}

impl Pager {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            most_size: settings.page_size,
            most_stored: settings.page_stored,
            // Never more than a page holds: only a single row that is larger than a page is too large.
            portion: PORTION.min(settings.page_size.saturating_sub(2)),
            page: Masked::<Rows>::none().map(|_| Builder::new()),
            full: Vec::new(),
        }
    }

    /// Adds rows; pages that became full wait to be taken.
    pub(crate) fn add(&mut self, mut rows: Masked<Rows>) -> Result<(), Fault> {
        while let Some(portion) = rows.split_front(self.portion) {
            let size = portion.get().text().len();
            if size.saturating_add(2) > self.most_size {
                return Err(Fault::lasting(
                    Origin::Pages,
                    "a row of this result is larger than a page may be",
                ));
            }
            if self.page.get().size.saturating_add(size).saturating_add(2) > self.most_size {
                self.cut()?;
            }
            let page = std::mem::replace(&mut self.page, Masked::<Rows>::none().map(|_| Builder::new()));
            self.page = page.zip(portion).try_map(|(mut page, portion)| page.add(&portion).map(|()| page))?;
            // Half a portion of slack: deflate has not written all of what it took.
            if self.page.get().encoder.get_ref().len() > self.most_stored.saturating_sub(2 * PORTION) {
                self.cut()?;
            }
        }
        Ok(())
    }

    /// Ends the page under way, even when it has no rows.
    pub(crate) fn cut(&mut self) -> Result<(), Fault> {
        let page = std::mem::replace(&mut self.page, Masked::<Rows>::none().map(|_| Builder::new()));
        self.full.push(page.try_map(Builder::finish)?);
        Ok(())
    }

    /// Rows in the page under way.
    pub(crate) fn open_rows(&self) -> u64 {
        self.page.get().rows
    }

    /// Whether a full page waits.
    pub(crate) fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// The full pages, in order.
    pub(crate) fn take_full(&mut self) -> Vec<Masked<Body>> {
        std::mem::take(&mut self.full)
    }
}

impl Builder {
    fn new() -> Self {
        // Level 1: the pipeline is bounded by deflate, and higher levels cost more than they save.
        Self { encoder: GzEncoder::new(Vec::new(), Compression::fast()), rows: 0, size: 0 }
    }

    fn add(&mut self, rows: &Rows) -> Result<(), Fault> {
        self.write(if self.rows == 0 { b"[" } else { b"," })?;
        self.write(rows.text())?;
        self.rows = self.rows.saturating_add(rows.len() as u64);
        Ok(())
    }

    fn finish(mut self) -> Result<Body, Fault> {
        self.write(if self.rows == 0 { b"[]" } else { b"]" })?;
        let (rows, size) = (self.rows, self.size as u64);
        let bytes = self.encoder.finish().map_err(broken)?;
        Ok(Body { bytes, rows, size })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.size = self.size.saturating_add(bytes.len());
        self.encoder.write_all(bytes).map_err(broken)
    }
}

fn broken(error: std::io::Error) -> Fault {
    Fault::lasting(Origin::Pages, "a page could not be compressed").because(error)
}
