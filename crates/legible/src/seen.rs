//! A text in pieces, each as it may be shown.

use unicode_normalization::char::is_combining_mark;

use crate::character::{Around, Base, Look, Told};

/// A piece of a text as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen<'a> {
    /// As it stands; line ends are line ends.
    Plain(&'a str),
    /// By its number, because of what it is.
    Odd(char, &'static str),
    /// A character that passes for another one: itself and its number.
    Double(char, &'static str),
    /// A line end inside a value or a name: its sign, then a line end.
    LineEnd,
    /// So many blanks or line ends in a row that what stands behind them would be pushed out of sight: what was closed.
    Gap(String),
}

/// Line ends in a row, at most; more are counted.
const LINE_ENDS: usize = 2;

/// Blanks in a row, at most; more are counted. A tab is four.
const BLANKS: usize = 24;

/// The characters that [`told`] frames what is ours with. Others' are told by their numbers, so that nobody writes our words.
const OURS: [char; 2] = ['⟦', '⟧'];

/// The text in pieces, everything odd in it made visible.
pub fn seen(text: &str, look: Look) -> Vec<Seen<'_>> {
    match look {
        // One empty line more than in prose: it parts statements.
        Look::Code => within(text, look, LINE_ENDS.saturating_add(1)),
        Look::Prose | Look::Value | Look::Name => within(text, look, LINE_ENDS),
    }
}

/// The same with at most so many line ends in a row.
pub(crate) fn within(text: &str, look: Look, line_ends: usize) -> Vec<Seen<'_>> {
    let mut pieces = Vec::new();
    let mut base = Base::default();
    for (kind, run) in runs(text) {
        if kind == Kind::Blank {
            base = Base::default();
            blanks(run, look, line_ends, &mut pieces);
            continue;
        }
        if run.bytes().all(|byte| byte.is_ascii_graphic()) {
            base.pass(run.chars().last());
            push_plain(&mut pieces, Some(run));
            continue;
        }
        let around = Around::new(run);
        let mut plain = 0;
        for (at, c) in run.char_indices() {
            let piece = match base.next(c, &around, look) {
                Some(Told::Odd(what)) => Seen::Odd(c, what),
                Some(Told::Double(what)) => Seen::Double(c, what),
                None => continue,
            };
            push_plain(&mut pieces, run.get(plain..at));
            pieces.push(piece);
            plain = at.saturating_add(c.len_utf8());
        }
        push_plain(&mut pieces, run.get(plain..));
    }
    pieces
}

/// A text in one line, where there is no markup: characters by their numbers, line ends by their sign, each behind a frame that
/// no text can forge.
pub fn told(text: &str, look: Look) -> String {
    let mut told = String::with_capacity(text.len());
    for piece in seen(text, look) {
        match piece {
            Seen::Plain(text) => text.chars().for_each(|c| match c {
                '\n' => told.push('↵'),
                '\t' => told.push(' '),
                c if OURS.contains(&c) => told.push_str(&framed(&code(c))),
                c => told.push(c),
            }),
            Seen::Odd(c, _) | Seen::Double(c, _) => told.push_str(&framed(&code(c))),
            Seen::LineEnd => told.push('↵'),
            Seen::Gap(closed) => told.push_str(&framed(&closed)),
        }
    }
    told
}

fn framed(ours: &str) -> String {
    let [begin, end] = OURS;
    format!("{begin}{ours}{end}")
}

/// How many characters of a text are made visible.
pub fn odd(text: &str, look: Look) -> usize {
    seen(text, look).iter().filter(|piece| matches!(piece, Seen::Odd(..) | Seen::Double(..))).count()
}

/// The number of a character: `U+0430`.
pub fn code(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

fn push_plain<'a>(pieces: &mut Vec<Seen<'a>>, text: Option<&'a str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        pieces.push(Seen::Plain(text));
    }
}

/// Blanks, tabs and line ends in a row, closed where they are too many.
fn blanks<'a>(run: &'a str, look: Look, line_ends: usize, pieces: &mut Vec<Seen<'a>>) {
    let is_inside = matches!(look, Look::Value | Look::Name);
    let lines = run.matches('\n').count();
    if lines > line_ends {
        if is_inside {
            pieces.push(Seen::Gap(format!("… {lines} line ends …")));
            pieces.push(Seen::LineEnd);
        } else {
            pieces.push(Seen::Gap(counted(lines.saturating_sub(1), "empty line")));
            pieces.push(Seen::Plain("\n"));
        }
        return;
    }
    for (at, line) in run.split('\n').enumerate() {
        if at > 0 {
            pieces.push(if is_inside { Seen::LineEnd } else { Seen::Plain("\n") });
        }
        let width = line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum::<usize>();
        if width > BLANKS {
            pieces.push(Seen::Gap(counted(width, "blank")));
        } else {
            push_plain(pieces, Some(line));
        }
    }
}

fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("… 1 {one} …") } else { format!("… {count} {one}s …") }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    /// Letters and digits with their marks.
    Word,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        ' ' | '\t' | '\n' => Kind::Blank,
        c if c.is_alphanumeric() || is_combining_mark(c) => Kind::Word,
        _ => Kind::Other,
    }
}

/// The runs of one kind.
fn runs(text: &str) -> impl Iterator<Item = (Kind, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = kind(rest.chars().next()?);
        let end = rest.find(|c: char| kind(c) != first).unwrap_or(rest.len());
        let (run, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some((first, run))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, look: Look, expected: &str) {
        let found = seen(text, look).into_iter().map(|piece| match piece {
            Seen::Plain(text) => text.to_owned(),
            Seen::Odd(c, _) | Seen::Double(c, _) => format!("<{}>", code(c)),
            Seen::LineEnd => "↵".to_owned(),
            Seen::Gap(closed) => format!("<{closed}>"),
        });
        assert_eq!(found.collect::<String>(), expected, "{text:?}");
    }

    /// In values and prose alike.
    #[track_caller]
    fn both(text: &str, expected: &str) {
        check(text, Look::Value, expected);
        check(text, Look::Prose, expected);
    }

    #[test]
    fn what_hides_is_shown_by_its_number() {
        both("a\u{202e}b\u{200b}c\u{feff}\0\r", "a<U+202E>b<U+200B>c<U+FEFF><U+0000><U+000D>");
        both("a\u{a0}b\u{2800}\u{e0041}\u{ad}", "a<U+00A0>b<U+2800><U+E0041><U+00AD>");
        both("t\u{336}h\u{338} a\u{2065}b\u{e01f0}", "t<U+0336>h<U+0338> a<U+2065>b<U+E01F0>");
        both("op\u{1d159}en \u{16fe4} p\u{2d7f} \u{fffc}", "op<U+1D159>en <U+16FE4> p<U+2D7F> <U+FFFC>");
        both("a\u{1680}b\u{34f}c\u{3164}d\u{180b}e\u{378}", "a<U+1680>b<U+034F>c<U+3164>d<U+180B>e<U+0378>");
    }

    #[test]
    fn a_mark_that_makes_no_letter_is_shown_by_its_number() {
        both("shi\u{307}pped", "shi<U+0307>pped");
        both("a\u{323}\u{307}b", "a\u{323}<U+0307>b");
        both("e\u{301}\u{302}\u{303}", "e\u{301}<U+0302><U+0303>");
        both("a\u{dca} \u{301} 1\u{308}", "a<U+0DCA> <U+0301> 1<U+0308>");
        // Letters that are written in two characters.
        both(
            "Vie\u{302}\u{301}t, u\u{308}ber, \u{304b}\u{3099}",
            "Vie\u{302}\u{301}t, u\u{308}ber, \u{304b}\u{3099}",
        );
        check("u\u{308}", Look::Name, "u<U+0308>");
    }

    #[test]
    fn letters_that_look_like_others_are_told_apart() {
        both("p\u{430}yments", "p<U+0430>yments");
        both("\u{440}\u{430}\u{443}", "<U+0440><U+0430><U+0443>");
        both("\u{ff41}dmin \u{1d41a}", "<U+FF41>dmin <U+1D41A>");
        both("ısdeleted", "<U+0131>sdeleted");
        // An accent parts no word.
        both("\u{43e}\u{440}\u{435}\u{301}n", "<U+043E><U+0440><U+0435><U+0301>n");
        // Latin of another alphabet beside letters that are no Latin ones.
        both("öt\u{441}", "öt<U+0441>");
        // Greek among Cyrillic.
        both("прив\u{3b5}т", "<U+043F><U+0440><U+0438><U+0432><U+03B5><U+0442>");
    }

    #[test]
    fn letters_of_scripts_that_hardly_anybody_writes_are_told_apart() {
        for text in ["ꓳꓑꓰꓠ", "ⲞⲢⲈⲚ", "ᏢᎪᎥᎠ", "𐐄𐐑𐐇", "𐓂𐓄", "𐌏𐌐𐌄", "ᴏᴘᴇɴ", "ᑭᗪ", "ꛘ"]
        {
            let every: String = text.chars().map(|c| format!("<{}>", code(c))).collect();
            both(text, &every);
        }
    }

    #[test]
    fn signs_that_look_like_plain_ones_are_told_apart() {
        both("a\u{2010}b a\u{2011}b a\u{2212}b", "a<U+2010>b a<U+2011>b a<U+2212>b");
        both("open\u{2032} ca\u{1c0}\u{1c0} a\u{2024}b", "open<U+2032> ca<U+01C0><U+01C0> a<U+2024>b");
        both("open\u{2bc} or \u{ff07}", "open<U+02BC> or <U+FF07>");
        // What keyboards make of quotes and dashes is prose, and nothing that plain ones are equal to.
        check("“it’s” – done…", Look::Prose, "“it’s” – done…");
        check("it\u{2019}s \u{2013}", Look::Value, "it<U+2019>s <U+2013>");
    }

    #[test]
    fn what_people_write_in_their_languages_is_left_as_it_is() {
        for text in [
            "Größe, café, naïve, œuvre, það, ære, Łódź, Việt Nam, İstanbul, əlifba",
            "привет мир, здравствуйте, подъезд ещё",
            "顧客を消す 顧客ID ノート 고객ID 客戶",
            "شكرا مُحَمَّد",
            "עברית שָׁלוֹם",
            "γειά σου, ευχαριστώ",
            "नमस्ते दुनिया, হ্যালো, வணக்கம், తెలుగు, ಕನ್ನಡ, മലയാളം",
            "สวัสดีชาวโลก ភាសាខ្មែរ မြန်မာစာ ქართული հայերեն አማርኛ",
            "12 € ≤ 5 °C · ½ → ✓ 👍 🎉",
        ] {
            check(text, Look::Prose, text);
        }
        check("Größe", Look::Value, "Größe");
        check("Größe", Look::Name, "Gr<U+00F6><U+00DF>e");
        check("a “b”", Look::Code, "a <U+201C>b<U+201D>");
    }

    #[test]
    fn gaps_are_closed_and_counted_wherever_they_stand() {
        check(&format!("'{}' or 1", "\n".repeat(590)), Look::Value, "'<… 590 line ends …>↵' or 1");
        check(&format!("\"{}\"", "\n\t ".repeat(3)), Look::Name, "\"<… 3 line ends …>↵\"");
        check("'a\nb\n\nc'", Look::Value, "'a↵b↵↵c'");
        check(&format!("a{}b", " ".repeat(590)), Look::Value, "a<… 590 blanks …>b");
        check(&format!("a{}b", "\t".repeat(7)), Look::Prose, "a<… 28 blanks …>b");
        check(&format!("a{}b", "\n".repeat(3000)), Look::Prose, "a<… 2999 empty lines …>\nb");
        check("a\n\nb\n  c\td", Look::Prose, "a\n\nb\n  c\td");
        check("a\n\n\nb", Look::Code, "a\n\n\nb");
    }

    #[test]
    fn what_is_told_in_a_line_hides_nothing_and_nobody_writes_our_frame() {
        assert_eq!(told("b\u{202e}ot-\u{430}", Look::Name), "b⟦U+202E⟧ot-⟦U+0430⟧");
        assert_eq!(told("claude-finance", Look::Name), "claude-finance");
        assert_eq!(told("a\n\tb", Look::Prose), "a↵ b");
        assert_eq!(told(&"\n".repeat(9), Look::Value), "⟦… 9 line ends …⟧↵");
        assert_eq!(told("⟦… 9 blanks …⟧", Look::Prose), "⟦U+27E6⟧… 9 blanks …⟦U+27E7⟧");
    }

    proptest! {
        #[test]
        fn nothing_is_left_out(text in "[a-zа-я\\u{300}-\\u{310}\\u{202e}⟦ \\n\\t'é₂]{0,60}") {
            for look in [Look::Prose, Look::Value, Look::Name, Look::Code] {
                let mut together = String::new();
                for piece in seen(&text, look) {
                    match piece {
                        Seen::Plain(text) => together.push_str(text),
                        Seen::Odd(c, _) | Seen::Double(c, _) => together.push(c),
                        Seen::LineEnd => together.push('\n'),
                        Seen::Gap(_) => {}
                    }
                }
                let bare = |text: &str| text.replace([' ', '\t', '\n'], "");
                prop_assert_eq!(bare(&together), bare(&text));
                prop_assert!(!told(&text, look).contains('\n'));
            }
        }
    }
}
