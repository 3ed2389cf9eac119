//! From our pieces to the parser's tree. The parser never sees the text: it is fed our own tokens, with
//! indirect names (`IDENTIFIER('…')`, `TABLE('…')`, `IDENTIFIER($v)`) already put in place.

use sqlparser::ast::{DollarQuotedString, Statement};
use sqlparser::dialect::SnowflakeDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token as Parsed, TokenWithSpan, Whitespace, Word};

use crate::Scope;
use crate::lexer::{Lexeme, Lexer, Token, Trouble, decode_quoted, decode_string, significant};

/// The tree of exactly one statement.
pub(crate) fn parse(text: &str, tokens: &[Token], scope: &Scope<'_>) -> Result<Statement, Trouble> {
    if is_too_long_a_chain(text, tokens) {
        return Err(Trouble("a chain of operators too long to read"));
    }
    if has_too_many_open_joins(text, tokens) {
        return Err(Trouble("too many joins without a condition"));
    }
    // SECURITY: the parser reads nested blocks without a bound on its stack.
    if tokens.iter().skip(1).any(|token| token.is_word(text, "BEGIN")) && !is_query(text, tokens) {
        return Err(Trouble("a scripting block"));
    }
    let feed = Feed { text, tokens, scope, fed: Vec::with_capacity(tokens.len() * 2) }.run()?;
    let mut parser = Parser::new(&SnowflakeDialect).with_tokens_with_locations(feed);
    let statement =
        parser.parse_statement().map_err(|_| Trouble("a construct that the parser cannot read"))?;
    if parser.next_token().token == Parsed::EOF {
        Ok(statement)
    } else {
        Err(Trouble("text after the end of the statement"))
    }
}

/// How many pieces may stand at one level between two commas or clause words. A chain of operators makes a
/// tree as deep as it is long, and trees are freed by recursion.
const LONGEST_CHAIN: usize = 4000;
/// How many set operators, pivots and the like one statement may chain; likewise.
const MOST_SETS: usize = 500;

fn is_too_long_a_chain(text: &str, tokens: &[Token]) -> bool {
    let mut levels: Vec<usize> = vec![0];
    let mut sets = 0_usize;
    for token in tokens {
        let written = token.text(text);
        match (token.kind, written) {
            (Lexeme::Symbol, "(" | "[" | "{") => levels.push(0),
            (Lexeme::Symbol, ")" | "]" | "}") if levels.len() > 1 => {
                levels.pop();
            }
            (Lexeme::Symbol, "," | ";") => levels.iter_mut().rev().take(1).for_each(|level| *level = 0),
            (Lexeme::Word, _) if is_clause(written) => {
                levels.iter_mut().rev().take(1).for_each(|level| *level = 0)
            }
            _ => {}
        }
        let chained = ["UNION", "EXCEPT", "MINUS", "INTERSECT", "PIVOT", "UNPIVOT", "MATCH_RECOGNIZE"];
        sets += usize::from(
            token.kind == Lexeme::Word && chained.iter().any(|w| written.eq_ignore_ascii_case(w)),
        );
        let Some(level) = levels.last_mut() else { return true };
        *level += 1;
        if *level > LONGEST_CHAIN || sets > MOST_SETS {
            return true;
        }
    }
    false
}

/// How many joins may wait for their ON. The parser nests `a JOIN b JOIN c ON … ON …` without a bound on its
/// stack.
const MOST_OPEN_JOINS: usize = 12;

fn has_too_many_open_joins(text: &str, tokens: &[Token]) -> bool {
    let mut levels: Vec<usize> = vec![0];
    for (at, token) in tokens.iter().enumerate() {
        let is = |word: &str| token.is_word(text, word);
        let nested = levels.len() > 1;
        let Some(open) = levels.last_mut() else { return true };
        if token.is_symbol(text, "(") {
            levels.push(0);
        } else if token.is_symbol(text, ")") && nested {
            levels.pop();
        } else if is("JOIN") {
            let before = tokens.get(at.saturating_sub(1));
            let is_closed =
                before.is_some_and(|before| before.is_word(text, "CROSS") || before.is_word(text, "NATURAL"));
            *open += usize::from(!is_closed);
            if *open > MOST_OPEN_JOINS {
                return true;
            }
        } else if is("ON") || is("USING") {
            *open = open.saturating_sub(1);
        } else if is("SELECT") || is("WHERE") || is("UNION") {
            *open = 0;
        }
    }
    false
}

