//! Asking for access: a text of Snowgate's own, which never reaches the warehouse.
//!
//! ```text
//! REQUEST ACCESS TO [[database.]schema.]name | [database.]schema.*
//!     FOR '2h' | UNTIL '2026-11-26T18:00:00Z'
//!     BECAUSE 'why'
//! ```

use std::time::Duration;

use domain::{AccessEnd, AccessRequest, AccessTo, Context, ObjectName};

use crate::lexer::{Lexeme, Lexer, Token, decode_string, significant};

/// Bytes of such a text at most.
const LONGEST: usize = 4 * 1024;

/// Characters of an identifier at most (Snowflake's "Identifier requirements").
pub(crate) const LONGEST_NAME: usize = 255;

/// Characters of a reason at most.
const LONGEST_REASON: usize = 500;

/// How it is asked for, as far as a wrong text needs to be told.
const FORM: &str = "access is asked for by: request access to DATABASE.SCHEMA.TABLE (or DATABASE.SCHEMA.*) for '2h' \
                    (or until '2026-11-26T18:00:00Z') because 'why'";

/// What a text asks access to; none where it asks for something else, and then it is read as any statement. What begins like
/// one and is none is told in words of this program.
///
/// Names without a database or schema are completed from the context, as in a statement. Names in quotes are not taken: what
/// is asked for is told by mail, and whoever asks would write what a quoted name says.
///
/// ```
/// let context = domain::Context { database: Some("DEMO".into()), ..Default::default() };
/// let asked = sql::access_request("request access to sales.* for '2h' because 'the report'", &context);
/// assert_eq!(asked.unwrap().unwrap().to.to_string(), "DEMO.SALES.*");
/// assert_eq!(sql::access_request("select 1", &context), None);
/// ```
pub fn access_request(text: &str, context: &Context) -> Option<Result<AccessRequest, &'static str>> {
    let matters = |token: &Token| !matches!(token.kind, Lexeme::Space | Lexeme::Comment);
    let mut head = Lexer::new(text).map_while(Result::ok).filter(matters);
    let begins = head.next()?.is_word(text, "REQUEST") && head.next()?.is_word(text, "ACCESS");
    if !begins {
        return None;
    }
    if text.len() > LONGEST {
        return Some(Err("this request for access is too long"));
    }
    Some(match significant(text) {
        Ok(tokens) => read(&mut Pieces { text, tokens: &tokens }, context),
        Err(_) => Err(FORM),
    })
}

fn read(pieces: &mut Pieces<'_>, context: &Context) -> Result<AccessRequest, &'static str> {
    for word in ["REQUEST", "ACCESS", "TO"] {
        pieces.word(word)?;
    }
    let to = object(pieces, context)?;
    let end = end(pieces)?;
    pieces.word("BECAUSE")?;
    let why = pieces.string()?;
    let why = why.trim();
    if why.is_empty() || why.chars().count() > LONGEST_REASON {
        return Err("a request for access says why, in at most 500 characters: … because 'why'");
    }
    let _ = pieces.take(|token, text| token.is_symbol(text, ";"));
    if pieces.tokens.is_empty() { Ok(AccessRequest { to, end, why: why.to_owned() }) } else { Err(FORM) }
}

fn object(pieces: &mut Pieces<'_>, context: &Context) -> Result<AccessTo, &'static str> {
    let mut names = vec![pieces.name()?];
    let mut is_all = false;
    while pieces.take(|token, text| token.is_symbol(text, ".")).is_some() {
        if pieces.take(|token, text| token.is_symbol(text, "*")).is_some() {
            is_all = true;
            break;
        }
        names.push(pieces.name()?);
    }
    let database = || context.database.clone().ok_or("name the database: DATABASE.SCHEMA.TABLE");
    let schema = || context.schema.clone().ok_or("name the schema: DATABASE.SCHEMA.TABLE");
    Ok(match (is_all, <[String; 1]>::try_from(names)) {
        (true, Ok([schema])) => AccessTo::Schema { database: plain(database()?)?, schema },
        (false, Ok([name])) => {
            AccessTo::Object(ObjectName::new(plain(database()?)?, plain(schema()?)?, name))
        }
        (is_all, Err(names)) => match (is_all, <[String; 2]>::try_from(names)) {
            (true, Ok([database, schema])) => AccessTo::Schema { database, schema },
            (false, Ok([schema, name])) => {
                AccessTo::Object(ObjectName::new(plain(database()?)?, schema, name))
            }
            (is_all, Err(names)) => match (is_all, <[String; 3]>::try_from(names)) {
                (false, Ok([database, schema, name])) => {
                    AccessTo::Object(ObjectName::new(database, schema, name))
                }
                (_, _) => return Err(FORM),
            },
        },
    })
}

/// A stored name, where nobody needs to quote it, and as long as Snowflake has any.
fn plain(name: String) -> Result<String, &'static str> {
    match domain::identifier(&name) == name.as_str() {
        true if name.len() <= LONGEST_NAME => Ok(name),
        true => Err("a name has 255 characters at most"),
        false => Err(QUOTED),
    }
}

const QUOTED: &str = "access is asked for by plain names, without quotes";

fn end(pieces: &mut Pieces<'_>) -> Result<AccessEnd, &'static str> {
    if pieces.take(|token, text| token.is_word(text, "UNTIL")).is_some() {
        let moment = pieces.string()?.parse();
        return moment
            .map(AccessEnd::At)
            .map_err(|_| "the end is a moment with its offset: until '2026-11-26T18:00:00Z'");
    }
    pieces.word("FOR")?;
    let wait = duration(&pieces.string()?);
    wait.map(AccessEnd::After).ok_or("the time is written like for '30m', '2h' or '1d'")
}

/// `30m`, `2h` or `1d`; a year at most, which every bundle's own bound lies below.
fn duration(text: &str) -> Option<Duration> {
    let (at, unit) = text.char_indices().next_back()?;
    let digits = text.get(..at)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|count| is_number && *count > 0)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    count.checked_mul(seconds).filter(|seconds| *seconds <= 366 * 86_400).map(Duration::from_secs)
}

/// What is left of the text.
struct Pieces<'a> {
    text: &'a str,
    tokens: &'a [Token],
}

