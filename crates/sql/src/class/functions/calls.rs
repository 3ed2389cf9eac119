//! The functions that the query of a definition calls, told from its pieces: for definitions that the parser cannot
//! read. It names too many rather than too few.

use domain::{Class, FlaggedFunction};

use super::{Behaviour, behaviour, flag};
use crate::class::View;
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

/// Every function that `… AS SELECT …` calls and nobody knows. Those that reach out of a statement are told by
/// [`super::flagged`], wherever they stand.
pub(crate) fn unknown_calls(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    let view = View { text, tokens };
    let is_query = |at: usize| view.is_any(at, &["SELECT", "WITH"]);
    let behind_brackets =
        |at: usize| (at..tokens.len()).find(|at| !view.is_symbol(*at, "(")).unwrap_or(tokens.len());
    let Some(query) = (0..tokens.len()).find(|at| view.is(*at, "AS") && is_query(behind_brackets(at + 1)))
    else {
        return Vec::new();
    };
    (query + 1..tokens.len())
        .filter(|at| view.is_symbol(at + 1, "("))
        .filter_map(|at| unknown_call(view, at))
        .collect()
}

/// The function whose name ends at that place, before its bracket, where nobody knows it.
fn unknown_call(view: View<'_>, at: usize) -> Option<FlaggedFunction> {
    let mut name = view.tokens.get(at)?.name(view.text)?.to_ascii_uppercase();
    let is_keyword = view.is_any(at, &NO_CALLS) || view.is_any(at, &NO_CALLS_EITHER);
    let mut start = at;
    let mut parts = 1;
    while start >= 2 && view.is_symbol(start - 1, ".") {
        let Some(part) = view.tokens.get(start - 2).and_then(|token| token.name(view.text)) else { break };
        name = format!("{}.{name}", part.to_ascii_uppercase());
        start -= 2;
        parts += 1;
    }
    let before = start.checked_sub(1);
    // A type, a common table, the columns of an alias.
    let is_other = before.is_some_and(|before| {
        view.is_symbol(before, "::") || view.is(before, "AS") || (view.is(before, "WITH") && parts == 1)
    });
    let is_known = parts == 1 && (flag(&name).is_some() || behaviour(&name) != Behaviour::Unknown);
    if (is_keyword && parts == 1) || is_other || is_known {
        return None;
    }
    let class = if name.starts_with("SNOWFLAKE.") { Class::Export } else { Class::Opaque };
    Some(FlaggedFunction { name, class })
}

#[cfg(test)]
mod tests {
    use super::unknown_calls;
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
        check("create view v as (select d.s.\"f\" (a) from u)", &["D.S.F opaque"]);
        check(
            "create table t as with q as (select leak(ssn) l from c) select * from q where mine(l)",
            &["LEAK opaque", "MINE opaque"],
        );
        check("create table t as select * from table(d.f(1))", &["D.F opaque"]);
        check(
            "create table t as select snowflake.cortex.new_thing('x')",
            &["SNOWFLAKE.CORTEX.NEW_THING export"],
        );
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