fn is_query(text: &str, tokens: &[Token]) -> bool {
    tokens.first().is_some_and(|token| {
        token.is_symbol(text, "(") || token.is_word(text, "SELECT") || token.is_word(text, "WITH")
    })
}

fn is_clause(word: &str) -> bool {
    ["SELECT", "FROM", "WHERE", "WHEN", "JOIN"].iter().any(|clause| word.eq_ignore_ascii_case(clause))
}

/// The name under which the tree knows the result of an earlier step; no text can write it.
pub(crate) fn step_name(variable: &str) -> String {
    format!("\0{variable}")
}

struct Feed<'a> {
    text: &'a str,
    tokens: &'a [Token],
    scope: &'a Scope<'a>,
    fed: Vec<TokenWithSpan>,
}

impl Feed<'_> {
    fn run(mut self) -> Result<Vec<TokenWithSpan>, Trouble> {
        let mut at = 0;
        let mut marks = self.earlier_marks();
        while let Some(token) = self.tokens.get(at).copied() {
            if at > 0 && self.tokens.get(at - 1).is_some_and(|before| before.end != token.start) {
                self.push(Parsed::Whitespace(Whitespace::Space));
            }
            if token.is_symbol(self.text, "?") {
                marks += 1;
            }
            if let Some(after) = self.indirect_name(at, &mut marks)? {
                at = after;
                continue;
            }
            if !self.is_dropped(at) {
                let parsed = if self.is_step_name(at) {
                    word(&step_name(token.text(self.text)), true)
                } else {
                    self.piece(token)?
                };
                self.push(parsed);
            }
            at += 1;
        }
        Ok(self.fed)
    }

    /// How many `?` stand in the text before these pieces: earlier steps of a pipeline count.
    fn earlier_marks(&self) -> u32 {
        let start = self.tokens.first().map_or(0, |token| token.start);
        let before = Lexer::new(self.text.get(..start).unwrap_or(""));
        if start == 0 || !self.tokens.iter().any(|token| token.is_symbol(self.text, "?")) {
            return 0;
        }
        let marks = before.filter_map(Result::ok).filter(|token| token.is_symbol(self.text, "?")).count();
        u32::try_from(marks).unwrap_or(u32::MAX)
    }

    fn push(&mut self, token: Parsed) {
        self.fed.push(TokenWithSpan::wrap(token));
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text, word))
    }

    fn is_symbol(&self, at: usize, symbol: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// `DIRECTED` of `INNER DIRECTED JOIN`, which the parser does not know and which changes no meaning.
    fn is_dropped(&self, at: usize) -> bool {
        self.is_word(at, "DIRECTED") && self.is_word(at + 1, "JOIN") && at > 0
    }

    /// `$1` where a table stands: the result of an earlier step of a pipeline.
    fn is_step_name(&self, at: usize) -> bool {
        let is_variable = self.tokens.get(at).is_some_and(|token| token.kind == Lexeme::Variable);
        is_variable && at > 0 && (self.is_word(at - 1, "FROM") || self.is_word(at - 1, "JOIN"))
    }

    /// Where `IDENTIFIER(…)` or `TABLE(…)` over a constant begins at `at`, feeds the name that it stands for
    /// and answers where the text goes on.
    fn indirect_name(&mut self, at: usize, marks: &mut u32) -> Result<Option<usize>, Trouble> {
        let is_identifier = self.is_word(at, "IDENTIFIER");
        let is_table = self.is_word(at, "TABLE");
        if !(is_identifier || is_table) || !self.is_symbol(at + 1, "(") {
            return Ok(None);
        }
        let mut name = String::new();
        let mut next = at + 2;
        loop {
            let Some(token) = self.tokens.get(next).copied() else { return Err(Trouble("an open bracket")) };
            let part = match token.kind {
                // An escape in a name is meant to hide it.
                Lexeme::Text if token.text(self.text).contains('\\') => {
                    return Err(Trouble("an escape in an indirect name"));
                }
                Lexeme::Text | Lexeme::Dollar => Some(decode_string(token.text(self.text))),
                Lexeme::Variable => self.variable(token.text(self.text)),
                Lexeme::Symbol if token.text(self.text) == "?" => {
                    *marks += 1;
                    self.scope.bindings.get(marks).and_then(|bound| bound.value.clone())
                }
                Lexeme::Symbol
                | Lexeme::Word
                | Lexeme::Quoted
                | Lexeme::Hex
                | Lexeme::Number
                | Lexeme::Space
                | Lexeme::Comment => None,
            };
            match part {
                Some(part) => name.push_str(&part),
                // `TABLE(flatten(…))` is a table function.
                None if is_table && next == at + 2 && matches!(token.kind, Lexeme::Word | Lexeme::Quoted) => {
                    return Ok(None);
                }
                None => return Err(Trouble("a name made by an expression")),
            }
            if self.is_symbol(next + 1, ")") {
                self.feed_name(&name)?;
                return Ok(Some(next + 2));
            }
            if !self.is_symbol(next + 1, "||") {
                return Err(Trouble("a name made by an expression"));
            }
            next += 2;
        }
    }

    fn variable(&self, written: &str) -> Option<String> {
        let name = written.strip_prefix('$')?.to_ascii_uppercase();
        self.scope.variables.get(&name).cloned().flatten()
    }

    fn feed_name(&mut self, name: &str) -> Result<(), Trouble> {
        let trouble = Trouble("an indirect name that is none");
        let parts = significant(name).map_err(|_| trouble)?;
        for (at, part) in parts.iter().enumerate() {
            let fits = match part.kind {
                Lexeme::Word | Lexeme::Quoted => at % 2 == 0,
                Lexeme::Symbol => at % 2 == 1 && part.text(name) == ".",
                Lexeme::Text
                | Lexeme::Dollar
                | Lexeme::Hex
                | Lexeme::Number
                | Lexeme::Variable
                | Lexeme::Space
                | Lexeme::Comment => false,
            };
            if !fits {
                return Err(trouble);
            }
            // Quoted even where it was not, so that no keyword is made of it.
            self.push(if part.kind == Lexeme::Word {
                word(&part.text(name).to_ascii_uppercase(), true)
            } else if part.kind == Lexeme::Quoted {
                word(&decode_quoted(part.text(name)), true)
            } else {
                Parsed::Period
            });
        }
        if parts.len() % 2 == 1 { Ok(()) } else { Err(trouble) }
    }

    fn piece(&self, token: Token) -> Result<Parsed, Trouble> {
        let written = token.text(self.text);
        Ok(match token.kind {
            Lexeme::Word => word(written, false),
            Lexeme::Quoted => word(&decode_quoted(written), true),
            Lexeme::Text => Parsed::SingleQuotedString(decode_string(written)),
            Lexeme::Dollar => {
                Parsed::DollarQuotedString(DollarQuotedString { value: decode_string(written), tag: None })
            }
            Lexeme::Hex => Parsed::HexStringLiteral(decode_string(written.get(1..).unwrap_or(""))),
            Lexeme::Number => Parsed::Number(written.to_owned(), false),
            Lexeme::Variable => Parsed::Placeholder(written.to_owned()),
            Lexeme::Symbol => symbol(written).ok_or(Trouble("a symbol that Snowflake does not have"))?,
            Lexeme::Space | Lexeme::Comment => Parsed::Whitespace(Whitespace::Space),
        })
    }
}

