//! Replacing pieces of a text for recordings, without reading it.

use crate::lexer::{Lexeme, Lexer, Token, decode_quoted, decode_string};

/// One lexical piece of a text, as [`rewrite`] offers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// A `'…'` or `$$…$$` string, decoded.
    StringLiteral(&'a str),
    /// A number as written.
    Number(&'a str),
    /// A comment as written, its marks included.
    Comment(&'a str),
    /// A `"…"` name, decoded.
    QuotedIdentifier(&'a str),
    /// An unquoted name or keyword as written.
    Identifier(&'a str),
    /// Anything else as written; after a lexical error all the rest.
    Other(&'a str),
}

/// Offers every piece of the text but white space to `replace`, and prints what it answers, quoted for its
/// kind: a string stays a string, a name a name, a comment a comment. A replaced number or plain piece is
/// printed as answered. The result is for reading, never for running.
pub fn rewrite(text: &str, replace: &mut dyn FnMut(Piece<'_>) -> Option<String>) -> String {
    let mut printed = String::with_capacity(text.len());
    let mut lexer = Lexer::new(text);
    while let Some(piece) = lexer.next() {
        match piece {
            Ok(token) => print(text, token, replace, &mut printed),
            Err(_) => {
                let rest = text.get(lexer.position()..).unwrap_or("");
                printed.push_str(&replace(Piece::Other(rest)).unwrap_or_else(|| rest.to_owned()));
                break;
            }
        }
    }
    printed
}

fn print(
    text: &str,
    token: Token,
    replace: &mut dyn FnMut(Piece<'_>) -> Option<String>,
    printed: &mut String,
) {
    let written = token.text(text);
    let replaced = match token.kind {
        Lexeme::Space => None,
        Lexeme::Text | Lexeme::Dollar => {
            replace(Piece::StringLiteral(&decode_string(written))).map(quote_string)
        }
        Lexeme::Hex => {
            replace(Piece::StringLiteral(&decode_string(written.get(1..).unwrap_or("")))).map(quote_string)
        }
        Lexeme::Quoted => {
            replace(Piece::QuotedIdentifier(&decode_quoted(written))).map(|name| domain::quoted(&name))
        }
        Lexeme::Word => replace(Piece::Identifier(written)).map(print_name),
        Lexeme::Number => replace(Piece::Number(written)),
        Lexeme::Comment => replace(Piece::Comment(written)).map(|body| print_comment(written, body)),
        Lexeme::Variable | Lexeme::Symbol => replace(Piece::Other(written)),
    };
    printed.push_str(replaced.as_deref().unwrap_or(written));
}

fn quote_string(value: String) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

fn print_name(name: String) -> String {
    let mut bytes = name.bytes();
    let is_plain = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'));
    if is_plain { name } else { domain::quoted(&name) }
}

/// Keeps a comment a comment: no line end in a line comment, no mark that would end a block comment.
fn print_comment(written: &str, body: String) -> String {
    let is_block = written.starts_with("/*");
    let opened = if body.starts_with("--") || body.starts_with("//") || body.starts_with("/*") {
        body.get(2..).unwrap_or("")
    } else {
        &body
    };
    if is_block {
        let inner = opened.strip_suffix("*/").unwrap_or(opened).replace("*/", "* /").replace("/*", "/ *");
        format!("/*{inner}*/")
    } else {
        let mark = written.get(..2).unwrap_or("--");
        format!(
            "{mark}{}",
            opened.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_piece_can_be_replaced_and_stays_of_its_kind() {
        let text = "select 'a''b', $$c$$, 42 as \"d\"\"e\" -- it's me\n from t /* me */";
        let mut seen = Vec::new();
        let printed = rewrite(text, &mut |piece| {
            seen.push(format!("{piece:?}"));
            match piece {
                Piece::StringLiteral(_) => Some("x'y".into()),
                Piece::Number(_) => Some("0".into()),
                Piece::Comment(_) => Some("*/ gone\n".into()),
                Piece::QuotedIdentifier(_) => Some("f\"g".into()),
                Piece::Identifier("t") => Some("two words".into()),
                Piece::Identifier(_) | Piece::Other(_) => None,
            }
        });
        let expected =
            "select 'x''y', 'x''y', 0 as \"f\"\"g\" --*/ gone \n from \"two words\" /** / gone\n*/";
        assert_eq!(printed, expected);
        assert!(seen.contains(&"StringLiteral(\"a'b\")".to_owned()), "{seen:?}");
        assert!(seen.contains(&"QuotedIdentifier(\"d\\\"e\")".to_owned()), "{seen:?}");
    }

    #[test]
    fn nothing_replaced_prints_the_text_itself() {
        for text in ["select 1 # 'x'", "a\u{a0}b", "", "select 'a\\'b' , x'00' // y"] {
            assert_eq!(rewrite(text, &mut |_| None), text);
        }
    }

    #[test]
    fn what_cannot_be_cut_is_offered_whole() {
        let printed = rewrite("select 1 # secret", &mut |piece| {
            matches!(piece, Piece::Other(rest) if rest.contains("secret")).then(|| "…".to_owned())
        });
        assert_eq!(printed, "select 1 …");
    }
}
