//! Texts on their way into an item: deflated, because a write costs by the kilobyte.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// Bytes that anything of ours inflates to at most.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The bytes, deflated (RFC 1951).
///
/// # Errors
/// Where nobody could read it again, because it is too long.
pub(crate) fn pack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    if bytes.len() as u64 > LONGEST {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let mut deflate = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    deflate.write_all(bytes)?;
    deflate.finish()
}

/// What was packed; none when it is damaged, or larger than anything of ours.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = DeflateDecoder::new(packed).take(LONGEST.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    (u64::try_from(read).ok()? <= LONGEST).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_what_is_damaged_is_not() {
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let packed = pack(&bytes).unwrap_or_default();
        assert!(packed.len() < bytes.len());
        assert_eq!(unpack(&packed), Some(bytes));
        assert_eq!(unpack(packed.get(..packed.len() / 2).unwrap_or_default()), None, "cut");
    }

    #[test]
    fn what_nobody_could_read_again_is_not_packed() {
        let longest = usize::try_from(LONGEST).unwrap_or_default();
        let packed = pack(&vec![0; longest]).unwrap_or_default();
        assert_eq!(unpack(&packed).map(|bytes| bytes.len()), Some(longest));
        assert!(pack(&vec![0; longest + 1]).is_err());
        // What somebody else has put there.
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        let written = deflate.write_all(&vec![0; longest + 1]).and_then(|()| deflate.finish());
        assert_eq!(unpack(&written.unwrap_or_default()), None, "larger than anything of ours");
    }
}
