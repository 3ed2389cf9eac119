//! Finding sensitive things by what they are, wherever they stand.
//!
//! The order for one text: a byte-class gate tells which scanners can find anything at all; characters beyond
//! ASCII are folded to what they look like; one level of encoding is undone; hand-written scanners, each linear in
//! the text, propose spans; overlapping spans are joined. Checksums, issuer ranges and nearby words decide where a
//! shape alone would not do.

mod acts;
mod births;
mod cards;
mod checks;
mod context;
mod custom;
mod decode;
mod digits;
mod email;
mod escapes;
mod fold;
mod foreign;
mod gate;
mod groups;
mod iban;
mod ids;
mod joints;
mod kind;
mod lettered;
mod lists;
mod literals;
mod looks;
mod lookup;
mod names;
mod nations;
mod net;
mod passwords;
mod phones;
mod places;
mod scan;
mod secrets;
mod settings;
mod tables;
mod topic;
mod topics;
mod trifles;
mod versions;
mod wallets;
mod words;

use std::borrow::Cow;
use std::sync::Arc;

pub(crate) use context::Context;
pub(crate) use fold::fold_text;
pub use kind::Kind;
pub use settings::{CustomDetector, DetectorSet, LARGEST_PATTERN, MOST_CUSTOM, Stance, Subject, Tuning};

use lookup::Literals;

/// The content detectors, made once and shared.
#[derive(Clone)]
pub struct Detectors(Arc<Inner>);

struct Inner {
    set: DetectorSet,
    literals: Arc<Literals>,
}

impl Detectors {
    /// Every detector, as shipped.
    pub fn standard() -> Self {
        Self::with(DetectorSet::all())
    }

    /// The detectors of that set.
    pub fn with(set: DetectorSet) -> Self {
        Self(Arc::new(Inner { set, literals: Literals::shared() }))
    }

    /// The same detectors with nothing switched off: see [`DetectorSet::at_its_strictest`].
    #[must_use]
    pub fn at_their_strictest(&self) -> Self {
        Self(Arc::new(Inner {
            set: self.0.set.clone().at_its_strictest(),
            literals: Arc::clone(&self.0.literals),
        }))
    }

    /// The text with every finding replaced by its kind (`[EMAIL]`); `context` names what the text is (a column
    /// name, a JSON key, or nothing).
    ///
    /// For SQL literals, comments, aliases, prompts, error texts and header values.
    pub fn redact_text<'a>(&self, text: &'a str, context: &str) -> Cow<'a, str> {
        let mut scratch = Scratch::default();
        if self.redact_into(text, self.named(Context::of_text(context), context), &mut scratch) {
            Cow::Owned(scratch.cell)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The same of a whole value: names and addresses too, where the name of what it is compared with says so.
    pub fn redact_value<'a>(&self, value: &'a str, name: &str) -> Cow<'a, str> {
        let mut scratch = Scratch::default();
        if self.redact_into(value, self.named(Context::of_literal(name), name), &mut scratch) {
            Cow::Owned(scratch.cell)
        } else {
            Cow::Borrowed(value)
        }
    }

    /// The context with what the patterns of the set's own make of a name.
    pub(crate) fn named(&self, context: Context, name: &str) -> Context {
        if self.0.set.custom().is_empty() {
            return context;
        }
        context.with_named(self.0.set.named(name))
    }

    /// Writes the redacted text into the scratch's `cell`; false, and nothing written, when there is no finding.
    pub(crate) fn redact_into(&self, text: &str, context: Context, scratch: &mut Scratch) -> bool {
        let Scratch { cell, finder, kinds, .. } = scratch;
        cell.clear();
        if !self.find(text, context, finder) {
            return false;
        }
        kinds.extend(finder.findings.iter().map(|finding| finding.kind));
        self.write_redacted(text, &finder.findings, cell);
        true
    }

    /// Leaves the findings in `finder`, sorted and apart from each other, and says whether there is any. What is only
    /// to be counted goes to the finder's `flagged` instead.
    #[inline]
    pub(crate) fn find(&self, text: &str, context: Context, finder: &mut Finder) -> bool {
        finder.findings.clear();
        finder.has_quote = false;
        scan::find(&self.0.literals, &self.0.set, text, context, finder);
        !finder.findings.is_empty()
    }

    /// Writes a text with the findings (sorted, apart) replaced by their kinds, or as their class is masked.
    pub(crate) fn write_redacted(&self, text: &str, findings: &[Finding], out: &mut String) {
        let mut copied = 0;
        for finding in findings {
            out.push_str(text.get(copied..finding.start).unwrap_or_default());
            copied = finding.end;
            if finding.kind == Kind::HiddenText {
                continue;
            }
            if let Some(rule) = self.0.set.rule(finding.kind, finding.custom) {
                let hit = text.get(finding.start..finding.end).unwrap_or_default();
                settings::write_masked(rule, hit, finding.seen, out);
                continue;
            }
            out.push('[');
            out.push_str(finding.kind.as_str());
            out.push(']');
        }
        out.push_str(text.get(copied..).unwrap_or_default());
    }
}

impl std::fmt::Debug for Detectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detectors").field("set", &self.0.set).finish_non_exhaustive()
    }
}

/// A span of a text that must not be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
    /// The place of the pattern that found it, from 1; zero for the built-in detectors.
    pub custom: u8,
    pub seen: Seen,
}

impl Finding {
    pub const fn new(start: usize, end: usize, kind: Kind) -> Self {
        Self { start, end, kind, custom: 0, seen: Seen::Plain }
    }
}

/// How a finding is spelt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// As it is meant.
    Plain,
    /// In an encoding or a disguise, or joined with another: no part of it may stay.
    Through,
}

/// The buffers that finding needs; kept between texts so that it allocates little.
#[derive(Default)]
pub(crate) struct Finder {
    pub findings: Vec<Finding>,
    /// Kinds that were found and stay in the text.
    pub flagged: Vec<Kind>,
    /// Whether the text has quotes, as far as it was looked at: a document may stand in it.
    pub has_quote: bool,
    view: fold::View,
    decoded: Vec<u8>,
}

/// The buffers that masking a cell needs.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The masked value, where it was changed.
    pub cell: String,
    /// An unescaped JSON leaf or key.
    pub leaf: String,
    /// A redacted JSON leaf or key.
    pub piece: String,
    pub finder: Finder,
    /// What was found in the value, one entry a finding.
    pub kinds: Vec<Kind>,
}

#[cfg(test)]
mod named;
#[cfg(test)]
mod nested;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tuning;
