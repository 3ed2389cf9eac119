//! The objects that a text mentions, told from its pieces alone: for statements that the parser cannot read.
//! It names too many rather than too few.

use std::collections::BTreeMap;

use crate::class::{View, behind_kind};
use crate::lexer::{Lexeme, Token, decode_string, significant};
use crate::lists::Lists;
use crate::stages::{Stage, stages};

/// What a text mentions, as folded name parts.
#[derive(Default, Debug)]
pub(crate) struct Mentions {
    /// Names that follow a word which reads.
    pub reads: Vec<Vec<String>>,
    /// Names that follow a word which writes or defines.
    pub writes: Vec<Vec<String>>,
    /// Stages whose files a body would read. Those of the statement itself are told by [`stages`].
    pub stages_in_bodies: Vec<Stage>,
    /// Whether something that is read is named by a variable or an expression that the text does not tell.
    pub reads_indirect: bool,
    /// Likewise for what is written.
    pub writes_indirect: bool,
}

/// Kinds of object whose name follows.
const KINDS: [&str; 31] = [
    "TABLE",
    "VIEW",
    "SCHEMA",
    "DATABASE",
    "STREAM",
    "TASK",
    "PIPE",
    "STAGE",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "FORMAT",
    "POLICY",
    "TAG",
    "USER",
    "ROLE",
    "WAREHOUSE",
    "SHARE",
    "INTEGRATION",
    "MONITOR",
    "VOLUME",
    "GROUP",
    "ALERT",
    "SECRET",
    "STREAMLIT",
    "NOTEBOOK",
    "MODEL",
    "SERVICE",
    "PROJECT",
    "LISTING",
    "REPOSITORY",
];
/// Words between such a word and the name.
const SKIPPED: [&str; 12] = [
    "TABLE",
    "VIEW",
    "IF",
    "NOT",
    "EXISTS",
    "ONLY",
    "LATERAL",
    "OVERWRITE",
    "EXTERNAL",
    "DYNAMIC",
    "MATERIALIZED",
    "STAGE",
];
/// What stands where a name could, and is none.
const NO_NAMES: [&str; 7] = ["SELECT", "WITH", "VALUES", "SET", "ALL", "FUTURE", "WHEN"];
/// What stands before the kind of a policy.
const BEFORE_POLICIES: [&str; 9] =
    ["CREATE", "REPLACE", "ALTER", "DROP", "UNDROP", "SET", "UNSET", "ADD", "ON"];
/// In how many pieces a verb, its modifiers and the kind of object are written at most.
const LONGEST_KIND: usize = 16;
/// How far behind its verb the kind of an object stands at most: `CREATE OR REPLACE SECURE MATERIALIZED VIEW`.
const FARTHEST_KIND: usize = 5;

/// What the names behind a word are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// One after the other, with commas.
    ReadList,
    Read,
    Write,
}

/// Everything mentioned. Variables are looked up by their upper-case names.
///
/// INVARIANT: every piece is looked at a bounded number of times: a list of names is followed while the text is.
pub(crate) fn mentions(
    text: &str,
    tokens: &[Token],
    variables: &BTreeMap<String, Option<String>>,
) -> Mentions {
    mentions_within(text, tokens, variables, 0)
}

/// How deep bodies in quotes are looked into.
const DEEPEST_BODY: u32 = 2;

