//! How the detectors are set: switched off, tuned, extended by patterns of one's own.

use domain::{Mask, MaskRule};
use regex::bytes::{Regex, RegexBuilder};

use super::{Kind, Seen};

/// Which kinds are looked for, how sure a hit must be, and how it leaves.
#[derive(Clone, Debug, Default)]
pub struct DetectorSet {
    off: u64,
    needs_context: u64,
    /// Kinds with a least length or a mask of their own; few.
    tuned: Vec<(Kind, Tuning)>,
    custom: Vec<Pattern>,
    stances: Stances,
}

/// What a bundle changes about one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tuning {
    /// Whether only a hit counts whose column, key or words before it say what it is.
    pub needs_context: bool,
    /// Letters and digits that a hit has at least.
    pub least: usize,
    /// How a hit leaves; `[KIND]` where there is none.
    pub rule: Option<MaskRule>,
}

/// A detector of a deployment's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomDetector {
    /// A regular expression whose match is never empty and has a longest length.
    pub pattern: String,
    /// Words, one of which stands in the column's name, the key, or shortly before a hit; none: no such word is
    /// needed.
    pub context: Vec<String>,
    /// How a hit leaves.
    pub rule: MaskRule,
}

/// What in a cell may try to act on whoever reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Text that tells its reader what to do (`ignore all previous instructions`).
    Instructions,
    /// Characters that a person does not see and a program reads.
    HiddenText,
    /// Links and images in Markdown, which a client may fetch without asking.
    Links,
}

/// What is done about it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Stance {
    /// Nothing.
    #[default]
    Off,
    /// It is counted and stays.
    Flag,
    /// It is counted and taken out.
    Strip,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Stances {
    pub instructions: Stance,
    pub hidden: Stance,
    pub links: Stance,
}

impl Stances {
    pub fn is_any(self) -> bool {
        self != Self::default()
    }

    /// What is done about a finding of that kind.
    pub const fn of(self, kind: Kind) -> Stance {
        if matches!(kind, Kind::Instruction) {
            self.instructions
        } else if matches!(kind, Kind::HiddenText) {
            self.hidden
        } else if matches!(kind, Kind::Link) {
            self.links
        } else {
            Stance::Strip
        }
    }
}

/// Patterns of one's own at most; a bit each.
pub const MOST_CUSTOM: usize = 32;

/// Bytes that one compiled pattern may take; this bounds the time to compile it, too.
pub const LARGEST_PATTERN: usize = 1 << 20;

/// A custom detector, compiled.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// None: it could not be compiled.
    pub expression: Option<Regex>,
    /// In lower case.
    pub context: Vec<String>,
    pub rule: MaskRule,
}

impl DetectorSet {
    /// Every kind.
    pub fn all() -> Self {
        Self::default()
    }

    /// The set without that kind.
    #[must_use]
    pub fn without(mut self, kind: Kind) -> Self {
        self.off |= kind.bit();
        self
    }

    /// The set with that kind tuned.
    #[must_use]
    pub fn tuned(mut self, kind: Kind, tuning: Tuning) -> Self {
        self.needs_context = if tuning.needs_context && kind.has_context() {
            self.needs_context | kind.bit()
        } else {
            self.needs_context & !kind.bit()
        };
        self.tuned.retain(|(other, _)| *other != kind);
        self.tuned.push((kind, tuning));
        self
    }

    /// The set with one more pattern. What is beyond [`MOST_CUSTOM`], or cannot be compiled within
    /// [`LARGEST_PATTERN`], makes every text one that could not be looked at.
    #[must_use]
    pub fn with_custom(mut self, custom: CustomDetector) -> Self {
        let CustomDetector { pattern, context, rule } = custom;
        let is_one_too_many = self.custom.len() >= MOST_CUSTOM;
        let expression = compile(&pattern).filter(|_| !is_one_too_many);
        let context = context.iter().map(|word| word.to_lowercase()).collect();
        self.custom.push(Pattern { expression, context, rule });
        self
    }

