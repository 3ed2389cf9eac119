//! One text, scanned.

use super::context::{Context, Shape, near};
use super::gate::Gate;
use super::lookup::Literals;
use super::settings::{DetectorSet, Stance};
use super::trifles::is_nothing;
use super::{Finder, Finding, Kind, Seen, acts, cards, custom, decode, email, escapes, fold::View};
use super::{digits, ids, lists, net, passwords, tables};
use crate::lexical::{at, is_word, run_end, run_start, word_end};

/// Findings of one text.
pub(super) fn find(
    literals: &Literals,
    set: &DetectorSet,
    text: &str,
    context: Context,
    finder: &mut Finder,
) {
    if cards::may_have_exponent(text.as_bytes())
        && let Some(digits) = cards::written_out(text.as_bytes())
    {
        let whole = if context.shape == Shape::Number { context } else { context.of_number() };
        find(literals, set, &digits, whole, finder);
        if let Some(first) = finder.findings.first().copied() {
            finder.findings.clear();
            finder.findings.push(Finding { start: 0, end: text.len(), seen: Seen::Through, ..first });
            return;
        }
    }
    if let Some(kind) = context.kind_by_name(text)
        && set.has(kind)
        && set.has_length(kind, text.as_bytes())
    {
        finder.findings.push(Finding::new(0, text.len(), kind));
        return;
    }
    let is_asked_more = !set.custom().is_empty() || set.stances().is_any() && context.is_cell;
    if !is_asked_more && is_nothing(text.as_bytes(), context) {
        return;
    }
    let gate = Gate::of(text.as_bytes());
    if is_asked_more || gate.can_find(context) {
        look(literals, set, text, context, finder, &gate);
    }
}

/// Findings of a text that is worth a look.
pub(super) fn look(
    literals: &Literals,
    set: &DetectorSet,
    text: &str,
    context: Context,
    finder: &mut Finder,
    gate: &Gate,
) {
    let stances = set.stances();
    let Finder { findings, flagged, has_quote, view, decoded } = finder;
    *has_quote = gate.has_quote;
    // Every scanner is linear with a small factor; whoever makes one work harder pays out of this.
    let mut fuel = 4096 + text.len().saturating_mul(48);
    {
        let text = text.as_bytes();
        let mut scan = Scan {
            text,
            context,
            literals,
            set,
            findings,
            decoded,
            fuel,
            is_nested: false,
            has_address_words: false,
            last: None,
            hex_read: 0,
        };
        if !gate.is_beyond {
            scan.run(gate);
        } else {
            // Patterns of one's own may name the very characters that are folded.
            custom::find(&mut scan);
        }
        fuel = scan.fuel;
    }
    if gate.is_beyond {
        view.fold(text);
        fuel = scan_view(literals, set, context, findings, decoded, view, fuel);
    }
    if gate.may_be_escaped(text.as_bytes()) && escapes::unescape_into(text, view) {
        fuel = scan_view(literals, set, context, findings, decoded, view, fuel);
    }
    if gate.may_be_spelt(text.as_bytes()) && escapes::join_into(text, view) {
        fuel = scan_view(literals, set, context, findings, decoded, view, fuel);
    }
    if fuel == 0 {
        findings.clear();
        findings.push(Finding::new(0, text.len(), Kind::Overrun));
        return;
    }
    if stances.is_any() && context.is_cell {
        acts::find(text, stances, findings);
        flagged
            .extend(findings.iter().map(|found| found.kind).filter(|kind| stances.of(*kind) == Stance::Flag));
        findings.retain(|found| stances.of(found.kind) == Stance::Strip);
    }
    join(findings);
}

/// Scans a view of a text and puts the findings where they stand in the text itself. Answers the fuel left.
fn scan_view(
    literals: &Literals,
    set: &DetectorSet,
    context: Context,
    findings: &mut Vec<Finding>,
    decoded: &mut Vec<u8>,
    view: &View,
    fuel: usize,
) -> usize {
    let known = findings.len();
    let gate = Gate::of(&view.bytes);
    let mut scan = Scan {
        text: &view.bytes,
        context,
        literals,
        set,
        findings,
        decoded,
        fuel,
        is_nested: false,
        has_address_words: false,
        last: None,
        hex_read: 0,
    };
    scan.run(&gate);
    let left = scan.fuel;
    for finding in findings.iter_mut().skip(known) {
        if let Some((start, end)) = view.span(finding.start, finding.end) {
            if end - start != finding.end - finding.start {
                finding.seen = Seen::Through;
            }
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
            if (later.start, later.end) != (earlier.start, earlier.end) {
                earlier.seen = Seen::Through;
            }
            earlier.end = earlier.end.max(later.end);
        }
        overlaps
    });
}

