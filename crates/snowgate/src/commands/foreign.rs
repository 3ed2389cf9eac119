//! Texts that somebody else chose, on a terminal: each of their lines stands behind a mark of ours, and is broken where the
//! terminal would break it, so that none of it passes for what we say.

use std::io::Write;

use legible::{Look, Part, Seen};
use sql::Mark;

/// What stands before each line of a text that somebody else chose; no line of ours begins with it.
const MARK: &str = "┆ ";

/// What stands before what does not fit into a line of ours.
const GOES_ON: &str = "  … ";

/// Columns that a writer which puts branches of a tree before each line needs for them.
const BRANCHES: usize = 9;

/// Columns where nobody says how many there are, and at least and at most.
const COLUMNS: usize = 80;
const FEWEST: usize = 20;
const MOST: usize = 200;

/// A text in prose, `before` and our mark before each of its lines.
pub fn write_foreign(out: &mut impl Write, before: &str, text: &str) -> std::io::Result<()> {
    write_lines(out, before, &prose(text), usize::MAX)
}

/// Its head: so many lines, and how many more there are.
pub fn write_head(out: &mut impl Write, before: &str, text: &str, lines: usize) -> std::io::Result<()> {
    write_lines(out, before, &prose(text), lines)
}

/// The text of a statement likewise; comments too long to see past are counted.
pub fn write_statement(out: &mut impl Write, before: &str, text: &str) -> std::io::Result<()> {
    write_lines(out, before, &statement(text), usize::MAX)
}

/// The head of a statement.
pub fn write_statement_head(
    out: &mut impl Write,
    before: &str,
    text: &str,
    lines: usize,
) -> std::io::Result<()> {
    write_lines(out, before, &statement(text), lines)
}

/// A line of ours in which others' words stand ([`one_line`], [`named`]): what does not fit goes on behind a mark that is not
/// theirs.
pub fn write_line(out: &mut impl Write, before: &str, line: &str) -> std::io::Result<()> {
    write_within(out, before, line, columns(before))
}

/// The same where branches of a tree are put before each line.
pub fn write_tree_line(out: &mut impl Write, before: &str, line: &str) -> std::io::Result<()> {
    write_within(out, before, line, columns(before).saturating_sub(BRANCHES))
}

fn write_within(out: &mut impl Write, before: &str, line: &str, width: usize) -> std::io::Result<()> {
    let width = width.saturating_sub(GOES_ON.chars().count());
    let mut lines = broken(line, width).into_iter();
    writeln!(out, "{before}{}", lines.next().unwrap_or_default().trim_end())?;
    lines.try_for_each(|line| writeln!(out, "{before}{GOES_ON}{}", line.trim_end()))
}

/// Somebody else's words among ours: in one line, whatever would hide in them by its number.
pub fn one_line(text: &str) -> String {
    legible::told(text, Look::Value)
}

/// A name among our words: nothing outside of ASCII goes unseen.
pub fn named(text: &str) -> String {
    legible::told(text, Look::Name)
}

/// A name that others choose, among our words: one that is no word stands in a frame that cannot be theirs.
// SECURITY: some issuers let agents choose their names, and a sentence in one would be read as ours.
fn chosen(name: &str) -> String {
    let is_word = !name.is_empty() && name.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if is_word { named(name) } else { format!("⟦{}⟧", named(name)) }
}

/// Who asks, and for whom.
pub fn whoever(agent: &str, person: Option<&str>) -> String {
    match person {
        Some(person) => format!("{} for {}", chosen(agent), chosen(person)),
        None => chosen(agent),
    }
}

fn write_lines(out: &mut impl Write, before: &str, text: &str, most: usize) -> std::io::Result<()> {
    let width = columns(before).saturating_sub(BRANCHES).saturating_sub(MARK.chars().count());
    let lines: Vec<String> = text.split('\n').flat_map(|line| broken(line, width)).collect();
    lines.iter().take(most).try_for_each(|line| writeln!(out, "{before}{MARK}{line}"))?;
    match lines.len().checked_sub(most) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "{before}(and {} more)", super::counted(more as u64, "line")),
    }
}

/// Columns for what stands behind `before`.
fn columns(before: &str) -> usize {
    let columns = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0));
    let columns = columns.clamp(FEWEST, MOST);
    columns.saturating_sub(before.chars().count())
}

fn prose(text: &str) -> String {
    let mut drawn = String::with_capacity(text.len());
    draw(&mut drawn, legible::seen(text, Look::Prose), Direction::AsItIs);
    drawn
}

fn statement(text: &str) -> String {
    let mut drawn = String::with_capacity(text.len());
    for part in legible::statement(text).parts {
        match (&part, part.summary()) {
            (Part::Folded(Mark::Comment, ..), Some(summary)) => {
                drawn.push_str(&framed(&format!("{summary}; --json has it")));
            }
            // Everything else that may be folded is part of what runs, and nothing here can be opened.
            _ => draw(&mut drawn, part.seen(), Direction::LeftToRight),
        }
    }
    drawn
}

/// Whether letters may be drawn from the right to the left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// As the terminal does.
    AsItIs,
    /// Never: what is written so is told by its numbers, for a terminal may exchange it with the code around it.
    LeftToRight,
}

fn draw(drawn: &mut String, pieces: Vec<Seen<'_>>, direction: Direction) {
    for piece in pieces {
        match piece {
            Seen::Plain(text) => text.chars().for_each(|c| match c {
                '\t' => drawn.push_str("    "),
                // Nobody else writes our frame.
                '⟦' | '⟧' => drawn.push_str(&framed(&legible::code(c))),
                c if direction == Direction::LeftToRight && is_from_the_right(c) => {
                    drawn.push_str(&framed(&legible::code(c)));
                }
                c => drawn.push(c),
            }),
            Seen::Odd(c, _) | Seen::Double(c, _) => drawn.push_str(&framed(&legible::code(c))),
            Seen::LineEnd => drawn.push_str("↵\n"),
            Seen::Gap(closed) => drawn.push_str(&framed(&closed)),
        }
    }
}

