//! JSON inside a cell: leaves and keys are masked where they stand, everything else stays byte by byte.

use crate::detectors::{Context, Detectors, Scratch};
use crate::lexical::{at, plain_end, run_end};

/// Which texts are read as JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JsonValues {
    /// None.
    Never,
    /// Objects and arrays.
    Containers,
    /// Scalars as well: the column holds JSON.
    Any,
}

/// Deeper nesting is not walked; the cell is scanned as plain text instead.
const DEEPEST: usize = 128;

/// Masks a JSON text into the scratch's `cell` and says whether anything changed; none when it is no JSON.
pub(crate) fn mask_json(
    detectors: &Detectors,
    context: Context,
    values: JsonValues,
    text: &str,
    scratch: &mut Scratch,
) -> Option<bool> {
    if values == JsonValues::Never {
        return None;
    }
    let first = text.bytes().find(|b| !is_space(*b))?;
    if values == JsonValues::Containers && !matches!(first, b'{' | b'[') {
        return None;
    }
    scratch.cell.clear();
    scratch.kinds.clear();
    let mut walk =
        Walk { detectors, text, position: 0, copied: 0, scratch, levels: Vec::new(), is_back: false };
    let walked = walk.document(context);
    let Walk { copied, .. } = walk;
    if walked.is_none() {
        scratch.cell.clear();
        scratch.kinds.clear();
        scratch.finder.flagged.clear();
        return None;
    }
    if copied > 0 {
        scratch.cell.push_str(text.get(copied..).unwrap_or_default());
    }
    Some(copied > 0)
}

struct Walk<'a> {
    detectors: &'a Detectors,
    text: &'a str,
    position: usize,
    /// Up to where the text has been written to the cell; zero while nothing changed.
    copied: usize,
    scratch: &'a mut Scratch,
    levels: Vec<Level>,
    /// Whether the members of the innermost object are to be read again.
    is_back: bool,
}

#[derive(Clone, Copy)]
struct Level {
    is_object: bool,
    context: Context,
    /// What a member like `"type": "phone"` says of the values beside it.
    hint: Option<Context>,
    /// Whether it says so of a `value` only, because it stands under `name`.
    is_for_value: bool,
    /// Whether the member under way is such a one.
    is_kind: bool,
    /// Where the member under way stands.
    member: usize,
    /// Whether the member under way is called a name, which may be the name of what its value is.
    is_name: bool,
    /// Where the first member stands, and what was written before it, as long as none has had members itself: what is
    /// read of the kind then counts for the members before, too.
    first: Option<Mark>,
}

/// Where a walk can go on from anew.
#[derive(Clone, Copy)]
struct Mark {
    position: usize,
    copied: usize,
    written: usize,
    kinds: usize,
    flagged: usize,
}

