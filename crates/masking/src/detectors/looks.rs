//! What a value looks like: how many of which characters.

/// What a value consists of.
#[derive(Default)]
pub(super) struct Looks {
    pub length: usize,
    pub digits: usize,
    pub letters: usize,
    /// Bytes beyond ASCII.
    pub beyond: usize,
    pub alphanumerics: usize,
    /// Bytes that are neither alphanumeric nor usual within numbers.
    pub others: usize,
    pub capitals: usize,
    pub words: usize,
    pub is_phone_like: bool,
    pub is_hex: bool,
    pub is_capitalised: bool,
}

/// What one byte adds: a count a byte, lowest first of digits, letters, bytes beyond ASCII, others, and capitals; above
/// them, what it says against the whole.
static MARKS: [u64; 256] = {
    let mut marks = [0; 256];
    let mut byte = 0_u8;
    let mut rest: &mut [u64] = &mut marks;
    while let [first, others @ ..] = rest {
        *first = match byte {
            b'0'..=b'9' => DIGIT,
            b'x' | b'e' | b't' => LETTER,
            b'X' | b'E' | b'T' => LETTER | CAPITAL,
            b'a'..=b'z' => LETTER | NO_PHONE,
            b'A'..=b'Z' => LETTER | CAPITAL | NO_PHONE,
            b' ' | b'-' | b'.' | b'/' => 0,
            b'(' | b')' | b'+' | b'#' | b',' | b':' => OTHER,
            0x80.. => BEYOND,
            _ => OTHER | NO_PHONE,
        };
        if !byte.is_ascii_hexdigit() {
            *first |= NO_HEX;
        }
        byte = byte.wrapping_add(1);
        rest = others;
    }
    marks
};

const DIGIT: u64 = 1;
const LETTER: u64 = 1 << 8;
const BEYOND: u64 = 1 << 16;
const OTHER: u64 = 1 << 24;
const CAPITAL: u64 = 1 << 32;
const COUNTS: u64 = (1 << 40) - 1;
const NO_PHONE: u64 = 1 << 40;
const NO_HEX: u64 = 1 << 41;

impl Looks {
    /// Whether it is as mixed as a key: small letters, capitals and digits, no blank between.
    pub const fn is_random(&self) -> bool {
        const SHORTEST: usize = 20;
        const LONGEST: usize = 512;
        const FEWEST: usize = 2;
        self.length >= SHORTEST
            && self.length <= LONGEST
            && self.words == 1
            && self.digits >= FEWEST
            && self.capitals >= FEWEST
            && self.letters >= self.capitals + FEWEST
            && self.beyond == 0
            && self.others <= 4
    }

    /// Whether it is as many short words as the phrases have from which keys are made (BIP 39).
    pub const fn is_seed(&self) -> bool {
        matches!(self.words, 12 | 15 | 18 | 21 | 24)
            && self.digits + self.others + self.capitals + self.beyond == 0
            && self.letters >= 3 * self.words
            && self.letters <= 8 * self.words
    }

    pub fn of(value: &str) -> Self {
        let value = value.trim();
        let mut looks = Self {
            length: value.len(),
            is_capitalised: value.bytes().next().is_some_and(|b| b.is_ascii_uppercase() || b >= 0x80),
            ..Self::default()
        };
        let mut against = 0;
        let mut previous = b' ';
        // No count of so many bytes runs over.
        for piece in value.as_bytes().chunks(255) {
            let mut counts = 0;
            for &byte in piece {
                let mark = MARKS.get(usize::from(byte)).copied().unwrap_or(0);
                counts += mark & COUNTS;
                against |= mark;
                looks.words += usize::from(byte != b' ' && previous == b' ');
                previous = byte;
            }
            let [digits, letters, beyond, others, capitals, ..] = counts.to_le_bytes().map(usize::from);
            looks.digits += digits;
            looks.letters += letters;
            looks.beyond += beyond;
            looks.others += others;
            looks.capitals += capitals;
        }
        looks.is_hex = against & NO_HEX == 0;
        looks.is_phone_like = against & NO_PHONE == 0 && looks.letters <= 4;
        looks.alphanumerics = looks.digits + looks.letters;
        looks
    }
}
