//! Feeds our pieces to the parser, indirect names put in place.

use sqlparser::ast::DollarQuotedString;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token as Parsed, TokenWithSpan, Whitespace, Word};

use super::step_name;
use crate::Scope;
use crate::lexer::{self, Lexeme, Lexer, Token, Trouble, decode_quoted, decode_string, significant};
use crate::names::INDIRECT;

/// Which constructs are written anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Help {
    /// Those that no parser of ours can be given as they are: pattern matching, DIRECTED joins.
    None,
    /// All that we know of: for what could not be read otherwise.
    Full,
}

/// What an open bracket is to the feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bracket {
    Plain,
    /// `MATCH_RECOGNIZE (`.
    Match,
    /// Closed by one `)` whatever closes it.
    Object,
    /// Closed by two.
    Derived,
    /// `FILTER (WHERE`: closed as `) IS TRUE)`.
    Filter,
    /// Left out.
    Dropped,
}

pub(super) struct Feed<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) help: Help,
    /// Open brackets, each with its place.
    pub(super) brackets: Vec<(Bracket, usize)>,
    /// For each opening bracket the place of its end; only for full help.
    closings: Vec<Option<usize>>,
    scope: &'a Scope<'a>,
    fed: Vec<TokenWithSpan>,
    marks: u32,
    /// Whether a `?` may have been no mark of a bound value, so that the others cannot be counted.
    are_marks_doubtful: bool,
}

