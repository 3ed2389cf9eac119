//! Our own lexer: the one place that decides where strings, comments, names and symbols begin and end.
//!
//! The parser is fed the tokens made here and never sees the text, so the two cannot disagree. Whatever
//! Snowflake might cut differently (`#`, Unicode spaces, homoglyphs, control characters, a bare carriage
//! return in a line comment, a comment opened inside a comment or inside the path of a stage, a number that runs
//! into a name) is trouble, and a text with trouble is opaque.

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lexeme {
    /// Blanks, tabs and line ends.
    Space,
    /// `-- …`, `// …` without its line end, or `/* … */`.
    Comment,
    /// An unquoted identifier or keyword.
    Word,
    /// `"…"`.
    Quoted,
    /// `'…'`.
    Text,
    /// `$$…$$`.
    Dollar,
    /// `x'…'`.
    Hex,
    /// A number.
    Number,
    /// `$name` or `$1`.
    Variable,
    /// An operator, a bracket, or an unquoted `file://…`.
    Symbol,
}

/// One piece of a text, by its byte range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    /// What it is.
    pub kind: Lexeme,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

impl Token {
    /// The piece as written.
    pub(crate) fn text(self, source: &str) -> &str {
        #[cfg(test)]
        crate::looks::count();
        source.get(self.start..self.end).unwrap_or("")
    }

    /// Whether it is this keyword, unquoted and in any case; `word` is upper case.
    pub(crate) fn is_word(self, source: &str, word: &str) -> bool {
        self.kind == Lexeme::Word
            && self.end - self.start == word.len()
            && self.text(source).eq_ignore_ascii_case(word)
    }

    /// The name that it is, as Snowflake stores it; none where it is no name.
    pub(crate) fn name(self, source: &str) -> Option<String> {
        match self.kind {
            Lexeme::Word => Some(self.text(source).to_ascii_uppercase()),
            Lexeme::Quoted => Some(decode_quoted(self.text(source))),
            Lexeme::Text
            | Lexeme::Dollar
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable
            | Lexeme::Symbol
            | Lexeme::Space
            | Lexeme::Comment => None,
        }
    }

    /// Which bracket it is, of whatever shape.
    pub(crate) fn bracket(self, source: &str) -> Option<Bracket> {
        if self.kind != Lexeme::Symbol {
            return None;
        }
        match self.text(source) {
            "(" | "[" | "{" => Some(Bracket::Opens),
            ")" | "]" | "}" => Some(Bracket::Closes),
            _ => None,
        }
    }

    /// Whether it is this symbol.
    pub(crate) fn is_symbol(self, source: &str, symbol: &str) -> bool {
        self.kind == Lexeme::Symbol && self.text(source) == symbol
    }
}

/// What a bracket does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bracket {
    Opens,
    Closes,
}

/// Why a text cannot be cut into pieces; a sentence without user input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trouble(pub &'static str);

/// All pieces of the text that matter (no space, no comments), or the first trouble.
pub(crate) fn significant(text: &str) -> Result<Vec<Token>, Trouble> {
    let mut tokens = Vec::with_capacity(text.len() / 5 + 4);
    for token in Lexer::new(text) {
        let token = token?;
        if !matches!(token.kind, Lexeme::Space | Lexeme::Comment) {
            tokens.push(token);
        }
    }
    Ok(tokens)
}

/// Cuts a text into pieces that cover it without gaps; ends at the first trouble.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Whether the pieces before, back to an `@` and without a gap, are the path of a stage.
    is_in_stage: bool,
    /// Whether the statement that is being cut begins with PUT or GET; none before its first piece.
    moves_files: Option<bool>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self::from(text, 0)
    }

    /// Cuts the text from that byte on.
    pub(crate) fn from(text: &'a str, at: usize) -> Self {
        Self { text, at, is_in_stage: false, moves_files: None }
    }

    /// Where the next piece begins: after trouble, where the trouble began.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn byte(&self, at: usize) -> Option<u8> {
        #[cfg(test)]
        crate::looks::count();
        self.text.as_bytes().get(at).copied()
    }

    fn run(&self, mut at: usize, is_part: impl Fn(u8) -> bool) -> usize {
        while self.byte(at).is_some_and(&is_part) {
            at += 1;
        }
        at
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Token, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let first = self.byte(start)?;
        Some(self.piece(start, first).map(|(kind, end)| {
            self.at = end;
            self.is_in_stage = self.stays_in_stage(kind, first);
            let token = Token { kind, start, end };
            self.moves_files = match kind {
                Lexeme::Space | Lexeme::Comment => self.moves_files,
                Lexeme::Symbol if first == b';' => None,
                _ => self
                    .moves_files
                    .or_else(|| Some(token.is_word(self.text, "PUT") || token.is_word(self.text, "GET"))),
            };
            token
        }))
    }
}

