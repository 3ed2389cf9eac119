//! A text cut into pieces for people to read, every character of it kept.

use crate::lexer::{Lexeme, Lexer};

/// What a piece of a text is to whoever reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mark {
    /// Blanks, tabs and line ends.
    Space,
    /// A comment with its marks.
    Comment,
    /// An unquoted name or a keyword.
    Word,
    /// `"…"`.
    QuotedName,
    /// `'…'`, `$$…$$` or `x'…'`.
    Text,
    /// A number.
    Number,
    /// `$name` or `$1`.
    Variable,
    /// An operator or a bracket.
    Symbol,
    /// Everything from the first character on that cannot be read with certainty.
    Unreadable,
}

/// The pieces of a text, in order. Together they are the text: nothing is left out, changed or added.
///
/// ```
/// let pieces = sql::marks("delete from t -- gone");
/// assert_eq!(pieces[0], (sql::Mark::Word, "delete"));
/// assert_eq!(pieces.last(), Some(&(sql::Mark::Comment, "-- gone")));
/// assert_eq!(pieces.iter().map(|(_, piece)| *piece).collect::<String>(), "delete from t -- gone");
/// ```
pub fn marks(text: &str) -> Vec<(Mark, &str)> {
    let mut pieces = Vec::new();
    let mut lexer = Lexer::new(text);
    while let Some(piece) = lexer.next() {
        match piece {
            Ok(token) => pieces.push((mark(token.kind), token.text(text))),
            Err(_) => {
                pieces.push((Mark::Unreadable, text.get(lexer.position()..).unwrap_or("")));
                break;
            }
        }
    }
    pieces
}

const fn mark(lexeme: Lexeme) -> Mark {
    match lexeme {
        Lexeme::Space => Mark::Space,
        Lexeme::Comment => Mark::Comment,
        Lexeme::Word => Mark::Word,
        Lexeme::Quoted => Mark::QuotedName,
        Lexeme::Text | Lexeme::Dollar | Lexeme::Hex => Mark::Text,
        Lexeme::Number => Mark::Number,
        Lexeme::Variable => Mark::Variable,
        Lexeme::Symbol => Mark::Symbol,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_cannot_be_cut_is_kept_from_there_on() {
        let pieces = marks("drop table \u{202e}t; select 1");
        assert_eq!(pieces.last(), Some(&(Mark::Unreadable, "\u{202e}t; select 1")));
        assert_eq!(marks("'it''s' $$a$$ $v").iter().filter(|(mark, _)| *mark == Mark::Text).count(), 2);
        assert!(marks("").is_empty());
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in "[ -~\\n\\u{430}\\u{202e}]{0,80}") {
            let together: String = marks(&text).iter().map(|(_, piece)| *piece).collect();
            prop_assert_eq!(together, text);
        }
    }
}
