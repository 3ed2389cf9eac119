//! Where the objects of an exchange lie.

use std::fmt;

use domain::ExchangeId;

/// The place of one exchange: `v1/dt=<day of the opening>/<session>/<number, 8 digits>`.
///
/// The leading `v1` is the version of this layout; `dt` is what Athena's partition projection reads.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RecordKey {
    /// The UTC day of the opening, `2026-11-23`.
    pub day: String,
    /// The exchange.
    pub exchange: ExchangeId,
}

/// What kind of object of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ObjectKind {
    /// The opening.
    Opening,
    /// The closing.
    Closing,
    /// A step of the approval, from 0.
    Approval {
        /// Which.
        step: u32,
    },
    /// A step of the standing approval that was made with this exchange's, from 0.
    Standing {
        /// Which.
        step: u32,
    },
    /// Evidence of the prompt that came after the opening, from 0.
    Evidence {
        /// Which.
        step: u32,
    },
    /// A page of a part: both count from 0.
    Page {
        /// Which statement of a batch, from 0.
        part: u32,
        /// Which page of its result, from 0.
        page: u32,
    },
    /// The exact text, bindings and prompt, encrypted; kept apart from the records.
    Sealed,
}

impl RecordKey {
    /// The place of `exchange`, opened on `day`.
    pub fn new(day: impl Into<String>, exchange: ExchangeId) -> Self {
        Self { day: day.into(), exchange }
    }

    /// The key of one object, with forward slashes.
    pub fn object(&self, kind: ObjectKind) -> String {
        match kind {
            ObjectKind::Opening => format!("{self}.opening.json"),
            ObjectKind::Closing => format!("{self}.closing.json"),
            ObjectKind::Approval { step } => format!("{self}.approval-{step:04}.json"),
            ObjectKind::Standing { step } => format!("{self}.standing-{step:04}.json"),
            ObjectKind::Evidence { step } => format!("{self}.evidence-{step:04}.json"),
            ObjectKind::Page { part, page } => format!("{self}.part-{part:04}.page-{page:06}"),
            ObjectKind::Sealed => format!("{self}.sealed"),
        }
    }

    /// Reads an object's key; none when it is no key of this layout.
    pub fn parse(key: &str) -> Option<(Self, ObjectKind)> {
        let (found, kind) = Self::parts(key)?;
        let kind = kind_of(kind)?;
        // Only the one spelling that `object` writes is a key.
        (found.object(kind) == key).then_some((found, kind))
    }

    /// Whether it is the key of an object that lies beside an exchange's others and is of none of the kinds that are known here: a later
    /// release may write such, while this one is still asked.
    // SECURITY: of a kind that is known, and written otherwise, it is no such.
    pub fn is_of_another_kind(key: &str) -> bool {
        let Some((found, kind)) = Self::parts(key) else { return false };
        let word = kind.split(['-', '.']).next().unwrap_or_default();
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        is_word && kind.bytes().all(is_plain) && !KINDS.contains(&word) && key == format!("{found}.{kind}")
    }

    /// The place, and what says of which kind it is.
    fn parts(key: &str) -> Option<(Self, &str)> {
        let rest = key.strip_prefix("v1/dt=")?;
        let (day, rest) = rest.split_once('/')?;
        let (session, file) = rest.split_once('/')?;
        let (number, kind) = file.split_once('.')?;
        let is_day = day.len() == 10
            && day
                .bytes()
                .enumerate()
                .all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
        if !is_day || number.len() != 8 {
            return None;
        }
        let exchange = format!("{session}/{}", number.trim_start_matches('0')).parse().ok()?;
        Some((Self::new(day, exchange), kind))
    }
}

/// What the kinds begin with.
const KINDS: [&str; 7] = ["opening", "closing", "sealed", "approval", "standing", "evidence", "part"];

