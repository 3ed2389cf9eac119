//! The functions that the query of a definition, the body of a policy or a script calls, told from its pieces: for what
//! the parser cannot read. It names too many rather than too few.

use domain::{Class, FlaggedFunction, FunctionName};

use super::{Behaviour, behaviour, flag};
use crate::class::View;
use crate::ddl;
use crate::lexer::{Lexeme, Token};

/// Words that a bracket may follow, and that call nothing.
const NO_CALLS: [&str; 62] = [
    "ALL",
    "AND",
    "ANY",
    "AS",
    "AT",
    "BEFORE",
    "BETWEEN",
    "BY",
    "CASE",
    "CHANGES",
    "CUBE",
    "DEFINE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "FILTER",
    "FROM",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INTERSECT",
    "IS",
    "JOIN",
    "LATERAL",
    "LIKE",
    "LIMIT",
    "MATCH_CONDITION",
    "MATCH_RECOGNIZE",
    "MEASURES",
    "MINUS",
    "NOT",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OVER",
    "PATTERN",
    "PIVOT",
    "QUALIFY",
    "RENAME",
    "REPEATABLE",
    "REPLACE",
    "RESAMPLE",
    "RLIKE",
    "ROLLUP",
    "SAMPLE",
    "SEED",
    "SELECT",
    "SETS",
    "SOME",
    "TABLE",
    "TABLESAMPLE",
    "THEN",
    "UNION",
    "UNPIVOT",
    "USING",
    "VALUES",
    "WHEN",
];
/// Likewise.
const NO_CALLS_EITHER: [&str; 5] = ["WHERE", "WITH", "WITHIN", "RECURSIVE", "SUBSET"];
/// Likewise, in a script.
const NO_CALLS_OF_SCRIPTS: [&str; 14] = [
    "ASYNC",
    "ELSEIF",
    "EXCEPTION",
    "FOR",
    "IF",
    "IMMEDIATE",
    "INSERT",
    "LET",
    "RETURN",
    "RETURNS",
    "SET",
    "SWITCH",
    "UNTIL",
    "WHILE",
];
/// Likewise, in what defines a table or copies rows.
const NO_CALLS_OF_TABLES: [&str; 28] = [
    "ADD",
    "ALTER",
    "AUTOINCREMENT",
    "CHECK",
    "COLUMN",
    "COLUMNS",
    "CONTACT",
    "COPY",
    "DEFAULT",
    "DROP",
    "EQUALITY",
    "FOREIGN",
    "FULL_TEXT",
    "GEO",
    "HEADER",
    "IDENTITY",
    "INCLUDE",
    "INDEX",
    "KEY",
    "KEYS",
    "LINEAR",
    "MODIFY",
    "NVARCHAR2",
    "SET",
    "TAG",
    "TEMPLATE",
    "UNIQUE",
    "VARYING",
];
/// What EXECUTE runs that stands elsewhere.
const EXECUTED: [&str; 8] = ["TASK", "ALERT", "JOB", "SERVICE", "NOTEBOOK", "DBT", "FILE", "MANAGED"];
/// Behind these a name is written to, defined or called as a procedure, which the class of the statement tells.
const BEFORE_OTHERS: [&str; 10] =
    ["CALL", "CURSOR", "EXISTS", "FUNCTION", "INTO", "PROCEDURE", "REFERENCES", "TABLE", "UPDATE", "VIEW"];

/// Every function that `… AS SELECT …` or a policy's `… -> …` calls and nobody knows. Those that reach out of a statement are told by
/// [`super::flagged`], wherever they stand.
pub(crate) fn unknown_calls(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    let view = View { text, tokens };
    let is_query = |at: usize| view.is_any(at, &["SELECT", "WITH"]);
    let behind_brackets =
        |at: usize| (at..tokens.len()).find(|at| !view.is_symbol(*at, "(")).unwrap_or(tokens.len());
    let query = (0..tokens.len()).find(|at| view.is(*at, "AS") && is_query(behind_brackets(at + 1)));
    let body = || (0..tokens.len()).find(|at| view.is_symbol(*at, "->"));
    let Some(start) = query.or_else(body) else { return Vec::new() };
    (start + 1..tokens.len())
        .filter(|at| view.is_symbol(at + 1, "("))
        .filter_map(|at| unknown_call(view, at))
        .collect()
}

/// Every function that a block, a task, an alert or the arguments of a call call and nobody knows.
pub(crate) fn unknown_calls_of_script(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    calls_beside(View { text, tokens }, &NO_CALLS_OF_SCRIPTS)
}

/// Every function that a table's definition or a copying statement calls and nobody knows: in defaults, generated columns,
/// constraints, keys of clusters, transformations.
pub(crate) fn unknown_calls_of_columns(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    calls_beside(View { text, tokens }, &NO_CALLS_OF_TABLES)
}

