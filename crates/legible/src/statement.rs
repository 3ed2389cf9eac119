//! The whole text of what would run, piece by piece as the gateway's own lexer cuts it: what would push the rest of it out of
//! sight is folded or closed, and said.

use sql::Mark;

use crate::character::Look;
use crate::seen::{Seen, seen, within};

/// Comments with more characters or lines are folded, so that what stands behind them is seen; so are those that follow one
/// another, counted together.
const LONG_COMMENT: usize = 160;
const TALL_COMMENT: usize = 4;
const LONG_COMMENTS: usize = 320;
const TALL_COMMENTS: usize = 8;

/// Characters and lines of comments that stand open in a whole text; all later ones are folded.
const OPEN_COMMENTS: usize = 1200;
const OPEN_COMMENT_LINES: usize = 24;

/// A string, a name or any other one piece with more characters is folded, and a string or name with more lines: more where
/// `$$` says that it is code.
const LONG_PIECE: usize = 600;
const TALL_PIECE: usize = 6;
const TALL_CODE: usize = 24;

/// Lines of strings and names that stand open in a whole text; later ones of several lines are folded.
const OPEN_LINES: usize = 40;

/// Empty lines between pieces that stand open in a whole text; later ones are closed.
const OPEN_EMPTY_LINES: usize = 60;

/// A text with more characters or lines is said to be long.
const LONG_TEXT: usize = 6000;
const TALL_TEXT: usize = 80;

/// A part of a text as it is shown; together the parts are the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// Blanks and line ends, of which so many in a row may stand open.
    Space(&'a str, usize),
    /// One piece.
    Piece(Mark, &'a str),
    /// What is folded, with how many comments it is; 1 for a string or name.
    Folded(Mark, &'a str, usize),
}

impl<'a> Part<'a> {
    /// It in pieces that may be shown.
    pub fn seen(&self) -> Vec<Seen<'a>> {
        match *self {
            Self::Space(text, line_ends) => within(text, Look::Code, line_ends),
            Self::Piece(mark, text) | Self::Folded(mark, text, _) => seen(text, look(mark)),
        }
    }

    /// What is folded, in words: `comment of 406 characters, 3 lines`.
    pub fn summary(&self) -> Option<String> {
        let Self::Folded(mark, text, count) = self else { return None };
        let what = match mark {
            Mark::Comment if *count > 1 => format!("{count} comments"),
            Mark::Comment => "comment".to_owned(),
            Mark::Text => "text".to_owned(),
            Mark::Number => "number".to_owned(),
            Mark::QuotedName | Mark::Word | Mark::Variable => "name".to_owned(),
            Mark::Space | Mark::Symbol | Mark::Unreadable => "piece".to_owned(),
        };
        let lines = text.lines().count();
        let lines = if lines > 1 { format!(", {lines} lines") } else { String::new() };
        Some(format!("{what} of {} characters{lines}", text.chars().count()))
    }
}

/// How a piece of SQL is looked at.
pub const fn look(mark: Mark) -> Look {
    match mark {
        Mark::Comment => Look::Prose,
        Mark::Text => Look::Value,
        Mark::QuotedName => Look::Name,
        Mark::Space | Mark::Word | Mark::Number | Mark::Variable | Mark::Symbol | Mark::Unreadable => {
            Look::Code
        }
    }
}

/// A text as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement<'a> {
    /// In order.
    pub parts: Vec<Part<'a>>,
    /// Sentences that somebody who reads it must know before they do.
    pub warnings: Vec<String>,
}

/// The parts of a text, and what must be said of it first.
pub fn statement(text: &str) -> Statement<'_> {
    let pieces = sql::marks(text);
    let parts = parts(text, &pieces);
    let warnings = warnings(text, &pieces, &parts);
    Statement { parts, warnings }
}

/// What stands open so far.
#[derive(Default)]
struct Open {
    comments: usize,
    comment_lines: usize,
    lines: usize,
    empty_lines: usize,
}

