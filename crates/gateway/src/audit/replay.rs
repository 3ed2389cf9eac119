//! Telling a session again, as `snowgate replay` does, out of records that are checked on the way.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{ExchangeNumber, Timestamp};
use recording::{
    ApprovalStep, Archive, ArchiveError, ArchiveFault, Closing, Event, LateEvidence, Look, ObjectKind,
    Opening, PageRecord, RecordKey, Severity, Wrong, approval_event, closing_event, decode, decode_page,
    digest_of, evidence_event, opening_events, verify,
};
use serde::Serialize;

use super::question::{EventPlace, Replay, Within};
use super::telling::{Rest, Telling, ToldEvent};
use super::{Audit, AuditAnswer, AuditError, Auditor, json};
use crate::fault::Fault;
use crate::recorded::Recorded;

/// Exchanges of one answer at most.
const EXCHANGES: usize = 20;

/// What a replay answers.
#[derive(Serialize)]
struct Replayed<'a> {
    /// The record of this look.
    look: &'a str,
    at: &'a str,
    asked: &'a BTreeMap<String, String>,
    events: &'a [ToldEvent],
    damaged: &'a [ArchiveFault],
    next: Option<String>,
}

/// One thing to tell: pages are read when their turn comes.
enum Piece {
    Event(Box<Event>),
    Page { part: u32, page: u32, record: PageRecord },
}

impl Audit {
    /// What happened, in order, each page as the agent saw it; what is not as it was written is told beside. Sealed texts stay sealed. Of
    /// what is not told by then, where to go on; something is told whatever the time is.
    ///
    /// # Errors
    /// As [`Audit::search`].
    pub async fn replay(
        &self,
        auditor: &Auditor,
        replay: &Replay,
        until: Option<Timestamp>,
    ) -> Result<AuditAnswer, AuditError> {
        let (from, first) = replay.position(auditor)?;
        let look = self.look(auditor, "replay", replay.recorded()).await?;
        let most = if replay.only.is_some() { 1 } else { EXCHANGES.saturating_add(1) };
        let mut keys = self.ports.index.of_session(replay.session, from, most).await?;
        keys.retain(|key| replay.only.is_none_or(|only| only == key.exchange.number));
        let beyond = keys.get(EXCHANGES).map(|key| key.exchange.number);
        keys.truncate(EXCHANGES);

        let mut telling = Telling::default();
        let mut next = beyond.map(|number| (number, EventPlace::default()));
        let mut expected = from;
        for key in &keys {
            let number = key.exchange.number;
            if replay.only.is_none() && number > expected {
                telling.damaged.push(gap(key, expected));
            }
            expected = number.next().unwrap_or(number);
            let begins = if number == from { first } else { EventPlace::default() };
            if let Some(place) = self.tell(key, begins, until, &mut telling).await? {
                next = Some((number, place));
                break;
            }
        }
        let Telling { events, damaged, shown, unreadable, .. } = telling;
        let read = u64::try_from(shown.len().saturating_add(unreadable.len())).unwrap_or(u64::MAX);
        let look = Look { read, shown, damaged: unreadable, ..look };
        let body = json(&Replayed {
            look: &look.look,
            at: &look.at,
            asked: &look.asked,
            events: &events,
            damaged: &damaged,
            next: next.map(|(number, place)| replay.cursor(auditor, number, place)),
        })?;
        Ok(self.kept(look, body).await?)
    }

