//! Checking an archive: numbers without gaps, every opening closed, every digest right.

mod access;
mod approvals;
mod evidence;
mod exchange;
mod pages;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use domain::{SessionId, Timestamp};
use serde::Serialize;
use thiserror::Error;

use crate::key::{ObjectKind, RecordKey};
use crate::opening::Opening;

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
    /// Nothing is wrong: an approval waits, and its time is not over.
    Note,
    /// Something is missing that may still come, or that a crash explains.
    Incomplete,
    /// Something is not as it was written.
    Altered,
}

/// What is wrong, by a stable word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// A number of a session is missing, or is there twice; or a step of an approval, or late evidence, is missing.
    Gap,
    /// An opening or closing does not have the digest that it carries.
    Digest,
    /// An object is not what we write, or cannot be read.
    Unreadable,
    /// An opening has no closing.
    NotClosed,
    /// A page that the closing names is not there.
    PageMissing,
    /// A page is not the one that the closing names.
    PageDigest,
    /// A page is there that was not released.
    PageUnknown,
    /// An object tells of another exchange, day or page than its name.
    Misplaced,
    /// The closing was written for another opening.
    OpeningDigest,
    /// An exchange has other objects and no opening.
    OpeningMissing,
    /// A name that nothing of a recording has.
    UnknownObject,
    /// The sealed exact text is not there.
    SealedMissing,
    /// The sealed exact text is not the one that the opening names.
    SealedDigest,
    /// A sealed exact text lies beside an opening that names none.
    SealedUnknown,
    /// Rows, bytes, pages or parts are not as many as a record says.
    Count,
    /// Two things that records tell cannot both be true.
    Contradiction,
}

impl Wrong {
    /// Every word.
    pub const ALL: [Self; 16] = [
        Self::Gap,
        Self::Digest,
        Self::Unreadable,
        Self::NotClosed,
        Self::PageMissing,
        Self::PageDigest,
        Self::PageUnknown,
        Self::Misplaced,
        Self::OpeningDigest,
        Self::OpeningMissing,
        Self::UnknownObject,
        Self::SealedMissing,
        Self::SealedDigest,
        Self::SealedUnknown,
        Self::Count,
        Self::Contradiction,
    ];

    /// The word, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Digest => "digest",
            Self::Unreadable => "unreadable",
            Self::NotClosed => "not_closed",
            Self::PageMissing => "page_missing",
            Self::PageDigest => "page_digest",
            Self::PageUnknown => "page_unknown",
            Self::Misplaced => "misplaced",
            Self::OpeningDigest => "opening_digest",
            Self::OpeningMissing => "opening_missing",
            Self::UnknownObject => "unknown_object",
            Self::SealedMissing => "sealed_missing",
            Self::SealedDigest => "sealed_digest",
            Self::SealedUnknown => "sealed_unknown",
            Self::Count => "count",
            Self::Contradiction => "contradiction",
        }
    }
}

/// Something wrong in an archive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ArchiveFault {
    /// The object, or the session.
    pub at: String,
    /// How bad.
    pub severity: Severity,
    /// What.
    pub what: Wrong,
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
    /// What is open and may be, in the order of keys.
    pub notes: Vec<ArchiveFault>,
}

/// What no check can tell before records are signed.
pub const UNPROVEN: [&str; 6] = [
    "records are not signed yet: whoever may write this folder can rewrite a record together with its digests",
    "the last exchanges of a session, whole sessions, and the last late evidence of an exchange can be removed without leaving a gap",
    "moments are what the gateway's own clock said",
    "whether a sealed exact text is the one that was masked and digested needs the home's keys, which are not used here",
    "what was rejected before anybody was identified is counted outside of the records",
    "whether the gateway itself told the truth while recording cannot be proven from its recordings",
];

impl Report {
    /// The worst fault; none when all is good.
    pub fn worst(&self) -> Option<Severity> {
        self.faults.iter().map(|fault| fault.severity).max()
    }

    fn altered(&mut self, at: impl Into<String>, what: Wrong, detail: impl Into<String>) {
        let fault = ArchiveFault { at: at.into(), severity: Severity::Altered, what, detail: detail.into() };
        self.faults.push(fault);
    }

