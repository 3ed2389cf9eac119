//! What a character does to whoever reads it: hides, turns, sits on its neighbour, or passes for another.

use unicode_normalization::char::{compose, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization};
use unicode_security::general_security_profile::{GeneralSecurityProfile, IdentifierType};
use unicode_security::{MixedScript, skeleton};

use crate::drawn;

/// How a text is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// What people write to people: letters of any one script, and the quotes and dashes that keyboards make.
    Prose,
    /// What is compared byte by byte: letters of any one script are what they are, and whatever is drawn like a plain
    /// character is told.
    Value,
    /// Names: nothing outside of ASCII goes unseen.
    Name,
    /// Code: nothing outside of ASCII belongs there.
    Code,
}

/// What must be told of a character.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// By its number alone: drawn, it would not be seen, or change what stands beside it.
    Odd(&'static str),
    /// It may be drawn, with its number.
    Double(&'static str),
}

/// Marks of its own script that a letter carries where people write; Burmese has as many.
const MOST_MARKS: usize = 5;

/// One word (letters, digits and their marks), or what stands between two.
pub(crate) struct Around {
    /// Every letter and digit of it looks like one of ASCII, and one is none.
    is_double: bool,
    /// It has a letter of the Latin script.
    has_latin: bool,
    /// No one script has all of its letters.
    is_mixed: bool,
}

impl Around {
    pub(crate) fn new(word: &str) -> Self {
        if word.is_ascii() {
            return Self { is_double: false, has_latin: false, is_mixed: false };
        }
        let mut signs = word.chars().filter(|c| c.is_alphanumeric() && !is_combining_mark(*c));
        Self {
            is_double: signs.all(|c| c.is_ascii() || looks_plain(c)),
            has_latin: word.chars().any(|c| c.is_alphabetic() && is_latin(c)),
            is_mixed: !word.is_single_script(),
        }
    }
}

/// What the characters so far leave for marks to sit on.
#[derive(Default)]
pub(crate) struct Base {
    /// The letter with the marks that it has taken in.
    letter: Option<char>,
    marks: usize,
}

impl Base {
    /// Characters that are seen for what they are, up to this one.
    pub(crate) fn pass(&mut self, last: Option<char>) {
        *self = Self { letter: last, marks: 0 };
    }

    /// What must be told of the next character.
    pub(crate) fn next(&mut self, c: char, around: &Around, look: Look) -> Option<Told> {
        if c.is_ascii() && !c.is_ascii_control() {
            *self = Self { letter: Some(c), marks: 0 };
            return None;
        }
        if let Some(what) = hidden(c) {
            return Some(Told::Odd(what));
        }
        if is_combining_mark(c) {
            return self.mark(c, look);
        }
        *self = Self { letter: Some(c), marks: 0 };
        character(c, around, look)
    }

    /// A mark: seen as what it is only where it makes a letter, or sits on a letter of its own script.
    fn mark(&mut self, c: char, look: Look) -> Option<Told> {
        if let Some(letter) = self.letter.and_then(|letter| compose(letter, c)) {
            self.letter = Some(letter);
            return match look {
                Look::Name | Look::Code => Some(Told::Odd("an accent")),
                Look::Prose | Look::Value => None,
            };
        }
        self.marks = self.marks.saturating_add(1);
        let sits = self.letter.is_some_and(|letter| letter.is_alphabetic() && !is_latin(letter));
        match look {
            _ if !sits || is_accent(c) => Some(Told::Odd("makes no letter with what it is drawn over")),
            _ if self.marks > MOST_MARKS => Some(Told::Odd("one of many marks on one letter")),
            // Points of Hebrew are uncommon by that word, and what they are.
            _ if is_rare(c) && c.identifier_type() != Some(IdentifierType::Uncommon_Use) => {
                Some(Told::Odd("a mark that hardly anybody writes"))
            }
            Look::Name | Look::Code => Some(Told::Odd("a character outside of ASCII")),
            Look::Prose | Look::Value => None,
        }
    }
}

/// What must be told of a character that is seen and stands for itself.
fn character(c: char, around: &Around, look: Look) -> Option<Told> {
    if look == Look::Prose && is_typed(c) {
        return None;
    }
    let double = |what| Some(Told::Double(what));
    if look == Look::Code {
        return double("a character outside of ASCII");
    }
    if is_wide(c) {
        return double("another form of a plain character");
    }
    if c.is_alphanumeric() {
        let is_foreign = c.is_alphabetic() && !is_latin(c);
        let is_latin_one = around.is_double || around.has_latin;
        if is_latin_one && looks_plain(c) {
            return double("a letter that looks like a Latin one");
        }
        if is_rare(c) {
            return double("a letter that hardly anybody writes");
        }
        if around.is_mixed && is_foreign && !is_east_asian(c) {
            return double("a letter of another script than those beside it");
        }
    } else if is_plain(c) {
        return double("looks like a plain character");
    }
    (look == Look::Name).then_some(Told::Double("a character outside of ASCII"))
}

/// What a character does that nobody sees; none for one that is seen.
fn hidden(c: char) -> Option<&'static str> {
    Some(match c {
        '\r' => "a carriage return",
        c if c.is_control() => "a control character",
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}' => {
            "turns the direction of reading"
        }
        '\u{200B}'..='\u{200D}'
        | '\u{2060}'..='\u{2064}'
        | '\u{FEFF}'
        | '\u{00AD}'
        | '\u{180E}'
        | '\u{034F}' => "has no width",
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{17B4}' | '\u{17B5}' | '\u{2800}'
        | '\u{1D159}' => "is blank",
        '\u{FE00}'..='\u{FE0F}' | '\u{180B}'..='\u{180D}' | '\u{180F}' => "changes the character before it",
        '\u{E0000}'..='\u{E00FF}' => "a hidden tag",
        '\u{2028}' | '\u{2029}' => "a line end that not everybody knows",
        c if c.is_whitespace() => "an unusual space",
        '\u{0334}'..='\u{0338}' | '\u{0483}'..='\u{0489}' | '\u{1ABE}' | '\u{20D0}'..='\u{20F0}' => {
            "is drawn over the character before it"
        }
        '\u{E0100}'..='\u{E0FFF}' | '\u{2065}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{13430}'..='\u{1343F}' => {
            "is not seen"
        }
        '\u{206A}'..='\u{206F}' | '\u{FFF0}'..='\u{FFFC}' | '\u{1D173}'..='\u{1D17A}' => "a format character",
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => "a private character",
        // Whatever else Unicode has programs leave away (Default_Ignorable_Code_Point).
        c if skeleton(c.encode_utf8(&mut [0; 4])).next().is_none() => "is not seen",
        c if c.identifier_type().is_none() => "no character that is known here",
        _ => return None,
    })
}