impl Lexer<'_> {
    fn piece(&self, start: usize, first: u8) -> Result<(Lexeme, usize), Trouble> {
        match first {
            b' ' | b'\t' | b'\n' | b'\r' => {
                Ok((Lexeme::Space, self.run(start + 1, |b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))))
            }
            // SECURITY: whoever takes the path whole sees statements where we would see a comment.
            b'-' | b'/' if self.is_in_stage && self.opens_comment(start) => {
                Err(Trouble("a comment mark inside the path of a stage"))
            }
            b'-' if self.byte(start + 1) == Some(b'-') => self.line_comment(start),
            b'/' if self.byte(start + 1) == Some(b'/') => self.line_comment(start),
            b'/' if self.byte(start + 1) == Some(b'*') => self.block_comment(start),
            b'\'' => Ok((Lexeme::Text, self.string(start)?)),
            b'"' => Ok((Lexeme::Quoted, self.quoted(start)?)),
            b'$' => self.dollar(start),
            b'x' | b'X' if self.byte(start + 1) == Some(b'\'') => Ok((Lexeme::Hex, self.string(start + 1)?)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(start),
            b'0'..=b'9' => self.number(start),
            b'.' if self.byte(start + 1).is_some_and(|b| b.is_ascii_digit())
                && !self.follows_a_name(start) =>
            {
                self.number(start)
            }
            b'#' => Err(Trouble("`#` outside quotes")),
            b'`' => Err(Trouble("a backtick outside quotes")),
            b'\\' => Err(Trouble("a backslash outside quotes")),
            0x80.. => Err(Trouble(
                "a character outside ASCII outside quotes (a name with one stands in double quotes)",
            )),
            byte if byte.is_ascii_control() => Err(Trouble("a control character outside quotes")),
            _ => Ok((Lexeme::Symbol, start + self.symbol_length(start))),
        }
    }

    /// Whether the path of a stage goes on behind a piece of that kind and first byte.
    fn stays_in_stage(&self, kind: Lexeme, first: u8) -> bool {
        match kind {
            Lexeme::Symbol if first == b'@' => true,
            Lexeme::Symbol => self.is_in_stage && !matches!(first, b'(' | b')' | b',' | b';'),
            Lexeme::Word | Lexeme::Quoted | Lexeme::Number | Lexeme::Variable => self.is_in_stage,
            Lexeme::Space | Lexeme::Comment | Lexeme::Text | Lexeme::Dollar | Lexeme::Hex => false,
        }
    }

    fn opens_comment(&self, at: usize) -> bool {
        matches!(
            (self.byte(at), self.byte(at + 1)),
            (Some(b'-'), Some(b'-')) | (Some(b'/'), Some(b'/' | b'*'))
        )
    }

    /// `t.1`: after a name a point is a separator, not the beginning of a number.
    fn follows_a_name(&self, at: usize) -> bool {
        at.checked_sub(1)
            .and_then(|before| self.byte(before))
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'"' | b')' | b']'))
    }

    fn word(&self, start: usize) -> Result<(Lexeme, usize), Trouble> {
        let end = self.run(start + 1, is_name_part);
        match (end - start, self.byte(end)) {
            // `N'…'`, `E'…'`, `B'…'` mean different strings in different dialects.
            (1, Some(b'\'')) => Err(Trouble("a prefixed string")),
            // SECURITY: anywhere else this is a name before a comment.
            (4, Some(b':')) if self.is_file_scheme(start) && self.moves_files == Some(true) => {
                self.file(start)
            }
            (4, Some(b':')) if self.is_file_scheme(start) => {
                Err(Trouble("a file's path outside PUT and GET"))
            }
            _ => Ok((Lexeme::Word, end)),
        }
    }

    fn is_file_scheme(&self, start: usize) -> bool {
        self.text.get(start..start + 7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
    }

    /// The unquoted file of PUT and GET. It holds `//` and may hold `/*`, which are no comments there.
    fn file(&self, start: usize) -> Result<(Lexeme, usize), Trouble> {
        let end = self.run(start, |b| !b.is_ascii_whitespace() && b != b';');
        let body = self.text.get(start..end).unwrap_or("");
        // SECURITY: where such a path ends, lexers disagree.
        if !body.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\'' | b'"' | b'`' | b'(' | b')')) {
            return Err(Trouble("a file path of doubtful characters outside quotes"));
        }
        Ok((Lexeme::Symbol, end))
    }

    fn number(&self, start: usize) -> Result<(Lexeme, usize), Trouble> {
        let mut end = self.run(start, |b| b.is_ascii_digit());
        if self.byte(end) == Some(b'.') && self.byte(end + 1) != Some(b'.') {
            end = self.run(end + 1, |b| b.is_ascii_digit());
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            let digits = self.run(end + 1 + sign, |b| b.is_ascii_digit());
            if digits > end + 1 + sign {
                end = digits;
            }
        }
        // SECURITY: `0x1F` and `1L` are one number to some lexers, a number and a name to others.
        if !self.is_in_stage && self.byte(end).is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            return Err(Trouble("a number that runs into a name"));
        }
        Ok((Lexeme::Number, end))
    }

    fn dollar(&self, start: usize) -> Result<(Lexeme, usize), Trouble> {
        if self.byte(start + 1) == Some(b'$') {
            let body = self.text.get(start + 2..).unwrap_or("");
            let length = body.find("$$").ok_or(Trouble("a `$$` string without its end"))?;
            return Ok((Lexeme::Dollar, start + 2 + length + 2));
        }
        let end = self.run(start + 1, is_name_part);
        // SECURITY: `$a$` begins a string to some lexers.
        if self.text.get(start + 1..end).unwrap_or("").contains('$') {
            return Err(Trouble("a second `$` in a variable"));
        }
        // A `$` alone is the end of a pattern in MATCH_RECOGNIZE.
        Ok(if end == start + 1 { (Lexeme::Symbol, end) } else { (Lexeme::Variable, end) })
    }

    fn string(&self, start: usize) -> Result<usize, Trouble> {
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                None => return Err(Trouble("a string without its end")),
                Some(b'\\') => at += 2,
                Some(b'\'') if self.byte(at + 1) == Some(b'\'') => at += 2,
                Some(b'\'') => return Ok(at + 1),
                Some(_) => at += 1,
            }
        }
    }

    fn quoted(&self, start: usize) -> Result<usize, Trouble> {
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                None => return Err(Trouble("a quoted name without its end")),
                // SECURITY: names of the pre-pass begin with it, and nobody's else.
                Some(0) => return Err(Trouble("a zero in a quoted name")),
                Some(b'"') if self.byte(at + 1) == Some(b'"') => at += 2,
                Some(b'"') => return Ok(at + 1),
                Some(_) => at += 1,
            }
        }
    }

    fn line_comment(&self, start: usize) -> Result<(Lexeme, usize), Trouble> {
        let end = self.run(start, |b| b != b'\n');
        let body = self.text.get(start..end).unwrap_or("");
        // SECURITY: some lexers end a line comment at each of these, others do not.
        if body.strip_suffix('\r').unwrap_or(body).contains(is_doubtful_line_end) {
            return Err(Trouble("a doubtful line end in a comment"));
        }
        Ok((Lexeme::Comment, end))
    }

    fn block_comment(&self, start: usize) -> Result<(Lexeme, usize), Trouble> {
        let body = self.text.get(start + 2..).unwrap_or("");
        let length = body.find("*/").ok_or(Trouble("a comment without its end"))?;
        // SECURITY: some lexers nest comments, Snowflake does not.
        if body.get(..length).unwrap_or("").contains("/*") {
            return Err(Trouble("a comment opened inside a comment"));
        }
        Ok((Lexeme::Comment, start + 2 + length + 2))
    }

    fn symbol_length(&self, start: usize) -> usize {
        let next = |n: usize| self.byte(start + n);
        match (self.byte(start), next(1), next(2)) {
            (Some(b'-'), Some(b'>'), Some(b'>')) => 3,
            (Some(b'-' | b'=' | b'<'), Some(b'>'), _)
            | (Some(b'<' | b'>' | b'!' | b':' | b'='), Some(b'='), _)
            | (Some(b':'), Some(b':'), _)
            | (Some(b'|'), Some(b'|'), _) => 2,
            _ => 1,
        }
    }
}