    fn note(&mut self, at: impl Into<String>, what: Wrong, detail: impl Into<String>) {
        let note = ArchiveFault { at: at.into(), severity: Severity::Note, what, detail: detail.into() };
        self.notes.push(note);
    }

    fn incomplete(&mut self, at: impl Into<String>, what: Wrong, detail: impl Into<String>) {
        let fault =
            ArchiveFault { at: at.into(), severity: Severity::Incomplete, what, detail: detail.into() };
        self.faults.push(fault);
    }
}

/// What is known of one exchange from the names of its objects.
#[derive(Default)]
struct Found {
    opening: bool,
    closing: bool,
    sealed: bool,
    steps: BTreeSet<u32>,
    standing: BTreeSet<u32>,
    evidence: BTreeSet<u32>,
    pages: BTreeSet<(u32, u32)>,
}

/// Checks everything; faults do not stop it. `progress` is called with (done, all) exchanges.
///
/// An approval that is not over at `now` may be open; every other exchange must be closed.
///
/// # Errors
/// [`ArchiveError::List`] when the archive cannot be listed at all.
pub fn verify(
    archive: &dyn Archive,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, ArchiveError> {
    let mut report = Report::default();
    let mut exchanges: BTreeMap<RecordKey, Found> = BTreeMap::new();
    for key in archive.keys()? {
        match RecordKey::parse(&key) {
            None => report.altered(key, Wrong::UnknownObject, "no part of a recording has this name"),
            Some((at, kind)) => {
                let found = exchanges.entry(at).or_default();
                match kind {
                    ObjectKind::Opening => found.opening = true,
                    ObjectKind::Closing => found.closing = true,
                    ObjectKind::Sealed => found.sealed = true,
                    ObjectKind::Approval { step } => {
                        found.steps.insert(step);
                    }
                    ObjectKind::Standing { step } => {
                        found.standing.insert(step);
                    }
                    ObjectKind::Evidence { step } => {
                        found.evidence.insert(step);
                    }
                    ObjectKind::Page { part, page } => {
                        found.pages.insert((part, page));
                    }
                }
            }
        }
    }
    let mut sessions: BTreeMap<SessionId, Session> = BTreeMap::new();
    let all = exchanges.len() as u64;
    for (key, found) in &exchanges {
        let opening = exchange::check(archive, key, found, now, &mut report);
        if found.opening {
            let session = sessions.entry(key.exchange.session).or_default();
            session.numbers.push(key.exchange.number.get());
            if let Some(opening) = opening {
                session.check_principal(key, opening, &mut report);
            }
        }
        report.exchanges += 1;
        progress(report.exchanges, all);
    }
    report.sessions = sessions.len() as u64;
    for (id, mut session) in sessions {
        session.numbers.sort_unstable();
        check_numbers(id, &session.numbers, &mut report);
    }
    Ok(report)
}

/// What the openings of one session told so far.
#[derive(Default)]
struct Session {
    numbers: Vec<u32>,
    /// Issuer, subject and agent.
    principal: Option<[String; 3]>,
}

impl Session {
    /// A session is one principal's.
    fn check_principal(&mut self, key: &RecordKey, opening: Opening, report: &mut Report) {
        let principal = [opening.principal.issuer, opening.principal.subject, opening.principal.agent];
        if *self.principal.get_or_insert_with(|| principal.clone()) != principal {
            let at = key.object(ObjectKind::Opening);
            report.altered(at, Wrong::Contradiction, "another principal began this session");
        }
    }
}

fn check_numbers(session: SessionId, numbers: &[u32], report: &mut Report) {
    let mut expected = 1;
    for number in numbers {
        if *number > expected {
            let detail = format!("exchanges {expected} to {} are missing", number - 1);
            report.altered(session.to_string(), Wrong::Gap, detail);
        } else if *number < expected {
            let detail = format!("exchange {number} was opened twice");
            report.altered(session.to_string(), Wrong::Gap, detail);
        }
        expected = number.saturating_add(1);
    }
}