fn mentions_within(
    text: &str,
    tokens: &[Token],
    variables: &BTreeMap<String, Option<String>>,
    depth: u32,
) -> Mentions {
    let mut finder = Finder { view: View { text, tokens }, variables, found: Mentions::default() };
    if depth < DEEPEST_BODY && finder.view.is_any(0, &["CREATE", "ALTER"]) {
        finder.body(depth);
    }
    let mut is_semantic = (1..=FARTHEST_KIND).any(|at| finder.view.is(at, "SEMANTIC"));
    let mut verb: Option<usize> = None;
    let mut lists = Lists::default();
    for at in 0..tokens.len() {
        if finder.view.is_any(at, &["CREATE", "ALTER", "DROP", "UNDROP", "DEFINE", "TRUNCATE"]) {
            verb = Some(at);
            if !finder.view.is(at, "TRUNCATE")
                && let Some(name) = behind_kind(finder.view.from(at).until(LONGEST_KIND))
            {
                verb = None;
                finder.take_name(at + name, Role::Write);
            }
        }
        if is_semantic && finder.view.is(at, "TABLES") && finder.view.is_symbol(at + 1, "(") {
            // There is one such list, and it is looked at once.
            is_semantic = false;
            finder.logical_tables(at + 1);
        }
        if lists.pass(finder.view, at) {
            finder.take_name(at + 1, Role::ReadList);
        }
        // Behind a JOIN, and so in a list, USING names columns; EXECUTE names values by it.
        let is_using = finder.view.is(at, "USING") && !lists.is_open() && !finder.view.is(0, "EXECUTE");
        if let Some(role) = finder.role(at).or(is_using.then_some(Role::ReadList)) {
            let start = if finder.view.is(at, "ON") { finder.behind_kind(at + 1) } else { at + 1 };
            if role == Role::ReadList {
                lists.open(at);
            }
            finder.take_name(start, role);
        } else if verb.is_some_and(|verb| at - verb <= FARTHEST_KIND)
            && finder.view.is_any(at, &KINDS)
            && !finder.is_read(at)
        {
            verb = None;
            finder.take_name(at + 1, Role::Write);
        }
    }
    finder.found
}

struct Finder<'a> {
    view: View<'a>,
    variables: &'a BTreeMap<String, Option<String>>,
    found: Mentions,
}

