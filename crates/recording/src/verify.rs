//! Checking an archive: numbers without gaps, every opening closed, every digest right.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use domain::SessionId;
use serde::Serialize;
use thiserror::Error;

use crate::closing::{Closing, ClosingOutcome, PageRecord, PartRecord};
use crate::envelope::{FormatError, Stored, decode, digest_of};
use crate::key::{ObjectKind, RecordKey};
use crate::opening::Opening;
use crate::page::decode_page;

/// Where the objects lie. Keys use forward slashes and start with `v1/`.
pub trait Archive {
    /// Every key, in any order.
    ///
    /// # Errors
    /// [`ArchiveError::List`].
    fn keys(&self) -> Result<Vec<String>, ArchiveError>;

    /// The bytes of an object; none when there is none.
    ///
    /// # Errors
    /// [`ArchiveError::Read`].
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ArchiveError>;
}

/// Why an archive cannot be looked at. For auditors: it may name paths.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// It is not known what there is: nothing can be said of it.
    #[error("the archive cannot be listed")]
    List(#[source] Box<dyn Error + Send + Sync>),
    /// One object cannot be read: the rest can be checked.
    #[error("the object cannot be read")]
    Read(#[source] Box<dyn Error + Send + Sync>),
}

/// How bad a fault is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is missing that may still come, or that a crash explains.
    Incomplete,
    /// Something is not as it was written.
    Altered,
}

/// Something wrong in an archive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ArchiveFault {
    /// The object, or the session.
    pub at: String,
    /// How bad.
    pub severity: Severity,
    /// A stable word: `gap`, `digest`, `unreadable`, `not_closed`, `page_missing`, `page_digest`, `misplaced`,
    /// `opening_digest`, `opening_missing`, `unknown_object`, `page_unknown`, `sealed_missing`, `count`.
    pub what: &'static str,
    /// A sentence.
    pub detail: String,
}

/// What checking an archive told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Report {
    /// Sessions seen.
    pub sessions: u64,
    /// Exchanges seen.
    pub exchanges: u64,
    /// Pages checked.
    pub pages: u64,
    /// Everything wrong, in the order of keys.
    pub faults: Vec<ArchiveFault>,
}

/// What no check can tell before records are signed.
pub const UNPROVEN: [&str; 3] = [
    "records are not signed yet: whoever may write this folder can rewrite a record together with its digests",
    "the last exchanges of a session, and whole sessions, can be removed without leaving a gap",
    "whether the gateway itself told the truth while recording cannot be proven from its recordings",
];

impl Report {
    /// The worst fault; none when all is good.
    pub fn worst(&self) -> Option<Severity> {
        self.faults.iter().map(|fault| fault.severity).max()
    }

    fn fault(
        &mut self,
        at: impl Into<String>,
        severity: Severity,
        what: &'static str,
        detail: impl Into<String>,
    ) {
        self.faults.push(ArchiveFault { at: at.into(), severity, what, detail: detail.into() });
    }
}

/// What is known of one exchange from the names of its objects.
#[derive(Default)]
struct Found {
    opening: bool,
    closing: bool,
    sealed: bool,
    pages: BTreeSet<(u32, u32)>,
}

