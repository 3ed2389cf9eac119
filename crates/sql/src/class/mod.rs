//! What kind of act a statement is, told from its pieces alone: leading keywords first, then everything
//! that makes it stricter wherever it stands.

mod dates;
mod functions;
mod objects;

use domain::{Class, FlaggedFunction, Kind};

pub(crate) use dates::{date_part_place, is_date_part};
pub(crate) use functions::{Behaviour, behaviour, flag};

use crate::lexer::{Lexeme, Token, decode_quoted};
use crate::split::{is_block, nesting};

/// The act, as the pieces tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Act {
    pub class: Class,
    pub kind: Kind,
}

impl Act {
    fn new(class: Class, kind: impl Into<String>) -> Self {
        Self { class, kind: Kind::new(kind) }
    }
}

/// The act of one step.
pub(crate) fn act(text: &str, tokens: &[Token]) -> Act {
    let view = View { text, tokens };
    if is_block(text, tokens) {
        return block(view);
    }
    leading(view)
}

/// Every call in the pieces to a function that is more than a calculation.
pub(crate) fn flagged(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let name = match token.kind {
            Lexeme::Word => token.text(text).to_ascii_uppercase(),
            Lexeme::Quoted => decode_quoted(token.text(text)).to_ascii_uppercase(),
            Lexeme::Text
            | Lexeme::Dollar
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable
            | Lexeme::Symbol
            | Lexeme::Space
            | Lexeme::Comment => continue,
        };
        let is_called = tokens.get(at + 1).is_some_and(|next| next.is_symbol(text, "("));
        let is_cortex = ["CORTEX", "ML"].contains(&name.as_str())
            && tokens.get(at + 1).is_some_and(|next| next.is_symbol(text, "."));
        if is_cortex && at >= 2 {
            found.push(FlaggedFunction { name: "SNOWFLAKE.CORTEX".to_owned(), class: Class::Export });
        } else if is_called && let Some(class) = flag(&name) {
            found.push(FlaggedFunction { name, class });
        }
    }
    found
}

/// Pieces with the questions that classifying asks.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub text: &'a str,
    pub tokens: &'a [Token],
}

impl<'a> View<'a> {
    pub(crate) fn from(self, at: usize) -> Self {
        Self { tokens: self.tokens.get(at..).unwrap_or(&[]), ..self }
    }

    /// The upper-case keyword at that place; empty when there is none.
    pub(crate) fn word(self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(token) if token.kind == Lexeme::Word => token.text(self.text).to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    pub(crate) fn is(self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text, word))
    }

    pub(crate) fn is_symbol(self, at: usize, symbol: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// Whether the keyword stands anywhere outside brackets.
    pub(crate) fn has(self, word: &str) -> bool {
        self.position(word).is_some()
    }

    /// The first place of the keyword outside brackets.
    pub(crate) fn position(self, word: &str) -> Option<usize> {
        let mut depth = 0;
        self.tokens.iter().position(|token| {
            depth += nesting(self.text, *token);
            depth == 0 && token.is_word(self.text, word)
        })
    }
}

fn leading(view: View<'_>) -> Act {
    let first = view.word(0);
    match first.as_str() {
        "" if view.is_symbol(0, "(") => bracketed(view),
        "SELECT" | "VALUES" => Act::new(Class::Read, "select"),
        "WITH" => with(view),
        "INSERT" => {
            Act::new(Class::Write, if view.is(1, "OVERWRITE") { "insert_overwrite" } else { "insert" })
        }
        "UPDATE" => Act::new(Class::Write, if view.has("WHERE") { "update" } else { "update_all" }),
        "DELETE" => Act::new(Class::Write, if view.has("WHERE") { "delete" } else { "delete_all" }),
        "MERGE" => Act::new(Class::Write, "merge"),
        "TRUNCATE" => Act::new(Class::Write, "truncate"),
        "REMOVE" | "RM" => Act::new(Class::Write, "remove"),
        "COPY" if view.is(1, "FILES") => Act::new(Class::Export, "copy_files"),
        "COPY" => copy(view),
        "PUT" => Act::new(Class::Import, "put"),
        "GET" => Act::new(Class::Export, "get"),
        "CREATE" | "ALTER" | "DROP" | "UNDROP" | "DEFINE" => objects::defining(view),
        "COMMENT" => Act::new(Class::Define, "comment"),
        "GRANT" => Act::new(Class::Grant, "grant"),
        "REVOKE" => Act::new(Class::Grant, "revoke"),
        "SHOW" => Act::new(Class::Show, shown_what(view)),
        "DESCRIBE" | "DESC" => Act::new(Class::Show, described_what(view)),
        "LIST" | "LS" => Act::new(Class::Show, "list"),
        "EXPLAIN" => Act::new(Class::Show, "explain"),
        "USE" => Act::new(Class::Session, format!("use_{}", use_what(view))),
        "SET" => Act::new(Class::Session, "set"),
        "UNSET" => Act::new(Class::Session, "unset"),
        "BEGIN" | "START" | "COMMIT" | "ROLLBACK" => Act::new(Class::Transaction, first.to_ascii_lowercase()),
        "CALL" => Act::new(Class::Call, "call"),
        "EXECUTE" => Act::new(Class::Call, execute_what(view)),
        "LET" | "RETURN" | "IF" | "CASE" | "FOR" | "WHILE" | "LOOP" | "REPEAT" | "OPEN" | "FETCH"
        | "CLOSE" | "RAISE" | "AWAIT" | "EXCEPTION" | "BREAK" | "CONTINUE" | "NULL" => block(view),
        _ => Act::new(Class::Opaque, "unknown"),
    }
}

