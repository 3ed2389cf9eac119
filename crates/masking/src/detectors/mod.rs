//! Finding sensitive things by what they are, wherever they stand.
//!
//! The order for one text: a byte-class gate tells which scanners can find anything at all; characters beyond
//! ASCII are folded to what they look like; one level of encoding is undone; hand-written scanners, each linear in
//! the text, propose spans; overlapping spans are joined. Checksums, issuer ranges and nearby words decide where a
//! shape alone would not do.

mod checks;
mod context;
mod decode;
mod digits;
mod email;
mod fold;
mod ids;
mod kind;
mod net;
mod passwords;
mod phones;
mod scan;
mod secrets;
mod topics;
mod wallets;

use std::borrow::Cow;
use std::sync::Arc;

pub(crate) use context::Context;
pub(crate) use fold::fold_text;
pub use kind::Kind;

use secrets::Literals;

/// Which kinds are looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DetectorSet {
    off: u64,
}

impl DetectorSet {
    /// Every kind.
    pub const fn all() -> Self {
        Self { off: 0 }
    }

    /// The set without that kind.
    #[must_use]
    pub const fn without(self, kind: Kind) -> Self {
        Self { off: self.off | kind.bit() }
    }

    const fn has(&self, kind: Kind) -> bool {
        // SECURITY: what was not looked at to its end is never clean.
        self.off & kind.bit() == 0 || kind.index() == Kind::Overrun.index()
    }
}

/// The content detectors, made once and shared.
#[derive(Clone)]
pub struct Detectors(Arc<Inner>);

struct Inner {
    set: DetectorSet,
    literals: Literals,
}

impl Detectors {
    /// Every detector, as shipped.
    pub fn standard() -> Self {
        Self::with(DetectorSet::all())
    }

    /// The detectors of that set.
    pub fn with(set: DetectorSet) -> Self {
        Self(Arc::new(Inner { set, literals: Literals::new() }))
    }

    /// The text with every finding replaced by its kind (`[EMAIL]`); `context` names what the text is (a column
    /// name, a JSON key, or nothing).
    ///
    /// For SQL literals, comments, aliases, prompts, error texts and header values.
    pub fn redact_text<'a>(&self, text: &'a str, context: &str) -> Cow<'a, str> {
        let mut scratch = Scratch::default();
        if self.redact_into(text, Context::of_text(context), &mut scratch) {
            Cow::Owned(scratch.cell)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Whether anything would be replaced.
    pub fn is_sensitive(&self, text: &str, context: &str) -> bool {
        self.find(text, Context::of_text(context), &mut Finder::default())
    }

    /// Writes the redacted text into the scratch's `cell`; false, and nothing written, when there is no finding.
    pub(crate) fn redact_into(&self, text: &str, context: Context, scratch: &mut Scratch) -> bool {
        let Scratch { cell, finder, kinds, .. } = scratch;
        cell.clear();
        if !self.find(text, context, finder) {
            return false;
        }
        kinds.extend(finder.findings.iter().map(|finding| finding.kind));
        write_redacted(text, &finder.findings, cell);
        true
    }

    /// Leaves the findings in `finder`, sorted and apart from each other, and says whether there is any.
    #[inline]
    pub(crate) fn find(&self, text: &str, context: Context, finder: &mut Finder) -> bool {
        finder.findings.clear();
        scan::find(&self.0.literals, text, context, finder);
        if self.0.set.off != 0 {
            finder.findings.retain(|finding| self.0.set.has(finding.kind));
        }
        !finder.findings.is_empty()
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
}

/// The buffers that finding needs; kept between texts so that it allocates little.
#[derive(Default)]
pub(crate) struct Finder {
    pub findings: Vec<Finding>,
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

/// Writes a text with the findings (sorted, apart) replaced by their kinds.
pub(crate) fn write_redacted(text: &str, findings: &[Finding], out: &mut String) {
    let mut copied = 0;
    for finding in findings {
        out.push_str(text.get(copied..finding.start).unwrap_or_default());
        out.push('[');
        out.push_str(finding.kind.as_str());
        out.push(']');
        copied = finding.end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
}

#[cfg(test)]
mod tests;