impl Walk<'_> {
    /// One JSON value with space around. None: it is no JSON.
    fn document(&mut self, context: Context) -> Option<()> {
        let mut context = context;
        loop {
            // A value is due here.
            self.skip_space();
            match at(self.text.as_bytes(), self.position) {
                open @ (b'{' | b'[') => {
                    if self.levels.len() >= DEEPEST {
                        return None;
                    }
                    if let Some(outer) = self.levels.last_mut() {
                        outer.first = None;
                    }
                    self.position += 1;
                    self.skip_space();
                    let level = Level {
                        is_object: open == b'{',
                        context,
                        hint: None,
                        is_for_value: false,
                        is_kind: false,
                        is_name: false,
                        member: self.position,
                        first: Some(self.mark()),
                    };
                    self.levels.push(level);
                    if at(self.text.as_bytes(), self.position) != closing(level) {
                        context = self.member(level)?;
                        continue;
                    }
                    self.position += 1;
                    self.levels.pop();
                }
                b'"' => self.string(context)?,
                b'-' | b'0'..=b'9' => self.number(context)?,
                _ => self.literal()?,
            }
            // A value has ended: leave what it was the last of.
            loop {
                self.skip_space();
                let Some(&level) = self.levels.last() else {
                    return (self.position == self.text.len()).then_some(());
                };
                if std::mem::take(&mut self.is_back) {
                    context = self.member(level)?;
                    break;
                }
                let byte = at(self.text.as_bytes(), self.position);
                self.position += 1;
                if byte == b',' {
                    context = self.member(level)?;
                    break;
                }
                if byte != closing(level) {
                    return None;
                }
                self.levels.pop();
            }
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            position: self.position,
            copied: self.copied,
            written: self.scratch.cell.len(),
            kinds: self.scratch.kinds.len(),
            flagged: self.scratch.finder.flagged.len(),
        }
    }

    /// Goes back to the first member of the innermost object, once, and only where no member has members: each is read
    /// twice at most.
    fn go_back(&mut self, mark: Mark) {
        self.position = mark.position;
        self.copied = mark.copied;
        self.scratch.cell.truncate(mark.written);
        self.scratch.kinds.truncate(mark.kinds);
        self.scratch.finder.flagged.truncate(mark.flagged);
    }

    /// The key of a member, if it has one; answers its value's context.
    fn member(&mut self, level: Level) -> Option<Context> {
        if !level.is_object {
            return Some(level.context);
        }
        self.skip_space();
        let from = self.position;
        let (start, end, has_escape) = self.quoted()?;
        let raw = self.text.get(start..end)?;
        let mut unescaped = std::mem::take(&mut self.scratch.leaf);
        let key =
            if has_escape { unescape(raw, &mut unescaped).map(|()| unescaped.as_str()) } else { Some(raw) };
        let context = key.map(|key| {
            let is_found = self.detectors.find(key, level.context.plain(), &mut self.scratch.finder);
            if is_found {
                self.replace_string(from, key);
            }
            let context = match level.hint {
                Some(hint) if level.is_for_value && Context::is_value_key(key) => hint,
                Some(hint) if !level.is_for_value => hint.under_key(key),
                Some(_) | None => level.context.under_key(key),
            };
            (self.detectors.named(context, key), Context::is_kind_key(key), Context::is_name_key(key))
        });
        self.scratch.leaf = unescaped;
        let (context, is_kind, is_name) = context?;
        if let Some(level) = self.levels.last_mut() {
            (level.is_kind, level.is_name, level.member) = (is_kind, is_name, from);
        }
        self.skip_space();
        if at(self.text.as_bytes(), self.position) != b':' {
            return None;
        }
        self.position += 1;
        Some(context)
    }

    fn string(&mut self, context: Context) -> Option<()> {
        let from = self.position;
        let (start, end, has_escape) = self.quoted()?;
        let raw = self.text.get(start..end)?;
        if !has_escape {
            if self.detectors.find(raw, context, &mut self.scratch.finder) {
                self.replace_string(from, raw);
            } else if let Some(level) =
                self.levels.last_mut().filter(|level| (level.is_kind || level.is_name) && raw.len() <= 40)
            {
                let hint = self.detectors.named(level.context.under_key(raw), raw);
                if level.is_name && !hint.tells() {
                    return Some(());
                }
                level.is_for_value = level.is_name && !hint.is_credential();
                level.hint = Some(hint);
                let first = level.first.take().filter(|first| first.position < level.member && hint.tells());
                if let Some(first) = first {
                    self.go_back(first);
                    self.is_back = true;
                }
            }
            return Some(());
        }
        let mut unescaped = std::mem::take(&mut self.scratch.leaf);
        let done = unescape(raw, &mut unescaped);
        if done.is_some() && self.detectors.find(&unescaped, context, &mut self.scratch.finder) {
            self.replace_string(from, &unescaped);
        }
        self.scratch.leaf = unescaped;
        done
    }

    fn number(&mut self, context: Context) -> Option<()> {
        let from = self.position;
        self.position = number_end(self.text.as_bytes(), from)?;
        let number = self.text.get(from..self.position)?;
        if self.detectors.find(number, context.of_number(), &mut self.scratch.finder) {
            let kinds = self.scratch.finder.findings.iter().map(|finding| finding.kind);
            self.scratch.kinds.extend(kinds);
            self.copy_to(from);
            self.scratch.cell.push_str("null");
        }
        Some(())
    }

    fn literal(&mut self) -> Option<()> {
        let tail = self.text.get(self.position..)?;
        let word = ["true", "false", "null"].into_iter().find(|word| tail.starts_with(word))?;
        self.position += word.len();
        Some(())
    }

    /// Passes a string: the bounds between its quotes, and whether anything in it is escaped.
    fn quoted(&mut self) -> Option<(usize, usize, bool)> {
        let bytes = self.text.as_bytes();
        if at(bytes, self.position) != b'"' {
            return None;
        }
        let start = self.position + 1;
        let mut position = start;
        let mut has_escape = false;
        loop {
            position = plain_end(bytes, position);
            match bytes.get(position)? {
                b'"' => break,
                b'\\' => {
                    has_escape = true;
                    position += 2;
                }
                _ => return None,
            }
        }
        self.position = position + 1;
        Some((start, position, has_escape))
    }

    /// Writes a string with what was found in it replaced; it stood from `from` to the current position.
    fn replace_string(&mut self, from: usize, value: &str) {
        self.copy_to(from);
        let Scratch { cell, finder, kinds, piece, .. } = &mut *self.scratch;
        piece.clear();
        self.detectors.write_redacted(value, &finder.findings, piece);
        kinds.extend(finder.findings.iter().map(|finding| finding.kind));
        write_json_string(piece, cell);
    }

    /// Writes what stands before `from` and passes over the value that ends at the current position.
    fn copy_to(&mut self, from: usize) {
        self.scratch.cell.push_str(self.text.get(self.copied..from).unwrap_or_default());
        self.copied = self.position;
    }

    fn skip_space(&mut self) {
        self.position = run_end(self.text.as_bytes(), self.position, usize::MAX, is_space);
    }
}

