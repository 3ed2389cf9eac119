//! How often pieces and bytes are looked at, counted in tests: work must grow as the text does, not faster.

use std::cell::Cell;

thread_local! {
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// One more look.
pub(crate) fn count() {
    LOOKS.with(|looks| looks.set(looks.get() + 1));
}

/// How many looks the work takes.
pub(crate) fn during(work: impl FnOnce()) -> u64 {
    let before = LOOKS.with(Cell::get);
    work();
    LOOKS.with(Cell::get) - before
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::during;
    use crate::class::{act, flagged};
    use crate::lexer::significant;
    use crate::mentions::mentions;
    use crate::rewrite;
    use crate::split::{statements, steps};

    /// What is told from the pieces of a text, the tree aside.
    fn tell(text: &str) {
        rewrite(text, &mut |_| None);
        let Ok(tokens) = significant(text) else { return };
        for statement in statements(text, &tokens) {
            for step in steps(text, statement) {
                act(text, step);
                flagged(text, step);
                mentions(text, step, &BTreeMap::new());
            }
        }
    }

    /// Twice the text is twice the work, give or take.
    #[track_caller]
    fn check(before: &str, repeated: &str, after: &str) {
        let looks = |times: usize| {
            let text = format!("{before}{}{after}", repeated.repeat(times));
            during(|| tell(&text))
        };
        let (once, twice) = (looks(200), looks(400));
        assert!(twice < once * 9 / 4 + 10_000, "{before}{repeated}…{after}: {once} looks, then {twice}");
        // Nor is it much to begin with.
        let bytes = 200 * repeated.len() as u64;
        assert!(once < bytes * 150 + 10_000, "{before}{repeated}…{after}: {once} looks at {bytes} bytes");
    }

    #[test]
    fn the_work_grows_as_the_text_does() {
        for repeated in [
            "a ",
            "a.",
            "(",
            ")",
            ",",
            ";",
            "; a ",
            "[",
            "->> ",
            "::",
            "$1 ",
            "1 ",
            "'a' ",
            "'a''",
            "\"a\" ",
            "\"a\"\"",
            "$$a$$ ",
            "$$ ",
            "/* a */ ",
            "/* ",
            "-- a\n",
            "// a\n",
            "@a/b ",
            "@a/",
            "@",
            "file://a ",
            "file://",
            "\\",
            "begin ",
            "begin; ",
            "end ",
            "declare ",
            "case ",
            "case when ",
            "if (a) then ",
            "loop ",
            "else ",
            "do ",
            "begin let a := (",
            "begin select ",
            "create task t as begin ",
            "create task t as ",
            "create alert a then ",
            "create procedure p() as begin ",
            "create ",
            "or replace ",
            "create or replace ",
            "create table ",
            "create stage s url = ",
            "alter table t set tag ",
            "unset masking policy ",
            "drop ",
            "clone ",
            "swap with ",
            "with ",
            "with a as (select 1) ",
            "with a as (select 1), ",
            "with a as (",
            "with a as (select 1) (",
            "as ",
            "as procedure () ",
            "explain ",
            "explain using text ",
            "execute immediate 'select 1' ",
            "call f(",
            "f(",
            "identifier('a')(",
            "identifier($a)",
            "a.b.c(",
            "from a, ",
            "from, ",
            "from (",
            "from ",
            "join a on b ",
            "on ",
            "on table ",
            "into ",
            "using ",
            "into a from b, c ",
            "comment on ",
            "table ",
            "get @a ",
            "copy into ",
            "show ",
            "use ",
            "union all select ",
            "where ",
            "set a = 1 ",
            "grant a on b to c ",
            "policy ",
            "snowflake.",
        ] {
            for (before, after) in [
                ("", ""),
                ("select ", ""),
                ("begin ", " end"),
                ("create table t as select ", ""),
                ("with a as (", ""),
                ("create procedure p() as begin ", " end"),
                ("alter table t ", ""),
                ("grant ", ""),
            ] {
                check(before, repeated, after);
            }
        }
    }

    #[test]
    fn texts_inside_texts_are_no_more_work_than_they_are_long() {
        let nested = |depth: usize, inner: &str| {
            (0..depth)
                .fold(inner.to_owned(), |text, _| format!("execute immediate '{}'", text.replace('\'', "''")))
        };
        for depth in [2, 5, 9, 12] {
            let text = nested(depth, "begin delete from t; end");
            let looks = during(|| tell(&text));
            assert!(looks < text.len() as u64 * 200, "{depth} deep: {looks} looks at {} bytes", text.len());
        }
    }
}
