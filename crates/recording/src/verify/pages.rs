//! Checking the pages of one exchange: those that were released, and those that were not.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::exchange::{is_moment, read_object};
use super::{Archive, Found, Report, Wrong};
use crate::closing::{Closing, ClosingOutcome, PageRecord, PartRecord};
use crate::envelope::digest_of;
use crate::key::{ObjectKind, RecordKey};
use crate::page::{Page, decode_page, page_text};

/// Checks the pages that a closing names, and that there is none beside them.
pub(super) fn check(
    archive: &dyn Archive,
    key: &RecordKey,
    found: &Found,
    closing: &Closing,
    report: &mut Report,
) {
    let mut apart = BTreeSet::new();
    for (part_number, part) in (0_u32..).zip(&closing.parts) {
        for (page_number, page) in (0_u32..).zip(&part.pages) {
            let place = Place { key, part: part_number, page: page_number };
            let object = match &page.inline {
                Some(inline) => match inline_bytes(inline) {
                    Some(object) => object,
                    None => {
                        report.altered(
                            place.object(),
                            Wrong::Unreadable,
                            "this is no page of a known version",
                        );
                        continue;
                    }
                },
                None => {
                    apart.insert((part_number, page_number));
                    if !found.pages.contains(&(part_number, page_number)) {
                        let detail = "a page that the agent saw is not here";
                        report.incomplete(place.object(), Wrong::PageMissing, detail);
                        continue;
                    }
                    match read_object(archive, &place.object(), report) {
                        Some(object) => object,
                        None => continue,
                    }
                }
            };
            place.check(part, page, &object, report);
        }
        check_part(key, part, report);
    }
    let others = found.pages.difference(&apart);
    match closing.outcome {
        ClosingOutcome::Rows {} => {
            for (part, page) in others {
                let at = key.object(ObjectKind::Page { part: *part, page: *page });
                // A process that died after storing it, before anybody else ended the exchange, explains it.
                let detail = "this page was stored and is not part of what was released";
                report.incomplete(at, Wrong::PageUnknown, detail);
            }
        }
        // A result that was not released leaves pages behind.
        ClosingOutcome::Refused(_) | ClosingOutcome::Failed(_) | ClosingOutcome::Lost { .. } => {
            check_unreleased(archive, key, others, report);
        }
    }
}

/// No closing names these: they can be held only to their own words.
pub(super) fn check_unreleased<'a>(
    archive: &dyn Archive,
    key: &RecordKey,
    pages: impl Iterator<Item = &'a (u32, u32)>,
    report: &mut Report,
) {
    for (part, page) in pages {
        let place = Place { key, part: *part, page: *page };
        if let Some(object) = read_object(archive, &place.object(), report) {
            report.pages += 1;
            place.read(&object, report);
        }
    }
}

fn check_part(key: &RecordKey, part: &PartRecord, report: &mut Report) {
    let rows = part.pages.iter().fold(0_u64, |sum, page| sum.saturating_add(page.rows));
    let at = key.object(ObjectKind::Closing);
    if part.pages.is_empty() {
        report.altered(at, Wrong::Count, "a result has no page, not even an empty one");
    } else if rows != part.rows {
        let detail = format!("{} rows were released and the pages hold {rows}", part.rows);
        report.altered(at, Wrong::Count, detail);
    } else if !is_found_told_rightly(part) {
        report.altered(at, Wrong::Count, "what was found in the columns does not add up to what was masked");
    }
}

/// Whether what was found column by column is what the whole result says. The first records tell only the whole.
fn is_found_told_rightly(part: &PartRecord) -> bool {
    let changed = part.found.iter().fold(0_u64, |sum, found| sum.saturating_add(found.changed));
    let columns = part.columns.len();
    let is_in_order = part.found.windows(2).all(|pair| match pair {
        [before, after] => before.column < after.column,
        [..] => true,
    });
    part.found.is_empty()
        || is_in_order
            && changed == part.masked_by_content
            && part.found.iter().all(|found| {
                usize::try_from(found.column).is_ok_and(|column| column < columns)
                    && found.nulled <= found.changed
                    && found.kinds.values().all(|cells| *cells <= part.rows)
            })
}

/// Where a page should lie.
struct Place<'a> {
    key: &'a RecordKey,
    part: u32,
    page: u32,
}

impl Place<'_> {
    fn object(&self) -> String {
        self.key.object(ObjectKind::Page { part: self.part, page: self.page })
    }

    /// The page and the size of its rows, when it reads as one of this place.
    fn read<'o>(&self, object: &'o [u8], report: &mut Report) -> Option<(Page<'o>, Vec<Cells>)> {
        let Ok(page) = decode_page(object) else {
            report.altered(self.object(), Wrong::Unreadable, "this is no page of a known version");
            return None;
        };
        let header = &page.header;
        if (header.part, header.page) != (self.part, self.page)
            || header.exchange != self.key.exchange.to_string()
        {
            report.altered(self.object(), Wrong::Misplaced, "this page belongs elsewhere");
            return None;
        }
        let rows = page_text(&page).ok().and_then(|text| serde_json::from_slice::<Vec<Cells>>(&text).ok());
        let Some(rows) = rows else {
            report.altered(
                self.object(),
                Wrong::Unreadable,
                "the page does not hold the rows that it announces",
            );
            return None;
        };
        let is_counted =
            rows.len() as u64 == header.rows && rows.iter().all(|cells| cells.0 == header.columns.len());
        if !is_counted {
            let detail = "the page holds another number of rows or columns than it announces";
            report.altered(self.object(), Wrong::Count, detail);
            return None;
        }
        Some((page, rows))
    }

    /// Checks a page that was released.
    fn check(&self, part: &PartRecord, record: &PageRecord, object: &[u8], report: &mut Report) {
        report.pages += 1;
        if digest_of(object).to_string() != record.digest {
            let detail = "the page is not the one that the agent saw";
            report.altered(self.object(), Wrong::PageDigest, detail);
            return;
        }
        let Some((page, rows)) = self.read(object, report) else { return };
        let found = [rows.len() as u64, page.header.size, page.body.len() as u64];
        if found != [record.rows, record.size, record.stored] {
            let detail = "the page holds another number of rows or bytes than the closing says";
            report.altered(self.object(), Wrong::Count, detail);
        }
        if page.header.columns != part.columns {
            let detail = "the page has other columns than the closing says";
            report.altered(self.object(), Wrong::Contradiction, detail);
        }
        if record.kept.as_ref().is_some_and(|kept| !is_moment(kept)) {
            let at = self.key.object(ObjectKind::Closing);
            report.altered(at, Wrong::Unreadable, "the closing does not tell when a page was kept");
        }
    }
}

/// How many cells a row has, each a text or null: what is counted need not be held.
struct Cells(usize);

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Row;

        impl<'de> Visitor<'de> for Row {
            type Value = Cells;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<Cells, A::Error> {
                let mut cells = 0_usize;
                while row.next_element::<Option<Cow<'de, str>>>()?.is_some() {
                    cells = cells.saturating_add(1);
                }
                Ok(Cells(cells))
            }
        }

        deserializer.deserialize_seq(Row)
    }
}

fn inline_bytes(inline: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(inline).ok()
}