/// `(select …) union …`: what stands inside the brackets, and it must be a query.
fn bracketed(view: View<'_>) -> Act {
    let opened = view.tokens.iter().take_while(|token| token.is_symbol(view.text, "(")).count();
    let inner = leading(view.from(opened));
    if inner.class == Class::Read { inner } else { Act::new(Class::Opaque, "unknown") }
}

/// `WITH … AS (…), … verb`: the verb after the last of the queries.
fn with(view: View<'_>) -> Act {
    if ["PROCEDURE"].iter().any(|word| view.has(word)) {
        return Act::new(Class::Call, "call");
    }
    let mut depth = 0;
    let mut is_after_bracket = false;
    for (at, token) in view.tokens.iter().enumerate().skip(1) {
        depth += nesting(view.text, *token);
        if depth == 0 && is_after_bracket && token.kind == Lexeme::Word && !view.is(at, "AS") {
            return leading(view.from(at));
        }
        is_after_bracket =
            depth == 0 && (token.is_symbol(view.text, ")") || (is_after_bracket && view.is_symbol(at, "(")));
        if depth == 0 && token.is_symbol(view.text, ")") && view.is_symbol(at + 1, "(") {
            return leading(view.from(at + 1));
        }
    }
    Act::new(Class::Opaque, "unknown")
}

/// `COPY INTO` a location (a stage, a URL) or a table.
fn copy(view: View<'_>) -> Act {
    let is_location = view.is_symbol(2, "@")
        || view.tokens.get(2).is_some_and(|token| matches!(token.kind, Lexeme::Text | Lexeme::Dollar));
    match (view.is(1, "INTO"), is_location) {
        (true, true) => Act::new(Class::Export, "copy_into_location"),
        (true, false) => Act::new(Class::Import, "copy_into_table"),
        (false, _) => Act::new(Class::Opaque, "unknown"),
    }
}

