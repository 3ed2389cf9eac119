//! What was masked, counted; never what it was.

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
    findings: Vec<u64>,
}

impl ColumnTally {
    /// What was found by content, with how often; only kinds that were found.
    pub fn findings(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.iter().filter_map(|&kind| {
            let count = self.findings.get(kind.index()).copied().unwrap_or(0);
            (count > 0).then_some((kind, count))
        })
    }

    pub(crate) fn count_finding(&mut self, kind: Kind) {
        if self.findings.is_empty() {
            self.findings = vec![0; Kind::ALL.len()];
        }
        if let Some(count) = self.findings.get_mut(kind.index()) {
            *count = count.saturating_add(1);
        }
    }
}