fn is_name_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

fn is_doubtful_line_end(character: char) -> bool {
    matches!(character, '\r' | '\u{b}' | '\u{c}' | '\u{0}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The value of a `'…'` or `$$…$$` piece as Snowflake decodes it.
pub(crate) fn decode_string(piece: &str) -> String {
    if let Some(body) = piece.strip_prefix("$$") {
        return body.strip_suffix("$$").unwrap_or(body).to_owned();
    }
    let body = piece.strip_prefix('\'').unwrap_or(piece);
    let body = body.strip_suffix('\'').unwrap_or(body);
    if !body.contains(['\\', '\'']) {
        return body.to_owned();
    }
    let mut decoded = String::with_capacity(body.len());
    let mut characters = body.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                characters.next();
                decoded.push('\'');
            }
            '\\' => decode_escape(&mut characters, &mut decoded),
            other => decoded.push(other),
        }
    }
    decoded
}

fn decode_escape(characters: &mut std::str::Chars<'_>, decoded: &mut String) {
    let Some(escape) = characters.next() else { return };
    let digits = |radix: u32, length: usize, rest: &str| -> Option<(u32, usize)> {
        let taken: String = rest.chars().take(length).take_while(|c| c.is_digit(radix)).collect();
        Some((u32::from_str_radix(&taken, radix).ok()?, taken.len()))
    };
    let code = match escape {
        'n' => Some(('\n', 0)),
        't' => Some(('\t', 0)),
        'r' => Some(('\r', 0)),
        'b' => Some(('\u{8}', 0)),
        'f' => Some(('\u{c}', 0)),
        'x' => digits(16, 2, characters.as_str()).and_then(|(n, used)| Some((char::from_u32(n)?, used))),
        'u' => digits(16, 4, characters.as_str()).and_then(|(n, used)| Some((char::from_u32(n)?, used))),
        '0'..='7' => {
            let rest = format!("{escape}{}", characters.as_str().chars().take(2).collect::<String>());
            digits(8, 3, &rest).and_then(|(n, used)| Some((char::from_u32(n)?, used - 1)))
        }
        other => Some((other, 0)),
    };
    let (character, used) = code.unwrap_or((escape, 0));
    decoded.push(character);
    for _ in 0..used {
        characters.next();
    }
}

