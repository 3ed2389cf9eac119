//! What was masked, counted; never what it was.

use crate::cell::Fate;
use crate::detectors::Kind;

/// Counts of one run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Whole rows emitted.
    pub rows: u64,
    /// One entry a column, in order.
    pub columns: Vec<ColumnTally>,
}

impl Tally {
    pub(crate) fn new(columns: usize) -> Self {
        Self { rows: 0, columns: vec![ColumnTally::default(); columns] }
    }

    /// Cells that were masked, by lineage or by content.
    pub fn masked_cells(&self) -> u64 {
        self.columns.iter().map(|column| column.by_lineage.saturating_add(column.by_content)).sum()
    }
}

/// Counts of one column.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ColumnTally {
    /// Cells masked because of where they come from.
    pub by_lineage: u64,
    /// Cells changed because of what they hold.
    pub by_content: u64,
    /// Those of them that became NULL.
    pub nulled: u64,
    /// Findings by kind.
    findings: Vec<u64>,
    /// Cells by kind.
    cells: Vec<u64>,
}

impl ColumnTally {
    /// What was found by content, with how often; only kinds that were found.
    pub fn findings(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        by_kind(&self.findings)
    }

    /// In how many cells each kind was found; only kinds that were found.
    pub fn found_in(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        by_kind(&self.cells)
    }

    /// Counts what became of one value that was not NULL. What is only to be counted was found in a kept one, too.
    #[inline]
    pub(crate) fn count(&mut self, is_by_lineage: bool, fate: Fate, kinds: impl IntoIterator<Item = Kind>) {
        if is_by_lineage {
            self.count_by_lineage(1);
            return;
        }
        if fate != Fate::Kept {
            self.by_content = self.by_content.saturating_add(1);
            self.nulled = self.nulled.saturating_add(u64::from(fate == Fate::Nulled));
        }
        let mut seen = 0;
        for kind in kinds {
            add_one(&mut self.findings, kind);
            if seen & kind.bit() == 0 {
                add_one(&mut self.cells, kind);
            }
            seen |= kind.bit();
        }
    }

    /// Counts values that lineage masked.
    #[inline]
    pub(crate) fn count_by_lineage(&mut self, values: u64) {
        self.by_lineage = self.by_lineage.saturating_add(values);
    }

    /// Adds another column's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.by_lineage = self.by_lineage.saturating_add(other.by_lineage);
        self.by_content = self.by_content.saturating_add(other.by_content);
        self.nulled = self.nulled.saturating_add(other.nulled);
        add_all(&mut self.findings, &other.findings);
        add_all(&mut self.cells, &other.cells);
    }
}

fn by_kind(counts: &[u64]) -> impl Iterator<Item = (Kind, u64)> + '_ {
    Kind::ALL.iter().filter_map(|&kind| {
        let count = counts.get(kind.index()).copied().unwrap_or(0);
        (count > 0).then_some((kind, count))
    })
}

fn add_one(counts: &mut Vec<u64>, kind: Kind) {
    if counts.is_empty() {
        *counts = vec![0; Kind::ALL.len()];
    }
    if let Some(count) = counts.get_mut(kind.index()) {
        *count = count.saturating_add(1);
    }
}

fn add_all(counts: &mut Vec<u64>, others: &[u64]) {
    if counts.len() < others.len() {
        counts.resize(others.len(), 0);
    }
    for (total, count) in counts.iter_mut().zip(others) {
        *total = total.saturating_add(*count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_counts_once_for_each_kind_that_is_found_in_it() {
        let mut tally = ColumnTally::default();
        tally.count(false, Fate::Changed, [Kind::Email, Kind::Email, Kind::Phone]);
        tally.count(false, Fate::Nulled, [Kind::Card]);
        tally.count(false, Fate::Kept, [Kind::Link]);
        tally.count(false, Fate::Kept, []);
        tally.count(true, Fate::Changed, [Kind::Email]);
        let mut both = tally.clone();
        both.add(&tally);
        for (tally, times) in [(&tally, 1), (&both, 2)] {
            assert_eq!((tally.by_content, tally.nulled, tally.by_lineage), (2 * times, times, times));
            let found = |kind| tally.found_in().find(|(found, _)| *found == kind).map(|(_, cells)| cells);
            let cells = [Kind::Email, Kind::Phone, Kind::Card, Kind::Link, Kind::Iban].map(found);
            assert_eq!(cells, [Some(times), Some(times), Some(times), Some(times), None]);
            assert_eq!(tally.findings().next(), Some((Kind::Email, 2 * times)));
        }
    }
}