fn kind_of(kind: &str) -> Option<ObjectKind> {
    Some(match kind {
        "opening.json" => ObjectKind::Opening,
        "closing.json" => ObjectKind::Closing,
        "sealed" => ObjectKind::Sealed,
        step if step.starts_with("approval-") => {
            let step = step.strip_prefix("approval-")?.strip_suffix(".json")?;
            ObjectKind::Approval { step: step.parse().ok()? }
        }
        step if step.starts_with("standing-") => {
            let step = step.strip_prefix("standing-")?.strip_suffix(".json")?;
            ObjectKind::Standing { step: step.parse().ok()? }
        }
        step if step.starts_with("evidence-") => {
            let step = step.strip_prefix("evidence-")?.strip_suffix(".json")?;
            ObjectKind::Evidence { step: step.parse().ok()? }
        }
        page => {
            let (part, page) = page.strip_prefix("part-")?.split_once(".page-")?;
            if part.len() != 4 || page.len() != 6 {
                return None;
            }
            ObjectKind::Page { part: part.parse().ok()?, page: page.parse().ok()? }
        }
    })
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1/dt={}/{}/{:08}", self.day, self.exchange.session, self.exchange.number.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_reads_back() {
        let key = RecordKey::new("2026-11-23", format!("{}/12", "a".repeat(32)).parse().unwrap());
        for kind in [
            ObjectKind::Opening,
            ObjectKind::Closing,
            ObjectKind::Sealed,
            ObjectKind::Approval { step: 0 },
            ObjectKind::Approval { step: 12_345 },
            ObjectKind::Standing { step: 0 },
            ObjectKind::Standing { step: 10_000 },
            ObjectKind::Evidence { step: 0 },
            ObjectKind::Evidence { step: 31 },
            ObjectKind::Page { part: 3, page: 12 },
        ] {
            assert_eq!(RecordKey::parse(&key.object(kind)), Some((key.clone(), kind)));
            assert!(!RecordKey::is_of_another_kind(&key.object(kind)));
        }
    }

    #[test]
    fn a_kind_of_a_later_release_is_known_for_one_by_its_place() {
        let place = format!("v1/dt=2026-11-23/{}/00000012", "a".repeat(32));
        for kind in ["receipt.json", "receipt-0003.json", "trace.v2.json", "attestation"] {
            let key = format!("{place}.{kind}");
            assert!(RecordKey::is_of_another_kind(&key) && RecordKey::parse(&key).is_none(), "{key}");
        }
        for kind in [
            "",
            ".json",
            "closing.xml",
            "evidence-1.json",
            "part-1.page-000000",
            "Receipt.json",
            "a/b",
            "7.json",
        ] {
            assert!(!RecordKey::is_of_another_kind(&format!("{place}.{kind}")), "{kind}");
        }
        assert!(!RecordKey::is_of_another_kind("v1/dt=2026-11-23/../00000012.receipt.json"));
        assert!(!RecordKey::is_of_another_kind(&format!("{}.receipt.json", place.replace("v1", "v2"))));
    }

    #[test]
    fn what_is_written_otherwise_is_no_key() {
        let session = "a".repeat(32);
        for key in [
            format!("v1/dt=2026-11-23/{session}/1.opening.json"),
            format!("v1/dt=2026-11-23/{session}/00000000.opening.json"),
            format!("v1/dt=2026-11-2x/{session}/00000001.opening.json"),
            format!("v2/dt=2026-11-23/{session}/00000001.opening.json"),
            format!("v1/dt=2026-11-23/{session}/00000001.part-1.page-000000"),
            format!("v1/dt=2026-11-23/{session}/00000001.approval-1.json"),
            format!("v1/dt=2026-11-23/{session}/00000001.approval-+001.json"),
            format!("v1/dt=2026-11-23/{session}/00000001.evidence-1.json"),
            format!("v1/dt=2026-11-23/{session}/00000001.evidence-0001"),
            format!("v1/dt=2026-11-23/../{session}/00000001.opening.json"),
        ] {
            assert_eq!(RecordKey::parse(&key), None, "{key}");
        }
    }
}
