//! Texts that differ from another in nothing but some of its literals.

use std::collections::BTreeMap;

use crate::lexer::{Lexeme, Lexer, Token, decode_quoted, decode_string};

/// A literal of a text that may be compared: a number of digits and at most one point, or a string in single quotes without a
/// backslash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Literal {
    /// What it says: a number as written, with the minus before it (`- 5` and `id -5` both say `-5`; two of them say nothing);
    /// a string decoded.
    pub value: String,
    /// Whether it is a string.
    pub is_text: bool,
    /// The last name or word before it, as written and without quotes; empty where there is none. Recordings take it for what the
    /// value is of.
    pub behind: String,
}

/// The literals of a text, in order, comments and names left out; none where the text cannot be cut into pieces.
///
/// A literal that cannot be compared (`$$…$$`, `x'…'`, `1e5`, a string with a backslash) is none of them, and may not
/// differ.
pub fn literals(text: &str) -> Option<Vec<Literal>> {
    let pieces = pieces(text)?;
    Some(signed(text, &pieces).into_iter().flatten().collect())
}

/// The last name or word before each `?` of a text, as [`Literal::behind`] has it, by the place of the value that is bound there;
/// none where the text cannot be cut into pieces.
pub fn bound_behind(text: &str) -> Option<BTreeMap<u32, String>> {
    let mut behind = Behind::default();
    let marks = pieces(text)?.into_iter().filter_map(|token| {
        behind.pass(text, token);
        token.is_symbol(text, "?").then(|| behind.name.clone())
    });
    Some((1..).zip(marks.collect::<Vec<_>>()).collect())
}

/// The last name or word so far, which says what a literal behind it is of: in `ssn in ('a', 'b')`, `ssn like 'a'` and
/// `ssn between 'a' and 'b'` that is `ssn` each time.
#[derive(Debug, Default)]
pub struct Behind {
    name: String,
    is_between: bool,
}

impl Behind {
    /// What stands behind by now; empty where nothing does.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A name without quotes, or a keyword.
    pub fn word(&mut self, word: &str) {
        /// What compares a name with what follows.
        const COMPARES: [&str; 12] = [
            "in", "not", "like", "ilike", "rlike", "regexp", "any", "all", "is", "distinct", "between",
            "escape",
        ];
        let is = |known: &&&str| word.eq_ignore_ascii_case(known);
        if let Some(known) = COMPARES.iter().find(is) {
            self.is_between |= *known == "between";
        } else if self.is_between && word.eq_ignore_ascii_case("and") {
            self.is_between = false;
        } else {
            self.quoted(word);
        }
    }

    /// A name in quotes, decoded.
    pub fn quoted(&mut self, name: &str) {
        self.is_between = false;
        self.name.clear();
        self.name.push_str(name);
    }

    fn pass(&mut self, text: &str, token: Token) {
        match token.kind {
            Lexeme::Word => self.word(token.text(text)),
            Lexeme::Quoted => self.quoted(&decode_quoted(token.text(text))),
            Lexeme::Text
            | Lexeme::Dollar
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable
            | Lexeme::Symbol
            | Lexeme::Space
            | Lexeme::Comment => {}
        }
    }
}

/// The literals that stand in `text` where those of `template` do, in order, when nothing else differs: every other piece is
/// the same to the byte, blanks and comments too, and a string stands for a string, a number for a number. None otherwise.
pub fn filled(template: &str, text: &str) -> Option<Vec<Literal>> {
    let (expected, found) = (pieces(template)?, pieces(text)?);
    if expected.len() != found.len() {
        return None;
    }
    let mut literals = Vec::new();
    let both = signed(template, &expected).into_iter().zip(signed(text, &found));
    for ((expected, found), both) in expected.into_iter().zip(found).zip(both) {
        match both {
            (Some(before), Some(now)) if before.is_text == now.is_text => literals.push(now),
            (Some(_), _) | (None, Some(_)) => return None,
            (None, None) => {
                if expected.kind != found.kind || expected.text(template) != found.text(text) {
                    return None;
                }
            }
        }
    }
    Some(literals)
}

fn pieces(text: &str) -> Option<Vec<Token>> {
    Lexer::new(text).collect::<Result<_, _>>().ok()
}

/// What each piece is as a literal; a number with the minus that stands before it.
fn signed(text: &str, pieces: &[Token]) -> Vec<Option<Literal>> {
    let mut behind = Behind::default();
    let mut minuses = 0_usize;
    let mut signed = Vec::with_capacity(pieces.len());
    for token in pieces {
        let mut literal = literal(text, *token, &mut behind);
        if let Some(number) = literal.as_mut().filter(|literal| !literal.is_text && minuses % 2 == 1) {
            number.value.insert(0, '-');
        }
        signed.push(literal);
        match token.kind {
            Lexeme::Symbol if token.text(text) == "-" => minuses = minuses.saturating_add(1),
            // `- + 5` and `-/* */5` are minus five, too.
            Lexeme::Symbol if token.text(text) == "+" => {}
            Lexeme::Space | Lexeme::Comment => {}
            Lexeme::Symbol
            | Lexeme::Text
            | Lexeme::Word
            | Lexeme::Quoted
            | Lexeme::Dollar
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable => minuses = 0,
        }
    }
    signed
}

