//! One part's way through the masking machine into page bodies.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use masking::{Body, ColumnTally, JsonMasker, Kind, MaskPlan, Masked, PageBounds, PageError, Pager};
use recording::{ColumnRecord, FoundRecord};

use crate::fault::{Fault, Origin};
use crate::gateway::off_the_loop;
use crate::live::{Acts, Fetched};
use crate::settings::Settings;

/// Slices below this are masked where they are; the way to another thread and back would cost more.
const SMALL: usize = 32 * 1024;

/// The machine and the pager of one part, as they move between threads.
pub(crate) struct Line {
    pub columns: Vec<ColumnRecord>,
    machine: JsonMasker,
    pager: Pager,
    /// Rows still to be dropped, because pages of an earlier turn hold them.
    skip: u64,
    /// Rows of the partition under way that have come out of the machine, dropped ones included.
    partition_rows: u64,
    /// What was counted in earlier turns.
    before: Counts,
    /// The same with the partitions that this turn has ended.
    counted: Counts,
}

/// What was masked and found.
#[derive(Clone)]
struct Counts {
    by_lineage: u64,
    by_content: u64,
    acts: Acts,
    found: Vec<FoundRecord>,
}

impl Counts {
    fn of(fetched: &Fetched) -> Self {
        Self {
            by_lineage: fetched.masked_by_lineage,
            by_content: fetched.masked_by_content,
            acts: fetched.acts,
            found: fetched.found.clone(),
        }
    }

    /// These, with what a machine has counted since.
    fn and(&self, columns: &[ColumnTally]) -> Self {
        let by_lineage = columns.iter().map(|column| column.by_lineage).sum();
        let by_content = columns.iter().map(|column| column.by_content).sum();
        let acts = columns
            .iter()
            .flat_map(|column| column.findings())
            .fold(Acts::default(), |acts, (kind, count)| acts.add(acts_of(kind, count)));
        let mut found: BTreeMap<u32, FoundRecord> =
            self.found.iter().map(|found| (found.column, found.clone())).collect();
        for (column, tally) in (0_u32..).zip(columns) {
            if tally.by_content == 0 && tally.found_in().next().is_none() {
                continue;
            }
            let FoundRecord { column: _, changed, nulled, kinds } = found
                .entry(column)
                .or_insert_with(|| FoundRecord { column, changed: 0, nulled: 0, kinds: BTreeMap::new() });
            *changed = changed.saturating_add(tally.by_content);
            *nulled = nulled.saturating_add(tally.nulled);
            for (kind, cells) in tally.found_in() {
                let total = kinds.entry(kind.as_str().to_owned()).or_default();
                *total = total.saturating_add(cells);
            }
        }
        Self {
            by_lineage: self.by_lineage.saturating_add(by_lineage),
            by_content: self.by_content.saturating_add(by_content),
            acts: self.acts.add(acts),
            found: found.into_values().collect(),
        }
    }
}

impl Line {
    pub fn new(settings: &Settings, bound: &Arc<MaskPlan>, fetched: &Fetched) -> Self {
        Self {
            columns: bound.columns().iter().map(ColumnRecord::from).collect(),
            machine: bound.machine(),
            pager: Pager::new(PageBounds { size: settings.page_size, stored: settings.page_stored }),
            skip: fetched.partition_rows,
            partition_rows: 0,
            before: Counts::of(fetched),
            counted: Counts::of(fetched),
        }
    }

    pub async fn push(self, slice: Bytes) -> Result<Self, Fault> {
        if slice.len() < SMALL {
            return self.mask(&slice);
        }
        off_the_loop(move || self.mask(&slice)).await?
    }

    fn mask(mut self, slice: &[u8]) -> Result<Self, Fault> {
        self.machine.push(slice).map_err(lying)?;
        let Some(mut rows) = self.machine.take_rows(usize::MAX) else { return Ok(self) };
        self.partition_rows = self.partition_rows.saturating_add(rows.get().len() as u64);
        if self.skip > 0 {
            let dropped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rows.get().len());
            let text: usize = rows.get().iter().take(dropped).map(|row| row.len().saturating_add(1)).sum();
            // Exactly so many rows: their texts and the commas between them.
            let _already_stored = rows.split_front(text.saturating_sub(1));
            self.skip = self.skip.saturating_sub(dropped as u64);
        }
        self.pager.add(rows).map_err(unpageable)?;
        Ok(self)
    }

    /// Whether the page under way has rows.
    pub fn has_rows(&self) -> bool {
        self.pager.open_rows() > 0
    }

    /// Rows that lie in no page yet.
    pub fn open_rows(&self) -> u64 {
        self.pager.open_rows()
    }

    pub fn has_full(&self) -> bool {
        self.pager.has_full()
    }

    pub fn cut(&mut self) -> Result<(), Fault> {
        self.pager.cut().map_err(unpageable)
    }

    pub fn take_full(&mut self) -> Vec<Masked<Body>> {
        self.pager.take_full()
    }

    /// Rows of the partition under way that lie in full pages.
    pub fn paged_rows(&self) -> u64 {
        // A page may hold rows of the partition before this one; those do not count here.
        self.partition_rows.saturating_sub(self.pager.open_rows())
    }

    pub fn end_partition(&mut self, expected: u64) -> Result<(), Fault> {
        self.machine.next_partition().map_err(lying)?;
        if self.partition_rows != expected || self.skip > 0 {
            return Err(Fault::lasting(
                Origin::Upstream,
                "upstream answered another number of rows than it had said",
            ));
        }
        self.partition_rows = 0;
        self.counted = self.before.and(&self.machine.tally().columns);
        Ok(())
    }

    /// INVARIANT: counts are those of whole partitions. Who goes on with a partition masks all of it again.
    pub fn count_into(&self, fetched: &mut Fetched) {
        let Counts { by_lineage, by_content, acts, found } = self.counted.clone();
        (fetched.masked_by_lineage, fetched.masked_by_content) = (by_lineage, by_content);
        (fetched.acts, fetched.found) = (acts, found);
    }

    /// The same where no more of the partition is masked.
    pub fn count_cut_into(&mut self, fetched: &mut Fetched) {
        self.counted = self.before.and(&self.machine.tally().columns);
        self.count_into(fetched);
    }

    pub fn finish(self) -> Result<(), Fault> {
        self.machine.finish().map(|_| ()).map_err(lying)
    }
}

/// What a finding of that kind counts for.
fn acts_of(kind: Kind, count: u64) -> Acts {
    let only = |wanted| if kind == wanted { count } else { 0 };
    Acts {
        instructions: only(Kind::Instruction),
        hidden_text: only(Kind::HiddenText),
        links: only(Kind::Link),
    }
}

fn lying(error: masking::MaskError) -> Fault {
    Fault::lasting(Origin::Upstream, "upstream's rows could not be read; nothing of them is shown")
        .because(error)
}

fn unpageable(error: PageError) -> Fault {
    let public = match error {
        PageError::RowTooLarge => "a row of this result is larger than a page may be",
        PageError::Compression(_) => "a page could not be compressed",
    };
    Fault::lasting(Origin::Pages, public).because(error)
}