/// An accent of no script in particular, for any letter.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// Whether people type it where they write to people, or their keyboards do in the place of a plain character.
fn is_typed(c: char) -> bool {
    let typed = "‘’‚“”„–—…¡¿‹›«»×";
    // Punctuation of other scripts.
    let of_others = "，：；！？（）〔〕〜〃۔।॥၊။։՚՛՝׳״";
    typed.contains(c) || of_others.contains(c)
}

/// Whether it is a plain character in another form (`Ａ`, `𝐚`, `①`), or letters in one (`ﬁ`).
fn is_wide(c: char) -> bool {
    let one = || std::iter::once(c);
    // Most characters are known by a table to have no other form.
    let may_be = unicode_normalization::is_nfkc_quick(one()) != IsNormalized::Yes;
    may_be && one().nfkc().all(|c| c.is_ascii()) && (c.is_alphabetic() || one().nfkc().nth(1).is_none())
}

/// Whether a character looks like ASCII (its skeleton by UTS #39, section 4).
fn is_plain(c: char) -> bool {
    skeleton(c.encode_utf8(&mut [0; 4])).all(|c| c.is_ascii())
}

/// Whether a letter or digit looks like one of ASCII. One with an accent looks like nothing in ASCII.
fn looks_plain(c: char) -> bool {
    // Which nobody takes for what they are told like.
    if "æÆœŒþÞσ¼½¾".contains(c) {
        return false;
    }
    drawn::like_latin(c) || is_plain(c)
}

fn is_latin(c: char) -> bool {
    matches!(c, '\u{0000}'..='\u{02AF}' | '\u{1D00}'..='\u{1DBF}' | '\u{1E00}'..='\u{1EFF}' | '\u{2C60}'..='\u{2C7F}' | '\u{A720}'..='\u{A7FF}' | '\u{AB30}'..='\u{AB6F}')
}

/// Han, kana, Hangul and Bopomofo, which stand beside Latin letters wherever they are written.
fn is_east_asian(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{312F}' | '\u{3130}'..='\u{318F}' | '\u{31A0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Whether hardly anybody writes it any more, or outside of one trade (UTS #39, Identifier_Type).
fn is_rare(c: char) -> bool {
    let rare = [
        IdentifierType::Exclusion,
        IdentifierType::Limited_Use,
        IdentifierType::Obsolete,
        IdentifierType::Technical,
        IdentifierType::Uncommon_Use,
        IdentifierType::Deprecated,
    ];
    c.identifier_type().is_some_and(|found| rare.contains(&found))
}
