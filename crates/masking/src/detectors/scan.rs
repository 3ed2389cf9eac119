//! One text, scanned.

use super::context::{Context, Shape, near};
use super::gate::Gate;
use super::lookup::Literals;
use super::settings::{DetectorSet, Stance};
use super::{Finder, Finding, Kind, Seen, acts, cards, custom, decode, email, fold::View};
use super::{digits, ids, net, passwords};
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
fn look(
    literals: &Literals,
    set: &DetectorSet,
    text: &str,
    context: Context,
    finder: &mut Finder,
    gate: &Gate,
) {
    let stances = set.stances();
    let Finder { findings, flagged, view, decoded } = finder;
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
    if gate.may_be_escaped(text.as_bytes()) && decode::unescape_into(text, view) {
        fuel = scan_view(literals, set, context, findings, decoded, view, fuel);
    }
    if gate.may_be_spelt(text.as_bytes()) && decode::join_into(text, view) {
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

/// Whether a look at a short text is enough to tell that nothing can be found in it.
///
/// INVARIANT: never true where the scanners would find anything; a property test holds it to that.
fn is_nothing(text: &[u8], context: Context) -> bool {
    context.shape == Shape::Number && is_measure(text)
        || context.topic().is_none()
            && (is_tiny(text) || is_small_number(text) || is_day(text) || is_short_phrase(text))
}

/// Six bytes have no room for more than an address of a machine or of mail, or a name with its value.
fn is_tiny(text: &[u8]) -> bool {
    text.len() <= 6 && text.iter().all(|b| b.is_ascii() && !matches!(b, b'@' | b':' | b'='))
}

/// A few letters: too short for a key, for an address that is written out, and for what stands behind a name.
fn is_short_phrase(text: &[u8]) -> bool {
    text.len() <= 11
        && (text.iter().all(|b| b.is_ascii_alphabetic() || *b == b' ')
            || text.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b' ' | b'_' | b'-')))
}

/// Fewer digits than any number that tells itself, and no fraction long enough for an encoding.
fn is_small_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = run_end(digits, 0, 11, |b| b.is_ascii_digit());
    let end = if at(digits, whole) == b'.' {
        run_end(digits, whole + 1, 11, |b| b.is_ascii_digit())
    } else {
        whole
    };
    (1..=10).contains(&whole) && end == digits.len()
}

/// `2026-11-26`
fn is_day(text: &[u8]) -> bool {
    let is_like = |(byte, like): (&u8, &u8)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like };
    text.len() == 10 && text.iter().zip(b"0000-00-00").all(is_like)
}