impl Finder<'_> {
    /// What the word at that place makes of the names behind it.
    fn role(&self, at: usize) -> Option<Role> {
        let view = self.view;
        let follows = |words: &[&str]| at > 0 && view.is_any(at - 1, words);
        match view.word(at).as_str() {
            "FROM" if follows(&["DELETE"]) => Some(Role::Write),
            "FROM" if !follows(&["DISTINCT"]) && !view.is(0, "REVOKE") => Some(Role::ReadList),
            // A kind of policy.
            "JOIN" if view.is_any(at + 1, &["POLICY", "POLICIES"]) && follows(&BEFORE_POLICIES) => None,
            "JOIN" | "CLONE" | "LIKE" | "OF" => Some(Role::Read),
            "USING" if !view.is_symbol(at + 1, "(") => Some(Role::ReadList),
            "ON" if view.is(0, "COMMENT") => Some(Role::Write),
            // Of an index, a grant or a stream; the ON of a join names nothing.
            "ON" if view.is_any(at + 1, &KINDS) || view.is_any(at + 2, &KINDS) || !self.is_condition(at) => {
                Some(Role::Read)
            }
            "INTO" | "UPDATE" | "TRUNCATE" => Some(Role::Write),
            "WITH" if follows(&["SWAP"]) => Some(Role::Write),
            "TO" if follows(&["RENAME"]) => Some(Role::Write),
            _ => None,
        }
    }

    /// `CREATE FUNCTION … AS '…'`: what the body mentions, where it is SQL.
    fn body(&mut self, depth: u32) {
        let view = self.view;
        let is_code = (0..8).any(|at| view.is_any(at, &["FUNCTION", "PROCEDURE"]));
        let is_foreign = (0..view.tokens.len()).any(|at| view.is(at, "LANGUAGE") && !view.is(at + 1, "SQL"));
        if !is_code || is_foreign {
            return;
        }
        for (at, token) in view.tokens.iter().enumerate().skip(1) {
            if !matches!(token.kind, Lexeme::Text | Lexeme::Dollar) || !view.is(at - 1, "AS") {
                continue;
            }
            let body = decode_string(token.text(view.text));
            let Ok(tokens) = significant(&body) else { continue };
            let inside = mentions_within(&body, &tokens, self.variables, depth + 1);
            // What it would write is written when it is called.
            self.found.reads.extend(inside.reads);
            self.found.stages_in_bodies.extend(inside.stages_in_bodies);
            self.found.stages_in_bodies.extend(stages(View { text: &body, tokens: &tokens }, false).read);
        }
    }

    /// `TABLES (c AS d.s.customers PRIMARY KEY (…), orders)` of a semantic view: the tables beneath.
    fn logical_tables(&mut self, open: usize) {
        let mut depth = 0_i32;
        for at in open..self.view.tokens.len() {
            let begins = depth == 1 && (self.view.is_symbol(at - 1, "(") || self.view.is_symbol(at - 1, ","));
            if begins && let Some((name, after)) = plain_name(self.view, at) {
                let named = if self.view.is(after, "AS") { plain_name(self.view, after + 1) } else { None };
                self.found.reads.push(named.map_or(name, |(name, _)| name));
            }
            depth += i32::from(self.view.is_symbol(at, "(")) - i32::from(self.view.is_symbol(at, ")"));
            if depth == 0 {
                return;
            }
        }
    }

    /// Whether the ON begins a condition: a bracket, or a name that is compared.
    fn is_condition(&self, at: usize) -> bool {
        let ends = (at + 1..at + 8).find(|at| !self.view.is_symbol(at + 1, "."));
        self.view.is_symbol(at + 1, "(")
            || (at + 1..at + 9)
                .any(|at| ["=", "<", ">", "<=", ">=", "<>", "!="].iter().any(|s| self.view.is_symbol(at, s)))
            || ends.is_none()
    }

    /// `ON TABLE t`, `ON ROW ACCESS POLICY p`: where the name begins.
    fn behind_kind(&self, at: usize) -> usize {
        let is_kind = |at: usize| self.view.is_any(at, &KINDS) && !self.is_last_part(at);
        let Some(first) = (at..at + 4).find(|at| is_kind(*at)) else { return at };
        (first..first + 3).find(|at| !is_kind(*at)).unwrap_or(first + 1)
    }

    /// `CREATE STREAM … ON TABLE t`: that table is read.
    fn is_read(&self, at: usize) -> bool {
        at > 0 && self.role(at - 1).is_some()
    }

    /// The name at that place, behind a word or a comma of its list.
    fn take_name(&mut self, at: usize, role: Role) {
        let view = self.view;
        let mut at = at;
        while view.is_symbol(at, "(") || (view.is_any(at, &SKIPPED) && !self.is_last_part(at)) {
            at += 1;
        }
        if view.is_any(at, &["BACKUP", "SNAPSHOT"]) && view.is(at + 1, "SET") {
            at += 2;
        }
        if view.is(at, "SEMANTIC_VIEW") && view.is_symbol(at + 1, "(") {
            at += 2;
        }
        let is_column = view.is(0, "COMMENT") && view.is(at, "COLUMN");
        let (mut name, after) = match self.name_at(at + usize::from(is_column)) {
            Named::Plainly(name, after) => (name, after),
            Named::Indirectly if self.may_be_table(at) => {
                match role {
                    Role::Write => self.found.writes_indirect = true,
                    Role::Read | Role::ReadList => self.found.reads_indirect = true,
                }
                return;
            }
            Named::Indirectly | Named::Nothing => return,
        };
        // Of a column the table is named; a fourth part is not among its names anyway.
        if is_column && !view.is_symbol(after, ".") {
            name.pop();
        }
        // `FROM f(…)` calls a function; `CREATE INDEX i ON t (…)` does not.
        let is_index = view.is(0, "CREATE") && at > 0 && view.is(at - 1, "ON");
        match role {
            Role::Write => self.found.writes.push(name),
            Role::Read | Role::ReadList if !view.is_symbol(after, "(") || is_index => {
                self.found.reads.push(name);
            }
            Role::Read | Role::ReadList => {}
        }
    }

    /// Whether a table or a view may be named at that place: no other kind of object stands before it.
    fn may_be_table(&self, at: usize) -> bool {
        let is_other =
            |at: usize| self.view.is_any(at, &KINDS) && !self.view.is_any(at, &["TABLE", "VIEW", "STREAM"]);
        let before =
            (at.saturating_sub(4)..at).rev().find(|at| !self.view.is_any(*at, &["IF", "NOT", "EXISTS"]));
        !before.is_some_and(is_other)
    }

    /// Whether a word that could be skipped is itself the name: `FROM stage`, `DROP TABLE view`.
    fn is_last_part(&self, at: usize) -> bool {
        let next = self.view.tokens.get(at + 1);
        next.is_none_or(|next| {
            !matches!(next.kind, Lexeme::Word | Lexeme::Quoted) && !next.is_symbol(self.view.text, "(")
        })
    }

    /// The name that begins at that place.
    fn name_at(&self, at: usize) -> Named {
        if self.view.is_any(at, &["IDENTIFIER", "TABLE"]) && self.view.is_symbol(at + 1, "(") {
            return self.indirect_name(at + 2);
        }
        // The loop over brackets has passed `TABLE(`.
        let is_in_table = at > 1 && self.view.is_symbol(at - 1, "(") && self.view.is(at - 2, "TABLE");
        if is_in_table && self.view.tokens.get(at).is_some_and(|token| is_constant(*token)) {
            return self.indirect_name(at);
        }
        if self.view.is_any(at, &NO_NAMES) || (at > 0 && self.role(at).is_some()) {
            return Named::Nothing;
        }
        plain_name(self.view, at).map_or(Named::Nothing, |(name, after)| Named::Plainly(name, after))
    }

    /// The name in a constant text or a variable, whose closing bracket follows.
    fn indirect_name(&self, at: usize) -> Named {
        let Some(token) = self.view.tokens.get(at).copied() else { return Named::Nothing };
        let written = token.text(self.view.text);
        let value = match token.kind {
            // `TABLE(flatten(…))` calls a function.
            Lexeme::Word | Lexeme::Quoted => return Named::Nothing,
            _ if !self.view.is_symbol(at + 1, ")") => None,
            Lexeme::Text | Lexeme::Dollar => Some(decode_string(written)),
            Lexeme::Variable => {
                let name = written.get(1..).unwrap_or("").to_ascii_uppercase();
                self.variables.get(&name).cloned().flatten()
            }
            Lexeme::Space | Lexeme::Comment | Lexeme::Hex | Lexeme::Number | Lexeme::Symbol => None,
        };
        let name = value.and_then(|value| {
            let tokens = significant(&value).ok()?;
            let (name, after) = plain_name(View { text: &value, tokens: &tokens }, 0)?;
            (after == tokens.len()).then_some(name)
        });
        name.map_or(Named::Indirectly, |name| Named::Plainly(name, at + 2))
    }
}

