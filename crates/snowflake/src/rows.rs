//! The rows of one partition, as they come.

use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::Bytes;
use gateway::Fault;
use gateway::ports::RowSource;
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use serde::de::IgnoredAny;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::inflate::Inflate;
use crate::scan::{Envelope, Garbled, Scanner};
use crate::settings::{Bounds, Timeouts};

/// How long a slice grows before it is given out.
const SLICE: usize = 128 * 1024;
/// How long a slice can be.
const LONGEST_SLICE: usize = 256 * 1024;
/// How much is inflated in one go: gzip makes at most about a thousand bytes of one, so that this bounds what a
/// bomb can make before it is looked at.
const PIECE: usize = 1024;

impl From<Garbled> for Error {
    fn from(Garbled(why): Garbled) -> Self {
        Self::Nonsense(why)
    }
}

/// A body, inflated and scanned as it comes.
pub(crate) struct Scan {
    response: Response,
    inflate: Inflate,
    scanner: Scanner,
    timeouts: Timeouts,
    until: Instant,
    /// What has arrived and was not looked at yet.
    arrived: Bytes,
    rows: Vec<u8>,
}

/// What comes next of a body.
enum Next {
    /// More rows.
    Slice(Bytes),
    /// The last rows, which may be none, and all the rest.
    End(Bytes, Envelope),
}

impl Scan {
    pub(crate) fn new(
        response: Response,
        bound: u64,
        timeouts: &Timeouts,
        bounds: &Bounds,
    ) -> Result<Self, Error> {
        let mut encodings = response.headers().get_all(CONTENT_ENCODING).iter();
        let encoding = encodings.next().map(|value| value.to_str().unwrap_or("unreadable"));
        if encodings.next().is_some() {
            return Err(Error::Nonsense("its encoding is not one that was asked for"));
        }
        Ok(Self {
            inflate: Inflate::new(encoding, bound)?,
            scanner: Scanner::new(bounds.envelope_bytes),
            timeouts: *timeouts,
            until: Instant::now() + timeouts.body(),
            arrived: Bytes::new(),
            rows: Vec::new(),
            response,
        })
    }

    /// Answers itself with what came, so that nothing can be read after the end or after an error.
    async fn next(mut self) -> Result<(Option<Self>, Next), Error> {
        loop {
            if self.rows.len() >= SLICE {
                let rest = self.rows.split_off(self.rows.len().min(LONGEST_SLICE));
                let slice = Bytes::from(std::mem::replace(&mut self.rows, rest));
                return Ok((Some(self), Next::Slice(slice)));
            }
            if self.arrived.is_empty() {
                match read(&mut self.response, self.until, &self.timeouts).await? {
                    Some(bytes) => self.arrived = bytes,
                    None => {
                        let Self { inflate, scanner, rows, .. } = self;
                        inflate.finish()?;
                        return Ok((None, Next::End(rows.into(), scanner.finish()?)));
                    }
                }
            }
            let piece = self.arrived.split_to(self.arrived.len().min(PIECE));
            let (scanner, rows) = (&mut self.scanner, &mut self.rows);
            self.inflate.push(&piece, |text| scanner.push(text, rows))?;
        }
    }

    /// Reads a whole body, keeping of its rows at most so many bytes; none when there were more.
    pub(crate) async fn whole(self, kept_bytes: usize) -> Result<(Envelope, Option<VecDeque<Bytes>>), Error> {
        let mut scan = self;
        let mut kept = Some(VecDeque::new());
        let mut left = kept_bytes;
        loop {
            let (rest, next) = scan.next().await?;
            let (slice, envelope) = match next {
                Next::Slice(slice) => (slice, None),
                Next::End(slice, envelope) => (slice, Some(envelope)),
            };
            match (left.checked_sub(slice.len()), &mut kept) {
                (Some(now_left), Some(slices)) => {
                    left = now_left;
                    if !slice.is_empty() {
                        slices.push_back(slice);
                    }
                }
                _ => kept = None,
            }
            match (envelope, rest) {
                (Some(envelope), _) => return Ok((envelope, kept)),
                (None, Some(rest)) => scan = rest,
                (None, None) => return Err(Error::Nonsense("it ends early")),
            }
        }
    }
}

/// The next bytes of a body; an idle connection is an error.
async fn read(response: &mut Response, until: Instant, timeouts: &Timeouts) -> Result<Option<Bytes>, Error> {
    let idle = Instant::now() + timeouts.idle();
    match timeout_at(idle.min(until), response.chunk()).await {
        Err(_) => Err(Error::Slow),
        Ok(chunk) => chunk.map_err(Error::unreachable),
    }
}

/// Reads a body that is not rows.
pub(crate) async fn read_small(
    response: Response,
    timeouts: &Timeouts,
    bounds: &Bounds,
) -> Result<Vec<u8>, Error> {
    let bound = bounds.envelope_bytes.min(1 << 20);
    let scan = Scan::new(response, bound as u64, timeouts, bounds)?;
    let Scan { mut response, mut inflate, until, .. } = scan;
    let mut text = Vec::new();
    while let Some(bytes) = read(&mut response, until, timeouts).await? {
        for piece in bytes.chunks(PIECE) {
            inflate.push(piece, |more| {
                text.extend_from_slice(more);
                Ok(())
            })?;
        }
    }
    inflate.finish()?;
    Ok(text)
}

/// Rows that came with the head.
pub(crate) struct KeptRows(pub(crate) VecDeque<Bytes>);

#[async_trait]
impl RowSource for KeptRows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(self.0.pop_front())
    }
}

/// Rows on their way.
pub(crate) struct ArrivingRows {
    scan: Option<Scan>,
    has_broken: bool,
}

impl ArrivingRows {
    pub(crate) fn new(scan: Scan) -> Self {
        Self { scan: Some(scan), has_broken: false }
    }

    pub(crate) async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(scan) = self.scan.take() else {
            return if self.has_broken { Err(Error::Nonsense("it broke before")) } else { Ok(None) };
        };
        // INVARIANT: what broke once never looks like an end.
        self.has_broken = true;
        let (rest, next) = scan.next().await?;
        self.scan = rest;
        let slice = match next {
            Next::Slice(slice) => slice,
            Next::End(slice, envelope) => {
                if !envelope.has_data {
                    return Err(Error::Nonsense("a partition has no rows"));
                }
                // What else a partition says is checked to be JSON, and dropped.
                serde_json::from_slice::<IgnoredAny>(&envelope.json)
                    .map_err(|_| Error::Nonsense("it is no JSON object"))?;
                slice
            }
        };
        self.has_broken = false;
        Ok(Some(slice).filter(|slice| !slice.is_empty()))
    }
}

#[async_trait]
impl RowSource for ArrivingRows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(self.read().await?)
    }
}