fn literal(text: &str, token: Token, behind: &mut Behind) -> Option<Literal> {
    behind.pass(text, token);
    let written = token.text(text);
    let behind = || behind.name.clone();
    match token.kind {
        Lexeme::Number => {
            let is_plain = written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            is_plain.then(|| Literal { value: written.to_owned(), is_text: false, behind: behind() })
        }
        Lexeme::Text if !written.contains('\\') => {
            Some(Literal { value: decode_string(written), is_text: true, behind: behind() })
        }
        Lexeme::Text
        | Lexeme::Space
        | Lexeme::Comment
        | Lexeme::Word
        | Lexeme::Quoted
        | Lexeme::Dollar
        | Lexeme::Hex
        | Lexeme::Variable
        | Lexeme::Symbol => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(literals: Option<Vec<Literal>>) -> Option<Vec<String>> {
        literals.map(|literals| literals.into_iter().map(|literal| literal.value).collect())
    }

    const TEMPLATE: &str = "delete from t where status = 'o''k' and id < 10 -- why 7";

    #[test]
    fn literals_are_told_in_order() {
        assert_eq!(values(literals(TEMPLATE)), Some(vec!["o'k".to_owned(), "10".to_owned()]));
        let odd = "select $$1$$, x'00', 1e5, 'a\\'b', 2.50, \"3\", t4";
        assert_eq!(values(literals(odd)), Some(vec!["2.50".to_owned()]));
        assert_eq!(literals("select 1 # 2"), None, "what cannot be cut has none");
    }

    #[test]
    fn what_stands_before_a_value_is_told_with_it() {
        let text = "update t set \"S\"\"N\" = '1', phone=? where id > 2 and ssn in /* x */ (3, ?) and $1 = 4";
        let behind: Vec<String> = literals(text).unwrap().into_iter().map(|one| one.behind).collect();
        assert_eq!(behind, ["S\"N", "id", "ssn", "and"]);
        assert_eq!(bound_behind(text), Some([(1, "phone".to_owned()), (2, "ssn".to_owned())].into()));
        assert_eq!(literals("'a' 'b'").unwrap()[1].behind, "");
        assert_eq!(bound_behind("select 'is ? it' -- ?"), Some(BTreeMap::new()));
        assert_eq!(bound_behind("select ? # 2"), None);
    }

    #[test]
    fn a_number_is_told_with_its_minus() {
        let text = "delete from t where id > -99999 and n < - /* x */ 5 and m = a -7 and k = - -3 and j = (-(2)) and i = -+4";
        let told = ["-99999", "-5", "-7", "3", "2", "-4"];
        assert_eq!(values(literals(text)), Some(told.map(str::to_owned).to_vec()));
        assert_eq!(values(filled("where id > -1", "where id > -20")), Some(vec!["-20".to_owned()]));
        assert_eq!(filled("where id > -1", "where id > 20"), None);
        assert_eq!(
            values(literals("'a' - 'b', -'5'")),
            Some(vec!["a".to_owned(), "b".to_owned(), "5".to_owned()])
        );
    }

    #[test]
    fn what_differs_in_literals_alone_is_filled_in() {
        let text = "delete from t where status = 'gone' and id < 999.5 -- why 7";
        assert_eq!(values(filled(TEMPLATE, text)), Some(vec!["gone".to_owned(), "999.5".to_owned()]));
        assert_eq!(values(filled(TEMPLATE, TEMPLATE)), values(literals(TEMPLATE)));
    }

    #[test]
    fn whatever_else_differs_is_another_text() {
        for text in [
            // Comments, blanks and case are part of a text.
            "delete from t where status = 'x' and id < 10 -- why 8",
            "delete from t where status = 'x' and id < 10 -- why 7 ",
            "delete from t where status = 'x' and id < 10",
            "delete  from t where status = 'x' and id < 10 -- why 7",
            "DELETE from t where status = 'x' and id < 10 -- why 7",
            "delete from t where status = 'x' /**/and id < 10 -- why 7",
            "delete from u where status = 'x' and id < 10 -- why 7",
            "delete from t where status = 'x' and id > 10 -- why 7",
            "delete from t where status = 'x' and id < -10 -- why 7",
            "delete from t where status = 'x' and id < '10' -- why 7",
            "delete from t where status = 10 and id < 10 -- why 7",
            "delete from t where status = $$x$$ and id < 10 -- why 7",
            "delete from t where status = x'00' and id < 10 -- why 7",
            "delete from t where status = \"x\" and id < 10 -- why 7",
            "delete from t where status = 'x' 'y' and id < 10 -- why 7",
            "delete from t where status = 'x\\' or 1=1 --' and id < 10 -- why 7",
            "delete from t where status = 'x' or '1' = '1' and id < 10 -- why 7",
            "delete from t where status = 'x' and id < 10; drop table t -- why 7",
            "delete from t where status = 'x' and id < 1e9 -- why 7",
            "delete from t where status = 'x' and id < 10\n -- why 7",
            "delete from t where status = 'x and id < 10 -- why 7",
            "",
        ] {
            assert_eq!(filled(TEMPLATE, text), None, "{text}");
        }
    }

    #[test]
    fn a_quote_inside_a_value_stays_inside() {
        let text = "delete from t where status = 'x'' or 1=1 --' and id < 10 -- why 7";
        assert_eq!(values(filled(TEMPLATE, text)).unwrap()[0], "x' or 1=1 --");
    }
}
