//! What one answer of a replay tells: no more than Lambda hands over, so that what comes behind is reached whatever was recorded.
//!
//! Events come whole where they fit. A page is cut between rows, and a row or a text that no answer holds is told in stretches; each says
//! of what it is one (`stretch`).

use recording::{ArchiveFault, Closing, Event, FormatError, Page, PageRecord, What, each_row, rows_event};
use serde::Serialize;

use super::handed_over::{LONGEST, beginning, size};
use super::question::Within;

/// Bytes of a stretch of a cell or text at least, however little room is left beside what stands around it.
const SHORTEST: usize = 64 * 1024;

/// What was told so far.
#[derive(Default)]
pub(super) struct Telling {
    pub events: Vec<ToldEvent>,
    pub damaged: Vec<ArchiveFault>,
    pub shown: Vec<String>,
    pub unreadable: Vec<String>,
    size: usize,
}

/// An event, or a stretch of one.
#[derive(Serialize)]
pub(super) struct ToldEvent {
    #[serde(flatten)]
    event: Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    stretch: Option<Stretch>,
}

/// Of what an event holds a stretch only.
#[derive(Serialize)]
struct Stretch {
    /// Of a cell: its row in the page, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<usize>,
    /// Of a cell: its column, from 0; it is the one that the event tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// The first row of a page; of a text or cell, the first byte (UTF-8).
    from: usize,
    /// All rows of the page; all bytes of the text or cell.
    of: usize,
}

/// Where to go on, in what did not fit.
pub(super) type Rest = Option<Within>;

impl Telling {
    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.size >= LONGEST
    }

    /// Events and faults.
    pub fn told(&self) -> usize {
        self.events.len().saturating_add(self.damaged.len())
    }

    fn fits(&self, size: usize) -> bool {
        self.size.saturating_add(size) <= LONGEST
    }

    fn push(&mut self, event: Event, stretch: Option<Stretch>) {
        let told = ToldEvent { event, stretch };
        self.size = self.size.saturating_add(size(&told));
        self.events.push(told);
    }

    /// Tells an event from there on.
    pub fn event(&mut self, mut event: Event, within: Within) -> Rest {
        if within == Within::default() {
            let size = size(&event);
            if self.fits(size) {
                self.push(event, None);
                return None;
            }
            if self.size > 0 {
                return Some(within);
            }
        }
        // It begins an answer of its own.
        let Some(text) = text_of(&mut event.what).map(std::mem::take) else {
            self.push(event, None);
            return None;
        };
        let room = LONGEST.saturating_sub(size(&event)).max(SHORTEST);
        let from = text.floor_char_boundary(within.from);
        let some = beginning(text.get(from..).unwrap_or_default(), room);
        let to = from.saturating_add(some.len());
        if let Some(text) = text_of(&mut event.what) {
            *text = some.to_owned();
        }
        self.push(event, Some(Stretch { row: None, column: None, from, of: text.len() }));
        (to < text.len()).then_some(Within { from: to, cell: None })
    }

    /// Tells a page's rows from there on.
    ///
    /// # Errors
    /// When it does not hold the rows that it announces: nothing of it is told then.
    pub fn page(
        &mut self,
        closing: &Closing,
        record: &PageRecord,
        page: &Page<'_>,
        within: Within,
    ) -> Result<Rest, FormatError> {
        let bare = rows_event(closing, record, &page.header, Vec::new());
        let around = size(&ToldEvent { event: bare.clone(), stretch: Some(Stretch::of_rows(0, 0)) });
        // What a stretch says of itself: two numbers more than were counted.
        let (around, is_first) = (around.saturating_add(64), self.size == 0);
        let (mut rows, mut taken, mut all): (Vec<Vec<Option<String>>>, usize, usize) =
            (Vec::new(), around, 0);
        // The row that did not fit, and what it holds where it begins an answer.
        let mut beyond: Option<(usize, Option<Vec<Option<String>>>)> = None;
        each_row(page, &mut |row| {
            let at = all;
            all = all.saturating_add(1);
            if beyond.is_some() || at < within.from {
                return;
            }
            let is_cut = at == within.from && within.cell.is_some();
            let with_it = taken.saturating_add(size(&row)).saturating_add(1);
            if !is_cut && self.fits(with_it) {
                taken = with_it;
                rows.push(row);
            } else {
                let is_told = is_first && rows.is_empty();
                beyond = Some((at, is_told.then_some(row)));
            }
        })?;
        let begins = within == Within::default();
        let rest = beyond.as_ref().map(|(at, _)| Within { from: *at, cell: None });
        let is_none = rows.is_empty() && beyond.is_some();
        if is_none && !is_first {
            return Ok(Some(within));
        }
        // The columns of a page whose first row is too long are told before it.
        if begins || !rows.is_empty() {
            let is_whole = begins && beyond.is_none();
            let stretch = (!is_whole).then(|| Stretch::of_rows(within.from, all));
            self.push(rows_event(closing, record, &page.header, rows), stretch);
        }
        let Some((at, Some(row))) = beyond else { return Ok(rest) };
        let (column, from) = if at == within.from { within.cell.unwrap_or_default() } else { (0, 0) };
        for (column, cell) in row.into_iter().enumerate().skip(column) {
            let mut header = page.header.clone();
            header.columns = header.columns.into_iter().skip(column).take(1).collect();
            let tell = |text| rows_event(closing, record, &header, vec![vec![text]]);
            let text = cell.as_deref().unwrap_or_default();
            let mut from = if within.cell.is_some_and(|(cut, _)| cut == column) { from } else { 0 };
            loop {
                from = text.floor_char_boundary(from);
                let event = tell(None);
                let room = LONGEST.saturating_sub(self.size).saturating_sub(size(&event));
                if room < SHORTEST && self.size > 0 {
                    return Ok(Some(Within { from: at, cell: Some((column, from)) }));
                }
                let some = beginning(text.get(from..).unwrap_or_default(), room.max(SHORTEST));
                let stretch = Stretch { row: Some(at), column: Some(column), from, of: text.len() };
                self.push(tell(cell.is_some().then(|| some.to_owned())), Some(stretch));
                from = from.saturating_add(some.len());
                if from >= text.len() {
                    break;
                }
            }
        }
        let next = at.saturating_add(1);
        Ok((next < all).then_some(Within { from: next, cell: None }))
    }
}

impl Stretch {
    fn of_rows(from: usize, of: usize) -> Self {
        Self { row: None, column: None, from, of }
    }
}

/// The text of an event that may be of any length.
fn text_of(what: &mut What) -> Option<&mut String> {
    match what {
        What::Prompt { text, .. } => Some(text),
        What::Evidence { text, .. } => text.as_mut(),
        What::Statement { sql, .. } => Some(sql),
        What::Call { .. }
        | What::Decision { .. }
        | What::Approval { .. }
        | What::Page { .. }
        | What::Closing { .. } => None,
    }
}
