//! The functions that the query of a definition, the body of a policy or a script calls, told from its pieces: for what
//! the parser cannot read. It names too many rather than too few.

use domain::{Class, FlaggedFunction, FunctionName};

use super::{Behaviour, behaviour, flag};
use crate::class::View;
use crate::ddl;
use crate::lexer::Token;

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
/// Behind these a name is written to, defined or called as a procedure, which the class of the statement tells.
const BEFORE_OTHERS: [&str; 9] =
    ["CALL", "CURSOR", "EXISTS", "FUNCTION", "INTO", "PROCEDURE", "TABLE", "UPDATE", "VIEW"];

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

/// Every function that a block, a task or an alert calls and nobody knows.
pub(crate) fn unknown_calls_of_script(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    let view = View { text, tokens };
    let is_other = |at: usize| {
        view.is_any(at, &NO_CALLS_OF_SCRIPTS)
            || ddl::is_type(&view.word(at))
            || first_part(view, at).checked_sub(1).is_some_and(|before| view.is_any(before, &BEFORE_OTHERS))
    };
    (0..tokens.len())
        .filter(|at| view.is_symbol(at + 1, "(") && !is_other(*at))
        .filter_map(|at| unknown_call(view, at))
        .collect()
}

/// Where the name begins that ends at that place.
fn first_part(view: View<'_>, at: usize) -> usize {
    let is_part = |at: usize| view.tokens.get(at).is_some_and(|token| token.name(view.text).is_some());
    let mut start = at;
    while start >= 2 && at - start < 6 && view.is_symbol(start - 1, ".") && is_part(start - 2) {
        start -= 2;
    }
    start
}

/// The function whose name ends at that place, before its bracket, where nobody knows it.
fn unknown_call(view: View<'_>, at: usize) -> Option<FlaggedFunction> {
    let name = view.tokens.get(at)?.name(view.text)?;
    let mut written = vec![name.clone()];
    let is_keyword = view.is_any(at, &NO_CALLS) || view.is_any(at, &NO_CALLS_EITHER);
    let mut start = at;
    while start >= 2 && view.is_symbol(start - 1, ".") {
        // `DATABASE..NAME`: the schema is PUBLIC.
        if view.is_symbol(start - 2, ".") {
            written.insert(0, String::new());
            start -= 1;
            continue;
        }
        let Some(part) = view.tokens.get(start - 2).and_then(|token| token.name(view.text)) else { break };
        written.insert(0, part);
        start -= 2;
    }
    let parts = written.len();
    let before = start.checked_sub(1);
    // A type, a common table, the columns of an alias.
    let is_other = before.is_some_and(|before| {
        view.is_symbol(before, "::") || view.is(before, "AS") || (view.is(before, "WITH") && parts == 1)
    });
    let is_known = parts == 1 && (flag(&name).is_some() || behaviour(&name) != Behaviour::Unknown);
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
