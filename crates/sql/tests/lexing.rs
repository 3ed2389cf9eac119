//! Our lexer beside the parser's own: where both cut a text, they cut it alike. The parser is fed our pieces and
//! never sees the text, so this is about what Snowflake sees.

use proptest::prelude::*;
use sql::{Piece, rewrite};
use sqlparser::dialect::SnowflakeDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

/// A piece as far as both lexers tell it: numbers and symbols run together, since they part them differently.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Cut {
    Text(String),
    Name(String),
    Word(String),
    Rest(String),
}

fn push(cuts: &mut Vec<Cut>, next: Cut) {
    if let (Some(Cut::Rest(rest)), Cut::Rest(more)) = (cuts.last_mut(), &next) {
        rest.push_str(more);
    } else {
        cuts.push(next);
    }
}

/// What we make of the text; none where it is trouble.
fn ours(text: &str) -> Option<Vec<Cut>> {
    let mut cuts = Vec::new();
    let mut covered = 0;
    rewrite(text, &mut |piece| {
        covered += 1;
        match piece {
            Piece::StringLiteral(value) => push(&mut cuts, Cut::Text(value.to_owned())),
            Piece::QuotedIdentifier(name) => push(&mut cuts, Cut::Name(name.to_owned())),
            Piece::Identifier(word) => push(&mut cuts, Cut::Word(word.to_owned())),
            Piece::Number(written) | Piece::Other(written) => {
                push(&mut cuts, Cut::Rest(written.replace("!=", "<>")));
            }
            Piece::Comment(_) => {}
        }
        None
    });
    (!is_trouble(text)).then_some(cuts)
}

/// Whether the text cannot be cut: one statement more behind it would be seen if it could.
fn is_trouble(text: &str) -> bool {
    sql::split(&format!("select 1;\n{text}\n;select 1")).len() == 1
}

/// The symbols that Snowflake has. The parser's lexer knows more, of other databases, and no statement parses with
/// them.
const SYMBOLS: [&str; 33] = [
    "(", ")", "[", "]", "{", "}", ",", ";", ".", ":", "::", ":=", "=", "<>", "<", ">", "<=", ">=", "+", "-",
    "*", "/", "%", "||", "|", "&", "^", "~", "!", "@", "=>", "->", "->>",
];

/// What the parser's lexer makes of it; none where it refuses, or sees a symbol of another database.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other token is of another database")]
fn theirs(text: &str) -> Option<Vec<Cut>> {
    let tokens = Tokenizer::new(&SnowflakeDialect, text).tokenize().ok()?;
    let mut cuts = Vec::new();
    for token in tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::Word(Word { value, quote_style: Some(_), .. }) => push(&mut cuts, Cut::Name(value)),
            Token::Word(Word { value, quote_style: None, .. }) => push(&mut cuts, Cut::Word(value)),
            Token::SingleQuotedString(value) | Token::HexStringLiteral(value) => {
                push(&mut cuts, Cut::Text(value));
            }
            Token::DollarQuotedString(value) => push(&mut cuts, Cut::Text(value.value)),
            // `?1` is of another database.
            Token::Placeholder(written) if written.starts_with('?') && written.len() > 1 => return None,
            Token::Number(written, _) | Token::Placeholder(written) => push(&mut cuts, Cut::Rest(written)),
            other if SYMBOLS.contains(&other.to_string().as_str()) => {
                push(&mut cuts, Cut::Rest(other.to_string()));
            }
            _ => return None,
        }
    }
    Some(cuts)
}

/// Backslashes are decoded by us as Snowflake does, by the parser in part: only where they end matters.
fn without_values(cuts: &[Cut]) -> Vec<Cut> {
    cuts.iter()
        .map(|cut| match cut {
            Cut::Text(_) => Cut::Text(String::new()),
            Cut::Name(_) | Cut::Word(_) | Cut::Rest(_) => cut.clone(),
        })
        .collect()
}

