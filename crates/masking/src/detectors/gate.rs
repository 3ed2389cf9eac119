//! Which bytes a text has, and so which scanners can find anything in it.

use super::context::{Context, Shape};
use super::escapes;
use super::joints;
use super::literals::Level;
use crate::lexical::{at, before, filled_up, filled_with, is_token, run_end};

/// Which bytes a text has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub digits: usize,
    /// Whether anything is beyond ASCII.
    pub is_beyond: bool,
    pub has_at: bool,
    pub has_colon: bool,
    pub has_equals: bool,
    pub has_less: bool,
    pub has_quote: bool,
    /// Whether it has more than one line.
    pub has_line: bool,
    /// The first long run.
    pub first_run: Option<(usize, usize)>,
    /// Whether there is a long run with a letter in it.
    pub has_key_run: bool,
    /// Which literals can start anything here.
    pub level: Level,
    blanks: usize,
    /// Whether a `%`, `\\` or `&` may stand for a character.
    has_escape: bool,
    has_bracket: bool,
    /// Whether something may stand within a value that is not seen.
    may_have_joint: bool,
}

/// Bytes that are looked at together.
const WIDE: usize = 32;

/// The same for texts that are no longer.
const NARROW: usize = 16;

/// Bytes without a blank between, as many as the shortest key has in a row.
#[cfg(test)]
pub(super) const SHORT_RUN: usize = 10;

/// What a quick look shows.
#[derive(Default)]
struct Glance {
    digits: usize,
    blanks: usize,
    /// [`MARK`] and its like, of every byte.
    seen: u8,
    /// Which of the last bytes are no blanks, a bit each, the latest on top.
    visible: u32,
    has_short_run: bool,
}

impl Gate {
    pub fn of(text: &[u8]) -> Self {
        let mut glance = Glance::default();
        // Blanks make the last piece whole: a zero is a control character.
        if text.len() <= NARROW {
            glance.add::<NARROW>(&filled_with::<NARROW, b' '>(text));
            glance.blanks -= NARROW - text.len();
        } else {
            each_piece::<b' '>(text, |piece| glance.add(piece));
            glance.blanks -= text.len().wrapping_neg() % WIDE;
        }
        let Glance { digits, blanks, seen, visible: _, has_short_run } = glance;
        let [has_mark, has_capital, has_control] = [MARK, CAPITAL, CONTROL].map(|bit| seen & bit != 0);
        let marks = if has_mark { marks(text) } else { 0 };
        let (first_run, has_key_run) = if has_short_run { long_runs(text) } else { (None, false) };
        let is_telling = digits > 0 || has_capital;
        let level = if has_short_run && (is_telling || has_key_run) {
            Level::Keys
        } else if has_mark || is_telling || has_short_run {
            Level::Names
        } else {
            Level::Words
        };
        Self {
            digits,
            is_beyond: seen & BEYOND != 0,
            has_at: marks & 1 != 0,
            has_colon: marks & 2 != 0,
            has_equals: marks & 4 != 0,
            has_less: marks & 8 != 0,
            has_quote: marks & 64 != 0,
            has_line: has_control && memchr::memchr(b'\n', text).is_some(),
            first_run,
            has_key_run,
            level,
            blanks,
            has_escape: marks & 16 != 0,
            has_bracket: marks & 128 != 0,
            may_have_joint: marks & (8 | 32 | 64) != 0
                || has_control && text.iter().any(|b| joints::is_control(*b)),
        }
    }

    /// Whether any scanner could find anything.
    pub fn can_find(&self, context: Context) -> bool {
        match context.shape {
            Shape::Number => self.digits >= 7 || self.first_run.is_some() || self.has_at,
            Shape::Text | Shape::Time | Shape::Hex => true,
        }
    }

    /// Whether so many blanks stand in it that words may be spelt letter by letter.
    pub fn may_be_spelt(&self, text: &[u8]) -> bool {
        self.blanks >= 8 && self.blanks * 4 > text.len()
    }

