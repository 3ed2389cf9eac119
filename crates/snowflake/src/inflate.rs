//! Takes the transfer's compression off, within a bound.

use flate2::{Decompress, FlushDecompress, Status};

use crate::scan::Garbled;

/// How much is inflated before it is looked at.
const PIECE: usize = 64 * 1024;

/// Turns the bytes of a body into the bytes of its text.
///
/// It counts what it gives out and stops at the bound, so that a small body cannot become a big one; it refuses a
/// stream that ends early, fails its checksum or goes on after its end.
pub(crate) struct Inflate {
    gzip: Option<Decompress>,
    has_ended: bool,
    left: u64,
    piece: Vec<u8>,
}

impl Inflate {
    /// For a body of that `Content-Encoding`, of at most `bound` bytes of text.
    pub(crate) fn new(encoding: Option<&str>, bound: u64) -> Result<Self, Garbled> {
        let gzip = match encoding.map(str::trim) {
            None | Some("" | "identity") => None,
            Some(name) if name.eq_ignore_ascii_case("gzip") => Some(Decompress::new_gzip(15)),
            Some(_) => return Err(Garbled("its encoding is not one that was asked for")),
        };
        Ok(Self { gzip, has_ended: false, left: bound, piece: Vec::new() })
    }

    /// Takes further bytes of the body, and gives their text out in pieces.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        mut give: impl FnMut(&[u8]) -> Result<(), Garbled>,
    ) -> Result<(), Garbled> {
        let Some(gzip) = &mut self.gzip else {
            self.left = count(self.left, bytes.len())?;
            return give(bytes);
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.has_ended {
                return Err(Garbled("bytes follow the end of its gzip"));
            }
            self.piece.clear();
            self.piece.reserve(PIECE);
            let before = gzip.total_in();
            let status = gzip
                .decompress_vec(rest, &mut self.piece, FlushDecompress::None)
                .map_err(|_| Garbled("its gzip is damaged"))?;
            let read = usize::try_from(gzip.total_in() - before).unwrap_or(usize::MAX);
            if read == 0 && self.piece.is_empty() && status != Status::StreamEnd {
                return Err(Garbled("its gzip is damaged"));
            }
            rest = rest.get(read..).unwrap_or_default();
            self.has_ended = status == Status::StreamEnd;
            self.left = count(self.left, self.piece.len())?;
            give(&self.piece)?;
            // Input may be used up while output is still held back for want of room.
            while !self.has_ended && self.piece.len() == self.piece.capacity() {
                self.piece.clear();
                let status = gzip
                    .decompress_vec(&[], &mut self.piece, FlushDecompress::None)
                    .map_err(|_| Garbled("its gzip is damaged"))?;
                self.has_ended = status == Status::StreamEnd;
                self.left = count(self.left, self.piece.len())?;
                give(&self.piece)?;
            }
        }
        Ok(())
    }

    /// Ends the body, which must be whole.
    pub(crate) fn finish(self) -> Result<(), Garbled> {
        if self.gzip.is_some() && !self.has_ended { Err(Garbled("its gzip ends early")) } else { Ok(()) }
    }
}

fn count(left: u64, more: usize) -> Result<u64, Garbled> {
    left.checked_sub(more as u64).ok_or(Garbled("it is bigger than its bound"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(body: &[u8], piece: usize, bound: u64) -> Result<Vec<u8>, Garbled> {
        let mut inflate = Inflate::new(Some("gzip"), bound)?;
        let mut text = Vec::new();
        for piece in body.chunks(piece) {
            inflate.push(piece, |bytes| {
                text.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        inflate.finish().map(|()| text)
    }

    #[test]
    fn a_body_inflates_the_same_however_it_arrives() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for piece in [1_000, 4096, 1 << 20] {
            assert_eq!(inflate(&gzip(&text), piece, 2_000_000).unwrap(), text);
        }
        assert_eq!(inflate(&gzip(b"abc"), 1, 3).unwrap(), b"abc");
    }

    #[test]
    fn a_bomb_stops_at_its_bound() {
        let bomb = gzip(&vec![0; 50 << 20]);
        let mut given = 0;
        let mut inflate = Inflate::new(Some("gzip"), 1 << 20).unwrap();
        let result = inflate.push(&bomb, |bytes| {
            given += bytes.len();
            Ok(())
        });
        assert_eq!(result, Err(Garbled("it is bigger than its bound")));
        assert!(given <= 1 << 20);
    }

    #[test]
    fn a_stream_that_is_cut_altered_or_prolonged_is_refused() {
        let whole = gzip(b"some text that is long enough to be cut");
        for cut in 0..whole.len() {
            assert!(inflate(&whole[..cut], 7, 1000).is_err(), "cut at {cut}");
        }
        let mut altered = whole.clone();
        let checksum = altered.len() - 6;
        altered[checksum] ^= 1;
        assert!(inflate(&altered, 7, 1000).is_err());
        let prolonged = [whole.as_slice(), b"x"].concat();
        assert!(inflate(&prolonged, 1000, 1000).is_err());
        assert!(inflate(&prolonged, 1, 1000).is_err());
    }

    #[test]
    fn an_encoding_that_was_not_asked_for_is_refused() {
        assert!(Inflate::new(Some("br"), 10).is_err());
        assert!(Inflate::new(Some("gzip, gzip"), 10).is_err());
    }
}