    /// Tells one exchange from that place on; the place of what did not fit any more.
    async fn tell(
        &self,
        key: &RecordKey,
        begins: EventPlace,
        until: Option<Timestamp>,
        telling: &mut Telling,
    ) -> Result<Option<EventPlace>, Fault> {
        let is_over = |telling: &Telling| telling.is_full() || (telling.told() > 0 && self.is_over(until));
        if is_over(telling) {
            return Ok(Some(begins));
        }
        let recorded = Recorded::read(self.ports.recordings.as_ref(), key).await?;
        let found = check(key, &recorded, self.ports.clock.now());
        let (pieces, closing) = pieces(key, &recorded);
        let (is_nothing, before) = (pieces.is_empty(), telling.told());
        let mut next = None;
        for (event, piece) in pieces.into_iter().enumerate().skip(begins.event) {
            let within = if event == begins.event { begins.within } else { Within::default() };
            let rest = match piece {
                _ if is_over(telling) => Some(within),
                Piece::Event(told) => telling.event(*told, within),
                Piece::Page { part, page, record } => {
                    let Some(closing) = &closing else { continue };
                    self.page(key, closing, (part, page), &record, within, telling).await?
                }
            };
            if let Some(within) = rest {
                next = Some(EventPlace { event, within });
                break;
            }
        }
        let is_told = telling.told() > before;
        let exchange = key.exchange.to_string();
        if is_told {
            telling.shown.push(exchange);
        } else if is_nothing {
            telling.unreadable.push(exchange);
        }
        // Told once, with its first event.
        if begins == EventPlace::default() && (is_told || is_nothing) {
            telling.damaged.extend(found);
        }
        Ok(next)
    }

    /// Tells a page from there on, if it is the page that the agent saw; else what is wrong with it.
    async fn page(
        &self,
        key: &RecordKey,
        closing: &Closing,
        (part, page): (u32, u32),
        record: &PageRecord,
        within: Within,
        telling: &mut Telling,
    ) -> Result<Rest, Fault> {
        let kind = ObjectKind::Page { part, page };
        let mut damaged = |severity, what, detail: &str| {
            let detail = detail.to_owned();
            telling.damaged.push(ArchiveFault { at: key.object(kind), severity, what, detail });
            Ok(None)
        };
        let object = match &record.inline {
            Some(inline) => {
                use base64::Engine;
                base64::engine::general_purpose::STANDARD.decode(inline).ok().map(Bytes::from)
            }
            None => self.ports.recordings.read(key, kind).await?,
        };
        let Some(object) = object else {
            let detail = "a page that the agent saw is not here (pages expire before records)";
            return damaged(Severity::Incomplete, Wrong::PageMissing, detail);
        };
        if digest_of(&object).to_string() != record.digest {
            return damaged(
                Severity::Altered,
                Wrong::PageDigest,
                "the page is not the one that the agent saw",
            );
        }
        let Ok(decoded) = decode_page(&object) else {
            return damaged(Severity::Altered, Wrong::Unreadable, "this is no page of a known version");
        };
        let header = &decoded.header;
        if (header.part, header.page) != (part, page) || header.exchange != key.exchange.to_string() {
            return damaged(Severity::Altered, Wrong::Misplaced, "this page belongs elsewhere");
        }
        if let Ok(rest) = telling.page(closing, record, &decoded, within) {
            return Ok(rest);
        }
        let detail = "the page does not hold the rows that it announces";
        telling.damaged.push(ArchiveFault {
            at: key.object(kind),
            severity: Severity::Altered,
            what: Wrong::Unreadable,
            detail: detail.to_owned(),
        });
        Ok(None)
    }
}

