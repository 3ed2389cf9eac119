//! Which columns a statement ties together by comparing them.
//!
//! Where rows are chosen by `a.x = b.y`, whoever sees `b.y` in them has seen `a.x`. Ties are kept for the statement as
//! a whole and closed over chains, whatever the query that each stands in: a row that a subquery has chosen shows as
//! much around it as inside.

use std::collections::BTreeMap;

use super::value::ColumnId;

/// Disjoint sets of columns. A column that is not here is tied to none.
#[derive(Debug, Default)]
pub(super) struct Ties {
    /// Each column's next one on the way to the first of its set.
    towards: BTreeMap<ColumnId, ColumnId>,
}

impl Ties {
    /// Makes one set of these columns and whatever each was tied to.
    pub(super) fn tie(&mut self, columns: impl Iterator<Item = ColumnId>) {
        let mut columns = columns;
        let Some(first) = columns.next() else { return };
        let mut root = None;
        for column in columns.filter(|column| *column != first) {
            let one = match root {
                Some(root) => root,
                None => self.root(first),
            };
            let other = self.root(column);
            // The smaller number leads, so that the sets do not depend on the order of comparisons.
            let (leads, follows) = (one.min(other), one.max(other));
            self.towards.insert(leads, leads);
            self.towards.insert(follows, leads);
            root = Some(leads);
        }
    }

    /// The first of the column's set; the way there is halved, so that long chains stay cheap.
    fn root(&mut self, column: ColumnId) -> ColumnId {
        let mut at = column;
        while let Some(next) = self.towards.get(&at).copied().filter(|next| *next != at) {
            let after = self.towards.get(&next).copied().unwrap_or(next);
            self.towards.insert(at, after);
            at = after;
        }
        at
    }

    /// Every column that is tied to another.
    pub(super) fn members(&self) -> impl Iterator<Item = ColumnId> {
        self.towards.keys().copied()
    }

    /// The sets of two columns and more.
    pub(super) fn groups(&mut self) -> Vec<Vec<ColumnId>> {
        let columns: Vec<ColumnId> = self.towards.keys().copied().collect();
        let mut groups: BTreeMap<ColumnId, Vec<ColumnId>> = BTreeMap::new();
        for column in columns {
            let root = self.root(column);
            groups.entry(root).or_default().push(column);
        }
        groups.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Ties;

    #[track_caller]
    fn check(ties: &[&[u32]], expected: &[&[u32]]) {
        let mut found = Ties::default();
        ties.iter().for_each(|tie| found.tie(tie.iter().copied()));
        assert_eq!(found.groups(), expected, "{ties:?}");
    }

    #[test]
    fn chains_are_closed_whatever_their_order() {
        check(&[], &[]);
        check(&[&[1]], &[]);
        check(&[&[2, 2]], &[]);
        check(&[&[2, 1], &[4, 3]], &[&[1, 2], &[3, 4]]);
        check(&[&[1, 2], &[3, 4], &[2, 3]], &[&[1, 2, 3, 4]]);
        check(&[&[9, 8], &[7, 8], &[6, 7], &[5, 6, 1]], &[&[1, 5, 6, 7, 8, 9]]);
        check(&[&[5, 9, 7], &[6, 7]], &[&[5, 6, 7, 9]]);
    }
}
