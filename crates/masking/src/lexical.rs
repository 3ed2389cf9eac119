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

/// The bytes, filled up with zeros. Eight at a time, because a call that copies so few takes longer than looking at them.
#[inline]
pub(crate) fn filled_up<const SIZE: usize>(bytes: &[u8]) -> [u8; SIZE] {
    filled_with::<SIZE, 0>(bytes)
}

/// The same with another byte than zero.
#[inline]
pub(crate) fn filled_with<const SIZE: usize, const FILLER: u8>(bytes: &[u8]) -> [u8; SIZE] {
    let (words, ending) = bytes.as_chunks::<8>();
    let fillers = u64::from_le_bytes([FILLER; 8]);
    let last = ending.iter().rev().fold(fillers, |word, &byte| (word << 8) | u64::from(byte));
    let mut filled = [FILLER; SIZE];
    let (slots, _) = filled.as_chunks_mut::<8>();
    let all = words.iter().copied().chain(std::iter::once(last.to_le_bytes()));
    slots.iter_mut().zip(all).for_each(|(slot, word)| *slot = word);
    filled
}

/// The value of a hexadecimal digit.
#[inline]
pub(crate) fn nibble(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
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

/// The end of the word that starts at a position, and how many digits are in it.
#[inline]
pub(crate) fn word_end(text: &[u8], start: usize) -> (usize, usize) {
    let (mut end, mut digits) = (start, 0);
    for &byte in text.get(start..).unwrap_or_default() {
        let class = class(byte);
        if class & WORD == 0 {
            break;
        }
        end += 1;
        digits += usize::from(class & DIGIT != 0);
    }
    (end, digits)
}

const WORD: u8 = 1;
const TOKEN: u8 = 2;
const DIGIT: u8 = 4;

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
        if byte.is_ascii_digit() {
            *first |= DIGIT;
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

/// Where the plain part of a JSON string ends: at a quote, a backslash, a control character or the end.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], from: usize) -> usize {
    let tail = bytes.get(from..).unwrap_or_default();
    let (chunks, rest) = tail.as_chunks::<8>();
    let mut position = from;
    for chunk in chunks {
        let special = special_bytes(u64::from_le_bytes(*chunk));
        if special != 0 {
            return position + (special.trailing_zeros() / 8) as usize;
        }
        position += 8;
    }
    position + rest.iter().take_while(|&&b| b != b'"' && b != b'\\' && b >= 0x20).count()
}

/// Marks the top bit of the first of eight bytes that is a quote, a backslash or a control character. Bytes behind
/// the first may be marked without reason, because a subtraction borrows upwards.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_slash = slash.wrapping_sub(ONES) & !slash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_slash | is_control) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_part_ends_at_the_first_special_byte_wherever_it_stands() {
        for special in (0..=255_u8).filter(|b| *b < 0x20 || matches!(b, b'"' | b'\\')) {
            for place in 0..20 {
                for filler in [b'a', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xFF, b' '] {
                    let mut text = [filler; 24];
                    text[place] = special;
                    text[place + 1] = b'"';
                    assert_eq!(plain_end(&text, 0), place);
                    assert_eq!(plain_end(&text, place.min(1)), place);
                    assert_eq!(plain_end(&text[..place], 0), place);
                }
            }
        }
    }
}