fn word(written: &str, is_quoted: bool) -> Parsed {
    if is_quoted {
        Parsed::Word(Word { value: written.to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword })
    } else {
        Parsed::make_word(written, None)
    }
}

fn symbol(written: &str) -> Option<Parsed> {
    Some(match written {
        "(" => Parsed::LParen,
        ")" => Parsed::RParen,
        "[" => Parsed::LBracket,
        "]" => Parsed::RBracket,
        "{" => Parsed::LBrace,
        "}" => Parsed::RBrace,
        "," => Parsed::Comma,
        ";" => Parsed::SemiColon,
        "." => Parsed::Period,
        ":" => Parsed::Colon,
        "::" => Parsed::DoubleColon,
        ":=" => Parsed::Assignment,
        "=" => Parsed::Eq,
        "<>" | "!=" => Parsed::Neq,
        "<" => Parsed::Lt,
        ">" => Parsed::Gt,
        "<=" => Parsed::LtEq,
        ">=" => Parsed::GtEq,
        "+" => Parsed::Plus,
        "-" => Parsed::Minus,
        "*" => Parsed::Mul,
        "/" => Parsed::Div,
        "%" => Parsed::Mod,
        "||" => Parsed::StringConcat,
        "|" => Parsed::Pipe,
        "&" => Parsed::Ampersand,
        "^" => Parsed::Caret,
        "~" => Parsed::Tilde,
        "!" => Parsed::ExclamationMark,
        "@" => Parsed::AtSign,
        "=>" => Parsed::RArrow,
        "->" => Parsed::Arrow,
        "?" => Parsed::Placeholder("?".to_owned()),
        _ => return None,
    })
}
