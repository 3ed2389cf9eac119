//! JSON, walked: leaves and keys are masked where they stand, everything else stays byte by byte.
//!
//! What is nearly JSON is walked as well, since names and addresses are told by their keys alone: words for what JSON has
//! no spelling for, trailing commas, quotes of the other kind and none at all, texts that are cut.

use crate::detectors::{Context, Detectors, Scratch};
use crate::lexical::{at, run_end};
use crate::notation::{
    bare_key_end, bare_value_end, is_space, literal_end, number_end, string_end, unescape_leniently,
    write_json_string,
};
use crate::text;

/// Deeper nesting is not walked.
const DEEPEST: usize = 128;

/// Why a walk ends before its text does, or with something open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// The text ends within.
    Cut,
    /// What stands there is no JSON, nor nearly.
    Broken,
    /// More is nested in each other than is walked.
    TooDeep,
}

/// A walk under way.
pub(crate) struct Walk<'a> {
    detectors: &'a Detectors,
    text: &'a str,
    position: usize,
    /// Up to where the text has been written to the cell.
    copied: usize,
    /// Up to where everything has been looked at.
    done: usize,
    scratch: &'a mut Scratch,
    levels: Vec<Level>,
    /// Whether the members of the innermost object are to be read again.
    is_back: bool,
    is_changed: bool,
    /// How many documents within strings may be within each other.
    nesting: u8,
    /// Keys that have been read, and values without quotes that are no words for anything.
    keys: usize,
    bare: usize,
}

#[derive(Clone, Copy)]
struct Level {
    is_object: bool,
    context: Context,
    /// What a member like `"type": "phone"` says of the values beside it.
    hint: Option<Context>,
    /// Whether it says so of a `value` only, because it stands under `name`.
    is_for_value: bool,
    /// Whether the key of the member under way has no quotes.
    is_bare: bool,
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
    is_changed: bool,
    written: usize,
    kinds: usize,
    flagged: usize,
    keys: usize,
}

impl<'a> Walk<'a> {
    /// A walk over what starts there. What it writes goes to the scratch's `cell`, behind what is there.
    pub fn new(
        detectors: &'a Detectors,
        text: &'a str,
        from: usize,
        nesting: u8,
        scratch: &'a mut Scratch,
    ) -> Self {
        Self {
            detectors,
            text,
            position: from,
            copied: from,
            done: from,
            scratch,
            levels: Vec::new(),
            is_back: false,
            is_changed: false,
            nesting,
            keys: 0,
            bare: 0,
        }
    }

    /// Whether anything that was read makes it JSON rather than any text in brackets.
    pub fn is_telling(&self) -> bool {
        self.keys > 0 || self.bare == 0
    }

    /// Whether any key has been read.
    pub fn has_keys(&self) -> bool {
        self.keys > 0
    }

    /// Writes the rest of what was walked; answers where that ends, and whether anything changed.
    pub fn finish(self) -> (usize, bool) {
        let end = self.done.max(self.copied);
        if self.is_changed {
            self.scratch.cell.push_str(self.text.get(self.copied..end).unwrap_or_default());
        }
        (end, self.is_changed)
    }

    /// JSON values up to the text's end, one behind the other.
    pub fn documents(&mut self, context: Context) -> Result<(), Stop> {
        loop {
            self.document(context)?;
            self.skip_space();
            match at(self.text.as_bytes(), self.position) {
                b'{' | b'[' => {}
                _ if self.position == self.text.len() => {
                    self.done = self.position;
                    return Ok(());
                }
                _ => return Err(Stop::Broken),
            }
        }
    }

