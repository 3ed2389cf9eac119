//! One text, scanned.

use super::context::{Context, Shape};
use super::secrets::Literals;
use super::{Finder, Finding, Kind, decode, email, fold::View};
use super::{digits, ids, net};
use crate::lexical::{at, before, is_token, is_word, run_end};

/// Findings of one text.
pub(super) fn find(literals: &Literals, text: &str, context: Context, finder: &mut Finder) {
    if let Some(kind) = context.kind_by_name(text) {
        finder.findings.push(Finding { start: 0, end: text.len(), kind });
        return;
    }
    let gate = Gate::of(text.as_bytes());
    if !gate.can_find(context) {
        return;
    }
    let Finder { findings, view, decoded } = finder;
    // Every scanner is linear with a small factor; whoever makes one work harder pays out of this.
    let mut fuel = 4096 + text.len().saturating_mul(48);
    if gate.beyond == 0 {
        let mut scan =
            Scan { text: text.as_bytes(), context, literals, findings, decoded, fuel, is_nested: false };
        scan.run(&gate);
        fuel = scan.fuel;
    } else {
        view.fold(text);
        fuel = scan_view(literals, context, findings, decoded, view, fuel);
    }
    if gate.may_be_escaped(text.as_bytes()) && decode::unescape_into(text, view) {
        fuel = scan_view(literals, context, findings, decoded, view, fuel);
    }
    if fuel == 0 {
        findings.clear();
        findings.push(Finding { start: 0, end: text.len(), kind: Kind::Overrun });
    }
    join(findings);
}

/// Scans a view of a text and puts the findings where they stand in the text itself. Answers the fuel left.
fn scan_view(
    literals: &Literals,
    context: Context,
    findings: &mut Vec<Finding>,
    decoded: &mut Vec<u8>,
    view: &View,
    fuel: usize,
) -> usize {
    let known = findings.len();
    let gate = Gate::of(&view.bytes);
    let mut scan = Scan { text: &view.bytes, context, literals, findings, decoded, fuel, is_nested: false };
    scan.run(&gate);
    let left = scan.fuel;
    for finding in findings.iter_mut().skip(known) {
        if let Some((start, end)) = view.span(finding.start, finding.end) {
            (finding.start, finding.end) = (start, end);
        }
    }
    left
}

/// Sorts findings and joins those that overlap; the earlier, then the longer one gives its kind.
fn join(findings: &mut Vec<Finding>) {
    if findings.len() < 2 {
        return;
    }
    findings.sort_unstable_by_key(|finding| (finding.start, usize::MAX - finding.end));
    findings.dedup_by(|later, earlier| {
        let overlaps = later.start < earlier.end;
        if overlaps {
            earlier.end = earlier.end.max(later.end);
        }
        overlaps
    });
}

/// Which bytes a text has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    pub digits: usize,
    pub beyond: usize,
    has_at: bool,
    has_colon: bool,
    has_equals: bool,
    has_percent: bool,
    has_backslash: bool,
    has_ampersand: bool,
    has_less: bool,
    has_bracket: bool,
    has_long_run: bool,
    /// A long run with a letter in it.
    has_key_run: bool,
}

impl Gate {
    pub fn of(text: &[u8]) -> Self {
        let mut gate = Self::default();
        let mut seen = 0_u8;
        let (chunks, rest) = text.as_chunks::<32>();
        for chunk in chunks {
            seen |= gate.add(chunk);
        }
        seen |= gate.add(rest);
        gate.has_at = seen & 1 != 0;
        gate.has_colon = seen & 2 != 0;
        gate.has_equals = seen & 4 != 0;
        gate.has_percent = seen & 8 != 0;
        gate.has_backslash = seen & 16 != 0;
        gate.has_ampersand = seen & 32 != 0;
        gate.has_less = seen & 64 != 0;
        gate.has_bracket = seen & 128 != 0;
        (gate.has_long_run, gate.has_key_run) = long_runs(text);
        gate
    }

    /// Counts one piece; written so that it is compiled to vector code.
    #[inline]
    fn add(&mut self, piece: &[u8]) -> u8 {
        let mut digits = 0_u8;
        let mut beyond = 0_u8;
        let mut seen = 0_u8;
        for &byte in piece {
            digits += u8::from(byte.wrapping_sub(b'0') < 10);
            beyond |= byte & 0x80;
            seen |= u8::from(byte == b'@')
                | (u8::from(byte == b':') << 1)
                | (u8::from(byte == b'=') << 2)
                | (u8::from(byte == b'%') << 3)
                | (u8::from(byte == b'\\') << 4)
                | (u8::from(byte == b'&') << 5)
                | (u8::from(byte == b'<') << 6)
                | (u8::from(byte == b'[') << 7);
        }
        self.digits += usize::from(digits);
        self.beyond += usize::from(beyond);
        seen
    }