    /// The set with that stance towards what acts on its reader.
    #[must_use]
    pub fn with_stance(mut self, subject: Subject, stance: Stance) -> Self {
        match subject {
            Subject::Instructions => self.stances.instructions = stance,
            Subject::HiddenText => self.stances.hidden = stance,
            Subject::Links => self.stances.links = stance,
        }
        self
    }

    /// The same set with nothing switched off and nothing asked more of a hit: for values that were decided on
    /// under other settings.
    #[must_use]
    pub fn at_its_strictest(mut self) -> Self {
        self.off = 0;
        self.needs_context = 0;
        for (_, tuning) in &mut self.tuned {
            (tuning.needs_context, tuning.least) = (false, 0);
        }
        for pattern in &mut self.custom {
            pattern.context.clear();
        }
        self
    }

    pub(super) const fn has(&self, kind: Kind) -> bool {
        // SECURITY: what was not looked at to its end is never clean.
        self.off & kind.bit() == 0 || kind.index() == Kind::Overrun.index()
    }

    /// Whether every hit counts as it is.
    #[inline]
    pub(super) const fn is_plain(&self) -> bool {
        self.off == 0 && self.tuned.is_empty()
    }

    pub(super) const fn needs_context(&self, kind: Kind) -> bool {
        self.needs_context & kind.bit() != 0
    }

    fn tuning(&self, kind: Kind) -> Option<&Tuning> {
        self.tuned.iter().find(|(tuned, _)| *tuned == kind).map(|(_, tuning)| tuning)
    }

    /// Whether a hit of that kind is long enough.
    pub(super) fn has_length(&self, kind: Kind, hit: &[u8]) -> bool {
        self.tuning(kind).is_none_or(|tuning| {
            let length = hit.iter().filter(|b| b.is_ascii_alphanumeric() || **b >= 0x80).count();
            length >= tuning.least
        })
    }

    /// How a hit leaves, where not as `[KIND]`.
    pub(super) fn rule(&self, kind: Kind, custom: u8) -> Option<&MaskRule> {
        match custom.checked_sub(1) {
            Some(place) => self.custom.get(usize::from(place)).map(|pattern| &pattern.rule),
            None => self.tuning(kind)?.rule.as_ref(),
        }
    }

    pub(super) fn custom(&self) -> &[Pattern] {
        &self.custom
    }

    pub(super) const fn stances(&self) -> Stances {
        self.stances
    }

    /// Which patterns' context words stand in a name, a bit each.
    pub(super) fn named(&self, name: &str) -> u32 {
        if self.custom.iter().all(|pattern| pattern.context.is_empty()) {
            return 0;
        }
        let name = name.to_lowercase();
        self.custom.iter().take(MOST_CUSTOM).enumerate().fold(0, |bits, (place, pattern)| {
            let is_named = pattern.context.iter().any(|word| name.contains(word.as_str()));
            bits | u32::from(is_named) << place
        })
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build().ok()
}

/// Writes what a hit becomes under a rule. A part of it may stay only where it is spelt as it is meant.
pub(super) fn write_masked(rule: &MaskRule, hit: &str, seen: Seen, out: &mut String) {
    let MaskRule { class, mask } = rule;
    let from = out.len();
    let done = match (seen, mask) {
        (Seen::Through, _) => None,
        // Half of a code of three or four digits is easily guessed.
        (Seen::Plain, Mask::LastFour) if hit.len() <= 4 => None,
        (Seen::Plain, Mask::LastFour) => {
            crate::actions::last_four(hit, out);
            Some(())
        }
        (Seen::Plain, Mask::EmailDomain) => crate::actions::email_domain(hit, out),
        (Seen::Plain, Mask::IpNetwork) => crate::actions::ip_network(hit, out),
        (Seen::Plain, Mask::Year) => crate::actions::year(&domain::SqlType::Text { length: 10 }, hit, out),
        // SECURITY: a token of a detector's hit would tell the token of any guess (`select '123-45-6789'`).
        (Seen::Plain, Mask::Token | Mask::SharedToken(_) | Mask::Redact | Mask::Null | Mask::Band(_)) => None,
    };
    if done.is_none() {
        out.truncate(from);
        out.push('[');
        out.push_str(&class.as_str().to_uppercase());
        out.push(']');
    }
}
