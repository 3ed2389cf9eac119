//! Making seen what a text would hide: what is invisible, turns the direction of reading, or looks like something else.

use maud::{Markup, html};
use unicode_normalization::UnicodeNormalization;

/// How a text is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// Prose and values: letters of any one script are what they are.
    Prose,
    /// Names: nothing outside of ASCII goes unseen.
    Name,
    /// Code that could not be read: nothing outside of ASCII belongs there.
    Code,
}

/// A piece of a text as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen<'a> {
    /// As it stands.
    Plain(&'a str),
    /// By its number, because of what it is.
    Odd(char, &'static str),
    /// A letter that looks like another one: itself and its number.
    Double(char, &'static str),
}

/// Pieces of one text at most, among which odd characters are marked; behind them they stand by their numbers alone.
const MOST_MARKED: usize = 4000;

/// The text with everything odd in it made visible.
pub fn shown(text: &str, look: Look) -> Markup {
    html! {
        @for (at, piece) in pieces(text, look).into_iter().enumerate() {
            @match piece {
                Seen::Plain(text) => (text),
                // Each mark is a hundred times its character: a page must not grow with them.
                Seen::Odd(c, _) | Seen::Double(c, _) if at > MOST_MARKED => { "(" (code(c)) ")" },
                Seen::Odd(c, what) => span.odd title=(what) { (code(c)) },
                Seen::Double(c, what) => span.odd.double title=(what) { (c) small { (code(c)) } },
            }
        }
    }
}

/// A name where there is no markup, as in the title of a page: every odd character by its number.
pub fn told(name: &str) -> String {
    let pieces = pieces(name, Look::Name).into_iter().map(|piece| match piece {
        Seen::Plain(text) => text.to_owned(),
        Seen::Odd(c, _) | Seen::Double(c, _) => format!("({})", code(c)),
    });
    pieces.collect()
}

/// How many characters of a text are made visible.
pub fn odd(text: &str, look: Look) -> usize {
    pieces(text, look).iter().filter(|piece| !matches!(piece, Seen::Plain(_))).count()
}

fn code(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

fn pieces(text: &str, look: Look) -> Vec<Seen<'_>> {
    let mut pieces = Vec::new();
    let mut plain = 0;
    let mut accents = 0_usize;
    for (at, word) in words(text) {
        let is_mixed = word.chars().any(|c| c.is_ascii_alphabetic()) && word.chars().any(is_foreign);
        let is_double = !word.is_ascii()
            && word.chars().filter(|c| c.is_alphabetic()).all(|c| c.is_ascii() || looks_latin(c));
        for (within, c) in word.char_indices() {
            accents = if is_accent(c) { accents.saturating_add(1) } else { 0 };
            let found = match hidden(c) {
                Some(what) => Some(Seen::Odd(c, what)),
                None if accents > MOST_ACCENTS => Some(Seen::Odd(c, "one of many accents over one letter")),
                None if c.is_ascii() => None,
                None if look == Look::Code => Some(Seen::Double(c, "a character outside of ASCII")),
                None if is_wide(c) => Some(Seen::Double(c, "another form of a plain character")),
                None if (is_mixed || is_double) && (is_foreign(c) || looks_latin(c)) => {
                    Some(Seen::Double(c, "a letter that looks like a Latin one"))
                }
                None if look == Look::Name => Some(Seen::Double(c, "a character outside of ASCII")),
                None => None,
            };
            let Some(found) = found else { continue };
            let here = at.saturating_add(within);
            if let Some(before) = text.get(plain..here).filter(|before| !before.is_empty()) {
                pieces.push(Seen::Plain(before));
            }
            pieces.push(found);
            plain = here.saturating_add(c.len_utf8());
        }
    }
    if let Some(rest) = text.get(plain..).filter(|rest| !rest.is_empty()) {
        pieces.push(Seen::Plain(rest));
    }
    pieces
}

/// The runs of letters and digits of a text, and what stands between them, each with its first byte.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_word = first.is_alphanumeric();
        let end = rest.find(|c: char| c.is_alphanumeric() != is_word).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(end)?;
        let at = text.len().saturating_sub(rest.len());
        rest = behind;
        Some((at, word))
    })
}