/// Whether that is a number of few digits, or one with a fraction: nothing is hidden in it.
fn is_measure(text: &[u8]) -> bool {
    if text.len() < 7 {
        return text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
    }
    let point = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let (whole, fraction) = text.split_at(point);
    let is_number = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    let has_fraction = fraction.iter().any(|b| matches!(b, b'1'..=b'9'));
    has_fraction
        && is_number(fraction.get(1..).unwrap_or_default())
        && is_number(whole.strip_prefix(b"-").unwrap_or(whole))
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

#[cfg(test)]
mod tests {
    use domain::SqlType;
    use proptest::prelude::*;

    use super::super::literals::Level;
    use super::*;

    /// Texts about as long as what is told without a look, longer ones of pieces that mean something, and what is found.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "ana",
                "@",
                "at",
                "dot",
                " dot ",
                "(at)",
                "arroba",
                "password",
                "pwd ",
                "token",
                "is ",
                "cvv ",
                "swift ",
                "bic ",
                "DEUTDEFF",
                "Hunter!",
                "born ",
                "May ",
                "1963",
                "ssn ",
                "tel ",
                "+49 30 ",
                "536-22-",
                "1234",
                "64::1",
                "fe80::",
                ".",
                ": ",
                "=",
                "AKIA",
                "eyJ",
                "ghp_",
                "%40",
                "\\u0040",
                "---- BEGIN ",
                "PRIVATE KEY",
                "://",
                "\u{200b}",
                "\u{e9}",
                "\"",
                "'",
                "<",
                ">",
                "vin ",
            ])
            .prop_map(str::to_owned),
            "[ -~]{0,4}",
            "[0-9]{1,9}",
            "[A-Za-z0-9]{1,36}",
            "[a-z]{1,9} ",
        ];
        let short = prop_oneof![
            "[ -~]{0,7}",
            "[A-Za-z ]{0,13}",
            "[a-z _-]{0,13}",
            "[0-9A-Za-z@:=.%_-]{0,8}",
            "[+-]?[0-9]{0,13}[.]?[0-9]{0,13}",
            "[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}[A-Z-]{0,2}",
            "(pw|pwd|pass|cvv)[:= ][ -~]{1,6}",
            "[ab]{1,2}[ _-](at|arroba|malpa)[ _-][ab]{1,2}[ ._-](dot|punkt|)[ ._-]?[ab]{2}",
            "[a-c]{0,4}[@:.][a-c0-9:]{1,4}[.:][a-c0-9]{1,3}",
        ];
        let wrapped = ("[ -~]{0,3}", prop::sample::select(FOUND.to_vec()), "[ -~]{0,3}", 0..40_usize);
        prop_oneof![
            short,
            prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat()),
            wrapped.prop_map(|(before, found, behind, cut)| {
                let kept =
                    if cut < 8 { found.get(..found.len() - cut.min(found.len())) } else { Some(found) };
                format!("{before}{}{behind}", kept.unwrap_or(found))
            }),
            prop::sample::select(FOUND.to_vec()).prop_map(str::to_owned),
        ]
    }

    /// What the scanners find. None of it is anybody's.
    const FOUND: &[&str] = &[
        "4111111111111111",
        "4111111111111111.00",
        "15108695088",
        "1630615123457",
        "8001015009087",
        "536-22-1234",
        "0049 30 1234567",
        "12.531.909-2",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "xoxb-a1b2c3d4e5",
        "key-abcdefabcdefabcdefabcdefabcdefab",
        "hooks.slack.com/a.b.c.d.e.f.g.h.i.1.k",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0",
        "abc8Q~a.b~c.d~e.f~g.h~i.j~k.l~m.n~o.p~q",
        "12345678:AAabcdefghijklmnopqrstuvwxyzabcdefg",
        "-----BEGIN PRIVATE KEY-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        "postgres://app:secret@db",
        "app:secret@tcp(db)",
        "password is Hunter!x",
        "password \"with blanks\"",
        "token abc-def-ghijk",
        "bearer abcdefg1hijklm",
        "swift DEUTDEFF",
        "born May 163",
        "ana arroba example punkt de",
        "a(at)b.de",
        "64::1",
        "a@b.co",
        "pw=aB1",
    ];

    fn contexts() -> Vec<Context> {
        let text = SqlType::Text { length: 100 };
        let number = SqlType::Fixed { precision: 38, scale: 2 };
        let moment = SqlType::TimestampNtz { scale: 9 };
        let mut contexts: Vec<_> =
            ["", "NOTE", "PHONE", "VIN", "CARD_NUMBER", "PASSPORT", "BUILD", "API_KEY"]
                .iter()
                .flat_map(|name| [&text, &number, &moment].map(|kind| Context::of_column(name, kind, true)))
                .collect();
        contexts.extend([Context::of_text(""), Context::of_column("ssn", &text, false).plain()]);
        contexts
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

        /// The shortcuts against the scanners, each of which looks at everything.
        #[test]
        fn what_is_passed_over_has_nothing_in_it(text in texts()) {
            let (literals, set) = (Literals::shared(), DetectorSet::all());
            for context in contexts() {
                let (mut short, mut whole) = (Finder::default(), Finder::default());
                find(&literals, &set, &text, context, &mut short);
                let mut gate = Gate::of(text.as_bytes());
                gate.level = Level::Keys;
                let is_said = context.kind_by_name(&text).is_some();
                let is_measured = context.shape == Shape::Number && is_measure(text.as_bytes())
                    || cards::written_out(text.as_bytes()).is_some();
                if !is_said && !is_measured && gate.can_find(context) {
                    look(&literals, &set, &text, context, &mut whole, &gate);
                    prop_assert_eq!(&short.findings, &whole.findings, "{:?}", context);
                }
            }
        }
    }
}
