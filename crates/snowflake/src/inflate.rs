//! Takes the transfer's compression off, within a bound.

use masking::{GzipError, Inflater};

use crate::scan::Garbled;

/// Turns the bytes of a body into the bytes of its text.
///
/// It counts what it gives out and stops at the bound, so that a small body cannot become a big one; it refuses a
/// stream that ends early, fails its checksum or goes on with something else after its end.
pub(crate) struct Inflate {
    gzip: Option<Inflater>,
    has_begun: bool,
    /// Bytes that may still come where nothing is compressed.
    left: u64,
}

impl Inflate {
    /// For a body of that `Content-Encoding`, of at most `bound` bytes of text.
    pub(crate) fn new(encoding: Option<&str>, bound: u64) -> Result<Self, Garbled> {
        let gzip = match encoding.map(str::trim) {
            None | Some("" | "identity") => None,
            Some(name) if name.eq_ignore_ascii_case("gzip") => Some(Inflater::new(bound)),
            Some(_) => return Err(Garbled("its encoding is not one that was asked for")),
        };
        Ok(Self { gzip, has_begun: false, left: bound })
    }

    /// Takes further bytes of the body, and gives their text out in pieces.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        mut give: impl FnMut(&[u8]) -> Result<(), Garbled>,
    ) -> Result<(), Garbled> {
        let Some(gzip) = &mut self.gzip else {
            self.left = self.left.checked_sub(bytes.len() as u64).ok_or(TOO_BIG)?;
            return give(bytes);
        };
        self.has_begun |= !bytes.is_empty();
        gzip.push(bytes, give)
    }

    /// Ends the body, which must be whole.
    pub(crate) fn finish(self) -> Result<(), Garbled> {
        match self.gzip {
            Some(_) if !self.has_begun => Err(EARLY),
            Some(gzip) => Ok(gzip.finish()?),
            None => Ok(()),
        }
    }
}

const EARLY: Garbled = Garbled("its gzip ends early");
const TOO_BIG: Garbled = Garbled("it is bigger than its bound");

impl From<GzipError> for Garbled {
    fn from(error: GzipError) -> Self {
        match error {
            GzipError::Malformed => Self("its gzip is damaged"),
            GzipError::TooLarge => TOO_BIG,
            GzipError::Incomplete => EARLY,
        }
    }
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
