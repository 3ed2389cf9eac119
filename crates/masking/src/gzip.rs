//! Gzip in and out, in pieces: flat in memory however large the result, and bounded however small the bomb.

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use thiserror::Error;

use crate::arrow::ArrowStream;
use crate::masked::{Masked, Rows};

/// Bytes that are inflated or deflated at a time.
const PORTION: usize = 64 * 1024;

/// The window that gzip has, in bits.
const WINDOW: u8 = 15;

/// Why bytes cannot be inflated or deflated. Nothing in here comes from them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum GzipError {
    /// The bytes are no gzip, or their checksum says that they are not what was sent.
    #[error("the result is not gzip, or damaged")]
    Malformed,
    /// More comes out than was allowed.
    #[error("the result inflates to more than a result may have")]
    TooLarge,
    /// The bytes ended within a member.
    #[error("the compressed result ended too early")]
    Incomplete,
}

/// Inflates gzip in slices of any size. Members may follow each other; together they are one text.
pub struct Inflater {
    stream: Decompress,
    is_between: bool,
    /// Bytes that may still come out.
    left: u64,
    portion: Vec<u8>,
}

impl Inflater {
    /// An inflater that gives at most so many bytes.
    pub fn new(most: u64) -> Self {
        Self { stream: Decompress::new_gzip(WINDOW), is_between: true, left: most, portion: vec![0; PORTION] }
    }

    /// Takes the next slice and hands on what it inflates to, in portions of at most 64 kB.
    pub fn push<E: From<GzipError>>(
        &mut self,
        mut input: &[u8],
        mut hand_on: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.is_between {
                if input.is_empty() {
                    return Ok(());
                }
                self.stream = Decompress::new_gzip(WINDOW);
                self.is_between = false;
            }
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(input, &mut self.portion, FlushDecompress::None)
                .map_err(|_| GzipError::Malformed)?;
            let taken = usize::try_from(self.stream.total_in() - before_in).unwrap_or(usize::MAX);
            let given = self.stream.total_out() - before_out;
            input = input.get(taken..).unwrap_or_default();
            self.left = self.left.checked_sub(given).ok_or(GzipError::TooLarge)?;
            let size = usize::try_from(given).unwrap_or(usize::MAX);
            let portion = self.portion.get(..size).unwrap_or_default();
            if !portion.is_empty() {
                hand_on(portion)?;
            }
            match status {
                Status::StreamEnd => self.is_between = true,
                Status::Ok | Status::BufError if taken > 0 || given > 0 => {}
                Status::Ok | Status::BufError if input.is_empty() => return Ok(()),
                Status::Ok | Status::BufError => return Err(GzipError::Malformed.into()),
            }
        }
    }

    /// Ends the bytes, which must have been whole members.
    pub fn finish(self) -> Result<(), GzipError> {
        if self.is_between { Ok(()) } else { Err(GzipError::Incomplete) }
    }
}

impl fmt::Debug for Inflater {
    // SECURITY: the window holds clear values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inflater(…)")
    }
}

/// Deflates masked rows, or a masked Arrow stream, into one gzip member, at level 1: higher levels cost more than
/// they save.
pub struct Deflater {
    stream: Compress,
    out: Vec<u8>,
    has_rows: bool,
}

impl Default for Deflater {
    fn default() -> Self {
        Self { stream: Compress::new_gzip(Compression::fast(), WINDOW), out: Vec::new(), has_rows: false }
    }
}

impl Deflater {
    /// Adds rows as the chunks of the driver protocol have them: a comma between, no brackets around.
    pub fn add_rows(&mut self, rows: &Masked<Rows>) -> Result<(), GzipError> {
        let rows = rows.get();
        if rows.is_empty() {
            return Ok(());
        }
        if std::mem::replace(&mut self.has_rows, true) {
            self.write(b",", FlushCompress::None)?;
        }
        self.write(rows.text(), FlushCompress::None)
    }

    /// Adds a piece of a stream.
    pub fn add_stream(&mut self, stream: &Masked<ArrowStream>) -> Result<(), GzipError> {
        stream.get().pieces().try_for_each(|piece| self.write(piece, FlushCompress::None))
    }

    /// Takes what is deflated so far.
    pub fn take(&mut self) -> Masked<Vec<u8>> {
        // SECURITY: nothing comes in here but what was masked.
        Masked::new(std::mem::take(&mut self.out))
    }

