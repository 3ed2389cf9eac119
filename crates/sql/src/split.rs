//! Where one statement ends and the next begins.

use std::ops::Range;

use crate::lexer::{Lexeme, Token, significant};

/// Byte ranges of the statements of a batch, empty ones dropped. A text that cannot be cut is one range with
/// everything.
///
/// ```
/// let text = "select ';'; -- ;\nbegin; select 1";
/// let statements: Vec<&str> = sql::split(text).into_iter().map(|range| &text[range]).collect();
/// assert_eq!(statements, ["select ';'", "begin", "select 1"]);
/// ```
pub fn split(text: &str) -> Vec<Range<usize>> {
    match significant(text) {
        Ok(tokens) => statements(text, &tokens).into_iter().filter_map(range_of).collect(),
        Err(_) => std::iter::once(0..text.len()).collect(),
    }
}

/// The pieces of each statement, without their `;`, empty ones dropped.
pub(crate) fn statements<'t>(text: &str, tokens: &'t [Token]) -> Vec<&'t [Token]> {
    let mut found = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        let length = statement_length(text, rest);
        let (statement, after) = rest.split_at(length.min(rest.len()));
        if !statement.is_empty() {
            found.push(statement);
        }
        rest = after.get(1..).unwrap_or(&[]);
    }
    found
}

/// The steps of a `->>` pipeline: one for an ordinary statement.
pub(crate) fn steps<'t>(text: &str, statement: &'t [Token]) -> Vec<&'t [Token]> {
    let mut depth = 0_i32;
    statement
        .split(|token| {
            depth += nesting(text, *token);
            depth == 0 && token.is_symbol(text, "->>")
        })
        .collect()
}

fn range_of(statement: &[Token]) -> Option<Range<usize>> {
    Some(statement.first()?.start..statement.last()?.end)
}

pub(crate) fn nesting(text: &str, token: Token) -> i32 {
    if token.is_symbol(text, "(") {
        1
    } else if token.is_symbol(text, ")") {
        -1
    } else {
        0
    }
}

/// How many pieces belong to the statement that begins here, its `;` not counted.
fn statement_length(text: &str, tokens: &[Token]) -> usize {
    // A piece of a script without its block is no statement of Snowflake's: whatever follows belongs to it.
    if tokens.first().is_some_and(|token| is_any(text, *token, &FRAGMENTS)) {
        return tokens.len();
    }
    let mut blocks = Blocks::new(text, tokens);
    for (at, token) in tokens.iter().enumerate() {
        if blocks.is_outside() && token.is_symbol(text, ";") {
            return at;
        }
        blocks.pass(at);
    }
    tokens.len()
}

/// What begins a piece of a script that may hold `;`.
const FRAGMENTS: [&str; 7] = ["EXCEPTION", "IF", "CASE", "FOR", "WHILE", "LOOP", "REPEAT"];

fn is_any(text: &str, token: Token, words: &[&str]) -> bool {
    words.iter().any(|word| token.is_word(text, word))
}

/// Whether a statement is a scripting block: `DECLARE …`, or `BEGIN` that begins no transaction.
pub(crate) fn is_block(text: &str, tokens: &[Token]) -> bool {
    opens_block(text, tokens, 0)
}

fn opens_block(text: &str, tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    token.is_word(text, "DECLARE")
        || (token.is_word(text, "BEGIN") && !begins_transaction(text, tokens.get(at..).unwrap_or(&[])))
}

/// Whether the pieces are `BEGIN [WORK | TRANSACTION] [NAME …]` and no more: anything else behind BEGIN is the
/// body of a block.
pub(crate) fn begins_transaction(text: &str, tokens: &[Token]) -> bool {
    let ends = |at: usize| {
        tokens.get(at).is_none_or(|token| token.is_symbol(text, ";") || token.is_symbol(text, "->>"))
    };
    let is = |at: usize, words: &[&str]| tokens.get(at).is_some_and(|token| is_any(text, *token, words));
    let is_name = |at: usize| tokens.get(at).is_some_and(|t| matches!(t.kind, Lexeme::Word | Lexeme::Quoted));
    let at = 1 + usize::from(is(1, &["WORK", "TRANSACTION"]));
    let at = if is(at, &["NAME"]) && is_name(at + 1) { at + 2 } else { at };
    ends(at)
}

/// Follows `BEGIN … END` through one statement.
struct Blocks<'a> {
    text: &'a str,
    tokens: &'a [Token],
    /// Open `BEGIN` and `CASE`.
    open: usize,
    /// After `DECLARE`, before its `BEGIN`.
    is_declaring: bool,
    /// Whether a body may follow `AS`: tasks, procedures, functions, alerts.
    may_have_body: bool,
}

