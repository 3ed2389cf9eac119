//! The whole text of what would run: coloured by the pieces that the gateway's own lexer cuts, nothing left out, nothing hidden.

use maud::{Markup, html};
use sql::Mark;

use super::seen::{self, Look};

/// A comment with more characters or lines than this is folded, so that what stands behind it is on the page.
const LONG_COMMENT: usize = 160;
const TALL_COMMENT: usize = 4;

/// A string with more characters is folded.
const LONG_TEXT: usize = 600;

/// Empty lines and blanks in a row, at most; more are counted.
const EMPTY_LINES: usize = 2;
const BLANKS: usize = 24;

/// Words that are coloured as the grammar's.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASE",
    "CLONE",
    "COMMIT",
    "CROSS",
    "DECLARE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "FILES",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IF",
    "IN",
    "INNER",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "LATERAL",
    "LEFT",
    "LIKE",
    "ILIKE",
    "LIMIT",
    "MATCHED",
    "NATURAL",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "QUALIFY",
    "RIGHT",
    "ROLLBACK",
    "SELECT",
    "SHOW",
    "TABLE",
    "THEN",
    "TO",
    "UNION",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Words that change or reach something.
const ACTS: &[&str] = &[
    "ALTER",
    "CALL",
    "COPY",
    "CREATE",
    "DELETE",
    "DROP",
    "EXECUTE",
    "GET",
    "GRANT",
    "INSERT",
    "MERGE",
    "OVERWRITE",
    "PUT",
    "REMOVE",
    "REPLACE",
    "REVOKE",
    "SET",
    "TRUNCATE",
    "UNDROP",
    "UNSET",
    "UPDATE",
    "USE",
];

/// What somebody who reads the text must know before they do.
pub fn warnings(text: &str) -> Vec<String> {
    let pieces = sql::marks(text);
    let mut warnings = Vec::new();
    let odd: usize = pieces.iter().map(|(mark, piece)| seen::odd(piece, look(*mark))).sum();
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
    let folded = pieces.iter().filter(|(mark, piece)| *mark == Mark::Comment && is_long(piece)).count();
    if folded > 0 {
        let comments = if folded == 1 { "A long comment is" } else { "Long comments are" };
        warnings.push(format!("{comments} folded. The statement goes on behind."));
    }
    let is_long_text =
        |(mark, piece): &&(Mark, &str)| *mark == Mark::Text && piece.chars().count() > LONG_TEXT;
    let texts = pieces.iter().filter(is_long_text).count();
    if texts > 0 {
        let texts = if texts == 1 { "A long text is" } else { "Long texts are" };
        warnings.push(format!(
            "{texts} folded. What it holds is part of the statement, and may be code: open it."
        ));
    }
    let is_stretched = pieces.iter().any(|(mark, piece)| *mark == Mark::Space && stretch(piece).is_some());
    if is_stretched {
        warnings.push("The text has large gaps, which are closed here. It goes on behind them.".to_owned());
    }
    warnings
}

/// The text.
pub fn shown(text: &str) -> Markup {
    html! {
        div.sql dir="ltr" translate="no" {
            @for (mark, piece) in sql::marks(text) { (one(mark, piece)) }
        }
    }
}

fn one(mark: Mark, piece: &str) -> Markup {
    match mark {
        Mark::Space => match stretch(piece) {
            Some(told) => html! { span.gap { (told) } "\n" },
            None => html! { (seen::shown(piece, Look::Code)) },
        },
        Mark::Comment if is_long(piece) => folded("comment", piece),
        Mark::Text if piece.chars().count() > LONG_TEXT => folded("text", piece),
        Mark::Word => {
            let word = piece.to_ascii_uppercase();
            let class = if ACTS.contains(&word.as_str()) {
                "act"
            } else if KEYWORDS.contains(&word.as_str()) {
                "keyword"
            } else {
                "word"
            };
            html! { span class=(class) { (piece) } }
        }
        Mark::Comment
        | Mark::QuotedName
        | Mark::Text
        | Mark::Number
        | Mark::Variable
        | Mark::Symbol
        | Mark::Unreadable => html! { span class=(class(mark)) { (seen::shown(piece, look(mark))) } },
    }
}