#[track_caller]
fn agree(text: &str) {
    let (Some(ours), Some(theirs)) = (ours(text), theirs(text)) else { return };
    if text.contains('\\') {
        assert_eq!(without_values(&ours), without_values(&theirs), "{text:?}");
    } else {
        assert_eq!(ours, theirs, "{text:?}");
    }
}

#[test]
fn statements_that_parse_are_cut_as_the_parser_cuts_them() {
    for text in [
        "select 'it''s', 'a\\'b', 'a\\\\', '\\x27;drop', '' from t",
        "select 'a\\\\''; drop table t; --'",
        "select $$it's; -- $ $$, $$$$, $1, t.$2, $v from t",
        "select \"a;b\", \"q\"\"q\", \"--\", \"/*\" from \"T\"",
        "select 1 -- it's; \"\n from t",
        "select 1 // it's; \"\n from t",
        "select 1 /* it's; \" -- */ from t",
        "select 1 /* a */ /**/ /***/ from t",
        "select 1--1",
        "select 1//1",
        "select 4/2, 4 / -2, 4*-2",
        "select 1.5e3, .5, 5., 1e-3, 1e+3, t.a, t.\"b\", 1.e3 from t",
        "select a:b.c[0]::int, a:\"b\"::varchar, a['x'] from t",
        "select a||b, a->>b, a != b, a <> b, a<=b, a>=b, a=>b from t",
        "select f(a => 1, b=>2), x -> x + 1",
        "select metadata$filename, $1:c1, a$b from @s/p/f.csv (file_format => 'x')",
        "select x'00ff', X'AB'",
        "select date'2020-01-01', timestamp '2020-01-01'",
        "select * from @~/a/b.csv, @%t, @d.s.t/x",
        "select a\r\nfrom\tt\r\n-- x\r\nwhere b",
        "begin; select ';'; commit",
        "select {'a': 1, 'b': [1, 2]}",
        "select ? , :1, :x from identifier(?)",
        "select 'é', \"ü\" from t",
    ] {
        assert!(Parser::parse_sql(&SnowflakeDialect, text).is_ok() || theirs(text).is_some(), "{text}");
        assert!(ours(text).is_some(), "{text}");
        agree(text);
    }
}

/// Where lexers part, ours does not choose.
#[test]
fn what_the_parser_cuts_as_nobody_else_is_trouble() {
    for text in [
        "select 1 # x",
        "select n'x', N'x', e'x', b'x', r'x'",
        "select\u{a0}1",
        "select\u{2003}1",
        "select 1\u{feff}",
        "\u{feff}select 1",
        "select \u{0}1",
        "sele\u{441}t 1",
        "select 1 /* /* */ */",
        "select 0x1F",
        "select 1L",
        "select 1a",
        "select $a$ x $a$",
        "select `a`",
        "select \\ 1",
        "-- x\rselect 1",
        "-- x\u{2028}select 1",
        "-- x\u{85}select 1",
        "list @s//x",
        "list @s--x",
        "list @s/*x*/",
        "put file:///a'b @s",
        "put file:///a\u{a0}b @s",
        "select 'a",
        "select 'a\\'",
        "select \"a",
        "select $$a",
        "select $$a$",
        "select 1 /*",
        "select 1 /*/",
    ] {
        assert!(is_trouble(text), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_are_cut_alike(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..14)) {
        agree(&pieces.concat());
    }
}

const PIECES: [&str; 64] = [
    "'", "'", "'", "''", "\"", "\"", "\"\"", "$", "$$", "$$", "$1", "$v", "\\", "\\'", "\\\\", "--", "--",
    "//", "/*", "/*", "*/", "*/", "/", "*", "-", ">", "->", "->>", "=", "=>", "<", "!", "|", "||", ":", "::",
    ":=", ";", ";", ",", ".", "(", ")", "[", "]", "{", "}", "@", "%", "?", "a", "b1", "select", "x", "x'",
    "n", "1", "23", "1.5", "e3", " ", " ", "\n", "\r\n",
];