/// How something is named.
enum Named {
    /// By these parts; the text goes on at that place.
    Plainly(Vec<String>, usize),
    /// By what the text does not tell.
    Indirectly,
    /// Not at all.
    Nothing,
}

fn is_constant(token: Token) -> bool {
    matches!(token.kind, Lexeme::Text | Lexeme::Dollar | Lexeme::Variable)
}

/// `a.b.c`, `"a".b`, `a..c`.
pub(crate) fn plain_name(view: View<'_>, at: usize) -> Option<(Vec<String>, usize)> {
    let mut parts = Vec::new();
    let mut at = at;
    loop {
        parts.push(view.tokens.get(at)?.name(view.text)?);
        at += 1;
        if !view.is_symbol(at, ".") || parts.len() >= 3 {
            return Some((parts, at));
        }
        at += 1;
        if view.is_symbol(at, ".") {
            parts.push("PUBLIC".to_owned());
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::mentions;
    use crate::lexer::significant;

    #[track_caller]
    fn check(text: &str, reads: &[&str], writes: &[&str]) {
        let variables = BTreeMap::from([("V".to_owned(), Some("d.s.v".to_owned())), ("X".to_owned(), None)]);
        let found = mentions(text, &significant(text).unwrap(), &variables);
        let print = |names: &[Vec<String>]| names.iter().map(|name| name.join(".")).collect::<Vec<_>>();
        assert_eq!((print(&found.reads), print(&found.writes)), (strings(reads), strings(writes)), "{text}");
        let is_indirect = found.reads_indirect || found.writes_indirect;
        assert_eq!(is_indirect, text.contains("$x") || text.contains("||"), "{text}");
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_follow_words_that_read_and_words_that_write() {
        check("select * from a.b.c x, \"d\" join e on x.i = e.i where f", &["A.B.C", "d", "E"], &[]);
        check(
            "select * from (select 1 from a), table(flatten(b)), lateral (select 1 from c)",
            &["A", "C"],
            &[],
        );
        check("select * from d..t", &["D.PUBLIC.T"], &[]);
        check("delete from a using b where a.i = b.i", &["B"], &["A"]);
        check("merge into a using b on a.i = b.i when matched then update set x = 1", &["B"], &["A"]);
        check("insert all into a into b select * from c", &["C"], &["A", "B"]);
        check("alter table a swap with b", &[], &["A", "B"]);
        check("alter table a rename to s.b", &[], &["A", "S.B"]);
        check("create stream s on table t", &["T"], &["S"]);
        check("create table a clone b", &["B"], &["A"]);
        check("comment on table t is 'x'", &[], &["T"]);
        check("comment on column t.c is 'x'", &[], &["T"]);
        check("comment on column d.s.t.c is 'x'", &[], &["D.S.T"]);
        check("comment if exists on row access policy p is 'x'", &[], &["P"]);
        check("grant select on all tables in schema s to role r", &["S"], &[]);
        check("revoke insert on d.s.t from role r", &["D.S.T"], &[]);
        check("begin select 1; drop table t; truncate table u; end", &[], &["T", "U"]);
        check("grant select on table t to role r", &["T"], &[]);
        check("create git repository d.s.r origin = 'x'", &[], &["D.S.R"]);
        check(
            "create or replace semantic view sv tables (c as d.s.customers primary key (id, x), orders) dimensions (c.d as c.ssn)",
            &["D.S.CUSTOMERS", "ORDERS"],
            &["SV"],
        );
        check("create table tables (id int)", &[], &["TABLES"]);
        check("create function f() returns int as 'select ssn from customers'", &["CUSTOMERS"], &["F"]);
        check("create procedure p() returns int as $$begin delete from t using u; end$$", &["U"], &["P"]);
        check("alter agent a.b set x = 1", &[], &["A.B"]);
        for kind in [
            "mcp server",
            "workspace",
            "contact",
            "dataset",
            "experiment",
            "backup set",
            "snapshot set",
            "type",
        ] {
            check(&format!("drop {kind} if exists d.s.o"), &[], &["D.S.O"]);
        }
        check("create index i on hr.private.t(c)", &["HR.PRIVATE.T"], &["I"]);
        check("create or replace join policy p as () returns join_constraint -> 1", &[], &["P"]);
        check("alter database role d.r set comment = 'x'", &[], &["D.R"]);
        check("create model monitor m", &[], &["M"]);
        check("create table t from backup set hr.private.bs identifier 'x'", &["HR.PRIVATE.BS"], &["T"]);
        check("select * from semantic_view(hr.private.sv metrics m)", &["HR.PRIVATE.SV"], &[]);
        check("create function f() returns int language python as 'from t import u'", &[], &["F"]);
        check("select extract(year from d), a is distinct from b from t", &["D", "T"], &[]);
    }

    #[test]
    fn a_list_of_names_goes_on_behind_whatever_stands_in_it() {
        for (member, reads) in [
            ("(select 1 a) y", &[] as &[&str]),
            ("(select a from o group by a, b order by a, b) y", &["O"]),
            ("table(f(1, 2)) y", &[]),
            ("lateral flatten(input => a, outer => true) y", &[]),
            ("values (1, 2), (3, 4) as y (a, b)", &[]),
            ("(values (1, 2)) y", &[]),
            ("o at(offset => -60) y", &["O"]),
            ("o sample (10) seed (1) y", &["O"]),
            ("o as y (a, b)", &["O"]),
            ("o join u on o.a = u.a and f(o.a, 1) = 2", &["O", "U"]),
            ("(o join u using (a, b))", &["O", "U"]),
            ("o limit", &["O"]),
            ("o pivot(max(a) for b in ('x', 'y'))", &["O"]),
        ] {
            let expected: Vec<&str> = reads.iter().copied().chain(["HR.PRIVATE.PAYROLL"]).collect();
            check(
                &format!("select a, b from {member}, hr.private.payroll x where c in (d, e)"),
                &expected,
                &[],
            );
            check(&format!("delete from t using {member}, hr.private.payroll"), &expected, &["T"]);
            let dynamic =
                format!("create dynamic table d as select a from {member}, hr.private.payroll order by a, b");
            check(&dynamic, &expected, &["D"]);
        }
        check("select a from (b, (c, d)), e", &["B", "C", "D", "E"], &[]);
        check("begin select a from b; let x := (c, d); return e, f; end", &["B"], &[]);
        check("merge into a using b on a.i = b.i when matched then update set x = 1, y = z", &["B"], &["A"]);
    }

    #[test]
    fn indirect_names_are_told_or_told_to_be_missing() {
        check("drop table identifier('a.b')", &[], &["A.B"]);
        check("drop table identifier($v)", &[], &["D.S.V"]);
        check("drop table identifier($x)", &[], &[]);
        check("insert into identifier('a' || 'b') select * from table('c')", &["C"], &[]);
        check("begin delete from table($x); end", &[], &[]);
        check("grant usage on database identifier($y) to role identifier($y)", &[], &[]);
        check("create schema if not exists identifier($y)", &[], &[]);
        check("alter warehouse identifier($y) suspend", &[], &[]);
    }
}