impl<'a> Blocks<'a> {
    fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        let bodied = ["CREATE", "ALTER", "DEFINE", "WITH", "EXECUTE"];
        let may_have_body = tokens.first().is_some_and(|token| is_any(text, *token, &bodied));
        Self { text, tokens, open: 0, is_declaring: false, may_have_body }
    }

    fn is_outside(&self) -> bool {
        self.open == 0 && !self.is_declaring
    }

    fn pass(&mut self, at: usize) {
        let Some(token) = self.tokens.get(at) else { return };
        let before = at.checked_sub(1).and_then(|before| self.tokens.get(before)).copied();
        let follows = |words: &[&str]| before.is_some_and(|before| is_any(self.text, before, words));
        let is = |word: &str| token.is_word(self.text, word);
        if self.is_outside() {
            let may_open = at == 0 || (self.may_have_body && follows(&["AS", "MODIFY", "THEN"]));
            if may_open && opens_block(self.text, self.tokens, at) {
                if is("DECLARE") {
                    self.is_declaring = true;
                } else {
                    self.open = 1;
                }
            }
        } else if is("CASE") {
            // The CASE of `END CASE` closes what the END has already closed.
            self.open += usize::from(!follows(&["END"]));
        } else if is("BEGIN") {
            // Elsewhere than at the beginning of a statement it is somebody's name.
            let is_statement = before.is_none_or(|before| {
                before.is_symbol(self.text, ";")
                    || is_any(self.text, before, &["BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "AS"])
            });
            let begins = is_statement && opens_block(self.text, self.tokens, at) && !self.is_assigned(at);
            self.open += usize::from(begins || self.is_declaring);
            self.is_declaring = false;
        } else if is("END") {
            let ends_loop = self
                .tokens
                .get(at + 1)
                .is_some_and(|next| is_any(self.text, *next, &["IF", "FOR", "LOOP", "WHILE", "REPEAT"]));
            if !ends_loop {
                self.open = self.open.saturating_sub(1);
            }
        }
    }

    fn is_assigned(&self, at: usize) -> bool {
        self.tokens.get(at + 1).is_some_and(|next| next.is_symbol(self.text, ":="))
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = split(text).into_iter().map(|range| text.get(range).unwrap()).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn semicolons_in_strings_comments_and_names_split_nothing() {
        check(
            "select ';', $$;$$, \";\" /* ; */; -- ;\n select 2;;",
            &["select ';', $$;$$, \";\"", "select 2"],
        );
        check("", &[]);
        check(" ; -- x\n;", &[]);
    }

    #[test]
    fn a_block_is_one_statement() {
        check("begin; select 1; commit", &["begin", "select 1", "commit"]);
        check("begin transaction; select 1", &["begin transaction", "select 1"]);
        check("begin select 1; return 2; end; select 3", &["begin select 1; return 2; end", "select 3"]);
        check(
            "declare x int; begin x := 1; end; select 3",
            &["declare x int; begin x := 1; end", "select 3"],
        );
        let block = "begin if (x) then begin y; end; end if; case when a then b; end case; for i in 1 to 2 do z; end for; end";
        check(&format!("{block}; select 3"), &[block, "select 3"]);
        let task = "create task t as begin select case when 1 then 2 end; select 2; end";
        check(&format!("{task}; select 3"), &[task, "select 3"]);
    }

    #[test]
    fn begin_is_a_transaction_only_where_nothing_follows() {
        check("begin work; delete from t; commit", &["begin work", "delete from t", "commit"]);
        check("begin transaction name x; delete from t", &["begin transaction name x", "delete from t"]);
        check("begin name \"x\"; delete from t", &["begin name \"x\"", "delete from t"]);
        for block in ["begin work delete from t; end", "begin name := 1; end", "begin transaction x; y; end"]
        {
            check(&format!("{block}; select 1"), &[block, "select 1"]);
        }
    }

    #[test]
    fn a_name_that_is_spelled_begin_hides_nothing() {
        let block = "begin let begin := 1; begin := 2; select begin from t; end";
        check(&format!("{block}; drop table u"), &[block, "drop table u"]);
        let procedure = "create procedure p() as begin begin := 2; end";
        check(&format!("{procedure}; drop table u"), &[procedure, "drop table u"]);
    }

    #[test]
    fn what_follows_a_fragment_of_a_script_belongs_to_it() {
        for text in [
            "if (a) then drop table t; end if; drop table u",
            "for r in c do let x := 1; end for; select 1",
            "exception when other then rollback; raise",
        ] {
            check(text, &[text]);
        }
    }

    #[test]
    fn what_cannot_be_cut_stays_whole() {
        check("select 'a; select 2", &["select 'a; select 2"]);
    }
}