    pub fn may_be_escaped(&self, text: &[u8]) -> bool {
        self.has_escape
            || self.has_equals && escapes::is_quoted_printable(text)
            || self.has_bracket && text.windows(3).any(|part| matches!(part, b"[.]" | b"[@]"))
            || self.may_have_joint && joints::is_any(text)
    }
}

/// A byte that has a meaning to some scanner, or stands before or around the value of a name.
const MARK: u8 = 1;
const CAPITAL: u8 = 2;
const CONTROL: u8 = 4;
/// The bit that bytes beyond ASCII have themselves.
const BEYOND: u8 = 0x80;

impl Glance {
    /// Looks at one piece; written so that it is compiled to vector code.
    #[inline]
    fn add<const SIZE: usize>(&mut self, piece: &[u8; SIZE]) {
        let (mut digits, mut blanks, mut seen) = (0_u8, 0_u8, 0_u8);
        let is_within = |byte: u8, first: u8, last: u8| u8::from(byte.wrapping_sub(first) <= last - first);
        for &byte in piece {
            digits += is_within(byte, b'0', b'9');
            blanks += u8::from(byte == b' ');
            // `"`, `%` to `*`, `:` to `@`, `[`, `\\`, and `` ` ``.
            let mark = u8::from(byte == b'"')
                | is_within(byte, b'%', b'*')
                | is_within(byte, b':', b'@')
                | is_within(byte, b'[', b'\\')
                | u8::from(byte == b'`');
            seen |= (byte & BEYOND)
                | (mark * MARK)
                | (is_within(byte, b'A', b'Z') * CAPITAL)
                | ((is_within(byte, 0, b' ' - 1) | u8::from(byte == 0x7F)) * CONTROL);
        }
        self.digits += usize::from(digits);
        self.blanks += usize::from(blanks);
        self.seen |= seen;
        let (words, _) = piece.as_chunks::<8>();
        for pair in words.chunks_exact(2) {
            let mask =
                pair.iter().rev().fold(0, |mask, word| (mask << 8) | visible(u64::from_le_bytes(*word)));
            self.visible = (self.visible >> 16) | (mask << 16);
            self.has_short_run |= has_run_of_ten(self.visible);
        }
    }
}