const fn closing(level: Level) -> u8 {
    if level.is_object { b'}' } else { b']' }
}

pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The end of a JSON number; none when it is no number by the grammar.
fn number_end(bytes: &[u8], from: usize) -> Option<usize> {
    let digits = |position: usize| run_end(bytes, position, usize::MAX, |b| b.is_ascii_digit());
    let start = if at(bytes, from) == b'-' { from + 1 } else { from };
    let mut end = digits(start);
    if end == start || (at(bytes, start) == b'0' && end > start + 1) {
        return None;
    }
    if at(bytes, end) == b'.' {
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return None;
        }
        end = fraction;
    }
    if matches!(at(bytes, end), b'e' | b'E') {
        let sign = usize::from(matches!(at(bytes, end + 1), b'+' | b'-'));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return None;
        }
        end = exponent;
    }
    Some(end)
}

/// Writes what a JSON string (without its quotes) means; none when it is malformed.
pub(crate) fn unescape(raw: &str, out: &mut String) -> Option<()> {
    out.clear();
    let mut rest = raw;
    while let Some(position) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(rest.get(..position)?);
        let escape = rest.get(position + 1..)?;
        let letter = escape.bytes().next()?;
        rest = escape.get(1..)?;
        match letter {
            b'"' | b'\\' | b'/' => out.push(char::from(letter)),
            b'n' => out.push('\n'),
            b't' => out.push('\t'),
            b'r' => out.push('\r'),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'u' => {
                let high = hex4(rest)?;
                rest = rest.get(4..)?;
                let code = if (0xD800..0xDC00).contains(&high) {
                    let low =
                        rest.strip_prefix("\\u").and_then(hex4).filter(|l| (0xDC00..0xE000).contains(l))?;
                    rest = rest.get(6..)?;
                    0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                } else {
                    high
                };
                out.push(char::from_u32(code)?);
            }
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(())
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// Writes a JSON string with its quotes.
pub(crate) fn write_json_string(value: &str, out: &mut String) {
    out.push('"');
    let mut rest = value;
    loop {
        let plain = plain_end(rest.as_bytes(), 0);
        out.push_str(rest.get(..plain).unwrap_or_default());
        let tail = rest.get(plain..).unwrap_or_default();
        let Some(special) = tail.chars().next() else { break };
        match special {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.push_str(&format!("\\u{:04x}", u32::from(other))),
        }
        rest = tail.get(special.len_utf8()..).unwrap_or_default();
    }
    out.push('"');
}
