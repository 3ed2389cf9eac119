//! Characters beyond ASCII, folded to what they look like, with a map back to where they stood.

/// A text as the scanners see it, and where each of its bytes comes from.
#[derive(Default)]
pub(crate) struct View {
    pub bytes: Vec<u8>,
    /// Where in the text each byte of the view starts, and at the end the text's length.
    starts: Vec<usize>,
    /// Whether the last character is of a script that puts no blanks between words.
    is_unspaced: bool,
}

/// Letters of scripts that put no blanks between words, and none around what stands among them.
const fn is_unspaced(character: char) -> bool {
    // Year, month and day stand within dates.
    let is_of_date = matches!(character, '年' | '月' | '日' | '년' | '월' | '일');
    !is_of_date
        && matches!(
            character,
            // Thai, Lao, Tibetan, Myanmar, Khmer.
            '\u{E01}'..='\u{E4E}' | '\u{E81}'..='\u{ECF}' | '\u{F40}'..='\u{FBC}' | '\u{1000}'..='\u{103F}' | '\u{1780}'..='\u{17D3}'
            // Kana but for the sign that lengthens, Bopomofo, Han, Hangul.
            | '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | '\u{3105}'..='\u{312F}' | '\u{3400}'..='\u{9FFF}'
            | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'
        )
}

/// Two bytes beyond ASCII for a letter that has no look-alike there, the same for capitals and small ones.
fn letter_of(character: char) -> [u8; 2] {
    let mut small = character.to_lowercase();
    let code = match (small.next(), small.next()) {
        (Some(one), None) => u32::from(one),
        _ => u32::from(character),
    };
    [code >> 7, code].map(|bits| 0x80 | u8::try_from(bits & 0x7F).unwrap_or(0))
}

/// Signs that say `telephone`.
const fn is_telephone(character: char) -> bool {
    matches!(
        character,
        '\u{260E}' | '\u{260F}' | '\u{2706}' | '\u{2121}' | '\u{1F4DE}' | '\u{1F4F1}' | '\u{1F4F2}'
    )
}

/// Stands for a letter that has no look-alike in ASCII.
const LETTER: u8 = 0xFF;

impl View {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
        self.is_unspaced = false;
    }

    pub fn push(&mut self, byte: u8, start: usize) {
        self.bytes.push(byte);
        self.starts.push(start);
    }

    pub fn close(&mut self, text_length: usize) {
        self.starts.push(text_length);
    }

    /// The span of the text behind a span of the view.
    pub fn span(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        Some((*self.starts.get(start)?, *self.starts.get(end)?))
    }

    /// Fills the view with a folded text.
    pub fn fold(&mut self, text: &str) {
        self.clear();
        for (start, character) in text.char_indices() {
            self.push_char(character, start);
        }
        self.close(text.len());
    }

    /// Adds a character as it looks, if it can be seen.
    pub fn push_char(&mut self, character: char, start: usize) {
        let was_unspaced = std::mem::replace(&mut self.is_unspaced, is_unspaced(character));
        let is_latin = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        // What is glued to such a letter is a word of its own.
        if self.is_unspaced && is_latin(self.bytes.last())
            || was_unspaced && character.is_ascii_alphanumeric()
        {
            self.push(b' ', start);
        }
        if character.is_ascii() {
            self.push(u8::try_from(character).unwrap_or(b' '), start);
        } else if is_telephone(character) {
            b"tel ".iter().for_each(|&byte| self.push(byte, start));
        } else if let Some(byte) = fold_char(character) {
            if byte == LETTER {
                letter_of(character).into_iter().for_each(|byte| self.push(byte, start));
            } else {
                self.push(byte, start);
            }
        }
    }
}

/// The text folded, as a string; letters without a look-alike stay themselves.
pub(crate) fn fold_text(text: &str) -> String {
    text.chars()
        .filter_map(|c| {
            if c.is_ascii() {
                Some(c)
            } else {
                fold_char(c).map(|b| if b == LETTER { c } else { char::from(b) })
            }
        })
        .collect()
}