fn framed(ours: &str) -> String {
    format!("⟦{ours}⟧")
}

/// Letters of scripts that are written from the right to the left.
fn is_from_the_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// A line in pieces of at most so many columns, broken behind a blank where one is near.
fn broken(line: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let (mut lines, mut current, mut used) = (Vec::new(), String::new(), 0_usize);
    // Where `current` may be broken: its bytes and its columns up to there.
    let mut blank = (0_usize, 0_usize);
    for c in line.chars() {
        // No terminal gives a character more than two columns; what it gives one to is broken a little early.
        let wide = if c.is_ascii() { 1 } else { 2 };
        if used.saturating_add(wide) > width {
            let (at, columns) = if blank.1 > width / 2 { blank } else { (current.len(), used) };
            let rest = current.split_off(at);
            lines.push(std::mem::replace(&mut current, rest));
            used = used.saturating_sub(columns);
            blank = (0, 0);
        }
        current.push(c);
        used = used.saturating_add(wide);
        if c == ' ' {
            blank = (current.len(), used);
        }
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Every line stands behind our mark, and fits into the narrowest terminal that is asked.
    #[track_caller]
    fn is_behind_our_mark(told: &str, before: &str) {
        for line in told.lines() {
            assert!(line.starts_with(&format!("{before}┆ ")), "{line:?} in {told}");
            let columns: usize =
                line.chars().map(|c| if c.is_ascii() || "┆│".contains(c) { 1 } else { 2 }).sum();
            assert!(columns <= MOST, "{line:?}");
        }
    }

    #[test]
    fn no_line_of_others_begins_like_one_of_ours() {
        let forged = format!(
            "clean up\n    under role ANALYST\r\n{}exactly this would run:\n0000  waiting\n\n├─ ── x/1 ──  P4",
            " ".repeat(76)
        );
        let told = written(|out| write_foreign(out, "      ", &forged));
        is_behind_our_mark(&told, "      ");
        assert!(told.contains("⟦… 76 blanks …⟧exactly this"), "{told}");
        let sql = format!(
            "delete from t /* {} */ where s = 'x{}\n    under role X' or 1 = 1",
            "y".repeat(500),
            " ".repeat(9)
        );
        let told = written(|out| write_statement(out, "    ", &sql));
        is_behind_our_mark(&told, "    ");
        assert!(told.contains("⟦comment of 506 characters; --json has it⟧"), "{told}");
        assert!(told.contains("↵\n    ┆     under role X' or 1 = 1\n"), "{told}");
    }

    #[test]
    fn what_is_too_wide_goes_on_behind_a_mark_and_ours_behind_another() {
        let long = "a word and ".repeat(90);
        is_behind_our_mark(&written(|out| write_foreign(out, "  ", &long)), "  ");
        is_behind_our_mark(&written(|out| write_foreign(out, "", &"x".repeat(5000))), "");
        let line = format!("changes DEMO.\"{}    under role ANALYST\"", "x".repeat(300));
        let told = written(|out| write_line(out, "    ", &line));
        let (first, rest) = told.split_once('\n').unwrap();
        assert!(first.starts_with("    changes DEMO."), "{told}");
        assert!(rest.lines().all(|line| line.starts_with("      … ")), "{told}");
        let bare: String = told
            .lines()
            .map(|line| line.strip_prefix("      … ").unwrap_or(line.trim_start_matches(' ')))
            .collect();
        assert_eq!(bare, line, "nothing is left out");
        let told = written(|out| write_line(out, "    ", &"who decides ".repeat(30)));
        assert!(told.lines().all(|line| !line.ends_with(' ') && !line.contains('┆')), "{told}");
    }

    #[test]
    fn a_line_is_broken_behind_a_blank_or_where_it_must_be() {
        assert_eq!(broken("delete from orders where", 14), ["delete from ", "orders where"]);
        assert_eq!(broken("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(broken("", 10), [""]);
        assert_eq!(broken("顧客顧客", 4), ["顧客", "顧客"]);
    }

    #[test]
    fn what_hides_or_turns_is_told_by_its_number() {
        let told = written(|out| write_foreign(out, "", "a\u{1b}[31m\u{202e}b ⟦U+0000⟧ p\u{430}y"));
        assert_eq!(told, "┆ a⟦U+001B⟧[31m⟦U+202E⟧b ⟦U+27E6⟧U+0000⟦U+27E7⟧ p⟦U+0430⟧y\n");
        let told = written(|out| write_statement(out, "", "select 'שלום', 'shi\u{307}p', '\u{2010}'"));
        assert!(
            told.starts_with("┆ select '⟦U+05E9⟧")
                && told.contains("shi⟦U+0307⟧p")
                && told.contains("'⟦U+2010⟧'"),
            "{told}"
        );
        assert_eq!(one_line("a\nb\u{7}"), "a↵b⟦U+0007⟧");
        assert_eq!(named("Größe"), "Gr⟦U+00F6⟧⟦U+00DF⟧e");
    }

    #[test]
    fn a_head_says_how_much_more_there_is() {
        let told = written(|out| write_head(out, "  ", &"x\n".repeat(30), 3));
        assert_eq!(told, "  ┆ x\n  ┆ x\n  ┆ x\n  (and 28 lines more)\n");
        let told = written(|out| write_statement_head(out, "  ", "select 1", 3));
        assert_eq!(told, "  ┆ select 1\n");
    }
}