/// The name inside a `"…"` piece.
pub(crate) fn decode_quoted(piece: &str) -> String {
    let body = piece.strip_prefix('"').unwrap_or(piece);
    body.strip_suffix('"').unwrap_or(body).replace("\"\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let tokens = significant(text).expect(text);
        assert_eq!(tokens.iter().map(|t| t.text(text)).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_text_is_cut_where_snowflake_cuts_it() {
        check("select a.b,1.5e3 .5 from t", &["select", "a", ".", "b", ",", "1.5e3", ".5", "from", "t"]);
        check(
            "a ->> b -> c => d:: e := <> !=",
            &["a", "->>", "b", "->", "c", "=>", "d", "::", "e", ":=", "<>", "!="],
        );
        check("'it''s' 'a\\'b' \"q\"\"q\" $$;'$$", &["'it''s'", "'a\\'b'", "\"q\"\"q\"", "$$;'$$"]);
        check("1 -- x\n2 // y\n3 /* ; */ 4", &["1", "2", "3", "4"]);
        check("$v $1 x'00' t.$1", &["$v", "$1", "x'00'", "t", ".", "$1"]);
    }

    #[test]
    fn what_lexers_disagree_on_is_trouble() {
        for text in [
            "select 1 # x",
            "select\u{a0}1",
            "sel\u{435}ct 1",
            "select \u{1}",
            "'open",
            "\"open",
            "$$open",
            "/* open",
            "/* /* */",
            "-- a\rselect 1",
            "select n'x'",
            "`a`",
            "\u{feff}select 1",
        ] {
            assert!(significant(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn strings_decode_both_kinds_of_escape() {
        for (piece, value) in [
            ("'it''s'", "it's"),
            ("'a\\'b'", "a'b"),
            ("'\\x41\\u0042\\103\\n'", "ABC\n"),
            ("'\\\\'", "\\"),
            ("$$a''\\n$$", "a''\\n"),
        ] {
            assert_eq!(decode_string(piece), value);
        }
        assert_eq!(decode_quoted("\"a\"\"b\""), "a\"b");
    }
}
