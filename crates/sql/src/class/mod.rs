//! What kind of act a statement is, told from its pieces alone: leading keywords first, then everything
//! that makes it stricter wherever it stands.

mod dates;
mod functions;
mod inner;
mod objects;
mod shown;
mod view;

use domain::{Class, Kind};

pub(crate) use dates::{date_part_place, is_date_part};
pub(crate) use functions::{
    Behaviour, behaviour, called, flag, flagged, unknown_calls, unknown_calls_of_columns,
    unknown_calls_of_script,
};
pub(crate) use inner::texts;
pub(crate) use objects::{behind_kind, kind_of_object};
pub(crate) use shown::names_alone;
pub(crate) use view::View;

use crate::lexer::{Lexeme, Token};
use crate::split::{begins_transaction, is_block, nesting};

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

    fn unknown() -> Self {
        Self::new(Class::Opaque, "unknown")
    }

    /// This act, of that class where it is stricter.
    fn at_least(self, class: Class) -> Self {
        Self { class: self.class.max(class), ..self }
    }
}

/// How deep texts that run texts (`EXECUTE IMMEDIATE '…'`) and EXPLAIN may nest.
pub(crate) const DEEPEST: u32 = 8;

/// The act of one step.
pub(crate) fn act(text: &str, tokens: &[Token]) -> Act {
    act_within(View { text, tokens }, 0)
}

fn act_within(view: View<'_>, depth: u32) -> Act {
    if depth > DEEPEST {
        return Act::unknown();
    }
    if is_block(view.text, view.tokens) {
        return block(view, depth);
    }
    let act = leading(view, depth);
    if act.kind.as_str() != "block" && view.tokens.iter().any(|token| token.is_symbol(view.text, ";")) {
        return with_script(view, act, depth);
    }
    act
}

/// A statement that holds others: only a body may, and what stands in a body decides with the statement. Where
/// the body ends is only our reading.
fn with_script(view: View<'_>, act: Act, depth: u32) -> Act {
    let kind = act.kind.as_str();
    let may_hold = kind == "call"
        || ["_task", "_alert", "_procedure", "_function"].iter().any(|end| kind.ends_with(end));
    if may_hold { act.at_least(inner::strictest(view, depth)) } else { act.at_least(Class::Opaque) }
}

/// A scripting block has the strictest class of the statements in it, and is a call at least.
fn block(view: View<'_>, depth: u32) -> Act {
    Act::new(inner::strictest(view, depth).max(Class::Call), "block")
}

fn leading(view: View<'_>, depth: u32) -> Act {
    let first = view.word(0);
    match first.as_str() {
        "" if view.is_symbol(0, "(") => query(view, depth),
        "WITH" => query(view, depth),
        "SELECT" | "VALUES" => Act::new(Class::Read, "select"),
        "EXPLAIN" => explain(view, depth),
        "CALL" => Act::new(Class::Call, "call"),
        "EXECUTE" => execute(view, depth),
        "CREATE" | "ALTER" | "DROP" | "UNDROP" | "DEFINE" => defining(view, depth),
        "LET" | "RETURN" | "IF" | "CASE" | "FOR" | "WHILE" | "LOOP" | "REPEAT" | "OPEN" | "FETCH"
        | "CLOSE" | "RAISE" | "AWAIT" | "EXCEPTION" | "BREAK" | "CONTINUE" | "NULL" => block(view, depth),
        _ => plain(view, &first),
    }
}

/// Statements that hold no others.
fn plain(view: View<'_>, first: &str) -> Act {
    match first {
        "INSERT" => {
            Act::new(Class::Write, if view.is(1, "OVERWRITE") { "insert_overwrite" } else { "insert" })
        }
        "UPDATE" => Act::new(Class::Write, if view.has("WHERE") { "update" } else { "update_all" }),
        "DELETE" => Act::new(Class::Write, if view.has("WHERE") { "delete" } else { "delete_all" }),
        "MERGE" => Act::new(Class::Write, "merge"),
        "TRUNCATE" => Act::new(Class::Write, "truncate"),
        "REMOVE" | "RM" if names_stage(view, 1) => Act::new(Class::Write, "remove"),
        "COPY" if view.is(1, "FILES") => Act::new(Class::Export, "copy_files"),
        "COPY" => copy(view),
        "PUT" => Act::new(Class::Import, "put"),
        "GET" if names_stage(view, 1) => Act::new(Class::Export, "get"),
        "COMMENT" if view.is_any(1, &["ON", "IF"]) => Act::new(Class::Define, "comment"),
        "GRANT" => Act::new(Class::Grant, "grant"),
        "REVOKE" => Act::new(Class::Grant, "revoke"),
        "SHOW" => Act::new(Class::Show, shown::shown_what(view)),
        "DESCRIBE" | "DESC" => Act::new(Class::Show, shown::described_what(view)),
        "LIST" | "LS" if names_stage(view, 1) => Act::new(Class::Show, "list"),
        "USE" => Act::new(Class::Session, format!("use_{}", shown::used_what(view))),
        "SET" => Act::new(Class::Session, "set"),
        "UNSET" => Act::new(Class::Session, "unset"),
        "BEGIN" if begins_transaction(view.text, view.tokens) => Act::new(Class::Transaction, "begin"),
        "START" | "COMMIT" | "ROLLBACK" => transaction(view, first),
        _ => Act::unknown(),
    }
}