fn parts<'a>(text: &'a str, pieces: &[(Mark, &'a str)]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut open = Open::default();
    let mut rest = pieces;
    let mut at = 0_usize;
    while let Some(((mark, piece), behind)) = rest.split_first() {
        let (taken, part) = match mark {
            Mark::Comment => open.comments(text, at, rest),
            Mark::Space => (1, open.space(piece)),
            Mark::Text | Mark::QuotedName => (1, open.value(*mark, piece)),
            Mark::Word | Mark::Number | Mark::Variable | Mark::Symbol
                if piece.chars().count() > LONG_PIECE =>
            {
                (1, Part::Folded(*mark, piece, 1))
            }
            Mark::Word | Mark::Number | Mark::Variable | Mark::Symbol | Mark::Unreadable => {
                (1, Part::Piece(*mark, piece))
            }
        };
        let (done, left) = rest.split_at_checked(taken).unwrap_or((rest, behind));
        at = done.iter().fold(at, |at, (_, piece)| at.saturating_add(piece.len()));
        rest = left;
        parts.push(part);
    }
    parts
}

impl Open {
    /// A comment that stands at byte `at`, with those that follow it when they are folded together.
    fn comments<'a>(&mut self, text: &'a str, at: usize, rest: &[(Mark, &'a str)]) -> (usize, Part<'a>) {
        let (mut pieces, mut comments, mut end) = (0, 0_usize, at);
        let mut length = at;
        for (taken, (mark, piece)) in (1..).zip(rest) {
            length = length.saturating_add(piece.len());
            match mark {
                Mark::Comment => {
                    comments = comments.saturating_add(1);
                    (pieces, end) = (taken, length);
                }
                Mark::Space => {}
                Mark::Word
                | Mark::QuotedName
                | Mark::Text
                | Mark::Number
                | Mark::Variable
                | Mark::Symbol
                | Mark::Unreadable => break,
            }
        }
        let together = text.get(at..end).unwrap_or_default();
        let first = rest.first().map_or("", |(_, piece)| piece);
        let size = |text: &str| (text.chars().count(), text.lines().count());
        let ((long, tall), (all_long, all_tall)) = (size(first), size(together));
        let is_one = long > LONG_COMMENT || tall > TALL_COMMENT;
        let is_many = all_long > LONG_COMMENTS || all_tall > TALL_COMMENTS;
        let (open, lines) = (self.comments.saturating_add(long), self.comment_lines.saturating_add(tall));
        if is_one || is_many || open > OPEN_COMMENTS || lines > OPEN_COMMENT_LINES {
            return (pieces, Part::Folded(Mark::Comment, together, comments));
        }
        (self.comments, self.comment_lines) = (open, lines);
        (1, Part::Piece(Mark::Comment, first))
    }

    fn space<'a>(&mut self, piece: &'a str) -> Part<'a> {
        const AS_PEOPLE_LEAVE_IT: usize = 3;
        let empty = piece.matches('\n').count().saturating_sub(1);
        let open = self.empty_lines.saturating_add(empty);
        if open > OPEN_EMPTY_LINES {
            return Part::Space(piece, 1);
        }
        if empty < AS_PEOPLE_LEAVE_IT {
            self.empty_lines = open;
        }
        Part::Space(piece, AS_PEOPLE_LEAVE_IT)
    }

    fn value<'a>(&mut self, mark: Mark, piece: &'a str) -> Part<'a> {
        let ends = |piece: &Seen<'_>| matches!(piece, Seen::LineEnd);
        // What closes gaps does not count: a string of line ends is one line.
        let lines =
            if piece.contains('\n') { seen(piece, look(mark)).iter().filter(|p| ends(p)).count() } else { 0 };
        let open = self.lines.saturating_add(lines);
        let tall = if piece.starts_with("$$") { TALL_CODE } else { TALL_PIECE };
        let is_tall = lines >= tall || (lines > 0 && open > OPEN_LINES);
        if piece.chars().count() > LONG_PIECE && !is_gaps(piece) || is_tall {
            return Part::Folded(mark, piece, 1);
        }
        self.lines = open;
        Part::Piece(mark, piece)
    }
}

/// Whether a string is long by its blanks and line ends, which are closed.
fn is_gaps(piece: &str) -> bool {
    piece.chars().filter(|c| !c.is_whitespace()).count() <= LONG_PIECE / 2 && shown(piece) <= LONG_PIECE
}