/// What a character beyond ASCII looks like; none for one that cannot be seen.
fn fold_char(character: char) -> Option<u8> {
    let code = u32::from(character);
    // Tags (U+E0020 to U+E007E) are ASCII that is not seen.
    if (0xE0020..=0xE007E).contains(&code) {
        return u8::try_from(code - 0xE0000).ok();
    }
    if is_invisible(code) {
        return None;
    }
    // Full-width forms of ASCII.
    if (0xFF01..=0xFF5E).contains(&code) {
        return u8::try_from(code - 0xFF01 + 0x21).ok();
    }
    if let Some(digit) = decimal(code) {
        return Some(b'0' + digit);
    }
    Some(match code {
        0x2010..=0x2015 | 0x2043 | 0x207B | 0x208B | 0x2212 | 0x2E3A | 0x2E3B | 0xFE58 | 0xFE63 | 0x30FC => {
            b'-'
        }
        0x00A0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000 => b' ',
        0x2024 | 0x3002 | 0xFE52 | 0xFF61 | 0x06D4 | 0x00B7 | 0x2219 | 0x2022 | 0x30FB => b'.',
        0xFE6B => b'@',
        0x2236 | 0xA789 | 0xFE55 | 0x02D0 | 0xFE13 => b':',
        0x2044 | 0x2215 | 0x29F8 => b'/',
        0x207A | 0x208A | 0x2795 | 0xFE62 => b'+',
        0xFE5F => b'#',
        0xFE66 => b'=',
        0x207D | 0x208D | 0xFE59 | 0x2768 => b'(',
        0x207E | 0x208E | 0xFE5A | 0x2769 => b')',
        0xFE4D..=0xFE4F | 0x203F => b'_',
        0x2018..=0x201B | 0x02BC | 0x2032 => b'\'',
        0x201C..=0x201F | 0x2033 | 0x00AB | 0x00BB => b'"',
        0x1D400..=0x1D6A3 => mathematical_letter(code),
        0x24B6..=0x24CF => letter(b'A', code - 0x24B6),
        0x24D0..=0x24E9 => letter(b'a', code - 0x24D0),
        0x1F130..=0x1F149 => letter(b'A', code - 0x1F130),
        0x1F1E6..=0x1F1FF => letter(b'A', code - 0x1F1E6),
        _ => return Some(look_alike(character)),
    })
}

fn letter(base: u8, offset: u32) -> u8 {
    base.saturating_add(u8::try_from(offset).unwrap_or(0))
}

/// The mathematical alphabets repeat A to Z, a to z.
fn mathematical_letter(code: u32) -> u8 {
    let offset = (code - 0x1D400) % 52;
    if offset < 26 { letter(b'A', offset) } else { letter(b'a', offset - 26) }
}

/// Control characters, zero-width ones, soft hyphens, marks of direction, variation selectors, tags.
const fn is_invisible(code: u32) -> bool {
    matches!(
        code,
        0x0080..=0x009F | 0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF9..=0xFFFB
            | 0x0300..=0x034E | 0x0350..=0x036F | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
    )
}

/// Where each script's ten decimal digits start (Unicode `Nd`).
const ZEROS: [u32; 64] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1E140, 0x1E2F0, 0x1E4F0,
    0x1E950, 0x1FBF0, 0x10D40, 0x16130,
];

fn decimal(code: u32) -> Option<u8> {
    let value = match code {
        0x00B2 | 0x00B3 => code - 0x00B0,
        0x00B9 => 1,
        0x2070 => 0,
        0x2074..=0x2079 => code - 0x2070,
        0x2080..=0x2089 => code - 0x2080,
        0x2460..=0x2468 => code - 0x2460 + 1,
        0x24EA => 0,
        0x2474..=0x247C => code - 0x2474 + 1,
        0x2776..=0x277E => code - 0x2776 + 1,
        0x1D7CE..=0x1D7FF => (code - 0x1D7CE) % 10,
        0x0660.. => ZEROS.iter().find_map(|&zero| code.checked_sub(zero).filter(|&d| d < 10))?,
        _ => return None,
    };
    u8::try_from(value).ok()
}