impl Pieces<'_> {
    /// The next piece, where it is such a one.
    fn take(&mut self, is: impl Fn(Token, &str) -> bool) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        if !is(*first, self.text) {
            return None;
        }
        self.tokens = rest;
        Some(*first)
    }

    fn word(&mut self, word: &str) -> Result<(), &'static str> {
        self.take(|token, text| token.is_word(text, word)).map(|_| ()).ok_or(FORM)
    }

    /// A plain name, as Snowflake stores it.
    fn name(&mut self) -> Result<String, &'static str> {
        if self.tokens.first().is_some_and(|token| token.kind == Lexeme::Quoted) {
            return Err(QUOTED);
        }
        let token = self.take(|token, _| token.kind == Lexeme::Word).ok_or(FORM)?;
        plain(token.name(self.text).ok_or(FORM)?)
    }

    /// A string in single quotes, without a backslash.
    fn string(&mut self) -> Result<String, &'static str> {
        let is_plain =
            |token: Token, text: &str| token.kind == Lexeme::Text && !token.text(text).contains('\\');
        self.take(is_plain).map(|token| decode_string(token.text(self.text))).ok_or(FORM)
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn context() -> Context {
        Context { database: Some("DEMO".into()), schema: Some("PUBLIC".into()), ..Context::default() }
    }

    fn asked(text: &str) -> Result<AccessRequest, &'static str> {
        access_request(text, &context()).expect("it asks for something else")
    }

    #[test]
    fn what_is_asked_for_is_read_and_completed_from_the_context() {
        for (to, expected) in [
            ("hr.people.salaries", "HR.PEOPLE.SALARIES"),
            ("people.salaries", "DEMO.PEOPLE.SALARIES"),
            ("salaries", "DEMO.PUBLIC.SALARIES"),
            ("hr.people.*", "HR.PEOPLE.*"),
            ("People . *", "DEMO.PEOPLE.*"),
        ] {
            let read = asked(&format!("Request /* please */ ACCESS to {to} for '2h' because 'it''s due';"));
            let read = read.unwrap();
            assert_eq!((read.to.to_string().as_str(), read.why.as_str()), (expected, "it's due"), "{to}");
            assert_eq!(read.end, AccessEnd::After(Duration::from_secs(7200)));
        }
        let until = asked("request access to t until '2026-11-26T18:00:00+01:00' because 'x'").unwrap();
        let moment: Timestamp = "2026-11-26T17:00:00Z".parse().unwrap();
        assert_eq!(until.end, AccessEnd::At(moment));
    }

    #[test]
    fn what_is_no_such_request_is_told_and_never_guessed() {
        for text in [
            "request access",
            "request access to",
            "request access to t",
            "request access to t for '2h'",
            "request access to t for 2h because 'x'",
            "request access to t for '0h' because 'x'",
            "request access to t for '-1h' because 'x'",
            "request access to t for '+1h' because 'x'",
            "request access to t for '2 h' because 'x'",
            "request access to t for '9999999999999999999d' because 'x'",
            "request access to t for '367d' because 'x'",
            "request access to t until '18:00' because 'x'",
            "request access to t until '2026-11-26' because 'x'",
            "request access to t until 'tomorrow' because 'x'",
            "request access to t for '2h' because ''",
            "request access to t for '2h' because $$x$$",
            "request access to t for '2h' because 'a\\'b'",
            "request access to * for '2h' because 'x'",
            "request access to d.*.* for '2h' because 'x'",
            "request access to d.s.t.* for '2h' because 'x'",
            "request access to a.b.c.d for '2h' because 'x'",
            "request access to d.s.% for '2h' because 'x'",
            "request access to \"t\" for '2h' because 'x'",
            "request access to d.\"s\".t for '2h' because 'x'",
            "request access to t for '2h' because 'x' and more",
            "request access to t for '2h' because 'x'; select 1",
            "request access to t for '2h' because 'x",
            "request access to t, u for '2h' because 'x'",
        ] {
            assert!(asked(text).is_err(), "{text}");
        }
        let long = format!("request access to t for '2h' because '{}'", "x".repeat(501));
        assert!(asked(&long).is_err());
        let named = |length: usize| {
            asked(&format!("request access to s.{} for '2h' because 'x'", "X".repeat(length)))
        };
        assert!(named(LONGEST_NAME).is_ok() && named(LONGEST_NAME + 1).is_err());
        let odd =
            Context { database: Some("odd name".into()), schema: Some("S".into()), ..Context::default() };
        assert!(access_request("request access to t for '2h' because 'x'", &odd).unwrap().is_err());
        assert!(
            access_request("request access to t for '2h' because 'x'", &Context::default()).unwrap().is_err()
        );
    }

    #[test]
    fn any_other_text_is_none_of_it() {
        for text in
            ["", "request", "select 1", "request accessible", "'request' access to t", "-- request access"]
        {
            assert_eq!(access_request(text, &context()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_granted_is_a_plain_name(rest in "[ -~]{0,60}") {
            if let Some(Ok(read)) = access_request(&format!("request access to {rest} for '2h' because 'x'"), &context()) {
                prop_assert!(!read.to.to_string().contains(['"', ' ']));
            }
        }
    }
}