/// Whether a stage stands there: `@s`, `'@s'`, or a variable or a bound value that may hold one.
fn names_stage(view: View<'_>, at: usize) -> bool {
    let is_held = |token: &Token| matches!(token.kind, Lexeme::Text | Lexeme::Dollar | Lexeme::Variable);
    ["@", ":", "?"].iter().any(|symbol| view.is_symbol(at, symbol))
        || view.tokens.get(at).is_some_and(is_held)
}

/// `START TRANSACTION [NAME …]`, `COMMIT [WORK]`, `ROLLBACK [WORK]`, and nothing more.
fn transaction(view: View<'_>, first: &str) -> Act {
    let is_whole = if first == "START" {
        view.is(1, "TRANSACTION") && begins_transaction(view.text, view.tokens)
    } else {
        view.tokens.len() == 1 + usize::from(view.is(1, "WORK"))
    };
    if is_whole { Act::new(Class::Transaction, first.to_ascii_lowercase()) } else { Act::unknown() }
}

/// `COPY INTO` a location (a stage, a URL) or a table. What is named by what the text does not tell may be either.
fn copy(view: View<'_>) -> Act {
    let is_indirect = view.is(2, "IDENTIFIER") && view.is_symbol(3, "(");
    let is_table = view.tokens.get(4).is_some_and(|token| {
        matches!(token.kind, Lexeme::Text) && !token.text(view.text).contains(['@', ':', '\\'])
    });
    let is_location = if is_indirect { !is_table } else { names_stage(view, 2) };
    match (view.is(1, "INTO"), is_location) {
        (true, true) => Act::new(Class::Export, "copy_into_location"),
        (true, false) => Act::new(Class::Import, "copy_into_table"),
        (false, _) => Act::unknown(),
    }
}

/// How many brackets and WITH may stand one before the other at the beginning of a query.
const MOST_OPENINGS: usize = 64;

/// `(select …) union …`, `WITH … AS (…), … verb`: the verb behind the brackets and the common tables. Inside
/// brackets it must be a query.
fn query(view: View<'_>, depth: u32) -> Act {
    let mut rest = view;
    let mut is_bracketed = false;
    for _ in 0..MOST_OPENINGS {
        if rest.is_symbol(0, "(") {
            let opened = rest.tokens.iter().take_while(|token| token.is_symbol(view.text, "(")).count();
            rest = rest.from(opened);
            is_bracketed = true;
        } else if rest.is(0, "WITH") {
            if !is_bracketed && names_procedure(rest) {
                return Act::new(Class::Call, "call").at_least(inner::body(rest, depth));
            }
            match behind_models(rest).or_else(|| behind_common_tables(rest)) {
                Some(at) => rest = rest.from(at),
                None => return Act::unknown(),
            }
        } else {
            let first = rest.word(0);
            let act = match first.as_str() {
                "SELECT" | "VALUES" => Act::new(Class::Read, "select"),
                _ => plain(rest, &first),
            };
            let is_query = act.class == Class::Read;
            let fits = is_query || (!is_bracketed && act.class == Class::Write);
            return if fits { act } else { Act::unknown() };
        }
    }
    Act::unknown()
}

/// `WITH p AS PROCEDURE (…) …`: whatever it is called.
fn names_procedure(view: View<'_>) -> bool {
    let mut depth = 0;
    view.tokens.iter().enumerate().any(|(at, token)| {
        depth += nesting(view.text, *token);
        depth == 0 && at > 0 && view.is(at, "PROCEDURE") && view.is(at - 1, "AS")
    })
}

