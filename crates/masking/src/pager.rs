//! Cutting masked rows into page bodies: at row boundaries, within the bounds of a page: from
//! `Masked<Rows>` to the bodies that are stored.

use std::fmt;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use thiserror::Error;

use crate::masked::{Masked, Rows};

/// Rows are compressed in portions of about this many bytes, so that a page is never much over its bound.
const PORTION: usize = 256 * 1024;

/// Why rows cannot be put on pages.
#[derive(Debug, Error)]
pub enum PageError {
    /// A single row is larger than a page may be.
    #[error("a row of this result is larger than a page may be")]
    RowTooLarge,
    /// Compressing failed.
    #[error("a page could not be compressed")]
    Compression(#[from] std::io::Error),
}

/// How large a page may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageBounds {
    /// Bytes at most, inflated.
    pub size: usize,
    /// Bytes at most, as stored.
    pub stored: usize,
}

/// A finished page body: one gzip member holding a JSON array of masked rows.
pub struct Body {
    bytes: Vec<u8>,
    rows: u64,
    size: u64,
}

impl Body {
    /// The gzip member.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of it, inflated.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl fmt::Debug for Body {
    // SECURITY: even masked rows are cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} rows, {} bytes)", self.rows, self.bytes.len())
    }
}

/// Collects masked rows into page bodies.
pub struct Pager {
    most_size: usize,
    most_stored: usize,
    portion: usize,
    page: Builder,
    full: Vec<Masked<Body>>,
}

struct Builder {
    encoder: GzEncoder<Vec<u8>>,
    rows: u64,
    size: usize,
}

impl Pager {
    /// A pager that cuts at these bounds.
    pub fn new(bounds: PageBounds) -> Self {
        let PageBounds { size, stored } = bounds;
        Self {
            most_size: size,
            most_stored: stored,
            // Never more than a page holds: only a single row that is larger than a page is too large.
            portion: PORTION.min(size.saturating_sub(2)),
            page: Builder::new(),
            full: Vec::new(),
        }
    }

    /// Adds rows; pages that became full wait to be taken.
    pub fn add(&mut self, mut rows: Masked<Rows>) -> Result<(), PageError> {
        while let Some(portion) = rows.split_front(self.portion) {
            let size = portion.get().text().len();
            if size.saturating_add(2) > self.most_size {
                return Err(PageError::RowTooLarge);
            }
            if self.page.size.saturating_add(size).saturating_add(2) > self.most_size {
                self.cut()?;
            }
            self.page.add(portion.get())?;
            // Two portions of slack: deflate has not written all of what it took.
            if self.page.encoder.get_ref().len() > self.most_stored.saturating_sub(2 * PORTION) {
                self.cut()?;
            }
        }
        Ok(())
    }

    /// Ends the page under way, even when it has no rows.
    pub fn cut(&mut self) -> Result<(), PageError> {
        let page = std::mem::replace(&mut self.page, Builder::new());
        // SECURITY: a page holds nothing but what `add` was given, which was masked.
        self.full.push(Masked::new(page.finish()?));
        Ok(())
    }

    /// Rows in the page under way.
    pub fn open_rows(&self) -> u64 {
        self.page.rows
    }

    /// Whether a full page waits.
    pub fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// The full pages, in order.
    pub fn take_full(&mut self) -> Vec<Masked<Body>> {
        std::mem::take(&mut self.full)
    }
}

impl Builder {
    fn new() -> Self {
        // Level 1: the pipeline is bounded by deflate, and higher levels cost more than they save.
        Self { encoder: GzEncoder::new(Vec::new(), Compression::fast()), rows: 0, size: 0 }
    }

    fn add(&mut self, rows: &Rows) -> Result<(), PageError> {
        self.write(if self.rows == 0 { b"[" } else { b"," })?;
        self.write(rows.text())?;
        self.rows = self.rows.saturating_add(rows.len() as u64);
        Ok(())
    }

    fn finish(mut self) -> Result<Body, PageError> {
        self.write(if self.rows == 0 { b"[]" } else { b"]" })?;
        let (rows, size) = (self.rows, self.size as u64);
        let bytes = self.encoder.finish()?;
        Ok(Body { bytes, rows, size })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PageError> {
        self.size = self.size.saturating_add(bytes.len());
        Ok(self.encoder.write_all(bytes)?)
    }
}
