//! The query of a view, out of the text that created it.

/// What stands behind the `AS` of `CREATE VIEW … AS query`; none when that cannot be found with certainty, which
/// masks everything that the view shows.
///
/// INFORMATION_SCHEMA.VIEWS keeps the whole statement, with its column list, comment, tags and policies, in which
/// `as` may stand in a string, a comment, a quoted name or between brackets; none of these is the one.
pub(super) fn query_of(text: &str) -> Option<&str> {
    let mut rest = text;
    let mut depth = 0_u32;
    let mut is_create = false;
    loop {
        let (token, tail) = next_token(rest)?;
        match token {
            Token::Open => depth = depth.checked_add(1)?,
            Token::Close => depth = depth.checked_sub(1)?,
            Token::Word(word) if !is_create => {
                if !word.eq_ignore_ascii_case("create") {
                    return None;
                }
                is_create = true;
            }
            Token::Word(word) if depth == 0 && word.eq_ignore_ascii_case("as") => {
                let query = tail.trim().trim_end_matches(';').trim_end();
                return Some(query).filter(|query| is_create && !query.is_empty());
            }
            Token::Word(_) | Token::Other => {}
        }
        rest = tail;
    }
}

enum Token<'a> {
    Word(&'a str),
    Open,
    Close,
    /// A quoted name, a string, a comment, a space or a sign.
    Other,
}

/// The first token and what follows; none at the end, or when a string or comment does not end.
fn next_token(text: &str) -> Option<(Token<'_>, &str)> {
    let first = text.chars().next()?;
    let after = text.get(first.len_utf8()..)?;
    if let Some(tail) = text.strip_prefix("--").or_else(|| text.strip_prefix("//")) {
        let (_, tail) = tail.split_once('\n')?;
        return Some((Token::Other, tail));
    }
    if let Some(tail) = text.strip_prefix("/*") {
        return Some((Token::Other, tail.split_once("*/")?.1));
    }
    if let Some(tail) = text.strip_prefix("$$") {
        return Some((Token::Other, tail.split_once("$$")?.1));
    }
    match first {
        '(' => Some((Token::Open, after)),
        ')' => Some((Token::Close, after)),
        '"' => Some((Token::Other, after.split_once('"')?.1)),
        '\'' => Some((Token::Other, after_string(after)?)),
        _ if is_word(first) => {
            let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
            let (word, tail) = text.split_at_checked(end)?;
            Some((Token::Word(word), tail))
        }
        _ => Some((Token::Other, after)),
    }
}

/// What follows a string's end; a doubled quote begins the next string at once, which comes to the same.
fn after_string(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let at = rest.find(['\'', '\\'])?;
        let (_, tail) = rest.split_at_checked(at)?;
        match tail.strip_prefix('\'') {
            Some(tail) => return Some(tail),
            None => {
                let mut escaped = tail.chars();
                escaped.next();
                escaped.next()?;
                rest = escaped.as_str();
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(query_of(text), expected, "{text}");
    }

    #[test]
    fn the_query_stands_behind_the_as_that_is_one() {
        check("create view v as select 1 as a;", Some("select 1 as a"));
        check(
            "CREATE OR REPLACE SECURE VIEW d.s.v (a, b) AS\nSELECT a, b FROM t",
            Some("SELECT a, b FROM t"),
        );
        check("create view \"as\" comment = 'as \\' it''s as' as select 1", Some("select 1"));
        check(
            "create view v (a comment 'x as y' tag (t = 'as')) /* as */ -- as\n as with c as (select 1) select * from c",
            Some("with c as (select 1) select * from c"),
        );
        check(
            "create view v comment = $$ as $$ with row access policy p on (a) as select a from t",
            Some("select a from t"),
        );
    }

    #[test]
    fn a_text_without_a_certain_query_has_none() {
        for text in [
            "",
            "select 1 as a",
            "create view v",
            "create view v as",
            "create view v as ;",
            "create view v comment = 'as select 1",
            "create view v ( as select 1",
            "create view v) as select 1",
            "/* create */ as select 1",
        ] {
            check(text, None);
        }
    }
}