/// What can be told of an exchange, in the order of `snowgate replay`; what cannot be read, or is another's, is told by [`check`] alone.
fn pieces(key: &RecordKey, recorded: &Recorded) -> (Vec<Piece>, Option<Closing>) {
    let exchange = key.exchange.to_string();
    let opening = recorded.opening.as_ref().and_then(|bytes| decode::<Opening>(bytes).ok());
    let opening = opening.filter(|opening| opening.record.exchange == exchange);
    let closing = recorded.closing.as_ref().and_then(|bytes| decode::<Closing>(bytes).ok());
    let closing = closing.map(|closing| closing.record).filter(|closing| closing.exchange == exchange);
    // SECURITY: a closing of another opening says nothing of this one.
    let digest = opening.as_ref().map(|opening| opening.digest.to_string());
    let closing = closing.filter(|closing| digest.as_ref().is_none_or(|digest| *digest == closing.opening));
    let steps = recorded.steps.iter().filter_map(|bytes| decode::<ApprovalStep>(bytes).ok());
    let steps = steps.map(|step| step.record).filter(|step| step.exchange == exchange);
    let late = recorded.evidence.iter().filter_map(|bytes| decode::<LateEvidence>(bytes).ok());
    let late = late.map(|late| late.record).filter(|late| late.exchange == exchange);

    let event = |event| Piece::Event(Box::new(event));
    let mut pieces: Vec<Piece> =
        opening.iter().flat_map(|opening| opening_events(&opening.record)).map(event).collect();
    pieces.extend(steps.map(|step| event(approval_event(&step))));
    if let Some(closing) = &closing {
        for (part, parts) in (0_u32..).zip(&closing.parts) {
            let pages = (0_u32..).zip(&parts.pages);
            pieces.extend(pages.map(|(page, record)| Piece::Page { part, page, record: record.clone() }));
        }
        pieces.push(event(closing_event(closing)));
    }
    pieces.extend(late.map(|late| event(evidence_event(&late))));
    (pieces, closing)
}

fn gap(key: &RecordKey, expected: ExchangeNumber) -> ArchiveFault {
    let (first, last) = (expected.get(), key.exchange.number.get().saturating_sub(1));
    let detail = format!("exchanges {first} to {last} are missing");
    ArchiveFault {
        at: key.exchange.session.to_string(),
        severity: Severity::Altered,
        what: Wrong::Gap,
        detail,
    }
}

/// What `snowgate verify` finds wrong with these objects, by themselves: pages are compared when they are told, sealed texts are not read,
/// and what other exchanges say of this one is not looked at.
fn check(key: &RecordKey, recorded: &Recorded, now: Timestamp) -> Vec<ArchiveFault> {
    let objects = Objects::new(key, recorded);
    let Ok(report) = verify(&objects, now, &mut |_, _| {}) else { return Vec::new() };
    let own = key.to_string();
    let is_page = |at: &str| at.contains(".part-");
    // Leave to read, or a standing approval, that lies beside another exchange; and texts that are not read here.
    let is_elsewhere = |fault: &ArchiveFault| {
        fault.severity == Severity::Incomplete && matches!(fault.what, Wrong::Gap | Wrong::SealedMissing)
    };
    let mut faults = report.faults;
    faults.retain(|fault| fault.at.starts_with(&own) && !is_page(&fault.at) && !is_elsewhere(fault));
    if recorded.is_nothing() {
        faults.push(ArchiveFault {
            at: key.object(ObjectKind::Opening),
            severity: Severity::Altered,
            what: Wrong::OpeningMissing,
            detail: "the index tells of this exchange, and nothing of it is here".to_owned(),
        });
    }
    faults
}

/// The objects of one exchange as an archive.
struct Objects(BTreeMap<String, Bytes>);

impl Objects {
    fn new(key: &RecordKey, recorded: &Recorded) -> Self {
        let Recorded { opening, closing, steps, evidence } = recorded;
        let one = |kind, bytes: &Bytes| (key.object(kind), bytes.clone());
        let opening = opening.iter().map(|bytes| one(ObjectKind::Opening, bytes));
        let closing = closing.iter().map(|bytes| one(ObjectKind::Closing, bytes));
        let steps = (0..).zip(steps).map(|(step, bytes)| one(ObjectKind::Approval { step }, bytes));
        let evidence = (0..).zip(evidence).map(|(step, bytes)| one(ObjectKind::Evidence { step }, bytes));
        Self(opening.chain(closing).chain(steps).chain(evidence).collect())
    }
}

impl Archive for Objects {
    fn keys(&self) -> Result<Vec<String>, ArchiveError> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        Ok(self.0.get(key).map(|bytes| bytes.to_vec()))
    }
}
