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
        let kind = match kind {
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
        };
        let found = Self::new(day, exchange);
        // Only the one spelling that `object` writes is a key.
        (found.object(kind) == key).then_some((found, kind))
    }
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
        }
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