/// About how many characters are shown of a string.
fn shown(piece: &str) -> usize {
    let length = |piece: Seen<'_>| match piece {
        Seen::Plain(text) => text.chars().count(),
        Seen::Odd(..) | Seen::Double(..) => 8,
        Seen::LineEnd => 1,
        Seen::Gap(closed) => closed.len(),
    };
    seen(piece, Look::Value).into_iter().map(length).sum()
}

fn warnings(text: &str, pieces: &[(Mark, &str)], parts: &[Part<'_>]) -> Vec<String> {
    let mut warnings = Vec::new();
    let (mut odd, mut is_closed) = (0_usize, false);
    for part in parts {
        // What is folded is closed inside, too, and said to be folded.
        let is_open = !matches!(part, Part::Folded(..));
        for piece in part.seen() {
            match piece {
                Seen::Odd(..) | Seen::Double(..) => odd = odd.saturating_add(1),
                Seen::Gap(_) => is_closed |= is_open,
                Seen::Plain(_) | Seen::LineEnd => {}
            }
        }
    }
    if odd > 0 {
        let characters = if odd == 1 { "character is" } else { "characters are" };
        warnings.push(format!(
            "{odd} {characters} not what they may look like, or would not be seen: each is marked with its number."
        ));
    }
    if let Some((_, rest)) = pieces.iter().find(|(mark, _)| *mark == Mark::Unreadable) {
        let read = text.len().saturating_sub(rest.len());
        let from = text.get(..read).unwrap_or_default().chars().count().saturating_add(1);
        warnings.push(format!("From its character {from} on the text cannot be read with certainty."));
    }
    let folded = |part: &&Part<'_>, is_comment: bool| match part {
        Part::Folded(mark, ..) => (*mark == Mark::Comment) == is_comment,
        Part::Space(..) | Part::Piece(..) => false,
    };
    match parts.iter().filter(|part| folded(part, true)).count() {
        0 => {}
        1 => warnings.push("A long comment is folded. The statement goes on behind.".to_owned()),
        _ => warnings.push("Long comments are folded. The statement goes on behind.".to_owned()),
    }
    match parts.iter().filter(|part| folded(part, false)).count() {
        0 => {}
        1 => warnings.push(
            "A long text or name is folded. What it holds is part of the statement, and may be code: open it."
                .to_owned(),
        ),
        _ => warnings.push(
            "Long texts or names are folded. What they hold is part of the statement, and may be code: open them."
                .to_owned(),
        ),
    }
    if is_closed {
        warnings.push("The text has large gaps, which are closed here. It goes on behind them.".to_owned());
    }
    let (long, tall) = (text.chars().count(), text.lines().count());
    if long > LONG_TEXT || tall > TALL_TEXT {
        warnings.push(format!(
            "The text is long: {long} characters, {tall} lines. What it does may stand anywhere in it."
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text as whoever reads it sees it, folded parts by their summaries.
    fn drawn(text: &str) -> String {
        let parts = statement(text).parts;
        let drawn = parts.iter().map(|part| match part.summary() {
            Some(summary) => format!("<{summary}>"),
            None => part.seen().into_iter().fold(String::new(), |drawn, piece| match piece {
                Seen::Plain(text) => drawn + text,
                Seen::Odd(c, _) | Seen::Double(c, _) => drawn + "<" + &crate::code(c) + ">",
                Seen::LineEnd => drawn + "↵\n",
                Seen::Gap(closed) => drawn + "<" + &closed + ">",
            }),
        });
        drawn.collect()
    }

    /// What decides stands within so many lines of what is shown.
    #[track_caller]
    fn shows(text: &str, what: &str, lines: usize) {
        let drawn = drawn(text);
        let before = drawn.split(what).next().unwrap();
        assert!(before.len() < drawn.len(), "{what} is not shown: {drawn}");
        assert!(before.lines().count() <= lines && before.len() <= lines * 100, "{drawn}");
        assert!(!statement(text).warnings.is_empty(), "nothing is said of {text:?}");
    }

    #[test]
    fn a_plain_statement_is_shown_as_it_stands() {
        let text = "-- tidy up\n-- as asked\ndelete from demo.public.orders /* old */\n\nwhere \"status\" = 'gone\nfor good'";
        assert_eq!(drawn(text), text.replace("gone\n", "gone↵\n"));
        assert_eq!(statement(text).warnings, Vec::<String>::new());
    }

    #[test]
    fn nothing_inside_of_a_text_pushes_the_rest_of_it_away() {
        let line_ends = "\n".repeat(590);
        shows(&format!("delete from t where s = '{line_ends}' or id > -5"), "or id", 3);
        let six = [line_ends.as_str(); 6].join("','");
        shows(&format!("delete from t where s in ('{six}') or id > -5"), "or id", 10);
        shows(&format!("select 1 as \"{}\", id from t", "\n".repeat(3000)), "id from", 3);
        shows(&format!("delete from t where s = '{}' or id > -5", " ".repeat(590)), "or id", 2);
        shows(&format!("delete from t where s = '{}' or id > -5", "x\n".repeat(90)), "or id", 2);
        shows(&format!("delete from t where s = '{}' or id > -5", "\u{200b}\n".repeat(90)), "or id", 2);
        let many = vec!["x\nx\nx\nx"; 200].join("','");
        shows(&format!("delete from t where s in ('{many}') or id > -5"), "or id", 100);
        shows(&format!("delete from t where n < 1.{} or id > -5", "0".repeat(90_000)), "or id", 2);
    }

    #[test]
    fn comments_are_counted_together() {
        let small = "/* \n\n\n*/ ".repeat(300);
        shows(&format!("delete from t where id = 1 {small} or id > -5"), "or id", 3);
        let small = format!("/*{}*/ ", "m".repeat(150)).repeat(100);
        shows(&format!("delete from t where id = 1 {small} or id > -5"), "or id", 3);
        let small = "-- x\n".repeat(300);
        shows(&format!("delete from t where id = 1 {small} or id > -5"), "or id", 3);
        // With something between each.
        let small = "/* \n\n\n*/ + 0 ".repeat(100);
        shows(&format!("delete from t where id = 1 {small} or id > -5"), "or id", 60);
        assert_eq!(
            drawn(&format!("select 1 /* {} */; drop table t", "x".repeat(400))),
            "select 1 <comment of 406 characters>; drop table t"
        );
        assert!(drawn(&"-- x\n".repeat(40)).starts_with("<40 comments of "));
    }

    #[test]
    fn empty_lines_are_closed_one_by_one_and_in_all() {
        let gap = "\n".repeat(90);
        shows(&format!("select 1;{gap}drop table t"), "drop", 3);
        shows(&format!("select 1;{}drop table t", " ".repeat(300)), "drop", 2);
        let spread = "id\n\n\n+ ".repeat(200);
        shows(&format!("delete from t where {spread} 1 > 0 or id > -5"), "or id", 300);
        assert!(drawn(&format!("select 1;{gap}drop table t")).contains("<… 89 empty lines …>\ndrop"));
    }

    #[test]
    fn a_trick_on_the_reader_is_said() {
        let has = |text: &str, word: &str| {
            let warnings = statement(text).warnings;
            assert!(warnings.iter().any(|warning| warning.contains(word)), "{text:?}: {warnings:?}");
        };
        has("drop table t /* \u{202e} */", "1 character is not what");
        has("select 'p\u{430}y'", "1 character is");
        has("select 1 \u{202e} from t", "From its character 10 on");
        has(&format!("select 1 /* {} */; drop table t", "x".repeat(400)), "long comment is folded");
        has(&format!("select 1;{}drop table t", "\n".repeat(90)), "large gaps");
        has(&format!("select '{}'", "x".repeat(900)), "may be code");
        has(&format!("select 1 {}", "+ 1 ".repeat(9000)), "The text is long");
    }

    proptest! {
        #[test]
        fn the_parts_are_the_text(text in "([ -~\\n\\u{430}\\u{202e}]|/\\*|\\*/|--|'){0,80}") {
            let together: String = statement(&text).parts.iter().map(|part| match part {
                Part::Space(text, _) | Part::Piece(_, text) | Part::Folded(_, text, _) => *text,
            }).collect();
            prop_assert_eq!(together, text);
        }
    }
}
