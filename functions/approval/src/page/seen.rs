//! Drawing what a text would hide: what is invisible, turns the direction of reading, looks like something else, or pushes the
//! rest away.

pub use legible::{Look, odd};
use legible::{Seen, code};
use maud::{Markup, html};

/// Pieces of one text at most, among which odd characters are marked; behind them they stand by their numbers alone.
const MOST_MARKED: usize = 4000;

/// The text with everything odd in it made visible.
pub fn shown(text: &str, look: Look) -> Markup {
    drawn(legible::seen(text, look))
}

/// The pieces of a text.
pub fn drawn(pieces: Vec<Seen<'_>>) -> Markup {
    html! {
        @for (at, piece) in pieces.into_iter().enumerate() {
            @match piece {
                Seen::Plain(text) => (text),
                // Each mark is a hundred times its character: a page must not grow with them.
                Seen::Odd(c, _) | Seen::Double(c, _) if at > MOST_MARKED => { "(" (code(c)) ")" },
                Seen::LineEnd if at > MOST_MARKED => "↵\n",
                Seen::Odd(c, what) => span.odd title=(what) { (code(c)) },
                Seen::Double(c, what) => span.odd.double title=(what) { (c) small { (code(c)) } },
                Seen::LineEnd => { span.end { "↵" } "\n" },
                Seen::Gap(closed) => span.gap { (closed) },
            }
        }
    }
}

/// A name where there is no markup, as in the title of a page: every odd character by its number.
pub fn told(name: &str) -> String {
    legible::told(name, Look::Name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_odd_characters_alone_makes_no_endless_page() {
        let page = shown(&"'\u{430}',".repeat(40_000), Look::Prose).into_string();
        assert_eq!(page.matches("U+0430").count(), 40_000, "each is told");
        assert!(page.len() < 1_000_000, "{}", page.len());
        let page = shown(&"x\n".repeat(40_000), Look::Value).into_string();
        assert_eq!(page.matches('↵').count(), 40_000);
        assert!(page.len() < 500_000, "{}", page.len());
    }

    #[test]
    fn what_is_marked_is_marked_and_stays_text() {
        let page = shown("<b>\u{202e}\n\u{430}", Look::Value).into_string();
        assert_eq!(
            page,
            "&lt;b&gt;<span class=\"odd\" title=\"turns the direction of reading\">U+202E</span>\
             <span class=\"end\">↵</span>\n<span class=\"odd double\" title=\"a letter that looks like a Latin one\">\
             \u{430}<small>U+0430</small></span>"
        );
    }
}
