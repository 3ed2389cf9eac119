//! The whole text of what would run: coloured by the pieces that the gateway's own lexer cuts, nothing left out, nothing hidden.

use legible::Part;
use maud::{Markup, html};
use sql::Mark;

use super::seen;

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
    legible::statement(text).warnings
}

/// The text.
pub fn shown(text: &str) -> Markup {
    html! {
        div.sql dir="ltr" translate="no" {
            @for part in legible::statement(text).parts { (one(part)) }
        }
    }
}

fn one(part: Part<'_>) -> Markup {
    let drawn = seen::drawn(part.seen());
    match part {
        Part::Space(..) => drawn,
        Part::Piece(mark, piece) => html! { span class=(class(mark, piece)) { (drawn) } },
        Part::Folded(mark, piece, _) => html! {
            details class=(class(mark, piece)) {
                @if let Some(summary) = part.summary() { summary { (summary) } }
                (drawn)
            }
        },
    }
}

fn class(mark: Mark, piece: &str) -> &'static str {
    match mark {
        Mark::Space => "space",
        Mark::Comment => "comment",
        Mark::Word if is_one_of(ACTS, piece) => "act",
        Mark::Word if is_one_of(KEYWORDS, piece) => "keyword",
        Mark::Word => "word",
        Mark::QuotedName => "name",
        Mark::Text => "text",
        Mark::Number => "number",
        Mark::Variable => "variable",
        Mark::Symbol => "symbol",
        Mark::Unreadable => "unreadable",
    }
}

fn is_one_of(words: &[&str], piece: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(piece))
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
    fn what_is_folded_or_closed_is_counted_on_the_page() {
        let html = shown(&format!("select 1;{}drop table t", "\n".repeat(90))).into_string();
        assert!(html.contains("89 empty lines") && html.contains("drop"), "{html}");
        let html = shown(&format!("select 1 /* {} */; drop table t", "x".repeat(400))).into_string();
        assert!(html.contains("<summary>comment of 406 characters</summary>"), "{html}");
        // No text inside of the statement takes the page away from what stands behind it.
        for inside in ["\n".repeat(590), "\u{200b}\n".repeat(590), "x\n".repeat(90), "\t".repeat(5000)] {
            for text in [
                format!("delete from t where s = '{inside}' or id > -5"),
                format!("delete from t where \"{inside}\" = 1 or id > -5"),
                format!("delete from t where id = 1 /*{inside}*/ or id > -5"),
            ] {
                let html = shown(&text).into_string();
                assert!(html.contains("<summary>") || html.contains("class=\"gap\""), "{html}");
                let open = html.split("<details").map(|part| part.rsplit("</details>").next().unwrap());
                let lines: usize = open.map(|part| part.matches('\n').count()).sum();
                assert!(lines < 5, "{lines} lines: {html}");
                assert!(!warnings(&text).is_empty());
            }
        }
    }

    #[test]
    fn what_passes_for_something_else_is_marked_where_it_stands() {
        let html =
            shown("delete from t where s <> 'shi\u{307}pped' and r <> 'a\u{2010}b' -- ꓳꓑꓰꓠ").into_string();
        for code in ["U+0307", "U+2010", "U+A4F3", "U+A4E0"] {
            assert!(html.contains(code), "{code}: {html}");
        }
        assert!(!html.contains('\u{307}'), "{html}");
    }
}