/// Every function that is called wherever no such word stands before the bracket.
fn calls_beside(view: View<'_>, no_calls: &[&str]) -> Vec<FlaggedFunction> {
    let is_other = |at: usize, start: usize| {
        // Behind a dot it is somebody's own, whatever it is called.
        let is_word = at == start && (view.is_any(at, no_calls) || ddl::is_type(&view.word(at)));
        let is_named = start.checked_sub(1).is_some_and(|before| view.is_any(before, &BEFORE_OTHERS));
        is_word || is_named || is_of_stage(view, start)
    };
    (0..view.tokens.len())
        .filter(|at| view.is_symbol(at + 1, "("))
        .filter(|at| written(view, *at).is_some_and(|(start, _)| !is_other(*at, start)))
        .filter_map(|at| unknown_call(view, at))
        .collect()
}

/// How many pieces the longest path in a stage has that is looked along.
const LONGEST_PATH: usize = 64;

/// Whether the name ends a stage: `@s (file_format => f)`, `@s/path (…)`.
fn is_of_stage(view: View<'_>, start: usize) -> bool {
    let touches = |at: &usize| {
        let end = at.checked_sub(1).and_then(|before| view.tokens.get(before)).map(|token| token.end);
        end.is_some_and(|end| view.tokens.get(*at).is_some_and(|token| token.start == end))
    };
    let path = (0..=start).rev().take(LONGEST_PATH).take_while(touches);
    path.filter_map(|at| at.checked_sub(1)).any(|before| view.is_symbol(before, "@"))
}

/// What a script or a definition of a procedure at once calls or executes: each `CALL name(…)` by its name. What a task, an alert
/// or a job does stands nowhere in the text, and neither does what is called by an expression or by a body in another language.
pub(crate) fn called(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    let view = View { text, tokens };
    (0..tokens.len())
        .filter_map(|at| called_at(view, at))
        .map(|parts| FlaggedFunction { name: FunctionName::new(parts), class: Class::Call })
        .collect()
}

fn called_at(view: View<'_>, at: usize) -> Option<Vec<String>> {
    let untold = || Some(vec![FunctionName::UNTOLD.to_owned()]);
    let is_granted = at.checked_sub(1).is_some_and(|before| {
        view.is(before, "GRANT") || view.is(before, "REVOKE") || view.is_symbol(before, ",")
    });
    if view.is(at, "EXECUTE") && view.is_any(at + 1, &EXECUTED) && !is_granted {
        return untold();
    }
    if view.is(at, "LANGUAGE") && !view.is(at + 1, "SQL") && view.tokens.get(at + 1).is_some() {
        return untold();
    }
    // A column of that name stands behind a dot.
    let is_part = at.checked_sub(1).is_some_and(|before| view.is_symbol(before, "."));
    if !view.is(at, "CALL") || is_part {
        return None;
    }
    let is_name = |at: usize| view.tokens.get(at).is_some_and(|token| token.name(view.text).is_some());
    let is_indirect = [":", "?"].iter().any(|symbol| view.is_symbol(at + 1, symbol))
        || view.tokens.get(at + 1).is_some_and(|token| token.kind == Lexeme::Variable)
        || (view.is_any(at + 1, &["IDENTIFIER", "TABLE"]) && view.is_symbol(at + 2, "("));
    if is_indirect {
        return untold();
    }
    if !is_name(at + 1) {
        return None;
    }
    let end = (at + 1..view.tokens.len())
        .find(|at| !is_name(*at) && !view.is_symbol(*at, ".") && !view.is_symbol(*at, "!"))?;
    if !view.is_symbol(end, "(") {
        return None;
    }
    let (start, parts) = written(view, end - 1)?;
    let is_plain = start == at + 1;
    if is_plain && is_defined_at_once(view, &parts) {
        return None;
    }
    if is_plain { Some(parts) } else { untold() }
}

/// Whether `WITH name AS PROCEDURE` defines it: what it does stands beside it.
fn is_defined_at_once(view: View<'_>, parts: &[String]) -> bool {
    let [name] = parts else { return false };
    view.is(0, "WITH")
        && (2..view.tokens.len()).any(|at| {
            view.is(at, "PROCEDURE")
                && view.is(at - 1, "AS")
                && view.tokens.get(at - 2).and_then(|token| token.name(view.text)).as_ref() == Some(name)
        })
}