/// Which of eight bytes are above a blank, a bit each, the first one lowest.
#[inline]
const fn visible(word: u64) -> u32 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let above = ((word & (ONES * 0x7F)) + ONES * (0x7F - b' ' as u64)) | word;
    // Each byte's top bit goes to a bit of its own in the topmost byte.
    (((above >> 7) & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// Whether ten bits stand together: so many bytes without a blank the shortest key has in a row.
#[inline]
const fn has_run_of_ten(bits: u32) -> bool {
    let two = bits & (bits >> 1);
    let four = two & (two >> 2);
    let eight = four & (four >> 4);
    eight & (two >> 8) != 0
}

/// The bytes that scanners ask for, a bit each.
fn marks(text: &[u8]) -> u8 {
    if text.len() <= NARROW {
        return marks_of::<NARROW>(&filled_up(text));
    }
    let mut seen = 0;
    each_piece::<0>(text, |piece| seen |= marks_of(piece));
    seen
}

#[inline]
fn marks_of<const SIZE: usize>(piece: &[u8; SIZE]) -> u8 {
    piece.iter().fold(0, |marks, &byte| {
        marks
            | u8::from(byte == b'@')
            | (u8::from(byte == b':') << 1)
            | (u8::from(byte == b'=') << 2)
            | (u8::from(byte == b'<') << 3)
            | (u8::from(matches!(byte, b'%' | b'\\' | b'&')) << 4)
            | (u8::from(byte == b'*') << 5)
            | (u8::from(matches!(byte, b'\'' | b'"')) << 6)
            | (u8::from(byte == b'[') << 7)
    })
}

/// Hands over a text in pieces of one size. The last piece is filled up with what is not looked for.
#[inline]
fn each_piece<const FILLER: u8>(text: &[u8], mut look: impl FnMut(&[u8; WIDE])) {
    let (pieces, rest) = text.as_chunks::<WIDE>();
    pieces.iter().for_each(&mut look);
    if !rest.is_empty() {
        look(&filled_with::<WIDE, FILLER>(rest));
    }
}

/// A run of characters as keys and encodings have them, long enough to be one.
pub(super) const LONG_RUN: usize = 12;

/// The next run of at least [`LONG_RUN`] token bytes at or after a position.
///
/// Looks at every twelfth byte only, where runs are short.
pub(super) fn next_long_run(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut probe = from + LONG_RUN - 1;
    let mut floor = from;
    while probe < text.len() {
        if !is_token(at(text, probe)) {
            floor = probe + 1;
            probe += LONG_RUN;
            continue;
        }
        let mut start = probe;
        while start > floor && is_token(before(text, start)) {
            start -= 1;
        }
        let end = run_end(text, probe, usize::MAX, is_token);
        if end - start >= LONG_RUN {
            return Some((start, end));
        }
        floor = end + 1;
        probe = end + LONG_RUN;
    }
    None
}

/// The first long run, and whether there is one with a letter in it.
fn long_runs(text: &[u8]) -> (Option<(usize, usize)>, bool) {
    let first = next_long_run(text, 0);
    let mut run = first;
    while let Some((start, end)) = run {
        if text.get(start..end).is_some_and(|run| run.iter().any(u8::is_ascii_alphabetic)) {
            return (first, true);
        }
        run = next_long_run(text, end);
    }
    (first, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts of every byte, many of them runs and marks.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            "[a-z]{1,12}",
            "[A-Za-z0-9_/+=-]{1,14}",
            "[ -~]{0,3}",
            Just(" ".to_owned()),
            "[\\PC]{0,2}",
            Just("\n".to_owned()),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_gate_sees_what_is_there(text in bytes()) {
            let gate = Gate::of(&text);
            let has = |byte: u8| text.contains(&byte);
            prop_assert_eq!(gate.digits, text.iter().filter(|b| b.is_ascii_digit()).count());
            prop_assert_eq!(gate.blanks, text.iter().filter(|b| **b == b' ').count());
            prop_assert_eq!(gate.is_beyond, !text.is_ascii());
            let seen = [gate.has_at, gate.has_colon, gate.has_equals, gate.has_less, gate.has_bracket];
            prop_assert_eq!(seen, [b'@', b':', b'=', b'<', b'['].map(has));
            prop_assert_eq!(gate.has_escape, [b'%', b'\\', b'&'].into_iter().any(has));
            let may_have_joint =
                [b'<', b'*', b'\'', b'"'].into_iter().any(has) || text.iter().any(|b| joints::is_control(*b));
            prop_assert_eq!(gate.may_have_joint, may_have_joint);
            prop_assert_eq!(gate.has_line, has(b'\n'));

            let long: Vec<_> = text.split(|b| !is_token(*b)).filter(|run| run.len() >= LONG_RUN).collect();
            let first = gate.first_run.and_then(|(start, end)| text.get(start..end));
            prop_assert_eq!(first, long.first().copied());
            prop_assert_eq!(gate.has_key_run, long.iter().any(|run| run.iter().any(u8::is_ascii_alphabetic)));

            let has_run = text.split(|b| *b <= b' ').any(|run| run.len() >= SHORT_RUN);
            let is_telling = text.iter().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
            let has_mark = text.iter().any(|b| b"\"%&'()*:;<=>?@[\\`".contains(b));
            let level = match (has_run, is_telling || gate.has_key_run, has_mark) {
                (true, true, _) => Level::Keys,
                (false, false, false) => Level::Words,
                (_, _, _) => if has_run || has_mark || is_telling { Level::Names } else { Level::Words },
            };
            prop_assert_eq!(gate.level, level);
        }
    }
}