/// Letters of other alphabets and with accents that read as ASCII ones.
fn look_alike(character: char) -> u8 {
    match character {
        'а' | 'α' | 'ɑ' | 'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ' | 'ả' | 'ᴀ' | 'ª' => b'a',
        'Ь' | 'ʙ' | 'ƅ' => b'b',
        'с' | 'ϲ' | 'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' | 'ᴄ' | 'ⅽ' => b'c',
        'ԁ' | 'ď' | 'đ' | 'ð' | 'ᴅ' | 'ⅾ' => b'd',
        'е' | 'ё' | 'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'є' | 'ҽ' | 'ẹ' | 'ế' | 'ᴇ' | 'ə' => {
            b'e'
        }
        'ƒ' | 'ꜰ' => b'f',
        'ɡ' | 'ğ' | 'ĝ' | 'ġ' | 'ģ' | 'ɢ' | 'ց' => b'g',
        'һ' | 'հ' | 'ħ' | 'ʜ' => b'h',
        'і' | 'ι' | 'ı' | 'ì'..='ï' | 'ī' | 'į' | 'ɪ' | 'ⅰ' => b'i',
        'ј' | 'ʝ' | 'ᴊ' | 'ĵ' => b'j',
        'κ' | 'к' | 'ķ' | 'ᴋ' => b'k',
        'ⅼ' | 'ӏ' | 'ł' | 'ľ' | 'ĺ' | 'ļ' | 'ʟ' => b'l',
        'ⅿ' | 'ᴍ' | 'м' => b'm',
        'ո' | 'ñ' | 'ń' | 'ň' | 'ņ' | 'η' | 'ɴ' => b'n',
        'о' | 'ο' | 'օ' | 'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'ŏ' | 'ơ' | 'σ' | 'ᴏ' | 'º' => b'o',
        'р' | 'ρ' | 'ᴘ' | 'ϼ' => b'p',
        'ԛ' | 'գ' => b'q',
        'г' | 'ř' | 'ŕ' | 'ʀ' => b'r',
        'ѕ' | 'š' | 'ś' | 'ş' | 'ș' | 'ŝ' | 'ꜱ' => b's',
        'τ' | 'т' | 'ť' | 'ţ' | 'ț' | 'ᴛ' => b't',
        'υ' | 'ս' | 'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' | 'ư' | 'ᴜ' => b'u',
        'ν' | 'ѵ' | 'ᴠ' | 'ⅴ' => b'v',
        'ԝ' | 'ŵ' | 'ᴡ' | 'ω' => b'w',
        'х' | 'χ' | 'ⅹ' => b'x',
        'у' | 'γ' | 'ý' | 'ÿ' | 'ŷ' | 'ү' | 'ʏ' => b'y',
        'ž' | 'ź' | 'ż' | 'ᴢ' => b'z',
        'А' | 'Α' | 'À'..='Å' | 'Ā' | 'Ą' | 'Ꭺ' => b'A',
        'В' | 'Β' | 'Ᏼ' => b'B',
        'С' | 'Ϲ' | 'Ç' | 'Ć' | 'Č' | 'Ꮯ' | 'Ⅽ' => b'C',
        'Ď' | 'Đ' | 'Ꭰ' | 'Ⅾ' => b'D',
        'Е' | 'Ε' | 'È'..='Ë' | 'Ē' | 'Ę' | 'Ě' | 'Ꭼ' => b'E',
        'Ғ' | 'Ϝ' => b'F',
        'Ԍ' | 'Ğ' | 'Ꮐ' => b'G',
        'Н' | 'Η' | 'Ꮋ' => b'H',
        'І' | 'Ι' | 'Ì'..='Ï' | 'İ' | 'Ⅰ' | 'Ӏ' => b'I',
        'Ј' | 'Ꭻ' => b'J',
        'К' | 'Κ' | 'Ꮶ' => b'K',
        'Ł' | 'Ꮮ' | 'Ⅼ' => b'L',
        'М' | 'Μ' | 'Ꮇ' | 'Ⅿ' => b'M',
        'Ν' | 'Ñ' | 'Ń' => b'N',
        'О' | 'Ο' | 'Օ' | 'Ò'..='Ö' | 'Ø' | 'Ő' => b'O',
        'Р' | 'Ρ' | 'Ꮲ' => b'P',
        'Ԛ' => b'Q',
        'Ꭱ' | 'Ř' => b'R',
        'Ѕ' | 'Š' | 'Ś' | 'Ş' | 'Ꮪ' => b'S',
        'Т' | 'Τ' | 'Ꭲ' => b'T',
        'Ù'..='Ü' | 'Ū' | 'Ů' | 'Ս' => b'U',
        'Ѵ' | 'Ꮩ' | 'Ⅴ' => b'V',
        'Ԝ' | 'Ꮃ' => b'W',
        'Х' | 'Χ' | 'Ⅹ' => b'X',
        'У' | 'Υ' | 'Ý' | 'Ү' => b'Y',
        'Ζ' | 'Ž' | 'Ż' | 'Ź' | 'Ꮓ' => b'Z',
        other if other.is_alphanumeric() => LETTER,
        _ => b' ',
    }
}