impl<'a> Feed<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token], scope: &'a Scope<'a>, help: Help) -> Self {
        let closings = match help {
            Help::None => Vec::new(),
            Help::Full => closings(text, tokens),
        };
        Self {
            text,
            tokens,
            help,
            brackets: Vec::new(),
            closings,
            scope,
            fed: Vec::with_capacity(tokens.len() * 2),
            marks: 0,
            are_marks_doubtful: false,
        }
    }

    pub(super) fn run(mut self) -> Result<Vec<TokenWithSpan>, Trouble> {
        self.count_earlier_marks();
        let mut at = 0;
        while let Some(token) = self.tokens.get(at).copied() {
            if at > 0 && self.tokens.get(at - 1).is_some_and(|before| before.end != token.start) {
                self.push(Parsed::Whitespace(Whitespace::Space));
            }
            at = match token.kind {
                Lexeme::Word | Lexeme::Symbol => self.word_or_symbol(at, token)?,
                Lexeme::Quoted
                | Lexeme::Text
                | Lexeme::Dollar
                | Lexeme::Hex
                | Lexeme::Number
                | Lexeme::Variable
                | Lexeme::Space
                | Lexeme::Comment => {
                    self.push_piece(at, token)?;
                    at + 1
                }
            };
        }
        Ok(self.fed)
    }

    fn word_or_symbol(&mut self, at: usize, token: Token) -> Result<usize, Trouble> {
        if token.kind == Lexeme::Word {
            if let Some(after) = self.indirect_name(at)? {
                return Ok(after);
            }
            // `json:ssn` and `array[0]`: a path into a column, whatever the parser would make of its name.
            if self.is_symbol(at + 1, ":") || self.is_symbol(at + 1, "[") {
                let word = token.text(self.text).to_ascii_uppercase();
                if TYPES.contains(&word.as_str()) {
                    self.push_quoted(&word);
                    return Ok(at + 1);
                }
            }
            // The parser would take whatever word follows for a collation, FROM included.
            let follows = self.tokens.get(at + 1).map(|token| token.kind);
            if self.is_word(at, "COLLATE") && !matches!(follows, Some(Lexeme::Text | Lexeme::Symbol)) {
                return Err(Trouble("COLLATE without a collation"));
            }
            if self.is_dropped(at)? {
                return Ok(at + 1);
            }
        } else if token.is_symbol(self.text, "?") {
            self.marks += 1;
        }
        let after = match (self.pattern_clause(at), self.help) {
            (Some(after), _) => Some(after),
            (None, Help::Full) => self.rewritten(at),
            (None, Help::None) => None,
        };
        if let Some(after) = after {
            return Ok(after);
        }
        match token.bracket(self.text) {
            Some(lexer::Bracket::Opens) => {
                self.brackets.push((Bracket::Plain, at));
                self.push_piece(at, token)?;
            }
            Some(lexer::Bracket::Closes) => {
                match self.brackets.pop().map_or(Bracket::Plain, |(bracket, _)| bracket) {
                    Bracket::Plain | Bracket::Match => self.push_piece(at, token)?,
                    Bracket::Object => self.push(Parsed::RParen),
                    Bracket::Derived => {
                        self.push(Parsed::RParen);
                        self.push(Parsed::RParen);
                    }
                    Bracket::Filter => {
                        self.push(Parsed::RParen);
                        self.push_word("IS");
                        self.push_word("TRUE");
                        self.push(Parsed::RParen);
                    }
                    Bracket::Dropped => {}
                }
            }
            None => self.push_piece(at, token)?,
        }
        Ok(at + 1)
    }

    fn push_piece(&mut self, at: usize, token: Token) -> Result<(), Trouble> {
        let piece = if self.is_step_name(at) {
            quoted(&step_name(token.text(self.text)))
        } else {
            self.piece(token)?
        };
        self.push(piece);
        Ok(())
    }

    /// How many `?` stand in the text before these pieces: earlier steps of a pipeline count.
    fn count_earlier_marks(&mut self) {
        let start = self.tokens.first().map_or(0, |token| token.start);
        if start == 0 || !self.tokens.iter().any(|token| token.is_symbol(self.text, "?")) {
            return;
        }
        let before = Lexer::new(self.text.get(..start).unwrap_or(""));
        let mut marks = 0;
        for token in before.filter_map(Result::ok) {
            marks += u32::from(token.is_symbol(self.text, "?"));
            self.are_marks_doubtful |= token.is_word(self.text, "MATCH_RECOGNIZE");
        }
        self.marks = marks;
    }

    pub(super) fn doubt_marks(&mut self) {
        self.are_marks_doubtful = true;
    }

    pub(super) fn push(&mut self, token: Parsed) {
        self.fed.push(TokenWithSpan::wrap(token));
    }

    pub(super) fn push_word(&mut self, word: &str) {
        self.push(Parsed::make_word(word, None));
        self.push(Parsed::Whitespace(Whitespace::Space));
    }

    pub(super) fn push_quoted(&mut self, name: &str) {
        self.push(quoted(name));
    }

    /// Feeds these pieces as they are.
    pub(super) fn push_all(&mut self, from: usize, until: usize) -> Option<()> {
        for token in self.tokens.get(from..until)? {
            let piece = self.piece(*token).ok()?;
            self.push(piece);
            self.push(Parsed::Whitespace(Whitespace::Space));
        }
        Some(())
    }

    /// Takes back the last piece that was fed.
    pub(super) fn take_back(&mut self) {
        self.fed.pop();
    }

    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text, word))
    }

    pub(super) fn is_any_word(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(at, word))
    }

    pub(super) fn is_symbol(&self, at: usize, symbol: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// Whether a name or a keyword stands there.
    pub(super) fn is_name(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| matches!(token.kind, Lexeme::Word | Lexeme::Quoted))
    }

    /// The name that stands there, as Snowflake stores it.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        self.tokens.get(at)?.name(self.text)
    }

    /// The place of the end of the bracket that opens there.
    pub(super) fn closing(&self, at: usize) -> Option<usize> {
        self.closings.get(at).copied().flatten()
    }

    /// `DIRECTED` of `INNER DIRECTED JOIN`, which the parser does not know and which changes no meaning.
    fn is_dropped(&self, at: usize) -> Result<bool, Trouble> {
        if !(self.is_word(at, "DIRECTED") && self.is_word(at + 1, "JOIN")) {
            return Ok(false);
        }
        let (Some(before), second) = (at.checked_sub(1), at.checked_sub(2)) else { return Ok(false) };
        let kinds = ["INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "NATURAL"];
        if self.is_any_word(before, &kinds) {
            return Ok(true);
        }
        // Behind a name it may be its alias, unless that name is one.
        let is_table = |at: usize| {
            self.is_symbol(at, ".") || self.is_symbol(at, ",") || self.is_any_word(at, &["FROM", "JOIN"])
        };
        let is_aliased = self.is_name(before) && second.is_some_and(|second| !is_table(second));
        if is_aliased { Ok(true) } else { Err(Trouble("DIRECTED where it may be an alias")) }
    }

    /// `$1` where a table stands: the result of an earlier step of a pipeline.
    fn is_step_name(&self, at: usize) -> bool {
        let is_variable = self.tokens.get(at).is_some_and(|token| token.kind == Lexeme::Variable);
        // `extract(year from $1)`, `$2 is distinct from $1`
        let is_operand = at >= 2 && self.is_word(at - 2, "DISTINCT")
            || at >= 4 && self.is_symbol(at - 3, "(") && self.is_any_word(at - 4, &["EXTRACT", "DATE_PART"]);
        is_variable && at > 0 && self.is_any_word(at - 1, &["FROM", "JOIN"]) && !is_operand
    }

    /// Where `IDENTIFIER(…)` or `TABLE(…)` over a constant begins at `at`, feeds the name that it stands for
    /// and answers where the text goes on.
    fn indirect_name(&mut self, at: usize) -> Result<Option<usize>, Trouble> {
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
                    self.marks += 1;
                    if self.are_marks_doubtful {
                        return Err(Trouble("a bound name after a pattern"));
                    }
                    self.scope.bindings.get(&self.marks).and_then(|bound| bound.value.clone())
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
            self.push(part.name(name).map_or(Parsed::Period, |part| quoted_by(INDIRECT, part)));
        }
        if parts.len() % 2 == 1 { Ok(()) } else { Err(trouble) }
    }

    fn piece(&self, token: Token) -> Result<Parsed, Trouble> {
        let written = token.text(self.text);
        Ok(match token.kind {
            Lexeme::Word => Parsed::make_word(written, None),
            Lexeme::Quoted => quoted(&decode_quoted(written)),
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

/// Names of types that are no reserved words, so that columns may be called so. Behind the name of a type the parser reads a
/// literal of it, behind ARRAY and MAP the elements of one; Snowflake does neither.
const TYPES: [&str; 60] = [
    "ARRAY",
    "BIGDECIMAL",
    "BIGINT",
    "BIGNUMERIC",
    "BINARY",
    "BIT",
    "BLOB",
    "BOOL",
    "BOOLEAN",
    "BYTEA",
    "BYTES",
    "CHAR",
    "CHARACTER",
    "CLOB",
    "DATE",
    "DATETIME",
    "DEC",
    "DECIMAL",
    "DOUBLE",
    "ENUM",
    "FLOAT",
    "FLOAT32",
    "FLOAT4",
    "FLOAT64",
    "FLOAT8",
    "INT",
    "INT2",
    "INT4",
    "INT64",
    "INT8",
    "INTEGER",
    "INTERVAL",
    "JSON",
    "JSONB",
    "MAP",
    "MEDIUMINT",
    "NUMERIC",
    "NVARCHAR",
    "OBJECT",
    "REAL",
    "REGCLASS",
    "SMALLINT",
    "STRING",
    "STRUCT",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TIMESTAMP_NTZ",
    "TIMETZ",
    "TINYINT",
    "TSQUERY",
    "TSVECTOR",
    "TUPLE",
    "UNSIGNED",
    "UUID",
    "VARBINARY",
    "VARBIT",
    "VARCHAR",
    "VARIANT",
];

fn quoted(name: &str) -> Parsed {
    quoted_by('"', name.to_owned())
}

fn quoted_by(quote: char, name: String) -> Parsed {
    Parsed::Word(Word { value: name, quote_style: Some(quote), keyword: Keyword::NoKeyword })
}

/// For each opening bracket the place of the one that closes it.
fn closings(text: &str, tokens: &[Token]) -> Vec<Option<usize>> {
    let mut closings = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.bracket(text) {
            Some(lexer::Bracket::Opens) => open.push(at),
            Some(lexer::Bracket::Closes) => {
                if let Some(closed) = open.pop().and_then(|start| closings.get_mut(start)) {
                    *closed = Some(at);
                }
            }
            None => {}
        }
    }
    closings
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