/// Where the name begins that ends at that place, and its parts; none where no name ends there.
fn written(view: View<'_>, at: usize) -> Option<(usize, Vec<String>)> {
    let mut parts = vec![view.tokens.get(at)?.name(view.text)?];
    let mut start = at;
    // The method of a model: `m!predict` is one name, as the parser is fed it.
    if start >= 2
        && view.is_symbol(start - 1, "!")
        && let Some(model) = view.tokens.get(start - 2).and_then(|token| token.name(view.text))
    {
        parts = parts.iter().map(|method| format!("{model}!{method}")).collect();
        start -= 2;
    }
    while start >= 2 && parts.len() < MOST_PARTS && view.is_symbol(start - 1, ".") {
        // `DATABASE..NAME`: the schema is PUBLIC.
        if view.is_symbol(start - 2, ".") {
            parts.insert(0, String::new());
            start -= 1;
            continue;
        }
        let Some(part) = view.tokens.get(start - 2).and_then(|token| token.name(view.text)) else { break };
        parts.insert(0, part);
        start -= 2;
    }
    Some((start, parts))
}

/// More parts than any name has that can be looked up.
const MOST_PARTS: usize = 8;

/// The function whose name ends at that place, before its bracket, where nobody knows it.
fn unknown_call(view: View<'_>, at: usize) -> Option<FlaggedFunction> {
    let (start, written) = written(view, at)?;
    let name = written.last()?;
    let is_keyword = view.is_any(at, &NO_CALLS) || view.is_any(at, &NO_CALLS_EITHER);
    let parts = written.len();
    let before = start.checked_sub(1);
    // A type, a common table, the columns of an alias.
    let is_other = before.is_some_and(|before| {
        view.is_symbol(before, "::") || view.is(before, "AS") || (view.is(before, "WITH") && parts == 1)
    });
    let is_known = parts == 1 && (flag(name).is_some() || behaviour(name) != Behaviour::Unknown);
    if (is_keyword && parts == 1) || is_other || is_known {
        return None;
    }
    let name = FunctionName::new(written);
    let class = if name.is_of_snowflake() { Class::Export } else { Class::Opaque };
    Some(FlaggedFunction { name, class })
}

#[cfg(test)]
mod tests {
    use super::{unknown_calls, unknown_calls_of_script};
    use crate::lexer::significant;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = unknown_calls(text, &significant(text).unwrap());
        let found: Vec<String> = found.iter().map(|f| format!("{} {}", f.name, f.class)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_a_definition_calls_and_nobody_knows_is_told() {
        check("create table t (a varchar(3)) as select send(a), upper(b) from u", &["SEND opaque"]);
        check(
            "create view v as (select d.\"s\".\"f\" (a), \"upper\"(a) from u)",
            &["D.\"s\".\"f\" opaque", "\"upper\" opaque"],
        );
        check(
            "create table t as with q as (select leak(ssn) l from c) select * from q where mine(l)",
            &["LEAK opaque", "MINE opaque"],
        );
        check("create table t as select * from table(d.f(1))", &["D.F opaque"]);
        check("create table t as select d..f(1), \"d.s.f\"(1)", &["D.\"\".F opaque", "\"d.s.f\" opaque"]);
        check("create table t as select snowflake.f(1)", &["SNOWFLAKE.F opaque"]);
        check(
            "create table t as select snowflake.cortex.new_thing('x')",
            &["SNOWFLAKE.CORTEX.NEW_THING export"],
        );
    }

    #[test]
    fn the_bodies_of_policies_and_scripts_are_looked_into() {
        check("create masking policy p as (v varchar(9)) returns varchar(9) -> leak(v)", &["LEAK opaque"]);
        check(
            "create row access policy p as (v varchar) returns boolean -> exists (select 1 from m where d.f(v))",
            &["D.F opaque"],
        );
        for (text, expected) in [
            ("begin select exfil(ssn) from customers; end", &["EXFIL opaque"] as &[&str]),
            ("create task t as insert into s.u (a) select d.leak(b) from c", &["D.LEAK opaque"]),
            (
                "declare r resultset; x number(38, 0) default 1; begin let y varchar(3) := upper('a'); if (x = 1) then \
                 r := (select count(*) from t); elseif (x > 2) then call p(1); end if; for i in 1 to 3 do insert into t \
                 (a, b) values (1, 2); end for; while (x < 3) do x := x + 1; end while; return table(r); end",
                &[],
            ),
        ] {
            let found = unknown_calls_of_script(text, &significant(text).unwrap());
            let found: Vec<String> = found.iter().map(|f| format!("{} {}", f.name, f.class)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_a_bracket_follows_and_is_no_call_is_none() {
        for text in [
            "create table my_function (a my_type(3), b number(38, 0))",
            "create table t as select a::number(10, 2), cast(b as varchar(3)), count(*) over (order by c) from u \
             where d in (1, 2) and exists (select 1) group by cube (a)",
            "create table t as with q (x) as (select 1) select * from q join (values (1)) as v(x) using (x)",
            "create function f(a int) returns int as 'g(a)'",
        ] {
            check(text, &[]);
        }
    }
}