    /// One JSON value.
    pub fn document(&mut self, context: Context) -> Result<(), Stop> {
        let mut context = context;
        loop {
            // A value is due here.
            self.skip_space();
            match at(self.text.as_bytes(), self.position) {
                open @ (b'{' | b'[') => {
                    if self.levels.len() >= DEEPEST {
                        return Err(Stop::TooDeep);
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
                        is_bare: false,
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
                quote @ (b'"' | b'\'') => self.string(context, quote)?,
                b'-' | b'0'..=b'9' => self.number(context)?,
                // Nothing stands where a value should.
                b',' | b'}' | b']' if !self.levels.is_empty() => {}
                _ => self.literal(context)?,
            }
            // A value has ended: leave what it was the last of.
            loop {
                if !self.is_back {
                    self.done = self.position;
                }
                self.skip_space();
                let Some(&level) = self.levels.last() else { return Ok(()) };
                if std::mem::take(&mut self.is_back) {
                    context = self.member(level)?;
                    break;
                }
                let bytes = self.text.as_bytes();
                let Some(&byte) = bytes.get(self.position) else { return Err(Stop::Cut) };
                if byte == b',' {
                    self.position += 1;
                    self.skip_space();
                    // A comma may stand behind the last one, too.
                    if at(bytes, self.position) == closing(level) {
                        continue;
                    }
                    context = self.member(level)?;
                    break;
                }
                if byte != closing(level) {
                    return Err(Stop::Broken);
                }
                self.position += 1;
                self.levels.pop();
            }
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            position: self.position,
            copied: self.copied,
            is_changed: self.is_changed,
            written: self.scratch.cell.len(),
            kinds: self.scratch.kinds.len(),
            flagged: self.scratch.finder.flagged.len(),
            keys: self.keys,
        }
    }

    /// Goes back to the first member of the innermost object, once, and only where no member has members: each is read
    /// twice at most.
    fn go_back(&mut self, mark: Mark) {
        self.position = mark.position;
        self.copied = mark.copied;
        self.is_changed = mark.is_changed;
        self.keys = mark.keys;
        self.scratch.cell.truncate(mark.written);
        self.scratch.kinds.truncate(mark.kinds);
        self.scratch.finder.flagged.truncate(mark.flagged);
    }

    /// The key of a member, if it has one; answers its value's context.
    fn member(&mut self, level: Level) -> Result<Context, Stop> {
        if !level.is_object {
            return Ok(level.context);
        }
        let bytes = self.text.as_bytes();
        let from = self.position;
        let quote = at(bytes, from);
        let is_bare = !matches!(quote, b'"' | b'\'');
        let (start, end, has_escape) =
            if is_bare { self.bare_key()? } else { self.quoted(quote).ok_or(Stop::Cut)? };
        let key_end = self.position;
        self.skip_space();
        match at(bytes, self.position) {
            b':' => self.position += 1,
            b'=' if is_bare => self.position += 1,
            _ if self.position == bytes.len() => return Err(Stop::Cut),
            _ => return Err(Stop::Broken),
        }
        let behind = self.position;
        self.position = key_end;
        self.keys += 1;
        let raw = self.text.get(start..end).ok_or(Stop::Broken)?;
        let mut unescaped = std::mem::take(&mut self.scratch.leaf);
        let key = if has_escape {
            unescape_leniently(raw, &mut unescaped);
            unescaped.as_str()
        } else {
            raw
        };
        if self.detectors.find(key, level.context.plain(), &mut self.scratch.finder) {
            self.replace_string(from, key);
        }
        let context = match level.hint {
            Some(hint) if level.is_for_value && Context::is_value_key(key) => hint,
            Some(hint) if !level.is_for_value && hint.tells() => hint.under_key(key),
            Some(_) | None => level.context.under_key(key),
        };
        let context = self.detectors.named(context, key);
        let (is_kind, is_name) = (Context::is_kind_key(key), Context::is_name_key(key));
        self.scratch.leaf = unescaped;
        if let Some(level) = self.levels.last_mut() {
            (level.is_kind, level.is_name, level.is_bare, level.member) = (is_kind, is_name, is_bare, from);
        }
        self.position = behind;
        Ok(context)
    }

    fn bare_key(&mut self) -> Result<(usize, usize, bool), Stop> {
        let from = self.position;
        let end = bare_key_end(self.text.as_bytes(), from).ok_or(Stop::Broken)?;
        self.position = end;
        Ok((from, end, false))
    }

    fn string(&mut self, context: Context, quote: u8) -> Result<(), Stop> {
        let from = self.position;
        // What is cut is looked at up to its end.
        let (start, end, has_escape) = self.quoted(quote).unwrap_or_else(|| {
            self.position = self.text.len();
            (from + 1, self.position, true)
        });
        let raw = self.text.get(start..end).ok_or(Stop::Broken)?;
        if !has_escape {
            if self.leaf(from, raw, context)? {
                return Ok(());
            }
            if let Some(level) =
                self.levels.last_mut().filter(|level| (level.is_kind || level.is_name) && raw.len() <= 40)
            {
                let hint = self.detectors.named(level.context.under_key(raw), raw);
                if level.is_name && !hint.tells() {
                    return Ok(());
                }
                level.is_for_value = level.is_name && !hint.is_credential();
                level.hint = Some(hint);
                let first = level.first.take().filter(|first| first.position < level.member && hint.tells());
                if let Some(first) = first {
                    self.go_back(first);
                    self.is_back = true;
                }
            }
            return Ok(());
        }
        let mut unescaped = std::mem::take(&mut self.scratch.leaf);
        unescape_leniently(raw, &mut unescaped);
        let done = self.leaf(from, &unescaped, context);
        self.scratch.leaf = unescaped;
        done.map(|_| ())
    }

    /// Replaces what is found in a leaf, and in a document that it holds; it stood from `from` to the current position.
    /// Says whether anything was.
    fn leaf(&mut self, from: usize, value: &str, context: Context) -> Result<bool, Stop> {
        let is_found = self.detectors.find(value, context, &mut self.scratch.finder);
        if self.scratch.finder.has_quote
            && self.nesting > 0
            && let Some(within) = text::documents_within(self.detectors, context, value, self.nesting - 1)
        {
            let within = within?;
            if let Some(masked) = within.masked {
                self.copy_to(from);
                write_json_string(&masked, &mut self.scratch.cell);
                self.scratch.kinds.extend(within.kinds);
                return Ok(true);
            }
            return Ok(false);
        }
        if is_found {
            self.replace_string(from, value);
        }
        Ok(is_found)
    }

    fn number(&mut self, context: Context) -> Result<(), Stop> {
        let from = self.position;
        let bytes = self.text.as_bytes();
        let Some(end) = number_end(bytes, from).filter(|&end| is_end(bytes, end)) else {
            return self.literal(context);
        };
        self.position = end;
        let number = self.text.get(from..end).ok_or(Stop::Broken)?;
        if self.detectors.find(number, context.of_number(), &mut self.scratch.finder) {
            let kinds = self.scratch.finder.findings.iter().map(|finding| finding.kind);
            self.scratch.kinds.extend(kinds);
            self.copy_to(from);
            self.scratch.cell.push_str("null");
        }
        Ok(())
    }

    /// A word for a value, or a value without quotes.
    fn literal(&mut self, context: Context) -> Result<(), Stop> {
        let bytes = self.text.as_bytes();
        let from = self.position;
        if let Some(end) = literal_end(self.text, from).filter(|&end| is_end(bytes, end)) {
            self.position = end;
            return Ok(());
        }
        let level = self.levels.last().ok_or(Stop::Broken)?;
        let end = bare_value_end(bytes, from, level.is_bare);
        let value = self.text.get(from..end).filter(|value| !value.is_empty()).ok_or(Stop::Broken)?;
        self.position = end;
        self.bare += 1;
        if self.detectors.find(value, context, &mut self.scratch.finder) {
            self.copy_to(from);
            let Scratch { cell, finder, kinds, .. } = &mut *self.scratch;
            self.detectors.write_redacted(value, &finder.findings, cell);
            kinds.extend(finder.findings.iter().map(|finding| finding.kind));
        }
        Ok(())
    }

    /// Passes a string: the bounds between its quotes, and whether anything in it is escaped.
    fn quoted(&mut self, quote: u8) -> Option<(usize, usize, bool)> {
        let start = self.position + 1;
        let (end, has_escape) = string_end(self.text.as_bytes(), start, quote)?;
        self.position = end + 1;
        Some((start, end, has_escape))
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
        self.is_changed = true;
    }

    fn skip_space(&mut self) {
        self.position = run_end(self.text.as_bytes(), self.position, usize::MAX, is_space);
    }
}

const fn closing(level: Level) -> u8 {
    if level.is_object { b'}' } else { b']' }
}

/// Whether a value without quotes may end there.
fn is_end(bytes: &[u8], position: usize) -> bool {
    let next = run_end(bytes, position, usize::MAX, is_space);
    match bytes.get(next) {
        // Of documents that follow each other, the next one starts there.
        Some(b',' | b'}' | b']' | b'{' | b'[' | b'"' | b'\'') | None => true,
        Some(_) => false,
    }
}