/// Checks everything; faults do not stop it. `progress` is called with (done, all) exchanges.
///
/// # Errors
/// [`ArchiveError::List`] when the archive cannot be listed at all.
pub fn verify(archive: &dyn Archive, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, ArchiveError> {
    let mut report = Report::default();
    let mut exchanges: BTreeMap<RecordKey, Found> = BTreeMap::new();
    for key in archive.keys()? {
        match RecordKey::parse(&key) {
            None => {
                report.fault(key, Severity::Altered, "unknown_object", "no part of a recording has this name")
            }
            Some((at, kind)) => {
                let found = exchanges.entry(at).or_default();
                match kind {
                    ObjectKind::Opening => found.opening = true,
                    ObjectKind::Closing => found.closing = true,
                    ObjectKind::Sealed => found.sealed = true,
                    ObjectKind::Page { part, page } => {
                        found.pages.insert((part, page));
                    }
                }
            }
        }
    }
    let mut numbers: BTreeMap<SessionId, Vec<u32>> = BTreeMap::new();
    let all = exchanges.len() as u64;
    for (key, found) in &exchanges {
        if found.opening {
            numbers.entry(key.exchange.session).or_default().push(key.exchange.number.get());
        }
        check_exchange(archive, key, found, &mut report);
        report.exchanges += 1;
        progress(report.exchanges, all);
    }
    report.sessions = numbers.len() as u64;
    for (session, mut numbers) in numbers {
        numbers.sort_unstable();
        check_numbers(session, &numbers, &mut report);
    }
    Ok(report)
}

fn check_numbers(session: SessionId, numbers: &[u32], report: &mut Report) {
    let mut expected = 1;
    for number in numbers {
        if *number > expected {
            let detail = format!("exchanges {expected} to {} are missing", number - 1);
            report.fault(session.to_string(), Severity::Altered, "gap", detail);
        } else if *number < expected {
            report.fault(
                session.to_string(),
                Severity::Altered,
                "gap",
                format!("exchange {number} was opened twice"),
            );
        }
        expected = number.saturating_add(1);
    }
}

fn check_exchange(archive: &dyn Archive, key: &RecordKey, found: &Found, report: &mut Report) {
    let opening_key = key.object(ObjectKind::Opening);
    if !found.opening {
        report.fault(
            opening_key,
            Severity::Altered,
            "opening_missing",
            "other objects of this exchange are here, its opening is not",
        );
        return;
    }
    let opening = read::<Opening>(archive, &opening_key, report);
    if let Some(opening) = &opening {
        if opening.record.exchange != key.exchange.to_string() || !opening.record.opened.starts_with(&key.day)
        {
            report.fault(
                &opening_key,
                Severity::Altered,
                "misplaced",
                "this opening belongs to another exchange or day",
            );
        }
        if opening.record.sealed && !found.sealed {
            report.fault(
                &opening_key,
                Severity::Incomplete,
                "sealed_missing",
                "the sealed exact text is not here",
            );
        }
    }
    let held_until = opening.as_ref().and_then(|opening| Some(opening.record.hold.as_ref()?.expires.clone()));
    let closing_key = key.object(ObjectKind::Closing);
    if !found.closing {
        report.fault(
            closing_key,
            Severity::Incomplete,
            "not_closed",
            match &held_until {
                Some(until) => {
                    format!("the exchange is held for a person until {until}, or was never closed")
                }
                None => "the exchange was opened and never closed, or is still under way".to_owned(),
            },
        );
        return;
    }
    let Some(closing) = read::<Closing>(archive, &closing_key, report) else { return };
    if closing.record.exchange != key.exchange.to_string() {
        report.fault(
            &closing_key,
            Severity::Altered,
            "misplaced",
            "this closing belongs to another exchange",
        );
    }
    if opening.is_some_and(|opening| closing.record.opening != opening.digest.to_string()) {
        report.fault(
            &closing_key,
            Severity::Altered,
            "opening_digest",
            "the closing was written for another opening",
        );
    }
    check_pages(archive, key, found, &closing.record, report);
}

fn check_pages(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    closing: &Closing,
    report: &mut Report,
) {
    let mut expected = BTreeSet::new();
    for (part_number, part) in (0_u32..).zip(&closing.parts) {
        for (page_number, page) in (0_u32..).zip(&part.pages) {
            let kind = ObjectKind::Page { part: part_number, page: page_number };
            let at = key.object(kind);
            expected.insert((part_number, page_number));
            let object = match &page.inline {
                Some(inline) => {
                    expected.remove(&(part_number, page_number));
                    inline_bytes(inline)
                }
                None => match archive.read(&at) {
                    Ok(object) => object,
                    Err(error) => {
                        report.fault(at, Severity::Incomplete, "unreadable", error.to_string());
                        continue;
                    }
                },
            };
            match object {
                Some(object) => check_page(&at, key, kind, page, &object, report),
                None => report.fault(
                    at,
                    Severity::Incomplete,
                    "page_missing",
                    "a page that the agent saw is not here",
                ),
            }
        }
        check_part(key, part, report);
    }
    // A result that was not released leaves pages behind; one that was released leaves none beside its own.
    if matches!(closing.outcome, ClosingOutcome::Rows {}) {
        for (part, page) in found.pages.difference(&expected) {
            let at = key.object(ObjectKind::Page { part: *part, page: *page });
            // A process that died after storing it, before anybody else ended the exchange, explains it.
            let detail = "this page was stored and is not part of what was released";
            report.fault(at, Severity::Incomplete, "page_unknown", detail);
        }
    }
}

fn check_part(key: &RecordKey, part: &PartRecord, report: &mut Report) {
    let rows = part.pages.iter().fold(0_u64, |sum, page| sum.saturating_add(page.rows));
    if rows != part.rows {
        let at = key.object(ObjectKind::Closing);
        report.fault(
            at,
            Severity::Altered,
            "count",
            format!("{} rows were released and the pages hold {rows}", part.rows),
        );
    }
}

fn check_page(
    at: &str,
    key: &RecordKey,
    kind: ObjectKind,
    page: &PageRecord,
    object: &[u8],
    report: &mut Report,
) {
    report.pages += 1;
    if digest_of(object).to_string() != page.digest {
        report.fault(at, Severity::Altered, "page_digest", "the page is not the one that the agent saw");
        return;
    }
    match decode_page(object) {
        Ok(read) => {
            let is_its_own = ObjectKind::Page { part: read.header.part, page: read.header.page } == kind
                && read.header.exchange == key.exchange.to_string();
            if !is_its_own {
                report.fault(at, Severity::Altered, "misplaced", "this page belongs elsewhere");
            } else if read.header.rows != page.rows {
                report.fault(
                    at,
                    Severity::Altered,
                    "count",
                    "the page holds another number of rows than the closing says",
                );
            }
        }
        Err(_) => report.fault(at, Severity::Altered, "unreadable", "this is no page of a known version"),
    }
}

fn inline_bytes(inline: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(inline).ok()
}

fn read<T: serde::de::DeserializeOwned>(
    archive: &dyn Archive,
    key: &str,
    report: &mut Report,
) -> Option<Stored<T>> {
    let object = match archive.read(key) {
        Ok(Some(object)) => object,
        Ok(None) => {
            report.fault(key, Severity::Incomplete, "unreadable", "the object vanished while it was read");
            return None;
        }
        Err(error) => {
            report.fault(key, Severity::Incomplete, "unreadable", error.to_string());
            return None;
        }
    };
    match decode(&object) {
        Ok(stored) => Some(stored),
        Err(error) => {
            let what = match error {
                FormatError::Digest => "digest",
                FormatError::Unreadable => "unreadable",
            };
            report.fault(key, Severity::Altered, what, error.to_string());
            None
        }
    }
}