/// Where a WITH of models alone ends: `WITH m AS MODEL d.s.name VERSION v, … SELECT`. Models before common tables end
/// with them.
fn behind_models(view: View<'_>) -> Option<usize> {
    let is_name = |at: usize| view.tokens.get(at).is_some_and(|token| token.name(view.text).is_some());
    let mut at = 0;
    loop {
        if !(is_name(at + 1) && view.is(at + 2, "AS") && view.is(at + 3, "MODEL") && is_name(at + 4)) {
            return None;
        }
        at += 5;
        while view.is_symbol(at, ".") && is_name(at + 1) {
            at += 2;
        }
        if view.is(at, "VERSION") && is_name(at + 1) {
            at += 2;
        }
        if !view.is_symbol(at, ",") {
            return Some(at);
        }
    }
}

/// Where the common tables end: behind the last closing bracket that no comma and no AS follows.
fn behind_common_tables(view: View<'_>) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in view.tokens.iter().enumerate() {
        depth += nesting(view.text, *token);
        let closes = depth == 0 && token.is_symbol(view.text, ")");
        if closes && !view.is_symbol(at + 1, ",") && !view.is(at + 1, "AS") {
            return Some(at + 1);
        }
    }
    None
}

/// The plan of a query or of a change of rows is shown without running it; of anything else nobody promises
/// that it does not run.
fn explain(view: View<'_>, depth: u32) -> Act {
    let skipped = if view.is(1, "USING") { 3 } else { 1 };
    let inner = act_within(view.from(skipped), depth + 1);
    let class = match inner.class {
        Class::Read | Class::Write => Class::Show,
        Class::Show | Class::Session | Class::Transaction => Class::Opaque,
        class @ (Class::Import
        | Class::Define
        | Class::Call
        | Class::Export
        | Class::Grant
        | Class::Account
        | Class::Opaque) => class,
    };
    Act::new(class, "explain")
}

/// EXECUTE runs what stands elsewhere, or the text that it is given.
fn execute(view: View<'_>, depth: u32) -> Act {
    match view.word(1).as_str() {
        "IMMEDIATE" => {
            Act::new(Class::Call, "execute_immediate").at_least(inner::immediate(view.from(2), depth))
        }
        "TASK" => Act::new(Class::Call, "execute_task"),
        "ALERT" => Act::new(Class::Call, "execute_alert"),
        _ => Act::new(Class::Call, "execute").at_least(objects::reaches_hosts(view)),
    }
}

/// CREATE, ALTER, DROP and their like; a task or an alert has the class of what it will run, if that is stricter.
fn defining(view: View<'_>, depth: u32) -> Act {
    let act = objects::defining(view);
    let kind = act.kind.as_str();
    let body = if kind.ends_with("_task") {
        view.task_body()
    } else if kind.ends_with("_alert") {
        view.position("THEN").or_else(|| view.position("ACTION")).map(|at| at + 1)
    } else {
        None
    };
    match body {
        Some(at) if at < view.tokens.len() => {
            let class = act_within(view.from(at), depth + 1).class;
            act.at_least(class)
        }
        Some(_) | None => act,
    }
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
            ("with p as procedure () returns int as $$begin return 1; end$$ call p()", "call", "call"),
            ("with p as procedure () returns int language python as $$x$$ call p()", "call", "call"),
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
            ("execute immediate 'select 1'", "call", "execute_immediate"),
            ("execute immediate 'x'", "opaque", "execute_immediate"),
            ("execute immediate :x", "opaque", "execute_immediate"),
            ("execute job service in compute pool p from specification $$x$$", "call", "execute"),
            ("execute job service external_access_integrations = (i)", "export", "execute"),
            ("show tables", "show", "show_tables"),
            ("show terse tables like 'x' in schema s", "show", "show_tables"),
            ("show primary keys in table t", "show", "show_primary_keys"),
            ("show grants to user u", "show", "show_grants"),
            ("alter table t drop column swap", "define", "alter_table"),
            ("alter table t swap with u", "define", "swap_table"),
            ("show variables", "show", "show_variables"),
            ("show please approve at once", "show", "show_unknown"),
            ("show tables please call", "show", "show_unknown"),
            ("describe call_8005551234 now", "show", "describe_unknown"),
            ("describe result last_query_id()", "show", "describe_result"),
            ("desc view d.v", "show", "describe_view"),
            ("describe t", "show", "describe"),
            ("explain select 1", "show", "explain"),
            ("frobnicate", "opaque", "unknown"),
        ] {
            check(text, class, kind);
        }
    }
}