/// A scan under way.
pub(super) struct Scan<'a> {
    pub text: &'a [u8],
    pub context: Context,
    pub literals: &'a Literals,
    pub set: &'a DetectorSet,
    pub findings: &'a mut Vec<Finding>,
    pub decoded: &'a mut Vec<u8>,
    pub fuel: usize,
    /// Whether this text came out of an encoding: then no further one is undone.
    pub is_nested: bool,
    /// Whether an address of mail may be written out.
    pub has_address_words: bool,
    /// The value that was found last, where words may have told it.
    pub last: Option<lists::Last>,
    /// Up to where rows of hexadecimal bytes have been read: none is read twice.
    pub hex_read: usize,
}

impl Scan<'_> {
    pub fn run(&mut self, gate: &Gate) {
        if !self.set.custom().is_empty() {
            custom::find(self);
        }
        if self.context.shape != Shape::Number || gate.has_key_run || gate.has_colon || gate.has_equals {
            self.literals(gate.level);
        }
        if gate.is_beyond && (gate.has_colon || gate.has_equals) {
            passwords::in_other_scripts(self);
        }
        if gate.has_at {
            email::at_signs(self);
        }
        if gate.has_at || self.has_address_words {
            email::in_words(self);
        }
        if gate.has_less {
            ids::machine_readable(self);
        }
        if gate.has_line && !self.is_nested {
            tables::find(self);
        }
        if gate.digits >= 2 || gate.has_colon {
            self.words(gate.is_beyond);
        }
        if let Some(first) = gate.first_run.filter(|_| !self.is_nested) {
            decode::long_runs(self, first);
        }
    }

    pub fn found(&mut self, start: usize, end: usize, kind: Kind) {
        if self.set.is_plain() || self.admits(start, end, kind) {
            self.findings.push(Finding::new(start, end, kind));
        }
    }

    /// What was found in the encoding that stands there.
    pub fn found_encoded(&mut self, start: usize, end: usize, inner: Finding) {
        self.findings.push(Finding { start, end, seen: Seen::Through, ..inner });
    }

    /// Whether the set wants a hit of that kind there.
    fn admits(&self, start: usize, end: usize, kind: Kind) -> bool {
        let is_named = || self.context.topic().or(near(self.text, start)).speaks_of(kind);
        self.set.has(kind)
            && self.set.has_length(kind, self.text.get(start..end).unwrap_or_default())
            && (!self.set.needs_context(kind) || is_named())
    }

    /// Takes fuel for looking at so many bytes; false when there is none left.
    pub fn spend(&mut self, bytes: usize) -> bool {
        self.fuel = self.fuel.saturating_sub(bytes);
        self.fuel > 0
    }

    /// Every word: digits go to the number scanners, mixed ones to the id scanners.
    fn words(&mut self, is_beyond: bool) {
        let text = self.text;
        let mut position = 0;
        while position < text.len() {
            let byte = at(text, position);
            if !is_word(byte) {
                position = next_stretch(text, position + 1);
                continue;
            }
            let mut start = position;
            if !byte.is_ascii() {
                // In scripts without blanks numbers are glued to words.
                start = run_end(text, start, usize::MAX, |b| !b.is_ascii());
                if !at(text, start).is_ascii_digit() {
                    start = position;
                }
            }
            let digits;
            let number_end = run_end(text, start, usize::MAX, |b| is_beyond && b.is_ascii_digit());
            (position, digits) = if number_end > start && !at(text, number_end).is_ascii() {
                (number_end, number_end - start)
            } else {
                word_end(text, start)
            };
            let length = position - start;
            if digits == 0 && length > 4 {
                position = next_stretch(text, position);
                continue;
            }
            let next = at(text, position);
            if length == 2
                && digits == 2
                && let Some(end) = ids::account_apart(self, start)
            {
                position = end;
                continue;
            }
            if length == 2
                && !self.is_nested
                && let Some(end) = decode::hex_pairs(self, start)
            {
                position = end;
                continue;
            }
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
            } else if digits >= cards::FEWEST {
                cards::glued(self, start, position);
            }
        }
    }
}

/// Where reading goes on behind bytes of which none is a digit or stands in the address of a machine: at the start of a
/// word, or between words.
#[inline]
fn next_stretch(text: &[u8], from: usize) -> usize {
    const WIDTH: usize = 16;
    let (chunks, _) = text.get(from..).unwrap_or_default().as_chunks::<WIDTH>();
    // From `-` to `:` there are `-./`, the digits and `:`.
    let is_plain = |chunk: &[u8; WIDTH]| {
        chunk.iter().fold(0_u8, |seen, &b| seen | u8::from(b.wrapping_sub(b'-') <= b':' - b'-')) == 0
    };
    let skipped = chunks.iter().take_while(|chunk| is_plain(chunk)).count() * WIDTH;
    if skipped == 0 {
        return from;
    }
    // A word that begins in what was passed over may have digits behind.
    run_start(text, from + skipped, 64, is_word).max(from)
}
