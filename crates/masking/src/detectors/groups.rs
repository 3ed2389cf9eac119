//! Groups of digits, and rows of them as the rules for numbers look at them.

use super::checks;
use super::topic::Topic;
use crate::lexical::part;

/// A group of digits: where it stands behind the cluster's start, and which of the cluster's digits it has.
///
/// So many digits with seams of three bytes at most between are shorter than 256 bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Group {
    pub start: u8,
    pub end: u8,
    pub first: u8,
    pub count: u8,
}

impl Group {
    pub const fn len(self) -> usize {
        self.count as usize
    }

    pub const fn first(self) -> usize {
        self.first as usize
    }

    pub fn of(start: usize, end: usize, first: usize, count: usize) -> Option<Self> {
        let small = |number: usize| u8::try_from(number).ok();
        Some(Self { start: small(start)?, end: small(end)?, first: small(first)?, count: small(count)? })
    }
}

/// A row of groups of a cluster.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub text: &'a [u8],
    pub cluster_start: usize,
    pub groups: &'a [Group],
    pub digits: &'a [u8],
    pub is_whole: bool,
    pub is_spaced: bool,
    /// What the names and words around say.
    pub topic: Topic,
}

impl Window<'_> {
    #[inline]
    pub fn start(&self) -> usize {
        self.groups.first().map_or(0, |group| self.cluster_start + usize::from(group.start))
    }

    #[inline]
    pub fn end(&self) -> usize {
        self.groups.last().map_or(0, |group| self.cluster_start + usize::from(group.end))
    }

    /// The digits of a group as they stand in the text.
    #[inline]
    pub fn spelling(&self, group: &Group) -> &[u8] {
        between(self.text, self.cluster_start, group.start, group.end)
    }

    /// Whether the groups have these lengths.
    #[inline]
    pub fn is_shaped(&self, lengths: &[usize]) -> bool {
        self.groups.len() == lengths.len()
            && self.groups.iter().zip(lengths).all(|(group, &length)| group.len() == length)
    }

    /// The bytes between the groups before and after a seam (the first seam is 0).
    #[inline]
    pub fn seam(&self, seam: usize) -> &[u8] {
        match (self.groups.get(seam), self.groups.get(seam + 1)) {
            (Some(left), Some(right)) => between(self.text, self.cluster_start, left.end, right.start),
            _ => &[],
        }
    }

    /// The separator, if it is one single byte, the same everywhere.
    #[inline]
    pub fn separator(&self) -> Option<u8> {
        let first = match self.seam(0) {
            [byte] => *byte,
            _ => return None,
        };
        (1..self.groups.len().saturating_sub(1)).all(|seam| self.seam(seam) == [first]).then_some(first)
    }

    /// The separator without blanks around it, if it is the same everywhere.
    #[inline]
    pub fn mark(&self) -> Option<u8> {
        if self.seam(0).len() <= 1 {
            return self.separator();
        }
        let mark = |seam: usize| match self.seam(seam).trim_ascii() {
            [] => Some(b' '),
            [byte] => Some(*byte),
            _ => None,
        };
        let first = mark(0)?;
        (1..self.groups.len().saturating_sub(1)).all(|seam| mark(seam) == Some(first)).then_some(first)
    }

    /// `2026-11-23`, `23.11.2026` and their like.
    pub fn starts_with_date(&self) -> bool {
        let lengths =
            |a, b, c| matches!(self.groups, [x, y, z, ..] if x.len() == a && y.len() == b && z.len() == c);
        let is_joined = matches!(self.seam(0), b"-" | b"/" | b".") && self.seam(0) == self.seam(1);
        let month_and_day = |from| {
            checks::number(self.digits, from, from + 2) <= 31
                && checks::number(self.digits, from + 2, from + 4) <= 31
        };
        is_joined
            && (lengths(4, 2, 2) && matches!(checks::number(self.digits, 0, 2), 19 | 20) && month_and_day(4)
                || lengths(2, 2, 4)
                    && month_and_day(0)
                    && matches!(checks::number(self.digits, 4, 6), 19 | 20))
    }

    /// One decimal number: `123.45`.
    #[inline]
    pub fn is_decimal(&self) -> bool {
        self.groups.len() == 2 && self.seam(0) == b"."
    }
}

/// What stands between two places behind a cluster's start.
#[inline]
pub(super) fn between(text: &[u8], start: usize, from: u8, to: u8) -> &[u8] {
    part(text, start + usize::from(from), start + usize::from(to))
}