/// What a character does that nobody sees; none for one that is seen.
fn hidden(c: char) -> Option<&'static str> {
    Some(match c {
        '\n' | '\t' | ' ' => return None,
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
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{17B4}' | '\u{17B5}' | '\u{2800}' => {
            "is blank"
        }
        '\u{FE00}'..='\u{FE0F}' | '\u{180B}'..='\u{180D}' | '\u{180F}' => "changes the character before it",
        '\u{E0000}'..='\u{E00FF}' => "a hidden tag",
        '\u{2028}' | '\u{2029}' | '\u{0085}' => "a line end that not everybody knows",
        '\u{00A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
            "an unusual space"
        }
        '\u{0334}'..='\u{0338}' | '\u{0483}'..='\u{0489}' | '\u{1ABE}' | '\u{20D0}'..='\u{20F0}' => {
            "is drawn over the character before it"
        }
        '\u{E0100}'..='\u{E0FFF}' | '\u{2065}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{13430}'..='\u{1343F}' => {
            "is not seen"
        }
        '\u{206A}'..='\u{206F}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' => "a format character",
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => "a private character",
        _ => return None,
    })
}

/// As many accents stand over one letter where people write: Vietnamese has two.
const MOST_ACCENTS: usize = 2;

/// Whether it is drawn over or under the character before it, and takes no place of its own.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{FE20}'..='\u{FE2F}')
}

/// Whether it is a plain character in another form (`Ａ`, `𝐚`, `①`).
fn is_wide(c: char) -> bool {
    let mut plain = std::iter::once(c).nfkc();
    matches!((plain.next(), plain.next()), (Some(one), None) if one != c && one.is_ascii())
}

/// A letter of another script than Latin.
fn is_foreign(c: char) -> bool {
    let is_latin = matches!(c, '\u{0000}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}');
    c.is_alphabetic() && !is_latin
}

/// Letters of other scripts that are drawn like Latin ones, and Latin ones that are drawn like others.
fn looks_latin(c: char) -> bool {
    "аеорсухіјѕԁԛԝһүкмтвгпАВЕЅІЈКМНОРСТУХԌҮαοενρτυνχικγΑΒΕΖΗΙΚΜΝΟΡΤΥΧաօոսցհզԱՕՍꓐꓑꓔꓖꓗꓢꓠꓟꓜꓡᎪᎬᎢᎠᎳᎷᏀᏃᏚᏢᏞıſɑɡɩʏʟɪꞮℓ".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, look: Look, expected: &str) {
        let found = pieces(text, look).into_iter().map(|piece| match piece {
            Seen::Plain(text) => text.to_owned(),
            Seen::Odd(c, _) | Seen::Double(c, _) => format!("<{}>", code(c)),
        });
        assert_eq!(found.collect::<String>(), expected, "{text:?}");
    }

    #[test]
    fn what_hides_is_shown_by_its_number() {
        check("a\u{202e}b\u{200b}c\u{feff}\0\r", Look::Prose, "a<U+202E>b<U+200B>c<U+FEFF><U+0000><U+000D>");
        check("a\u{a0}b\u{2800}\u{e0041}\u{ad}", Look::Prose, "a<U+00A0>b<U+2800><U+E0041><U+00AD>");
        check("a\tb\nc", Look::Prose, "a\tb\nc");
        check("t\u{336}h\u{338} a\u{2065}b\u{e01f0}", Look::Prose, "t<U+0336>h<U+0338> a<U+2065>b<U+E01F0>");
        check("e\u{301}\u{302}\u{303}\u{304}", Look::Prose, "e\u{301}\u{302}<U+0303><U+0304>");
    }

    #[test]
    fn a_text_of_odd_characters_alone_makes_no_endless_page() {
        let page = shown(&"'\u{430}',".repeat(40_000), Look::Prose).into_string();
        assert_eq!(page.matches("U+0430").count(), 40_000, "each is told");
        assert!(page.len() < 1_000_000, "{}", page.len());
    }

    #[test]
    fn a_name_in_a_title_hides_nothing() {
        assert_eq!(told("b\u{202e}ot-\u{430}"), "b(U+202E)ot-(U+0430)");
        assert_eq!(told("claude-finance"), "claude-finance");
    }

    #[test]
    fn letters_that_look_like_others_are_told_apart() {
        check("p\u{430}yments", Look::Prose, "p<U+0430>yments");
        check("\u{440}\u{430}\u{443}", Look::Prose, "<U+0440><U+0430><U+0443>");
        check("\u{ff41}dmin \u{1d41a}", Look::Prose, "<U+FF41>dmin <U+1D41A>");
        check("ısdeleted", Look::Prose, "<U+0131>sdeleted");
    }

    #[test]
    fn what_people_write_in_their_languages_is_left_as_it_is() {
        for text in [
            "Größe, café, naïve",
            "привет мир, здравствуйте",
            "顧客を消す",
            "شكرا",
            "עברית",
            "“quoted” – …",
            "γειά σου",
        ] {
            check(text, Look::Prose, text);
        }
        check("Größe", Look::Name, "Gr<U+00F6><U+00DF>e");
        check("a “b”", Look::Code, "a <U+201C>b<U+201D>");
    }
}