    /// Ends the member: the rest of it.
    pub fn finish(mut self) -> Result<Masked<Vec<u8>>, GzipError> {
        self.write(&[], FlushCompress::Finish)?;
        Ok(self.take())
    }

    fn write(&mut self, mut bytes: &[u8], flush: FlushCompress) -> Result<(), GzipError> {
        loop {
            self.out.reserve(PORTION);
            let before = self.stream.total_in();
            let status =
                self.stream.compress_vec(bytes, &mut self.out, flush).map_err(|_| GzipError::Malformed)?;
            let taken = usize::try_from(self.stream.total_in() - before).unwrap_or(usize::MAX);
            bytes = bytes.get(taken..).unwrap_or_default();
            let is_done = match status {
                Status::StreamEnd => true,
                Status::Ok | Status::BufError => bytes.is_empty() && matches!(flush, FlushCompress::None),
            };
            if is_done {
                return Ok(());
            }
        }
    }
}

impl fmt::Debug for Deflater {
    // SECURITY: even masked rows are cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deflater(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(bytes: &[u8], slice: usize, most: u64) -> Result<Vec<u8>, GzipError> {
        let mut inflater = Inflater::new(most);
        let mut out = Vec::new();
        for piece in bytes.chunks(slice) {
            inflater.push(piece, |portion| {
                out.extend_from_slice(portion);
                Ok::<(), GzipError>(())
            })?;
        }
        inflater.finish().map(|()| out)
    }

    #[test]
    fn members_that_follow_each_other_are_one_text_in_slices_of_any_size() {
        let text: Vec<u8> = (0..30_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let mut bytes = packed(&text);
        bytes.extend(packed(b""));
        bytes.extend(packed(b"more"));
        let expected = [text.as_slice(), b"more"].concat();
        for slice in [1, 7, 1000, usize::MAX] {
            assert_eq!(inflate(&bytes, slice, u64::MAX), Ok(expected.clone()), "{slice}");
        }
        assert_eq!(inflate(b"", 1, 0), Ok(Vec::new()));
    }

    #[test]
    fn a_bomb_ends_at_its_bound() {
        let bytes = packed(&vec![0; 50 << 20]);
        assert!(bytes.len() < 1 << 20);
        assert_eq!(inflate(&bytes, 4096, 1 << 20), Err(GzipError::TooLarge));
        assert_eq!(inflate(&bytes, 4096, 50 << 20).map(|out| out.len()), Ok(50 << 20));
    }

    #[test]
    fn what_is_damaged_or_cut_or_no_gzip_is_refused() {
        let bytes = packed(b"[[\"a\",\"b\"]]");
        for cut in 1..bytes.len() {
            assert_eq!(inflate(bytes.get(..cut).unwrap(), 5, 1000), Err(GzipError::Incomplete), "{cut}");
        }
        let mut damaged = bytes.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(inflate(&damaged, 5, 1000), Err(GzipError::Malformed));
        let last_of_checksum = damaged.len() - 5;
        damaged = bytes.clone();
        damaged[last_of_checksum] ^= 1;
        assert_eq!(inflate(&damaged, 5, 1000), Err(GzipError::Malformed));
        assert_eq!(inflate(b"[[\"a\",\"b\"]]", 5, 1000), Err(GzipError::Malformed));
        assert_eq!(inflate(&[bytes.as_slice(), b"trailing"].concat(), 5, 1000), Err(GzipError::Malformed));
    }

    #[test]
    fn rows_come_out_as_chunks_have_them() {
        let mut deflater = Deflater::default();
        for text in ["[\"1\"]", "[\"2\"]"] {
            let mut rows = Rows::default();
            rows.write_row(|out| {
                out.push_str(text);
                Ok::<(), ()>(())
            })
            .unwrap();
            deflater.add_rows(&Masked::new(rows)).unwrap();
        }
        deflater.add_rows(&Masked::new(Rows::default())).unwrap();
        let mut bytes = deflater.take().into_inner();
        bytes.extend(deflater.finish().unwrap().into_inner());
        assert_eq!(inflate(&bytes, 3, 100).as_deref(), Ok(&b"[\"1\"],[\"2\"]"[..]));
    }
}
