//! Reading bytes of text without slicing by hand.

/// The byte at a position; NUL beyond the end.
#[inline]
pub(crate) fn at(text: &[u8], position: usize) -> u8 {
    text.get(position).copied().unwrap_or(0)
}

/// The bytes from `from` up to `to`; empty where there are none.
#[inline]
pub(crate) fn part(text: &[u8], from: usize, to: usize) -> &[u8] {
    text.get(from..to).unwrap_or_default()
}

/// The byte before a position; NUL at the start.
#[inline]
pub(crate) fn before(text: &[u8], position: usize) -> u8 {
    position.checked_sub(1).map_or(0, |p| at(text, p))
}

/// Whether a byte belongs to a word: a letter, a digit, or part of a character beyond ASCII.
#[inline]
pub(crate) fn is_word(byte: u8) -> bool {
    class(byte) & WORD != 0
}

/// Whether a byte stands in keys and encodings: a letter, a digit, `_-+/=`.
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    class(byte) & TOKEN != 0
}

const WORD: u8 = 1;
const TOKEN: u8 = 2;

/// What each byte is; a table, because every byte of every text is looked up.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    let mut rest: &mut [u8] = &mut classes;
    while let [first, others @ ..] = rest {
        let is_alphanumeric = byte.is_ascii_alphanumeric();
        if is_alphanumeric || byte >= 0x80 {
            *first |= WORD;
        }
        if is_alphanumeric || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=') {
            *first |= TOKEN;
        }
        byte = byte.wrapping_add(1);
        rest = others;
    }
    classes
};

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The end of the run of bytes from `from` for which `test` holds, looking at no more than `most` of them.
#[inline]
pub(crate) fn run_end(text: &[u8], from: usize, most: usize, test: impl Fn(u8) -> bool) -> usize {
    let tail = text.get(from..).unwrap_or_default();
    from + tail.iter().take(most).take_while(|&&b| test(b)).count()
}

/// The start of the run of bytes that ends at `to` for which `test` holds, looking at no more than `most`.
#[inline]
pub(crate) fn run_start(text: &[u8], to: usize, most: usize, test: impl Fn(u8) -> bool) -> usize {
    let head = text.get(..to).unwrap_or_default();
    to - head.iter().rev().take(most).take_while(|&&b| test(b)).count()
}