fn use_what(view: View<'_>) -> &'static str {
    match view.word(1).as_str() {
        "ROLE" => "role",
        "WAREHOUSE" => "warehouse",
        "SCHEMA" => "schema",
        "SECONDARY" => "secondary_roles",
        _ => "database",
    }
}

/// `show_tables`, `show_primary_keys` …: the words up to the first that begins a clause.
fn shown_what(view: View<'_>) -> String {
    let first = if view.is(1, "TERSE") { 2 } else { 1 };
    let ends = ["LIKE", "IN", "STARTS", "LIMIT", "HISTORY", "ON", "TO", "OF", "FOR", "FROM", "WITH"];
    (first..first + 3)
        .map(|at| view.word(at))
        .take_while(|word| !word.is_empty() && !ends.contains(&word.as_str()))
        .fold("show".to_owned(), |kind, word| format!("{kind}_{}", word.to_ascii_lowercase()))
}

/// `describe_table` …; `describe` where a name follows alone.
fn described_what(view: View<'_>) -> String {
    let word = view.word(1);
    let is_name =
        word.is_empty() || view.tokens.len() == 2 || view.is_symbol(2, ".") || view.is_symbol(2, "(");
    if is_name { "describe".to_owned() } else { format!("describe_{}", word.to_ascii_lowercase()) }
}

fn execute_what(view: View<'_>) -> &'static str {
    match view.word(1).as_str() {
        "IMMEDIATE" => "execute_immediate",
        "TASK" => "execute_task",
        "ALERT" => "execute_alert",
        _ => "execute",
    }
}

/// How many statements a block may have: each is looked through to the end of the text.
const MOST_INNER: usize = 128;

/// A scripting block has the strictest class of the statements in it, and is a call at least.
fn block(view: View<'_>) -> Act {
    let starts = view.tokens.iter().filter(|token| token.is_symbol(view.text, ";")).count();
    if starts > MOST_INNER {
        return Act::new(Class::Opaque, "block");
    }
    let class = inner_acts(view).into_iter().map(|act| act.class).max().unwrap_or(Class::Call);
    Act::new(class.max(Class::Call), "block")
}

/// The acts of the statements inside a block: whatever follows `;`, `BEGIN`, `THEN`, `ELSE`, `DO`, `LOOP`.
pub(crate) fn inner_acts(view: View<'_>) -> Vec<Act> {
    let mut acts = Vec::new();
    for at in 0..view.tokens.len() {
        let starts = view.is_symbol(at, ";")
            || ["BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT"].iter().any(|word| view.is(at, word));
        if !starts {
            continue;
        }
        let inner = view.from(at + 1);
        let known = [
            "SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "REMOVE", "RM", "COPY",
            "PUT", "GET", "CREATE", "ALTER", "DROP", "UNDROP", "COMMENT", "GRANT", "REVOKE", "CALL",
            "EXECUTE", "USE", "SET", "UNSET",
        ];
        if known.iter().any(|word| inner.is(0, word)) {
            acts.push(leading(inner));
        }
    }
    acts
}

#[cfg(test)]
mod tests {
    use super::act;
    use crate::lexer::significant;

    #[track_caller]
    fn check(text: &str, class: &str, kind: &str) {
        let act = act(text, &significant(text).unwrap());
        assert_eq!((act.class.as_str(), act.kind.as_str()), (class, kind), "{text}");
    }

    #[test]
    fn the_leading_words_tell_the_act() {
        for (text, class, kind) in [
            ("select 1", "read", "select"),
            ("((select 1) union select 2)", "read", "select"),
            ("(delete from t)", "opaque", "unknown"),
            ("with a as (select 1) select * from a", "read", "select"),
            ("with a(x) as (select 1), b as (select 2) insert into t select 1", "write", "insert"),
            ("with p as procedure () returns int as $$x$$ call p()", "call", "call"),
            ("insert overwrite into t select 1", "write", "insert_overwrite"),
            ("update t set a = 1", "write", "update_all"),
            ("update t set a = (select 1 where 2) where b", "write", "update"),
            ("delete from t", "write", "delete_all"),
            ("copy into @s from t", "export", "copy_into_location"),
            ("copy into 's3://b' from t", "export", "copy_into_location"),
            ("copy into t from @s", "import", "copy_into_table"),
            ("get @s file:///x", "export", "get"),
            ("put file://x @s", "import", "put"),
            ("grant select on t to role r", "grant", "grant"),
            ("use role r", "session", "use_role"),
            ("alter session set query_tag = 'x'", "account", "alter_session"),
            ("alter session set timezone = 'x'", "session", "alter_session"),
            ("alter session set timezone = 'x' query_tag = 'y'", "account", "alter_session"),
            ("alter session set multi_statement_count = 0", "account", "alter_session"),
            ("begin", "transaction", "begin"),
            ("begin transaction", "transaction", "begin"),
            ("begin delete from t; end", "call", "block"),
            ("begin grant x to y; end", "grant", "block"),
            ("declare x int; begin copy into @s from t; end", "export", "block"),
            ("call p()", "call", "call"),
            ("execute immediate 'x'", "call", "execute_immediate"),
            ("show tables", "show", "show_tables"),
            ("show terse tables like 'x' in schema s", "show", "show_tables"),
            ("show primary keys in table t", "show", "show_primary_keys"),
            ("show grants to user u", "show", "show_grants"),
            ("show variables", "show", "show_variables"),
            ("desc view d.v", "show", "describe_view"),
            ("describe t", "show", "describe"),
            ("explain select 1", "show", "explain"),
            ("frobnicate", "opaque", "unknown"),
        ] {
            check(text, class, kind);
        }
    }
}