fn folded(what: &str, piece: &str) -> Markup {
    let lines = piece.lines().count();
    let lines = if lines > 1 { format!(", {lines} lines") } else { String::new() };
    let mark = if what == "comment" { Mark::Comment } else { Mark::Text };
    html! {
        details.(what) {
            summary { (what) " of " (piece.chars().count()) " characters" (lines) }
            (seen::shown(piece, look(mark)))
        }
    }
}

const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Space => "space",
        Mark::Comment => "comment",
        Mark::Word => "word",
        Mark::QuotedName => "name",
        Mark::Text => "text",
        Mark::Number => "number",
        Mark::Variable => "variable",
        Mark::Symbol => "symbol",
        Mark::Unreadable => "unreadable",
    }
}

const fn look(mark: Mark) -> Look {
    match mark {
        Mark::Comment | Mark::Text => Look::Prose,
        Mark::QuotedName => Look::Name,
        Mark::Space | Mark::Word | Mark::Number | Mark::Variable | Mark::Symbol | Mark::Unreadable => {
            Look::Code
        }
    }
}

fn is_long(comment: &str) -> bool {
    comment.chars().count() > LONG_COMMENT || comment.lines().count() > TALL_COMMENT
}

/// What to say in the place of a gap that would push the rest away; none where it is no wider than people leave it.
fn stretch(space: &str) -> Option<String> {
    let lines = space.matches('\n').count();
    if lines > EMPTY_LINES.saturating_add(1) {
        return Some(format!("… {} empty lines …", lines.saturating_sub(1)));
    }
    let widest = space.split('\n').map(str::len).max().unwrap_or(0);
    (widest > BLANKS).then(|| format!("… {widest} blanks …"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_text_is_on_the_page() {
        let text =
            "delete from demo.public.orders -- old\nwhere \"status\" = 'cancelled' and n > 1.5 and x = $v;";
        let html = shown(text).into_string();
        let mut bare = String::new();
        let mut is_tag = false;
        for c in html.chars() {
            match c {
                '<' => is_tag = true,
                '>' if is_tag => is_tag = false,
                c if !is_tag => bare.push(c),
                _ => {}
            }
        }
        assert_eq!(bare.replace("&quot;", "\"").replace("&gt;", ">"), text);
        assert!(html.contains("<span class=\"act\">delete</span>"), "{html}");
        assert!(warnings(text).is_empty());
    }

    #[test]
    fn markup_in_a_text_stays_text() {
        let html =
            shown("select '<script>alert(1)</script>' as \"<img src=x onerror=alert(1)>\" /* </div><b> */")
                .into_string();
        for tag in ["<script", "<img", "</div><b>", "<b>"] {
            assert!(!html.contains(tag), "{html}");
        }
    }

    #[test]
    fn a_trick_on_the_reader_is_told_of() {
        let has = |text: &str, word: &str| {
            let warnings = warnings(text);
            assert!(warnings.iter().any(|warning| warning.contains(word)), "{text:?}: {warnings:?}");
        };
        has("drop table t /* \u{202e} */", "1 character is not what");
        has("select 'p\u{430}y'", "1 character is");
        has("select 1 \u{202e} from t", "From its character 10 on");
        has(&format!("select 1 /* {} */; drop table t", "x".repeat(400)), "long comment is folded");
        has(&format!("select 1;{}drop table t", "\n".repeat(90)), "large gaps");
        has(&format!("select 1;{}drop table t", " ".repeat(300)), "large gaps");
        let html = shown(&format!("select 1;{}drop table t", "\n".repeat(90))).into_string();
        assert!(html.contains("89 empty lines") && html.contains("drop"), "{html}");
        let html = shown(&format!("select 1 /* {} */; drop table t", "x".repeat(400))).into_string();
        assert!(html.contains("<summary>comment of 406 characters</summary>"), "{html}");
    }
}