    /// Whether any scanner could find anything.
    fn can_find(&self, context: Context) -> bool {
        match context.shape {
            Shape::Number => self.digits >= 7 || self.has_long_run || self.has_at,
            Shape::Text | Shape::Time | Shape::Hex => true,
        }
    }

    fn may_be_escaped(&self, text: &[u8]) -> bool {
        self.has_percent
            || self.has_backslash
            || self.has_ampersand
            || self.has_bracket && memchr::memmem::find(text, b"[.]").is_some()
    }
}

/// A run of characters as keys and encodings have them, long enough to be one.
pub(super) const LONG_RUN: usize = 12;

/// The next run of at least [`LONG_RUN`] token bytes at or after a position.
///
/// Looks at every twelfth byte only, where runs are short.
pub(super) fn next_long_run(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut probe = from + LONG_RUN - 1;
    let mut floor = from;
    while probe < text.len() {
        if !is_token(at(text, probe)) {
            floor = probe + 1;
            probe += LONG_RUN;
            continue;
        }
        let mut start = probe;
        while start > floor && is_token(before(text, start)) {
            start -= 1;
        }
        let end = run_end(text, probe, usize::MAX, is_token);
        if end - start >= LONG_RUN {
            return Some((start, end));
        }
        floor = end + 1;
        probe = end + LONG_RUN;
    }
    None
}

/// Whether there is a long run, and one with a letter in it.
fn long_runs(text: &[u8]) -> (bool, bool) {
    let Some(mut run) = next_long_run(text, 0) else { return (false, false) };
    loop {
        let (start, end) = run;
        if text.get(start..end).is_some_and(|run| run.iter().any(u8::is_ascii_alphabetic)) {
            return (true, true);
        }
        match next_long_run(text, end) {
            Some(next) => run = next,
            None => return (true, false),
        }
    }
}

/// A scan under way.
pub(super) struct Scan<'a> {
    pub text: &'a [u8],
    pub context: Context,
    pub literals: &'a Literals,
    pub findings: &'a mut Vec<Finding>,
    pub decoded: &'a mut Vec<u8>,
    pub fuel: usize,
    /// Whether this text came out of an encoding: then no further one is undone.
    pub is_nested: bool,
}

impl Scan<'_> {
    pub fn run(&mut self, gate: &Gate) {
        if gate.has_key_run || gate.has_colon || gate.has_equals || self.literals.has_hint(self.text) {
            self.literals();
        }
        if gate.has_at {
            email::at_signs(self);
        }
        email::in_words(self);
        if gate.has_less {
            ids::machine_readable(self);
        }
        if gate.digits >= 3 || gate.has_colon {
            self.words();
        }
        if gate.has_long_run && !self.is_nested {
            decode::long_runs(self);
        }
    }

    pub fn found(&mut self, start: usize, end: usize, kind: Kind) {
        self.findings.push(Finding { start, end, kind });
    }

    /// Takes fuel for looking at so many bytes; false when there is none left.
    pub fn spend(&mut self, bytes: usize) -> bool {
        self.fuel = self.fuel.saturating_sub(bytes);
        self.fuel > 0
    }

    /// Every word: digits go to the number scanners, mixed ones to the id scanners.
    fn words(&mut self) {
        let text = self.text;
        let mut position = 0;
        while position < text.len() {
            let byte = at(text, position);
            if !is_word(byte) {
                position += 1;
                continue;
            }
            let start = position;
            let mut digits = 0;
            while is_word(at(text, position)) {
                digits += usize::from(at(text, position).is_ascii_digit());
                position += 1;
            }
            let length = position - start;
            if digits == 0 && length > 4 {
                continue;
            }
            let next = at(text, position);
            let is_short =
                length <= 4 && (next == b':' || next == b'-' && length == 2) || next == b'.' && length == 4;
            if is_short && let Some(end) = net::from_word(self, start, position) {
                position = end;
                continue;
            }
            if digits == 0 {
                continue;
            }
            if digits == length {
                position = digits::cluster(self, start);
            } else if let Some(end) = ids::mixed_word(self, start, position, digits) {
                position = end;
            } else {
                digits::glued_card(self, start, position);
            }
        }
    }
}
